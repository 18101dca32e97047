/* SPDX-License-Identifier: MIT */
#ifndef ROOTS_H
#define ROOTS_H

#include "err.h"

/*
 * Directories that others may name paths in: "/srv/mirrors:/srv/structures".  A path lies in one of them with all its
 * links resolved; what it is resolved to may change, so who opens it asks again: for the file that is open.
 *
 * roots NULL: anywhere.  Else BD_ENOTFOUND for what lies outside, saying `path` and the roots only.
 */
int roots_check(const char *roots, const char *path, struct err *err);
/* The same for what is open as fd; path: for the error. */
int roots_check_fd(const char *roots, int fd, const char *path, struct err *err);

#endif
