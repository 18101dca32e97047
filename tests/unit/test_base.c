/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "files.h"
#include "json.h"

static const struct { const char *in, *out; } docs[] = {
	{ "{\"a\":\"x\\u0000y\"}", "x\xEF\xBF\xBDy" },          /* NUL does not cut */
	{ "{\"a\":\"\\ud83d\"}", "\xEF\xBF\xBD" },              /* a lone high surrogate */
	{ "{\"a\":\"\\udc00z\"}", "\xEF\xBF\xBDz" },            /* a lone low one */
	{ "{\"a\":\"\\ud83d\\ude00\"}", "\xF0\x9F\x98\x80" },   /* a pair stays */
	{ "{\"a\":\"\\\\u0000\"}", "\\u0000" },                 /* an escaped backslash is no escape */
	{ "\xEF\xBB\xBF{\"a\":\"bom\"}", "bom" },
	{ "{\"A\":\"no\",\"a\":\"case\"}", "case" },
	{ "{\"a\":\"t\"} x", NULL },
	{ "{\"a\":", NULL },
	{ "", NULL },
};

START_TEST(json_reads_what_cjson_alone_would_not)
{
	struct json *v = NULL;
	struct err err = { 0 };
	int rc = json_parse(docs[_i].in, strlen(docs[_i].in), &v, &err);

	if (docs[_i].out == NULL) {
		ck_assert_int_eq(rc, BD_EINVALID);
		ck_assert(err.msg[0] != '\0');
		return;
	}
	ck_assert_msg(rc == 0, "%s", err.msg);
	ck_assert_str_eq(json_get_str(v, "a"), docs[_i].out);
	json_free(v);
}
END_TEST

START_TEST(json_writes_valid_utf8_and_reads_it_back)
{
	struct buf b = { 0 };
	struct jw w = { .out = &b };
	struct json *v;

	jw_obj(&w);
	jw_put_span(&w, "s", (struct span){ "a\"\\\n\x01\xff\xc3\xa4z", 9 });
	jw_put_int(&w, "n", -7);
	jw_name(&w, "l");
	jw_list(&w);
	jw_num(&w, 0.1);
	jw_bool(&w, true);
	jw_null(&w);
	jw_list_end(&w);
	jw_obj_end(&w);
	ck_assert_str_eq(b.at, "{\"s\":\"a\\\"\\\\\\n\\u0001\xEF\xBF\xBD\xc3\xa4z\",\"n\":-7,\"l\":[0.1,true,null]}");
	ck_assert_int_eq(json_parse(b.at, b.len, &v, NULL), 0);
	struct buf again = { 0 };
	json_print(v, &again);
	ck_assert_str_eq(again.at, b.at);
	json_free(v);
	buf_done(&again);
	buf_done(&b);
}
END_TEST

START_TEST(lines_come_whole_with_their_offsets)
{
	char path[] = "/tmp/test_base.XXXXXX";
	int fd = mkstemp(path);
	struct line_reader r;
	struct span line;

	ck_assert_int_eq(write(fd, "one\n\nthree", 10), 10);
	close(fd);
	ck_assert_int_eq(line_reader_open(&r, path, NULL), 0);
	ck_assert_int_eq(line_reader_next(&r, 100, &line, NULL), 1);
	ck_assert(span_is(line, "one"));
	ck_assert_int_eq(line_reader_next(&r, 100, &line, NULL), 1);
	ck_assert_uint_eq(line.len, 0);
	ck_assert_int_eq(line_reader_next(&r, 100, &line, NULL), 1);
	ck_assert(span_is(line, "three"));
	ck_assert_int_eq(r.line_off, 5);
	ck_assert_int_eq(line_reader_next(&r, 100, &line, NULL), 0);
	line_reader_close(&r);
	unlink(path);
}
END_TEST

/* From any place that it told, it goes on with the same lines; so after a line that took several reads. */
START_TEST(lines_go_on_where_they_were)
{
	char path[] = "/tmp/batchd-base-XXXXXX";
	int fd = mkstemp(path);
	struct line_reader r;
	struct buf text = { 0 };
	struct span line;
	int64_t places[4];

	for (int i = 0; i < 300000; i++)
		buf_add_char(&text, i == 5 || i == 299998 ? '\n' : (char)('a' + i % 26));
	ck_assert_int_eq(write(fd, text.at, text.len), (ssize_t)text.len);
	close(fd);
	ck_assert_int_eq(line_reader_open(&r, path, NULL), 0);
	for (int i = 0; i < 4; i++) {
		places[i] = line_reader_tell(&r);
		ck_assert_int_eq(line_reader_next(&r, 1 << 20, &line, NULL), i < 3);
	}
	ck_assert_int_eq(places[0], 0);
	ck_assert_int_eq(places[1], 6);
	ck_assert_int_eq(places[2], 299999);
	ck_assert_int_eq(places[3], 300000);
	for (int i = 3; i >= 0; i--) {
		ck_assert_int_eq(line_reader_seek(&r, places[i], NULL), 0);
		ck_assert_int_eq(line_reader_tell(&r), places[i]);
		ck_assert_int_eq(line_reader_next(&r, 1 << 20, &line, NULL), i < 3);
		if (i < 3) {
			ck_assert_int_eq(r.line_off, places[i]);
			ck_assert_int_eq(memcmp(line.at, text.at + places[i], line.len), 0);
			ck_assert_int_eq(line_reader_tell(&r), places[i + 1]);
		}
	}
	line_reader_close(&r);
	buf_done(&text);
	unlink(path);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base");
	TCase *tc = tcase_create("base");

	tcase_add_loop_test(tc, json_reads_what_cjson_alone_would_not, 0, (int)(sizeof docs / sizeof docs[0]));
	tcase_add_test(tc, json_writes_valid_utf8_and_reads_it_back);
	tcase_add_test(tc, lines_come_whole_with_their_offsets);
	tcase_add_test(tc, lines_go_on_where_they_were);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
