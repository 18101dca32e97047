/* SPDX-License-Identifier: MIT */
/*
 * One batch, from a finished request file to the endpoint's word that it runs.
 *
 *   BUILT -> [intent] UPLOADING -> UPLOADED -> [intent] CREATING -> RUNNING -> (batch_poll.c)
 *
 * The intent is committed first, then the call goes out (batch_act).  A call that broke leaves the intent open, and so
 * does a crash: batch_probe.c finds out what came of it.  A create is never sent twice without that.
 */
#include "batch_state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_int.h"
#include "fault.h"
#include "log.h"
#include "mem.h"
#include "retry.h"

enum {
	CALL_LEAST_MS = 1000, CALL_MOST_MS = 300000,
	WAIT_MOST_MS = 7200000,         /* nobody waits longer for one try */
	UNSEEN_MOST = 6,                /* so often a create may find its uploaded file not there: lists lag */
};

struct batch *batch_add(struct engine *e, struct job *job, const struct batch_row *row)
{
	struct batch *b = MEM_NEW(struct batch), **at = &e->batches;

	b->e = e;
	b->job = job;
	b->row = *row;
	b->fd = -1;
	b->endpoint = job->endpoint;
	if (b->row.next_ms > now_ms(e) + WAIT_MOST_MS)
		b->row.next_ms = 0;             /* the clock was another one */
	b->doubtful = row->state == BATCH_UPLOADING || row->state == BATCH_CREATING;
	if (row->state == BATCH_FETCHING || row->state == BATCH_READING)
		job->reading++;
	while (*at != NULL && (*at)->row.id < row->id)
		at = &(*at)->next;
	b->next = *at;
	*at = b;
	return b;
}

void batch_drop(struct batch *b)
{
	struct batch **at = &b->e->batches;

	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	if (b->row.state == BATCH_FETCHING || b->row.state == BATCH_READING)
		b->job->reading--;
	batch_probe_free(b);
	if (b->fd >= 0)
		close(b->fd);
	batch_row_done(&b->row);
	free(b->bad_lines);
	free(b);
}

bool batch_store(struct batch *b)
{
	struct err err;

	return engine_write(b->e) && engine_ok(b->e, batch_save(b->e->db, &b->row, &err), &err);
}

void batch_set_reason(struct batch *b, const char *reason)
{
	char line[400];

	snprintf(line, sizeof line, "%s", reason);
	text_set(&b->row.reason, line);
}

bool batch_move(struct batch *b, enum batch_state to, const char *reason)
{
	enum batch_state from = b->row.state;

	assert(batch_may_move(from, to));
	log_debug("batch %lld: %s -> %s%s%s", (long long)b->row.id, batch_state_name(from), batch_state_name(to),
	          reason[0] != '\0' ? ": " : "", reason);
	bool was_reading = from == BATCH_FETCHING || from == BATCH_READING;
	bool is_reading = to == BATCH_FETCHING || to == BATCH_READING;
	b->job->reading += is_reading - was_reading;
	b->row.state = to;
	b->row.since_ms = now_ms(b->e);
	batch_set_reason(b, reason);
	if (to == BATCH_ENDED)
		b->row.ended_ms = b->row.since_ms;
	return batch_store(b);
}

void batch_wait(struct batch *b, int64_t least_ms, int64_t most_ms, int64_t asked_ms)
{
	b->row.next_ms = now_ms(b->e) + wait_asked_ms(b->row.tries, least_ms, most_ms,
	                                              (uint64_t)(b->row.id * 1000 + b->row.tries), asked_ms);
	b->row.tries++;
}

/* Each upload has a name of its own, each create a key of its own: what the endpoint has can be told apart. */
void batch_filename(const struct batch *b, char *ret, size_t size)
{
	snprintf(ret, size, "batchd-%s-%lld-%lld-%lld.jsonl", b->e->uuid, (long long)b->row.job,
	         (long long)b->row.id, (long long)b->row.uploads);
}

void batch_key(const struct batch *b, char *ret, size_t size)
{
	snprintf(ret, size, "batchd-%s-%lld-%lld-%lld", b->e->uuid, (long long)b->row.job, (long long)b->row.id,
	         (long long)b->row.creates);
}

/* --- steps forward ------------------------------------------------------------------------------- */

void batch_uploaded(struct batch *b, const char *file_id)
{
	text_set(&b->row.file_id, file_id);
	b->row.tries = 0;
	b->row.next_ms = 0;
	b->doubtful = false;
	batch_probe_free(b);
	batch_move(b, BATCH_UPLOADED, "");
}

void batch_created(struct batch *b, const struct remote_batch *rb)
{
	text_set(&b->row.remote_id, rb->id);
	b->row.tries = 0;
	b->doubtful = false;
	batch_probe_free(b);
	engine_event(b->e, b->row.job, b->row.id, "info", "stage %lld: %lld requests are at the endpoint as %s",
	             (long long)b->row.stage, (long long)b->row.requests, rb->id);
	if (batch_move(b, BATCH_RUNNING, ""))
		batch_seen(b, rb);
}

/* The request will never pass as it is: READING gives its passes the reason, and another try if they may. */
static void batch_refused(struct batch *b, const struct api_result *res)
{
	engine_event(b->e, b->row.job, b->row.id, "error", "the endpoint refused it: %s", res->reason);
	text_set(&b->row.error_code, res->verdict == API_TOO_BIG ? "too_large" :
	         res->code[0] != '\0' ? res->code : "refused");
	b->doubtful = false;
	b->row.tries = 0;
	batch_move(b, BATCH_READING, res->reason);
}

/* The intent is known to have come to nothing: back, and again later. */
static void batch_back(struct batch *b, const struct api_result *res)
{
	b->doubtful = false;
	batch_wait(b, CALL_LEAST_MS, CALL_MOST_MS, res->retry_ms);
	batch_move(b, b->row.state == BATCH_UPLOADING ? BATCH_BUILT : BATCH_UPLOADED, res->reason);
}

static void batch_doubt(struct batch *b, const struct api_result *res)
{
	engine_event(b->e, b->row.job, b->row.id, "warning", "%s: %s; finding out what came of it",
	             b->row.state == BATCH_UPLOADING ? "upload" : "create", res->reason);
	b->doubtful = true;
	b->row.tries = 0;
	b->row.next_ms = now_ms(b->e) + batch_probe_wait_ms(b);
	batch_set_reason(b, res->reason);
	batch_store(b);
}

/* What is the same for an upload and a create once the call is over.  True: it took effect. */
static bool call_over(struct batch *b, const struct api_result *res)
{
	b->call = NULL;
	fault_step();
	if (b->e->broken)
		return false;
	endpoint_heard(b->endpoint, b->row.state == BATCH_UPLOADING ? ASKED_UPLOAD : ASKED_CREATE, res);
	switch (res->verdict) {
	case API_DONE:
		return true;
	case API_AGAIN:
	case API_ACCOUNT:
		batch_back(b, res);
		break;
	case API_CANCELED:
	case API_UNKNOWN:
		batch_doubt(b, res);
		break;
	case API_LOCAL: {
		struct err err;

		err_set(&err, BD_EIO, "%s", res->reason);
		batch_back(b, res);
		job_hold(b->job, &err);
		break;
	}
	case API_GONE:
		if (b->row.state == BATCH_CREATING && b->row.tries < UNSEEN_MOST) {
			batch_back(b, res);             /* the uploaded file is not to be seen yet */
			break;
		}
		if (b->row.state == BATCH_CREATING) {   /* it is gone: upload it again */
			text_set(&b->row.file_id, "");
			b->row.tries = 0;
			batch_move(b, BATCH_UPLOADED, res->reason);
			batch_move(b, BATCH_BUILT, res->reason);
			b->doubtful = false;
			break;
		}
		batch_back(b, res);                     /* no /files at that base_url: the endpoint is parked */
		break;
	case API_REFUSED:
	case API_TOO_BIG:
		batch_refused(b, res);
		break;
	}
	return false;
}

static void on_uploaded(void *data, const struct api_result *res, const struct remote_file *file)
{
	struct batch *b = data;
	struct engine *e = b->e;

	if (call_over(b, res))
		batch_uploaded(b, file->id);
	engine_tick(e);
}

static void on_created(void *data, const struct api_result *res, const struct remote_batch *rb)
{
	struct batch *b = data;
	struct engine *e = b->e;

	if (call_over(b, res))
		batch_created(b, rb);
	engine_tick(e);
}

/* Behind the commit of the intent. */
void batch_act(struct batch *b)
{
	enum batch_act act = b->act;
	char name[128], stage[8], job[24];

	b->act = ACT_NONE;
	if (act == ACT_UPLOAD) {
		char *path = batch_path(b->job, b->row.id, "requests");

		batch_filename(b, name, sizeof name);
		fault_step();
		b->call = api_file_upload(b->endpoint->api, path, name, on_uploaded, b);
		free(path);
	} else if (act == ACT_CANCEL) {
		batch_cancel_now(b);
	} else if (act == ACT_CREATE) {
		batch_key(b, name, sizeof name);
		snprintf(job, sizeof job, "%lld", (long long)b->row.job);
		snprintf(stage, sizeof stage, "%lld", (long long)b->row.stage);
		struct batch_create c = { .input_file_id = b->row.file_id, .line_url = rollout_line_url(b->job->rollout),
			.completion_window = b->endpoint->cfg->completion_window, .key = name, .job = job,
			.stage = stage };

		fault_step();
		b->call = api_batch_create(b->endpoint->api, &c, on_created, b);
	}
}

static void intend(struct batch *b, enum batch_state to, enum batch_act act)
{
	if (to == BATCH_UPLOADING)
		b->row.uploads++;
	else
		b->row.creates++;
	b->row.intent_ms = now_ms(b->e);
	if (batch_move(b, to, ""))
		b->act = act;
}

/* --- the end ------------------------------------------------------------------------------------- */

/* A batch whose job was canceled and that the endpoint never had. */
static bool drop_unsent(struct batch *b)
{
	return b->job->row.state == JOB_CANCELED && (b->row.state == BATCH_BUILT || b->row.state == BATCH_UPLOADED);
}

int64_t batch_tokens(const struct batch *b)
{
	return b->row.bytes / TOKEN_BYTES;
}

void batch_tick(struct batch *b)
{
	if (b->call != NULL || b->busy || b->act != ACT_NONE || b->e->draining)
		return;                                         /* until on_x */
	if (drop_unsent(b)) {
		text_set(&b->row.error_code, "canceled");
		batch_move(b, BATCH_READING, "canceled before it was sent");
		return;
	}
	switch (b->row.state) {
	case BATCH_BUILDING:
		return;                                         /* until its file is built and applied */
	case BATCH_BUILT:
		if (!job_is(b->job, JOB_RUNNING) || now_ms(b->e) < b->row.next_ms ||
		    !endpoint_open_for_new(b->endpoint) || b->endpoint->cfg == NULL ||
		    endpoint_active(b->endpoint) >= b->endpoint->cfg->max_active)
			return;                                 /* until another batch ends, or next_ms */
		intend(b, BATCH_UPLOADING, ACT_UPLOAD);
		return;
	case BATCH_UPLOADED:
		if (!job_is(b->job, JOB_RUNNING) || now_ms(b->e) < b->row.next_ms ||
		    !endpoint_open_for_new(b->endpoint) || !endpoint_tokens_fit(b->endpoint, batch_tokens(b)))
			return;                                 /* until next_ms, or another batch's end */
		intend(b, BATCH_CREATING, ACT_CREATE);
		return;
	case BATCH_UPLOADING:
	case BATCH_CREATING:
		assert(b->doubtful);
		if (endpoint_may_ask(b->endpoint) && now_ms(b->e) >= b->row.next_ms)
			batch_probe_tick(b);
		return;                                         /* until the probe's pages are in */
	case BATCH_RUNNING:
		if (endpoint_may_ask(b->endpoint))
			batch_poll_tick(b);
		return;                                         /* until on_polled */
	case BATCH_FETCHING:
		if (endpoint_may_ask(b->endpoint) && now_ms(b->e) >= b->row.next_ms && b->job->hold_ms == 0)
			batch_fetch_tick(b);
		return;                                         /* until on_content */
	case BATCH_READING:
		if (b->job->hold_ms == 0 && task_room(b->e))
			read_start(b);
		return;                                         /* until the task is applied */
	case BATCH_ENDED:
	case BATCH_STATE_COUNT:
		return;
	}
}
