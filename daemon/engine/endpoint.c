/* SPDX-License-Identifier: MIT */
/*
 * Endpoints: who may send to them now.
 *
 * An endpoint is open, held for a moment (it said 429), or parked (401, 402, 403, quota): then nothing is asked of it,
 * passes keep their attempts, and one call now and then finds out whether it is open again.  Was it an upload or a create
 * that was refused, only new ones are held, and what runs is still looked at and brought home.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_int.h"
#include "mem.h"
#include "retry.h"

enum { PROBE_LEAST_MS = 60000, PROBE_MOST_MS = 3600000, HOLD_LEAST_MS = 1000, HOLD_MOST_MS = 300000 };

/* A request file that takes nine tenths of so many tokens, since the estimate is rough. */
static int64_t bytes_of_tokens(int64_t tokens)
{
	return tokens / 10 * 9 * TOKEN_BYTES;
}

static int endpoint_new(struct engine *e, const struct endpoint_config *cfg, struct endpoint **ret, struct err *err)
{
	struct endpoint *ep = MEM_NEW(struct endpoint);
	struct api_config ac = { .name = cfg->name, .base_url = cfg->base_url, .key = cfg->key,
		.dialect = cfg->dialect, .purpose = cfg->purpose, .connect_ms = cfg->connect_ms, .stall_ms = cfg->stall_ms };

	int rc = api_new(&ac, e->env.transport, &ep->api, err);
	if (rc == 0)
		rc = endpoint_get(e->db, cfg->name, &ep->row, err);
	if (rc < 0) {
		api_free(ep->api);
		free(ep);
		return rc;
	}
	ep->e = e;
	ep->cfg = cfg;
	ep->name = mem_strdup(cfg->name);
	if (ep->row.token_limit > 0)
		ep->max_bytes = bytes_of_tokens(ep->row.token_limit);
	if (cfg->trouble != NULL)
		text_set(&ep->row.parked, cfg->trouble);
	*ret = ep;
	return 0;
}

/* A start or a reload may bring a new key, so parked ones get a new try at once. */
int endpoints_open(struct engine *e, struct err *err)
{
	struct endpoint **end = &e->endpoints;

	for (size_t i = 0; i < e->env.config->n_endpoints; i++) {
		int rc = endpoint_new(e, &e->env.config->endpoints[i], end, err);

		if (rc < 0)
			return rc;
		(*end)->probe_ms = (*end)->cfg->trouble != NULL ? INT64_MAX : 0;
		end = &(*end)->next;
	}
	return 0;
}

void endpoints_close(struct engine *e)
{
	while (e->endpoints != NULL) {
		struct endpoint *ep = e->endpoints;

		e->endpoints = ep->next;
		api_free(ep->api);
		free(ep->row.parked);
		free(ep->name);
		free(ep);
	}
}

struct endpoint *endpoint_find(struct engine *e, const char *name)
{
	for (struct endpoint *ep = e->endpoints; ep != NULL; ep = ep->next)
		if (strcmp(ep->name, name) == 0)
			return ep;
	return NULL;
}

int endpoint_active(struct endpoint *ep)
{
	int n = 0;

	for (struct batch *b = ep->e->batches; b != NULL; b = b->next)
		n += b->endpoint == ep && b->row.state >= BATCH_UPLOADING && b->row.state <= BATCH_RUNNING;
	return n;
}

static bool is_new_work(const struct batch *b)
{
	return b->row.state >= BATCH_BUILT && b->row.state <= BATCH_CREATING;
}

/* Parked: one call at a time finds out whether it is open again. */
static bool may_probe(const struct endpoint *ep)
{
	if (now_ms(ep->e) < ep->probe_ms)
		return false;
	for (const struct batch *b = ep->e->batches; b != NULL; b = b->next)
		if (b->endpoint == ep && (b->call != NULL || b->act != ACT_NONE) &&
		    (ep->parked_by == ASKED_LOOK || is_new_work(b)))
			return false;
	return true;
}

bool endpoint_may_ask(struct endpoint *ep)
{
	return ep->row.parked[0] == '\0' || ep->parked_by != ASKED_LOOK || may_probe(ep);
}

bool endpoint_open_for_new(struct endpoint *ep)
{
	return (ep->row.parked[0] == '\0' || may_probe(ep)) && now_ms(ep->e) >= ep->hold_ms;
}

bool batch_is_parked(const struct batch *b)
{
	const struct endpoint *ep = b->endpoint;

	return ep->row.parked[0] != '\0' &&
	       (ep->parked_by == ASKED_LOOK || b->row.state == BATCH_BUILT || b->row.state == BATCH_UPLOADED);
}

static void endpoint_store(struct endpoint *ep)
{
	struct err err;

	if (engine_write(ep->e))
		(void)engine_ok(ep->e, endpoint_save(ep->e->db, ep->name, &ep->row, &err), &err);
}

void endpoint_unpark(struct endpoint *ep)
{
	if (ep->row.parked[0] == '\0')
		return;
	engine_event(ep->e, 0, 0, "notice", "endpoint %s is open again", ep->name);
	text_set(&ep->row.parked, "");
	ep->row.parked_ms = 0;
	ep->park_n = 0;
	ep->parked_by = ASKED_LOOK;
	endpoint_store(ep);
}

/* But for the request's id. */
static bool same_reason(const char *a, const char *b)
{
	const char *id_a = strstr(a, " (request "), *id_b = strstr(b, " (request ");

	if (id_a == NULL || id_b == NULL)
		return strcmp(a, b) == 0;
	const char *end_a = strchr(id_a, ')'), *end_b = strchr(id_b, ')');

	return id_a - a == id_b - b && memcmp(a, b, (size_t)(id_a - a)) == 0 && end_a != NULL && end_b != NULL &&
	       strcmp(end_a, end_b) == 0;
}

static void endpoint_park(struct endpoint *ep, enum asked what, const char *reason)
{
	bool was = ep->row.parked[0] != '\0';

	ep->probe_ms = now_ms(ep->e) + wait_ms(ep->park_n++, PROBE_LEAST_MS, PROBE_MOST_MS, (uint64_t)now_ms(ep->e));
	if (!was || what < ep->parked_by)
		ep->parked_by = what;
	if (was && same_reason(ep->row.parked, reason))
		return;
	engine_event(ep->e, 0, 0, "error", "endpoint %s is parked: %s; mend it, then: batchctl resume --endpoint %s",
	             ep->name, reason, ep->name);
	text_set(&ep->row.parked, reason);
	if (!was)
		ep->row.parked_ms = now_ms(ep->e);
	endpoint_store(ep);
}

void endpoint_learn_tokens(struct endpoint *ep, int64_t limit)
{
	if (ep->row.token_limit == limit)
		return;
	engine_event(ep->e, 0, 0, "notice", "endpoint %s takes %lld enqueued tokens; batches are kept under that",
	             ep->name, (long long)limit);
	ep->row.token_limit = limit;
	ep->max_bytes = bytes_of_tokens(limit);
	endpoint_store(ep);
}

bool endpoint_tokens_fit(struct endpoint *ep, int64_t tokens)
{
	int64_t sum = tokens;

	if (ep->row.token_limit <= 0)
		return true;
	for (struct batch *b = ep->e->batches; b != NULL; b = b->next)
		if (b->endpoint == ep && (b->row.state == BATCH_CREATING || b->row.state == BATCH_RUNNING))
			sum += batch_tokens(b);
	return sum <= ep->row.token_limit || sum == tokens;
}

void endpoint_heard(struct endpoint *ep, enum asked what, const struct api_result *res)
{
	if (ep->row.parked[0] != '\0' && ep->probe_ms <= now_ms(ep->e))
		ep->probe_ms = now_ms(ep->e) + PROBE_LEAST_MS;  /* unless it says more than that it was not to be had */
	switch (res->verdict) {
	case API_ACCOUNT:
		endpoint_park(ep, what, res->reason);
		break;
	case API_AGAIN:
		if (res->status == 429)
			ep->hold_ms = now_ms(ep->e) + wait_asked_ms(0, HOLD_LEAST_MS, HOLD_MOST_MS,
			                                            (uint64_t)now_ms(ep->e), res->retry_ms);
		break;
	case API_GONE:
		if (what == ASKED_UPLOAD) {     /* nothing a file could be put to: no fault of any pass */
			char text[400];

			snprintf(text, sizeof text, "no /files there (is base_url right?): %.300s", res->reason);
			endpoint_park(ep, what, text);
			break;
		}
		/* fall through */
	case API_DONE:
	case API_REFUSED:
	case API_TOO_BIG:
		if (what >= ep->parked_by)      /* who may look need not have the money for more */
			endpoint_unpark(ep);
		break;
	case API_UNKNOWN:
	case API_LOCAL:
	case API_CANCELED:
		break;
	}
}
