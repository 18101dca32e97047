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

int pass_any_ready(struct db *db, int64_t job, int stage, int64_t last, bool *ret, struct err *err)
{
	STMT(st, db, pass_any_ready);
	bind_stage(&st, job, stage);
	stmt_bind_int(&st, ":last", last);
	bool any = stmt_next(&st);
	int rc = stmt_finish(&st, err);
	if (rc == 0)
		*ret = any;
	return rc;
}

int pass_each_ready(struct db *db, int64_t job, int stage, int64_t from, int64_t last, ready_fn each, void *data, struct err *err)
{
	int rc = 0;
	STMT(st, db, pass_ready);

	bind_stage(&st, job, stage);
	stmt_bind_int(&st, ":from", from);
	stmt_bind_int(&st, ":last", last);
	while (rc == 0 && stmt_next(&st)) {
		struct ready_pass p = { stmt_int(&st, 0), stmt_int(&st, 1), ref_at(&st, 2) };

		rc = each(data, &p, err);
	}
	if (rc != 0)
		return rc < 0 ? rc : 0;
	return stmt_finish(&st, err);
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
		list[n++] = (struct member){ stmt_int(&st, 0), stmt_int(&st, 1), stmt_int(&st, 2) };
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

/* On to instance n; the cursor stays on the one that it has, if that is it. */
static int instance_reach(struct stmt *st, int64_t n, int64_t *at, struct err *err)
{
	while (*at < n && stmt_next(st))
		*at = stmt_int(st, 0);
	if (*at == n)
		return 0;
	int rc = stmt_finish(st, err);
	return rc < 0 ? rc : err_set(err, BD_ESTORE, "instance %lld is missing", (long long)n);
}

/* Two cursors side by side: a join would look each instance up from the root of its tree. */
int pass_each(struct db *db, int64_t job, int stage, int64_t passk, pass_fn each, void *data, struct err *err)
{
	int64_t at = -1;
	int rc = 0;
	STMT(st, db, pass_list);
	STMT(in, db, instance_list);

	bind_stage(&st, job, stage);
	stmt_bind_int(&in, ":job", job);
	while (rc == 0 && stmt_next(&st)) {
		rc = instance_reach(&in, stmt_int(&st, 0) / passk, &at, err);
		if (rc < 0)
			return rc;
		struct pass_row p = { .n = stmt_int(&st, 0), .instance_id = stmt_text(&in, 1),
			.attempt = stmt_int(&st, 2),
			.request = { stmt_int(&st, 3), 0, stmt_int(&st, 4), stmt_int(&st, 5) },
			.answer = ref_at(&st, 6),
			.spool = { stmt_int(&st, 10), stmt_int(&st, 11), stmt_int(&st, 12), stmt_int(&st, 13) },
			.reason = stmt_text(&st, 14), .details = stmt_text(&st, 15) };

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
