/* SPDX-License-Identifier: MIT */
/* What is open in the database comes into memory, at a start and whenever the engine trusts its memory no more. */
#include <stdlib.h>

#include "engine_int.h"

/* Its file was never finished: the passes are READY again. */
static int release_building(struct engine *e, struct job *job, const struct batch_row *row, struct err *err)
{
	int rc = db_begin(e->db, err);

	if (rc < 0)
		return rc;
	rc = pass_release_batch(e->db, &job->tally, (int)row->stage, row->id, 0, INT64_MAX, err);
	if (rc == 0)
		rc = tally_flush(e->db, &job->tally, err);
	if (rc == 0)
		rc = batch_delete(e->db, row->id, err);
	if (rc == 0)
		rc = db_commit(e->db, err);
	if (rc < 0) {
		db_rollback(e->db);
		return rc;
	}
	return count_get(e->db, job->row.id, &job->counts, err);
}

int batches_load(struct engine *e, struct job *only, struct err *err)
{
	int64_t *ids = NULL;
	size_t n = 0;
	int rc = batch_list(e->db, 0, &ids, &n, err);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct batch_row row;

		rc = batch_get(e->db, ids[i], &row, err);
		if (rc < 0)
			break;
		struct job *job = job_in_memory(e, row.job);

		if (job != NULL && (only == NULL || only == job) && row.state != BATCH_BUILDING) {
			batch_add(e, job, &row);        /* owns the row's texts from here on */
			continue;
		}
		if (job != NULL && (only == NULL || only == job))
			rc = release_building(e, job, &row, err);
		batch_row_done(&row);
	}
	free(ids);
	return rc;
}

static int load_job(struct engine *e, int64_t id, struct err *err)
{
	struct job *job;
	int rc = job_load(e, id, &job, err);

	if (rc < 0 && rc != BD_ESTORE && rc != BD_ENOMEM) {     /* one bad job keeps no other from going on */
		engine_event(e, id, 0, "error", "waits: %s; mend it, then: batchctl resume %lld", err->msg, (long long)id);
		return job_set_reason(e->db, id, err->msg, err);
	}
	if (rc < 0)
		return rc;
	if (job->row.state == JOB_LOADING)
		job->remove = true;             /* it never came in, or was on its way out */
	if (job->row.state != JOB_RUNNING || job->row.reason[0] == '\0')
		return 0;
	text_set(&job->row.reason, "");         /* of a start or a disk before */
	return job_set_reason(e->db, id, "", err);
}

int engine_load(struct engine *e, struct err *err)
{
	int64_t *ids = NULL;
	size_t n = 0;
	int rc = db_settle(e->db, err);

	if (rc == 0)
		rc = endpoints_open(e, err);
	if (rc == 0)
		rc = job_list_open(e->db, &ids, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = load_job(e, ids[i], err);
	free(ids);
	if (rc == 0)
		rc = batches_load(e, NULL, err);
	if (rc == 0)
		rc = cleanups_load(e, err);
	for (struct job *j = e->jobs; rc == 0 && j != NULL; j = j->next)
		if (!j->remove)
			sweep_start(j);
	return rc;
}

void engine_forget(struct engine *e)
{
	while (e->batches != NULL)
		batch_drop(e->batches);
	cleanups_forget(e);
	while (e->jobs != NULL) {
		struct job *j = e->jobs;

		e->jobs = j->next;
		job_free(j);
	}
	endpoints_close(e);
}
