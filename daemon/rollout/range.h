/* SPDX-License-Identifier: MIT */
#ifndef RANGE_H
#define RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/*
 * The range of custom_ids that --start_file and --end_file name: over all custom_ids of a job, sorted bytewise.
 * Two custom_ids are inclusive bounds; two whole numbers are positions [from, to).
 */
struct range {
	bool by_position;
	int64_t from, to;                       /* positions; INT64_MAX: no end */
	const char *first, *last;               /* custom_ids, borrowed; NULL: open at that side */
};

/* Either text may be NULL.  One number and one custom_id, or an end before its start, is BD_EINVALID. */
int range_read(const char *start, const char *end, struct range *ret, struct err *err);
bool range_is_all(const struct range *r);
/* Does the custom_id at that position of the sorted list belong to it? */
bool range_has(const struct range *r, const char *custom_id, int64_t position);
/*
 * keep[i] says whether ids[i] belongs to it; returns how many do.  Positions are those of the
 * sorted list, whatever the order of ids.
 */
size_t range_pick(const struct range *r, const char *const *ids, size_t n, bool *keep);
/*
 * The same for the passes of n instances: keep[i * passk + k] is of pass k of ids[i].  Memory is taken by the instance, not by
 * the pass, unless one is called like a pass of another; BD_ENOMEM if there is not so much.
 */
int range_pick_passes(const struct range *r, const char *const *ids, size_t n, int64_t passk, bool *keep, size_t *ret_kept,
                      struct err *err);

#endif
