/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ep_int.h"

/* The batch object as a client sees it, with what the plan does to its looks. */

const char *const ep_status_words[ST_N] = {
	"validating", "in_progress", "finalizing", "cancelling", "completed", "failed", "expired", "cancelled",
};

/* Whether a word of somebody's own means that it is over. */
static bool word_terminal(const char *word)
{
	static const char *const over[] = {
		"completed", "success", "succeeded", "ended", "failed", "error", "expired", "timeout_exceeded",
		"cancelled", "canceled",
	};

	for (size_t i = 0; i < sizeof over / sizeof over[0]; i++) {
		if (strcasecmp(word, over[i]) == 0)
			return true;
	}
	return false;
}

static const char *word_of(struct ep *ep, const struct ep_batch *b)
{
	struct ep_fault *words = fault_for_batch(ep, b, DO_WORDS), *map = fault_for_batch(ep, b, DO_MAP);
	const char *mapped = NULL;

	if (words != NULL) {
		const struct json *w = json_first(json_get(words->spec, "words"));

		for (int64_t i = 1; i < b->polls + b->lists && w != NULL; i++)
			w = json_next(w);
		if (w != NULL)
			return json_str(w);
	}
	if (map != NULL)
		mapped = json_get_str(json_get(map->spec, "map"), ep_status_words[b->status]);
	return mapped != NULL ? mapped : ep_status_words[b->status];
}

struct show {
	struct ep *ep;
	const struct ep_batch *b;
	struct jw *w;
	bool omit;                      /* leave out what is null */
	const char *times;              /* how times are written; NULL: unix seconds */
};

static void show_str(struct show *s, const char *name, const char *text)
{
	if (text != NULL || !s->omit)
		jw_put_str(s->w, name, text);
}

static void show_time(struct show *s, const char *name, int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;
	char iso[32];

	if (ms == 0 || (s->times != NULL && strcmp(s->times, "null") == 0)) {
		show_str(s, name, NULL);
		return;
	}
	jw_name(s->w, name);
	if (s->times != NULL && strcmp(s->times, "iso") == 0) {
		gmtime_r(&t, &tm);
		strftime(iso, sizeof iso, "%Y-%m-%dT%H:%M:%SZ", &tm);
		jw_str(s->w, iso);
	} else if (s->times != NULL && strcmp(s->times, "ms") == 0) {
		jw_int(s->w, ms);
	} else if (s->times != NULL && strcmp(s->times, "float") == 0) {
		jw_num(s->w, (double)(ms / 1000) + 0.25);
	} else {
		jw_int(s->w, ms / 1000);
	}
}

static void show_json(struct show *s, const struct json *v)
{
	struct buf text = { 0 };

	json_print(v, &text);
	jw_raw(s->w, buf_span(&text));
	buf_done(&text);
}

static void show_errors(struct show *s)
{
	struct ep_fault *shape = fault_for_batch(s->ep, s->b, DO_ERRORS);

	if (s->b->errors == NULL || shape != NULL) {
		if (shape != NULL) {
			jw_name(s->w, "errors");
			show_json(s, json_get(shape->spec, "value"));
		} else {
			show_str(s, "errors", NULL);
		}
		return;
	}
	jw_name(s->w, "errors");
	jw_obj(s->w);
	jw_put_str(s->w, "object", "list");
	jw_name(s->w, "data");
	jw_raw(s->w, span_of(s->b->errors));
	jw_obj_end(s->w);
}

static void show_counts(struct show *s, int64_t now_ms)
{
	struct ep_fault *f = fault_for_batch(s->ep, s->b, DO_COUNTS);
	const struct json *value = f != NULL ? json_get(f->spec, "value") : NULL;
	int64_t total = s->b->total, completed = s->b->completed, failed = s->b->failed;

	jw_name(s->w, "request_counts");
	if (f != NULL && (json_str(value) == NULL || strcmp(json_str(value), "backwards") != 0)) {
		show_json(s, value);
		return;
	}
	if (!status_terminal(s->b->status))
		completed = batch_done_at(s->ep, s->b, now_ms);
	if (f != NULL)                          /* each look shows less than the one before */
		completed = completed > s->b->polls ? completed - s->b->polls : 0;
	jw_obj(s->w);
	jw_put_int(s->w, "total", total);
	jw_put_int(s->w, "completed", completed);
	jw_put_int(s->w, "failed", failed);
	jw_obj_end(s->w);
}

static void show_usage(struct show *s)
{
	const struct ep_batch *b = s->b;

	if (!status_terminal(b->status) || fault_for_batch(s->ep, b, DO_NO_USAGE) != NULL)
		return;
	jw_name(s->w, "usage");
	jw_obj(s->w);
	jw_put_int(s->w, "input_tokens", b->prompt);
	jw_name(s->w, "input_tokens_details");
	jw_obj(s->w);
	jw_put_int(s->w, "cached_tokens", b->cached);
	jw_obj_end(s->w);
	jw_put_int(s->w, "output_tokens", b->completion);
	jw_name(s->w, "output_tokens_details");
	jw_obj(s->w);
	jw_put_int(s->w, "reasoning_tokens", b->reasoning);
	jw_obj_end(s->w);
	jw_put_int(s->w, "total_tokens", b->prompt + b->completion);
	jw_obj_end(s->w);
}

static void show_files(struct show *s, bool terminal)
{
	struct ep_fault *late = fault_for_batch(s->ep, s->b, DO_LATE_IDS);
	struct ep_fault *empty = fault_for_batch(s->ep, s->b, DO_EMPTY_ERROR);
	const char *how = empty != NULL ? fault_str(empty, "value", "") : NULL;
	bool shown = terminal && (late == NULL || s->b->done_polls > fault_int(late, "polls", 0));

	show_str(s, "output_file_id", shown ? s->b->output_file_id : NULL);
	if (how == NULL || s->b->error_file_id != NULL)
		show_str(s, "error_file_id", shown ? s->b->error_file_id : NULL);
	else if (strcmp(how, "absent") != 0)
		show_str(s, "error_file_id", how);
}

void batch_write(struct ep *ep, struct ep_batch *b, int64_t now_ms, struct jw *w)
{
	struct ep_fault *times = fault_for_batch(ep, b, DO_TIMES);
	const char *word = word_of(ep, b);
	struct show s = { .ep = ep, .b = b, .w = w, .omit = fault_for_batch(ep, b, DO_OMIT_NULLS) != NULL,
	                  .times = times != NULL ? fault_str(times, "as", NULL) : NULL };

	jw_obj(w);
	jw_put_str(w, "id", b->id);
	jw_put_str(w, "object", "batch");
	jw_put_str(w, "endpoint", b->endpoint);
	show_str(&s, "model", b->model);
	show_errors(&s);
	jw_put_str(w, "input_file_id", b->input_file_id);
	jw_put_str(w, "completion_window", b->window);
	jw_put_str(w, "status", word);
	show_files(&s, status_terminal(b->status) && (word_terminal(word) || strcmp(word, ep_status_words[b->status]) == 0));
	show_time(&s, "created_at", b->at_ms[ST_VALIDATING]);
	show_time(&s, "in_progress_at", b->at_ms[ST_IN_PROGRESS]);
	show_time(&s, "expires_at", b->at_ms[ST_VALIDATING] + batch_window_ms(b));
	show_time(&s, "finalizing_at", b->at_ms[ST_FINALIZING]);
	show_time(&s, "completed_at", b->at_ms[ST_COMPLETED]);
	show_time(&s, "failed_at", b->at_ms[ST_FAILED]);
	show_time(&s, "expired_at", b->at_ms[ST_EXPIRED]);
	show_time(&s, "cancelling_at", b->at_ms[ST_CANCELLING]);
	show_time(&s, "cancelled_at", b->at_ms[ST_CANCELLED]);
	show_counts(&s, now_ms);
	show_usage(&s);
	if (fault_for_batch(ep, b, DO_NO_METADATA) == NULL) {
		if (b->metadata != NULL) {
			jw_name(w, "metadata");
			jw_raw(w, span_of(b->metadata));
		} else {
			show_str(&s, "metadata", NULL);
		}
	}
	jw_obj_end(w);
}
