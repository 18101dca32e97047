/* SPDX-License-Identifier: MIT */
#include <git2.h>
#include <pthread.h>
#include <string.h>

#include "edit.h"

/*
 * Changes as git's diff.  libgit2 makes the hunks; the lines above them are written here, so that
 * `git apply` takes any name (quoted as git quotes it) and any bytes (forced to be text).
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

/* "a/" + name, as git writes it; tab: behind a name with blanks, as git does where the line would
 * be unclear. */
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

/* --- hunks --------------------------------------------------------------------------------- */

#define MARGIN_LINES 100        /* equal lines around what differs that are still shown to libgit2 */

/* What of both texts libgit2 gets to see: files are long and what differs in them is short. */
struct window {
	struct span old, new;
	size_t skipped;         /* lines in front */
	bool to_end;            /* nothing is left out behind */
};

/* Where the line begins that is n lines above the one that begins at p. */
static const char *lines_back(const char *start, const char *p, size_t n)
{
	for (; n > 0 && p > start; n--) {
		const char *nl = p - 1 > start ? memrchr(start, '\n', (size_t)(p - 1 - start)) : NULL;

		p = nl != NULL ? nl + 1 : start;
	}
	return p;
}

static const char *lines_on(const char *p, const char *end, size_t n)
{
	for (; n > 0 && p < end; n--) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		p = nl != NULL ? nl + 1 : end;
	}
	return p;
}

static struct window window_of(struct span old, struct span new)
{
	size_t shorter = old.len < new.len ? old.len : new.len, front = 0, back = 0;
	const char *from, *to;
	struct window w = { .to_end = true };

	while (front < shorter && old.at[front] == new.at[front])
		front++;
	while (back < shorter - front && old.at[old.len - 1 - back] == new.at[new.len - 1 - back])
		back++;
	from = lines_back(old.at, old.at + front, MARGIN_LINES);
	/* in old; behind the first whole line that is equal, some more lines on */
	to = lines_on(old.at + old.len - back, old.at + old.len, MARGIN_LINES);
	front = (size_t)(from - old.at);
	back = (size_t)(old.at + old.len - to);
	for (const char *p = old.at; (p = memchr(p, '\n', (size_t)(from - p))) != NULL; p++)
		w.skipped++;
	w.to_end = back == 0;
	w.old = (struct span){ from, (size_t)(to - from) };
	w.new = (struct span){ new.at + front, new.len - front - back };
	return w;
}

/* One hunk as libgit2 prints it. */
struct hunk {
	size_t old, n_old, new, n_new;  /* as in its header */
	struct span body;
};

static bool number_read(struct span *s, size_t *ret)
{
	size_t n = 0, digits = 0;

	while (s->len > 0 && s->at[0] >= '0' && s->at[0] <= '9') {
		n = n * 10 + (size_t)(s->at[0] - '0');
		s->at++;
		s->len--;
		digits++;
	}
	*ret = n;
	return digits > 0;
}

/* "-12,3" or "-12" */
static bool range_read(struct span *s, char sign, size_t *ret_at, size_t *ret_n)
{
	while (s->len > 0 && s->at[0] == ' ')
		*s = (struct span){ s->at + 1, s->len - 1 };
	if (s->len == 0 || s->at[0] != sign)
		return false;
	*s = (struct span){ s->at + 1, s->len - 1 };
	*ret_n = 1;
	if (!number_read(s, ret_at))
		return false;
	if (s->len == 0 || s->at[0] != ',')
		return true;
	*s = (struct span){ s->at + 1, s->len - 1 };
	return number_read(s, ret_n);
}

/* The next hunk of the text; *rest moves behind it.  Its end is counted, for a line of it may look
 * like a header. */
static bool hunk_read(struct span *rest, struct hunk *ret)
{
	struct span line;
	size_t old = 0, new = 0;

	if (!span_starts(*rest, "@@ ") || !span_line(rest, &line))
		return false;
	line = (struct span){ line.at + 2, line.len - 2 };
	if (!range_read(&line, '-', &ret->old, &ret->n_old) || !range_read(&line, '+', &ret->new, &ret->n_new))
		return false;
	ret->body = (struct span){ rest->at, 0 };
	while (rest->len > 0 && (old < ret->n_old || new < ret->n_new || rest->at[0] == '\\')) {
		char sign = rest->at[0];

		old += sign == ' ' || sign == '-';
		new += sign == ' ' || sign == '+';
		span_line(rest, &line);
	}
	ret->body.len = (size_t)(rest->at - ret->body.at);
	return true;
}

static void range_print(char sign, size_t at, size_t n, struct buf *ret)
{
	buf_printf(ret, n == 1 ? " %c%zu" : " %c%zu,%zu", sign, at, n);
}

/* What git shows behind "@@": the last line above the hunk that begins with a letter. */
static void heading_print(const struct change *c, const struct window *w, const struct hunk *h, struct buf *ret)
{
	const char *start = c->before.at, *p = lines_on(w->old.at, w->old.at + w->old.len, h->old > 0 ? h->old - 1 : 0);

	while (start != NULL && p > start) {
		size_t n;

		p = lines_back(start, p, 1);
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' || *p == '$'))
			continue;
		n = strcspn(p, "\n");
		n = n > 80 ? 80 : n;
		while (n > 0 && ((unsigned char)p[n] & 0xC0) == 0x80)   /* no half character */
			n--;
		buf_add_char(ret, ' ');
		buf_add_span(ret, span_trim((struct span){ p, n }));
		return;
	}
}

static size_t context_front(const struct hunk *h)
{
	struct span rest = h->body, line;
	size_t n = 0;

	while (rest.len > 0 && rest.at[0] == ' ' && span_line(&rest, &line))
		n++;
	return n;
}

/*
 * The file's last line as context would tie the patch to its LF, of which nobody knows.  With
 * another line of context before it, it can go; one in front goes with it, so that no reader takes
 * the hunk for one at the end.
 */
static void hunk_free_end(const struct window *w, struct hunk *h)
{
	struct span rest = h->body, line, last = { "", 0 };
	size_t lines = 0, behind = 0, front = context_front(h);

	for (const char *p = w->old.at, *end = p + w->old.len; p < end; p = lines_on(p, end, 1))
		lines++;
	while (span_line(&rest, &line)) {
		behind = line.len > 0 && line.at[0] == ' ' ? behind + 1 : 0;
		last = line;
	}
	if (!w->to_end || h->old + h->n_old - 1 != lines || behind < 2 || h->n_old == behind)
		return;
	h->body.len = (size_t)(last.at - h->body.at);
	h->n_old--;
	h->n_new--;
	if (front < behind || front < 2)
		return;
	rest = h->body;
	span_line(&rest, &line);
	h->body = rest;
	h->old++;
	h->new++;
	h->n_old--;
	h->n_new--;
}

static void hunk_print(const struct change *c, const struct window *w, struct hunk *h, struct buf *ret)
{
	struct buf heading = { 0 };

	heading_print(c, w, h, &heading);
	buf_add_str(ret, "@@");
	range_print('-', h->old + w->skipped, h->n_old, ret);
	range_print('+', h->new + w->skipped, h->n_new, ret);
	buf_add_str(ret, " @@");
	buf_add_span(ret, buf_span(&heading));
	buf_add_char(ret, '\n');
	buf_add_span(ret, h->body);
	buf_done(&heading);
}

static int git_failed(struct err *err, const char *path)
{
	const git_error *e = git_error_last();

	return err_set(err, e != NULL && e->klass == GIT_ERROR_NOMEMORY ? BD_ENOMEM : BD_EINTERNAL, "%s: no diff: %s", path, e != NULL ? e->message : "unknown error");
}

static int change_print(const struct change *c, struct buf *ret, struct err *err)
{
	struct window w = window_of(buf_span(&c->before), buf_span(&c->after));
	git_diff_options opts;
	struct span rest, line;
	struct hunk h;
	git_patch *patch = NULL;
	git_buf text = { 0 };
	int rc = 0;

	git_diff_options_init(&opts, GIT_DIFF_OPTIONS_VERSION);
	opts.flags = GIT_DIFF_FORCE_TEXT | GIT_DIFF_INDENT_HEURISTIC;
	if (git_patch_from_buffers(&patch, w.old.at, w.old.len, "f", w.new.at, w.new.len, "f", &opts) < 0 ||
	    git_patch_to_buf(&text, patch) < 0) {
		rc = git_failed(err, c->path);
		goto out;
	}
	/* from the first hunk on; what is above is written here */
	rest = (struct span){ text.ptr, text.size };
	while (rest.len > 0 && !span_starts(rest, "@@ "))
		span_line(&rest, &line);
	head_print(c, rest.len > 0, ret);
	while (hunk_read(&rest, &h)) {
		if (c->end_unsure)
			hunk_free_end(&w, &h);
		hunk_print(c, &w, &h, ret);
	}
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
