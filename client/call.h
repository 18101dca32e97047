/* SPDX-License-Identifier: MIT */
#ifndef CALL_H
#define CALL_H

#include "args.h"
#include "err.h"
#include "json.h"

/*
 * One request to the daemon and its reply (include/batchd/wire.h).
 *
 *   call_open --> call_next ("more")* --> call_next ("ok" or error) --> call_close
 */
struct call;

/* Connect, send the command of args with its upload.  `job` stands in for a word "job...", else NULL.
 * BD_ENODAEMON: nobody listens; BD_EDENIED: we may not ask. */
int call_open(const struct args *args, const char *job, struct call **ret, struct err *err);

/* As call_open() for another command than that of args (its words and flags are not sent), of one job (NULL: none). */
int call_open_plain(const struct args *args, const char *command, const char *job, struct call **ret, struct err *err);

/* fetch: one file of a job from a byte on.  Behind the "ok", call_bytes() takes its bytes. */
int call_open_file(const struct args *args, const char *job, const char *name, int64_t from, struct call **ret,
                   struct err *err);
/* n raw bytes behind a reply line, into fd (called `path` in errors).  BD_ENET if they break off. */
int call_bytes(struct call *c, int64_t n, int fd, const char *path, struct err *err);

/*
 * 1 with a "more", 0 with the "ok" behind which nothing comes; *ret is owned by the caller.  Negative: what the daemon
 * said was wrong, or BD_ENET if its reply broke off.  Waits at most until_ms of the monotonic clock (0: for ever), then
 * BD_ENET.
 */
int call_next(struct call *c, int64_t until_ms, struct json **ret, struct err *err);
void call_close(struct call *c);

/* The whole of a command that answers at once. */
int call_once(const struct args *args, const char *job, struct json **ret, struct err *err);

/* Milliseconds of the monotonic clock. */
int64_t call_clock_ms(void);

#endif
