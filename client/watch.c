/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "render.h"
#include "say.h"

enum { RESTART_MS = 60000 };

static volatile sig_atomic_t resized;

static void on_resize(int sig)
{
	(void)sig;
	resized = 1;
}

/* A line up to so many columns; style codes take none. */
static void add_cut(struct span line, size_t columns, struct buf *ret)
{
	while (line.len > 0) {
		const char *esc = memchr(line.at, '\033', line.len);
		struct span text = { line.at, esc != NULL ? (size_t)(esc - line.at) : line.len };
		size_t fits = term_fit(text, columns), code = 0;

		buf_add(ret, text.at, fits);
		columns = fits < text.len ? 0 : columns - term_columns(text);
		line.at += text.len;
		line.len -= text.len;
		while (code < line.len && (code == 0 || line.at[code - 1] != 'm'))
			code++;
		buf_add(ret, line.at, code);
		line.at += code;
		line.len -= code;
	}
}

/*
 * The text in place of the one before it, of *lines lines.  No line is longer than the terminal is wide and there are
 * fewer of them than it has: so the lines written are the lines to go back.  No mode of the terminal is changed:
 * whatever ends us, it is left as it was.
 */
static int redraw(const struct term *term, const struct buf *text, size_t *lines, struct err *err)
{
	struct span rest = buf_span(text), line;
	struct buf out = { 0 };
	size_t n = 0;
	int rc;

	if (resized)                    /* the old lines may lie anywhere */
		buf_add_str(&out, "\033[H");
	else if (*lines > 0)
		buf_printf(&out, "\r\033[%zuA", *lines);
	resized = 0;
	buf_add_str(&out, "\033[J");
	for (; n + 1 < term->height && span_line(&rest, &line); n++) {
		add_cut(line, term->width, &out);
		buf_add_char(&out, '\n');
	}
	*lines = n;
	rc = say_text(&out, err);
	buf_done(&out);
	return rc;
}

static void render_for_pipe(const struct args *args, const struct term *term, const struct json *reply, struct buf *ret)
{
	if (args_has(args, "json")) {
		json_print(reply, ret);
		buf_add_char(ret, '\n');
	} else if (args->n_words > 0) {
		render_job_line(term, reply, ret);
	} else {
		for (const struct json *job = json_first(json_get(reply, "jobs")); job != NULL; job = json_next(job))
			render_job_line(term, job, ret);
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

/* What is on the screen, or was last written into the pipe. */
struct shown {
	bool screen;
	size_t lines;
	struct buf last;
};

static int show(const struct args *args, struct shown *s, const struct json *reply, struct err *err)
{
	struct buf text = { 0 };
	struct term term;
	int rc;

	term_read(&term, STDOUT_FILENO);
	if (!s->screen) {
		render_for_pipe(args, &term, reply, &text);
		rc = say_changes(&text, &s->last, err);
		buf_done(&s->last);
		s->last = text;
		return rc;
	}
	if (args->n_words > 0)
		render_job(&term, reply, say_now_ms(), &text);
	else
		render_jobs(&term, reply, say_now_ms(), &text);
	rc = redraw(&term, &text, &s->lines, err);
	buf_done(&text);
	return rc;
}

int watch_verdict(const struct json *job, struct err *err)
{
	const char *state = json_get_str(job, "state"), *name = json_get_str(job, "name");
	int64_t failed = json_get_int(json_get(job, "passes"), "failed", 0);

	if (job_state_is(job, "done"))
		return 0;
	if (name == NULL || name[0] == '\0')
		name = json_get_str(job, "id");
	if (failed > 0)
		return err_set(err, BD_EFAILED, "job %.60s: %.20s, %" PRId64 " %s failed", name != NULL ? name : "?",
		               state != NULL ? state : "?", failed, failed == 1 ? "pass" : "passes");
	return err_set(err, BD_EFAILED, "job %.60s: %.20s", name != NULL ? name : "?", state != NULL ? state : "?");
}

bool watch_patience(int rc, int64_t last_ms, int every_ms)
{
	if ((rc != BD_ENODAEMON && rc != BD_ENET) || last_ms == 0 || call_clock_ms() - last_ms > RESTART_MS)
		return false;
	poll(NULL, 0, every_ms);
	return true;
}

/* Sleeps to the next look, or until the terminal has another size. */
static void pause_until(int64_t until_ms)
{
	int64_t left = until_ms - call_clock_ms();

	if (left > 0 && !resized)
		poll(NULL, 0, (int)left);
}

int watch_run(const struct args *args, int every_ms, struct err *err)
{
	struct sigaction act = { .sa_handler = on_resize };     /* no SA_RESTART: the pause ends */
	struct shown s = { .screen = isatty(STDOUT_FILENO) == 1 && !args_has(args, "json") };
	int64_t answered = 0;
	int rc = 0;

	if (s.screen)
		sigaction(SIGWINCH, &act, NULL);
	for (bool over = false; rc == 0 && !over; ) {
		int64_t next = call_clock_ms() + every_ms;
		struct json *reply = NULL;

		rc = call_once(args, NULL, &reply, err);
		if (rc < 0 && watch_patience(rc, answered, every_ms)) {
			rc = 0;
			continue;
		}
		if (rc == 0) {
			answered = call_clock_ms();
			rc = show(args, &s, reply, err);
		}
		over = args->n_words > 0 && job_over(reply);
		if (rc == 0 && over)
			rc = watch_verdict(reply, err);
		json_free(reply);
		if (rc == 0 && !over)
			pause_until(next);
	}
	buf_done(&s.last);
	return rc;
}
