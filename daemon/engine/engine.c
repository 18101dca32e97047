/* SPDX-License-Identifier: MIT */
/*
 * The engine's turn: tick what can move, commit it in one transaction, then act on the outside.
 *
 * If the database fails, nothing in memory is trusted any more: the engine waits for what is under way, forgets
 * everything, and loads from the database as a start would.  There is no second way of recovering.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_int.h"
#include "hub.h"
#include "log.h"
#include "mem.h"

enum { BROKEN_WAIT_MS = 5000, DRAIN_CALLS_MS = 5000, SHORT_WAIT_MS = 1000, CLOCK_BACK_MS = 60000 };

int64_t now_ms(struct engine *e)
{
	return e->env.clock->now_ms(e->env.clock);
}

/* --- writing ------------------------------------------------------------------------------------ */

static void engine_break(struct engine *e, const char *why)
{
	if (!e->broken)
		log_error("%s; everything waits, and is taken up from the database in %d s", why, BROKEN_WAIT_MS / 1000);
	e->broken = true;
	e->broken_ms = now_ms(e) + BROKEN_WAIT_MS;
	snprintf(e->broken_why, sizeof e->broken_why, "%.299s", why);
	if (e->in_txn)
		db_rollback(e->db);
	e->in_txn = false;
}

bool engine_ok(struct engine *e, int rc, struct err *err)
{
	if (rc < 0 && !e->broken)
		engine_break(e, err->msg);
	return rc >= 0 && !e->broken;
}

bool engine_write(struct engine *e)
{
	struct err err;

	if (e->broken || e->in_txn)
		return !e->broken;
	if (!engine_ok(e, db_begin(e->db, &err), &err))
		return false;
	e->in_txn = true;
	e->again = true;
	return true;
}

static int commit_as(struct engine *e, int (*commit)(struct db *db, struct err *err), struct err *err)
{
	e->told = events_write(e) || e->told;
	for (struct job *j = e->jobs; j != NULL; j = j->next)
		(void)job_tally_flush(j);
	if (!e->broken && e->in_txn) {
		int rc = commit(e->db, err);

		e->in_txn = rc < 0;
		e->unsynced = true;
		(void)engine_ok(e, rc, err);
	}
	return e->broken ? err_set(err, BD_ESTORE, "the database cannot be written now; see the log") : 0;
}

/* With nothing to commit, what a turn only showed is synced all the same. */
int engine_flush(struct engine *e, struct err *err)
{
	if (e->unsynced && !engine_write(e))
		return err_set(err, BD_ESTORE, "the database cannot be written now; see the log");
	int rc = commit_as(e, db_commit, err);
	if (rc < 0)
		return rc;
	e->unsynced = false;
	events_tell(e, &e->told);
	return 0;
}

int engine_show(struct engine *e, struct err *err)
{
	return commit_as(e, db_commit_part, err);
}

void engine_apply(struct engine *e, struct apply *a)
{
	a->next = NULL;
	*e->applies_end = a;
	e->applies_end = &a->next;
	e->env.wake(e->env.data);
}

/* The first result in the line gets one turn; done() comes behind the commit of its last part. */
static struct apply *apply_some(struct engine *e)
{
	struct apply *a = e->applies;

	if (a == NULL || (!e->broken && (checkpoint_in_the_way(e) || !engine_write(e))))
		return NULL;
	if (!e->broken && !a->some(a)) {
		if (a->next != NULL) {          /* the next one has the next turn */
			e->applies = a->next;
			a->next = NULL;
			*e->applies_end = a;
			e->applies_end = &a->next;
		}
		return NULL;
	}
	e->applies = a->next;
	if (e->applies == NULL)
		e->applies_end = &e->applies;
	return a;
}

/* --- tasks --------------------------------------------------------------------------------------- */

static void on_run(struct work *w)
{
	struct task *t = (struct task *)w;

	t->run(t);
}

static void on_done(struct work *w)
{
	struct task *t = (struct task *)w;
	struct engine *e = t->e;

	e->tasks--;
	t->done(t);
	engine_tick(e);
}

bool task_room(struct engine *e)
{
	return e->tasks < (int)e->env.config->workers && !e->draining && !e->broken;
}

void task_start(struct engine *e, struct job *job, struct task *t)
{
	t->work.run = on_run;
	t->work.done = on_done;
	t->e = e;
	t->job = job;
	e->tasks++;
	if (job != NULL)
		job->tasks++;
	e->env.workers->submit(e->env.workers, &t->work);
}

/* --- loading again ------------------------------------------------------------------------------- */

static bool under_way(struct engine *e)
{
	bool any = e->tasks > 0 || (e->draining && hubs_busy(e)) || e->applies != NULL || e->ahead != NULL || cleanups_busy(e, false) ||
	           audits_busy(e, false) || e->checkpoint.busy || e->sync.busy;

	for (struct batch *b = e->batches; b != NULL; b = b->next)
		any = any || b->call != NULL;
	return any;
}

/* Broken: end the calls, drop what tasks bring; when all is quiet, load again. */
static void tick_broken(struct engine *e)
{
	struct err err;

	for (struct batch *b = e->batches; b != NULL; b = b->next)
		if (b->call != NULL)
			api_call_cancel(b->call);
	(void)cleanups_busy(e, true);
	(void)audits_busy(e, true);
	for (struct apply *a; (a = e->ahead != NULL ? e->ahead : apply_some(e)) != NULL;) {
		a->kept = a == e->ahead && !e->unsynced;
		e->ahead = NULL;
		a->done(a);
	}
	if (under_way(e) || now_ms(e) < e->broken_ms || e->draining)
		return;
	engine_forget(e);
	e->broken = false;
	e->again = true;
	if (engine_load(e, &err) < 0) {
		engine_forget(e);
		engine_break(e, err.msg);
	}
}

/* --- the turn ------------------------------------------------------------------------------------ */

/* What follows from a turn, once it is on disk; kept: it is. */
static void tick_rest(struct engine *e, bool kept)
{
	struct apply *applied = e->sync.applied;

	e->sync.applied = NULL;
	if (!e->broken)
		events_tell(e, &e->sync.told);
	if (applied != NULL) {
		applied->kept = kept;
		applied->done(applied);
		e->again = true;
	}
	for (struct batch *b = e->batches, *next; b != NULL && !e->broken; b = next) {
		next = b->next;
		batch_act(b);
	}
	cleanups_tick(e);
	retention_tick(e);
	checkpoint_tick(e);
}

static void run_sync(struct work *work)
{
	struct turn_sync *s = AROUND(struct turn_sync, work, work);

	s->rc = db_sync(s->e->db, &s->err);
}

static void on_synced(struct work *work)
{
	struct turn_sync *s = AROUND(struct turn_sync, work, work);
	struct engine *e = s->e;

	s->busy = false;
	if (s->rc < 0)
		db_sync_failed(e->db);
	(void)engine_ok(e, s->rc, &s->err);
	e->ticking = true;
	tick_rest(e, s->rc == 0);
	e->ticking = false;
	engine_tick(e);
}

/*
 * The end of a turn.  What follows from a result is done behind its last part; the parts before it need not be synced one
 * by one, as long as nothing else of this turn is to be seen outside.  True: it is on its way to the disk, and
 * on_synced() goes on.
 */
static bool turn_commit(struct engine *e)
{
	bool part = e->sync.applied == NULL && e->applies != NULL && e->events == NULL && !e->told;
	struct err err;

	for (struct batch *b = e->batches; b != NULL; b = b->next)
		part = part && b->act == ACT_NONE;
	int rc = commit_as(e, db_commit_part, &err);
	e->sync.told = e->told;
	e->told = false;
	if (rc < 0 || part || !e->unsynced)
		return false;
	e->unsynced = false;                    /* what is committed from here on has its own */
	e->sync.busy = true;
	e->sync.e = e;
	e->sync.work.run = run_sync;
	e->sync.work.done = on_synced;
	e->env.workers->submit(e->env.workers, &e->sync.work);
	return true;
}

static void tick_all(struct engine *e)
{
	e->sync.applied = e->ahead != NULL ? e->ahead : apply_some(e);
	e->ahead = NULL;
	for (struct batch *b = e->batches, *next; b != NULL && !e->broken; b = next) {
		next = b->next;
		batch_tick(b);
	}
	for (struct job *j = e->jobs, *next; j != NULL && !e->broken; j = next) {
		next = j->next;
		job_tick(j);
	}
	if (!turn_commit(e))
		tick_rest(e, !e->broken);
}

/* In the middle of a turn nothing can be given up for want of memory, so it is looked for before. */
static bool has_room(struct engine *e)
{
	struct err err;
	bool was_short = e->short_ms != 0;

	if (mem_room_ask(0, &err) == 0) {
		e->short_ms = 0;
		if (was_short)
			log_notice("there is memory again");
		return true;
	}
	e->short_ms = now_ms(e) + SHORT_WAIT_MS;
	if (!was_short)
		log_warn("%s; everything waits", err.msg);
	return false;
}

/* While a turn is on its way to the disk, parts of results are written; whatever they lead to waits for its own turn. */
static void apply_ahead(struct engine *e)
{
	struct err err;

	if (e->broken || e->ahead != NULL || e->applies == NULL || !has_room(e))
		return;
	e->ticking = true;
	e->ahead = apply_some(e);
	(void)commit_as(e, db_commit_part, &err);
	e->ticking = false;
	e->env.wake(e->env.data);
}

/* Waits are told by the time of day: somebody sets it back by a day, and they are a day longer.  So they begin anew. */
static void mind_the_clock(struct engine *e)
{
	if (now_ms(e) + CLOCK_BACK_MS >= e->ticked_ms || e->broken)
		return;
	engine_break(e, "the clock was set back");
	e->broken_ms = now_ms(e);
}

void engine_tick(struct engine *e)
{
	if (e->ticking) {
		e->again = true;
		e->env.wake(e->env.data);
		return;
	}
	if (e->sync.busy) {
		apply_ahead(e);
		e->again = true;
		return;                         /* until on_synced */
	}
	if (!has_room(e)) {
		e->env.wake(e->env.data);
		return;                         /* until short_ms */
	}
	e->ticking = true;
	e->again = false;
	mind_the_clock(e);
	e->ticked_ms = now_ms(e);
	if (e->broken)
		tick_broken(e);
	else
		tick_all(e);
	e->ticking = false;
	hubs_tick(e);
	e->env.wake(e->env.data);
}

/* What the last tick left alone although it was due waits for something else, whose end ticks. */
static void sooner(const struct engine *e, int64_t *due, int64_t at)
{
	if (at > e->ticked_ms && at < *due)
		*due = at;
}

static int64_t batch_due_ms(const struct batch *b)
{
	const struct endpoint *ep = b->endpoint;
	int64_t due = b->row.next_ms;

	if (b->call != NULL || b->busy || b->job->hold_ms > 0 || b->row.state < BATCH_BUILT || b->row.state > BATCH_FETCHING)
		return 0;
	if (batch_is_parked(b) && ep->probe_ms > due)
		due = ep->probe_ms;
	if (b->row.state <= BATCH_UPLOADED && ep->hold_ms > due)
		due = ep->hold_ms;
	return due;
}

int64_t engine_due_ms(const struct engine *e)
{
	int64_t due = INT64_MAX;

	if (e->short_ms > 0)
		return e->short_ms;
	if (e->sync.busy)               /* its end ticks */
		return e->applies != NULL && e->ahead == NULL && !e->broken && !checkpoint_in_the_way(e) ? 0 : INT64_MAX;
	if (e->again || (e->applies != NULL && (e->broken || !checkpoint_in_the_way(e))))
		return 0;
	sooner(e, &due, hubs_due_ms(e));
	if (e->broken) {
		sooner(e, &due, e->broken_ms);
		return due;
	}
	sooner(e, &due, cleanups_due_ms(e));
	if (e->env.config->keep_days > 0)
		sooner(e, &due, e->retention_ms);
	for (const struct endpoint *ep = e->endpoints; ep != NULL; ep = ep->next)
		if (ep->row.parked[0] != '\0')
			sooner(e, &due, ep->probe_ms);
	for (const struct batch *b = e->batches; b != NULL; b = b->next)
		sooner(e, &due, batch_due_ms(b));
	for (const struct job *j = e->jobs; j != NULL; j = j->next) {
		if (j->hold_ms > 0)
			sooner(e, &due, j->hold_ms);
		for (enum render_kind k = 0; k < RENDER_KINDS && j->hold_ms == 0; k++)
			if (render_due(j, k) != 0 && j->rendering[k] == NULL)
				sooner(e, &due, j->render_ms[k]);
	}
	return due;
}

int engine_open(const struct engine_env *env, struct engine **ret, struct err *err)
{
	struct engine *e = MEM_NEW(struct engine);

	e->env = *env;
	e->db = env->db;
	e->applies_end = &e->applies;
	e->events_end = &e->events;
	e->started_ms = now_ms(e);
	e->uuid = db_meta(e->db, "uuid");
	if (e->uuid == NULL)
		e->uuid = mem_strdup("0");
	hub_cache_sweep(env->state_dir);
	sweep_state(e);
	int rc = engine_load(e, err);
	if (rc < 0) {
		engine_close(e);
		return rc;
	}
	*ret = e;
	return 0;
}

int engine_reload(struct engine *e, const struct config *config, struct err *err)
{
	/* Calls under way hold on to the old endpoint objects: let them end, then load with the new ones. */
	(void)engine_flush(e, err);
	e->env.config = config;
	e->broken = true;
	e->broken_ms = now_ms(e);
	snprintf(e->broken_why, sizeof e->broken_why, "the settings were read again");
	engine_tick(e);
	return 0;
}

bool engine_loaded(const struct engine *e)
{
	return !e->broken;
}

bool engine_drain(struct engine *e)
{
	if (!e->draining)
		e->drain_ms = now_ms(e) + DRAIN_CALLS_MS;
	e->draining = true;
	/* What brings nothing new is broken off; what would have to be found out at the next start gets a little time. */
	bool all = now_ms(e) >= e->drain_ms;
	for (struct batch *b = e->batches; b != NULL; b = b->next)
		if (b->call != NULL && (all || (b->row.state != BATCH_CREATING && b->row.state != BATCH_UPLOADING)))
			api_call_cancel(b->call);
	(void)cleanups_busy(e, true);
	(void)audits_busy(e, true);
	hubs_stop(e);
	return !under_way(e);
}

void engine_close(struct engine *e)
{
	if (e == NULL)
		return;
	hubs_close(e);
	if (e->in_txn)
		db_rollback(e->db);
	engine_forget(e);
	events_drop(e);
	free(e->uuid);
	free(e);
}

void engine_describe(struct engine *e, struct buf *ret)
{
	int running = 0, batches = 0;

	for (struct job *j = e->jobs; j != NULL; j = j->next)
		running += j->row.state == JOB_RUNNING;
	for (struct batch *b = e->batches; b != NULL; b = b->next)
		batches += b->row.state >= BATCH_UPLOADING && b->row.state <= BATCH_RUNNING;
	buf_printf(ret, "%d %s running, %d %s at the endpoints", running, running == 1 ? "job" : "jobs", batches,
	           batches == 1 ? "batch" : "batches");
	for (struct endpoint *ep = e->endpoints; ep != NULL; ep = ep->next)
		if (ep->row.parked[0] != '\0')
			buf_printf(ret, "; endpoint %s parked: %s", ep->name, ep->row.parked);
	if (e->broken)
		buf_add_str(ret, "; waiting for the database");
}
