/* SPDX-License-Identifier: MIT */
/* What comes back: the head is read, the body goes to memory or to a file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "curl_job.h"
#include "http_text.h"

#define REPLY_MAX     (8u << 20)
#define SINK_BYTES    (256u << 10)      /* written together: curl hands out 16 KB and less */
#define TURN_BYTES    (1u << 20)        /* of a file, a turn: from a near peer curl would take it all in one */

/* --- the reply's head ------------------------------------------------------------------ */

void curl_reply_reset(struct job *job)
{
	struct exchange *x = job->x;

	job->body = BODY_UNDECIDED;
	job->range_from = job->range_size = -1;
	job->encoded = false;
	job->date = 0;
	job->wait_s_ms = job->wait_ms = job->wait_reset_ms = -1;
	job->id_rank = 100;
	buf_reset(&x->reply);
	x->status = 0;
	x->should_retry = -1;
	x->incomplete = false;
	x->total = -1;
	x->retry_after_ms = -1;
	x->request_id[0] = x->content_type[0] = x->revision[0] = x->error_code[0] = '\0';
}

/* "bytes 10-99/100", "bytes 10-99/" with a star, "bytes" star "/100"; what is not told stays -1. */
static void read_content_range(struct job *job, struct span value)
{
	char text[96], *slash, *end;

	http_clean(text, sizeof text, value);
	if (strncasecmp(text, "bytes", 5) != 0)
		return;
	slash = strchr(text, '/');
	if (text[5] == ' ' && text[6] >= '0' && text[6] <= '9') {
		long long from = strtoll(text + 6, &end, 10);

		if (*end == '-')
			job->range_from = from;
	}
	if (slash != NULL && slash[1] >= '0' && slash[1] <= '9')
		job->range_size = strtoll(slash + 1, NULL, 10);
}

static void read_request_id(struct job *job, struct span line)
{
	static const char *const names[] = { "x-request-id", "request-id", "apim-request-id", "cf-ray" };
	struct span value;

	for (int i = 0; i < 4 && i < job->id_rank; i++) {
		if (http_header(line, names[i], &value)) {
			http_clean(job->x->request_id, sizeof job->x->request_id, value);
			job->id_rank = i;
		}
	}
}

/*
 * Where a body goes, once its head is in.  A part (206) may begin earlier than asked for, it
 * then overwrites; one that begins later would leave a hole.  Parts of a compressed form do
 * not fit what we have: start over.
 */
static void body_decide(struct job *job)
{
	struct exchange *x = job->x;
	int64_t from = 0;
	long status = 0;

	/* an empty file is a file too: this does not wait for a first byte */
	curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
	if (x->sink_fd < 0 || (status != 200 && status != 206)) {
		job->body = BODY_MEMORY;
		return;
	}
	job->body = BODY_SINK;
	if (status == 206) {
		from = job->range_from >= 0 ? job->range_from : x->sink_off;
		if (job->encoded || from > x->sink_off || strncasecmp(x->content_type, "multipart/", 10) == 0) {
			curl_job_fail(job, NET_BROKEN, "the endpoint sent another part of the file than asked for");
			from = 0;
		}
	}
	if (ftruncate(x->sink_fd, from) < 0)
		curl_job_fail(job, NET_SINK, "cannot cut the file: %s", strerror(errno));
	job->off = x->sunk = from;
	buf_reset(&job->held);
}

size_t curl_reply_header(char *at, size_t size, size_t n, void *data)
{
	struct job *job = data;
	struct exchange *x = job->x;
	struct span line = { at, size * n }, v;
	char word[64];

	if (span_starts(line, "HTTP/")) {
		curl_reply_reset(job);
	} else if (span_trim(line).len == 0) {
		if (job->body == BODY_UNDECIDED)        /* or it ends the trailers */
			body_decide(job);
		return job->fail == NET_OK ? size * n : 0;
	} else if (http_header(line, "retry-after", &v)) {
		http_clean(word, sizeof word, v);
		job->wait_s_ms = http_retry_after_ms(span_of(word), job->date != 0 ? job->date : time(NULL));
	} else if (http_header(line, "retry-after-ms", &v)) {
		job->wait_ms = http_millis(v);
	} else if (http_header(line, "x-ratelimit-reset-requests", &v)
	           || http_header(line, "x-ratelimit-reset-tokens", &v)) {
		int64_t ms = http_reset_ms(v);

		job->wait_reset_ms = ms > job->wait_reset_ms ? ms : job->wait_reset_ms;
	} else if (http_header(line, "date", &v)) {
		http_clean(word, sizeof word, v);
		job->date = curl_getdate(word, NULL);
		job->date = job->date > 0 ? job->date : 0;
	} else if (http_header(line, "x-should-retry", &v)) {
		x->should_retry = span_is(v, "true") ? 1 : span_is(v, "false") ? 0 : -1;
	} else if (http_header(line, "x-incomplete", &v)) {
		x->incomplete = v.len == 4 && strncasecmp(v.at, "true", 4) == 0;
	} else if (http_header(line, "content-type", &v)) {
		http_clean(x->content_type, sizeof x->content_type, v);
	} else if (http_header(line, "x-revision", &v)) {
		http_clean(x->revision, sizeof x->revision, v);
	} else if (http_header(line, "x-error-code", &v)) {
		http_clean(x->error_code, sizeof x->error_code, v);
	} else if (http_header(line, "content-range", &v)) {
		read_content_range(job, v);
	} else if (http_header(line, "content-encoding", &v)) {
		job->encoded = v.len > 0 && !span_is(v, "identity");
	} else {
		read_request_id(job, line);
	}
	return size * n;
}

/* --- the reply's body ------------------------------------------------------------------ */

bool curl_reply_flush(struct job *job)
{
	const char *at = job->held.at;
	size_t n = job->held.len;

	while (n > 0) {
		ssize_t done = pwrite(job->x->sink_fd, at, n, job->off);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			curl_job_fail(job, NET_SINK, "cannot write the file: %s", strerror(errno));
			break;
		}
		at += done;
		n -= (size_t)done;
		job->off += done;
		job->x->sunk = job->off;
	}
	buf_reset(&job->held);
	return n == 0;
}

static size_t sink_add(struct job *job, const char *at, size_t n)
{
	uint64_t turn = transport_turn(job->owner);

	if (job->turn != turn)
		job->turn_bytes = 0;
	job->turn = turn;
	if (job->turn_bytes >= TURN_BYTES) {
		transport_pause(job->owner, job);
		return CURL_WRITEFUNC_PAUSE;    /* it brings the same bytes again */
	}
	job->turn_bytes += n;
	buf_add(&job->held, at, n);
	return job->held.len < SINK_BYTES || curl_reply_flush(job) ? n : 0;
}

size_t curl_reply_body(char *at, size_t size, size_t n, void *data)
{
	struct job *job = data;
	struct exchange *x = job->x;
	size_t len = size * n, max = x->max_reply > 0 ? x->max_reply : REPLY_MAX;

	if (job->fail != NET_OK)
		return 0;
	if (job->body == BODY_SINK)
		return sink_add(job, at, len);
	bool fits = len <= max - x->reply.len;

	len = fits ? len : max - x->reply.len;
	if (buf_try_reserve(&x->reply, len) == NULL) {
		curl_job_fail(job, NET_BROKEN, "not enough memory for the reply");
		return 0;
	}
	buf_add(&x->reply, at, len);
	if (!fits)
		curl_job_fail(job, NET_TOO_BIG, "the reply is longer than %zu bytes", max);
	return fits ? len : 0;
}

/* Only to learn whether the endpoint can have seen anything. */
int curl_reply_debug(CURL *easy, curl_infotype type, char *at, size_t len, void *data)
{
	struct job *job = data;

	(void)easy;
	if (type == CURLINFO_DATA_OUT
	    || (type == CURLINFO_HEADER_OUT && !(len >= 8 && memcmp(at, "CONNECT ", 8) == 0)))
		job->sent = true;
	return 0;
}
