/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "escape.h"
#include "json.h"
#include "mem.h"

/* The fast escapers against their definition, and both against cJSON's reading of what they wrote. */

static uint32_t seed = 1;

static uint32_t next_random(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

static void held_against_plain(const char *text, size_t len)
{
	void (*const ways[])(struct buf *, const char *, size_t) = { json_escape, json_escape_any };
	struct buf plain = { 0 };

	buf_add_str(&plain, "before");
	json_escape_plain(&plain, text, len);
	for (int i = 0; i < 2; i++) {
		struct buf fast = { 0 };

		buf_add_str(&fast, "before");
		ways[i](&fast, text, len);
		ck_assert_uint_eq(fast.len, plain.len);
		ck_assert_mem_eq(fast.at, plain.at, plain.len + 1);
		buf_done(&fast);
	}
	buf_done(&plain);
}

/* Text in its own block, so that a read behind its end is seen. */
static void held_at_its_end(const char *text, size_t len)
{
	char *copy = mem_strndup(text, len);

	held_against_plain(copy, len);
	free(copy);
}

START_TEST(every_byte_at_every_place)
{
	char text[70];

	for (int ch = 0; ch < 256; ch++)
		for (size_t at = 0; at < sizeof text; at++) {
			memset(text, 'a', sizeof text);
			text[at] = (char)ch;
			held_at_its_end(text, sizeof text);
			held_at_its_end(text, at + 1);
		}
}
END_TEST

START_TEST(random_bytes)
{
	static const char some[] = "\"\\\n\t\r\x01\x1f\x7f\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xed\xa0\x80\xff abc";
	char text[9000];

	for (int round = 0; round < 2000; round++) {
		size_t len = next_random() % (round % 100 == 0 ? sizeof text : 200);
		unsigned kind = next_random() % 3;

		for (size_t i = 0; i < len; i++)
			text[i] = (char)(kind == 0 ? next_random() : kind == 1 ? 'a' + next_random() % 26 :
			                 (unsigned char)some[next_random() % (sizeof some - 1)]);
		held_at_its_end(text, len);
	}
}
END_TEST

START_TEST(longest_growth)
{
	char *text = mem_zero(20000, 1);

	held_against_plain(text, 20000);
	memset(text, '\x02', 20000);
	held_against_plain(text, 20000);
	memset(text, '\xff', 20000);
	held_against_plain(text, 20000);
	for (size_t i = 0; i < 20000; i++)      /* sequences across all bounds, and now and then a cut one */
		text[i] = "\xe2\x82\xac"[(i + i / 7000) % 3];
	held_against_plain(text, 20000);
	free(text);
}
END_TEST

START_TEST(comes_back)
{
	static const char *const chars[] = { "a", " ", "\"", "\\", "\n", "\x01", "\b", "\x7f", "\xc3\xa4", "\xf0\x9f\x98\x80", "/" };

	for (int round = 0; round < 500; round++) {
		struct buf text = { 0 }, quoted = { 0 };
		struct json *v = NULL;

		for (size_t n = next_random() % 300; n > 0; n--)
			buf_add_str(&text, chars[next_random() % (sizeof chars / sizeof chars[0])]);
		buf_add_char(&quoted, '"');
		json_escape(&quoted, buf_str(&text), text.len);
		buf_add_char(&quoted, '"');
		ck_assert_int_eq(json_parse(quoted.at, quoted.len, &v, NULL), 0);
		ck_assert_str_eq(json_str(v), buf_str(&text));
		json_free(v);
		buf_done(&text);
		buf_done(&quoted);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("escape");
	TCase *t = tcase_create("escape");

	tcase_add_test(t, every_byte_at_every_place);
	tcase_add_test(t, random_bytes);
	tcase_add_test(t, longest_growth);
	tcase_add_test(t, comes_back);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed > 0;
}
