/* SPDX-License-Identifier: MIT */
#include "classify.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "http_text.h"
#include "object.h"

static const char *const verdict_names[] = {
	[API_DONE] = "done", [API_AGAIN] = "again", [API_UNKNOWN] = "unknown", [API_REFUSED] = "refused",
	[API_ACCOUNT] = "account", [API_GONE] = "gone", [API_TOO_BIG] = "too_big", [API_LOCAL] = "local",
	[API_CANCELED] = "canceled",
};

const char *api_verdict_name(enum api_verdict v)
{
	return (unsigned)v < sizeof verdict_names / sizeof verdict_names[0] ? verdict_names[v] : "unknown";
}

static bool has_any(const char *text, const char *const *pieces)
{
	for (; *pieces != NULL; pieces++)
		if (text_has(text, *pieces))
			return true;
	return false;
}

static bool is_account(const struct remote_error *e)
{
	static const char *const pieces[] = {
		"insufficient_quota", "billing_hard_limit", "billing_not_active", "exceeded your current quota",
		"insufficient balance", "insufficient_balance", "insufficient_credit", "insufficient credit",
		"account_deactivated", "invalid_api_key", "exceeded_current_quota_error", NULL,
	};
	return has_any(e->code, pieces) || has_any(e->message, pieces);
}

/* A file or batch that was just made and is not there for everybody yet. */
static bool is_not_ready(const struct remote_error *e)
{
	static const char *const pieces[] = {
		"not ready", "not yet", "not processed", "not been processed", "still being processed", "still processing",
		"is pending", "status pending", "file_not_ready", "being uploaded", "no such file", "could not find file", NULL,
	};
	/* a model or an endpoint that is not found stays so */
	bool missing = text_has(e->message, "not found") || text_has(e->message, "does not exist");

	return has_any(e->code, pieces) || has_any(e->message, pieces)
	       || (missing && text_has(e->message, "file") && !text_has(e->message, "model"));
}

static bool is_too_big(const struct remote_error *e)
{
	static const char *const pieces[] = {
		"content_size_limit_exceeded", "request_too_large", "payload_too_large", "file is too large",
		"file too large", "maximum file size", "exceeds the maximum size", NULL,
	};
	return has_any(e->code, pieces) || has_any(e->message, pieces);
}

static enum api_verdict of_400(const struct exchange *x, const struct remote_error *e)
{
	int64_t allowed;

	if (error_is_token_limit(e->code, e->message, &allowed))
		return API_AGAIN;
	if (is_account(e))
		return API_ACCOUNT;
	if (is_too_big(e))
		return API_TOO_BIG;
	if (x->should_retry == 1 || is_not_ready(e))
		return API_AGAIN;
	return API_REFUSED;
}

static enum api_verdict of_status(const struct exchange *x, bool write, const struct remote_error *e)
{
	enum api_verdict lost = write ? API_UNKNOWN : API_AGAIN;

	if (x->status >= 300 && x->status < 400)
		return API_AGAIN;               /* of a POST, or refused: nothing happened where it led */
	/* a storage host whose signed URL has run out: the endpoint makes a new one */
	if (x->foreign && !write && (x->status == 400 || x->status == 401 || x->status == 403))
		return API_AGAIN;
	switch (x->status) {
	case 401: case 402: case 403: case 407:
		return API_ACCOUNT;
	case 404: case 410:
		return API_GONE;
	case 408: case 409: case 425:
		return lost;
	case 411: case 413:
		return API_TOO_BIG;
	case 429:
		return is_account(e) || x->should_retry == 0 ? API_ACCOUNT : API_AGAIN;
	case 501: case 505:
		return API_REFUSED;             /* it says it cannot, not that it did not manage */
	default:
		return x->status >= 400 && x->status < 500 ? of_400(x, e) : lost;
	}
}

/* What a page for people says: its text without tags. */
static void read_page(struct span body, struct remote_error *ret)
{
	char text[2048];
	size_t n = 0;
	bool tag = false;

	for (size_t i = 0; i < body.len && n + 1 < sizeof text; i++) {
		tag = tag || body.at[i] == '<';
		if (!tag || body.at[i] == '>')
			text[n++] = tag ? ' ' : body.at[i];
		tag = tag && body.at[i] != '>';
	}
	http_clean(ret->message, sizeof ret->message, (struct span){ text, n });
}

/* What the body says went wrong, JSON or not.  False if there is no memory to read it. */
static bool read_body(struct exchange *x, struct remote_error *ret)
{
	struct json *v = NULL;
	int rc;

	*ret = (struct remote_error){ .line = -1 };
	if (x->reply.len == 0)
		return true;
	rc = json_parse(x->reply.at, x->reply.len, &v, NULL);
	if (rc < 0 || !object_error(v, ret))
		read_page(buf_span(&x->reply), ret);
	json_free(v);
	return rc != BD_ENOMEM;
}

static void say(struct api_result *ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct api_result *ret, const char *fmt, ...)
{
	size_t n = strlen(ret->reason);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ret->reason + n, sizeof ret->reason - n, fmt, ap);
	va_end(ap);
}

static void write_reason(const struct exchange *x, const struct remote_error *e, struct api_result *ret)
{
	if (x->status > 0)
		say(ret, "HTTP %d", x->status);
	if (e->code[0] != '\0')
		say(ret, "%s%s", ret->reason[0] != '\0' ? " " : "", e->code);
	if (x->request_id[0] != '\0')
		say(ret, " (request %.60s)", x->request_id);
	if (x->err[0] != '\0')
		say(ret, "%s%s", ret->reason[0] != '\0' ? ": " : "", x->err);
	if (e->message[0] != '\0')
		say(ret, "%s%.200s", ret->reason[0] != '\0' ? ": " : "", e->message);
	if (ret->reason[0] == '\0')
		say(ret, "no reply");
}

static enum api_verdict of_exchange(const struct exchange *x, bool write, const struct remote_error *e)
{
	switch (x->net) {
	case NET_CANCELED:
		return API_CANCELED;
	case NET_SINK:
		return API_LOCAL;
	case NET_NOT_SENT:
		return x->status == 407 ? API_ACCOUNT : API_AGAIN;
	case NET_OK:
	case NET_BROKEN:
	case NET_TOO_BIG:
		/* the head of an error reply is enough to know, however its body ended */
		if (x->status >= 300)
			return of_status(x, write, e);
		return write ? API_UNKNOWN : API_AGAIN;
	}
	return write ? API_UNKNOWN : API_AGAIN;
}

void classify(struct exchange *x, bool write, bool usable, const char *secret, struct api_result *ret)
{
	struct remote_error e;

	*ret = (struct api_result){ .status = x->status, .retry_ms = x->retry_after_ms };
	if (usable) {
		ret->verdict = API_DONE;
		say(ret, "HTTP %d", x->status);
		return;
	}
	if (x->reply.len > 0) {
		http_cut_secret(x->reply.at, secret);   /* before anything cuts it in two */
		x->reply.len = strlen(x->reply.at);
	}
	bool read = read_body(x, &e);
	ret->verdict = of_exchange(x, write, &e);
	/* what a 4xx means is in its body */
	if (!read && ret->verdict != API_CANCELED && ret->verdict != API_LOCAL)
		ret->verdict = write ? API_UNKNOWN : API_AGAIN;
	memcpy(ret->code, e.code, sizeof ret->code);
	write_reason(x, &e, ret);
	if (x->net == NET_OK && x->status < 300 && e.message[0] == '\0')
		say(ret, ": not what was asked for");
	http_cut_secret(ret->reason, secret);
	http_cut_secret(ret->code, secret);
}
