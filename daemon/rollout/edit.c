/* SPDX-License-Identifier: MIT */
#include "edit_int.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* The edits of an answer as an object: making, naming, freeing them. */

const char *edit_fate_word(enum edit_fate fate)
{
	static const char *const words[] = {
#define F(sym, word) [EDIT_##sym] = word,
		EDIT_FATES(F)
#undef F
	};

	return (size_t)fate < sizeof words / sizeof words[0] ? words[fate] : "";
}

bool edit_fate_applied(enum edit_fate fate)
{
	return fate < EDIT_NOT_FOUND;
}

size_t edits_applied(const struct edits *edits)
{
	size_t n = 0;

	for (size_t i = 0; i < edits->n; i++)
		n += edit_fate_applied(edits->at[i].fate);
	return n;
}

struct edit *edits_add(struct edits *edits)
{
	struct edit *e;

	if ((edits->n & (edits->n - 1)) == 0)   /* room for twice as many at each power of two */
		edits->at = mem_grow(edits->at, edits->n > 0 ? 2 * edits->n : 1, sizeof *edits->at);
	e = &edits->at[edits->n++];
	*e = (struct edit){ .fate = EDIT_NOT_FOUND, .more = MEM_NEW(struct edit_more) };
	return e;
}

void edit_hint_add(struct edit *e, struct span name, enum name_kind kind, bool firm)
{
	struct edit_more *m = e->more;

	for (size_t i = 0; i < m->n_hints; i++)
		if (span_is(name, m->hints[i].name))
			return;
	m->hints = mem_grow(m->hints, m->n_hints + 1, sizeof *m->hints);
	m->hints[m->n_hints++] = (struct hint){ mem_strndup(name.at, name.len), kind, firm };
}

size_t edit_line_number(struct span s)
{
	size_t n = 0, digits = 0;

	while (s.len > 0 && (*s.at < '0' || *s.at > '9'))
		s = (struct span){ s.at + 1, s.len - 1 };
	for (; s.len > 0 && *s.at >= '0' && *s.at <= '9' && digits < 9; digits++) {
		n = n * 10 + (size_t)(*s.at - '0');
		s = (struct span){ s.at + 1, s.len - 1 };
	}
	return n;
}

/* Where the n-th line of the body begins. */
static size_t line_offset(const struct edit_more *m, size_t n)
{
	struct span rest = { m->body, m->body_len }, line;

	while (n > 0 && span_line(&rest, &line))
		n--;
	return m->body_len - rest.len;
}

void edit_set_split(struct edit *e, size_t n, size_t skipped)
{
	const struct edit_more *m = e->more;
	size_t cut = line_offset(m, m->dividers[n]), behind = line_offset(m, m->dividers[n] + skipped + 1);

	free(e->search);
	free(e->replace);
	e->search = mem_strndup(m->body, cut);
	e->replace = mem_strndup(m->body + behind, m->body_len - behind);
}

struct edit *edit_add_body(struct edits *edits, struct buf *body, size_t divider)
{
	struct edit *e = edits_add(edits);
	struct edit_more *m = e->more;

	m->body_len = body->len;
	m->body = buf_take_str(body);
	m->indent = mem_strdup("");
	m->dividers = mem_zero(1, sizeof *m->dividers);
	m->dividers[0] = divider;
	m->n_dividers = 1;
	edit_set_split(e, 0, 0);
	return e;
}

void edit_more_done(struct edit *e)
{
	struct edit_more *m = e->more;

	for (size_t i = 0; m != NULL && i < m->n_hints; i++)
		free(m->hints[i].name);
	if (m != NULL) {
		free(m->hints);
		free(m->body);
		free(m->raw);
		free(m->dividers);
		free(m->indent);
		free(m);
	}
	e->more = NULL;
}

void edit_done(struct edit *e)
{
	free(e->named);
	free(e->path);
	free(e->search);
	free(e->replace);
	edit_more_done(e);
}

void edits_done(struct edits *edits)
{
	for (size_t i = 0; i < edits->n; i++)
		edit_done(&edits->at[i]);
	for (size_t i = 0; i < edits->n_changes; i++) {
		free(edits->changes[i].path);
		buf_done(&edits->changes[i].before);
		buf_done(&edits->changes[i].after);
	}
	free(edits->at);
	free(edits->changes);
	*edits = (struct edits){ 0 };
}
