/* SPDX-License-Identifier: MIT */
#include "edit_int.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

/*
 * Where a SEARCH fits.  Each stricter level is contained in the next, so one linear pass (Knuth,
 * Morris, Pratt over the keys of the lines, which know nothing of blanks around them) finds the
 * places, and each place then tells its level.
 */

/* The indentation by which a search line stands off its file line, set by the first line that has
 * one. */
static bool shift_agrees(struct shift *s, bool *known, const struct eline *f, const struct eline *l)
{
	struct shift now = { 0 };

	if (f->indent >= l->indent) {
		now.add = f->at;
		now.n_add = f->indent - l->indent;
		if (memcmp(f->at + now.n_add, l->at, l->indent) != 0)
			return false;
	} else {
		now.cut = l->at;
		now.n_cut = l->indent - f->indent;
		if (memcmp(l->at + now.n_cut, f->at, f->indent) != 0)
			return false;
	}
	if (!*known) {
		*s = now;
		*known = true;
		return true;
	}
	return now.n_add == s->n_add && now.n_cut == s->n_cut &&
	       (now.n_add == 0 || memcmp(now.add, s->add, now.n_add) == 0) &&
	       (now.n_cut == 0 || memcmp(now.cut, s->cut, now.n_cut) == 0);
}

/* The level at which search stands at file[at], or FIT_LEVELS. */
static enum fit fit_at(const struct eline *file, struct run search, struct shift *ret_shift)
{
	enum fit fit = FIT_EXACT;
	bool known = false;

	for (size_t i = 0; i < search.n; i++) {
		const struct eline *f = &file[i], *s = &search.at[i];

		if (fit == FIT_EXACT && !eline_same(f, s))
			fit = FIT_TRAILING;
		if (fit == FIT_TRAILING && !eline_same_solid(f, s))
			fit = FIT_SHIFTED;
		if (eline_is_blank(f) && eline_is_blank(s))
			continue;
		if (!eline_same_key(f, s) || !shift_agrees(ret_shift, &known, f, s))
			return FIT_LEVELS;
	}
	return fit;
}

static bool all_of(const struct eline *l, char c)
{
	for (uint32_t i = 0; i < l->indent; i++)
		if (l->at[i] != c)
			return false;
	return true;
}

/* Does one have as many tabs as the other has blanks, by the same measure in all lines? */
static bool fits_by_units(const struct eline *file, struct run search, struct shift *ret)
{
	*ret = (struct shift){ 0 };
	for (size_t i = 0; i < search.n; i++) {
		const struct eline *f = &file[i], *s = &search.at[i];

		if (!eline_same_key(f, s))
			return false;
		if (eline_is_blank(f) || (f->indent == 0 && s->indent == 0))
			continue;
		bool to_tabs = all_of(f, '\t') && all_of(s, ' ');
		uint32_t tabs = to_tabs ? f->indent : s->indent, blanks = to_tabs ? s->indent : f->indent;

		if ((!to_tabs && !(all_of(f, ' ') && all_of(s, '\t'))) || tabs == 0 || blanks % tabs != 0)
			return false;
		if (ret->unit == 0) {
			ret->unit = blanks / tabs;
			ret->to_tabs = to_tabs;
		}
		if (ret->to_tabs != to_tabs || blanks / tabs != ret->unit)
			return false;
	}
	return ret->unit == 2 || ret->unit == 4 || ret->unit == 8;
}

/* Has each line half as many blanks as the other's, or twice as many? */
static bool fits_by_halves(const struct eline *file, struct run search, struct shift *ret)
{
	bool halves = true, doubles = true, any = false;

	for (size_t i = 0; i < search.n; i++) {
		const struct eline *f = &file[i], *s = &search.at[i];

		if (!eline_same_key(f, s) || !all_of(f, ' ') || !all_of(s, ' '))
			return false;
		if (eline_is_blank(f))
			continue;
		halves = halves && f->indent == 2 * s->indent;
		doubles = doubles && s->indent == 2 * f->indent;
		any = any || f->indent > 0;
	}
	*ret = (struct shift){ .times = halves ? 2 : 1, .parts = halves ? 1 : 2 };
	return any && halves != doubles;
}

/* Is all as it should be, but that the first line stands at the margin, as in a text cut out and
 * trimmed? */
static bool fits_but_first(const struct eline *file, struct run search, struct shift *ret)
{
	bool others = false;

	if (search.at[0].indent > 0 || eline_is_blank(&search.at[0]) || file[0].indent == 0 ||
	    !eline_same_key(&file[0], &search.at[0]))
		return false;
	for (size_t i = 1; i < search.n; i++) {
		if (!eline_same_solid(&file[i], &search.at[i]))
			return false;
		others = others || !eline_is_blank(&file[i]);
	}
	*ret = (struct shift){ .add = file[0].at, .n_add = file[0].indent };
	return others;
}

static enum fit fit_of(const struct eline *file, struct run search, struct shift *ret_shift)
{
	enum fit fit = fit_at(file, search, ret_shift);

	if (fit == FIT_LEVELS && (fits_by_units(file, search, ret_shift) || fits_by_halves(file, search, ret_shift)))
		fit = FIT_UNITS;
	if (fit == FIT_LEVELS && fits_but_first(file, search, ret_shift))
		fit = FIT_FIRST;
	return fit;
}

static size_t *failures_of(struct run s)
{
	size_t *fail = mem_zero(s.n, sizeof *fail);

	for (size_t i = 1, k = 0; i < s.n; i++) {
		while (k > 0 && s.at[i].key != s.at[k].key)
			k = fail[k - 1];
		if (s.at[i].key == s.at[k].key)
			k++;
		fail[i] = k;
	}
	return fail;
}

void place_find(const struct elines *file, struct run search, struct place *ret)
{
	struct place by[FIT_LEVELS] = { { 0 } };
	size_t *fail;

	*ret = (struct place){ 0 };
	if (search.n == 0 || search.n > file->n)
		return;
	fail = failures_of(search);
	for (size_t i = 0, k = 0; i < file->n; i++) {
		while (k > 0 && file->at[i].key != search.at[k].key)
			k = fail[k - 1];
		if (file->at[i].key == search.at[k].key)
			k++;
		if (k < search.n)
			continue;
		struct shift shift = { 0 };
		size_t at = i + 1 - search.n;
		enum fit fit = fit_of(&file->at[at], search, &shift);

		if (fit < FIT_LEVELS) {
			by[fit].found++;
			by[fit].at = at;
			by[fit].fit = fit;
			by[fit].shift = shift;
		}
		k = fail[k - 1];
	}
	free(fail);
	for (int level = FIT_EXACT; level < FIT_LEVELS && ret->found == 0; level++)
		*ret = by[level];
}
