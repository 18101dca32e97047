/* SPDX-License-Identifier: MIT */
#ifndef DB_H
#define DB_H

#include <stdint.h>

#include "err.h"

/*
 * The database file: SQLite in WAL mode.  db_commit() syncs the WAL, so that it outlives a power cut, and all before it.
 * One writer, on the loop's thread; workers read through connections of their own, and bring the WAL home.
 */
struct db;

/* Opens or makes the file and brings its schema up to date.  BD_ESTORE, with what to do, if it is
 * corrupt, newer than this program, or held by another batchd; then nothing was touched. */
int db_open(const char *path, struct db **ret, struct err *err);
/* For one worker's task: reads what was committed when its statement began. */
int db_open_reader(const char *path, struct db **ret, struct err *err);
/* All statements from here to db_close() read what was committed when the first of them began: without locks for each,
 * but the WAL cannot begin anew meanwhile. */
int db_hold_still(struct db *reader, struct err *err);
void db_close(struct db *db);
const char *db_path(const struct db *db);
int db_schema(void);                    /* the version this program knows */

int db_begin(struct db *db, struct err *err);
int db_commit(struct db *db, struct err *err);
/* Others see it, but a power cut before the next db_commit() may take it back: for the parts of something larger. */
int db_commit_part(struct db *db, struct err *err);
/* For a worker, one at a time, whatever the writer does meanwhile: all that was committed is on disk.  If it fails, the
 * writer has to be told before it begins anything. */
int db_sync(struct db *db, struct err *err);
void db_sync_failed(struct db *db);
/* The same for the writer, before it acts on what it reads: one that was killed, or whose sync failed, left it in doubt. */
int db_settle(struct db *db, struct err *err);
void db_rollback(struct db *db);
/* Pages that the WAL had behind the last commit. */
int db_wal_pages(const struct db *db);
/* For a worker: copies what no reader holds on to from the WAL into the file, through a connection of its own. */
int db_checkpoint(const char *path, struct err *err);
/* meta.value of that name, owned by the caller; NULL if there is none or on error. */
char *db_meta(struct db *db, const char *name);

#endif
