/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "edit_job.h"
#include "mem.h"

/*
 * Which file an edit is for.  What several files could be meant by is settled by the text alone:
 * the one file that contains it.  A name that means no file of the repo is never replaced by
 * another one, but for one of the files that the model was shown and that has the name's last part
 * and the text.
 */

struct target *target_find(const struct job *job, const char *path)
{
	for (size_t i = 0; i < job->n; i++)
		if (strcmp(job->targets[i]->path, path) == 0)
			return job->targets[i];
	return NULL;
}

int target_get(struct job *job, const char *path, struct target **ret, struct err *err)
{
	struct target *t = target_find(job, path);
	int rc = 0;

	if (t == NULL) {
		t = MEM_NEW(struct target);
		t->path = mem_strdup(path);
		job->targets = mem_grow(job->targets, job->n + 1, sizeof *job->targets);
		job->targets[job->n++] = t;
		t->existed = job->src->has(job->src->data, path);
		if (t->existed)
			rc = job->src->read(job->src->data, path, &t->before, err);
		t->no_text = rc == BD_ENOTFOUND;
		if (t->no_text)
			buf_reset(&t->before);
		t->bom = span_starts(buf_span(&t->before), "\xEF\xBB\xBF") ? 3 : 0;
		elines_read(&t->base, (struct span){ buf_span(&t->before).at + t->bom, t->before.len - t->bom });
		elines_splice(&t->lines, 0, 0, &t->base);
		t->exists = t->existed;
	}
	if (rc < 0 && rc != BD_ENOTFOUND)
		return rc;
	*ret = t;
	return 0;
}

void job_done(struct job *job)
{
	for (size_t i = 0; i < job->n; i++) {
		struct target *t = job->targets[i];

		free(t->path);
		buf_done(&t->before);
		elines_done(&t->base);
		elines_done(&t->lines);
		arena_done(&t->arena);
		free(t);
	}
	free(job->targets);
	free(job->all);
}

/* --- which file ----------------------------------------------------------------------- */

/* The only file that was shown whose path ends so. */
static const char *path_shown(struct job *job, const char *name)
{
	const char *only = NULL;
	size_t n = strlen(name);

	for (size_t i = 0; i < job->edits->n_shown; i++) {
		const char *path = job->edits->shown[i];
		size_t len = strlen(path);

		if (len <= n || path[len - n - 1] != '/' || strcmp(path + len - n, name) != 0)
			continue;
		if (only != NULL)
			return NULL;
		only = path;
	}
	return only != NULL ? name_resolve(job->src, span_of(only)) : NULL;
}

static const char *path_of(struct job *job, const char *name)
{
	const char *path;

	for (size_t i = 0; i < job->n; i++)
		if (job->targets[i]->exists && !job->targets[i]->existed && strcmp(job->targets[i]->path, name) == 0)
			return job->targets[i]->path;
	path = name_resolve(job->src, span_of(name));
	if (path == NULL)
		path = path_shown(job, name);
	if (path != NULL) {
		const struct target *t = target_find(job, path);

		if (t != NULL && !t->exists)
			return NULL;
	}
	return path;
}

static void candidate_add(struct candidates *c, const char *path, const struct hint *h, bool carried)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->at[i].path, path) == 0)
			return;
	if (c->n < CANDIDATES_MAX)
		c->at[c->n++] = (struct candidate){ path, h != NULL ? h->kind : NAME_NONE,
		                                    h != NULL ? h->name : NULL, carried };
}

/* Does the hint name a file by itself, so that its not being there matters? */
static bool names_a_file(const struct hint *h)
{
	return h->kind == NAME_PURE && name_is_filelike(span_of(h->name));
}

void candidates_find(struct job *job, size_t i, struct candidates *ret)
{
	const struct edit *e = &job->edits->at[i], *prev = i > 0 ? e - 1 : NULL;
	const struct edit_more *m = e->more;
	bool pure_seen = false, spoken = false;

	*ret = (struct candidates){ .n = 0 };
	for (size_t k = 0; k < m->n_hints; k++) {
		const struct hint *h = &m->hints[k];
		const char *path = path_of(job, h->name);

		if (path == NULL) {
			spoken = spoken || (h->kind != NAME_NONE && name_is_filelike(span_of(h->name)));
			if (names_a_file(h) && !pure_seen) {
				ret->unknown = true;
				ret->n = 0;
				return;
			}
			continue;
		}
		pure_seen = pure_seen || h->kind == NAME_PURE;
		candidate_add(ret, path, h, false);
		if (h->firm)
			return;
	}
	if (prev != NULL && prev->path != NULL)
		candidate_add(ret, prev->path, NULL, true);
	else if (ret->n == 0)
		ret->unknown = spoken || (prev != NULL && prev->fate == EDIT_UNKNOWN_FILE);
}

void candidates_listed(struct job *job, size_t i, struct candidates *ret)
{
	const struct edit *e = &job->edits->at[i];

	*ret = (struct candidates){ .n = 0 };
	if (e->more->n_hints > 0)
		return;
	while (i > 0 && e->more->n_hints == 0)
		e = &job->edits->at[--i];
	for (size_t k = 0; k < e->more->n_hints; k++) {
		const struct hint *h = &e->more->hints[k];
		const char *path = path_of(job, h->name);

		if (h->firm) {
			ret->n = 0;
			return;
		}
		if (path != NULL)
			candidate_add(ret, path, h, false);
	}
}

void candidates_alike(struct job *job, size_t i, struct candidates *ret)
{
	const struct edit_more *m = job->edits->at[i].more;

	*ret = (struct candidates){ .n = 0 };
	for (size_t k = 0; k < m->n_hints; k++) {
		const char *slash = strrchr(m->hints[k].name, '/');
		const char *path = slash != NULL && names_a_file(&m->hints[k]) ? path_shown(job, slash + 1) : NULL;

		if (path != NULL)
			candidate_add(ret, path, &m->hints[k], false);
	}
}

const struct candidates *candidates_all(struct job *job)
{
	struct candidates *ret = job->all;

	if (ret != NULL)
		return ret;
	ret = job->all = MEM_NEW(struct candidates);
	for (size_t i = 0; i < job->edits->n && ret->n < CANDIDATES_MAX; i++) {
		const struct edit_more *m = job->edits->at[i].more;

		for (size_t k = 0; k < m->n_hints; k++) {
			const char *path = path_of(job, m->hints[k].name);

			if (path != NULL)
				candidate_add(ret, path, &m->hints[k], false);
		}
	}
	for (size_t i = 0; i < job->edits->n_shown; i++) {
		const char *path = path_of(job, job->edits->shown[i]);

		if (path != NULL)
			candidate_add(ret, path, NULL, false);
	}
	return ret;
}

static bool is_named(const struct candidate *c)
{
	return c->kind == NAME_PURE || c->kind == NAME_LEAD;
}

/* Of several files that contain the text: the only one named by a line of its own, else the one in
 * force. NULL if that is not clear. */
static const struct candidate *candidate_best(const struct candidate *const *with, size_t n)
{
	const struct candidate *best = NULL, *carried = NULL;

	for (size_t i = 0; i < n; i++) {
		if (is_named(with[i]) && best != NULL)
			return NULL;
		if (is_named(with[i]))
			best = with[i];
		if (with[i]->carried)
			carried = with[i];
	}
	return best != NULL ? best : carried;
}

/* Where none contains it: the one that was most likely meant. */
static const struct candidate *candidate_likely(const struct candidates *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (is_named(&c->at[i]))
			return &c->at[i];
	for (size_t i = 0; i < c->n; i++)
		if (c->at[i].carried)
			return &c->at[i];
	return c->n > 0 ? &c->at[0] : NULL;
}

#define MENDED_MAX 200  /* edits of an answer; with more of them it is no person's work to read them */

/* Where mended lines live; NULL: nothing is mended. */
static struct arena *arena_of(const struct job *job, struct target *t)
{
	return job->edits->n <= MENDED_MAX ? &t->arena : NULL;
}

/* Those that contain it, at the strictest level at which any does: how many. */
static int candidates_with(struct job *job, const struct edit *e, const struct candidates *c, bool strict,
                           const struct candidate **ret_with, size_t *ret_n, struct err *err)
{
	enum fit best = strict ? FIT_TRAILING : FIT_FIRST;
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct target *t;
		struct reading r;
		int rc = target_get(job, c->at[i].path, &t, err);

		if (rc < 0)
			return rc;
		reading_find(e, &t->base, &t->lines, t->dirty, arena_of(job, t), &r);
		enum fit fit = r.mend == MEND_NONE ? r.place.fit : r.place.fit <= FIT_TRAILING ? FIT_TRAILING : FIT_FIRST;

		if (r.place.found > 0 && fit <= best) {
			n = fit < best ? 0 : n;
			best = fit;
			ret_with[n++] = &c->at[i];
		}
		reading_done(&r);
	}
	*ret_n = n;
	return 0;
}

int candidate_pick(struct job *job, struct edit *e, const struct candidates *c, bool strict,
                   struct target **ret_target, struct reading *ret, struct err *err)
{
	const struct candidate *with[CANDIDATES_MAX], *pick = NULL;
	size_t n = 0;
	int rc = c->n == 1 && !strict ? 0 : candidates_with(job, e, c, strict, with, &n, err);

	*ret_target = NULL;
	if (rc < 0)
		return rc;
	if (n > 0)
		pick = n == 1 ? with[0] : candidate_best(with, n);
	else if (!strict)
		pick = candidate_likely(c);
	if (pick == NULL) {
		e->found = (int)n;
		return 0;
	}
	if (pick->name != NULL) {
		free(e->named);
		e->named = mem_strdup(pick->name);
	}
	e->path = mem_strdup(pick->path);
	rc = target_get(job, pick->path, ret_target, err);
	if (rc == 0)
		reading_find(e, &(*ret_target)->base, &(*ret_target)->lines, (*ret_target)->dirty,
		             arena_of(job, *ret_target), ret);
	return rc;
}
