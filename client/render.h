/* SPDX-License-Identifier: MIT */
#ifndef RENDER_H
#define RENDER_H

#include "json.h"
#include "term.h"

/*
 * Replies of the daemon (include/batchd/wire.h) as text for people.  Members that are missing or of another type are
 * left out; what comes from others is cleaned.  now_ms: unix milliseconds.
 */
void render_jobs(const struct term *term, const struct json *status, int64_t now_ms, struct buf *ret);
void render_job(const struct term *term, const struct json *job, int64_t now_ms, struct buf *ret);
/* One line that is the same as long as nothing happens. */
void render_job_line(const struct term *term, const struct json *job, struct buf *ret);
void render_event(const struct term *term, const struct json *event, struct buf *ret);
void render_why(const struct term *term, const struct json *why, int64_t now_ms, struct buf *ret);
void render_audit(const struct term *term, const struct json *audit, struct buf *ret);

/* Has it ended (done, failed, canceled)? */
bool job_ended(const struct json *job);
bool job_over(const struct json *job);          /* and so have its batches: a canceled job's may take a while */
bool job_state_is(const struct json *job, const char *state);
/* How far, 0 to 100; 100 only when every pass is settled. */
int job_percent(const struct json *job);
enum style job_style(const char *state);
/* The parts of its bar. */
struct bar job_bar(const struct json *job);

/* Is its reason told by what it waits for? */
bool job_says_reason(const struct json *job);
/* The name of the job's owner; nothing if it is not told. */
void render_owner(const struct json *job, struct buf *ret);
/* "in 12 s", "12 s ago", "now"; nothing for 0. */
void render_when(int64_t ms, int64_t now_ms, struct buf *ret);

#endif
