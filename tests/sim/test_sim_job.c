/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "helper_engine.h"

START_TEST(a_raw_job_is_done)
{
	sim_new(&(struct sim_setup){ .max_requests = 4 });
	int64_t job = sim_submit_raw(10);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_int_eq(sim_int(job, "passes.done"), 10);
	ck_assert_int_eq(sim_lines(job, "batch_output_step1.jsonl"), 10);
	ck_assert_int_eq(sim_calls("create"), 3);
	sim_check_billed_once(10);
	sim_check(job);
	sim_end();
}
END_TEST

START_TEST(a_bugfixer_job_is_done)
{
	sim_new(&(struct sim_setup){ .max_requests = 4 });
	int64_t job = sim_submit_bugfixer(5, 2);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_int_eq(sim_int(job, "passes.done"), 10);
	ck_assert_int_eq(sim_lines(job, "output.jsonl"), 10);
	sim_check_billed_once(20);
	sim_check(job);
	sim_end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sim_job");
	TCase *tc = tcase_create("sim_job");

	tcase_add_test(tc, a_raw_job_is_done);
	tcase_add_test(tc, a_bugfixer_job_is_done);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
