/* SPDX-License-Identifier: MIT */
/*
 * A job comes in: everything that can be wrong with it is found before a row of it is seen.
 *
 * The job's row is written first, LOADING and invisible; a worker turns the dataset into jobs/<id>/dataset.jsonl and a
 * list of rows (submit_intake.c); the loop writes them, some each turn, and with the last of them the job is RUNNING and
 * its submitter is told.  A crash before that leaves a LOADING job, which the next start removes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "files.h"
#include "mem.h"
#include "scan.h"
#include "submit_int.h"

enum { ROW_LINE_MAX = 8192 };

/* --- what the worker brought ----------------------------------------------------------------------------------- */

static void submit_free(struct submit *w)
{
	for (size_t i = 0; i < w->n_ids; i++)
		free(w->ids[i]);
	if (w->reading)
		line_reader_close(&w->reader);
	fault_step();
	unlink(w->rows_path);
	free(w->ids);
	free(w->keep);
	free(w->warning);
	free(w->dataset_path);
	free(w->shown);
	free(w->out_path);
	free(w->rows_path);
	free(w->repos);
	free(w->start);
	free(w->end);
	free(w->model);
	free(w->url);
	rollout_free(w->rollout);
	buf_done(&w->id);
	buf_done(&w->params);
	buf_done(&w->warnings);
	free(w);
}

/* One row of the list: "off len id", the id as JSON has it; its id goes behind the others in w->id. */
static void read_row(struct submit *w, struct span line, int64_t place[2])
{
	char *text = mem_strndup(line.at, line.len), *end;

	place[0] = strtoll(text, &end, 10);
	place[1] = strtoll(end, &end, 10);
	end += *end == ' ';
	if (!scan_unescape(end, strlen(end), &w->id))
		buf_add_str(&w->id, end);
	buf_add_char(&w->id, '\0');
	free(text);
}

/* The next instances, `most` at most; 1 while more may come. */
static int load_instances(struct submit *w, int64_t most, struct err *err)
{
	int64_t places[2 * RUN_A_TURN], n = 0;
	const char *ids[RUN_A_TURN], *id;
	struct span line;
	int rc = 1;

	buf_reset(&w->id);
	while (n < most && (rc = line_reader_next(&w->reader, ROW_LINE_MAX, &line, err)) == 1)
		read_row(w, line, &places[2 * n++]);
	if (rc < 0 || n == 0)
		return rc;
	id = w->id.at;
	for (int64_t i = 0; i < n; i++, id += strlen(id) + 1)
		ids[i] = id;
	int written = instance_insert(w->task.e->db, w->task.job->row.id, w->at, n, ids, places, err);
	w->at += n;
	return written < 0 ? written : rc;
}

/* The passes of the instances from..w->at, or those of them that are wanted. */
static int load_passes(struct submit *w, int64_t from, struct err *err)
{
	struct job *job = w->task.job;
	int64_t n = from * job->row.passk, end = w->at * job->row.passk;
	int rc = 0;

	while (rc == 0 && n < end) {
		int64_t first = n;

		while (n < end && (w->keep == NULL || w->keep[n]))
			n++;
		if (n > first)
			rc = pass_insert_run(job->e->db, &job->tally, 1, first, n - first, err);
		while (n < end && w->keep != NULL && !w->keep[n])
			n++;
	}
	return rc;
}

/* raw: the job becomes one for what its file holds. */
static int load_recipe(struct submit *w, struct err *err)
{
	struct job *job = w->task.job;

	if (w->model != NULL)
		text_set(&job->row.model, w->model);
	if (w->rollout != NULL) {
		rollout_free(job->rollout);
		job->rollout = w->rollout;
		w->rollout = NULL;
		text_set(&job->row.params, buf_str(&w->params));
	}
	return job_set_recipe(w->task.e->db, job->row.id, job->row.params, job->row.model, err);
}

static int load_end(struct submit *w, struct err *err)
{
	struct job *job = w->task.job;
	struct engine *e = w->task.e;
	int rc = job_set_sizes(e->db, job->row.id, w->instances, w->passes, err);

	if (rc == 0)
		rc = load_recipe(w, err);
	if (rc == 0)
		rc = job_set_state(e->db, job->row.id, JOB_LOADING, JOB_RUNNING, "", 0, err);
	if (rc < 0)
		return rc;
	job->row.instances = w->instances;
	job->row.passes = w->passes;
	job->row.state = JOB_RUNNING;
	for (enum render_kind k = 0; k < RENDER_KINDS; k++)
		job->render_ms[k] = now_ms(e) + RENDER_LEAST_MS;        /* there is nothing yet */
	engine_event(e, job->row.id, 0, "notice", "submitted: %s %s, %lld instances, %lld passes, endpoint %s",
	             job->row.workflow, job->row.name, (long long)w->instances, (long long)w->passes, job->row.endpoint);
	return 0;
}

/* A user's passes that are not settled, with those to come, under the setting. */
static int check_user_room(const struct submit *w, struct err *err)
{
	const struct job *job = w->task.job;
	int64_t most = job->e->env.config->max_passes_per_user, open = 0;

	for (const struct job *j = job->e->jobs; j != NULL; j = j->next)
		for (int stage = 1; j->row.owner_uid == job->row.owner_uid && stage <= STAGES_MAX; stage++)
			open += j->counts.n[stage][PASS_READY] + j->counts.n[stage][PASS_BATCHED] +
				j->counts.n[stage][PASS_ANSWERED];
	if (most == 0 || open + w->passes <= most)
		return 0;
	return err_set(err, BD_ESTATE, "you have %lld passes under way; with %lld more you would have over %lld, the limit "
	               "for a user here", (long long)open, (long long)w->passes, (long long)most);
}

static bool apply_some(struct apply *a)
{
	struct submit *w = AROUND(struct submit, apply, a);
	int rc = 1, written = 0;

	if (!w->reading && w->rc == 0)
		w->rc = check_user_room(w, &w->err);
	if (!w->reading && w->rc == 0) {
		w->rc = line_reader_open(&w->reader, w->rows_path, &w->err);
		w->reading = w->rc == 0;
	}
	int64_t from = w->at, most = RUN_A_TURN / (w->task.job->row.passk + 1) + 1;
	if (w->rc == 0) {
		rc = load_instances(w, most, &w->err);
		if (rc >= 0)
			written = load_passes(w, from, &w->err);
		if (rc == BD_ESTORE || written < 0) {
			(void)engine_ok(w->task.e, rc < 0 ? rc : written, &w->err);
			return true;
		}
	}
	if (rc < 0)
		w->rc = rc;
	if (w->rc == 0 && rc == 1)
		return false;
	if (w->rc == 0)
		(void)engine_ok(w->task.e, load_end(w, &w->err), &w->err);
	return true;
}

static int not_writable(struct err *err)
{
	return err_set(err, BD_ESTORE, "the database cannot be written now; see batchctl status, then try again later");
}

/* The submitter is told; what failed leaves nothing behind. */
static void apply_done(struct apply *a)
{
	struct submit *w = AROUND(struct submit, apply, a);
	struct job *job = w->task.job;

	job->tasks--;
	if (!a->kept && w->rc == 0)
		w->rc = not_writable(&w->err);
	fault_step();
	if (w->rc < 0) {
		job->remove = job->refused = true;
		save_dir_unmake(job->row.save_dir, w->made_samples);
		w->done(w->data, -1, NULL, 0, NULL, &w->err);
	} else {
		w->done(w->data, job->row.id, job->row.name, job->row.passes, buf_str(&w->warnings), NULL);
	}
	submit_free(w);
}

static void done(struct task *t)
{
	struct submit *w = AROUND(struct submit, task, t);

	if (w->rc < 0 || t->e->broken) {
		apply_done(&w->apply);
		return;
	}
	w->apply.some = apply_some;
	w->apply.done = apply_done;
	engine_apply(t->e, &w->apply);
}

/* --- the way in ------------------------------------------------------------------------------------ */

static int insert_job(struct engine *e, const struct submission *s, const struct endpoint *ep, const struct rollout *r,
                      struct job **ret, struct err *err)
{
	struct rollout_params params = s->params;
	struct buf text = { 0 };
	int64_t id = 0;

	params.line_url = ep->cfg->line_url;
	params.drop_partial = !e->env.config->keep_partial;
	rollout_params_print(&params, &text);
	struct job_row row = { .name = mem_strdup(s->name != NULL ? s->name : s->params.workflow),
		.workflow = mem_strdup(s->params.workflow), .endpoint = mem_strdup(ep->name),
		.params = mem_strdup(buf_str(&text)),
		.model = mem_strdup(s->params.model_name != NULL ? s->params.model_name : ""),
		.dataset = mem_strdup(s->dataset != NULL ? s->dataset : ""),
		.save_dir = mem_strdup(s->keep ? "" : s->save_dir), .fetch_dir = mem_strdup(s->keep ? s->save_dir : ""),
		.owner_uid = s->owner_uid, .priority = s->priority, .canary = s->canary, .stages = rollout_stages(r),
		.passk = s->params.passk, .created_ms = now_ms(e) };

	buf_done(&text);
	int rc = engine_write(e) ? job_insert(e->db, &row, &id, err) : not_writable(err);
	job_row_done(&row);
	if (rc == 0)
		rc = job_load(e, id, ret, err);
	if (rc == 0)
		rc = job_load_rollout(*ret, err);
	(void)engine_ok(e, rc, err);            /* what was written of it must not go with the next commit */
	return rc < 0 ? rc : engine_flush(e, err);
}

/* Results that stay with batchd until their owner fetches them, and go with the job. */
static int keep_results(struct job *job, bool samples, struct err *err)
{
	char *dir = job_path(job, "results");
	bool made;
	int rc = dir_make(job->dir, 0700, err);         /* nobody else comes to what lies in it */

	if (rc == 0)
		rc = save_dir_make(dir, samples, &made, err);
	text_set(&job->row.save_dir, dir);
	if (rc == 0)
		rc = engine_write(job->e) ? job_set_save_dir(job->e->db, job->row.id, dir, err) : not_writable(err);
	free(dir);
	return rc < 0 ? rc : engine_flush(job->e, err);
}

/* The endpoint and the rollout, if nothing speaks against them. */
static int check(struct engine *e, const struct submission *s, struct endpoint **ret_ep, struct rollout **ret, struct err *err)
{
	struct endpoint *ep = s->endpoint != NULL ? endpoint_find(e, s->endpoint) : e->endpoints;
	struct rollout_params params = s->params;

	if (e->broken || e->draining)
		return err_set(err, BD_ESTORE, "batchd takes no jobs now; try again in a moment");
	if (ep == NULL || ep->cfg == NULL)
		return err_set(err, BD_EINVALID, "endpoint %s is not in the config", s->endpoint != NULL ? s->endpoint : "(none)");
	if (ep->cfg->trouble != NULL)
		return err_set(err, BD_EINVALID, "endpoint %s: %s", ep->name, ep->cfg->trouble);
	params.line_url = ep->cfg->line_url;
	*ret_ep = ep;
	int rc = rollout_new(&params, ret, err);
	return rc == 0 && !s->keep ? save_dir_taken(e, s->save_dir, err) : rc;
}

int engine_submit_check(struct engine *e, const struct submission *s, struct err *err)
{
	struct rollout *r = NULL;
	struct endpoint *ep;
	int rc = check(e, s, &ep, &r, err);

	rollout_free(r);
	return rc;
}

int engine_submit(struct engine *e, const struct submission *s, submit_fn on_done, void *data, struct err *err)
{
	struct endpoint *ep = NULL;
	struct rollout *r = NULL;
	struct job *job = NULL;
	bool made = false;
	int rc = check(e, s, &ep, &r, err);

	if (rc == 0 && !s->keep)
		rc = save_dir_make(s->save_dir, rollout_product_suffix(r) != NULL, &made, err);
	if (rc == 0)
		rc = insert_job(e, s, ep, r, &job, err);
	if (rc == 0 && s->keep)
		rc = keep_results(job, rollout_product_suffix(r) != NULL, err);
	rollout_free(r);
	if (rc == 0 && (rc = dir_make(job->dir, 0700, err)) == 0) {
		char *structures = job_path(job, "structures");

		rc = dir_make(structures, 0700, err);
		free(structures);
	}
	if (rc < 0) {
		if (job != NULL)
			job->remove = job->refused = true;
		if (!s->keep)
			save_dir_unmake(s->save_dir, made);
		return rc;
	}
	struct submit *w = MEM_NEW(struct submit);
	w->warning = s->warning != NULL ? mem_strdup(s->warning) : NULL;
	w->dataset_path = mem_strdup(s->dataset_path);
	w->shown = mem_strdup(s->dataset != NULL ? s->dataset : "the dataset");
	w->out_path = job_path(job, "dataset.jsonl");
	w->rows_path = job_path(job, "rows");
	w->repos = s->params.repostructure_dir != NULL ? mem_strdup(s->params.repostructure_dir) : NULL;
	w->start = s->start != NULL ? mem_strdup(s->start) : NULL;
	w->end = s->end != NULL ? mem_strdup(s->end) : NULL;
	w->raw = strcmp(s->params.workflow, "raw") == 0;
	w->made_samples = made;
	w->done = on_done;
	w->data = data;
	w->task.run = submit_run;
	w->task.done = done;
	task_start(e, job, &w->task);
	return 0;
}
