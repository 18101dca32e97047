/* SPDX-License-Identifier: MIT */
#ifndef TERM_H
#define TERM_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/* What the output can show. */
struct term {
	size_t width;           /* columns; 0: as many as it takes (a pipe) */
	size_t height;          /* lines; 0: any number */
	bool tty, colour, utf8;
};

/* Of a descriptor: a terminal's size, $COLUMNS, $NO_COLOR, $TERM, the locale.  Call setlocale() before. */
void term_read(struct term *term, int fd);

enum style { STYLE_NONE, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_BAD, STYLE_BUSY };

/* Style codes, nothing where there are no colours. */
void term_style(const struct term *term, enum style style, struct buf *ret);

/*
 * Text of others as one harmless line: control characters (escape sequences, line ends), direction marks and bytes
 * that are no UTF-8 become blanks or '?'; so does all that is not ASCII where the output is not UTF-8.
 */
void term_clean(const struct term *term, const char *text, struct buf *ret);
/* Columns of a text that is clean; how many of its bytes fit into so many columns. */
size_t term_columns(struct span text);
size_t term_fit(struct span text, size_t columns);

/* One count of a bar and how it is drawn. */
struct bar {
	int64_t done, failed, busy, total;
};

/* Exactly `columns` wide; each count that is not zero shows unless there is no room. */
void term_bar(const struct term *term, const struct bar *bar, size_t columns, struct buf *ret);

/* "45 s", "12 min", "3 h 20 min", "2 d 4 h"; and for columns "45s", "12m", "3h", "2d". */
void term_duration(int64_t ms, struct buf *ret);
void term_duration_short(int64_t ms, struct buf *ret);
/* 1234567 as "1,234,567"; bytes as "12.3 MB". */
void term_count(int64_t n, struct buf *ret);
void term_bytes(int64_t n, struct buf *ret);

#endif
