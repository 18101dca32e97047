/* SPDX-License-Identifier: MIT */
/*
 * A request file: the READY passes of one stage, in their order, up to the endpoint's limits.
 *
 * A worker writes the file, instance by instance (one prompt built, its passes spliced from it); then the loop moves the
 * passes to BATCHED, run by run, some each turn, and the batch to BUILT with the last of them.  A crash before that leaves
 * a BUILDING batch, whose passes the next start gives back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_int.h"
#include "files.h"
#include "mem.h"
#include "wire_id.h"

enum { UNBUILT_MOST = 10000 };          /* passes that fail before they are sent, a request file */

struct run {                            /* passes in a row that are in the file */
	int64_t first, n;
};
struct unbuilt {
	int64_t n, attempt;
	char reason[48], details[256];
};

struct build {
	struct apply apply;
	struct task task;
	struct batch *batch;
	int stage;
	int64_t max_requests, max_bytes, from, last_n;
	int64_t line_bytes;             /* of a line alone: what was learned of files may be less, and is a guess */
	struct api_limits limits;
	char *path, *index_dir, *db_path;
	/* in the worker */
	struct file_out *out;
	struct row_source rows;
	struct line_source lines;
	struct instance *instance;
	struct judgement missing;       /* why the open instance cannot be used */
	bool has_instance, instance_bad;
	int64_t instance_n;
	const char *instance_id;        /* the row source's */
	struct buf row, line, before;
	/* what came of it */
	struct run *runs;
	size_t n_runs;
	int64_t n_built, bytes, next;   /* next: no READY one is left below it */
	struct unbuilt *unbuilt;
	size_t n_unbuilt;
	struct repo_cost cost;
	int rc;
	struct err err;
	/* applying */
	size_t applied, applied_bad;    /* runs; passes that failed */
	int64_t applied_of;             /* passes of the run that is not all applied */
};

static void unbuilt_add(struct build *w, const struct ready_pass *p, const char *reason, const char *details)
{
	w->unbuilt = mem_grow(w->unbuilt, w->n_unbuilt + 1, sizeof *w->unbuilt);
	struct unbuilt *u = &w->unbuilt[w->n_unbuilt++];

	*u = (struct unbuilt){ .n = p->n, .attempt = p->attempt };
	snprintf(u->reason, sizeof u->reason, "%s", reason);
	snprintf(u->details, sizeof u->details, "%s", details);
}

static void close_instance(struct build *w)
{
	if (w->instance != NULL) {
		struct repo_cost c = instance_cost(w->instance);

		w->cost.parses += c.parses;
		w->cost.bytes_read += c.bytes_read;
		instance_close(w->instance);
	}
	w->instance = NULL;
	w->instance_id = NULL;
	w->has_instance = false;
}

/* The instance of this pass, opened once for all its passes.  A missing one is no error of the file. */
static int need_instance(struct build *w, int64_t n, struct err *err)
{
	if (w->has_instance && w->instance_n == n)
		return 0;
	close_instance(w);
	int rc = row_source_get(&w->rows, n, &w->instance_id, &w->row, err);
	if (rc < 0)
		return rc;
	w->has_instance = true;
	w->instance_n = n;
	struct err why = { 0 };
	rc = instance_open(w->task.job->rollout, buf_span(&w->row), w->index_dir, &w->instance, &why);
	w->instance_bad = rc < 0;
	if (rc < 0) {
		snprintf(w->missing.details, sizeof w->missing.details, "%.255s", why.msg);
		if (err_is_local(rc))
			return *err = why, rc;
	}
	return 0;
}

/* The line of one pass, in w->line. */
static int make_line(struct build *w, const struct ready_pass *p, struct err *err)
{
	struct job *job = w->task.job;
	int64_t k = p->n % job->row.passk;
	char *custom_id = custom_id_make(w->instance_id, k, job->row.passk), wire[WIRE_ID_MAX];
	const char *id = custom_id;
	int64_t other;
	int rc = 0;

	/* one that reads like a short one of ours would come back as another pass */
	if (!wire_id_fits(custom_id, w->limits.custom_id_max, w->limits.custom_id_dots) ||
	    wire_id_read(custom_id, job->row.id, &other)) {
		wire_id_make(job->row.id, p->n, wire);
		id = wire;
	}
	buf_reset(&w->before);
	buf_reset(&w->line);
	if (p->before.batch > 0)
		rc = line_source_get(&w->lines, &p->before, &w->before, err);
	if (rc == 0)
		rc = instance_request(w->instance, w->stage, k, id, buf_span(&w->before), &w->line, err);
	free(custom_id);
	return rc;
}

static int add_line(struct build *w, const struct ready_pass *p, struct err *err)
{
	int64_t off = file_tell(w->out);
	struct run *run = w->n_runs > 0 ? &w->runs[w->n_runs - 1] : NULL;

	if (w->n_built >= w->max_requests || (w->n_built > 0 && off + (int64_t)w->line.len > w->max_bytes))
		return 1;                       /* full: it goes into the next file */
	int rc = file_write(w->out, w->line.at, w->line.len, err);
	if (rc < 0)
		return rc;
	w->n_built++;
	if (run != NULL && p->n == run->first + run->n) {
		run->n++;
		return 0;
	}
	if ((w->n_runs & (w->n_runs - 1)) == 0)
		w->runs = mem_grow(w->runs, w->n_runs > 0 ? 2 * w->n_runs : 1, sizeof *w->runs);
	w->runs[w->n_runs++] = (struct run){ p->n, 1 };
	return 0;
}

/* 1: the file is full without this one. */
static int take_ready(struct build *w, const struct ready_pass *p, struct err *err)
{
	char text[200];
	int rc = need_instance(w, p->n / w->task.job->row.passk, err);

	if (rc < 0)
		return rc;
	if (w->n_unbuilt >= UNBUILT_MOST || w->n_built >= w->max_requests)
		return 1;
	if (w->instance_bad) {
		unbuilt_add(w, p, "missing_repo", w->missing.details);
		return 0;
	}
	struct err why = { 0 };
	rc = make_line(w, p, &why);
	if (err_is_local(rc))
		return *err = why, rc;
	if (rc < 0) {
		unbuilt_add(w, p, "no_request", why.msg);
		return 0;
	}
	if ((int64_t)w->line.len > w->line_bytes) {
		snprintf(text, sizeof text, "its request has %zu bytes, the endpoint takes %lld", w->line.len,
		         (long long)w->line_bytes);
		unbuilt_add(w, p, "too_large", text);
		return 0;
	}
	return add_line(w, p, err);
}

static int on_ready(void *data, const struct ready_pass *p, struct err *err)
{
	struct build *w = data;
	int rc = take_ready(w, p, err);

	if (rc > 0)
		w->next = p->n;
	return rc;
}

static void run(struct task *t)
{
	struct build *w = AROUND(struct build, task, t);
	struct mem_room room;
	struct db *db = NULL;

	w->rc = mem_room_open(&room, TASK_ROOM, &w->err);
	if (w->rc == 0)
		w->rc = row_source_open(&w->rows, w->db_path, t->job, &w->err);
	if (w->rc == 0)
		w->rc = file_create(w->path, 0600, &w->out, &w->err);
	if (w->rc == 0)
		w->rc = db_open_reader(w->db_path, &db, &w->err);
	line_source_init(&w->lines, t->job);
	w->next = w->last_n < INT64_MAX ? w->last_n + 1 : INT64_MAX;
	if (w->rc == 0)
		w->rc = pass_each_ready(db, t->job->row.id, w->stage, w->from, w->last_n, on_ready, w, &w->err);
	close_instance(w);
	line_source_close(&w->lines);
	row_source_close(&w->rows);
	db_close(db);
	buf_done(&w->row);
	buf_done(&w->line);
	buf_done(&w->before);
	w->rc = mem_room_close(&room, w->rc, &w->err);
	w->bytes = w->out != NULL ? file_tell(w->out) : 0;
	if (w->out != NULL && w->rc == 0 && w->n_built > 0)
		w->rc = file_commit(w->out, &w->err);
	else
		file_abandon(w->out);
}

static void build_free(struct build *w)
{
	free(w->path);
	free(w->index_dir);
	free(w->db_path);
	free(w->runs);
	free(w->unbuilt);
	free(w);
}

/* Nothing of it is kept: the passes stay READY. */
static void build_abandon(struct build *w)
{
	struct err err;
	struct engine *e = w->task.e;

	if (engine_write(e))
		(void)engine_ok(e, batch_delete(e->db, w->batch->row.id, &err), &err);
	unlink(w->path);
	batch_drop(w->batch);
	w->batch = NULL;
}

/* Some more of the first run that is not all applied.  Where runs are short, each costs more. */
static int apply_run(struct build *w, int *room, struct err *err)
{
	struct job *job = w->task.job;
	const struct run *run = &w->runs[w->applied];
	int64_t n = run->n - w->applied_of < *room ? run->n - w->applied_of : *room;
	int rc = pass_batched(job->e->db, &job->tally, w->stage, run->first + w->applied_of, n, w->batch->row.id, err);

	*room -= (int)n + RUN_A_TURN / ROWS_A_TURN;
	w->applied_of += n;
	if (w->applied_of == run->n) {
		w->applied++;
		w->applied_of = 0;
	}
	return rc;
}

static bool apply_some(struct apply *a)
{
	struct build *w = AROUND(struct build, apply, a);
	struct engine *e = w->task.e;
	struct job *job = w->task.job;
	struct err err;
	int rc = 0, room = RUN_A_TURN;

	for (; rc == 0 && w->applied_bad < w->n_unbuilt && room > 0; room -= RUN_A_TURN / ROWS_A_TURN) {
		struct unbuilt *u = &w->unbuilt[w->applied_bad++];

		rc = pass_failed(e->db, &job->tally, w->stage, u->n, PASS_READY, u->reason, u->details, NULL, &err);
	}
	while (rc == 0 && w->applied < w->n_runs && room > 0)
		rc = apply_run(w, &room, &err);
	if (!engine_ok(e, rc, &err))
		return true;
	if (w->applied < w->n_runs || w->applied_bad < w->n_unbuilt)
		return false;
	job_ready_from(job, w->stage, w->n_built + (int64_t)w->n_unbuilt > 0 ? w->next : 0);
	if (w->n_built == 0) {
		build_abandon(w);
		return true;
	}
	struct batch_row *r = &w->batch->row;
	const struct run *last = &w->runs[w->n_runs - 1];
	r->first_n = w->runs[0].first;
	r->last_n = last->first + last->n - 1;
	r->requests = w->n_built;
	r->bytes = w->bytes;
	job->tally.parses += w->cost.parses;
	job->tally.bytes_read += w->cost.bytes_read;
	w->batch->busy = false;
	batch_move(w->batch, BATCH_BUILT, "");
	return true;
}

static void apply_done(struct apply *a)
{
	struct build *w = AROUND(struct build, apply, a);

	w->task.job->building[w->stage] = false;
	w->task.job->tasks--;
	build_free(w);
}

static void done(struct task *t)
{
	struct build *w = AROUND(struct build, task, t);

	if (w->rc < 0 && !t->e->broken) {
		job_ready_from(t->job, w->stage, w->from);
		build_abandon(w);
		job_hold(t->job, &w->err);
		apply_done(&w->apply);
		return;
	}
	w->apply.some = apply_some;
	w->apply.done = apply_done;
	engine_apply(t->e, &w->apply);
}

void build_start(struct job *job, int stage)
{
	struct engine *e = job->e;
	const struct endpoint_config *cfg = job->endpoint->cfg;
	const struct api_limits *limits = api_limits(job->endpoint->api);
	struct batch_row row;
	struct err err;

	if (!engine_write(e) || !engine_ok(e, batch_insert(e->db, job->row.id, stage, job->row.endpoint, now_ms(e), &row,
	                                                   &err), &err))
		return;
	struct build *w = MEM_NEW(struct build);
	w->batch = batch_add(e, job, &row);
	w->batch->busy = true;
	w->stage = stage;
	w->last_n = turn_last_n(job);           /* a resume may lift it while the worker works */
	w->from = job->ready_from[stage];
	job->ready_from[stage] = INT64_MAX;     /* those that there are are this file's; later ones are told by their moves */
	w->limits = *limits;
	w->max_requests = cfg->max_requests < limits->max_requests || limits->max_requests <= 0 ? cfg->max_requests :
		limits->max_requests;
	w->max_bytes = cfg->max_bytes < limits->max_bytes || limits->max_bytes <= 0 ? cfg->max_bytes : limits->max_bytes;
	w->line_bytes = w->max_bytes;
	if (job->endpoint->max_bytes > 0 && job->endpoint->max_bytes < w->max_bytes)
		w->max_bytes = job->endpoint->max_bytes;
	w->path = batch_path(job, row.id, "requests");
	w->index_dir = job_path(job, "structures");
	w->db_path = mem_strdup(db_path(e->db));
	w->task.run = run;
	w->task.done = done;
	job->building[stage] = true;
	/* The worker reads what is committed: the moves before this turn's end must be. */
	if (engine_show(e, &err) == 0) {
		task_start(e, job, &w->task);
		return;
	}
	job->building[stage] = false;
	job_ready_from(job, stage, w->from);
	build_free(w);
}
