/* SPDX-License-Identifier: MIT */
#include "edit_int.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* Texts as lines: bytes stay where they are, each line knows its blanks and a key of what lies
 * between them. */

static bool is_end_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static uint64_t key_of(const char *at, size_t len)
{
	uint64_t h = 0x9E3779B97F4A7C15u ^ len, w;

	while (len >= 8) {
		memcpy(&w, at, 8);
		h = (h ^ w) * 0xFF51AFD7ED558CCDu;
		h ^= h >> 32;
		at += 8;
		len -= 8;
	}
	w = 0;
	memcpy(&w, at, len);
	h = (h ^ w) * 0xC4CEB9FE1A85EC53u;
	return h ^ (h >> 29);
}

static void eline_set(struct eline *l, struct span line, enum line_end end, size_t origin)
{
	size_t solid = line.len, indent = 0;

	while (solid > 0 && is_end_blank(line.at[solid - 1]))
		solid--;
	while (indent < solid && (line.at[indent] == ' ' || line.at[indent] == '\t'))
		indent++;
	if (solid == 0)
		indent = line.len;
	l->at = line.at;
	l->len = (uint32_t)line.len;
	l->indent = (uint32_t)indent;
	l->solid = (uint32_t)solid;
	l->origin = (uint32_t)origin;
	l->by = 0;
	l->key = solid > 0 ? key_of(line.at + indent, solid - indent) : 0;
	l->end = end;
}

static void elines_grow(struct elines *ls)
{
	if (ls->n == ls->cap) {
		ls->cap = ls->cap > 0 ? 2 * ls->cap : 64;
		ls->at = mem_grow(ls->at, ls->cap, sizeof *ls->at);
	}
}

void eline_add(struct elines *ls, struct span line, enum line_end end)
{
	elines_grow(ls);
	eline_set(&ls->at[ls->n], line, end, ls->n);
	ls->n++;
}

void eline_copy(struct elines *ls, const struct eline *l)
{
	elines_grow(ls);
	ls->at[ls->n++] = *l;
}

void elines_read(struct elines *ls, struct span text)
{
	struct span rest = text, line;

	while (span_line(&rest, &line)) {
		enum line_end end = line.at + line.len < text.at + text.len ? END_LF : END_NONE;

		if (end == END_LF && line.len > 0 && line.at[line.len - 1] == '\r') {
			line.len--;
			end = END_CRLF;
		}
		eline_add(ls, line, end);
	}
}

void elines_print(const struct elines *ls, struct buf *ret)
{
	for (size_t i = 0; i < ls->n; i++) {
		buf_add(ret, ls->at[i].at, ls->at[i].len);
		if (ls->at[i].end == END_CRLF)
			buf_add(ret, "\r\n", 2);
		else if (ls->at[i].end == END_LF)
			buf_add_char(ret, '\n');
	}
}

void elines_done(struct elines *ls)
{
	free(ls->at);
	*ls = (struct elines){ 0 };
}

bool eline_same(const struct eline *a, const struct eline *b)
{
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

bool eline_same_solid(const struct eline *a, const struct eline *b)
{
	return a->key == b->key && a->solid == b->solid && memcmp(a->at, b->at, a->solid) == 0;
}

bool eline_same_key(const struct eline *a, const struct eline *b)
{
	if (eline_is_blank(a) || eline_is_blank(b))     /* their indentation is all of them */
		return eline_is_blank(a) && eline_is_blank(b);
	return a->key == b->key && a->solid - a->indent == b->solid - b->indent &&
	       memcmp(a->at + a->indent, b->at + b->indent, a->solid - a->indent) == 0;
}

char *arena_bytes(struct arena *a, size_t n)
{
	if ((a->n & (a->n - 1)) == 0)
		a->at = mem_grow(a->at, a->n > 0 ? 2 * a->n : 1, sizeof *a->at);
	a->at[a->n] = mem_alloc(n);
	return a->at[a->n++];
}

void arena_move(struct arena *to, struct arena *from)
{
	for (size_t i = 0; i < from->n; i++) {
		if ((to->n & (to->n - 1)) == 0)
			to->at = mem_grow(to->at, to->n > 0 ? 2 * to->n : 1, sizeof *to->at);
		to->at[to->n++] = from->at[i];
	}
	free(from->at);
	*from = (struct arena){ 0 };
}

void arena_done(struct arena *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->at[i]);
	free(a->at);
	*a = (struct arena){ 0 };
}
