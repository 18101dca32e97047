/* SPDX-License-Identifier: MIT */
#ifndef SCAN_H
#define SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

/*
 * JSON without a tree: values are stepped over at the speed of memory, and only what is wanted is
 * looked at.  Three tools: a nest (where does this value end), a reader (a file from front to back in small
 * pieces), and decoding of strings.
 */

/* --- a nest: inside an array or object, over any number of pieces ------------------- */
struct scan_nest {
	int64_t depth;          /* brackets open; 0: the value is over, or has not begun */
	uint64_t in_string;     /* all bits or none */
	uint64_t escaped;       /* 1: a backslash stood before the next byte */
};

/* Step over n bytes, the first of which is the opening bracket if depth is 0.  How many of them
 * belong to the value: with depth 0 afterwards it ended there.  Reads no byte behind p + n. */
size_t scan_skip(struct scan_nest *nest, const char *p, size_t n);
size_t scan_skip_plain(struct scan_nest *nest, const char *p, size_t n);        /* its definition */
size_t scan_skip_any(struct scan_nest *nest, const char *p, size_t n);          /* as on a processor without AVX2 */

/* --- a reader ----------------------------------------------------------------------- */
/*
 * A file is read in pieces into one small buffer rather than mapped: as fast (the bytes are still in
 * the cache when they are looked at), and a file that somebody cuts meanwhile is an error, not a SIGBUS.
 */
struct scan {
	int fd;                 /* -1: all bytes are there already */
	const char *p, *end;    /* what was read and not yet taken */
	char *piece;            /* owned */
	int64_t read;           /* bytes taken from the file so far */
	bool over;              /* nothing comes behind end */
	int failed;             /* BD_EIO; sticks */
};

void scan_open(struct scan *s, int fd);                 /* fd is borrowed, at its start */
void scan_open_bytes(struct scan *s, struct span bytes);
void scan_close(struct scan *s);
bool scan_fill(struct scan *s);                         /* the next piece, once p == end; false at the end */

static inline int64_t scan_pos(const struct scan *s)    /* of the next byte in the file */
{
	return s->read - (s->end - s->p);
}
static inline int scan_peek(struct scan *s)             /* the next byte, -1 at the end */
{
	return s->p < s->end || scan_fill(s) ? (unsigned char)*s->p : -1;
}
int scan_blank(struct scan *s);                         /* past blanks; then as scan_peek() */
/* At a quote: the string's bytes as they stand between the quotes, appended to ret (NULL: dropped). */
bool scan_string(struct scan *s, size_t max, struct buf *ret);
/* At any value: step over it.  False if it is none or the file ends in it. */
bool scan_value(struct scan *s);

/* --- decoding ----------------------------------------------------------------------- */
/* What stands between the quotes of a string becomes text, appended to ret.  A lone surrogate becomes
 * U+FFFD.  False (ret as it was) if an escape is none. */
bool scan_unescape(const char *p, size_t n, struct buf *ret);
/* An array of strings, appended to ret, each with LF behind it. */
int scan_lines(struct span array, struct buf *ret, struct err *err);

#endif
