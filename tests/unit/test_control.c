/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "batchd/wire.h"
#include "err.h"
#include "batch_store.h"
#include "control_site.c"      /* the client's programs cannot be linked with it: no helper_ */
#include "json.h"
#include "mem.h"

/* The control socket: what comes in and what goes out, and that nobody hurts another. */

#define PING "{\"batchd\":1,\"command\":\"ping\",\"args\":{}}\n"
#define ROW "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{\"model\":\"m\",\"messages\":[]}}\n"

/* One reply line; the code of its error, or 0 for "ok". */
static int64_t code_of(const struct buf *reply, const char **ret_message)
{
	static char message[1024];
	struct json *v = NULL;
	struct err err = { 0 };

	ck_assert_msg(reply->len > 0 && memchr(reply->at, '\n', reply->len) == reply->at + reply->len - 1,
	              "not one line: %s", reply->len > 0 ? reply->at : "");
	ck_assert_msg(json_parse(reply->at, reply->len, &v, &err) == 0, "%s: %s", err.msg, reply->at);
	const struct json *error = json_get(v, "error");
	ck_assert((error != NULL) != (json_get(v, "ok") != NULL));
	int64_t code = error != NULL ? json_get_int(error, "code", 0) : 0;
	snprintf(message, sizeof message, "%s", error != NULL ? json_get_str(error, "message") : "");
	*ret_message = message;
	json_free(v);
	return code;
}

static const struct {
	const char *request;
	int64_t code;
	const char *says;
} requests[] = {
	{ PING, 0, "" },
	{ "{\"command\":\"ping\",\"batchd\":1}\n", 0, "" },
	{ "{\"batchd\":1,\"command\":\"ping\",\"args\":{},\"from\":\"tomorrow\"}\n", 0, "" },
	{ PING PING, 0, "" },                           /* one a connection: the second is no business of ours */
	{ "\n", BD_EINVALID, "request: " },
	{ "hello\n", BD_EINVALID, "request: " },
	{ "{}\n", BD_EINVALID, "version" },
	{ "[1]\n", BD_EINVALID, "version" },
	{ "{\"batchd\":2,\"command\":\"ping\"}\n", BD_EINVALID, "speaks version 1" },
	{ "{\"batchd\":1}\n", BD_EINVALID, "no such command" },
	{ "{\"batchd\":1,\"command\":7}\n", BD_EINVALID, "no such command" },
	{ "{\"batchd\":1,\"command\":\"dance\"}\n", BD_EINVALID, "no such command" },
	{ "{\"batchd\":1,\"command\":\"ping\",\"args\":{\"loud\":1}}\n", BD_EINVALID, "knows no --loud" },
	{ "{\"batchd\":1,\"command\":\"ping\",\"upload\":5}\nhello", BD_EINVALID, "takes no upload" },
	{ "{\"batchd\":1,\"command\":\"status\",\"args\":{\"job\":\"77\"}}\n", BD_ENOTFOUND, "77" },
	{ "{\"batchd\":1,\"command\":\"wait\",\"args\":{\"job\":\"77\"}}\n", BD_ENOTFOUND, "77" },
	{ "{\"batchd\":1,\"command\":\"remove\",\"args\":{}}\n", BD_EINVALID, "which job" },
	{ "{\"batchd\":1,\"command\":\"submit\",\"args\":{}}\n", BD_EINVALID, "" },
	{ "{\"batchd\":1,\"command\":\"submit\",\"args\":{\"workflow\":\"raw\",\"save_dir\":\"here\"},\"upload\":1}\nx", BD_EINVALID,
	  "absolute" },
	{ "{\"batchd\":1,\"command\":\"submit\",\"args\":{\"workflow\":\"raw\",\"save_dir\":\"/tmp/x\",\"requests\":\"r\"}}\n",
	  BD_EINVALID, "no such file" },
	/* a refusal, and what comes behind it is no second request */
	{ "rubbish\nrubbish\n" PING, BD_EINVALID, "request: " },
};

START_TEST(a_request_gets_one_reply)
{
	struct buf reply = { 0 };
	const char *message;

	control_open();
	control_ask(requests[_i].request, strlen(requests[_i].request), &reply);
	ck_assert_int_eq(code_of(&reply, &message), requests[_i].code);
	ck_assert_msg(strstr(message, requests[_i].says) != NULL, "%s", message);
	ck_assert_int_eq(control_files("incoming-"), 0);
	buf_done(&reply);
	control_close();
}
END_TEST

/* So much of it that it is read in several parts, before the refusal is out. */
START_TEST(what_comes_behind_a_refused_request_is_no_request)
{
	struct buf text = { 0 }, reply = { 0 };
	const char *message;

	control_open();
	for (int i = 0; i < 30000; i++)
		buf_add_str(&text, "{}\n");
	control_ask(text.at, text.len, &reply);
	ck_assert_int_eq(code_of(&reply, &message), BD_EINVALID);
	buf_done(&text);
	buf_done(&reply);
	control_close();
}
END_TEST

/* However it is cut: the same reply. */
START_TEST(a_request_may_come_in_pieces)
{
	control_open();
	for (size_t cut = 1; cut < sizeof PING - 1; cut += 5) {
		struct buf reply = { 0 };
		const char *message;
		int fd = control_connect();

		ck_assert(control_send(fd, PING, cut));
		control_turn();
		ck_assert(control_send(fd, &PING[cut], sizeof PING - 1 - cut));
		ck_assert(control_reply(fd, &reply));
		ck_assert_int_eq(code_of(&reply, &message), 0);
		close(fd);
		buf_done(&reply);
	}
	control_close();
}
END_TEST

START_TEST(a_line_without_end_is_dropped_unanswered)
{
	struct buf reply = { 0 };
	char *piece = mem_alloc(65536);
	int fd;

	control_open();
	fd = control_connect();
	memset(piece, 'a', 65536);
	size_t sent = 0;
	while (sent < 4 * (size_t)WIRE_LINE_MAX && control_send(fd, piece, 65536))
		sent += 65536;
	ck_assert_uint_lt(sent, 2 * (size_t)WIRE_LINE_MAX);
	ck_assert(control_reply(fd, &reply));
	ck_assert_uint_eq(reply.len, 0);
	close(fd);
	free(piece);
	buf_done(&reply);
	control_close();
}
END_TEST

/* --- uploads ------------------------------------------------------------------------------------------- */

static void submit_head(struct buf *ret, long long size)
{
	buf_printf(ret, "{\"batchd\":1,\"command\":\"submit\",\"args\":{\"workflow\":\"raw\",\"requests\":\"r\",\"name\":\"up\","
	           "\"save_dir\":\"%s/save\"},\"upload\":%lld}\n", control_dir(), size);
}

/* all of it; then so many bytes less (the client leaves), or more (they are not looked at) */
static const int upload_off_by[] = { 0, -1, -50, 1, 5000 };

START_TEST(an_upload_is_taken_whole_or_not_at_all)
{
	struct buf text = { 0 }, rows = { 0 }, reply = { 0 };
	const char *message;
	int off = upload_off_by[_i];

	control_open();
	buf_add_str(&rows, ROW);
	submit_head(&text, (long long)rows.len);
	buf_add(&text, rows.at, off < 0 ? rows.len - (size_t)-off : rows.len);
	for (int i = 0; i < off; i++)
		buf_add_char(&text, 'x');
	control_ask(text.at, text.len, &reply);
	if (off < 0)
		ck_assert_uint_eq(reply.len, 0);
	else
		ck_assert_int_eq(code_of(&reply, &message), 0);
	for (int i = 0; i < 10; i++)
		control_turn();
	ck_assert_int_eq(control_files("incoming-"), 0);
	ck_assert_int_eq(control_clients(), 0);
	buf_reset(&reply);
	static const char ask[] = "{\"batchd\":1,\"command\":\"status\",\"args\":{\"job\":\"up\"}}\n";
	control_ask(ask, sizeof ask - 1, &reply);
	ck_assert_int_eq(code_of(&reply, &message), off < 0 ? BD_ENOTFOUND : 0);
	buf_done(&text);
	buf_done(&rows);
	buf_done(&reply);
	control_close();
}
END_TEST

START_TEST(an_upload_without_room_is_told_before_its_end)
{
	struct buf text = { 0 }, reply = { 0 };
	const char *message;
	struct rlimit was, tight;

	control_open();
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &was), 0);
	tight = was;
	tight.rlim_cur = 200000;                /* SIGXFSZ is ignored below: write() fails as on a full disk */
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
	submit_head(&text, 1 << 20);
	for (int i = 0; i < 1 << 20; i++)
		buf_add_char(&text, 'x');
	control_ask(text.at, text.len, &reply);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &was), 0);
	ck_assert_int_eq(code_of(&reply, &message), BD_EIO);
	ck_assert_msg(strstr(message, control_dir()) != NULL, "%s", message);
	for (int i = 0; i < 10; i++)
		control_turn();
	ck_assert_int_eq(control_files("incoming-"), 0);
	buf_done(&text);
	buf_done(&reply);
	control_close();
}
END_TEST

/* --- many, and those that leave ----------------------------------------------------------------------- */

START_TEST(the_silent_make_room_for_one_who_asks)
{
	enum { MANY = 700 };
	struct rlimit files = { 4096, 4096 };
	int fds[MANY];

	(void)setrlimit(RLIMIT_NOFILE, &files);
	control_open();
	for (int i = 0; i < MANY; i++) {
		fds[i] = control_connect();
		ck_assert_int_ge(fds[i], 0);
		control_turn();
	}
	ck_assert_int_lt(control_clients(), 520);
	struct buf reply = { 0 };
	const char *message;
	control_ask(PING, sizeof PING - 1, &reply);
	ck_assert_int_eq(code_of(&reply, &message), 0);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	for (int i = 0; i < 50; i++)
		control_turn();
	ck_assert_int_eq(control_clients(), 0);
	buf_done(&reply);
	control_close();
}
END_TEST

/* Requests that never end: all together they hold no more than they may, and who asks is answered. */
START_TEST(they_hold_no_more_than_they_may)
{
	enum { MANY = 100, LONG = 1000 << 10 };
	char *piece = mem_zero(1, LONG);
	struct buf reply = { 0 };
	const char *message;
	int fds[MANY];

	control_open();
	memset(piece, 'a', LONG);
	for (int i = 0; i < MANY; i++) {
		fds[i] = control_connect();
		(void)control_send(fds[i], piece, LONG);
		ck_assert_uint_le(at.ctl->held, 65 << 20);
	}
	ck_assert_int_gt(control_clients(), 50);
	ck_assert_int_lt(control_clients(), MANY);
	control_ask(PING, sizeof PING - 1, &reply);
	ck_assert_int_eq(code_of(&reply, &message), 0);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	for (int i = 0; i < 50; i++)
		control_turn();
	ck_assert_uint_eq(at.ctl->held, 0);
	buf_done(&reply);
	free(piece);
	control_close();
}
END_TEST

/* Somebody waits for days; when he leaves, nothing of him stays. */
static const char *const patient[] = {
	"{\"batchd\":1,\"command\":\"wait\",\"args\":{\"job\":\"up\"}}\n",
	"{\"batchd\":1,\"command\":\"events\",\"args\":{\"follow\":true}}\n",
};

START_TEST(who_leaves_while_he_waits_is_forgotten)
{
	struct buf text = { 0 }, reply = { 0 };
	const char *message;

	control_open();
	submit_head(&text, sizeof ROW - 1);
	buf_add_str(&text, ROW);
	control_ask(text.at, text.len, &reply);
	ck_assert_int_eq(code_of(&reply, &message), 0);
	int fd = control_connect();
	ck_assert(control_send(fd, patient[_i], strlen(patient[_i])));
	for (int i = 0; i < 10; i++)
		control_turn();
	ck_assert_int_eq(control_clients(), 1);
	close(fd);
	for (int i = 0; i < 10; i++)
		control_turn();
	ck_assert_int_eq(control_clients(), 0);
	buf_done(&text);
	buf_done(&reply);
	control_close();
}
END_TEST

/* Events wait in the database for one who does not read, and none is lost to him. */
START_TEST(a_slow_reader_of_events_gets_them_all)
{
	enum { EVENTS = 30000 };
	static const char ask[] = "{\"batchd\":1,\"command\":\"events\",\"args\":{}}\n";
	struct err err = { 0 };
	struct buf reply = { 0 };
	struct span rest, line;
	char text[380];
	int n = 0;

	control_open();
	memset(text, 'e', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	ck_assert_int_eq(db_begin(at.db, &err), 0);
	for (int i = 0; i < EVENTS; i++)
		ck_assert_int_eq(event_insert(at.db, &(struct event_row){ .time_ms = i, .level = "info", .text = text }, &err), 0);
	ck_assert_int_eq(db_commit(at.db, &err), 0);
	int fd = control_connect();
	ck_assert(control_send(fd, ask, sizeof ask - 1));
	for (int i = 0; i < 200; i++)
		control_turn();
	ck_assert_int_eq(control_clients(), 1);
	ck_assert_uint_lt(ctl_conn_unsent(at.ctl->calls->conn), 2 << 20);
	ck_assert(control_reply(fd, &reply));
	rest = buf_span(&reply);
	while (span_line(&rest, &line))
		n += span_starts(line, "{\"more\"");
	ck_assert_int_eq(n, EVENTS);
	ck_assert(span_starts(line, "{\"ok\""));
	close(fd);
	buf_done(&reply);
	control_close();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("control");
	TCase *tc = tcase_create("control");

	signal(SIGXFSZ, SIG_IGN);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_request_gets_one_reply, 0, sizeof requests / sizeof requests[0]);
	tcase_add_test(tc, what_comes_behind_a_refused_request_is_no_request);
	tcase_add_test(tc, a_request_may_come_in_pieces);
	tcase_add_test(tc, a_line_without_end_is_dropped_unanswered);
	tcase_add_loop_test(tc, an_upload_is_taken_whole_or_not_at_all, 0, sizeof upload_off_by / sizeof upload_off_by[0]);
	tcase_add_test(tc, an_upload_without_room_is_told_before_its_end);
	tcase_add_test(tc, the_silent_make_room_for_one_who_asks);
	tcase_add_test(tc, they_hold_no_more_than_they_may);
	tcase_add_test(tc, a_slow_reader_of_events_gets_them_all);
	tcase_add_loop_test(tc, who_leaves_while_he_waits_is_forgotten, 0, 2);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed > 0;
}
