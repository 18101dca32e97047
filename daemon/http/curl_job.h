/* SPDX-License-Identifier: MIT */
#ifndef CURL_JOB_H
#define CURL_JOB_H

#include <curl/curl.h>
#include <time.h>

#include "transport.h"

/*
 * One exchange as a libcurl easy handle.  curl_transport.c moves it; this part knows what is
 * asked of curl and what its answers mean.  Callbacks of curl only record here.
 */
enum body_goes { BODY_UNDECIDED, BODY_SINK, BODY_MEMORY };

struct job {
	struct exchange *x;             /* the caller's, until done() */
	struct job *prev, *next;        /* in the transport's running or ended list */
	struct curl_transport *owner;
	CURL *easy;
	struct curl_slist *headers;
	curl_mime *mime;
	bool running;                   /* in the multi handle */
	bool paused;                    /* until the loop's next turn */
	uint64_t turn;                  /* the last one that brought something, and how much it brought */
	size_t turn_bytes;

	bool sent;                      /* a byte of the request has left (a proxy's CONNECT does not count) */
	bool foreign;                   /* redirected off the first origin: no headers of the caller any more */
	int hops;
	enum net_result fail;           /* not NET_OK: we ended it ourselves, x->err says why */

	/* of the reply coming in, reset at each status line */
	enum body_goes body;
	int64_t off;                    /* where in sink_fd the next byte goes */
	struct buf held;                /* bytes that are to go there together */
	int64_t range_from, range_size; /* Content-Range, -1 */
	bool encoded;                   /* Content-Encoding other than identity */
	time_t date;                    /* the peer's Date, 0 */
	int64_t wait_s_ms, wait_ms, wait_reset_ms;   /* the three ways to ask for a wait, -1 */
	int id_rank;                    /* which of the request id headers was read, lower is better */

	char error[CURL_ERROR_SIZE];
};

/* Prepares the handle.  Never fails: what goes wrong is in job->fail and x->err. */
struct job *curl_job_new(struct curl_transport *owner, struct exchange *x);
void curl_job_free(struct job *job);         /* out of the multi handle already */

/* After curl said it is over: true if it is to go on with another URL (a redirect). */
bool curl_job_redirect(struct job *job, CURLcode rc);
/* Fills the reply part of the exchange. */
void curl_job_finish(struct job *job, CURLcode rc);
/* Ends it by our own will; the first reason stays. */
void curl_job_fail(struct job *job, enum net_result net, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* In curl_reply.c: curl's callbacks for what comes back, and what stands before and behind them. */
void curl_reply_reset(struct job *job);         /* nothing of a reply is there */
bool curl_reply_flush(struct job *job);         /* what is held goes to the file; false: the job has failed */
size_t curl_reply_header(char *at, size_t size, size_t n, void *data);
size_t curl_reply_body(char *at, size_t size, size_t n, void *data);
int curl_reply_debug(CURL *easy, curl_infotype type, char *at, size_t len, void *data);

/* In curl_transport.c: the number of the loop's turn; a job that had its share of it goes on with the next one. */
uint64_t transport_turn(const struct curl_transport *t);
void transport_pause(struct curl_transport *t, struct job *job);
/* In curl_transport.c: curl closes a socket, no poll may be left on it. */
int transport_close_socket(void *owner, curl_socket_t fd);

#endif
