/* SPDX-License-Identifier: MIT */
#ifndef DATASET_IDS_H
#define DATASET_IDS_H

#include <stdint.h>

#include "buf.h"

/*
 * Which ids were seen, and in which line first: 16 bytes for each, however long the ids are.  88 bits of hash stand for
 * an id; among a million ids two different ones share them with a chance of about 1 : 10^15.
 */
struct dataset_ids {
	struct dataset_ids_part {
		struct dataset_id { uint64_t hash, rest; } *at;         /* rest: 24 bits of hash, 40 of line */
		size_t count, mask;
	} parts[64];                    /* by hash; one grows at a time, so that the old and the new one are small */
	size_t count, most;             /* most: slots of the largest */
};

/* 0 if it is new; else the line it was first seen in. */
int64_t dataset_ids_add(struct dataset_ids *ids, struct span id, int64_t line);
size_t dataset_ids_room(const struct dataset_ids *ids); /* what the next one may take */
/* The line it was first seen in, 0 if it was not. */
int64_t dataset_ids_find(const struct dataset_ids *ids, struct span id);
void dataset_ids_done(struct dataset_ids *ids);

#endif
