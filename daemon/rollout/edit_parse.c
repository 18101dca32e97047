/* SPDX-License-Identifier: MIT */
#include "edit_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "edit_marks.h"
#include "mem.h"

/*
 * SEARCH/REPLACE blocks out of a text.  The markers alone make a block; fences matter only for a
 * path in their info string, and to end a block whose last marker is missing.  Which "=======" is
 * the divider is left open here if there are several: the file tells (edit_apply.c).
 */

struct tline {
	struct span text;       /* without CR and LF */
	struct mark mark;
};

struct tlines {
	struct tline *at;
	size_t n;
};

static void tlines_read(struct span text, struct tlines *ret)
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
		ret->at[ret->n++] = (struct tline){ line, mark_read(line) };
	}
}

/* How a block that starts at one line ends. */
struct bounds {
	size_t end;             /* the line of its end marker, or what stands for it */
	size_t next;            /* where to read on */
	bool closed;
};

static bool is_divider(const struct tline *l, const struct mark *start)
{
	const struct mark *m = &l->mark;

	return m->kind == MARK_DIVIDER && ((m->count >= 5 && m->count <= 9) || m->count == start->count);
}

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
 * From the start marker at line i: to the first whole end marker; else to git's own ">>>>>>> word"
 * if the body begins no conflict of its own; else, if exactly one fence closes before the next
 * block, to there: a model that forgets the marker still closes its fence.  Otherwise the block is
 * not closed.
 */
static struct bounds find_end(const struct tlines *ls, size_t i, bool in_fence)
{
	size_t limit, weak = SIZE_MAX, fence = SIZE_MAX, fences = 0, divider = SIZE_MAX;
	const struct mark *start = &ls->at[i].mark;
	bool conflict = false;

	for (limit = i + 1; limit < ls->n; limit++) {
		const struct tline *l = &ls->at[limit];
		struct fence f;

		if (l->mark.kind == MARK_START && (l->mark.strong || !start->strong))
			break;
		if (l->mark.kind == MARK_END && l->mark.strong)
			return (struct bounds){ limit, limit + 1, true };
		if (is_divider(l, start)) {
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
		return (struct bounds){ fence, fence + 1, true };
	return (struct bounds){ limit, limit, false };
}

/* Does line i lie in a fence?  open: whether line `from` does. */
static bool in_open_fence(const struct tlines *ls, size_t from, size_t i, bool open)
{
	for (; from < i; from++) {
		struct fence f;

		if (fence_read(ls->at[from].text, &f))
			open = f.info.len > 0 || !open;
	}
	return open;
}

/* ":start_line:7", ":end_line:9" and "-------" in front of the text, as some prompts ask for. */
static size_t skip_line_numbers(const struct tlines *ls, size_t from, size_t to)
{
	size_t i = from;

	while (i < to && (span_starts(ls->at[i].text, ":start_line:") || span_starts(ls->at[i].text, ":end_line:")))
		i++;
	if (i > from && i < to && span_starts(ls->at[i].text, "-----"))
		i++;
	return i;
}

/* The lines of the body that may divide it: as far in as the start marker; else anywhere. */
static void find_dividers(const struct tlines *ls, size_t start, size_t from, size_t to, struct edit_more *m)
{
	const struct mark *mark = &ls->at[start].mark;

	m->dividers = mem_zero(EDIT_DIVIDERS, sizeof *m->dividers);
	for (int any_indent = 0; any_indent < 2 && m->n_dividers == 0; any_indent++)
		for (size_t i = from; i < to && m->n_dividers < EDIT_DIVIDERS; i++)
			if (is_divider(&ls->at[i], mark) && (any_indent || ls->at[i].mark.indent == mark->indent))
				m->dividers[m->n_dividers++] = i - from;
}

/* The file's name as the first line of SEARCH itself: the last of the hints. */
static void hint_inside(struct edit *e)
{
	struct span rest = { e->more->body, e->more->body_len }, line;
	struct name_line names;

	if (!span_line(&rest, &line))
		return;
	name_line_read(line, &names);
	if (names.kind == NAME_PURE && names.n == 1 && name_is_filelike(names.at[0]))
		edit_hint_add(e, names.at[0], NAME_PROSE, false);
}

/* The divider that is as long as the start marker, else the first. */
static size_t likely_divider(const struct tlines *ls, size_t start, size_t from, const struct edit_more *m)
{
	for (size_t i = 0; i < m->n_dividers; i++)
		if (ls->at[from + m->dividers[i]].mark.count == ls->at[start].mark.count)
			return i;
	return 0;
}

static void block_add(const struct tlines *ls, size_t start, struct bounds b, struct edits *ret)
{
	const struct tline *first = &ls->at[start];
	struct edit *e = edits_add(ret);
	struct edit_more *m = e->more;
	size_t from = skip_line_numbers(ls, start + 1, b.end);
	struct buf body = { 0 };

	for (size_t i = from; i < b.end; i++) {
		buf_add_span(&body, ls->at[i].text);
		buf_add_char(&body, '\n');
	}
	m->body_len = body.len;
	m->body = buf_take_str(&body);
	m->indent = mem_strndup(first->text.at, first->mark.indent);
	find_dividers(ls, start, from, b.end, m);
	if (m->n_dividers > 0) {
		edit_set_split(e, likely_divider(ls, start, from, m));
	} else {
		e->search = mem_strdup(m->body);
		e->replace = mem_strdup("");
	}
	if (!b.closed)
		e->fate = EDIT_UNCLOSED;
	else if (m->n_dividers == 0)
		e->fate = EDIT_MALFORMED;
}

static bool has_divider(const struct tlines *ls, size_t start, size_t end)
{
	for (size_t i = start + 1; i < end; i++)
		if (is_divider(&ls->at[i], &ls->at[start].mark))
			return true;
	return false;
}

static struct span gap_of(const struct tlines *ls, size_t from, size_t to)
{
	if (from >= to)
		return (struct span){ "", 0 };
	const char *at = ls->at[from].text.at;

	return (struct span){ at, (size_t)(ls->at[to].text.at - at) };
}

static void blocks_parse(struct span text, struct edits *ret)
{
	struct tlines ls = { 0 };
	size_t gap = 0, i = 0;
	bool fenced = false;

	tlines_read(text, &ls);
	while (i < ls.n) {
		const struct mark *m = &ls.at[i].mark;
		struct bounds b;

		if (m->kind != MARK_START) {
			i++;
			continue;
		}
		fenced = m->strong ? in_open_fence(&ls, gap, i, fenced) : fenced;
		b = find_end(&ls, i, fenced);
		/* git's own marker alone makes no block: it needs the other two */
		if (!m->strong && (!b.closed || !has_divider(&ls, i, b.end))) {
			i++;
			continue;
		}
		block_add(&ls, i, b, ret);
		edit_hints_read(&ret->at[ret->n - 1], gap_of(&ls, gap, i), m->rest);
		hint_inside(&ret->at[ret->n - 1]);
		fenced = fenced && ls.at[b.next - 1].mark.kind != MARK_NONE;
		i = gap = b.next;
	}
	free(ls.at);
}

void edits_parse(const char *text, struct edits *ret)
{
	struct buf plain = { 0 };

	*ret = (struct edits){ 0 };
	blocks_parse(span_of(text), ret);
	if (ret->n == 0)
		edits_parse_diffs(span_of(text), ret);
	if (ret->n == 0 && edit_forms_rewrite(span_of(text), &plain))
		blocks_parse(buf_span(&plain), ret);
	buf_done(&plain);
	for (size_t k = 0; k < ret->n; k++) {
		struct edit *e = &ret->at[k];

		if (e->more->n_hints > 0)
			e->named = mem_strdup(e->more->hints[0].name);
		else if (k > 0 && ret->at[k - 1].named != NULL)
			e->named = mem_strdup(ret->at[k - 1].named);
	}
}
