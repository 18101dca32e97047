/* SPDX-License-Identifier: MIT */
#include "answer_int.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

/*
 * The files that a stage 1 answer names.  The reading that loses least is taken, the first that gives a file:
 *
 *   1. fences with nothing but files in them: the last one, which is the answer after all the deliberation
 *      before it; all of them if each holds one file only
 *   2. lines that are a file, or begin with one, or list items that hold one, wherever they stand
 *   3. any word that is a file, in the order of the text
 *
 * A name that fits no file, or several, is passed over.
 */

bool path_is_test(const char *path)
{
	struct span p = span_of(path), base = p;
	const char *slash = strrchr(path, '/');

	if (!span_ends(p, ".py"))
		return false;
	for (const char *dir = path, *end; (end = strchr(dir, '/')) != NULL; dir = end + 1) {
		struct span d = { dir, (size_t)(end - dir) };

		if (span_is(d, "test") || span_is(d, "tests"))
			return true;
	}
	if (slash != NULL)
		base = span_of(slash + 1);
	return span_starts(base, "test_") || span_ends(base, "_test.py") || span_is(base, "tests.py");
}

/* The paths found so far. */
struct found {
	const struct source *src;
	size_t max;
	bool tests_only;
	struct paths paths;
};

static bool found_add(struct found *f, struct span name)
{
	const char *path = name_resolve(f->src, name);

	if (path == NULL || (f->tests_only && !path_is_test(path)))
		return false;
	for (size_t i = 0; i < f->paths.n; i++)
		if (strcmp(f->paths.at[i], path) == 0)
			return true;
	if (f->paths.n < f->max) {
		f->paths.at = mem_grow(f->paths.at, f->paths.n + 1, sizeof *f->paths.at);
		f->paths.at[f->paths.n++] = mem_strdup(path);
	}
	return true;
}

/* Is it, with decoration gone, a path with blanks in it, or one without ending ("Makefile")? */
static bool add_whole(struct found *f, struct span whole)
{
	if (whole.len == 0 || whole.len > 255)
		return false;
	return (memchr(whole.at, ' ', whole.len) == NULL || name_is_filelike(whole)) && found_add(f, whole);
}

/* The line's own files, if it is a line of a list.  lead: list items with other words in front
 * count too. */
static bool add_line(struct found *f, struct span line, bool lead)
{
	struct name_line names;
	bool any = false;

	name_line_read(line, &names);
	if (names.kind == NAME_PURE || (lead && names.kind == NAME_LEAD))
		for (size_t i = 0; i < names.n && !(any && names.kind == NAME_LEAD); i++)
			any = found_add(f, names.at[i]) || any;
	return any || add_whole(f, names.whole);
}

static bool fence_closes(struct span line, const struct fence *open)
{
	struct fence f;

	return fence_read(line, &f) && f.ch == open->ch && f.len >= open->len && f.info.len == 0;
}

/* The body of the next fence in rest, which moves behind it; a fence without an end goes to the end. */
static bool next_fence(struct span *rest, struct span *ret_body)
{
	struct span line;
	struct fence open;

	while (span_line(rest, &line)) {
		if (!fence_read(line, &open))
			continue;
		ret_body->at = rest->at;
		ret_body->len = rest->len;
		while (span_line(rest, &line))
			if (fence_closes(line, &open)) {
				ret_body->len = (size_t)(line.at - ret_body->at);
				break;
			}
		return true;
	}
	return false;
}

/* Does every line of the fence that is not blank look like a file of a list, one at least? */
static bool is_list(struct span body)
{
	struct span line;
	bool any = false;

	while (span_line(&body, &line)) {
		struct name_line names;

		if (span_trim(line).len == 0)
			continue;
		name_line_read(line, &names);
		if (names.kind != NAME_PURE && memchr(names.whole.at, ' ', names.whole.len) != NULL)
			return false;
		any = any || names.kind == NAME_PURE;
	}
	return any;
}

static size_t add_lines(struct found *f, struct span text, bool lead)
{
	struct span line;
	size_t before = f->paths.n;

	while (f->paths.n < f->max && span_line(&text, &line))
		add_line(f, line, lead);
	return f->paths.n - before;
}

static void take_over(struct found *f, struct found *from)
{
	paths_done(&f->paths);
	f->paths = from->paths;
}

/* Reading 1. */
static void read_fences(struct found *f, struct span text)
{
	struct span body, rest = text;
	size_t most = 0;

	while (next_fence(&rest, &body)) {
		struct found one = { f->src, f->max, f->tests_only, { 0 } };
		size_t n = is_list(body) ? add_lines(&one, body, false) : 0;

		if (n == 0)
			continue;
		most = n > most ? n : most;
		if (most > 1) {
			take_over(f, &one);
			continue;
		}
		for (size_t i = 0; i < n; i++)
			found_add(f, span_of(one.paths.at[i]));
		paths_done(&one.paths);
	}
}

/* Reading 3. */
static void read_words(struct found *f, struct span text)
{
	struct span line;

	while (f->paths.n < f->max && span_line(&text, &line)) {
		struct name_line names;

		name_line_read(line, &names);
		for (size_t i = 0; i < names.n; i++)
			found_add(f, names.at[i]);
	}
}

void answer_files_from(const char *text, const struct source *src, size_t max, bool tests_only, struct paths *ret)
{
	struct found f = { src, max, tests_only, { 0 } };

	read_fences(&f, span_of(text));
	if (f.paths.n == 0)
		add_lines(&f, span_of(text), true);
	if (f.paths.n == 0)
		read_words(&f, span_of(text));
	*ret = f.paths;
}
