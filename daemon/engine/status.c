/* SPDX-License-Identifier: MIT */
/* What people are shown: JOB and ENDPOINT objects of wire.h, and why a job waits.  Reads sums; counts nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batchd/wire.h"
#include "engine_int.h"

static void put_counts(struct jw *w, const struct pass_counts *c, int stage)
{
	for (int s = 0; s < PASS_STATE_COUNT; s++)
		jw_put_int(w, pass_state_word((enum pass_state)s), c->n[stage][s]);
}

/* A pass stands where its last stage stands: DONE of an early stage is on its way. */
static void put_passes(struct jw *w, const struct job_row *row, const struct pass_counts *c)
{
	int64_t n[PASS_STATE_COUNT] = { 0 };

	for (int stage = 1; stage <= (int)row->stages; stage++)
		for (int s = 0; s < PASS_STATE_COUNT; s++)
			if (s != PASS_DONE || stage == (int)row->stages)
				n[s] += c->n[stage][s];
	jw_name(w, "passes");
	jw_obj(w);
	jw_put_int(w, "total", row->passes);
	for (int s = 0; s < PASS_STATE_COUNT; s++)
		jw_put_int(w, pass_state_word((enum pass_state)s), n[s]);
	jw_obj_end(w);
}

static void put_stages(struct jw *w, const struct job_row *row, const struct pass_counts *c)
{
	jw_name(w, "stages");
	jw_list(w);
	for (int stage = 1; stage <= (int)row->stages; stage++) {
		jw_obj(w);
		jw_put_int(w, "stage", stage);
		jw_put_int(w, "total", count_total(c, stage));
		put_counts(w, c, stage);
		jw_obj_end(w);
	}
	jw_list_end(w);
}

static int put_reasons(struct engine *e, int64_t job, struct jw *w, struct err *err)
{
	struct reason_count *list = NULL;
	size_t n = 0;
	int rc = reason_list(e->db, job, &list, &n, err);

	if (rc < 0)
		return rc;
	for (int again = 0; again < 2; again++) {
		jw_name(w, again ? "asked_again" : "failures");
		jw_list(w);
		for (size_t i = 0; i < n; i++) {
			if ((list[i].kind[0] == 'a') != (again == 1))
				continue;
			jw_obj(w);
			jw_put_str(w, "reason", list[i].reason);
			jw_put_int(w, "count", list[i].n);
			jw_obj_end(w);
		}
		jw_list_end(w);
	}
	reason_list_free(list, n);
	return 0;
}

static void put_batch(struct jw *w, const struct batch_row *b, bool parked)
{
	bool polls = b->state == BATCH_RUNNING || b->next_ms > 0;

	jw_obj(w);
	jw_put_int(w, "id", b->id);
	jw_put_int(w, "stage", b->stage);
	jw_put_str(w, "state", batch_state_word(b->state));
	jw_put_str(w, "remote_id", b->remote_id);
	jw_put_str(w, "remote_status", b->remote_word);
	jw_put_int(w, "requests", b->requests);
	jw_put_int(w, "bytes", b->bytes);
	jw_put_int(w, "completed", b->completed < 0 ? 0 : b->completed);
	jw_put_int(w, "failed", b->failed < 0 ? 0 : b->failed);
	jw_put_str(w, "reason", b->reason);
	jw_put_int(w, "next_poll", polls && !parked && b->state != BATCH_ENDED ? b->next_ms : 0);
	jw_put_int(w, "created_ms", b->created_ms);
	jw_put_int(w, "since_ms", b->since_ms);
	jw_put_int(w, "ended_ms", b->ended_ms);
	jw_obj_end(w);
}

static struct batch *batch_in_memory(struct engine *e, int64_t id)
{
	for (struct batch *b = e->batches; b != NULL; b = b->next)
		if (b->row.id == id)
			return b;
	return NULL;
}

static int put_batches(struct engine *e, int64_t job, struct jw *w, struct err *err)
{
	int64_t *ids = NULL;
	size_t n = 0;
	int rc = batch_list(e->db, job, &ids, &n, err);

	jw_name(w, "batches");
	jw_list(w);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct batch *b = batch_in_memory(e, ids[i]);
		struct batch_row row;

		if (b != NULL) {
			put_batch(w, &b->row, batch_is_parked(b));
		} else if ((rc = batch_get(e->db, ids[i], &row, err)) == 0) {
			put_batch(w, &row, false);
			batch_row_done(&row);
		}
	}
	jw_list_end(w);
	free(ids);
	return rc;
}

/* One line: what the job as a whole waits for; "" if it gets on. */
static void waiting_for(struct engine *e, const struct job *job, char *ret, size_t size)
{
	struct endpoint *ep = job->endpoint;
	int ahead = 0, mine = 0;

	ret[0] = '\0';
	if (job->row.state == JOB_PAUSED && strstr(job->row.reason, "batchctl resume") != NULL) {
		snprintf(ret, size, "%s", job->row.reason);     /* a canary's says it itself */
		return;
	}
	if (job->row.state == JOB_PAUSED) {
		snprintf(ret, size, "%s%sbatchctl resume %lld", job->row.reason, job->row.reason[0] != '\0' ? "; " : "",
		         (long long)job->row.id);
		return;
	}
	if (job->held) {
		snprintf(ret, size, "%s%s", strncmp(job->row.reason, "not enough memory", 17) != 0 ? "disk: " : "", job->row.reason);
		return;
	}
	if (ep->row.parked[0] != '\0') {
		snprintf(ret, size, "endpoint %s is parked: %s", ep->name, ep->row.parked);
		return;
	}
	for (struct batch *b = e->batches; b != NULL; b = b->next) {
		mine += b->job == job && b->row.state >= BATCH_UPLOADING;
		ahead += b->job != job && b->endpoint == ep && b->row.state == BATCH_BUILT;
	}
	int64_t user_most = ep->cfg != NULL ? ep->cfg->max_active_per_user : 0;
	if (user_most > 0 && mine == 0 && turn_user_active(ep, job->row.owner_uid) >= user_most)
		snprintf(ret, size, "endpoint %s, %lld of your %lld batches active", ep->name, (long long)user_most,
		         (long long)user_most);
	else if (ep->cfg != NULL && mine == 0 && endpoint_active(ep) >= ep->cfg->max_active)
		snprintf(ret, size, "endpoint %s, %d of %lld batches active, %d ahead", ep->name, endpoint_active(ep),
		         (long long)ep->cfg->max_active, ahead);
}

int engine_job_status(struct engine *e, int64_t id, bool with_batches, int64_t sees, struct jw *w, struct err *err)
{
	struct job *job = job_in_memory(e, id);
	struct job_row row = { 0 };
	struct pass_counts counts;
	char waiting[600] = "";
	int rc = job_get(e->db, id, &row, err);

	if (rc == 0)
		rc = count_get(e->db, id, &counts, err);
	if (rc < 0) {
		job_row_done(&row);
		return rc;
	}
	if (e->broken && row.ended_ms == 0)
		snprintf(waiting, sizeof waiting, "the database: %s", e->broken_why);
	else if (job != NULL)
		waiting_for(e, job, waiting, sizeof waiting);
	bool held = job != NULL && job->held;
	jw_obj(w);
	jw_put_int(w, "schema", REPLY_SCHEMA);
	jw_put_id(w, "id", id);
	bool whole = sees < 0 || row.owner_uid == sees;
	jw_put_str(w, "name", whole ? row.name : "-");
	jw_put_str(w, "workflow", row.workflow);
	jw_put_str(w, "state", held ? job_state_word(JOB_PAUSED) : job_state_word(row.state));
	jw_put_str(w, "reason", whole ? row.reason : "");
	jw_put_str(w, "endpoint", row.endpoint);
	jw_put_int(w, "priority", row.priority);
	jw_put_int(w, "owner_uid", row.owner_uid);
	jw_put_str(w, "model", whole ? row.model : "");
	jw_put_str(w, "dataset", whole ? row.dataset : "");
	jw_put_int(w, "instances", row.instances);
	jw_put_int(w, "passk", row.passk);
	jw_put_int(w, "created_ms", row.created_ms);
	jw_put_int(w, "ended_ms", row.ended_ms);
	jw_put_str(w, "save_dir", whole ? row.save_dir : "");
	if (whole && row.fetch_dir[0] != '\0')
		jw_put_str(w, "fetch_dir", row.fetch_dir);
	put_passes(w, &row, &counts);
	put_stages(w, &row, &counts);
	jw_name(w, "tokens");
	jw_obj(w);
	jw_put_int(w, "prompt", row.prompt);
	jw_put_int(w, "completion", row.completion);
	jw_put_int(w, "cached", row.cached);
	jw_put_int(w, "reasoning", row.reasoning);
	jw_obj_end(w);
	jw_name(w, "structures");
	jw_obj(w);
	jw_put_int(w, "parses", row.parses);
	jw_put_int(w, "bytes_read", row.bytes_read);
	jw_obj_end(w);
	jw_put_str(w, "waiting", whole ? waiting : "");
	if (whole)
		rc = put_reasons(e, id, w, err);
	if (rc == 0 && with_batches && whole)
		rc = put_batches(e, id, w, err);
	jw_obj_end(w);
	job_row_done(&row);
	return rc;
}

void engine_endpoint_status(struct engine *e, struct jw *w)
{
	jw_list(w);
	for (struct endpoint *ep = e->endpoints; ep != NULL; ep = ep->next) {
		bool parked = ep->row.parked[0] != '\0';

		jw_obj(w);
		jw_put_str(w, "name", ep->name);
		jw_put_str(w, "base_url", ep->cfg != NULL ? ep->cfg->base_url : "");
		jw_put_str(w, "state", parked ? "parked" : "open");
		jw_put_str(w, "reason", ep->row.parked);
		jw_put_int(w, "active", endpoint_active(ep));
		jw_put_int(w, "max_active", ep->cfg != NULL ? ep->cfg->max_active : 0);
		jw_put_int(w, "retry_ms", parked ? (ep->probe_ms == INT64_MAX ? 0 : ep->probe_ms) : ep->hold_ms);
		jw_obj_end(w);
	}
	jw_list_end(w);
}

static void why_line(struct jw *w, const char *what, const char *state, const char *waits_for, int64_t since_ms,
                     int64_t next_ms, const char *unblocks, const char *remote_id)
{
	jw_obj(w);
	jw_put_str(w, "what", what);
	jw_put_str(w, "state", state);
	jw_put_str(w, "waits_for", waits_for);
	jw_put_int(w, "since_ms", since_ms);
	jw_put_int(w, "next_ms", next_ms);
	jw_put_str(w, "unblocks", unblocks);
	if (remote_id[0] != '\0')
		jw_put_str(w, "remote_id", remote_id);
	jw_obj_end(w);
}

static const char *batch_unblocks(const struct batch *b)
{
	if (batch_is_parked(b))
		return "a working key or account, then: batchctl resume --endpoint";
	switch (b->row.state) {
	case BATCH_BUILT:
		return "the end of another batch, or a higher max_active";
	case BATCH_RUNNING:
		return "the endpoint's answer";
	default:
		return "nothing to do: it goes on by itself";
	}
}

static void why_batch(struct jw *w, const struct batch *b, const char *resume)
{
	bool stays = b->row.state == BATCH_BUILT && b->job->row.state == JOB_PAUSED;
	const char *base = stays ? "the job, which is paused" : batch_state_waits_for(b->row.state);
	const char *more = batch_is_parked(b) ? b->endpoint->row.parked :
		b->row.state == BATCH_RUNNING && b->row.reason[0] == '\0' ? b->row.remote_word : b->row.reason;
	char what[64], waits[700];

	snprintf(what, sizeof what, "batch %lld", (long long)b->row.id);
	snprintf(waits, sizeof waits, "%s%s%s%s", base != NULL ? base : "", more[0] != '\0' ? " (" : "", more,
	         more[0] != '\0' ? ")" : "");
	why_line(w, what, batch_state_word(b->row.state), waits, b->row.since_ms, stays ? 0 : b->row.next_ms,
	         stays ? resume : batch_unblocks(b), b->row.remote_id);
}

int engine_why(struct engine *e, int64_t id, struct jw *w, struct err *err)
{
	struct job *job = job_in_memory(e, id);
	struct job_row row = { 0 };
	char waiting[600] = "", what[64], resume[64], person[700];
	int64_t since_ms = 0;
	int rc = job_get(e->db, id, &row, err);

	if (rc == 0 && row.state == JOB_PAUSED)
		rc = event_when(e->db, id, "paused*", &since_ms, err);
	if (rc < 0) {
		job_row_done(&row);
		return rc;
	}
	snprintf(resume, sizeof resume, "batchctl resume %lld", (long long)id);
	snprintf(person, sizeof person, "a person%s%.600s%s", row.reason[0] != '\0' ? " (" : "", row.reason,
	         row.reason[0] != '\0' ? ")" : "");
	jw_put_str(w, "name", row.name);
	jw_put_str(w, "state", job_state_word(row.state));
	jw_name(w, "lines");
	jw_list(w);
	if (e->broken && row.ended_ms == 0)
		snprintf(waiting, sizeof waiting, "the database: %s", e->broken_why);
	else if (job != NULL)
		waiting_for(e, job, waiting, sizeof waiting);
	if (row.state == JOB_PAUSED)
		why_line(w, "job", job_state_word(row.state), person, since_ms, job != NULL ? job->hold_ms : 0, resume, "");
	else if (job == NULL || waiting[0] != '\0')
		why_line(w, "job", job_state_word(row.state), waiting[0] != '\0' ? waiting : "nothing: it has ended",
		         row.ended_ms > 0 ? row.ended_ms : row.created_ms, job != NULL ? job->hold_ms : 0,
		         row.state == JOB_FAILED ? "batchctl retry asks for its failed passes afresh" : "", "");
	for (int stage = 1; job != NULL && stage <= (int)row.stages; stage++)
		for (int s = 0; s < PASS_STATE_COUNT; s++) {
			if (job->counts.n[stage][s] == 0 || pass_state_waits_for((enum pass_state)s) == NULL)
				continue;
			snprintf(what, sizeof what, "%lld passes of stage %d", (long long)job->counts.n[stage][s], stage);
			bool stays = row.state == JOB_PAUSED && s == PASS_READY;
			why_line(w, what, pass_state_word((enum pass_state)s),
			         stays ? "the job, which is paused" : pass_state_waits_for((enum pass_state)s),
			         row.created_ms, 0, stays ? resume : "", "");
		}
	for (struct batch *b = e->batches; b != NULL; b = b->next)
		if (b->job->row.id == id)
			why_batch(w, b, resume);
	jw_list_end(w);
	job_row_done(&row);
	return 0;
}
