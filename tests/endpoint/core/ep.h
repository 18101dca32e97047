/* SPDX-License-Identifier: MIT */
#ifndef EP_H
#define EP_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

/*
 * A Batch API server without sockets and without a clock: a call goes in, a reply comes out.
 *
 * The program batch-endpoint puts it behind HTTP; a simulation calls it from its transport under a fake
 * clock.  Everything is a function of the calls and the times handed in: ids come from a counter, chance from
 * a seed.  It answers requests from files and misbehaves as a plan says (../README.md).  Not thread-safe: one
 * caller at a time.  It never touches the fault points of base/, so counted failures hit the program under test.
 */
struct ep;

/* All texts are copied; NULL means "none" everywhere but in state_dir. */
struct ep_options {
	const char *state_dir;                  /* made if missing; files and batches in it come back */
	const char *key;                        /* what "Authorization: Bearer" must say */
	const char *answers_step1, *answers_step2, *answers;    /* paths */
	const char *plan;                       /* path of a plan */
	const char *plan_text;                  /* or more of the plan, as text */
	const char *log;                        /* path, appended to */
	const char *default_content;            /* the answer where the files have none */
	int64_t delay_ms;                       /* from create to completed */
	int64_t max_requests, max_bytes;        /* of an input file; 0: 50000, 200000000 */
	uint64_t seed;
};

int ep_new(const struct ep_options *options, struct ep **ret, struct err *err);
void ep_free(struct ep *ep);                    /* NULL is fine; files and batches stay in state_dir */

/* All borrowed for the time of the call; NULL for what was not sent. */
struct ep_request {
	const char *method;
	const char *path;                       /* with query, as on the wire: "/v1/files?limit=2" */
	const char *host, *authorization, *range, *idempotency_key;
	struct span body;                       /* of a POST that is no upload */
	/* POST /v1/files: the parts of the form */
	const char *upload_path;                /* a local file with the bytes */
	bool upload_take;                       /* it is renamed into state_dir; else copied */
	const char *upload_filename, *upload_purpose;
};

/* Everything in it belongs to the caller, who ends it with ep_reply_done(). */
struct ep_reply {
	int status;
	struct buf headers;                     /* "Name: value\n" lines beside Content-Length */
	struct buf body;                        /* unless path is set: */
	char *path;                             /* the body is `len` bytes at `off` of that file */
	int64_t off, len;
	/* what the plan does to it on its way */
	bool drop;                              /* no byte of a reply: the connection breaks (after stall_ms) */
	int64_t stall_ms;                       /* before the first byte */
	int64_t slow_bps;                       /* bytes per second; 0: at once */
	int64_t cut_at;                         /* the body ends there; -1: not cut */
	bool clean;                             /* the cut looks like a proper end; else the connection breaks there */
	bool chunked;                           /* no Content-Length */
};

/* One call.  The reply is always filled, whatever the request. */
void ep_call(struct ep *ep, int64_t now_ms, const struct ep_request *request, struct ep_reply *ret);
/*
 * For a front that has read the head of an upload but not its body: true, with the reply, if the plan answers
 * without waiting for the body ("early"); that was the call then.
 */
bool ep_call_early(struct ep *ep, int64_t now_ms, const struct ep_request *request, struct ep_reply *ret);
/* Bytes per second at which the plan wants the body of the next upload read; 0: at once. */
int64_t ep_upload_bps(struct ep *ep, int64_t now_ms);
void ep_reply_done(struct ep_reply *reply);

/* Let time pass: batches that are due get done (every ep_call() does it too). */
void ep_tick(struct ep *ep, int64_t now_ms);
/* When ep_tick() has something to do next; -1: nothing under way. */
int64_t ep_next_ms(const struct ep *ep);

#endif
