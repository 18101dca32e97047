/* SPDX-License-Identifier: MIT */
#include "stmt.h"

#include <assert.h>
#include <stdlib.h>

#include "db_int.h"
#include "fault.h"
#include "mem.h"

static const char *const queries[Q_COUNT] = {
#define QUERY(name, sql) [Q_##name] = sql,
#include "queries.gen"
#undef QUERY
};
static const char *const names[Q_COUNT] = {
#define QUERY(name, sql) [Q_##name] = #name,
#include "queries.gen"
#undef QUERY
};

struct stmt stmt_get(struct db *db, enum query query)
{
	struct stmt st = { .db = db, .query = query };

	if (db->cache[query] == NULL)
		st.rc = sqlite3_prepare_v3(db->handle, queries[query], -1,
		                           SQLITE_PREPARE_PERSISTENT, &db->cache[query], NULL);
	st.handle = db->cache[query];
	assert(st.handle == NULL || !sqlite3_stmt_busy(st.handle));     /* one user at a time */
	return st;
}

void stmt_release(struct stmt *st)
{
	if (st->handle == NULL)
		return;                         /* there was no memory to prepare it */
	(void)sqlite3_reset(st->handle);
	(void)sqlite3_clear_bindings(st->handle);
}

static int parameter(struct stmt *st, const char *name)
{
	int at = sqlite3_bind_parameter_index(st->handle, name);

	assert(at > 0);                 /* a wrong name in our own code */
	return at;
}

void stmt_bind_int(struct stmt *st, const char *name, int64_t value)
{
	if (st->rc == 0)
		st->rc = sqlite3_bind_int64(st->handle, parameter(st, name), value);
}

void stmt_bind_null(struct stmt *st, const char *name)
{
	if (st->rc == 0)
		st->rc = sqlite3_bind_null(st->handle, parameter(st, name));
}

void stmt_bind_text(struct stmt *st, const char *name, const char *value)
{
	if (st->rc == 0)
		st->rc = value == NULL ? sqlite3_bind_null(st->handle, parameter(st, name)) :
		         sqlite3_bind_text(st->handle, parameter(st, name), value, -1, SQLITE_STATIC);
}

/* What kind of pointer it is: no other is taken. */
#define INTS "ints"
#define TEXTS "texts"

void stmt_bind_ints(struct stmt *st, const char *name, const int64_t *at)
{
	if (st->rc == 0)
		st->rc = sqlite3_bind_pointer(st->handle, parameter(st, name), (void *)(uintptr_t)at, INTS, NULL);
}

static void int_at(sqlite3_context *ctx, int n_args, sqlite3_value **args)
{
	const int64_t *at = sqlite3_value_pointer(args[0], INTS);

	(void)n_args;
	if (at == NULL)
		sqlite3_result_error(ctx, "int_at: no list is bound", -1);
	else
		sqlite3_result_int64(ctx, at[sqlite3_value_int64(args[1])]);
}

void stmt_bind_texts(struct stmt *st, const char *name, const char *const *at)
{
	if (st->rc == 0)
		st->rc = sqlite3_bind_pointer(st->handle, parameter(st, name), (void *)(uintptr_t)at, TEXTS, NULL);
}

static void text_at(sqlite3_context *ctx, int n_args, sqlite3_value **args)
{
	const char *const *at = sqlite3_value_pointer(args[0], TEXTS);

	(void)n_args;
	if (at == NULL)
		sqlite3_result_error(ctx, "text_at: no list is bound", -1);
	else
		sqlite3_result_text(ctx, at[sqlite3_value_int64(args[1])], -1, SQLITE_STATIC);
}

int stmt_functions(struct sqlite3 *handle)
{
	const int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;
	int rc = sqlite3_create_function_v2(handle, "int_at", 2, flags, NULL, int_at, NULL, NULL, NULL);

	return rc != SQLITE_OK ? rc : sqlite3_create_function_v2(handle, "text_at", 2, flags, NULL, text_at, NULL, NULL, NULL);
}

bool stmt_next(struct stmt *st)
{
	if (st->rc == 0) {
		int rc = fault_hit(FAULT_STORE) ? SQLITE_IOERR : sqlite3_step(st->handle);

		if (rc == SQLITE_ROW)
			return true;
		if (rc != SQLITE_DONE)
			st->rc = rc;
	}
	return false;
}

int64_t stmt_int(struct stmt *st, int col)
{
	return sqlite3_column_int64(st->handle, col);
}

const char *stmt_text(struct stmt *st, int col)
{
	const unsigned char *text = sqlite3_column_text(st->handle, col);

	if (text == NULL && sqlite3_errcode(st->db->handle) == SQLITE_NOMEM)
		st->rc = SQLITE_NOMEM;          /* not to be taken for an empty one: stmt_finish() tells */
	return text != NULL ? (const char *)text : "";
}

int stmt_changes(struct stmt *st)
{
	return sqlite3_changes(st->db->handle);
}

int stmt_finish(struct stmt *st, struct err *err)
{
	while (stmt_next(st))
		;
	if (st->rc != 0)
		return err_set(err, BD_ESTORE, "database %s: %s: %s (%s)", st->db->path, names[st->query],
		               sqlite3_errstr(st->rc), sqlite3_errmsg(st->db->handle));
	return 0;
}

int stmt_ids(struct stmt *st, int64_t **ret, size_t *ret_n, struct err *err)
{
	int64_t *ids = NULL;
	size_t n = 0;

	while (stmt_next(st)) {
		if ((n & (n - 1)) == 0)
			ids = mem_grow(ids, n > 0 ? 2 * n : 1, sizeof *ids);
		ids[n++] = stmt_int(st, 0);
	}
	int rc = stmt_finish(st, err);
	if (rc < 0) {
		free(ids);
		return rc;
	}
	*ret = ids;
	*ret_n = n;
	return 0;
}
