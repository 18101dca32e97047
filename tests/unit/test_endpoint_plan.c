/* SPDX-License-Identifier: MIT */
#include "endpoint_fixture.h"
#include "ep_plan.h"

/* The server misbehaves exactly as a plan orders it. */

START_TEST(faults_hit_the_calls_they_name)
{
	start("{\"call\":\"create\",\"nth\":1,\"do\":\"status\",\"status\":429,\"headers\":{\"Retry-After\":\"7\"}}\n"
	      "{\"call\":\"create\",\"nth\":2,\"do\":\"status\",\"status\":500,\"effect\":\"after\",\"html\":true}\n"
	      "{\"call\":\"batch_get\",\"from\":2,\"to\":3,\"do\":\"garbage\"}\n"
	      "{\"call\":\"batch_get\",\"nth\":4,\"do\":\"empty\"}\n"
	      "{\"call\":\"file_get\",\"every\":true,\"do\":\"drop\",\"stall_ms\":50}\n");
	upload(THREE);
	ck_assert_int_eq(create("file-000001", "1", "k"), 429);
	ck_assert(strstr(reply.headers.at, "Retry-After: 7\n") != NULL);
	ck_assert_int_eq(create("file-000001", "1", "k"), 500);
	ck_assert(strstr(reply.body.at, "<html>") != NULL);
	ck_assert_int_eq(logged("\"effect\":false"), 1);
	call("GET", "/v1/batches/batch_000001", NULL);
	ck_assert_str_eq(field("status"), "completed");
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(call("GET", "/v1/batches/batch_000001", NULL), 200);
		ck_assert(strstr(reply.body.at, "<html>") != NULL);
	}
	ck_assert_int_eq(call("GET", "/v1/batches/batch_000001", NULL), 200);
	ck_assert_uint_eq(reply.body.len, 0);
	call("GET", "/v1/batches/batch_000001", NULL);
	ck_assert_str_eq(field("status"), "completed");
	call("GET", "/v1/files/file-000001", NULL);
	ck_assert(reply.drop && reply.stall_ms == 50);
	ck_assert_int_eq(logged("\"n\":8,"), 1);
	ck_assert_int_eq(logged("{\"billed\""), 3);
}
END_TEST

START_TEST(content_is_cut_where_the_plan_says)
{
	int64_t line = (int64_t)strlen(LINE("a"));

	start("{\"call\":\"content\",\"nth\":1,\"do\":\"cut\",\"cut_at\":10}\n"
	      "{\"call\":\"content\",\"nth\":2,\"do\":\"cut\",\"at_line\":2,\"clean\":true}\n"
	      "{\"call\":\"content\",\"nth\":3,\"do\":\"slow\",\"slow_bps\":100}\n"
	      "{\"call\":\"content\",\"nth\":4,\"do\":\"redirect\",\"location\":\"http://localhost:{port}\"}\n");
	upload(THREE);
	call("GET", "/v1/files/file-000001/content", NULL);
	ck_assert(reply.cut_at == 10 && !reply.clean && !reply.chunked && reply.len == 3 * line);
	call("GET", "/v1/files/file-000001/content", NULL);
	ck_assert(reply.cut_at == 2 * line && reply.clean && reply.chunked);
	call("GET", "/v1/files/file-000001/content", NULL);
	ck_assert(reply.cut_at == -1 && reply.slow_bps == 100);
	ck_assert_int_eq(call("GET", "/v1/files/file-000001/content", NULL), 302);
	ck_assert(strstr(reply.headers.at, "Location: http://localhost:99/blob/1?signature=1\n") != NULL);
	ck_assert_int_eq(call("GET", "/blob/1?signature=1", NULL), 200);
	ck_assert_int_eq(reply.len, 3 * line);
	ck_assert_int_eq(logged("\"authorization\":true"), 1);
	ck_assert_int_eq(call("GET", "/v1/files/file-000001/content", NULL), 200);
}
END_TEST

/* What one look at a completed batch of three requests shows under a plan. */
static const struct { const char *plan, *field, *wanted; } looks[] = {
	{ "{\"batch\":1,\"do\":\"fail\",\"code\":\"token_limit_exceeded\",\"message\":\"m\"}", "errors",
	  "{\"object\":\"list\",\"data\":[{\"code\":\"token_limit_exceeded\",\"message\":\"m\",\"param\":null,\"line\":null}]}" },
	{ "{\"batch\":1,\"do\":\"fail\",\"code\":\"x\",\"done\":0.5}", "request_counts",
	  "{\"total\":3,\"completed\":1,\"failed\":0}" },
	{ "{\"batch\":1,\"do\":\"expire\",\"done\":0.4}", "status", "expired" },
	{ "{\"batch\":1,\"do\":\"expire\",\"done\":0.4}", "request_counts", "{\"total\":3,\"completed\":1,\"failed\":2}" },
	{ "{\"batch\":1,\"do\":\"stuck\",\"status\":\"finalizing\"}", "status", "finalizing" },
	{ "{\"batch\":1,\"do\":\"status_words\",\"words\":[\"weird\"]}", "status", "weird" },
	{ "{\"batch\":1,\"do\":\"status_words\",\"words\":[\"weird\"]}", "output_file_id", "" },
	{ "{\"batch\":1,\"do\":\"status_map\",\"map\":{\"completed\":\"SUCCESS\"}}", "status", "SUCCESS" },
	{ "{\"batch\":1,\"do\":\"status_map\",\"map\":{\"completed\":\"SUCCESS\"}}", "output_file_id", "file-000002" },
	{ "{\"batch\":1,\"do\":\"vanish\"}", "status", "" },
	{ "{\"batch\":1,\"do\":\"hidden\",\"polls\":1}", "status", "" },
	{ "{\"batch\":1,\"do\":\"late_ids\",\"polls\":1}", "output_file_id", "" },
	{ "{\"batch\":1,\"do\":\"empty_error_file\",\"value\":\"file\"}", "error_file_id", "file-000003" },
	{ "{\"batch\":1,\"do\":\"counts\",\"value\":{}}", "request_counts", "{}" },
	{ "{\"batch\":1,\"do\":\"counts\",\"value\":null}", "request_counts", "" },
	{ "{\"batch\":1,\"do\":\"no_metadata\"}", "metadata", "" },
	{ "{\"batch\":1,\"do\":\"errors_shape\",\"value\":[\"text\"]}", "errors", "[\"text\"]" },
	{ "{\"batch\":1,\"do\":\"times\",\"as\":\"iso\"}", "created_at", "2023-11-14T22:13:20Z" },
	{ "{\"batch\":1,\"do\":\"times\",\"as\":\"ms\"}", "created_at", "1700000000000" },
	{ "{\"batch\":2,\"do\":\"vanish\"}", "status", "completed" },
	{ "{\"batch\":1,\"do\":\"vanish\",\"stage\":2}", "status", "completed" },
	{ "{\"option\":\"max_active\",\"value\":0}", "status", "failed" },
	{ "{\"call\":\"batch_get\",\"do\":\"wrap\",\"as\":\"data\"}", "code", "20000" },
};

START_TEST(batches_look_as_the_plan_says)
{
	start(looks[_i].plan);
	upload(THREE);
	create("file-000001", "1", "k");
	call("GET", "/v1/batches/batch_000001", NULL);
	ck_assert_str_eq(field(looks[_i].field), looks[_i].wanted);
}
END_TEST

/* What stands in the output and error file of three requests under a plan. */
static const struct { const char *plan, *text; int out, err; } results[] = {
	{ "", "\"custom_id\"", 3, 0 },
	{ "{\"custom_id\":\"b\",\"do\":\"missing\"}", "\"custom_id\"", 2, 0 },
	{ "{\"custom_id\":\"b\",\"do\":\"duplicate\"}", "\"custom_id\":\"b\"", 2, 0 },
	{ "{\"custom_id\":\"b\",\"do\":\"error\",\"status\":400,\"code\":\"context_length_exceeded\"}", "context_length", 0, 1 },
	{ "{\"custom_id\":\"b\",\"stage\":2,\"do\":\"missing\"}", "\"custom_id\"", 3, 0 },
	{ "{\"lines\":\"missing\",\"batch\":1,\"fraction\":0}", "\"custom_id\"", 3, 0 },
	{ "{\"lines\":\"error\",\"batch\":1}", "\"status_code\":500", 0, 3 },
	{ "{\"lines\":\"null_response\",\"code\":\"batch_failed\"}", "\"response\":null,\"error\":{\"code\":\"batch_failed\"", 0, 3 },
	{ "{\"lines\":\"shuffle\"}", "\"custom_id\"", 3, 0 },
	{ "{\"lines\":\"body_string\"}", "\"body\":\"{\\\"id\\\":", 3, 0 },
	{ "{\"lines\":\"no_id\"}", "{\"custom_id\":", 3, 0 },
	{ "{\"lines\":\"crlf\"}", "}\r\n", 3, 0 },
	{ "{\"lines\":\"blank\"}", "\n\n", 3, 0 },
	{ "{\"lines\":\"bom\"}", "\xEF\xBB\xBF{", 1, 0 },
	{ "{\"lines\":\"no_final_newline\"}", "\n", 2, 0 },
	{ "{\"lines\":\"stranger\",\"batch\":1}", "stranger-", 3, 0 },
	{ "{\"custom_id\":\"a\",\"do\":\"raw\",\"line\":\"{cut\"}", "{cut\n", 1, 0 },
	{ "{\"custom_id\":\"a\",\"do\":\"raw\",\"hex\":\"ff7b\"}", "\xff{\n", 1, 0 },
	{ "{\"custom_id\":\"a\",\"do\":\"content\",\"json\":\"\\\"\\\\ud800\\\"\"}", "\"content\":\"\\ud800\"", 1, 0 },
	{ "{\"custom_id\":\"a\",\"do\":\"length\",\"content\":\"\",\"reasoning\":\"hm\"}",
	  "\"content\":\"\",\"reasoning_content\":\"hm\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"length\"", 1, 0 },
	{ "{\"custom_id\":\"a\",\"do\":\"big\",\"bytes\":20}", "\"xxxxxxxxxxxxxxxxxxxx\"", 1, 0 },
	{ "{\"lines\":\"one_file\"}\n{\"custom_id\":\"a\",\"do\":\"error\"}", "\"custom_id\"", 3, 0 },
	{ "{\"batch\":1,\"do\":\"expire\",\"done\":0.4}", "batch_expired", 0, 2 },
};

START_TEST(lines_come_as_the_plan_says)
{
	run_batch(results[_i].plan, THREE);
	char *out = mem_strdup(field("output_file_id")), *bad = mem_strdup(field("error_file_id"));

	ck_assert_int_eq(out[0] != '\0' ? count(fetch(out), results[_i].text) : 0, results[_i].out);
	ck_assert_int_eq(bad[0] != '\0' ? count(fetch(bad), results[_i].text) : 0, results[_i].err);
	free(out);
	free(bad);
}
END_TEST

START_TEST(a_line_fault_wears_off)
{
	start("{\"custom_id\":\"a\",\"do\":\"error\",\"status\":429,\"times\":2}");
	upload(LINE("a"));
	for (int i = 1; i <= 3; i++) {
		char *path = mem_printf("/v1/batches/batch_%06d", i);

		create("file-000001", "1", "k");
		call("GET", path, NULL);
		ck_assert_int_eq(field("output_file_id")[0] != '\0', i == 3);
		free(path);
	}
	ck_assert_int_eq(logged("{\"billed\""), 1);
}
END_TEST

START_TEST(lists_lag_and_loop_on_order)
{
	start("{\"call\":\"batch_list\",\"to\":3,\"do\":\"lag\",\"polls\":2}\n"
	      "{\"call\":\"batch_list\",\"nth\":4,\"do\":\"bare\"}\n{\"call\":\"batch_list\",\"from\":5,\"do\":\"loop\"}");
	upload(THREE);
	create("file-000001", "1", "k");
	for (int i = 0; i < 3; i++) {
		call("GET", "/v1/batches", NULL);
		ck_assert_str_eq(field("first_id"), i < 2 ? "" : "batch_000001");
	}
	call("GET", "/v1/batches", NULL);
	ck_assert(strncmp(reply.body.at, "[{\"id\":\"batch_000001\"", 21) == 0);
	call("GET", "/v1/batches?after=batch_000001", NULL);
	ck_assert_str_eq(field("first_id"), "batch_000001");
	ck_assert_str_eq(field("has_more"), "true");
}
END_TEST

START_TEST(files_show_late_and_pend)
{
	opt.delay_ms = 1000;                    /* no result files between the uploads */
	start("{\"file\":1,\"do\":\"hidden\",\"polls\":1}\n{\"file\":2,\"do\":\"pending\",\"polls\":1}\n"
	      "{\"file\":3,\"do\":\"no_status\"}");
	upload(THREE);
	ck_assert_int_eq(create("file-000001", "1", "k"), 404);
	ck_assert_int_eq(create("file-000001", "1", "k"), 200);
	upload(THREE);
	call("GET", "/v1/files/file-000002", NULL);
	ck_assert_str_eq(field("status"), "pending");
	call("GET", "/v1/files/file-000002", NULL);
	ck_assert_str_eq(field("status"), "processed");
	upload(THREE);
	ck_assert(scan_one(buf_span(&reply.body), "status").at == NULL);
}
END_TEST

START_TEST(an_early_refusal_does_not_wait_for_the_body)
{
	struct ep_request q = { .method = "POST", .path = "/v1/files" };

	start("{\"call\":\"upload\",\"nth\":1,\"do\":\"status\",\"status\":413,\"early\":true}");
	ck_assert(ep_call_early(ep, now, &q, &reply));
	ck_assert_int_eq(reply.status, 413);
	ep_reply_done(&reply);
	ck_assert(!ep_call_early(ep, now, &q, &reply));
	ck_assert_int_eq(upload(THREE), 200);
	ck_assert_int_eq(logged("\"call\":\"upload\""), 2);
}
END_TEST

START_TEST(odd_ids_come_back_through_the_path)
{
	start("{\"option\":\"ids\",\"value\":\"odd\"}");
	upload(THREE);
	ck_assert_str_eq(field("id"), "file-1/a?b=1&c=%41#d e");
	ck_assert_int_eq(call("GET", "/v1/files/file-1%2Fa%3Fb=1&c=%2541%23d%20e", NULL), 200);
}
END_TEST

START_TEST(one_idempotency_key_makes_one_batch)
{
	struct ep_request q = { .method = "POST", .path = "/v1/batches", .idempotency_key = "i", .body = span_of(
		"{\"input_file_id\":\"file-000001\",\"endpoint\":\"/v1/chat/completions\",\"completion_window\":\"24h\"}") };

	start("{\"option\":\"idempotency\",\"value\":true}");
	upload(THREE);
	for (int i = 0; i < 2; i++) {
		ep_reply_done(&reply);
		ep_call(ep, now, &q, &reply);
		ck_assert_str_eq(field("id"), "batch_000001");
	}
	ck_assert_int_eq(logged("\"idempotency_key\":\"i\""), 2);
}
END_TEST

START_TEST(a_server_that_forgets_repeats_its_ids)
{
	start("{\"call\":\"batch_get\",\"nth\":1,\"do\":\"forget\"}");
	upload(THREE);
	create("file-000001", "1", "k");
	call("GET", "/v1/batches/batch_000001", NULL);
	ck_assert_int_eq(call("GET", "/v1/batches/batch_000001", NULL), 404);
	upload(THREE);
	ck_assert_str_eq(field("id"), "file-000001");
}
END_TEST

static const struct { const char *plan, *says; } bad_plans[] = {
	{ "\n{\"call\":\"create\",\"do\":\"explode\"}", "plan, line 2: nothing called \"explode\"" },
	{ "{\"call\":\"creat\",\"do\":\"drop\"}", "plan, line 1: there is no call \"creat\"" },
	{ "{\"call\":\"create\",\"do\":\"status\"}", "\"status\" is missing" },
	{ "{\"call\":\"create\",\"do\":\"status\",\"status\":\"500\"}", "wrong kind" },
	{ "{\"call\":\"create\",\"do\":\"drop\",\"ntj\":1}", "\"ntj\" has no meaning" },
	{ "{\"call\":\"create\",\"do\":\"drop\",\"effect\":\"later\"}", "wrong kind" },
	{ "{\"batch\":0,\"do\":\"vanish\"}", "from 1 on" },
	{ "# a comment\n{\"batch\":1,", "plan, line 2: not JSON" },
	{ "{\"nth\":1}", "an object with call" },
	{ "[]", "an object with call" },
};

START_TEST(a_bad_plan_is_refused_with_its_line)
{
	struct err err = { 0 };

	opt.plan_text = bad_plans[_i].plan;
	ck_assert_int_eq(ep_new(&opt, &ep, &err), BD_EINVALID);
	ck_assert_msg(strstr(err.msg, bad_plans[_i].says) != NULL, "%s", err.msg);
}
END_TEST

/* Every plan in the table of the README can be read. */
START_TEST(the_readme_shows_plans_that_work)
{
	struct buf text = { 0 };
	struct ep_plan plan = { 0 };
	struct err err = { 0 };
	int n = 0;

	ck_assert(ep_read_all(SOURCE_DIR "/tests/endpoint/README.md", &text));
	const char *p = strstr(text.at, "## The forty faults");

	ck_assert(p != NULL);
	while ((p = strchr(p, '`')) != NULL) {
		const char *end = strchr(p + 1, '`');

		ck_assert(end != NULL);
		if (strncmp(p, "`{\"", 3) == 0 && memchr(p, ',', (size_t)(end - p)) != NULL && strncmp(p, "`{\"total", 8) != 0) {
			ck_assert_msg(ep_plan_add(&plan, (struct span){ p + 1, (size_t)(end - p) - 1 }, &err) == 0, "%.*s: %s",
			              (int)(end - p) - 1, p + 1, err.msg);
			n++;
		}
		p = end + 1;
	}
	ck_assert_int_gt(n, 40);
	ep_plan_done(&plan);
	buf_done(&text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("endpoint_plan");
	TCase *tc = tcase_create("core");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, faults_hit_the_calls_they_name);
	tcase_add_test(tc, content_is_cut_where_the_plan_says);
	LOOP(tc, batches_look_as_the_plan_says, looks);
	LOOP(tc, lines_come_as_the_plan_says, results);
	tcase_add_test(tc, a_line_fault_wears_off);
	tcase_add_test(tc, lists_lag_and_loop_on_order);
	tcase_add_test(tc, files_show_late_and_pend);
	tcase_add_test(tc, an_early_refusal_does_not_wait_for_the_body);
	tcase_add_test(tc, odd_ids_come_back_through_the_path);
	tcase_add_test(tc, one_idempotency_key_makes_one_batch);
	tcase_add_test(tc, a_server_that_forgets_repeats_its_ids);
	LOOP(tc, a_bad_plan_is_refused_with_its_line, bad_plans);
	tcase_add_test(tc, the_readme_shows_plans_that_work);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);

	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
