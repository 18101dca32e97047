/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ep_int.h"
#include "ep_io.h"
#include "mem.h"

static const char html[] =
	"<!DOCTYPE html>\n<html><head><title>Please sign in</title></head>\n"
	"<body><h1>Welcome to the guest network</h1><p>Accept the terms to go on.</p></body></html>\n";

void ep_reply_done(struct ep_reply *reply)
{
	buf_done(&reply->headers);
	buf_done(&reply->body);
	free(reply->path);
	*reply = (struct ep_reply){ .cut_at = -1 };
}

void reply_clear(struct ep_reply *r)
{
	r->status = 0;
	buf_reset(&r->body);
	buf_reset(&r->headers);
	free(r->path);
	r->path = NULL;
	r->off = r->len = 0;
}

struct jw reply_json(struct ep_reply *r, int status)
{
	reply_clear(r);
	r->status = status;
	buf_add_str(&r->headers, "Content-Type: application/json\n");
	return (struct jw){ .out = &r->body };
}

static const char *error_type(int status)
{
	return status == 401 ? "authentication_error" : status == 429 ? "requests" : status >= 500 ? "server_error" :
	       "invalid_request_error";
}

void reply_error(struct ep_reply *r, int status, const char *code, const char *param, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	struct jw w = reply_json(r, status);

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	jw_obj(&w);
	jw_name(&w, "error");
	jw_obj(&w);
	jw_put_str(&w, "message", text);
	jw_put_str(&w, "type", code != NULL && strcmp(code, "insufficient_quota") == 0 ? code : error_type(status));
	jw_put_str(&w, "param", param);
	jw_put_str(&w, "code", code);
	jw_obj_end(&w);
	jw_obj_end(&w);
}

static int hex_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *url_decode(const char *text, size_t len)
{
	char *out = mem_strndup(text, len), *to = out;

	for (const char *p = out; *p != '\0'; p++) {
		if (*p == '%' && hex_of(p[1]) >= 0 && hex_of(p[2]) >= 0) {
			*to++ = (char)(hex_of(p[1]) * 16 + hex_of(p[2]));
			p += 2;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
	return out;
}

char *query_get(const char *path, const char *name)
{
	const char *p = strchr(path, '?');
	size_t n = strlen(name);

	while (p != NULL) {
		p++;
		if (strncmp(p, name, n) == 0 && p[n] == '=')
			return url_decode(p + n + 1, strcspn(p + n + 1, "&"));
		p = strchr(p, '&');
	}
	return NULL;
}

static void add_headers(struct ep_reply *r, const struct ep_fault *f)
{
	for (const struct json *h = json_first(json_get(f->spec, "headers")); h != NULL; h = json_next(h))
		buf_printf(&r->headers, "%s: %s\n", json_name(h), json_str(h));
}

static void fault_status(struct ep_reply *r, const struct ep_fault *f)
{
	int status = (int)fault_int(f, "status", 500);
	const char *body = fault_str(f, "body", NULL), *code = fault_str(f, "code", NULL);
	int64_t huge = fault_int(f, "huge", 0);

	if (body == NULL && !fault_bool(f, "html", false)) {
		reply_error(r, status, code, NULL, "%s", fault_str(f, "message", "ordered by the plan"));
	} else {
		reply_clear(r);
		r->status = status;
		buf_printf(&r->headers, "Content-Type: %s\n", body != NULL ? "text/plain" : "text/html");
		buf_add_str(&r->body, body != NULL ? body : html);
	}
	if (huge > (int64_t)r->body.len) {
		size_t n = (size_t)huge - r->body.len;

		memset(buf_reserve(&r->body, n), ' ', n);
		r->body.len += n;
	}
}

bool fault_before(struct ep_ctx *c)
{
	return c->fault != NULL && !c->fault->after;
}

/* The body of a file reply comes into memory, so that it can be changed. */
static void body_load(struct ep_reply *r)
{
	struct buf whole = { 0 };

	if (r->path == NULL)
		return;
	if (ep_read_all(r->path, &whole) && r->off + r->len <= (int64_t)whole.len)
		buf_add(&r->body, whole.at + r->off, (size_t)r->len);
	buf_done(&whole);
	free(r->path);
	r->path = NULL;
}

static void fault_wrap(struct ep_reply *r, const char *as)
{
	struct buf inner = r->body;

	r->body = (struct buf){ 0 };
	if (strcmp(as, "job") == 0)
		buf_printf(&r->body, "{\"job\":%s,\"warning\":null}", buf_str(&inner));
	else
		buf_printf(&r->body, "{\"code\":20000,\"message\":\"Ok\",\"status\":true,\"data\":%s}", buf_str(&inner));
	buf_done(&inner);
}

/* gzip of stored blocks: nothing is pressed, but every client has to unpack it. */
static void fault_gzip(struct ep_reply *r)
{
	struct buf in;
	uint32_t crc = 0xffffffffu;

	body_load(r);
	in = r->body;
	r->body = (struct buf){ 0 };
	buf_add(&r->body, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
	for (size_t at = 0; at == 0 || at < in.len; at += 65535) {
		size_t n = in.len - at > 65535 ? 65535 : in.len - at;
		unsigned char head[5] = { at + n == in.len, (unsigned char)(n & 255), (unsigned char)(n >> 8),
		                          (unsigned char)(~n & 255), (unsigned char)((~n >> 8) & 255) };

		buf_add(&r->body, head, sizeof head);
		buf_add(&r->body, in.at + at, n);
	}
	for (size_t i = 0; i < in.len; i++) {
		crc ^= (unsigned char)in.at[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1)));
	}
	crc = ~crc;
	for (int i = 0; i < 4; i++)
		buf_add_char(&r->body, (char)(crc >> (8 * i)));
	for (int i = 0; i < 4; i++)
		buf_add_char(&r->body, (char)((uint32_t)in.len >> (8 * i)));
	buf_add_str(&r->headers, "Content-Encoding: gzip\n");
	buf_done(&in);
}

/* Where the line'th line of the body ends. */
static int64_t line_end(const struct ep_reply *r, int64_t line)
{
	struct ep_lines lines;
	struct span got, rest = buf_span(&r->body);
	int64_t at = 0;

	if (r->path == NULL) {
		while (line-- > 0 && span_line(&rest, &got))
			at = got.at + got.len - r->body.at + 1;
		return at;
	}
	if (!ep_lines_open(&lines, r->path))
		return 0;
	while (ep_lines_next(&lines, &got)) {
		if (lines.line_off < r->off)
			continue;
		if (line-- <= 0)
			break;
		at = lines.line_off + (int64_t)got.len + 1 - r->off;
	}
	ep_lines_close(&lines);
	return at;
}

static void fault_cut(struct ep_reply *r, const struct ep_fault *f)
{
	r->cut_at = json_get(f->spec, "at_line") != NULL ? line_end(r, fault_int(f, "at_line", 0)) :
	            fault_int(f, "cut_at", 0);
	r->clean = fault_bool(f, "clean", false);
	r->chunked = r->clean || fault_bool(f, "chunked", false);
}

/* Content comes from another host: the same server under a name of the plan's choice. */
static void fault_redirect(struct ep_ctx *c, const struct ep_fault *f)
{
	const char *to = fault_str(f, "location", ""), *port = c->req->host != NULL ? strrchr(c->req->host, ':') : NULL;
	const char *mark = strstr(to, "{port}");
	struct ep_reply *r = c->reply;

	reply_clear(r);
	r->status = (int)fault_int(f, "status", 302);
	if (mark != NULL)
		buf_printf(&r->headers, "Location: %.*s%s%s", (int)(mark - to), to, port != NULL ? port + 1 : "80", mark + 6);
	else
		buf_printf(&r->headers, "Location: %s", to);
	buf_printf(&r->headers, "/blob/%lld?signature=1\n", c->file != NULL ? (long long)c->file->serial : 0);
}

/* Things done to a reply as it is. */
static void fault_change(struct ep_ctx *c, const struct ep_fault *f)
{
	struct ep_reply *r = c->reply;

	switch (f->what) {
	case DO_CUT:
		fault_cut(r, f);
		break;
	case DO_CHUNKED:
		r->chunked = true;
		break;
	case DO_REPLY_STATUS:
		if (r->status < 300)
			r->status = (int)fault_int(f, "status", r->status);
		break;
	case DO_WRAP:
		if (r->path == NULL && r->status < 300)
			fault_wrap(r, fault_str(f, "as", "data"));
		break;
	case DO_GZIP:
		fault_gzip(r);
		break;
	case DO_REDIRECT:
		if (r->status < 300)
			fault_redirect(c, f);
		break;
	default:                                /* the lists look at theirs themselves */
		break;
	}
}

void fault_after(struct ep_ctx *c)
{
	const struct ep_fault *f = c->fault;
	struct ep_reply *r = c->reply;

	if (f == NULL)
		return;
	switch (f->what) {
	case DO_STATUS:
		fault_status(r, f);
		break;
	case DO_DROP:
		reply_clear(r);
		r->drop = true;
		break;
	case DO_GARBAGE:
		reply_clear(r);
		r->status = 200;
		buf_add_str(&r->headers, "Content-Type: text/html\n");
		buf_add_str(&r->body, fault_str(f, "body", html));
		break;
	case DO_EMPTY:
		reply_clear(r);
		r->status = 200;
		break;
	default:
		fault_change(c, f);
	}
	add_headers(r, f);
	r->stall_ms = fault_int(f, "stall_ms", 0);
	r->slow_bps = fault_int(f, "slow_bps", 0);
}
