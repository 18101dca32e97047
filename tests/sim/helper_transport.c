/* SPDX-License-Identifier: MIT */
#include "helper_transport.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "http_text.h"
#include "mem.h"

#define REPLY_MAX  (8u << 20)
#define STALL_MS   120000
#define SLOW_BPS   16           /* slower than this counts as standing still */
#define HOPS_MAX   5

struct pending {
	struct exchange *x;
	struct ep_reply reply;
	int64_t due_ms;
	enum net_result net;            /* unless NET_OK, how it ends whatever the reply */
	const char *why;
	struct pending *next;
};

struct sim {
	struct transport transport;
	struct ep *core;
	struct clock *clock;
	struct pending *first;          /* by due_ms, and as they came */
	int unplugged;                  /* how many requests do not get out */
};

/* --- the way there --------------------------------------------------------------------------- */

/* "http://host:port/path?query" in two; false if it is not of that form. */
static bool url_split(const char *url, struct span *ret_host, const char **ret_path)
{
	const char *host = strstr(url, "://");
	size_t n;

	if (host == NULL)
		return false;
	host += 3;
	n = strcspn(host, "/?#");
	*ret_host = (struct span){ host, n };
	*ret_path = host[n] != '\0' ? host + n : "/";
	return n > 0;
}

static const char *header_value(const struct exchange *x, const char *name)
{
	struct span v;

	for (const char *const *h = x->headers; h != NULL && *h != NULL; h++)
		if (http_header(span_of(*h), name, &v))
			return v.at;
	return NULL;
}

static void call_core(struct sim *sim, const struct exchange *x, const char *url, bool foreign, struct ep_reply *ret)
{
	struct ep_request req = { .method = x->method, .body = x->body };
	char range[48];
	struct span host;
	char *host_text;

	if (!url_split(url, &host, &req.path))
		host = (struct span){ "", 0 };
	req.host = host_text = mem_strndup(host.at, host.len);
	if (!foreign) {
		req.authorization = header_value(x, "Authorization");
		req.idempotency_key = header_value(x, "Idempotency-Key");
	}
	if (x->sink_fd >= 0 && x->sink_off > 0) {
		snprintf(range, sizeof range, "bytes=%lld-", (long long)x->sink_off);
		req.range = range;
	}
	if (x->upload != NULL) {
		req.upload_path = x->upload->path;
		req.upload_filename = x->upload->filename;
		for (int i = 0; i < 4 && x->upload->fields[i].name != NULL; i++)
			if (strcmp(x->upload->fields[i].name, "purpose") == 0)
				req.upload_purpose = x->upload->fields[i].value;
		if (ep_call_early(sim->core, sim->clock->now_ms(sim->clock), &req, ret)) {
			free(host_text);
			return;
		}
	}
	ep_call(sim->core, sim->clock->now_ms(sim->clock), &req, ret);
	free(host_text);
}

static char *location_of(const struct ep_reply *r, const char *url)
{
	struct span rest = buf_span(&r->headers), line, v, host;
	const char *path;

	while (span_line(&rest, &line)) {
		if (!http_header(line, "location", &v))
			continue;
		if (v.len > 0 && v.at[0] == '/' && url_split(url, &host, &path))
			return mem_printf("%.*s%.*s", (int)(host.at + host.len - url), url, (int)v.len, v.at);
		return mem_strndup(v.at, v.len);
	}
	return NULL;
}

static bool same_host(const char *a, const char *b)
{
	struct span x, y;
	const char *path;

	return url_split(a, &x, &path) && url_split(b, &y, &path) && x.len == y.len && memcmp(x.at, y.at, x.len) == 0;
}

static void pending_run(struct sim *sim, struct pending *p)
{
	char *url = mem_strdup(p->x->url);
	bool foreign = false;

	for (int hop = 0;; hop++) {
		char *to;

		call_core(sim, p->x, url, foreign, &p->reply);
		if (p->reply.drop || strcmp(p->x->method, "GET") != 0 || p->reply.status < 301 || p->reply.status > 308)
			break;
		to = location_of(&p->reply, url);
		if (to == NULL)
			break;
		if (hop == HOPS_MAX) {
			p->net = NET_BROKEN;
			p->why = "redirected too often";
			free(to);
			break;
		}
		p->x->foreign = foreign = foreign || !same_host(url, to);
		free(url);
		url = to;
		ep_reply_done(&p->reply);
	}
	free(url);
}

/* --- the way back ---------------------------------------------------------------------------- */

/* The bytes of a reply's body as they are on the wire, as far as they come. */
static bool body_read(const struct ep_reply *r, struct buf *ret)
{
	int64_t len = r->path != NULL ? r->len : (int64_t)r->body.len;
	int fd;
	bool ok = true;

	if (r->cut_at >= 0 && r->cut_at < len)
		len = r->cut_at;
	if (r->path == NULL) {
		buf_add(ret, r->body.len > 0 ? r->body.at : "", (size_t)len);
		return true;
	}
	fd = open(r->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	for (int64_t at = 0; at < len;) {
		ssize_t n = pread(fd, buf_reserve(ret, (size_t)(len - at)), (size_t)(len - at), r->off + at);

		if (n <= 0) {
			ok = false;
			break;
		}
		ret->len += (size_t)n;
		at += n;
	}
	close(fd);
	return ok;
}

/* Unpacks a gzip of stored blocks, as the endpoint makes them. */
static bool gunzip_stored(struct buf *body)
{
	const unsigned char *p = (const unsigned char *)body->at, *end = p + body->len;
	struct buf out = { 0 };
	bool last = false;

	for (p += 10; !last && end - p >= 5;) {
		size_t n = (size_t)p[1] | (size_t)p[2] << 8;

		last = p[0] & 1;
		p += 5;
		if ((size_t)(end - p) < n)
			break;
		buf_add(&out, p, n);
		p += n;
	}
	buf_done(body);
	*body = out;
	return last;
}

struct head {
	int64_t range_from;
	bool gzip;
};

static struct head head_read(struct exchange *x, const struct ep_reply *r, int64_t now_ms)
{
	struct head head = { .range_from = -1 };
	struct span rest = buf_span(&r->headers), line, v;
	long long from, total;
	int64_t ms = -1;
	char text[96];

	x->total = x->status == 200 && !r->chunked ? (r->path != NULL ? r->len : (int64_t)r->body.len) : -1;
	while (span_line(&rest, &line)) {
		if (http_header(line, "retry-after-ms", &v)) {
			ms = http_millis(v);
		} else if (http_header(line, "retry-after", &v)) {
			if (ms < 0)
				x->retry_after_ms = http_retry_after_ms(v, now_ms / 1000);
		} else if (http_header(line, "x-should-retry", &v)) {
			x->should_retry = span_is(v, "true") ? 1 : span_is(v, "false") ? 0 : -1;
		} else if (http_header(line, "x-incomplete", &v)) {
			x->incomplete = span_is(v, "true");
		} else if (http_header(line, "x-request-id", &v)) {
			http_clean(x->request_id, sizeof x->request_id, v);
		} else if (http_header(line, "content-type", &v)) {
			http_clean(x->content_type, sizeof x->content_type, v);
		} else if (http_header(line, "content-encoding", &v)) {
			head.gzip = span_is(v, "gzip");
			x->total = -1;
		} else if (http_header(line, "content-range", &v)) {
			http_clean(text, sizeof text, v);
			if (sscanf(text, "bytes %lld-%*d/%lld", &from, &total) == 2) {
				head.range_from = from;
				x->total = total;
			} else if (sscanf(text, "bytes */%lld", &total) == 1) {
				x->total = total;
			}
		}
	}
	if (ms >= 0)
		x->retry_after_ms = ms;
	return head;
}

/* The body into the sink; as the real transport decides where it begins. */
static void sink_fill(struct exchange *x, const struct buf *body, const struct head *head)
{
	int64_t at = x->status == 200 ? 0 : head->range_from >= 0 ? head->range_from : x->sink_off;

	if (x->status == 206 && (head->gzip || at > x->sink_off)) {
		x->net = NET_BROKEN;
		snprintf(x->err, sizeof x->err, "another part of the file than asked for");
		at = 0;
	}
	if (ftruncate(x->sink_fd, at) < 0
	    || (x->net != NET_BROKEN && body->len > 0
	        && pwrite(x->sink_fd, body->at, body->len, at) != (ssize_t)body->len)) {
		x->net = NET_SINK;
		snprintf(x->err, sizeof x->err, "cannot write the file: %s", strerror(errno));
		return;
	}
	x->sunk = x->net == NET_BROKEN ? at : at + (int64_t)body->len;
}

static void reply_fill(struct exchange *x, const struct ep_reply *r, int64_t now_ms)
{
	size_t max = x->max_reply > 0 ? x->max_reply : REPLY_MAX;
	struct buf body = { 0 };
	struct head head;
	bool whole;

	x->status = r->status;
	head = head_read(x, r, now_ms);
	whole = body_read(r, &body) && (r->cut_at < 0 || r->clean);
	if (head.gzip)
		whole = gunzip_stored(&body) && whole;
	x->net = NET_OK;
	if (x->sink_fd >= 0 && (x->status == 200 || x->status == 206)) {
		sink_fill(x, &body, &head);
	} else if (body.len > max) {
		buf_add(&x->reply, body.at, max);
		x->net = NET_TOO_BIG;
		snprintf(x->err, sizeof x->err, "the reply is longer than %zu bytes", max);
	} else if (body.len > 0) {
		buf_add(&x->reply, body.at, body.len);
	}
	if (x->net == NET_OK && !whole) {
		x->net = NET_BROKEN;
		snprintf(x->err, sizeof x->err, "the reply is cut");
	}
	buf_done(&body);
}

static void pending_end(struct sim *sim, struct pending *p)
{
	struct exchange *x = p->x;

	x->transport_data = NULL;
	x->net = p->net;
	snprintf(x->err, sizeof x->err, "%s", p->why != NULL ? p->why : "");
	if (p->net == NET_OK)
		reply_fill(x, &p->reply, sim->clock->now_ms(sim->clock));
	http_cut_secret(x->err, x->secret);
	ep_reply_done(&p->reply);
	free(p);
	x->done(x);                     /* x may be gone now, and others started */
}

/* --- the transport --------------------------------------------------------------------------- */

static void pending_queue(struct sim *sim, struct pending *p)
{
	struct pending **at = &sim->first;

	while (*at != NULL && (*at)->due_ms <= p->due_ms)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
}

/* When the reply is there, or the line given up. */
static void pending_time(struct sim *sim, struct pending *p)
{
	const struct ep_reply *r = &p->reply;
	int64_t stall = p->x->stall_ms > 0 ? p->x->stall_ms : STALL_MS, takes = r->stall_ms;
	int64_t len = r->path != NULL ? r->len : (int64_t)r->body.len;

	p->due_ms = sim->clock->now_ms(sim->clock);
	if (r->drop && p->net == NET_OK) {
		p->net = NET_BROKEN;
		p->why = "the connection broke";
	}
	if (takes >= stall || (r->slow_bps > 0 && r->slow_bps < SLOW_BPS && len > 0)) {
		p->net = NET_BROKEN;
		p->why = "nothing came for too long";
		takes = stall;
	} else if (r->slow_bps > 0) {
		takes += len * 1000 / r->slow_bps;
	}
	p->due_ms += takes;
}

static void sim_start(struct transport *transport, struct exchange *x)
{
	struct sim *sim = (struct sim *)transport;
	struct pending *p = MEM_NEW(struct pending);

	p->x = x;
	p->reply.cut_at = -1;
	x->transport_data = p;
	buf_reset(&x->reply);
	x->status = 0;
	x->sunk = x->sink_fd >= 0 ? x->sink_off : 0;
	x->retry_after_ms = -1;
	x->should_retry = -1;
	x->total = -1;
	x->incomplete = x->foreign = false;
	x->request_id[0] = x->content_type[0] = x->revision[0] = x->error_code[0] = x->err[0] = '\0';
	if (sim->unplugged > 0) {
		sim->unplugged--;
		p->net = NET_NOT_SENT;
		p->why = "no way there";
	} else if (x->upload != NULL && access(x->upload->path, R_OK) < 0) {
		p->net = NET_SINK;
		p->why = "cannot read the file";
	} else {
		pending_run(sim, p);
	}
	pending_time(sim, p);
	pending_queue(sim, p);
}

static void sim_cancel(struct transport *transport, struct exchange *x)
{
	struct sim *sim = (struct sim *)transport;
	struct pending *p = x->transport_data, **at = &sim->first;

	if (p == NULL)
		return;
	while (*at != NULL && *at != p)
		at = &(*at)->next;
	p->net = NET_CANCELED;
	p->why = "canceled";
	if (*at == NULL)
		return;                 /* being delivered in this very round */
	*at = p->next;
	p->due_ms = sim->clock->now_ms(sim->clock);
	pending_queue(sim, p);
}

struct transport *sim_transport_new(struct ep *core, struct clock *clock)
{
	struct sim *sim = MEM_NEW(struct sim);

	sim->transport = (struct transport){ sim_start, sim_cancel };
	sim->core = core;
	sim->clock = clock;
	return &sim->transport;
}

void sim_transport_free(struct transport *transport)
{
	struct sim *sim = (struct sim *)transport;

	if (sim == NULL)
		return;
	while (sim->first != NULL) {
		struct pending *p = sim->first;

		sim->first = p->next;
		p->net = NET_CANCELED;
		pending_end(sim, p);
	}
	free(sim);
}

int sim_transport_deliver(struct transport *transport)
{
	struct sim *sim = (struct sim *)transport;
	int64_t now = sim->clock->now_ms(sim->clock);
	struct pending *due = sim->first, **end = &due;
	int n = 0;

	while (*end != NULL && (*end)->due_ms <= now)
		end = &(*end)->next;
	sim->first = *end;
	*end = NULL;
	while (due != NULL) {
		struct pending *next = due->next;

		pending_end(sim, due);
		due = next;
		n++;
	}
	return n;
}

int64_t sim_transport_next_ms(const struct transport *transport)
{
	const struct sim *sim = (const struct sim *)transport;

	return sim->first != NULL ? sim->first->due_ms : -1;
}

int sim_transport_pending(const struct transport *transport)
{
	int n = 0;

	for (const struct pending *p = ((const struct sim *)transport)->first; p != NULL; p = p->next)
		n++;
	return n;
}

void sim_transport_unplug(struct transport *transport, int n)
{
	((struct sim *)transport)->unplugged = n;
}

void sim_transport_forget(struct transport *transport)
{
	struct sim *sim = (struct sim *)transport;

	while (sim->first != NULL) {
		struct pending *p = sim->first;

		sim->first = p->next;
		ep_reply_done(&p->reply);
		free(p);
	}
}

void sim_transport_set_core(struct transport *transport, struct ep *core)
{
	((struct sim *)transport)->core = core;
}
