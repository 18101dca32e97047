/* SPDX-License-Identifier: MIT */
/*
 * What came of each request of a batch: the union of its output and error file, keyed by custom_id.
 *
 * A worker reads both files line by line and finds every member's answer, or that it has none; then the loop moves the
 * passes, some each turn, and ends the batch with the last of them.  Members are those still BATCHED in it, so a start
 * behind a crash in between goes on where it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataset_ids.h"
#include "engine_int.h"
#include "fault.h"
#include "files.h"
#include "mem.h"
#include "scan.h"
#include "wire_id.h"

enum {
	RESULT_LINE_MAX = 128 << 20,    /* a longer one fails its pass, and nothing else (2048 embeddings have 70 MB) */
	REQUEST_LINE_MAX = 256 << 20,
};

/* One member's best line so far. */
struct found {
	bool any;
	enum line_class class;
	char *reason, *details;         /* of a line that is no answer; owned */
	uint32_t prompt, completion, cached, reasoning;
};

struct read {
	struct apply apply;
	struct task task;
	struct batch *batch;
	char *paths[2], *parts[2], *db_path;
	char *requests_path;            /* NULL: no line of it is looked for */
	int64_t error_line;             /* the one line that the endpoint would not have */
	int64_t batch_id, first, last, passk;
	int stage;
	bool raw;
	/* what came of it */
	struct dataset_ids ids;         /* of their instances: 1 + n */
	struct member *members;
	struct found *found;
	struct line_ref *refs;          /* where the best line stands */
	size_t n, unknown, rubbish, missing;
	bool one_line;                  /* that line is in the file: the others are to blame for nothing */
	int64_t error_n;                /* whose it is; -1: no member's, it was dealt with before a crash */
	int rc;
	struct err err;
	/* applying */
	size_t applied, answered, again, failed, given_back;
};

/* Downloaded whole: synced, and under its own name. */
static int settle_file(const char *part, const char *path, struct err *err)
{
	int fd = open(part, O_RDWR | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, BD_EIO, "cannot open %s", part);
	fault_step();
	if (fault_hit(FAULT_FILE) || fsync(fd) < 0)
		rc = err_sys(err, BD_EIO, "cannot sync %s", part);
	close(fd);
	fault_step();
	if (rc == 0 && (fault_hit(FAULT_FILE) || rename(part, path) < 0))
		rc = err_sys(err, BD_EIO, "cannot rename %s", part);
	return rc;
}

/* Which ids the answers may have. */
static int learn_ids(struct read *w, struct db *db, struct err *err)
{
	__attribute__((cleanup(instance_cursor_done))) struct instance_cursor at;
	struct instance_place in;
	int64_t seen = -1;
	int rc = 0;

	instance_cursor_init(&at, db, w->task.job->row.id);
	for (size_t i = 0; rc == 0 && i < w->n; i++) {
		int64_t n = w->members[i].n / w->passk;

		if (n == seen)
			continue;
		rc = instance_cursor_to(&at, n, &in, err);
		if (rc == 0)
			dataset_ids_add(&w->ids, (struct span){ in.instance_id, strlen(in.instance_id) }, n + 1);
		seen = n;
	}
	return rc;
}

/* -1: no member's. */
static int64_t pass_of(const struct read *w, const char *custom_id)
{
	int64_t n = -1, k = 0, instance = 0;
	char *id = NULL;

	if (wire_id_read(custom_id, w->task.job->row.id, &n))
		return n;
	if (w->passk <= 1)
		instance = dataset_ids_find(&w->ids, (struct span){ custom_id, strlen(custom_id) });
	else if (custom_id_read(custom_id, w->passk, &id, &k))
		instance = dataset_ids_find(&w->ids, (struct span){ id, strlen(id) });
	free(id);
	return instance > 0 ? (instance - 1) * w->passk + k : -1;
}

/* Its place among the members, or their number. */
static size_t member_of(const struct read *w, int64_t n)
{
	size_t lo = 0, hi = w->n, guess = w->n > 0 && n >= w->members[0].n ? (size_t)(n - w->members[0].n) : w->n;

	if (guess < w->n && w->members[guess].n == n)
		return guess;                   /* nothing is missing before it */

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (w->members[mid].n < n)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < w->n && w->members[lo].n == n ? lo : w->n;
}

static uint32_t tokens_of(int64_t n)
{
	return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* An answer beats a failure, the first of two alike stays. */
static void keep(const struct read *w, size_t at, const struct result_line *line, const struct line_ref *ref)
{
	struct found *f = &w->found[at];

	if (f->any && !(line->class == LINE_ANSWER && f->class != LINE_ANSWER))
		return;
	free(f->reason);
	free(f->details);
	w->refs[at] = *ref;
	*f = (struct found){ .any = true, .class = line->class, .prompt = tokens_of(line->prompt),
		.completion = tokens_of(line->completion), .cached = tokens_of(line->cached),
		.reasoning = tokens_of(line->reasoning) };
	if (line->class != LINE_ANSWER) {
		f->reason = mem_strdup(line->reason);
		f->details = mem_strdup(line->details);
		if (w->batch->endpoint->api != NULL) {          /* people and the database see these */
			api_cut_secret(w->batch->endpoint->api, f->reason);
			api_cut_secret(w->batch->endpoint->api, f->details);
		}
	}
}

static int read_file(struct read *w, int kind, struct err *err)
{
	struct line_reader r;
	struct span text;
	int rc = line_reader_open(&r, w->paths[kind], err);

	if (rc == BD_ENOTFOUND)
		return 0;
	while (rc == 0 && ((rc = line_reader_next(&r, RESULT_LINE_MAX, &text, err)) == 1 || rc == BD_EINVALID)) {
		struct result_line line;
		struct line_ref ref = { w->batch_id, kind, r.line_off, (int64_t)text.len };

		if (rc == BD_EINVALID) {
			result_line_too_long(text, RESULT_LINE_MAX, &line);
			ref.batch = 0;                  /* too long for the files of save_dir too */
			rc = line_reader_skip(&r, err);
		} else {
			rc = 0;
			if (span_trim(text).len == 0)
				continue;
			result_line_read(text, &line);
		}
		size_t at = line.custom_id == NULL ? w->n : member_of(w, pass_of(w, line.custom_id));
		w->rubbish += line.custom_id == NULL;
		w->unknown += line.custom_id != NULL && at == w->n;
		if (at < w->n)
			keep(w, at, &line, &ref);
		result_line_done(&line);
	}
	line_reader_close(&r);
	return rc;
}

/* By its place in the file, not by the order of the members: some of them may have been dealt with before a crash. */
static int find_error_line(struct read *w, struct err *err)
{
	struct line_reader r;
	struct buf id = { 0 };
	struct span text;
	int rc = line_reader_open(&r, w->requests_path, err);

	if (rc < 0)
		return rc;
	while ((rc = line_reader_next(&r, REQUEST_LINE_MAX, &text, err)) == 1 && r.line_no < w->error_line)
		;
	w->one_line = rc == 1 && scan_unescape(request_line_id(text).at, request_line_id(text).len, &id);
	if (w->one_line)
		w->error_n = pass_of(w, buf_str(&id));
	buf_done(&id);
	line_reader_close(&r);
	return rc < 0 ? rc : 0;
}

static void run(struct task *t)
{
	struct read *w = AROUND(struct read, task, t);
	struct mem_room room;
	struct db *db = NULL;

	w->rc = mem_room_open(&room, TASK_ROOM, &w->err);
	if (w->rc == 0)
		w->rc = db_open_reader(w->db_path, &db, &w->err);
	if (w->rc == 0)
		w->rc = db_hold_still(db, &w->err);
	for (int kind = 0; kind < 2 && w->rc == 0; kind++)
		w->rc = settle_file(w->parts[kind], w->paths[kind], &w->err);
	if (w->rc == 0)
		w->rc = dir_sync(t->job->dir, &w->err);
	if (w->rc == 0)
		w->rc = pass_of_batch(db, t->job->row.id, w->stage, w->batch_id, w->first, w->last, &w->members, &w->n,
		                      &w->err);
	if (w->rc == 0)
		w->rc = learn_ids(w, db, &w->err);
	if (w->rc == 0) {
		w->found = mem_zero(w->n, sizeof *w->found);
		w->refs = mem_zero(w->n, sizeof *w->refs);
	}
	for (int kind = 0; kind < 2 && w->rc == 0; kind++)
		w->rc = read_file(w, kind, &w->err);
	if (w->rc == 0 && w->requests_path != NULL)
		w->rc = find_error_line(w, &w->err);
	for (size_t i = 0; i < w->n && w->rc == 0; i++)
		w->missing += !w->found[i].any;
	db_close(db);
	w->rc = mem_room_close(&room, w->rc, &w->err);
}

static void read_free(struct read *w)
{
	for (size_t i = 0; w->found != NULL && i < w->n; i++) {
		free(w->found[i].reason);
		free(w->found[i].details);
	}
	for (int kind = 0; kind < 2; kind++) {
		free(w->paths[kind]);
		free(w->parts[kind]);
	}
	dataset_ids_done(&w->ids);
	free(w->found);
	free(w->refs);
	free(w->members);
	free(w->db_path);
	free(w->requests_path);
	free(w);
}

/* --- giving the passes their answers --------------------------------------------------------------- */

static bool is_answer(const struct read *w, size_t i)
{
	return w->found[i].any && w->found[i].class == LINE_ANSWER;
}

/* How many passes in a row, from member i on, have an answer; room at most. */
static size_t answers_in_row(const struct read *w, size_t i, size_t room)
{
	size_t n = 1;

	while (n < room && i + n < w->n && is_answer(w, i + n) && w->members[i + n].n == w->members[i].n + (int64_t)n)
		n++;
	return n;
}

static int apply_answers(struct read *w, size_t i, size_t n, struct err *err)
{
	struct job *job = w->task.job;
	struct tally *t = &job->tally;

	for (size_t at = i; at < i + n; at++) {
		t->prompt += w->found[at].prompt;
		t->completion += w->found[at].completion;
		t->cached += w->found[at].cached;
		t->reasoning += w->found[at].reasoning;
	}
	w->answered += n;
	if (job->row.state == JOB_CANCELED && !w->raw)
		return pass_canceled_run(job->e->db, t, w->stage, w->members[i].n, (int64_t)n, &w->refs[i], err);
	return pass_answered(job->e->db, t, w->stage, w->members[i].n, (int64_t)n, w->raw ? PASS_DONE : PASS_ANSWERED,
	                     &w->refs[i], err);
}

/* Was the file refused for its line?  The first line named is known by its place in the file, over a crash too. */
static bool is_bad_line(const struct read *w, const struct member *m)
{
	const struct batch *b = w->batch;

	for (size_t i = 0; i < b->n_bad_lines && (int64_t)w->n == b->row.requests; i++)
		if (b->bad_lines[i] == (int64_t)(m - w->members) + 1)
			return true;
	return m->n == w->error_n;
}

/* In neither file: what the batch itself ended of is the reason. */
static int apply_missing(struct read *w, const struct member *m, struct err *err)
{
	const struct batch_row *b = &w->batch->row;
	struct job *job = w->task.job;
	struct db *db = w->task.e->db;
	const char *reason = b->error_code[0] != '\0' ? b->error_code : "missing_in_results";
	bool too_large = strcmp(b->error_code, "too_large") == 0;

	if (job->row.state == JOB_CANCELED)
		return pass_canceled(db, &job->tally, w->stage, m->n, NULL, err);
	if ((too_large && b->requests > 1) || (w->one_line && !is_bad_line(w, m))) {
		w->given_back++;                /* no fault of this one */
		return pass_given_back(db, &job->tally, w->stage, m->n, err);
	}
	if (too_large || w->one_line) {
		w->failed++;
		return pass_failed(db, &job->tally, w->stage, m->n, PASS_BATCHED, reason, b->reason, NULL, err);
	}
	w->again++;
	return job_pass_lost(job, w->stage, m->n, m->attempt, PASS_BATCHED, reason, b->reason, NULL, err);
}

/* One without an answer. */
static int apply_one(struct read *w, size_t i, struct err *err)
{
	const struct member *m = &w->members[i];
	const struct found *f = &w->found[i];
	struct job *job = w->task.job;

	if (!f->any)
		return apply_missing(w, m, err);
	if (job->row.state == JOB_CANCELED)
		return pass_canceled(w->task.e->db, &job->tally, w->stage, m->n, &w->refs[i], err);
	if (f->class == LINE_PERMANENT) {
		w->failed++;
		return pass_failed(w->task.e->db, &job->tally, w->stage, m->n, PASS_BATCHED, f->reason, f->details,
		                   w->refs[i].batch > 0 ? &w->refs[i] : NULL, err);
	}
	w->again++;
	return job_pass_lost(job, w->stage, m->n, m->attempt, PASS_BATCHED, f->reason, f->details, &w->refs[i], err);
}

static void learn_size(struct read *w)
{
	struct endpoint *ep = w->batch->endpoint;
	int64_t half = w->batch->row.bytes / 2;

	if (w->given_back > 0 && strcmp(w->batch->row.error_code, "too_large") == 0 &&
	    (ep->max_bytes == 0 || half < ep->max_bytes))       /* a token limit may have told more */
		ep->max_bytes = half;
}

static bool apply_some(struct apply *a)
{
	struct read *w = AROUND(struct read, apply, a);
	struct engine *e = w->task.e;
	struct batch_row *b = &w->batch->row;
	struct err err;
	int rc = 0;

	for (int room = RUN_A_TURN; rc == 0 && w->applied < w->n && room > 0; room -= RUN_A_TURN / ROWS_A_TURN) {
		size_t i = w->applied, n = is_answer(w, i) ? answers_in_row(w, i, (size_t)room) : 1;

		rc = is_answer(w, i) ? apply_answers(w, i, n, &err) : apply_one(w, i, &err);
		w->applied += n;
		room -= (int)n;
	}
	if (!engine_ok(e, rc, &err))
		return true;
	if (w->applied < w->n)
		return false;
	learn_size(w);
	engine_event(e, b->job, b->id, w->again + w->failed > 0 ? "warning" : "info",
	             "stage %d: %zu answered, %zu without an answer (to be asked again if they may), %zu failed%s%s",
	             w->stage, w->answered, w->again + w->given_back, w->failed,
	             w->unknown > 0 ? "; lines with unknown custom_ids were left out" : "",
	             w->rubbish > 0 ? "; lines that are no result were left out" : "");
	w->batch->busy = false;
	b->cleanup = cleanup_bits(w->batch);
	batch_move(w->batch, BATCH_ENDED, b->reason);
	return true;
}

static void apply_done(struct apply *a)
{
	struct read *w = AROUND(struct read, apply, a);
	struct engine *e = w->task.e;
	struct err err;

	w->task.job->tasks--;
	if (!e->broken) {
		if (w->batch->row.cleanup != 0)
			(void)engine_ok(e, cleanup_add(e, w->batch->row.id, &err), &err);
		batch_drop(w->batch);
	}
	read_free(w);
}

/* Lines are missing from files that should be whole: they are brought once more before that is believed. */
static bool fetch_again(struct read *w)
{
	struct batch *b = w->batch;

	if (w->missing == 0 || b->refetched || b->row.error_code[0] != '\0' ||
	    (b->row.output_file_id[0] == '\0' && b->row.error_file_id[0] == '\0'))
		return false;
	b->refetched = true;
	engine_event(w->task.e, b->row.job, b->row.id, "warning",
	             "%zu of %zu requests are in neither file; the files are fetched once more", w->missing, w->n);
	for (int kind = 0; kind < 2; kind++) {
		fault_step();
		unlink(w->paths[kind]);
	}
	b->fetch = 0;
	batch_move(b, BATCH_FETCHING, b->row.reason);
	return true;
}

static void done(struct task *t)
{
	struct read *w = AROUND(struct read, task, t);

	if (w->rc < 0 && !t->e->broken)
		job_hold(t->job, &w->err);
	if (t->e->broken || w->rc < 0 || fetch_again(w)) {
		w->batch->busy = false;
		t->job->tasks--;
		read_free(w);
		return;
	}
	w->apply.some = apply_some;
	w->apply.done = apply_done;
	engine_apply(t->e, &w->apply);
}

void read_start(struct batch *b)
{
	struct read *w = MEM_NEW(struct read);
	struct job *job = b->job;

	w->batch = b;
	w->paths[0] = batch_path(job, b->row.id, "output");
	w->paths[1] = batch_path(job, b->row.id, "errors");
	w->parts[0] = batch_path(job, b->row.id, "output.part");
	w->parts[1] = batch_path(job, b->row.id, "errors.part");
	w->db_path = mem_strdup(db_path(b->e->db));
	w->batch_id = b->row.id;
	w->error_n = -1;
	w->error_line = b->row.error_line;
	if (w->error_line >= 1 && w->error_line <= b->row.requests && b->row.output_file_id[0] == '\0')
		w->requests_path = batch_path(job, b->row.id, "requests");
	w->first = b->row.first_n;
	w->last = b->row.last_n;
	w->stage = (int)b->row.stage;
	w->passk = job->row.passk;
	w->raw = strcmp(job->row.workflow, "raw") == 0;
	w->task.run = run;
	w->task.done = done;
	b->busy = true;
	task_start(b->e, job, &w->task);
}
