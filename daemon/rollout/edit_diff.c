/* SPDX-License-Identifier: MIT */
#include "edit_int.h"

#include <string.h>

/*
 * Diffs instead of SEARCH/REPLACE blocks: unified ones, with or without numbers behind "@@", and
 * the form of "*** Update File: path".  Each hunk becomes an edit: what it has of the old file is
 * SEARCH, of the new one REPLACE.  Numbers are not believed; a hunk goes where its text is.
 */
struct hunk {
	struct buf old, new;
	struct buf raw_old, raw_new;    /* the same if context has no blank in front */
	size_t n_old, n_new;
	size_t line;                    /* of the old file, as its header says; 0: it does not */
	bool open;
};

struct diff {
	struct edits *edits;
	struct hunk hunk;
	struct span name;               /* of the file that hunks are for */
	bool created, deleted, minus;   /* minus: a "---" line waits for its "+++" */
	bool starred;                   /* inside "*** Begin Patch" */
	bool in_file;                   /* a file has been named: hunks may come */
	bool bare;                      /* in a fence for a diff that has no "@@" line */
	size_t before;                  /* edits of this file so far */
	struct fence fence;
	bool fenced;
};

static struct edit *add_hunk(struct diff *d)
{
	struct hunk *h = &d->hunk;
	struct buf body = { 0 }, raw = { 0 };
	struct edit *e;

	buf_add_span(&body, buf_span(&h->old));
	buf_add_str(&body, "=======\n");
	buf_add_span(&body, buf_span(&h->new));
	e = edit_add_body(d->edits, &body, h->n_old);
	e->more->is_diff = true;
	buf_add_span(&raw, buf_span(&h->raw_old));
	buf_add_str(&raw, "=======\n");
	buf_add_span(&raw, buf_span(&h->raw_new));
	e->more->raw_len = raw.len;
	e->more->raw = buf_take_str(&raw);
	edit_hint_add(e, d->name, NAME_PURE, true);
	return e;
}

static void hunk_end(struct diff *d)
{
	struct hunk *h = &d->hunk;

	if (h->open && d->name.len > 0 && (h->n_old > 0 || h->n_new > 0)) {
		struct edit *e = add_hunk(d);

		e->more->deletes = d->deleted;
		e->more->line = h->line;
		d->before++;
	}
	h->open = false;
	h->n_old = h->n_new = 0;
	buf_reset(&h->old);
	buf_reset(&h->new);
	buf_reset(&h->raw_old);
	buf_reset(&h->raw_new);
}

/* An empty new file has no hunk. */
static void file_end(struct diff *d)
{
	hunk_end(d);
	if (d->created && d->in_file && d->before == 0 && d->name.len > 0)
		add_hunk(d);
	d->created = d->deleted = d->minus = d->in_file = false;
	d->before = 0;
	d->name = (struct span){ "", 0 };
}

static void add_line(struct buf *b, struct span text)
{
	buf_add_span(b, text);
	buf_add_char(b, '\n');
}

/* raw: the line as it stands, for context that has no blank in front. */
static void hunk_line(struct hunk *h, char sign, struct span text, struct span raw)
{
	if (sign != '+') {
		add_line(&h->old, text);
		add_line(&h->raw_old, raw);
		h->n_old++;
	}
	if (sign != '-') {
		add_line(&h->new, text);
		add_line(&h->raw_new, raw);
		h->n_new++;
	}
}

/* The path behind "--- " and "+++ ": without a tab and what follows it, without a/ and b/. */
static struct span diff_name(struct span s)
{
	const char *tab = memchr(s.at, '\t', s.len);

	if (tab != NULL)
		s.len = (size_t)(tab - s.at);
	s = span_trim(s);
	if (s.len > 1 && (s.at[0] == '"' || s.at[0] == '`') && s.at[s.len - 1] == s.at[0]) {
		s.at++;
		s.len -= 2;
	}
	if ((span_starts(s, "a/") || span_starts(s, "b/")) && s.len > 2) {
		s.at += 2;
		s.len -= 2;
	}
	return s;
}

static struct span behind(struct span s, const char *prefix)
{
	size_t n = strlen(prefix);

	return span_trim((struct span){ s.at + n, s.len - n });
}

/* The lines that begin a file or end one.  True if it was one. */
static bool frame_line(struct diff *d, struct span s)
{
	static const char *const stars[] = { "*** Update File:", "*** Add File:", "*** Delete File:" };

	if (span_starts(s, "diff --git ") || span_starts(s, "*** Begin Patch") || span_starts(s, "*** End Patch")) {
		file_end(d);
		d->starred = span_starts(s, "*** Begin");
		return true;
	}
	for (size_t i = 0; i < 3; i++)
		if (span_starts(s, stars[i])) {
			file_end(d);
			d->starred = d->in_file = true;
			d->name = diff_name(behind(s, stars[i]));
			d->created = i == 1;
			d->hunk.open = i == 1;
			return true;
		}
	if (d->starred && span_starts(s, "*** "))       /* End of File, Move to */
		return true;
	return false;
}

/* "--- old" and "+++ new" outside a hunk, or where a next line shows that the hunk is over. */
static bool name_lines(struct diff *d, struct span s, struct span next)
{
	if (!d->minus && span_starts(s, "--- ") && span_starts(next, "+++ ")) {
		struct span name = diff_name(behind(s, "--- "));

		file_end(d);
		d->created = span_is(name, "/dev/null");
		d->name = name;
		d->minus = true;
		return true;
	}
	if (d->minus && span_starts(s, "+++ ")) {
		struct span name = diff_name(behind(s, "+++ "));

		d->minus = false;
		d->in_file = true;
		d->deleted = span_is(name, "/dev/null");
		if (!d->deleted)
			d->name = name;
		return true;
	}
	return false;
}

static struct span next_line(struct span rest)
{
	struct span line = { "", 0 };

	span_line(&rest, &line);
	return line;
}

/* Does the hunk go on after this blank line, which has no sign? */
static bool goes_on(struct span rest, const struct diff *d)
{
	struct span line;

	while (span_line(&rest, &line)) {
		struct fence f;

		if (d->fenced && fence_read(line, &f))
			return false;
		if (span_trim(line).len > 0)
			return d->fenced ? !span_starts(line, "diff ") : strchr(" +-@\\", line.at[0]) != NULL;
	}
	return false;
}

static void any_line(struct diff *d, struct span line, struct span rest)
{
	if (frame_line(d, line) || name_lines(d, line, next_line(rest)))
		return;
	if (span_starts(line, "@@") && d->in_file) {
		bool created = d->hunk.open && d->created && d->hunk.n_new == 0;

		if (!created)
			hunk_end(d);
		d->hunk.open = true;
		d->hunk.line = span_starts(line, "@@ -") ? edit_line_number(line) : 0;
		return;
	}
	if (!d->hunk.open && d->bare && line.len > 0 && strchr(" +-", line.at[0]) != NULL)
		d->hunk.open = true;            /* no "@@" at all */
	if (!d->hunk.open) {
		if (span_starts(line, "new file mode") && d->name.len > 0)
			d->created = true;
		return;
	}
	if (line.len == 0) {
		if (goes_on(rest, d))
			hunk_line(&d->hunk, ' ', line, line);
	} else if (strchr(" +-", line.at[0]) != NULL) {
		struct span text = { line.at + 1, line.len - 1 };

		hunk_line(&d->hunk, line.at[0], text, line.at[0] == ' ' ? line : text);
	} else if (line.at[0] == '\\') {
		return;                 /* No newline at end of file */
	} else if (d->fenced || d->starred) {
		hunk_line(&d->hunk, ' ', line, line);   /* the blank in front was forgotten */
	} else {
		hunk_end(d);
		d->in_file = false;
	}
}

/* The path that stands above a fence, for hunks without "---" and "+++". */
static void name_above(struct diff *d, struct span line)
{
	struct name_line names;

	name_line_read(line, &names);
	if ((names.kind == NAME_PURE || names.kind == NAME_LEAD) && names.n == 1 && name_is_filelike(names.at[0])) {
		file_end(d);
		d->name = names.at[0];
	}
}

/* Does a hunk's header come before the fence closes? */
static bool has_header(struct span rest)
{
	struct span line;
	struct fence f;

	while (span_line(&rest, &line) && !fence_read(line, &f))
		if (span_starts(line, "@@"))
			return true;
	return false;
}

void edits_parse_diffs(struct span text, struct edits *ret)
{
	struct diff d = { .edits = ret };
	struct span rest = text, line;

	while (span_line(&rest, &line)) {
		struct fence f;

		while (line.len > 0 && line.at[line.len - 1] == '\r')
			line.len--;
		if (!d.fenced && fence_read(line, &f)) {
			d.fenced = true;
			d.fence = f;
			d.in_file = d.name.len > 0 && (span_starts(f.info, "diff") || span_starts(f.info, "patch"));
			d.bare = (span_starts(f.info, "diff") || span_starts(f.info, "patch")) && !has_header(rest);
		} else if (d.fenced && fence_read(line, &f) && f.ch == d.fence.ch && f.len >= d.fence.len &&
		           f.info.len == 0) {
			file_end(&d);
			d.fenced = d.starred = d.bare = false;
		} else if (!d.fenced && !d.in_file && !d.starred && !span_starts(line, "--- ") &&
		           !span_starts(line, "+++ ")) {
			if (!frame_line(&d, line))
				name_above(&d, line);
		} else {
			any_line(&d, line, rest);
		}
	}
	file_end(&d);
	buf_done(&d.hunk.old);
	buf_done(&d.hunk.new);
	buf_done(&d.hunk.raw_old);
	buf_done(&d.hunk.raw_new);
}
