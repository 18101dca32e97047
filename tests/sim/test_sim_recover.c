/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "files.h"
#include "helper_engine.h"
#include "mem.h"

/*
 * Killed at any moment and started again, the job comes to the same: every pass done, nothing paid for twice, and
 * the same files to the byte.
 */

enum { INSTANCES = 3, PASSK = 2, REQUESTS = 2 * INSTANCES * PASSK };

static const struct sim_setup calm = { .max_requests = 4, .poll_min_ms = 600000, .poll_max_ms = 900000 };

/* --- what a save_dir holds -------------------------------------------------------------------------- */

static int no_dots(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void add_dir(const char *path, struct buf *ret)
{
	struct dirent **list;
	int n = scandir(path, &list, no_dots, alphasort);

	for (int i = 0; i < n; i++) {
		char *at = path_join(path, list[i]->d_name);

		buf_printf(ret, "=== %s\n", list[i]->d_name);
		if (list[i]->d_type == DT_DIR)
			add_dir(at, ret);
		else
			ck_assert_int_eq(file_get(at, 64 << 20, ret, NULL), 0);
		free(at);
		free(list[i]);
	}
	free(list);
}

static char *all_files(int64_t job)
{
	char *dir = sim_save_dir(job);
	struct buf text = { 0 };

	add_dir(dir, &text);
	free(dir);
	return buf_take_str(&text);
}

static char *want;              /* the files of a run that nothing disturbed */

static void undisturbed(void)
{
	sim_new(&calm);
	int64_t job = sim_submit_bugfixer(INSTANCES, PASSK);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	want = all_files(job);
	sim_end();
}

static void forget(void)
{
	free(want);
}

/* Where two texts part, for people. */
static void check_same(const char *got, int n)
{
	size_t i = 0, from;

	while (want[i] != '\0' && want[i] == got[i])
		i++;
	from = i > 200 ? i - 200 : 0;
	ck_assert_msg(want[i] == got[i], "killed behind step %d, the files differ: ...%.300s... instead of ...%.300s...", n,
	              got + from, want + from);
}

static void check_job(int64_t job, int n)
{
	ck_assert_msg(strcmp(sim_text(job, "state"), "done") == 0, "killed behind step %d, it is %s: %s", n,
	              sim_text(job, "state"), sim_text(job, "reason"));
	ck_assert_int_eq(sim_int(job, "passes.done"), INSTANCES * PASSK);
	sim_check_billed_once(REQUESTS);
	sim_check(job);
	char *got = all_files(job);
	check_same(got, n);
	free(got);
}

/* --- killed once --------------------------------------------------------------------------------------- */

START_TEST(killed_behind_any_step_a_job_comes_to_the_same)
{
	sim_new(&calm);
	int64_t job = sim_submit_bugfixer(INSTANCES, PASSK);
	for (int n = 0; n < _i; n++)
		if (!sim_step()) {
			sim_end();
			return;                 /* it had come to its end */
		}
	sim_restart();
	sim_run_until_idle();
	check_job(job, _i);
	sim_end();
}
END_TEST

/* Of the database only what was synced is left, whatever the loop did while a sync was under way. */
START_TEST(without_power_behind_any_step_a_job_comes_to_the_same)
{
	sim_watch_syncs(true);
	sim_new(&calm);
	sim_work_late(true);
	int64_t job = sim_submit_bugfixer(INSTANCES, PASSK);
	bool on = true;
	for (int n = 0; n < _i && on; n++)
		on = sim_step();
	if (on)
		sim_power_cut();
	sim_run_until_idle();
	check_job(job, _i);
	sim_end();
	sim_watch_syncs(false);
}
END_TEST

/* What the n-th sync did not bring to the disk is lost some steps later: nothing must have followed from it. */
START_TEST(without_power_behind_a_sync_that_failed_a_job_comes_to_the_same)
{
	struct sim_setup setup = calm;

	setup.delete_remote_files = true;
	sim_watch_syncs(true);
	sim_new(&setup);
	int64_t job = sim_submit_bugfixer(INSTANCES, PASSK);
	fault_arm(FAULT_SYNC, _i / 3);
	bool on = true;
	while (on && fault_left() >= 0)
		on = sim_step();
	fault_arm(FAULT_NONE, 0);
	for (int n = 0; n < 8 << _i % 3 && on; n++)
		on = sim_step();
	if (on)
		sim_power_cut();
	sim_run_until_idle();
	check_job(job, _i);
	sim_end();
	sim_watch_syncs(false);
}
END_TEST

/* Every so many steps again: it gets on all the same. */
START_TEST(killed_again_and_again_a_job_comes_to_the_same)
{
	int every = 32 + _i, kills = 0;

	sim_new(&calm);
	int64_t job = sim_submit_bugfixer(INSTANCES, PASSK);
	for (bool on = true; on; kills++) {
		ck_assert_int_lt(kills, 1000);
		for (int n = 0; n < every && on; n++)
			on = sim_step();
		if (on)
			sim_restart();
	}
	check_job(job, every);
	sim_end();
}
END_TEST

START_TEST(stopped_behind_any_step_a_job_comes_to_the_same)
{
	sim_new(&calm);
	int64_t job = sim_submit_bugfixer(INSTANCES, PASSK);
	for (int n = 0; n < 2 * _i; n++)
		sim_step();
	sim_stop();
	sim_run_until_idle();
	check_job(job, 2 * _i);
	sim_end();
}
END_TEST

/* The first ones are killed, the others lose their power too. */
static void die(int i)
{
	if (i < 20)
		sim_restart();
	else
		sim_power_cut();
}

/* What a person was told is done holds, whenever it dies behind that. */
START_TEST(killed_behind_a_command_the_command_holds)
{
	struct retry_selector all = { 0 };
	struct err err = { 0 };
	struct buf text = { 0 };
	struct jw w = { .out = &text };
	int64_t n = 0;

	sim_watch_syncs(_i >= 20);
	sim_new(&(struct sim_setup){ .max_requests = 5, .max_active = 2, .poll_min_ms = 600000, .poll_max_ms = 900000 });
	sim_work_late(_i >= 20);
	int64_t job = sim_submit_raw(20);
	char *dir = mem_printf("%s/jobs/%d", sim_dir(), (int)job);
	for (int i = 0; i < 11; i++)
		sim_step();
	ck_assert_int_eq(engine_pause(sim_engine(), job, NULL, &err), 0);
	for (int i = 0; i < _i % 20; i++)
		sim_step();
	die(_i);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "paused");
	ck_assert_int_eq(engine_cancel(sim_engine(), job, &err), 0);
	for (int i = 0; i < _i % 20; i++)
		sim_step();
	die(_i);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "canceled");
	ck_assert_int_eq(sim_int(job, "passes.canceled") + sim_int(job, "passes.done"), 20);
	ck_assert_int_eq(engine_retry(sim_engine(), job, &all, &n, &err), 0);
	for (int i = 0; i < _i % 20; i++)
		sim_step();
	die(_i);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	sim_check_billed_once(20);
	sim_check(job);
	ck_assert_int_eq(engine_remove(sim_engine(), job, &err), 0);
	for (int i = 0; i < _i % 20; i++)
		sim_step();
	die(_i);
	sim_run_until_idle();
	ck_assert_int_eq(engine_job_status(sim_engine(), job, false, -1, &w, &err), BD_ENOTFOUND);
	ck_assert_int_eq(file_size(dir), -1);
	buf_done(&text);
	free(dir);
	sim_end();
	sim_watch_syncs(false);
}
END_TEST

START_TEST(killed_while_a_job_comes_in_none_of_it_is_left)
{
	sim_new(&(struct sim_setup){ .poll_min_ms = 600000, .poll_max_ms = 900000 });
	int64_t first = sim_submit_raw(3);
	sim_begin_submit_raw(2000);
	for (int n = 0; n < _i; n++)
		sim_step();
	sim_restart();
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(first, "state"), "done");
	char *dir = mem_printf("%s/jobs/%d", sim_dir(), (int)first + 1);
	struct buf text = { 0 };
	struct jw w = { .out = &text };
	struct err err;

	if (engine_job_status(sim_engine(), first + 1, false, -1, &w, &err) == 0) {
		ck_assert_str_eq(sim_text(first + 1, "state"), "done");         /* it was in */
		ck_assert_int_eq(sim_int(first + 1, "passes.done"), 2000);
		ck_assert_int_eq(sim_billed_all(), 2003);
	} else {
		ck_assert_int_eq(file_size(dir), -1);
		sim_check_billed_once(3);
	}
	buf_done(&text);
	free(dir);
	sim_end();
}
END_TEST

/* The one that is to blame is dealt with in the first turn, the others in later ones: they are blamed for nothing. */
START_TEST(killed_while_a_refused_file_is_dealt_with_one_line_is_to_blame)
{
	sim_new(&(struct sim_setup){ .max_attempts = 1, .poll_min_ms = 600000, .poll_max_ms = 900000,
		.plan = "{\"batch\":1,\"do\":\"fail\",\"code\":\"invalid_json_line\",\"line\":3}" });
	int64_t job = sim_submit_raw(1000);
	while (sim_int(job, "passes.failed") == 0)
		ck_assert(sim_step());
	for (int n = 0; n < _i; n++)
		sim_step();
	sim_restart();
	sim_run_until_idle();
	ck_assert_int_eq(sim_int(job, "passes.done"), 999);
	ck_assert_int_eq(sim_int(job, "passes.failed"), 1);
	sim_check(job);
	sim_end();
}
END_TEST

/* Who is told that it failed hands it in once more: then it must not be there. */
START_TEST(reloaded_while_a_job_comes_in_its_submitter_is_told_the_truth)
{
	sim_new(&(struct sim_setup){ .poll_min_ms = 600000, .poll_max_ms = 900000 });
	sim_work_late(true);
	sim_begin_submit_raw(10);
	for (int n = 0; n < _i && sim_told() == 0; n++)
		sim_step();
	sim_reload();
	sim_run_until_idle();
	ck_assert_int_ne(sim_told(), 0);
	sim_check_billed_once(sim_told() > 0 ? 10 : 0);
	sim_end();
}
END_TEST

/* --- what is below it fails --------------------------------------------------------------------------- */

/* The n-th call of the database, or of a file, fails: everything waits a moment, and comes to the same. */
static void fails_once(enum fault where, int n)
{
	sim_new(&calm);
	int64_t job = sim_submit_bugfixer(INSTANCES, PASSK);
	fault_arm(where, n);
	sim_run_until_idle();
	fault_arm(FAULT_NONE, 0);
	check_job(job, n);
	sim_end();
}

START_TEST(a_call_of_the_database_fails_and_the_job_comes_to_the_same)
{
	fails_once(FAULT_STORE, 20 * _i);       /* of some 1300 */
}
END_TEST

START_TEST(a_call_of_a_file_fails_and_the_job_comes_to_the_same)
{
	fails_once(FAULT_FILE, 15 * _i);        /* of some 700 */
}
END_TEST

/* --- what came of a call is found out ----------------------------------------------------------------- */

#define CREATE_LOST "{\"call\":\"create\",\"nth\":1,\"do\":\"drop\",\"effect\":\"after\"}\n"
#define UPLOAD_LOST "{\"call\":\"upload\",\"nth\":2,\"do\":\"drop\",\"effect\":\"after\"}\n"
#define CREATE_5XX  "{\"call\":\"create\",\"nth\":2,\"do\":\"status\",\"status\":500,\"effect\":\"after\"}\n"

static const struct {
	const char *plan;
	int uploads, creates;           /* that took effect; 0: the same one may come up twice */
} ambiguous[] = {
	{ CREATE_LOST, 4, 4 },
	{ CREATE_5XX, 4, 4 },
	{ "{\"call\":\"create\",\"nth\":1,\"do\":\"garbage\",\"effect\":\"after\"}", 4, 4 },
	{ "{\"call\":\"create\",\"nth\":1,\"do\":\"empty\",\"effect\":\"after\"}", 4, 4 },
	{ "{\"call\":\"create\",\"nth\":1,\"do\":\"drop\",\"effect\":\"before\"}", 4, 4 },
	{ "{\"call\":\"create\",\"nth\":1,\"do\":\"status\",\"status\":409,\"effect\":\"after\"}", 4, 4 },
	{ "{\"call\":\"create\",\"nth\":1,\"do\":\"status\",\"status\":502,\"html\":true}", 4, 4 },
	{ UPLOAD_LOST, 4, 4 },
	{ "{\"call\":\"upload\",\"nth\":1,\"do\":\"drop\",\"effect\":\"after\",\"stall_ms\":60000}", 4, 4 },
	{ "{\"call\":\"upload\",\"nth\":1,\"do\":\"drop\",\"effect\":\"before\"}", 4, 4 },
	{ CREATE_LOST UPLOAD_LOST CREATE_5XX, 4, 4 },
	/* the list lags */
	{ CREATE_LOST "{\"call\":\"batch_list\",\"do\":\"lag\",\"polls\":2}", 4, 4 },
	{ UPLOAD_LOST "{\"call\":\"file_list\",\"do\":\"lag\",\"polls\":2}", 4, 4 },
	/* no metadata comes back */
	{ CREATE_LOST "{\"batch\":\"every\",\"do\":\"no_metadata\"}", 4, 4 },
	/* the cursor stands still; no pages; cursors are numbers */
	{ CREATE_LOST UPLOAD_LOST "{\"call\":\"batch_list\",\"do\":\"loop\"}\n{\"call\":\"file_list\",\"do\":\"loop\"}", 4, 4 },
	{ CREATE_LOST "{\"call\":\"batch_list\",\"do\":\"bare\"}", 4, 4 },
	{ CREATE_LOST "{\"call\":\"batch_list\",\"do\":\"integer_after\"}", 4, 4 },
	/* the list breaks for a while */
	{ CREATE_LOST "{\"call\":\"batch_list\",\"from\":1,\"to\":5,\"do\":\"status\",\"status\":503,\"html\":true}", 4, 4 },
	{ CREATE_LOST "{\"call\":\"batch_list\",\"from\":1,\"to\":5,\"do\":\"drop\"}", 4, 4 },
	{ CREATE_LOST "{\"call\":\"batch_list\",\"nth\":1,\"do\":\"status\",\"status\":429,\"headers\":{\"Retry-After\":\"30\"}}",
	  4, 4 },
	/* no list of files: it is uploaded again, which costs nothing */
	{ UPLOAD_LOST "{\"call\":\"file_list\",\"do\":\"status\",\"status\":501}", 5, 4 },
	/* no list of batches: only the same key saves the money */
	{ CREATE_LOST "{\"call\":\"batch_list\",\"do\":\"status\",\"status\":404}\n{\"option\":\"idempotency\",\"value\":true}",
	  4, 0 },
	/* all times are strange */
	{ CREATE_LOST UPLOAD_LOST "{\"batch\":\"every\",\"do\":\"times\",\"as\":\"iso\"}", 4, 4 },
	{ CREATE_LOST "{\"batch\":\"every\",\"do\":\"times\",\"as\":\"null\"}", 4, 4 },
	{ CREATE_LOST "{\"batch\":\"every\",\"do\":\"times\",\"as\":\"ms\"}\n{\"batch\":\"every\",\"do\":\"omit_nulls\"}", 4, 4 },
};
enum { N_AMBIGUOUS = sizeof ambiguous / sizeof ambiguous[0] };

START_TEST(a_call_whose_answer_is_lost_is_paid_once)
{
	struct sim_setup setup = calm;

	setup.plan = ambiguous[_i].plan;
	sim_new(&setup);
	int64_t job = sim_submit_bugfixer(INSTANCES, PASSK);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_int_eq(sim_int(job, "passes.done"), INSTANCES * PASSK);
	sim_check_billed_once(REQUESTS);
	ck_assert_int_eq(sim_calls("upload"), ambiguous[_i].uploads);
	if (ambiguous[_i].creates > 0)
		ck_assert_int_eq(sim_calls("create"), ambiguous[_i].creates);
	sim_check(job);
	sim_end();
}
END_TEST

/* ... and the same when it is killed while it finds out. */
START_TEST(killed_while_it_finds_out_it_is_paid_once_too)
{
	struct sim_setup setup = calm;

	setup.plan = ambiguous[_i / 2].plan;
	sim_new(&setup);
	int64_t job = sim_submit_bugfixer(INSTANCES, PASSK);
	for (int n = 0; n < 9 + 17 * (_i % 2); n++)
		sim_step();
	sim_restart();
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_int_eq(sim_int(job, "passes.done"), INSTANCES * PASSK);
	sim_check_billed_once(REQUESTS);
	sim_check(job);
	sim_end();
}
END_TEST

/* No list, and the setting says that a person decides: he sends it again, or cancels. */
START_TEST(what_cannot_be_found_out_waits_if_the_setting_says_so)
{
	struct sim_setup setup = calm;
	struct err err = { 0 };

	setup.plan = CREATE_LOST "{\"call\":\"batch_list\",\"do\":\"status\",\"status\":404}";
	setup.hold_unknown = true;
	sim_new(&setup);
	int64_t job = sim_submit_raw(3);
	sim_run_ms(INT64_C(86400000) * 3);
	ck_assert_str_eq(sim_text(job, "state"), "running");
	ck_assert_int_eq(sim_calls("create"), 1);
	ck_assert(sim_event("hold_unknown = false"));
	ck_assert_msg(strstr(sim_text(job, "batches.0.reason"), "hold_unknown") != NULL, "%s", sim_text(job, "batches.0.reason"));
	sim_restart();
	sim_run_ms(86400000);
	ck_assert_int_eq(sim_calls("create"), 1);
	if (_i == 0) {
		setup.hold_unknown = false;
		sim_set(&setup);
		sim_reload();
	} else {
		ck_assert_int_eq(engine_cancel(sim_engine(), job, &err), 0);
	}
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), _i == 0 ? "done" : "canceled");
	ck_assert_int_eq(sim_calls("create"), _i == 0 ? 2 : 1);
	sim_check(job);
	sim_end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sim_recover");
	TCase *tc = tcase_create("sim_recover");

	tcase_add_unchecked_fixture(tc, undisturbed, forget);
	tcase_add_loop_test(tc, killed_behind_any_step_a_job_comes_to_the_same, 0, 150);
	tcase_add_loop_test(tc, without_power_behind_any_step_a_job_comes_to_the_same, 0, 200);
	tcase_add_loop_test(tc, without_power_behind_a_sync_that_failed_a_job_comes_to_the_same, 0, 150);
	tcase_add_loop_test(tc, killed_again_and_again_a_job_comes_to_the_same, 0, 10);
	tcase_add_loop_test(tc, stopped_behind_any_step_a_job_comes_to_the_same, 0, 65);
	tcase_add_loop_test(tc, killed_behind_a_command_the_command_holds, 0, 40);
	tcase_add_loop_test(tc, killed_while_a_job_comes_in_none_of_it_is_left, 0, 16);
	tcase_add_loop_test(tc, reloaded_while_a_job_comes_in_its_submitter_is_told_the_truth, 0, 16);
	tcase_add_loop_test(tc, killed_while_a_refused_file_is_dealt_with_one_line_is_to_blame, 0, 4);
	tcase_add_loop_test(tc, a_call_of_the_database_fails_and_the_job_comes_to_the_same, 0, 65);
	tcase_add_loop_test(tc, a_call_of_a_file_fails_and_the_job_comes_to_the_same, 0, 45);
	tcase_add_loop_test(tc, a_call_whose_answer_is_lost_is_paid_once, 0, N_AMBIGUOUS);
	tcase_add_loop_test(tc, killed_while_it_finds_out_it_is_paid_once_too, 0, 2 * N_AMBIGUOUS);
	tcase_add_loop_test(tc, what_cannot_be_found_out_waits_if_the_setting_says_so, 0, 2);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
