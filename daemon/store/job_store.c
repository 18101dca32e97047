/* SPDX-License-Identifier: MIT */
#include "job_store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "mem.h"
#include "stmt.h"

enum { DELETE_MOST = 5000, STEPS_MOST = 32 };

void job_row_done(struct job_row *r)
{
	free(r->name);
	free(r->workflow);
	free(r->reason);
	free(r->endpoint);
	free(r->params);
	free(r->model);
	free(r->dataset);
	free(r->save_dir);
	free(r->fetch_dir);
	*r = (struct job_row){ 0 };
}

int job_insert(struct db *db, const struct job_row *row, int64_t *ret_id, struct err *err)
{
	int64_t id = 0;
	STMT(st, db, job_insert);

	stmt_bind_text(&st, ":name", row->name);
	stmt_bind_text(&st, ":workflow", row->workflow);
	stmt_bind_text(&st, ":endpoint", row->endpoint);
	stmt_bind_text(&st, ":params", row->params);
	stmt_bind_text(&st, ":model", row->model);
	stmt_bind_text(&st, ":dataset", row->dataset);
	stmt_bind_text(&st, ":save_dir", row->save_dir);
	stmt_bind_text(&st, ":fetch_dir", row->fetch_dir != NULL ? row->fetch_dir : "");
	stmt_bind_int(&st, ":owner_uid", row->owner_uid);
	stmt_bind_int(&st, ":priority", row->priority);
	stmt_bind_int(&st, ":canary", row->canary);
	stmt_bind_int(&st, ":stages", row->stages);
	stmt_bind_int(&st, ":passk", row->passk);
	stmt_bind_int(&st, ":instances", row->instances);
	stmt_bind_int(&st, ":passes", row->passes);
	stmt_bind_int(&st, ":created_ms", row->created_ms);
	if (stmt_next(&st))
		id = stmt_int(&st, 0);
	int rc = stmt_finish(&st, err);
	if (rc == 0)
		*ret_id = id;
	return rc;
}

int job_get(struct db *db, int64_t id, struct job_row *ret, struct err *err)
{
	struct job_row r = { .id = id };
	int c = 1;
	STMT(st, db, job_get);

	stmt_bind_int(&st, ":id", id);
	if (!stmt_next(&st)) {
		int rc = stmt_finish(&st, err);
		return rc < 0 ? rc : err_set(err, BD_ENOTFOUND, "no such job: %lld", (long long)id);
	}
	r.name = mem_strdup(stmt_text(&st, c++));
	r.workflow = mem_strdup(stmt_text(&st, c++));
	if (!job_state_of(stmt_text(&st, c++), &r.state))
		r.state = JOB_PAUSED;
	r.reason = mem_strdup(stmt_text(&st, c++));
	r.endpoint = mem_strdup(stmt_text(&st, c++));
	r.params = mem_strdup(stmt_text(&st, c++));
	r.model = mem_strdup(stmt_text(&st, c++));
	r.dataset = mem_strdup(stmt_text(&st, c++));
	r.save_dir = mem_strdup(stmt_text(&st, c++));
	r.fetch_dir = mem_strdup(stmt_text(&st, c++));
	int64_t *const numbers[] = { &r.owner_uid, &r.priority, &r.canary, &r.stages, &r.passk, &r.instances, &r.passes,
		&r.created_ms, &r.ended_ms, &r.spools, &r.prompt, &r.completion, &r.cached, &r.reasoning, &r.parses,
		&r.bytes_read };
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		*numbers[i] = stmt_int(&st, c++);
	int rc = stmt_finish(&st, err);
	if (rc < 0)
		job_row_done(&r);
	else
		*ret = r;
	return rc;
}

int job_set_state(struct db *db, int64_t id, enum job_state from, enum job_state to, const char *reason,
                  int64_t ended_ms, struct err *err)
{
	assert(from == to || job_may_move(from, to));
	STMT(st, db, job_set_state);
	stmt_bind_int(&st, ":id", id);
	stmt_bind_text(&st, ":state", job_state_name(to));
	stmt_bind_text(&st, ":reason", reason);
	stmt_bind_int(&st, ":ended_ms", ended_ms);
	return stmt_finish(&st, err);
}

int job_set_save_dir(struct db *db, int64_t id, const char *save_dir, struct err *err)
{
	STMT(st, db, job_set_save_dir);
	stmt_bind_int(&st, ":id", id);
	stmt_bind_text(&st, ":save_dir", save_dir);
	return stmt_finish(&st, err);
}

int job_set_canary(struct db *db, int64_t id, int64_t canary, struct err *err)
{
	STMT(st, db, job_set_canary);
	stmt_bind_int(&st, ":id", id);
	stmt_bind_int(&st, ":canary", canary);
	return stmt_finish(&st, err);
}

int job_set_sizes(struct db *db, int64_t id, int64_t instances, int64_t passes, struct err *err)
{
	STMT(st, db, job_set_sizes);
	stmt_bind_int(&st, ":id", id);
	stmt_bind_int(&st, ":instances", instances);
	stmt_bind_int(&st, ":passes", passes);
	return stmt_finish(&st, err);
}

int job_of_save_dir(struct db *db, const char *save_dir, int64_t *ret_id, struct err *err)
{
	int64_t id = 0;
	STMT(st, db, job_of_save_dir);

	stmt_bind_text(&st, ":save_dir", save_dir);
	if (stmt_next(&st))
		id = stmt_int(&st, 0);
	int rc = stmt_finish(&st, err);
	if (rc < 0)
		return rc;
	if (id == 0)
		return err_set(err, BD_ENOTFOUND, "no job has save_dir %s", save_dir);
	*ret_id = id;
	return 0;
}

int job_set_recipe(struct db *db, int64_t id, const char *params, const char *model, struct err *err)
{
	STMT(st, db, job_set_recipe);
	stmt_bind_int(&st, ":id", id);
	stmt_bind_text(&st, ":params", params);
	stmt_bind_text(&st, ":model", model);
	return stmt_finish(&st, err);
}

int job_set_reason(struct db *db, int64_t id, const char *reason, struct err *err)
{
	STMT(st, db, job_set_reason);
	stmt_bind_int(&st, ":id", id);
	stmt_bind_text(&st, ":reason", reason);
	return stmt_finish(&st, err);
}

int job_find(struct db *db, const char *word, int64_t owner, int64_t *ret_id, struct err *err)
{
	int64_t id = 0, exact = 0, n = 0;
	char all[160] = "";
	size_t len = 0;
	STMT(st, db, job_find);

	stmt_bind_text(&st, ":word", word);
	stmt_bind_int(&st, ":owner", owner);
	while (stmt_next(&st)) {
		if (n == 0) {
			id = stmt_int(&st, 0);
			exact = stmt_int(&st, 1);
		}
		if (len < sizeof all)
			len += (size_t)snprintf(all + len, sizeof all - len, "%s%lld %.40s", n > 0 ? ", " : "",
			                        (long long)stmt_int(&st, 0), stmt_text(&st, 2));
		n++;
	}
	int rc = stmt_finish(&st, err);
	if (rc < 0)
		return rc;
	if (n == 0)
		return err_set(err, BD_ENOTFOUND, "no such job: %s (batchctl status lists them)", word);
	if (n > 1 && !exact)
		return err_set(err, BD_ENOTFOUND, "several jobs begin with %.40s: %s; name one whole, or by its number", word, all);
	*ret_id = id;
	return 0;
}

int job_list_open(struct db *db, int64_t **ret, size_t *ret_n, struct err *err)
{
	STMT(st, db, job_list_open);
	return stmt_ids(&st, ret, ret_n, err);
}

int job_list_old(struct db *db, int64_t before_ms, int64_t **ret, size_t *ret_n, struct err *err)
{
	STMT(st, db, job_list_old);
	stmt_bind_int(&st, ":before_ms", before_ms);
	return stmt_ids(&st, ret, ret_n, err);
}

int job_count_states(struct db *db, int64_t ret[JOB_STATE_COUNT], struct err *err)
{
	STMT(st, db, job_count_states);
	for (int s = 0; s < JOB_STATE_COUNT; s++)
		ret[s] = 0;
	while (stmt_next(&st)) {
		enum job_state s;

		if (job_state_of(stmt_text(&st, 0), &s))
			ret[s] = stmt_int(&st, 1);
	}
	return stmt_finish(&st, err);
}

int job_list_newest(struct db *db, int64_t below, size_t most, int64_t **ret, size_t *ret_n, struct err *err)
{
	STMT(st, db, job_list_newest);
	stmt_bind_int(&st, ":below", below);
	stmt_bind_int(&st, ":most", (int64_t)most);
	return stmt_ids(&st, ret, ret_n, err);
}

static int delete_bounded(struct db *db, enum query query, int64_t id, int stage, struct err *err)
{
	__attribute__((cleanup(stmt_release))) struct stmt st = stmt_get(db, query);

	stmt_bind_int(&st, ":job", id);
	stmt_bind_int(&st, ":most", DELETE_MOST);
	if (stage > 0)
		stmt_bind_int(&st, ":stage", stage);
	int rc = stmt_finish(&st, err);
	return rc < 0 ? rc : stmt_changes(&st) > 0;
}

int job_delete_some(struct db *db, int64_t id, struct err *err)
{
	static const enum query rest[] = { Q_job_delete_counts, Q_job_delete_reasons, Q_job_delete_batches,
		Q_job_delete_events };
	int rc = 0;

	for (int stage = 1; rc == 0 && stage <= STAGES_MAX; stage++)
		rc = delete_bounded(db, Q_job_delete_passes, id, stage, err);
	if (rc == 0)
		rc = delete_bounded(db, Q_job_delete_instances, id, 0, err);
	for (size_t i = 0; rc == 0 && i < sizeof rest / sizeof rest[0]; i++) {
		__attribute__((cleanup(stmt_release))) struct stmt st = stmt_get(db, rest[i]);

		stmt_bind_int(&st, ":job", id);
		rc = stmt_finish(&st, err);
	}
	if (rc == 0) {
		STMT(st, db, job_delete);
		stmt_bind_int(&st, ":id", id);
		rc = stmt_finish(&st, err);
	}
	return rc;
}

int job_forget_id(struct db *db, int64_t id, struct err *err)
{
	STMT(st, db, job_forget_id);
	stmt_bind_int(&st, ":id", id);
	return stmt_finish(&st, err);
}

int instance_insert(struct db *db, int64_t job, int64_t first, int64_t n, const char *const *ids, const int64_t *places,
                    struct err *err)
{
	STMT(st, db, instance_insert);
	stmt_bind_int(&st, ":job", job);
	stmt_bind_int(&st, ":first", first);
	stmt_bind_int(&st, ":last", first + n - 1);
	stmt_bind_texts(&st, ":ids", ids);
	stmt_bind_ints(&st, ":places", places);
	return stmt_finish(&st, err);
}

void instance_cursor_init(struct instance_cursor *c, struct db *db, int64_t job)
{
	*c = (struct instance_cursor){ .st = stmt_get(db, Q_instance_list), .job = job, .n = -1 };
}

static void cursor_seek(struct instance_cursor *c, int64_t n)
{
	stmt_release(&c->st);
	stmt_bind_int(&c->st, ":job", c->job);
	stmt_bind_int(&c->st, ":first", n);
	stmt_bind_int(&c->st, ":last", INT64_MAX);
	c->n = n - 1;
}

int instance_cursor_to(struct instance_cursor *c, int64_t n, struct instance_place *ret, struct err *err)
{
	if (c->n < 0 || n < c->n || n - c->n > STEPS_MOST)
		cursor_seek(c, n);
	while (c->n < n && stmt_next(&c->st))
		c->n = stmt_int(&c->st, 0);
	if (c->n == n) {
		*ret = (struct instance_place){ stmt_text(&c->st, 1), stmt_int(&c->st, 2), stmt_int(&c->st, 3) };
		return 0;
	}
	c->n = -1;
	int rc = stmt_finish(&c->st, err);
	return rc < 0 ? rc : err_set(err, BD_ENOTFOUND, "job %lld has no instance %lld", (long long)c->job, (long long)n);
}

void instance_cursor_done(struct instance_cursor *c)
{
	stmt_release(&c->st);
}

int instance_find(struct db *db, int64_t job, const char *instance_id, int64_t *ret_n, struct err *err)
{
	int64_t n = -1;
	STMT(st, db, instance_find);

	stmt_bind_int(&st, ":job", job);
	stmt_bind_text(&st, ":instance_id", instance_id);
	if (stmt_next(&st))
		n = stmt_int(&st, 0);
	int rc = stmt_finish(&st, err);
	if (rc == 0 && n < 0)
		return err_set(err, BD_ENOTFOUND, "no instance %.200s", instance_id);
	if (rc == 0)
		*ret_n = n;
	return rc;
}

int count_get(struct db *db, int64_t job, struct pass_counts *ret, struct err *err)
{
	STMT(st, db, count_list);
	stmt_bind_int(&st, ":job", job);
	memset(ret, 0, sizeof *ret);
	while (stmt_next(&st)) {
		int64_t stage = stmt_int(&st, 0);
		enum pass_state s;

		if (stage >= 1 && stage <= STAGES_MAX && pass_state_of(stmt_text(&st, 1), &s))
			ret->n[stage][s] = stmt_int(&st, 2);
	}
	return stmt_finish(&st, err);
}

int64_t count_total(const struct pass_counts *c, int stage)
{
	int64_t total = 0;

	for (int s = 0; s < PASS_STATE_COUNT; s++)
		total += c->n[stage][s];
	return total;
}

int reason_list(struct db *db, int64_t job, struct reason_count **ret, size_t *ret_n, struct err *err)
{
	struct reason_count *list = NULL;
	size_t n = 0;
	STMT(st, db, reason_list);

	stmt_bind_int(&st, ":job", job);
	while (stmt_next(&st)) {
		list = mem_grow(list, n + 1, sizeof *list);
		list[n++] = (struct reason_count){ mem_strdup(stmt_text(&st, 0)), mem_strdup(stmt_text(&st, 1)),
			stmt_int(&st, 2) };
	}
	int rc = stmt_finish(&st, err);
	if (rc < 0) {
		reason_list_free(list, n);
		return rc;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

void reason_list_free(struct reason_count *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(list[i].kind);
		free(list[i].reason);
	}
	free(list);
}
