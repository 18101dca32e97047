/* SPDX-License-Identifier: MIT */
#ifndef DB_INT_H
#define DB_INT_H

#include <sqlite3.h>

#include "stmt.h"

struct db {
	sqlite3 *handle;
	char *path;
	int wal_pages;
	int sync_fd;                    /* of its WAL, for db_sync(); -1: not opened yet */
	bool unsynced;                  /* a commit's sync failed, and nothing was done about it yet */
	sqlite3_stmt *cache[Q_COUNT];
};

int db_exec(struct db *db, const char *sql, struct err *err);

#endif
