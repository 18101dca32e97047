/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "helper_engine.h"
#include "job_store.h"

/* What people do to jobs and endpoints, and what a crash behind it leaves of that. */

static struct err err;

static bool is_there(int64_t job)
{
	struct job_row row;
	int rc = job_get(sim_db(), job, &row, &err);

	if (rc == 0)
		job_row_done(&row);
	return rc == 0;
}

START_TEST(an_endpoint_that_is_configured_no_longer_cannot_be_opened)
{
	sim_new(&(struct sim_setup){ .second = "other" });
	sim_endpoint("other");
	int64_t job = sim_submit_raw(3);
	ck_assert(sim_run_until_calls("create", 1));
	sim_crash();
	sim_set(&(struct sim_setup){ 0 });
	sim_start();
	sim_run_ms(1000);
	ck_assert_int_eq(engine_resume_endpoint(sim_engine(), "other", &err), BD_EINVALID);
	sim_run_ms(86400000);
	ck_assert_str_eq(sim_text(job, "state"), "running");
	ck_assert_ptr_nonnull(strstr(sim_text(job, "waiting"), "not in the config"));
	sim_end();
}
END_TEST

START_TEST(the_command_of_a_jobs_end_is_run_once)
{
	sim_new(&(struct sim_setup){ .on_done = true });
	int64_t job = sim_submit_raw(3);
	sim_run_until_idle();
	ck_assert_int_eq(sim_hooks(), 1);
	ck_assert_int_eq(engine_pause(sim_engine(), job, NULL, &err), BD_ESTATE);
	sim_run_until_idle();
	sim_restart();
	sim_run_until_idle();
	ck_assert_int_eq(sim_hooks(), 1);
	sim_end();
}
END_TEST

START_TEST(a_removed_job_does_not_come_back)
{
	sim_new(&(struct sim_setup){ 0 });
	int64_t job = sim_submit_raw(3), other = sim_submit_raw(2);
	sim_run_until_idle();
	if (_i == 1)                    /* what it was made from cannot be read any more */
		ck_assert_int_eq(job_set_recipe(sim_db(), job, "{", "m", &err), 0);
	ck_assert_msg(engine_remove(sim_engine(), job, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(engine_remove(sim_engine(), job, &err), BD_ENOTFOUND);
	sim_restart();
	sim_run_until_idle();
	ck_assert(!is_there(job));
	ck_assert(is_there(other));
	sim_end();
}
END_TEST

START_TEST(a_canary_that_a_person_paused_is_a_canary_still)
{
	sim_new(&(struct sim_setup){ 0 });
	sim_canary(1);
	int64_t job = sim_submit_raw(4);
	ck_assert(sim_run_until_calls("create", 1));
	ck_assert_int_eq(engine_pause(sim_engine(), job, NULL, &err), 0);
	ck_assert_int_eq(engine_resume(sim_engine(), job, &err), 0);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "paused");
	sim_check_billed_once(1);
	ck_assert_int_eq(engine_resume(sim_engine(), job, &err), 0);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	sim_check_billed_once(4);
	sim_end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sim_command");
	TCase *tc = tcase_create("sim_command");

	tcase_add_test(tc, an_endpoint_that_is_configured_no_longer_cannot_be_opened);
	tcase_add_test(tc, the_command_of_a_jobs_end_is_run_once);
	tcase_add_loop_test(tc, a_removed_job_does_not_come_back, 0, 2);
	tcase_add_test(tc, a_canary_that_a_person_paused_is_a_canary_still);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
