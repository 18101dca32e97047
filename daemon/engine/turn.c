/* SPDX-License-Identifier: MIT */
/*
 * Whose request file is made next.
 *
 * Users of an endpoint take turns by batches, so nobody's thousand jobs keep another's one waiting.  Among the jobs of
 * one user the higher priority comes first; jobs of the same priority take turns too.  A canary's job sends its first
 * instances only, until a person says that it may go on.
 */
#include "engine_int.h"

/* One request file that is next in line is made ahead. */
static bool endpoint_has_room(const struct job *job)
{
	struct endpoint *ep = job->endpoint;
	int waiting = 0;

	if (ep->cfg == NULL || (ep->row.parked[0] != '\0' && now_ms(job->e) < ep->probe_ms))
		return false;
	for (struct batch *b = job->e->batches; b != NULL; b = b->next)
		waiting += b->endpoint == ep && b->row.state <= BATCH_BUILT;
	return waiting < 2 && endpoint_active(ep) + waiting < ep->cfg->max_active + 1;
}

int turn_user_active(const struct endpoint *ep, int64_t uid)
{
	int n = 0;

	for (struct batch *b = ep->e->batches; b != NULL; b = b->next)
		n += b->endpoint == ep && b->row.state <= BATCH_RUNNING && b->job->row.owner_uid == uid;
	return n;
}

static bool user_has_room(const struct job *job)
{
	int64_t most = job->endpoint->cfg->max_active_per_user;

	return most == 0 || turn_user_active(job->endpoint, job->row.owner_uid) < most;
}

/* Passes that will soon be READY at this stage go into the same file. */
static bool more_to_come(const struct job *job, int stage)
{
	return job->reading > 0 || job->judging[stage] > 0 || job->counts.n[stage][PASS_ANSWERED] > 0 ||
	       (stage > 1 && (job->judging[stage - 1] > 0 || job->counts.n[stage - 1][PASS_ANSWERED] > 0));
}

int64_t turn_last_n(const struct job *job)
{
	return job->row.canary > 0 ? job->row.canary * job->row.passk - 1 : INT64_MAX;
}

/* READY passes that may go now: of a canary, those of its first instances. */
static bool any_ready(const struct job *job, int stage)
{
	bool any = job->counts.n[stage][PASS_READY] > 0;
	struct err err;

	if (!any || job->row.canary == 0)
		return any;
	int rc = pass_any_ready(job->e->db, job->row.id, stage, job->ready_from[stage], turn_last_n(job), &any, &err);
	return engine_ok(job->e, rc, &err) && any;
}

/* The stage that a request file can be made for now, 0: none. */
static int stage_to_build(const struct job *job)
{
	if (!job_is(job, JOB_RUNNING) || job->remove || job->endpoint->cfg == NULL)
		return 0;
	for (int stage = (int)job->row.stages; stage >= 1; stage--) {
		bool full = job->row.canary == 0 && job->counts.n[stage][PASS_READY] >= job->endpoint->cfg->max_requests;

		if (!job->building[stage] && (full || !more_to_come(job, stage)) && any_ready(job, stage))
			return stage;
	}
	return 0;
}

/* Is a before b, in a round that begins behind the one that had the last turn? */
static bool round_before(int64_t a, int64_t b, int64_t last)
{
	return (a > last) == (b > last) ? a < b : a > last;
}

static bool comes_first(const struct job *j, const struct job *job)
{
	const struct endpoint *ep = job->endpoint;

	if (j->row.owner_uid != job->row.owner_uid)
		return round_before(j->row.owner_uid, job->row.owner_uid, ep->turn_uid);
	if (j->row.priority != job->row.priority)
		return j->row.priority > job->row.priority;
	return round_before(j->row.id, job->row.id, ep->turn);
}

/* One that has a higher priority is not overtaken while its file is made: it may have more to send. */
static bool is_building(const struct job *job)
{
	for (int stage = 1; stage <= STAGES_MAX; stage++)
		if (job->building[stage])
			return true;
	return false;
}

static bool another_is_first(const struct job *job)
{
	for (const struct job *j = job->e->jobs; j != NULL; j = j->next)
		if (j != job && j->endpoint == job->endpoint && comes_first(j, job) &&
		    (stage_to_build(j) > 0 || is_building(j)) && user_has_room(j))
			return true;
	return false;
}

void turn_tick(struct job *job)
{
	int stage = stage_to_build(job);

	if (stage == 0 || !endpoint_has_room(job) || !user_has_room(job) || !task_room(job->e) || another_is_first(job))
		return;                         /* until another job had its turn, or the end of a task or batch */
	job->endpoint->turn = job->row.id;
	job->endpoint->turn_uid = job->row.owner_uid;
	build_start(job, stage);
}
