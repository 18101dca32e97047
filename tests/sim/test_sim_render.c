/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper_engine.h"

/* The files of save_dir, whatever batches their lines went through. */

enum { ROWS = 60, ROUNDS = 11, ASKED_OF_READERS = 8 };

/* Every other one reads like the short id of another pass. */
static void put_id(int i, struct buf *ret)
{
	if (i % 2 == 0)
		buf_printf(ret, "row-%d", i);
	else
		buf_printf(ret, "b1-%d", ROWS - 1 - i);
}

static void put_rows(struct buf *ret)
{
	for (int i = 0; i < ROWS; i++) {
		buf_add_str(ret, "{\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"custom_id\":\"");
		put_id(i, ret);
		buf_printf(ret, "\",\"body\":{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"say %d\"}]}}\n", i);
	}
}

/* Pass i is asked for i % ROUNDS times more, so that the last requests of its neighbours lie in as many files. */
static void put_plan(struct buf *ret)
{
	for (int i = 0; i < ROWS; i++) {
		if (i % ROUNDS == 0)
			continue;
		buf_add_str(ret, "{\"custom_id\":\"");
		if (i % 2 == 0)
			put_id(i, ret);
		else
			buf_printf(ret, "b1-%d", i);    /* the id of the wire */
		buf_printf(ret, "\",\"do\":\"error\",\"status\":500,\"times\":%d}\n", i % ROUNDS);
	}
}

/* One line for each row, in their order, with its own id. */
static void check_lines(struct span f, bool requests)
{
	const char *at = f.at, *end = f.at + f.len;

	for (int i = 0; i < ROWS; i++) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		struct buf id = { 0 }, said = { 0 };

		ck_assert_ptr_nonnull(nl);
		buf_add_str(&id, "\"custom_id\":\"");
		put_id(i, &id);
		buf_add_char(&id, '"');
		if (requests)
			buf_printf(&said, "say %d\"", i);
		ck_assert_msg(memmem(at, (size_t)(nl - at), id.at, id.len) != NULL, "line %d: no %s in %.*s", i, buf_str(&id),
		              (int)(nl - at), at);
		ck_assert_msg(memmem(at, (size_t)(nl - at), buf_str(&said), said.len) != NULL, "line %d: no %s in %.*s", i,
		              buf_str(&said), (int)(nl - at), at);
		at = nl + 1;
		buf_done(&id);
		buf_done(&said);
	}
	ck_assert_ptr_eq(at, end);
}

START_TEST(each_passs_last_request_is_found_whatever_batches_it_went_through)
{
	struct buf rows = { 0 }, plan = { 0 };

	ck_assert_int_gt(ROUNDS, ASKED_OF_READERS);     /* files are closed, and opened where they were */
	put_rows(&rows);
	put_plan(&plan);
	sim_new(&(struct sim_setup){ .plan = buf_str(&plan), .max_attempts = ROUNDS, .max_requests = _i == 0 ? 0 : 7 });
	int64_t job = sim_submit_requests(buf_str(&rows));
	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_int_eq(sim_int(job, "passes.done"), ROWS);
	check_lines(sim_file(job, "batch_requests_step1.jsonl"), true);
	check_lines(sim_file(job, "batch_output_step1.jsonl"), false);
	ck_assert_int_gt(sim_int(job, "asked_again.0.count"), ROWS);
	sim_check(job);
	sim_end();
	buf_done(&rows);
	buf_done(&plan);
}
END_TEST

START_TEST(the_output_is_in_the_order_of_the_input)
{
	struct span text, line;
	char id[32];
	int n = 0;

	sim_new(&(struct sim_setup){ .max_requests = 7, .plan = "{\"lines\":\"shuffle\"}\n{\"batch\":1,\"do\":\"delay\",\"ms\":7200000}" });
	int64_t job = sim_submit_raw(20);
	sim_run_until_idle();
	for (text = sim_file(job, "batch_output_step1.jsonl"); span_line(&text, &line); n++) {
		snprintf(id, sizeof id, "\"custom_id\":\"r-%04d\"", n);
		ck_assert_msg(memmem(line.at, line.len, id, strlen(id)) != NULL, "line %d is not of %s", n, id);
	}
	ck_assert_int_eq(n, 20);
	sim_end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sim_render");
	TCase *tc = tcase_create("sim_render");

	tcase_add_loop_test(tc, each_passs_last_request_is_found_whatever_batches_it_went_through, 0, 2);
	tcase_add_test(tc, the_output_is_in_the_order_of_the_input);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
