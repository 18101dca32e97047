/* SPDX-License-Identifier: MIT */
#include "front.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "mem.h"

enum { BODY_MAX = 4 << 20, CONNECTION_BYTES = 1 << 20, BLOCK_BYTES = 1 << 17, FORM_BYTES = 1 << 16 };

struct front {
	struct MHD_Daemon *daemon;
	struct ep *ep;
	struct clock *clock;
	pthread_mutex_t lock;           /* around ep */
	char *temp_dir;
	atomic_int temps;
	atomic_bool stopping;
};

/* One call while it comes in. */
struct call {
	struct front *front;
	char *uri;
	bool begun, refused;            /* refused: a body too big, or a disk too full */
	struct buf body;
	/* of an upload */
	struct MHD_PostProcessor *form;
	char *temp;
	int fd;
	bool has_file;
	char *filename;
	struct buf purpose;
	int64_t bps;
};

/* A reply's body on its way out, where the plan has a hand in it. */
struct stream {
	struct front *front;
	struct buf body;
	int fd;                         /* -1: body */
	int64_t off, len, end, bps;
	bool clean;
};

static void front_sleep(struct front *front, int64_t ms)
{
	while (ms > 0 && !atomic_load(&front->stopping)) {
		int64_t part = ms < 50 ? ms : 50;
		struct timespec t = { .tv_nsec = part * 1000000 };

		nanosleep(&t, NULL);
		ms -= part;
	}
}

static int64_t now_ms(struct front *front)
{
	return front->clock->now_ms(front->clock);
}

/* --- replies --------------------------------------------------------------------------- */

static ssize_t on_stream_read(void *data, uint64_t pos, char *to, size_t max)
{
	struct stream *s = data;
	int64_t left = s->end - (int64_t)pos;
	size_t n = max;

	if (left <= 0)
		return s->clean || s->end == s->len ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
	if (s->bps > 0) {
		int64_t step = s->bps / 10 > 0 ? s->bps / 10 : 1;

		n = (size_t)step < n ? (size_t)step : n;
		front_sleep(s->front, (int64_t)n * 1000 / s->bps);
		if (atomic_load(&s->front->stopping))
			return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	if ((int64_t)n > left)
		n = (size_t)left;
	if (s->fd < 0) {
		memcpy(to, s->body.at + pos, n);
		return (ssize_t)n;
	}
	ssize_t got = pread(s->fd, to, n, s->off + (int64_t)pos);

	return got > 0 ? got : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void on_stream_free(void *data)
{
	struct stream *s = data;

	if (s->fd >= 0)
		close(s->fd);
	buf_done(&s->body);
	free(s);
}

/* Takes fd; the body of the reply goes with it. */
static struct MHD_Response *response_make(struct front *front, struct ep_reply *reply, int fd)
{
	int64_t len = fd >= 0 ? reply->len : (int64_t)reply->body.len;
	struct MHD_Response *r;
	struct stream *s;

	if (reply->cut_at < 0 && !reply->chunked && reply->slow_bps == 0) {
		if (fd >= 0)
			return MHD_create_response_from_fd_at_offset64((uint64_t)len, fd, (uint64_t)reply->off);
		return MHD_create_response_from_buffer(reply->body.len, reply->body.at, MHD_RESPMEM_MUST_COPY);
	}
	s = MEM_NEW(struct stream);
	*s = (struct stream){ .front = front, .body = reply->body, .fd = fd, .off = reply->off, .len = len,
	                      .bps = reply->slow_bps, .clean = reply->clean,
	                      .end = reply->cut_at >= 0 && reply->cut_at < len ? reply->cut_at : len };
	reply->body = (struct buf){ 0 };
	r = MHD_create_response_from_callback(reply->chunked ? MHD_SIZE_UNKNOWN : (uint64_t)len, BLOCK_BYTES,
	                                      on_stream_read, s, on_stream_free);
	if (r == NULL)
		on_stream_free(s);
	return r;
}

static void headers_add(struct MHD_Response *r, struct buf *headers)
{
	char *rest = NULL;

	for (char *line = strtok_r(headers->at, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		char *colon = strstr(line, ": ");

		if (colon == NULL)
			continue;
		*colon = '\0';
		MHD_add_response_header(r, line, colon + 2);
	}
}

/* Sends the reply.  MHD_NO breaks the connection. */
static enum MHD_Result reply_send(struct front *front, struct MHD_Connection *conn, struct ep_reply *reply, int fd)
{
	struct MHD_Response *r;
	enum MHD_Result sent;

	front_sleep(front, reply->stall_ms);
	if (reply->drop || atomic_load(&front->stopping)) {
		if (fd >= 0)
			close(fd);
		return MHD_NO;
	}
	r = response_make(front, reply, fd);
	if (r == NULL)
		return MHD_NO;
	if (reply->headers.len > 0)
		headers_add(r, &reply->headers);
	sent = MHD_queue_response(conn, (unsigned)reply->status, r);
	MHD_destroy_response(r);
	return sent;
}

/* --- requests -------------------------------------------------------------------------- */

static const char *header(struct MHD_Connection *conn, const char *name)
{
	return MHD_lookup_connection_value(conn, MHD_HEADER_KIND, name);
}

static struct ep_request request_of(struct MHD_Connection *conn, const char *method, struct call *call)
{
	return (struct ep_request){
		.method = method, .path = call->uri, .host = header(conn, "Host"),
		.authorization = header(conn, "Authorization"), .range = header(conn, "Range"),
		.idempotency_key = header(conn, "Idempotency-Key"), .body = buf_span(&call->body),
		.upload_path = call->has_file ? call->temp : NULL, .upload_take = true,
		.upload_filename = call->filename, .upload_purpose = call->purpose.at,
	};
}

static enum MHD_Result on_form(void *data, enum MHD_ValueKind kind, const char *key, const char *filename,
                               const char *type, const char *encoding, const char *bytes, uint64_t off, size_t n)
{
	struct call *call = data;

	(void)kind;
	(void)type;
	(void)encoding;
	(void)off;
	if (strcmp(key, "purpose") == 0 && call->purpose.len + n < 1000)
		buf_add(&call->purpose, bytes, n);
	if (strcmp(key, "file") != 0)
		return MHD_YES;
	call->has_file = true;
	if (call->filename == NULL && filename != NULL)
		call->filename = mem_strdup(filename);
	while (n > 0) {
		ssize_t w = write(call->fd, bytes, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0) {
			call->refused = true;
			return MHD_NO;
		}
		bytes += w;
		n -= (size_t)w;
	}
	return MHD_YES;
}

static bool is_form(struct MHD_Connection *conn)
{
	const char *type = header(conn, "Content-Type");

	return type != NULL && strncasecmp(type, "multipart/form-data", 19) == 0;
}

/* The head is in: what is to become of the body? */
static enum MHD_Result call_begin(struct call *call, struct MHD_Connection *conn, const char *method)
{
	struct front *front = call->front;
	struct ep_request req = request_of(conn, method, call);
	struct ep_reply reply;
	bool early;

	call->begun = true;
	if (strcmp(method, "POST") != 0 || !is_form(conn))
		return MHD_YES;
	pthread_mutex_lock(&front->lock);
	early = ep_call_early(front->ep, now_ms(front), &req, &reply);
	call->bps = ep_upload_bps(front->ep, now_ms(front));
	pthread_mutex_unlock(&front->lock);
	if (early) {
		enum MHD_Result sent = reply_send(front, conn, &reply, -1);

		ep_reply_done(&reply);
		return sent;
	}
	call->temp = mem_printf("%s/upload-%d.tmp", front->temp_dir, atomic_fetch_add(&front->temps, 1));
	call->fd = open(call->temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	call->form = MHD_create_post_processor(conn, FORM_BYTES, on_form, call);
	return call->fd >= 0 && call->form != NULL ? MHD_YES : MHD_NO;
}

static void call_feed(struct call *call, const char *bytes, size_t n)
{
	if (call->bps > 0)
		front_sleep(call->front, (int64_t)n * 1000 / call->bps);
	if (call->form != NULL) {
		if (!call->refused)
			MHD_post_process(call->form, bytes, n);
	} else if (call->body.len + n > BODY_MAX) {
		call->refused = true;
	} else {
		buf_add(&call->body, bytes, n);
	}
}

static enum MHD_Result call_end(struct call *call, struct MHD_Connection *conn, const char *method)
{
	struct front *front = call->front;
	struct ep_reply reply = { .cut_at = -1, .status = 413 };
	enum MHD_Result sent;
	int fd = -1;

	if (call->form != NULL) {
		MHD_destroy_post_processor(call->form);         /* hands out what it still holds */
		call->form = NULL;
		close(call->fd);
		call->fd = -1;
	}
	if (!call->refused) {
		struct ep_request req = request_of(conn, method, call);

		pthread_mutex_lock(&front->lock);
		ep_call(front->ep, now_ms(front), &req, &reply);
		if (reply.path != NULL) {                       /* open before somebody deletes it */
			fd = open(reply.path, O_RDONLY | O_CLOEXEC);
			if (fd < 0)
				reply.status = 500;
		}
		pthread_mutex_unlock(&front->lock);
	}
	sent = reply_send(front, conn, &reply, fd);
	ep_reply_done(&reply);
	return sent;
}

static enum MHD_Result on_call(void *data, struct MHD_Connection *conn, const char *url, const char *method,
                               const char *version, const char *bytes, size_t *n, void **state)
{
	struct call *call = *state;

	(void)data;
	(void)url;
	(void)version;
	if (!call->begun)
		return call_begin(call, conn, method);
	if (*n > 0) {
		call_feed(call, bytes, *n);
		*n = 0;
		return MHD_YES;
	}
	return call_end(call, conn, method);
}

/* The path as it was sent: with its query, nothing decoded. */
static void *on_uri(void *data, const char *uri, struct MHD_Connection *conn)
{
	struct call *call = MEM_NEW(struct call);

	(void)conn;
	call->front = data;
	call->uri = mem_strdup(uri);
	call->fd = -1;
	return call;
}

static void on_completed(void *data, struct MHD_Connection *conn, void **state, enum MHD_RequestTerminationCode how)
{
	struct call *call = *state;

	(void)data;
	(void)conn;
	(void)how;
	if (call == NULL)
		return;
	if (call->form != NULL)
		MHD_destroy_post_processor(call->form);
	if (call->fd >= 0)
		close(call->fd);
	if (call->temp != NULL)
		unlink(call->temp);             /* gone already if the core took it */
	free(call->temp);
	free(call->filename);
	free(call->uri);
	buf_done(&call->purpose);
	buf_done(&call->body);
	free(call);
	*state = NULL;
}

/* --- life ------------------------------------------------------------------------------ */

int front_new(struct ep *ep, int port, const char *temp_dir, struct front **ret, struct err *err)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
	                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct front *f = MEM_NEW(struct front);

	f->ep = ep;
	f->clock = clock_system();
	f->temp_dir = mem_strdup(temp_dir);
	pthread_mutex_init(&f->lock, NULL);
	f->daemon = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC,
		(uint16_t)port, NULL, NULL, on_call, f, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&addr,
		MHD_OPTION_URI_LOG_CALLBACK, on_uri, f, MHD_OPTION_NOTIFY_COMPLETED, on_completed, f,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
		MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
	if (f->daemon == NULL) {
		int rc = err_sys(err, BD_ENET, "cannot listen on 127.0.0.1:%d", port);

		front_free(f);
		return rc;
	}
	*ret = f;
	return 0;
}

int front_port(const struct front *front)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(front->daemon, MHD_DAEMON_INFO_BIND_PORT);

	return info != NULL ? info->port : 0;
}

void front_tick(struct front *front)
{
	pthread_mutex_lock(&front->lock);
	ep_tick(front->ep, now_ms(front));
	pthread_mutex_unlock(&front->lock);
}

void front_free(struct front *front)
{
	if (front == NULL)
		return;
	atomic_store(&front->stopping, true);
	if (front->daemon != NULL)
		MHD_stop_daemon(front->daemon);
	pthread_mutex_destroy(&front->lock);
	free(front->temp_dir);
	free(front);
}
