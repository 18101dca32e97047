/* SPDX-License-Identifier: MIT */
#include "helper_source.h"

#include <string.h>

static const struct source_file *find(void *data, struct span path)
{
	for (const struct source_file *f = data; f->path != NULL; f++)
		if (span_is(path, f->path))
			return f;
	return NULL;
}

static bool has(void *data, const char *path)
{
	return find(data, span_of(path)) != NULL;
}

/* The rules of repo_resolve() that matter here: the path, without "a/", "b/", "./", else the only end. */
static const char *resolve(void *data, struct span name)
{
	const struct source_file *f = find(data, name), *only = NULL;

	while (f == NULL && name.len > 2 && (span_starts(name, "a/") || span_starts(name, "b/") || span_starts(name, "./"))) {
		name.at += 2;
		name.len -= 2;
		f = find(data, name);
	}
	if (f != NULL || name.len == 0 || name.at[0] == '/')
		return f != NULL ? f->path : NULL;
	for (f = data; f->path != NULL; f++) {
		size_t n = strlen(f->path);

		if (n <= name.len || f->path[n - name.len - 1] != '/' ||
		    memcmp(f->path + n - name.len, name.at, name.len) != 0)
			continue;
		if (only != NULL)
			return NULL;
		only = f;
	}
	return only != NULL ? only->path : NULL;
}

static int read_file(void *data, const char *path, struct buf *ret, struct err *err)
{
	const struct source_file *f = find(data, span_of(path));

	if (f == NULL || f->text == NULL)
		return err_set(err, BD_ENOTFOUND, "%s is not there", path);
	buf_add(ret, f->text, f->len > 0 ? f->len : strlen(f->text));
	return 0;
}

struct source source_of_files(const struct source_file *files)
{
	union { const struct source_file *in; void *out; } u = { .in = files };

	return (struct source){ .data = u.out, .resolve = resolve, .has = has, .read = read_file };
}
