/* SPDX-License-Identifier: MIT */
#include <git2.h>
#include <pthread.h>
#include <string.h>

#include "edit.h"

/*
 * Changes as git's diff.  libgit2 makes the hunks; the lines above them are written here, so that `git apply`
 * takes any name (quoted as git quotes it) and any bytes (forced to be text).
 */

static pthread_once_t git_once = PTHREAD_ONCE_INIT;

/* Never shut down: other threads may be in it. */
static void git_start(void)
{
	git_libgit2_init();
}

static bool needs_quotes(const char *name)
{
	for (const unsigned char *p = (const unsigned char *)name; *p != '\0'; p++)
		if (*p < 0x20 || *p >= 0x7f || *p == '"' || *p == '\\')
			return true;
	return false;
}

/* "a/" + name, as git writes it; tab: behind a name with blanks, as git does where the line would be unclear. */
static void name_print(const char *prefix, const char *name, bool tab, struct buf *ret)
{
	static const char letters[] = "abtnvfr";

	if (!needs_quotes(name)) {
		buf_printf(ret, "%s%s", prefix, name);
		if (tab && strchr(name, ' ') != NULL)
			buf_add_char(ret, '\t');
		return;
	}
	buf_printf(ret, "\"%s", prefix);
	for (const unsigned char *p = (const unsigned char *)name; *p != '\0'; p++) {
		if (*p >= 7 && *p <= 13)
			buf_printf(ret, "\\%c", letters[*p - 7]);
		else if (*p == '"' || *p == '\\')
			buf_printf(ret, "\\%c", *p);
		else if (*p < 0x20 || *p >= 0x7f)
			buf_printf(ret, "\\%03o", *p);
		else
			buf_add_char(ret, (char)*p);
	}
	buf_add_char(ret, '"');
}

/* What stands above the hunks; of an empty file, all there is. */
static void head_print(const struct change *c, bool hunks, struct buf *ret)
{
	buf_add_str(ret, "diff --git ");
	name_print("a/", c->path, false, ret);
	buf_add_char(ret, ' ');
	name_print("b/", c->path, false, ret);
	buf_add_char(ret, '\n');
	if (c->created)
		buf_add_str(ret, "new file mode 100644\n");
	else if (c->deleted)
		buf_add_str(ret, "deleted file mode 100644\n");
	if (!hunks)
		return;
	buf_add_str(ret, "--- ");
	if (c->created)
		buf_add_str(ret, "/dev/null");
	else
		name_print("a/", c->path, true, ret);
	buf_add_str(ret, "\n+++ ");
	if (c->deleted)
		buf_add_str(ret, "/dev/null");
	else
		name_print("b/", c->path, true, ret);
	buf_add_char(ret, '\n');
}

static int git_failed(struct err *err, const char *path)
{
	const git_error *e = git_error_last();

	return err_set(err, BD_EINTERNAL, "%s: no diff: %s", path, e != NULL ? e->message : "unknown error");
}

static int change_print(const struct change *c, struct buf *ret, struct err *err)
{
	git_diff_options opts;
	struct span before = buf_span(&c->before), after = buf_span(&c->after), rest, line;
	git_patch *patch = NULL;
	git_buf text = { 0 };
	int rc = 0;

	git_diff_options_init(&opts, GIT_DIFF_OPTIONS_VERSION);
	opts.flags = GIT_DIFF_FORCE_TEXT | GIT_DIFF_INDENT_HEURISTIC;
	if (git_patch_from_buffers(&patch, before.at, before.len, "f", after.at, after.len, "f", &opts) < 0 ||
	    git_patch_to_buf(&text, patch) < 0) {
		rc = git_failed(err, c->path);
		goto out;
	}
	/* from the first hunk on */
	rest = (struct span){ text.ptr, text.size };
	while (rest.len > 0 && !span_starts(rest, "@@ "))
		span_line(&rest, &line);
	head_print(c, rest.len > 0, ret);
	buf_add_span(ret, rest);
out:
	git_buf_dispose(&text);
	git_patch_free(patch);
	return rc;
}

static bool differs(const struct change *c)
{
	if (c->created && c->deleted)
		return false;
	return c->created || c->deleted || c->before.len != c->after.len ||
	       (c->before.len > 0 && memcmp(c->before.at, c->after.at, c->before.len) != 0);
}

int patch_print(const struct change *changes, size_t n, struct buf *ret, struct err *err)
{
	int rc = 0;

	pthread_once(&git_once, git_start);
	for (size_t i = 0; i < n && rc == 0; i++)
		if (differs(&changes[i]))
			rc = change_print(&changes[i], ret, err);
	return rc;
}
