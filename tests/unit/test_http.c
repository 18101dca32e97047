/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "curl_transport.h"
#include "files.h"
#include "helper_server.h"
#include "http_text.h"
#include "mem.h"

/* The real curl transport on a real loop, against a server that says what the test scripts. */

static uv_loop_t loop;
static struct transport *transport;
static struct server *server;
static char dir[] = "/tmp/test_http.XXXXXX";
static int sink = -1, closes;
static char url[256];

static void on_transport_closed(void *data)
{
	(void)data;
	closes++;
}

static void setup(void)
{
	struct err err;

	unsetenv("http_proxy");
	unsetenv("https_proxy");
	unsetenv("HTTPS_PROXY");
	unsetenv("ALL_PROXY");
	unsetenv("all_proxy");
	memcpy(strchr(dir, '.'), ".XXXXXX", 8);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	sink = open(dir, O_TMPFILE | O_RDWR, 0600);
	ck_assert_int_ge(sink, 0);
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	transport = curl_transport_new(&loop, &err);
	ck_assert_ptr_nonnull(transport);
	closes = 0;
}

/* Everything is given back: the loop closes only if no handle is left. */
static void teardown(void)
{
	curl_transport_close(transport, on_transport_closed, NULL);
	ck_assert_int_eq(closes, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(closes, 1);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	close(sink);
	if (server != NULL)
		server_free(server);
	server = NULL;
	dir_remove(dir, NULL);
}

static void serve(const struct scene *scenes, size_t n)
{
	server = server_new(scenes, n);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/v1/x?y=1", server_port(server));
}

static const char *const auth[] = { "Authorization: Bearer sk-secret", "api-key: sk-secret", NULL };
static int dones;

static void on_done(struct exchange *x)
{
	dones++;
	*(bool *)x->data = true;
}

static struct exchange get(void)
{
	return (struct exchange){ .method = "GET", .url = url, .headers = auth, .sink_fd = -1,
	                          .secret = "sk-secret", .done = on_done };
}

/* Starts x and runs the loop until it is done. */
static void run(struct exchange *x)
{
	bool done = false;

	x->data = &done;
	dones = 0;
	transport->start(transport, x);
	ck_assert(!done);                       /* never from inside start() */
	while (!done)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_int_eq(dones, 1);
}

static const char *sunk_text(void)
{
	static char text[4096];
	ssize_t n = pread(sink, text, sizeof text - 1, 0);

	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	return text;
}

#define OK_JSON "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n"
#define SERVE(...) static const struct scene scenes[] = { __VA_ARGS__ }; serve(scenes, sizeof scenes / sizeof scenes[0])

START_TEST(a_reply_comes_whole_with_what_its_head_says)
{
	SERVE({ .reply = OK_JSON "X-Request-Id: req_7\r\nCF-RAY: other\r\nx-should-retry: false\r\nRetry-After: 2\r\n\r\n{\"id\":\"b1\"}" });
	struct exchange x = get();

	run(&x);
	ck_assert_msg(x.net == NET_OK, "%s", x.err);
	ck_assert_int_eq(x.status, 200);
	ck_assert_str_eq(buf_str(&x.reply), "{\"id\":\"b1\"}");
	ck_assert_str_eq(x.request_id, "req_7");
	ck_assert_str_eq(x.content_type, "application/json");
	ck_assert_int_eq(x.should_retry, 0);
	ck_assert_int_eq(x.retry_after_ms, 2000);
	ck_assert_ptr_nonnull(strstr(server_request(server, 0), "GET /v1/x?y=1 HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(strstr(server_request(server, 0), "Authorization: Bearer sk-secret\r\n"));
	ck_assert_ptr_nonnull(strstr(server_request(server, 0), "Accept-Encoding: "));
	buf_done(&x.reply);
}
END_TEST

#define GZIP_HEAD "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
static const char small_gzip[] = GZIP_HEAD
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\xca\x4c\x51\xb2\x52\x4a\xcb\xcc\x49\xd5\x35\x54\xaa\x05\x00"
	"\x30\xee\xdc\x54\x0f\x00\x00\x00";
/* 100000 times "0" */
static const char big_gzip[] = GZIP_HEAD
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x31\x01\x00\x00\x00\xc2\xa0\x4a\xeb\x9f\xce\x1a\x1e\x40\x01"
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	"\x00\x00\x00\x00\x00\x00\xaf\x06\x85\xc2\x4d\xc5\xa0\x86\x01\x00";

START_TEST(gzip_is_unpacked_and_bounded_behind_that)
{
	SERVE({ small_gzip, sizeof small_gzip - 1, THEN_CLOSE, WHEN_WHOLE },
	      { big_gzip, sizeof big_gzip - 1, THEN_CLOSE, WHEN_WHOLE });
	struct exchange x = get();

	run(&x);
	ck_assert_msg(x.net == NET_OK, "%s", x.err);
	ck_assert_str_eq(buf_str(&x.reply), "{\"id\":\"file-1\"}");
	x.max_reply = 10000;
	run(&x);
	ck_assert_int_eq(x.net, NET_TOO_BIG);
	ck_assert_int_eq(x.status, 200);
	ck_assert_uint_le(x.reply.len, 10000);
	buf_done(&x.reply);
}
END_TEST

/* What the file holds before, what is asked for, what is answered, what must come of it. */
static const struct {
	const char *before;
	int64_t from;
	struct scene scene;
	enum net_result net;
	const char *after;
	int64_t total;
} sinks[] = {
	{ "", 0, { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 0, 0, 0 }, NET_OK, "hello", 5 },
	{ "hel", 3, { "HTTP/1.1 206 P\r\nContent-Range: bytes 3-4/5\r\nContent-Length: 2\r\n\r\nlo", 0, 0, 0 }, NET_OK, "hello", 5 },
	{ "hel?", 3, { "HTTP/1.1 206 P\r\nContent-Length: 2\r\n\r\nlo", 0, 0, 0 }, NET_OK, "hello", -1 },
	/* it does not do ranges: from the start again */
	{ "xxxxxxxx", 8, { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 0, 0, 0 }, NET_OK, "hello", 5 },
	/* an earlier part overwrites, a later one would leave a hole */
	{ "hel", 3, { "HTTP/1.1 206 P\r\nContent-Range: bytes 1-4/5\r\nContent-Length: 4\r\n\r\nELLO", 0, 0, 0 }, NET_OK, "hELLO", 5 },
	{ "hel", 3, { "HTTP/1.1 206 P\r\nContent-Range: bytes 4-4/5\r\nContent-Length: 1\r\n\r\no", 0, 0, 0 }, NET_BROKEN, "", 5 },
	{ "hel", 3, { "HTTP/1.1 206 P\r\nContent-Type: multipart/byteranges\r\nContent-Length: 1\r\n\r\no", 0, 0, 0 }, NET_BROKEN, "", -1 },
	{ "hel", 3, { "HTTP/1.1 206 P\r\nContent-Encoding: gzip\r\nContent-Range: bytes 3-4/5\r\nContent-Length: 2\r\n\r\nlo", 0, 0, 0 }, NET_BROKEN, "", 5 },
	/* an empty file is a file */
	{ "old", 0, { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 0, 0 }, NET_OK, "", 0 },
	/* cut: what came is kept */
	{ "", 0, { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", 0, THEN_CLOSE, 0 }, NET_BROKEN, "hello", 9 },
	{ "", 0, { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", 0, THEN_RESET, 0 }, NET_BROKEN, NULL, 9 },
	{ "", 0, { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 0, THEN_CLOSE, 0 }, NET_BROKEN, "hello", -1 },
	{ "", 0, { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 0, 0, 0 }, NET_OK, "hello", -1 },
	/* ends with the connection: nobody can know */
	{ "", 0, { "HTTP/1.0 200 OK\r\n\r\nhello", 0, THEN_CLOSE, 0 }, NET_OK, "hello", -1 },
	/* what is no file does not touch it */
	{ "hel", 3, { "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", 0, 0, 0 }, NET_OK, "hel", -1 },
	{ "hello", 5, { "HTTP/1.1 416 Range\r\nContent-Range: bytes */5\r\nContent-Length: 0\r\n\r\n", 0, 0, 0 }, NET_OK, "hello", 5 },
};

START_TEST(a_file_grows_resumes_and_starts_over)
{
	struct exchange x = get();

	serve(&sinks[_i].scene, 1);
	ck_assert_int_eq(pwrite(sink, sinks[_i].before, strlen(sinks[_i].before), 0), (int)strlen(sinks[_i].before));
	x.sink_fd = sink;
	x.sink_off = sinks[_i].from;
	run(&x);
	ck_assert_msg(x.net == sinks[_i].net, "net %d: %s", x.net, x.err);
	if (sinks[_i].after != NULL)
		ck_assert_str_eq(sunk_text(), sinks[_i].after);
	ck_assert_int_eq(x.sunk, (int)strlen(sunk_text()));
	if (sinks[_i].after != NULL)            /* a reset may take the head away too */
		ck_assert_int_eq(x.total, sinks[_i].total);
	ck_assert(x.net == NET_OK || x.err[0] != '\0');
	ck_assert(strstr(server_request(server, 0), "Range: bytes=") != NULL || sinks[_i].from == 0);
	if (x.status == 404)
		ck_assert_str_eq(buf_str(&x.reply), "gone");
	buf_done(&x.reply);
}
END_TEST

START_TEST(a_file_that_cannot_be_written_is_our_fault)
{
	SERVE({ .reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" });
	struct exchange x = get();

	x.sink_fd = open("/dev/full", O_WRONLY);
	run(&x);
	ck_assert_int_eq(x.net, NET_SINK);
	ck_assert(x.err[0] != '\0');
	close(x.sink_fd);
}
END_TEST

enum { LARGE = 9 << 20, CHUNK = 5000 };

static void on_prepare(uv_prepare_t *prepare)
{
	++*(int *)prepare->data;
}

/* A large file, in one piece (0) or in chunks (1), comes whole, and others get their turns meanwhile. */
START_TEST(a_large_file_comes_a_part_a_turn)
{
	struct exchange x = get();
	struct scene scene = { 0 };
	struct buf reply = { 0 }, want = { 0 }, got = { 0 };
	struct err err = { 0 };
	static uv_prepare_t prepare;            /* the loop closes it after us */
	int turns = 0;

	for (uint32_t i = 0, r = 1; i < LARGE; i++, r = r * 1664525u + 1013904223u)
		buf_add_char(&want, (char)(r >> 24));
	buf_printf(&reply, "HTTP/1.1 200 OK\r\n%s\r\n", _i == 0 ? "Content-Length: 9437184\r\n" : "Transfer-Encoding: chunked\r\n");
	for (size_t at = 0; at < LARGE && _i == 1; at += CHUNK) {
		size_t n = LARGE - at < CHUNK ? LARGE - at : CHUNK;

		buf_printf(&reply, "%zx\r\n", n);
		buf_add(&reply, want.at + at, n);
		buf_add_str(&reply, "\r\n");
	}
	if (_i == 1)
		buf_add_str(&reply, "0\r\n\r\n");
	else
		buf_add(&reply, want.at, LARGE);
	scene.reply = reply.at;
	scene.len = reply.len;
	serve(&scene, 1);
	uv_prepare_init(&loop, &prepare);
	prepare.data = &turns;
	uv_prepare_start(&prepare, on_prepare);
	x.sink_fd = sink;
	run(&x);
	uv_close((uv_handle_t *)&prepare, NULL);
	ck_assert_msg(x.net == NET_OK, "%s", x.err);
	ck_assert_int_eq(x.sunk, LARGE);
	ck_assert_int_eq(file_get_range(sink, 0, LARGE, &got, &err), 0);
	ck_assert(memcmp(got.at, want.at, LARGE) == 0);
	ck_assert_int_ge(turns, LARGE / (3 << 19));
	buf_done(&reply);
	buf_done(&want);
	buf_done(&got);
}
END_TEST

static const struct {
	struct scene scene;
	enum net_result net;
	int status;
} breaks[] = {
	{ { NULL, 0, THEN_CLOSE, 0 }, NET_BROKEN, 0 },
	{ { NULL, 0, THEN_RESET, 0 }, NET_BROKEN, 0 },
	{ { "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"id\":", 0, THEN_CLOSE, 0 }, NET_BROKEN, 200 },
	{ { "HTTP/1.1 429 Slow\r\nContent-Length: 50\r\n\r\n{\"error\":", 0, THEN_CLOSE, 0 }, NET_BROKEN, 429 },
	{ { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 0, THEN_CLOSE, 0 }, NET_BROKEN, 200 },
	{ { "this is no HTTP\r\n\r\n", 0, THEN_CLOSE, 0 }, NET_BROKEN, 0 },
	{ { "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd", 0, 0, 0 }, NET_BROKEN, 200 },
	{ { "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nwait", 0, 0, 0 }, NET_OK, 503 },
	{ { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 2\r\n\r\n{}", 0, 0, 0 }, NET_OK, 201 },
	{ { "HTTP/1.1 204 None\r\n\r\n", 0, 0, 0 }, NET_OK, 204 },
};

START_TEST(a_post_that_breaks_may_have_taken_effect_and_is_sent_once)
{
	static struct scene two[2];
	struct exchange x = get();

	two[0] = (struct scene){ OK_JSON "\r\n{\"id\":\"b1\"}", 0, THEN_KEEP, 0 };
	two[1] = breaks[_i].scene;
	serve(two, 2);
	run(&x);                                /* leaves a connection that could be used again */
	ck_assert_int_eq(x.net, NET_OK);
	x.method = "POST";
	x.body = span_of("{\"a\":1}");
	run(&x);
	ck_assert_msg(x.net == breaks[_i].net, "net %d: %s", x.net, x.err);
	ck_assert_int_eq(x.status, breaks[_i].status);
	ck_assert_uint_eq(server_requests(server), 2);
	ck_assert_ptr_nonnull(strstr(server_request(server, 1), "\r\n\r\n{\"a\":1}"));
	ck_assert_ptr_null(strstr(server_request(server, 1), "Expect"));
	buf_done(&x.reply);
}
END_TEST

START_TEST(what_never_left_was_not_sent)
{
	SERVE({ "no TLS here\r\n", 0, THEN_CLOSE, WHEN_BYTE },
	      { "HTTP/1.1 407 Proxy\r\nContent-Length: 0\r\n\r\n", 0, THEN_CLOSE, WHEN_HEAD },
	      { NULL, 0, THEN_CLOSE, WHEN_HEAD });
	struct exchange x = get();
	char proxy[64];

	x.method = "POST";
	x.body = span_of("{}");
	snprintf(url, sizeof url, "http://127.0.0.1:%d/", server_dead_port());
	run(&x);
	ck_assert_int_eq(x.net, NET_NOT_SENT);
	ck_assert(x.err[0] != '\0');
	snprintf(url, sizeof url, "https://127.0.0.1:%d/", server_port(server));
	run(&x);
	ck_assert_int_eq(x.net, NET_NOT_SENT);
	/* a proxy that wants a password, and one that just goes away */
	snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", server_port(server));
	setenv("https_proxy", proxy, 1);
	snprintf(url, sizeof url, "https://endpoint.example/v1/batches");
	run(&x);
	ck_assert_int_eq(x.net, NET_NOT_SENT);
	ck_assert_int_eq(x.status, 407);
	run(&x);
	ck_assert_int_eq(x.net, NET_NOT_SENT);
	ck_assert_int_eq(x.status, 0);
	unsetenv("https_proxy");
	/* curl names the scheme it does not know */
	snprintf(url, sizeof url, "sk-secret://x");
	run(&x);
	ck_assert_int_eq(x.net, NET_NOT_SENT);
	ck_assert_ptr_nonnull(strstr(x.err, "***"));
	ck_assert_ptr_null(strstr(x.err, "sk-secret"));
}
END_TEST

START_TEST(standing_still_ends)
{
	SERVE({ "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", 0, THEN_HANG, 0 });
	struct exchange x = get();

	x.stall_ms = 1;                         /* curl counts whole seconds: one */
	run(&x);
	ck_assert_int_eq(x.net, NET_BROKEN);
	buf_done(&x.reply);
}
END_TEST

START_TEST(an_upload_is_a_form_with_the_file_last)
{
	SERVE({ .reply = OK_JSON "\r\n{\"id\":\"f1\"}" });
	struct upload up = { .fields = { { "purpose", "batch" }, { "x", "y" } }, .filename = "a.jsonl" };
	struct exchange x = get();
	char *path = path_join(dir, "in.jsonl");
	const char *sent, *purpose, *file;

	ck_assert_int_eq(file_put(path, "{\"custom_id\":1}\n", 16, 0600, NULL), 0);
	up.path = path;
	x.method = "POST";
	x.upload = &up;
	run(&x);
	ck_assert_msg(x.net == NET_OK, "%s", x.err);
	sent = server_request(server, 0);
	purpose = strstr(sent, "name=\"purpose\"\r\n\r\nbatch\r\n");
	file = strstr(sent, "name=\"file\"; filename=\"a.jsonl\"\r\nContent-Type: application/octet-stream\r\n\r\n"
	                    "{\"custom_id\":1}\n\r\n--");
	ck_assert_ptr_nonnull(purpose);
	ck_assert_ptr_nonnull(file);
	ck_assert(purpose < file);
	ck_assert_ptr_nonnull(strstr(sent, "Content-Length: "));
	up.path = "/nonexistent/in.jsonl";
	run(&x);
	ck_assert_int_eq(x.net, NET_SINK);
	ck_assert_ptr_nonnull(strstr(x.err, "/nonexistent/in.jsonl"));
	ck_assert_uint_eq(server_requests(server), 1);
	buf_done(&x.reply);
	free(path);
}
END_TEST

START_TEST(a_refusal_in_the_middle_of_an_upload_is_heard)
{
	SERVE({ "HTTP/1.1 413 Big\r\nContent-Length: 3\r\n\r\nbig", 0, THEN_HANG, WHEN_HEAD });
	struct upload up = { .fields = { { "purpose", "batch" } }, .filename = "a.jsonl" };
	struct exchange x = get();
	char *path = path_join(dir, "big.jsonl");
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	ck_assert_int_eq(ftruncate(fd, 50 << 20), 0);
	close(fd);
	up.path = path;
	x.method = "POST";
	x.upload = &up;
	run(&x);
	ck_assert_msg(x.net == NET_OK, "%s", x.err);
	ck_assert_int_eq(x.status, 413);
	ck_assert_str_eq(buf_str(&x.reply), "big");
	buf_done(&x.reply);
	free(path);
}
END_TEST

START_TEST(a_redirect_to_another_place_carries_no_key)
{
	static struct scene first[3], second[2];
	struct server *other;
	struct exchange x = get();
	char away[512], back[512];

	first[0] = (struct scene){ "HTTP/1.1 302 F\r\nLocation: /v1/near\r\nContent-Length: 0\r\n\r\n", 0, THEN_KEEP, 0 };
	first[1] = (struct scene){ away, 0, THEN_KEEP, 0 };
	first[2] = (struct scene){ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 0, THEN_KEEP, 0 };
	second[0] = (struct scene){ back, 0, THEN_KEEP, 0 };
	serve(first, 3);
	other = server_new(second, 1);
	snprintf(away, sizeof away, "HTTP/1.1 307 F\r\nLocation: http://127.0.0.1:%d/far\r\nContent-Length: 4\r\n\r\nbody",
	         server_port(other));
	snprintf(back, sizeof back, "HTTP/1.1 303 F\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", url);
	x.sink_fd = sink;
	run(&x);
	ck_assert_msg(x.net == NET_OK, "%s", x.err);
	ck_assert_int_eq(x.status, 200);
	ck_assert_str_eq(sunk_text(), "hello");
	ck_assert(x.foreign);
	ck_assert_ptr_nonnull(strstr(server_request(server, 1), "GET /v1/near "));
	ck_assert_ptr_nonnull(strstr(server_request(server, 1), "sk-secret"));
	ck_assert_ptr_nonnull(strstr(server_request(other, 0), "GET /far "));
	ck_assert_ptr_null(strstr(server_request(other, 0), "sk-secret"));
	/* nor when it comes back from there */
	ck_assert_ptr_nonnull(strstr(server_request(server, 2), "GET /v1/x"));
	ck_assert_ptr_null(strstr(server_request(server, 2), "sk-secret"));
	server_free(other);
	buf_done(&x.reply);
}
END_TEST

START_TEST(redirects_end_and_posts_follow_none)
{
	static const struct scene again = { "HTTP/1.1 302 F\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n", 0, THEN_KEEP, 0 };
	static struct scene scenes[10];
	struct exchange x = get();

	for (int i = 0; i < 10; i++)
		scenes[i] = again;
	serve(scenes, 10);
	run(&x);
	ck_assert_int_eq(x.net, NET_BROKEN);
	ck_assert_int_eq(x.status, 302);
	ck_assert_uint_eq(server_requests(server), 6);
	x.method = "POST";
	run(&x);
	ck_assert_int_eq(x.net, NET_OK);
	ck_assert_int_eq(x.status, 302);
	ck_assert_uint_eq(server_requests(server), 7);
}
END_TEST

static struct exchange other_x;

static void cancel_other(struct exchange *x)
{
	on_done(x);
	transport->cancel(transport, &other_x);
}

START_TEST(canceled_is_told_once_whenever_it_comes)
{
	SERVE({ NULL, 0, THEN_HANG, 0 }, { .reply = OK_JSON "\r\n{\"id\":\"b1\"}" });
	struct exchange x = get();
	bool first = false, second = false;

	dones = 0;
	x.data = &first;
	transport->start(transport, &x);
	transport->cancel(transport, &x);
	transport->cancel(transport, &x);
	ck_assert(!first);
	while (!first)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_int_eq(x.net, NET_CANCELED);
	transport->cancel(transport, &x);       /* over: nothing more comes */

	other_x = get();
	other_x.data = &second;
	transport->start(transport, &other_x);
	while (server_requests(server) == 0)    /* it hangs at the server now */
		uv_run(&loop, UV_RUN_NOWAIT);
	first = false;
	x.done = cancel_other;
	transport->start(transport, &x);
	while (!first || !second)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_int_eq(x.net, NET_OK);
	ck_assert_int_eq(other_x.net, NET_CANCELED);
	ck_assert_int_eq(dones, 3);
	buf_done(&x.reply);
}
END_TEST

START_TEST(closing_ends_what_is_under_way)
{
	SERVE({ NULL, 0, THEN_HANG, 0 });
	struct exchange x = get();
	bool done = false;

	dones = 0;
	x.data = &done;
	transport->start(transport, &x);
	while (server_requests(server) == 0)
		uv_run(&loop, UV_RUN_NOWAIT);
	teardown();
	ck_assert(done);
	ck_assert_int_eq(x.net, NET_CANCELED);
	ck_assert_int_eq(dones, 1);
	setup();
}
END_TEST

START_TEST(many_at_once)
{
	static struct scene scenes[30];
	static struct exchange xs[30];
	bool done[30] = { false };

	for (int i = 0; i < 30; i++)
		scenes[i] = (struct scene){ OK_JSON "\r\n{\"id\":\"b1\"}", 0, i % 3 == 0 ? THEN_CLOSE : THEN_KEEP, 0 };
	serve(scenes, 30);
	dones = 0;
	for (int i = 0; i < 30; i++) {
		xs[i] = get();
		xs[i].data = &done[i];
		transport->start(transport, &xs[i]);
	}
	while (dones < 30)
		uv_run(&loop, UV_RUN_ONCE);
	for (int i = 0; i < 30; i++) {
		ck_assert_msg(xs[i].net == NET_OK, "%s", xs[i].err);
		buf_done(&xs[i].reply);
	}
}
END_TEST

/* now is 2026-01-01 00:00:00 UTC */
static const struct { const char *text; int64_t ms; } waits[] = {
	{ "0", 0 }, { "2", 2000 }, { "1.5", 1500 }, { "0.0001", 1 }, { ".5", 500 }, { "86400", 3600000 },
	{ "99999999999999999999", 3600000 },
	{ "-3", -1 }, { "", -1 }, { "soon", -1 }, { "1e3", -1 }, { "nan", -1 }, { "inf", -1 }, { "0x10", -1 }, { "5 s", -1 },
	{ "Thu, 01 Jan 2026 00:00:30 GMT", 30000 }, { "Thursday, 01-Jan-26 00:01:00 GMT", 60000 },
	{ "Thu, 01 Jan 2026 10:00:00 GMT", 3600000 }, { "Wed, 31 Dec 2025 23:59:59 GMT", -1 }, { "20270101", 3600000 },
	{ "Thu, 99 Foo 2026 00:00:30 GMT", -1 },
};
static const struct { const char *text; int64_t ms; } resets[] = {
	{ "1s", 1000 }, { "6m0s", 360000 }, { "120ms", 120 }, { "1.5s", 1500 }, { "2h", 3600000 }, { "1h2m", 3600000 },
	{ "", -1 }, { "5", -1 }, { "s", -1 }, { "-1s", -1 }, { "1s2", -1 }, { "1x", -1 },
};

START_TEST(waits_are_read_in_every_form)
{
	for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++)
		ck_assert_msg(http_retry_after_ms(span_of(waits[i].text), 1767225600) == waits[i].ms, "%s -> %lld",
		              waits[i].text, (long long)http_retry_after_ms(span_of(waits[i].text), 1767225600));
	for (size_t i = 0; i < sizeof resets / sizeof resets[0]; i++)
		ck_assert_msg(http_reset_ms(span_of(resets[i].text)) == resets[i].ms, "%s", resets[i].text);
	ck_assert_int_eq(http_millis(span_of("1500")), 1500);
	ck_assert_int_eq(http_millis(span_of("2.5")), 3);
	ck_assert_int_eq(http_millis(span_of("x")), -1);
	ck_assert_int_eq(http_millis(span_of("9999999999")), HTTP_RETRY_MAX_MS);
}
END_TEST

/* The reply's headers, in order of weight; the server's own clock counts for a date. */
static const struct { const char *headers; int64_t ms; } asked[] = {
	{ "", -1 },
	{ "retry-after-ms: 250\r\nRetry-After: 9\r\n", 250 },
	{ "RETRY-AFTER: 9\r\nx-ratelimit-reset-requests: 1s\r\n", 9000 },
	{ "x-ratelimit-reset-requests: 1s\r\nx-ratelimit-reset-tokens: 2m\r\n", 120000 },
	{ "Retry-After: nonsense\r\n", -1 },
	{ "Date: Sat, 01 Jan 2000 00:00:00 GMT\r\nRetry-After: Sat, 01 Jan 2000 00:00:07 GMT\r\n", 7000 },
};

START_TEST(an_endpoint_may_ask_for_a_wait)
{
	static char reply[512];
	static struct scene scene;
	struct exchange x = get();

	snprintf(reply, sizeof reply, "HTTP/1.1 429 Slow\r\n%sContent-Length: 0\r\n\r\n", asked[_i].headers);
	scene = (struct scene){ reply, 0, 0, 0 };
	serve(&scene, 1);
	run(&x);
	ck_assert_int_eq(x.status, 429);
	ck_assert_int_eq(x.retry_after_ms, asked[_i].ms);
}
END_TEST

START_TEST(texts_of_peers_are_made_fit)
{
	char text[12], long_text[] = "my key is sk-1sk-1, yes";

	http_clean(text, sizeof text, span_of("  a\r\n\tb\x01" "c  "));
	ck_assert_str_eq(text, "a b c");
	http_clean(text, sizeof text, span_of("äääääääääääää"));
	ck_assert_str_eq(text, "äääää");
	http_clean(text, 1, span_of("x"));
	ck_assert_str_eq(text, "");
	http_cut_secret(long_text, "sk-1");
	ck_assert_str_eq(long_text, "my key is ******, yes");
	http_cut_secret(long_text, "");
	http_cut_secret(long_text, NULL);
	http_cut_secret(long_text, "e");
	ck_assert_str_eq(long_text, "my k*y is ******, y*s");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http");
	TCase *tc = tcase_create("transport"), *texts = tcase_create("texts");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_reply_comes_whole_with_what_its_head_says);
	tcase_add_test(tc, gzip_is_unpacked_and_bounded_behind_that);
	tcase_add_loop_test(tc, a_large_file_comes_a_part_a_turn, 0, 2);
	tcase_add_loop_test(tc, a_file_grows_resumes_and_starts_over, 0, (int)(sizeof sinks / sizeof sinks[0]));
	tcase_add_test(tc, a_file_that_cannot_be_written_is_our_fault);
	tcase_add_loop_test(tc, a_post_that_breaks_may_have_taken_effect_and_is_sent_once, 0,
	                    (int)(sizeof breaks / sizeof breaks[0]));
	tcase_add_test(tc, what_never_left_was_not_sent);
	tcase_add_test(tc, standing_still_ends);
	tcase_add_test(tc, an_upload_is_a_form_with_the_file_last);
	tcase_add_test(tc, a_refusal_in_the_middle_of_an_upload_is_heard);
	tcase_add_test(tc, a_redirect_to_another_place_carries_no_key);
	tcase_add_test(tc, redirects_end_and_posts_follow_none);
	tcase_add_test(tc, canceled_is_told_once_whenever_it_comes);
	tcase_add_test(tc, closing_ends_what_is_under_way);
	tcase_add_test(tc, many_at_once);
	tcase_add_loop_test(tc, an_endpoint_may_ask_for_a_wait, 0, (int)(sizeof asked / sizeof asked[0]));
	tcase_add_test(texts, waits_are_read_in_every_form);
	tcase_add_test(texts, texts_of_peers_are_made_fit);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, texts);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
