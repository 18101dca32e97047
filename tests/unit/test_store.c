/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch_store.h"
#include "db.h"
#include "db_int.h"
#include "fault.h"
#include "files.h"
#include "job_store.h"
#include "mem.h"
#include "pass_store.h"
#include "stmt.h"

/* The store: what is written together is there together, and the sums are those of the rows. */

static char dir[64], *path;
static struct db *db;

static void setup(void)
{
	struct err err = { 0 };

	snprintf(dir, sizeof dir, "%s/test_store.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	path = path_join(dir, "batchd.db");
	ck_assert_msg(db_open(path, &db, &err) == 0, "%s", err.msg);
}

static void teardown(void)
{
	db_close(db);
	dir_remove(dir, NULL);
	free(path);
}

static int64_t number_of(const char *sql)
{
	sqlite3_stmt *st = NULL;
	int64_t n = -1;

	ck_assert_msg(sqlite3_prepare_v2(db->handle, sql, -1, &st, NULL) == SQLITE_OK, "%s: %s", sql,
	              sqlite3_errmsg(db->handle));
	if (sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

static const struct job_row row = { .name = "nightly", .workflow = "raw", .endpoint = "sim", .params = "{}", .model = "m",
	.dataset = "d.jsonl", .save_dir = "/s", .stages = 2, .passk = 2, .created_ms = 7 };

/* --- the schema and the queries ------------------------------------------------------------------ */

START_TEST(every_query_prepares)
{
	for (int q = 0; q < Q_COUNT; q++) {
		struct stmt st = stmt_get(db, (enum query)q);

		ck_assert_msg(st.rc == 0 && st.handle != NULL, "query %d: %s", q, sqlite3_errmsg(db->handle));
		stmt_release(&st);
	}
}
END_TEST

#define S(state, next, waits) #state,
static const char *const job_states[] = {
#include "job_state.def"
	NULL };
static const char *const batch_states[] = {
#include "batch_state.def"
	NULL };
#undef S
static const struct { const char *table; const char *const *states; } checks[] = {
	{ "job", job_states }, { "batch", batch_states },
};

/* In the order of the tables, and no other. */
START_TEST(the_schema_takes_exactly_the_states_there_are)
{
	char *sql = mem_printf("SELECT sql FROM sqlite_schema WHERE name = '%s'", checks[_i].table);
	struct buf want = { 0 }, got = { 0 };
	sqlite3_stmt *st = NULL;

	for (const char *const *s = checks[_i].states; *s != NULL; s++)
		buf_printf(&want, "%s'%s'", want.len > 0 ? "," : "", *s);
	ck_assert_int_eq(sqlite3_prepare_v2(db->handle, sql, -1, &st, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
	const char *text = (const char *)sqlite3_column_text(st, 0), *at = strstr(text, "CHECK (state IN (");
	ck_assert_ptr_nonnull(at);
	for (at += strlen("CHECK (state IN ("); *at != ')'; at++)
		if (*at > ' ')
			buf_add_char(&got, *at);
	ck_assert_str_eq(buf_str(&got), buf_str(&want));
	sqlite3_finalize(st);
	buf_done(&want);
	buf_done(&got);
	free(sql);
}
END_TEST

static const char *const bad_files[] = { "this is no database, only a text that is long enough to have a header",
	"SQLite format 3", "" };

START_TEST(a_damaged_file_is_refused_and_left_alone)
{
	char *bad = path_join(dir, "bad.db");
	struct buf before = { 0 }, after = { 0 };
	struct err err = { 0 };
	struct db *other = NULL;

	ck_assert_int_eq(sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(file_get(path, 1 << 24, &before, NULL), 0);
	if (_i == 0)
		ck_assert_int_eq(file_put(bad, bad_files[0], strlen(bad_files[0]), 0600, NULL), 0);
	else if (_i == 1)                       /* its first page is overwritten */
		ck_assert_int_eq(file_put(bad, (memset(before.at + 16, 0xa5, 400), before.at), before.len, 0600, NULL), 0);
	else                                    /* its end is missing */
		ck_assert_int_eq(file_put(bad, before.at, before.len / 3 + 5, 0600, NULL), 0);
	buf_reset(&before);
	ck_assert_int_eq(file_get(bad, 1 << 24, &before, NULL), 0);
	ck_assert_int_eq(db_open(bad, &other, &err), BD_ESTORE);
	ck_assert_ptr_null(other);
	ck_assert_ptr_nonnull(strstr(err.msg, bad));
	ck_assert_int_eq(file_get(bad, 1 << 24, &after, NULL), 0);
	ck_assert_uint_eq(after.len, before.len);
	ck_assert_mem_eq(after.at, before.at, before.len);
	buf_done(&before);
	buf_done(&after);
	free(bad);
}
END_TEST

/* The commit is there, and before anything else is written it is where a power cut does not reach it. */
START_TEST(a_commit_whose_sync_failed_is_made_safe_first)
{
	struct err err = { 0 };
	int64_t id = 0;
	char *copy = path_join(dir, "copy.db");

	ck_assert_int_eq(db_begin(db, &err), 0);
	ck_assert_int_eq(job_insert(db, &row, &id, &err), 0);
	fault_arm(FAULT_SYNC, 0);
	ck_assert_int_eq(db_commit(db, &err), BD_ESTORE);
	ck_assert(strstr(err.msg, "sync") != NULL && fault_left() < 0);
	ck_assert_int_eq(number_of("SELECT count(*) FROM job"), 1);
	fault_arm(FAULT_STORE, 0);
	ck_assert_int_eq(db_begin(db, &err), BD_ESTORE);        /* not before */
	fault_arm(FAULT_NONE, 0);
	ck_assert_int_eq(db_begin(db, &err), 0);
	db_rollback(db);
	/* without its WAL the file alone has it */
	struct buf bytes = { 0 };
	struct db *other = NULL, *this = db;
	ck_assert_int_eq(file_get(path, 1 << 24, &bytes, &err), 0);
	ck_assert_int_eq(file_put(copy, bytes.at, bytes.len, 0600, &err), 0);
	ck_assert_msg(db_open(copy, &other, &err) == 0, "%s", err.msg);
	db = other;
	ck_assert_int_eq(number_of("SELECT count(*) FROM job"), 1);
	db = this;
	db_close(other);
	buf_done(&bytes);
	free(copy);
}
END_TEST

START_TEST(a_reader_cannot_write)
{
	struct err err = { 0 };
	struct db *reader = NULL;

	ck_assert_int_eq(db_open_reader(path, &reader, &err), 0);
	ck_assert_int_eq(db_exec(reader, "DELETE FROM meta", &err), BD_ESTORE);
	db_close(reader);
	ck_assert_int_gt(number_of("SELECT count(*) FROM meta"), 0);
}
END_TEST

/* --- all or nothing --------------------------------------------------------------------------------- */

enum { INSTANCES = 5, PASSES = 2 * INSTANCES, CALLS = 11 };     /* of the database in an import */

static int import(struct tally *t, int64_t *ret_id, struct err *err)
{
	static const char *const ids[INSTANCES] = { "i-0", "i-1", "i-2", "i-\xc3\xa9", "i-4" };
	static const int64_t places[2 * INSTANCES] = { 0, 9, 10, 9, 20, 9, 30, 11, 42, 9 };
	int64_t id = 0;
	int rc = db_begin(db, err);

	if (rc < 0)
		return rc;
	rc = job_insert(db, &row, &id, err);
	*t = (struct tally){ .job = id };
	if (rc == 0)
		rc = instance_insert(db, id, 0, INSTANCES, ids, places, err);
	if (rc == 0)
		rc = pass_insert_run(db, t, 1, 0, PASSES - 1, err);
	if (rc == 0)
		rc = pass_insert(db, t, 1, PASSES - 1, err);
	if (rc == 0)
		rc = tally_flush(db, t, err);
	if (rc == 0)
		rc = job_set_sizes(db, id, INSTANCES, PASSES, err);
	if (rc == 0)
		rc = job_set_state(db, id, JOB_LOADING, JOB_RUNNING, "", 0, err);
	if (rc == 0)
		rc = db_commit(db, err);
	if (rc < 0)
		db_rollback(db);
	else
		*ret_id = id;
	return rc;
}

START_TEST(a_job_comes_in_whole_or_not_at_all)
{
	struct err err = { 0 };
	struct tally t;
	int64_t id = -1;

	fault_arm(FAULT_STORE, _i);
	int rc = import(&t, &id, &err);
	fault_arm(FAULT_NONE, 0);
	ck_assert_msg(rc == 0 || err.msg[0] != 0, "failed without saying why");
	ck_assert_int_eq(id > 0, rc == 0);
	/* committed, but whether it outlives a power cut is not known: that is told as a failure */
	bool whole = rc == 0 || strstr(err.msg, "cannot sync") != NULL;
	ck_assert_int_eq(number_of("SELECT count(*) FROM job"), whole ? 1 : 0);
	ck_assert_int_eq(number_of("SELECT count(*) FROM instance"), whole ? INSTANCES : 0);
	ck_assert_int_eq(number_of("SELECT count(*) FROM pass"), whole ? PASSES : 0);
	ck_assert_int_eq(number_of("SELECT coalesce(sum(n), 0) FROM pass_count"), whole ? PASSES : 0);
	ck_assert_int_eq(_i >= CALLS, rc == 0);
	if (rc < 0)
		ck_assert_int_eq(import(&t, &id, &err), 0);
}
END_TEST

START_TEST(a_job_is_deleted_a_part_at_a_time_and_others_stay)
{
	struct err err = { 0 };
	struct tally t;
	int64_t a, b;
	int rc;

	ck_assert_int_eq(import(&t, &a, &err), 0);
	ck_assert_int_eq(import(&t, &b, &err), 0);
	while ((rc = job_delete_some(db, a, &err)) == 1)
		;
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(number_of("SELECT count(*) FROM job"), 1);
	ck_assert_int_eq(number_of("SELECT count(*) FROM instance"), INSTANCES);
	ck_assert_int_eq(number_of("SELECT count(*) FROM pass"), PASSES);
	ck_assert_int_eq(number_of("SELECT sum(n) FROM pass_count"), PASSES);
	struct job_row r;
	ck_assert_int_eq(job_get(db, a, &r, &err), BD_ENOTFOUND);
	ck_assert_int_eq(job_get(db, b, &r, &err), 0);
	job_row_done(&r);
}
END_TEST

/* --- moves ------------------------------------------------------------------------------------------- */

static const struct line_ref answer = { 1, 0, 0, 10 };

enum move {
	BATCHED, ANSWERED, RAW_DONE, DONE, AGAIN_B, AGAIN_A, GIVEN_BACK, FAILED_R, FAILED_B, FAILED_A, RETRY_F, RETRY_C, CANCELED_B,
	RELEASED, MOVES,
};

static int move(enum move m, struct tally *t, int64_t n, struct err *err)
{
	switch (m) {
	case BATCHED:    return pass_batched(db, t, 1, n, 1, 1, err);
	case ANSWERED:   return pass_answered(db, t, 1, n, 1, PASS_ANSWERED, &answer, err);
	case RAW_DONE:   return pass_answered(db, t, 1, n, 1, PASS_DONE, &answer, err);
	case DONE:       return pass_done(db, t, 1, n, NULL, NULL, NULL, err);
	case AGAIN_B:    return pass_again(db, t, 1, n, PASS_BATCHED, "lost", "x", err);
	case AGAIN_A:    return pass_again(db, t, 1, n, PASS_ANSWERED, "no_edit", "x", err);
	case GIVEN_BACK: return pass_given_back(db, t, 1, n, err);
	case FAILED_R:   return pass_failed(db, t, 1, n, PASS_READY, "no_request", "x", NULL, err);
	case FAILED_B:   return pass_failed(db, t, 1, n, PASS_BATCHED, "refused", "x", &answer, err);
	case FAILED_A:   return pass_failed(db, t, 1, n, PASS_ANSWERED, "no_edit", "x", NULL, err);
	case RETRY_F:    return pass_retry(db, t, 1, n, PASS_FAILED, PASS_READY, "no_edit", err);
	case RETRY_C:    return pass_retry(db, t, 1, n, PASS_CANCELED, PASS_READY, "", err);
	case CANCELED_B: return pass_canceled(db, t, 1, n, NULL, err);
	case RELEASED:   return pass_release_batch(db, t, 1, 1, n, n, err);
	case MOVES:      break;
	}
	return 0;
}

/* From where each goes, and to where. */
static const struct { enum pass_state from, to; } moves[MOVES] = {
	[BATCHED] = { PASS_READY, PASS_BATCHED }, [ANSWERED] = { PASS_BATCHED, PASS_ANSWERED },
	[RAW_DONE] = { PASS_BATCHED, PASS_DONE }, [DONE] = { PASS_ANSWERED, PASS_DONE },
	[AGAIN_B] = { PASS_BATCHED, PASS_READY }, [AGAIN_A] = { PASS_ANSWERED, PASS_READY },
	[GIVEN_BACK] = { PASS_BATCHED, PASS_READY }, [FAILED_R] = { PASS_READY, PASS_FAILED },
	[FAILED_B] = { PASS_BATCHED, PASS_FAILED }, [FAILED_A] = { PASS_ANSWERED, PASS_FAILED },
	[RETRY_F] = { PASS_FAILED, PASS_READY }, [RETRY_C] = { PASS_CANCELED, PASS_READY },
	[CANCELED_B] = { PASS_BATCHED, PASS_CANCELED }, [RELEASED] = { PASS_BATCHED, PASS_READY },
};

static void check_sums(int64_t job)
{
	struct err err = { 0 };
	struct pass_counts c;
	int64_t really[PASS_STATE_COUNT];

	ck_assert_int_eq(count_get(db, job, &c, &err), 0);
	for (int stage = 1; stage <= STAGES_MAX; stage++) {
		ck_assert_int_eq(pass_count_really(db, job, stage, really, &err), 0);
		for (int s = 0; s < PASS_STATE_COUNT; s++)
			ck_assert_int_eq(c.n[stage][s], really[s]);
	}
	ck_assert_int_eq(count_total(&c, 1), PASSES);
	ck_assert_int_eq(number_of("SELECT coalesce(sum(n), 0) FROM reason_count WHERE kind = 'failed'"),
	                 number_of("SELECT count(*) FROM pass WHERE state = 'FAILED'"));
}

/* Pass 0 into that state. */
static void bring(struct tally *t, enum pass_state to)
{
	static const enum move ways[PASS_STATE_COUNT][3] = {
		[PASS_READY] = { MOVES }, [PASS_BATCHED] = { BATCHED, MOVES }, [PASS_ANSWERED] = { BATCHED, ANSWERED, MOVES },
		[PASS_DONE] = { BATCHED, RAW_DONE, MOVES }, [PASS_FAILED] = { FAILED_R, MOVES },
		[PASS_CANCELED] = { BATCHED, CANCELED_B, MOVES },
	};
	struct err err = { 0 };

	for (const enum move *m = ways[to]; *m != MOVES; m++)
		ck_assert_msg(move(*m, t, 0, &err) == 0, "%s", err.msg);
}

START_TEST(a_pass_moves_only_from_where_it_is)
{
	enum move m = (enum move)(_i / PASS_STATE_COUNT);
	enum pass_state at = (enum pass_state)(_i % PASS_STATE_COUNT);
	struct err err = { 0 };
	struct tally t;
	int64_t id, really[PASS_STATE_COUNT];

	ck_assert_int_eq(import(&t, &id, &err), 0);
	bring(&t, at);
	ck_assert_int_eq(tally_flush(db, &t, &err), 0);
	int rc = move(m, &t, 0, &err);
	enum pass_state now = at == moves[m].from ? moves[m].to : at;

	/* released are those of a batch, however many: none is no error */
	ck_assert_int_eq(rc, at == moves[m].from || m == RELEASED ? 0 : BD_EINTERNAL);
	ck_assert_int_eq(tally_flush(db, &t, &err), 0);
	ck_assert_int_eq(pass_count_really(db, id, 1, really, &err), 0);
	ck_assert_int_eq(really[now], now == PASS_READY ? PASSES : 1);
	check_sums(id);
}
END_TEST

/* Thousands of moves at random, a few of which fail below: the sums are always those of the rows. */
START_TEST(the_sums_follow_the_rows_through_everything)
{
	uint64_t chance = (uint64_t)_i * 977 + 1;
	struct err err = { 0 };
	struct tally t;
	int64_t id;

	ck_assert_int_eq(import(&t, &id, &err), 0);
	for (int round = 0; round < 60; round++) {
		int rc = db_begin(db, &err);

		ck_assert_int_eq(rc, 0);
		fault_arm(FAULT_STORE, round % 3 == 0 ? (int)(chance >> 40) % 40 : 1000000);
		for (int i = 0; rc == 0 && i < 20; i++) {
			chance = chance * 6364136223846793005u + 1442695040888963407u;
			rc = (chance >> 33) % 17 == 0 ?
				pass_cancel_run(db, &t, 1, PASS_READY, i % PASSES, i % PASSES + 2, &err) :
				move((enum move)((chance >> 33) % MOVES), &t, (int64_t)((chance >> 50) % PASSES), &err);
			if (rc == BD_EINTERNAL)
				rc = 0;                 /* not from where it is */
		}
		if (rc == 0)
			rc = tally_flush(db, &t, &err);
		if (rc == 0)
			rc = db_commit(db, &err);
		fault_arm(FAULT_NONE, 0);
		if (rc < 0) {
			db_rollback(db);
			t = (struct tally){ .job = id };
		}
		ck_assert_int_eq(number_of("SELECT count(*) FROM pass WHERE attempt < 0"), 0);
		struct pass_counts c;
		int64_t really[PASS_STATE_COUNT];
		ck_assert_int_eq(count_get(db, id, &c, &err), 0);
		ck_assert_int_eq(pass_count_really(db, id, 1, really, &err), 0);
		ck_assert_mem_eq(c.n[1], really, sizeof really);
	}
}
END_TEST

/* Instances come back as they went, in any order. */
START_TEST(a_cursor_finds_every_instance)
{
	static const int64_t order[] = { 0, 1, 4, 2, 2, 3, 0 };
	static const char *const want[] = { "i-0", "i-1", "i-2", "i-\xc3\xa9", "i-4" };
	struct instance_cursor at;
	struct instance_place in;
	struct err err = { 0 };
	struct tally t;
	int64_t id, n;

	ck_assert_int_eq(import(&t, &id, &err), 0);
	instance_cursor_init(&at, db, id);
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		ck_assert_int_eq(instance_cursor_to(&at, order[i], &in, &err), 0);
		ck_assert_str_eq(in.instance_id, want[order[i]]);
		ck_assert_int_eq(in.len, order[i] == 3 ? 11 : 9);
	}
	ck_assert_int_eq(instance_cursor_to(&at, INSTANCES, &in, &err), BD_ENOTFOUND);
	ck_assert_int_eq(instance_cursor_to(&at, 1, &in, &err), 0);
	ck_assert_int_eq(in.off, 10);
	instance_cursor_done(&at);
	ck_assert_int_eq(instance_find(db, id, want[3], &n, &err), 0);
	ck_assert_int_eq(n, 3);
	ck_assert_int_eq(instance_find(db, id, "i-5", &n, &err), BD_ENOTFOUND);
}
END_TEST

/* Each of a run has its own answer; a run with one that is not where it should be is refused. */
START_TEST(a_run_moves_together)
{
	struct line_ref answers[4];
	struct answered_pass list[PASSES];
	struct err err = { 0 };
	struct tally t;
	size_t n = 0;
	int64_t id;

	ck_assert_int_eq(import(&t, &id, &err), 0);
	ck_assert_int_eq(t.ready_from[1], 0);           /* it was flushed */
	for (int i = 0; i < 4; i++)
		answers[i] = (struct line_ref){ 7, i % 2, 100 * i, 10 + i };
	ck_assert_msg(pass_batched(db, &t, 1, 2, 5, 7, &err) == 0, "%s", err.msg);
	ck_assert_msg(pass_answered(db, &t, 1, 3, 4, PASS_ANSWERED, answers, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(pass_list_answered(db, id, 1, 0, PASSES, list, &n, &err), 0);
	ck_assert_uint_eq(n, 4);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(list[i].n, 3 + i);
		ck_assert_mem_eq(&list[i].answer, &answers[i], sizeof answers[i]);
	}
	ck_assert_int_eq(pass_given_back(db, &t, 1, 2, &err), 0);
	ck_assert_int_eq(t.ready_from[1], 2 + 1);
	ck_assert_int_eq(tally_flush(db, &t, &err), 0);
	check_sums(id);
	ck_assert_int_eq(pass_batched(db, &t, 1, 1, 3, 7, &err), BD_EINTERNAL);
}
END_TEST

/* What is judged next is found by its index, in a table of millions; it is only taken where its condition stands word for word. */
/* No query reads all passes, instances or events of all jobs, nor batches that have ended. */
START_TEST(no_query_walks_along_a_large_table)
{
	static const char *const large[] = { "SCAN pass", "SCAN instance", "SCAN event", "SCAN batch" };
	static const char *const open[] = { "INDEX batch_open", "INDEX batch_cleanup", "INDEX batch_by_job" };

	for (enum query q = 0; q < Q_COUNT; q++) {
		struct stmt query = stmt_get(db, q);
		char *sql = mem_printf("EXPLAIN QUERY PLAN %s", sqlite3_sql(query.handle));
		sqlite3_stmt *st = NULL;

		ck_assert_msg(sqlite3_prepare_v2(db->handle, sql, -1, &st, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db->handle));
		while (sqlite3_step(st) == SQLITE_ROW) {
			const char *step = (const char *)sqlite3_column_text(st, 3);
			bool indexed = false;

			for (size_t i = 0; i < sizeof open / sizeof open[0]; i++)
				indexed = indexed || strstr(step, open[i]) != NULL;
			for (size_t i = 0; i < sizeof large / sizeof large[0]; i++)
				ck_assert_msg(indexed || strstr(step, large[i]) == NULL, "%s: %s", sqlite3_sql(query.handle), step);
		}
		sqlite3_finalize(st);
		free(sql);
		stmt_release(&query);
	}
}
END_TEST

START_TEST(answered_passes_have_an_index)
{
	STMT(query, db, pass_answered);
	char *sql = mem_printf("EXPLAIN QUERY PLAN %s", sqlite3_sql(query.handle)), plan[2000] = "";
	sqlite3_stmt *st = NULL;

	ck_assert_msg(sqlite3_prepare_v2(db->handle, sql, -1, &st, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db->handle));
	while (sqlite3_step(st) == SQLITE_ROW)
		strncat(plan, (const char *)sqlite3_column_text(st, 3), sizeof plan - strlen(plan) - 1);
	sqlite3_finalize(st);
	free(sql);
	ck_assert_msg(strstr(plan, "pass_answered (job=? AND stage=? AND n>?)") != NULL, "%s", plan);
	ck_assert_ptr_null(strstr(plan, "SCAN"));
}
END_TEST

/* --- rows come back as they went ------------------------------------------------------------------------ */

START_TEST(a_batch_comes_back_as_it_was_saved)
{
	struct err err = { 0 };
	struct batch_row b, c;
	struct tally t;
	int64_t job, *ids = NULL;
	size_t n = 0;

	ck_assert_int_eq(import(&t, &job, &err), 0);
	ck_assert_int_eq(batch_insert(db, job, 2, "sim", 99, &b, &err), 0);
	ck_assert_int_eq(b.state, BATCH_BUILDING);
	b.state = BATCH_RUNNING;
	b.next_ms = 1234567890123;
	b.completed = -1;
	b.error_line = 7;
	text_set(&b.remote_id, "batch_\xc3\xa4/'\"?");
	text_set(&b.reason, "");
	ck_assert_int_eq(batch_save(db, &b, &err), 0);
	ck_assert_int_eq(batch_get(db, b.id, &c, &err), 0);
	ck_assert_int_eq(c.state, BATCH_RUNNING);
	ck_assert_int_eq(c.stage, 2);
	ck_assert_int_eq(c.next_ms, b.next_ms);
	ck_assert_int_eq(c.completed, -1);
	ck_assert_int_eq(c.error_line, 7);
	ck_assert_str_eq(c.remote_id, b.remote_id);
	ck_assert_str_eq(c.reason, "");
	ck_assert_int_eq(batch_list(db, 0, &ids, &n, &err), 0);
	ck_assert_uint_eq(n, 1);
	free(ids);
	c.state = BATCH_ENDED;
	ck_assert_int_eq(batch_save(db, &c, &err), 0);
	ck_assert_int_eq(batch_list(db, 0, &ids, &n, &err), 0);
	ck_assert_uint_eq(n, 0);
	free(ids);
	batch_row_done(&b);
	batch_row_done(&c);
	ck_assert_int_eq(batch_get(db, 12345, &c, &err), BD_ENOTFOUND);
}
END_TEST

static const struct { const char *word; int rc; int64_t id; } words[] = {
	{ "1", 0, 1 }, { "nightly", 0, 2 }, { "nigh", BD_ENOTFOUND, 0 }, { "weekly", 0, 3 }, { "w", 0, 3 }, { "9", BD_ENOTFOUND, 0 },
	{ "", BD_ENOTFOUND, 0 }, { "nightlyx", BD_ENOTFOUND, 0 }, { "%", BD_ENOTFOUND, 0 }, { "'", BD_ENOTFOUND, 0 },
	{ "1 OR 1", BD_ENOTFOUND, 0 },
};

/* Two nightly ones and a weekly one. */
START_TEST(a_job_is_found_by_its_number_or_its_name)
{
	struct err err = { 0 };
	struct job_row other = row;
	struct tally t;
	int64_t id = 0;

	ck_assert_int_eq(import(&t, &id, &err), 0);
	ck_assert_int_eq(import(&t, &id, &err), 0);
	other.name = "weekly";
	ck_assert_int_eq(job_insert(db, &other, &id, &err), 0);
	ck_assert_int_eq(job_set_state(db, id, JOB_LOADING, JOB_RUNNING, "", 0, &err), 0);
	int rc = job_find(db, words[_i].word, -1, &id, &err);
	ck_assert_msg(rc == words[_i].rc, "%s: %d %s", words[_i].word, rc, err.msg);
	if (rc == 0)
		ck_assert_int_eq(id, words[_i].id);
}
END_TEST

#define LOOP(test, table) tcase_add_loop_test(tc, test, 0, (int)(sizeof table / sizeof table[0]))

int main(void)
{
	Suite *s = suite_create("store");
	TCase *tc = tcase_create("store");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, every_query_prepares);
	LOOP(the_schema_takes_exactly_the_states_there_are, checks);
	tcase_add_loop_test(tc, a_damaged_file_is_refused_and_left_alone, 0, 3);
	tcase_add_test(tc, a_commit_whose_sync_failed_is_made_safe_first);
	tcase_add_test(tc, a_reader_cannot_write);
	tcase_add_loop_test(tc, a_job_comes_in_whole_or_not_at_all, 0, CALLS + 2);
	tcase_add_test(tc, a_job_is_deleted_a_part_at_a_time_and_others_stay);
	tcase_add_loop_test(tc, a_pass_moves_only_from_where_it_is, 0, MOVES * PASS_STATE_COUNT);
	tcase_add_loop_test(tc, the_sums_follow_the_rows_through_everything, 0, 8);
	tcase_add_test(tc, a_cursor_finds_every_instance);
	tcase_add_test(tc, a_run_moves_together);
	tcase_add_test(tc, no_query_walks_along_a_large_table);
	tcase_add_test(tc, answered_passes_have_an_index);
	tcase_add_test(tc, a_batch_comes_back_as_it_was_saved);
	LOOP(a_job_is_found_by_its_number_or_its_name, words);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
