/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "repo.h"

/* Does the file have a part, folders included, that begins with "test"? */
static bool has_test_part(const char *path)
{
	for (const char *p = strstr(path, "test"); p != NULL; p = strstr(p + 1, "test"))
		if (p == path || p[-1] == '/')
			return true;
	return false;
}

static void put_line(struct buf *ret, size_t level, const char *name, size_t len, bool dir)
{
	char *to = buf_reserve(ret, level * 4 + len + 2);

	memset(to, ' ', level * 4);
	to += level * 4;
	memcpy(to, name, len);
	to += len;
	if (dir)
		*to++ = '/';
	*to++ = '\n';
	*to = '\0';
	ret->len = (size_t)(to - ret->at);
}

/* Directories of path that are not those of the line before it are opened, then comes the file. */
static void put_file(struct buf *ret, const char *before, struct span path)
{
	size_t i = 0, level = 0, from = 0;

	for (; i < path.len && before[i] == path.at[i]; i++) {   /* before ends with NUL, of which path has none */
		if (path.at[i] == '/') {
			level++;
			from = i + 1;
		}
	}
	for (i = from; i < path.len; i++) {
		if (path.at[i] == '/') {
			put_line(ret, level++, path.at + from, i - from, true);
			from = i + 1;
		}
	}
	put_line(ret, level, path.at + from, path.len - from, false);
}

void repo_listing(const struct repo *repo, bool with_tests, struct buf *ret)
{
	const char *before = "";

	for (size_t i = 0; i < repo_count(repo); i++) {
		const char *path = repo_path(repo, i);
		struct span name = span_of(path);

		if (!span_ends(name, ".py") || (!with_tests && has_test_part(path)))
			continue;
		put_file(ret, before, name);
		before = path;
	}
}
