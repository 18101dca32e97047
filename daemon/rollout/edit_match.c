/* SPDX-License-Identifier: MIT */
#include "edit_int.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

/*
 * Where a SEARCH fits.  Each stricter level is contained in the next, so one linear pass (Knuth, Morris, Pratt over
 * the keys of the lines, which know nothing of blanks around them) finds the places, and each place then tells its level.
 */

/* The indentation by which a search line stands off its file line, set by the first line that has one. */
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
		if (f->key != s->key || f->solid - f->indent != s->solid - s->indent ||
		    memcmp(f->at + f->indent, s->at + s->indent, f->solid - f->indent) != 0 ||
		    !shift_agrees(ret_shift, &known, f, s))
			return FIT_LEVELS;
	}
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
		enum fit fit = fit_at(&file->at[at], search, &shift);

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
