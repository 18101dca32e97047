/* SPDX-License-Identifier: MIT */
#ifndef CTL_INT_H
#define CTL_INT_H

#include <uv.h>

#include "ctl.h"
#include "ctl_conn.h"

struct ctl {
	struct ctl_env env;
	uv_pipe_t listener;
	uv_timer_t watch;               /* for those who wait for a job */
	char *path;
	struct ctl_call *calls;
	int open;                       /* handles that are not closed yet */
	size_t held;                    /* bytes held for the clients */
	int64_t uploads;
	bool closing;
	bool bound;                     /* the socket at path is ours to remove */
	void (*closed)(void *data);
	void *data;
};

/* One request of one client. */
struct ctl_call {
	struct ctl_call *next;
	struct ctl *ctl;
	struct ctl_conn *conn;
	int refs;                       /* the connection's, and one for each answer that comes later */
	uid_t uid;                      /* the peer's, by the kernel's word */
	enum ctl_right may;
	int64_t job;                    /* that args.job names; 0: none */
	struct json *request;           /* owned */
	const struct json *args;
	char *upload_path;              /* owned; NULL: none came */
	bool answered;                  /* the last line is on its way */
	/* while it goes on */
	bool follows;                   /* events */
	bool behind;                    /* it reads more slowly than there are events: more when it has taken those sent */
	int64_t follow_job, follow_seq;
	int64_t waits_for;              /* the job whose end it waits for; 0: none */
};

#define CMD(name, right, words, summary, details) int ctl_##name(struct ctl_call *call, struct err *err);
#include "batchd/commands.def"

void ctl_call_release(struct ctl_call *call);   /* conn is NULL once the client has gone */

/* What a peer may here, by its groups. */
enum ctl_right ctl_right_of(const struct config *cfg, uid_t uid);
/* Where what batchd reads for the peer must lie (roots.h).  Its own user's paths are its own, and root's. */
const char *ctl_roots(const struct ctl_call *call);
/* May batchd read that path for the peer? */
int ctl_path_check(const struct ctl_call *call, const char *what, const char *path, struct err *err);
/* Are results kept by batchd until their owner fetches them? */
bool ctl_keeps_results(const struct ctl_call *call);

/* A reply line {"ok":...} or {"more":...}: begin, write one value, send. */
void ctl_begin(struct jw *w, struct buf *line, const char *word);
void ctl_send(struct ctl_call *call, struct jw *w, struct buf *line, bool last);
void ctl_fail(struct ctl_call *call, const struct err *err);

void ctl_events_send(struct ctl_call *call);
void ctl_wait_check(struct ctl_call *call);

#endif
