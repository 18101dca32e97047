/* SPDX-License-Identifier: MIT */
#ifndef ARGS_PATH_H
#define ARGS_PATH_H

#include <stdbool.h>

/*
 * Seen from the caller's directory, without "." and doubled slashes; ".." stays, as a link may stand before it.
 * "~/" in front is $HOME: no shell expands it behind --flag=.  Owned by the caller.
 */
char *path_absolute(const char *path);

/* Could it be a data set's name on a hub (owner/name), and not a file that is missing? */
bool path_is_hub_name(const char *path);

#endif
