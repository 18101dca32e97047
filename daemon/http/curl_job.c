/* SPDX-License-Identifier: MIT */
#include "curl_job.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "http_text.h"
#include "mem.h"

#define BUFFER_BYTES  (512L << 10)
#define CONNECT_MS    30000
#define STALL_MS      120000
#define STALL_BYTES_S 16L       /* slower than this for stall_ms counts as standing still */
#define HOPS_MAX      5

void curl_job_fail(struct job *job, enum net_result net, const char *fmt, ...)
{
	va_list ap;

	if (job->fail != NET_OK)
		return;
	job->fail = net;
	va_start(ap, fmt);
	vsnprintf(job->x->err, sizeof job->x->err, fmt, ap);
	va_end(ap);
}

/* --- the request ----------------------------------------------------------------------- */

/* curl copies most of what it is told; what was not copied must not go out without it. */
static void check_set(struct job *job, CURLcode rc)
{
	if (rc == CURLE_OUT_OF_MEMORY)
		curl_job_fail(job, NET_NOT_SENT, "out of memory");
}

#define SET(job, option, value) check_set(job, curl_easy_setopt((job)->easy, option, value))

static void set_header(struct job *job, const char *line)
{
	struct curl_slist *more = curl_slist_append(job->headers, line);

	if (more != NULL)
		job->headers = more;
	else
		curl_job_fail(job, NET_NOT_SENT, "out of memory");
}

static void set_headers(struct job *job)
{
	const char *const *line = job->foreign ? NULL : job->x->headers;

	curl_slist_free_all(job->headers);
	job->headers = NULL;
	set_header(job, "Expect:");             /* big bodies go at once */
	for (; line != NULL && *line != NULL; line++)
		set_header(job, *line);
	SET(job, CURLOPT_HTTPHEADER, job->headers);
}

/* NULL, and the job has failed, without memory. */
static curl_mimepart *add_part(struct job *job, const char *name)
{
	curl_mimepart *part = job->mime != NULL ? curl_mime_addpart(job->mime) : NULL;

	check_set(job, part != NULL ? curl_mime_name(part, name) : CURLE_OUT_OF_MEMORY);
	return part;
}

/* The multipart form; curl streams the file itself and can seek in it. */
static void set_upload(struct job *job, const struct upload *up)
{
	curl_mimepart *part;
	CURLcode rc;

	job->mime = curl_mime_init(job->easy);
	for (size_t i = 0; i < 4 && up->fields[i].name != NULL; i++) {
		part = add_part(job, up->fields[i].name);
		if (part != NULL)
			check_set(job, curl_mime_data(part, up->fields[i].value, CURL_ZERO_TERMINATED));
	}
	part = add_part(job, "file");
	if (part == NULL)
		return;
	rc = access(up->path, R_OK) == 0 ? curl_mime_filedata(part, up->path) : CURLE_READ_ERROR;
	check_set(job, rc);
	if (rc != CURLE_OK)
		curl_job_fail(job, NET_SINK, "cannot read %s: %s", up->path, strerror(errno));
	check_set(job, curl_mime_filename(part, up->filename));
	check_set(job, curl_mime_type(part, up->content_type != NULL ? up->content_type : "application/octet-stream"));
	SET(job, CURLOPT_MIMEPOST, job->mime);
	SET(job, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES);
}

static void set_method(struct job *job)
{
	struct exchange *x = job->x;

	if (strcmp(x->method, "GET") == 0) {
		SET(job, CURLOPT_HTTPGET, 1L);
	} else if (x->upload != NULL) {
		set_upload(job, x->upload);
	} else if (strcmp(x->method, "POST") == 0) {
		SET(job, CURLOPT_POST, 1L);
		SET(job, CURLOPT_POSTFIELDS, x->body.at != NULL ? x->body.at : "");
		SET(job, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->body.len);
	} else {
		SET(job, CURLOPT_CUSTOMREQUEST, x->method);
	}
	/* curl repeats a request when a kept connection is dead: see curl_transport.h */
	if (strcmp(x->method, "POST") == 0)
		SET(job, CURLOPT_FRESH_CONNECT, 1L);
}

static void set_limits(struct job *job)
{
	struct exchange *x = job->x;
	int64_t connect_ms = x->connect_ms > 0 ? x->connect_ms : CONNECT_MS;
	int64_t stall_ms = x->stall_ms > 0 ? x->stall_ms : STALL_MS;

	SET(job, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
	SET(job, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_S);
	SET(job, CURLOPT_LOW_SPEED_TIME, (long)((stall_ms + 999) / 1000));
	SET(job, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	SET(job, CURLOPT_NOSIGNAL, 1L);
	SET(job, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(job, CURLOPT_FOLLOWLOCATION, 0L);
	/* a file's bytes are counted and resumed, so not compressed; undone if the peer does so anyway */
	SET(job, CURLOPT_ACCEPT_ENCODING, x->sink_fd >= 0 ? "identity" : "");
}

static void set_tls(struct job *job)
{
	const char *ca = getenv("CURL_CA_BUNDLE");

	if (ca == NULL || *ca == '\0')
		ca = getenv("SSL_CERT_FILE");
	if (ca != NULL && *ca != '\0')
		SET(job, CURLOPT_CAINFO, ca);
	SET(job, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(job, CURLOPT_SSL_VERIFYHOST, 2L);
}

static void set_callbacks(struct job *job)
{
	SET(job, CURLOPT_PRIVATE, job);
	SET(job, CURLOPT_ERRORBUFFER, job->error);
	SET(job, CURLOPT_HEADERFUNCTION, curl_reply_header);
	SET(job, CURLOPT_HEADERDATA, job);
	SET(job, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(job, CURLOPT_WRITEFUNCTION, curl_reply_body);
	SET(job, CURLOPT_WRITEDATA, job);
	SET(job, CURLOPT_DEBUGFUNCTION, curl_reply_debug);
	SET(job, CURLOPT_DEBUGDATA, job);
	SET(job, CURLOPT_VERBOSE, 1L);
	SET(job, CURLOPT_CLOSESOCKETFUNCTION, transport_close_socket);
	SET(job, CURLOPT_CLOSESOCKETDATA, job->owner);
	SET(job, CURLOPT_USERAGENT, "batchd/" BATCHD_VERSION);
}

struct job *curl_job_new(struct curl_transport *owner, struct exchange *x)
{
	struct job *job = MEM_NEW(struct job);
	char range[40];

	job->owner = owner;
	job->x = x;
	x->net = NET_OK;
	x->foreign = false;
	x->err[0] = '\0';
	x->sunk = x->sink_fd >= 0 ? x->sink_off : 0;
	curl_reply_reset(job);
	job->easy = curl_easy_init();
	if (job->easy == NULL) {
		curl_job_fail(job, NET_NOT_SENT, "out of memory");
		return job;
	}
	set_callbacks(job);
	set_limits(job);
	set_tls(job);
	set_method(job);
	set_headers(job);
	SET(job, CURLOPT_URL, x->url);
	if (x->sink_fd >= 0 && x->sink_off > 0) {
		snprintf(range, sizeof range, "%lld-", (long long)x->sink_off);
		SET(job, CURLOPT_RANGE, range);
	}
	return job;
}

void curl_job_free(struct job *job)
{
	curl_easy_cleanup(job->easy);
	curl_mime_free(job->mime);
	curl_slist_free_all(job->headers);
	buf_done(&job->held);
	free(job);
}

/* --- the end ---------------------------------------------------------------------------- */

/* Scheme, host and port of both are the same.  False too for what is no URL. */
static bool same_origin(CURLU *a, CURLU *b)
{
	static const CURLUPart parts[] = { CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT };
	bool same = true;

	for (int i = 0; same && i < 3; i++) {
		char *x = NULL, *y = NULL;

		same = curl_url_get(a, parts[i], &x, CURLU_DEFAULT_PORT) == CURLUE_OK
		       && curl_url_get(b, parts[i], &y, CURLU_DEFAULT_PORT) == CURLUE_OK
		       && strcasecmp(x, y) == 0;
		curl_free(x);
		curl_free(y);
	}
	return same;
}

static bool has_scheme(CURLU *url, const char *want)
{
	char *scheme = NULL;
	bool yes = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK
	           && strcasecmp(scheme, want) == 0;

	curl_free(scheme);
	return yes;
}

bool curl_job_redirect(struct job *job, CURLcode rc)
{
	CURLU *from, *to;
	char *at = NULL, *here = NULL;
	long status = 0;
	bool follow = false;

	curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
	if (rc != CURLE_OK || job->fail != NET_OK || strcmp(job->x->method, "GET") != 0
	    || (status != 301 && status != 302 && status != 303 && status != 307 && status != 308))
		return false;
	curl_easy_getinfo(job->easy, CURLINFO_REDIRECT_URL, &at);
	curl_easy_getinfo(job->easy, CURLINFO_EFFECTIVE_URL, &here);
	if (at == NULL)
		return false;
	from = curl_url();
	to = curl_url();
	if (curl_url_set(from, CURLUPART_URL, here, 0) != CURLUE_OK
	    || curl_url_set(to, CURLUPART_URL, at, 0) != CURLUE_OK)
		curl_job_fail(job, NET_BROKEN, "redirected to something that is no URL");
	else if (!has_scheme(to, "https") && !has_scheme(from, "http"))
		curl_job_fail(job, NET_BROKEN, "redirected from https to http");
	else if (++job->hops > HOPS_MAX)
		curl_job_fail(job, NET_BROKEN, "redirected more than %d times", HOPS_MAX);
	else
		follow = true;
	if (follow) {
		if (!same_origin(from, to)) {
			job->foreign = job->x->foreign = true;  /* for good, even if it comes back */
			set_headers(job);
		}
		at = mem_strdup(at);            /* curl owns it and is about to forget it */
		SET(job, CURLOPT_URL, at);
		free(at);
		curl_reply_reset(job);
		follow = job->fail == NET_OK;
	}
	curl_url_cleanup(from);
	curl_url_cleanup(to);
	return follow;
}

static void tell_total(struct job *job)
{
	struct exchange *x = job->x;
	curl_off_t length = -1;

	curl_easy_getinfo(job->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (job->range_size >= 0)
		x->total = job->range_size;
	else if (x->status == 200 && length >= 0 && !job->encoded)
		x->total = length;
}

void curl_job_finish(struct job *job, CURLcode rc)
{
	struct exchange *x = job->x;
	const char *why = job->error[0] != '\0' ? job->error : curl_easy_strerror(rc);
	long status = 0, proxy = 0;

	if (job->body == BODY_SINK && job->fail != NET_SINK)
		(void)curl_reply_flush(job);
	if (job->easy != NULL) {
		curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(job->easy, CURLINFO_HTTP_CONNECTCODE, &proxy);
		x->status = status >= 100 && status <= 999 ? (int)status : 0;
		tell_total(job);
	}
	if (!job->sent && job->fail == NET_OK && rc != CURLE_OK && proxy == 407)
		x->status = 407;
	if (job->fail != NET_OK)
		x->net = job->fail;
	else if (rc == CURLE_OK)
		x->net = NET_OK;
	else if (rc == CURLE_READ_ERROR || rc == CURLE_ABORTED_BY_CALLBACK || rc == CURLE_FILE_COULDNT_READ_FILE)
		x->net = NET_SINK;
	else
		x->net = job->sent ? NET_BROKEN : NET_NOT_SENT;
	if (job->fail == NET_OK && rc != CURLE_OK) {
		struct buf text = { 0 };

		buf_add_str(&text, why);
		http_cut_secret(text.at, x->secret);
		http_clean(x->err, sizeof x->err, span_of(text.at));
		buf_done(&text);
	}
	x->retry_after_ms = job->wait_ms >= 0 ? job->wait_ms :
	                    job->wait_s_ms >= 0 ? job->wait_s_ms :
	                    x->status == 429 ? job->wait_reset_ms : -1;
	http_cut_secret(x->err, x->secret);
	http_cut_secret(x->request_id, x->secret);
}
