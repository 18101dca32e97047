/* SPDX-License-Identifier: MIT */
/*
 * Finding out what came of an upload or a create whose answer never came (a crash, a timeout, a reset, a 5xx).
 *
 * The endpoint's list is walked page by page: files are told by the name that only this attempt used, batches by the
 * metadata key, else by the input file that only this attempt uploaded.  Found: adopted.  Not found is believed only after several
 * looks, because lists lag.  A list that never ends, repeats its cursor or is not there at all ends the look.
 */
#include <stdlib.h>
#include <string.h>

#include "engine_int.h"
#include "fault.h"
#include "mem.h"

enum {
	PAGES_MOST = 200, LOOKS = 4,
	LIST_LEAST_MS = 2000, LIST_MOST_MS = 300000,
	SLACK_MS = 900000,              /* how far the clocks may be apart for what is older than the intent */
	KEYLESS_SLACK_MS = 120000,      /* the same where nothing but its age tells a batch from one before */
};
/* Parts of the endpoint's grace_ms (a list may lag that long): the waits before each look. */
static const int64_t look_share[LOOKS] = { 30, 8, 3, 2 };

struct probe {
	int looks, pages;
	char *next;                     /* cursor of the next page, "" at the first */
	char *first_id;                 /* first item of the page before: the same again ends it */
	/* the best that was found: the oldest that works */
	char *id;
	bool works;
	int64_t created_s;
	char *extra;                    /* a second one that runs: to be cancelled */
	bool no_list;                   /* the endpoint has none: nothing can be found out */
	bool held;                      /* and so a person is waited for */
};

static void probe_reset(struct probe *p)
{
	p->pages = 0;
	text_set(&p->next, "");
	text_set(&p->first_id, "");
}

void batch_probe_free(struct batch *b)
{
	struct probe *p = b->probe;

	if (p == NULL)
		return;
	free(p->next);
	free(p->first_id);
	free(p->id);
	free(p->extra);
	free(p);
	b->probe = NULL;
}

static bool is_upload(const struct batch *b)
{
	return b->row.state == BATCH_UPLOADING;
}

/* Nothing is there after all looks: the intent came to nothing. */
static void probe_none(struct batch *b)
{
	engine_event(b->e, b->row.job, b->row.id, "notice", "the endpoint has no %s of it; it is sent again",
	             is_upload(b) ? "file" : "batch");
	batch_probe_free(b);
	if (!is_upload(b))
		b->row.creates--;               /* under the same key: where that is looked at, it is the same batch */
	b->doubtful = false;
	b->row.tries = 0;
	b->row.next_ms = 0;
	batch_move(b, is_upload(b) ? BATCH_BUILT : BATCH_UPLOADED, "");
}

int64_t batch_probe_wait_ms(const struct batch *b)
{
	return b->endpoint->cfg->grace_ms / look_share[b->probe != NULL ? b->probe->looks : 0];
}

/* What was found is the batch's own.  The probe goes with it. */
static void adopt(struct batch *b)
{
	char *id = b->probe->id;

	b->probe->id = NULL;
	engine_event(b->e, b->row.job, b->row.id, "notice", "%s %s was there: adopted", is_upload(b) ? "file" : "batch", id);
	if (is_upload(b)) {
		batch_uploaded(b, id);
	} else {
		struct remote_batch rb = { .id = id, .word = "", .status = REMOTE_WAITING, .input_file_id = "",
			.output_file_id = "", .error_file_id = "", .key = "", .created_s = -1, .expires_s = -1,
			.total = -1, .completed = -1, .failed = -1, .error_code = "", .error_message = "",
			.error_line = -1, .tokens_allowed = -1 };

		batch_created(b, &rb);
		b->row.next_ms = 0;             /* what it is like is asked at once */
	}
	free(id);
}

/* The setting changes at a reload, and then all is begun anew. */
static void hold_unknown(struct batch *b)
{
	static const char why[] = "its create's answer was lost, and the endpoint has no list to find it in; set hold_unknown = "
		"false and reload to send it again, or cancel the job";

	if (!b->probe->held)
		engine_event(b->e, b->row.job, b->row.id, "error", "%s", why);
	b->probe->held = true;
	batch_set_reason(b, why);
	batch_wait(b, LIST_LEAST_MS, LIST_MOST_MS, -1);
	batch_store(b);
}

/* A look is over; found or not. */
static void look_over(struct batch *b)
{
	struct probe *p = b->probe;

	if (p->id != NULL) {
		adopt(b);
	} else if (p->no_list && !is_upload(b) && b->endpoint->cfg->hold_unknown && b->job->row.state != JOB_CANCELED) {
		probe_reset(p);
		hold_unknown(b);
	} else if (++p->looks >= LOOKS) {
		probe_none(b);
	} else {
		probe_reset(p);
		b->row.next_ms = now_ms(b->e) + batch_probe_wait_ms(b);
		batch_store(b);
	}
}

static void look_later(struct batch *b, const struct api_result *res)
{
	batch_set_reason(b, res->reason);
	batch_wait(b, LIST_LEAST_MS, LIST_MOST_MS, res->retry_ms);
	batch_store(b);
}

/* The verdict on a page that could not be had.  True: the look goes on later. */
static bool page_failed(struct batch *b, const struct api_result *res)
{
	switch (res->verdict) {
	case API_DONE:
		return false;
	case API_GONE:
	case API_REFUSED:
	case API_TOO_BIG:
	case API_LOCAL:
		b->probe->no_list = true;       /* all there is to know */
		look_over(b);
		return true;
	default:
		look_later(b, res);
		return true;
	}
}

/* Does the walk go on behind this page? */
static bool page_next(struct batch *b, const char *first_id, const char *next)
{
	struct probe *p = b->probe;

	if (next[0] == '\0' || first_id == NULL || strcmp(first_id, p->first_id) == 0 || strcmp(next, p->next) == 0 ||
	    ++p->pages >= PAGES_MOST)
		return false;
	text_set(&p->first_id, first_id);
	text_set(&p->next, next);
	return true;
}

/* Too old to be what this intent made?  Lists begin with the youngest. */
static bool is_before(const struct batch *b, int64_t created_s)
{
	return created_s >= 0 && created_s * 1000 <= b->row.intent_ms - SLACK_MS;
}

static void on_files(void *data, const struct api_result *res, const struct remote_file *files, size_t n, const char *next)
{
	struct batch *b = data;
	struct engine *e = b->e;
	char name[128];

	b->call = NULL;
	fault_step();
	if (!e->broken && res->verdict != API_CANCELED) {
		endpoint_heard(b->endpoint, ASKED_LOOK, res);
		if (!page_failed(b, res)) {
			bool all_old = n > 0;

			batch_filename(b, name, sizeof name);
			for (size_t i = 0; i < n; i++) {
				bool whole = files[i].bytes < 0 || files[i].bytes == b->row.bytes;

				if (strcmp(files[i].filename, name) == 0 && whole && b->probe->id == NULL)
					b->probe->id = mem_strdup(files[i].id);
				all_old = all_old && is_before(b, files[i].created_s);
			}
			if (all_old || b->probe->id != NULL || !page_next(b, n > 0 ? files[0].id : NULL, next))
				look_over(b);           /* else the next tick asks for the next page */
		}
	}
	engine_tick(e);
}

static bool is_ours(const struct batch *b, const struct remote_batch *rb)
{
	char key[160];

	batch_key(b, key, sizeof key);
	if (rb->key[0] != '\0')
		return strcmp(rb->key, key) == 0;
	if (b->row.file_id[0] == '\0' || strcmp(rb->input_file_id, b->row.file_id) != 0)
		return false;
	/* no key came back: an earlier batch of the same file (a token limit) is told by its age */
	return b->row.creates <= 1 || rb->created_s < 0 || rb->created_s * 1000 > b->row.intent_ms - KEYLESS_SLACK_MS;
}

/* Two of the same: the older one that works is kept. */
static void found(struct probe *p, const struct remote_batch *rb)
{
	bool works = rb->status != REMOTE_FAILED && rb->status != REMOTE_CANCELLED && rb->status != REMOTE_CANCELLING;

	if (p->id != NULL && strcmp(p->id, rb->id) == 0)
		return;
	bool better = p->id == NULL || (works && !p->works) ||
		(works == p->works && rb->created_s >= 0 && rb->created_s < p->created_s);
	if (p->id != NULL && works && p->works)
		text_set(&p->extra, better ? p->id : rb->id);
	if (better) {
		text_set(&p->id, rb->id);
		p->works = works;
		p->created_s = rb->created_s;
	}
}

/* A cancel may be sent twice, so one that broke comes again with the next walk along the list; but not for ever. */
static void on_extra_canceled(void *data, const struct api_result *res, const struct remote_batch *rb)
{
	struct batch *b = data;
	struct engine *e = b->e;
	struct probe *p = b->probe;
	bool gone = res->verdict == API_DONE || res->verdict == API_GONE;

	(void)rb;
	b->call = NULL;
	fault_step();
	if (!e->broken && res->verdict != API_CANCELED) {
		endpoint_heard(b->endpoint, ASKED_LOOK, res);
		if (!gone && res->verdict != API_REFUSED && ++p->looks < LOOKS) {
			probe_reset(p);
			look_later(b, res);
		} else {
			engine_event(e, b->row.job, b->row.id, gone ? "warning" : "error", "a second batch of it, %s, %s%s", p->extra,
			             gone ? "was cancelled" : "runs too and cannot be cancelled: ", gone ? "" : res->reason);
			look_over(b);
		}
	}
	engine_tick(e);
}

static void on_batches(void *data, const struct api_result *res, const struct remote_batch *batches, size_t n,
                       const char *next)
{
	struct batch *b = data;
	struct engine *e = b->e;

	b->call = NULL;
	fault_step();
	if (!e->broken && res->verdict != API_CANCELED) {
		endpoint_heard(b->endpoint, ASKED_LOOK, res);
		if (!page_failed(b, res)) {
			bool all_old = n > 0;

			for (size_t i = 0; i < n; i++) {
				if (is_ours(b, &batches[i]))
					found(b->probe, &batches[i]);
				all_old = all_old && is_before(b, batches[i].created_s);
			}
			if (!all_old && page_next(b, n > 0 ? batches[0].id : NULL, next))
				;                       /* the next tick asks for it */
			else if (b->probe->extra != NULL)
				b->call = api_batch_cancel(b->endpoint->api, b->probe->extra, on_extra_canceled, b);
			else
				look_over(b);
		}
	}
	engine_tick(e);
}

void batch_probe_tick(struct batch *b)
{
	if (b->probe == NULL) {
		b->probe = MEM_NEW(struct probe);
		probe_reset(b->probe);
	}
	fault_step();
	if (is_upload(b))
		b->call = api_file_list(b->endpoint->api, b->probe->next, on_files, b);
	else
		b->call = api_batch_list(b->endpoint->api, b->probe->next, on_batches, b);
}
