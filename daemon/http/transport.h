/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/*
 * The network seam: one HTTP exchange at a time goes out and comes back.
 *
 * http/curl_transport.c does it with libcurl's multi interface on a libuv loop; tests put a
 * fake below the engine.  The caller owns the exchange and fills the request; the transport
 * fills the reply and calls done() exactly once, on the loop's thread, never from inside
 * start() or cancel().  After cancel() done() is still called, with net = NET_CANCELED.
 */
enum net_result {
	NET_OK,             /* a whole reply is in; status tells */
	NET_NOT_SENT,       /* refused, DNS, TLS, proxy: the endpoint has seen nothing of it */
	NET_BROKEN,         /* timeout, reset, cut: it may or may not have taken effect */
	NET_SINK,           /* our side: the file to write or to read failed; err says */
	NET_TOO_BIG,        /* the reply outgrew max_reply */
	NET_CANCELED,
};

struct exchange {
	/* --- the request, filled by the caller; texts are borrowed until done() ------------ */
	const char *method;             /* "GET", "POST", "DELETE" */
	const char *url;
	const char *const *headers;     /* "Name: value" lines, NULL-terminated; may be NULL.  Never logged */
	struct span body;               /* of a POST that is no upload */
	const struct upload *upload;    /* multipart/form-data instead of body; NULL if none */
	int sink_fd;                    /* reply body of a 200 or 206 goes here at sink_off; -1: to reply */
	int64_t sink_off;               /* 0, or where to go on: a 200 then starts the file over (truncated) */
	size_t max_reply;               /* how much of a reply is kept in memory; 0 means 8 MB */
	int64_t connect_ms, stall_ms;   /* limits: to connect; without a byte moving.  0: 30 s, 120 s */
	const char *secret;             /* must not appear in err: cut out.  May be NULL */
	void (*done)(struct exchange *x);
	void *data;                     /* the caller's */

	/* --- the reply, filled by the transport -------------------------------------------- */
	enum net_result net;
	int status;                     /* HTTP status, 0 if none came */
	struct buf reply;               /* the body if it went to memory; the caller frees it */
	int64_t sunk;                   /* bytes that are in sink_fd now, sink_off included */
	int64_t retry_after_ms;         /* retry-after-ms, Retry-After (s, date): -1 if none or senseless; capped at 1 h */
	int should_retry;               /* x-should-retry: 1, 0, or -1 if it does not say */
	int64_t total;                  /* length of the whole file as the reply tells it, -1 unknown */
	bool incomplete;                /* X-Incomplete: true, a partial file (Doubleword) */
	bool foreign;                   /* redirected: the reply is another host's than url's */
	char request_id[80];            /* x-request-id, request-id, apim-request-id, cf-ray: for the log */
	char content_type[64];
	char revision[80];              /* x-revision: of the data set the reply is cut from (the hub) */
	char error_code[64];            /* x-error-code (the hub) */
	char err[256];                  /* what went wrong below HTTP, for people */

	void *transport_data;           /* the transport's own while under way */
};

/* The parts of POST /files: the fields in order, then the file. */
struct upload {
	struct { const char *name, *value; } fields[4];   /* ends at name == NULL or at 4 */
	const char *path;               /* local file, streamed */
	const char *filename;           /* its name for the endpoint */
	const char *content_type;       /* of the file's part */
};

struct transport {
	void (*start)(struct transport *transport, struct exchange *x);
	void (*cancel)(struct transport *transport, struct exchange *x);
};

#endif
