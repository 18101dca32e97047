/* SPDX-License-Identifier: MIT */
#include "line.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "object.h"

/*
 * A result line is judged by what it holds, not by which file it stands in: some put failures into the
 * output file, some leave out `response`, `error` or `id`, some write the body as a text with JSON in it.
 */

/* Words that mean "this one never got its chance": ask again. */
static const char *const transient[] = {
	"batch_expired", "batch_cancelled", "batch_canceled", "batch_interrupted", "batch_failed", "expired",
	"cancelled", "canceled", "timeout", "request_timeout", "timed_out", "deadline_exceeded", "server_error",
	"internal_error", "internal_server_error", "api_error", "inference_failed", "service_unavailable",
	"unavailable", "overloaded", "overloaded_error", "rate_limit_exceeded", "rate_limit_error",
	"rate_limit_reached", "too_many_requests", "insufficient_quota", "request_failed", "bad_gateway",
	"engine_overloaded_error", "connection_error", NULL,
};

/* Words that mean "never": the same request would be refused again. */
static const char *const permanent[] = {
	"context_length_exceeded", "string_above_max_length", "max_tokens_exceeded", "invalid_request",
	"invalid_request_error", "bad_request", "bad_request_error", "invalid_prompt", "invalid_parameter",
	"invalid_parameter_error", "invalid_value", "invalid_type", "missing_required_parameter",
	"unsupported_parameter", "unsupported_value", "unknown_parameter", "content_filter", "content_policy_violation",
	"responsible_ai_policy_violation", "data_inspection_failed", "model_not_found", "invalid_model",
	"model_not_supported", "invalid_url", "invalid_method", "mismatched_model", "mismatched_test_url",
	"streaming_unsupported", "permission_error", "authentication_error", "invalid_api_key", "not_found_error",
	"validation_error", "unprocessable_entity", NULL,
};

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

/* --- tokens --------------------------------------------------------------------------------- */

static int64_t tokens(const struct json *v)
{
	int64_t n = object_int(v);

	return n > 0 ? n : 0;
}

const char *const usage_names[USAGE_NAMES] = {
	[USAGE_PROMPT] = "prompt_tokens", [USAGE_INPUT] = "input_tokens", [USAGE_COMPLETION] = "completion_tokens",
	[USAGE_OUTPUT] = "output_tokens", [USAGE_CACHE_HIT] = "prompt_cache_hit_tokens", [USAGE_CACHED] = "cached_tokens",
	[USAGE_REASONING] = "reasoning_tokens",
};
const struct usage_part usage_parts[DETAILS_COUNT] = {
	[DETAILS_PROMPT] = { "prompt_tokens_details", "cached_tokens" },
	[DETAILS_INPUT] = { "input_tokens_details", "cached_tokens" },
	[DETAILS_COMPLETION] = { "completion_tokens_details", "reasoning_tokens" },
	[DETAILS_OUTPUT] = { "output_tokens_details", "reasoning_tokens" },
};

/* The first that says more than nothing. */
static int64_t first_of(int64_t a, int64_t b)
{
	return a > 0 ? a : b;
}

void usage_take(const struct usage *u, struct result_line *ret)
{
	int64_t in = u->details[u->details[DETAILS_PROMPT].there ? DETAILS_PROMPT : DETAILS_INPUT].n;
	int64_t out = u->details[u->details[DETAILS_COMPLETION].there ? DETAILS_COMPLETION : DETAILS_OUTPUT].n;

	ret->prompt = first_of(u->n[USAGE_PROMPT], u->n[USAGE_INPUT]);
	ret->completion = first_of(u->n[USAGE_COMPLETION], u->n[USAGE_OUTPUT]);
	ret->cached = first_of(in, first_of(u->n[USAGE_CACHE_HIT], u->n[USAGE_CACHED]));
	ret->reasoning = first_of(out, u->n[USAGE_REASONING]);
}

void usage_read(const struct json *usage, struct result_line *ret)
{
	struct usage u = { 0 };

	for (int i = 0; i < USAGE_NAMES; i++)
		u.n[i] = tokens(json_get(usage, usage_names[i]));
	for (int i = 0; i < DETAILS_COUNT; i++) {
		const struct json *part = json_get(usage, usage_parts[i].name);

		u.details[i].there = json_is_obj(part);
		u.details[i].n = tokens(json_get(part, usage_parts[i].number));
	}
	usage_take(&u, ret);
}

/* --- failures ------------------------------------------------------------------------------- */

/* A word for tables and grep: lower case, no blanks; InvalidParameter becomes invalid_parameter. */
static void set_reason(struct result_line *ret, const char *word)
{
	size_t n = 0;

	for (size_t i = 0; word[i] != '\0' && n + 2 < sizeof ret->reason; i++) {
		unsigned char ch = (unsigned char)word[i];

		if (isupper(ch) && i > 0 && islower((unsigned char)word[i - 1]))
			ret->reason[n++] = '_';
		ret->reason[n++] = isalnum(ch) || ch == '_' || ch == '.' || ch == '-' ? (char)tolower(ch) : '_';
	}
	ret->reason[n] = '\0';
}

static bool status_is_transient(int status)
{
	return status == 408 || status == 409 || status == 425 || status == 429 || status >= 500;
}

/* Some tell what is wrong in the message alone. */
static const char *word_in_message(const char *message)
{
	if (text_has(message, "context length") || text_has(message, "context window")
	    || text_has(message, "context_length_exceeded"))
		return "context_length_exceeded";
	if (text_has(message, "batch_expired") || text_has(message, "batch expired"))
		return "batch_expired";
	return "";
}

static void set_failure(struct result_line *ret, const struct remote_error *e)
{
	const char *code = e->code;
	bool number = code[0] != '\0' && code[strspn(code, "0123456789")] == '\0';
	char http[16];

	/* an HTTP status where a code belongs */
	if (number && (ret->status == 0 || (ret->status >= 200 && ret->status < 300)) && strlen(code) == 3)
		ret->status = atoi(code);
	if (number || code[0] == '\0')
		code = word_in_message(e->message);
	snprintf(http, sizeof http, "http_%d", ret->status);
	if (code[0] != '\0')
		set_reason(ret, code);
	else if (ret->status > 0)
		set_reason(ret, http);
	else
		set_reason(ret, "request_failed");
	snprintf(ret->details, sizeof ret->details, "%.*s", (int)(sizeof ret->details - 1), e->message);

	if (is_one_of(ret->reason, transient))
		ret->class = LINE_TRANSIENT;
	else if (status_is_transient(ret->status))
		ret->class = LINE_TRANSIENT;
	else if (ret->status >= 300 || is_one_of(ret->reason, permanent))
		ret->class = LINE_PERMANENT;
	else
		ret->class = LINE_TRANSIENT;    /* no word we know, no status: max_attempts bounds it */
}

/* A 2xx that cannot hold an answer. */
static void set_empty(struct result_line *ret, const char *why)
{
	ret->class = LINE_TRANSIENT;
	set_reason(ret, why);
	snprintf(ret->details, sizeof ret->details, "status %d with a body that holds no answer", ret->status);
}

/* --- the line ------------------------------------------------------------------------------- */

static bool has_items(const struct json *v)
{
	return json_is_list(v) && json_first(v) != NULL;
}

/* choices of chat and completions, output of responses, data of embeddings, results of moderations. */
static bool body_has_answer(const struct json *body)
{
	return has_items(json_get(body, "choices")) || has_items(json_get(body, "output"))
	       || has_items(json_get(body, "data")) || has_items(json_get(body, "results"))
	       || has_items(json_get(body, "content"));
}

/* Whether an error member says something: {} and "" do not. */
static bool has_error(const struct json *v, struct remote_error *ret)
{
	return !json_is_null(v) && object_error(v, ret);
}

static void read_response(const struct json *line, struct result_line *ret)
{
	const struct json *response = json_get(line, "response"), *body = json_get(response, "body");
	struct json *inner = NULL;
	struct remote_error e = { .line = -1 };
	int64_t status = object_int(json_get(response, "status_code"));

	if (json_str(body) != NULL && json_parse(json_str(body), strlen(json_str(body)), &inner, NULL) == 0)
		body = inner;
	ret->status = status >= 100 && status <= 999 ? (int)status : 0;
	usage_read(json_get(body, "usage"), ret);

	if ((ret->status == 0 || (ret->status >= 200 && ret->status < 300))
	    && body_has_answer(body) && !has_error(json_get(body, "error"), &e))
		ret->class = LINE_ANSWER;       /* even with an error beside it: it is here and paid for */
	else if (has_error(json_get(body, "error"), &e) || has_error(json_get(line, "error"), &e)
	         || (ret->status >= 300 && has_error(body, &e)))
		set_failure(ret, &e);
	else if (ret->status >= 300)
		set_failure(ret, &e);
	else
		set_empty(ret, json_is_obj(response) ? "no_choices" : "no_response");
	json_free(inner);
}

char *line_id_copy(struct span id)
{
	char *copy = mem_try_alloc(id.len + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, id.at, id.len);
	copy[id.len] = '\0';
	return copy;
}

/* The custom_id, also where somebody made a number of it. */
static char *read_custom_id(const struct json *line)
{
	const struct json *v = json_get(line, "custom_id");
	const char *text = json_str(v);
	int64_t n;

	if (text != NULL)
		return text[0] != '\0' ? line_id_copy(span_of(text)) : NULL;
	return json_int(v, &n) ? mem_printf("%lld", (long long)n) : NULL;
}

void result_line_parse(struct span line, struct result_line *ret)
{
	struct json *v = NULL;

	*ret = (struct result_line){ .class = LINE_RUBBISH };
	if (json_parse(line.at, line.len, &v, NULL) < 0)
		return;
	ret->custom_id = read_custom_id(v);
	if (ret->custom_id != NULL)
		read_response(v, ret);
	json_free(v);
}

void result_line_read(struct span line, struct result_line *ret)
{
	if (!result_line_scan(line, ret))
		result_line_parse(line, ret);
}

void result_line_done(struct result_line *r)
{
	free(r->custom_id);
	*r = (struct result_line){ 0 };
}
