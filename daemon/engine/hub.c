/* SPDX-License-Identifier: MIT */
/*
 * A data set by its hub name: asked for page by page, kept by revision, shared by all who wait for it.
 *
 *   SPLITS  GET /splits: which config, is there such a split, which revision; a cached one ends it here
 *   ROWS    GET /rows, a page at a time; a worker checks it and puts it behind the others
 *   LAST    all rows are there (maybe since before a crash): the worker gives the file its name
 *
 * A page of another revision, or one that does not follow, starts the rows over; busy, away and not ready are waited for, but
 * not for ever.  What is on disk stays: the next submit goes on there.  The token is in one header and nowhere else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub.h"
#include "log.h"
#include "mem.h"
#include "retry.h"

enum {
	WAIT_LEAST_MS = 1000, WAIT_MOST_MS = 30000,
	RESTARTS_MOST = 4,
	PAGE_ROWS = 100,
	SPLITS_MAX = 4 << 20, PAGE_MAX = 64 << 20,
	SPLIT_MAX = 100,
};

enum hub_state { HUB_SPLITS, HUB_ROWS, HUB_LAST };

struct hub_wait {
	struct hub_wait *next;
	hub_fn done;
	void *data;
};

struct hub {
	struct hub *next;
	struct engine *e;               /* NULL: it has gone, only the call's end is waited for */
	enum hub_state state;
	char *dataset, *split, *config, *note;
	char *base, *token, *auth;      /* as configured when it began; token NULL: none */
	int64_t patience_ms;
	struct hub_wait *waits;
	struct hub_cache cache;
	struct hub_part part;           /* the worker's while it works */
	/* the call */
	struct exchange x;
	const char *headers[3];
	struct buf url;
	bool calling;
	/* the worker */
	struct task task;
	struct buf reply;
	char revision[80];
	bool working;
	int rc;
	struct err err;
	/* trouble */
	int64_t next_ms, since_ms, tries;
	int restarts;
	int64_t length;                 /* rows to ask for */
};

static void on_reply(struct exchange *x);

/* --- its life ---------------------------------------------------------------------------------------- */

static void hub_free(struct hub *h)
{
	if (h->token != NULL) {
		explicit_bzero(h->token, strlen(h->token));
		explicit_bzero(h->auth, strlen(h->auth));
	}
	hub_cache_done(&h->cache);
	buf_done(&h->url);
	buf_done(&h->reply);
	buf_done(&h->x.reply);
	free(h->dataset);
	free(h->split);
	free(h->config);
	free(h->note);
	free(h->base);
	free(h->token);
	free(h->auth);
	free(h);
}

/* Tells one of those who wait. */
static void tell(struct hub *h, struct hub_wait *w, const struct err *why, const char *note)
{
	static unsigned long leases;
	struct err err;
	char *path = NULL;

	if (why == NULL) {
		path = mem_printf("%s/" HUB_LEASE "%lu", h->cache.dir, ++leases);
		unlink(path);
		if (hub_cache_lease(&h->cache, h->part.revision, path, &err) < 0)
			why = &err;
	}
	w->done(w->data, why == NULL ? path : NULL, why == NULL ? note : NULL, why);
	free(path);
	free(w);
}

/* It is over, well or (why) not: out of the list first, for a callback may ask for the same again. */
static void finish(struct hub *h, const struct err *why)
{
	struct hub **at = &h->e->hubs;
	struct buf note = { 0 };

	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	if (h->note != NULL)
		buf_printf(&note, "%s: %s", h->dataset, h->note);
	if (h->part.partial)
		buf_printf(&note, "%s%s: the hub has converted only a part of it (partial); rows are missing",
		           note.len > 0 ? "; " : "", h->dataset);
	while (h->waits != NULL) {
		struct hub_wait *w = h->waits;

		h->waits = w->next;
		tell(h, w, why, note.len > 0 ? buf_str(&note) : NULL);
	}
	buf_done(&note);
	hub_free(h);
}

__attribute__((format(printf, 3, 4)))
static void fail(struct hub *h, int code, const char *fmt, ...)
{
	struct err err;
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	err_set(&err, code, "%.200s: %s", h->dataset, text);
	finish(h, &err);
}

/* Not now.  Waits, if that is worth it. */
static void trouble(struct hub *h, int64_t asked_ms, const char *why)
{
	int64_t now = now_ms(h->e), wait;

	if (h->since_ms == 0)
		h->since_ms = now;
	wait = wait_asked_ms(h->tries, WAIT_LEAST_MS, WAIT_MOST_MS, (uint64_t)h->tries, asked_ms);
	if (now + wait - h->since_ms > h->patience_ms) {
		if (asked_ms > h->patience_ms)
			fail(h, BD_ENET, "%s; it asks to wait %lld s, so submit again then (what was fetched is kept)", why,
			     (long long)asked_ms / 1000);
		else
			fail(h, BD_ENET, "%s; given up after %lld s. Submit again later: what was fetched is kept", why,
			     (long long)(now - h->since_ms) / 1000);
		return;
	}
	h->next_ms = now + wait;
	if (h->tries++ == 0)
		engine_event(h->e, 0, 0, "warning", "%.200s from the hub: %s; again in %.1f s", h->dataset, why, (double)wait / 1000);
	else
		log_info("%s from the hub: %s; again in %.1f s", h->dataset, why, (double)wait / 1000);
	h->e->env.wake(h->e->env.data);
}

static void calm(struct hub *h)
{
	h->tries = 0;
	h->since_ms = h->next_ms = 0;
}

/* Rows of another revision came: from the first one again. */
static void restart(struct hub *h, const char *why)
{
	if (++h->restarts > RESTARTS_MOST) {
		fail(h, BD_ENET, "the data set changes while it is read (%s); submit again later", why);
		return;
	}
	engine_event(h->e, 0, 0, "notice", "%.200s from the hub: begun again, for %s", h->dataset, why);
	h->part = (struct hub_part){ .total = -1 };
	h->length = PAGE_ROWS;
	if (h->restarts > 1)
		h->next_ms = now_ms(h->e) + wait_ms(h->restarts - 2, WAIT_LEAST_MS, WAIT_MOST_MS, 0);
	h->e->env.wake(h->e->env.data);
}

/* --- the worker ----------------------------------------------------------------------------------------- */

static void on_work(struct task *t)
{
	struct hub *h = AROUND(struct hub, task, t);
	struct buf rows = { 0 };
	struct mem_room room;
	struct hub_page page;

	/* a page's rows are no longer than the page */
	h->rc = mem_room_open(&room, TASK_ROOM + 3 * h->reply.len, &h->err);
	if (h->rc == 0 && h->state == HUB_ROWS) {
		h->rc = hub_page_read(buf_span(&h->reply), h->part.rows, h->part.total, &rows, &page, &h->err);
		if (h->rc == 0) {
			if (h->part.rows == 0)
				snprintf(h->part.revision, sizeof h->part.revision, "%s", h->revision);
			h->rc = hub_cache_append(&h->cache, &h->part, buf_span(&rows), &page, &h->err);
		}
	}
	if (h->rc == 0 && h->part.rows == h->part.total)
		h->rc = hub_cache_finish(&h->cache, &h->part, &h->err);
	buf_done(&rows);
	buf_done(&h->reply);
	h->rc = mem_room_close(&room, h->rc, &h->err);
}

static void on_worked(struct task *t)
{
	struct hub *h = AROUND(struct hub, task, t);

	h->working = false;
	if (h->rc == BD_ESTATE) {
		restart(h, h->err.msg);
	} else if (h->rc == BD_ENET || h->rc == BD_ENOMEM) {
		trouble(h, -1, h->err.msg);
	} else if (h->rc < 0) {
		fail(h, h->rc, "%s", h->err.msg);
	} else if (h->part.rows == h->part.total) {
		engine_event(h->e, 0, 0, "notice", "%.200s from the hub: %lld rows of %.100s, revision %s", h->dataset,
		             (long long)h->part.rows, h->split, h->part.revision[0] != '\0' ? h->part.revision : "unknown");
		finish(h, NULL);
	} else {
		calm(h);
		/* a smaller page is left where a whole one begins again */
		while (h->length < PAGE_ROWS && h->part.rows % (h->length * 10) == 0)
			h->length *= 10;
	}
}

static void work(struct hub *h)
{
	h->working = true;
	h->task.run = on_work;
	h->task.done = on_worked;
	task_start(h->e, NULL, &h->task);
}

/* --- replies ----------------------------------------------------------------------------------------------- */

static void on_splits(struct hub *h)
{
	struct err err;
	int rc = hub_splits_read(buf_span(&h->x.reply), h->split, &h->config, &h->note, &err);

	if (rc == BD_ENET) {
		trouble(h, -1, err.msg);
		return;
	}
	if (rc == 0)
		rc = hub_cache_open(&h->cache, h->e->env.state_dir, h->dataset, h->config, h->split, &err);
	if (rc < 0) {
		fail(h, rc, "%s", err.msg);
		return;
	}
	calm(h);
	if (hub_cache_has(&h->cache, h->x.revision, &h->part)) {
		finish(h, NULL);
		return;
	}
	hub_cache_resume(&h->cache, &h->part);
	if (h->x.revision[0] != '\0' && strcmp(h->part.revision, h->x.revision) != 0)
		h->part = (struct hub_part){ .total = -1 };
	if (h->part.rows > 0)
		log_info("%s from the hub: going on at row %lld", h->dataset, (long long)h->part.rows);
	h->state = h->part.rows == h->part.total ? HUB_LAST : HUB_ROWS;
}

static void on_page(struct hub *h)
{
	struct hub_part have;

	if (h->part.rows > 0 && strcmp(h->part.revision, h->x.revision) != 0) {
		char why[200];

		snprintf(why, sizeof why, "its revision was %s and is %s", h->part.revision[0] != '\0' ? h->part.revision : "unknown",
		         h->x.revision[0] != '\0' ? h->x.revision : "unknown");
		restart(h, why);
	} else if (h->part.rows == 0 && hub_cache_has(&h->cache, h->x.revision, &have)) {
		h->part = have;
		finish(h, NULL);
	} else {
		snprintf(h->revision, sizeof h->revision, "%s", h->x.revision);
		buf_done(&h->reply);
		h->reply = h->x.reply;
		h->x.reply = (struct buf){ 0 };
		work(h);
	}
}

static void on_status(struct hub *h)
{
	int status = h->x.net == NET_OK ? h->x.status : 0;
	char why[300];

	hub_words(&h->x, h->token, why, sizeof why);
	if (h->state == HUB_ROWS && hub_too_big(&h->x)) {
		if (h->length > 1) {
			h->length /= 10;
			h->e->env.wake(h->e->env.data);
		} else {
			fail(h, BD_EINVALID, "row %lld is too big for the hub to give (%s); get the data set as files and submit it as JSONL",
			     (long long)h->part.rows, why);
		}
	} else if (status == 0 || status == 408 || status == 429 || (status >= 500 && status != 501)) {
		trouble(h, h->x.retry_after_ms, why);
	} else if (status == 401 || status == 403 || status == 404) {
		fail(h, BD_EINVALID, "no such data set on the hub, or it is private: %s (%s)",
		     h->token == NULL ? "set HF_TOKEN in batchd's environment, or hub_token_file" :
		     h->x.foreign ? "the hub led to another host, which gets no token" : "the token of batchd may not read it", why);
	} else {
		fail(h, BD_EINVALID, "the hub does not give it: %s", why);
	}
}

/* --- asking ------------------------------------------------------------------------------------------------ */

static void ask(struct hub *h)
{
	struct exchange *x = &h->x;

	buf_reset(&h->url);
	buf_printf(&h->url, "%s/%s?dataset=", h->base, h->state == HUB_SPLITS ? "splits" : "rows");
	hub_url_encode(&h->url, h->dataset);
	if (h->state == HUB_ROWS) {
		buf_add_str(&h->url, "&config=");
		hub_url_encode(&h->url, h->config);
		buf_add_str(&h->url, "&split=");
		hub_url_encode(&h->url, h->split);
		buf_printf(&h->url, "&offset=%lld&length=%lld", (long long)h->part.rows, (long long)h->length);
	}
	buf_done(&x->reply);
	*x = (struct exchange){ .method = "GET", .url = buf_str(&h->url), .headers = h->headers, .sink_fd = -1,
		.max_reply = h->state == HUB_SPLITS ? SPLITS_MAX : PAGE_MAX, .secret = h->token, .done = on_reply, .data = h };
	h->headers[0] = "Accept: application/json";
	h->headers[1] = h->auth;
	h->calling = true;
	h->e->env.transport->start(h->e->env.transport, x);
}

static void hub_tick(struct hub *h)
{
	if (h->calling || h->working)
		return;                         /* until on_reply, on_worked */
	if (h->e->draining)
		fail(h, BD_ENET, "batchd is stopping; submit again when it is back (what was fetched is kept)");
	else if (now_ms(h->e) < h->next_ms)
		return;                         /* until next_ms */
	else if (h->state == HUB_LAST)
		work(h);
	else
		ask(h);
}

static bool hub_is(const struct hub *h, const struct engine *e, const char *dataset, const char *split)
{
	const char *token = e->env.config->hub_token;

	return strcmp(h->dataset, dataset) == 0 && strcmp(h->split, split) == 0 &&
	       strcmp(h->base, e->env.config->hub_url) == 0 && (token == NULL) == (h->token == NULL) &&
	       (token == NULL || strcmp(token, h->token) == 0);
}

static struct hub *hub_new(struct engine *e, const char *dataset, const char *split)
{
	const struct config *cfg = e->env.config;
	struct hub *h = MEM_NEW(struct hub);

	h->e = e;
	h->dataset = mem_strdup(dataset);
	h->split = mem_strdup(split);
	h->base = mem_strdup(cfg->hub_url);
	h->token = cfg->hub_token != NULL ? mem_strdup(cfg->hub_token) : NULL;
	h->auth = h->token != NULL ? mem_printf("Authorization: Bearer %s", h->token) : NULL;
	h->patience_ms = cfg->hub_wait_ms;
	h->part.total = -1;
	h->length = PAGE_ROWS;
	h->next = e->hubs;
	e->hubs = h;
	return h;
}

int engine_hub_fetch(struct engine *e, const char *dataset, const char *split, hub_fn done, void *data, struct err *err)
{
	struct hub *h = e->hubs;

	if (e->draining)
		return err_set(err, BD_ENET, "batchd is stopping; submit again when it is back");
	if (!engine_is_hub_name(dataset))
		return err_set(err, BD_EINVALID, "%.200s is no hub name (owner/name)", dataset);
	if (strlen(split) > SPLIT_MAX || split[0] == '\0')
		return err_set(err, BD_EINVALID, "--split %.60s: no split has such a name", split);
	while (h != NULL && !hub_is(h, e, dataset, split))
		h = h->next;
	if (h == NULL)
		h = hub_new(e, dataset, split);
	struct hub_wait *w = MEM_NEW(struct hub_wait), **end = &h->waits;
	w->done = done;
	w->data = data;
	while (*end != NULL)
		end = &(*end)->next;
	*end = w;
	e->env.wake(e->env.data);
	return 0;
}

/* --- for engine.c ------------------------------------------------------------------------------------------ */

void hubs_tick(struct engine *e)
{
	for (struct hub *h = e->hubs, *next; h != NULL; h = next) {
		next = h->next;
		hub_tick(h);
	}
}

int64_t hubs_due_ms(const struct engine *e)
{
	int64_t due = INT64_MAX;

	for (const struct hub *h = e->hubs; h != NULL; h = h->next)
		if (!h->calling && !h->working && h->next_ms < due)
			due = h->next_ms;
	return due;
}

bool hubs_busy(const struct engine *e)
{
	return e->hubs != NULL;
}

void hubs_stop(struct engine *e)
{
	for (struct hub *h = e->hubs; h != NULL; h = h->next)
		if (h->calling)
			e->env.transport->cancel(e->env.transport, &h->x);
	hubs_tick(e);
}

void hubs_close(struct engine *e)
{
	struct err err;

	err_set(&err, BD_ENET, "batchd is stopping; submit again when it is back");
	while (e->hubs != NULL) {
		struct hub *h = e->hubs;

		e->hubs = h->next;
		while (h->waits != NULL) {
			struct hub_wait *w = h->waits;

			h->waits = w->next;
			tell(h, w, &err, NULL);
		}
		if (h->calling) {
			h->e = NULL;
			e->env.transport->cancel(e->env.transport, &h->x);
		} else if (!h->working) {       /* else a worker still has it, and the process is about to end */
			hub_free(h);
		}
	}
}

static void on_reply(struct exchange *x)
{
	struct hub *h = x->data;
	struct engine *e = h->e;

	h->calling = false;
	if (e == NULL) {
		hub_free(h);
		return;
	}
	if (e->draining || x->net == NET_CANCELED)
		fail(h, BD_ENET, "batchd is stopping; submit again when it is back (what was fetched is kept)");
	else if (x->net != NET_OK || x->status != 200)
		on_status(h);
	else if (h->state == HUB_SPLITS)
		on_splits(h);
	else
		on_page(h);
	engine_tick(e);
}
