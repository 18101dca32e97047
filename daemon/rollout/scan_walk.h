/* SPDX-License-Identifier: MIT */
#ifndef SCAN_WALK_H
#define SCAN_WALK_H

#include <stdbool.h>

#include "buf.h"

/*
 * One JSON text that lies in memory, checked strictly from front to back without building anything: the
 * rows of a dataset by the million.  The caller pulls: it walks into the objects it cares about and over the rest.
 */
struct scan_walk {
	const char *p, *end;
	const char *why;                /* set with the first false: what is wrong at p */
	bool utf8;                      /* bytes that are no UTF-8 are wrong as well */
	bool escaped;                   /* the string walked last has escapes */
};

enum { SCAN_WALK_DEPTH = 200 };

void scan_walk_blank(struct scan_walk *w);
/* Over any value; ret_raw (may be NULL) is what stands there, strings with their quotes. */
bool scan_walk_value(struct scan_walk *w, struct span *ret_raw);
/* Over a string; ret is what stands between its quotes. */
bool scan_walk_string(struct scan_walk *w, struct span *ret);
/* Over an object; member is called at each value and must walk over it. */
typedef bool (*scan_member_fn)(void *data, struct scan_walk *w, struct span name);
bool scan_walk_object(struct scan_walk *w, scan_member_fn member, void *data);
/* Names may be written with escapes, like any text. */
bool scan_name_is(struct span name, const char *wanted);
/* Nothing but blanks may follow. */
bool scan_walk_end(struct scan_walk *w);
bool scan_walk_fail(struct scan_walk *w, const char *why);      /* false */

#endif
