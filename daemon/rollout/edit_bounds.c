/* SPDX-License-Identifier: MIT */
#include "edit_bounds.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "answer_names.h"
#include "mem.h"

void tlines_read(struct span text, struct tlines *ret)
{
	struct span rest = text, line;
	size_t cap = 0;

	while (span_line(&rest, &line)) {
		while (line.len > 0 && line.at[line.len - 1] == '\r')
			line.len--;
		if (ret->n == cap) {
			cap = cap > 0 ? 2 * cap : 256;
			ret->at = mem_grow(ret->at, cap, sizeof *ret->at);
		}
		ret->at[ret->n++] = (struct tline){ line, mark_read(line), false };
	}
}

bool tline_is_divider(const struct tline *l, const struct mark *start)
{
	const struct mark *m = &l->mark;

	return m->kind == MARK_DIVIDER && ((m->count >= 5 && m->count <= 9) || m->count == start->count);
}

/* --- markers written for others -------------------------------------------------------- */

static bool is_blank(const struct tline *l)
{
	return span_trim(l->text).len == 0;
}

static bool is_crossed(const struct tline *l, enum mark_kind kind)
{
	return l->mark.kind == kind && l->mark.crossed;
}

static bool is_end(const struct tline *l)
{
	return l->mark.kind == MARK_END && l->mark.strong;
}

/* The first line of [from, to) with anything in it; to if there is none. */
static size_t next_solid(const struct tlines *ls, size_t from, size_t to)
{
	while (from < to && is_blank(&ls->at[from]))
		from++;
	return from;
}

static void make_divider(struct tline *l, const struct mark *start)
{
	l->mark = (struct mark){ .kind = MARK_DIVIDER, .count = start->count, .indent = start->indent };
}

/* The lines of a block, up to the next one. */
struct region {
	struct mark start;
	size_t limit;
	size_t last_end;        /* its last whole end marker, 0 if it has none */
};

/* Before the divider: true if the marker has become it. */
static bool settle_front(struct tlines *ls, size_t k, const struct region *r)
{
	struct tline *l = &ls->at[k];
	size_t next = next_solid(ls, k + 1, r->limit);

	if (is_crossed(l, MARK_END) && next < r->limit &&
	    (tline_is_divider(&ls->at[next], &r->start) || is_crossed(&ls->at[next], MARK_START))) {
		l->dropped = true;              /* the divider, whatever it looks like, comes next */
		return false;
	}
	if (is_crossed(l, MARK_START) || ((is_crossed(l, MARK_END) || is_end(l)) && r->last_end > k)) {
		make_divider(l, &r->start);
		return true;
	}
	return false;
}

/* Behind the divider; right: it is the next line that is not blank. */
static void settle_back(struct tline *l, size_t k, bool right, const struct region *r)
{
	if (!is_crossed(l, MARK_START) && !is_crossed(l, MARK_END))
		return;
	if (l->mark.kind == MARK_START && right)
		l->dropped = true;              /* "=======" and "<<<<<<< REPLACE" */
	else if (r->last_end <= k)
		l->mark = (struct mark){ .kind = MARK_END, .strong = true, .count = l->mark.count, .indent = l->mark.indent };
}

void tlines_settle(struct tlines *ls, size_t i)
{
	struct region r = { .start = ls->at[i].mark, .limit = i + 1 };
	bool divided = false, right = false;

	for (; r.limit < ls->n; r.limit++) {
		if (ls->at[r.limit].mark.kind == MARK_START && ls->at[r.limit].mark.strong)
			break;
		if (is_end(&ls->at[r.limit]))
			r.last_end = r.limit;
	}
	for (size_t k = i + 1; k < r.limit; k++) {
		struct tline *l = &ls->at[k];

		if (divided) {
			settle_back(l, k, right, &r);
			right = right && is_blank(l);
			if (is_end(l))
				return;
		} else if (tline_is_divider(l, &r.start) || settle_front(ls, k, &r)) {
			divided = right = true;
		} else if (is_end(l)) {
			return;
		}
	}
}

/* --- the end --------------------------------------------------------------------------- */

/* The last line of an answer that was cut in its last marker: ">>>>>>> REPL". */
static bool is_cut_end(const struct tlines *ls, size_t i)
{
	struct span s = span_trim(ls->at[i].text);
	size_t n = 0;

	while (n < s.len && s.at[n] == '>')
		n++;
	if (i + 1 != ls->n || n < 5)
		return false;
	s = span_trim((struct span){ s.at + n, s.len - n });
	return s.len <= strlen("REPLACE") && strncasecmp(s.at, "REPLACE", s.len) == 0;
}

/*
 * A block that its fence closes, with a second divider as its last line: that one was meant as the end, unless it
 * may underline the line above.
 */
static bool ends_in_divider(const struct tlines *ls, size_t start, size_t fence, size_t *ret)
{
	const struct mark *m = &ls->at[start].mark;
	size_t last = fence, n = 0;

	while (last > start + 1 && is_blank(&ls->at[last - 1]))
		last--;
	for (size_t k = start + 1; k < last; k++)
		n += tline_is_divider(&ls->at[k], m);
	last--;
	if (n != 2 || !tline_is_divider(&ls->at[last], m) ||
	    span_trim(ls->at[last - 1].text).len == ls->at[last].mark.count)
		return false;
	*ret = last;
	return true;
}

struct bounds tlines_find_end(const struct tlines *ls, size_t i, bool in_fence)
{
	size_t limit, weak = SIZE_MAX, fence = SIZE_MAX, fences = 0, divider = SIZE_MAX, last;
	const struct mark *start = &ls->at[i].mark;
	bool conflict = false;

	for (limit = i + 1; limit < ls->n; limit++) {
		const struct tline *l = &ls->at[limit];
		struct fence f;

		if (l->dropped)
			continue;
		if (l->mark.kind == MARK_START && (l->mark.strong || !start->strong))
			break;
		if (is_end(l))
			return (struct bounds){ limit, limit + 1, true };
		if (tline_is_divider(l, start)) {
			divider = divider == SIZE_MAX ? limit : divider;
		} else if (l->mark.kind == MARK_START) {
			conflict = true;
		} else if ((l->mark.kind == MARK_END || is_cut_end(ls, limit)) && divider != SIZE_MAX) {
			weak = weak == SIZE_MAX ? limit : weak;
		} else if (divider != SIZE_MAX && fence_read(l->text, &f) && f.info.len == 0 &&
		           f.indent <= start->indent) {
			fence = fences++ == 0 ? limit : fence;
		}
	}
	if (weak != SIZE_MAX && !conflict)
		return (struct bounds){ weak, weak + 1, true };
	if (start->strong && in_fence && fences == 1)
		return (struct bounds){ ends_in_divider(ls, i, fence, &last) ? last : fence, fence + 1, true };
	return (struct bounds){ limit, limit, false };
}
