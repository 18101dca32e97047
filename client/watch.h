/* SPDX-License-Identifier: MIT */
#ifndef WATCH_H
#define WATCH_H

#include "args.h"
#include "err.h"
#include "json.h"

/*
 * `status --watch`: asks again and again; on a terminal redraws in place, into a pipe writes a line per change (with
 * --json: one line of JSON per change).  With a job it ends when the job does, as watch_verdict() says; else at Ctrl-C.
 */
int watch_run(const struct args *args, int every_ms, struct err *err);

/* 0 if the job is done, else BD_EFAILED with what it came to. */
int watch_verdict(const struct json *job, struct err *err);

/*
 * A daemon that answered before and is gone may be starting again (an upgrade): wait a moment and say true, to ask it
 * once more.  False if rc is another error, or it has been gone for too long.  last_ms: when it answered last, by
 * call_clock_ms(); 0: never.
 */
bool watch_patience(int rc, int64_t last_ms, int every_ms);

#endif
