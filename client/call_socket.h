/* SPDX-License-Identifier: MIT */
#ifndef CALL_SOCKET_H
#define CALL_SOCKET_H

#include "err.h"

/*
 * Connect to the daemon: at `path`; if NULL at $BATCHD_SOCKET; if that is not set at $XDG_RUNTIME_DIR/batchd/batchd.sock
 * or, when nobody listens there, at /run/batchd/batchd.sock.  *ret_fd is non-blocking and the caller's.
 */
int socket_connect(const char *path, int *ret_fd, struct err *err);

#endif
