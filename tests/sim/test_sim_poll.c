/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper_engine.h"
#include "mem.h"

/* When the endpoint is asked, how often, and what is believed of what it says. */

enum { S = 1000, MIN = 60 * S, HOUR = 60 * MIN };

/* Set back by a month or forth by a day, over a restart too: nobody waits for the old time. */
START_TEST(a_clock_that_is_set_holds_nobody_up)
{
	static const int64_t by[] = { -30 * 24 * (int64_t)HOUR, 24 * (int64_t)HOUR };

	sim_new(&(struct sim_setup){ .delay_ms = HOUR, .max_requests = 2 });
	int64_t job = sim_submit_raw(4);
	sim_run_until_calls("batch_get", 3);
	sim_set_clock(by[_i / 2]);
	if (_i % 2)
		sim_restart();
	int64_t from = sim_now_ms();
	while (sim_calls_any("batch_get") < 5)
		ck_assert(sim_step());
	ck_assert_int_le(sim_now_ms() - from, 10 * MIN);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	sim_check_billed_once(4);
	sim_check(job);
	sim_end();
}
END_TEST

/* --- how often --------------------------------------------------------------------------------------- */

START_TEST(the_wait_between_two_looks_grows_from_poll_min_to_poll_max)
{
	int64_t least[] = { 10 * S, 20 * S, 40 * S, 80 * S, 160 * S, 300 * S, 300 * S, 300 * S };

	sim_new(&(struct sim_setup){ .delay_ms = 20 * HOUR });
	int64_t job = sim_submit_raw(3);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	int64_t before = sim_call_ms("create", 1);
	for (int i = 0; i < 8; i++) {
		int64_t at = sim_call_ms("batch_get", i + 1), wait = at - before;

		ck_assert_msg(wait <= least[i] && wait >= least[i] * 3 / 4, "wait %d is %lld ms", i, (long long)wait);
		before = at;
	}
	int gets = sim_calls_any("batch_get");
	ck_assert_int_ge(gets, 20 * HOUR / (300 * S));
	ck_assert_int_le(gets, 20 * HOUR / (225 * S) + 8);
	sim_end();
}
END_TEST

START_TEST(batches_sent_together_are_not_looked_at_together)
{
	int64_t first, second, third;

	sim_new(&(struct sim_setup){ .max_requests = 1 });
	(void)sim_submit_raw(3);
	ck_assert(sim_run_until_calls("batch_get", 3));
	first = sim_call_ms("batch_get", 1);
	second = sim_call_ms("batch_get", 2);
	third = sim_call_ms("batch_get", 3);
	ck_assert(first < second && second < third);
	sim_end();
}
END_TEST

static const struct {
	const char *call, *plan;
	int nth;                        /* this call and the one behind it are so far apart: */
	int64_t least_ms, most_ms;
} asked[] = {
	{ "batch_get", "{\"call\":\"batch_get\",\"nth\":2,\"do\":\"status\",\"status\":429,\"headers\":{\"Retry-After\":\"1800\"}}", 2,
	  1800 * S, 1801 * S },
	{ "batch_get", "{\"call\":\"batch_get\",\"nth\":1,\"do\":\"status\",\"status\":503,\"headers\":{\"Retry-After\":\"900\"}}", 1,
	  900 * S, 901 * S },
	{ "create", "{\"call\":\"create\",\"nth\":1,\"do\":\"status\",\"status\":429,\"headers\":{\"Retry-After\":\"120\"}}", 1,
	  120 * S, 121 * S },
	{ "upload", "{\"call\":\"upload\",\"nth\":1,\"do\":\"status\",\"status\":429,\"headers\":{\"retry-after-ms\":\"40000\"}}", 1,
	  40 * S, 41 * S },
	{ "upload", "{\"call\":\"upload\",\"nth\":1,\"do\":\"status\",\"status\":429}", 1, 750, 1000 },
	{ "content", "{\"call\":\"content\",\"nth\":1,\"do\":\"status\",\"status\":429,\"headers\":{\"Retry-After\":\"77\"}}", 1,
	  77 * S, 78 * S },
	/* what is senseless is not waited for */
	{ "batch_get", "{\"call\":\"batch_get\",\"nth\":1,\"do\":\"status\",\"status\":429,\"headers\":{\"Retry-After\":\"-5\"}}", 1, S,
	  20 * S },
};

START_TEST(what_the_endpoint_asks_for_is_waited)
{
	sim_new(&(struct sim_setup){ .plan = asked[_i].plan });
	int64_t job = sim_submit_raw(3);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_int_eq(sim_int(job, "asked_again.0.count"), -1);
	int64_t wait = sim_call_ms(asked[_i].call, asked[_i].nth + 1) - sim_call_ms(asked[_i].call, asked[_i].nth);
	ck_assert_msg(wait >= asked[_i].least_ms && wait <= asked[_i].most_ms, "it waited %lld ms", (long long)wait);
	sim_end();
}
END_TEST

/* --- what is believed --------------------------------------------------------------------------------- */

static const char *const nothing[] = {
	"{\"call\":\"batch_get\",\"from\":2,\"to\":40,\"do\":\"drop\"}",
	"{\"call\":\"batch_get\",\"from\":2,\"to\":40,\"do\":\"status\",\"status\":500}",
	"{\"call\":\"batch_get\",\"from\":2,\"to\":40,\"do\":\"garbage\"}",
	"{\"call\":\"batch_get\",\"from\":2,\"to\":40,\"do\":\"status\",\"status\":400,\"code\":\"bad_thing\"}",
	"{\"call\":\"batch_get\",\"from\":2,\"to\":4,\"do\":\"status\",\"status\":404}",
	"{\"batch\":\"every\",\"do\":\"hidden\",\"polls\":3}",
	"{\"call\":\"batch_get\",\"from\":2,\"to\":9,\"do\":\"stall\",\"stall_ms\":9000000}",
	"{\"batch\":\"every\",\"do\":\"status_words\",\"words\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\",\"k\",\"l\",\"m\","
	"\"n\",\"o\",\"p\",\"q\",\"r\",\"s\",\"t\",\"u\",\"v\",\"w\",\"x\",\"y\",\"z\"]}",
};

START_TEST(a_look_that_brought_nothing_says_nothing_about_the_batch)
{
	sim_new(&(struct sim_setup){ .plan = nothing[_i], .max_attempts = 1 });
	int64_t job = sim_submit_raw(3);
	while (sim_step())
		ck_assert_int_eq(sim_int(job, "passes.failed") + sim_int(job, "passes.canceled"), 0);
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_int_eq(sim_calls("create"), 1);
	sim_check_billed_once(3);
	sim_end();
}
END_TEST

START_TEST(without_a_network_everything_waits)
{
	sim_new(&(struct sim_setup){ .max_requests = 1, .max_attempts = 1 });
	sim_unplug(20);
	int64_t job = sim_submit_raw(4);
	sim_run_ms(30 * S);
	ck_assert_str_eq(sim_text(job, "state"), "running");
	ck_assert_int_eq(sim_calls_any("upload"), 0);
	ck_assert(strstr(sim_text(job, "batches.0.reason"), "no way there") != NULL);
	sim_run_ms(600 * S);
	sim_unplug(50);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	sim_check_billed_once(4);
	sim_end();
}
END_TEST

/* --- parked ------------------------------------------------------------------------------------------- */

static const struct {
	int status;
	const char *code, *call;
} closed[] = {
	{ 401, "invalid_api_key", "batch_get" },
	{ 402, "billing", "batch_get" },
	{ 403, "forbidden", "batch_get" },
	{ 429, "insufficient_quota", "create" },
	{ 401, "invalid_api_key", "upload" },
	{ 401, "invalid_api_key", "content" },
	{ 404, "not_found", "upload" },                 /* a wrong base_url */
	{ 403, "forbidden", "any" },
};
enum { CLOSED = sizeof closed / sizeof closed[0] };

static char *closed_plan(int i, int64_t until_ms)
{
	return mem_printf("{\"call\":\"%s\",\"until_ms\":%lld,\"do\":\"status\",\"status\":%d,\"code\":\"%s\"}", closed[i].call,
	                  (long long)until_ms, closed[i].status, closed[i].code);
}

/* Until the endpoint is parked; false: it never is. */
static bool run_until_parked(void)
{
	while (strcmp(sim_endpoint_text("0.state"), "parked") != 0)
		if (!sim_step())
			return false;
	return true;
}

static int all_calls(void)
{
	static const char *const calls[] = { "create", "upload", "file_get", "file_list", "content", "batch_get", "batch_list",
		"cancel" };
	int n = 0;

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		n += sim_calls_any(calls[i]);
	return n;
}

START_TEST(an_endpoint_that_refuses_the_account_is_parked_and_opens_by_itself)
{
	char *plan = closed_plan(_i, 10 * HOUR);

	sim_new(&(struct sim_setup){ .plan = plan, .max_requests = 1, .max_active = 4, .max_attempts = 1 });
	int64_t job = sim_submit_raw(8);
	ck_assert(run_until_parked());
	ck_assert(strstr(sim_endpoint_text("0.reason"), closed[_i].code) != NULL);
	ck_assert(strstr(sim_text(job, "waiting"), closed[_i].code) != NULL);
	ck_assert_int_gt(sim_endpoint_int("0.retry_ms"), sim_now_ms());
	sim_run_ms(2 * MIN);                    /* what was under way is over */
	ck_assert(sim_event("is parked"));
	int calls = all_calls();
	sim_run_ms(6 * HOUR);
	ck_assert_int_le(all_calls() - calls, 27);              /* a look now and then, a few for each batch */
	ck_assert_int_ge(all_calls() - calls, 4);
	ck_assert_str_eq(sim_text(job, "state"), "running");
	ck_assert_int_eq(sim_int(job, "passes.failed"), 0);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_str_eq(sim_endpoint_text("0.state"), "open");
	ck_assert_int_eq(sim_int(job, "asked_again.0.count"), -1);
	ck_assert(sim_event("open again"));
	sim_check_billed_once(8);
	free(plan);
	sim_end();
}
END_TEST

START_TEST(a_person_opens_a_parked_endpoint)
{
	char *plan = closed_plan(_i, 3 * HOUR);
	struct err err = { 0 };
	int64_t began;

	sim_new(&(struct sim_setup){ .plan = plan, .max_requests = 2, .max_attempts = 1 });
	int64_t job = sim_submit_raw(4);
	began = sim_now_ms();
	ck_assert(run_until_parked());
	sim_run_ms(began + 3 * HOUR - 10 * MIN - sim_now_ms());
	ck_assert_str_eq(sim_endpoint_text("0.state"), "parked");
	ck_assert_int_eq(engine_resume_endpoint(sim_engine(), "nobody", &err), BD_EINVALID);
	ck_assert_int_eq(engine_resume_endpoint(sim_engine(), "sim", &err), 0);
	sim_run_ms(MIN);
	ck_assert_str_eq(sim_endpoint_text("0.state"), "parked");       /* it is as closed as before */
	sim_run_ms(10 * MIN);
	began = sim_now_ms();
	ck_assert_int_eq(engine_resume_endpoint(sim_engine(), "sim", &err), 0);
	sim_run_ms(MIN);
	ck_assert_str_eq(sim_endpoint_text("0.state"), "open");
	ck_assert_int_le(sim_call_ms(closed[_i].call, sim_calls_any(closed[_i].call)), began + MIN);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	sim_check_billed_once(4);
	free(plan);
	sim_end();
}
END_TEST

START_TEST(a_start_and_a_reload_try_a_parked_endpoint_at_once)
{
	char *plan = closed_plan(_i / 2, 3 * HOUR);

	sim_new(&(struct sim_setup){ .plan = plan, .max_requests = 2, .max_attempts = 1 });
	int64_t job = sim_submit_raw(4);
	ck_assert(run_until_parked());
	sim_run_ms(3 * HOUR + MIN);
	if (_i % 2 == 0)
		sim_restart();
	else
		sim_reload();
	sim_run_ms(10 * MIN);
	ck_assert_str_eq(sim_endpoint_text("0.state"), "open");
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	sim_check_billed_once(4);
	free(plan);
	sim_end();
}
END_TEST

/* Paused, canceled, removed while nothing can be asked. */
START_TEST(a_parked_endpoint_holds_no_job_against_a_person)
{
	char *plan = closed_plan(_i, 5 * HOUR);
	struct err err = { 0 };

	sim_new(&(struct sim_setup){ .plan = plan, .max_requests = 2, .max_attempts = 1 });
	int64_t job = sim_submit_raw(4);
	ck_assert(run_until_parked());
	ck_assert_int_eq(engine_pause(sim_engine(), job, NULL, &err), 0);
	sim_run_ms(2 * HOUR);
	ck_assert_str_eq(sim_text(job, "state"), "paused");
	ck_assert_int_eq(engine_cancel(sim_engine(), job, &err), 0);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "canceled");
	ck_assert_int_eq(sim_int(job, "passes.canceled") + sim_int(job, "passes.done"), 4);
	ck_assert_int_eq(engine_remove(sim_engine(), job, &err), 0);
	sim_run_until_idle();
	free(plan);
	sim_end();
}
END_TEST

/* --- files that come late, or never --------------------------------------------------------------------- */

static const struct {
	const char *plan;
	int again, billed;
} late[] = {
	{ "{\"batch\":\"every\",\"do\":\"late_ids\",\"polls\":3}", 0, 3 },
	{ "{\"call\":\"content\",\"from\":1,\"to\":4,\"do\":\"status\",\"status\":404}", 0, 3 },
	{ "{\"call\":\"content\",\"from\":1,\"to\":4,\"do\":\"status\",\"status\":409}", 0, 3 },
	{ "{\"call\":\"content\",\"from\":1,\"to\":12,\"do\":\"status\",\"status\":503,\"html\":true}", 0, 3 },
	{ "{\"call\":\"content\",\"from\":1,\"to\":12,\"do\":\"drop\"}", 0, 3 },
	/* never: then the passes are asked again */
	{ "{\"batch\":1,\"do\":\"late_ids\",\"polls\":9999}", 3, 6 },
	{ "{\"call\":\"content\",\"batch\":1,\"do\":\"status\",\"status\":404}", 3, 6 },
	{ "{\"batch\":1,\"do\":\"vanish\",\"polls\":1}", 3, 6 },
};

START_TEST(files_may_come_late)
{
	sim_new(&(struct sim_setup){ .plan = late[_i].plan });
	int64_t job = sim_submit_raw(3);
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_int_eq(sim_int(job, "passes.done"), 3);
	ck_assert_int_eq(sim_billed_all(), late[_i].billed);
	ck_assert_int_eq(late[_i].again > 0 ? sim_int(job, "asked_again.0.count") : 0, late[_i].again);
	ck_assert_int_lt(sim_now_ms() - sim_call_ms("upload", 1), 4 * HOUR);
	sim_check(job);
	sim_end();
}
END_TEST

#define LOOP(test, table) tcase_add_loop_test(tc, test, 0, (int)(sizeof table / sizeof table[0]))

START_TEST(a_job_of_a_closed_endpoint_keeps_no_other_from_going_on)
{
	sim_new(&(struct sim_setup){ .second = "other", .plan = "{\"batch\":1,\"do\":\"stuck\",\"status\":\"in_progress\"}" });
	int64_t a = sim_submit_raw(3);
	ck_assert(sim_run_until_calls("create", 1));
	sim_endpoint("other");
	int64_t b = sim_submit_raw(4);
	ck_assert(sim_run_until_state(b, "done"));
	ck_assert_str_eq(sim_text(a, "state"), "running");
	ck_assert_str_eq(sim_text(a, "endpoint"), "sim");
	ck_assert_str_eq(sim_text(b, "endpoint"), "other");
	sim_end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sim_poll");
	TCase *tc = tcase_create("sim_poll");

	tcase_add_loop_test(tc, a_clock_that_is_set_holds_nobody_up, 0, 4);
	tcase_add_test(tc, the_wait_between_two_looks_grows_from_poll_min_to_poll_max);
	tcase_add_test(tc, batches_sent_together_are_not_looked_at_together);
	LOOP(what_the_endpoint_asks_for_is_waited, asked);
	LOOP(a_look_that_brought_nothing_says_nothing_about_the_batch, nothing);
	tcase_add_test(tc, without_a_network_everything_waits);
	LOOP(an_endpoint_that_refuses_the_account_is_parked_and_opens_by_itself, closed);
	LOOP(a_person_opens_a_parked_endpoint, closed);
	tcase_add_loop_test(tc, a_start_and_a_reload_try_a_parked_endpoint_at_once, 0, 2 * CLOSED);
	LOOP(a_parked_endpoint_holds_no_job_against_a_person, closed);
	LOOP(files_may_come_late, late);
	tcase_add_test(tc, a_job_of_a_closed_endpoint_keeps_no_other_from_going_on);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
