/* SPDX-License-Identifier: MIT */
/*
 * A job comes in: everything that can be wrong with it is found before a row of it is seen.
 *
 * The job's row is written first, LOADING and invisible; a worker turns the dataset into jobs/<id>/dataset.jsonl and a list
 * of rows; the loop writes them, some each turn, and with the last of them the job is RUNNING and its submitter is told.
 * A crash before that leaves a LOADING job, which the next start removes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataset.h"
#include "engine_int.h"
#include "fault.h"
#include "files.h"
#include "mem.h"
#include "range.h"
#include "scan.h"

enum { ROW_LINE_MAX = 8192, ENOUGH_WARNINGS = 5 };

struct submit {
	struct apply apply;
	struct task task;
	char *warning;                  /* for the reply; NULL: none */
	char *dataset_path, *shown, *out_path, *rows_path, *repos, *start, *end;
	bool raw, made_samples;
	submit_fn done;
	void *data;
	/* in the worker: rows_path gets a line "off len instance_id" per row, escaped, kept passes are told by `keep` */
	struct file_out *rows;
	char **ids;                     /* of the instances, only if there is a range */
	size_t n_ids;
	bool *keep;                     /* by n; NULL: all */
	int64_t instances, passes, no_repo;
	struct buf warnings;            /* JSON list */
	char *model, *url;              /* raw: what the requests say; NULL: they do not */
	struct buf id;
	struct buf params;              /* raw: the job's, with that url; and what is made of them */
	struct rollout *rollout;
	int rc;
	struct err err;
	/* applying */
	struct line_reader reader;
	bool reading;
	int64_t at;                     /* instances that are in */
};

/* --- in the worker --------------------------------------------------------------------------------- */

static void check_repo(struct submit *w, const char *instance_id)
{
	if (w->repos == NULL)
		return;
	char *path = mem_printf("%s/%s.json", w->repos, instance_id);

	if (access(path, R_OK) != 0 && w->no_repo++ < ENOUGH_WARNINGS) {
		char *text = mem_printf("%s: no structure file %s; its passes will fail", instance_id, path);
		struct jw jw = { .out = &w->warnings, .comma = w->warnings.len > 1 };

		jw_str(&jw, text);
		free(text);
	}
	free(path);
}

static int on_row(void *data, const struct dataset_row *row, struct err *err)
{
	struct submit *w = data;
	char head[64];
	int n = snprintf(head, sizeof head, "%lld %zu ", (long long)row->off, row->len);
	int rc = file_write(w->rows, head, (size_t)n, err);

	buf_reset(&w->id);
	json_escape(&w->id, row->instance_id, strlen(row->instance_id));       /* a custom_id may have line breaks */
	buf_add_char(&w->id, '\n');
	if (rc == 0)
		rc = file_write(w->rows, w->id.at, w->id.len, err);
	if (w->model == NULL && row->model != NULL)
		w->model = mem_strdup(row->model);
	if (w->url == NULL && row->url != NULL)
		w->url = mem_strdup(row->url);
	if (w->start != NULL || w->end != NULL) {
		if (rc == 0)
			rc = mem_room_ask(2 * (w->n_ids + 1) * sizeof *w->ids, err);
		if (rc < 0)
			return rc;
		w->ids = mem_grow(w->ids, w->n_ids + 1, sizeof *w->ids);
		w->ids[w->n_ids++] = mem_strdup(row->instance_id);
	} else {
		check_repo(w, row->instance_id);
	}
	w->instances++;
	return rc;
}

static int nothing_between(const struct submit *w, struct err *err)
{
	const char *start = w->start, *end = w->end;

	return err_set(err, BD_EINVALID, "%s%s%s%s%s: no custom_id lies there", start != NULL ? "--start_file " : "",
	               start != NULL ? start : "", start != NULL && end != NULL ? ", " : "",
	               end != NULL ? "--end_file " : "", end != NULL ? end : "");
}

/* Of the instances, those with a pass in the range: they need their repositories, the others do not. */
static void count_kept(struct submit *w, int64_t passk)
{
	int64_t n = w->instances;

	w->instances = 0;
	for (int64_t i = 0; i < n; i++) {
		if (memchr(&w->keep[i * passk], true, (size_t)passk * sizeof *w->keep) == NULL)
			continue;
		check_repo(w, w->ids[i]);
		w->instances++;
	}
}

/* --start_file, --end_file: which passes there are. */
static int pick_range(struct submit *w, struct err *err)
{
	struct range range;
	int64_t passk = w->task.job->row.passk;
	int rc = range_read(w->start, w->end, &range, err);

	w->passes = w->instances * passk;
	if (rc < 0 || (w->start == NULL && w->end == NULL))
		return rc;
	if ((rc = mem_room_ask((size_t)w->passes, err)) < 0)
		return rc;
	w->keep = mem_zero((size_t)w->passes, sizeof *w->keep);
	size_t kept = 0;
	if ((rc = range_pick_passes(&range, (const char *const *)w->ids, w->n_ids, passk, w->keep, &kept, err)) < 0)
		return rc;
	w->passes = (int64_t)kept;
	count_kept(w, passk);
	return kept > 0 ? 0 : nothing_between(w, err);
}

/* raw: the file says to which url its requests go; a batch is made for that one. */
static int take_url(struct submit *w, struct err *err)
{
	const char *given = w->task.job->row.params;
	struct rollout_params params = { 0 };
	struct json *v = NULL;
	int rc = w->url != NULL ? json_parse(given, strlen(given), &v, err) : 0;

	if (rc == 0 && v != NULL)
		rc = rollout_params_read(v, &params, err);
	if (rc == 0 && v != NULL && w->url[0] != '/')
		rc = err_set(err, BD_EINVALID, "%.200s: url %.100s: it must be a path such as %s", w->shown, w->url,
		             params.line_url);
	if (rc == 0 && v != NULL) {
		params.line_url = w->url;
		rollout_params_print(&params, &w->params);
		rc = rollout_new(&params, &w->rollout, err);
	}
	json_free(v);
	return rc;
}

static void run(struct task *t)
{
	struct submit *w = AROUND(struct submit, task, t);
	struct mem_room room;

	w->rc = mem_room_open(&room, TASK_ROOM, &w->err);
	buf_add_char(&w->warnings, '[');
	if (w->warning != NULL)
		jw_str(&(struct jw){ .out = &w->warnings }, w->warning);
	if (w->rc == 0)
		w->rc = file_create(w->rows_path, 0600, &w->rows, &w->err);
	if (w->rc == 0)
		w->rc = w->raw ? dataset_read_requests(w->dataset_path, w->shown, w->out_path, on_row, w, &w->err) :
		                 dataset_read(w->dataset_path, w->shown, w->out_path, on_row, w, &w->err);
	if (w->rc == 0)
		w->rc = take_url(w, &w->err);
	if (w->rc == 0)
		w->rc = pick_range(w, &w->err);
	if (w->rc == 0 && w->no_repo == w->instances && w->repos != NULL)
		w->rc = err_set(&w->err, BD_EINVALID, "%s holds no structure file for any of the %lld instances "
		                "(they are named <instance_id>.json)", w->repos, (long long)w->instances);
	if (w->rc == 0 && w->no_repo > ENOUGH_WARNINGS) {
		char *text = mem_printf("and %lld more instances without a structure file",
		                        (long long)w->no_repo - ENOUGH_WARNINGS);
		struct jw jw = { .out = &w->warnings, .comma = true };

		jw_str(&jw, text);
		free(text);
	}
	buf_add_char(&w->warnings, ']');
	w->rc = mem_room_close(&room, w->rc, &w->err);
	if (w->rows != NULL && w->rc == 0)
		w->rc = file_commit(w->rows, &w->err);
	else
		file_abandon(w->rows);
	fault_step();
	unlink(w->dataset_path);
}

/* --- on the loop ----------------------------------------------------------------------------------- */

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

/* The submitter is told; what failed leaves nothing behind. */
static void apply_done(struct apply *a)
{
	struct submit *w = AROUND(struct submit, apply, a);
	struct job *job = w->task.job;

	job->tasks--;
	if (!a->kept && w->rc == 0)
		w->rc = err_set(&w->err, BD_ESTORE, "the database cannot be written now; see batchctl status, then try again later");
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
	int rc = engine_write(e) ? job_insert(e->db, &row, &id, err) : err_set(err, BD_ESTORE, "the database is not writable");
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
		rc = job_set_save_dir(job->e->db, job->row.id, dir, err);
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
	w->task.run = run;
	w->task.done = done;
	task_start(e, job, &w->task);
	return 0;
}
