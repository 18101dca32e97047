/* SPDX-License-Identifier: MIT */
/*
 * The aggregated files of a save_dir: a pure function of the database, the request and result files and the spools, made
 * anew in the order of the dataset and renamed into place.  Nothing is appended, so a crash leaves nothing to repair.
 *
 * While a job runs they are made again at most a tenth of the time; at its end once more.  The requests' files and the
 * results' are two tasks, side by side.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_int.h"
#include "files.h"
#include "mem.h"
#include "wire_id.h"

/* A pass number has a file of its own, and there may be 100,000: so many are open at a time, with a walk each. */
enum { FILES_AT_A_TIME = 256, RENDER_SHARE = 10, OUT_BYTES = 1 << 20 };

struct render {
	struct task task;
	enum render_kind kind;
	unsigned what;                  /* DIRTY_... */
	bool samples;                   /* the workflow makes them */
	atomic_bool stop;               /* set by the loop: nobody wants it any more */
	char *db_path;
	int64_t began_ms;
	/* in the worker */
	int stage;
	struct line_source lines;
	struct request_source asked;
	struct file_out *requests, *results, *failures, *output, *processed[FILES_AT_A_TIME];
	int64_t n_processed;
	int64_t first_k, n_open;        /* those that processed[] holds */
	int spool_fd;
	int64_t spool_open;
	struct buf line;
	int rc;
	struct err err;
};

/* The line with the natural custom_id in the place of the one that went over the wire. */
static int write_line(const struct render *w, struct file_out *to, const struct pass_row *p, struct span line,
                      struct err *err)
{
	const struct job *job = w->task.job;
	struct span id = request_line_id(line);
	int rc = 0;

	while (line.len > 0 && (line.at[line.len - 1] == '\n' || line.at[line.len - 1] == '\r'))
		line.len--;
	if (id.len > 0 && wire_id_is(id.at, id.len, job->row.id, p->n)) {
		char *natural = custom_id_make(p->instance_id, p->n % job->row.passk, job->row.passk);
		struct buf text = { 0 };

		json_escape(&text, natural, strlen(natural));
		rc = file_write(to, line.at, (size_t)(id.at - line.at), err);
		if (rc == 0)
			rc = file_write(to, text.at, text.len, err);
		line.len -= (size_t)(id.at - line.at) + id.len;
		line.at = id.at + id.len;
		buf_done(&text);
		free(natural);
	}
	if (rc == 0)
		rc = file_write(to, line.at, line.len, err);
	return rc == 0 ? file_write(to, "\n", 1, err) : rc;
}

static int copy_request(struct render *w, const struct pass_row *p, struct err *err)
{
	struct span line;

	if (w->requests == NULL || p->batch == 0)
		return 0;
	int rc = request_source_get(&w->asked, p, &line, err);
	return rc < 0 ? rc : write_line(w, w->requests, p, line, err);
}

static int copy_answer(struct render *w, const struct pass_row *p, struct err *err)
{
	if (w->results == NULL || p->answer.batch == 0)
		return 0;
	buf_reset(&w->line);
	int rc = line_source_get(&w->lines, &p->answer, &w->line, err);
	return rc < 0 ? rc : write_line(w, w->results, p, buf_span(&w->line), err);
}

static int failure_line(struct render *w, const struct pass_row *p, struct err *err)
{
	const struct job *job = w->task.job;
	char *custom_id = custom_id_make(p->instance_id, p->n % job->row.passk, job->row.passk);
	struct jw jw = { .out = &w->line };

	buf_reset(&w->line);
	jw_obj(&jw);
	jw_put_str(&jw, "custom_id", custom_id);
	jw_put_str(&jw, "instance_id", p->instance_id);
	jw_put_int(&jw, "stage", w->stage);
	jw_put_str(&jw, "reason", p->reason);
	jw_put_str(&jw, "details", p->details);
	jw_put_int(&jw, "attempts", p->attempt);
	jw_obj_end(&jw);
	buf_add_char(&w->line, '\n');
	free(custom_id);
	return file_write(w->failures, w->line.at, w->line.len, err);
}

/* Its lines of output.jsonl and of its pass's file, from the spool. */
static int sample_lines(struct render *w, const struct pass_row *p, struct err *err)
{
	if (w->spool_open != p->spool.spool) {
		char *path = spool_path(w->task.job, p->spool.spool);

		if (w->spool_fd >= 0)
			close(w->spool_fd);
		w->spool_open = p->spool.spool;
		w->spool_fd = open(path, O_RDONLY | O_CLOEXEC);
		int rc = w->spool_fd < 0 ? err_sys(err, BD_EIO, "cannot open %s", path) : 0;
		free(path);
		if (rc < 0)
			return rc;
	}
	size_t out = (size_t)p->spool.out_len, proc = (size_t)p->spool.proc_len;
	int64_t k = p->n % w->n_processed - w->first_k;
	buf_reset(&w->line);
	int rc = file_get_range(w->spool_fd, p->spool.off, out + proc, &w->line, err);
	if (rc == 0 && w->output != NULL)
		rc = file_write(w->output, w->line.at, out, err);
	if (rc == 0 && k >= 0 && k < w->n_open)
		rc = file_write(w->processed[k], w->line.at + out, proc, err);
	return rc;
}

static int on_pass(void *data, const struct pass_row *p, struct err *err)
{
	struct render *w = data;

	if (atomic_load_explicit(&w->stop, memory_order_relaxed))
		return err_set(err, BD_ESTATE, "a newer one is due");
	int rc = copy_request(w, p, err);

	if (rc == 0)
		rc = copy_answer(w, p, err);
	if (rc == 0 && w->failures != NULL && p->state == PASS_FAILED)
		rc = failure_line(w, p, err);
	if (rc == 0 && w->n_open > 0 && p->state == PASS_DONE && p->spool.spool > 0 &&
	    (w->output != NULL || p->n % w->n_processed / FILES_AT_A_TIME == w->first_k / FILES_AT_A_TIME))
		rc = sample_lines(w, p, err);
	return rc;
}

static int create(const struct render *w, const char *name, struct file_out **ret, struct err *err)
{
	char *path = path_join(w->task.job->row.save_dir, name);
	int rc = file_create(path, 0644, ret, err);

	free(path);
	return rc;
}

static int close_file(struct file_out **f, int rc, struct err *err)
{
	struct file_out *file = *f;

	*f = NULL;
	if (file == NULL)
		return rc;
	if (rc == 0)
		return file_commit(file, err);
	file_abandon(file);
	return rc;
}

static int render_stage(struct render *w, struct db *db, struct err *err)
{
	const struct job *job = w->task.job;
	char name[64];
	int rc = 0;

	if (w->what & DIRTY_REQUESTS(w->stage)) {
		snprintf(name, sizeof name, "batch_requests_step%d.jsonl", w->stage);
		rc = create(w, name, &w->requests, err);
	}
	if (rc == 0 && (w->what & DIRTY_RESULTS)) {
		snprintf(name, sizeof name, "batch_output_step%d.jsonl", w->stage);
		rc = create(w, name, &w->results, err);
	}
	request_source_init(&w->asked, job);
	if (rc == 0 && (w->requests != NULL || (w->what & DIRTY_RESULTS)))
		rc = pass_each(db, job->row.id, w->stage, job->row.passk, on_pass, w, err);
	request_source_close(&w->asked);
	rc = close_file(&w->requests, rc, err);
	return close_file(&w->results, rc, err);
}

/* The files of the next pass numbers. */
static int open_processed(struct render *w, int64_t first_k, struct err *err)
{
	int64_t n = w->n_processed - first_k;
	int rc = 0;

	w->first_k = first_k;
	w->n_open = n < FILES_AT_A_TIME ? n : FILES_AT_A_TIME;
	for (int64_t k = 0; rc == 0 && k < w->n_open; k++) {
		char *name = rollout_processed_name(w->task.job->rollout, first_k + k);

		rc = create(w, name, &w->processed[k], err);
		if (rc == 0)
			file_buffer(w->processed[k], OUT_BYTES * 8 / (size_t)(w->n_open + 8));
		free(name);
	}
	return rc;
}

static int close_processed(struct render *w, int rc, struct err *err)
{
	for (int64_t k = 0; k < w->n_open; k++)
		rc = close_file(&w->processed[k], rc, err);
	w->n_open = 0;
	return rc;
}

static int open_samples(struct render *w, struct err *err)
{
	int rc = create(w, "output.jsonl", &w->output, err);

	return rc == 0 ? open_processed(w, 0, err) : rc;
}

/* Of pass numbers beyond the first walk's. */
static int more_processed(struct render *w, struct db *db, struct err *err)
{
	const struct job *job = w->task.job;
	int rc = 0;

	w->stage = (int)job->row.stages;
	for (int64_t k = FILES_AT_A_TIME; rc == 0 && k < w->n_processed && (w->what & DIRTY_RESULTS); k += FILES_AT_A_TIME) {
		struct mem_room room;

		rc = mem_room_open(&room, TASK_ROOM, err);
		if (rc == 0)
			rc = open_processed(w, k, err);
		if (rc == 0)
			rc = pass_each(db, job->row.id, w->stage, job->row.passk, on_pass, w, err);
		rc = mem_room_close(&room, rc, err);
		rc = close_processed(w, rc, err);
	}
	return rc;
}

static void run(struct task *t)
{
	struct render *w = AROUND(struct render, task, t);
	const struct job *job = t->job;
	struct mem_room room;
	struct db *db = NULL;

	w->spool_fd = -1;
	line_source_init(&w->lines, job);
	w->lines.room = 2;
	w->rc = mem_room_open(&room, TASK_ROOM, &w->err);
	if (w->rc == 0)
		w->rc = db_open_reader(w->db_path, &db, &w->err);
	if (w->rc == 0 && (w->what & DIRTY_RESULTS))
		w->rc = create(w, "failures.jsonl", &w->failures, &w->err);
	for (w->stage = 1; w->rc == 0 && w->stage <= (int)job->row.stages; w->stage++) {
		if (w->stage == (int)job->row.stages && w->samples && (w->what & DIRTY_RESULTS))
			w->rc = open_samples(w, &w->err);
		if (w->rc == 0)
			w->rc = render_stage(w, db, &w->err);
	}
	w->rc = mem_room_close(&room, w->rc, &w->err);
	w->rc = close_file(&w->failures, w->rc, &w->err);
	w->rc = close_file(&w->output, w->rc, &w->err);
	w->rc = close_processed(w, w->rc, &w->err);
	if (w->rc == 0)
		w->rc = more_processed(w, db, &w->err);
	if (w->spool_fd >= 0)
		close(w->spool_fd);
	line_source_close(&w->lines);
	db_close(db);
	buf_done(&w->line);
}

static void done(struct task *t)
{
	struct render *w = AROUND(struct render, task, t);
	struct job *job = t->job;
	int64_t took = now_ms(t->e) - w->began_ms;

	job->rendering[w->kind] = NULL;
	job->tasks--;
	if (w->rc == 0 && !t->e->broken)
		job_gets_on(job);
	if (w->rc < 0 && !t->e->broken) {
		job->dirty |= w->what;
		if (!atomic_load(&w->stop))
			job_hold(job, &w->err);
	}
	job->render_ms[w->kind] = now_ms(t->e) + (took * RENDER_SHARE > RENDER_LEAST_MS ? took * RENDER_SHARE : RENDER_LEAST_MS);
	free(w->db_path);
	free(w);
}

unsigned render_due(const struct job *job, enum render_kind kind)
{
	return job->dirty & (kind == RENDER_RESULTS ? DIRTY_RESULTS : DIRTY_ALL & ~DIRTY_RESULTS);
}

int render_count(const struct job *job)
{
	int n = 0;

	for (enum render_kind k = 0; k < RENDER_KINDS; k++)
		n += job->rendering[k] != NULL;
	return n;
}

void render_stop(struct job *job, enum render_kind kind)
{
	if (job->rendering[kind] != NULL)
		atomic_store_explicit(&job->rendering[kind]->stop, true, memory_order_relaxed);
}

void render_start(struct job *job, enum render_kind kind)
{
	struct render *w = MEM_NEW(struct render);
	struct err err;

	/* The worker sees what is committed. */
	if (engine_show(job->e, &err) < 0) {
		free(w);
		return;
	}
	w->kind = kind;
	w->what = render_due(job, kind);
	w->samples = rollout_product_suffix(job->rollout) != NULL;
	w->n_processed = w->samples ? job->row.passk : 0;
	w->db_path = mem_strdup(db_path(job->e->db));
	w->began_ms = now_ms(job->e);
	w->task.run = run;
	w->task.done = done;
	job->dirty &= ~w->what;
	job->rendering[kind] = w;
	task_start(job->e, job, &w->task);
}
