/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batchapi.h"
#include "line.h"
#include "mem.h"

/* Lines of output and error files; each is read the quick way and the long way, which must agree. */

#define BODY "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\"," \
	"\"content\":\"hi \\\"there\\\"\\n\\ud83d\\ude00 \\u2028\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":11," \
	"\"completion_tokens\":7,\"total_tokens\":18,\"prompt_tokens_details\":{\"cached_tokens\":4},\"completion_tokens_details\":{\"reasoning_tokens\":3}}}"
#define FINE "{\"id\":\"batch_req_1\",\"custom_id\":\"a__b-1__pass0\",\"response\":{\"status_code\":200,\"request_id\":\"r\",\"body\":" BODY "},\"error\":null}"
#define R(status, body) "{\"custom_id\":\"c\",\"response\":{\"status_code\":" status ",\"body\":" body "},\"error\":null}"
#define E(error) "{\"custom_id\":\"c\",\"response\":null,\"error\":" error "}"

static const struct {
	const char *line;
	enum line_class class;
	const char *custom_id;
	int status;
	const char *reason, *details;
	int64_t prompt, completion, cached, reasoning;
} lines[] = {
	{ FINE, LINE_ANSWER, "a__b-1__pass0", 200, "", "", 11, 7, 4, 3 },
	{ "\xEF\xBB\xBF " FINE " \r", LINE_ANSWER, "a__b-1__pass0", 200, "", "", 11, 7, 4, 3 },
	/* keys in another order, no id, no error, spaces, a number as text */
	{ "{ \"response\" : { \"body\" : {\"usage\":null,\"choices\":[{}]} , \"status_code\" : \"200\" } , \"custom_id\" : \"c\" }",
	  LINE_ANSWER, "c", 200, "", "", 0, 0, 0, 0 },
	/* body as text */
	{ R("200", "\"{\\\"choices\\\":[{}],\\\"usage\\\":{\\\"prompt_tokens\\\":5}}\""), LINE_ANSWER, "c", 200, "", "", 5, 0, 0, 0 },
	{ R("200", "{\"output\":[{}],\"usage\":{\"input_tokens\":5,\"output_tokens\":6,\"input_tokens_details\":{\"cached_tokens\":1},"
	  "\"output_tokens_details\":{\"reasoning_tokens\":2}}}"), LINE_ANSWER, "c", 200, "", "", 5, 6, 1, 2 },
	{ R("200", "{\"choices\":[{}],\"usage\":{\"prompt_tokens\":\"5\",\"completion_tokens\":6.0,\"prompt_cache_hit_tokens\":2}}"),
	  LINE_ANSWER, "c", 200, "", "", 5, 6, 2, 0 },
	{ R("200", "{\"data\":[{\"embedding\":[]}]}"), LINE_ANSWER, "c", 200, "", "", 0, 0, 0, 0 },
	{ R("200", "{\"choices\":[{}],\"error\":null}"), LINE_ANSWER, "c", 200, "", "", 0, 0, 0, 0 },
	{ R("200", "{\"choices\":[{}],\"error\":{}}"), LINE_ANSWER, "c", 200, "", "", 0, 0, 0, 0 },
	{ "{\"custom_id\":\"c\",\"response\":{\"body\":{\"choices\":[{}]}}}", LINE_ANSWER, "c", 0, "", "", 0, 0, 0, 0 },
	{ "{\"custom_id\":\"c\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[{}]}},\"error\":{\"message\":\"odd\"}}",
	  LINE_ANSWER, "c", 200, "", "", 0, 0, 0, 0 },
	/* a custom_id with an escape, as number, too odd */
	{ "{\"custom_id\":\"\\u0063\\/\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[{}]}}}", LINE_ANSWER, "c/", 200, "", "", 0, 0, 0, 0 },
	{ "{\"custom_id\":17,\"response\":{\"status_code\":200,\"body\":{\"choices\":[{}]}}}", LINE_ANSWER, "17", 200, "", "", 0, 0, 0, 0 },
	/* NUL, lone surrogates and bytes that are no UTF-8 stay within their text */
	{ R("200", "{\"choices\":[{\"t\":\"\\u0000 \\ud800 \xff\"}]}"), LINE_ANSWER, "c", 200, "", "", 0, 0, 0, 0 },
	/* 2xx without an answer */
	{ R("200", "{\"choices\":[]}"), LINE_TRANSIENT, "c", 200, "no_choices", NULL, 0, 0, 0, 0 },
	{ R("200", "{}"), LINE_TRANSIENT, "c", 200, "no_choices", NULL, 0, 0, 0, 0 },
	{ R("200", "null"), LINE_TRANSIENT, "c", 200, "no_choices", NULL, 0, 0, 0, 0 },
	{ R("200", "\"no json\""), LINE_TRANSIENT, "c", 200, "no_choices", NULL, 0, 0, 0, 0 },
	{ "{\"custom_id\":\"c\"}", LINE_TRANSIENT, "c", 0, "no_response", NULL, 0, 0, 0, 0 },
	{ "{\"custom_id\":\"c\",\"response\":[],\"error\":null}", LINE_TRANSIENT, "c", 0, "no_response", NULL, 0, 0, 0, 0 },
	{ R("200", "{\"choices\":[{}],\"error\":{\"message\":\"m\",\"type\":\"server_error\"}}"), LINE_TRANSIENT, "c", 200, "server_error", "m", 0, 0, 0, 0 },
	/* never ran */
	{ E("{\"code\":\"batch_expired\",\"message\":\"window over\"}"), LINE_TRANSIENT, "c", 0, "batch_expired", "window over", 0, 0, 0, 0 },
	{ E("{\"code\":\"batch_cancelled\",\"message\":null}"), LINE_TRANSIENT, "c", 0, "batch_cancelled", "", 0, 0, 0, 0 },
	{ E("{\"code\":null,\"message\":\"m\"}"), LINE_TRANSIENT, "c", 0, "request_failed", "m", 0, 0, 0, 0 },
	{ E("{\"code\":503,\"message\":\"m\"}"), LINE_TRANSIENT, "c", 503, "http_503", "m", 0, 0, 0, 0 },
	{ E("{\"code\":\"400\",\"message\":\"m\"}"), LINE_PERMANENT, "c", 400, "http_400", "m", 0, 0, 0, 0 },
	{ E("{\"code\":\"Brand New!\",\"message\":\"m\"}"), LINE_TRANSIENT, "c", 0, "brand_new_", "m", 0, 0, 0, 0 },
	{ E("{\"error_code\":\"InvalidParameter\",\"error_message\":\"m\"}"), LINE_PERMANENT, "c", 0, "invalid_parameter", "m", 0, 0, 0, 0 },
	{ E("{\"type\":\"invalid_request_error\",\"message\":\"m\"}"), LINE_PERMANENT, "c", 0, "invalid_request_error", "m", 0, 0, 0, 0 },
	{ E("\"a text\""), LINE_TRANSIENT, "c", 0, "request_failed", "a text", 0, 0, 0, 0 },
	{ E("{\"code\":\"context_length_exceeded\",\"message\":\"m\"}"), LINE_PERMANENT, "c", 0, "context_length_exceeded", "m", 0, 0, 0, 0 },
	{ "{\"custom_id\":\"c\",\"error\":{\"code\":\"inference_failed\",\"message\":\"m\"}}", LINE_TRANSIENT, "c", 0, "inference_failed", "m", 0, 0, 0, 0 },
	/* ran and was refused */
	{ R("400", "{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\",\"param\":\"messages\",\"code\":\"context_length_exceeded\"}}"),
	  LINE_PERMANENT, "c", 400, "context_length_exceeded", "m", 0, 0, 0, 0 },
	{ R("400", "{\"error\":{\"message\":\"maximum context length is 8192\",\"type\":null,\"code\":null}}"),
	  LINE_PERMANENT, "c", 400, "context_length_exceeded", NULL, 0, 0, 0, 0 },
	{ "{\"custom_id\":\"c\",\"response\":{\"status_code\":400,\"body\":null},\"error\":\"bad things\"}", LINE_PERMANENT, "c", 400, "http_400", "bad things", 0, 0, 0, 0 },
	{ R("400", "{\"message\":\"m\",\"code\":1234}"), LINE_PERMANENT, "c", 400, "http_400", "m", 0, 0, 0, 0 },
	{ R("401", "{}"), LINE_PERMANENT, "c", 401, "http_401", "", 0, 0, 0, 0 },
	{ R("404", "{\"error\":{\"code\":\"model_not_found\"}}"), LINE_PERMANENT, "c", 404, "model_not_found", "", 0, 0, 0, 0 },
	{ R("408", "{}"), LINE_TRANSIENT, "c", 408, "http_408", "", 0, 0, 0, 0 },
	{ R("409", "{}"), LINE_TRANSIENT, "c", 409, "http_409", "", 0, 0, 0, 0 },
	{ R("429", "{\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"m\"}}"), LINE_TRANSIENT, "c", 429, "rate_limit_exceeded", "m", 0, 0, 0, 0 },
	{ R("400", "{\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"m\"}}"), LINE_TRANSIENT, "c", 400, "rate_limit_exceeded", "m", 0, 0, 0, 0 },
	{ R("500", "{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\"}}"), LINE_TRANSIENT, "c", 500, "invalid_request_error", "m", 0, 0, 0, 0 },
	{ R("503", "\"<html>\""), LINE_TRANSIENT, "c", 503, "http_503", NULL, 0, 0, 0, 0 },
	/* rubbish */
	{ "", LINE_RUBBISH, NULL, 0, "", "", 0, 0, 0, 0 },
	{ "  ", LINE_RUBBISH, NULL, 0, "", "", 0, 0, 0, 0 },
	{ "{}", LINE_RUBBISH, NULL, 0, "", "", 0, 0, 0, 0 },
	{ "[]", LINE_RUBBISH, NULL, 0, "", "", 0, 0, 0, 0 },
	{ "null", LINE_RUBBISH, NULL, 0, "", "", 0, 0, 0, 0 },
	{ "{\"custom_id\":\"\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[{}]}}}", LINE_RUBBISH, NULL, 0, "", "", 0, 0, 0, 0 },
	{ "{\"custom_id\":null}", LINE_RUBBISH, NULL, 0, "", "", 0, 0, 0, 0 },
	{ "{\"custom_id\":\"c\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[{}", LINE_RUBBISH, NULL, 0, "", "", 0, 0, 0, 0 },
	{ FINE "x", LINE_RUBBISH, NULL, 0, "", "", 0, 0, 0, 0 },
};
#define N_LINES (sizeof lines / sizeof lines[0])

START_TEST(lines_are_judged_by_what_they_hold)
{
	struct result_line r;

	result_line_read(span_of(lines[_i].line), &r);
	ck_assert_int_eq(r.class, lines[_i].class);
	ck_assert_pstr_eq(r.custom_id, lines[_i].custom_id);
	ck_assert_int_eq(r.status, lines[_i].status);
	ck_assert_str_eq(r.reason, lines[_i].reason);
	if (lines[_i].details != NULL)
		ck_assert_str_eq(r.details, lines[_i].details);
	ck_assert_int_eq(r.prompt, lines[_i].prompt);
	ck_assert_int_eq(r.completion, lines[_i].completion);
	ck_assert_int_eq(r.cached, lines[_i].cached);
	ck_assert_int_eq(r.reasoning, lines[_i].reasoning);
	result_line_done(&r);
}
END_TEST

static void assert_same(const char *line, size_t len)
{
	struct result_line quick, slow;
	char *exact = mem_alloc(len + (len == 0));      /* a read past its end is seen by the sanitizer */

	memcpy(exact, line, len);
	result_line_read((struct span){ exact, len }, &quick);
	result_line_parse((struct span){ exact, len }, &slow);
	ck_assert_msg(quick.class == slow.class, "class %d, not %d: %.*s", quick.class, slow.class, (int)len, line);
	ck_assert_pstr_eq(quick.custom_id, slow.custom_id);
	ck_assert_int_eq(quick.status, slow.status);
	ck_assert_str_eq(quick.reason, slow.reason);
	ck_assert_str_eq(quick.details, slow.details);
	ck_assert_int_eq(quick.prompt, slow.prompt);
	ck_assert_int_eq(quick.completion, slow.completion);
	ck_assert_int_eq(quick.cached, slow.cached);
	ck_assert_int_eq(quick.reasoning, slow.reasoning);
	result_line_done(&quick);
	result_line_done(&slow);
	free(exact);
}

static uint32_t seed = 1;

static uint32_t dice(uint32_t sides)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % sides;
}

/* Every line cut at every byte, and with bytes changed, doubled and dropped at random places. */
START_TEST(the_quick_way_agrees_with_the_long_way)
{
	static const char odd[] = "{}[]\",:\\0123456789eE+-.tfnu \t\n\r\x01\x7f\x80\xff";
	const char *line = lines[_i].line;
	size_t len = strlen(line);
	char *copy = mem_alloc(len + 2);

	for (size_t n = 0; n <= len; n++)
		assert_same(line, n);
	for (int round = 0; len > 0 && round < 4000; round++) {
		size_t now = len;

		memcpy(copy, line, len);
		for (uint32_t k = 0; k <= dice(3); k++) {
			size_t at = dice((uint32_t)now);

			switch (dice(3)) {
			case 0:
				copy[at] = odd[dice(sizeof odd)];       /* NUL too */
				break;
			case 1:
				if (now <= len) {
					memmove(copy + at + 1, copy + at, now - at);
					now++;
				}
				break;
			default:
				memmove(copy + at, copy + at + 1, now - at - 1);
				now -= now > 1;
			}
		}
		assert_same(copy, now);
	}
	free(copy);
}
END_TEST

/* Names that come twice, values that look alike, depth. */
static const char *const twisted[] = {
	"{\"custom_id\":\"a\",\"custom_id\":\"b\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[1]}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"status_code\":500,\"body\":{\"choices\":[1]}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[1]},\"body\":null}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[1],\"choices\":[]}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[1],\"usage\":{\"prompt_tokens\":1},\"usage\":{\"prompt_tokens\":2}}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[1]}},\"response\":null}",
	"{\"custom_id\":\"a\",\"error\":null,\"error\":{\"code\":\"x\"},\"response\":null}",
	"{\"\\u0063ustom_id\":\"z\",\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[1]}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200.5,\"body\":{\"choices\":[1]}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":2e2,\"body\":{\"choices\":[1]}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":0200,\"body\":{\"choices\":[1]}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":99999999999999999999,\"body\":{\"choices\":[1]}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":-200,\"body\":{\"choices\":[1]}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":204,\"body\":{\"choices\":[1]}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[],\"data\":[1]}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[0.1e+5,-0,1E-3,true,false,null]}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[01,.5,1.,+1]}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[1]}}} {}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[1],\"usage\":{\"prompt_tokens\":0,\"prompt_tokens\":5}}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[1],\"usage\":{\"prompt_tokens\":null,\"input_tokens\":4}}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[1],\"usage\":{\"prompt_tokens_details\":null,\"prompt_tokens_details\":{\"cached_tokens\":3}}}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[1],\"usage\":{\"prompt_tokens_details\":{\"cached_tokens\":3,\"cached_tokens\":4},\"input_tokens_details\":{\"cached_tokens\":9}}}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[1],\"usage\":{\"prompt_tok\\u0065ns\":5}}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[1],\"usage\":{\"prompt_tokens\":12345678901234567890}}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[1],\"usage\":{\"completion_tokens_details\":{\"reasoning_tokens\":\"7\"},\"reasoning_tokens\":8}}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[1],\"usage\":{\"completion_tokens_details\":[7],\"output_tokens_details\":{\"reasoning_tokens\":8},\"cached_tokens\":2.5}}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[1],\"usage\":[]}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[1],\"usage\":{\"prompt_tokens\":-5,\"completion_tokens\":1e400}}}}",
	"{\"custom_id\":\"a\x80\xff\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[1]}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[\"\\u12\"]}}}",
	"{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[\"\\ud800\\u0041\"]}}}",
};

START_TEST(twisted_lines_agree_too)
{
	for (size_t i = 0; i < sizeof twisted / sizeof twisted[0]; i++)
		assert_same(twisted[i], strlen(twisted[i]));
	/* deeper than the parser goes */
	for (size_t depth = 50; depth < 3000; depth += 950) {
		struct buf b = { 0 };

		buf_add_str(&b, "{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[");
		for (size_t i = 0; i < depth; i++)
			buf_add_char(&b, '[');
		for (size_t i = 0; i < depth; i++)
			buf_add_char(&b, ']');
		buf_add_str(&b, "]}}}");
		assert_same(b.at, b.len);
		buf_done(&b);
	}
	/* numbers longer than the parser reads */
	for (size_t n = 1; n < 200; n++) {
		struct buf b = { 0 };

		buf_add_str(&b, "{\"custom_id\":\"a\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[");
		for (size_t i = 0; i < n; i++)
			buf_add_char(&b, '7');
		buf_add_str(&b, "]}}}");
		assert_same(b.at, b.len);
		buf_done(&b);
	}
}
END_TEST

/* That the quick way is not merely refusing everything. */
START_TEST(plain_answers_go_the_quick_way)
{
	struct result_line r;

	ck_assert(result_line_scan(span_of(FINE), &r));
	ck_assert_str_eq(r.custom_id, "a__b-1__pass0");
	ck_assert_int_eq(r.reasoning, 3);
	result_line_done(&r);
	ck_assert(result_line_scan(span_of(R("201", "{\"choices\":[{\"n\":[-0.5e-3,0,true,{}]}]}") " \r"), &r));
	ck_assert_int_eq(r.status, 201);
	result_line_done(&r);
	ck_assert(!result_line_scan(span_of(R("400", "{\"choices\":[1]}")), &r));
}
END_TEST

static const struct { const char *line, *id; } requests[] = {
	{ "{\"custom_id\":\"a-1\",\"method\":\"POST\"}\n", "a-1" },
	{ " { \"custom_id\" : \"a \\\" b\" }", "a \\\" b" },
	{ "{\"body\":{\"custom_id\":\"no\",\"x\":[\"custom_id\",{}]},\"custom_id\":\"a-2\"}", "a-2" },
	{ "{\"note\":\"\\\"custom_id\\\":\\\"no\\\"\",\"custom_id\":\"a-3\",\"custom_id\":\"second\"}", "a-3" },
	{ "{\"custom_id\":\"a-4\",\"body\":{\"cut", "a-4" },
	{ "{\"custom_id\":\"\"}", "" },
	{ "{\"custom_id\":7}", NULL },
	{ "{\"custom_id\":\"cut", NULL },
	{ "{\"custom_id", NULL },
	{ "{\"body\":{\"custom_id\":\"no\"}}", NULL },
	{ "[\"custom_id\",\"no\"]", NULL },
	{ "{}", NULL },
	{ "", NULL },
};

START_TEST(a_requests_own_custom_id_is_found)
{
	struct span id = request_line_id(span_of(requests[_i].line));

	if (requests[_i].id == NULL)
		ck_assert_msg(id.at == NULL, "%s has none, not %.*s", requests[_i].line, (int)id.len, id.at);
	else
		ck_assert_msg(id.at != NULL && span_is(id, requests[_i].id), "%s", requests[_i].line);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("result_line");
	TCase *tc = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, lines_are_judged_by_what_they_hold, 0, (int)N_LINES);
	tcase_add_loop_test(tc, the_quick_way_agrees_with_the_long_way, 0, (int)N_LINES);
	tcase_add_test(tc, twisted_lines_agree_too);
	tcase_add_test(tc, plain_answers_go_the_quick_way);
	tcase_add_loop_test(tc, a_requests_own_custom_id_is_found, 0, (int)(sizeof requests / sizeof requests[0]));
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
