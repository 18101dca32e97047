/* SPDX-License-Identifier: MIT */
/* The commands that ask once and print a line or a few. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "commands.h"
#include "mem.h"
#include "render.h"
#include "say.h"

enum { PING_MS = 5000 };

typedef void (*render_fn)(const struct term *term, const struct json *reply, struct buf *ret);

/* The reply as JSON or as text. */
static int show(const struct args *args, const struct json *reply, render_fn render, struct err *err)
{
	struct buf text = { 0 };
	struct term term;
	int rc;

	if (args_has(args, "json"))
		return say_json(reply, err);
	term_read(&term, STDOUT_FILENO);
	render(&term, reply, &text);
	rc = say_text(&text, err);
	buf_done(&text);
	return rc;
}

static int ask_and_show(const struct args *args, render_fn render, struct err *err)
{
	struct json *reply = NULL;
	int rc = call_once(args, NULL, &reply, err);

	if (rc == 0)
		rc = show(args, reply, render, err);
	json_free(reply);
	return rc;
}

static void render_state(const struct term *term, const struct json *reply, struct buf *ret)
{
	const char *id = json_get_str(reply, "id"), *endpoint = json_get_str(reply, "endpoint");
	const char *state = json_get_str(reply, "state"), *what = id == NULL && endpoint != NULL ? endpoint : id;

	buf_add_str(ret, what == endpoint && what != NULL ? "endpoint " : "job ");
	term_clean(term, what != NULL ? what : "?", ret);
	buf_add_str(ret, ": ");
	term_style(term, job_style(state), ret);
	term_clean(term, state != NULL ? state : "?", ret);
	term_style(term, STYLE_NONE, ret);
	buf_add_char(ret, '\n');
}

static void render_retry(const struct term *term, const struct json *reply, struct buf *ret)
{
	int64_t n = json_get_int(reply, "passes", 0);

	(void)term;
	if (n == 0)
		buf_add_str(ret, "no failed passes to start afresh\n");
	else
		buf_printf(ret, "%" PRId64 " %s started afresh\n", n, n == 1 ? "pass" : "passes");
}

static void render_why_now(const struct term *term, const struct json *reply, struct buf *ret)
{
	render_why(term, reply, say_now_ms(), ret);
}

int cmd_pause(const struct args *args, struct err *err)
{
	return ask_and_show(args, render_state, err);
}

int cmd_resume(const struct args *args, struct err *err)
{
	return ask_and_show(args, render_state, err);
}

int cmd_retry(const struct args *args, struct err *err)
{
	return ask_and_show(args, render_retry, err);
}

int cmd_why(const struct args *args, struct err *err)
{
	return ask_and_show(args, render_why_now, err);
}

/* A person is asked about the very job: a prefix may mean another than was thought. */
static int sure_then_show(const struct args *args, const char *what, const char *remark, const char *remark_kept, struct err *err)
{
	struct json *job = NULL;
	struct call *c = NULL;
	char text[400];
	int rc = 0;

	if (say_asks(args)) {
		rc = call_open_plain(args, "status", args->words[0], &c, err);
		if (rc == 0)
			rc = call_next(c, 0, &job, err);
		if (rc >= 0) {
			const char *id = json_get_str(job, "id"), *name = json_get_str(job, "name");
			bool kept = json_get_str(job, "fetch_dir") != NULL;

			snprintf(text, sizeof text, "%s job %.40s (%.100s)%s", what, id != NULL ? id : args->words[0],
			         name != NULL ? name : "?", kept ? remark_kept : remark);
			rc = say_sure(text) ? 0 : err_set(err, BD_EFAILED, "nothing done");
		}
		call_close(c);
		json_free(job);
	}
	return rc < 0 ? rc : ask_and_show(args, render_state, err);
}

int cmd_cancel(const struct args *args, struct err *err)
{
	static const char remark[] = ", with its batches under way?";

	return sure_then_show(args, "Cancel", remark, remark, err);
}

int cmd_remove(const struct args *args, struct err *err)
{
	return sure_then_show(args, "Forget", "? Its files stay.", ", and the results that batchd keeps for it? What was fetched stays.",
	                      err);
}

int cmd_audit(const struct args *args, struct err *err)
{
	struct json *reply = NULL;
	int rc = call_once(args, NULL, &reply, err);

	if (rc == 0)
		rc = show(args, reply, render_audit, err);
	if (rc == 0 && !json_get_bool(reply, "ok", false))
		rc = BD_EFAILED;
	json_free(reply);
	return rc;
}

int cmd_ping(const struct args *args, struct err *err)
{
	int64_t start = call_clock_ms();
	struct json *reply = NULL;
	struct call *c = NULL;
	struct buf text = { 0 };
	struct term term;
	int rc = call_open(args, NULL, &c, err);

	if (rc == 0)
		rc = call_next(c, start + PING_MS, &reply, err);
	if (rc >= 0 && args_has(args, "json")) {
		rc = say_json(reply, err);
	} else if (rc >= 0) {
		const char *version = json_get_str(reply, "version");

		term_read(&term, STDOUT_FILENO);
		buf_add_str(&text, "batchd ");
		term_clean(&term, version != NULL ? version : "?", &text);
		buf_printf(&text, ", pid %" PRId64 ", up ", json_get_int(reply, "pid", 0));
		term_duration(json_get_int(reply, "uptime_s", 0) * 1000, &text);
		buf_printf(&text, ", answered in %" PRId64 " ms\n", call_clock_ms() - start);
		rc = say_text(&text, err);
	}
	buf_done(&text);
	json_free(reply);
	call_close(c);
	return rc < 0 ? rc : 0;
}
