/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "mem.h"

/*
 * Output lines to texts.  Bodies come as /v1/chat/completions, /v1/completions and /v1/responses
 * write them, in the dialects of reference 3.5; a body may be a string that holds JSON.
 */

const char *answer_fault_word(enum answer_fault fault)
{
	static const char *const words[] = {
#define A(sym, word) [ANSWER_##sym] = word,
		ANSWER_FAULTS(A)
#undef A
	};

	return (size_t)fault < sizeof words / sizeof words[0] ? words[fault] : "";
}

/* What a message said, while it is read. */
struct said {
	struct buf text, reasoning;
	bool refused;
	bool any;               /* there is a choice, a message, an output item */
};

static void add_reasoning(struct said *said, const char *text)
{
	if (text == NULL || *text == '\0')
		return;
	if (said->reasoning.len > 0)
		buf_add_char(&said->reasoning, '\n');
	buf_add_str(&said->reasoning, text);
}

static bool type_is(const char *type, const char *word)
{
	return type != NULL && strcasestr(type, word) != NULL;
}

/* The text of a part: "text", {"value": "text"}. */
static const char *part_text(const struct json *v)
{
	const char *text = json_str(v);

	return text != NULL ? text : json_get_str(v, "value");
}

static void read_parts(const struct json *parts, struct said *said, int depth);

static void read_part(const struct json *part, struct said *said, int depth)
{
	const char *type = json_get_str(part, "type"), *text = json_str(part);
	bool thinking = type_is(type, "think") || type_is(type, "reason") || type_is(type, "thought");
	bool flagged = json_get_bool(part, "thought", false);

	if (text != NULL) {
		buf_add_str(&said->text, text);
		return;
	}
	if (type_is(type, "refusal")) {
		const char *why = json_get_str(part, "refusal");

		said->refused = said->refused || (why != NULL && *why != '\0');
		return;
	}
	if (thinking || flagged) {
		static const char *const names[] = { "thinking", "text", "reasoning", "content", "summary" };

		for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
			struct said inner = { 0 };
			const struct json *v = json_get(part, names[i]);

			if (json_str(v) != NULL)
				add_reasoning(said, json_str(v));
			else if (json_is_list(v) && depth < 4)
				read_parts(v, &inner, depth + 1);
			add_reasoning(said, buf_str(&inner.text));
			add_reasoning(said, buf_str(&inner.reasoning));
			buf_done(&inner.text);
			buf_done(&inner.reasoning);
		}
		return;
	}
	text = part_text(json_get(part, "text"));
	if (text == NULL && type_is(type, "text"))
		text = part_text(json_get(part, "content"));
	if (text != NULL)
		buf_add_str(&said->text, text);
}

/* Content: a text, a list of parts, one part, {"parts": [..]}. */
static void read_parts(const struct json *parts, struct said *said, int depth)
{
	if (json_str(parts) != NULL) {
		buf_add_str(&said->text, json_str(parts));
	} else if (json_is_list(parts)) {
		for (const struct json *p = json_first(parts); p != NULL; p = json_next(p))
			read_part(p, said, depth);
	} else if (json_is_list(json_get(parts, "parts")) && depth < 4) {
		read_parts(json_get(parts, "parts"), said, depth + 1);
	} else if (json_is_obj(parts)) {
		read_part(parts, said, depth);
	}
}

/* Reasoning apart from the content, under the names that servers have for it. */
static void read_reasoning(const struct json *message, struct said *said)
{
	static const char *const names[] = { "reasoning_content", "reasoning", "thinking", "reasoning_details" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const struct json *v = json_get(message, names[i]);
		struct said inner = { 0 };

		if (json_is_null(v))
			continue;
		read_parts(v, &inner, 0);
		add_reasoning(said, buf_str(&inner.text));
		add_reasoning(said, buf_str(&inner.reasoning));
		buf_done(&inner.text);
		buf_done(&inner.reasoning);
		if (said->reasoning.len > 0)
			return;
	}
}

static void read_message(const struct json *message, struct said *said)
{
	const char *refusal = json_get_str(message, "refusal");

	said->any = true;
	if (json_str(message) != NULL) {
		buf_add_str(&said->text, json_str(message));
		return;
	}
	read_parts(json_get(message, "content"), said, 0);
	read_reasoning(message, said);
	said->refused = said->refused || (refusal != NULL && *refusal != '\0');
}

static void set_finish(struct answer *a, const char *reason)
{
	if (reason == NULL)
		return;
	strncpy(a->finish_reason, reason, sizeof a->finish_reason - 1);
	a->truncated = strcasecmp(reason, "length") == 0 || strcasecmp(reason, "max_tokens") == 0 ||
	               strcasecmp(reason, "max_output_tokens") == 0 || strcasecmp(reason, "model_length") == 0;
}

/* choices[]: the first one that says anything. */
static void read_choices(const struct json *choices, struct answer *a, struct said *said)
{
	for (const struct json *c = json_first(choices); c != NULL; c = json_next(c)) {
		const struct json *message = json_get(c, "message");

		if (!json_is_obj(c))
			continue;
		said->any = true;
		if (!json_is_null(message))
			read_message(message, said);
		else if (json_get_str(c, "text") != NULL)
			buf_add_str(&said->text, json_get_str(c, "text"));
		read_reasoning(c, said);
		set_finish(a, json_get_str(c, "finish_reason"));
		if (a->finish_reason[0] == '\0')
			set_finish(a, json_get_str(c, "stop_reason"));
		if (said->text.len > 0 || said->refused)
			return;
	}
}

/* /v1/responses: items of type message and reasoning. */
static void read_output(const struct json *body, struct answer *a, struct said *said)
{
	const char *whole = json_get_str(body, "output_text"), *status = json_get_str(body, "status");

	for (const struct json *o = json_first(json_get(body, "output")); o != NULL; o = json_next(o)) {
		const char *type = json_get_str(o, "type");

		said->any = true;
		if (type_is(type, "reasoning"))
			read_part(o, said, 0);
		else if (type == NULL || type_is(type, "message"))
			read_message(o, said);
	}
	if (said->text.len == 0 && whole != NULL) {
		said->any = true;
		buf_add_str(&said->text, whole);
	}
	if (status != NULL && strcmp(status, "incomplete") == 0) {
		const char *why = json_get_str(json_get(body, "incomplete_details"), "reason");

		set_finish(a, why != NULL ? why : "length");
	} else if (status != NULL) {
		set_finish(a, strcmp(status, "completed") == 0 ? "stop" : status);
	}
}

static int64_t first_int(const struct json *obj, const char *a, const char *b, const char *c)
{
	int64_t n = json_get_int(obj, a, -1);

	if (n < 0)
		n = json_get_int(obj, b, -1);
	if (n < 0 && c != NULL)
		n = json_get_int(obj, c, -1);
	return n;
}

static void read_usage(const struct json *usage, struct answer *a)
{
	int64_t cached, reasoning;

	a->prompt = first_int(usage, "prompt_tokens", "input_tokens", NULL);
	a->completion = first_int(usage, "completion_tokens", "output_tokens", NULL);
	cached = json_get_int(json_get(usage, "prompt_tokens_details"), "cached_tokens", -1);
	if (cached < 0)
		cached = json_get_int(json_get(usage, "input_tokens_details"), "cached_tokens", -1);
	if (cached < 0)
		cached = first_int(usage, "prompt_cache_hit_tokens", "cache_read_input_tokens", "cached_tokens");
	reasoning = json_get_int(json_get(usage, "completion_tokens_details"), "reasoning_tokens", -1);
	if (reasoning < 0)
		reasoning = json_get_int(json_get(usage, "output_tokens_details"), "reasoning_tokens", -1);
	if (reasoning < 0)
		reasoning = json_get_int(usage, "reasoning_tokens", -1);
	a->prompt = a->prompt > 0 ? a->prompt : 0;
	a->completion = a->completion > 0 ? a->completion : 0;
	a->cached = cached > 0 ? cached : 0;
	a->reasoning_tokens = reasoning > 0 ? reasoning : 0;
}

/* response.body of a line, or what stands in its place: response itself, the line itself,
 * result.message. */
static const struct json *find_body(const struct json *line)
{
	const struct json *response = json_get(line, "response");
	const struct json *body = json_get(response, "body");
	const struct json *message = json_get(json_get(line, "result"), "message");
	const struct json *other[] = { response, line, message, json_get(line, "body") };

	if (!json_is_null(body))
		return body;
	for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
		if (json_is_list(json_get(other[i], "choices")) || json_is_list(json_get(other[i], "output")) ||
		    json_is_list(json_get(other[i], "content")))
			return other[i];
	return NULL;
}

static void read_body(const struct json *body, struct answer *a, struct said *said)
{
	const char *model = json_get_str(body, "model");

	if (model != NULL)
		strncpy(a->model, model, sizeof a->model - 1);
	read_usage(json_get(body, "usage"), a);
	if (json_is_list(json_get(body, "choices"))) {
		read_choices(json_get(body, "choices"), a, said);
	} else if (json_is_list(json_get(body, "output")) || json_get_str(body, "output_text") != NULL) {
		read_output(body, a, said);
	} else if (!json_is_null(json_get(body, "content")) || !json_is_null(json_get(body, "message"))) {
		const struct json *message = json_get(body, "message");

		read_message(json_is_null(message) ? body : message, said);
		set_finish(a, json_get_str(body, "stop_reason"));
	}
}

static bool is_blank(const char *text)
{
	return span_trim(span_of(text)).len == 0;
}

/* Behind the end of thinking that a server put whole into the reasoning lies the answer. */
static const char *behind_thinking(const char *reasoning)
{
	static const char *const ends[] = { "</think>", "\xE2\x97\x81/think\xE2\x96\xB7" };

	for (size_t i = 0; i < 2; i++) {
		const char *at = strstr(reasoning, ends[i]);

		if (at != NULL && !is_blank(at + strlen(ends[i])))
			return at + strlen(ends[i]);
	}
	return NULL;
}

static enum answer_fault judge(const struct answer *a, const struct said *said)
{
	bool filtered = strcasecmp(a->finish_reason, "content_filter") == 0 ||
	                strcasecmp(a->finish_reason, "sensitive") == 0 || strcasecmp(a->finish_reason, "refusal") == 0;

	if (!is_blank(a->text))
		return ANSWER_NONE;
	if (!said->any)
		return ANSWER_NO_ANSWER;
	if (said->refused || (filtered && is_blank(a->content)))
		return ANSWER_REFUSED;
	if (a->truncated)
		return ANSWER_TRUNCATED;
	return !is_blank(a->content) || a->reasoning != NULL ? ANSWER_ONLY_THINKING : ANSWER_NO_ANSWER;
}

/* A closing tag alone is thinking's only if its opening was the template's: the answer began
 * inside. */
static void finish(struct answer *a, struct said *said)
{
	struct buf text = { 0 };
	const char *more;

	if (said->reasoning.len > 0)
		a->reasoning = buf_take_str(&said->reasoning);
	more = a->reasoning != NULL && is_blank(buf_str(&said->text)) ? behind_thinking(a->reasoning) : NULL;
	if (more != NULL) {
		buf_reset(&said->text);
		buf_add_str(&said->text, more);
	}
	a->content = buf_take_str(&said->text);
	answer_cut_thinking(span_of(a->content), &text);
	a->text = buf_take_str(&text);
	a->fault = judge(a, said);
}

void answer_read(struct span line, struct answer *ret)
{
	struct json *v = NULL, *inner = NULL;
	struct said said = { 0 };
	const struct json *body;
	const char *packed;

	*ret = (struct answer){ 0 };
	if (json_parse(line.at, line.len, &v, NULL) < 0)
		v = NULL;
	body = find_body(v);
	packed = json_str(body);
	if (packed != NULL)
		body = json_parse(packed, strlen(packed), &inner, NULL) == 0 ? inner : NULL;
	if (json_is_obj(body))
		read_body(body, ret, &said);
	finish(ret, &said);
	if (!json_is_obj(body))
		ret->fault = ANSWER_MALFORMED;
	buf_done(&said.text);
	buf_done(&said.reasoning);
	json_free(inner);
	json_free(v);
}

void answer_done(struct answer *a)
{
	free(a->content);
	free(a->text);
	free(a->reasoning);
	*a = (struct answer){ 0 };
}

void paths_done(struct paths *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->at[i]);
	free(p->at);
	*p = (struct paths){ 0 };
}
