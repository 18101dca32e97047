/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "ep_out.h"
#include "ep_scan.h"

bool out_line_good(const struct out_line *l)
{
	return l->executed && l->status >= 200 && l->status < 300;
}

static void usage_read(struct out_line *l, struct span usage)
{
	static const char *const names[] = {
		"prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details",
	};
	struct span got[4];

	scan_get(usage, names, 4, got);
	l->prompt = scan_int(got[0], 0);
	l->completion = scan_int(got[1], 0);
	l->cached = scan_int(scan_one(got[2], "cached_tokens"), 0);
	l->reasoning_tokens = scan_int(scan_one(got[3], "reasoning_tokens"), 0);
}

/* {"id","custom_id","response","error"}: nothing is changed but what a fault changes. */
static void whole_line(struct out_line *l, struct span answer, struct span response, struct span error)
{
	static const char *const names[] = { "status_code", "body" };
	struct span got[2];

	scan_get(response, names, 2, got);
	l->whole = answer;
	l->executed = !scan_is_null(response) && scan_is_null(error);
	l->status = (int)scan_int(got[0], l->executed ? 200 : 0);
	l->body = got[1];
	l->billed = out_line_good(l);
	if (l->billed)
		usage_read(l, scan_one(l->body, "usage"));
	if (!l->executed)
		l->code = "server_error";
}

/* Owned texts of the fault or the answer would be needed: the codes are kept in run->text. */
static const char *keep_text(struct out_run *run, struct span raw, const char *otherwise)
{
	struct span text = scan_text(raw, &run->extra);

	if (text.at == NULL)
		return otherwise;
	buf_reset(&run->text);
	buf_add_span(&run->text, text);
	return buf_str(&run->text);
}

void out_line_answer(struct out_run *run, struct out_line *l, struct span answer)
{
	static const char *const names[] = {
		"response", "error", "content", "status", "code", "finish_reason", "reasoning_content", "usage",
	};
	struct span got[8];

	scan_get(answer, names, 8, got);
	if (got[0].at != NULL || got[1].at != NULL) {
		whole_line(l, answer, got[0], got[1]);
		return;
	}
	l->status = (int)scan_int(got[3], 200);
	if (l->status >= 300 || l->status < 200) {
		l->code = keep_text(run, got[4], "error");
		l->message = "The answers say so.";
		l->billed = false;
		return;
	}
	l->content = got[2];
	l->reasoning = got[6];
	l->usage = got[7];
	if (got[5].at != NULL)
		l->finish = keep_text(run, got[5], "stop");
}

static void hex_add(struct buf *out, const char *hex)
{
	for (const char *p = hex; p[0] != '\0' && p[1] != '\0'; p += 2) {
		char pair[3] = { p[0], p[1], '\0' };

		buf_add_char(out, (char)strtol(pair, NULL, 16));
	}
}

/* A value of the plan as raw JSON, kept in run->extra. */
static struct span fault_json(struct out_run *run, const struct ep_fault *f, const char *name)
{
	const struct json *v = json_get(f->spec, name);

	if (v == NULL)
		return (struct span){ "null", 4 };
	buf_reset(&run->extra);
	json_print(v, &run->extra);
	return buf_span(&run->extra);
}

static void fault_length(struct out_run *run, struct out_line *l, const struct ep_fault *f)
{
	l->whole = l->usage = l->body = (struct span){ 0 };
	l->content = fault_json(run, f, "content");
	l->finish = "length";
	l->reasoning_tokens = fault_int(f, "reasoning_tokens", 4096);
	if (json_get(f->spec, "reasoning") != NULL) {
		struct jw w = { .out = &run->text };

		buf_reset(&run->text);
		jw_str(&w, fault_str(f, "reasoning", ""));
		l->reasoning = buf_span(&run->text);
	}
}

static void fault_content(struct out_run *run, struct out_line *l, const struct ep_fault *f)
{
	const char *json = fault_str(f, "json", NULL);

	l->whole = l->body = (struct span){ 0 };
	l->content = json != NULL ? span_of(json) : fault_json(run, f, "content");
}

static void fault_big(struct out_run *run, struct out_line *l, const struct ep_fault *f)
{
	size_t n = (size_t)fault_int(f, "bytes", 0);

	l->whole = l->body = (struct span){ 0 };
	buf_reset(&run->extra);
	buf_add_char(&run->extra, '"');
	memset(buf_reserve(&run->extra, n), 'x', n);
	run->extra.len += n;
	buf_add_char(&run->extra, '"');
	l->content = buf_span(&run->extra);
}

static void fault_raw(struct out_run *run, const struct ep_fault *f)
{
	const char *hex = fault_str(f, "hex", NULL);

	buf_reset(&run->line);
	if (hex != NULL)
		hex_add(&run->line, hex);
	else
		buf_add_str(&run->line, fault_str(f, "line", ""));
}

static void fault_error(struct out_line *l, const struct ep_fault *f)
{
	int64_t status = fault_int(f, "status", 500);

	l->whole = l->body = (struct span){ 0 };
	l->status = (int)status;
	l->executed = l->executed && f->what != DO_L_NULL_RESPONSE;
	l->billed = false;
	l->code = fault_str(f, "code", status == 429 ? "rate_limit_exceeded" : status < 500 ? "invalid_request_error" :
	                    "server_error");
	l->message = fault_str(f, "message", "ordered by the plan");
}

bool out_line_fault(struct out_run *run, struct out_line *l, struct ep_fault *f)
{
	switch (f->what) {
	case DO_L_MISSING:
		l->missing = true;
		l->billed = l->billed && fault_bool(f, "billed", false);
		break;
	case DO_L_DUPLICATE:
		l->duplicate = true;
		break;
	case DO_L_ERROR:
	case DO_L_NULL_RESPONSE:
		fault_error(l, f);
		break;
	case DO_L_LENGTH:
		fault_length(run, l, f);
		break;
	case DO_L_CONTENT:
		fault_content(run, l, f);
		break;
	case DO_L_BIG:
		fault_big(run, l, f);
		break;
	case DO_L_RAW:
		fault_raw(run, f);
		return true;
	case DO_L_BODY_STRING:
		l->shape |= SHAPE_BODY_STRING;
		break;
	case DO_L_NO_RESPONSE:
		l->shape |= SHAPE_NO_RESPONSE;
		break;
	case DO_L_NO_ID:
		l->shape |= SHAPE_NO_ID;
		break;
	case DO_L_ERROR_STRING:
		l->shape |= SHAPE_ERROR_STRING;
		break;
	default:                                /* of the whole file */
		break;
	}
	return false;
}

/* The usage of a body of our own: by length, so that it adds up and never changes. */
static void usage_write(struct out_line *l, size_t content_bytes, struct buf *out)
{
	if (l->usage.at != NULL) {
		usage_read(l, l->usage);
		buf_add_span(out, l->usage);
		return;
	}
	l->prompt = (int64_t)l->request_bytes / 4 + 1;
	l->completion = (int64_t)content_bytes / 4 + 1 + l->reasoning_tokens;
	buf_printf(out, "{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,\"total_tokens\":%lld,"
	           "\"prompt_tokens_details\":{\"cached_tokens\":0},"
	           "\"completion_tokens_details\":{\"reasoning_tokens\":%lld}}",
	           (long long)l->prompt, (long long)l->completion, (long long)(l->prompt + l->completion),
	           (long long)l->reasoning_tokens);
}

static void chat_body(struct out_run *run, struct out_line *l, bool again, struct buf *out)
{
	const struct ep_batch *b = run->b;
	size_t from;

	buf_printf(out, "{\"id\":\"chatcmpl-%lld-%lld\",\"object\":\"chat.completion\",\"created\":%lld,\"model\":",
	           (long long)b->serial, (long long)l->no, (long long)(run->now_ms / 1000));
	struct jw w = { .out = out };

	jw_str(&w, b->model);
	buf_add_str(out, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
	from = out->len;
	if (l->content.at != NULL) {
		buf_add_span(out, l->content);
	} else if (run->ep->default_raw != NULL) {
		buf_add_str(out, run->ep->default_raw);
	} else {
		buf_add_str(out, "\"echo ");
		buf_add(out, l->id_raw.at + 1, l->id_raw.len - 1);
	}
	if (again && out->at[out->len - 1] == '"') {
		out->len--;
		buf_add_str(out, " (again)\"");
	}
	size_t content_bytes = out->len - from;

	if (l->reasoning.at != NULL) {
		buf_add_str(out, ",\"reasoning_content\":");
		buf_add_span(out, l->reasoning);
	}
	buf_add_str(out, ",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"");
	buf_add_str(out, l->finish);
	buf_add_str(out, "\"}],\"usage\":");
	usage_write(l, content_bytes, out);
	buf_add_char(out, '}');
}

static void error_body(const struct out_line *l, struct buf *out)
{
	struct jw w = { .out = out };

	jw_obj(&w);
	jw_name(&w, "error");
	jw_obj(&w);
	jw_put_str(&w, "message", l->message);
	jw_put_str(&w, "type", l->status == 429 ? "requests" : l->status >= 500 ? "server_error" : "invalid_request_error");
	jw_put_str(&w, "param", NULL);
	jw_put_str(&w, "code", l->code);
	jw_obj_end(&w);
	jw_obj_end(&w);
}

static void body_write(struct out_run *run, struct out_line *l, bool again, struct buf *out)
{
	struct buf own = { 0 };

	if ((l->shape & SHAPE_BODY_STRING) == 0) {
		if (l->body.at != NULL)
			buf_add_span(out, l->body);
		else if (out_line_good(l))
			chat_body(run, l, again, out);
		else
			error_body(l, out);
		return;
	}
	unsigned shape = l->shape;
	struct jw w = { .out = out };

	l->shape &= ~(unsigned)SHAPE_BODY_STRING;
	body_write(run, l, again, &own);
	l->shape = shape;
	jw_span(&w, buf_span(&own));
	buf_done(&own);
}

static void error_write(const struct out_line *l, struct buf *out)
{
	struct jw w = { .out = out };

	if (l->executed && (l->shape & SHAPE_NO_RESPONSE) == 0) {
		jw_null(&w);
	} else if (l->shape & SHAPE_ERROR_STRING) {
		jw_str(&w, l->message != NULL ? l->message : l->code);
	} else {
		jw_obj(&w);
		jw_put_str(&w, "code", l->code);
		jw_put_str(&w, "message", l->message);
		jw_obj_end(&w);
	}
}

void out_line_print(struct out_run *run, struct out_line *l, bool again)
{
	struct buf *out = &run->line;

	buf_reset(out);
	if (l->whole.at != NULL && l->shape == 0 && !again) {
		buf_add_span(out, l->whole);
		return;
	}
	buf_add_char(out, '{');
	if ((l->shape & SHAPE_NO_ID) == 0)
		buf_printf(out, "\"id\":\"batch_req_%lld_%lld%s\",", (long long)run->b->serial, (long long)l->no,
		           again ? "_2" : "");
	buf_add_str(out, "\"custom_id\":");
	buf_add_span(out, l->id_raw);
	if (!l->executed) {
		if ((l->shape & SHAPE_NO_RESPONSE) == 0)
			buf_add_str(out, ",\"response\":null");
	} else if (out_line_good(l) || (l->shape & SHAPE_NO_RESPONSE) == 0) {
		buf_printf(out, ",\"response\":{\"status_code\":%d,\"request_id\":\"req_%lld_%lld\",\"body\":", l->status,
		           (long long)run->b->serial, (long long)l->no);
		body_write(run, l, again, out);
		buf_add_char(out, '}');
	}
	buf_add_str(out, ",\"error\":");
	if (out_line_good(l))
		buf_add_str(out, "null");
	else
		error_write(l, out);
	buf_add_char(out, '}');
}
