/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "../unit/helper_server.c"
#include "curl_transport.h"
#include "fault.h"
#include "files.h"
#include "mem.h"

/*
 * The n-th allocation of an exchange fails, ours or one of libcurl's, for every n there is: it comes back whole or it is
 * told what is known of it; nothing is sent that lacks a part, nothing twice, no key to another host.
 */
#define OK_JSON "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{\"id\":\"b1\"}"
#define REST "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 4-9/10\r\nContent-Length: 6\r\nConnection: close\r\n\r\n456789"

static uv_loop_t loop;
static struct transport *transport;
static char url[96], dir[48], path[64];

enum kind { GET_JSON, POST_JSON, POST_FILE, GET_REST, GET_ELSEWHERE, KINDS };
static const char *const names[] = { "GET", "POST", "POST of a file", "GET of a rest", "GET, led to another host" };
static const char *const wants[] = {
	"Authorization: Bearer sk-secret", "\r\n\r\n{\"input\":1}", "name=\"purpose\"\r\n\r\nbatch\r\n", "Range: bytes=4-", "Authorization: ",
};

static void on_done(struct exchange *x)
{
	*(bool *)x->data = true;
}

static void run(struct exchange *x)
{
	bool done = false;

	x->data = &done;
	transport->start(transport, x);
	while (!done)
		uv_run(&loop, UV_RUN_ONCE);
}

/* What the server was told was whole. */
static void check_request(const char *text, enum kind kind, size_t nth)
{
	if (kind == GET_ELSEWHERE && nth > 0)
		ck_assert_msg(strstr(text, "sk-secret") == NULL, "a key went elsewhere: %s", text);
	else
		ck_assert_msg(strstr(text, "Bearer sk-secret") != NULL, "without its key: %s", text);
	/* a rest that was not asked for is a whole file, and is taken for one */
	if (kind != GET_REST && nth == 0)
		ck_assert_msg(strstr(text, wants[kind]) != NULL, "it lacks a part: %s", text);
	if (kind == POST_FILE)
		ck_assert_msg(strstr(text, "filename=\"up.jsonl\"") != NULL && strstr(text, "\r\n\r\nline\n\r\n--") != NULL, "%s", text);
}

static bool exchange(enum kind kind, int n)
{
	static const char *const auth[] = { "Authorization: Bearer sk-secret", NULL };
	struct upload up = { .fields = { { "purpose", "batch" } }, .path = path, .filename = "up.jsonl",
		.content_type = "application/octet-stream" };
	char lead[160];
	int sink = open(dir, O_TMPFILE | O_RDWR, 0600);
	struct scene other[] = { { .reply = OK_JSON, .then = THEN_CLOSE } };
	struct scene scenes[] = { { .reply = kind == GET_REST ? REST : OK_JSON, .then = THEN_CLOSE } };
	struct server *second = server_new(other, 1), *first;
	struct exchange x = { .method = kind == POST_JSON || kind == POST_FILE ? "POST" : "GET", .url = url, .headers = auth,
		.sink_fd = -1, .secret = "sk-secret", .done = on_done };

	if (kind == GET_ELSEWHERE) {
		snprintf(lead, sizeof lead, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/there\r\nContent-Length: 0\r\n"
		         "Connection: close\r\n\r\n", server_port(second));
		scenes[0].reply = lead;
	}
	first = server_new(scenes, 1);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/v1/x", server_port(first));
	if (kind == POST_JSON)
		x.body = span_of("{\"input\":1}");
	if (kind == POST_FILE)
		x.upload = &up;
	if (kind == GET_REST) {
		ck_assert_int_eq(pwrite(sink, "0123", 4, 0), 4);
		x.sink_fd = sink;
		x.sink_off = 4;
	}
	fault_arm(FAULT_MEMORY, n);
	run(&x);
	bool hit = fault_left() < 0;
	fault_arm(FAULT_NONE, 0);
	ck_assert_msg(hit || x.net == NET_OK, "%s", x.err);
	ck_assert_msg(x.net == NET_OK || x.net == NET_NOT_SENT || x.net == NET_BROKEN || x.net == NET_SINK, "%d %s", x.net, x.err);
	ck_assert(x.net == NET_OK || x.err[0] != '\0');
	size_t seen = server_requests(first);
	ck_assert_uint_le(seen, 1);
	if (seen == 1)
		check_request(server_request(first, 0), kind, 0);
	if (x.net == NET_NOT_SENT && strcmp(x.method, "POST") == 0)
		ck_assert_uint_eq(seen, 0);
	if (kind == GET_ELSEWHERE && server_requests(second) > 0)
		check_request(server_request(second, 0), kind, 1);
	if (x.net == NET_OK && kind == GET_REST) {
		char text[16] = "";

		ck_assert_int_eq(pread(sink, text, 15, 0), 10);
		ck_assert_str_eq(text, "0123456789");
	} else if (x.net == NET_OK) {
		ck_assert_str_eq(buf_str(&x.reply), "{\"id\":\"b1\"}");
	}
	buf_done(&x.reply);
	close(sink);
	server_free(first);
	server_free(second);
	return hit;
}

START_TEST(an_exchange_without_memory_is_told_for_what_it_is)
{
	struct mem_room room;
	struct err err;
	int n = 0;

	unsetenv("http_proxy");
	unsetenv("all_proxy");
	snprintf(dir, sizeof dir, "/tmp/test_fault_http.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/file", dir);
	ck_assert_int_eq(file_put(path, "line\n", 5, 0600, &err), 0);
	ck_assert_int_eq(mem_room_open(&room, 1 << 20, &err), 0);
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	transport = curl_transport_new(&loop, &err);
	do {
		ck_assert_int_eq(mem_room_ask(0, &err), 0);
	} while (exchange((enum kind)_i, n++));
	ck_assert_int_gt(n, 20);
	printf("%s: %d allocations\n", names[_i], n - 1);
	curl_transport_close(transport, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	(void)mem_room_close(&room, 0, NULL);
	(void)dir_remove(dir, NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fault_http");
	TCase *tc = tcase_create("the n-th allocation of an exchange fails");

	tcase_set_timeout(tc, 120);
	(void)signal(SIGPIPE, SIG_IGN);
	tcase_add_loop_test(tc, an_exchange_without_memory_is_told_for_what_it_is, 0, KINDS);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed > 0;
}
