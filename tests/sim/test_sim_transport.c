/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batchapi.h"
#include "files.h"
#include "helper_transport.h"
#include "mem.h"

/* The Files and Batches calls against the test endpoint's core under a fake clock: a day of a batch in no time. */

static struct clock fake;
static int64_t now_ms;
static char dir[32];
static struct ep *core;
static struct transport *transport;
static struct api *api;

static int64_t fake_now(struct clock *clock)
{
	(void)clock;
	return now_ms;
}

static void start(const char *plan)
{
	struct err err = { 0 };
	struct ep_options options = { .state_dir = dir, .key = "sk-sim", .plan_text = plan, .default_content = "hello",
		.delay_ms = 3600000 };
	struct api_config config = { .name = "sim", .base_url = "http://endpoint.test/v1", .key = "sk-sim", .stall_ms = 60000 };

	strcpy(dir, "/tmp/test_sim.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	fake.now_ms = fake_now;
	now_ms = 1767225600000;
	ck_assert_msg(ep_new(&options, &core, &err) == 0, "%s", err.msg);
	transport = sim_transport_new(core, &fake);
	ck_assert_msg(api_new(&config, transport, &api, &err) == 0, "%s", err.msg);
}

static void stop(void)
{
	sim_transport_free(transport);
	api_free(api);
	ep_free(core);
	dir_remove(dir, NULL);
}

static struct api_result res;
static int calls;
static char id[128], output[128];
static enum remote_status status;
static int64_t bytes;
static bool whole;

static void on_file(void *data, const struct api_result *r, const struct remote_file *f)
{
	(void)data;
	calls++;
	res = *r;
	snprintf(id, sizeof id, "%s", f != NULL ? f->id : "");
}

static void on_batch(void *data, const struct api_result *r, const struct remote_batch *b)
{
	(void)data;
	calls++;
	res = *r;
	snprintf(id, sizeof id, "%s", b != NULL ? b->id : "");
	snprintf(output, sizeof output, "%s", b != NULL ? b->output_file_id : "");
	status = b != NULL ? b->status : REMOTE_WAITING;
}

static void on_batches(void *data, const struct api_result *r, const struct remote_batch *b, size_t n, const char *next)
{
	(void)data;
	(void)next;
	calls++;
	res = *r;
	bytes = (int64_t)n;
	snprintf(output, sizeof output, "%s", n > 0 ? b[0].key : "");
}

static void on_content(void *data, const struct api_result *r, int64_t n, bool all)
{
	(void)data;
	calls++;
	res = *r;
	bytes = n;
	whole = all;
}

static void wait_for(enum api_verdict verdict)
{
	calls = 0;
	while (sim_transport_pending(transport) > 0) {
		now_ms = sim_transport_next_ms(transport);
		ck_assert_int_ge(sim_transport_deliver(transport), 1);
	}
	ck_assert_int_eq(calls, 1);
	ck_assert_msg(res.verdict == verdict, "%s: %s", api_verdict_name(res.verdict), res.reason);
}

static void upload(enum api_verdict verdict)
{
	static const char line[] = "{\"custom_id\":\"a__b-1\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\","
		"\"body\":{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}}\n";
	char *path = path_join(dir, "requests.jsonl");

	ck_assert_int_eq(file_put(path, line, sizeof line - 1, 0600, NULL), 0);
	api_file_upload(api, path, "requests.jsonl", on_file, NULL);
	wait_for(verdict);
	free(path);
}

static void create(const char *file, enum api_verdict verdict)
{
	struct batch_create c = { .input_file_id = file, .line_url = "/v1/chat/completions", .completion_window = "24h", .key = "7:1:1" };

	api_batch_create(api, &c, on_batch, NULL);
	wait_for(verdict);
}

static void finish(void)
{
	char batch[128];

	snprintf(batch, sizeof batch, "%s", id);
	for (int i = 0; i < 100; i++) {
		now_ms += 600000;
		api_batch_get(api, batch, on_batch, NULL);
		wait_for(API_DONE);
		if (remote_status_terminal(status))
			return;
	}
	ck_abort_msg("the batch never ended");
}

static void read_back(int fd)
{
	struct result_line line;
	char text[2000];
	ssize_t n = pread(fd, text, sizeof text, 0);

	ck_assert_int_eq(n, bytes);
	result_line_read((struct span){ text, (size_t)n }, &line);
	ck_assert_int_eq(line.class, LINE_ANSWER);
	ck_assert_str_eq(line.custom_id, "a__b-1");
	result_line_done(&line);
}

START_TEST(a_batch_goes_there_and_back)
{
	int fd;

	start("{\"call\":\"content\",\"nth\":1,\"do\":\"cut\",\"cut_at\":20}\n"
	      "{\"call\":\"content\",\"from\":2,\"to\":3,\"do\":\"redirect\",\"location\":\"http://blobs.test\"}\n"
	      "{\"call\":\"blob\",\"nth\":1,\"do\":\"status\",\"status\":403}\n");
	fd = open(dir, O_TMPFILE | O_RDWR, 0600);
	upload(API_DONE);
	create(id, API_DONE);
	finish();
	ck_assert_int_eq(status, REMOTE_COMPLETED);
	/* cut, then the rest of it, over another host that must see no key */
	api_file_content(api, output, fd, 0, on_content, NULL);
	wait_for(API_AGAIN);
	ck_assert_int_eq(bytes, 20);
	api_file_content(api, output, fd, bytes, on_content, NULL);
	wait_for(API_AGAIN);            /* its signed URL has run out: no trouble with our account */
	ck_assert_int_eq(res.status, 403);
	ck_assert_int_eq(bytes, 20);
	api_file_content(api, output, fd, bytes, on_content, NULL);
	wait_for(API_DONE);
	ck_assert(whole);
	read_back(fd);
	close(fd);
	stop();
}
END_TEST

START_TEST(a_lost_reply_to_a_create_is_found_in_the_list)
{
	start("{\"call\":\"create\",\"nth\":1,\"do\":\"drop\",\"effect\":\"after\"}\n"
	      "{\"call\":\"create\",\"nth\":2,\"do\":\"drop\",\"effect\":\"before\"}\n");
	upload(API_DONE);
	create(id, API_UNKNOWN);
	api_batch_list(api, NULL, on_batches, NULL);
	wait_for(API_DONE);
	ck_assert_int_eq(bytes, 1);
	ck_assert_str_eq(output, "7:1:1");
	upload(API_DONE);
	create(id, API_UNKNOWN);
	api_batch_list(api, NULL, on_batches, NULL);
	wait_for(API_DONE);
	ck_assert_int_eq(bytes, 1);
	stop();
}
END_TEST

START_TEST(lines_break_in_every_way)
{
	int64_t before;

	start("{\"call\":\"upload\",\"nth\":1,\"do\":\"status\",\"status\":503,\"html\":true}\n"
	      "{\"call\":\"upload\",\"nth\":2,\"do\":\"status\",\"status\":429,\"headers\":{\"Retry-After\":\"7\"}}\n"
	      "{\"call\":\"create\",\"nth\":1,\"do\":\"stall\",\"stall_ms\":600000}\n"
	      "{\"call\":\"create\",\"nth\":2,\"do\":\"garbage\"}\n"
	      "{\"call\":\"create\",\"nth\":3,\"do\":\"gzip\"}\n");
	sim_transport_unplug(transport, 1);
	upload(API_AGAIN);
	ck_assert_int_eq(res.status, 0);
	upload(API_UNKNOWN);
	upload(API_AGAIN);
	ck_assert_int_eq(res.retry_ms, 7000);
	upload(API_DONE);
	before = now_ms;
	create(id, API_UNKNOWN);
	ck_assert_int_eq(now_ms - before, 60000);
	create("file-x", API_UNKNOWN);
	upload(API_DONE);
	create(id, API_DONE);
	stop();
}
END_TEST

START_TEST(canceled_and_forgotten)
{
	struct api_call *call;

	start("");
	call = api_batch_get(api, "b", on_batch, NULL);
	api_call_cancel(call);
	ck_assert_int_eq(sim_transport_pending(transport), 1);
	wait_for(API_CANCELED);
	stop();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sim_transport");
	TCase *tc = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(tc, a_batch_goes_there_and_back);
	tcase_add_test(tc, a_lost_reply_to_a_create_is_found_in_the_list);
	tcase_add_test(tc, lines_break_in_every_way);
	tcase_add_test(tc, canceled_and_forgotten);
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
