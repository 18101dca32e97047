/* SPDX-License-Identifier: MIT */
#include "call.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "batchd/wire.h"
#include "call_socket.h"
#include "mem.h"
#include "upload.h"

enum { REPLY_LINE_MAX = 256 << 20, READ_SIZE = 64 << 10 };

struct call {
	int fd;                 /* non-blocking */
	struct buf in;
	size_t next;            /* where in `in` the next line begins */
};

int64_t call_clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until the daemon has something for us, or (when writing) takes more from us.  Returns poll's events. */
static int wait_for(const struct call *c, short events, int64_t until_ms, short *ret, struct err *err)
{
	for (;;) {
		struct pollfd p = { .fd = c->fd, .events = events };
		int64_t left = until_ms == 0 ? -1 : until_ms - call_clock_ms();
		int n;

		if (until_ms != 0 && left < 0)
			left = 0;
		n = poll(&p, 1, left > 1000000 ? 1000000 : (int)left);
		if (n > 0) {
			*ret = p.revents;
			return 0;
		}
		if (n < 0 && errno != EINTR)
			return err_sys(err, BD_EIO, "poll");
		if (n == 0 && until_ms != 0 && call_clock_ms() >= until_ms)
			return err_set(err, BD_ENET, "the daemon did not answer in time");
	}
}

/*
 * Send bytes.  1 if all are through, 0 if the daemon answers or hangs up before it has read them: then its reply
 * says why, and nothing more is to be sent.
 */
static int send_bytes(struct call *c, struct span bytes, struct err *err)
{
	while (bytes.len > 0) {
		short events;
		ssize_t n;
		int rc = wait_for(c, POLLIN | POLLOUT, 0, &events, err);

		if (rc < 0)
			return rc;
		if ((events & POLLIN) != 0)
			return 0;
		n = send(c->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0;
		if (n < 0)
			return err_sys(err, BD_ENET, "cannot send to the daemon");
		bytes.at += n;
		bytes.len -= (size_t)n;
	}
	return 1;
}

static int send_upload(struct call *c, struct upload *up, struct err *err)
{
	struct span bytes;
	int rc = 1;

	while (rc > 0) {
		rc = upload_read(up, &bytes, err);
		if (rc > 0)
			rc = send_bytes(c, bytes, err);
	}
	return rc;
}

static int send_request(struct call *c, struct buf *line, struct upload *up, struct err *err)
{
	int rc;

	if (line->len > WIRE_LINE_MAX)
		return err_set(err, BD_EINVALID, "the request is longer than %d bytes", WIRE_LINE_MAX);
	rc = send_bytes(c, buf_span(line), err);
	if (rc > 0 && up != NULL)
		rc = send_upload(c, up, err);
	return rc < 0 ? rc : 0;
}

static void begin_request(const char *command, struct jw *w)
{
	jw_obj(w);
	jw_put_int(w, "batchd", WIRE_VERSION);
	jw_put_str(w, "command", command);
	jw_name(w, "args");
	jw_obj(w);
}

static int call_make(const struct args *args, struct buf *line, struct upload *up, struct call **ret, struct err *err)
{
	struct call *c = MEM_NEW(struct call);
	int rc = socket_connect(args_text(args, "socket"), &c->fd, err);

	if (rc < 0) {
		free(c);
		return rc;
	}
	rc = send_request(c, line, up, err);
	if (rc < 0) {
		call_close(c);
		return rc;
	}
	*ret = c;
	return 0;
}

int call_open(const struct args *args, const char *job, struct call **ret, struct err *err)
{
	const char *path = args_upload(args);
	struct buf line = { 0 };
	struct jw w = { .out = &line };
	struct upload up = { .fd = -1 };
	int rc = 0;

	begin_request(args->command->name, &w);
	args_print(args, job, &w);
	jw_obj_end(&w);
	if (path != NULL)
		rc = upload_open(&up, path, err);
	if (rc == 0) {
		if (path != NULL)
			jw_put_int(&w, "upload", up.size);
		jw_obj_end(&w);
		buf_add_char(&line, '\n');
		rc = call_make(args, &line, path != NULL ? &up : NULL, ret, err);
	}
	upload_close(&up);
	buf_done(&line);
	return rc;
}

/* A request without an upload, begun in a buffer of the caller: sends it and frees that. */
static int end_request(const struct args *args, struct jw *w, struct call **ret, struct err *err)
{
	jw_obj_end(w);
	jw_obj_end(w);
	buf_add_char(w->out, '\n');
	int rc = call_make(args, w->out, NULL, ret, err);
	buf_done(w->out);
	return rc;
}

int call_open_plain(const struct args *args, const char *command, const char *job, struct call **ret, struct err *err)
{
	struct buf line = { 0 };
	struct jw w = { .out = &line };

	begin_request(command, &w);
	if (job != NULL)
		jw_put_str(&w, "job", job);
	return end_request(args, &w, ret, err);
}

int call_open_file(const struct args *args, const char *job, const char *name, int64_t from, struct call **ret,
                   struct err *err)
{
	struct buf line = { 0 };
	struct jw w = { .out = &line };

	begin_request("fetch", &w);
	jw_put_str(&w, "job", job);
	jw_put_str(&w, "file", name);
	jw_put_int(&w, "from", from);
	return end_request(args, &w, ret, err);
}

/* One line of the reply is in: 1 a "more", 0 the "ok", negative the daemon's error. */
static int take_line(struct span line, struct json **ret, struct err *err)
{
	static const struct { const char *name; int rc; } kinds[] = { { "more", 1 }, { "ok", 0 } };
	struct json *v = NULL;
	const struct json *e;
	int rc = json_parse(line.at, line.len, &v, err);

	if (rc < 0) {
		err_prefix(err, "the daemon's reply is no JSON: ");
		if (err != NULL)
			err->code = BD_ENET;
		return BD_ENET;
	}
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (json_get(v, kinds[i].name) != NULL) {
			struct buf text = { 0 };

			json_print(json_get(v, kinds[i].name), &text);
			rc = json_parse(buf_str(&text), text.len, ret, err);
			buf_done(&text);
			json_free(v);
			return rc < 0 ? rc : kinds[i].rc;
		}
	e = json_get(v, "error");
	if (json_is_obj(e)) {
		int64_t code = json_get_int(e, "code", BD_EINTERNAL);
		const char *message = json_get_str(e, "message");

		if (code >= 0 || code < -1000)
			code = BD_EINTERNAL;
		rc = err_set(err, (int)code, "%s", message != NULL ? message : err_text((int)code));
	} else {
		rc = err_set(err, BD_ENET, "the daemon's reply is not understood; "
		             "is it of another version? (batchctl ping)");
	}
	json_free(v);
	return rc;
}

/* 1 to look again, 0 the daemon closed. */
static int read_some(struct call *c, struct err *err)
{
	ssize_t n;

	if (c->next > 0) {
		memmove(c->in.at, c->in.at + c->next, c->in.len - c->next);
		c->in.len -= c->next;
		c->next = 0;
	}
	if (c->in.len >= REPLY_LINE_MAX)
		return err_set(err, BD_ENET, "the daemon's reply has no end");
	buf_reserve(&c->in, READ_SIZE);
	n = recv(c->fd, c->in.at + c->in.len, READ_SIZE, 0);
	if (n > 0)
		c->in.len += (size_t)n;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

int call_next(struct call *c, int64_t until_ms, struct json **ret, struct err *err)
{
	size_t seen = c->next;

	for (;;) {
		char *lf = c->in.len > seen ? memchr(c->in.at + seen, '\n', c->in.len - seen) : NULL;
		short events;
		int rc;

		if (lf != NULL) {
			struct span line = { c->in.at + c->next, (size_t)(lf - (c->in.at + c->next)) };

			c->next += line.len + 1;
			return take_line(line, ret, err);
		}
		seen = c->in.len - c->next;     /* read_some() moves what is left to the front */
		rc = wait_for(c, POLLIN, until_ms, &events, err);
		if (rc == 0)
			rc = read_some(c, err);
		if (rc == 0)
			return err_set(err, BD_ENET, "the daemon hung up before its answer was through; "
			               "batchctl ping tells if it is there");
		if (rc < 0)
			return rc;
	}
}

int call_bytes(struct call *c, int64_t n, int fd, const char *path, struct err *err)
{
	while (n > 0) {
		size_t have = c->in.len - c->next;
		short events;
		int rc = 1;

		if (have == 0) {
			rc = wait_for(c, POLLIN, 0, &events, err);
			if (rc == 0)
				rc = read_some(c, err);
			if (rc == 0)
				rc = err_set(err, BD_ENET, "the daemon hung up before %s was through; fetch again to go on", path);
		}
		if (rc < 0)
			return rc;
		have = c->in.len - c->next;
		if ((int64_t)have > n)
			have = (size_t)n;
		ssize_t w = have > 0 ? write(fd, c->in.at + c->next, have) : 0;
		if (w < 0 && errno != EINTR)
			return err_sys(err, BD_EIO, "cannot write %s", path);
		c->next += w > 0 ? (size_t)w : 0;
		n -= w > 0 ? w : 0;
	}
	return 0;
}

void call_close(struct call *c)
{
	if (c == NULL)
		return;
	close(c->fd);
	buf_done(&c->in);
	free(c);
}

int call_once(const struct args *args, const char *job, struct json **ret, struct err *err)
{
	struct call *c = NULL;
	int rc = call_open(args, job, &c, err);

	while (rc == 0) {
		struct json *v = NULL;

		rc = call_next(c, 0, &v, err);
		if (rc == 0) {
			*ret = v;
			break;
		}
		if (rc > 0) {           /* news on the way: not asked for */
			json_free(v);
			rc = 0;
		}
	}
	call_close(c);
	return rc;
}
