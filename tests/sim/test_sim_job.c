/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "helper_engine.h"
#include "mem.h"

/* Jobs from their submission to their end, and what a person does to them in between. */

/* --- request files ------------------------------------------------------------------------------- */

static const struct {
	int requests;
	int64_t max_requests, max_bytes;
	int batches;
} splits[] = {
	{ 10, 4, 0, 3 },
	{ 8, 4, 0, 2 },
	{ 1, 4, 0, 1 },
	{ 10, 0, 500, 4 },              /* three lines a file */
	{ 10, 2, 500, 5 },
	{ 10, 0, 140, 10 },
};

START_TEST(a_raw_job_is_split_into_batches_and_done)
{
	sim_new(&(struct sim_setup){ .max_requests = splits[_i].max_requests, .max_bytes = splits[_i].max_bytes });
	int64_t job = sim_submit_raw(splits[_i].requests);

	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_int_eq(sim_int(job, "passes.done"), splits[_i].requests);
	ck_assert_int_eq(sim_calls("create"), splits[_i].batches);
	ck_assert_int_eq(sim_lines(job, "batch_requests_step1.jsonl"), splits[_i].requests);
	ck_assert_int_eq(sim_lines(job, "batch_output_step1.jsonl"), splits[_i].requests);
	sim_check_billed_once(splits[_i].requests);
	sim_check(job);
	sim_end();
}
END_TEST

/* The endpoint fails what is too much for it; it must never come to that. */
START_TEST(no_more_than_max_active_batches_are_at_the_endpoint)
{
	int64_t most = 0;

	sim_new(&(struct sim_setup){ .max_requests = 2, .max_active = 3, .plan = "{\"option\":\"max_active\",\"value\":3}" });
	int64_t job = sim_submit_raw(20);
	while (sim_step()) {
		int64_t active = sim_endpoint_int("0.active");

		most = active > most ? active : most;
	}
	ck_assert_int_eq(most, 3);
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_int_eq(sim_calls("create"), 10);
	ck_assert(!sim_event("token limit"));
	sim_check_billed_once(20);
	sim_end();
}
END_TEST

START_TEST(a_line_too_long_for_the_endpoint_fails_by_its_name)
{
	struct buf rows = { 0 };

	sim_new(&(struct sim_setup){ .max_bytes = 1000 });
	for (int i = 0; i < 5; i++) {
		buf_printf(&rows, "{\"custom_id\":\"x-%d\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":"
		           "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"", i);
		for (int n = i == 2 ? 1200 : 10; n > 0; n--)
			buf_add_char(&rows, 'a');
		buf_add_str(&rows, "\"}]}}\n");
	}
	int64_t job = sim_submit_requests(buf_str(&rows));
	sim_run_until_idle();
	buf_done(&rows);
	ck_assert_str_eq(sim_text(job, "state"), "failed");
	ck_assert_int_eq(sim_int(job, "passes.done"), 4);
	ck_assert_int_eq(sim_int(job, "passes.failed"), 1);
	ck_assert_int_eq(sim_reason(job, "failures", "too_large"), 1);
	struct span f = sim_file(job, "failures.jsonl");
	ck_assert(memmem(f.at, f.len, "\"custom_id\":\"x-2\"", 17) != NULL);
	sim_check_billed_once(4);
	sim_check(job);
	sim_end();
}
END_TEST

/* --- two stages ------------------------------------------------------------------------------------ */

START_TEST(a_bugfixer_job_goes_through_both_stages)
{
	static const char *const files[] = { "output_0_processed.jsonl", "output_1_processed.jsonl", "output_2_processed.jsonl" };

	sim_new(&(struct sim_setup){ .max_requests = 4 });
	int64_t job = sim_submit_bugfixer(5, 3);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_int_eq(sim_int(job, "passes.done"), 15);
	ck_assert_int_eq(sim_int(job, "stages.0.done"), 15);
	ck_assert_int_eq(sim_lines(job, "output.jsonl"), 15);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(sim_lines(job, files[i]), 5);
	ck_assert_int_eq(sim_lines(job, "batch_requests_step2.jsonl"), 15);
	ck_assert_int_gt(sim_lines(job, "samples/demo__pkg-4__pass2.patch"), 5);
	ck_assert_int_eq(sim_lines(job, "samples/demo__pkg-4__pass2.jsonl"), 1);
	ck_assert_int_eq(sim_lines(job, "failures.jsonl"), 0);
	sim_check_billed_once(30);
	sim_check(job);
	sim_end();
}
END_TEST

START_TEST(stage_2_of_a_pass_does_not_wait_for_stage_1_of_the_others)
{
	sim_new(&(struct sim_setup){ .max_requests = 4, .plan = "{\"batch\":1,\"do\":\"delay\",\"ms\":72000000}" });
	int64_t job = sim_submit_bugfixer(8, 1);

	ck_assert(sim_run_until_calls("create", 3));
	ck_assert_int_eq(sim_int(job, "stages.0.batched"), 4);
	ck_assert_int_eq(sim_int(job, "stages.1.batched"), 4);
	sim_run_ms(10 * 3600000);
	ck_assert_int_eq(sim_int(job, "passes.done"), 4);
	ck_assert_int_eq(sim_int(job, "stages.0.batched"), 4);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	sim_check_billed_once(16);
	sim_end();
}
END_TEST

/* --- answers of no use, errors --------------------------------------------------------------------- */

#define R3 "{\"custom_id\":\"r-0003\",\"do\":\"error\","

static const struct {
	const char *plan, *answers;
	bool bugfixer;
	int64_t max_attempts;
	const char *state;
	int done, failed, again;        /* passes, and how often one was asked again */
	const char *reason;             /* of that */
	int sent;                       /* how often the bad one was sent */
	int billed;
} attempts[] = {
	/* transient: until max_attempts */
	{ R3 "\"status\":500}", NULL, false, 0, "failed", 9, 1, 2, "server_error", 3, 9 },
	{ R3 "\"status\":500}", NULL, false, 1, "failed", 9, 1, 0, "server_error", 1, 9 },
	{ R3 "\"status\":500,\"times\":2}", NULL, false, 0, "done", 10, 0, 2, "server_error", 3, 10 },
	{ R3 "\"status\":429,\"times\":1}", NULL, false, 0, "done", 10, 0, 1, "rate_limit_exceeded", 2, 10 },
	/* permanent: once */
	{ R3 "\"status\":400,\"code\":\"context_length_exceeded\"}", NULL, false, 0, "failed", 9, 1, 0,
	  "context_length_exceeded", 1, 9 },
	/* in neither file */
	{ "{\"custom_id\":\"r-0003\",\"do\":\"missing\",\"times\":1}", NULL, false, 0, "done", 10, 0, 1,
	  "missing_in_results", 2, 10 },
	{ "{\"custom_id\":\"r-0003\",\"do\":\"missing\"}", NULL, false, 0, "failed", 9, 1, 2, "missing_in_results", 3, 9 },
	/* answers that lead nowhere, at either stage */
	{ NULL, "{\"custom_id\":\"demo__pkg-1\",\"stage\":1,\"attempt\":1,\"content\":\"I do not know.\"}\n", true, 0, "done",
	  10, 0, 1, "no_file", 2, 21 },
	{ NULL, "{\"custom_id\":\"demo__pkg-1\",\"stage\":1,\"content\":\"I do not know.\"}\n", true, 0, "failed",
	  9, 1, 2, "no_file", 3, 21 },
	{ NULL, "{\"custom_id\":\"demo__pkg-1\",\"stage\":2,\"attempt\":1,\"content\":\"I do not know.\"}\n", true, 0, "done",
	  10, 0, 1, "no_edit", 2, 21 },
	{ NULL, "{\"custom_id\":\"demo__pkg-1\",\"stage\":2,\"content\":\"I do not know.\"}\n", true, 2, "failed",
	  9, 1, 1, "no_edit", 2, 21 },
};

START_TEST(what_brought_nothing_is_asked_again_as_often_as_it_may)
{
	sim_new(&(struct sim_setup){ .plan = attempts[_i].plan, .answers = attempts[_i].answers,
		.max_attempts = attempts[_i].max_attempts });
	int64_t job = attempts[_i].bugfixer ? sim_submit_bugfixer(10, 1) : sim_submit_raw(10);
	const char *bad = attempts[_i].bugfixer ? "demo__pkg-1" : "r-0003";
	char *attempted = mem_printf("\"attempts\":%d", attempts[_i].sent);

	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), attempts[_i].state);
	ck_assert_int_eq(sim_int(job, "passes.done"), attempts[_i].done);
	ck_assert_int_eq(sim_int(job, "passes.failed"), attempts[_i].failed);
	ck_assert_msg(sim_reason(job, "asked_again", attempts[_i].reason) == attempts[_i].again, "%s %s",
	              sim_text(job, "asked_again.0.reason"), sim_text(job, "failures.0.reason"));
	ck_assert_int_eq(sim_reason(job, "failures", attempts[_i].reason), attempts[_i].failed);
	if (attempts[_i].failed > 0) {
		struct span f = sim_file(job, "failures.jsonl");

		ck_assert(memmem(f.at, f.len, bad, strlen(bad)) != NULL);
		ck_assert_msg(memmem(f.at, f.len, attempted, strlen(attempted)) != NULL, "%.*s", (int)f.len, f.at);
	}
	ck_assert_int_eq(sim_lines(job, "failures.jsonl"), attempts[_i].failed);
	ck_assert_int_eq(sim_billed_all(), attempts[_i].billed);
	sim_check(job);
	free(attempted);
	sim_end();
}
END_TEST

/* --- what people do --------------------------------------------------------------------------------- */

START_TEST(a_person_asks_for_failed_passes_afresh)
{
	struct err err = { 0 };
	int64_t n = 0;

	sim_new(&(struct sim_setup){ .plan = "{\"custom_id\":\"r-000*\",\"do\":\"error\",\"status\":500,\"times\":11}" });
	int64_t job = sim_submit_raw(5), failed;
	sim_run_until_idle();
	failed = sim_int(job, "passes.failed");
	ck_assert_str_eq(sim_text(job, "state"), "failed");
	ck_assert_int_gt(failed, 0);

	struct retry_selector none = { .custom_id = "r-0009" }, all = { 0 };
	ck_assert_int_eq(engine_retry(sim_engine(), job, &none, &n, &err), BD_ENOTFOUND);
	ck_assert_int_eq(engine_retry(sim_engine(), job, &all, &n, &err), 0);
	ck_assert_int_eq(n, failed);
	ck_assert_str_eq(sim_text(job, "state"), "running");
	ck_assert_int_eq(sim_int(job, "passes.failed"), 0);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_int_eq(sim_int(job, "passes.done"), 5);
	ck_assert_int_eq(sim_lines(job, "failures.jsonl"), 0);
	ck_assert_int_eq(engine_retry(sim_engine(), job, &all, &n, &err), BD_ESTATE);
	sim_check_billed_once(5);
	sim_check(job);
	sim_end();
}
END_TEST

START_TEST(one_pass_is_asked_for_afresh_and_the_others_stay_failed)
{
	struct retry_selector one = { .custom_id = "demo__pkg-1__pass1" }, instance = { .instance_id = "demo__pkg-0", .stage = 2 };
	struct err err = { 0 };
	int64_t n = 0;

	sim_new(&(struct sim_setup){ .max_attempts = 1,
		.plan = "{\"stage\":2,\"batch\":2,\"lines\":\"error\",\"status\":500}" });
	int64_t job = sim_submit_bugfixer(3, 2);
	sim_run_until_idle();
	ck_assert_int_eq(sim_int(job, "passes.failed"), 6);
	ck_assert_int_eq(engine_retry(sim_engine(), job, &one, &n, &err), 0);
	ck_assert_int_eq(n, 1);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "failed");
	ck_assert_int_eq(sim_int(job, "passes.failed"), 5);
	ck_assert_int_eq(sim_int(job, "passes.done"), 1);
	ck_assert_int_eq(engine_retry(sim_engine(), job, &instance, &n, &err), 0);
	ck_assert_int_eq(n, 2);
	sim_run_until_idle();
	ck_assert_int_eq(sim_int(job, "passes.done"), 3);
	ck_assert_int_eq(sim_lines(job, "failures.jsonl"), 3);
	ck_assert_int_eq(sim_lines(job, "output.jsonl"), 3);
	sim_check_billed_once(9);
	sim_check(job);
	sim_end();
}
END_TEST

/* Paused at any moment, nothing new goes out; what is there is collected. */
START_TEST(a_paused_job_sends_nothing_and_goes_on_when_resumed)
{
	struct err err = { 0 };

	sim_new(&(struct sim_setup){ .max_requests = 2, .max_active = 2 });
	int64_t job = sim_submit_raw(10);
	for (int i = 0; i < 4 * _i; i++)
		sim_step();
	ck_assert_int_eq(engine_pause(sim_engine(), job, NULL, &err), 0);
	ck_assert_str_eq(sim_text(job, "state"), "paused");
	sim_run_ms(60000);
	int creates = sim_calls("create");
	sim_run_ms(5 * 3600000);
	ck_assert_int_eq(sim_calls("create"), creates);
	ck_assert_str_eq(sim_text(job, "state"), "paused");
	ck_assert_int_eq(sim_int(job, "passes.done"), 2 * creates);
	sim_check(job);
	ck_assert_int_eq(engine_pause(sim_engine(), job, NULL, &err), 0);
	ck_assert_int_eq(engine_resume(sim_engine(), job, &err), 0);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_int_eq(sim_int(job, "passes.done"), 10);
	sim_check_billed_once(10);
	sim_check(job);
	sim_end();
}
END_TEST

static const char *const cancel_plans[] = { NULL, "{\"batch\":\"every\",\"do\":\"cancel_race\"}",
	"{\"batch\":\"every\",\"do\":\"cancel_lines\"}", "{\"call\":\"cancel\",\"do\":\"status\",\"status\":409}",
	"{\"call\":\"cancel\",\"do\":\"status\",\"status\":400}", "{\"call\":\"cancel\",\"do\":\"drop\",\"nth\":1}",
	"{\"batch\":1,\"do\":\"stuck\",\"status\":\"cancelling\",\"polls\":20}" };
enum { CANCEL_MOMENTS = 12 };

/* Canceled at any moment, whatever the endpoint says to it; what was paid for is kept. */
START_TEST(a_canceled_job_ends_and_can_be_removed)
{
	struct err err = { 0 };
	const char *plan = cancel_plans[_i / CANCEL_MOMENTS];

	sim_new(&(struct sim_setup){ .max_requests = 5, .max_active = 2, .plan = plan });
	int64_t job = sim_submit_raw(20);
	for (int i = 0; i < 5 * (_i % CANCEL_MOMENTS); i++)
		sim_step();
	ck_assert_int_eq(engine_remove(sim_engine(), job, &err), BD_ESTATE);
	ck_assert_int_eq(engine_cancel(sim_engine(), job, &err), 0);
	ck_assert_int_eq(engine_cancel(sim_engine(), job, &err), 0);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "canceled");
	ck_assert_int_eq(sim_int(job, "passes.done") + sim_int(job, "passes.canceled"), 20);
	ck_assert_int_eq(sim_lines(job, "batch_output_step1.jsonl"), sim_billed_all());
	ck_assert_int_eq(sim_int(job, "passes.done"), sim_billed_all());
	sim_check(job);

	char *dir = sim_save_dir(job);
	ck_assert_int_eq(engine_remove(sim_engine(), job, &err), 0);
	sim_run_until_idle();
	struct buf text = { 0 };
	struct jw w = { .out = &text };
	ck_assert_int_eq(engine_job_status(sim_engine(), job, false, -1, &w, &err), BD_ENOTFOUND);
	char *file = path_join(dir, "batch_requests_step1.jsonl");
	ck_assert_int_ge(file_size(file), 0);                   /* what is the user's stays */
	buf_done(&text);
	free(file);
	free(dir);
	sim_end();
}
END_TEST

START_TEST(a_canceled_job_can_be_asked_for_afresh)
{
	struct retry_selector all = { 0 };
	struct err err = { 0 };
	int64_t n = 0;

	sim_new(&(struct sim_setup){ .max_requests = 5, .max_active = 1 });
	int64_t job = sim_submit_bugfixer(10, 1);
	ck_assert(sim_run_until_calls("create", 2));
	ck_assert_int_eq(engine_cancel(sim_engine(), job, &err), 0);
	sim_run_until_idle();
	int64_t canceled = sim_int(job, "passes.canceled");
	ck_assert_int_gt(canceled, 0);
	ck_assert_int_eq(engine_retry(sim_engine(), job, &all, &n, &err), 0);
	ck_assert_int_eq(n, canceled);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_int_eq(sim_int(job, "passes.done"), 10);
	sim_check(job);
	sim_end();
}
END_TEST

/* What was answered until the cancel took effect is neither lost nor paid for again. */
START_TEST(a_canceled_jobs_answers_are_used_at_a_retry)
{
	struct retry_selector all = { 0 };
	struct err err = { 0 };
	int64_t n = 0;

	sim_new(&(struct sim_setup){ .max_requests = 5, .max_active = 2, .plan = cancel_plans[_i / CANCEL_MOMENTS] });
	int64_t job = sim_submit_bugfixer(10, 1);
	for (int i = 0; i < 9 * (_i % CANCEL_MOMENTS); i++)
		sim_step();
	bool open = strcmp(sim_text(job, "state"), "running") == 0;
	if (open)
		ck_assert_int_eq(engine_cancel(sim_engine(), job, &err), 0);
	sim_run_until_idle();
	if (open && sim_int(job, "passes.canceled") > 0)
		ck_assert_int_eq(engine_retry(sim_engine(), job, &all, &n, &err), 0);
	sim_run_until_idle();
	ck_assert_int_eq(sim_int(job, "passes.done"), 10);
	sim_check_billed_once(20);
	sim_check(job);
	sim_end();
}
END_TEST

START_TEST(a_job_of_thousands_is_canceled_and_removed_without_waiting)
{
	struct err err = { 0 };

	sim_new(&(struct sim_setup){ .max_requests = 100, .max_active = 1 });
	int64_t job = sim_submit_raw(5000), began;
	sim_run_ms(60000);
	ck_assert_int_eq(engine_cancel(sim_engine(), job, &err), 0);
	began = sim_now_ms();
	ck_assert(sim_run_until_calls("cancel", 1));
	ck_assert_int_lt(sim_now_ms() - began, 1000);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "canceled");
	sim_check(job);
	began = sim_now_ms();
	ck_assert_int_eq(engine_remove(sim_engine(), job, &err), 0);
	sim_run_until_idle();
	ck_assert_int_lt(sim_now_ms() - began, 1000);
	sim_end();
}
END_TEST

/* --- several jobs ------------------------------------------------------------------------------------ */

START_TEST(jobs_of_an_endpoint_take_turns)
{
	sim_new(&(struct sim_setup){ .max_requests = 2, .max_active = 1 });
	int64_t a = sim_submit_raw(12), b = sim_submit_raw(12);

	ck_assert(sim_run_until_calls("create", 7));
	ck_assert_msg(sim_int(b, "passes.done") >= 4 && sim_int(a, "passes.done") >= 4, "%d and %d are done",
	              (int)sim_int(a, "passes.done"), (int)sim_int(b, "passes.done"));
	sim_run_until_idle();
	ck_assert_int_eq(sim_int(a, "passes.done") + sim_int(b, "passes.done"), 24);
	sim_check(a);
	sim_check(b);
	sim_end();
}
END_TEST

START_TEST(a_reload_at_any_moment_changes_nothing_of_the_outcome)
{
	sim_new(&(struct sim_setup){ .max_requests = 3 });
	int64_t job = sim_submit_bugfixer(6, 1);
	for (int i = 0; i < 3 * _i; i++)
		sim_step();
	sim_set(&(struct sim_setup){ .max_requests = 2 });
	sim_reload();
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_int_eq(sim_int(job, "passes.done"), 6);
	sim_check_billed_once(12);
	sim_check(job);
	sim_end();
}
END_TEST

static const struct { const char *plan; int deleted; } deletes[] = {
	{ NULL, 4 },
	{ "{\"call\":\"file_delete\",\"from\":1,\"to\":2,\"do\":\"status\",\"status\":503}", 4 },
	{ "{\"call\":\"file_delete\",\"from\":1,\"to\":2,\"do\":\"drop\",\"effect\":\"after\"}", 4 },
	{ "{\"call\":\"file_delete\",\"do\":\"status\",\"status\":400}", 0 },
};

START_TEST(files_at_the_endpoint_are_deleted_once_all_is_here)
{
	sim_new(&(struct sim_setup){ .max_requests = 5, .plan = deletes[_i].plan, .delete_remote_files = true });
	int64_t job = sim_submit_raw(10);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_int_eq(sim_int(job, "passes.done"), 10);
	ck_assert_int_eq(sim_calls("file_delete") >= 4 ? 4 : sim_calls("file_delete"), deletes[_i].deleted);
	sim_end();
}
END_TEST

#define LOOP(test, table) tcase_add_loop_test(tc, test, 0, (int)(sizeof table / sizeof table[0]))

int main(void)
{
	Suite *s = suite_create("sim_job");
	TCase *tc = tcase_create("sim_job");

	LOOP(a_raw_job_is_split_into_batches_and_done, splits);
	tcase_add_test(tc, no_more_than_max_active_batches_are_at_the_endpoint);
	tcase_add_test(tc, a_line_too_long_for_the_endpoint_fails_by_its_name);
	tcase_add_test(tc, a_bugfixer_job_goes_through_both_stages);
	tcase_add_test(tc, stage_2_of_a_pass_does_not_wait_for_stage_1_of_the_others);
	LOOP(what_brought_nothing_is_asked_again_as_often_as_it_may, attempts);
	tcase_add_test(tc, a_person_asks_for_failed_passes_afresh);
	tcase_add_test(tc, one_pass_is_asked_for_afresh_and_the_others_stay_failed);
	tcase_add_loop_test(tc, a_paused_job_sends_nothing_and_goes_on_when_resumed, 0, 12);
	tcase_add_loop_test(tc, a_canceled_job_ends_and_can_be_removed, 0,
	                    CANCEL_MOMENTS * (int)(sizeof cancel_plans / sizeof cancel_plans[0]));
	tcase_add_loop_test(tc, a_canceled_jobs_answers_are_used_at_a_retry, 0,
	                    CANCEL_MOMENTS * (int)(sizeof cancel_plans / sizeof cancel_plans[0]));
	tcase_add_test(tc, a_canceled_job_can_be_asked_for_afresh);
	tcase_add_test(tc, a_job_of_thousands_is_canceled_and_removed_without_waiting);
	tcase_add_test(tc, jobs_of_an_endpoint_take_turns);
	LOOP(files_at_the_endpoint_are_deleted_once_all_is_here, deletes);
	tcase_add_loop_test(tc, a_reload_at_any_moment_changes_nothing_of_the_outcome, 0, 25);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
