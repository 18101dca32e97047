/* SPDX-License-Identifier: MIT */
/*
 * Finding out what came of an upload or a create whose answer never came (a crash, a timeout, a reset, a 5xx).
 *
 * The endpoint's list is walked page by page: files are told by the name that only this attempt used, batches by the
 * metadata key, else by the input file that only this attempt uploaded.  Found: adopted.  Not found is believed only after several
 * looks, because lists lag.  A list that never ends, repeats its cursor or is not there at all ends the look.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_int.h"
#include "fault.h"
#include "mem.h"

enum { PAGES_MOST = 200, LOOKS = 4, SLACK_S = 900 };
/* Parts of the endpoint's grace_ms (a list may lag that long): the waits before each look. */
static const int64_t look_share[LOOKS] = { 30, 8, 3, 2 };

struct probe {
	int looks, pages;
	char *next;                     /* cursor of the next page, "" at the first */
	char *first_id;                 /* first item of the page before: the same again ends it */
	/* the best that was found: the oldest that works */
	char *id;
	struct remote_batch best;       /* only id, status, created_s are kept */
	char *extra;                    /* a second one that runs: to be cancelled */
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

/* A look is over; found or not. */
static void look_over(struct batch *b)
{
	struct probe *p = b->probe;

	if (p->id != NULL) {
		engine_event(b->e, b->row.job, b->row.id, "notice", "%s %s was there: adopted",
		             is_upload(b) ? "file" : "batch", p->id);
		if (is_upload(b)) {
			char *id = p->id;

			p->id = NULL;
			batch_uploaded(b, id);
			free(id);
		} else {
			struct remote_batch rb = p->best;
			char *id = p->id;

			p->id = NULL;
			rb.id = id;
			rb.word = rb.input_file_id = rb.output_file_id = rb.error_file_id = rb.key = "";
			rb.error_code = rb.error_message = "";
			rb.status = REMOTE_WAITING;     /* the next look tells */
			rb.completed = rb.failed = rb.total = -1;
			batch_created(b, &rb);
			b->row.next_ms = 0;
			free(id);
		}
		return;
	}
	if (++p->looks >= LOOKS) {
		probe_none(b);
		return;
	}
	probe_reset(p);
	b->row.next_ms = now_ms(b->e) + b->endpoint->cfg->grace_ms / look_share[p->looks];
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
		look_over(b);                   /* this endpoint has no list: all there is to know */
		return true;
	default:
		batch_set_reason(b, res->reason);
		batch_wait(b, 2000, 300000, res->retry_ms);
		batch_store(b);
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

static void page_over(struct batch *b, const char *first_id, const char *next, bool all_old)
{
	if (!all_old && page_next(b, first_id, next))
		return;                         /* the next tick asks for it */
	look_over(b);
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
				if (files[i].created_s < 0 || files[i].created_s * 1000 > b->row.intent_ms - SLACK_S * 1000)
					all_old = false;
			}
			page_over(b, n > 0 ? files[0].id : NULL, next, all_old || b->probe->id != NULL);
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
	return b->row.creates <= 1 || rb->created_s < 0 || rb->created_s * 1000 > b->row.intent_ms - 120000;
}

/* Two of the same: the older one that works is kept. */
static void found(struct probe *p, const struct remote_batch *rb)
{
	bool works = rb->status != REMOTE_FAILED && rb->status != REMOTE_CANCELLED && rb->status != REMOTE_CANCELLING;

	if (p->id != NULL && strcmp(p->id, rb->id) == 0)
		return;
	bool old_works = p->id != NULL && p->best.status != REMOTE_FAILED && p->best.status != REMOTE_CANCELLED &&
		p->best.status != REMOTE_CANCELLING;
	bool better = p->id == NULL || (works && !old_works) ||
		(works == old_works && rb->created_s >= 0 && rb->created_s < p->best.created_s);
	if (p->id != NULL && works && old_works)
		text_set(&p->extra, better ? p->id : rb->id);
	if (better) {
		text_set(&p->id, rb->id);
		p->best = *rb;
	}
}

static void on_extra_canceled(void *data, const struct api_result *res, const struct remote_batch *rb)
{
	struct batch *b = data;
	struct engine *e = b->e;

	(void)res;
	(void)rb;
	b->call = NULL;
	if (!e->broken) {
		engine_event(e, b->row.job, b->row.id, "warning", "a second batch of it, %s, was cancelled", b->probe->extra);
		free(b->probe->extra);
		b->probe->extra = NULL;
		look_over(b);
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
				if (batches[i].created_s < 0 ||
				    batches[i].created_s * 1000 > b->row.intent_ms - SLACK_S * 1000)
					all_old = false;
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
