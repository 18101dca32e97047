/* SPDX-License-Identifier: MIT */
/* What a worker does of a submit: reads the data set, checks it, writes it down for the job, and lists its rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataset.h"
#include "fault.h"
#include "files.h"
#include "json.h"
#include "mem.h"
#include "range.h"
#include "submit_int.h"

enum { ENOUGH_WARNINGS = 5 };

static void check_repo(struct submit *w, const char *instance_id)
{
	if (w->repos == NULL)
		return;
	char *path = mem_printf("%s/%s.json", w->repos, instance_id);

	if (access(path, R_OK) != 0 && w->no_repo++ < ENOUGH_WARNINGS) {
		char *text = mem_printf("%s: no structure file %s; its passes will fail", instance_id, path);
		struct jw jw = { .out = &w->warnings, .comma = w->warnings.len > 1 };

		jw_str(&jw, text);
		free(text);
	}
	free(path);
}

static int on_row(void *data, const struct dataset_row *row, struct err *err)
{
	struct submit *w = data;
	char head[64];
	int n = snprintf(head, sizeof head, "%lld %zu ", (long long)row->off, row->len);
	int rc = file_write(w->rows, head, (size_t)n, err);

	buf_reset(&w->id);
	json_escape(&w->id, row->instance_id, strlen(row->instance_id));       /* a custom_id may have line breaks */
	buf_add_char(&w->id, '\n');
	if (rc == 0)
		rc = file_write(w->rows, w->id.at, w->id.len, err);
	if (w->model == NULL && row->model != NULL)
		w->model = mem_strdup(row->model);
	if (w->url == NULL && row->url != NULL)
		w->url = mem_strdup(row->url);
	if (w->start != NULL || w->end != NULL) {
		if (rc == 0)
			rc = mem_room_ask(2 * (w->n_ids + 1) * sizeof *w->ids, err);
		if (rc < 0)
			return rc;
		w->ids = mem_grow(w->ids, w->n_ids + 1, sizeof *w->ids);
		w->ids[w->n_ids++] = mem_strdup(row->instance_id);
	} else {
		check_repo(w, row->instance_id);
	}
	w->instances++;
	return rc;
}

static int nothing_between(const struct submit *w, struct err *err)
{
	const char *start = w->start, *end = w->end;

	return err_set(err, BD_EINVALID, "%s%s%s%s%s: no custom_id lies there", start != NULL ? "--start_file " : "",
	               start != NULL ? start : "", start != NULL && end != NULL ? ", " : "",
	               end != NULL ? "--end_file " : "", end != NULL ? end : "");
}

/* Of the instances, those with a pass in the range: they need their repositories, the others do not. */
static void count_kept(struct submit *w, int64_t passk)
{
	int64_t n = w->instances;

	w->instances = 0;
	for (int64_t i = 0; i < n; i++) {
		if (memchr(&w->keep[i * passk], true, (size_t)passk * sizeof *w->keep) == NULL)
			continue;
		check_repo(w, w->ids[i]);
		w->instances++;
	}
}

/* --start_file, --end_file: which passes there are. */
static int pick_range(struct submit *w, struct err *err)
{
	struct range range;
	int64_t passk = w->task.job->row.passk;
	int rc = range_read(w->start, w->end, &range, err);

	w->passes = w->instances * passk;
	if (rc < 0 || (w->start == NULL && w->end == NULL))
		return rc;
	if ((rc = mem_room_ask((size_t)w->passes, err)) < 0)
		return rc;
	w->keep = mem_zero((size_t)w->passes, sizeof *w->keep);
	size_t kept = 0;
	if ((rc = range_pick_passes(&range, (const char *const *)w->ids, w->n_ids, passk, w->keep, &kept, err)) < 0)
		return rc;
	w->passes = (int64_t)kept;
	count_kept(w, passk);
	return kept > 0 ? 0 : nothing_between(w, err);
}

/* raw: the file says to which url its requests go; a batch is made for that one. */
static int take_url(struct submit *w, struct err *err)
{
	const char *given = w->task.job->row.params;
	struct rollout_params params = { 0 };
	struct json *v = NULL;
	int rc = w->url != NULL ? json_parse(given, strlen(given), &v, err) : 0;

	if (rc == 0 && v != NULL)
		rc = rollout_params_read(v, &params, err);
	if (rc == 0 && v != NULL && w->url[0] != '/')
		rc = err_set(err, BD_EINVALID, "%.200s: url %.100s: it must be a path such as %s", w->shown, w->url,
		             params.line_url);
	if (rc == 0 && v != NULL) {
		params.line_url = w->url;
		rollout_params_print(&params, &w->params);
		rc = rollout_new(&params, &w->rollout, err);
	}
	json_free(v);
	return rc;
}

void submit_run(struct task *t)
{
	struct submit *w = AROUND(struct submit, task, t);
	struct mem_room room;

	w->rc = mem_room_open(&room, TASK_ROOM, &w->err);
	buf_add_char(&w->warnings, '[');
	if (w->warning != NULL)
		jw_str(&(struct jw){ .out = &w->warnings }, w->warning);
	if (w->rc == 0)
		w->rc = file_create(w->rows_path, 0600, &w->rows, &w->err);
	if (w->rc == 0)
		w->rc = w->raw ? dataset_read_requests(w->dataset_path, w->shown, w->out_path, on_row, w, &w->err) :
		                 dataset_read(w->dataset_path, w->shown, w->out_path, on_row, w, &w->err);
	if (w->rc == 0)
		w->rc = take_url(w, &w->err);
	if (w->rc == 0)
		w->rc = pick_range(w, &w->err);
	if (w->rc == 0 && w->no_repo == w->instances && w->repos != NULL)
		w->rc = err_set(&w->err, BD_EINVALID, "%s holds no structure file for any of the %lld instances "
		                "(they are named <instance_id>.json)", w->repos, (long long)w->instances);
	if (w->rc == 0 && w->no_repo > ENOUGH_WARNINGS) {
		char *text = mem_printf("and %lld more instances without a structure file",
		                        (long long)w->no_repo - ENOUGH_WARNINGS);
		struct jw jw = { .out = &w->warnings, .comma = true };

		jw_str(&jw, text);
		free(text);
	}
	buf_add_char(&w->warnings, ']');
	w->rc = mem_room_close(&room, w->rc, &w->err);
	if (w->rows != NULL && w->rc == 0)
		w->rc = file_commit(w->rows, &w->err);
	else
		file_abandon(w->rows);
	fault_step();
	unlink(w->dataset_path);
}
