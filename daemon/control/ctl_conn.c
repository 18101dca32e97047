/* SPDX-License-Identifier: MIT */
#include "ctl_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "batchd/wire.h"
#include "mem.h"

enum {
	CHUNK = 65536,
	HELD_MOST = 64 << 20,           /* requests that do not end and replies that nobody reads, of all of them */
	HELD_SHARE = 64 << 10,          /* so much is no reason to drop anybody */
	IDLE_MS = 60000,                /* a request that does not come is not waited for */
	SEND_IDLE_MS = 600000,          /* nor is a reader of a file that takes nothing of it */
	HALF_MS = 2000,                 /* how often a peer that shut its side is looked at: is it still there? */
};

enum conn_state { CONN_LINE, CONN_UPLOAD, CONN_REPLY, CONN_CLOSING };

struct ctl_conn {
	enum conn_state state;
	uv_pipe_t pipe;
	uv_timer_t idle;
	const struct ctl_conn_fns *fns;
	void *data;                     /* borrowed: for fns */
	struct buf in;
	char *chunk;                    /* CHUNK bytes */
	size_t looked;                  /* so much of `in` has no line's end */
	/* the upload */
	char *path;
	int fd;
	int64_t left;
	uv_fs_t write;
	uv_buf_t part;
	bool writing, end;
	bool half;                      /* the peer sends no more */
	bool sending;                   /* a file goes out: fd, left, off */
	int64_t off;
	int handles;
	size_t unsent;
	size_t *held;                   /* borrowed: unsent and the request, of all connections */
};

struct reply {
	uv_write_t req;
	struct ctl_conn *conn;
	size_t len;
	char bytes[];
};

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf);
static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf);
static void on_idle(uv_timer_t *t);
static void send_part(struct ctl_conn *c);

/* Who holds much goes when all together hold too much. */
static void check_held(struct ctl_conn *c)
{
	if (*c->held > HELD_MOST && c->in.len + c->unsent > HELD_SHARE)
		ctl_conn_close(c);
}

/* The request is not looked at again. */
static void drop_request(struct ctl_conn *c)
{
	*c->held -= c->in.len;
	buf_done(&c->in);
}

static void on_handle_closed(uv_handle_t *h)
{
	struct ctl_conn *c = h->data;

	if (--c->handles > 0 || c->writing)
		return;
	if (c->fd >= 0)
		close(c->fd);
	if (c->path != NULL)
		unlink(c->path);
	c->fns->closed(c->data);
	free(c->path);
	drop_request(c);
	free(c->chunk);
	free(c);
}

/* A file request ended after the handles had closed. */
static void closed_late(struct ctl_conn *c)
{
	if (c->handles == 0) {
		c->handles = 1;
		on_handle_closed((uv_handle_t *)&c->pipe);
	}
}

void ctl_conn_close(struct ctl_conn *c)
{
	if (c->state == CONN_CLOSING)
		return;
	c->state = CONN_CLOSING;
	uv_close((uv_handle_t *)&c->idle, on_handle_closed);
	uv_close((uv_handle_t *)&c->pipe, on_handle_closed);
}

void ctl_conn_end(struct ctl_conn *c)
{
	c->end = true;
	if (c->unsent == 0)
		ctl_conn_close(c);
}

static void on_part_read(uv_fs_t *req)
{
	struct ctl_conn *c = req->data;
	ssize_t n = req->result;

	uv_fs_req_cleanup(req);
	c->writing = false;
	if (c->state == CONN_CLOSING) {
		closed_late(c);
		return;
	}
	if (n <= 0) {                           /* shorter than it was: the peer notices */
		ctl_conn_close(c);
		return;
	}
	c->left -= n;
	c->off += n;
	c->sending = c->left > 0;
	c->end = c->end || !c->sending;
	ctl_conn_write(c, (struct span){ c->chunk, (size_t)n });
}

/* One part at a time: the next is read when the last is written. */
static void send_part(struct ctl_conn *c)
{
	if (c->writing || c->unsent > 0 || c->state == CONN_CLOSING)
		return;                         /* until on_written, on_part_read */
	uv_buf_t part[1] = { uv_buf_init(c->chunk, (unsigned)(c->left < CHUNK ? c->left : CHUNK)) };

	c->writing = true;
	c->write.data = c;
	(void)uv_fs_read(c->pipe.loop, &c->write, c->fd, part, 1, c->off, on_part_read);
}

void ctl_conn_send_file(struct ctl_conn *c, int fd, int64_t off, int64_t len)
{
	if (c->state == CONN_CLOSING || len <= 0) {
		close(fd);
		ctl_conn_end(c);
		return;
	}
	(void)uv_read_stop((uv_stream_t *)&c->pipe);
	c->fd = fd;
	c->off = off;
	c->left = len;
	c->sending = true;
	uv_timer_start(&c->idle, on_idle, SEND_IDLE_MS, SEND_IDLE_MS);
	send_part(c);
}

static void on_written(uv_write_t *req, int status)
{
	struct reply *r = (struct reply *)req;
	struct ctl_conn *c = r->conn;

	c->unsent -= r->len;
	*c->held -= r->len;
	free(r);
	if (status < 0) {
		ctl_conn_close(c);
	} else if (c->sending) {
		(void)uv_timer_again(&c->idle);
		send_part(c);
	} else if (c->end && c->unsent == 0) {
		ctl_conn_close(c);
	} else if (c->unsent == 0 && c->state == CONN_REPLY) {
		c->fns->drained(c->data);
	}
}

size_t ctl_conn_unsent(const struct ctl_conn *c)
{
	return c->unsent;
}

void ctl_conn_write(struct ctl_conn *c, struct span bytes)
{
	if (c->state == CONN_CLOSING)
		return;
	struct reply *r = mem_try_alloc(sizeof *r + bytes.len);

	if (r == NULL) {
		ctl_conn_close(c);
		return;
	}
	uv_buf_t buf = uv_buf_init(r->bytes, (unsigned)bytes.len);
	r->conn = c;
	r->len = bytes.len;
	memcpy(r->bytes, bytes.at, bytes.len);
	if (uv_write(&r->req, (uv_stream_t *)&c->pipe, &buf, 1, on_written) < 0) {
		free(r);
		ctl_conn_close(c);
		return;
	}
	c->unsent += bytes.len;
	*c->held += bytes.len;
	check_held(c);
}

/* --- the request ------------------------------------------------------------------------------------ */

static void run(struct ctl_conn *c)
{
	char *path = c->path;

	c->state = CONN_REPLY;
	drop_request(c);
	uv_timer_stop(&c->idle);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->path = NULL;
	/* what else the peer sends is read and dropped, so that its end is noticed */
	(void)uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
	c->fns->ready(c->data, path);
}

static void give_up(struct ctl_conn *c, const char *why)
{
	c->state = CONN_REPLY;
	c->fns->trouble(c->data, why);
}

static void on_part_written(uv_fs_t *req);

static void write_part(struct ctl_conn *c)
{
	uv_buf_t part[1] = { c->part };

	c->writing = true;
	c->write.data = c;
	(void)uv_fs_write(c->pipe.loop, &c->write, c->fd, part, 1, -1, on_part_written);
}

static void on_part_written(uv_fs_t *req)
{
	struct ctl_conn *c = req->data;
	ssize_t n = req->result;

	uv_fs_req_cleanup(req);
	c->writing = false;
	if (c->state == CONN_CLOSING) {
		closed_late(c);
		return;
	}
	if (n < 0) {
		give_up(c, uv_strerror((int)n));
		return;
	}
	c->left -= n;
	c->part.base += n;
	c->part.len -= (size_t)n;
	if (c->part.len > 0) {
		write_part(c);
	} else if (c->left == 0) {
		run(c);
	} else {
		(void)uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
	}
}

/* A part of the upload, from a buffer that stays until it is written; no more is read meanwhile. */
static void take_part(struct ctl_conn *c, char *bytes, size_t n)
{
	(void)uv_read_stop((uv_stream_t *)&c->pipe);
	(void)uv_timer_again(&c->idle);
	if ((int64_t)n > c->left)
		n = (size_t)c->left;
	c->part = uv_buf_init(bytes, (unsigned)n);
	write_part(c);
}

static void begin_upload(struct ctl_conn *c, size_t used)
{
	c->fd = open(c->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (c->fd < 0) {
		give_up(c, strerror(errno));
		return;
	}
	c->state = CONN_UPLOAD;
	if (c->left == 0)
		run(c);
	else if (c->in.len > used)
		take_part(c, c->in.at + used, c->in.len - used);
}

static void take_line(struct ctl_conn *c)
{
	char *nl = c->in.len > c->looked ? memchr(c->in.at + c->looked, '\n', c->in.len - c->looked) : NULL;

	c->looked = c->in.len;
	if (nl == NULL) {
		if (c->in.len > WIRE_LINE_MAX)
			ctl_conn_close(c);
		return;
	}
	size_t len = (size_t)(nl - c->in.at);
	c->left = c->fns->line(c->data, (struct span){ c->in.at, len }, &c->path);
	if (c->state == CONN_LINE && c->end)
		c->state = CONN_REPLY;          /* refused: what else comes is no second request */
	if (c->state != CONN_LINE)
		return;
	if (c->left < 0)
		run(c);
	else
		begin_upload(c, len + 1);
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
	struct ctl_conn *c = h->data;

	(void)hint;
	*buf = uv_buf_init(c->chunk, CHUNK);
}

/* Has the peer closed its end, or only said that it sends no more? */
static bool is_gone(const struct ctl_conn *c)
{
	struct pollfd p = { 0 };
	uv_os_fd_t fd;

	if (uv_fileno((const uv_handle_t *)&c->pipe, &fd) < 0)
		return true;
	p.fd = fd;
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct ctl_conn *c = s->data;

	if (n < 0) {
		/* a peer that only shut its side still gets its answer; one that waits for days may well leave before that */
		(void)uv_read_stop(s);
		c->half = c->state == CONN_REPLY && n == UV_EOF && !is_gone(c);
		if (c->half)
			uv_timer_start(&c->idle, on_idle, HALF_MS, HALF_MS);
		else
			ctl_conn_close(c);
		return;
	}
	if (n == 0 || c->state == CONN_REPLY || c->state == CONN_CLOSING)
		return;
	if (c->state == CONN_UPLOAD) {
		take_part(c, buf->base, (size_t)n);
		return;
	}
	buf_add(&c->in, buf->base, (size_t)n);
	if (buf_lacks(&c->in)) {
		ctl_conn_close(c);
		return;
	}
	*c->held += (size_t)n;
	take_line(c);
	if (c->state == CONN_LINE)
		check_held(c);
}

static void on_idle(uv_timer_t *t)
{
	struct ctl_conn *c = t->data;

	if (!c->half || is_gone(c))
		ctl_conn_close(c);
}

struct ctl_conn *ctl_conn_accept(struct uv_loop_s *loop, struct uv_stream_s *listener, size_t *held,
                                 const struct ctl_conn_fns *fns, void *data)
{
	struct ctl_conn *c = MEM_NEW(struct ctl_conn);

	c->fns = fns;
	c->data = data;
	c->chunk = mem_try_alloc(CHUNK);
	c->in.may_fail = true;
	c->held = held;
	c->fd = -1;
	c->handles = 2;
	uv_pipe_init(loop, &c->pipe, 0);
	uv_timer_init(loop, &c->idle);
	c->pipe.data = c;
	c->idle.data = c;
	uv_timer_start(&c->idle, on_idle, IDLE_MS, IDLE_MS);
	if (uv_accept(listener, (uv_stream_t *)&c->pipe) < 0 || c->chunk == NULL ||
	    uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) < 0)
		ctl_conn_close(c);
	return c;
}

bool ctl_conn_waits(const struct ctl_conn *c)
{
	return c->state == CONN_LINE;
}

bool ctl_conn_peer(struct ctl_conn *c, uint32_t *ret_uid)
{
	struct ucred cred;
	socklen_t len = sizeof cred;
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)&c->pipe, &fd) < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	*ret_uid = cred.uid;
	return true;
}

bool ctl_conn_gone(const struct ctl_conn *c)
{
	return c->state == CONN_CLOSING || is_gone(c);
}
