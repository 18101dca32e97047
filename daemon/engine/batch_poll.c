/* SPDX-License-Identifier: MIT */
/*
 * A batch at the endpoint: looked at now and then until its word is terminal, then both of its files are brought here.
 *
 * A broken look says nothing about the batch.  Status words, counts and the order of things are hints; what came of each
 * request is read from the files (read.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_int.h"
#include "fault.h"
#include "files.h"
#include "mem.h"

enum {
	GONE_MS = 900000,               /* 404 for so long: the batch is lost */
	FETCH_LEAST_MS = 1000, FETCH_MOST_MS = 300000,
	FETCH_GONE_GRACES = 5,          /* 404 on a result file for so many grace_ms: there is none */
	FETCH_CUT_MOST = 4,             /* so often a file may come shorter than its object says; some of those are wrong */
	TOKEN_LEAST_MS = 60000, TOKEN_MOST_MS = 1800000,
};

/* Begins the reason of a batch that stalls: that is how it is known again, also after a start. */
static const char STALLED[] = "stalled";

static bool ids_may_come_yet(struct batch *b, const struct remote_batch *rb)
{
	bool none = rb->output_file_id[0] == '\0' && rb->error_file_id[0] == '\0';
	bool no_errors = rb->error_file_id[0] == '\0' && rb->failed > 0;
	bool no_output = rb->output_file_id[0] == '\0' && rb->completed > 0;

	if (rb->status != REMOTE_COMPLETED && rb->status != REMOTE_EXPIRED && rb->status != REMOTE_CANCELLED)
		return false;
	if (rb->status != REMOTE_COMPLETED && none && rb->completed <= 0)
		return false;
	return (none || no_errors || no_output) && now_ms(b->e) - b->row.since_ms < b->endpoint->cfg->grace_ms;
}

/* Too many tokens enqueued: no attempt, only a wait; the file stays where it is. */
static void batch_token_wait(struct batch *b, const struct remote_batch *rb)
{
	char text[400];

	b->endpoint->token_wait = true;
	if (rb->tokens_allowed > 0)
		endpoint_learn_tokens(b->endpoint, rb->tokens_allowed);
	if (batch_tokens(b) > b->endpoint->row.token_limit && b->endpoint->row.token_limit > 0 && b->row.requests > 1) {
		/* it alone is too much: its passes go out again in smaller files, no attempt counted */
		text_set(&b->row.error_code, "too_large");
		text_set(&b->row.remote_id, "");
		batch_move(b, BATCH_READING, rb->error_message);
		return;
	}
	snprintf(text, sizeof text, "waits for the endpoint's token limit: %s", rb->error_message);
	engine_event(b->e, b->row.job, b->row.id, "warning", "%s", text);
	batch_wait(b, TOKEN_LEAST_MS, TOKEN_MOST_MS, -1);
	text_set(&b->row.remote_id, "");
	text_set(&b->row.remote_word, "");
	batch_move(b, BATCH_UPLOADED, text);
}

static void batch_ended(struct batch *b, const struct remote_batch *rb)
{
	const char *code = rb->error_code[0] != '\0' ? rb->error_code :
		rb->status == REMOTE_EXPIRED ? "batch_expired" : rb->status == REMOTE_CANCELLED ? "batch_cancelled" :
		rb->status == REMOTE_FAILED ? "batch_failed" : "";

	if (rb->status == REMOTE_FAILED && rb->token_limit) {
		batch_token_wait(b, rb);
		return;
	}
	b->endpoint->token_wait = false;
	text_set(&b->row.error_code, code);
	b->row.error_line = rb->error_line;
	free(b->bad_lines);
	b->bad_lines = mem_zero(rb->n_error_lines + 1, sizeof *b->bad_lines);
	if (rb->n_error_lines > 0)
		memcpy(b->bad_lines, rb->error_lines, rb->n_error_lines * sizeof *b->bad_lines);
	b->n_bad_lines = rb->n_error_lines;
	if (rb->status != REMOTE_COMPLETED)
		engine_event(b->e, b->row.job, b->row.id, "warning", "%s: %s%s%s", rb->word,
		             code, rb->error_message[0] != '\0' ? ": " : "", rb->error_message);
	b->fetch = 0;
	b->gone_ms = 0;
	b->row.tries = 0;
	b->row.next_ms = 0;
	batch_move(b, BATCH_FETCHING, rb->error_message);
}

static int64_t stall_limit_ms(const struct endpoint_config *cfg, enum remote_status s)
{
	switch (s) {
	case REMOTE_WAITING:
		return cfg->stalled_validating_ms;
	case REMOTE_FINALIZING:
		return cfg->stalled_finalizing_ms;
	case REMOTE_CANCELLING:
		return cfg->stalled_cancelling_ms;
	default:
		return cfg->stalled_in_progress_ms;
	}
}

bool batch_is_stalled(const struct batch *b)
{
	return strncmp(b->row.reason, STALLED, strlen(STALLED)) == 0;
}

/* Too long under one status word: said once, shown in its reason; cancelled only if the setting says so. */
static void note_stall(struct batch *b, enum remote_status s)
{
	int64_t age_ms = now_ms(b->e) - b->row.since_ms;
	char text[160];

	if (b->endpoint->cfg == NULL || age_ms < stall_limit_ms(b->endpoint->cfg, s))
		return;
	snprintf(text, sizeof text, "%s: %s for %lld min", STALLED, b->row.remote_word, (long long)age_ms / 60000);
	if (!batch_is_stalled(b)) {
		engine_event(b->e, b->row.job, b->row.id, "warning", "%s", text);
		hook_stalled(b);
		if (b->endpoint->cfg->cancel_stalled && s != REMOTE_CANCELLING)
			b->row.cancel = 1;
	}
	batch_set_reason(b, text);
}

/* What the endpoint says of it. */
void batch_seen(struct batch *b, const struct remote_batch *rb)
{
	b->gone_ms = 0;
	if (strcmp(b->row.remote_word, rb->word) != 0) {
		text_set(&b->row.remote_word, rb->word);
		batch_set_reason(b, "");
		b->row.since_ms = now_ms(b->e);
	}
	text_set(&b->row.output_file_id, rb->output_file_id);
	text_set(&b->row.error_file_id, rb->error_file_id);
	b->row.completed = rb->completed;
	b->row.failed = rb->failed;
	if (remote_status_terminal(rb->status) && !ids_may_come_yet(b, rb)) {
		batch_ended(b, rb);
		return;
	}
	note_stall(b, rb->status);
	int64_t most = remote_status_terminal(rb->status) ? b->endpoint->cfg->grace_ms / 6 + 1 : b->endpoint->cfg->poll_max_ms;
	batch_wait(b, b->endpoint->cfg->poll_min_ms, most, -1);
	batch_store(b);
}

static void poll_failed(struct batch *b, const struct api_result *res)
{
	if (res->verdict == API_GONE || res->verdict == API_REFUSED) {
		if (b->gone_ms == 0)
			b->gone_ms = now_ms(b->e);
		if (res->verdict == API_GONE && now_ms(b->e) - b->gone_ms >= GONE_MS) {
			engine_event(b->e, b->row.job, b->row.id, "error", "%s is gone from the endpoint (or belongs to "
			             "another project, after a change of keys); its passes are asked for again", b->row.remote_id);
			text_set(&b->row.error_code, "batch_lost");
			batch_move(b, BATCH_READING, res->reason);
			return;
		}
	}
	batch_set_reason(b, res->reason);
	batch_wait(b, b->endpoint->cfg->poll_min_ms, b->endpoint->cfg->poll_max_ms, res->retry_ms);
	batch_store(b);
}

static void on_polled(void *data, const struct api_result *res, const struct remote_batch *rb)
{
	struct batch *b = data;
	struct engine *e = b->e;

	b->call = NULL;
	fault_step();
	if (!e->broken && res->verdict != API_CANCELED) {
		endpoint_heard(b->endpoint, ASKED_LOOK, res);
		if (b->row.reason[0] != '\0' && !batch_is_stalled(b))
			batch_set_reason(b, "");
		if (res->verdict == API_DONE) {
			b->canceling = rb->status == REMOTE_CANCELLING; /* if not, it is asked to once more */
			batch_seen(b, rb);
		} else {
			poll_failed(b, res);
		}
	}
	engine_tick(e);
}

/* The answer to a cancel is only a hint: the next look tells, and only behind it the cancel may be sent again. */
static void on_canceled(void *data, const struct api_result *res, const struct remote_batch *rb)
{
	struct batch *b = data;
	struct engine *e = b->e;

	(void)rb;
	b->call = NULL;
	fault_step();
	if (!e->broken) {
		endpoint_heard(b->endpoint, ASKED_LOOK, res);
		b->canceling = true;
		batch_wait(b, b->endpoint->cfg->poll_min_ms, b->endpoint->cfg->poll_max_ms, res->retry_ms);
		batch_store(b);
	}
	engine_tick(e);
}

void batch_cancel_now(struct batch *b)
{
	fault_step();
	b->call = api_batch_cancel(b->endpoint->api, b->row.remote_id, on_canceled, b);
}

void batch_poll_tick(struct batch *b)
{
	if (b->row.cancel && !b->canceling) {
		b->act = ACT_CANCEL;            /* that it is to be is committed first */
		return;
	}
	if (now_ms(b->e) < b->row.next_ms)
		return;                         /* until next_ms */
	fault_step();
	b->call = api_batch_get(b->endpoint->api, b->row.remote_id, on_polled, b);
}

/* --- bringing the files -------------------------------------------------------------------------- */

static const char *fetch_id(const struct batch *b)
{
	return b->fetch == 0 ? b->row.output_file_id : b->row.error_file_id;
}

static void fetch_close(struct batch *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
}

static void fetch_next(struct batch *b)
{
	fetch_close(b);
	b->fetch++;
	b->sized = false;
	b->cut_n = 0;
	b->gone_ms = 0;
	b->row.tries = 0;
	b->row.next_ms = 0;
	if (b->fetch == 2)
		batch_move(b, BATCH_READING, b->row.reason);
}

static void fetch_failed(struct batch *b, const struct api_result *res)
{
	bool gone = res->verdict == API_GONE || res->verdict == API_REFUSED;

	if (gone && b->gone_ms == 0)
		b->gone_ms = now_ms(b->e);
	if (gone && now_ms(b->e) - b->gone_ms >= FETCH_GONE_GRACES * b->endpoint->cfg->grace_ms) {
		engine_event(b->e, b->row.job, b->row.id, "error", "its %s file %s cannot be had: %s",
		             b->fetch == 0 ? "output" : "error", fetch_id(b), res->reason);
		fetch_next(b);
		return;
	}
	if (res->verdict == API_LOCAL) {
		struct err err;

		err_set(&err, BD_EIO, "%s", res->reason);
		job_hold(b->job, &err);
	}
	batch_set_reason(b, res->reason);
	batch_wait(b, FETCH_LEAST_MS, FETCH_MOST_MS, res->retry_ms);
	batch_store(b);
}

/* Its end looked like one, and it is not where the file's object has it. */
static bool is_cut(struct batch *b, int64_t bytes)
{
	if (!b->sized || bytes >= b->size || b->cut_n >= FETCH_CUT_MOST)
		return false;
	if (b->cut_n++ == 0)
		engine_event(b->e, b->row.job, b->row.id, "warning", "its %s file came with %lld bytes, the endpoint says it has "
		             "%lld; the rest is asked for", b->fetch == 0 ? "output" : "error", (long long)bytes,
		             (long long)b->size);
	return true;
}

static void on_content(void *data, const struct api_result *res, int64_t bytes, bool whole)
{
	struct batch *b = data;
	struct engine *e = b->e;

	b->call = NULL;
	fault_step();
	if (!e->broken && res->verdict != API_CANCELED) {
		endpoint_heard(b->endpoint, ASKED_LOOK, res);
		if (res->verdict == API_DONE && whole && !is_cut(b, bytes)) {
			fetch_next(b);
		} else if (res->verdict == API_DONE) {          /* a part of it: go on from there */
			batch_wait(b, FETCH_LEAST_MS, FETCH_MOST_MS, res->retry_ms);
			batch_store(b);
		} else {
			if (bytes > b->got)
				b->row.tries = 0;               /* it gets on */
			fetch_failed(b, res);
		}
	}
	engine_tick(e);
}

/* Asked when requests were missing from files that seemed whole.  Not every endpoint says it, or says it right. */
static void on_sized(void *data, const struct api_result *res, const struct remote_file *file)
{
	struct batch *b = data;
	struct engine *e = b->e;

	b->call = NULL;
	fault_step();
	if (!e->broken && res->verdict != API_CANCELED) {
		endpoint_heard(b->endpoint, ASKED_LOOK, res);
		b->sized = true;
		b->size = res->verdict == API_DONE ? file->bytes : -1;
	}
	engine_tick(e);
}

void batch_fetch_tick(struct batch *b)
{
	while (b->fetch < 2 && fetch_id(b)[0] == '\0')
		b->fetch++;
	if (b->fetch == 2) {
		batch_move(b, BATCH_READING, b->row.reason);
		return;
	}
	if (b->fd < 0) {
		char *path = batch_path(b->job, b->row.id, b->fetch == 0 ? "output.part" : "errors.part");

		b->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (b->fd < 0) {
			struct err err;

			err_sys(&err, BD_EIO, "cannot open %s", path);
			job_hold(b->job, &err);
		}
		free(path);
		if (b->fd < 0)
			return;                 /* until the hold is over */
	}
	fault_step();
	if (b->refetched && !b->sized && strstr(fetch_id(b), "://") == NULL) {
		b->call = api_file_get(b->endpoint->api, fetch_id(b), on_sized, b);
		return;
	}
	b->got = lseek(b->fd, 0, SEEK_END);
	b->call = api_file_content(b->endpoint->api, fetch_id(b), b->fd, b->got > 0 ? b->got : 0, on_content, b);
}
