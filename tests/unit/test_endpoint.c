/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ep.h"
#include "ep_io.h"
#include "ep_plan.h"
#include "ep_scan.h"
#include "files.h"
#include "json.h"
#include "mem.h"

/* The Batch API server that everybody else's tests trust, called without sockets, at times we choose. */

#define MODEL_LINE(id, model) "{\"custom_id\":\"" id "\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\"," \
                              "\"body\":{\"model\":\"" model "\",\"messages\":[]}}\n"
#define LINE(id) MODEL_LINE(id, "m")
#define THREE LINE("a") LINE("b") LINE("c")

static char dir[64];
static struct ep_options opt;
static struct ep *ep;
static int64_t now;
static struct ep_reply reply;
static struct buf content;

static void setup(void)
{
	snprintf(dir, sizeof dir, "/tmp/test_endpoint.XXXXXX");
	ck_assert(mkdtemp(dir) != NULL);
	opt = (struct ep_options){ .state_dir = path_join(dir, "state"), .log = path_join(dir, "log") };
	now = 1700000000000;
	reply = (struct ep_reply){ .cut_at = -1 };
	ep = NULL;
}

static void teardown(void)
{
	ep_free(ep);
	ep_reply_done(&reply);
	buf_done(&content);
	dir_remove(dir, NULL);
	free((char *)(uintptr_t)opt.state_dir);
	free((char *)(uintptr_t)opt.log);
}

static void start(const char *plan)
{
	struct err err = { 0 };

	ep_free(ep);
	ep = NULL;
	opt.plan_text = plan;
	ck_assert_msg(ep_new(&opt, &ep, &err) == 0, "%s", err.msg);
}

/* Puts text into a file of the test's directory; the path is the caller's. */
static char *put(const char *name, const char *text)
{
	char *path = path_join(dir, name);
	struct ep_writer w;

	ck_assert(ep_writer_open(&w, path));
	ep_writer_add(&w, span_of(text));
	ck_assert(ep_writer_close(&w));
	return path;
}

static int call(const char *method, const char *path, const char *body)
{
	struct ep_request q = { .method = method, .path = path, .body = span_of(body != NULL ? body : ""),
	                        .authorization = "Bearer k", .host = "127.0.0.1:99" };

	ep_reply_done(&reply);
	ep_call(ep, now, &q, &reply);
	return reply.status;
}

static int upload(const char *lines)
{
	char *path = put("in", lines);
	struct ep_request q = { .method = "POST", .path = "/v1/files", .authorization = "Bearer k", .upload_path = path,
	                        .upload_filename = "in.jsonl", .upload_purpose = "batch" };

	ep_reply_done(&reply);
	ep_call(ep, now, &q, &reply);
	free(path);
	return reply.status;
}

static int create(const char *file, const char *stage, const char *key)
{
	char *body = mem_printf("{\"input_file_id\":\"%s\",\"endpoint\":\"/v1/chat/completions\",\"completion_window\":\"24h\","
	                        "\"metadata\":{\"batchd_stage\":\"%s\",\"batchd_key\":\"%s\"}}", file, stage, key);
	int status = call("POST", "/v1/batches", body);

	free(body);
	return status;
}

/* A member of the JSON reply as text; "" if it is null or not there. */
static const char *field(const char *name)
{
	static char texts[8][512];
	static int turn;
	struct span v = scan_one(buf_span(&reply.body), name);
	char *to = texts[turn++ & 7];

	if (v.at != NULL && v.at[0] == '"')
		v = (struct span){ v.at + 1, v.len - 2 };
	snprintf(to, sizeof texts[0], "%.*s", scan_is_null(v) ? 0 : (int)v.len, v.at);
	return to;
}

/* The content of a file, as a client would get it when nothing is cut. */
static const char *fetch(const char *id)
{
	char *path = mem_printf("/v1/files/%s/content", id);
	struct buf whole = { 0 };

	buf_reset(&content);
	ck_assert_int_eq(call("GET", path, NULL), 200);
	ck_assert(reply.path != NULL && ep_read_all(reply.path, &whole));
	buf_add(&content, whole.at + reply.off, (size_t)reply.len);
	buf_done(&whole);
	free(path);
	return buf_str(&content);
}

static int count(const char *text, const char *what)
{
	int n = 0;

	for (const char *p = text; (p = strstr(p, what)) != NULL; p += strlen(what))
		n++;
	return n;
}

static int logged(const char *what)
{
	struct buf log = { 0 };
	int n;

	ck_assert(ep_read_all(opt.log, &log));
	n = count(buf_str(&log), what);
	buf_done(&log);
	return n;
}

/* One batch of the given lines from upload to the state it has at the first look. */
static void run_batch(const char *plan, const char *lines)
{
	start(plan);
	ck_assert_int_eq(upload(lines), 200);
	ck_assert_int_eq(create("file-000001", "1", "j:1:1"), 200);
	ck_assert_str_eq(field("status"), "validating");
	ck_assert_int_eq(call("GET", "/v1/batches/batch_000001", NULL), 200);
}

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

/* --- the plan -------------------------------------------------------------------------- */

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

#define LOOP(tc, test, table) tcase_add_loop_test(tc, test, 0, (int)(sizeof table / sizeof table[0]))

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
	LOOP(tc, lines_are_json_or_they_are_not, scans);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);

	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
