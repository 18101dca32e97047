/* SPDX-License-Identifier: MIT */
/* What a simulation came to: the job as people see it, its files, and what the endpoint wrote down. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch_store.h"
#include "db.h"
#include "files.h"
#include "helper_engine.h"
#include "job_store.h"
#include "mem.h"
#include "pass_store.h"

enum { KEPT = 16, FILE_MOST = 64 << 20 };

/* Texts handed out live in one of the last statuses. */
static struct json *kept[KEPT];
static int next_kept;
static struct buf file;

static const struct json *keep(struct buf *text)
{
	struct err err = { 0 };
	int at = next_kept++ % KEPT;

	json_free(kept[at]);
	kept[at] = NULL;
	ck_assert_msg(json_parse(buf_str(text), text->len, &kept[at], &err) == 0, "%s", err.msg);
	buf_done(text);
	return kept[at];
}

/* "a.0.b" */
static const struct json *at_path(const struct json *v, const char *path)
{
	char part[48];

	while (v != NULL && *path != '\0') {
		size_t n = strcspn(path, ".");

		snprintf(part, sizeof part, "%.*s", (int)n, path);
		path += n + (path[n] == '.');
		if (!json_is_list(v)) {
			v = json_get(v, part);
			continue;
		}
		const struct json *item = json_first(v);
		for (int i = atoi(part); i > 0 && item != NULL; i--)
			item = json_next(item);
		v = item;
	}
	return v;
}

static const struct json *status(int64_t job)
{
	struct buf text = { 0 };
	struct jw w = { .out = &text };
	struct err err = { 0 };

	ck_assert_msg(engine_job_status(sim_engine(), job, true, -1, &w, &err) == 0, "%s", err.msg);
	return keep(&text);
}

static const struct json *endpoints(void)
{
	struct buf text = { 0 };
	struct jw w = { .out = &text };

	engine_endpoint_status(sim_engine(), &w);
	return keep(&text);
}

static int64_t int_of(const struct json *v)
{
	int64_t n;

	return json_int(v, &n) ? n : -1;
}

static const char *text_of(const struct json *v)
{
	return json_str(v) != NULL ? json_str(v) : "";
}

int64_t sim_int(int64_t job, const char *path) { return int_of(at_path(status(job), path)); }
const char *sim_text(int64_t job, const char *path) { return text_of(at_path(status(job), path)); }
const char *sim_endpoint_text(const char *path) { return text_of(at_path(endpoints(), path)); }
int64_t sim_endpoint_int(const char *path) { return int_of(at_path(endpoints(), path)); }

int64_t sim_reason(int64_t job, const char *list, const char *reason)
{
	const struct json *v = json_first(json_get(status(job), list));

	for (; v != NULL; v = json_next(v))
		if (strcmp(text_of(json_get(v, "reason")), reason) == 0)
			return json_get_int(v, "count", -1);
	return 0;
}

/* --- files ------------------------------------------------------------------------------------------ */

char *sim_save_dir(int64_t job)
{
	return mem_strdup(sim_text(job, "save_dir"));
}

struct span sim_file(int64_t job, const char *name)
{
	char *dir = sim_save_dir(job), *path = path_join(dir, name);

	buf_reset(&file);
	if (file_size(path) >= 0)
		ck_assert_int_eq(file_get(path, FILE_MOST, &file, NULL), 0);
	free(path);
	free(dir);
	return file.len > 0 ? buf_span(&file) : (struct span){ "", 0 };
}

int sim_lines(int64_t job, const char *name)
{
	struct span text = sim_file(job, name), line;
	int n = 0;

	ck_assert_msg(text.len == 0 || text.at[text.len - 1] == '\n', "the last line of %s is cut", name);
	while (span_line(&text, &line))
		n++;
	return n;
}

struct wanted {
	const char *part;
	bool found;
};

static void on_event(void *data, const struct event_row *e)
{
	struct wanted *w = data;

	w->found = w->found || strstr(e->text, w->part) != NULL;
}

bool sim_event(const char *part)
{
	struct wanted w = { part, false };

	ck_assert_int_eq(event_each(sim_db(), 0, 0, 1000000, on_event, &w, NULL), 0);
	return w.found;
}

/* --- the endpoint's log ------------------------------------------------------------------------------ */

typedef bool (*log_fn)(void *data, const struct json *line);    /* false: stop */

static void log_each(log_fn each, void *data)
{
	char *path = path_join(sim_dir(), "log.jsonl");
	struct line_reader r;
	struct span line;
	bool on = true;

	ck_assert_int_eq(line_reader_open(&r, path, NULL), 0);
	while (on && line_reader_next(&r, 1 << 20, &line, NULL) == 1) {
		struct json *v = NULL;

		ck_assert_int_eq(json_parse(line.at, line.len, &v, NULL), 0);
		on = each(data, v);
		json_free(v);
	}
	line_reader_close(&r);
	free(path);
}

struct calls {
	const char *call;
	bool any;
	int n, nth;
	int64_t at_ms;
};

static bool count_call(void *data, const struct json *line)
{
	struct calls *c = data;

	if (strcmp(text_of(json_get(line, "call")), c->call) != 0 || (!c->any && !json_get_bool(line, "effect", false)))
		return true;
	if (++c->n == c->nth)
		c->at_ms = json_get_int(line, "at_ms", -1);
	return true;
}

int sim_calls(const char *call)
{
	struct calls c = { .call = call };

	log_each(count_call, &c);
	return c.n;
}

int sim_calls_any(const char *call)
{
	struct calls c = { .call = call, .any = true };

	log_each(count_call, &c);
	return c.n;
}

int64_t sim_call_ms(const char *call, int nth)
{
	struct calls c = { .call = call, .any = true, .nth = nth, .at_ms = -1 };

	log_each(count_call, &c);
	return c.at_ms;
}

struct bill {
	char *custom_id;
	int stage, n;
};
struct bills {
	struct bill *at;
	int n;
};

static bool add_bill(void *data, const struct json *line)
{
	struct bills *b = data;
	const char *id = json_get_str(line, "billed");
	int stage = atoi(text_of(json_get(line, "stage")));

	if (id == NULL)
		return true;
	for (int i = 0; i < b->n; i++)
		if (b->at[i].stage == stage && strcmp(b->at[i].custom_id, id) == 0) {
			b->at[i].n++;
			return true;
		}
	b->at = mem_grow(b->at, (size_t)b->n + 1, sizeof *b->at);
	b->at[b->n++] = (struct bill){ mem_strdup(id), stage, 1 };
	return true;
}

static void bills_done(struct bills *b)
{
	for (int i = 0; i < b->n; i++)
		free(b->at[i].custom_id);
	free(b->at);
}

int sim_billed(const char *custom_id, int stage)
{
	struct bills b = { 0 };
	int n = 0;

	log_each(add_bill, &b);
	for (int i = 0; i < b.n; i++)
		n += b.at[i].stage == stage && strcmp(b.at[i].custom_id, custom_id) == 0 ? b.at[i].n : 0;
	bills_done(&b);
	return n;
}

int sim_billed_all(void)
{
	struct bills b = { 0 };
	int n = 0;

	log_each(add_bill, &b);
	for (int i = 0; i < b.n; i++)
		n += b.at[i].n;
	bills_done(&b);
	return n;
}

void sim_check_billed_once(int requests)
{
	struct bills b = { 0 };

	log_each(add_bill, &b);
	for (int i = 0; i < b.n; i++)
		ck_assert_msg(b.at[i].n == 1, "%s was billed %d times at stage %d", b.at[i].custom_id, b.at[i].n, b.at[i].stage);
	ck_assert_int_eq(b.n, requests);
	bills_done(&b);
}

/* --- what must always hold ------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Whole JSON lines, no custom_id twice. */
static void check_file(int64_t job, const char *name)
{
	struct span text = sim_file(job, name), line;
	char **ids = NULL;
	size_t n = 0;

	ck_assert_msg(text.len == 0 || text.at[text.len - 1] == '\n', "the last line of %s is cut", name);
	while (span_line(&text, &line)) {
		struct json *v = NULL;
		struct err err = { 0 };

		if (json_parse(line.at, line.len, &v, &err) < 0)
			continue;               /* bytes of the endpoint's, kept as they came */
		if (json_get_str(v, "custom_id") != NULL) {
			ids = mem_grow(ids, n + 1, sizeof *ids);
			ids[n++] = mem_strdup(json_get_str(v, "custom_id"));
		}
		json_free(v);
	}
	if (n > 0)
		qsort(ids, n, sizeof *ids, compare);
	for (size_t i = 1; i < n; i++)
		ck_assert_msg(strcmp(ids[i - 1], ids[i]) != 0, "%s is in %s twice", ids[i], name);
	for (size_t i = 0; i < n; i++)
		free(ids[i]);
	free(ids);
}

void sim_check(int64_t job)
{
	static const char *const names[] = { "batch_requests_step1.jsonl", "batch_requests_step2.jsonl",
		"batch_output_step1.jsonl", "batch_output_step2.jsonl", "output.jsonl", "failures.jsonl" };
	struct db *db = NULL;
	struct err err = { 0 };
	struct pass_counts sums;
	char *path = path_join(sim_dir(), "batchd.db");

	ck_assert_msg(db_open_reader(path, &db, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(count_get(db, job, &sums, &err), 0);
	for (int stage = 1; stage <= STAGES_MAX; stage++) {
		int64_t really[PASS_STATE_COUNT];

		ck_assert_int_eq(pass_count_really(db, job, stage, really, &err), 0);
		for (int s = 0; s < PASS_STATE_COUNT; s++)
			ck_assert_msg(really[s] == sums.n[stage][s], "stage %d: %lld passes are %s, the sum says %lld", stage,
			              (long long)really[s], pass_state_word((enum pass_state)s),
			              (long long)sums.n[stage][s]);
	}
	db_close(db);
	free(path);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		check_file(job, names[i]);
}
