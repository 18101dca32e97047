/* SPDX-License-Identifier: MIT */
#ifndef HELPER_ENGINE_H
#define HELPER_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "engine.h"
#include "json.h"

/*
 * A whole batchd but for its socket, in one process and without waiting: the real engine on a real database and real
 * files, against the core of the test endpoint, under a clock that jumps to whatever comes next.
 *
 * There is one simulation at a time.  What the program's main loop does with engine_due_ms() and wake() is done here
 * the same way; an engine that would keep that loop busy without getting anywhere fails the test.  Workers run what
 * they are given at once and bring it back a little later, so that a crash can come between.
 */
struct sim_setup {
	const char *plan;               /* of the endpoint (../endpoint/README.md); NULL: it behaves */
	const char *answers;            /* more lines for its answers, with "stage" and "attempt"; NULL: none */
	int64_t delay_ms;               /* from create to completed; 0: an hour */
	/* settings of the endpoint; 0: their defaults */
	int64_t max_requests, max_bytes, max_active, max_attempts, poll_min_ms, poll_max_ms;
	int64_t workers;
	bool delete_remote_files, hold_unknown;
	const char *second;             /* an endpoint of that name besides, at the same place */
	bool on_done;                   /* a command of that setting, which only counts */
};

void sim_new(const struct sim_setup *setup);
void sim_end(void);

/* Made up and submitted; the job's id.  n requests r-0000.. of workflow raw. */
int64_t sim_submit_raw(int n);
/* Handed in only: whether it is ever answered is the test's affair. */
void sim_begin_submit_raw(int n);
/* What its submitter was told: the job's id, -1 that it failed, 0 nothing yet. */
int64_t sim_told(void);
/* A ready request file. */
int64_t sim_submit_requests(const char *lines);
/* n instances demo__pkg-<i> of two stages; their answers are good unless sim_setup.answers says otherwise. */
int64_t sim_submit_bugfixer(int n, int passk);
int64_t sim_submit_testwriter(int n, int passk);
/* The next submissions go to that endpoint. */
void sim_endpoint(const char *name);
/* The next submissions send the first n instances only. */
void sim_canary(int64_t n);
/* How often the command of on_done was run. */
int sim_hooks(void);

/* One thing happens: a task's end, a reply, a tick, or time passes.  False: nothing ever will. */
bool sim_step(void);
/* Until nothing is left to happen; no longer than a hundred days. */
void sim_run_until_idle(void);
/* Until the job's status has that state (true), nothing is left to happen or so much time has passed. */
bool sim_run_until_state(int64_t job, const char *state);
/* So much time passes, with all that happens in it. */
void sim_run_ms(int64_t ms);
/* Somebody sets the clock. */
void sim_set_clock(int64_t by_ms);
/* Until the endpoint has been called so often: "create", "batch_get", ... */
bool sim_run_until_calls(const char *call, int n);
int64_t sim_now_ms(void);

/* kill -9: nothing is closed, answers under way never come.  Then the start after it. */
void sim_crash(void);
void sim_start(void);
void sim_restart(void);
/* From here on it is known what was synced: sim_power_cut() leaves that of the database, and starts again. */
void sim_watch_syncs(bool on);
void sim_power_cut(void);
/* Workers do what they are given at its end only: what the loop does meanwhile comes before it. */
void sim_work_late(bool late);
/* SIGTERM: drained, closed, started again. */
void sim_stop(void);
/* The engine's next start, or its next reload, finds these settings. */
void sim_set(const struct sim_setup *setup);
void sim_reload(void);
/* The endpoint's network is gone for so many requests. */
void sim_unplug(int n);

struct engine *sim_engine(void);
struct db *sim_db(void);
const char *sim_dir(void);

/* --- looking at it ------------------------------------------------------------------------------- */

/* From the job's status by path: "passes.done", "stages.1.ready", "batches.0.state", "failures.0.count". */
int64_t sim_int(int64_t job, const char *path);         /* -1: not there */
const char *sim_text(int64_t job, const char *path);    /* "" if not there; valid for a few calls */
/* The same from the list of endpoints: "0.state". */
const char *sim_endpoint_text(const char *path);
int64_t sim_endpoint_int(const char *path);
/* How often a reason stands in the status: "failures" or "asked_again". */
int64_t sim_reason(int64_t job, const char *list, const char *reason);

/* A file of the job's save_dir; "" if it is not there.  Valid until the next one. */
struct span sim_file(int64_t job, const char *name);
int sim_lines(int64_t job, const char *name);
char *sim_save_dir(int64_t job);                        /* owned by the caller */
bool sim_event(const char *part);                       /* was one written with that in its text? */

/* What the endpoint wrote down. */
int sim_calls(const char *call);                        /* those that took effect */
int sim_calls_any(const char *call);
int64_t sim_call_ms(const char *call, int nth);         /* when the n-th came, from 1; -1 */
int sim_billed(const char *custom_id, int stage);
int sim_billed_all(void);
/* Every custom_id that was billed was so once at its stage, and there are so many in all. */
void sim_check_billed_once(int requests);

/*
 * What must hold of a job at any time: at every stage the sum of the states is the total, the sums are those of the
 * rows, no line of a file of save_dir is cut or there twice.
 */
void sim_check(int64_t job);

#endif
