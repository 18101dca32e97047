/* SPDX-License-Identifier: MIT */
#include "edit_int.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

/*
 * What comes out of an edit.  Lines that SEARCH and REPLACE have in common are context: the file's
 * own bytes stay there, with the blanks and line ends that the answer does not know.
 */

#define ALIGN_CELLS (4u << 20)  /* of the table; beyond that only equal ends are aligned */

/* The longest common subsequence of what lies between the equal ends. */
static void align_middle(struct run s, struct run r, size_t lo, size_t s_end, size_t r_end, size_t *keeps)
{
	size_t rows = s_end - lo, cols = r_end - lo, width = cols + 1;
	uint32_t *len;

	if (rows == 0 || cols == 0 || rows > ALIGN_CELLS / (cols + 1))
		return;
	len = mem_try_zero((rows + 1) * width, sizeof *len);
	if (len == NULL)
		return;                         /* the room knows */
	for (size_t i = rows; i-- > 0;)
		for (size_t j = cols; j-- > 0;) {
			uint32_t down = len[(i + 1) * width + j], right = len[i * width + j + 1];

			len[i * width + j] = eline_same_solid(&s.at[lo + i], &r.at[lo + j]) ?
			                     len[(i + 1) * width + j + 1] + 1 : down > right ? down : right;
		}
	for (size_t i = 0, j = 0; i < rows && j < cols;) {
		if (eline_same_solid(&s.at[lo + i], &r.at[lo + j])) {
			keeps[lo + j++] = lo + i++;
		} else if (len[(i + 1) * width + j] >= len[i * width + j + 1]) {
			i++;
		} else {
			j++;
		}
	}
	free(len);
}

size_t *lines_align(struct run search, struct run replace)
{
	size_t *keeps = mem_alloc((replace.n + 1) * sizeof *keeps);
	size_t lo = 0, s_end = search.n, r_end = replace.n;

	for (size_t i = 0; i < replace.n; i++)
		keeps[i] = KEEPS_NONE;
	while (lo < s_end && lo < r_end && eline_same_solid(&search.at[lo], &replace.at[lo])) {
		keeps[lo] = lo;
		lo++;
	}
	while (s_end > lo && r_end > lo && eline_same_solid(&search.at[s_end - 1], &replace.at[r_end - 1]))
		keeps[--r_end] = --s_end;
	align_middle(search, replace, lo, s_end, r_end, keeps);
	return keeps;
}

/* The line with n bytes of its indentation gone and `add` bytes, a copy of `with` or blanks, in
 * front. */
static void line_indent(struct eline *l, uint32_t n, const char *with, char blank, uint32_t add, struct arena *arena)
{
	char *at;

	l->at += n;
	l->len += add - n;
	l->indent += add - n;
	l->solid += add - n;
	if (add == 0)
		return;
	at = arena_bytes(arena, l->len);
	if (with != NULL)
		memcpy(at, with, add);
	else
		memset(at, blank, add);
	memcpy(at + add, l->at, l->len - add);
	l->at = at;
}

/* Blanks for tabs or tabs for blanks.  False if the line mixes them, or its blanks make no whole
 * tabs. */
static bool line_by_units(struct eline *l, const struct shift *s, struct arena *arena)
{
	if (s->times > 0) {
		bool blanks = memchr(l->at, '\t', l->indent) == NULL && l->indent % s->parts == 0;

		if (blanks)
			line_indent(l, l->indent, NULL, ' ', l->indent / s->parts * s->times, arena);
		return blanks;
	}
	for (uint32_t i = 0; i < l->indent; i++)
		if (l->at[i] != (s->to_tabs ? ' ' : '\t'))
			return false;
	if (s->to_tabs && l->indent % s->unit != 0)
		return false;
	uint32_t n = s->to_tabs ? l->indent / s->unit : l->indent * s->unit;

	line_indent(l, l->indent, NULL, s->to_tabs ? '\t' : ' ', n, arena);
	return true;
}

/* A new line of the file: the answer's, shifted as its search is; first: of the replacement.  False
 * if it cannot be. */
static bool line_make(const struct eline *r, const struct place *place, bool first, struct arena *arena,
                      struct eline *ret)
{
	const struct shift *s = &place->shift;

	*ret = *r;
	ret->origin = ORIGIN_NEW;
	if (eline_is_blank(r) && place->fit == FIT_SHIFTED && s->n_cut > 0) {
		uint32_t less = r->len < s->n_cut ? r->len : s->n_cut;

		ret->at += less;
		ret->len = ret->indent = r->len - less;
	}
	if (eline_is_blank(r) || place->fit < FIT_SHIFTED)
		return true;
	if (place->fit == FIT_UNITS)
		return line_by_units(ret, s, arena);
	if (place->fit == FIT_FIRST) {
		if (first && r->indent == 0)
			line_indent(ret, 0, s->add, ' ', s->n_add, arena);
		return true;
	}
	if (s->n_cut > 0 && (r->indent < s->n_cut || memcmp(r->at, s->cut, s->n_cut) != 0))
		return false;
	line_indent(ret, s->n_cut, s->add, ' ', s->n_add, arena);
	return true;
}

/* How lines end around there: as the first of these that ends, else as the file's first. */
static enum line_end end_near(const struct elines *file, size_t at, size_t n)
{
	for (size_t i = at; i < at + n && i < file->n; i++)
		if (file->at[i].end != END_NONE)
			return file->at[i].end;
	if (at > 0 && at <= file->n)
		return file->at[at - 1].end;
	return file->n > 0 && file->at[0].end != END_NONE ? file->at[0].end : END_LF;
}

/* A line of context: the file's bytes, unless search was right about its blanks and replace has
 * others. */
static bool context_make(const struct eline *f, const struct eline *s, const struct eline *r,
                         const struct place *place, struct arena *arena, struct eline *ret)
{
	if (eline_same(s, r) || place->fit >= FIT_SHIFTED || !eline_same(s, f)) {
		*ret = *f;
		return true;
	}
	if (!line_make(r, place, false, arena, ret))
		return false;
	ret->end = f->end;
	return true;
}

/* Has search blanks at line ends where the file has none?  Then those of replace are none either. */
static bool adds_blanks(const struct eline *region, struct run search)
{
	for (size_t i = 0; i < search.n; i++)
		if (search.at[i].len > search.at[i].solid && region[i].len == region[i].solid)
			return true;
	return false;
}

bool lines_make(const struct elines *file, const struct place *place, struct run search, struct run replace,
                struct arena *arena, struct elines *ret)
{
	size_t *keeps = lines_align(search, replace);
	const struct eline *region = &file->at[place->at];
	enum line_end end = end_near(file, place->at, search.n);
	bool open_end = region[search.n - 1].end == END_NONE, ok = true;
	bool sloppy = adds_blanks(region, search);

	*ret = (struct elines){ .at = mem_zero(replace.n, sizeof *ret->at), .n = replace.n, .cap = replace.n };
	for (size_t i = 0; i < replace.n && ok; i++) {
		size_t k = keeps[i];

		if (k != KEEPS_NONE) {
			ok = context_make(&region[k], &search.at[k], &replace.at[i], place, arena, &ret->at[i]);
		} else {
			ok = line_make(&replace.at[i], place, i == 0, arena, &ret->at[i]);
			ret->at[i].end = end;
			if (sloppy)
				ret->at[i].len = ret->at[i].solid;
		}
		/* a file without a final newline stays so, whatever its last line is now */
		if (ret->at[i].end == END_NONE)
			ret->at[i].end = end;
		if (open_end && i + 1 == replace.n)
			ret->at[i].end = END_NONE;
	}
	free(keeps);
	if (!ok)
		elines_done(ret);
	return ok;
}

void elines_splice(struct elines *file, size_t at, size_t n, const struct elines *with)
{
	size_t total = file->n - n + with->n;

	if (total > file->cap) {
		file->cap = total + total / 4;
		file->at = mem_grow(file->at, file->cap, sizeof *file->at);
	}
	if (file->n > at + n)
		memmove(&file->at[at + with->n], &file->at[at + n], (file->n - at - n) * sizeof *file->at);
	if (with->n > 0)
		memcpy(&file->at[at], with->at, with->n * sizeof *with->at);
	file->n = total;
}

/* Where the file has each line of the base's [at, +n); SIZE_MAX if it is gone. */
static size_t *find_origins(const struct elines *file, size_t at, size_t n)
{
	size_t *where = mem_alloc((n + 1) * sizeof *where);

	for (size_t i = 0; i < n; i++)
		where[i] = SIZE_MAX;
	for (size_t i = 0; i < file->n; i++)
		if (file->at[i].origin != ORIGIN_NEW && file->at[i].origin >= at && file->at[i].origin < at + n)
			where[file->at[i].origin - at] = i;
	return where;
}

/*
 * One stretch of the edit: search lines [s, s_end) go, replace lines [r, r_end) come.  Where in the
 * file that is, and false if it is not clear: the lines that go must be there, one behind the
 * other; if none goes, the neighbours on both sides must be there, next to each other.
 */
static bool stretch_place(const size_t *where, size_t n, size_t s, size_t s_end,
                          const struct elines *file, size_t *ret)
{
	if (s < s_end) {
		for (size_t i = s; i < s_end; i++)
			if (where[i] == SIZE_MAX || where[i] != where[s] + (i - s))
				return false;
		*ret = where[s];
		return true;
	}
	if (s > 0 && where[s - 1] == SIZE_MAX)
		return false;
	if (s < n && where[s] == SIZE_MAX)
		return false;
	*ret = s > 0 ? where[s - 1] + 1 : where[s];
	return s > 0 && s < n ? where[s] == where[s - 1] + 1 : n > 0 && *ret <= file->n;
}

/* One stretch that changes something. */
struct stretch {
	size_t at, gone, r, r_end;
};

static size_t find_stretches(const size_t *keeps, const size_t *where, struct run search, struct run replace,
                             const struct elines *file, struct stretch *ret)
{
	size_t s = 0, r = 0, n = 0;

	while (s < search.n || r < replace.n) {
		size_t s_end, r_end = r;

		while (r_end < replace.n && keeps[r_end] == KEEPS_NONE)
			r_end++;
		s_end = r_end < replace.n ? keeps[r_end] : search.n;
		if (s_end > s || r_end > r) {
			if (!stretch_place(where, search.n, s, s_end, file, &ret[n].at))
				return SIZE_MAX;
			ret[n].gone = s_end - s;
			ret[n].r = r;
			ret[n].r_end = r_end;
			n++;
		}
		s = s_end + 1;
		r = r_end + 1;
	}
	return n;
}

bool lines_merge(const struct elines *base, const struct place *place, struct run search, struct run replace,
                 struct arena *arena, struct elines *file)
{
	size_t *keeps = lines_align(search, replace);
	size_t *where = find_origins(file, place->at, search.n);
	struct stretch *stretches = mem_zero(replace.n + search.n + 1, sizeof *stretches);
	struct elines made = { 0 };
	bool ok = lines_make(base, place, search, replace, arena, &made);
	size_t n = ok ? find_stretches(keeps, where, search, replace, file, stretches) : SIZE_MAX;

	ok = n != SIZE_MAX && n > 0;
	while (ok && n-- > 0) {         /* from the last, so that places stay */
		const struct stretch *t = &stretches[n];
		struct elines with = { .at = &made.at[t->r], .n = t->r_end - t->r };

		for (size_t i = 0; i < with.n; i++) {
			with.at[i].origin = ORIGIN_NEW;
			if (with.at[i].end == END_NONE && t->at + t->gone < file->n)
				with.at[i].end = end_near(file, t->at, 1);
		}
		elines_splice(file, t->at, t->gone, &with);
	}
	elines_done(&made);
	free(stretches);
	free(where);
	free(keeps);
	return ok;
}
