/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper_engine.h"

/*
 * What endpoints do to their users, a row each: how the job ends, how often passes were asked again for it, and what was
 * paid.  Ten requests in two batches; TLS, proxies and names are the transport's affair.
 */

#define CALL(call, more) "{\"call\":\"" call "\"," more "}\n"
#define NTH(call, n, more) CALL(call, "\"nth\":" #n "," more)
#define STATUS(n) "\"do\":\"status\",\"status\":" #n
#define BATCH(n, more) "{\"batch\":" n "," more "}\n"
#define EVERY(more) BATCH("\"every\"", more)
#define LINES(more) "{\"lines\":" more "}\n"
#define ONE(id, more) "{\"custom_id\":\"" id "\"," more "}\n"
#define RETRY(value) NTH("create", 1, STATUS(429) ",\"headers\":{\"Retry-After\":\"" value "\"}")
#define HEX_BAD_UTF8 "7b22637573746f6d5f6964223a22722d30303033222c22726573706f6e7365223a7b227374617475735f636f6465223a3230302c" \
	"22626f6479223a7b2263686f69636573223a5b7b226d657373616765223a7b22636f6e74656e74223a22fffe22" \
	"7d7d5d7d7d7d"

enum { ALL = 10 };

static const struct row {
	int fault;                      /* of the forty (../endpoint/README.md) */
	const char *plan;
	int failed, again;              /* passes FAILED; how often one was asked again, -1: not looked at */
	int billed;                     /* 0: each that is done, once */
	const char *said;               /* an event has that in it */
} rows[] = {
	{ 0, "", 0, 0, 0, "done" },
	{ 1, RETRY("7"), 0, 0, 0, NULL },
	{ 1, CALL("create", "\"from\":1,\"to\":6," STATUS(429)), 0, 0, 0, NULL },
	{ 1, CALL("upload", "\"from\":1,\"to\":6," STATUS(429)), 0, 0, 0, NULL },
	{ 2, ONE("r-0003", "\"do\":\"error\",\"status\":400,\"code\":\"context_length_exceeded\""), 1, 0, 0, NULL },
	{ 3, "{\"batch\":\"every\",\"from\":1,\"to\":3,\"do\":\"fail\",\"code\":\"token_limit_exceeded\",\"message\":\"Enqueued token "
	     "limit reached for m in organization o. Limit: 90,000 enqueued tokens.\"}", 0, 0, 0, "token" },
	{ 5, BATCH("1", "\"do\":\"expire\",\"done\":0.4"), 0, 3, 0, "expired" },
	{ 5, EVERY("\"do\":\"expire\",\"done\":0"), 10, 20, 0, NULL },
	{ 6, CALL("batch_get", "\"from\":1,\"to\":3," STATUS(502) ",\"html\":true"), 0, 0, 0, NULL },
	{ 6, CALL("batch_get", "\"from\":2,\"to\":9," STATUS(500)), 0, 0, 0, NULL },
	{ 7, NTH("create", 1, "\"do\":\"drop\",\"effect\":\"after\""), 0, 0, 0, "adopted" },
	{ 8, NTH("upload", 1, "\"do\":\"drop\",\"effect\":\"after\",\"stall_ms\":60000"), 0, 0, 0, "adopted" },
	{ 9, NTH("content", 1, "\"do\":\"cut\",\"cut_at\":1000,\"chunked\":true"), 0, 0, 0, NULL },
	{ 9, CALL("content", "\"from\":1,\"to\":3,\"do\":\"cut\",\"cut_at\":100,\"chunked\":true")
	     "{\"option\":\"range\",\"value\":false}", 0, 0, 0, NULL },
	{ 10, CALL("any", "\"from\":5,\"to\":9," STATUS(401) ",\"code\":\"invalid_api_key\""), 0, 0, 0, "parked" },
	{ 10, CALL("any", "\"from\":1,\"to\":3," STATUS(401) ",\"code\":\"invalid_api_key\""), 0, 0, 0, "open again" },
	{ 11, LINES("\"shuffle\""), 0, 0, 0, NULL },
	{ 12, LINES("\"error\",\"batch\":1,\"status\":500,\"do\":\"error\""), 0, 5, 0, NULL },
	{ 13, EVERY("\"do\":\"empty_error_file\",\"value\":\"\""), 0, 0, 0, NULL },
	{ 13, EVERY("\"do\":\"empty_error_file\",\"value\":\"absent\""), 0, 0, 0, NULL },
	{ 13, EVERY("\"do\":\"empty_error_file\",\"value\":\"file\""), 0, 0, 0, NULL },
	{ 14, "{\"file\":1,\"do\":\"hidden\",\"polls\":2}\n" BATCH("1", "\"do\":\"hidden\",\"polls\":2"), 0, 0, 0, NULL },
	{ 15, "{\"file\":1,\"do\":\"pending\",\"polls\":3}\n", 0, 0, 0, NULL },
	{ 15, "{\"file\":\"every\",\"do\":\"no_status\"}\n", 0, 0, 0, NULL },
	{ 16, NTH("upload", 1, STATUS(413) ",\"early\":true"), 0, 0, 0, NULL },
	{ 16, NTH("upload", 1, "\"do\":\"drop\",\"early\":true"), 0, 0, 0, NULL },
	{ 16, CALL("upload", STATUS(413)), 10, 0, 0, NULL },
	{ 17, BATCH("1", "\"do\":\"fail\",\"code\":\"invalid_json_line\",\"line\":3,\"count\":2"), 2, 0, 0, "invalid_json_line" },
	{ 17, BATCH("1", "\"do\":\"fail\",\"code\":\"internal_error\""), 0, 5, 0, NULL },
	{ 17, BATCH("1", "\"do\":\"fail\",\"code\":\"internal_error\",\"done\":0.4"), 0, 3, 0, NULL },
	{ 18, EVERY("\"do\":\"fail\",\"code\":\"mismatched_model\""), 10, 20, 0, "mismatched_model" },
	{ 19, LINES("\"missing\",\"batch\":1,\"fraction\":0.4"), 0, -1, 0, "neither file" },
	{ 19, ONE("r-0003", "\"do\":\"missing\",\"times\":1,\"billed\":true"), 0, 1, 11, NULL },
	{ 20, ONE("r-0003", "\"do\":\"duplicate\""), 0, 0, 0, NULL },
	{ 20, LINES("\"duplicate\""), 0, 0, 0, NULL },
	{ 20, LINES("\"stranger\""), 0, 0, 0, "unknown custom_ids" },
	{ 21, BATCH("1", "\"do\":\"stuck\",\"status\":\"finalizing\",\"polls\":50"), 0, 0, 0, NULL },
	{ 21, BATCH("1", "\"do\":\"stuck\",\"status\":\"in_progress\",\"polls\":600"), 0, 0, 0, NULL },
	{ 23, CALL("create", "\"from\":1,\"to\":2," STATUS(429) ",\"code\":\"insufficient_quota\""), 0, 0, 0, "parked" },
	{ 23, CALL("create", "\"from\":1,\"to\":2," STATUS(402)), 0, 0, 0, "parked" },
	{ 23, CALL("batch_get", "\"from\":2,\"to\":9," STATUS(403)), 0, 0, 0, "parked" },
	{ 24, CALL("content", "\"do\":\"redirect\",\"location\":\"http://elsewhere.test\""), 0, 0, 0, NULL },
	{ 24, CALL("content", "\"do\":\"redirect\",\"location\":\"http://elsewhere.test\"") NTH("blob", 1, STATUS(403)), 0, 0, 0,
	  NULL },
	{ 25, NTH("content", 1, "\"do\":\"cut\",\"at_line\":3,\"clean\":true"), 0, 0, 0, "once more" },
	/* cut again: the file's object says how long it is, if it says it, and if that is so */
	{ 25, CALL("content", "\"from\":1,\"to\":3,\"do\":\"cut\",\"at_line\":3,\"clean\":true"), 0, 0, 0, "the endpoint says it has" },
	{ 25, ONE("r-0003", "\"do\":\"missing\",\"times\":1,\"billed\":true") "\n"
	      CALL("file_get", "\"do\":\"garbage\",\"body\":\"{\\\"id\\\":\\\"f\\\",\\\"bytes\\\":99999999}\""), 0, 1, 11, "neither file" },
	{ 25, ONE("r-0003", "\"do\":\"missing\",\"times\":1,\"billed\":true") "\n" CALL("file_get", STATUS(501)), 0, 1, 11, "neither file" },
	{ 35, ONE("r-0003", "\"do\":\"big\",\"bytes\":135000000"), 1, 0, 10, NULL },
	{ 26, NTH("content", 1, "\"do\":\"cut\",\"cut_at\":1000"), 0, 0, 0, NULL },
	{ 26, CALL("content", "\"from\":1,\"to\":5,\"do\":\"cut\",\"cut_at\":300"), 0, 0, 0, NULL },
	{ 27, EVERY("\"do\":\"status_words\",\"words\":[\"Validating\",\"scheduling\",\"in_queue\",\"weird\",\"IN_PROGRESS\"]"), 0, 0,
	  0, NULL },
	{ 27, EVERY("\"do\":\"status_map\",\"map\":{\"completed\":\"SUCCESS\",\"in_progress\":\"Running\"}"), 0, 0, 0, NULL },
	{ 27, BATCH("1", "\"do\":\"expire\",\"done\":0.4") EVERY("\"do\":\"status_map\",\"map\":{\"expired\":\"TIMEOUT_EXCEEDED\"}"),
	  0, 3, 0, NULL },
	{ 28, EVERY("\"do\":\"counts\",\"value\":null"), 0, 0, 0, NULL },
	{ 28, EVERY("\"do\":\"counts\",\"value\":{}"), 0, 0, 0, NULL },
	{ 28, EVERY("\"do\":\"counts\",\"value\":{\"total\":3,\"completed\":9,\"failed\":-1}"), 0, 0, 0, NULL },
	{ 28, EVERY("\"do\":\"counts\",\"value\":{\"total\":5,\"completed\":5,\"failed\":5}"), 0, 0, 0, NULL },
	{ 28, EVERY("\"do\":\"counts\",\"value\":\"backwards\""), 0, 0, 0, NULL },
	{ 29, EVERY("\"do\":\"times\",\"as\":\"iso\""), 0, 0, 0, NULL },
	{ 29, EVERY("\"do\":\"times\",\"as\":\"ms\""), 0, 0, 0, NULL },
	{ 29, EVERY("\"do\":\"times\",\"as\":\"float\""), 0, 0, 0, NULL },
	{ 29, EVERY("\"do\":\"times\",\"as\":\"null\""), 0, 0, 0, NULL },
	{ 30, EVERY("\"do\":\"errors_shape\",\"value\":[]"), 0, 0, 0, NULL },
	{ 30, EVERY("\"do\":\"errors_shape\",\"value\":[\"text\"]"), 0, 0, 0, NULL },
	{ 30, BATCH("1", "\"do\":\"fail\",\"code\":\"x\"") BATCH("1", "\"do\":\"errors_shape\",\"value\":\"it broke\""), 0, 5, 0,
	  "it broke" },
	{ 30, BATCH("1", "\"do\":\"fail\",\"code\":\"x\"") BATCH("1", "\"do\":\"errors_shape\",\"value\":{\"message\":\"it broke\"}"), 0,
	  5, 0, "it broke" },
	{ 31, LINES("\"body_string\""), 0, 0, 0, NULL },
	{ 31, LINES("\"no_id\""), 0, 0, 0, NULL },
	{ 31, LINES("\"null_response\",\"batch\":1") LINES("\"error_string\""), 0, 5, 0, NULL },
	{ 31, LINES("\"null_response\",\"batch\":1") LINES("\"no_response\""), 0, 5, 0, NULL },
	{ 31, LINES("\"null_response\",\"batch\":1,\"code\":\"batch_failed\""), 0, 5, 0, NULL },
	{ 31, LINES("\"error\",\"batch\":1,\"status\":500") LINES("\"one_file\""), 0, 5, 0, NULL },
	{ 32, RETRY("Thu, 01 Jan 2026 00:10:00 GMT"), 0, 0, 0, NULL },
	{ 32, RETRY("1.5"), 0, 0, 0, NULL },
	{ 32, RETRY("-1"), 0, 0, 0, NULL },
	{ 32, RETRY("86400"), 0, 0, 0, NULL },
	{ 32, RETRY("soon"), 0, 0, 0, NULL },
	{ 32, NTH("create", 1, STATUS(429) ",\"headers\":{\"retry-after-ms\":\"1500\"}"), 0, 0, 0, NULL },
	{ 33, CALL("batch_get", "\"from\":1,\"to\":4,\"do\":\"garbage\""), 0, 0, 0, NULL },
	{ 33, CALL("batch_get", "\"from\":1,\"to\":4,\"do\":\"empty\""), 0, 0, 0, NULL },
	{ 33, CALL("batch_get", "\"from\":1,\"to\":4,\"do\":\"cut\",\"cut_at\":20,\"clean\":true"), 0, 0, 0, NULL },
	{ 33, CALL("batch_get", "\"do\":\"gzip\""), 0, 0, 0, NULL },
	{ 33, NTH("batch_get", 1, STATUS(500) ",\"huge\":20000000"), 0, 0, 0, NULL },
	{ 33, NTH("content", 1, "\"do\":\"garbage\""), 0, 0, 0, NULL },
	{ 33, NTH("content", 1, "\"do\":\"empty\""), 0, 0, 0, NULL },
	{ 33, CALL("content", "\"do\":\"gzip\""), 0, 0, 0, NULL },
	{ 33, NTH("upload", 1, "\"do\":\"garbage\""), 0, 0, 0, NULL },
	{ 33, NTH("upload", 2, "\"do\":\"empty\",\"effect\":\"after\""), 0, 0, 0, NULL },
	{ 34, NTH("create", 1, "\"do\":\"drop\",\"effect\":\"after\"") CALL("batch_list", "\"do\":\"loop\""), 0, 0, 0, NULL },
	{ 35, ONE("r-0003", "\"do\":\"big\",\"bytes\":11000000"), 0, 0, 0, NULL },
	{ 35, ONE("r-0003", "\"do\":\"content\",\"json\":\"\\\"a\\\\u2028b\\\\u0000c\\\\ud800d\\\"\""), 0, 0, 0, NULL },
	{ 35, ONE("r-0003", "\"do\":\"raw\",\"hex\":\"" HEX_BAD_UTF8 "\""), 0, 0, 0, NULL },
	{ 35, ONE("r-0003", "\"do\":\"raw\",\"line\":\"no json\",\"times\":1"), 0, 1, 11, "no result" },
	{ 35, LINES("\"crlf\"") LINES("\"blank\"") LINES("\"bom\"") LINES("\"no_final_newline\""), 0, 0, 0, NULL },
	{ 36, CALL("content", "\"file\":\"output\",\"from\":1,\"to\":2," STATUS(409)), 0, 0, 0, NULL },
	{ 36, CALL("content", "\"file\":\"output\",\"from\":1,\"to\":2," STATUS(404)), 0, 0, 0, NULL },
	{ 36, EVERY("\"do\":\"late_ids\",\"polls\":2"), 0, 0, 0, NULL },
	/* gone for good: only paying again brings the answers */
	{ 36, CALL("content", "\"file\":\"output\",\"batch\":1," STATUS(404)), 0, 5, 15, "cannot be had" },
	{ 37, NTH("content", 1, "\"do\":\"slow\",\"slow_bps\":1"), 0, 0, 0, NULL },
	{ 37, CALL("upload", "\"do\":\"slow\",\"slow_bps\":1000"), 0, 0, 0, NULL },
	{ 37, CALL("batch_get", "\"from\":1,\"to\":3,\"do\":\"stall\",\"stall_ms\":600000"), 0, 0, 0, NULL },
	{ 37, NTH("create", 1, "\"do\":\"stall\",\"stall_ms\":600000"), 0, 0, 0, "adopted" },
	{ 38, NTH("upload", 1, STATUS(417) ",\"early\":true"), 0, -1, 0, NULL },
	{ 39, CALL("create", "\"do\":\"wrap\",\"as\":\"job\""), 0, 0, 0, NULL },
	{ 39, CALL("any", "\"do\":\"wrap\",\"as\":\"data\""), 0, 0, 0, NULL },
	{ 39, CALL("create", "\"do\":\"reply_status\",\"status\":201") CALL("upload", "\"do\":\"reply_status\",\"status\":201"), 0, 0, 0,
	  NULL },
	{ 39, "{\"option\":\"ids\",\"value\":\"long\"}", 0, 0, 0, NULL },
	{ 39, "{\"option\":\"ids\",\"value\":\"odd\"}", 0, 0, 0, NULL },
	{ 39, "{\"option\":\"ids\",\"value\":\"uuid\"}", 0, 0, 0, NULL },
	{ 40, BATCH("1", "\"do\":\"vanish\",\"polls\":2"), 0, 5, 15, "gone from the endpoint" },
	{ 40, NTH("batch_get", 3, "\"do\":\"forget\""), 0, 10, 10, "gone from the endpoint" },
};
enum { ROWS = sizeof rows / sizeof rows[0] };

START_TEST(whatever_the_endpoint_does_every_request_is_accounted_for)
{
	const struct row *r = &rows[_i];
	int64_t again = 0;

	sim_new(&(struct sim_setup){ .max_requests = 5, .plan = r->plan });
	int64_t job = sim_submit_raw(ALL);
	sim_run_until_idle();
	for (int i = 0; i < 4; i++) {
		char path[48];

		snprintf(path, sizeof path, "asked_again.%d.count", i);
		again += sim_int(job, path) > 0 ? sim_int(job, path) : 0;
	}
	ck_assert_msg(strcmp(sim_text(job, "state"), r->failed > 0 ? "failed" : "done") == 0, "fault %d: %s, it is %s: %s (%s)",
	              r->fault, r->plan, sim_text(job, "state"), sim_text(job, "waiting"), sim_text(job, "failures.0.reason"));
	ck_assert_int_eq(sim_int(job, "passes.done"), ALL - r->failed);
	ck_assert_int_eq(sim_int(job, "passes.failed"), r->failed);
	ck_assert_msg(r->again < 0 || again == r->again, "fault %d: %s, %d passes were asked again", r->fault, r->plan, (int)again);
	if (r->billed > 0)
		ck_assert_msg(sim_billed_all() == r->billed, "fault %d: %s, %d were billed", r->fault, r->plan, sim_billed_all());
	else
		sim_check_billed_once(ALL - r->failed);
	ck_assert_msg(r->said == NULL || sim_event(r->said), "fault %d: %s, nobody said %s", r->fault, r->plan, r->said);
	ck_assert_int_eq(sim_lines(job, "failures.jsonl"), r->failed);
	ck_assert_str_eq(sim_endpoint_text("0.state"), "open");
	sim_check(job);
	sim_end();
}
END_TEST

/* What a pass needs twice, at either stage, through both stages. */
START_TEST(an_answer_cut_by_its_own_thoughts_is_asked_again)
{
	sim_new(&(struct sim_setup){ .plan = ONE("demo__pkg-1__pass0", "\"do\":\"length\",\"content\":null,\"reasoning\":\"hm\",\"times\":1") });
	int64_t job = sim_submit_bugfixer(3, 2);

	sim_run_until_idle();
	ck_assert_str_eq(sim_text(job, "state"), "done");
	ck_assert_int_eq(sim_int(job, "passes.done"), 6);
	ck_assert_int_eq(sim_int(job, "asked_again.0.count"), 1);
	ck_assert_int_eq(sim_billed_all(), 13);
	sim_check(job);
	sim_end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sim_faults");
	TCase *tc = tcase_create("sim_faults");

	tcase_add_loop_test(tc, whatever_the_endpoint_does_every_request_is_accounted_for, 0, ROWS);
	tcase_add_test(tc, an_answer_cut_by_its_own_thoughts_is_asked_again);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
