/* SPDX-License-Identifier: MIT */
#include "db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db_int.h"
#include "fault.h"
#include "files.h"
#include "mem.h"

static const struct migration {
	int version;
	const char *sql;
} migrations[] = {
#define QUERY(name, sql) { __COUNTER__ + 1, sql },
#include "migrations.gen"
#undef QUERY
};
enum { SCHEMA_LATEST = sizeof migrations / sizeof migrations[0] };

int db_schema(void)
{
	return SCHEMA_LATEST;
}

const char *db_path(const struct db *db)
{
	return db->path;
}

int db_exec(struct db *db, const char *sql, struct err *err)
{
	int rc = fault_hit(FAULT_STORE) ? SQLITE_IOERR : sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	if (rc != SQLITE_OK)
		return err_set(err, BD_ESTORE, "database %s: %.60s: %s", db->path, sql, sqlite3_errmsg(db->handle));
	return 0;
}

/*
 * A sync that failed may have been the kernel's last word on those pages: it calls them clean, and they are not on disk.
 * What was committed is still to be read, so it is written and synced once more, into the database itself, before anything
 * new.
 */
static int make_durable(struct db *db, struct err *err)
{
	int frames = 0, moved = 0;
	int rc = fault_hit(FAULT_STORE) ? SQLITE_IOERR :
		sqlite3_wal_checkpoint_v2(db->handle, "main", SQLITE_CHECKPOINT_FULL, &frames, &moved);

	if (rc == SQLITE_OK && moved < frames)
		rc = SQLITE_BUSY;
	if (rc != SQLITE_OK)
		return err_set(err, BD_ESTORE, "database %s: what was committed cannot be made safe: %s", db->path,
		               sqlite3_errstr(rc));
	db->unsynced = false;
	return 0;
}

int db_begin(struct db *db, struct err *err)
{
	int rc = db->unsynced ? make_durable(db, err) : 0;

	return rc < 0 ? rc : db_exec(db, "BEGIN IMMEDIATE", err);
}

int db_commit_part(struct db *db, struct err *err)
{
	fault_step();
	return db_exec(db, "COMMIT", err);
}

/* SQLite's own handle of the WAL: with synchronous=NORMAL only a checkpoint would sync it. */
static int sync_wal(struct db *db, struct err *err)
{
	sqlite3_file *wal = NULL;
	int rc = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);

	if (rc == SQLITE_OK && wal != NULL && wal->pMethods != NULL)
		rc = fault_hit(FAULT_STORE) || fault_hit(FAULT_SYNC) ? SQLITE_IOERR_FSYNC :
		     wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
	db->unsynced = rc != SQLITE_OK;
	return rc == SQLITE_OK ? 0 : err_set(err, BD_ESTORE, "database %s: cannot sync its WAL: %s", db->path,
	                                     sqlite3_errstr(rc));
}

/*
 * A descriptor of its own: SQLite's locks are in other files, so that closing it gives none away.  It is kept: the kernel
 * tells each descriptor of a page that could not be written, but not one that was opened after somebody else was told.
 */
int db_sync(struct db *db, struct err *err)
{
	if (db->sync_fd < 0) {
		char *wal = mem_printf("%s-wal", db->path);

		db->sync_fd = open(wal, O_RDWR | O_CLOEXEC);
		free(wal);
	}
	fault_step();
	if (db->sync_fd < 0)
		return err_sys(err, BD_ESTORE, "database %s: cannot open its WAL", db->path);
	if ((fault_hit(FAULT_STORE) || fault_hit(FAULT_SYNC) ? (errno = EIO, -1) : fdatasync(db->sync_fd)) < 0)
		return err_sys(err, BD_ESTORE, "database %s: cannot sync its WAL", db->path);
	return 0;
}

int db_settle(struct db *db, struct err *err)
{
	return db->unsynced ? make_durable(db, err) : sync_wal(db, err);
}

void db_sync_failed(struct db *db)
{
	db->unsynced = true;
}

int db_commit(struct db *db, struct err *err)
{
	int rc = db_commit_part(db, err);

	return rc < 0 ? rc : sync_wal(db, err);
}

static int on_commit(void *data, sqlite3 *handle, const char *name, int pages)
{
	struct db *db = data;

	(void)handle;
	(void)name;
	db->wal_pages = pages;
	return SQLITE_OK;
}

int db_wal_pages(const struct db *db)
{
	return db->wal_pages;
}

void db_rollback(struct db *db)
{
	(void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

static int pragma_int(struct db *db, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int v = -1;

	if (sqlite3_prepare_v2(db->handle, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return v;
}

/* One step and its version number, in one transaction. */
static int migrate_step(struct db *db, const struct migration *m, struct err *err)
{
	char bump[48];
	int rc = db_begin(db, err);

	if (rc < 0)
		return rc;
	snprintf(bump, sizeof bump, "PRAGMA user_version = %d", m->version);
	if ((rc = db_exec(db, m->sql, err)) < 0 || (rc = db_exec(db, bump, err)) < 0 ||
	    (rc = db_commit(db, err)) < 0)
		db_rollback(db);
	return rc;
}

/* Before the first step of an upgrade the old file is kept beside the new one. */
static int keep_copy(struct db *db, int version, struct err *err)
{
	char *copy = mem_printf("%s.schema%d", db->path, version);
	char *sql = sqlite3_mprintf("VACUUM INTO %Q", copy);
	int rc = file_size(copy) >= 0 ? 0 : db_exec(db, sql, err);

	(void)chmod(copy, 0600);
	sqlite3_free(sql);
	free(copy);
	return rc;
}

static int migrate(struct db *db, struct err *err)
{
	int have = pragma_int(db, "PRAGMA user_version"), rc = 0;

	if (have < 0)
		return err_set(err, BD_ESTORE, "%s is no database or is damaged (%s); move it away, or bring back a copy",
		               db->path, sqlite3_errmsg(db->handle));
	if (have > SCHEMA_LATEST)
		return err_set(err, BD_ESTORE, "%s has schema %d, newer than this batchd knows (%d); install the batchd "
		               "that wrote it, or a newer one", db->path, have, SCHEMA_LATEST);
	if (have > 0 && have < SCHEMA_LATEST)
		rc = keep_copy(db, have, err);
	for (int i = have; rc == 0 && i < SCHEMA_LATEST; i++)
		rc = migrate_step(db, &migrations[i], err);
	return rc;
}

static int open_handle(const char *path, int flags, struct db **ret, struct err *err)
{
	struct db *db = MEM_NEW(struct db);

	db->path = mem_strdup(path);
	db->sync_fd = -1;
	if (sqlite3_open_v2(path, &db->handle, flags, NULL) != SQLITE_OK || stmt_functions(db->handle) != SQLITE_OK) {
		int rc = err_set(err, BD_ESTORE, "cannot open the database %s: %s", path,
		                 db->handle != NULL ? sqlite3_errmsg(db->handle) : "out of memory");

		db_close(db);
		return rc;
	}
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, 5000);
	*ret = db;
	return 0;
}

/* A damaged file is noticed before anything is written to it. */
static int check_whole(struct db *db, struct err *err)
{
	sqlite3_stmt *st = NULL;
	int rc = 0;

	if (sqlite3_prepare_v2(db->handle, "SELECT count(*) FROM sqlite_schema", -1, &st, NULL) != SQLITE_OK ||
	    sqlite3_step(st) != SQLITE_ROW)
		rc = err_set(err, BD_ESTORE, "%s is no database or is damaged (%s); move it away, or bring back a copy",
		             db->path, sqlite3_errmsg(db->handle));
	sqlite3_finalize(st);
	return rc;
}

/* Jobs of several users lie in it: nobody else reads it, wherever it lies.  Its -wal and -shm get its mode. */
static void make_private(const char *path)
{
	int fd = strcmp(path, ":memory:") == 0 ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);              /* SQLite tells what is wrong with it, if anything is */
}

int db_open(const char *path, struct db **ret, struct err *err)
{
	make_private(path);
	struct db *db = NULL;
	int rc = open_handle(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, &db, err);

	if (rc < 0)
		return rc;
	if ((rc = check_whole(db, err)) < 0 ||
	    (rc = db_exec(db, "PRAGMA journal_mode = WAL", err)) < 0 ||
	    (rc = db_exec(db, "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8000; "
	                      "PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY", err)) < 0 ||
	    (rc = migrate(db, err)) < 0) {
		db_close(db);
		return rc;
	}
	sqlite3_wal_hook(db->handle, on_commit, db);            /* in the place of SQLite's own checkpoints */
	*ret = db;
	return 0;
}

int db_checkpoint(const char *path, struct err *err)
{
	struct db *db = NULL;
	int rc = open_handle(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, &db, err);

	if (rc < 0)
		return rc;
	rc = db_exec(db, "PRAGMA synchronous = NORMAL; PRAGMA wal_checkpoint(PASSIVE)", err);
	db_close(db);
	return rc;
}

int db_open_reader(const char *path, struct db **ret, struct err *err)
{
	struct db *db = NULL;
	int rc = open_handle(path, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, &db, err);

	if (rc < 0)
		return rc;
	rc = db_exec(db, "PRAGMA query_only = 1; PRAGMA cache_size = -4000", err);
	if (rc < 0) {
		db_close(db);
		return rc;
	}
	*ret = db;
	return 0;
}

int db_hold_still(struct db *reader, struct err *err)
{
	return db_exec(reader, "BEGIN", err);
}

void db_close(struct db *db)
{
	if (db == NULL)
		return;
	for (int i = 0; i < Q_COUNT; i++)
		sqlite3_finalize(db->cache[i]);
	sqlite3_close(db->handle);
	if (db->sync_fd >= 0)
		close(db->sync_fd);
	free(db->path);
	free(db);
}

char *db_meta(struct db *db, const char *name)
{
	char *value = NULL;
	STMT(st, db, meta_get);

	stmt_bind_text(&st, ":name", name);
	if (stmt_next(&st))
		value = mem_strdup(stmt_text(&st, 0));
	return value;
}
