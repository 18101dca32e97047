/* SPDX-License-Identifier: MIT */
/* batchctl's end of the wire, against a daemon of the test's own in a thread. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "args.h"
#include "call.h"
#include "files.h"
#include "mem.h"

/* Takes one connection, reads a line and its upload, answers with ready text. */
struct fake {
	int listener;
	const char *reply;
	size_t read_max;        /* bytes to read before it answers; 0: line and upload, all of it */
	bool silent;            /* keeps the connection open without a word, until `hold` is closed */
	int hold[2];
	pthread_t thread;
	struct buf line;
	size_t uploaded;
};

static char dir[] = "/tmp/test_client_call.XXXXXX";
static char *sock, *file;

static void read_request(struct fake *f, int fd)
{
	char piece[4096];
	char *lf = NULL;
	int64_t upload;
	struct json *v = NULL;
	ssize_t n;

	if (f->read_max > 0) {
		n = read(fd, piece, f->read_max < sizeof piece ? f->read_max : sizeof piece);
		buf_add(&f->line, piece, n > 0 ? (size_t)n : 0);
		return;
	}
	while (lf == NULL && (n = read(fd, piece, sizeof piece)) > 0) {
		buf_add(&f->line, piece, (size_t)n);
		lf = memchr(f->line.at, '\n', f->line.len);
	}
	if (lf == NULL || json_parse(f->line.at, (size_t)(lf - f->line.at), &v, NULL) < 0)
		return;
	f->uploaded = f->line.len - (size_t)(lf + 1 - f->line.at);
	*lf = '\0';
	upload = json_get_int(v, "upload", 0);
	while ((int64_t)f->uploaded < upload && (n = read(fd, piece, sizeof piece)) > 0)
		f->uploaded += (size_t)n;
	json_free(v);
}

static void *fake_run(void *data)
{
	struct fake *f = data;
	int fd = accept(f->listener, NULL, NULL);
	char c;

	if (!f->silent || f->read_max > 0)
		read_request(f, fd);
	if (f->silent)
		while (read(f->hold[0], &c, 1) > 0)
			;
	else
		for (size_t sent = 0, n; sent < strlen(f->reply); sent += n) {
			/* in two pieces: a reply may come in any */
			n = sent == 0 && strlen(f->reply) > 3 ? 3 : strlen(f->reply) - sent;
			if (send(fd, f->reply + sent, n, MSG_NOSIGNAL) < 0)
				break;
		}
	close(fd);
	return NULL;
}

static void fake_start(struct fake *f)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	unlink(sock);
	strcpy(at.sun_path, sock);
	f->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(f->listener, (struct sockaddr *)&at, sizeof at), 0);
	ck_assert_int_eq(listen(f->listener, 1), 0);
	ck_assert_int_eq(pipe(f->hold), 0);
	ck_assert_int_eq(pthread_create(&f->thread, NULL, fake_run, f), 0);
}

static void fake_stop(struct fake *f)
{
	close(f->hold[1]);
	pthread_join(f->thread, NULL);
	close(f->hold[0]);
	close(f->listener);
	buf_done(&f->line);
}

static void setup(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	sock = path_join(dir, "s");
	file = path_join(dir, "d.jsonl");
	setenv("BATCHD_SOCKET", sock, 1);
}

static void teardown(void)
{
	ck_assert_int_eq(dir_remove(dir, NULL), 0);
	free(sock);
	free(file);
}

static void parse(struct args *args, const char *const *words)
{
	static char program[] = "batchctl";
	char *argv[16];
	struct err err = { 0 };
	int argc = 1;

	argv[0] = program;
	for (; words[argc - 1] != NULL; argc++)
		memcpy(&argv[argc], &words[argc - 1], sizeof argv[0]);
	ck_assert_msg(args_parse(argc, argv, args, &err) == 0, "%s", err.msg);
	ck_assert_msg(args_check(args, &err) == 0, "%s", err.msg);
}

#define PARSE(args, ...) parse(args, (const char *const[]){ __VA_ARGS__, NULL })

START_TEST(a_request_is_one_line_and_a_reply_is_read)
{
	struct fake f = { .reply = "{\"ok\":{\"id\":\"7\",\"state\":\"paused\",\"new\":[1,{\"x\":null}]}}\n" };
	struct json *v = NULL;
	struct args args;
	struct err err = { 0 };

	fake_start(&f);
	PARSE(&args, "pause", "nightly", "--json");
	ck_assert_msg(call_once(&args, NULL, &v, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(json_get_str(v, "state"), "paused");
	ck_assert_str_eq(f.line.at, "{\"batchd\":1,\"command\":\"pause\",\"args\":{\"job\":\"nightly\"}}");
	json_free(v);
	args_done(&args);
	fake_stop(&f);
}
END_TEST

START_TEST(a_dataset_travels_behind_its_request)
{
	enum { BIG = 3 * 1000 * 1000 };
	struct fake f = { .reply = "{\"ok\":{\"id\":\"7\"}}\n" };
	char *bytes = mem_zero(BIG, 1);
	struct json *v = NULL;
	struct args args;
	struct err err = { 0 };

	ck_assert_int_eq(file_put(file, bytes, BIG, 0644, NULL), 0);
	fake_start(&f);
	PARSE(&args, "submit", "raw", "--requests", file, "--save_dir", dir);
	ck_assert_msg(call_once(&args, NULL, &v, &err) == 0, "%s", err.msg);
	json_free(v);
	fake_stop(&f);
	ck_assert_uint_eq(f.uploaded, BIG);
	args_done(&args);
	free(bytes);
}
END_TEST

START_TEST(a_daemon_may_refuse_before_it_has_read_all)
{
	enum { BIG = 5 * 1000 * 1000 };
	struct fake f = { .reply = "{\"error\":{\"code\":-5,\"message\":\"not yours\"}}\n", .read_max = 100 };
	char *bytes = mem_zero(BIG, 1);
	struct json *v = NULL;
	struct args args;
	struct err err = { 0 };

	ck_assert_int_eq(file_put(file, bytes, BIG, 0644, NULL), 0);
	fake_start(&f);
	PARSE(&args, "submit", "raw", "--requests", file, "--save_dir", dir);
	ck_assert_int_eq(call_once(&args, NULL, &v, &err), BD_EDENIED);
	ck_assert_str_eq(err.msg, "not yours");
	ck_assert_int_eq(err_exit_status(BD_EDENIED), 5);
	fake_stop(&f);
	args_done(&args);
	free(bytes);
}
END_TEST

static const struct { const char *reply; int rc; const char *says; } replies[] = {
	{ "", BD_ENET, "hung up" },
	{ "{\"ok\":{\"id\":", BD_ENET, "hung up" },                      /* died in the middle of a line */
	{ "{\"more\":{}}\n", BD_ENET, "hung up" },                       /* and before the last one */
	{ "{\"more\":{}}\n{\"ok\":{}}\n", 0, "" },
	{ "no json\n", BD_ENET, "is no JSON" },
	{ "{}\n", BD_ENET, "not understood" },
	{ "[]\n", BD_ENET, "not understood" },
	{ "{\"error\":7}\n", BD_ENET, "not understood" },
	{ "{\"error\":{\"code\":-3,\"message\":\"no such job: x\"}}\n", BD_ENOTFOUND, "no such job: x" },
	{ "{\"error\":{\"code\":-4}}\n", BD_ESTATE, "not allowed in this state" },
	{ "{\"error\":{\"code\":0,\"message\":\"odd\"}}\n", BD_EINTERNAL, "odd" },
	{ "{\"error\":{\"code\":\"x\",\"message\":7}}\n", BD_EINTERNAL, "a fault of batchd" },
};

START_TEST(whatever_the_daemon_says_ends_well)
{
	struct fake f = { .reply = replies[_i].reply };
	struct json *v = NULL;
	struct args args;
	struct err err = { 0 };

	fake_start(&f);
	PARSE(&args, "status", "x");
	ck_assert_int_eq(call_once(&args, NULL, &v, &err), replies[_i].rc);
	ck_assert_msg(strstr(err.msg, replies[_i].says) != NULL, "%s", err.msg);
	json_free(v);
	fake_stop(&f);
	args_done(&args);
}
END_TEST

START_TEST(news_come_one_by_one)
{
	struct fake f = { .reply = "{\"more\":{\"seq\":1}}\n{\"more\":{\"seq\":2}}\n{\"ok\":{\"end\":true}}\n" };
	struct call *c = NULL;
	struct json *v = NULL;
	struct args args;

	fake_start(&f);
	PARSE(&args, "events", "-f");
	ck_assert_int_eq(call_open(&args, NULL, &c, NULL), 0);
	for (int i = 1; i <= 2; i++) {
		ck_assert_int_eq(call_next(c, 0, &v, NULL), 1);
		ck_assert_int_eq(json_get_int(v, "seq", 0), i);
		json_free(v);
	}
	ck_assert_int_eq(call_next(c, 0, &v, NULL), 0);
	ck_assert(json_get_bool(v, "end", false));
	json_free(v);
	call_close(c);
	fake_stop(&f);
	args_done(&args);
}
END_TEST

START_TEST(a_daemon_that_says_nothing_is_not_waited_for_beyond_the_time)
{
	struct fake f = { .silent = true };
	struct call *c = NULL;
	struct json *v = NULL;
	struct args args;
	struct err err = { 0 };

	fake_start(&f);
	PARSE(&args, "ping");
	ck_assert_int_eq(call_open(&args, NULL, &c, NULL), 0);
	ck_assert_int_eq(call_next(c, call_clock_ms() - 1, &v, &err), BD_ENET);
	ck_assert_msg(strstr(err.msg, "in time") != NULL, "%s", err.msg);
	call_close(c);
	fake_stop(&f);
	args_done(&args);
}
END_TEST

START_TEST(without_a_daemon_it_says_how_to_start_one)
{
	struct json *v = NULL;
	struct args args;
	struct err err = { 0 };

	PARSE(&args, "ping");
	ck_assert_int_eq(call_once(&args, NULL, &v, &err), BD_ENODAEMON);
	ck_assert_msg(strstr(err.msg, "systemctl --user start batchd") != NULL, "%s", err.msg);
	ck_assert_msg(strstr(err.msg, sock) != NULL, "%s", err.msg);
	ck_assert_int_eq(err_exit_status(BD_ENODAEMON), 6);
	args_done(&args);
}
END_TEST

START_TEST(the_socket_of_the_user_is_found)
{
	struct fake f = { .reply = "{\"ok\":{}}\n" };
	char *own = path_join(dir, "batchd");
	struct json *v = NULL;
	struct args args;
	struct err err = { 0 };

	ck_assert_int_eq(dir_make(own, 0700, NULL), 0);
	free(sock);
	sock = path_join(own, "batchd.sock");
	setenv("XDG_RUNTIME_DIR", dir, 1);
	setenv("BATCHD_SOCKET", "", 1);
	fake_start(&f);
	PARSE(&args, "ping");
	ck_assert_msg(call_once(&args, NULL, &v, &err) == 0, "%s", err.msg);
	json_free(v);
	fake_stop(&f);
	args_done(&args);
	free(own);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("client_call");
	TCase *tc = tcase_create("call");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_request_is_one_line_and_a_reply_is_read);
	tcase_add_test(tc, a_dataset_travels_behind_its_request);
	tcase_add_test(tc, a_daemon_may_refuse_before_it_has_read_all);
	tcase_add_loop_test(tc, whatever_the_daemon_says_ends_well, 0, (int)(sizeof replies / sizeof replies[0]));
	tcase_add_test(tc, news_come_one_by_one);
	tcase_add_test(tc, a_daemon_that_says_nothing_is_not_waited_for_beyond_the_time);
	tcase_add_test(tc, without_a_daemon_it_says_how_to_start_one);
	tcase_add_test(tc, the_socket_of_the_user_is_found);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
