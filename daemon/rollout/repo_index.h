/* SPDX-License-Identifier: MIT */
#ifndef REPO_INDEX_H
#define REPO_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/*
 * The files of a repository in the order of the listing, however they were found: what a
 * structure's scan, its sidecar and a mirror's trees all come to.
 */
struct repo_file {
	int64_t off;            /* structure: of the array of lines in the file; mirror: number of its object */
	int64_t len;            /* structure: of that array; 0: no text */
	uint32_t path;          /* in names, NUL-terminated */
	uint32_t alt;           /* in names: what its path may be as well (structure_root.c); 0: nothing */
};

struct repo_index {
	struct repo_file *files;        /* owned, or inside `raw` */
	size_t count, cap;
	struct buf names;               /* byte 0 is NUL, so that 0 is no name */
	char *root;                     /* the key under which a structure has the root's files; NULL */
	uint32_t *slots;                /* hash table over path and alt, made by the first search */
	size_t slot_mask;
};

void repo_index_done(struct repo_index *x);
/* Append a file; off and len are for the caller to fill. */
struct repo_file *repo_index_add(struct repo_index *x, struct span dir, struct span name);
/* The file with exactly this path (ret_path: as it was named, if it has two); NULL.  No file is added after a search. */
const struct repo_file *repo_index_find(struct repo_index *x, struct span path, const char **ret_path);

static inline const char *repo_index_name(const struct repo_index *x, uint32_t at)
{
	return x->names.at + at;
}

#endif
