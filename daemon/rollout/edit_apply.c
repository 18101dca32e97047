/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "edit_job.h"
#include "edit_python.h"
#include "mem.h"

/*
 * Edits into files.  For each edit: which file (its hints, else the file of the edit before), which
 * reading of the block fits there (edit_read.c), then the splice.  An edit that does not fit what
 * the edits before it have made is tried once more against the file as the model saw it, and merged
 * if the lines it changes are still there.
 */

/* A file to be made: named right at the block or leading to it, not below another file, not there. */
static char *new_path(struct job *job, const struct edit *e)
{
	for (size_t k = 0; k < e->more->n_hints; k++) {
		const struct hint *h = &e->more->hints[k];
		bool named = h->kind == NAME_PURE || h->kind == NAME_LEAD;
		bool may = named && (name_is_filelike(span_of(h->name)) || e->more->is_diff);
		char *path = may ? name_clean(span_of(h->name)) : NULL;

		if (path == NULL)
			continue;
		for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
			*slash = '\0';
			bool below_file = job->src->has(job->src->data, path);

			*slash = '/';
			if (below_file) {
				free(path);
				return NULL;
			}
		}
		return path;
	}
	return NULL;
}

/* Empty SEARCH: the text becomes the file. */
static int apply_new(struct job *job, struct edit *e, const struct candidates *c, struct err *err)
{
	char *path = new_path(job, e);
	struct target *t;
	int rc;

	/* a name with a checkout's directories in front is the file it means */
	if (c->n > 0 && (path == NULL || strlen(c->at[0].path) <= strlen(path))) {
		free(path);
		path = mem_strdup(c->at[0].path);
	}
	if (path == NULL) {
		e->fate = e->more->n_hints > 0 || c->unknown ? EDIT_UNKNOWN_FILE : EDIT_NO_PATH;
		return 0;
	}
	free(e->path);
	e->path = path;
	rc = target_get(job, path, &t, err);
	if (rc < 0)
		return rc;
	if (t->exists && (t->lines.n > 0 || t->no_text)) {
		e->fate = EDIT_EXISTS;
		return 0;
	}
	struct elines made = { 0 };

	reading_new_file(e, &made);
	elines_splice(&t->lines, 0, t->lines.n, &made);
	elines_done(&made);
	e->fate = t->exists ? EDIT_APPLIED : EDIT_CREATED;
	t->exists = t->dirty = t->touched = true;
	return 0;
}

static bool same_lines(const struct elines *file, size_t at, size_t n, const struct elines *made)
{
	if (n != made->n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!eline_same(&file->at[at + i], &made->at[i]) || file->at[at + i].end != made->at[i].end)
			return false;
	return true;
}

static void took(struct edit *e, struct target *t, const struct reading *r)
{
	static const enum edit_fate fates[] = {
		[FIT_EXACT] = EDIT_APPLIED, [FIT_TRAILING] = EDIT_TRAILING, [FIT_SHIFTED] = EDIT_SHIFTED,
		[FIT_UNITS] = EDIT_SHIFTED, [FIT_FIRST] = EDIT_SHIFTED,
	};

	static const enum edit_fate mended[] = {
		[MEND_NUMBERS] = EDIT_NUMBERED, [MEND_CHARACTERS] = EDIT_CHARACTERS, [MEND_BLANK_LINES] = EDIT_BLANK_LINES,
		[MEND_ELIDED] = EDIT_ELIDED, [MEND_PART] = EDIT_PART,
	};

	e->fate = r->mend != MEND_NONE ? mended[r->mend] : fates[r->place.fit];
	e->found = 0;
	if (r->place.fit >= FIT_SHIFTED)
		e->shift = (int)r->place.shift.n_add - (int)r->place.shift.n_cut;
	t->dirty = t->touched = true;
	if (e->more->deletes && t->lines.n == 0)
		t->exists = false;
}

/* Has an edit before i, with the same text but for blanks, gone over these lines of the file? */
static bool is_done_here(const struct job *job, size_t i, const struct target *t, const struct reading *r)
{
	for (size_t k = 0; k < r->search.n && !r->in_base; k++) {
		uint32_t by = t->lines.at[r->place.at + k].by;

		if (by > 0 && reading_key(&job->edits->at[by - 1], false) == reading_key(&job->edits->at[i], false))
			return true;
	}
	return false;
}

/* Put the reading, which fits in one place, into the file. */
static void apply_at(struct job *job, size_t i, struct target *t, const struct reading *r)
{
	struct edit *e = &job->edits->at[i];
	struct elines made = { 0 };

	if (is_done_here(job, i, t, r)) {
		e->fate = EDIT_REPEATED;
		return;
	}
	if (r->in_base) {
		e->fate = r->several > 0 ? EDIT_AMBIGUOUS : EDIT_NOT_FOUND;
		e->found = (int)r->several;
		if (lines_merge(&t->base, &r->place, r->search, r->replace, &t->arena, &t->lines))
			took(e, t, r);
		return;
	}
	if (!lines_make(&t->lines, &r->place, r->search, r->replace, &t->arena, &made)) {
		e->fate = EDIT_NOT_FOUND;
	} else if (same_lines(&t->lines, r->place.at, r->search.n, &made)) {
		e->fate = EDIT_NO_CHANGE;
	} else {
		bool python = span_ends(span_of(t->path), ".py");
		bool plain = python && python_make_plain(&t->lines, r->place.at, r->search.n, &t->arena, &made);

		for (size_t k = 0; k < made.n; k++)
			made.at[k].by = (uint32_t)i + 1;
		elines_splice(&t->lines, r->place.at, r->search.n, &made);
		took(e, t, r);
		e->fate = plain ? EDIT_CHARACTERS : e->fate;
	}
	elines_done(&made);
}

/* Has an edit before this one, which took, the same text (exactly, or but for blanks) for one of
 * the files? */
static bool is_repeated(const struct job *job, size_t i, const struct candidates *c, bool exactly)
{
	const struct edit *e = &job->edits->at[i];
	uint64_t key = reading_key(e, exactly);

	for (size_t k = 0; k < i && c->n > 0; k++) {
		const struct edit *before = &job->edits->at[k];

		if (!edit_fate_applied(before->fate) || reading_key(before, exactly) != key)
			continue;
		if (exactly && strcmp(before->more->body, e->more->body) != 0)
			continue;
		for (size_t n = 0; n < c->n; n++)
			if (before->path != NULL && strcmp(c->at[n].path, before->path) == 0)
				return true;
	}
	return false;
}

static int apply_found(struct job *job, size_t i, struct candidates *c, bool strict, struct err *err)
{
	struct edit *e = &job->edits->at[i];
	struct reading r = { 0 };
	struct target *t;
	int rc = candidate_pick(job, e, c, strict, &t, &r, err);

	if (rc < 0)
		return rc;
	if (t == NULL) {
		if (e->found > 0)
			e->fate = EDIT_AMBIGUOUS;
		return 0;
	}
	if (r.n_divider != SIZE_MAX)
		edit_set_split(e, r.n_divider, r.skipped);
	if (t->no_text) {
		e->fate = EDIT_UNKNOWN_FILE;
	} else if (strcmp(e->search, e->replace) == 0) {
		e->fate = EDIT_NO_CHANGE;
	} else if (r.unclear) {
		e->fate = EDIT_UNCLEAR;
	} else if (r.place.found == 1) {
		apply_at(job, i, t, &r);
	} else if (r.place.found > 1) {
		e->fate = EDIT_AMBIGUOUS;
		e->found = (int)r.place.found;
	} else {
		e->fate = EDIT_NOT_FOUND;
	}
	if (e->fate == EDIT_NOT_FOUND && is_repeated(job, i, c, false))
		e->fate = EDIT_REPEATED;
	reading_done(&r);
	return 0;
}

/* It says no name and is not in the file of the block before: in another one of the list above them? */
static int apply_listed(struct job *job, size_t i, struct err *err)
{
	struct edit *e = &job->edits->at[i];
	char *path = e->path, *named = e->named;
	struct candidates c;
	int rc = 0;

	candidates_listed(job, i, &c);
	if (c.n == 0)
		return 0;
	e->path = NULL;
	e->named = named != NULL ? mem_strdup(named) : NULL;
	rc = apply_found(job, i, &c, true, err);
	bool took_it = rc == 0 && edit_fate_applied(e->fate);

	free(took_it ? path : e->path);
	free(took_it ? named : e->named);
	if (!took_it) {
		e->path = path;
		e->named = named;
		e->fate = EDIT_NOT_FOUND;
		e->found = 0;
	}
	return rc;
}

/* The text may be the whole file. */
static int apply_whole(struct job *job, struct edit *e, const struct candidates *c, struct err *err)
{
	struct elines text = { 0 }, made = { 0 };
	struct target *t;
	int rc;

	if (c->n == 0 && e->more->says_new)
		return apply_new(job, e, c, err);
	e->fate = EDIT_UNKNOWN_FILE;
	if (c->n == 0)
		return 0;
	e->path = mem_strdup(c->at[0].path);
	rc = target_get(job, e->path, &t, err);
	if (rc < 0 || t->no_text)
		return rc;
	e->fate = EDIT_SNIPPET;
	elines_read(&text, span_of(e->replace));
	if (text.n == 0)
		return 0;
	size_t lead = e->more->has_lead && (t->lines.n == 0 || !eline_same_solid(&t->lines.at[0], &text.at[0]));
	struct elines all = { .at = text.at + lead, .n = text.n - lead };

	if (whole_is_complete(&t->lines, &all)) {
		struct place place = { .fit = FIT_EXACT, .found = 1 };

		struct run old = { t->lines.at, t->lines.n }, new = { all.at, all.n };

		lines_make(&t->lines, &place, old, new, &t->arena, &made);
		e->fate = same_lines(&t->lines, 0, t->lines.n, &made) ? EDIT_NO_CHANGE : EDIT_WHOLE;
		elines_splice(&t->lines, 0, t->lines.n, &made);
		t->dirty = t->touched = t->touched || e->fate == EDIT_WHOLE;
	}
	elines_done(&made);
	elines_done(&text);
	return 0;
}

#define SUPERSEDED_MAX 200      /* edits of an answer that are compared with each other */

/* Is edit k's text the same as that of a later one, before which the answer says that it is not valid? */
static bool is_superseded(const struct edits *edits, size_t k)
{
	const struct edit *e = &edits->at[k];
	bool anew = false;

	for (size_t i = k + 1; i < edits->n; i++) {
		const struct edit *later = &edits->at[i];

		anew = anew || later->more->anew;
		if (anew && e->fate != EDIT_UNCLOSED && e->search[0] != '\0' && strcmp(e->search, later->search) == 0 &&
		    e->named != NULL && later->named != NULL && strcmp(e->named, later->named) == 0)
			return true;
	}
	return false;
}

static int apply_one(struct job *job, size_t i, struct err *err)
{
	struct edit *e = &job->edits->at[i];
	struct candidates c;
	int rc;

	candidates_find(job, i, &c);
	if (c.n > 0 && job->edits->n <= SUPERSEDED_MAX && is_superseded(job->edits, i)) {
		e->fate = EDIT_SUPERSEDED;
		e->path = mem_strdup(c.at[0].path);
		return 0;
	}
	if (e->fate == EDIT_UNCLOSED || e->fate == EDIT_MALFORMED) {
		e->path = c.n > 0 ? mem_strdup(c.at[0].path) : NULL;
		return 0;
	}
	if (is_repeated(job, i, &c, true)) {
		e->fate = EDIT_REPEATED;
		e->path = mem_strdup(c.at[0].path);
		return 0;
	}
	if (e->more->whole)
		return apply_whole(job, e, &c, err);
	if (reading_may_be_new(e)) {
		/* blank lines, or one of several readings: in a file that is there it may fit as
		 * any other */
		if (c.n > 0 && (e->more->n_dividers > 1 || e->more->dividers[0] > 0)) {
			rc = apply_found(job, i, &c, false, err);
			if (rc < 0 || e->fate != EDIT_NOT_FOUND)
				return rc;
		}
		return apply_new(job, e, &c, err);
	}
	if (c.n > 0) {
		rc = apply_found(job, i, &c, false, err);
		return rc < 0 || e->fate != EDIT_NOT_FOUND ? rc : apply_listed(job, i, err);
	}
	e->fate = c.unknown ? EDIT_UNKNOWN_FILE : EDIT_NO_PATH;
	if (c.unknown)
		candidates_alike(job, i, &c);
	else
		c = *candidates_all(job);
	return c.n > 0 ? apply_found(job, i, &c, true, err) : 0;
}

/* The files that edits took in, by the first of them. */
static void changes_collect(struct job *job)
{
	struct edits *edits = job->edits;

	edits->changes = mem_zero(job->n, sizeof *edits->changes);
	for (size_t i = 0; i < edits->n; i++) {
		struct target *t = edits->at[i].path != NULL ? target_find(job, edits->at[i].path) : NULL;

		if (t == NULL || !t->touched)
			continue;
		struct change *c = &edits->changes[edits->n_changes++];

		t->touched = false;
		c->path = mem_strdup(t->path);
		c->created = !t->existed;
		c->deleted = t->existed && !t->exists;
		c->end_unsure = job->src->inexact && t->existed;
		if (t->exists)
			buf_add(&c->after, buf_span(&t->before).at, t->bom);
		c->before = t->before;
		t->before = (struct buf){ 0 };
		elines_print(&t->lines, &c->after);
	}
}

int edits_apply_to(struct edits *edits, const struct source *src, struct err *err)
{
	struct job job = { .edits = edits, .src = src };
	int rc = 0;

	for (size_t i = 0; i < edits->n && rc == 0; i++)
		rc = apply_one(&job, i, err);
	if (rc == 0)
		changes_collect(&job);
	job_done(&job);
	return rc;
}
