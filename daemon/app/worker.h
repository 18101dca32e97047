/* SPDX-License-Identifier: MIT */
#ifndef WORKER_H
#define WORKER_H

#include "work.h"

struct uv_loop_s;

/* The worker pool: libuv's, behind the seam of base/work.h.  Owned by the caller; free() it when the loop is done. */
struct workers *worker_pool_new(struct uv_loop_s *loop);

#endif
