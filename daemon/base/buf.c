/* SPDX-License-Identifier: MIT */
#include "buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

void buf_done(struct buf *b)
{
	free(b->at);
	*b = (struct buf){ .may_fail = b->may_fail };
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->lacks = false;
	if (b->at != NULL)
		b->at[0] = '\0';
}

static size_t grown_cap(const struct buf *b, size_t need)
{
	size_t cap = b->cap > 0 ? b->cap : 64;

	while (cap < need)
		cap += cap / 2 + 1;
	return cap;
}

char *buf_try_reserve(struct buf *b, size_t n)
{
	size_t need = b->len + n + 1;

	if (b->lacks)
		return NULL;
	if (need > b->cap) {
		size_t cap = grown_cap(b, need);
		char *at = mem_try_grow(b->at, cap, 1);

		b->lacks = at == NULL;
		if (at == NULL)
			return NULL;
		b->at = at;
		b->cap = cap;
	}
	return b->at + b->len;
}

char *buf_reserve(struct buf *b, size_t n)
{
	size_t need = b->len + n + 1;

	if (b->may_fail)
		return buf_try_reserve(b, n);
	if (need > b->cap) {
		size_t cap = grown_cap(b, need);

		b->at = mem_grow(b->at, cap, 1);
		b->cap = cap;
	}
	return b->at + b->len;
}

bool buf_lacks(const struct buf *b)
{
	return b->lacks;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
	char *to = buf_reserve(b, n);

	if (to == NULL)
		return;
	if (n > 0)
		memcpy(to, bytes, n);
	b->len += n;
	b->at[b->len] = '\0';
}

void buf_add_str(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_add_span(struct buf *b, struct span s)
{
	buf_add(b, s.at, s.len);
}

void buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *to = n >= 0 ? buf_reserve(b, (size_t)n) : NULL;
	if (to == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

const char *buf_str(struct buf *b)
{
	return b->at != NULL ? b->at : "";
}

char *buf_take_str(struct buf *b)
{
	char *text = b->at != NULL ? b->at : mem_strdup("");

	*b = (struct buf){ 0 };
	return text;
}

struct span buf_span(const struct buf *b)
{
	return (struct span){ b->at != NULL ? b->at : "", b->len };
}

struct span span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span span_trim(struct span s)
{
	while (s.len > 0 && is_blank(s.at[0])) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

bool span_line(struct span *rest, struct span *ret_line)
{
	const char *nl;

	if (rest->len == 0)
		return false;
	nl = memchr(rest->at, '\n', rest->len);
	ret_line->at = rest->at;
	ret_line->len = nl != NULL ? (size_t)(nl - rest->at) : rest->len;
	size_t used = nl != NULL ? ret_line->len + 1 : ret_line->len;
	rest->at += used;
	rest->len -= used;
	return true;
}
