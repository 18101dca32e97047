/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "files.h"
#include "helper_engine.h"
#include "helper_memory.h"
#include "job_store.h"
#include "mem.h"

/*
 * The n-th call of the database or of the disk, or the n-th allocation (of ours, of SQLite's, of libgit2's and of cJSON's), fails:
 * for every n there is.  The job gets through all the same, each request is paid for once, nothing is called done that is not on
 * disk, and in the end everything adds up.
 *
 * BATCHD_FAULT_STRIDE=1 takes every n, otherwise it is every eighth, and of the allocations every 64th of those.
 * BATCHD_FAULT_ONLY=n: only that one.
 */
enum { PARTS = 16, REQUESTS = 5, INSTANCES = 3, ALLOCATIONS = 64, DROUGHT = 150 };

static int files_in(const char *dir, const char *end)
{
	DIR *d = opendir(dir);
	int n = 0;

	for (struct dirent *at; d != NULL && (at = readdir(d)) != NULL;) {
		size_t len = strlen(at->d_name), m = strlen(end);

		n += at->d_name[0] != '.' && len >= m && strcmp(at->d_name + len - m, end) == 0;
	}
	if (d != NULL)
		closedir(d);
	return n;
}

static void check_samples(int64_t job)
{
	char *save = sim_save_dir(job), *samples = path_join(save, "samples");

	ck_assert_int_le(sim_int(job, "passes.done"), files_in(samples, ".jsonl"));
	free(samples);
	free(save);
}

static void on_audited(void *data, bool ok, const char *json, const struct err *err)
{
	ck_assert_msg(err == NULL, "audit: %s", err != NULL ? err->msg : "");
	ck_assert_msg(ok, "audit: %s", json);
	*(bool *)data = true;
}

static void check_audit(int64_t job)
{
	struct err err = { 0 };
	bool told = false;

	ck_assert_msg(engine_audit(sim_engine(), job, false, on_audited, &told, &err) == 0, "%s", err.msg);
	sim_run_until_idle();
	ck_assert(told);
}

/* Everything as if nothing had been. */
static void check_end(int64_t job, bool pipeline)
{
	int passes = pipeline ? INSTANCES : REQUESTS;

	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_str_eq(sim_text(job, "reason"), "");
	ck_assert_int_eq(sim_int(job, "passes.done"), passes);
	sim_check_billed_once(pipeline ? 2 * passes : passes);
	sim_check(job);
	ck_assert_int_eq(sim_lines(job, pipeline ? "output.jsonl" : "batch_output_step1.jsonl"), passes);
	check_audit(job);
}

static bool run_with(enum fault where, int n, bool pipeline)
{
	sim_new(&(struct sim_setup){ .max_requests = 2 });
	int64_t job = pipeline ? sim_submit_bugfixer(INSTANCES, 1) : sim_submit_raw(REQUESTS);

	int times = where == FAULT_TRY ? DROUGHT : 1;
	fault_arm_many(where, n, times);
	while (fault_left() > -times && sim_step())
		;
	bool hit = fault_left() < 0;
	fault_arm(FAULT_NONE, 0);
	if (pipeline)
		check_samples(job);
	check_end(job, pipeline);
	sim_end();
	return hit;
}

static void run_all(enum fault where, int part, bool pipeline)
{
	const char *text = getenv("BATCHD_FAULT_STRIDE");
	const char *only = getenv("BATCHD_FAULT_ONLY");

	if (only != NULL) {
		if (atoi(only) % PARTS == part)
			(void)run_with(where, atoi(only), pipeline);
		return;
	}
	static const char *const what[] = { [FAULT_STORE] = "calls of the database", [FAULT_FILE] = "calls of the disk",
		[FAULT_MEMORY] = "allocations", [FAULT_SYNC] = "syncs behind a commit",
		[FAULT_TRY] = "allocations that may fail, with those behind it" };
	int step = where == FAULT_SYNC ? 1 : text != NULL && atoi(text) > 0 ? atoi(text) : where == FAULT_MEMORY ? 8 * ALLOCATIONS : 8;
	int n = part * step, tried = 0;

	for (; run_with(where, n, pipeline); n += PARTS * step)
		tried++;
	if (part == 0)
		ck_assert_int_gt(tried, 0);             /* there were some */
	if (part == 0)
		printf("%s: about %d %s, %d of %d tried in each of %d parts\n", pipeline ? "pipeline" : "raw", n, what[where],
		       tried, n / PARTS, PARTS);
}

START_TEST(raw_jobs_survive_any_failure_of_the_database)
{
	run_all(FAULT_STORE, _i, false);
}
END_TEST

START_TEST(raw_jobs_survive_any_failure_of_the_disk)
{
	run_all(FAULT_FILE, _i, false);
}
END_TEST

START_TEST(pipelines_survive_any_failure_of_the_database)
{
	run_all(FAULT_STORE, _i, true);
}
END_TEST

START_TEST(pipelines_survive_any_failure_of_the_disk)
{
	run_all(FAULT_FILE, _i, true);
}
END_TEST

/* And now those fail that may, one behind the other. */
START_TEST(a_drought_of_memory_costs_nothing)
{
	run_all(FAULT_TRY, _i / 2, _i % 2);
}
END_TEST

/* A commit that is told as failed may be one all the same. */
START_TEST(a_commit_of_which_nobody_knows_doubles_nothing)
{
	run_all(FAULT_SYNC, _i / 2, _i % 2);
}
END_TEST

/* ... and nor does a crash right behind it. */
START_TEST(killed_behind_such_a_commit_nothing_is_doubled)
{
	for (int n = _i; ; n += PARTS) {
		sim_new(&(struct sim_setup){ .max_requests = 2 });
		int64_t job = sim_submit_bugfixer(INSTANCES, 1);

		fault_arm(FAULT_SYNC, n);
		while (fault_left() >= 0 && sim_step())
			;
		bool hit = fault_left() < 0;
		fault_arm(FAULT_NONE, 0);
		sim_restart();
		check_end(job, true);
		sim_end();
		if (!hit)
			return;
	}
}
END_TEST

START_TEST(raw_jobs_survive_any_failure_of_an_allocation)
{
	run_all(FAULT_MEMORY, _i, false);
}
END_TEST

START_TEST(pipelines_survive_any_failure_of_an_allocation)
{
	run_all(FAULT_MEMORY, _i, true);
}
END_TEST

/* --- submitting -------------------------------------------------------------------------------------- */

struct told {
	bool told;
	int64_t id;
	char why[200];
};

static void on_submitted(void *data, int64_t id, const char *name, int64_t passes, const char *warnings,
                         const struct err *err)
{
	struct told *t = data;

	(void)name;
	(void)passes;
	(void)warnings;
	t->told = true;
	t->id = id;
	snprintf(t->why, sizeof t->why, "%.199s", id < 0 ? err->msg : "");
}

static int submit(const char *rows, const char *save, struct told *ret, struct err *err)
{
	struct submission s = { .params = { .workflow = "raw", .passk = 1 }, .save_dir = save, .dataset = "rows.jsonl",
		.dataset_path = rows };

	return engine_submit(sim_engine(), &s, on_submitted, ret, err);
}

/* Refused with a reason and nothing left of it, or accepted and done; the one step in between sends people to status. */
static bool submit_with(enum fault where, int n)
{
	static const char row[] = "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\","
		"\"body\":{\"model\":\"m\",\"messages\":[]}}\n";
	struct err err = { 0 };
	struct told told = { .id = -1 };

	sim_new(&(struct sim_setup){ 0 });
	char *rows = path_join(sim_dir(), "rows"), *save = path_join(sim_dir(), "save"), *jobs = path_join(sim_dir(), "jobs");
	ck_assert_int_eq(file_put(rows, row, sizeof row - 1, 0600, &err), 0);
	fault_arm(where, n);
	int rc = submit(rows, save, &told, &err);
	while (rc == 0 && !told.told)
		ck_assert_msg(sim_step(), "the submission is never answered");
	bool hit = fault_left() < 0;
	fault_arm(FAULT_NONE, 0);
	sim_run_until_idle();
	if (told.id < 0 && strstr(told.why, "batchctl status") != NULL && sim_calls("upload") > 0)
		told.id = 1;                    /* committed, but nobody can say how safely: status shows it */
	if (told.id > 0) {
		ck_assert_str_eq(sim_text(told.id, "state"), "done");
		sim_check_billed_once(1);
	} else {
		int64_t *ids = NULL;
		size_t left = 0;

		ck_assert_msg((rc < 0 ? err.msg : told.why)[0] != '\0', "refused without a reason");
		ck_assert_int_eq(job_list_open(sim_db(), &ids, &left, &err), 0);
		ck_assert_msg(left == 0, "a job is left of a submission that was refused: %s%s", err.msg, told.why);
		ck_assert_msg(files_in(jobs, "") == 0, "a folder is left of a submission that was refused: %s%s", err.msg,
		              told.why);
		ck_assert_int_eq(sim_calls("upload"), 0);
		free(ids);
		/* and again: what is free of trouble is taken */
		ck_assert_int_eq(file_put(rows, row, sizeof row - 1, 0600, &err), 0);
		ck_assert_msg(submit(rows, save, &told, &err) == 0, "%s", err.msg);
		sim_run_until_idle();
		ck_assert_msg(told.id > 0, "%s", told.why);
		ck_assert_str_eq(sim_text(told.id, "state"), "done");
	}
	free(rows);
	free(save);
	free(jobs);
	sim_end();
	return hit;
}

START_TEST(a_submission_is_accepted_or_leaves_nothing)
{
	enum fault where = _i % 2 == 0 ? FAULT_STORE : FAULT_FILE;
	int n = 0;

	while (submit_with(where, n))
		n++;
	ck_assert_int_gt(n, 3);
}
END_TEST

/* A crash when some of a refused batch's passes have been given back: the others do not move up in its file. */
START_TEST(the_line_that_was_refused_is_the_same_behind_a_crash)
{
	enum { MANY = 4000 };

	sim_new(&(struct sim_setup){ .plan = "{\"batch\":1,\"do\":\"fail\",\"code\":\"invalid_request\",\"line\":3000}",
	                             .max_requests = MANY });
	int64_t job = sim_submit_raw(MANY);

	while (sim_calls("create") == 0 || sim_int(job, "passes.ready") == 0)
		ck_assert(sim_step());
	ck_assert_int_lt(sim_int(job, "passes.ready"), MANY - 1);       /* in the middle of it */
	sim_restart();
	sim_run_until_idle();
	ck_assert_int_eq(sim_int(job, "passes.failed"), 1);
	ck_assert_int_eq(sim_int(job, "passes.done"), MANY - 1);
	struct span line = sim_file(job, "failures.jsonl");
	ck_assert_msg(memmem(line.at, line.len, "\"r-2999\"", 8) != NULL, "%.*s", (int)line.len, line.at);
	sim_check(job);
	sim_end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fault_engine");
	TCase *tc = tcase_create("the n-th call fails");

	tcase_add_unchecked_fixture(tc, count_libraries, NULL);

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, raw_jobs_survive_any_failure_of_the_database, 0, PARTS);
	tcase_add_loop_test(tc, raw_jobs_survive_any_failure_of_the_disk, 0, PARTS);
	tcase_add_loop_test(tc, pipelines_survive_any_failure_of_the_database, 0, PARTS);
	tcase_add_loop_test(tc, pipelines_survive_any_failure_of_the_disk, 0, PARTS);
	tcase_add_loop_test(tc, a_commit_of_which_nobody_knows_doubles_nothing, 0, 2 * PARTS);
	tcase_add_loop_test(tc, killed_behind_such_a_commit_nothing_is_doubled, 0, PARTS);
	tcase_add_loop_test(tc, a_drought_of_memory_costs_nothing, 0, 2 * PARTS);
	tcase_add_loop_test(tc, raw_jobs_survive_any_failure_of_an_allocation, 0, PARTS);
	tcase_add_loop_test(tc, pipelines_survive_any_failure_of_an_allocation, 0, PARTS);
	tcase_add_loop_test(tc, a_submission_is_accepted_or_leaves_nothing, 0, 2);
	tcase_add_test(tc, the_line_that_was_refused_is_the_same_behind_a_crash);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed > 0;
}
