/* SPDX-License-Identifier: MIT */
#include "batchapi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "api_int.h"
#include "classify.h"
#include "http_text.h"
#include "mem.h"

/*
 * One endpoint, and what happens to a call: call_new() .. call_start() -> on_done() ->
 * call_read() makes objects out of the reply, classify() the verdict, call_tell() the callback.
 */

int api_new(const struct api_config *config, struct transport *transport, struct api **ret, struct err *err)
{
	const struct dialect *dialect;
	struct api *api;
	size_t len;

	if (strncasecmp(config->base_url, "https://", 8) != 0 && strncasecmp(config->base_url, "http://", 7) != 0)
		return err_set(err, BD_EINVALID, "endpoint %s: base_url must begin with https:// or http://", config->name);
	if (config->key != NULL && strpbrk(config->key, "\r\n") != NULL)
		return err_set(err, BD_EINVALID, "endpoint %s: the key has a line break in it", config->name);
	if (config->dialect == NULL || config->dialect[0] == '\0')
		dialect = dialect_guess(config->base_url);
	else
		dialect = dialect_named(config->dialect);
	if (dialect == NULL)
		return err_set(err, BD_EINVALID, "endpoint %s: %s is no dialect", config->name, config->dialect);

	api = MEM_NEW(struct api);
	api->dialect = dialect;
	api->transport = transport;
	api->purpose = mem_strdup(config->purpose != NULL ? config->purpose : dialect->purpose);
	len = strcspn(config->base_url, "?#");
	if (config->base_url[len] == '?')
		api->query = mem_strdup(config->base_url + len + 1);
	while (len > 0 && config->base_url[len - 1] == '/')
		len--;
	api->base = mem_strndup(config->base_url, len);
	if (config->key != NULL && config->key[0] != '\0') {
		api->key = mem_strdup(config->key);
		api->auth = mem_printf(dialect->auth == API_KEY ? "api-key: %s" : "Authorization: Bearer %s", api->key);
	}
	api->connect_ms = config->connect_ms;
	api->stall_ms = config->stall_ms;
	*ret = api;
	return 0;
}

static void free_secret(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

void api_free(struct api *api)
{
	if (api == NULL)
		return;
	free_secret(api->key);
	free_secret(api->auth);
	free(api->purpose);
	free(api->query);
	free(api->base);
	free(api);
}

void api_cut_secret(const struct api *api, char *text)
{
	http_cut_secret(text, api->key);
}

const char *api_dialect(const struct api *api)
{
	return api->dialect->name;
}

const struct api_limits *api_limits(const struct api *api)
{
	return &api->dialect->limits;
}

/* --- building a call ---------------------------------------------------------------------- */

static void on_done(struct exchange *x);

struct api_call *call_new(struct api *api, enum call_kind kind, const char *method, void *data)
{
	struct api_call *call = MEM_NEW(struct api_call);

	call->api = api;
	call->kind = kind;
	call->data = data;
	call->x.method = method;
	call->x.sink_fd = -1;
	call->x.connect_ms = api->connect_ms;
	call->x.stall_ms = api->stall_ms;
	call->x.secret = api->key;
	call->x.done = on_done;
	call->x.data = call;
	call->x.headers = call->headers;
	if (api->auth != NULL)
		call_header(call, api->auth);
	if (kind != CALL_CONTENT)
		call_header(call, "Accept: application/json");
	return call;
}

void call_header(struct api_call *call, const char *line)
{
	call->headers[call->n_headers++] = line;
}

void url_escape(struct buf *out, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *text != '\0'; text++) {
		unsigned char ch = (unsigned char)*text;

		if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9')
		    || strchr("-._~", ch) != NULL) {
			buf_add_char(out, *text);
		} else {
			buf_add_char(out, '%');
			buf_add_char(out, hex[ch >> 4]);
			buf_add_char(out, hex[ch & 15]);
		}
	}
}

void call_url(struct api_call *call, const char *path, const char *id, const char *behind)
{
	buf_add_str(&call->url, call->api->base);
	buf_add_str(&call->url, path);
	if (id != NULL) {
		buf_add_char(&call->url, '/');
		/* "." and ".." would walk up the path */
		if (id[0] == '.' && strspn(id, ".") == strlen(id))
			for (const char *p = id; *p != '\0'; p++)
				buf_add_str(&call->url, "%2E");
		else
			url_escape(&call->url, id);
	}
	buf_add_str(&call->url, behind);
	if (call->api->query != NULL)
		buf_printf(&call->url, "?%s", call->api->query);
}

void call_query(struct api_call *call, const char *name, const char *value)
{
	bool first = strchr(buf_str(&call->url), '?') == NULL;

	buf_printf(&call->url, "%c%s=", first ? '?' : '&', name);
	url_escape(&call->url, value);
}

struct api_call *call_start(struct api_call *call)
{
	struct api *api = call->api;

	call->x.url = buf_str(&call->url);
	call->x.body = buf_span(&call->body);
	api->transport->start(api->transport, &call->x);
	return call;
}

void api_call_cancel(struct api_call *call)
{
	call->api->transport->cancel(call->api->transport, &call->x);
}

static void call_free(struct api_call *call)
{
	buf_done(&call->x.reply);
	buf_done(&call->url);
	buf_done(&call->body);
	free(call->idempotency);
	free(call->path);
	free(call->filename);
	free(call->after);
	free(call);
}

/* --- reading a reply ------------------------------------------------------------------------ */

/* What came of a reply; texts live in the tree and the pool. */
struct got {
	struct json *tree;
	struct pool pool;
	struct remote_file *files;
	struct remote_batch *batches;
	size_t n;
	char *next;                     /* owned */
	int64_t bytes;
	bool whole;
};

static bool got_list(struct api_call *call, struct got *got)
{
	const struct json *list = object_list(got->tree);
	size_t max = json_count(list), all = 0;
	bool met = false;
	const char *last = "";

	if (list == NULL)
		return false;
	if (call->kind == CALL_FILES)
		got->files = mem_try_zero(max + 1, sizeof *got->files);
	else
		got->batches = mem_try_zero(max + 1, sizeof *got->batches);
	if (got->files == NULL && got->batches == NULL)
		return false;
	for (const struct json *i = json_first(list); i != NULL; i = json_next(i), all++) {
		bool files = call->kind == CALL_FILES;
		const char *id;

		if (!(files ? object_file(i, &got->pool, &got->files[got->n])
		            : object_batch(i, &got->pool, &got->batches[got->n])))
			continue;
		id = files ? got->files[got->n].id : got->batches[got->n].id;
		met = met || (call->after != NULL && strcmp(id, call->after) == 0);
		last = id;
		got->n++;
	}
	/* more pages, unless the endpoint says no, or its cursor stands still */
	if (call->page == 0 || all == 0 || met || (call->kind == CALL_BATCHES && json_is_list(got->tree)))
		return true;
	if (object_has_more(got->tree) == 0 || (object_has_more(got->tree) < 0 && all < (size_t)call->page))
		return true;
	free(got->next);
	if (call->kind == CALL_BATCHES && (call->api->dialect->flags & INT_CURSOR))
		got->next = mem_printf("%lld", atoll(call->after != NULL ? call->after : "0") + (long long)all);
	else
		got->next = mem_strdup(last);
	return true;
}

/* A file's bytes.  A page for people is not a file: start over.  416: there is nothing behind what we have. */
static bool got_content(struct api_call *call, struct got *got)
{
	struct exchange *x = &call->x;

	got->bytes = x->sunk;
	if (x->status == 416 && x->net == NET_OK) {
		if (x->total >= 0 && x->total == x->sink_off) {
			got->whole = true;
			return true;
		}
		got->bytes = 0;
		x->status = 0;                  /* not for good: from 0 on it will do */
		return false;
	}
	if (x->net != NET_OK || (x->status != 200 && x->status != 206))
		return false;
	if (strncasecmp(x->content_type, "text/html", 9) == 0) {
		got->bytes = 0;
		snprintf(x->err, sizeof x->err, "a web page instead of the file");
		return false;
	}
	got->whole = !x->incomplete && (x->total < 0 || x->sunk >= x->total);
	return true;
}

/* Could it be read?  (Without memory it cannot: the verdict is then that of a reply that never came.) */
static bool call_read(struct api_call *call, struct got *got)
{
	struct exchange *x = &call->x;

	got->next = mem_strdup("");
	if (call->kind == CALL_CONTENT)
		return got_content(call, got);
	/* gone already is as good as deleted */
	if (call->kind == CALL_DELETE && x->net == NET_OK && (x->status == 404 || x->status == 204))
		return true;
	if (x->net != NET_OK || x->status < 200 || x->status > 299)
		return false;
	if (x->reply.len == 0 || json_parse(x->reply.at, x->reply.len, &got->tree, NULL) < 0)
		return false;
	got->n = 1;
	switch (call->kind) {
	case CALL_FILE:
		got->files = MEM_NEW(struct remote_file);
		return object_file(got->tree, &got->pool, got->files);
	case CALL_BATCH:
		got->batches = MEM_NEW(struct remote_batch);
		return object_batch(got->tree, &got->pool, got->batches);
	case CALL_DELETE:
		return object_deleted(got->tree);
	case CALL_FILES:
	case CALL_BATCHES:
		got->n = 0;
		return got_list(call, got);
	case CALL_CONTENT:
		break;
	}
	return false;
}

static void call_tell(struct api_call *call, const struct api_result *res, const struct got *got)
{
	bool ok = res->verdict == API_DONE;

	switch (call->kind) {
	case CALL_FILE:
		call->fn.file(call->data, res, ok ? got->files : NULL);
		break;
	case CALL_BATCH:
		call->fn.batch(call->data, res, ok ? got->batches : NULL);
		break;
	case CALL_DELETE:
		call->fn.done(call->data, res);
		break;
	case CALL_CONTENT:
		call->fn.content(call->data, res, got->bytes, ok && got->whole);
		break;
	case CALL_FILES:
		call->fn.files(call->data, res, ok ? got->files : NULL, ok ? got->n : 0, ok ? got->next : "");
		break;
	case CALL_BATCHES:
		call->fn.batches(call->data, res, ok ? got->batches : NULL, ok ? got->n : 0, ok ? got->next : "");
		break;
	}
}

static void on_done(struct exchange *x)
{
	struct api_call *call = x->data;
	bool write = strcmp(x->method, "GET") != 0;
	struct got got = { 0 };
	struct api_result res;
	bool usable = call_read(call, &got) && !got.pool.lacks;

	x->foreign = x->foreign || call->elsewhere;
	classify(x, write, usable, call->api->key, &res);
	call_tell(call, &res, &got);
	json_free(got.tree);
	pool_done(&got.pool);
	free(got.files);
	free(got.batches);
	free(got.next);
	call_free(call);
}
