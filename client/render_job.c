/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "render.h"
#include "table.h"

enum { SETTLED_SHOWN = 5 };

static bool is_text(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* What is due already comes at any moment. */
static void render_next(int64_t ms, int64_t now_ms, struct buf *ret)
{
	render_when(ms > 0 && ms < now_ms ? now_ms : ms, now_ms, ret);
}

/* A label and a value on a line of their own; nothing if there is no value. */
static void line(const struct term *term, const char *label, const char *value, struct buf *ret)
{
	if (!is_text(value))
		return;
	buf_printf(ret, "  %-10s", label);
	term_clean(term, value, ret);
	buf_add_char(ret, '\n');
}

static void line_of(const struct term *term, const char *label, const struct json *job, const char *name,
                    struct buf *ret)
{
	line(term, label, json_get_str(job, name), ret);
}

static void head(const struct term *term, const struct json *job, int64_t now_ms, struct buf *ret)
{
	const char *state = json_get_str(job, "state"), *name = json_get_str(job, "name");
	const char *id = json_get_str(job, "id");
	struct buf text = { 0 };
	int64_t ended = json_get_int(job, "ended_ms", 0);

	term_style(term, STYLE_BOLD, ret);
	term_clean(term, is_text(name) ? name : is_text(id) ? id : "?", ret);
	term_style(term, STYLE_NONE, ret);
	if (is_text(name) && is_text(id)) {
		buf_add_str(ret, " (job ");
		term_clean(term, id, ret);
		buf_add_char(ret, ')');
	}
	buf_add_str(ret, "  ");
	term_clean(term, json_get_str(job, "workflow") != NULL ? json_get_str(job, "workflow") : "", ret);
	buf_add_str(ret, "  ");
	term_style(term, job_style(state), ret);
	term_clean(term, state != NULL ? state : "", ret);
	term_style(term, STYLE_NONE, ret);
	buf_add_char(ret, '\n');
	if (!job_says_reason(job))
		line_of(term, "reason", job, "reason", ret);
	line_of(term, "waiting", job, "waiting", ret);
	line_of(term, "model", job, "model", ret);
	line_of(term, "endpoint", job, "endpoint", ret);
	line_of(term, "save_dir", job, "save_dir", ret);
	line_of(term, "fetch to", job, "fetch_dir", ret);
	render_owner(job, &text);
	line(term, "owner", buf_str(&text), ret);
	buf_reset(&text);
	render_when(json_get_int(job, "created_ms", 0), now_ms, &text);
	if (ended > 0 && job_ended(job)) {
		buf_add_str(&text, ", ended ");
		render_when(ended, now_ms, &text);
	}
	line(term, "submitted", buf_str(&text), ret);
	buf_done(&text);
}

static void progress(const struct term *term, const struct json *job, struct buf *ret)
{
	const struct json *passes = json_get(job, "passes");
	size_t room = term->width == 0 ? 40 : term->width > 50 ? 40 : term->width > 20 ? term->width - 12 : 8;
	struct bar bar = job_bar(job);
	int64_t done = json_get_int(passes, "done", 0), failed = json_get_int(passes, "failed", 0);
	int64_t canceled = json_get_int(passes, "canceled", 0), total = json_get_int(passes, "total", 0);

	buf_add_str(ret, "\n  ");
	term_bar(term, &bar, room, ret);
	buf_printf(ret, " %3d%%", job_percent(job));
	buf_add_str(ret, term->width == 0 || term->width >= 80 ? "  " : "\n  ");
	term_count(done, ret);
	buf_add_str(ret, " of ");
	term_count(total, ret);
	buf_add_str(ret, " done");
	if (failed > 0) {
		buf_add_str(ret, ", ");
		term_style(term, STYLE_BAD, ret);
		term_count(failed, ret);
		buf_add_str(ret, " failed");
		term_style(term, STYLE_NONE, ret);
	}
	if (canceled > 0)
		buf_printf(ret, ", %" PRId64 " canceled", canceled);
	buf_add_char(ret, '\n');
}

static const struct column stage_columns[] = {
	{ .title = "stage", .right = true },
	{ .title = "progress", .bar = true, .drop = 3 },
	{ .title = "ready", .right = true },
	{ .title = "batched", .right = true, .drop = 4 },
	{ .title = "answered", .right = true, .drop = 5 },
	{ .title = "done", .right = true },
	{ .title = "failed", .right = true },
	{ .title = "canceled", .right = true, .drop = 6 },
	{ .title = "total", .right = true, .drop = 2 },
};

static void stages(const struct term *term, const struct json *job, struct buf *ret)
{
	static const char *const counts[] = { "ready", "batched", "answered", "done", "failed", "canceled", "total" };
	struct table t = { .columns = stage_columns, .n_columns = sizeof stage_columns / sizeof stage_columns[0] };
	const struct json *list = json_get(job, "stages");

	if (json_count(list) == 0)
		return;
	for (const struct json *s = json_first(list); s != NULL; s = json_next(s)) {
		struct bar bar = {
			.done = json_get_int(s, "done", 0) + json_get_int(s, "canceled", 0),
			.failed = json_get_int(s, "failed", 0),
			.busy = json_get_int(s, "batched", 0) + json_get_int(s, "answered", 0),
			.total = json_get_int(s, "total", 0),
		};
		double all = (double)bar.total;

		table_add_int(&t, term, STYLE_NONE, json_get_int(s, "stage", 0));
		table_add_bar(&t, &bar, bar.total > 0 ? (int)((double)(bar.done + bar.failed) * 100 / all) : 0);
		for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
			int64_t n = json_get_int(s, counts[i], 0);

			table_add_int(&t, term, i == 4 && n > 0 ? STYLE_BAD : STYLE_NONE, n);
		}
	}
	buf_add_char(ret, '\n');
	table_print(&t, term, 2, ret);
	table_done(&t);
}

static const struct column batch_columns[] = {
	{ .title = "batch", .right = true },
	{ .title = "stage", .right = true, .drop = 4 },
	{ .title = "state" },
	{ .title = "remote", .min = 11, .drop = 3 },
	{ .title = "remote id", .drop = 7 },
	{ .title = "requests", .right = true, .drop = 2 },
	{ .title = "completed", .right = true, .drop = 1 },
	{ .title = "next poll", .right = true, .drop = 5 },
	{ .title = "reason", .min = 10, .drop = 6 },
};

static bool is_settled(const struct json *batch)
{
	const char *state = json_get_str(batch, "state");

	return state != NULL && strcasecmp(state, "ENDED") == 0;
}

static void batch_row(const struct term *term, struct table *t, const struct json *b, int64_t now_ms)
{
	struct buf when = { 0 };

	table_add_int(t, term, STYLE_NONE, json_get_int(b, "id", 0));
	table_add_int(t, term, STYLE_NONE, json_get_int(b, "stage", 0));
	table_add(t, term, STYLE_NONE, json_get_str(b, "state"));
	table_add(t, term, STYLE_NONE, json_get_str(b, "remote_status"));
	table_add(t, term, STYLE_NONE, json_get_str(b, "remote_id"));
	table_add_int(t, term, STYLE_NONE, json_get_int(b, "requests", 0));
	table_add_int(t, term, STYLE_NONE, json_get_int(b, "completed", 0));
	if (!is_settled(b))
		render_next(json_get_int(b, "next_poll", 0), now_ms, &when);
	table_add(t, term, STYLE_NONE, buf_str(&when));
	table_add(t, term, STYLE_BAD, json_get_str(b, "reason"));
	buf_done(&when);
}

/* All that are under way, and the last few of those that are through. */
static void batches(const struct term *term, const struct json *job, int64_t now_ms, struct buf *ret)
{
	struct table t = { .columns = batch_columns, .n_columns = sizeof batch_columns / sizeof batch_columns[0] };
	const struct json *list = json_get(job, "batches");
	size_t settled = 0, skip;

	for (const struct json *b = json_first(list); b != NULL; b = json_next(b))
		settled += is_settled(b);
	if (json_count(list) == 0)
		return;
	skip = settled > SETTLED_SHOWN ? settled - SETTLED_SHOWN : 0;
	settled = 0;
	for (const struct json *b = json_first(list); b != NULL; b = json_next(b))
		if (!is_settled(b) || ++settled > skip)
			batch_row(term, &t, b, now_ms);
	buf_add_char(ret, '\n');
	table_print(&t, term, 2, ret);
	if (skip > 0)
		buf_printf(ret, "  and %zu earlier batches\n", skip);
	table_done(&t);
}

static void failures(const struct term *term, const struct json *job, struct buf *ret)
{
	static const struct column columns[] = {
		{ .title = "failed", .right = true },
		{ .title = "reason", .min = 10 },
	};
	struct table t = { .columns = columns, .n_columns = 2 };
	const struct json *list = json_get(job, "failures");

	for (const struct json *f = json_first(list); f != NULL; f = json_next(f)) {
		table_add_int(&t, term, STYLE_BAD, json_get_int(f, "count", 0));
		table_add(&t, term, STYLE_NONE, json_get_str(f, "reason"));
	}
	if (t.n > 0) {
		buf_add_char(ret, '\n');
		table_print(&t, term, 2, ret);
	}
	table_done(&t);
}

static void tokens(const struct term *term, const struct json *job, struct buf *ret)
{
	static const char *const names[] = { "prompt", "completion", "cached", "reasoning" };
	const struct json *of = json_get(job, "tokens");
	struct buf text = { 0 };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		int64_t n = json_get_int(of, names[i], 0);

		if (n <= 0)
			continue;
		buf_add_str(&text, text.len > 0 ? ", " : "");
		term_count(n, &text);
		buf_printf(&text, " %s", names[i]);
	}
	if (text.len > 0)
		buf_add_char(ret, '\n');
	line(term, "tokens", buf_str(&text), ret);
	buf_done(&text);
}

void render_job(const struct term *term, const struct json *job, int64_t now_ms, struct buf *ret)
{
	head(term, job, now_ms, ret);
	progress(term, job, ret);
	stages(term, job, ret);
	batches(term, job, now_ms, ret);
	failures(term, job, ret);
	tokens(term, job, ret);
}

void render_why(const struct term *term, const struct json *why, int64_t now_ms, struct buf *ret)
{
	const char *state = json_get_str(why, "state");

	buf_add_str(ret, "job ");
	term_clean(term, json_get_str(why, "id") != NULL ? json_get_str(why, "id") : "?", ret);
	buf_add_str(ret, " is ");
	term_style(term, job_style(state), ret);
	term_clean(term, state != NULL ? state : "?", ret);
	term_style(term, STYLE_NONE, ret);
	buf_add_char(ret, '\n');
	for (const struct json *l = json_first(json_get(why, "lines")); l != NULL; l = json_next(l)) {
		struct buf when = { 0 };
		const char *what = json_get_str(l, "what");

		term_style(term, STYLE_BOLD, ret);
		term_clean(term, what != NULL ? what : "?", ret);
		term_style(term, STYLE_NONE, ret);
		if (is_text(json_get_str(l, "state"))) {
			buf_add_str(ret, "  ");
			term_clean(term, json_get_str(l, "state"), ret);
		}
		buf_add_char(ret, '\n');
		line_of(term, "waits for", l, "waits_for", ret);
		line_of(term, "remote id", l, "remote_id", ret);
		render_when(json_get_int(l, "since_ms", 0), now_ms, &when);
		line(term, "since", buf_str(&when), ret);
		buf_reset(&when);
		render_next(json_get_int(l, "next_ms", 0), now_ms, &when);
		line(term, "next", buf_str(&when), ret);
		line_of(term, "unblocks", l, "unblocks", ret);
		buf_done(&when);
	}
}

void render_audit(const struct term *term, const struct json *audit, struct buf *ret)
{
	bool ok = json_get_bool(audit, "ok", false);

	stages(term, audit, ret);
	if (json_count(json_get(audit, "stages")) > 0)
		buf_add_char(ret, '\n');
	for (const struct json *p = json_first(json_get(audit, "problems")); p != NULL; p = json_next(p)) {
		const char *text = json_str(p);

		buf_add_str(ret, "  ");
		term_style(term, STYLE_BAD, ret);
		term_clean(term, text != NULL ? text : "?", ret);
		term_style(term, STYLE_NONE, ret);
		buf_add_char(ret, '\n');
	}
	buf_add_str(ret, ok ? "it adds up\n" : "it does not add up\n");
}
