/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "repo.h"

/* Does the file have a part, folders included, that begins with "test"? */
static bool has_test_part(const char *path)
{
	for (const char *p = path; p != NULL; p = strchr(p, '/')) {
		p += *p == '/';
		if (strncmp(p, "test", 4) == 0)
			return true;
	}
	return false;
}

static void put_line(struct buf *ret, int level, const char *name, size_t len, const char *end)
{
	for (int i = 0; i < level; i++)
		buf_add_str(ret, "    ");
	buf_add(ret, name, len);
	buf_add_str(ret, end);
}

/* Directories of path that are not those of the line before it are opened, then comes the file. */
static void put_file(struct buf *ret, const char *before, const char *path)
{
	bool same = true;
	int level = 0;
	const char *slash;

	for (const char *at = path;; at = slash + 1, level++) {
		slash = strchr(at, '/');
		if (slash == NULL) {
			put_line(ret, level, at, strlen(at), "\n");
			return;
		}
		same = same && strncmp(before, path, (size_t)(slash - path) + 1) == 0;
		if (!same)
			put_line(ret, level, at, (size_t)(slash - at), "/\n");
	}
}

void repo_listing(const struct repo *repo, bool with_tests, struct buf *ret)
{
	const char *before = "";

	for (size_t i = 0; i < repo_count(repo); i++) {
		const char *path = repo_path(repo, i);

		if (!span_ends(span_of(path), ".py") || (!with_tests && has_test_part(path)))
			continue;
		put_file(ret, before, path);
		before = path;
	}
}
