/* SPDX-License-Identifier: MIT */
#include "edit_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "edit_mend.h"
#include "mem.h"

/*
 * Whole files instead of edits: a fence below the file's name, with the name in its info string or as its first line.
 * It takes the file's place only if it clearly is all of it: a fence is as often a part of the file, and to take
 * that for the file would delete the rest.
 */

/* --- reading -------------------------------------------------------------------------------- */

/* Languages of fences that hold no file. */
static bool is_shell(struct span info)
{
	static const char *const words[] = {
		"bash", "sh", "shell", "console", "diff", "patch", "text", "output", "traceback", "pycon",
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (info.len == strlen(words[i]) && strncasecmp(info.at, words[i], info.len) == 0)
			return true;
	return false;
}

static bool says(struct span text, const char *words)
{
	size_t n = strlen(words);

	for (size_t i = 0; i + n <= text.len; i++)
		if (strncasecmp(text.at + i, words, n) == 0)
			return true;
	return false;
}

struct edit *edit_add_whole(struct edits *edits, struct span content)
{
	struct buf body = { 0 };
	struct edit *e;

	buf_add_str(&body, "=======\n");
	buf_add_span(&body, content);
	if (body.at[body.len - 1] != '\n')
		buf_add_char(&body, '\n');
	e = edit_add_body(edits, &body, 0);
	e->more->whole = true;
	return e;
}

/* "<file path=..>": what it names; "" if the line is none. */
static struct span file_tag(struct span line)
{
	struct span s = span_trim(line);
	bool tag = s.len > 6 && s.at[0] == '<' && strncasecmp(s.at + 1, "file", 4) == 0 && s.at[s.len - 1] == '>' &&
	           memchr(s.at, '=', s.len) != NULL;

	return tag ? (struct span){ s.at + 5, s.len - 6 } : (struct span){ "", 0 };
}

/* The name as the first line of the content. */
static bool names_itself(struct span content, struct span *ret)
{
	struct name_line names;
	struct span line;

	if (!span_line(&content, &line))
		return false;
	name_line_read(line, &names);
	if (names.kind != NAME_PURE || names.n != 1 || !name_is_filelike(names.at[0]))
		return false;
	*ret = names.at[0];
	return true;
}

static void add_fence(struct span gap, struct span info, struct span content, struct edits *ret)
{
	struct edit *e = edit_add_whole(ret, content);
	struct span name;

	if (names_itself(content, &name)) {
		e->more->has_lead = true;
		edit_hint_add(e, name, NAME_PURE, true);
	} else {
		edit_hints_read(e, gap, info);
	}
	e->more->says_new = says(gap, "new file") || says(gap, "create") || says(gap, "add ");
	if (e->more->n_hints == 0) {            /* an example, perhaps */
		edit_done(e);
		ret->n--;
	}
}

void edits_parse_whole(struct span text, struct edits *ret)
{
	struct span rest = text, line, gap = { text.at, 0 };
	size_t unclosed = 0;

	while (unclosed < 8 && span_line(&rest, &line)) {
		struct span at = rest, content = { rest.at, 0 }, name = file_tag(line);
		struct fence open, close;
		bool fenced = name.len == 0 && fence_read(line, &open), closed = false;

		if (!fenced && name.len == 0)
			continue;
		gap.len = (size_t)(rest.at - gap.at);
		while (!closed && span_line(&at, &line)) {
			content.len = (size_t)(line.at - content.at);
			closed = fenced ? fence_read(line, &close) && close.ch == open.ch && close.len >= open.len &&
			                  close.info.len == 0 && close.indent <= open.indent :
			                  span_starts(span_trim(line), "</file>");
		}
		if (!closed) {
			unclosed++;
			continue;
		}
		if (!fenced || !is_shell(open.info))
			add_fence(gap, name, content, ret);
		rest = at;
		gap = (struct span){ at.at, 0 };
	}
}

/* --- is it all of the file? ------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t *sorted_keys(const struct elines *ls, size_t *ret_n)
{
	uint64_t *keys = mem_alloc((ls->n + 1) * sizeof *keys);
	size_t n = 0;

	for (size_t i = 0; i < ls->n; i++)
		if (!eline_is_blank(&ls->at[i]))
			keys[n++] = ls->at[i].key;
	qsort(keys, n, sizeof *keys, by_key);
	*ret_n = n;
	return keys;
}

#define ANCHORS 3       /* lines at each end of the file, of which one must be there */

/* Are these lines of the file, from its beginning or its end, in the sorted keys? */
static bool is_anchored(const struct elines *file, bool end, const uint64_t *keys, size_t n)
{
	size_t seen = 0;

	for (size_t i = 0; i < file->n && seen < ANCHORS; i++) {
		const struct eline *l = &file->at[end ? file->n - 1 - i : i];

		if (eline_is_blank(l))
			continue;
		if (bsearch(&l->key, keys, n, sizeof *keys, by_key) != NULL)
			return true;
		seen++;
	}
	return false;
}

/* How many keys both have. */
static size_t count_common(const uint64_t *a, size_t n_a, const uint64_t *b, size_t n_b)
{
	size_t n = 0;

	for (size_t i = 0, k = 0; i < n_a && k < n_b;) {
		n += a[i] == b[k];
		if (a[i] == b[k]) {
			i++;
			k++;
		} else if (a[i] < b[k]) {
			i++;
		} else {
			k++;
		}
	}
	return n;
}

static bool leaves_out(const struct elines *made, const uint64_t *keys, size_t n)
{
	for (size_t i = 0; i < made->n; i++)
		if (eline_elides(&made->at[i]) && bsearch(&made->at[i].key, keys, n, sizeof *keys, by_key) == NULL)
			return true;
	return false;
}

bool whole_is_complete(const struct elines *file, const struct elines *made)
{
	size_t n_old, n_new;
	uint64_t *old = sorted_keys(file, &n_old), *new = sorted_keys(made, &n_new);
	size_t common = count_common(old, n_old, new, n_new), lost = n_old - common;
	bool complete = n_old > 0 && (lost <= ANCHORS || lost * 5 <= n_old) && common * 2 >= n_old &&
	                is_anchored(file, false, new, n_new) && is_anchored(file, true, new, n_new) &&
	                !leaves_out(made, old, n_old);

	free(old);
	free(new);
	return complete;
}
