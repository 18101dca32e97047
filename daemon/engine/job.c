/* SPDX-License-Identifier: MIT */
/*
 * One job: what is answered is judged, what is ready goes into a request file, what is done is rendered; when nothing is
 * left to do it ends.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_int.h"
#include "files.h"
#include "log.h"
#include "mem.h"
#include "retry.h"

enum { HOLD_LEAST_MS = 1000, HOLD_MOST_MS = 30000, CANCEL_WINDOWS = 8 };

/* An endpoint that the config names no longer: its jobs wait, visibly. */
static struct endpoint *endpoint_missing(struct engine *e, const char *name)
{
	struct endpoint *ep = MEM_NEW(struct endpoint);

	ep->e = e;
	ep->name = mem_strdup(name);
	ep->row.parked = mem_printf("endpoint %s is not in the config", name);
	ep->probe_ms = INT64_MAX;
	ep->next = e->endpoints;
	e->endpoints = ep;
	return ep;
}

int job_load_rollout(struct job *job, struct err *err)
{
	struct rollout_params params = { 0 };
	struct json *v = NULL;
	int rc = json_parse(job->row.params, strlen(job->row.params), &v, err);

	if (rc == 0)
		rc = rollout_params_read(v, &params, err);
	if (rc == 0)
		rc = rollout_new(&params, &job->rollout, err);
	json_free(v);
	return rc;
}

int job_load(struct engine *e, int64_t id, struct job **ret, struct err *err)
{
	struct job *job = MEM_NEW(struct job);
	int rc = job_get(e->db, id, &job->row, err);

	job->e = e;
	if (rc == 0)
		rc = count_get(e->db, id, &job->counts, err);
	if (rc == 0 && job->row.state != JOB_LOADING)   /* one that only goes may have lost its prompts */
		rc = job_load_rollout(job, err);
	if (rc < 0) {
		err_prefix(err, "job %lld: ", (long long)id);
		job_free(job);
		return rc;
	}
	job->endpoint = endpoint_find(e, job->row.endpoint);
	if (job->endpoint == NULL)
		job->endpoint = endpoint_missing(e, job->row.endpoint);
	job->tally.job = id;
	job->next_spool = job->row.spools + 1;
	job->dir = mem_printf("%s/jobs/%lld", e->env.state_dir, (long long)id);
	job->held = job->row.state == JOB_RUNNING && job->row.reason[0] != '\0';
	/* one that has ended was rendered before; a command that it refuses must not touch its files again */
	job->dirty = job->row.state == JOB_DONE || job->row.state == JOB_FAILED ? 0 : DIRTY_ALL;
	struct job **at = &e->jobs;
	while (*at != NULL && (*at)->row.id < id)
		at = &(*at)->next;
	job->next = *at;
	*at = job;
	*ret = job;
	return 0;
}

void job_free(struct job *job)
{
	if (job == NULL)
		return;
	rollout_free(job->rollout);
	job_row_done(&job->row);
	free(job->dir);
	free(job);
}

struct job *job_in_memory(struct engine *e, int64_t id)
{
	for (struct job *j = e->jobs; j != NULL; j = j->next)
		if (j->row.id == id)
			return j;
	return NULL;
}

bool job_is(const struct job *job, enum job_state s)
{
	return job->row.state == s && job->hold_ms == 0;
}

char *job_path(const struct job *job, const char *fmt, ...)
{
	char name[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof name, fmt, ap);
	va_end(ap);
	return path_join(job->dir, name);
}

char *batch_path(const struct job *job, int64_t batch, const char *what)
{
	return job_path(job, "batch-%lld.%s.jsonl", (long long)batch, what);
}

char *spool_path(const struct job *job, int64_t spool)
{
	return job_path(job, "spool-%lld.jsonl", (long long)spool);
}

void job_ready_from(struct job *job, int stage, int64_t n)
{
	if (n < job->ready_from[stage])
		job->ready_from[stage] = n;
}

bool job_tally_flush(struct job *job)
{
	struct err err;
	bool moved = false;

	for (int stage = 1; stage <= STAGES_MAX; stage++) {
		if (job->tally.ready_from[stage] > 0)
			job_ready_from(job, stage, job->tally.ready_from[stage] - 1);
		for (int s = 0; s < PASS_STATE_COUNT; s++)
			if (job->tally.n[stage][s] != 0) {
				moved = true;
				job->counts.n[stage][s] += job->tally.n[stage][s];
				job->dirty |= (s != PASS_READY && s != PASS_BATCHED ? DIRTY_RESULTS : 0) |
				              (s == PASS_BATCHED && job->tally.n[stage][s] > 0 ? DIRTY_REQUESTS(stage) : 0);
			}
	}
	job->row.prompt += job->tally.prompt;
	job->row.completion += job->tally.completion;
	job->row.cached += job->tally.cached;
	job->row.reasoning += job->tally.reasoning;
	job->row.parses += job->tally.parses;
	job->row.bytes_read += job->tally.bytes_read;
	if (job->tally.spools > job->row.spools)
		job->row.spools = job->tally.spools;
	if (moved)
		job_gets_on(job);
	if (job->e->broken || !job->e->in_txn)
		return !job->e->broken;
	return engine_ok(job->e, tally_flush(job->e->db, &job->tally, &err), &err);
}

static void set_reason(struct job *job, const char *reason)
{
	struct err err;

	text_set(&job->row.reason, reason);
	if (engine_write(job->e))
		(void)engine_ok(job->e, job_set_reason(job->e->db, job->row.id, reason, &err), &err);
}

/* The first tries come soon, and the reason is told once, however many there are. */
void job_hold(struct job *job, const struct err *err)
{
	int64_t wait = HOLD_LEAST_MS << job->hold_n;

	if (!job->held || strcmp(job->row.reason, err->msg) != 0) {
		engine_event(job->e, job->row.id, 0, "error", "paused: %s; it goes on by itself when that is mended", err->msg);
		set_reason(job, err->msg);
	}
	job->held = true;
	job->hold_ms = now_ms(job->e) + (wait < HOLD_MOST_MS ? wait : HOLD_MOST_MS);
	job->hold_n += wait < HOLD_MOST_MS;
}

void job_gets_on(struct job *job)
{
	if (!job->held || job->hold_ms > 0)
		return;
	job->held = false;
	job->hold_n = 0;
	engine_event(job->e, job->row.id, 0, "notice", "goes on");
	set_reason(job, "");
}

int job_pass_lost(struct job *job, int stage, int64_t n, int64_t attempt, enum pass_state from, const char *reason,
                  const char *details, const struct line_ref *line, struct err *err)
{
	int64_t most = job->endpoint->cfg != NULL ? job->endpoint->cfg->max_attempts : 1;

	if (may_try_again(attempt, most))
		return pass_again(job->e->db, &job->tally, stage, n, from, reason, details, err);
	return pass_failed(job->e->db, &job->tally, stage, n, from, reason, details, line, err);
}

/* --- the turn ------------------------------------------------------------------------------------ */

int64_t job_left_in(const struct job *job, enum pass_state s)
{
	int64_t n = 0;

	for (int stage = 1; stage <= (int)job->row.stages; stage++)
		n += job->counts.n[stage][s];
	return n;
}

static int open_batches(const struct job *job)
{
	int n = 0;

	for (struct batch *b = job->e->batches; b != NULL; b = b->next)
		n += b->job == job;
	return n;
}

/* What waits among the next passes; a few windows where nothing does: of a range, or of a later stage, passes are sparse. */
static int cancel_some(struct job *job, int stage, struct err *err)
{
	const int64_t *gone = &job->tally.n[stage][PASS_CANCELED], before = *gone;
	struct db *db = job->e->db;
	int64_t last = -1;
	int rc = pass_last(db, job->row.id, stage, &last, err);

	for (int n = 0; rc == 0 && n < CANCEL_WINDOWS && *gone == before; n++) {
		int64_t from = job->cancel_from[stage], to = from + RUN_A_TURN - 1;

		rc = pass_cancel_run(db, &job->tally, stage, PASS_READY, from, to, err);
		if (rc == 0)
			rc = pass_cancel_run(db, &job->tally, stage, PASS_ANSWERED, from, to, err);
		job->cancel_from[stage] = to < last ? to + 1 : 0;
	}
	return rc;
}

/* A canceled job: what waits goes, a part each turn; what the endpoint has is cancelled there and harvested. */
static void tick_canceled(struct job *job)
{
	struct err err;

	for (struct batch *b = job->e->batches; b != NULL; b = b->next)
		if (b->job == job && !b->row.cancel && b->row.state <= BATCH_RUNNING) {
			b->row.cancel = 1;
			b->row.tries = 0;       /* looked at soon again */
			batch_store(b);
		}
	if (job->tasks > 0)
		return;                         /* until they are over: they hold passes */
	for (int stage = 1; stage <= (int)job->row.stages; stage++)
		if (job->counts.n[stage][PASS_READY] + job->counts.n[stage][PASS_ANSWERED] > 0) {
			if (engine_write(job->e))
				(void)engine_ok(job->e, cancel_some(job, stage, &err), &err);
			return;                 /* the next turn takes more */
		}
}

static void tick_judge(struct job *job)
{
	for (int stage = (int)job->row.stages; stage >= 1; stage--) {
		if (job->judging[stage] == 0)
			job->judge_from[stage] = 0;     /* from the first one again: a task that failed moved none */
		while (job->counts.n[stage][PASS_ANSWERED] > 0 && task_room(job->e) && judge_start(job, stage))
			;
	}
}

static bool all_settled(const struct job *job)
{
	return job_left_in(job, PASS_READY) + job_left_in(job, PASS_BATCHED) + job_left_in(job, PASS_ANSWERED) == 0 &&
	       open_batches(job) == 0;
}

static bool nothing_left(const struct job *job)
{
	return all_settled(job) && job->tasks == render_count(job);
}

static void tick_render(struct job *job)
{
	for (enum render_kind k = 0; k < RENDER_KINDS; k++) {
		if (render_due(job, k) == 0)
			continue;
		if (job->rendering[k] != NULL && all_settled(job))
			render_stop(job, k);    /* the last one is due, and this one would be in its way */
		/* both at once only at the end: until then somebody is to get on with the work */
		if (job->rendering[k] == NULL && task_room(job->e) &&
		    (nothing_left(job) || (render_count(job) == 0 && now_ms(job->e) >= job->render_ms[k])))
			render_start(job, k);
	}
}

bool job_canary_through(const struct job *job)
{
	struct engine *e = job->e;
	bool any = false;
	struct err err;

	if (job->row.canary == 0 || open_batches(job) > 0 ||
	    job_left_in(job, PASS_BATCHED) + job_left_in(job, PASS_ANSWERED) > 0)
		return false;
	for (int stage = 1; stage <= (int)job->row.stages && !any; stage++)
		if (!engine_ok(e, pass_any_ready(e->db, job->row.id, stage, job->ready_from[stage],
		                                  turn_last_n(job), &any, &err), &err))
			return false;
	return !any;
}

/* A canary's instances are through: a person looks, then resumes. */
static void tick_canary(struct job *job)
{
	struct engine *e = job->e;
	char reason[128];
	struct err err;

	if (job->row.state != JOB_RUNNING || job_left_in(job, PASS_READY) == 0 || job->tasks > 0 ||
	    !job_canary_through(job) || !engine_write(e))
		return;
	snprintf(reason, sizeof reason, "the canary of %lld instances is through; look, then: batchctl resume %lld",
	         (long long)job->row.canary, (long long)job->row.id);
	if (!engine_ok(e, job_set_state(e->db, job->row.id, JOB_RUNNING, JOB_PAUSED, reason, 0, &err), &err))
		return;
	job->row.state = JOB_PAUSED;
	memset(job->render_ms, 0, sizeof job->render_ms);       /* there is something to look at */
	text_set(&job->row.reason, reason);
	engine_event(e, job->row.id, 0, "notice", "paused: %s", reason);
}

static void job_leave(struct job *job)
{
	struct job **at = &job->e->jobs;

	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	job_free(job);
}

/* A canceled one has its end when all of it is counted: until then every start takes it up. */
static bool end_canceled(struct job *job)
{
	struct engine *e = job->e;
	struct err err;

	return engine_write(e) &&
	       engine_ok(e, job_set_state(e->db, job->row.id, JOB_CANCELED, JOB_CANCELED, job->row.reason, now_ms(e), &err),
	                 &err) &&
	       engine_flush(e, &err) == 0;
}

/* Settled, rendered: the job's last state.  It leaves the memory. */
static void job_finish(struct job *job)
{
	struct engine *e = job->e;
	int64_t failed = job_left_in(job, PASS_FAILED), done = job->counts.n[job->row.stages][PASS_DONE];
	enum job_state to = failed > 0 ? JOB_FAILED : JOB_DONE;
	char reason[128] = "";
	struct err err;

	if (failed > 0)
		snprintf(reason, sizeof reason, "%lld of %lld passes failed", (long long)failed, (long long)job->row.passes);
	bool new_end = job->row.state == JOB_RUNNING;   /* else a command only looked at it */
	if (new_end) {
		if (!engine_write(e) || !engine_ok(e, job_set_state(e->db, job->row.id, job->row.state, to, reason,
		                                                    now_ms(e), &err), &err))
			return;
		engine_event(e, job->row.id, 0, failed > 0 ? "warning" : "notice", "%s: %lld passes done, %lld failed",
		             job_state_word(to), (long long)done, (long long)failed);
		if (engine_flush(e, &err) < 0)
			return;
		hook_job(job, to, reason);
	}
	bool canceled = job->row.state == JOB_CANCELED && job->row.ended_ms == 0;
	if (canceled && !end_canceled(job))
		return;
	int64_t id = job->row.id;
	bool audited = new_end || canceled;
	job_leave(job);
	if (audited)
		audit_at_end(e, id);
}

/* Rows go a part each turn; then the files. */
static void tick_remove(struct job *job)
{
	struct engine *e = job->e;
	struct err err;

	if (job->tasks > 0)
		return;
	for (struct batch *b = e->batches, *next; b != NULL; b = next) {
		next = b->next;
		if (b->job == job && b->call != NULL) {
			api_call_cancel(b->call);
			return;                 /* until it is over */
		}
		if (b->job == job && b->busy)
			return;
	}
	for (struct batch *b = e->batches, *next; b != NULL; b = next) {
		next = b->next;
		if (b->job == job)
			batch_drop(b);
	}
	int rc = engine_write(e) ? job_delete_some(e->db, job->row.id, &err) : 0;
	if (rc == 0 && job->refused && e->in_txn)
		rc = job_forget_id(e->db, job->row.id, &err);
	if (!engine_ok(e, rc, &err) || rc > 0)
		return;                         /* the next turn takes more */
	if (engine_flush(e, &err) < 0)
		return;
	if (dir_remove(job->dir, &err) < 0)
		log_warn("job %lld: %s", (long long)job->row.id, err.msg);
	job_leave(job);
}

void job_tick(struct job *job)
{
	if (job->row.state == JOB_LOADING && !job->remove)
		return;                         /* until its rows are written (submit.c) */
	if (job->sweeping)
		return;                         /* until the task is over */
	if (job->remove) {
		tick_remove(job);
		return;
	}
	if (job->hold_ms > 0 && now_ms(job->e) >= job->hold_ms) {
		job->hold_ms = 0;               /* another try; its batches were ticked before it */
		job->e->again = true;
	}
	if (job->hold_ms > 0 || job->e->draining)
		return;                         /* until the hold is over */
	if (job->row.state == JOB_CANCELED)
		tick_canceled(job);
	else
		tick_judge(job);
	turn_tick(job);
	tick_canary(job);
	tick_render(job);
	if (nothing_left(job) && job->dirty == 0 && job->tasks == 0 && job->row.state != JOB_PAUSED)
		job_finish(job);
}
