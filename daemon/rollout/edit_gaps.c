/* SPDX-License-Identifier: MIT */
#include "edit_mend.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"

/* SEARCH with lines that are not there: blank ones, or those that "..." stands for. */

static size_t *solid_indexes(struct run s, size_t *ret_n)
{
	size_t *at = mem_alloc((s.n + 1) * sizeof *at), n = 0;

	for (size_t i = 0; i < s.n; i++)
		if (!eline_is_blank(&s.at[i]))
			at[n++] = i;
	*ret_n = n;
	return at;
}

static void copy_lines(struct elines *ret, const struct eline *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		eline_copy(ret, &at[i]);
}

/* --- blank lines ------------------------------------------------------------------------ */

/* How many places of the file have the lines of s one after the other, but for blank ones; *ret: the last. */
static size_t find_solid(const struct elines *file, const size_t *fs, size_t fn, struct run s, const size_t *ss,
                         size_t sn, size_t *ret)
{
	size_t found = 0;

	for (size_t i = 0; i + sn <= fn; i++) {
		size_t k = 0;

		while (k < sn && eline_same_solid(&file->at[fs[i + k]], &s.at[ss[k]]))
			k++;
		if (k == sn) {
			found++;
			*ret = i;
		}
	}
	return found;
}

/*
 * REPLACE with the file's blank lines: where it keeps two lines of SEARCH next to each other, with as many blank lines
 * between them as SEARCH has, come those of the file.
 */
static void spread_replace(const struct elines *file, const size_t *fs, struct run s, const size_t *ss, size_t sn,
                           struct run p, struct elines *ret)
{
	size_t *keeps = lines_align(s, p), *rank = mem_alloc((s.n + 1) * sizeof *rank), last = SIZE_MAX, blank = 0;
	size_t front = 0;

	for (size_t k = 0; k < sn; k++)
		rank[ss[k]] = k;
	while (front < p.n && front < (sn > 0 ? ss[0] : 0) && eline_is_blank(&p.at[front]))
		front++;                                /* as many as SEARCH has in front */
	for (size_t i = front; i < p.n; i++) {
		size_t k;

		if (eline_is_blank(&p.at[i])) {
			blank++;
			continue;
		}
		k = keeps[i] != KEEPS_NONE ? rank[keeps[i]] : SIZE_MAX;
		if (k != SIZE_MAX && last != SIZE_MAX && k == last + 1 && blank == ss[k] - ss[last] - 1)
			copy_lines(ret, &file->at[fs[last] + 1], fs[k] - fs[last] - 1);
		else
			copy_lines(ret, &p.at[i - blank], blank);
		eline_copy(ret, &p.at[i]);
		last = k;
		blank = 0;
	}
	/* blank lines at the end: without as many as SEARCH has there */
	size_t less = sn > 0 ? s.n - 1 - ss[sn - 1] : 0;

	if (blank > less)
		copy_lines(ret, &p.at[p.n - blank], blank - less);
	free(rank);
	free(keeps);
}

bool mend_blank_lines(const struct elines *file, struct run s, struct run p, struct mended *ret)
{
	size_t fn, sn, at = 0, *fs = solid_indexes((struct run){ file->at, file->n }, &fn), *ss = solid_indexes(s, &sn);
	size_t found = sn > 1 ? find_solid(file, fs, fn, s, ss, sn, &at) : 0;

	if (found > 0) {
		copy_lines(&ret->search, &file->at[fs[at]], fs[at + sn - 1] - fs[at] + 1);
		spread_replace(file, &fs[at], s, ss, sn, p, &ret->replace);
		ret->place = (struct place){ .fit = FIT_EXACT, .found = found, .at = fs[at] };
	}
	free(fs);
	free(ss);
	return found > 0;
}

/* --- "..." -------------------------------------------------------------------------------- */

/* "...", "# ... existing code ..."; comment: only behind a comment sign. */
static bool is_elision(const struct eline *l, bool comment)
{
	struct span s = span_trim((struct span){ l->at, l->len });
	size_t n = span_starts(s, "#") ? 1 : span_starts(s, "//") ? 2 : 0;

	if (comment && n == 0)
		return false;
	s = span_trim((struct span){ s.at + n, s.len - n });
	if (!span_starts(s, "...") && !span_starts(s, "\xE2\x80\xA6"))
		return false;
	/* without a comment sign nothing else may be on the line */
	for (size_t i = 0; n == 0 && i < s.len; i++)
		if (s.at[i] != '.' && (unsigned char)s.at[i] < 0x80)
			return false;
	return true;
}

#define PARTS_MAX 16

static bool is_blank_run(struct run r)
{
	for (size_t i = 0; i < r.n; i++)
		if (!eline_is_blank(&r.at[i]))
			return false;
	return true;
}

/* The stretches between the elisions; false if there is no elision, or nothing on a side of one. */
static bool parts_read(struct run s, bool ends_too, struct run *ret, size_t *ret_n)
{
	size_t from = 0, n = 0;

	for (size_t i = 0; i <= s.n; i++) {
		if (i < s.n && !is_elision(&s.at[i], false))
			continue;
		if (n == PARTS_MAX || (!ends_too && is_blank_run((struct run){ s.at + from, i - from })))
			return false;
		ret[n++] = (struct run){ s.at + from, i - from };
		from = i + 1;
	}
	*ret_n = n;
	return n > 1;
}

static bool part_at(const struct elines *file, size_t at, struct run part)
{
	if (at + part.n > file->n)
		return false;
	for (size_t i = 0; i < part.n; i++)
		if (!eline_same_solid(&file->at[at + i], &part.at[i]))
			return false;
	return true;
}

/*
 * The parts one after the other in the file, with at least one line between each two: in how many ways (2 stands for
 * more), and where each is if there is one way.
 */
static size_t find_parts(const struct elines *file, const struct run *parts, size_t n, size_t *at)
{
	size_t width = file->n + 1, total = 0, before;
	/* ways[k * width + i]: in how many ways the parts up to k are placed so that k is at line i */
	unsigned char *ways = mem_zero(n * width, 1), *sum = mem_zero(width + 1, 1), *next = mem_zero(width + 1, 1);

	memset(sum, 1, width + 1);      /* sum[i]: in how many ways the parts so far end before line i */
	for (size_t k = 0; k < n; k++) {
		memset(next, 0, width + 1);
		for (size_t i = 0; i < file->n; i++)
			if (sum[i] > 0 && part_at(file, i, parts[k])) {
				unsigned char *end = &next[i + parts[k].n + (k + 1 < n)];

				ways[k * width + i] = sum[i];
				*end = (unsigned char)(*end + sum[i] > 2 ? 2 : *end + sum[i]);
			}
		for (size_t i = 1; i <= width; i++)
			next[i] = (unsigned char)(next[i] + next[i - 1] > 2 ? 2 : next[i] + next[i - 1]);
		unsigned char *swap = sum;

		sum = next;
		next = swap;
	}
	total = sum[width];
	before = file->n;
	for (size_t k = n; total == 1 && k-- > 0;) {
		size_t i = before + 1;

		while (i-- > 0 && (ways[k * width + i] == 0 || i + parts[k].n + (k + 1 < n) > before))
			;
		at[k] = before = i;
	}
	free(ways);
	free(sum);
	free(next);
	return total;
}

/* How many lines of text with anything in it p has too. */
static size_t shared_lines(struct run text, struct run p)
{
	size_t *keeps = lines_align(text, p), n = 0;

	for (size_t i = 0; i < p.n; i++)
		n += keeps[i] != KEEPS_NONE && !eline_is_blank(&p.at[i]);
	free(keeps);
	return n;
}

/*
 * The lines that "..." left out, in REPLACE: as many times as in SEARCH, or nowhere.  In the latter case REPLACE must have
 * most of them itself: else it is not known whether they are to go.
 */
static bool fill_replace(const struct elines *file, const struct run *parts, size_t n, const size_t *at, struct run p,
                         struct elines *ret)
{
	struct run mine[PARTS_MAX];
	size_t n_mine, solid = 0, shared = 0;

	if (parts_read(p, true, mine, &n_mine)) {
		for (size_t k = 0; n_mine == n && k < n; k++) {
			size_t end = at[k] + parts[k].n;

			copy_lines(ret, mine[k].at, mine[k].n);
			if (k + 1 < n)
				copy_lines(ret, &file->at[end], at[k + 1] - end);
		}
		return n_mine == n;
	}
	for (size_t k = 0; k + 1 < n; k++) {
		struct run gap = { &file->at[at[k] + parts[k].n], at[k + 1] - at[k] - parts[k].n };

		for (size_t i = 0; i < gap.n; i++)
			solid += !eline_is_blank(&gap.at[i]);
		shared += shared_lines(gap, p);
	}
	copy_lines(ret, p.at, p.n);
	return shared * 10 >= solid * 7;
}

bool mend_elided(const struct elines *file, struct run s, struct run p, struct mended *ret)
{
	struct run parts[PARTS_MAX];
	size_t at[PARTS_MAX] = { 0 }, n, found;

	if (!parts_read(s, false, parts, &n))
		return false;
	found = find_parts(file, parts, n, at);
	if (found != 1) {
		ret->place = (struct place){ .fit = FIT_EXACT, .found = found };
		return found > 0;
	}
	ret->place = (struct place){ .fit = FIT_EXACT, .found = 1, .at = at[0] };
	copy_lines(&ret->search, &file->at[at[0]], at[n - 1] + parts[n - 1].n - at[0]);
	return fill_replace(file, parts, n, at, p, &ret->replace);
}

/* --- "..." in REPLACE alone ----------------------------------------------------------------- */

/* Does it say that it stands for code, so that it is no comment of the program? */
static bool is_sure_elision(const struct eline *l)
{
	static const char *const words[] = { "existing", "rest of", "unchanged", "same", "remain", "previous", "as before",
	                                     "omitted", "original", "other code", "keep" };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		for (size_t at = 0; at + strlen(words[i]) <= l->len; at++)
			if (strncasecmp(l->at + at, words[i], strlen(words[i])) == 0)
				return true;
	return false;
}

bool eline_elides(const struct eline *l)
{
	return is_elision(l, true) && is_sure_elision(l);
}

static size_t next_solid(struct run p, size_t i)
{
	while (i < p.n && eline_is_blank(&p.at[i]))
		i++;
	return i;
}

/* Is it clear that a line of p stands for the lines of s up to `to`: all that follows is the same, or no other line is? */
static bool is_clear(struct run s, struct run p, size_t last, size_t next, size_t to)
{
	if (next < p.n && p.n - next != s.n - to)
		for (size_t i = last + 1; i < s.n; i++)
			if (i != to && eline_same_solid(&s.at[i], &s.at[to]))
				return false;
	return to > last;
}

bool mend_elided_replace(struct run s, struct run p, struct elines *ret, bool *ret_unclear)
{
	size_t *keeps = lines_align(s, p), last = SIZE_MAX, blank = 0;
	bool any = false;

	*ret_unclear = false;
	for (size_t i = 0; i < p.n; i++) {
		size_t next = next_solid(p, i + 1), to = next < p.n ? keeps[next] : s.n;
		bool elides = keeps[i] == KEEPS_NONE && is_elision(&p.at[i], true);
		bool clear = elides && last != SIZE_MAX && to != KEEPS_NONE && is_clear(s, p, last, next, to);

		if (clear && (to > last + 1 || is_sure_elision(&p.at[i]))) {
			ret->n -= blank;        /* those around it are among the lines that come */
			copy_lines(ret, &s.at[last + 1], to - last - 1);
			any = true;
			i = next - 1;
		} else {
			*ret_unclear = *ret_unclear || (elides && is_sure_elision(&p.at[i]));
			eline_copy(ret, &p.at[i]);
		}
		blank = eline_is_blank(&p.at[i]) ? blank + 1 : 0;
		if (blank == 0)
			last = keeps[i];
	}
	free(keeps);
	return any;
}
