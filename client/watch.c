/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "call.h"
#include "render.h"
#include "say.h"

enum { EVERY_MS = 1000 };

static volatile sig_atomic_t ended, resized;

static void on_signal(int sig)
{
	if (sig == SIGWINCH)
		resized = 1;
	else
		ended = sig;
}

/* What is on the screen of ours. */
struct screen {
	struct term term;
	size_t lines;
	bool open;
};

static void screen_open(struct screen *s)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH };
	struct sigaction act = { .sa_handler = on_signal };     /* no SA_RESTART: the wait ends */

	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		sigaction(signals[i], &act, NULL);
	fputs("\033[?25l", stdout);     /* no cursor over the text */
	s->open = true;
}

static void screen_close(struct screen *s)
{
	if (!s->open)
		return;
	fputs("\033[?25h", stdout);
	fflush(stdout);
	s->open = false;
}

/*
 * The text in place of the one before it.  No line is longer than the terminal is wide and there are fewer of them than it
 * has: so the lines we wrote are the lines to go back.
 */
static int screen_draw(struct screen *s, const struct buf *text, struct err *err)
{
	struct span rest = buf_span(text), line;
	struct buf out = { 0 };
	size_t n = 0;
	int rc;

	if (s->lines > 0)
		buf_printf(&out, "\033[%zuA", s->lines);
	buf_add_str(&out, "\r\033[J\033[?7l");  /* clear to the end; cut long lines, do not wrap them */
	while (n + 1 < s->term.height && span_line(&rest, &line)) {
		buf_add_span(&out, line);
		buf_add_char(&out, '\n');
		n++;
	}
	buf_add_str(&out, "\033[?7h");
	s->lines = n;
	rc = say_text(&out, err);
	buf_done(&out);
	return rc;
}

/* Sleeps to the next look, or until a signal. */
static void pause_a_while(int64_t until_ms)
{
	int64_t left = until_ms - call_clock_ms();

	if (left > 0)
		poll(NULL, 0, (int)left);
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->at, b->at, a->len) == 0);
}

static void render_for_pipe(const struct args *args, const struct screen *s, const struct json *reply, struct buf *ret)
{
	if (args_has(args, "json")) {
		json_print(reply, ret);
		buf_add_char(ret, '\n');
	} else if (args->n_words > 0) {
		render_job_line(&s->term, reply, ret);
	} else {
		for (const struct json *job = json_first(json_get(reply, "jobs")); job != NULL; job = json_next(job))
			render_job_line(&s->term, job, ret);
	}
}

/* The lines of `now` that are not in `before`. */
static int say_changes(const struct buf *now, const struct buf *before, struct err *err)
{
	struct span rest = buf_span(now), line;
	struct buf out = { 0 };
	int rc;

	while (span_line(&rest, &line)) {
		struct span old = buf_span(before), other;
		bool seen = false;

		while (!seen && span_line(&old, &other))
			seen = other.len == line.len && memcmp(other.at, line.at, line.len) == 0;
		if (!seen) {
			buf_add_span(&out, line);
			buf_add_char(&out, '\n');
		}
	}
	rc = say_text(&out, err);
	buf_done(&out);
	return rc;
}

static int show(const struct args *args, struct screen *s, const struct json *reply, struct buf *last, struct err *err)
{
	struct buf text = { 0 };
	int rc = 0;

	if (s->open) {
		term_read(&s->term, STDOUT_FILENO);
		if (args->n_words > 0)
			render_job(&s->term, reply, say_now_ms(), &text);
		else
			render_jobs(&s->term, reply, say_now_ms(), &text);
		rc = screen_draw(s, &text, err);
	} else {
		render_for_pipe(args, s, reply, &text);
		if (!same(&text, last))
			rc = say_changes(&text, last, err);
	}
	buf_done(last);
	*last = text;
	return rc;
}

int watch_verdict(const struct json *job, struct err *err)
{
	const char *state = json_get_str(job, "state"), *name = json_get_str(job, "name");
	int64_t failed = json_get_int(json_get(job, "passes"), "failed", 0);

	if (job_is(job, "done"))
		return 0;
	if (name == NULL || name[0] == '\0')
		name = json_get_str(job, "id");
	if (failed > 0)
		return err_set(err, BD_EFAILED, "job %.60s: %.20s, %" PRId64 " %s failed", name != NULL ? name : "?",
		               state != NULL ? state : "?", failed, failed == 1 ? "pass" : "passes");
	return err_set(err, BD_EFAILED, "job %.60s: %.20s", name != NULL ? name : "?", state != NULL ? state : "?");
}

int watch_run(const struct args *args, struct err *err)
{
	struct screen s = { 0 };
	struct buf last = { 0 };
	bool over = false;
	int rc = 0;

	ended = 0;
	term_read(&s.term, STDOUT_FILENO);
	if (s.term.tty && !args_has(args, "json"))
		screen_open(&s);
	while (rc == 0 && !over && ended == 0) {
		int64_t next = call_clock_ms() + EVERY_MS;
		struct json *reply = NULL;

		rc = call_once(args, NULL, &reply, err);
		if (rc == 0)
			rc = show(args, &s, reply, &last, err);
		if (rc == 0 && args->n_words > 0 && job_ended(reply)) {
			over = true;
			rc = watch_verdict(reply, err);
		}
		json_free(reply);
		resized = 0;
		if (rc == 0 && !over && ended == 0)
			pause_a_while(next);
	}
	screen_close(&s);
	buf_done(&last);
	if (ended != 0) {               /* as if the signal had ended us: callers see which */
		signal(ended, SIG_DFL);
		raise(ended);
	}
	return rc;
}
