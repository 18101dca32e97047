/* SPDX-License-Identifier: MIT */
#ifndef WATCH_H
#define WATCH_H

#include "args.h"
#include "err.h"
#include "json.h"

/*
 * `status --watch`: asks every second; on a terminal redraws in place, into a pipe writes a line per change (with --json: one
 * line of JSON per change).  With a job it ends when the job does, as watch_verdict() says; else at Ctrl-C.
 */
int watch_run(const struct args *args, struct err *err);

/* 0 if the job is done, else BD_EFAILED with what it came to. */
int watch_verdict(const struct json *job, struct err *err);

#endif
