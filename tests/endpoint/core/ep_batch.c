/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "ep_int.h"
#include "mem.h"

void batch_free(struct ep_batch *b)
{
	if (b == NULL)
		return;
	free(b->id);
	free(b->input_file_id);
	free(b->output_file_id);
	free(b->error_file_id);
	free(b->endpoint);
	free(b->window);
	free(b->metadata);
	free(b->key);
	free(b->stage);
	free(b->idempotency_key);
	free(b->model);
	free(b->errors);
	free(b);
}

void batch_keep(struct ep *ep, struct ep_batch *b)
{
	if (ep->nbatches == ep->batches_cap) {
		ep->batches_cap = ep->batches_cap > 0 ? 2 * ep->batches_cap : 64;
		ep->batches = mem_grow(ep->batches, ep->batches_cap, sizeof(struct ep_batch *));
	}
	ep->batches[ep->nbatches++] = b;
}

struct ep_batch *batch_find(struct ep *ep, const char *id)
{
	for (size_t i = ep->nbatches; i-- > 0;) {
		if (strcmp(ep->batches[i]->id, id) == 0)
			return ep->batches[i];
	}
	return NULL;
}

bool batch_hidden(const struct ep *ep, const struct ep_batch *b)
{
	struct ep_fault *f = fault_for_batch(ep, b, DO_HIDDEN), *gone = fault_for_batch(ep, b, DO_VANISH);
	int64_t polls = b->polls + b->lists;

	return (f != NULL && polls <= fault_int(f, "polls", 0)) ||
	       (gone != NULL && (fault_int(gone, "polls", 0) == 0 || polls > fault_int(gone, "polls", 0)));
}

static bool metadata_fits(const struct json *metadata)
{
	size_t n = 0;

	if (json_is_null(metadata))
		return true;
	if (!json_is_obj(metadata))
		return false;
	for (const struct json *m = json_first(metadata); m != NULL; m = json_next(m)) {
		const char *text = json_str(m);

		if (++n > 16 || text == NULL || strlen(text) > 512 || strlen(json_name(m)) > 64)
			return false;
	}
	return true;
}

static const char *const endpoints[] = {
	"/v1/responses", "/v1/chat/completions", "/v1/embeddings", "/v1/completions", "/v1/moderations",
	"/v4/chat/completions", "/chat/completions", "/v1/chat/ds-test",
};

/* Whether the body of a create would pass; else the reply says why not. */
static bool create_fits(struct ep_ctx *c, const struct json *body)
{
	static const char *const needed[] = { "input_file_id", "endpoint", "completion_window" };
	const char *endpoint, *window;
	size_t i;

	for (i = 0; i < sizeof needed / sizeof needed[0]; i++) {
		if (json_get_str(body, needed[i]) == NULL) {
			reply_error(c->reply, 400, "missing_required_parameter", needed[i],
			            "Missing required parameter: '%s'.", needed[i]);
			return false;
		}
	}
	endpoint = json_get_str(body, "endpoint");
	for (i = 0; i < sizeof endpoints / sizeof endpoints[0] && strcmp(endpoint, endpoints[i]) != 0; i++)
		;
	if (i == sizeof endpoints / sizeof endpoints[0]) {
		reply_error(c->reply, 400, "invalid_value", "endpoint", "Invalid value: '%s'.", endpoint);
		return false;
	}
	window = json_get_str(body, "completion_window");
	if (strcmp(window, "24h") != 0 && fault_option(c->ep, DO_O_WINDOW) == NULL) {
		reply_error(c->reply, 400, "invalid_value", "completion_window",
		            "Invalid value: '%s'. Value must be '24h'.", window);
		return false;
	}
	if (!metadata_fits(json_get(body, "metadata"))) {
		reply_error(c->reply, 400, "invalid_type", "metadata",
		            "metadata: at most 16 texts of 512 bytes under names of 64.");
		return false;
	}
	return true;
}

static char *text_or_null(const char *text)
{
	return text != NULL ? mem_strdup(text) : NULL;
}

static struct ep_batch *batch_make(struct ep_ctx *c, const struct json *body)
{
	const struct json *metadata = json_get(body, "metadata");
	const char *key = json_get_str(metadata, "batchd_key"), *stage = json_get_str(metadata, "batchd_stage");
	struct ep_batch *b = MEM_NEW(struct ep_batch);
	struct buf text = { 0 };

	b->serial = ++c->ep->last_batch;
	b->id = ep_make_id(c->ep, "batch_", b->serial);
	b->input_file_id = mem_strdup(json_get_str(body, "input_file_id"));
	b->endpoint = mem_strdup(json_get_str(body, "endpoint"));
	b->window = mem_strdup(json_get_str(body, "completion_window"));
	if (!json_is_null(metadata)) {
		json_print(metadata, &text);
		b->metadata = buf_take_str(&text);
	}
	b->key = mem_strdup(key != NULL ? key : "");
	b->stage = mem_strdup(stage != NULL ? stage : "1");
	b->idempotency_key = text_or_null(c->req->idempotency_key);
	b->at_ms[ST_VALIDATING] = c->now_ms;
	return b;
}

/* The batch that was made under the same Idempotency-Key, where the plan says those count. */
static struct ep_batch *same_key(const struct ep_ctx *c)
{
	const struct ep_fault *f = fault_option(c->ep, DO_O_IDEMPOTENCY);

	if (f == NULL || !fault_bool(f, "value", true) || c->req->idempotency_key == NULL)
		return NULL;
	for (size_t i = 0; i < c->ep->nbatches; i++) {
		struct ep_batch *b = c->ep->batches[i];

		if (b->idempotency_key != NULL && strcmp(b->idempotency_key, c->req->idempotency_key) == 0)
			return b;
	}
	return NULL;
}

void call_create(struct ep_ctx *c)
{
	struct json *body;
	struct ep_file *file;
	struct err err;

	if (json_parse(c->req->body.at, c->req->body.len, &body, &err) < 0) {
		reply_error(c->reply, 400, NULL, NULL, "We could not parse the JSON body of your request: %s", err.msg);
		return;
	}
	if (!create_fits(c, body))
		goto out;
	file = file_find(c->ep, json_get_str(body, "input_file_id"));
	if (file != NULL)
		file->polls++;
	if (file == NULL || file_hidden(c->ep, file)) {
		reply_error(c->reply, 404, NULL, "input_file_id", "Input file not found: %s",
		            json_get_str(body, "input_file_id"));
		goto out;
	}
	c->batch = same_key(c);
	if (c->batch == NULL) {
		c->batch = batch_make(c, body);
		batch_keep(c->ep, c->batch);
		state_put_batch(c->ep, c->batch);
		file->batch = c->batch->serial;
	}
	struct jw w = reply_json(c->reply, 200);

	batch_write(c->ep, c->batch, c->now_ms, &w);
out:
	json_free(body);
}

/* The batch of the call, unless it is not (yet, any more) to be seen. */
static bool batch_there(struct ep_ctx *c)
{
	if (c->batch != NULL && c->kind == KIND_BATCH_GET) {
		c->batch->polls++;
		if (status_terminal(c->batch->status))
			c->batch->done_polls++;
	}
	if (c->batch != NULL && !batch_hidden(c->ep, c->batch))
		return true;
	reply_error(c->reply, 404, NULL, NULL, "No batch found with id '%s'.", c->id);
	return false;
}

void call_batch_get(struct ep_ctx *c)
{
	if (!batch_there(c))
		return;
	struct jw w = reply_json(c->reply, 200);

	batch_write(c->ep, c->batch, c->now_ms, &w);
}

void call_cancel(struct ep_ctx *c)
{
	if (!batch_there(c))
		return;
	if (status_terminal(c->batch->status)) {
		reply_error(c->reply, 409, NULL, NULL, "Cannot cancel a batch with status '%s'.",
		            ep_status_words[c->batch->status]);
		return;
	}
	if (c->batch->status != ST_CANCELLING) {
		c->batch->status = ST_CANCELLING;
		c->batch->at_ms[ST_CANCELLING] = c->now_ms;
		state_put_batch(c->ep, c->batch);
	}
	struct jw w = reply_json(c->reply, 200);

	batch_write(c->ep, c->batch, c->now_ms, &w);
}

static bool batch_listed(struct ep_ctx *c, struct ep_batch *b)
{
	b->lists++;
	if (status_terminal(b->status))
		b->done_polls++;
	return !batch_hidden(c->ep, b) &&
	       (c->fault == NULL || c->fault->what != DO_LAG || b->lists > fault_int(c->fault, "polls", 0));
}

/* Where the list goes on: how many of the newest are behind us; false if the cursor is not to be used. */
static bool list_start(struct ep_ctx *c, const char *after, size_t *ret_skip)
{
	struct ep_batch *b;
	char *end;

	*ret_skip = 0;
	if (after == NULL || (c->fault != NULL && c->fault->what == DO_LOOP))
		return true;
	if (c->fault != NULL && c->fault->what == DO_INT_AFTER) {
		*ret_skip = strtoul(after, &end, 10);
		if (*end == '\0' && end != after)
			return true;
		reply_error(c->reply, 400, "invalid_request", "after", "after must be an integer");
		return false;
	}
	b = batch_find(c->ep, after);
	if (b == NULL) {
		reply_error(c->reply, 404, NULL, "after", "No batch found with id '%s'.", after);
		return false;
	}
	*ret_skip = c->ep->nbatches - (size_t)b->serial + 1;
	return true;
}

static void list_write(struct ep_ctx *c, size_t skip, int64_t limit)
{
	bool bare = c->fault != NULL && c->fault->what == DO_BARE, loop = c->fault != NULL && c->fault->what == DO_LOOP;
	const struct ep_batch *first = NULL, *last = NULL;
	struct jw w = reply_json(c->reply, 200);
	bool more = false;
	int64_t n = 0;

	if (!bare) {
		jw_obj(&w);
		jw_put_str(&w, "object", "list");
		jw_name(&w, "data");
	}
	jw_list(&w);
	for (size_t i = c->ep->nbatches > skip ? c->ep->nbatches - skip : 0; i-- > 0;) {
		struct ep_batch *b = c->ep->batches[i];

		if (n == limit && !bare) {
			more = true;
			break;
		}
		if (!batch_listed(c, b))
			continue;
		batch_write(c->ep, b, c->now_ms, &w);
		first = first != NULL ? first : b;
		last = b;
		n++;
	}
	jw_list_end(&w);
	if (bare)
		return;
	jw_put_str(&w, "first_id", first != NULL ? first->id : NULL);
	jw_put_str(&w, "last_id", last != NULL ? last->id : NULL);
	jw_put_bool(&w, "has_more", more || loop);
	jw_obj_end(&w);
}

void call_batch_list(struct ep_ctx *c)
{
	char *after = query_get(c->req->path, "after"), *limit_text = query_get(c->req->path, "limit");
	int64_t limit = limit_text != NULL ? strtoll(limit_text, NULL, 10) : 20;
	size_t skip;

	if (limit < 1 || limit > 100)
		reply_error(c->reply, 400, "invalid_value", "limit", "limit must be between 1 and 100");
	else if (list_start(c, after, &skip))
		list_write(c, skip, limit);
	free(after);
	free(limit_text);
}
