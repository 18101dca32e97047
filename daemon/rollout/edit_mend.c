/* SPDX-License-Identifier: MIT */
#include "edit_mend.h"

#include <string.h>

#include "mem.h"

void mended_done(struct mended *m)
{
	elines_done(&m->search);
	elines_done(&m->replace);
	arena_done(&m->arena);
}

static void add_line(struct elines *ls, const char *at, size_t len)
{
	eline_add(ls, (struct span){ at, len }, END_LF);
}

/* --- line numbers ----------------------------------------------------------------------- */

struct numbered {
	size_t number;
	char sep;               /* what stands between the number and the line */
	struct span rest;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* "  12 | x", "12: x", "L12: x", "12\tx", "12 x", "[12] x": the number and what follows the separator. */
static bool number_read(struct span s, struct numbered *ret)
{
	size_t i = 0, digits = 0, n = 0;
	bool bracket;

	while (i < s.len && is_blank(s.at[i]))
		i++;
	if (i + 5 < s.len && strncmp(s.at + i, "Line ", 5) == 0)
		i += 5;
	else if (i < s.len && s.at[i] == 'L')
		i++;
	bracket = i < s.len && s.at[i] == '[';
	i += bracket;
	for (; i < s.len && s.at[i] >= '0' && s.at[i] <= '9' && digits < 7; i++, digits++)
		n = n * 10 + (size_t)(s.at[i] - '0');
	if (digits == 0 || (bracket && (i == s.len || s.at[i++] != ']')))
		return false;
	size_t behind = i;

	while (i < s.len && s.at[i] == ' ')
		i++;
	if (i < s.len && s.at[i] == '|') {
		i++;
		ret->sep = '|';
	} else if (s.len - i >= 3 && (memcmp(s.at + i, "\xE2\x86\x92", 3) == 0 || memcmp(s.at + i, "\xE2\x94\x82", 3) == 0)) {
		i += 3;
		ret->sep = '>';
	} else if (i < s.len && i == behind && strchr(":.)\t", s.at[i]) != NULL && s.at[i] != '\0') {
		ret->sep = s.at[i++];
	} else if (i == s.len) {
		ret->sep = '\0';        /* a blank line whose separator was trimmed */
	} else if (i > behind) {
		i = behind + 1;
		ret->sep = ' ';
	} else {
		return false;
	}
	ret->number = n;
	ret->rest = (struct span){ s.at + i, s.len - i };
	return true;
}

/* The separator of lines that are numbered one after the other; '\0': they are not. */
static char numbers_of(struct run s, size_t *ret_first)
{
	char sep = '\0';
	bool known = false;

	for (size_t i = 0; i < s.n; i++) {
		struct numbered n;

		if (s.at[i].len == 0)
			continue;
		if (!number_read((struct span){ s.at[i].at, s.at[i].len }, &n))
			return '\0';
		if (n.sep != '\0' && sep != '\0' && n.sep != sep)
			return '\0';
		if (n.number != (known ? *ret_first + i : n.number) || (!known && n.number < i + 1))
			return '\0';
		if (!known)
			*ret_first = n.number - i;
		known = true;
		sep = n.sep != '\0' ? n.sep : sep;
	}
	return sep;
}

/* The lines without their numbers; blank: one blank behind the separator goes as well.  How many had one. */
static size_t numbers_strip(struct run s, char sep, bool blank, struct elines *ret)
{
	size_t count = 0;
	bool any = false;
	struct numbered n;

	for (size_t i = 0; i < s.n && !any; i++)
		any = number_read((struct span){ s.at[i].at, s.at[i].len }, &n) && n.sep == sep;
	for (size_t i = 0; i < s.n; i++) {
		struct span line = { s.at[i].at, s.at[i].len };

		if (any && number_read(line, &n) && (n.sep == sep || n.sep == '\0')) {
			line = n.rest;
			if (blank && line.len > 0 && line.at[0] == ' ')
				line = (struct span){ line.at + 1, line.len - 1 };
			count++;
		}
		add_line(ret, line.at, line.len);
	}
	return count;
}

static size_t solid_lines(struct run s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += !eline_is_blank(&s.at[i]);
	return n;
}

static bool mend_numbers(const struct elines *file, struct run s, struct run p, bool blank, struct mended *ret)
{
	size_t first = 0, stripped;
	char sep = numbers_of(s, &first);

	if (sep == '\0')
		return false;
	numbers_strip(s, sep, blank, &ret->search);
	stripped = numbers_strip(p, sep, blank, &ret->replace);
	/* some of REPLACE's: only where the separator leaves no doubt; none: as it stands */
	if (stripped > 0 && stripped < solid_lines(p) && strchr("|>\t", sep) == NULL)
		return false;
	struct run search = { ret->search.at, ret->search.n };

	place_find(file, search, &ret->place);
	place_at_line(file, search, first, &ret->place);
	return ret->place.found > 0;
}

static bool mend_numbers_tight(const struct elines *file, struct run s, struct run p, struct mended *ret)
{
	return mend_numbers(file, s, p, false, ret) && ret->place.fit <= FIT_TRAILING;
}

static bool mend_numbers_blank(const struct elines *file, struct run s, struct run p, struct mended *ret)
{
	return mend_numbers(file, s, p, true, ret);
}

/* --- characters ------------------------------------------------------------------------- */

/* Characters that stand for others in text that has gone through HTML or an editor of letters. */
static const struct { const char *from, *to; } characters[] = {
	{ "\xE2\x80\x98", "'" }, { "\xE2\x80\x99", "'" }, { "\xE2\x80\x9C", "\"" }, { "\xE2\x80\x9D", "\"" },
	{ "\xE2\x80\x93", "-" }, { "\xE2\x80\x94", "-" }, { "\xE2\x88\x92", "-" }, { "\xE2\x80\x91", "-" },
	{ "\xE2\x80\xA6", "..." }, { "\xC2\xA0", " " }, { "\xE2\x80\xAF", " " }, { "\xE2\x80\x87", " " },
	{ "\xE3\x80\x80", " " }, { "\xE2\x80\x8B", "" }, { "\xE2\x80\x8C", "" }, { "\xE2\x80\x8D", "" },
	{ "\xE2\x81\xA0", "" }, { "\xEF\xBB\xBF", "" },
};

static const struct { const char *from, *to; } entities[] = {
	{ "&lt;", "<" }, { "&gt;", ">" }, { "&amp;", "&" }, { "&quot;", "\"" }, { "&#39;", "'" }, { "&#x27;", "'" },
	{ "&apos;", "'" }, { "&nbsp;", " " },
};

#define N_OF(table) (sizeof table / sizeof table[0])

static bool starts(const char *p, const char *end, const char *what)
{
	size_t n = strlen(what);

	return (size_t)(end - p) >= n && memcmp(p, what, n) == 0;
}

/* What stands for the bytes at p, and how many these are; NULL: they stand for themselves. */
static const char *plain_for(const char *p, const char *end, bool html, size_t *ret_len)
{
	if (html && *p == '&') {
		for (size_t i = 0; i < N_OF(entities); i++)
			if (starts(p, end, entities[i].from)) {
				*ret_len = strlen(entities[i].from);
				return entities[i].to;
			}
	} else if (!html && (unsigned char)*p >= 0x80) {
		for (size_t i = 0; i < N_OF(characters); i++)
			if (starts(p, end, characters[i].from)) {
				*ret_len = strlen(characters[i].from);
				return characters[i].to;
			}
	}
	return NULL;
}

/* One line with plain characters; true if it had others. */
static bool line_plain(const struct eline *l, bool html, struct arena *arena, struct elines *ret)
{
	const char *p = l->at, *end = l->at + l->len;
	struct buf b = { 0 };
	bool any = false;

	while (p < end) {
		size_t n = 1;
		const char *plain = plain_for(p, end, html, &n);

		any = any || plain != NULL;
		if (plain != NULL)
			buf_add_str(&b, plain);
		else
			buf_add_char(&b, *p);
		p += n;
	}
	if (any && b.len > 0) {
		char *at = arena_bytes(arena, b.len);

		memcpy(at, b.at, b.len);
		add_line(ret, at, b.len);
	} else {
		add_line(ret, l->at, any ? 0 : l->len);
	}
	buf_done(&b);
	return any;
}

bool eline_plain(const struct eline *l, struct arena *arena, struct elines *ret)
{
	struct elines once = { 0 };
	bool html = line_plain(l, true, arena, &once), other = line_plain(&once.at[0], false, arena, ret);

	elines_done(&once);
	return html || other;
}

static bool lines_plain(struct run s, bool html, struct arena *arena, struct elines *ret)
{
	bool any = false;

	for (size_t i = 0; i < s.n; i++)
		any = line_plain(&s.at[i], html, arena, ret) || any;
	return any;
}

static bool mend_entities(const struct elines *file, struct run s, struct run p, struct mended *ret)
{
	if (!lines_plain(s, true, &ret->arena, &ret->search))
		return false;
	lines_plain(p, true, &ret->arena, &ret->replace);
	place_find(file, (struct run){ ret->search.at, ret->search.n }, &ret->place);
	return ret->place.found > 0;
}

/* Has the answer such a character where the file has its plain one?  Then those of REPLACE are the answer's too. */
static bool is_spoilt(const struct elines *view, const struct elines *file, struct run s, const struct elines *plain,
                      size_t at)
{
	for (size_t i = 0; i < s.n; i++) {
		const struct eline *f = &file->at[at + i], *v = &view->at[at + i];

		if (eline_same(f, v) && !eline_same(&plain->at[i], &s.at[i]))
			return true;
	}
	return false;
}

/* On both sides: either may have them. */
static bool mend_characters(const struct elines *file, struct run s, struct run p, struct mended *ret)
{
	struct elines view = { 0 };
	bool theirs = lines_plain((struct run){ file->at, file->n }, false, &ret->arena, &view);
	bool ours = lines_plain(s, false, &ret->arena, &ret->search);

	if (theirs || ours)
		place_find(&view, (struct run){ ret->search.at, ret->search.n }, &ret->place);
	if (ret->place.found == 1 && is_spoilt(&view, file, s, &ret->search, ret->place.at)) {
		lines_plain(p, false, &ret->arena, &ret->replace);
	} else if (ret->place.found > 0) {
		/* SEARCH as it stands, so that what it has in common with REPLACE is seen */
		elines_done(&ret->search);
		for (size_t i = 0; i < s.n; i++)
			add_line(&ret->search, s.at[i].at, s.at[i].len);
		for (size_t i = 0; i < p.n; i++)
			add_line(&ret->replace, p.at[i].at, p.at[i].len);
	}
	elines_done(&view);
	return ret->place.found > 0;
}

/* --- part of a line ----------------------------------------------------------------------- */

/* Where s, from inside the file's line at i on to inside another one, begins in it; how often in *ret_n. */
static size_t part_in(const struct elines *file, size_t i, struct run s, size_t *ret_n)
{
	const struct eline *f = &file->at[i];
	size_t at = 0;

	*ret_n = 0;
	if (i + s.n > file->n || s.at[0].len == 0 || f->len < s.at[0].len)
		return 0;
	if (s.n > 1) {
		const struct eline *last = &s.at[s.n - 1], *f_last = f + s.n - 1;

		for (size_t k = 1; k + 1 < s.n; k++)
			if (!eline_same(&f[k], &s.at[k]))
				return 0;
		*ret_n = memcmp(f->at + f->len - s.at[0].len, s.at[0].at, s.at[0].len) == 0 && f_last->len >= last->len &&
		         memcmp(f_last->at, last->at, last->len) == 0;
		return f->len - s.at[0].len;
	}
	for (const char *p = f->at, *end = f->at + f->len; p != NULL; p++) {
		p = memmem(p, (size_t)(end - p), s.at[0].at, s.at[0].len);
		if (p == NULL)
			break;
		at = (size_t)(p - f->at);
		++*ret_n;
	}
	return at;
}

/* The file's lines with what is replaced inside of them. */
static void part_make(const struct eline *f, size_t at, struct run s, struct run p, struct mended *ret)
{
	const struct eline *last = &f[s.n - 1];
	size_t behind = (s.n > 1 ? 0 : at) + s.at[s.n - 1].len;
	struct span line, rest;
	struct buf b = { 0 };
	char *made;

	buf_add(&b, f->at, at);
	for (size_t i = 0; i < p.n; i++) {
		buf_add(&b, p.at[i].at, p.at[i].len);
		if (i + 1 < p.n)
			buf_add_char(&b, '\n');
	}
	buf_add(&b, last->at + behind, last->len - behind);
	made = arena_bytes(&ret->arena, b.len + 1);
	memcpy(made, buf_str(&b), b.len + 1);
	rest = (struct span){ made, b.len };
	while (span_line(&rest, &line))
		add_line(&ret->replace, line.at, line.len);
	for (size_t i = 0; i < s.n; i++)
		eline_copy(&ret->search, &f[i]);
	buf_done(&b);
}

static bool mend_part(const struct elines *file, struct run s, struct run p, struct mended *ret)
{
	size_t found = 0, line = 0, at = 0;

	for (size_t i = 0; i < file->n; i++) {
		size_t n, here = part_in(file, i, s, &n);

		if (n > 0) {
			line = i;
			at = here;
		}
		found += n;
	}
	ret->place = (struct place){ .fit = FIT_EXACT, .found = found, .at = line };
	if (found == 1)
		part_make(&file->at[line], at, s, p, ret);
	return found > 0;
}

/* --- all of them -------------------------------------------------------------------------- */

void place_at_line(const struct elines *file, struct run s, size_t line, struct place *place)
{
	if (place->found < 2 || place->fit > FIT_TRAILING || line == 0 || s.n == 0 || line - 1 + s.n > file->n)
		return;
	for (size_t i = 0; i < s.n; i++) {
		const struct eline *f = &file->at[line - 1 + i];

		if (place->fit == FIT_EXACT ? !eline_same(f, &s.at[i]) : !eline_same_solid(f, &s.at[i]))
			return;
	}
	place->found = 1;
	place->at = line - 1;
}

void mend_find(const struct elines *file, struct run s, struct run p, const struct edit_more *more, enum mend *ret_mend,
               struct mended *ret)
{
	static const struct {
		enum mend mend;
		bool (*try)(const struct elines *file, struct run s, struct run p, struct mended *ret);
	} mends[] = {
		{ MEND_NUMBERS, mend_numbers_tight }, { MEND_NUMBERS, mend_numbers_blank }, { MEND_CHARACTERS, mend_entities },
		{ MEND_CHARACTERS, mend_characters }, { MEND_BLANK_LINES, mend_blank_lines }, { MEND_ELIDED, mend_elided },
		{ MEND_PART, mend_part },
	};

	*ret_mend = MEND_NONE;
	if (solid_lines(s) == 0)
		return;
	for (size_t i = 0; i < sizeof mends / sizeof mends[0]; i++) {
		if (mends[i].mend == MEND_PART && !more->in_line)
			break;
		*ret = (struct mended){ .place = { 0 } };
		if (mends[i].try(file, s, p, ret)) {
			place_at_line(file, (struct run){ ret->search.at, ret->search.n }, more->line, &ret->place);
			*ret_mend = mends[i].mend;
			return;
		}
		mended_done(ret);
	}
}
