/* SPDX-License-Identifier: MIT */
/*
 * Does everything add up?  A worker counts the rows of every stage against the sums beside them, one stage against the next,
 * every DONE pass against its sample, and the aggregated files against the passes.  With remote, each batch is then asked for
 * at its endpoint, one after the other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batchd/wire.h"
#include "engine_int.h"
#include "files.h"
#include "mem.h"

enum { PROBLEMS_MOST = 50, LINE_KEPT = 1 << 20 };

struct audit {
	struct task task;
	struct audit *next;             /* of those that look at endpoints */
	audit_fn done;
	void *data;
	struct job_row row;
	bool samples;                   /* the workflow makes them */
	bool ended;                     /* then the aggregated files must be whole */
	char *db_path;
	struct buf json;
	struct jw problems;
	struct buf problem_text;
	size_t n_problems;
	int64_t done_passes, failed_passes, answers;
	int rc;
	struct err err;
	/* on the loop, with remote */
	bool remote;
	int64_t *batches;
	size_t n_batches, at;
	struct batch_row batch;
	struct api_call *call;
};

static void problem(struct audit *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void problem(struct audit *a, const char *fmt, ...)
{
	char text[500];
	va_list ap;

	if (a->n_problems++ >= PROBLEMS_MOST)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	jw_str(&a->problems, text);
}

static int on_last_stage(void *data, const struct pass_row *p, struct err *err)
{
	struct audit *a = data;

	(void)err;
	a->answers += p->answer.batch > 0;
	if (p->state != PASS_DONE || !a->samples)
		return 0;
	char *cid = custom_id_make(p->instance_id, p->n % a->row.passk, a->row.passk);
	char *path = mem_printf("%s/samples/%s.jsonl", a->row.save_dir, cid);
	if (file_size(path) <= 0)
		problem(a, "%s is done, but its sample %s is not there", cid, path);
	free(path);
	free(cid);
	return 0;
}

static int64_t lines_of(const struct audit *a, const char *name)
{
	char *path = path_join(a->row.save_dir, name);
	struct line_reader r;
	struct span line;
	int64_t n = 0;
	int rc = line_reader_open(&r, path, NULL);

	free(path);
	if (rc < 0)
		return -1;
	while ((rc = line_reader_next(&r, LINE_KEPT, &line, NULL)) == 1 || rc == BD_EINVALID) {
		if (rc == BD_EINVALID && (rc = line_reader_skip(&r, NULL)) < 0)
			break;
		n++;
	}
	line_reader_close(&r);
	return rc < 0 ? -1 : n;
}

static void check_lines(struct audit *a, const char *name, int64_t want)
{
	int64_t have = lines_of(a, name);

	if (have < 0)
		problem(a, "%s/%s cannot be read", a->row.save_dir, name);
	else if (have != want)
		problem(a, "%s/%s has %lld lines, not %lld", a->row.save_dir, name, (long long)have, (long long)want);
}

static void check_files(struct audit *a, int64_t failed)
{
	if (a->samples)
		check_lines(a, "output.jsonl", a->done_passes);
	else
		check_lines(a, "batch_output_step1.jsonl", a->answers);
	check_lines(a, "failures.jsonl", failed);
}

static int check_stages(struct audit *a, struct db *db, struct err *err)
{
	struct pass_counts sums;
	int64_t really[STAGES_MAX + 1][PASS_STATE_COUNT] = { 0 }, before = a->row.passes, failed = 0;
	struct jw w = { .out = &a->json, .comma = true };
	int rc = count_get(db, a->row.id, &sums, err);

	jw_name(&w, "stages");
	jw_list(&w);
	for (int stage = 1; rc == 0 && stage <= (int)a->row.stages; stage++) {
		int64_t total = 0;

		rc = pass_count_really(db, a->row.id, stage, really[stage], err);
		jw_obj(&w);
		jw_put_int(&w, "stage", stage);
		for (int s = 0; s < PASS_STATE_COUNT; s++) {
			total += really[stage][s];
			jw_put_int(&w, pass_state_word((enum pass_state)s), really[stage][s]);
			if (really[stage][s] != sums.n[stage][s])
				problem(a, "stage %d: %lld passes are %s, the sum says %lld", stage,
				        (long long)really[stage][s], pass_state_word((enum pass_state)s),
				        (long long)sums.n[stage][s]);
		}
		jw_put_int(&w, "total", total);
		jw_obj_end(&w);
		if (total != before)
			problem(a, "stage %d has %lld passes, %lld should have come to it", stage, (long long)total,
			        (long long)before);
		before = really[stage][PASS_DONE];
		failed += really[stage][PASS_FAILED];
	}
	jw_list_end(&w);
	a->done_passes = before;
	a->failed_passes = failed;
	return rc;
}

static void run(struct task *t)
{
	struct audit *a = AROUND(struct audit, task, t);
	struct mem_room room;
	struct db *db = NULL;

	a->problems.out = &a->problem_text;
	a->rc = mem_room_open(&room, TASK_ROOM, &a->err);
	if (a->rc == 0)
		a->rc = db_open_reader(a->db_path, &db, &a->err);
	struct jw w = { .out = &a->json };
	jw_obj(&w);
	jw_put_int(&w, "schema", REPLY_SCHEMA);
	jw_put_id(&w, "id", a->row.id);
	if (a->rc == 0)
		a->rc = check_stages(a, db, &a->err);
	if (a->rc == 0)
		a->rc = pass_each(db, a->row.id, (int)a->row.stages, a->row.passk, on_last_stage, a, &a->err);
	db_close(db);
	if (a->rc == 0 && a->ended)
		check_files(a, a->failed_passes);
	a->rc = mem_room_close(&room, a->rc, &a->err);
}

static void audit_over(struct audit *a)
{
	struct jw w = { .out = &a->json, .comma = true };

	jw_put_bool(&w, "ok", a->n_problems == 0);
	jw_name(&w, "problems");
	buf_add_char(&a->json, '[');
	buf_add_span(&a->json, buf_span(&a->problem_text));
	buf_add_str(&a->json, "]}");
	a->done(a->data, a->n_problems == 0, buf_str(&a->json), a->rc < 0 ? &a->err : NULL);
	job_row_done(&a->row);
	batch_row_done(&a->batch);
	buf_done(&a->json);
	buf_done(&a->problem_text);
	free(a->batches);
	free(a->db_path);
	free(a);
}

/* --- at the endpoint ---------------------------------------------------------------------------------- */

static void next_batch(struct audit *a);

static void leave(struct audit *a)
{
	struct audit **at = &a->task.e->audits;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	audit_over(a);
}

static void on_batch(void *data, const struct api_result *res, const struct remote_batch *rb)
{
	struct audit *a = data;
	struct engine *e = a->task.e;
	const struct batch_row *b = &a->batch;

	a->call = NULL;
	if (res->verdict == API_GONE)
		problem(a, "batch %lld (%s) is not at the endpoint", (long long)b->id, b->remote_id);
	else if (res->verdict != API_DONE)
		problem(a, "batch %lld (%s) cannot be looked at: %s", (long long)b->id, b->remote_id, res->reason);
	else if (b->state == BATCH_ENDED && !remote_status_terminal(rb->status))
		problem(a, "batch %lld (%s) has ended here, at the endpoint it is %s", (long long)b->id, b->remote_id, rb->word);
	else if (rb->total > 0 && rb->total != b->requests)
		problem(a, "batch %lld (%s) has %lld requests at the endpoint, not %lld", (long long)b->id, b->remote_id,
		        (long long)rb->total, (long long)b->requests);
	if (e->broken || res->verdict == API_CANCELED)
		leave(a);
	else
		next_batch(a);
	engine_tick(e);
}

static void next_batch(struct audit *a)
{
	struct engine *e = a->task.e;
	struct endpoint *ep = endpoint_find(e, a->row.endpoint);
	struct err err;

	if (ep == NULL || ep->api == NULL) {
		problem(a, "endpoint %s is not in the config: its batches cannot be looked at", a->row.endpoint);
		a->at = a->n_batches;
	}
	while (a->at < a->n_batches) {
		batch_row_done(&a->batch);
		if (batch_get(e->db, a->batches[a->at++], &a->batch, &err) < 0)
			problem(a, "%s", err.msg);
		else if (a->batch.remote_id[0] != '\0') {
			a->call = api_batch_get(ep->api, a->batch.remote_id, on_batch, a);
			return;                 /* until on_batch */
		}
	}
	leave(a);
}

bool audits_busy(struct engine *e, bool cancel)
{
	for (struct audit *a = e->audits; a != NULL; a = a->next)
		if (cancel && a->call != NULL)
			api_call_cancel(a->call);
	return e->audits != NULL;
}

static void done(struct task *t)
{
	struct audit *a = AROUND(struct audit, task, t);
	struct engine *e = t->e;

	if (a->rc == 0 && a->remote && (e->broken || e->draining))
		a->rc = err_set(&a->err, BD_ESTORE, "batchd cannot look at the endpoint now; try again in a moment");
	if (a->rc == 0 && a->remote)
		a->rc = batch_list(e->db, a->row.id, &a->batches, &a->n_batches, &a->err);
	if (a->rc < 0 || !a->remote) {
		audit_over(a);
		return;
	}
	a->next = e->audits;
	e->audits = a;
	next_batch(a);
}

/* --- the way in ---------------------------------------------------------------------------------------- */

struct end_audit {
	struct engine *e;
	int64_t job;
};

static void on_end_audit(void *data, bool ok, const char *json, const struct err *err)
{
	struct end_audit *end = data;

	if (err != NULL || !ok)
		engine_event(end->e, end->job, 0, "error", "its audit %s %.200s (batchctl audit %lld)",
		             err != NULL ? "failed:" : "does not add up:", err != NULL ? err->msg : strstr(json, "\"problems\""),
		             (long long)end->job);
	else
		engine_event(end->e, end->job, 0, "info", "its audit adds up");
	free(end);
}

void audit_at_end(struct engine *e, int64_t job)
{
	struct end_audit *end = MEM_NEW(struct end_audit);
	struct err err;

	end->e = e;
	end->job = job;
	if (engine_audit(e, job, false, on_end_audit, end, &err) < 0)
		on_end_audit(end, false, NULL, &err);
}

int engine_audit(struct engine *e, int64_t id, bool remote, audit_fn on_done, void *data, struct err *err)
{
	struct job_row row = { 0 };
	int rc = job_get(e->db, id, &row, err);

	if (rc == 0)
		rc = engine_flush(e, err);
	if (rc < 0) {
		job_row_done(&row);
		return rc;
	}
	struct audit *a = MEM_NEW(struct audit);
	a->row = row;
	a->samples = strcmp(row.workflow, "raw") != 0;
	a->ended = row.state == JOB_DONE || row.state == JOB_FAILED;
	a->remote = remote;
	a->done = on_done;
	a->data = data;
	a->db_path = mem_strdup(db_path(e->db));
	a->task.run = run;
	a->task.done = done;
	task_start(e, NULL, &a->task);
	return 0;
}
