/* SPDX-License-Identifier: MIT */
#ifndef FRONT_H
#define FRONT_H

#include "ep.h"

/*
 * The core behind HTTP on 127.0.0.1: one thread a connection, one lock around the core; bodies
 * stream outside of it.
 */
struct front;

/* temp_dir: where uploads lie until they are whole; on the file system of the core's state_dir. */
int front_new(struct ep *ep, int port, const char *temp_dir, struct front **ret, struct err *err);
int front_port(const struct front *front);
void front_tick(struct front *front);           /* lets the core's time pass */
void front_free(struct front *front);           /* ends all connections; the core stays */

#endif
