/* SPDX-License-Identifier: MIT */
#include "object.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mem.h"

enum { TEXT_MOST = 16384 };

void pool_done(struct pool *pool)
{
	for (size_t i = 0; i < pool->n; i++)
		free(pool->at[i]);
	free(pool->at);
	*pool = (struct pool){ 0 };
}

/* So many bytes until pool_done(); NULL: there are none. */
static void *pool_get(struct pool *pool, size_t size)
{
	if ((pool->n & (pool->n - 1)) == 0) {
		void **at = mem_try_grow(pool->at, pool->n > 0 ? 2 * pool->n : 1, sizeof *at);

		pool->lacks = pool->lacks || at == NULL;
		if (at == NULL)
			return NULL;
		pool->at = at;
	}
	void *p = mem_try_alloc(size);
	pool->lacks = pool->lacks || p == NULL;
	if (p != NULL)
		pool->at[pool->n++] = p;
	return p;
}

static char *pool_text(struct pool *pool, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = pool_get(pool, size);

	return copy != NULL ? memcpy(copy, text, size) : NULL;
}

/* A text, or a number as text; "" for anything else, and for what is too long to be an id, a word or a URL. */
static const char *read_text(const struct json *v, struct pool *pool)
{
	const char *text = json_str(v);
	char number[24], *copy;
	int64_t n;

	if (text != NULL)
		return strnlen(text, TEXT_MOST + 1) <= TEXT_MOST ? text : "";
	if (!json_int(v, &n))
		return "";
	snprintf(number, sizeof number, "%lld", (long long)n);
	copy = pool_text(pool, number);
	return copy != NULL ? copy : "";
}

static const char *read_lower(const struct json *v, struct pool *pool)
{
	char *text = json_str(v) != NULL ? pool_text(pool, read_text(v, pool)) : NULL;

	if (text == NULL)
		return "";
	for (char *p = text; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return text;
}

int64_t object_int(const struct json *v)
{
	const char *text = json_str(v);
	char *end;
	double d;
	int64_t n;

	if (json_int(v, &n))
		return n;
	if (text == NULL || strspn(text, "0123456789") == 0)
		return -1;
	d = strtod(text, &end);
	return *end == '\0' && d < 9e15 ? (int64_t)d : -1;
}

/* "2024-07-19T21:22:11.5Z", "+08:00", a blank for the T, no zone (then UTC). */
static int64_t iso_time(const char *text)
{
	struct tm tm = { 0 };
	int n = 0, hours, minutes;
	char sign[2];
	int64_t at;

	if (sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
	           &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &n) != 6 || n == 0 || tm.tm_year < 1970)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	at = timegm(&tm);
	text += n;
	if (*text == '.' || *text == ',')
		text += 1 + strspn(text + 1, "0123456789");
	if (sscanf(text, "%1[+-]%2d:%2d", sign, &hours, &minutes) == 3
	    || sscanf(text, "%1[+-]%2d%2d", sign, &hours, &minutes) == 3)
		at -= (sign[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return at;
}

int64_t object_time(const struct json *v)
{
	int64_t n = object_int(v);

	if (n < 0 && json_str(v) != NULL)
		return iso_time(json_str(v));
	return n > 100000000000 ? n / 1000 : n;
}

/* The first of the names that is there and not null. */
static const struct json *either(const struct json *v, const char *a, const char *b)
{
	return !json_is_null(json_get(v, a)) ? json_get(v, a) : json_get(v, b);
}

/* The object itself, out of {code, data}, {job, warning}, ... */
static const struct json *unwrap(const struct json *v)
{
	static const char *const wraps[] = { "data", "job", "batch", "file", "result" };

	for (int depth = 0; depth < 3 && json_is_obj(v) && json_is_null(json_get(v, "id")); depth++) {
		const struct json *in = NULL;

		for (size_t i = 0; in == NULL && i < sizeof wraps / sizeof wraps[0]; i++)
			if (json_is_obj(json_get(v, wraps[i])))
				in = json_get(v, wraps[i]);
		if (in == NULL)
			break;
		v = in;
	}
	return v;
}

bool object_file(const struct json *v, struct pool *pool, struct remote_file *ret)
{
	v = unwrap(v);
	*ret = (struct remote_file){
		.id = read_text(json_get(v, "id"), pool),
		.filename = read_text(either(v, "filename", "file_name"), pool),
		.status = read_lower(json_get(v, "status"), pool),
		.bytes = object_int(either(v, "bytes", "size")),
		.created_s = object_time(either(v, "created_at", "createdAt")),
	};
	return ret->id[0] != '\0';
}

/* A file id; some give a list of them. */
static const char *read_file_id(const struct json *v, const char *name, const char *other, struct pool *pool)
{
	const struct json *id = either(v, name, other);

	return read_text(json_is_list(id) ? json_first(id) : id, pool);
}

static void read_counts(const struct json *v, struct remote_batch *b)
{
	const struct json *counts = json_get(v, "request_counts");
	const struct json *in = json_is_obj(counts) && json_first(counts) != NULL ? counts : v;

	b->total = object_int(either(in, "total", "total_requests"));
	b->completed = object_int(either(in, "completed", "succeeded_requests"));
	if (b->completed < 0)
		b->completed = object_int(either(in, "completed_requests", "succeeded"));
	b->failed = object_int(either(in, "failed", "failed_requests"));
	if (b->total < 0)
		b->total = object_int(counts);
}

/* errors in any shape: {data: [...]}, a list of objects or texts, a text, {message}. */
static void read_errors(const struct json *v, struct pool *pool, struct remote_batch *b)
{
	const struct json *errors = either(v, "errors", "error");
	const struct json *first = errors;
	struct remote_error e;
	int64_t *lines = NULL;
	char *code, *message;

	if (json_is_list(json_get(errors, "data")))
		errors = json_get(errors, "data");
	if (json_is_list(errors))
		first = json_first(errors);
	for (const struct json *i = first; i != NULL; i = json_is_list(errors) ? json_next(i) : NULL) {
		if (!object_error(i, &e))
			continue;
		if (b->error_message[0] == '\0' && b->error_code[0] == '\0') {
			code = pool_text(pool, e.code);
			message = pool_text(pool, e.message);
			b->error_code = code != NULL ? code : "";
			b->error_message = message != NULL ? message : "";
			b->error_line = e.line;
		}
		if (e.line > 0 && lines == NULL)
			b->error_lines = lines = pool_get(pool, ERROR_LINES_MAX * sizeof *lines);
		if (e.line > 0 && lines != NULL && b->n_error_lines < ERROR_LINES_MAX)
			lines[b->n_error_lines++] = e.line;
		if (!b->token_limit)
			b->token_limit = error_is_token_limit(e.code, e.message, &b->tokens_allowed);
	}
}

bool object_batch(const struct json *v, struct pool *pool, struct remote_batch *ret)
{
	v = unwrap(v);
	*ret = (struct remote_batch){
		.id = read_text(json_get(v, "id"), pool),
		.word = read_text(json_get(v, "status"), pool),
		.input_file_id = read_file_id(v, "input_file_id", "input_files", pool),
		.output_file_id = read_file_id(v, "output_file_id", "output_file", pool),
		.error_file_id = read_file_id(v, "error_file_id", "error_file", pool),
		.key = read_text(json_get(json_get(v, "metadata"), "batchd_key"), pool),
		.created_s = object_time(either(v, "created_at", "createdAt")),
		.expires_s = object_time(either(v, "expires_at", "expiresAt")),
		.error_code = "", .error_message = "",
		.error_line = -1, .tokens_allowed = -1,
	};
	ret->status = remote_status_of(ret->word[0] != '\0' ? ret->word : "created");
	read_counts(v, ret);
	read_errors(v, pool, ret);
	return ret->id[0] != '\0';
}

const struct json *object_list(const struct json *v)
{
	for (int depth = 0; depth < 3 && json_is_obj(v); depth++)
		v = either(v, "data", "result");
	return json_is_list(v) ? v : NULL;
}

int object_has_more(const struct json *v)
{
	for (int depth = 0; depth < 3 && json_is_obj(v); depth++) {
		bool more;

		if (json_bool(json_get(v, "has_more"), &more))
			return more ? 1 : 0;
		v = json_get(v, "data");
	}
	return -1;
}

bool object_deleted(const struct json *v)
{
	return json_get_bool(unwrap(v), "deleted", true);
}

/* --- the status words -------------------------------------------------------------------- */

static const struct { const char *word; enum remote_status status; } words[] = {
	{ "validating", REMOTE_WAITING }, { "queued", REMOTE_WAITING }, { "in_queue", REMOTE_WAITING },
	{ "pending", REMOTE_WAITING }, { "created", REMOTE_WAITING }, { "pre_schedule", REMOTE_WAITING },
	{ "scheduling", REMOTE_WAITING }, { "scheduled", REMOTE_WAITING }, { "submitted", REMOTE_WAITING },
	{ "running", REMOTE_RUNNING }, { "progress", REMOTE_RUNNING }, { "in_progress", REMOTE_RUNNING },
	{ "processing", REMOTE_RUNNING },
	{ "finalizing", REMOTE_FINALIZING }, { "finalising", REMOTE_FINALIZING },
	{ "completed", REMOTE_COMPLETED }, { "complete", REMOTE_COMPLETED }, { "success", REMOTE_COMPLETED },
	{ "succeeded", REMOTE_COMPLETED }, { "ended", REMOTE_COMPLETED }, { "done", REMOTE_COMPLETED },
	{ "failed", REMOTE_FAILED }, { "error", REMOTE_FAILED },
	{ "expired", REMOTE_EXPIRED }, { "timeout_exceeded", REMOTE_EXPIRED },
	{ "cancelling", REMOTE_CANCELLING }, { "canceling", REMOTE_CANCELLING },
	{ "cancellation_requested", REMOTE_CANCELLING },
	{ "cancelled", REMOTE_CANCELLED }, { "canceled", REMOTE_CANCELLED },
};

bool remote_status_terminal(enum remote_status s)
{
	return s >= REMOTE_COMPLETED;
}

enum remote_status remote_status_of(const char *word)
{
	char text[32];
	size_t n = 0;

	/* "In Progress", "IN-PROGRESS" and "in_progress" are one word */
	for (; word != NULL && word[n] != '\0'; n++) {
		if (n + 1 >= sizeof text)
			return REMOTE_RUNNING;
		text[n] = word[n] == ' ' || word[n] == '-' ? '_' : (char)tolower((unsigned char)word[n]);
	}
	text[n] = '\0';
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(text, words[i].word) == 0)
			return words[i].status;
	return REMOTE_RUNNING;
}
