/* SPDX-License-Identifier: MIT */
#include "sample.h"

#include <stdio.h>
#include <string.h>

/* --- what both answers came to ---------------------------------------------------------------- */

/* Say which edit did not take, and why. */
static void describe_failed_edit(const struct edits *edits, char *ret, size_t size)
{
	for (size_t i = 0; i < edits->n; i++) {
		const struct edit *e = &edits->at[i];
		const char *file = e->path != NULL ? e->path : e->named != NULL ? e->named : "no file named";

		if (edit_fate_applied(e->fate))
			continue;
		if (e->fate == EDIT_AMBIGUOUS)
			snprintf(ret, size, "edit %zu of %zu, %.120s: found %d times", i + 1, edits->n,
			         file, e->found);
		else
			snprintf(ret, size, "edit %zu of %zu, %.120s: %s", i + 1, edits->n, file,
			         edit_fate_word(e->fate));
		return;
	}
}

static bool all_change_nothing(const struct edits *edits)
{
	for (size_t i = 0; i < edits->n; i++) {
		if (edits->at[i].fate != EDIT_NO_CHANGE)
			return false;
	}
	return true;
}

static void judge_edits(const struct instance *in, struct outcome *o)
{
	struct judgement *j = &o->j;
	size_t applied = edits_applied(&o->edits);
	char why[200] = "";

	describe_failed_edit(&o->edits, why, sizeof why);
	if (o->edits.n == 0) {
		judge(j, o->a2.truncated ? ANSWER_TRUNCATED : ANSWER_NO_EDIT,
		      "stage 2: no SEARCH/REPLACE block");
	} else if (applied == 0 && all_change_nothing(&o->edits)) {
		judge(j, ANSWER_NO_CHANGE, "stage 2: SEARCH and REPLACE are the same in all %zu edits",
		      o->edits.n);
	} else if (applied == 0) {
		judge(j, o->a2.truncated ? ANSWER_TRUNCATED : ANSWER_NO_EDIT_FITS, "stage 2: %s", why);
	} else if (o->patch.len == 0 && applied < o->edits.n) {
		judge(j, o->a2.truncated ? ANSWER_TRUNCATED : ANSWER_NO_EDIT_FITS, "stage 2: %s", why);
	} else if (o->patch.len == 0) {
		judge(j, ANSWER_NO_CHANGE, "stage 2: %zu edits, and every file is as before", o->edits.n);
	} else if (applied < o->edits.n) {
		judge(j, ANSWER_PARTIAL, "stage 2: %zu of %zu edits applied; %s", applied, o->edits.n, why);
		j->usable = !in->r->p.drop_partial;
	} else {
		*j = (struct judgement){ .usable = true };
	}
}

int outcome_read(struct instance *in, struct span line1, struct span line2, struct outcome *ret,
                 struct err *err)
{
	struct outcome o = { .has1 = line1.len > 0 };
	struct judgement ignored;
	int rc = 0;

	answer_read(line2, &o.a2);
	if (o.has1) {
		answer_read(line1, &o.a1);
		rc = prompted_files(in, &o.a1, &o.files, &ignored, err);
	}
	if (rc == 0 && o.a2.fault != ANSWER_NONE) {
		judge(&o.j, o.a2.fault, "stage 2: %s",
		      o.a2.finish_reason[0] != '\0' ? o.a2.finish_reason : "no finish_reason");
	} else if (rc == 0) {
		edits_parse(o.a2.text, &o.edits);
		o.edits.shown = o.files.at;
		o.edits.n_shown = o.files.n;
		rc = edits_apply(&o.edits, in->repo, err);
		if (rc == 0)
			rc = patch_print(o.edits.changes, o.edits.n_changes, &o.patch, err);
		if (rc == 0)
			judge_edits(in, &o);
	}
	if (rc < 0)
		outcome_done(&o);
	else
		*ret = o;
	return rc;
}

void outcome_done(struct outcome *o)
{
	if (o->has1)
		answer_done(&o->a1);
	answer_done(&o->a2);
	paths_done(&o->files);
	edits_done(&o->edits);
	buf_done(&o->patch);
}

/* --- writing it down ------------------------------------------------------------------------------ */

void sample_put_model(struct jw *w, const struct sample_name *name)
{
	jw_put_str(w, "model_name_or_path", name->model_name);
}

void sample_put_head(struct jw *w, const struct sample_name *name, const struct judgement *j)
{
	jw_put_str(w, "instance_id", name->instance_id);
	jw_put_str(w, "custom_id", name->custom_id);
	jw_put_int(w, "pass", name->k);
	jw_put_str(w, "workflow", name->workflow);
	sample_put_model(w, name);
	jw_put_str(w, "state", j->usable ? "done" : "failed");
	jw_put_str(w, "reason", answer_fault_word(j->fault));
	jw_put_str(w, "details", j->details);
}

static void put_usage(struct jw *w, const struct answer *a)
{
	jw_obj(w);
	jw_put_int(w, "prompt", a->prompt);
	jw_put_int(w, "completion", a->completion);
	jw_put_int(w, "cached", a->cached);
	jw_put_int(w, "reasoning", a->reasoning_tokens);
	jw_obj_end(w);
}

void sample_put_answer(struct jw *w, int stage, const struct answer *a)
{
	jw_obj(w);
	jw_put_int(w, "stage", stage);
	jw_put_str(w, "content", a->content);
	if (a->reasoning != NULL)
		jw_put_str(w, "reasoning", a->reasoning);
	jw_put_str(w, "finish_reason", a->finish_reason);
	jw_put_str(w, "model", a->model);
	jw_obj_end(w);
}

void sample_put_answers(struct jw *w, const struct outcome *o)
{
	jw_name(w, "answers");
	jw_list(w);
	if (o->has1)
		sample_put_answer(w, 1, &o->a1);
	sample_put_answer(w, 2, &o->a2);
	jw_list_end(w);
}

void sample_put_files(struct jw *w, const char *name, const struct paths *files)
{
	jw_name(w, name);
	jw_list(w);
	for (size_t i = 0; i < files->n; i++)
		jw_str(w, files->at[i]);
	jw_list_end(w);
}

void sample_put_edits(struct jw *w, const struct edits *edits)
{
	jw_name(w, "edits");
	jw_list(w);
	for (size_t i = 0; i < edits->n; i++) {
		const struct edit *e = &edits->at[i];

		jw_obj(w);
		jw_put_str(w, "file", e->path);
		jw_put_str(w, "named", e->named);
		jw_put_str(w, "search", e->search);
		jw_put_str(w, "replace", e->replace);
		jw_put_str(w, "fate", edit_fate_word(e->fate));
		if (e->fate == EDIT_SHIFTED)
			jw_put_int(w, "shift", e->shift);
		if (e->fate == EDIT_AMBIGUOUS)
			jw_put_int(w, "found", e->found);
		jw_obj_end(w);
	}
	jw_list_end(w);
}

void sample_put_tokens(struct jw *w, const struct answer *a1, const struct answer *a2)
{
	jw_name(w, "tokens");
	jw_obj(w);
	if (a1 != NULL) {
		jw_name(w, "stage1");
		put_usage(w, a1);
	}
	if (a2 != NULL) {
		jw_name(w, "stage2");
		put_usage(w, a2);
	}
	jw_obj_end(w);
}

void sample_begin_output(struct jw *w, const struct sample_name *name, const struct judgement *j)
{
	jw_obj(w);
	jw_put_str(w, "instance_id", name->instance_id);
	jw_put_str(w, "custom_id", name->custom_id);
	jw_put_int(w, "pass", name->k);
	sample_put_model(w, name);
	jw_put_bool(w, "partial", j->fault == ANSWER_PARTIAL);
}

void sample_end(struct jw *w)
{
	jw_obj_end(w);
	buf_add_char(w->out, '\n');
	w->comma = false;
}

void sample_done(struct sample *s)
{
	buf_done(&s->record);
	buf_done(&s->product);
	buf_done(&s->output);
	buf_done(&s->processed);
}
