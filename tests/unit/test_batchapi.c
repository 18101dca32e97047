/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batchapi.h"
#include "mem.h"

/* The Files and Batches calls over a transport that answers what the test says. */

static struct {
	struct transport transport;
	struct exchange *x;             /* started last */
	bool canceled;
	char url[1024], headers[2048], body[2048], form[1024];
} net;

static void fake_start(struct transport *t, struct exchange *x)
{
	(void)t;
	net.x = x;
	net.canceled = false;
	snprintf(net.url, sizeof net.url, "%s %s", x->method, x->url);
	snprintf(net.body, sizeof net.body, "%.*s", (int)x->body.len, x->body.len > 0 ? x->body.at : "");
	net.headers[0] = net.form[0] = '\0';
	for (const char *const *h = x->headers; h != NULL && *h != NULL; h++)
		snprintf(net.headers + strlen(net.headers), sizeof net.headers - strlen(net.headers), "%s\n", *h);
	for (int i = 0; x->upload != NULL && i < 4 && x->upload->fields[i].name != NULL; i++)
		snprintf(net.form + strlen(net.form), sizeof net.form - strlen(net.form), "%s=%s;",
		         x->upload->fields[i].name, x->upload->fields[i].value);
}

static void fake_cancel(struct transport *t, struct exchange *x)
{
	(void)t;
	ck_assert_ptr_eq(x, net.x);
	net.canceled = true;
}

/* The exchange ends so. */
static void answer(enum net_result how, int status, const char *reply)
{
	struct exchange *x = net.x;

	net.x = NULL;
	x->net = net.canceled ? NET_CANCELED : how;
	x->status = status;
	x->retry_after_ms = -1;
	x->should_retry = -1;
	if (x->total == 0)
		x->total = -1;
	if (reply != NULL)
		buf_add_str(&x->reply, reply);
	if (how != NET_OK)
		snprintf(x->err, sizeof x->err, "the line broke");
	x->done(x);
}

static struct api *api_for(const char *base_url, const char *key)
{
	struct api_config config = { .name = "e", .base_url = base_url, .key = key };
	struct api *api = NULL;
	struct err err = { 0 };

	net.transport = (struct transport){ fake_start, fake_cancel };
	ck_assert_msg(api_new(&config, &net.transport, &api, &err) == 0, "%s", err.msg);
	return api;
}

/* --- what was told last; texts copied as they die with the callback --------------------- */
static struct {
	int calls;
	struct api_result res;
	bool there;
	struct remote_batch batch;
	struct remote_file file;
	char id[512], texts[1024], next[128];
	size_t n;
	int64_t bytes;
	bool whole;
} told;

static void on_batch(void *data, const struct api_result *res, const struct remote_batch *b)
{
	(void)data;
	told.calls++;
	told.res = *res;
	told.there = b != NULL;
	if (b == NULL)
		return;
	told.batch = *b;
	snprintf(told.id, sizeof told.id, "%s", b->id);
	snprintf(told.texts, sizeof told.texts, "%s|%s|%s|%s|%s|%s|%s", b->word, b->input_file_id, b->output_file_id,
	         b->error_file_id, b->key, b->error_code, b->error_message);
}

static void on_file(void *data, const struct api_result *res, const struct remote_file *f)
{
	(void)data;
	told.calls++;
	told.res = *res;
	told.there = f != NULL;
	if (f == NULL)
		return;
	told.file = *f;
	snprintf(told.id, sizeof told.id, "%s", f->id);
	snprintf(told.texts, sizeof told.texts, "%s|%s", f->filename, f->status);
}

static void on_batches(void *data, const struct api_result *res, const struct remote_batch *b, size_t n, const char *next)
{
	(void)data;
	told.calls++;
	told.res = *res;
	told.n = n;
	told.id[0] = '\0';
	snprintf(told.next, sizeof told.next, "%s", next);
	for (size_t i = 0; i < n; i++)
		snprintf(told.id + strlen(told.id), sizeof told.id - strlen(told.id), "%s ", b[i].id);
}

static void on_files(void *data, const struct api_result *res, const struct remote_file *f, size_t n, const char *next)
{
	(void)data;
	told.calls++;
	told.res = *res;
	told.n = n;
	told.id[0] = '\0';
	snprintf(told.next, sizeof told.next, "%s", next);
	for (size_t i = 0; i < n; i++)
		snprintf(told.id + strlen(told.id), sizeof told.id - strlen(told.id), "%s ", f[i].id);
}

static void on_plain(void *data, const struct api_result *res)
{
	(void)data;
	told.calls++;
	told.res = *res;
}

static void on_content(void *data, const struct api_result *res, int64_t bytes, bool whole)
{
	(void)data;
	told.calls++;
	told.res = *res;
	told.bytes = bytes;
	told.whole = whole;
}

/* --- objects ------------------------------------------------------------------------------- */

static const struct {
	const char *reply;
	const char *id, *texts;         /* word|input|output|error|key|error code|error message */
	enum remote_status status;
	int64_t created, total, completed, failed;
} batches[] = {
	{ "{\"id\":\"batch_1\",\"object\":\"batch\",\"status\":\"completed\",\"input_file_id\":\"f1\",\"output_file_id\":\"f2\","
	  "\"error_file_id\":null,\"created_at\":1711471533,\"errors\":null,"
	  "\"request_counts\":{\"total\":100,\"completed\":95,\"failed\":5},\"metadata\":{\"batchd_key\":\"1:2:3\",\"x\":\"y\"}}",
	  "batch_1", "completed|f1|f2||1:2:3||", REMOTE_COMPLETED, 1711471533, 100, 95, 5 },
	/* nothing but an id */
	{ "{\"id\":\"b\"}", "b", "||||||", REMOTE_WAITING, -1, -1, -1, -1 },
	/* empty error file, counts null, errors [] */
	{ "{\"id\":\"b\",\"status\":\"VALIDATING\",\"error_file_id\":\"\",\"request_counts\":null,\"errors\":[],\"metadata\":null}",
	  "b", "VALIDATING||||||", REMOTE_WAITING, -1, -1, -1, -1 },
	{ "{\"id\":\"b\",\"status\":\"in_queue\",\"request_counts\":{},\"created_at\":\"1711471533\"}",
	  "b", "in_queue||||||", REMOTE_WAITING, 1711471533, -1, -1, -1 },
	/* wrapped, times in milliseconds, ISO, fractions */
	{ "{\"code\":20000,\"message\":\"OK\",\"status\":true,\"data\":{\"id\":\"b\",\"status\":\"in_progress\",\"createdAt\":1711471533123}}",
	  "b", "in_progress||||||", REMOTE_RUNNING, 1711471533, -1, -1, -1 },
	{ "{\"job\":{\"id\":\"b\",\"status\":\"IN_PROGRESS\",\"created_at\":\"2024-03-26T16:45:33.25Z\"},\"warning\":\"w\"}",
	  "b", "IN_PROGRESS||||||", REMOTE_RUNNING, 1711471533, -1, -1, -1 },
	{ "{\"id\":\"b\",\"status\":\"PROGRESS\",\"created_at\":\"2024-03-27T00:45:33+08:00\"}",
	  "b", "PROGRESS||||||", REMOTE_RUNNING, 1711471533, -1, -1, -1 },
	{ "{\"id\":\"b\",\"status\":\"brand new word\",\"created_at\":1711471533.9,\"request_counts\":{\"total\":\"7\",\"completed\":3.0,\"failed\":null}}",
	  "b", "brand new word||||||", REMOTE_RUNNING, 1711471533, 7, 3, -1 },
	/* counts at the top */
	{ "{\"id\":\"b\",\"status\":\"SUCCESS\",\"request_counts\":9,\"total\":9,\"completed\":8,\"failed\":1}",
	  "b", "SUCCESS||||||", REMOTE_COMPLETED, -1, 9, 8, 1 },
	{ "{\"id\":\"b\",\"status\":\"TIMEOUT_EXCEEDED\",\"input_files\":[\"f1\"],\"output_file\":\"f2\",\"error_file\":\"f3\",\"total_requests\":4,\"succeeded_requests\":3,\"failed_requests\":1}",
	  "b", "TIMEOUT_EXCEEDED|f1|f2|f3|||", REMOTE_EXPIRED, -1, 4, 3, 1 },
	/* errors in every shape */
	{ "{\"id\":\"b\",\"status\":\"failed\",\"errors\":{\"object\":\"list\",\"data\":[{\"code\":\"invalid_json_line\",\"message\":\"bad\",\"line\":3}]}}",
	  "b", "failed|||||invalid_json_line|bad", REMOTE_FAILED, -1, -1, -1, -1 },
	{ "{\"id\":\"b\",\"status\":\"failed\",\"errors\":[\"first\",\"second\"]}", "b", "failed||||||first", REMOTE_FAILED, -1, -1, -1, -1 },
	{ "{\"id\":\"b\",\"status\":\"Failed\",\"errors\":\"a text\"}", "b", "Failed||||||a text", REMOTE_FAILED, -1, -1, -1, -1 },
	{ "{\"id\":\"b\",\"status\":\"error\",\"errors\":{\"message\":\"m\"}}", "b", "error||||||m", REMOTE_FAILED, -1, -1, -1, -1 },
	{ "{\"id\":\"b\",\"status\":\"error\",\"error\":{\"code\":42,\"message\":\"m\"}}", "b", "error|||||42|m", REMOTE_FAILED, -1, -1, -1, -1 },
	/* an id that is a number, and one that is long */
	{ "{\"id\":77,\"status\":\"canceled\"}", "77", "canceled||||||", REMOTE_CANCELLED, -1, -1, -1, -1 },
	{ "{\"id\":\"b\",\"status\":null,\"request_counts\":[],\"errors\":7,\"metadata\":[],\"created_at\":{},\"output_file_id\":[]}",
	  "b", "||||||", REMOTE_WAITING, -1, -1, -1, -1 },
};

START_TEST(batch_objects_are_read_in_every_shape)
{
	struct api *api = api_for("https://api.openai.com/v1", "k");

	memset(&told, 0, sizeof told);
	api_batch_get(api, "b", on_batch, NULL);
	answer(NET_OK, 200, batches[_i].reply);
	ck_assert_int_eq(told.calls, 1);
	ck_assert_msg(told.res.verdict == API_DONE && told.there, "%s", told.res.reason);
	ck_assert_str_eq(told.id, batches[_i].id);
	ck_assert_str_eq(told.texts, batches[_i].texts);
	ck_assert_int_eq(told.batch.status, batches[_i].status);
	ck_assert_int_eq(told.batch.created_s, batches[_i].created);
	ck_assert_int_eq(told.batch.total, batches[_i].total);
	ck_assert_int_eq(told.batch.completed, batches[_i].completed);
	ck_assert_int_eq(told.batch.failed, batches[_i].failed);
	api_free(api);
}
END_TEST

static const struct { const char *errors; bool limit; int64_t allowed; } token_limits[] = {
	{ "{\"data\":[{\"code\":\"token_limit_exceeded\",\"message\":\"Enqueued token limit reached for gpt-4o in organization org-9."
	  " Limit: 2,000,000 enqueued tokens. Please try again\",\"line\":null,\"param\":null}]}", true, 2000000 },
	{ "[{\"message\":\"too many enqueued tokens, limit of 90000\"}]", true, 90000 },
	{ "[\"Enqueued tokens (5) over the limit is 90k\"]", true, 90000 },
	{ "{\"data\":[{\"code\":\"x\",\"message\":\"y\"},{\"code\":\"token_limit_exceeded\",\"message\":\"limit 3M.\"}]}", true, 3000000 },
	{ "\"token_limit_exceeded\"", true, -1 },
	{ "[{\"code\":\"context_length_exceeded\",\"message\":\"limit of 8192 tokens\"}]", false, -1 },
	{ "[{\"code\":\"token_limit_exceeded\",\"message\":\"limit 99999999999999999999999 enqueued\"}]", true, -1 },
};

START_TEST(a_full_queue_of_tokens_is_recognised)
{
	struct api *api = api_for("https://api.openai.com/v1", "k");
	char reply[1024];

	snprintf(reply, sizeof reply, "{\"id\":\"b\",\"status\":\"failed\",\"errors\":%s}", token_limits[_i].errors);
	api_batch_get(api, "b", on_batch, NULL);
	answer(NET_OK, 200, reply);
	ck_assert_int_eq(told.batch.token_limit, token_limits[_i].limit);
	ck_assert_int_eq(told.batch.tokens_allowed, token_limits[_i].allowed);
	api_free(api);
}
END_TEST

static const struct { const char *reply, *id, *texts; int64_t bytes, created; } files[] = {
	{ "{\"id\":\"file-1\",\"object\":\"file\",\"bytes\":120,\"created_at\":1677610602,\"filename\":\"a.jsonl\",\"purpose\":\"batch\",\"status\":\"Processed\"}",
	  "file-1", "a.jsonl|processed", 120, 1677610602 },
	{ "{\"code\":20000,\"data\":{\"id\":\"f\",\"createdAt\":1677610602,\"bytes\":\"12\"}}", "f", "|", 12, 1677610602 },
	{ "\xEF\xBB\xBF {\"id\":\"f\",\"bytes\":null,\"filename\":null,\"status\":\"\"} ", "f", "|", -1, -1 },
};

START_TEST(file_objects_are_read_in_every_shape)
{
	struct api *api = api_for("https://api.openai.com/v1", "k");

	api_file_get(api, "f", on_file, NULL);
	answer(NET_OK, _i == 0 ? 201 : 200, files[_i].reply);
	ck_assert_msg(told.res.verdict == API_DONE, "%s", told.res.reason);
	ck_assert_str_eq(told.id, files[_i].id);
	ck_assert_str_eq(told.texts, files[_i].texts);
	ck_assert_int_eq(told.file.bytes, files[_i].bytes);
	ck_assert_int_eq(told.file.created_s, files[_i].created);
	api_free(api);
}
END_TEST

static const struct { const char *base, *after, *reply, *ids, *next; } lists[] = {
	{ "https://api.openai.com/v1", NULL, "{\"data\":[{\"id\":\"a\"},{\"id\":\"b\"}],\"has_more\":true,\"last_id\":\"b\"}", "a b ", "b" },
	{ "https://api.openai.com/v1", "b", "{\"data\":[{\"id\":\"c\"}],\"has_more\":false}", "c ", "" },
	{ "https://api.openai.com/v1", NULL, "{\"data\":[],\"has_more\":true}", "", "" },
	/* a cursor that stands still ends it */
	{ "https://api.openai.com/v1", "b", "{\"data\":[{\"id\":\"a\"},{\"id\":\"b\"}],\"has_more\":true}", "a b ", "" },
	{ "https://api.openai.com/v1", NULL, "{\"data\":[{\"id\":\"a\"}]}", "a ", "" },
	/* wrapped twice; rubbish between */
	{ "https://api.siliconflow.cn/v1", NULL, "{\"code\":20000,\"data\":{\"data\":[{\"id\":\"a\"},7,{},{\"id\":\"\"},{\"id\":\"b\"}],\"has_more\":true}}", "a b ", "b" },
	{ "https://api.together.xyz/v1", NULL, "[{\"id\":\"a\"},{\"id\":\"b\"}]", "a b ", "" },
	{ "http://llm-d.local/v1", "3", "{\"data\":[{\"id\":\"a\"},{\"id\":\"b\"}],\"has_more\":true}", "a b ", "5" },
};

START_TEST(lists_are_read_in_every_shape)
{
	struct api *api = api_for(lists[_i].base, "k");

	api_batch_list(api, lists[_i].after, on_batches, NULL);
	answer(NET_OK, 200, lists[_i].reply);
	ck_assert_msg(told.res.verdict == API_DONE, "%s", told.res.reason);
	ck_assert_str_eq(told.id, lists[_i].ids);
	ck_assert_str_eq(told.next, lists[_i].next);
	api_free(api);
}
END_TEST

/* --- requests ------------------------------------------------------------------------------ */

START_TEST(requests_are_what_the_wire_wants)
{
	struct api *api = api_for("https://api.openai.com/v1/", "sk-1");
	struct batch_create create = { .input_file_id = "f\"1", .line_url = "/v1/chat/completions",
		.completion_window = "24h", .key = "7:1:2", .job = "j7", .stage = "1" };

	ck_assert_str_eq(api_dialect(api), "openai");
	api_batch_create(api, &create, on_batch, NULL);
	ck_assert_str_eq(net.url, "POST https://api.openai.com/v1/batches");
	ck_assert_str_eq(net.body, "{\"input_file_id\":\"f\\\"1\",\"endpoint\":\"/v1/chat/completions\",\"completion_window\":\"24h\","
	                 "\"metadata\":{\"batchd_key\":\"7:1:2\",\"batchd_job\":\"j7\",\"batchd_stage\":\"1\"}}");
	ck_assert_ptr_nonnull(strstr(net.headers, "Authorization: Bearer sk-1\n"));
	ck_assert_ptr_nonnull(strstr(net.headers, "Content-Type: application/json\n"));
	ck_assert_ptr_nonnull(strstr(net.headers, "Idempotency-Key: 7:1:2\n"));
	ck_assert_str_eq(net.x->secret, "sk-1");
	answer(NET_OK, 200, "{\"id\":\"b\"}");
	ck_assert_int_eq(told.res.verdict, API_DONE);

	api_file_upload(api, "/tmp/x", "a.jsonl", on_file, NULL);
	ck_assert_str_eq(net.url, "POST https://api.openai.com/v1/files");
	ck_assert_str_eq(net.form, "purpose=batch;");
	ck_assert_str_eq(net.x->upload->path, "/tmp/x");
	ck_assert_str_eq(net.x->upload->filename, "a.jsonl");
	answer(NET_OK, 200, "{\"id\":\"f\"}");

	/* ids are no paths */
	api_batch_cancel(api, "a/b?c%d e", on_batch, NULL);
	ck_assert_str_eq(net.url, "POST https://api.openai.com/v1/batches/a%2Fb%3Fc%25d%20e/cancel");
	answer(NET_OK, 200, "{\"id\":\"b\",\"status\":\"cancelling\"}");
	ck_assert_int_eq(told.batch.status, REMOTE_CANCELLING);
	api_file_get(api, "..", on_file, NULL);
	ck_assert_str_eq(net.url, "GET https://api.openai.com/v1/files/%2E%2E");
	answer(NET_OK, 404, "");
	api_file_list(api, "f 9", on_files, NULL);
	ck_assert_str_eq(net.url, "GET https://api.openai.com/v1/files?purpose=batch&limit=1000&after=f%209");
	answer(NET_OK, 200, "{\"data\":[{\"id\":\"x\"}],\"has_more\":true}");
	ck_assert_str_eq(told.next, "x");
	api_batch_list(api, NULL, on_batches, NULL);
	ck_assert_str_eq(net.url, "GET https://api.openai.com/v1/batches?limit=100");
	answer(NET_OK, 200, "{\"data\":[]}");
	api_file_content(api, "f1", 5, 100, on_content, NULL);
	ck_assert_str_eq(net.url, "GET https://api.openai.com/v1/files/f1/content");
	ck_assert_int_eq(net.x->sink_fd, 5);
	ck_assert_int_eq(net.x->sink_off, 100);
	answer(NET_NOT_SENT, 0, NULL);
	ck_assert_int_eq(told.res.verdict, API_AGAIN);
	api_file_delete(api, "f1", on_plain, NULL);
	ck_assert_str_eq(net.url, "DELETE https://api.openai.com/v1/files/f1");
	answer(NET_OK, 200, "{\"id\":\"f1\",\"deleted\":true}");
	ck_assert_int_eq(told.res.verdict, API_DONE);
	api_free(api);
}
END_TEST

START_TEST(dialects_bend_the_requests)
{
	struct batch_create create = { .input_file_id = "f", .line_url = "/chat/completions", .completion_window = "24h", .key = "k" };
	struct api *azure = api_for("https://res.openai.azure.com/openai?api-version=2025-01-01", "key");
	struct api *zhipu = api_for("https://open.bigmodel.cn/api/paas/v4", "key");
	struct api *together = api_for("https://api.together.ai/v1", "key");
	struct api *mine = api_for("http://10.0.0.7:8000/v1", NULL);

	api_batch_create(azure, &create, on_batch, NULL);
	ck_assert_str_eq(net.url, "POST https://res.openai.azure.com/openai/batches?api-version=2025-01-01");
	ck_assert_ptr_nonnull(strstr(net.headers, "api-key: key\n"));
	ck_assert_ptr_null(strstr(net.headers, "Bearer"));
	answer(NET_OK, 200, "{\"id\":\"b\"}");
	api_batch_list(azure, "b1", on_batches, NULL);
	ck_assert_str_eq(net.url, "GET https://res.openai.azure.com/openai/batches?api-version=2025-01-01&limit=100&after=b1");
	answer(NET_OK, 200, "{\"data\":[]}");

	api_batch_create(zhipu, &create, on_batch, NULL);
	ck_assert_ptr_null(strstr(net.body, "completion_window"));
	ck_assert_ptr_nonnull(strstr(net.body, "\"auto_delete_input_file\":false"));
	answer(NET_OK, 200, "{\"id\":\"b\"}");

	ck_assert(!api_limits(together)->metadata);
	ck_assert_int_eq(api_limits(together)->custom_id_max, 64);
	api_batch_create(together, &create, on_batch, NULL);
	ck_assert_ptr_null(strstr(net.body, "metadata"));
	answer(NET_OK, 201, "{\"job\":{\"id\":\"b\"}}");
	ck_assert_int_eq(told.res.verdict, API_DONE);
	api_file_upload(together, "/tmp/x", "a.jsonl", on_file, NULL);
	ck_assert_str_eq(net.url, "POST https://api.together.ai/v1/files/upload");
	ck_assert_str_eq(net.form, "purpose=batch-api;file_name=a.jsonl;file_type=jsonl;");
	answer(NET_OK, 200, "{\"id\":\"f\"}");

	ck_assert_str_eq(api_dialect(mine), "generic");
	api_file_get(mine, "f", on_file, NULL);
	ck_assert_str_eq(net.headers, "Accept: application/json\n");
	answer(NET_OK, 200, "{\"id\":\"f\"}");
	api_free(azure);
	api_free(zhipu);
	api_free(together);
	api_free(mine);
}
END_TEST

START_TEST(a_url_in_place_of_a_file_id_gets_no_key_elsewhere)
{
	struct api *api = api_for("https://api.siliconflow.cn/v1", "sk-1");

	api_file_content(api, "https://storage.example/out.jsonl?sig=1", 5, 0, on_content, NULL);
	ck_assert_str_eq(net.url, "GET https://storage.example/out.jsonl?sig=1");
	ck_assert_str_eq(net.headers, "");
	answer(NET_OK, 200, NULL);
	api_file_content(api, "https://api.siliconflow.cn/files/out.jsonl", 5, 0, on_content, NULL);
	ck_assert_ptr_nonnull(strstr(net.headers, "sk-1"));
	answer(NET_OK, 200, NULL);
	api_file_content(api, "https://api.siliconflow.cn.evil.example/out.jsonl", 5, 0, on_content, NULL);
	ck_assert_str_eq(net.headers, "");
	answer(NET_OK, 200, NULL);
	api_free(api);
}
END_TEST

START_TEST(a_wrong_endpoint_is_refused_at_once)
{
	static const struct api_config bad[] = {
		{ .name = "e", .base_url = "ftp://x/v1" },
		{ .name = "e", .base_url = "https://x/v1", .dialect = "klingon" },
		{ .name = "e", .base_url = "https://x/v1", .key = "a\r\nEvil: 1" },
	};

	for (int i = 0; i < 3; i++) {
		struct err err = { 0 };
		struct api *api = NULL;

		ck_assert_int_eq(api_new(&bad[i], &net.transport, &api, &err), BD_EINVALID);
		ck_assert(err.msg[0] != '\0' && api == NULL && strstr(err.msg, "Evil") == NULL);
	}
}
END_TEST

/* --- verdicts ------------------------------------------------------------------------------- */

#define QUOTA "{\"error\":{\"message\":\"You exceeded your current quota\",\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\"}}"
#define RATE "{\"error\":{\"message\":\"Rate limit reached\",\"type\":\"requests\",\"code\":\"rate_limit_exceeded\"}}"

static const struct {
	enum net_result net;
	int status;
	const char *body;
	enum api_verdict get, create;
	const char *code;
} verdicts[] = {
	{ NET_NOT_SENT, 0, NULL, API_AGAIN, API_AGAIN, "" },
	{ NET_NOT_SENT, 407, NULL, API_ACCOUNT, API_ACCOUNT, "" },
	{ NET_BROKEN, 0, NULL, API_AGAIN, API_UNKNOWN, "" },
	{ NET_BROKEN, 200, "{\"id\":\"b", API_AGAIN, API_UNKNOWN, "" },
	{ NET_BROKEN, 429, "{\"err", API_AGAIN, API_AGAIN, "" },
	{ NET_BROKEN, 401, NULL, API_ACCOUNT, API_ACCOUNT, "" },
	{ NET_TOO_BIG, 200, "{", API_AGAIN, API_UNKNOWN, "" },
	{ NET_TOO_BIG, 400, "{", API_REFUSED, API_REFUSED, "" },
	{ NET_SINK, 0, NULL, API_LOCAL, API_LOCAL, "" },
	{ NET_OK, 200, "", API_AGAIN, API_UNKNOWN, "" },
	{ NET_OK, 200, "<html><title>Sign in</title></html>", API_AGAIN, API_UNKNOWN, "" },
	{ NET_OK, 200, "{\"id\":\"b\"", API_AGAIN, API_UNKNOWN, "" },
	{ NET_OK, 200, "{\"code\":50505,\"message\":\"busy\",\"data\":null}", API_AGAIN, API_UNKNOWN, "50505" },
	{ NET_OK, 200, "[]", API_AGAIN, API_UNKNOWN, "" },
	{ NET_OK, 302, "", API_AGAIN, API_AGAIN, "" },
	{ NET_OK, 400, "{\"error\":{\"message\":\"no\",\"code\":\"missing_required_parameter\"}}", API_REFUSED, API_REFUSED, "missing_required_parameter" },
	{ NET_OK, 400, "{\"error\":{\"message\":\"File file-1 is not ready: not processed\"}}", API_AGAIN, API_AGAIN, "" },
	{ NET_OK, 400, "{\"error\":\"Input file not found\"}", API_AGAIN, API_AGAIN, "" },
	{ NET_OK, 400, "{\"error\":\"model not found\"}", API_REFUSED, API_REFUSED, "" },
	{ NET_OK, 400, "{\"error\":{\"code\":\"token_limit_exceeded\",\"message\":\"x\"}}", API_AGAIN, API_AGAIN, "token_limit_exceeded" },
	{ NET_OK, 400, "{\"error\":{\"code\":\"billing_hard_limit_reached\",\"message\":\"x\"}}", API_ACCOUNT, API_ACCOUNT, "billing_hard_limit_reached" },
	{ NET_OK, 401, "Invalid token", API_ACCOUNT, API_ACCOUNT, "" },
	{ NET_OK, 402, "{\"message\":\"no credit\"}", API_ACCOUNT, API_ACCOUNT, "" },
	{ NET_OK, 403, "<html>proxy</html>", API_ACCOUNT, API_ACCOUNT, "" },
	{ NET_OK, 404, "{\"detail\":\"Not Found\"}", API_GONE, API_GONE, "" },
	{ NET_OK, 410, "", API_GONE, API_GONE, "" },
	{ NET_OK, 408, "", API_AGAIN, API_UNKNOWN, "" },
	{ NET_OK, 409, "{\"detail\":{\"error\":{\"message\":\"conflict\",\"code\":\"c\"}}}", API_AGAIN, API_UNKNOWN, "c" },
	{ NET_OK, 425, "", API_AGAIN, API_UNKNOWN, "" },
	{ NET_OK, 413, "{\"detail\":{\"error\":{\"code\":\"content_size_limit_exceeded\"}}}", API_TOO_BIG, API_TOO_BIG, "content_size_limit_exceeded" },
	{ NET_OK, 411, "", API_TOO_BIG, API_TOO_BIG, "" },
	{ NET_OK, 422, "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"field required\",\"type\":\"value_error\"}]}", API_REFUSED, API_REFUSED, "value_error" },
	{ NET_OK, 429, RATE, API_AGAIN, API_AGAIN, "rate_limit_exceeded" },
	{ NET_OK, 429, QUOTA, API_ACCOUNT, API_ACCOUNT, "insufficient_quota" },
	{ NET_OK, 429, "", API_AGAIN, API_AGAIN, "" },
	{ NET_OK, 500, "<html>", API_AGAIN, API_UNKNOWN, "" },
	{ NET_OK, 501, "{\"error\":{\"code\":501,\"type\":\"not_implemented\",\"message\":\"m\"}}", API_REFUSED, API_REFUSED, "not_implemented" },
	{ NET_OK, 503, "{\"code\":50505,\"message\":\"busy\",\"data\":null}", API_AGAIN, API_UNKNOWN, "50505" },
	{ NET_OK, 529, "", API_AGAIN, API_UNKNOWN, "" },
	{ NET_OK, 417, "", API_REFUSED, API_REFUSED, "" },
};

START_TEST(what_came_back_is_judged)
{
	struct api *api = api_for("https://api.openai.com/v1", "sk-secret-key");
	struct batch_create create = { .input_file_id = "f", .line_url = "/v1", .completion_window = "24h", .key = "k" };

	memset(&told, 0, sizeof told);
	api_batch_get(api, "b", on_batch, NULL);
	answer(verdicts[_i].net, verdicts[_i].status, verdicts[_i].body);
	ck_assert_msg(told.res.verdict == verdicts[_i].get, "%s: %s", api_verdict_name(told.res.verdict), told.res.reason);
	ck_assert_str_eq(told.res.code, verdicts[_i].code);
	ck_assert(!told.there);
	ck_assert(told.res.reason[0] != '\0');
	api_batch_create(api, &create, on_batch, NULL);
	answer(verdicts[_i].net, verdicts[_i].status, verdicts[_i].body);
	ck_assert_msg(told.res.verdict == verdicts[_i].create, "%s: %s", api_verdict_name(told.res.verdict), told.res.reason);
	ck_assert_int_eq(told.calls, 2);
	api_free(api);
}
END_TEST

START_TEST(the_endpoint_may_say_itself_whether_to_retry)
{
	struct api *api = api_for("https://api.openai.com/v1", "k");

	api_batch_get(api, "b", on_batch, NULL);
	net.x->request_id[0] = '\0';
	struct exchange *x = net.x;
	x->status = 429;
	x->should_retry = 0;
	x->retry_after_ms = 5000;
	snprintf(x->request_id, sizeof x->request_id, "req_9");
	x->done(x);
	ck_assert_int_eq(told.res.verdict, API_ACCOUNT);
	ck_assert_int_eq(told.res.retry_ms, 5000);
	ck_assert_str_eq(told.res.reason, "HTTP 429 (request req_9)");
	api_batch_get(api, "b", on_batch, NULL);
	x = net.x;
	x->status = 400;
	x->should_retry = 1;
	x->done(x);
	ck_assert_int_eq(told.res.verdict, API_AGAIN);
	api_free(api);
}
END_TEST

START_TEST(keys_do_not_come_out_in_reasons)
{
	struct api *api = api_for("https://api.openai.com/v1", "sk-secret-key");
	char body[600];

	api_batch_get(api, "b", on_batch, NULL);
	answer(NET_OK, 401, "{\"error\":{\"message\":\"Incorrect API key provided: sk-secret-key.\",\"code\":\"sk-secret-key\"}}");
	ck_assert_str_eq(told.res.reason, "HTTP 401 ***: Incorrect API key provided: ***.");
	ck_assert_str_eq(told.res.code, "***");
	/* nor a half of one where a text is cut */
	for (int at = 150; at < 330; at++) {
		snprintf(body, sizeof body, "{\"error\":{\"message\":\"%0*d sk-secret-key\"}}", at, 0);
		api_batch_get(api, "b", on_batch, NULL);
		answer(NET_OK, 401, body);
		ck_assert_ptr_null(strstr(told.res.reason, "sk"));
		api_batch_get(api, "b", on_batch, NULL);
		answer(NET_OK, 401, strchr(body, '0'));
		ck_assert_ptr_null(strstr(told.res.reason, "sk"));
	}
	api_free(api);
}
END_TEST

START_TEST(deleting_what_is_gone_is_done)
{
	static const struct { int status; const char *body; enum api_verdict verdict; } cases[] = {
		{ 200, "{\"id\":\"f\",\"deleted\":true}", API_DONE }, { 200, "{}", API_DONE }, { 204, "", API_DONE },
		{ 404, "{\"error\":{}}", API_DONE }, { 200, "{\"deleted\":false}", API_UNKNOWN }, { 500, "", API_UNKNOWN },
		{ 401, "", API_ACCOUNT },
	};
	struct api *api = api_for("https://api.openai.com/v1", "k");

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		api_file_delete(api, "f", on_plain, NULL);
		answer(NET_OK, cases[i].status, cases[i].body);
		ck_assert_int_eq(told.res.verdict, cases[i].verdict);
	}
	api_free(api);
}
END_TEST

static const struct {
	enum net_result net;
	int status;
	const char *type;
	int64_t sunk, total;
	bool incomplete;
	enum api_verdict verdict;
	int64_t bytes;
	bool whole;
} contents[] = {
	{ NET_OK, 200, "application/octet-stream", 50, 50, false, API_DONE, 50, true },
	{ NET_OK, 206, "", 50, -1, false, API_DONE, 50, true },
	{ NET_OK, 206, "", 50, 80, false, API_DONE, 50, false },
	{ NET_OK, 200, "", 50, -1, true, API_DONE, 50, false },
	{ NET_BROKEN, 200, "", 50, 80, false, API_AGAIN, 50, false },
	{ NET_OK, 200, "text/html; charset=utf-8", 50, 50, false, API_AGAIN, 0, false },
	{ NET_OK, 416, "", 30, 30, false, API_DONE, 30, true },
	{ NET_OK, 416, "", 30, 20, false, API_AGAIN, 0, false },
	{ NET_OK, 416, "", 30, -1, false, API_AGAIN, 0, false },
	{ NET_OK, 404, "", 30, -1, false, API_GONE, 30, false },
	{ NET_OK, 503, "", 30, -1, false, API_AGAIN, 30, false },
	{ NET_SINK, 200, "", 40, -1, false, API_LOCAL, 40, false },
};

START_TEST(a_download_tells_how_far_it_came)
{
	struct api *api = api_for("https://api.openai.com/v1", "k");

	api_file_content(api, "f", 5, 30, on_content, NULL);
	net.x->sunk = contents[_i].sunk;
	net.x->total = contents[_i].total;
	net.x->incomplete = contents[_i].incomplete;
	snprintf(net.x->content_type, sizeof net.x->content_type, "%s", contents[_i].type);
	answer(contents[_i].net, contents[_i].status, NULL);
	ck_assert_msg(told.res.verdict == contents[_i].verdict, "%s", told.res.reason);
	ck_assert_int_eq(told.bytes, contents[_i].bytes);
	ck_assert_int_eq(told.whole, contents[_i].whole);
	api_free(api);
}
END_TEST

START_TEST(a_call_can_be_canceled)
{
	struct api *api = api_for("https://api.openai.com/v1", "k");
	struct api_call *call = api_batch_get(api, "b", on_batch, NULL);

	memset(&told, 0, sizeof told);
	api_call_cancel(call);
	ck_assert(net.canceled);
	answer(NET_OK, 0, NULL);
	ck_assert_int_eq(told.calls, 1);
	ck_assert_int_eq(told.res.verdict, API_CANCELED);
	api_free(api);
}
END_TEST

static const struct { const char *url, *dialect; } guesses[] = {
	{ "https://api.openai.com/v1", "openai" }, { "https://x.OPENAI.azure.com/openai/v1", "azure" },
	{ "https://api.siliconflow.com/v1", "siliconflow" }, { "https://api.groq.com/openai/v1", "groq" },
	{ "https://api.deepinfra.com/v1/openai", "deepinfra" }, { "https://api.tokenfactory.nebius.com/v1", "nebius" },
	{ "https://api.doubleword.ai/v1", "doubleword" }, { "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "dashscope" },
	{ "https://api.moonshot.cn/v1", "moonshot" }, { "https://open.bigmodel.cn/api/paas/v4", "zhipu" },
	{ "https://gateway.example/api.openai.com/v1", "generic" }, { "http://127.0.0.1:9/v1", "generic" },
};

START_TEST(dialects_are_guessed_from_the_host)
{
	for (size_t i = 0; i < sizeof guesses / sizeof guesses[0]; i++) {
		struct api *api = api_for(guesses[i].url, NULL);

		ck_assert_msg(strcmp(api_dialect(api), guesses[i].dialect) == 0, "%s: %s", guesses[i].url, api_dialect(api));
		api_free(api);
	}
}
END_TEST

#define LOOP(tc, test, table) tcase_add_loop_test(tc, test, 0, (int)(sizeof table / sizeof table[0]))

int main(void)
{
	Suite *s = suite_create("batchapi");
	TCase *tc = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	LOOP(tc, batch_objects_are_read_in_every_shape, batches);
	LOOP(tc, a_full_queue_of_tokens_is_recognised, token_limits);
	LOOP(tc, file_objects_are_read_in_every_shape, files);
	LOOP(tc, lists_are_read_in_every_shape, lists);
	tcase_add_test(tc, requests_are_what_the_wire_wants);
	tcase_add_test(tc, dialects_bend_the_requests);
	tcase_add_test(tc, a_url_in_place_of_a_file_id_gets_no_key_elsewhere);
	tcase_add_test(tc, a_wrong_endpoint_is_refused_at_once);
	LOOP(tc, what_came_back_is_judged, verdicts);
	tcase_add_test(tc, the_endpoint_may_say_itself_whether_to_retry);
	tcase_add_test(tc, keys_do_not_come_out_in_reasons);
	tcase_add_test(tc, deleting_what_is_gone_is_done);
	LOOP(tc, a_download_tells_how_far_it_came, contents);
	tcase_add_test(tc, a_call_can_be_canceled);
	tcase_add_test(tc, dialects_are_guessed_from_the_host);
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
