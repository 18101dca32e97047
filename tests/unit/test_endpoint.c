/* SPDX-License-Identifier: MIT */
#include "endpoint_fixture.h"

/* The calls, the life of a batch, its answers, and what is kept. */

START_TEST(a_batch_goes_from_upload_to_answers)
{
	opt.answers_step1 = put("a1", "{\"custom_id\":\"a\",\"content\":\"one\\n\\\"two\\\"\"}\n"
	                        "{\"custom_id\":\"b\",\"status\":429,\"code\":\"rate_limit_exceeded\"}\n");
	run_batch("", THREE);
	ck_assert_str_eq(field("status"), "completed");
	ck_assert_str_eq(field("request_counts"), "{\"total\":3,\"completed\":2,\"failed\":1}");
	ck_assert_str_eq(field("metadata"), "{\"batchd_stage\":\"1\",\"batchd_key\":\"j:1:1\"}");
	ck_assert_str_eq(field("errors"), "");
	ck_assert_str_eq(field("model"), "m");
	char *out = mem_strdup(field("output_file_id")), *bad = mem_strdup(field("error_file_id"));

	ck_assert_int_eq(count(fetch(out), "\n"), 2);
	ck_assert(strstr(content.at, "\"content\":\"one\\n\\\"two\\\"\"") != NULL);
	ck_assert(strstr(content.at, "\"content\":\"echo c\"") != NULL);
	fetch(bad);
	ck_assert(strstr(content.at, "\"custom_id\":\"b\",\"response\":{\"status_code\":429") != NULL);
	ck_assert(strstr(content.at, "\"code\":\"rate_limit_exceeded\"}}},\"error\":null}") != NULL);
	ck_assert_int_eq(logged("{\"billed\":"), 2);
	ck_assert_int_eq(logged("{\"billed\":\"a\",\"stage\":\"1\",\"batch\":\"batch_000001\",\"attempt_key\":\"j:1:1\"}"), 1);
	free(out);
	free(bad);
	free((char *)(uintptr_t)opt.answers_step1);
}
END_TEST

START_TEST(answers_are_found_by_stage_and_attempt)
{
	char *answers = put("a", "{\"custom_id\":\"a\",\"stage\":1,\"content\":\"s1\"}\n"
	                    "{\"custom_id\":\"a\",\"stage\":2,\"attempt\":1,\"content\":\"s2 first\"}\n"
	                    "{\"custom_id\":\"a\",\"stage\":2,\"attempt\":2,\"content\":\"s2 second\"}\n");
	static const char *const stages[] = { "1", "2", "2", "2" };
	static const char *const wanted[] = { "\"s1\"", "\"s2 first\"", "\"s2 second\"", "\"s2 second\"" };

	opt.answers = answers;
	start("");
	upload(LINE("a"));
	for (int i = 0; i < 4; i++) {
		char *path = mem_printf("/v1/batches/batch_%06d", i + 1);

		create("file-000001", stages[i], "k");
		ck_assert_int_eq(call("GET", path, NULL), 200);
		fetch(field("output_file_id"));
		ck_assert_msg(strstr(content.at, wanted[i]) != NULL, "batch %d: %s", i + 1, content.at);
		free(path);
	}
	free(answers);
}
END_TEST

START_TEST(a_complete_line_goes_out_as_it_is)
{
	static const char whole[] =
		"{\"id\": \"x\", \"custom_id\": \"a\", \"response\": {\"status_code\": 200, \"body\": {\"choices\": [], "
		"\"usage\": {\"prompt_tokens\": 1000, \"completion_tokens\": 7}}}, \"error\": null}\n";
	char *answers = put("a", whole);

	opt.answers_step1 = answers;
	run_batch("", LINE("a"));
	ck_assert_str_eq(field("usage"), "{\"input_tokens\":1000,\"input_tokens_details\":{\"cached_tokens\":0},"
	                 "\"output_tokens\":7,\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":1007}");
	ck_assert_str_eq(fetch(field("output_file_id")), whole);
	free(answers);
}
END_TEST

START_TEST(time_moves_a_batch_through_its_states)
{
	static const struct { int64_t at; const char *status, *counts; } looks[] = {
		{ 0, "validating", "{\"total\":0,\"completed\":0,\"failed\":0}" },
		{ 9999, "validating", "{\"total\":0,\"completed\":0,\"failed\":0}" },
		{ 10000, "in_progress", "{\"total\":3,\"completed\":0,\"failed\":0}" },
		{ 50000, "in_progress", "{\"total\":3,\"completed\":1,\"failed\":0}" },
		{ 90000, "finalizing", "{\"total\":3,\"completed\":3,\"failed\":0}" },
		{ 100000, "completed", "{\"total\":3,\"completed\":3,\"failed\":0}" },
	};
	int64_t from = now;

	opt.delay_ms = 100000;
	start("");
	upload(THREE);
	create("file-000001", "1", "k");
	for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
		now = from + looks[i].at;
		call("GET", "/v1/batches/batch_000001", NULL);
		ck_assert_str_eq(field("status"), looks[i].status);
		ck_assert_str_eq(field("request_counts"), looks[i].counts);
		ck_assert_int_eq(field("output_file_id")[0] != '\0', i == 5);
		ck_assert_int_eq(logged("billed"), i == 5 ? 3 : 0);
		ck_assert_int_eq(ep_next_ms(ep), i == 5 ? -1 : from + (i < 2 ? 10000 : i < 4 ? 90000 : 100000));
	}
	ck_assert_str_eq(field("completed_at"), "1700000100");
}
END_TEST

START_TEST(a_batch_nobody_looks_at_is_billed_too)
{
	opt.delay_ms = 1000;
	start("{\"call\":\"create\",\"nth\":1,\"do\":\"drop\",\"effect\":\"after\"}");
	upload(THREE);
	create("file-000001", "1", "k");
	ck_assert(reply.drop);
	now += 1000;
	ep_tick(ep, now);
	ck_assert_int_eq(logged("\"attempt_key\":\"k\""), 3);
}
END_TEST

static const struct { const char *lines, *code, *line; } bad_inputs[] = {
	{ LINE("a") "{\"custom_id\":\n", "invalid_json_line", "2" },
	{ LINE("a") "\n", "invalid_json_line", "2" },
	{ "\xEF\xBB\xBF" LINE("a"), "invalid_json_line", "1" },
	{ LINE("a\xff"), "invalid_json_line", "1" },
	{ LINE("a") LINE("b") LINE("a"), "duplicate_custom_id", "3" },
	{ LINE("a") MODEL_LINE("b", "other"), "model_mismatch", "2" },
	{ "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/embeddings\",\"body\":{\"model\":\"m\"}}", "url_mismatch", "1" },
	{ "{\"custom_id\":\"a\",\"method\":\"GET\",\"url\":\"/v1/chat/completions\",\"body\":{\"model\":\"m\"}}", "invalid_method",
	  "1" },
	{ "{\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{\"model\":\"m\"}}", "missing_required_parameter", "1" },
	{ "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{}}", "invalid_request", "1" },
	{ "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{\"model\":\"m\",\"stream\":true}}",
	  "streaming_unsupported", "1" },
	{ LINE("a") LINE("b") LINE("c") LINE("d"), "too_many_tasks", "null" },
	{ LINE("a") LINE("a-very-long-custom-id-that-makes-the-file-too-large-to-be-taken-by-anybody-who-is-asked-to-"
	               "take-it-and-then-some-more-of-it-so-that-it-really-is-too-large-by-any-account-of-bytes"),
	  "input_file_too_large", "null" },
	{ "", "empty_file", "null" },
};

START_TEST(a_bad_input_file_fails_the_batch_with_the_line)
{
	char *wanted = mem_printf("\"code\":\"%s\"", bad_inputs[_i].code);
	char *line = mem_printf("\"line\":%s}", bad_inputs[_i].line);

	opt.max_requests = 3;
	opt.max_bytes = strcmp(bad_inputs[_i].code, "input_file_too_large") == 0 ? 250 : 1000;
	run_batch("", bad_inputs[_i].lines);
	ck_assert_str_eq(field("status"), "failed");
	ck_assert_msg(strstr(field("errors"), wanted) != NULL && strstr(field("errors"), line) != NULL, "%s", field("errors"));
	ck_assert_str_eq(field("output_file_id"), "");
	ck_assert_int_eq(logged("billed"), 0);
	free(wanted);
	free(line);
}
END_TEST

START_TEST(lists_come_in_pages)
{
	start("");
	for (int i = 0; i < 5; i++) {
		upload(LINE("a"));
		create("file-000001", "1", "k");
	}
	call("GET", "/v1/batches?limit=2", NULL);
	ck_assert_str_eq(field("first_id"), "batch_000005");
	ck_assert_str_eq(field("last_id"), "batch_000004");
	ck_assert_str_eq(field("has_more"), "true");
	call("GET", "/v1/batches?limit=3&after=batch_000004", NULL);
	ck_assert_str_eq(field("first_id"), "batch_000003");
	ck_assert_str_eq(field("last_id"), "batch_000001");
	ck_assert_str_eq(field("has_more"), "false");
	ck_assert_int_eq(call("GET", "/v1/batches?limit=101", NULL), 400);
	call("GET", "/v1/files?purpose=batch&order=asc&limit=2", NULL);
	ck_assert_str_eq(field("first_id"), "file-000001");
	ck_assert_str_eq(field("has_more"), "true");
	call("GET", "/v1/files?purpose=batch_output", NULL);
	ck_assert_int_eq(count(reply.body.at, "\"object\":\"file\""), 5);
}
END_TEST

START_TEST(files_are_deleted_and_ranges_served)
{
	struct ep_request q = { .method = "GET", .path = "/v1/files/file-000001/content", .range = "bytes=5-" };

	start("");
	upload(THREE);
	ep_reply_done(&reply);
	ep_call(ep, now, &q, &reply);
	ck_assert_int_eq(reply.status, 206);
	ck_assert_int_eq(reply.off, 5);
	ck_assert_int_eq(reply.len, (int64_t)strlen(THREE) - 5);
	q.range = "bytes=100000-";
	ep_reply_done(&reply);
	ep_call(ep, now, &q, &reply);
	ck_assert_int_eq(reply.status, 416);
	ck_assert_int_eq(call("DELETE", "/v1/files/file-000001", NULL), 200);
	ck_assert_int_eq(call("GET", "/v1/files/file-000001", NULL), 404);
	ck_assert_int_eq(call("DELETE", "/v1/files/file-000001", NULL), 404);
	ck_assert_int_eq(call("GET", "/v1/nonsense", NULL), 404);
}
END_TEST

START_TEST(without_the_key_nothing_happens)
{
	opt.key = "other";
	start("");
	ck_assert_int_eq(upload(THREE), 401);
	ck_assert_int_eq(call("GET", "/v1/files", NULL), 401);
	ck_assert_int_eq(logged("\"effect\":false"), 2);
	opt.key = "k";
	start("");
	ck_assert_int_eq(upload(THREE), 200);
}
END_TEST

START_TEST(a_restart_keeps_files_and_batches)
{
	opt.delay_ms = 1000;
	start("");
	upload(THREE);
	create("file-000001", "2", "j:2:1");
	now += 500;
	call("GET", "/v1/batches/batch_000001", NULL);
	start("");
	call("GET", "/v1/batches/batch_000001", NULL);
	ck_assert_str_eq(field("status"), "in_progress");
	ck_assert_str_eq(field("metadata"), "{\"batchd_stage\":\"2\",\"batchd_key\":\"j:2:1\"}");
	now += 500;
	start("");
	call("GET", "/v1/batches/batch_000001", NULL);
	ck_assert_str_eq(field("status"), "completed");
	char *out = mem_strdup(field("output_file_id"));

	start("");
	ck_assert_int_eq(count(fetch(out), "\n"), 3);
	ck_assert_int_eq(logged("{\"billed\""), 3);
	ck_assert_int_eq(upload(THREE), 200);
	ck_assert_str_ne(field("id"), out);
	ck_assert_int_eq(create("file-000001", "1", "j:3:1"), 200);
	ck_assert_str_eq(field("id"), "batch_000002");
	free(out);
}
END_TEST

START_TEST(cancel_keeps_what_was_done)
{
	opt.delay_ms = 100000;
	start("{\"batch\":1,\"do\":\"cancel_lines\"}");
	upload(THREE);
	create("file-000001", "1", "k");
	now += 50000;
	ck_assert_int_eq(call("POST", "/v1/batches/batch_000001/cancel", NULL), 200);
	ck_assert_str_eq(field("status"), "cancelling");
	now += 10000;
	call("GET", "/v1/batches/batch_000001", NULL);
	ck_assert_str_eq(field("status"), "cancelled");
	ck_assert_str_eq(field("request_counts"), "{\"total\":3,\"completed\":1,\"failed\":2}");
	ck_assert_int_eq(logged("{\"billed\""), 1);
	ck_assert_int_eq(count(fetch(field("error_file_id")), "batch_cancelled"), 2);
	ck_assert_int_eq(call("POST", "/v1/batches/batch_000001/cancel", NULL), 409);
}
END_TEST

START_TEST(a_cancel_can_lose_the_race)
{
	opt.delay_ms = 100000;
	start("{\"batch\":1,\"do\":\"cancel_race\"}");
	upload(THREE);
	create("file-000001", "1", "k");
	ck_assert_int_eq(call("POST", "/v1/batches/batch_000001/cancel", NULL), 200);
	now += 10000;
	call("GET", "/v1/batches/batch_000001", NULL);
	ck_assert_str_eq(field("status"), "completed");
	ck_assert_int_eq(logged("{\"billed\""), 3);
}
END_TEST

static const struct { const char *line; bool valid; } scans[] = {
	{ "{}", true }, { " {\"a\":[1,-0.5e+3,true,null,\"x\\u00e9\\n\"]} ", true }, { "{\"a\":1}x", false }, { "[]", false },
	{ "{\"a\":01}", false }, { "{\"a\":\"\t\"}", false }, { "{\"a\":\"\\x\"}", false }, { "{\"a\":\"\xc3\xa4\xe2\x80\xa8\"}", true },
	{ "{\"a\":\"\xed\xa0\x80\"}", false }, { "{\"a\":\"\xc0\x80\"}", false }, { "{\"a\" 1}", false }, { "{\"a\":1,}", false },
	{ "{\"a\":NaN}", false }, { "{\"a\":\"long enough for eight bytes at once, plain\"}", true }, { "{\"a\":\"0123456", false },
};

START_TEST(lines_are_json_or_they_are_not)
{
	/* In memory of exactly that size, so that a sanitizer sees a read behind it. */
	size_t n = strlen(scans[_i].line);
	char *copy = mem_alloc(n > 0 ? n : 1);

	memcpy(copy, scans[_i].line, n);
	ck_assert_int_eq(scan_valid((struct span){ copy, n }), scans[_i].valid);
	free(copy);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("endpoint");
	TCase *tc = tcase_create("core");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_batch_goes_from_upload_to_answers);
	tcase_add_test(tc, answers_are_found_by_stage_and_attempt);
	tcase_add_test(tc, a_complete_line_goes_out_as_it_is);
	tcase_add_test(tc, time_moves_a_batch_through_its_states);
	tcase_add_test(tc, a_batch_nobody_looks_at_is_billed_too);
	LOOP(tc, a_bad_input_file_fails_the_batch_with_the_line, bad_inputs);
	tcase_add_test(tc, lists_come_in_pages);
	tcase_add_test(tc, files_are_deleted_and_ranges_served);
	tcase_add_test(tc, without_the_key_nothing_happens);
	tcase_add_test(tc, a_restart_keeps_files_and_batches);
	tcase_add_test(tc, cancel_keeps_what_was_done);
	tcase_add_test(tc, a_cancel_can_lose_the_race);
	LOOP(tc, lines_are_json_or_they_are_not, scans);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);

	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
