/* SPDX-License-Identifier: MIT */
#include "edit_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "edit_bounds.h"
#include "mem.h"

/*
 * SEARCH/REPLACE blocks out of a text.  The markers alone make a block; fences matter only for a
 * path in their info string, and to end a block whose last marker is missing.  Which "=======" is
 * the divider is left open here if there are several: the file tells (edit_apply.c).
 */

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
static size_t skip_line_numbers(const struct tlines *ls, size_t from, size_t to, size_t *ret_line)
{
	size_t i = from;

	while (i < to && (span_starts(ls->at[i].text, ":start_line:") || span_starts(ls->at[i].text, ":end_line:"))) {
		if (span_starts(ls->at[i].text, ":s"))
			*ret_line = edit_line_number(ls->at[i].text);
		i++;
	}
	if (i > from && i < to && span_starts(ls->at[i].text, "-----"))
		i++;
	return i;
}

/* Is it what git's conflicts have in front of the common ancestor's lines? */
static bool is_ancestor(const struct tline *l)
{
	struct span s = span_trim(l->text);

	return span_starts(s, "|||||||");
}

/* The lines of the block: without markers that were dropped, without an ancestor's. */
static void body_read(const struct tlines *ls, size_t from, size_t to, const struct mark *start, struct tlines *ret)
{
	bool ancestor = false, divided = false;

	ret->at = mem_zero(to - from + 1, sizeof *ret->at);
	for (size_t i = from; i < to; i++) {
		const struct tline *l = &ls->at[i];

		divided = divided || tline_is_divider(l, start);
		ancestor = !start->strong && !divided && (ancestor || is_ancestor(l));
		if (!ancestor && !l->dropped)
			ret->at[ret->n++] = *l;
	}
}

/* A divider of another length or another character, if there is one alone: its line, else SIZE_MAX. */
static size_t odd_divider(const struct tlines *body)
{
	size_t found = SIZE_MAX;

	for (int any = 0; any < 2 && found == SIZE_MAX; any++) {
		size_t n = 0;

		for (size_t i = 0; i < body->n; i++) {
			char c = mark_ruler(body->at[i].text, any ? 5 : 3);

			if (any ? c != '-' && c != '~' && c != '*' : c != '=')
				continue;
			found = i;
			n++;
		}
		if (n > 1)
			return SIZE_MAX;
	}
	return found;
}

/* The lines of the body that may divide it: as far in as the start marker; else anywhere; else what looks like one. */
static void find_dividers(const struct tlines *body, const struct mark *start, struct edit_more *m)
{
	size_t odd;

	m->dividers = mem_zero(EDIT_DIVIDERS, sizeof *m->dividers);
	for (int any_indent = 0; any_indent < 2 && m->n_dividers == 0; any_indent++)
		for (size_t i = 0; i < body->n && m->n_dividers < EDIT_DIVIDERS; i++)
			if (tline_is_divider(&body->at[i], start) &&
			    (any_indent || body->at[i].mark.indent == start->indent))
				m->dividers[m->n_dividers++] = i;
	odd = m->n_dividers == 0 && start->strong ? odd_divider(body) : SIZE_MAX;
	if (odd != SIZE_MAX)
		m->dividers[m->n_dividers++] = odd;
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
static size_t likely_divider(const struct tlines *body, const struct mark *start, const struct edit_more *m)
{
	for (size_t i = 0; i < m->n_dividers; i++)
		if (body->at[m->dividers[i]].mark.count == start->count)
			return i;
	return 0;
}

/*
 * Code on the start marker itself: the first line of SEARCH.  What stands there else is the file's name, a number of
 * its lines or a remark in brackets.
 */
static bool leads(const struct mark *start)
{
	struct span s = start->rest;
	struct name_line names;
	size_t i = 0;

	while (i < s.len && strchr("0123456789-:,. <>`*", s.at[i]) != NULL)
		i++;
	if (!start->strong || i == s.len || s.at[i] == '\0' || (s.at[0] == '(' && s.at[s.len - 1] == ')') ||
	    (s.at[0] == '[' && s.at[s.len - 1] == ']'))
		return false;
	name_line_read(s, &names);
	return names.kind != NAME_PURE || names.n != 1 || !name_is_filelike(names.at[0]);
}

static void block_add(const struct tlines *ls, size_t start, struct bounds b, struct edits *ret)
{
	const struct tline *first = &ls->at[start];
	struct edit *e = edits_add(ret);
	struct edit_more *m = e->more;
	struct tlines lines = { 0 };
	struct buf body = { 0 };

	body_read(ls, skip_line_numbers(ls, start + 1, b.end, &m->line), b.end, &first->mark, &lines);
	m->has_lead = leads(&first->mark);
	if (m->has_lead) {
		lines.at = mem_grow(lines.at, lines.n + 1, sizeof *lines.at);
		memmove(&lines.at[1], &lines.at[0], lines.n++ * sizeof *lines.at);
		lines.at[0] = (struct tline){ .text = first->mark.lead };
	}
	for (size_t i = 0; i < lines.n; i++) {
		buf_add_span(&body, lines.at[i].text);
		buf_add_char(&body, '\n');
	}
	m->body_len = body.len;
	m->body = buf_take_str(&body);
	m->indent = mem_strndup(first->text.at, first->mark.indent);
	find_dividers(&lines, &first->mark, m);
	if (m->n_dividers > 0) {
		edit_set_split(e, likely_divider(&lines, &first->mark, m), 0);
	} else {
		e->search = mem_strdup(m->body);
		e->replace = mem_strdup("");
	}
	if (!b.closed)
		e->fate = EDIT_UNCLOSED;
	else if (m->n_dividers == 0)
		e->fate = EDIT_MALFORMED;
	free(lines.at);
}

static bool has_divider(const struct tlines *ls, size_t start, size_t end)
{
	for (size_t i = start + 1; i < end; i++)
		if (tline_is_divider(&ls->at[i], &ls->at[start].mark))
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

/* Does the text between two blocks take back what was before? */
static bool takes_back(struct span gap)
{
	static const char *const words[] = {
		"is wrong", "that's wrong", "not right", "incorrect", "mistake", "scratch that", "disregard", "ignore the",
		"final edit", "final version", "final answer", "final patch", "final fix", "final code", "final change",
		"final block", "corrected version", "corrected edit", "corrected block", "revised", "redo ", "instead of the above",
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		for (size_t n = strlen(words[i]), at = 0; at + n <= gap.len; at++)
			if (strncasecmp(gap.at + at, words[i], n) == 0)
				return true;
	return false;
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
		if (m->strong)
			tlines_settle(&ls, i);
		b = tlines_find_end(&ls, i, fenced);
		/* git's own marker alone makes no block: it needs the other two */
		if (!m->strong && (!b.closed || !has_divider(&ls, i, b.end))) {
			i++;
			continue;
		}
		block_add(&ls, i, b, ret);
		bool leading = ret->at[ret->n - 1].more->has_lead;

		edit_hints_read(&ret->at[ret->n - 1], gap_of(&ls, gap, i), leading ? (struct span){ "", 0 } : m->rest);
		hint_inside(&ret->at[ret->n - 1]);
		ret->at[ret->n - 1].more->anew = ret->n > 1 && takes_back(gap_of(&ls, gap, i));
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
	if (ret->n == 0)
		edits_parse_json(span_of(text), ret);
	if (ret->n == 0 && edit_forms_rewrite(span_of(text), &plain))
		blocks_parse(buf_span(&plain), ret);
	for (size_t k = 0; k < ret->n && plain.len > 0; k++)
		ret->at[k].more->in_line = true;
	buf_done(&plain);
	if (ret->n == 0)
		edits_parse_whole(span_of(text), ret);
	for (size_t k = 0; k < ret->n; k++) {
		struct edit *e = &ret->at[k];

		if (e->named != NULL)
			continue;
		if (e->more->n_hints > 0)
			e->named = mem_strdup(e->more->hints[0].name);
		else if (k > 0 && ret->at[k - 1].named != NULL)
			e->named = mem_strdup(ret->at[k - 1].named);
	}
}
