/* SPDX-License-Identifier: MIT */
#include "batch_store.h"

#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "mem.h"
#include "stmt.h"

void text_set(char **at, const char *text)
{
	char *copy = mem_strdup(text != NULL ? text : "");

	free(*at);
	*at = copy;
}

void batch_row_done(struct batch_row *r)
{
	free(r->endpoint);
	free(r->reason);
	free(r->file_id);
	free(r->remote_id);
	free(r->remote_word);
	free(r->output_file_id);
	free(r->error_file_id);
	free(r->error_code);
	*r = (struct batch_row){ 0 };
}

int batch_insert(struct db *db, int64_t job, int64_t stage, const char *endpoint, int64_t now_ms,
                 struct batch_row *ret, struct err *err)
{
	int64_t id = 0;
	{
		STMT(st, db, batch_insert);
		stmt_bind_int(&st, ":job", job);
		stmt_bind_int(&st, ":stage", stage);
		stmt_bind_text(&st, ":endpoint", endpoint);
		stmt_bind_int(&st, ":now_ms", now_ms);
		if (stmt_next(&st))
			id = stmt_int(&st, 0);
		int rc = stmt_finish(&st, err);
		if (rc < 0)
			return rc;
	}
	return batch_get(db, id, ret, err);
}

int batch_get(struct db *db, int64_t id, struct batch_row *ret, struct err *err)
{
	struct batch_row r = { .id = id };
	int c = 1;
	STMT(st, db, batch_get);

	stmt_bind_int(&st, ":id", id);
	if (!stmt_next(&st)) {
		int rc = stmt_finish(&st, err);
		return rc < 0 ? rc : err_set(err, BD_ENOTFOUND, "no batch %lld", (long long)id);
	}
	r.job = stmt_int(&st, c++);
	r.stage = stmt_int(&st, c++);
	r.endpoint = mem_strdup(stmt_text(&st, c++));
	if (!batch_state_of(stmt_text(&st, c++), &r.state))
		r.state = BATCH_ENDED;
	r.reason = mem_strdup(stmt_text(&st, c++));
	int64_t *const first[] = { &r.first_n, &r.last_n, &r.requests, &r.bytes, &r.uploads, &r.creates, &r.tries,
		&r.next_ms, &r.intent_ms, &r.since_ms };
	for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
		*first[i] = stmt_int(&st, c++);
	char **const texts[] = { &r.file_id, &r.remote_id, &r.remote_word, &r.output_file_id, &r.error_file_id };
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		*texts[i] = mem_strdup(stmt_text(&st, c++));
	r.completed = stmt_int(&st, c++);
	r.failed = stmt_int(&st, c++);
	r.error_code = mem_strdup(stmt_text(&st, c++));
	r.error_line = stmt_int(&st, c++);
	r.cancel = stmt_int(&st, c++);
	r.cleanup = stmt_int(&st, c++);
	r.created_ms = stmt_int(&st, c++);
	r.ended_ms = stmt_int(&st, c++);
	int rc = stmt_finish(&st, err);
	if (rc < 0)
		batch_row_done(&r);
	else
		*ret = r;
	return rc;
}

int batch_save(struct db *db, const struct batch_row *r, struct err *err)
{
	STMT(st, db, batch_save);
	stmt_bind_int(&st, ":id", r->id);
	stmt_bind_text(&st, ":state", batch_state_name(r->state));
	stmt_bind_text(&st, ":reason", r->reason);
	stmt_bind_int(&st, ":first_n", r->first_n);
	stmt_bind_int(&st, ":last_n", r->last_n);
	stmt_bind_int(&st, ":requests", r->requests);
	stmt_bind_int(&st, ":bytes", r->bytes);
	stmt_bind_int(&st, ":uploads", r->uploads);
	stmt_bind_int(&st, ":creates", r->creates);
	stmt_bind_int(&st, ":tries", r->tries);
	stmt_bind_int(&st, ":next_ms", r->next_ms);
	stmt_bind_int(&st, ":intent_ms", r->intent_ms);
	stmt_bind_int(&st, ":since_ms", r->since_ms);
	stmt_bind_text(&st, ":file_id", r->file_id);
	stmt_bind_text(&st, ":remote_id", r->remote_id);
	stmt_bind_text(&st, ":remote_word", r->remote_word);
	stmt_bind_text(&st, ":output_file_id", r->output_file_id);
	stmt_bind_text(&st, ":error_file_id", r->error_file_id);
	stmt_bind_int(&st, ":completed", r->completed);
	stmt_bind_int(&st, ":failed", r->failed);
	stmt_bind_text(&st, ":error_code", r->error_code);
	stmt_bind_int(&st, ":error_line", r->error_line);
	stmt_bind_int(&st, ":cancel", r->cancel);
	stmt_bind_int(&st, ":cleanup", r->cleanup);
	stmt_bind_int(&st, ":ended_ms", r->ended_ms);
	return stmt_finish(&st, err);
}

int batch_delete(struct db *db, int64_t id, struct err *err)
{
	STMT(st, db, batch_delete);
	stmt_bind_int(&st, ":id", id);
	return stmt_finish(&st, err);
}

int batch_list(struct db *db, int64_t job, int64_t **ret, size_t *ret_n, struct err *err)
{
	if (job == 0) {
		STMT(all, db, batch_list_open);
		return stmt_ids(&all, ret, ret_n, err);
	}
	STMT(st, db, batch_list_of_job);
	stmt_bind_int(&st, ":job", job);
	return stmt_ids(&st, ret, ret_n, err);
}

int batch_list_cleanup(struct db *db, int64_t **ret, size_t *ret_n, struct err *err)
{
	STMT(st, db, batch_list_cleanup);
	return stmt_ids(&st, ret, ret_n, err);
}

int batch_set_cleanup(struct db *db, int64_t id, int64_t cleanup, struct err *err)
{
	STMT(st, db, batch_set_cleanup);
	stmt_bind_int(&st, ":id", id);
	stmt_bind_int(&st, ":cleanup", cleanup);
	return stmt_finish(&st, err);
}

int endpoint_get(struct db *db, const char *name, struct endpoint_row *ret, struct err *err)
{
	struct endpoint_row r = { .parked = mem_strdup(""), .token_limit = -1 };
	STMT(st, db, endpoint_get);

	stmt_bind_text(&st, ":name", name);
	if (stmt_next(&st)) {
		text_set(&r.parked, stmt_text(&st, 0));
		r.parked_ms = stmt_int(&st, 1);
		r.token_limit = stmt_int(&st, 2);
	}
	int rc = stmt_finish(&st, err);
	if (rc < 0)
		free(r.parked);
	else
		*ret = r;
	return rc;
}

int endpoint_save(struct db *db, const char *name, const struct endpoint_row *row, struct err *err)
{
	STMT(st, db, endpoint_save);
	stmt_bind_text(&st, ":name", name);
	stmt_bind_text(&st, ":parked", row->parked);
	stmt_bind_int(&st, ":parked_ms", row->parked_ms);
	stmt_bind_int(&st, ":token_limit", row->token_limit);
	return stmt_finish(&st, err);
}

int event_insert(struct db *db, const struct event_row *e, struct err *err)
{
	STMT(st, db, event_insert);
	stmt_bind_int(&st, ":time_ms", e->time_ms);
	stmt_bind_int(&st, ":job", e->job);
	stmt_bind_int(&st, ":batch", e->batch);
	stmt_bind_text(&st, ":level", e->level);
	stmt_bind_text(&st, ":text", e->text);
	return stmt_finish(&st, err);
}

static int each_event(struct stmt *st, event_fn each, void *data, struct err *err)
{
	while (stmt_next(st)) {
		struct event_row e = { stmt_int(st, 0), stmt_int(st, 1), stmt_int(st, 2), stmt_int(st, 3),
			stmt_text(st, 4), stmt_text(st, 5), stmt_text(st, 6), stmt_int(st, 7) };

		each(data, &e);
	}
	return stmt_finish(st, err);
}

int event_each(struct db *db, int64_t job, int64_t after, size_t most, event_fn each, void *data, struct err *err)
{
	if (job == 0) {
		STMT(all, db, event_list);
		stmt_bind_int(&all, ":after", after);
		stmt_bind_int(&all, ":most", (int64_t)most);
		return each_event(&all, each, data, err);
	}
	STMT(st, db, event_list_of_job);
	stmt_bind_int(&st, ":job", job);
	stmt_bind_int(&st, ":after", after);
	stmt_bind_int(&st, ":most", (int64_t)most);
	return each_event(&st, each, data, err);
}

int event_back(struct db *db, int64_t job, int64_t owner, int64_t n, int64_t *ret_after, struct err *err)
{
	if (job == 0) {
		STMT(all, db, event_back);
		stmt_bind_int(&all, ":owner", owner);
		stmt_bind_int(&all, ":most", n);
		if (stmt_next(&all))
			*ret_after = stmt_int(&all, 0);
		return stmt_finish(&all, err);
	}
	STMT(st, db, event_back_of_job);
	stmt_bind_int(&st, ":job", job);
	stmt_bind_int(&st, ":most", n);
	if (stmt_next(&st))
		*ret_after = stmt_int(&st, 0);
	return stmt_finish(&st, err);
}

int event_delete_old(struct db *db, int64_t before_ms, struct err *err)
{
	STMT(st, db, event_delete_old);
	stmt_bind_int(&st, ":before_ms", before_ms);
	return stmt_finish(&st, err);
}

int event_when(struct db *db, int64_t job, const char *text, int64_t *ret_ms, struct err *err)
{
	STMT(st, db, event_when);
	stmt_bind_int(&st, ":job", job);
	stmt_bind_text(&st, ":text", text);
	int64_t ms = stmt_next(&st) ? stmt_int(&st, 0) : 0;
	int rc = stmt_finish(&st, err);

	if (rc == 0)
		*ret_ms = ms;
	return rc;
}
