/* SPDX-License-Identifier: MIT */
#ifndef EP_SCAN_H
#define EP_SCAN_H

#include <stdbool.h>

#include "buf.h"

/*
 * Reading lines of JSON without building anything: a million of them have to pass.
 */

/* Is it one JSON object and nothing else?  Strict: UTF-8, escapes, numbers. */
bool scan_valid(struct span line);
/*
 * The raw values (strings with their quotes) of the members of an object; at == NULL for a name it has not.
 * Stops behind the last one found, so what follows is not looked at.
 */
void scan_get(struct span object, const char *const *names, size_t n, struct span *ret);
/* One member, along a path of names. */
struct span scan_path(struct span object, const char *const *path, size_t n);
struct span scan_one(struct span object, const char *name);

/* The text of a raw string: a view of it, or decoded into *store if it has escapes.  at == NULL: no string. */
struct span scan_text(struct span raw, struct buf *store);
/* A raw number as an integer. */
long long scan_int(struct span raw, long long otherwise);
bool scan_is_null(struct span raw);             /* null, or not there */

#endif
