/* SPDX-License-Identifier: MIT */
#ifndef CONTROL_SITE_H
#define CONTROL_SITE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/*
 * A control socket with an engine behind it, in this process: a client's bytes go in, the reply comes out.  Nothing of
 * it reaches a network, and all is done by turns on one thread (uploads are written by libuv's own).  One at a time.
 */
void control_open(void);
void control_close(void);
const char *control_dir(void);                  /* its state_dir */

/* A client's end of a connection, not blocking. */
int control_connect(void);
/* As much as is taken; false once the other side has hung up. */
bool control_send(int fd, const void *bytes, size_t n);
void control_turn(void);                        /* what can be done is done */
/* Turns until the other side hangs up; what it said is appended.  False: it still holds on after many turns. */
bool control_reply(int fd, struct buf *ret);
/* One request, from connect to hang-up; the client sends no more behind it. */
void control_ask(const void *bytes, size_t n, struct buf *ret);
int control_clients(void);                      /* connections that are open */
int control_files(const char *start);           /* in state_dir, whose name begins so */

#endif
