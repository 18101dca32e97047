/* SPDX-License-Identifier: MIT */
#ifndef EDIT_BOUNDS_H
#define EDIT_BOUNDS_H

#include "edit_marks.h"

/* The lines of an answer with what they mark, and how the block that starts at one of them ends. */
struct tline {
	struct span text;       /* without CR and LF; borrowed */
	struct mark mark;
	bool dropped;           /* a marker that belongs to another one: no line of the block */
};

struct tlines {
	struct tline *at;       /* owned; freed by the caller */
	size_t n;
};

struct bounds {
	size_t end;             /* the line of its end marker, or what stands for it */
	size_t next;            /* where to read on */
	bool closed;
};

void tlines_read(struct span text, struct tlines *ret);
bool tline_is_divider(const struct tline *l, const struct mark *start);

/*
 * Of the block that starts at line i, up to the next one: markers that are written for another ("<<<<<<< REPLACE",
 * ">>>>>>> SEARCH", a divider written as the end) become what they stand for.
 */
void tlines_settle(struct tlines *ls, size_t i);

/*
 * From the start marker at line i: to the first whole end marker; else to git's own ">>>>>>> word"
 * if the body begins no conflict of its own; else, if exactly one fence closes before the next
 * block, to there: a model that forgets the marker still closes its fence.  Otherwise the block is
 * not closed.
 */
struct bounds tlines_find_end(const struct tlines *ls, size_t i, bool in_fence);

#endif
