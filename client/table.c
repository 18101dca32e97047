/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

enum { GAP = 2, COLUMNS_MAX = 16, BAR_WIDE = 21, BAR_LEAST = 10, PERCENT = 4, SQUEEZED = 5 };

static struct cell *add(struct table *t)
{
	if (t->n == t->cap) {
		t->cap = t->cap > 0 ? t->cap * 2 : 64;
		t->cells = mem_grow(t->cells, t->cap, sizeof *t->cells);
	}
	t->cells[t->n] = (struct cell){ 0 };
	return &t->cells[t->n++];
}

void table_add(struct table *t, const struct term *term, enum style style, const char *text)
{
	struct cell *c = add(t);
	struct buf clean = { 0 };

	term_clean(term, text != NULL ? text : "", &clean);
	c->style = style;
	c->text = mem_strdup(buf_str(&clean));
	buf_done(&clean);
}

void table_add_int(struct table *t, const struct term *term, enum style style, int64_t n)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRId64, n);
	table_add(t, term, style, text);
}

void table_add_bar(struct table *t, const struct bar *bar, int percent)
{
	struct cell *c = add(t);

	c->bar = *bar;
	c->percent = percent;
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i].text);
	free(t->cells);
	t->cells = NULL;
	t->n = t->cap = 0;
}

/* 0 for a column that is not shown. */
struct widths {
	size_t at[COLUMNS_MAX];
};

static size_t total_width(const struct table *t, const struct widths *w)
{
	size_t sum = 0;

	for (size_t i = 0; i < t->n_columns; i++)
		if (w->at[i] > 0)
			sum += w->at[i] + (sum > 0 ? GAP : 0);
	return sum;
}

/* squeeze: nothing is left to drop, so a few letters must do. */
static size_t least(const struct table *t, const struct widths *w, size_t i, bool squeeze)
{
	const struct column *c = &t->columns[i];
	size_t min = c->bar ? BAR_LEAST : c->min;

	if (squeeze && min > SQUEEZED)
		min = SQUEEZED;
	return min == 0 || min > w->at[i] ? w->at[i] : min;
}

/* Take what is too much from the columns that may shrink, always from the one with most to give. */
static size_t shrink(const struct table *t, struct widths *w, bool squeeze, size_t too_much)
{
	while (too_much > 0) {
		size_t best = t->n_columns, spare = 0;

		for (size_t i = 0; i < t->n_columns; i++)
			if (w->at[i] > 0 && w->at[i] - least(t, w, i, squeeze) > spare) {
				best = i;
				spare = w->at[i] - least(t, w, i, squeeze);
			}
		if (best == t->n_columns)
			break;
		w->at[best]--;
		too_much--;
	}
	return too_much;
}

/* A bar goes in two steps: to its percents at its own turn, and these at last. */
static int drop_rank(const struct column *c, size_t wide)
{
	return c->bar && wide == PERCENT && c->drop > 0 ? 1 : c->drop;
}

static void fit(const struct table *t, size_t room, struct widths *w)
{
	struct widths all = *w;

	for (;;) {
		size_t need = total_width(t, w), gone = t->n_columns;

		if (need <= room || shrink(t, w, false, need - room) == 0)
			return;
		for (size_t i = 0; i < t->n_columns; i++)
			if (all.at[i] > 0 && t->columns[i].drop > 0 && (gone == t->n_columns
			    || drop_rank(&t->columns[i], all.at[i]) > drop_rank(&t->columns[gone], all.at[gone])))
				gone = i;
		if (gone == t->n_columns) {     /* what is still too much is the terminal's to cut */
			shrink(t, w, true, total_width(t, w) - room);
			return;
		}
		all.at[gone] = t->columns[gone].bar && all.at[gone] > PERCENT ? PERCENT : 0;
		*w = all;
	}
}

static void measure(const struct table *t, struct widths *w)
{
	for (size_t i = 0; i < t->n_columns; i++)
		w->at[i] = t->columns[i].bar ? BAR_WIDE : strlen(t->columns[i].title);
	for (size_t i = 0; i < t->n; i++) {
		size_t wide = t->cells[i].text != NULL ? term_columns(span_of(t->cells[i].text)) : 0;

		if (wide > w->at[i % t->n_columns])
			w->at[i % t->n_columns] = wide;
	}
	/* a column that is empty all the way down says nothing */
	for (size_t i = 0; i < t->n_columns; i++) {
		bool any = t->columns[i].bar;

		for (size_t j = i; j < t->n; j += t->n_columns)
			any = any || (t->cells[j].text != NULL && t->cells[j].text[0] != '\0');
		if (!any)
			w->at[i] = 0;
	}
}

static void print_text(const struct term *term, const char *text, enum style style, size_t wide, bool right,
                       bool last, struct buf *ret)
{
	struct span s = span_of(text);
	size_t columns = term_columns(s);
	const char *more = "";

	if (columns > wide && wide > 0) {
		s.len = term_fit(s, wide - 1);
		more = term->utf8 ? "\u2026" : "~";
		columns = term_columns(s) + 1;
	}
	for (size_t i = columns; right && i < wide; i++)
		buf_add_char(ret, ' ');
	if (style != STYLE_NONE && s.len > 0)
		term_style(term, style, ret);
	buf_add_span(ret, s);
	buf_add_str(ret, more);
	if (style != STYLE_NONE && s.len > 0)
		term_style(term, STYLE_NONE, ret);
	for (size_t i = columns; !right && !last && i < wide; i++)
		buf_add_char(ret, ' ');
}

static void print_bar(const struct term *term, const struct cell *c, size_t wide, struct buf *ret)
{
	if (wide >= BAR_LEAST) {
		term_bar(term, &c->bar, wide - PERCENT - 1, ret);
		wide = PERCENT + 1;
	}
	buf_printf(ret, "%*d%%", (int)wide - 1, c->percent);
}

/* cells NULL: the titles. */
static void print_row(const struct table *t, const struct term *term, const struct cell *cells, const struct widths *w,
                      size_t indent, struct buf *ret)
{
	size_t last = 0, shown = 0;

	for (size_t i = 0; i < t->n_columns; i++)
		if (w->at[i] > 0)
			last = i;
	for (size_t i = 0; i < indent; i++)
		buf_add_char(ret, ' ');
	for (size_t i = 0; i < t->n_columns; i++) {
		const struct column *c = &t->columns[i];

		if (w->at[i] == 0)
			continue;
		for (size_t gap = 0; shown > 0 && gap < GAP; gap++)
			buf_add_char(ret, ' ');
		shown++;
		if (cells == NULL)
			print_text(term, c->bar && w->at[i] < BAR_LEAST ? "   %" : c->title, STYLE_BOLD, w->at[i],
			           c->right, i == last, ret);
		else if (c->bar)
			print_bar(term, &cells[i], w->at[i], ret);
		else
			print_text(term, cells[i].text, cells[i].style, w->at[i], c->right, i == last, ret);
	}
	while (ret->len > 0 && ret->at[ret->len - 1] == ' ')
		ret->len--;
	buf_add_char(ret, '\n');
}

void table_print(const struct table *t, const struct term *term, size_t indent, struct buf *ret)
{
	struct widths w;

	measure(t, &w);
	if (term->width > 0)
		fit(t, term->width > indent ? term->width - indent : 1, &w);
	print_row(t, term, NULL, &w, indent, ret);
	for (size_t i = 0; i + t->n_columns <= t->n; i += t->n_columns)
		print_row(t, term, &t->cells[i], &w, indent, ret);
}
