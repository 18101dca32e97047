/* SPDX-License-Identifier: MIT */
/* Reading passes: what is ready, answered, in a batch, to be retried, to be rendered. */
#include <stdio.h>
#include <stdlib.h>

#include "db.h"
#include "mem.h"
#include "pass_store.h"
#include "stmt.h"

static struct line_ref ref_at(struct stmt *st, int col)
{
	return (struct line_ref){ stmt_int(st, col), stmt_int(st, col + 1), stmt_int(st, col + 2),
		stmt_int(st, col + 3) };
}

static void bind_stage(struct stmt *st, int64_t job, int stage)
{
	stmt_bind_int(st, ":job", job);
	stmt_bind_int(st, ":stage", stage);
}

int pass_list_answered(struct db *db, int64_t job, int stage, int64_t from, size_t most,
                       struct answered_pass *ret, size_t *ret_n, struct err *err)
{
	size_t n = 0;
	STMT(st, db, pass_answered);

	bind_stage(&st, job, stage);
	stmt_bind_int(&st, ":from", from);
	stmt_bind_int(&st, ":most", (int64_t)most);
	while (n < most && stmt_next(&st))
		ret[n++] = (struct answered_pass){ stmt_int(&st, 0), stmt_int(&st, 1), ref_at(&st, 2), ref_at(&st, 6) };
	int rc = stmt_finish(&st, err);
	if (rc == 0)
		*ret_n = n;
	return rc;
}

int pass_last(struct db *db, int64_t job, int stage, int64_t *ret_n, struct err *err)
{
	STMT(st, db, pass_last);
	bind_stage(&st, job, stage);
	int64_t n = stmt_next(&st) ? stmt_int(&st, 0) : -1;
	int rc = stmt_finish(&st, err);
	if (rc == 0)
		*ret_n = n;
	return rc;
}

int pass_count_really(struct db *db, int64_t job, int stage, int64_t ret[PASS_STATE_COUNT], struct err *err)
{
	STMT(st, db, pass_count_really);
	bind_stage(&st, job, stage);
	for (int s = 0; s < PASS_STATE_COUNT; s++)
		ret[s] = 0;
	while (stmt_next(&st)) {
		enum pass_state s;

		if (pass_state_of(stmt_text(&st, 0), &s))
			ret[s] = stmt_int(&st, 1);
	}
	return stmt_finish(&st, err);
}

int pass_any_ready(struct db *db, int64_t job, int stage, int64_t from, int64_t last, bool *ret, struct err *err)
{
	STMT(st, db, pass_any_ready);
	bind_stage(&st, job, stage);
	stmt_bind_int(&st, ":from", from);
	stmt_bind_int(&st, ":last", last);
	bool any = stmt_next(&st);
	int rc = stmt_finish(&st, err);
	if (rc == 0)
		*ret = any;
	return rc;
}

/* stmt: pass_ready, or pass_ready_later with the answer before. */
static int each_ready(struct stmt *st, bool later, ready_fn each, void *data, struct err *err)
{
	int rc = 0;

	while (rc == 0 && stmt_next(st)) {
		struct ready_pass p = { stmt_int(st, 0), stmt_int(st, 1), { 0 } };

		if (later)
			p.before = ref_at(st, 2);
		rc = each(data, &p, err);
	}
	if (rc != 0)
		return rc < 0 ? rc : 0;
	return stmt_finish(st, err);
}

int pass_each_ready(struct db *db, int64_t job, int stage, int64_t from, int64_t last, ready_fn each, void *data,
                    struct err *err)
{
	__attribute__((cleanup(stmt_release))) struct stmt st = stmt_get(db, stage > 1 ? Q_pass_ready_later : Q_pass_ready);

	bind_stage(&st, job, stage);
	stmt_bind_int(&st, ":from", from);
	stmt_bind_int(&st, ":last", last);
	return each_ready(&st, stage > 1, each, data, err);
}

int pass_of_batch(struct db *db, int64_t job, int stage, int64_t batch, int64_t first, int64_t last,
                  struct member **ret, size_t *ret_n, struct err *err)
{
	struct member *list = NULL;
	size_t n = 0;
	STMT(st, db, pass_of_batch);

	bind_stage(&st, job, stage);
	stmt_bind_int(&st, ":batch", batch);
	stmt_bind_int(&st, ":first", first);
	stmt_bind_int(&st, ":last", last);
	while (stmt_next(&st)) {
		if ((n & (n - 1)) == 0)
			list = mem_grow(list, n > 0 ? 2 * n : 1, sizeof *list);
		list[n++] = (struct member){ stmt_int(&st, 0), stmt_int(&st, 1) };
	}
	int rc = stmt_finish(&st, err);
	if (rc < 0) {
		free(list);
		return rc;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

/* Two cursors side by side: a join would look each instance up from the root of its tree. */
int pass_each(struct db *db, int64_t job, int stage, int64_t passk, pass_fn each, void *data, struct err *err)
{
	__attribute__((cleanup(instance_cursor_done))) struct instance_cursor instances;
	struct instance_place in;
	int rc = 0;
	STMT(st, db, pass_list);

	bind_stage(&st, job, stage);
	instance_cursor_init(&instances, db, job);
	while (rc == 0 && stmt_next(&st)) {
		rc = instance_cursor_to(&instances, stmt_int(&st, 0) / passk, &in, err);
		if (rc < 0)
			return rc;
		struct pass_row p = { .n = stmt_int(&st, 0), .instance_id = in.instance_id,
			.attempt = stmt_int(&st, 2), .batch = stmt_int(&st, 3), .answer = ref_at(&st, 4),
			.spool = { stmt_int(&st, 8), stmt_int(&st, 9), stmt_int(&st, 10), stmt_int(&st, 11) },
			.reason = stmt_text(&st, 12), .details = stmt_text(&st, 13) };

		if (!pass_state_of(stmt_text(&st, 1), &p.state))
			return err_set(err, BD_ESTORE, "pass %lld has an unknown state", (long long)p.n);
		rc = each(data, &p, err);
	}
	if (rc != 0)
		return rc < 0 ? rc : 0;
	return stmt_finish(&st, err);
}

int pass_list_retry(struct db *db, int64_t job, int stage, int64_t first, int64_t last,
                    struct retry_pass **ret, size_t *ret_n, struct err *err)
{
	struct retry_pass *list = NULL;
	size_t n = 0;
	STMT(st, db, pass_retry_list);

	bind_stage(&st, job, stage);
	stmt_bind_int(&st, ":first", first);
	stmt_bind_int(&st, ":last", last);
	while (stmt_next(&st)) {
		struct retry_pass p = { .n = stmt_int(&st, 1) };

		if (!pass_state_of(stmt_text(&st, 2), &p.state))
			continue;
		snprintf(p.reason, sizeof p.reason, "%s", stmt_text(&st, 3));
		p.answered = stmt_int(&st, 4) != 0;
		if ((n & (n - 1)) == 0)
			list = mem_grow(list, n > 0 ? 2 * n : 1, sizeof *list);
		list[n++] = p;
	}
	int rc = stmt_finish(&st, err);
	if (rc < 0) {
		free(list);
		return rc;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}
