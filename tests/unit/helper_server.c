/* SPDX-License-Identifier: MIT */
#include "helper_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "mem.h"

#define CONNS 64

struct server {
	const struct scene *scenes;
	size_t n_scenes;
	int listener, wake[2], port;
	pthread_t thread;
	pthread_mutex_t lock;           /* over requests */
	char **requests;
	size_t n_requests;
	struct conn { int fd; struct buf in; bool done; } conns[CONNS];
};

static int listen_any(int *ret_port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof addr;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) < 0 || listen(fd, 64) < 0
	    || getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		abort();
	*ret_port = ntohs(addr.sin_port);
	return fd;
}

int server_dead_port(void)
{
	int port;

	close(listen_any(&port));
	return port;
}

static void conn_close(struct conn *c, bool reset)
{
	struct linger now = { 1, 0 };

	if (reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(c->fd);
	c->fd = -1;
	buf_done(&c->in);
}

/* How long the request at the buffer's start is, 0 if it is not all there. */
static size_t request_len(const struct buf *in, enum scene_when when)
{
	const char *end, *length;
	size_t head;

	if (when == WHEN_BYTE || in->len == 0)
		return in->len;
	end = strstr(in->at, "\r\n\r\n");
	if (end == NULL)
		return 0;
	head = (size_t)(end - in->at) + 4;
	if (when == WHEN_HEAD)
		return in->len;
	length = strcasestr(in->at, "\r\nContent-Length:");
	if (length != NULL && length < end)
		head += strtoul(length + 17, NULL, 10);
	return in->len >= head ? head : 0;
}

static void play(struct server *s, struct conn *c)
{
	const struct scene *scene = s->n_requests < s->n_scenes ? &s->scenes[s->n_requests] : NULL;
	size_t n = request_len(&c->in, scene != NULL ? scene->when : WHEN_WHOLE), left;

	if (n == 0 || c->done)
		return;
	pthread_mutex_lock(&s->lock);
	s->requests = mem_grow(s->requests, s->n_requests + 1, sizeof *s->requests);
	s->requests[s->n_requests++] = mem_strndup(c->in.at, n);
	pthread_mutex_unlock(&s->lock);
	buf_reset(&c->in);
	if (scene == NULL) {
		conn_close(c, false);
		return;
	}
	left = scene->len > 0 ? scene->len : scene->reply != NULL ? strlen(scene->reply) : 0;
	for (const char *p = scene->reply; left > 0;) {
		ssize_t done = send(c->fd, p, left, MSG_NOSIGNAL);

		if (done <= 0)
			break;
		p += done;
		left -= (size_t)done;
	}
	c->done = scene->then == THEN_HANG;
	if (scene->then == THEN_CLOSE || scene->then == THEN_RESET)
		conn_close(c, scene->then == THEN_RESET);
}

static void conn_read(struct server *s, struct conn *c)
{
	ssize_t n = recv(c->fd, buf_reserve(&c->in, 65537), 65536, 0);

	if (n <= 0) {
		conn_close(c, false);
		return;
	}
	c->in.len += (size_t)n;
	c->in.at[c->in.len] = '\0';
	play(s, c);
}

static void conn_accept(struct server *s)
{
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

	for (size_t i = 0; fd >= 0 && i < CONNS; i++) {
		if (s->conns[i].fd < 0) {
			s->conns[i] = (struct conn){ .fd = fd };
			return;
		}
	}
	close(fd);
}

static void *server_run(void *data)
{
	struct server *s = data;
	struct pollfd fds[CONNS + 2];

	for (;;) {
		fds[0] = (struct pollfd){ s->wake[0], POLLIN, 0 };
		fds[1] = (struct pollfd){ s->listener, POLLIN, 0 };
		for (size_t i = 0; i < CONNS; i++)      /* who hangs is not read any more */
			fds[i + 2] = (struct pollfd){ s->conns[i].done ? -1 : s->conns[i].fd, POLLIN, 0 };
		if (poll(fds, CONNS + 2, -1) < 0 || fds[0].revents != 0)
			return NULL;
		for (size_t i = 0; i < CONNS; i++)
			if (fds[i + 2].revents != 0)
				conn_read(s, &s->conns[i]);
		if (fds[1].revents != 0)
			conn_accept(s);
	}
}

struct server *server_new(const struct scene *scenes, size_t n)
{
	struct server *s = MEM_NEW(struct server);

	s->scenes = scenes;
	s->n_scenes = n;
	s->listener = listen_any(&s->port);
	for (size_t i = 0; i < CONNS; i++)
		s->conns[i].fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	if (pipe(s->wake) < 0 || pthread_create(&s->thread, NULL, server_run, s) != 0)
		abort();
	return s;
}

void server_free(struct server *s)
{
	if (write(s->wake[1], "x", 1) != 1)
		abort();
	pthread_join(s->thread, NULL);
	for (size_t i = 0; i < CONNS; i++)
		if (s->conns[i].fd >= 0)
			conn_close(&s->conns[i], false);
	for (size_t i = 0; i < s->n_requests; i++)
		free(s->requests[i]);
	free(s->requests);
	close(s->wake[0]);
	close(s->wake[1]);
	close(s->listener);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int server_port(const struct server *s)
{
	return s->port;
}

size_t server_requests(struct server *s)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = s->n_requests;
	pthread_mutex_unlock(&s->lock);
	return n;
}

const char *server_request(struct server *s, size_t n)
{
	const char *text;

	pthread_mutex_lock(&s->lock);
	text = n < s->n_requests ? s->requests[n] : "";
	pthread_mutex_unlock(&s->lock);
	return text;
}
