/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit/control_site.c"
#include "fault.h"
#include "helper_memory.h"
#include "json.h"
#include "log.h"

/*
 * The n-th allocation of a client's connection fails, for every n there is: that client gets its answer, a reason, or is
 * hung up on; those beside it notice nothing, and the next one is served.  Of a submit it is every 32nd, with
 * BATCHD_FAULT_STRIDE=1 every one.
 */
#define ASK(command, rest) "{\"batchd\":1,\"command\":\"" command "\"" rest "}\n"
#define PING ASK("ping", "")
#define ROW "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{\"model\":\"m\",\"messages\":[]}}\n"

static const char *const requests[] = {
	PING, ASK("status", ""), ASK("status", ",\"args\":{\"job\":\"77\"}"), ASK("metrics", ""), ASK("events", ""),
	ASK("dance", ""), "{\"batchd\":1,\"com\\ud800\n",
	NULL,                           /* submit */
};

/* One whole line of JSON: "ok" or "error"; or, for want of memory, nothing at all. */
static void check_reply(const struct buf *reply, bool may_lack)
{
	struct json *v = NULL;
	struct err err = { 0 };

	if (reply->len == 0) {
		ck_assert_msg(may_lack, "no answer");
		return;
	}
	ck_assert_msg(json_parse(reply->at, reply->len, &v, &err) == 0, "%s: %s", err.msg, reply->at);
	ck_assert(json_get(v, "ok") != NULL || (json_get_str(json_get(v, "error"), "message") != NULL && may_lack));
	json_free(v);
}

static bool is_bad(int i)
{
	return requests[i] != NULL && (strstr(requests[i], "77") != NULL || strstr(requests[i], "dance") != NULL ||
	                               strstr(requests[i], "ud800") != NULL);
}

static void request_of(int i, struct buf *ret)
{
	if (requests[i] != NULL) {
		buf_add_str(ret, requests[i]);
		return;
	}
	buf_printf(ret, "{\"batchd\":1,\"command\":\"submit\",\"args\":{\"workflow\":\"raw\",\"requests\":\"r\",\"save_dir\":\"%s/save\"},"
	           "\"upload\":%zu}\n%s", control_dir(), strlen(ROW), ROW);
}

/* Two others: one has half its request in, one follows the events. */
static void ask_with(int i, int n, bool *ret_hit)
{
	static const char first[] = "{\"batchd\":1,\"comm", second[] = "and\":\"ping\"}\n", follow[] = ASK("events",
		",\"args\":{\"follow\":true}");
	struct buf text = { 0 }, reply = { 0 };
	char byte;

	log_open((enum log_level)0);
	control_open();
	int half = control_connect(), follower = control_connect();
	ck_assert(control_send(half, first, sizeof first - 1) && control_send(follower, follow, sizeof follow - 1));
	for (int turns = 0; turns < 5; turns++)
		control_turn();
	ck_assert_int_eq(control_clients(), 2);
	request_of(i, &text);
	buf_reserve(&reply, 1 << 20);
	fault_arm(FAULT_MEMORY, n);
	control_ask(text.at, text.len, &reply);
	*ret_hit = fault_left() < 0;
	fault_arm(FAULT_NONE, 0);
	for (int turns = 0; turns < 20; turns++)
		control_turn();
	/* what a follower is told of somebody's job is allocated for the follower */
	bool follows = control_clients() == 2;
	ck_assert(follows || (*ret_hit && requests[i] == NULL && control_clients() == 1));
	check_reply(&reply, (*ret_hit && follows) || is_bad(i));
	ck_assert_int_eq(control_files("incoming-"), 0);
	buf_reset(&reply);
	ck_assert(control_send(half, second, sizeof second - 1) && control_reply(half, &reply));
	check_reply(&reply, false);
	buf_reset(&reply);
	control_ask(PING, sizeof PING - 1, &reply);
	check_reply(&reply, false);
	while (recv(follower, &byte, 1, MSG_DONTWAIT) > 0)
		;
	ck_assert_int_eq(recv(follower, &byte, 1, MSG_DONTWAIT) != 0, follows);
	close(half);
	close(follower);
	control_close();
	buf_done(&text);
	buf_done(&reply);
}

START_TEST(only_the_client_without_memory_is_hurt)
{
	const char *text = getenv("BATCHD_FAULT_STRIDE");
	int step = requests[_i] != NULL ? 1 : text != NULL && atoi(text) > 0 ? atoi(text) : 32;
	bool hit = true;
	int n = 0;

	for (; hit; n += step)
		ask_with(_i, n, &hit);
	n -= step - 1;
	ck_assert_int_gt(n, 3);
	printf("%.*s: about %d allocations\n", requests[_i] != NULL ? (int)strcspn(requests[_i], "\n") : 6,
	       requests[_i] != NULL ? requests[_i] : "submit", n - 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fault_control");
	TCase *tc = tcase_create("the n-th allocation of a connection fails");

	tcase_set_timeout(tc, 120);
	tcase_add_unchecked_fixture(tc, count_libraries, NULL);
	tcase_add_loop_test(tc, only_the_client_without_memory_is_hurt, 0, sizeof requests / sizeof requests[0]);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed > 0;
}
