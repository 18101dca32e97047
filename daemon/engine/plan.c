/* SPDX-License-Identifier: MIT */
/*
 * submit --dry_run: what a job would come to, without making one.  A worker reads the dataset as a submit does, builds every
 * request of stage 1, and counts; nothing is written but the normalised dataset, which goes again.  How large the
 * requests of stage 2 are depends on the answers to stage 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batchd/wire.h"
#include "dataset.h"
#include "engine_int.h"
#include "files.h"
#include "mem.h"
#include "range.h"

enum { ROW_MAX = 256 << 20 };

struct plan {
	struct task task;
	char *dataset_path, *rows_path, *shown, *start, *end;
	struct rollout *rollout;
	int64_t passk, max_requests, max_bytes, line_bytes;
	bool raw;
	plan_fn done;
	void *data;
	/* in the worker */
	char **ids;
	size_t n;
	bool *keep;                     /* by pass; NULL: all */
	int64_t instances, passes, requests, bytes, batches, file_requests, file_bytes, too_large, missing;
	struct buf missing_example;
	int rc;
	struct err err;
};

static int on_row(void *data, const struct dataset_row *row, struct err *err)
{
	struct plan *p = data;

	int rc = mem_room_ask(2 * (p->n + 1) * sizeof *p->ids, err);

	if (rc < 0)
		return rc;
	if ((p->n & (p->n - 1)) == 0)
		p->ids = mem_grow(p->ids, p->n > 0 ? 2 * p->n : 1, sizeof *p->ids);
	p->ids[p->n++] = mem_strdup(row->instance_id);
	return 0;
}

/* Is any pass of the instance in the range? */
static bool is_wanted(const struct plan *p, size_t at)
{
	size_t passk = (size_t)p->passk;

	return p->keep == NULL || memchr(&p->keep[at * passk], true, passk * sizeof *p->keep) != NULL;
}

static int pick(struct plan *p, struct err *err)
{
	struct range range;
	int rc = range_read(p->start, p->end, &range, err);

	p->instances = (int64_t)p->n;
	p->passes = (int64_t)p->n * p->passk;
	if (rc < 0 || (p->start == NULL && p->end == NULL))
		return rc;
	if ((rc = mem_room_ask((size_t)p->passes, err)) < 0)
		return rc;
	p->keep = mem_zero((size_t)p->passes, sizeof *p->keep);
	size_t kept = 0;
	if ((rc = range_pick_passes(&range, (const char *const *)p->ids, p->n, p->passk, p->keep, &kept, err)) < 0)
		return rc;
	p->passes = (int64_t)kept;
	p->instances = 0;
	for (size_t at = 0; at < p->n; at++)
		p->instances += is_wanted(p, at);
	return 0;
}

static void count_line(struct plan *p, int64_t len)
{
	if (len > p->line_bytes) {
		p->too_large++;
		return;
	}
	if (p->batches == 0 || p->file_requests == p->max_requests || p->file_bytes + len > p->max_bytes) {
		p->batches++;
		p->file_requests = p->file_bytes = 0;
	}
	p->file_requests++;
	p->file_bytes += len;
	p->requests++;
	p->bytes += len;
}

static int count_instance(struct plan *p, size_t at, struct span row, struct err *err)
{
	struct instance *in = NULL;
	struct buf line = { 0 };
	struct err why = { 0 };
	int rc = instance_open(p->rollout, row, NULL, &in, &why);

	if (rc == BD_ENOMEM)
		return *err = why, rc;
	if (rc < 0) {
		p->missing++;
		if (p->missing_example.len == 0)
			buf_add_str(&p->missing_example, why.msg);
		return 0;
	}
	for (int64_t k = 0; k < p->passk && rc == 0; k++) {
		if (p->keep != NULL && !p->keep[(int64_t)at * p->passk + k])
			continue;
		char *id = custom_id_make(p->ids[at], k, p->passk);

		buf_reset(&line);
		rc = instance_request(in, 1, k, id, (struct span){ "", 0 }, &line, err);
		if (rc == 0)
			count_line(p, (int64_t)line.len);
		free(id);
	}
	buf_done(&line);
	instance_close(in);
	return rc;
}

static void run(struct task *t)
{
	struct plan *p = AROUND(struct plan, task, t);
	struct mem_room room;
	struct line_reader r;
	struct span row;

	p->rc = mem_room_open(&room, TASK_ROOM, &p->err);
	if (p->rc == 0)
		p->rc = p->raw ? dataset_read_requests(p->dataset_path, p->shown, p->rows_path, on_row, p, &p->err) :
	                 dataset_read(p->dataset_path, p->shown, p->rows_path, on_row, p, &p->err);
	if (p->rc == 0)
		p->rc = pick(p, &p->err);
	if (p->rc == 0)
		p->rc = line_reader_open(&r, p->rows_path, &p->err);
	if (p->rc == 0) {
		for (size_t at = 0; p->rc == 0 && at < p->n; at++) {
			p->rc = line_reader_next(&r, ROW_MAX, &row, &p->err);
			if (p->rc == 1)
				p->rc = is_wanted(p, at) ? count_instance(p, at, row, &p->err) : 0;
		}
		line_reader_close(&r);
	}
	p->rc = mem_room_close(&room, p->rc, &p->err);
	unlink(p->rows_path);
	unlink(p->dataset_path);
}

static void print(const struct plan *p, struct buf *ret)
{
	struct jw w = { .out = ret };

	jw_obj(&w);
	jw_put_int(&w, "schema", REPLY_SCHEMA);
	jw_put_bool(&w, "dry_run", true);
	jw_put_int(&w, "instances", p->instances);
	jw_put_int(&w, "passes", p->passes);
	jw_put_int(&w, "missing_repos", p->missing);
	if (p->missing > 0)
		jw_put_span(&w, "missing_example", buf_span(&p->missing_example));
	jw_name(&w, "stages");
	jw_list(&w);
	for (int stage = 1; stage <= rollout_stages(p->rollout); stage++) {
		jw_obj(&w);
		jw_put_int(&w, "stage", stage);
		jw_put_int(&w, "requests", p->requests);
		if (stage == 1) {
			jw_put_int(&w, "batches", p->batches);
			jw_put_int(&w, "bytes", p->bytes);
			jw_put_int(&w, "tokens", p->bytes / TOKEN_BYTES);
			jw_put_int(&w, "too_large", p->too_large);
		}
		jw_obj_end(&w);
	}
	jw_list_end(&w);
	jw_obj_end(&w);
}

static void done(struct task *t)
{
	struct plan *p = AROUND(struct plan, task, t);
	struct buf text = { 0 };

	if (p->rc < 0)
		p->done(p->data, NULL, &p->err);
	else
		print(p, &text), p->done(p->data, buf_str(&text), NULL);
	for (size_t i = 0; i < p->n; i++)
		free(p->ids[i]);
	free(p->ids);
	free(p->keep);
	free(p->dataset_path);
	free(p->rows_path);
	free(p->shown);
	free(p->start);
	free(p->end);
	buf_done(&p->missing_example);
	buf_done(&text);
	rollout_free(p->rollout);
	free(p);
}

int engine_plan(struct engine *e, const struct submission *s, plan_fn on_done, void *data, struct err *err)
{
	int rc = engine_submit_check(e, s, err);
	struct endpoint *ep = rc < 0 ? NULL : s->endpoint != NULL ? endpoint_find(e, s->endpoint) : e->endpoints;
	struct rollout_params params = s->params;
	struct rollout *r = NULL;

	if (rc < 0)
		return rc;
	const struct api_limits *limits = api_limits(ep->api);
	params.line_url = ep->cfg->line_url;
	rc = rollout_new(&params, &r, err);
	if (rc < 0)
		return rc;
	struct plan *p = MEM_NEW(struct plan);
	p->dataset_path = mem_strdup(s->dataset_path);
	p->rows_path = mem_printf("%s.rows", s->dataset_path);
	p->shown = mem_strdup(s->dataset != NULL ? s->dataset : "the dataset");
	p->start = s->start != NULL ? mem_strdup(s->start) : NULL;
	p->end = s->end != NULL ? mem_strdup(s->end) : NULL;
	p->rollout = r;
	p->raw = strcmp(s->params.workflow, "raw") == 0;
	p->passk = s->params.passk;
	p->max_requests = limits->max_requests > 0 && limits->max_requests < ep->cfg->max_requests ?
		limits->max_requests : ep->cfg->max_requests;
	p->max_bytes = limits->max_bytes > 0 && limits->max_bytes < ep->cfg->max_bytes ? limits->max_bytes :
		ep->cfg->max_bytes;
	p->line_bytes = p->max_bytes;
	if (ep->max_bytes > 0 && ep->max_bytes < p->max_bytes)
		p->max_bytes = ep->max_bytes;           /* as build_start() does */
	p->done = on_done;
	p->data = data;
	p->task.run = run;
	p->task.done = done;
	task_start(e, NULL, &p->task);
	return 0;
}
