/* SPDX-License-Identifier: MIT */
#ifndef REPO_H
#define REPO_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

/*
 * The files of one instance's repository at its base commit, from one of two sources:
 * a structure JSON as Agentless writes it, or a git mirror.  Paths are relative to the repository's root, with
 * '/'.  One thread uses a repo at a time.  Design part 6.
 */
struct repo;

/* What opening a structure cost: summed up by the caller into a job's counters. */
struct repo_cost {
	int64_t parses;         /* 1 if the structure was scanned, 0 if the sidecar served */
	int64_t bytes_read;     /* of the structure file, by the scan and by reads since */
};

/*
 * path: the structure file <instance_id>.json.  name: "owner/name", whose second half is the key
 * under which the root's files lie.  sidecar: where the index of paths and byte ranges is kept
 * for the next time (keyed by size, mtime and inode of the structure), NULL for nowhere.
 * BD_ENOTFOUND if there is no such file; BD_EINVALID if it is no structure.
 */
int repo_open_structure(const char *path, const char *name, const char *sidecar,
                        struct repo **ret, struct err *err);
/* The same for what lies under roots (roots.h) at this moment; else BD_ENOTFOUND, and nothing of it is read. */
int repo_open_structure_in(const char *roots, const char *path, const char *name, const char *sidecar,
                           struct repo **ret, struct err *err);
/* mirrors/<owner>__<name>(.git) or mirrors/<owner>/<name>(.git), read at commit.  BD_ENOTFOUND with
 * what is missing: the mirror or the commit. */
int repo_open_mirror(const char *mirrors, const char *name, const char *commit,
                     struct repo **ret, struct err *err);
int repo_open_mirror_in(const char *roots, const char *mirrors, const char *name, const char *commit,
                        struct repo **ret, struct err *err);
void repo_close(struct repo *repo);
struct repo_cost repo_cost(const struct repo *repo);

/* All files, in the order of the listing (depth first, files of a directory before its directories,
 * each as the source has them). */
size_t repo_count(const struct repo *repo);
const char *repo_path(const struct repo *repo, size_t i);
bool repo_has(const struct repo *repo, const char *path);
/* The file's bytes, appended to ret.  From a structure: its lines, each with LF.  BD_ENOTFOUND if it
 * is not there or has no text (no Python file in a structure). */
int repo_read(struct repo *repo, const char *path, struct buf *ret, struct err *err);

/* Does the source keep every byte?  A structure has lost how lines end and whether the last one does. */
bool repo_is_exact(const struct repo *repo);

/* The one file that a name from an answer means: the path itself, else without "a/", "b/", "./",
 * the repository's name in front, else the only file that ends with "/name".  NULL if none or several. */
const char *repo_resolve(const struct repo *repo, struct span name);

/* The tree as stage 1 shows it: Python files only, four spaces a level, directories with '/'; files and
 * directories that begin with "test" left out unless with_tests. */
void repo_listing(const struct repo *repo, bool with_tests, struct buf *ret);

#endif
