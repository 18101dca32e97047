/* SPDX-License-Identifier: MIT */
/* What a person may do to a job.  Each is committed when it returns 0; what follows from it comes with the next ticks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_int.h"

static int not_writable(struct err *err)
{
	return err_set(err, BD_ESTORE, "the database cannot be written now; try again later");
}

/* The job, taken into memory if it had left it. */
static int job_take(struct engine *e, int64_t id, struct job **ret, struct err *err)
{
	if (e->broken)
		return not_writable(err);
	*ret = job_in_memory(e, id);
	if (*ret != NULL && (*ret)->remove)
		return err_set(err, BD_ENOTFOUND, "no such job: %lld", (long long)id);
	if (*ret != NULL)
		return 0;
	int rc = engine_flush(e, err);
	if (rc == 0)
		rc = job_load(e, id, ret, err);
	/* an open one that could not be loaded at the start: its batches wait with it */
	if (rc == 0) {
		rc = batches_load(e, *ret, err);
		(void)engine_ok(e, rc, err);
	}
	return rc;
}

static int change_state(struct job *job, enum job_state to, const char *reason, struct err *err)
{
	struct engine *e = job->e;
	enum job_state from = job->row.state;

	if (!engine_write(e))
		return not_writable(err);
	int rc = job_set_state(e->db, job->row.id, from, to, reason, 0, err);
	if (rc == 0) {
		job->row.state = to;
		job->row.ended_ms = 0;
		text_set(&job->row.reason, reason);
		job->hold_ms = 0;
		job->held = false;
		job->hold_n = 0;
		engine_event(e, job->row.id, 0, "notice", "%s", reason[0] != '\0' ? reason : job_state_word(to));
	}
	(void)engine_ok(e, rc, err);
	if (rc == 0)
		rc = engine_flush(e, err);
	e->env.wake(e->env.data);
	return rc;
}

static int not_allowed(const struct job *job, const char *what, struct err *err)
{
	return err_set(err, BD_ESTATE, "job %lld is %s: it cannot be %s", (long long)job->row.id,
	               job_state_word(job->row.state), what);
}

int engine_pause(struct engine *e, int64_t id, const char *by, struct err *err)
{
	struct job *job;
	char reason[128] = "";
	int rc = job_take(e, id, &job, err);

	if (rc < 0)
		return rc;
	if (job->row.state == JOB_PAUSED)
		return 0;
	if (job->row.state != JOB_RUNNING)
		return not_allowed(job, "paused", err);
	if (by != NULL)
		snprintf(reason, sizeof reason, "paused by %s", by);
	return change_state(job, JOB_PAUSED, reason, err);
}

int engine_resume(struct engine *e, int64_t id, struct err *err)
{
	struct job *job;
	int rc = job_take(e, id, &job, err);

	if (rc < 0)
		return rc;
	if (job->row.state == JOB_RUNNING && !job->held && job->row.reason[0] == '\0')
		return 0;
	if (job->row.state == JOB_PAUSED && job_canary_through(job) && engine_write(e)) {
		rc = job_set_canary(e->db, id, 0, err);         /* it has done its part: the rest follows */
		if (!engine_ok(e, rc, err))
			return rc;
		job->row.canary = 0;
	}
	if (job->row.state == JOB_PAUSED || job->row.state == JOB_RUNNING)
		return change_state(job, JOB_RUNNING, "", err);
	return not_allowed(job, "resumed (batchctl retry starts failed passes afresh)", err);
}

int engine_cancel(struct engine *e, int64_t id, struct err *err)
{
	struct job *job;
	int rc = job_take(e, id, &job, err);

	if (rc < 0)
		return rc;
	if (job->row.state == JOB_CANCELED)
		return 0;
	if (job->row.state == JOB_RUNNING || job->row.state == JOB_PAUSED)
		return change_state(job, JOB_CANCELED, "canceled", err);
	return not_allowed(job, "canceled", err);
}

/* job: NULL unless it is in memory. */
static int check_remove(int64_t id, enum job_state state, const struct job *job, struct err *err)
{
	if (state == JOB_LOADING)
		return err_set(err, BD_ENOTFOUND, "no such job: %lld", (long long)id);
	if (state == JOB_RUNNING || state == JOB_PAUSED)
		return err_set(err, BD_ESTATE, "job %lld is %s: cancel it first", (long long)id, job_state_word(state));
	if (job != NULL && job_left_in(job, PASS_BATCHED) > 0)
		return err_set(err, BD_ESTATE, "job %lld still has batches at the endpoint that are being canceled; "
		               "try again when they have ended (batchctl wait %lld)", (long long)id, (long long)id);
	return 0;
}

/* On disk it is LOADING from here on, as if it had never come in: a start goes on with the removal. */
int engine_remove(struct engine *e, int64_t id, struct err *err)
{
	struct job *job = job_in_memory(e, id);
	struct job_row row = { 0 };
	int rc = job_get(e->db, id, &row, err);
	enum job_state state = row.state;

	job_row_done(&row);
	if (rc == 0)
		rc = check_remove(id, state, job, err);
	if (rc < 0)
		return rc;
	if (!engine_write(e))
		return not_writable(err);
	rc = job_set_state(e->db, id, state, JOB_LOADING, "", 0, err);
	if (engine_ok(e, rc, err))
		rc = engine_flush(e, err);
	if (rc == 0 && job == NULL)
		rc = job_load(e, id, &job, err);
	if (rc < 0)
		return rc;
	job->row.state = JOB_LOADING;
	job->remove = true;
	e->env.wake(e->env.data);
	return 0;
}

int engine_resume_endpoint(struct engine *e, const char *name, struct err *err)
{
	struct endpoint *ep = endpoint_find(e, name);

	if (ep == NULL || ep->cfg == NULL)      /* cfg NULL: of a job that waits for it; there is nothing to open */
		return err_set(err, BD_EINVALID, "endpoint %s is not in the config", name);
	if (ep->cfg->trouble != NULL)
		return err_set(err, BD_ESTATE, "endpoint %s: %s", ep->name, ep->cfg->trouble);
	endpoint_unpark(ep);
	ep->hold_ms = 0;
	for (struct batch *b = e->batches; b != NULL; b = b->next)
		if (b->endpoint == ep)
			b->row.next_ms = 0;
	int rc = engine_flush(e, err);
	e->env.wake(e->env.data);
	return rc;
}

/* --- retry ----------------------------------------------------------------------------------------- */

/* The passes that the selector names: a range of n, or BD_ENOTFOUND. */
static int select_range(const struct job *job, const struct retry_selector *which, int64_t *ret_first,
                        int64_t *ret_last, struct err *err)
{
	int64_t passk = job->row.passk, n = 0, k = 0;
	int rc = 0;

	*ret_first = 0;
	*ret_last = INT64_MAX;
	if (which->instance_id != NULL) {
		rc = instance_find(job->e->db, job->row.id, which->instance_id, &n, err);
		*ret_first = n * passk;
		*ret_last = n * passk + passk - 1;
	} else if (which->custom_id != NULL) {
		char *id = NULL;

		if (!custom_id_read(which->custom_id, passk, &id, &k))
			rc = err_set(err, BD_ENOTFOUND, "no pass %s (custom_ids are <instance_id>__pass<k>, k below %lld)",
			             which->custom_id, (long long)passk);
		else
			rc = instance_find(job->e->db, job->row.id, id, &n, err);
		*ret_first = *ret_last = n * passk + k;
		free(id);
	}
	return rc;
}

/* A paid answer that was not judged, for want of its repository or because of a cancel, is not paid for again. */
static bool judge_again(const struct retry_pass *p)
{
	return p->answered && strcmp(p->reason, p->state == PASS_FAILED ? "missing_repo" : PASS_REASON_ANSWERED) == 0;
}

/* A few hundred thousand at most: a retry by hand, in one transaction. */
static int retry_stage(struct job *job, int stage, int64_t first, int64_t last, int64_t *ret_n, struct err *err)
{
	struct retry_pass *list = NULL;
	size_t n = 0;
	int rc = pass_list_retry(job->e->db, job->row.id, stage, first, last, &list, &n, err);

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = pass_retry(job->e->db, &job->tally, stage, list[i].n, list[i].state,
		                judge_again(&list[i]) ? PASS_ANSWERED : PASS_READY, list[i].reason, err);
	free(list);
	if (rc == 0)
		*ret_n += (int64_t)n;
	return rc;
}

int engine_retry(struct engine *e, int64_t id, const struct retry_selector *which, int64_t *ret_passes, struct err *err)
{
	struct job *job;
	int64_t first = 0, last = 0, n = 0;
	int rc = job_take(e, id, &job, err);

	if (rc == 0 && job->row.state == JOB_CANCELED && (job->tasks > 0 || job_left_in(job, PASS_BATCHED) > 0))
		rc = err_set(err, BD_ESTATE, "job %lld is still being canceled; try again when its batches have ended",
		             (long long)id);
	if (rc == 0)
		rc = select_range(job, which, &first, &last, err);
	if (rc < 0)
		return rc;
	if (!engine_write(e))
		return not_writable(err);
	for (int stage = 1; rc == 0 && stage <= (int)job->row.stages; stage++)
		if (which->stage == 0 || which->stage == stage)
			rc = retry_stage(job, stage, first, last, &n, err);
	if (rc < 0) {
		(void)engine_ok(e, rc, err);
		return rc;
	}
	if (n == 0) {
		rc = engine_flush(e, err);
		return rc < 0 ? rc : err_set(err, BD_ESTATE, "job %lld has no failed pass there", (long long)id);
	}
	*ret_passes = n;
	engine_event(e, id, 0, "notice", "%lld passes are asked for afresh", (long long)n);
	(void)job_tally_flush(job);
	if (job->row.state == JOB_RUNNING || job->row.state == JOB_PAUSED) {
		rc = engine_flush(e, err);
		e->env.wake(e->env.data);
		return rc;
	}
	return change_state(job, JOB_RUNNING, "", err);
}
