/* SPDX-License-Identifier: MIT */
/*
 * Databases of every schema there was (tests/golden/schemaN.sql, make_golden.sh) are opened and brought to the newest
 * one, with all that is in them; a newer one is refused and left alone.
 */
#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "db.h"
#include "files.h"
#include "job_store.h"
#include "mem.h"

static char dir[] = "/tmp/batchd-migrate.XXXXXX";

static void setup(void)
{
	strcpy(dir + sizeof dir - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
	ck_assert_int_eq(dir_remove(dir, NULL), 0);
}

static char *in_dir(const char *name)
{
	return path_join(dir, name);
}

/* Rows of a query as lines, the columns with | between; owned by the caller. */
static char *rows_of(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	struct buf b = { 0 };

	ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	while (sqlite3_step(st) == SQLITE_ROW)
		for (int i = 0; i < sqlite3_column_count(st); i++) {
			const char *text = (const char *)sqlite3_column_text(st, i);

			buf_printf(&b, "%s%c", text != NULL ? text : "-", i + 1 < sqlite3_column_count(st) ? '|' : '\n');
		}
	sqlite3_finalize(st);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
	return buf_str(&b)[0] != '\0' ? buf_take_str(&b) : mem_strdup("");
}

static void same_rows(const char *a, const char *b, const char *sql)
{
	char *have = rows_of(a, sql), *want = rows_of(b, sql);

	ck_assert_msg(strcmp(have, want) == 0, "%s: %s\nis not\n%s", sql, have, want);
	free(have);
	free(want);
}

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

/* The golden text of a schema; false if there is none. */
static bool golden(int schema, struct buf *ret)
{
	char *path = mem_printf(SOURCE_DIR "/tests/golden/schema%d.sql", schema);
	bool there = access(path, F_OK) == 0;

	if (there)
		ck_assert_int_eq(file_get(path, 1 << 24, ret, NULL), 0);
	free(path);
	return there;
}

static void open_and_close(const char *path)
{
	struct err err = { 0 };
	struct db *db = NULL;

	ck_assert_msg(db_open(path, &db, &err) == 0, "%s", err.msg);
	db_close(db);
}

#define SCHEMA_SQL "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"

/* An unreleased one goes with the migration, which may still change: until it is made anew, there is nothing to say. */
static bool is_outdated(const char *sql, const char *path, const char *fresh)
{
	char *have = rows_of(path, SCHEMA_SQL), *want = rows_of(fresh, SCHEMA_SQL);
	bool differs = strcmp(have, want) != 0, released = strncmp(sql, "-- released", 11) == 0;

	free(have);
	free(want);
	ck_assert_msg(!(differs && released), "a released schema comes out otherwise than a new database: was a released "
	              "file of sql/migrations changed? The change belongs into a new one");
	if (differs)
		puts("# the golden database is older than the migration: run tests/golden/make_golden.sh");
	return differs;
}

/* The sums beside the rows, the states, the texts: as the store reads them. */
static void store_reads_it(const char *path)
{
	struct err err = { 0 };
	struct db *db = NULL;
	int64_t *ids = NULL;
	size_t n = 0;

	ck_assert_int_eq(db_open(path, &db, &err), 0);
	ck_assert_msg(job_list_newest(db, INT64_MAX, 100, &ids, &n, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(n, 3);
	for (size_t i = 0; i < n; i++) {
		struct job_row row = { 0 };
		struct pass_counts counts;

		ck_assert_msg(job_get(db, ids[i], &row, &err) == 0, "%s", err.msg);
		ck_assert_msg(count_get(db, ids[i], &counts, &err) == 0, "%s", err.msg);
		ck_assert_int_eq(count_total(&counts, 1), row.passes);
		ck_assert_int_eq(row.state, ids[i] == 1 ? JOB_FAILED : ids[i] == 2 ? JOB_RUNNING : JOB_CANCELED);
		job_row_done(&row);
	}
	free(ids);
	db_close(db);
}

START_TEST(every_schema_there_was_is_brought_to_the_newest)
{
	static const char *const kept[] = { "SELECT id, name, workflow, state, params, save_dir FROM job ORDER BY id",
		"SELECT * FROM instance ORDER BY job, n", "SELECT job, stage, n, state, attempt, batch FROM pass ORDER BY 1, 2, 3",
		"SELECT id, job, stage, state, file_id, remote_id FROM batch ORDER BY id", "SELECT count(*) FROM event",
		"SELECT * FROM pass_count ORDER BY 1, 2, 3", "SELECT value FROM meta WHERE name = 'uuid'" };
	char *path = in_dir("batchd.db"), *before = in_dir("before.db"), *fresh = in_dir("fresh.db");
	char *copy = mem_printf("%s.schema%d", path, _i);
	struct buf sql = { 0 };

	if (!golden(_i, &sql)) {
		ck_assert_msg(_i == db_schema(), "tests/golden/schema%d.sql is missing", _i);
		goto out;
	}
	run_sql(path, buf_str(&sql));
	run_sql(before, buf_str(&sql));
	open_and_close(path);
	open_and_close(fresh);
	same_rows(path, fresh, "PRAGMA user_version");
	if (is_outdated(buf_str(&sql), path, fresh))
		goto out;
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		same_rows(path, before, kept[i]);
	char *whole = rows_of(path, "PRAGMA integrity_check");
	ck_assert_str_eq(whole, "ok\n");
	free(whole);
	whole = rows_of(path, "SELECT * FROM pass_count AS c WHERE n <> (SELECT count(*) FROM pass AS p "
	                      "WHERE p.job = c.job AND p.stage = c.stage AND p.state = c.state)");
	ck_assert_str_eq(whole, "");
	free(whole);
	store_reads_it(path);
	/* the old file is kept beside a migrated one */
	ck_assert_int_eq(access(copy, F_OK) == 0, _i < db_schema());
	if (_i < db_schema()) {
		same_rows(copy, before, "PRAGMA user_version");
		same_rows(copy, before, SCHEMA_SQL);
	}
out:
	buf_done(&sql);
	free(copy);
	free(path);
	free(before);
	free(fresh);
}
END_TEST

START_TEST(opened_again_it_stays_as_it_is)
{
	char *path = in_dir("batchd.db"), *uuid, *again;

	open_and_close(path);
	uuid = rows_of(path, "SELECT value FROM meta");
	open_and_close(path);
	again = rows_of(path, "SELECT value FROM meta");
	ck_assert_str_eq(uuid, again);
	free(uuid);
	free(again);
	free(path);
}
END_TEST

START_TEST(a_newer_one_is_refused_and_left_alone)
{
	char *path = in_dir("batchd.db"), *bump = mem_printf("PRAGMA user_version = %d", db_schema() + 1);
	struct buf before = { 0 }, after = { 0 };
	struct err err = { 0 };
	struct db *db = NULL;

	open_and_close(path);
	run_sql(path, bump);
	ck_assert_int_eq(file_get(path, 1 << 24, &before, NULL), 0);
	ck_assert_int_eq(db_open(path, &db, &err), BD_ESTORE);
	ck_assert_ptr_null(db);
	ck_assert_ptr_nonnull(strstr(err.msg, "newer"));
	ck_assert_ptr_nonnull(strstr(err.msg, path));
	ck_assert_int_eq(file_get(path, 1 << 24, &after, NULL), 0);
	ck_assert_uint_eq(before.len, after.len);
	ck_assert_mem_eq(before.at, after.at, before.len);
	buf_done(&before);
	buf_done(&after);
	free(bump);
	free(path);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("migrate");
	TCase *tc = tcase_create("migrate");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, every_schema_there_was_is_brought_to_the_newest, 1, db_schema() + 1);
	tcase_add_test(tc, opened_again_it_stays_as_it_is);
	tcase_add_test(tc, a_newer_one_is_refused_and_left_alone);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
