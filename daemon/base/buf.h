/* SPDX-License-Identifier: MIT */
#ifndef BUF_H
#define BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Bytes that somebody else owns; not NUL-terminated. */
struct span {
	const char *at;
	size_t len;
};

/*
 * A growing byte buffer; `at` is NUL-terminated once anything was added.  Zero it to start.  One that may_fail is for
 * what may become large by a peer's will: without memory it stays as it is, also for all that comes later, and
 * buf_lacks() tells.
 */
struct buf {
	char *at;
	size_t len, cap;
	bool may_fail, lacks;
};

void buf_done(struct buf *b);              /* frees, and zeroes for another use */
void buf_reset(struct buf *b);             /* empties, keeps the memory */
char *buf_reserve(struct buf *b, size_t n);/* room for n more bytes behind len; returns it, NULL only if it may fail */
char *buf_try_reserve(struct buf *b, size_t n);         /* the same of any buffer; NULL: there is no memory for it */
bool buf_lacks(const struct buf *b);       /* was something not added? */
void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_add_str(struct buf *b, const char *text);
void buf_add_span(struct buf *b, struct span s);
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *buf_str(struct buf *b);        /* never NULL */
char *buf_take_str(struct buf *b);         /* the text, owned by the caller; b is empty after */
struct span buf_span(const struct buf *b);

struct span span_of(const char *text);     /* of a NUL-terminated text */
struct span span_trim(struct span s);      /* without blanks, tabs, CR and LF at both ends */
/* The next line of *rest without its LF; *rest moves behind it.  False at the end. */
bool span_line(struct span *rest, struct span *ret_line);

/* Inline, as the texts are nearly always constants and asked for in a row. */
static inline bool span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}
static inline bool span_starts(struct span s, const char *prefix)
{
	return s.len >= strlen(prefix) && memcmp(s.at, prefix, strlen(prefix)) == 0;
}
static inline bool span_ends(struct span s, const char *suffix)
{
	return s.len >= strlen(suffix) && memcmp(s.at + s.len - strlen(suffix), suffix, strlen(suffix)) == 0;
}

#endif
