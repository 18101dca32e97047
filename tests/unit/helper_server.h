/* SPDX-License-Identifier: MIT */
#ifndef HELPER_SERVER_H
#define HELPER_SERVER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A server on 127.0.0.1 in a thread of its own that says exactly the bytes it was told: the n-th request over all
 * connections gets the n-th scene.  Behind the last scene connections are closed unanswered.
 */
enum scene_when { WHEN_WHOLE, WHEN_HEAD, WHEN_BYTE };     /* the request's: all, head, first byte is in */
enum scene_then { THEN_KEEP, THEN_CLOSE, THEN_RESET, THEN_HANG };

struct scene {
	const char *reply;              /* NULL: nothing */
	size_t len;                     /* 0: strlen(reply) */
	enum scene_then then;
	enum scene_when when;
};

struct server;
struct server *server_new(const struct scene *scenes, size_t n);   /* scenes are borrowed */
void server_free(struct server *s);
int server_port(const struct server *s);
size_t server_requests(struct server *s);
/* What the n-th request was, as far as it had been read; owned by the server. */
const char *server_request(struct server *s, size_t n);
/* A port of 127.0.0.1 that nobody listens on. */
int server_dead_port(void);

#endif
