/* SPDX-License-Identifier: MIT */
#ifndef MIRROR_H
#define MIRROR_H

#include "buf.h"
#include "err.h"
#include "repo_index.h"

/*
 * A git mirror, read in place by libgit2: nothing is checked out, no program is started.  Opening a repository costs
 * more than listing a commit, so open ones are kept for the next instance; each is used by one thread at a time.
 */
struct mirror;

/* BD_ENOTFOUND if there is no mirror of "owner/name" in `mirrors`. */
int mirror_open(const char *mirrors, const char *name, struct mirror **ret, struct err *err);
void mirror_close(struct mirror *m);
/* Where its objects really lie, links resolved when it was opened. */
const char *mirror_path(const struct mirror *m);
/* The regular files of a commit (no links, no submodules): depth first, sorted bytewise, the files of a directory
 * before its directories.  BD_ENOTFOUND if there is no such commit. */
int mirror_list(struct mirror *m, const char *commit, struct repo_index *ret, struct err *err);
/* The bytes of a listed file. */
int mirror_read(struct mirror *m, const struct repo_file *file, struct buf *ret, struct err *err);

/* libgit2, set up for reading other people's mirrors; from any thread, as often as wanted. */
void mirror_git_ready(void);

#endif
