/* SPDX-License-Identifier: MIT */
#include "edit_read.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

/*
 * The ways to read one block, stricter ones first, and which of them fits a file.  Several lines
 * may be the divider; fences may stand inside the markers; the block may be indented as a whole, in
 * a list; blank lines may have been added at the ends.
 */
enum way { WAY_PLAIN, WAY_FENCED, WAY_INDENTED, WAY_NAMED, WAY_TRIMMED, WAY_LEADLESS, WAYS };

static bool is_blank_run(struct run r)
{
	for (size_t i = 0; i < r.n; i++)
		if (!eline_is_blank(&r.at[i]))
			return false;
	return true;
}

static bool is_fence(const struct eline *l, bool opening)
{
	struct fence f;

	return fence_read((struct span){ l->at, l->len }, &f) && (opening || f.info.len == 0);
}

/* Without the fence inside the markers, if there is one. */
static bool strip_fence(struct run *r)
{
	if (r->n < 2 || !is_fence(&r->at[0], true) || !is_fence(&r->at[r->n - 1], false))
		return false;
	r->at++;
	r->n -= 2;
	return true;
}

/* Blank lines at the ends go: all of search's, as many of replace's. */
static bool strip_blank_ends(struct run *s, struct run *r)
{
	size_t front = 0, back = 0, n;

	while (front < s->n && eline_is_blank(&s->at[front]))
		front++;
	while (back < s->n - front && eline_is_blank(&s->at[s->n - 1 - back]))
		back++;
	s->at += front;
	s->n -= front + back;
	for (n = 0; n < front && r->n > 0 && eline_is_blank(&r->at[0]); n++) {
		r->at++;
		r->n--;
	}
	for (n = 0; n < back && r->n > 0 && eline_is_blank(&r->at[r->n - 1]); n++)
		r->n--;
	return front + back > 0;
}

/* The body without the block's own indentation; empty if a line does not have it. */
static void read_inner(struct reading *r, const char *indent)
{
	size_t n = strlen(indent);

	if (n == 0)
		return;
	elines_splice(&r->inner, 0, 0, &r->body);
	for (size_t i = 0; i < r->inner.n; i++) {
		struct eline *l = &r->inner.at[i];

		if (eline_is_blank(l)) {
			uint32_t less = l->len < n ? l->len : (uint32_t)n;

			l->at += less;
			l->len -= less;
			l->indent -= less;
			continue;
		}
		if (l->indent < n || memcmp(l->at, indent, n) != 0) {
			elines_done(&r->inner);
			return;
		}
		l->at += n;
		l->len -= (uint32_t)n;
		l->indent -= (uint32_t)n;
		l->solid -= (uint32_t)n;
	}
}

/* Without the file's name as the first line of both. */
static bool strip_name(struct run *s, struct run *r)
{
	struct name_line names;

	if (s->n < 2)
		return false;
	name_line_read((struct span){ s->at[0].at, s->at[0].len }, &names);
	if (names.kind != NAME_PURE || names.n != 1 || !name_is_filelike(names.at[0]))
		return false;
	if (r->n > 0 && eline_same_key(&s->at[0], &r->at[0])) {
		r->at++;
		r->n--;
	}
	s->at++;
	s->n--;
	return true;
}

/* Without the remark on the start marker that was taken for a line. */
static bool strip_lead(struct run *s, const struct run *r)
{
	static const char code[] = "=()[]{}:;\"'@#,";

	for (size_t i = 0; i < r->n; i++)
		if (eline_same_key(&r->at[i], &s->at[0]))
			return false;
	for (size_t i = 0; i < s->at[0].len; i++)
		if (strchr(code, s->at[0].at[i]) != NULL)
			return false;
	s->at++;
	s->n--;
	return true;
}

/* Search and replace in one way; false if that way is no other than the plain one. */
static bool read_way(const struct reading *r, enum way way, size_t divider, struct run *s, struct run *p)
{
	const struct elines *from = way == WAY_INDENTED ? &r->inner : &r->body;

	if (from->n <= divider)
		return false;
	*s = (struct run){ from->at, divider };
	*p = (struct run){ from->at + divider + 1, from->n - divider - 1 };
	switch (way) {
	case WAY_FENCED:
		return strip_fence(s) && (p->n == 0 || strip_fence(p));
	case WAY_NAMED:
		return strip_name(s, p);
	case WAY_TRIMMED:
		return strip_blank_ends(s, p) && s->n > 0;
	case WAY_LEADLESS:
		return r->has_lead && s->n > 1 && strip_lead(s, p);
	default:
		return true;
	}
}

/* How many lines of r these have with the same indentation. */
static size_t count_shared(const struct eline *at, size_t n, struct run r)
{
	size_t *keeps = lines_align((struct run){ at, n }, r), count = 0;

	for (size_t i = 0; i < r.n; i++)
		count += keeps[i] != KEEPS_NONE && !eline_is_blank(&r.at[i]);
	free(keeps);
	return count;
}

static const struct eline *first_solid_line(struct run r)
{
	for (size_t i = 0; i < r.n; i++)
		if (!eline_is_blank(&r.at[i]))
			return &r.at[i];
	return NULL;
}

static bool same_indent(const struct eline *a, const struct eline *b)
{
	return a->indent == b->indent && memcmp(a->at, b->at, a->indent) == 0;
}

/*
 * SEARCH stands at another indentation than the file: REPLACE as well, unless it shows that it does not.  It has more lines
 * in common with the file than with SEARCH then; or begins where the file's lines do, and not where SEARCH does.
 * False if that is not clear.
 */
static bool settle_shift(const struct elines *file, struct reading *r)
{
	const struct eline *at = &file->at[r->place.at], *s = first_solid_line(r->search), *p = first_solid_line(r->replace);
	const struct eline *f = first_solid_line((struct run){ at, r->search.n });
	size_t ours = count_shared(r->search.at, r->search.n, r->replace), theirs = count_shared(at, r->search.n, r->replace);

	if (s == NULL || p == NULL || f == NULL || theirs < ours)
		return true;
	if (theirs == ours && (same_indent(p, s) || !same_indent(p, f)))
		return true;
	if (ours > 0 && theirs <= 2 * ours)
		return theirs == ours;
	r->place.shift = (struct shift){ .n_add = 0 };
	return true;
}

/* One way to read the block, divided there: does it fit? */
static bool fits_in(const struct elines *file, struct reading *r, enum way way, size_t divider)
{
	struct run s, p, inner_s, inner_p;
	struct place inner;

	if (!read_way(r, way, divider, &s, &p) || s.n == 0)
		return false;
	place_find(file, s, &r->place);
	if (r->place.found == 0 || (is_blank_run(s) && r->place.fit != FIT_EXACT) ||
	    (way == WAY_INDENTED && r->place.fit >= FIT_SHIFTED))
		return false;
	/* several places at another indentation: the block's own may tell which */
	if (way == WAY_PLAIN && r->place.fit >= FIT_SHIFTED && r->place.found > 1 &&
	    read_way(r, WAY_INDENTED, divider, &inner_s, &inner_p)) {
		place_find(file, inner_s, &inner);
		if (inner.found == 1 && inner.fit < FIT_SHIFTED) {
			r->place = inner;
			s = inner_s;
			p = inner_p;
		}
	}
	r->search = s;
	r->replace = p;
	return r->place.found != 1 || r->place.fit != FIT_SHIFTED || settle_shift(file, r);
}

/* How many lines search and replace have in common. */
static size_t common_lines(const struct reading *r)
{
	size_t *keeps = lines_align(r->search, r->replace), n = 0;

	for (size_t i = 0; i < r->replace.n; i++)
		n += keeps[i] != KEEPS_NONE;
	free(keeps);
	return n;
}

/* Are all lines of the body between these blank? */
static bool is_blank_between(const struct elines *body, size_t from, size_t to)
{
	return is_blank_run((struct run){ body->at + from + 1, to - from - 1 });
}

/*
 * Within one divider, the first way that fits.  If several dividers fit, the longest SEARCH: that
 * the file goes on with the "=======" and the text behind it is no accident.  Next to each other,
 * without text between, they prove nothing: then the one whose SEARCH and REPLACE have most in
 * common.
 */
static bool find_in(const struct elines *file, const struct edit_more *m, struct reading *ret)
{
	struct reading r = *ret;
	size_t most = 0;
	bool found = false;

	for (size_t d = m->n_dividers; d-- > 0;) {
		if (found && !is_blank_between(&r.body, m->dividers[d], m->dividers[d + 1]))
			break;
		for (int way = WAY_PLAIN; way < WAYS; way++) {
			if (!fits_in(file, &r, (enum way)way, m->dividers[d]))
				continue;
			size_t common = m->n_dividers > 1 ? common_lines(&r) : 0;

			if (!found || common > most) {
				*ret = r;
				ret->n_divider = d;
				most = common;
				found = true;
			}
			break;
		}
	}
	return found;
}

static bool is_within(const struct elines *ls, const struct eline *l)
{
	return ls->n > 0 && l >= ls->at && l < ls->at + ls->n;
}

/*
 * The divider once more in front of REPLACE, or several times: no line of it, unless SEARCH has it as well or it is the
 * line above a title.
 */
static void skip_dividers(const struct edit_more *m, struct reading *r)
{
	const struct eline *lines = is_within(&r->inner, r->replace.at) ? r->inner.at : r->body.at;
	size_t *keeps;

	if (r->n_divider + 1 >= m->n_dividers || r->replace.n == 0)
		return;
	keeps = lines_align(r->search, r->replace);
	for (size_t d = r->n_divider + 1, from = 0; d < m->n_dividers; d++) {
		const struct eline *l = &lines[m->dividers[d]];
		size_t i = l >= r->replace.at ? (size_t)(l - r->replace.at) : SIZE_MAX;

		if (i >= r->replace.n || keeps[i] != KEEPS_NONE || i < from ||
		    !is_blank_run((struct run){ r->replace.at + from, i - from }) ||
		    (i + 2 < r->replace.n && eline_same_solid(&r->replace.at[i + 2], l)))
			break;
		from = i + 1;
		r->skipped = m->dividers[d] - m->dividers[r->n_divider];
	}
	free(keeps);
	if (r->skipped > 0) {
		size_t n = (size_t)(&lines[m->dividers[r->n_divider] + r->skipped + 1] - r->replace.at);

		r->replace.at += n;
		r->replace.n -= n;
	}
}

#define MENDED_DIVIDERS 4       /* that are tried */

/* What was done to the text undone: does it fit then? */
static bool mend_in(const struct elines *file, const struct edit_more *m, struct arena *arena, struct reading *r)
{
	static const enum way ways[] = { WAY_PLAIN, WAY_FENCED, WAY_INDENTED, WAY_TRIMMED };

	for (size_t d = m->n_dividers < MENDED_DIVIDERS ? m->n_dividers : MENDED_DIVIDERS; d-- > 0;)
		for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
			struct run s, p;
			struct mended made;

			if (!read_way(r, ways[w], m->dividers[d], &s, &p))
				continue;
			mend_find(file, s, p, m, &r->mend, &made);
			if (r->mend == MEND_NONE)
				continue;
			elines_done(&r->made);
			elines_done(&r->made_too);
			r->made = made.search;
			r->made_too = made.replace;
			arena_move(arena, &made.arena);
			r->search = (struct run){ r->made.at, r->made.n };
			r->replace = (struct run){ r->made_too.at, r->made_too.n };
			r->place = made.place;
			r->n_divider = d;
			return true;
		}
	return false;
}

/* Lines that REPLACE alone leaves out. */
static void fill_replace(struct reading *r)
{
	struct elines filled = { 0 };
	bool any = r->mend == MEND_NONE && mend_elided_replace(r->search, r->replace, &filled, &r->unclear);

	if (any && !r->unclear) {
		r->made_too = filled;
		r->replace = (struct run){ filled.at, filled.n };
		r->mend = MEND_ELIDED;
	} else {
		elines_done(&filled);
	}
}

/*
 * A hunk as its author may have written it, its context without the blank in front: where it fits no other way but at
 * another indentation.
 */
static bool find_hunk(const struct elines *file, const struct edit_more *m, struct reading *r)
{
	struct reading raw = { .n_divider = SIZE_MAX };
	bool found = find_in(file, m, r);

	if (m->raw == NULL || (found && r->place.fit <= FIT_TRAILING))
		return found;
	elines_read(&raw.body, (struct span){ m->raw, m->raw_len });
	if (!find_in(file, m, &raw) || raw.place.fit > FIT_TRAILING) {
		elines_done(&raw.body);
		return found;
	}
	elines_done(&r->body);
	*r = raw;
	return true;
}

/* In the file as it stands or as it was; line numbers are those of the latter. */
static bool find_somehow(const struct elines *file, const struct edit_more *m, bool number, struct arena *arena,
                         struct reading *r)
{
	if (find_hunk(file, m, r)) {
		if (number)
			place_at_line(file, r->search, m->line, &r->place);
		if (r->place.found == 1 && r->place.fit == FIT_SHIFTED && r->place.shift.n_add + r->place.shift.n_cut == 0) {
			/* REPLACE stands as the file does: so that it is seen what they have in common */
			elines_splice(&r->made, 0, 0, &(struct elines){ .at = &file->at[r->place.at], .n = r->search.n });
			r->search = (struct run){ r->made.at, r->made.n };
		}
		return true;
	}
	return arena != NULL && mend_in(file, m, arena, r);
}

/* The reading that fits one file, if there is one. */
static bool read_in(const struct edit *e, const struct elines *file, bool number, struct arena *arena, struct reading *ret)
{
	*ret = (struct reading){ .n_divider = SIZE_MAX, .has_lead = e->more->has_lead };
	elines_read(&ret->body, (struct span){ e->more->body, e->more->body_len });
	read_inner(ret, e->more->indent);
	return find_somehow(file, e->more, number, arena, ret);
}

void reading_find(const struct edit *e, const struct elines *base, const struct elines *lines, bool dirty,
                  struct arena *arena, struct reading *ret)
{
	bool found = read_in(e, lines, !dirty, arena, ret);

	if (dirty && (!found || ret->place.found > 1)) {
		struct reading before;

		if (read_in(e, base, true, arena, &before) && before.place.found == 1) {
			before.in_base = true;
			before.several = ret->place.found;
			reading_done(ret);
			*ret = before;
		} else {
			reading_done(&before);
		}
	}
	if (ret->place.found != 1 || ret->n_divider == SIZE_MAX)
		return;
	if (ret->mend == MEND_NONE)
		skip_dividers(e->more, ret);
	fill_replace(ret);
}

void reading_done(struct reading *r)
{
	elines_done(&r->body);
	elines_done(&r->inner);
	elines_done(&r->made);
	elines_done(&r->made_too);
}

/* Where the body's first line with anything in it is. */
static size_t first_solid(const struct edit_more *m)
{
	struct span rest = { m->body, m->body_len }, line;
	size_t n = 0;

	while (span_line(&rest, &line) && span_trim(line).len == 0)
		n++;
	return n;
}

bool reading_may_be_new(const struct edit *e)
{
	return e->more->n_dividers > 0 && e->more->dividers[0] <= first_solid(e->more);
}

void reading_new_file(struct edit *e, struct elines *ret)
{
	struct reading r = { 0 };
	struct run s, p;

	elines_read(&r.body, (struct span){ e->more->body, e->more->body_len });
	read_inner(&r, e->more->indent);
	read_way(&r, r.inner.n > 0 ? WAY_INDENTED : WAY_PLAIN, e->more->dividers[0], &s, &p);
	strip_fence(&p);
	r.search = s;
	r.replace = p;
	skip_dividers(e->more, &r);
	p = r.replace;
	edit_set_split(e, 0, r.skipped);
	struct elines with = { .at = r.inner.n > 0 ? r.inner.at : r.body.at };

	with.at += p.at - with.at;
	with.n = p.n;
	elines_splice(ret, 0, ret->n, &with);
	for (size_t i = 0; i < ret->n; i++) {
		ret->at[i].origin = ORIGIN_NEW;
		ret->at[i].end = END_LF;
	}
	reading_done(&r);
}

uint64_t reading_key(const struct edit *e, bool exactly)
{
	struct edit_more *m = e->more;

	if (!m->keyed) {
		struct elines body = { 0 };

		m->key_loose = m->key_exact = m->line;  /* of two places that look alike each is another edit */

		elines_read(&body, (struct span){ m->body, m->body_len });
		for (size_t i = 0; i < body.n; i++) {
			const struct eline *l = &body.at[i];

			m->key_loose = (m->key_loose ^ l->key) * 0x9E3779B97F4A7C15u + 1;
			m->key_exact = (m->key_exact ^ l->key ^ ((uint64_t)l->indent << 32) ^ l->len) *
			               0x9E3779B97F4A7C15u + 1;
		}
		elines_done(&body);
		m->keyed = true;
	}
	return exactly ? m->key_exact : m->key_loose;
}
