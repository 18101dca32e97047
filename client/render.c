/* SPDX-License-Identifier: MIT */
#include "render.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "batchd/wire.h"
#include "mem.h"
#include "table.h"

bool job_state_is(const struct json *job, const char *state)
{
	const char *is = json_get_str(job, "state");

	return is != NULL && strcmp(is, state) == 0;
}

bool job_ended(const struct json *job)
{
	return job_state_is(job, "done") || job_state_is(job, "failed") || job_state_is(job, "canceled");
}

bool job_over(const struct json *job)
{
	return job_ended(job) && (!job_state_is(job, "canceled") || json_get_int(job, "ended_ms", 0) > 0);
}

bool job_says_reason(const struct json *job)
{
	const char *reason = json_get_str(job, "reason"), *waiting = json_get_str(job, "waiting");

	return reason != NULL && waiting != NULL && strstr(waiting, reason) != NULL;
}

enum style job_style(const char *state)
{
	static const struct { const char *state; enum style style; } styles[] = {
		{ "running", STYLE_BUSY }, { "done", STYLE_GOOD }, { "failed", STYLE_BAD },
		{ "paused", STYLE_DIM }, { "canceled", STYLE_DIM },
	};

	for (size_t i = 0; state != NULL && i < sizeof styles / sizeof styles[0]; i++)
		if (strcmp(styles[i].state, state) == 0)
			return styles[i].style;
	return STYLE_NONE;
}

static int64_t count_of(const struct json *of, const char *name)
{
	int64_t n = json_get_int(of, name, 0);

	return n > 0 ? n : 0;
}

static int64_t under_way(const struct json *stage)
{
	return count_of(stage, "ready") + count_of(stage, "batched") + count_of(stage, "answered");
}

/* Steps taken of all steps to take, a pass taking one per stage; the settled ones have taken them all. */
static void steps_of(const struct json *job, int64_t *ret_settled, int64_t *ret_between, int64_t *ret_total)
{
	const struct json *passes = json_get(job, "passes"), *stages = json_get(job, "stages");
	int64_t n = (int64_t)json_count(stages), before = 0, between = 0;
	int64_t settled = count_of(passes, "done") + count_of(passes, "failed") + count_of(passes, "canceled");

	if (n == 0)
		n = 1;
	for (const struct json *s = json_first(stages); s != NULL; s = json_next(s))
		between += before++ * under_way(s);
	*ret_total = count_of(passes, "total") * n;
	*ret_settled = settled * n;
	if (*ret_settled > *ret_total)
		*ret_settled = *ret_total;
	*ret_between = between < *ret_total - *ret_settled ? between : *ret_total - *ret_settled;
}

int job_percent(const struct json *job)
{
	int64_t settled, between, total;
	int percent;

	steps_of(job, &settled, &between, &total);
	if (total == 0)
		return job_ended(job) ? 100 : 0;
	percent = (int)((double)(settled + between) * 100 / (double)total);
	return percent > 99 && settled < total ? 99 : percent;
}

struct bar job_bar(const struct json *job)
{
	const struct json *passes = json_get(job, "passes");
	int64_t settled, between, total, n = (int64_t)json_count(json_get(job, "stages"));

	steps_of(job, &settled, &between, &total);
	n = n > 0 ? n : 1;
	return (struct bar){
		.done = (count_of(passes, "done") + count_of(passes, "canceled")) * n,
		.failed = count_of(passes, "failed") * n,
		.busy = between,
		.total = total,
	};
}

void render_when(int64_t ms, int64_t now_ms, struct buf *ret)
{
	if (ms <= 0)
		return;
	if (ms > now_ms - 1000 && ms < now_ms + 1000) {
		buf_add_str(ret, "now");
		return;
	}
	if (ms > now_ms)
		buf_add_str(ret, "in ");
	term_duration(ms > now_ms ? ms - now_ms : now_ms - ms, ret);
	if (ms < now_ms)
		buf_add_str(ret, " ago");
}

/* " word text" of a text that is there and not empty, with `before` in front. */
static void put_text(const struct term *term, const struct json *of, const char *name, const char *before,
                     struct buf *ret)
{
	const char *text = json_get_str(of, name);

	if (text == NULL || text[0] == '\0')
		return;
	buf_add_str(ret, before);
	term_clean(term, text, ret);
}

static void endpoint_lines(const struct term *term, const struct json *endpoints, int64_t now_ms, struct buf *ret)
{
	for (const struct json *e = json_first(endpoints); e != NULL; e = json_next(e)) {
		const char *state = json_get_str(e, "state");
		bool parked = state != NULL && strcmp(state, "parked") == 0;
		int64_t retry = json_get_int(e, "retry_ms", 0);

		put_text(term, e, "name", "endpoint ", ret);
		buf_printf(ret, ": %" PRId64 " of %" PRId64 " batches active", json_get_int(e, "active", 0),
		           json_get_int(e, "max_active", 0));
		if (parked) {
			term_style(term, STYLE_BAD, ret);
			buf_add_str(ret, ", parked");
			term_style(term, STYLE_NONE, ret);
		}
		put_text(term, e, "reason", ": ", ret);
		if (retry > 0) {
			buf_add_str(ret, ", next try ");
			render_when(retry, now_ms, ret);
		}
		buf_add_char(ret, '\n');
	}
}

/* The last one only where jobs of others are shown. */
static const struct column job_columns[] = {
	{ .title = "id", .right = true },
	{ .title = "name", .min = 10 },
	{ .title = "workflow", .drop = 5 },
	{ .title = "state" },
	{ .title = "progress", .bar = true, .drop = 3 },
	{ .title = "done", .right = true },
	{ .title = "failed", .right = true, .drop = 2 },
	{ .title = "endpoint", .min = 8, .drop = 6 },
	{ .title = "age", .right = true, .drop = 4 },
	{ .title = "owner", .min = 6, .drop = 1 },
};
enum { JOB_COLUMNS = sizeof job_columns / sizeof job_columns[0] };

static bool is_mine(const struct json *job)
{
	int64_t me = (int64_t)getuid();

	return json_get_int(job, "owner_uid", me) == me;
}

void render_owner(const struct json *job, struct buf *ret)
{
	int64_t uid = json_get_int(job, "owner_uid", -1);
	struct passwd *pw = uid >= 0 && uid < UINT32_MAX ? getpwuid((uid_t)uid) : NULL;

	if (pw != NULL)
		buf_add_str(ret, pw->pw_name);
	else if (uid >= 0)
		buf_printf(ret, "%" PRId64, uid);
}

static void job_row(const struct term *term, struct table *t, const struct json *job, int64_t now_ms)
{
	const struct json *passes = json_get(job, "passes");
	const char *state = json_get_str(job, "state");
	int64_t failed = count_of(passes, "failed"), made = json_get_int(job, "created_ms", 0);
	struct bar bar = job_bar(job);
	struct buf text = { 0 };

	table_add(t, term, STYLE_NONE, json_get_str(job, "id"));
	table_add(t, term, STYLE_NONE, json_get_str(job, "name"));
	table_add(t, term, STYLE_NONE, json_get_str(job, "workflow"));
	table_add(t, term, job_style(state), state);
	table_add_bar(t, &bar, job_percent(job));
	buf_printf(&text, "%" PRId64 "/%" PRId64, count_of(passes, "done"), count_of(passes, "total"));
	table_add(t, term, STYLE_NONE, buf_str(&text));
	table_add_int(t, term, failed > 0 ? STYLE_BAD : STYLE_NONE, failed);
	table_add(t, term, STYLE_NONE, json_get_str(job, "endpoint"));
	buf_reset(&text);
	if (made > 0)
		term_duration_short(now_ms - made, &text);
	table_add(t, term, STYLE_NONE, buf_str(&text));
	buf_reset(&text);
	if (t->n_columns == JOB_COLUMNS) {
		render_owner(job, &text);
		table_add(t, term, STYLE_NONE, buf_str(&text));
	}
	buf_done(&text);
}

void render_jobs(const struct term *term, const struct json *status, int64_t now_ms, struct buf *ret)
{
	const struct json *jobs = json_get(status, "jobs");
	struct table t = { .columns = job_columns, .n_columns = JOB_COLUMNS - 1 };

	for (const struct json *job = json_first(jobs); job != NULL; job = json_next(job))
		if (!is_mine(job))
			t.n_columns = JOB_COLUMNS;
	for (const struct json *job = json_first(jobs); job != NULL; job = json_next(job))
		job_row(term, &t, job, now_ms);
	if (json_count(jobs) == 0)
		buf_add_str(ret, "no jobs\n");
	else
		table_print(&t, term, 0, ret);
	if (json_count(jobs) >= STATUS_JOBS_MAX)
		buf_printf(ret, "\nthe newest %d; batchctl status JOB shows older ones\n", STATUS_JOBS_MAX);
	if (json_count(json_get(status, "endpoints")) > 0)
		buf_add_char(ret, '\n');
	endpoint_lines(term, json_get(status, "endpoints"), now_ms, ret);
	table_done(&t);
}

void render_job_line(const struct term *term, const struct json *job, struct buf *ret)
{
	const struct json *passes = json_get(job, "passes");

	put_text(term, job, "id", "", ret);
	put_text(term, job, "name", " ", ret);
	put_text(term, job, "state", " ", ret);
	buf_printf(ret, " %d%%: %" PRId64 " of %" PRId64 " done, %" PRId64 " failed", job_percent(job),
	           count_of(passes, "done"), count_of(passes, "total"), count_of(passes, "failed"));
	if (count_of(passes, "canceled") > 0)
		buf_printf(ret, ", %" PRId64 " canceled", count_of(passes, "canceled"));
	for (const struct json *s = json_first(json_get(job, "stages")); s != NULL && !job_ended(job); s = json_next(s))
		buf_printf(ret, "; stage %" PRId64 ": %" PRId64 " ready, %" PRId64 " batched, %" PRId64 " answered",
		           json_get_int(s, "stage", 0), count_of(s, "ready"), count_of(s, "batched"),
		           count_of(s, "answered"));
	if (!job_says_reason(job))
		put_text(term, job, "reason", "; ", ret);
	put_text(term, job, "waiting", "; waiting: ", ret);
	buf_add_char(ret, '\n');
}

void render_event(const struct term *term, const struct json *e, struct buf *ret)
{
	const char *level = json_get_str(e, "level"), *name = json_get_str(e, "job_name");
	time_t at = (time_t)(json_get_int(e, "time_ms", 0) / 1000);
	struct buf number = { 0 };
	struct tm tm;
	char text[32];
	int64_t n;

	if (localtime_r(&at, &tm) == NULL || strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		memcpy(text, "-", 2);
	buf_add_str(ret, text);
	buf_add_char(ret, ' ');
	bool loud = level != NULL && (strcmp(level, "error") == 0 || strcmp(level, "warning") == 0);
	if (loud)
		term_style(term, level[0] == 'e' ? STYLE_BAD : STYLE_BUSY, ret);
	term_clean(term, level != NULL ? level : "-", &number);
	buf_printf(ret, "%-7s", buf_str(&number));
	if (loud)
		term_style(term, STYLE_NONE, ret);
	buf_reset(&number);
	/* ids are numbers or texts of numbers */
	if (name == NULL || name[0] == '\0')
		name = json_get_str(e, "job");
	if (name != NULL)
		term_clean(term, name, &number);
	else if (json_int(json_get(e, "job"), &n))
		buf_printf(&number, "%" PRId64, n);
	buf_printf(ret, " %s", number.len > 0 ? buf_str(&number) : "-");
	n = json_get_int(e, "batch", 0);
	buf_add_char(ret, ' ');
	if (json_get_str(e, "batch") != NULL)
		term_clean(term, json_get_str(e, "batch"), ret);
	else if (n > 0)
		buf_printf(ret, "%" PRId64, n);
	else
		buf_add_char(ret, '-');
	put_text(term, e, "text", " ", ret);
	buf_add_char(ret, '\n');
	buf_done(&number);
}
