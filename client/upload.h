/* SPDX-License-Identifier: MIT */
#ifndef UPLOAD_H
#define UPLOAD_H

#include <stdint.h>

#include "buf.h"
#include "err.h"

/* A file on its way to the daemon, which must know its size first: what is no regular file (a pipe) is copied. */
struct upload {
	int fd;                 /* -1: closed */
	int64_t size, left;
	const char *path;       /* borrowed */
	struct buf piece;
};

int upload_open(struct upload *up, const char *path, struct err *err);
/* 1 with the next bytes (valid until the next call), 0 at the end.  A file that got shorter is BD_EIO. */
int upload_read(struct upload *up, struct span *ret, struct err *err);
void upload_close(struct upload *up);

#endif
