/* SPDX-License-Identifier: MIT */
#ifndef TABLE_H
#define TABLE_H

#include "term.h"

/*
 * Columns that fit the terminal: first the wide ones shrink to their least width, then whole columns go, those with the
 * highest `drop` first.  Into a pipe nothing is cut.
 */
struct column {
	const char *title;
	size_t min;             /* may shrink to that; 0: not at all */
	int drop;               /* 0: stays */
	bool right;             /* flush right */
	bool bar;               /* a bar and its percents */
};

struct cell {
	char *text;             /* owned */
	enum style style;
	struct bar bar;
	int percent;
};

struct table {
	const struct column *columns;   /* borrowed */
	size_t n_columns;
	struct cell *cells;
	size_t n, cap;
};

/* The cells come row by row.  The text is cleaned. */
void table_add(struct table *t, const struct term *term, enum style style, const char *text);
void table_add_int(struct table *t, const struct term *term, enum style style, int64_t n);
void table_add_bar(struct table *t, const struct bar *bar, int percent);
/* `indent` blanks in front of each line. */
void table_print(const struct table *t, const struct term *term, size_t indent, struct buf *ret);
void table_done(struct table *t);

#endif
