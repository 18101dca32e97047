/* SPDX-License-Identifier: MIT */
#ifndef CTL_CONN_H
#define CTL_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/*
 * One client: a request line comes in, perhaps with an upload behind it that goes straight to a file, then replies go
 * out, then it ends.  A peer that sends too much, nothing, or rubbish, or reads too slowly, loses its connection and
 * hurts nobody else.
 *
 * The connection owns itself.  ctl_conn_end() and ctl_conn_close() may be called at any time, twice too; its memory goes
 * after closed() was called.
 */
struct ctl_conn;
struct uv_loop_s;
struct uv_stream_s;

struct ctl_conn_fns {
	/* The request line is in.  Returns how many bytes of upload follow, or -1: there is nothing to wait for.
	 * *ret_path is where they go; owned by the connection then. */
	int64_t (*line)(void *data, struct span line, char **ret_path);
	/* The upload is all there (or there was none): run it.  path is handed over, NULL if none. */
	void (*ready)(void *data, char *path);
	/* The upload's file cannot be written. */
	void (*trouble)(void *data, const char *why);
	/* All that was written has been taken: who has much to say goes on now. */
	void (*drained)(void *data);
	void (*closed)(void *data);
};

/* Takes the next client of a listening pipe.  *held: the bytes that all of them together make us hold. */
struct ctl_conn *ctl_conn_accept(struct uv_loop_s *loop, struct uv_stream_s *listener, size_t *held,
                                 const struct ctl_conn_fns *fns, void *data);
bool ctl_conn_waits(const struct ctl_conn *c);                  /* its request has not come yet */
bool ctl_conn_peer(struct ctl_conn *c, uint32_t *ret_uid);
bool ctl_conn_gone(const struct ctl_conn *c);   /* has the peer closed?  (Not: shut its side, and waits for its answer) */
void ctl_conn_write(struct ctl_conn *c, struct span bytes);     /* copied */
size_t ctl_conn_unsent(const struct ctl_conn *c);       /* bytes that the peer has not taken yet */
/* Behind what is written so far: len bytes of the file from off on, read as the peer takes them; fd is taken over.  Then it ends. */
void ctl_conn_send_file(struct ctl_conn *c, int fd, int64_t off, int64_t len);
void ctl_conn_end(struct ctl_conn *c);                          /* close once all is written */
void ctl_conn_close(struct ctl_conn *c);                        /* close now */

#endif
