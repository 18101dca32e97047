/* SPDX-License-Identifier: MIT */
/*
 * usage: bench_store DIR PASSES WHAT [ROUNDS]    lines "what seconds"
 * fill: the database with that many READY passes.  moves: transitions in parts as the engine writes them, and one a
 * transaction, per second.  status: the sums kept beside the rows, and a GROUP BY.  scan: every pass once.
 */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db.h"
#include "mem.h"
#include "pass_store.h"

enum { TURN = 2000, PARTS = 25, SINGLE = 400 };          /* TURN: as the engine's RUN_A_TURN */

static struct err err;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void must(int rc)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "%s\n", err.msg);
	exit(1);
}

static char *text(const char *s)
{
	return mem_strdup(s);
}

static void fill(struct db *db, int64_t passes)
{
	struct job_row row = { .name = text("b"), .workflow = text("raw"), .endpoint = text("e"), .params = text("{}"),
		.model = text("m"), .dataset = text("d"), .save_dir = text("/s"), .fetch_dir = text(""), .stages = 1, .passk = 1,
		.created_ms = 1 };
	int64_t id = 0;

	must(db_begin(db, &err));
	must(job_insert(db, &row, &id, &err));
	must(db_commit(db, &err));
	struct tally t = { .job = id };
	double t0 = now();
	for (int64_t n = 0; n < passes;) {
		must(db_begin(db, &err));
		int64_t most = passes - n < TURN ? passes - n : TURN;

		must(pass_insert_run(db, &t, 1, n, most, &err));
		n += most;
		must(tally_flush(db, &t, &err));
		must(n < passes ? db_commit_part(db, &err) : db_commit(db, &err));
	}
	printf("fill %.6f\n", now() - t0);
	job_row_done(&row);
}

static void move(struct db *db, struct tally *t, bool answered, int64_t n, int64_t each)
{
	static struct line_ref answers[TURN];

	for (int64_t i = 0; answered && i < each; i++)
		answers[i] = (struct line_ref){ 1, 0, 300 * (n + i), 299 };
	must(db_begin(db, &err));
	must(answered ? pass_answered(db, t, 1, n, each, PASS_DONE, answers, &err) :
	                pass_batched(db, t, 1, n, each, 1, &err));
	must(tally_flush(db, t, &err));
}

/* READY to BATCHED to DONE, from n on; `each` rows a transaction, synced every `parts` transactions.  Moves a second. */
static double moves(struct db *db, int64_t n, int64_t count, int each, int parts)
{
	struct tally t = { .job = 1 };
	double t0 = now();
	int part = 0;

	for (int answered = 0; answered < 2; answered++)
		for (int64_t at = n; at < n + count; at += each) {
			move(db, &t, answered, at, each);
			must(++part % parts == 0 ? db_commit(db, &err) : db_commit_part(db, &err));
		}
	return 2.0 * (double)count / (now() - t0);
}

static void query(sqlite3 *raw, const char *what, const char *sql)
{
	sqlite3_stmt *st = NULL;
	double t0 = now();

	if (sqlite3_prepare_v2(raw, sql, -1, &st, NULL) != SQLITE_OK)
		exit(1);
	while (sqlite3_step(st) == SQLITE_ROW)
		;
	sqlite3_finalize(st);
	printf("%s %.9f\n", what, now() - t0);
}

static void status(struct db *db, const char *path, int rounds)
{
	sqlite3 *raw = NULL;
	struct pass_counts c;

	if (sqlite3_open(path, &raw) != SQLITE_OK)
		exit(1);
	for (int i = 0; i < rounds; i++) {
		double t0 = now();
		must(count_get(db, 1, &c, &err));
		printf("sums %.9f\n", now() - t0);
		query(raw, "group", "SELECT stage, state, count(*) FROM pass WHERE job = 1 GROUP BY stage, state");
		query(raw, "scan", "SELECT n, state, batch FROM pass NOT INDEXED");
	}
	sqlite3_close(raw);
}

int main(int argc, char **argv)
{
	struct db *db;

	if (argc < 4)
		return 2;
	char *path = mem_printf("%s/bench.db", argv[1]);
	int64_t passes = atoll(argv[2]);
	int rounds = argc > 4 ? atoi(argv[4]) : 1;

	must(db_open(path, &db, &err));
	if (strcmp(argv[3], "fill") == 0)
		fill(db, passes);
	for (int i = 0; strcmp(argv[3], "moves") == 0 && i < rounds; i++) {
		int64_t from = i * (passes / rounds);

		printf("parts %.3f\n", moves(db, from, (int64_t)TURN * PARTS, TURN, PARTS));
		printf("single %.3f\n", moves(db, from + (int64_t)TURN * PARTS, SINGLE, 1, 1));
		must(db_checkpoint(path, &err));
	}
	if (strcmp(argv[3], "status") == 0)
		status(db, path, rounds);
	db_close(db);
	free(path);
	return 0;
}
