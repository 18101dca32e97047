/* SPDX-License-Identifier: MIT */
#ifndef STMT_H
#define STMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct db;
struct sqlite3;
struct sqlite3_stmt;

enum query {
#define QUERY(name, sql) Q_##name,
#include "queries.gen"
#undef QUERY
	Q_COUNT
};

/*
 * A prepared statement borrowed from the db's cache.  Errors stick: after the
 * first one, binds do nothing and stmt_next() says false; stmt_finish() tells.
 */
struct stmt {
	struct db *db;                /* borrowed */
	struct sqlite3_stmt *handle;  /* borrowed from db's cache */
	enum query query;
	int rc;                       /* first SQLite error, or 0 */
};

/* Declares st and gives it back to the cache at the end of the block. */
#define STMT(st, db, query) \
	__attribute__((cleanup(stmt_release))) struct stmt st = stmt_get(db, Q_##query)

struct stmt stmt_get(struct db *db, enum query query);
void stmt_release(struct stmt *st);
void stmt_bind_int(struct stmt *st, const char *name, int64_t value);
void stmt_bind_null(struct stmt *st, const char *name);
/* value must outlive the statement's use; nothing is copied.  NULL binds NULL. */
void stmt_bind_text(struct stmt *st, const char *name, const char *value);
/* For int_at(:name, i) in the query: the i-th of these.  Nothing checks i: it is the query's arithmetic on bound numbers. */
void stmt_bind_ints(struct stmt *st, const char *name, const int64_t *at);
/* The same for text_at(): texts that outlive the statement's use. */
void stmt_bind_texts(struct stmt *st, const char *name, const char *const *at);
int stmt_functions(struct sqlite3 *handle);     /* makes both known to a connection; a SQLite code */
bool stmt_next(struct stmt *st);
int64_t stmt_int(struct stmt *st, int col);
const char *stmt_text(struct stmt *st, int col); /* never NULL; valid until the next step */
int stmt_changes(struct stmt *st);               /* rows that the last step changed */
/* Run what is left and report; the one place a SQLite code becomes one of ours. */
int stmt_finish(struct stmt *st, struct err *err);
/* Finish a query of ids: all of its first column, owned by the caller. */
int stmt_ids(struct stmt *st, int64_t **ret, size_t *ret_n, struct err *err);

#endif
