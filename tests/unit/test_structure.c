/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "scan.h"
#include "scan_masks.h"
#include "structure.h"

#define N(table) (int)(sizeof table / sizeof table[0])

/* Numbers that are the same in every run. */
static uint32_t seed;
static uint32_t dice(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* --- the scanner: the fast way finds what the plain one finds -------------------------- */

static void fill_random(char *p, size_t n)
{
	static const char likely[] = "\"\\[]{}\"\\\\,x";

	for (size_t i = 0; i < n; i++)
		p[i] = dice(3) == 0 ? (char)dice(256) : likely[dice(sizeof likely - 1)];
}

START_TEST(masks_of_a_block_are_those_of_its_bytes)
{
	struct scan_masks plain, fast;
	char block[64];

	seed = (uint32_t)_i;
	for (int round = 0; round < 500; round++) {
		fill_random(block, sizeof block);
		scan_masks_plain(block, &plain);
#ifdef __SSE2__
		scan_masks_sse2(block, &fast);
		ck_assert(memcmp(&plain, &fast, sizeof plain) == 0);
		if (scan_has_avx2()) {
			scan_masks_avx2(block, &fast);
			ck_assert(memcmp(&plain, &fast, sizeof plain) == 0);
			ck_assert_uint_eq(scan_parity_avx2(plain.quote), scan_parity_plain(plain.quote));
		}
#else
		fast = plain;
		ck_assert(memcmp(&plain, &fast, sizeof plain) == 0);
#endif
	}
}
END_TEST

/* The same bytes in pieces of random size: the same end, the same state, and nothing read behind a piece. */
START_TEST(skipping_in_pieces_finds_the_same_end)
{
	size_t (*const skip)(struct scan_nest *, const char *, size_t) = _i % 2 == 0 ? scan_skip : scan_skip_any;

	seed = (uint32_t)_i / 2 + 1000;
	for (int round = 0; round < 200; round++) {
		struct scan_nest plain = { 0 }, fast = { 0 };
		size_t n = 1 + dice(700), at = 0, want;
		char *text = mem_alloc(n);

		fill_random(text, n);
		text[0] = dice(2) == 0 ? '[' : '{';
		want = scan_skip_plain(&plain, text, n);
		while (at < n) {
			size_t piece = 1 + dice(dice(2) == 0 ? 10 : 300);

			piece = piece < n - at ? piece : n - at;
			char *alone = mem_alloc(piece);         /* what is behind it, a sanitizer guards */
			memcpy(alone, text + at, piece);
			size_t used = skip(&fast, alone, piece);
			free(alone);
			at += used;
			if (fast.depth == 0)
				break;
			ck_assert_uint_eq(used, piece);
		}
		ck_assert_uint_eq(at, want);
		ck_assert_int_eq(fast.depth, plain.depth);
		ck_assert(fast.in_string == plain.in_string && fast.escaped == plain.escaped);
		free(text);
	}
}
END_TEST

static const struct { const char *in, *out; size_t n; } strings[] = {
	{ "plain", "plain", 5 },
	{ "", "", 0 },
	{ "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 8 },
	{ "\\u0041\\u00e4\\u20AC\\ud83d\\ude00", "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 10 },
	{ "\\ud83d", "\xEF\xBF\xBD", 3 },
	{ "\\ude00x", "\xEF\xBF\xBDx", 4 },
	{ "\\ud83d\\ud83d\\ude00", "\xEF\xBF\xBD\xf0\x9f\x98\x80", 7 },
	{ "\\ud83d\\u0041", "\xEF\xBF\xBD" "A", 4 },
	{ "a\\u0000b", "a\0b", 3 },
	{ "\xff\xc3\xa4", "\xff\xc3\xa4", 3 },
	{ "\\x", NULL, 0 }, { "\\", NULL, 0 }, { "\\u12", NULL, 0 }, { "\\u12g4", NULL, 0 }, { "a\"b", NULL, 0 },
};

START_TEST(strings_are_decoded)
{
	struct buf b = { 0 };

	buf_add_str(&b, "<");
	bool good = scan_unescape(strings[_i].in, strlen(strings[_i].in), &b);
	ck_assert_int_eq(good, strings[_i].out != NULL);
	ck_assert_uint_eq(b.len, 1 + strings[_i].n);
	ck_assert(memcmp(b.at + 1, good ? strings[_i].out : "", strings[_i].n) == 0);
	buf_done(&b);
}
END_TEST

static const struct { const char *in, *out; } arrays[] = {
	{ "[]", "" }, { " [ ] ", "" }, { "[\"\"]", "\n" }, { "[\"a\", \"\", \"b\\tc\"]", "a\n\nb\tc\n" },
	{ "[\"\\ud800\"]", "\xEF\xBF\xBD\n" },
	{ "", NULL }, { "[", NULL }, { "[\"a\"", NULL }, { "[\"a", NULL }, { "[\"a\",]", NULL }, { "[,]", NULL },
	{ "[\"a\" \"b\"]", NULL }, { "[7]", NULL }, { "[[\"a\"]]", NULL }, { "[\"a\"]]", NULL }, { "{}", NULL },
	{ "[\"\\q\"]", NULL },
};

START_TEST(arrays_of_lines_are_decoded)
{
	struct buf b = { 0 };
	struct err err = { 0 };
	int rc = scan_lines(span_of(arrays[_i].in), &b, &err);

	ck_assert_int_eq(rc, arrays[_i].out != NULL ? 0 : BD_EINVALID);
	ck_assert_str_eq(buf_str(&b), arrays[_i].out != NULL ? arrays[_i].out : "");
	buf_done(&b);
}
END_TEST

/* --- structures ------------------------------------------------------------------------ */

#define PY(lines) "{\"classes\":[{\"name\":\"C\",\"text\":[\"]}\"],\"methods\":[{}]}],\"functions\":[],"\
	"\"text\":[" lines "]}"
#define DOC(tree) "{\"repo\":\"own/flask\",\"base_commit\":\"c\",\"structure\":" tree ",\"instance_id\":\"i\"}"

static bool text_of(void *data, int64_t off, int64_t len, struct buf *ret)
{
	return scan_lines((struct span){ (const char *)data + off, (size_t)len }, ret, NULL) == 0;
}

/* All paths, with the number of lines of those that have a text and what else a path may be: "a.py:2|b/a.py". */
static int paths_of(const char *doc, const char *name, struct buf *ret, struct err *err)
{
	struct repo_index x = { 0 };
	struct structure s;
	struct scan in;
	int rc;

	scan_open_bytes(&in, span_of(doc));
	rc = structure_scan(&in, &s, err);
	if (rc < 0)
		return rc;
	structure_index(&s, name, text_of, (void *)(uintptr_t)doc, &x);
	for (size_t i = 0; i < x.count; i++) {
		const struct repo_file *f = &x.files[i];
		struct buf text = { 0 };
		int lines = 0;

		buf_printf(ret, "%s%s", i > 0 ? " " : "", repo_index_name(&x, f->path));
		if (f->len > 0) {
			ck_assert(text_of((void *)(uintptr_t)doc, f->off, f->len, &text));
			for (size_t k = 0; k < text.len; k++)
				lines += text.at[k] == '\n';
			buf_printf(ret, ":%d", lines);
		}
		if (f->alt != 0)
			buf_printf(ret, "|%s", repo_index_name(&x, f->alt));
		buf_done(&text);
	}
	structure_done(&s);
	repo_index_done(&x);
	return 0;
}

static const struct { const char *what, *doc, *paths; } trees[] = {
	{ "the root's files lie under the name",
	  DOC("{\"flask\":{\"setup.py\":" PY("\"a\"") ",\"README\":{}},\"src\":{\"flask\":{\"app.py\":"
	      PY("\"x\",\"y\"") "}}}"),
	  "setup.py:1 README src/flask/app.py:2" },
	{ "members in any order, and more of them",
	  "{\"structure\":{\"src\":{\"a.py\":"
	      PY("") "}},\"x\":[{\"structure\":{}}],\"n\":-1.5e3,\"t\":true,\"repo\":null}",
	  "src/a.py:0" },
	{ "directories may be called as the members of a file are",
	  DOC("{\"text\":{\"a.py\":"
	      PY("") ",\"text\":{\"text\":{}}},\"classes\":{\"functions\":{\"b.py\":" PY("\"1\"") "}}}"),
	  "text/a.py:0 text/text/text classes/functions/b.py:1" },
	{ "a file may have lost its text",
	  DOC("{\"d\":{\"a.py\":{\"classes\":[],\"functions\":[],\"text\":\"\"}}}"), "d/a.py" },
	{ "the text may come first",
	  DOC("{\"d\":{\"a.py\":{\"text\":[\"x\"],\"classes\":[],\"functions\":[]}}}"), "d/a.py:1" },
	{ "names may have escapes", DOC("{\"d\\u00e4\\\"\":{\"\\u0061.py\":"
	      PY("\"x\"") "}}"), "d\xc3\xa4\"/a.py:1" },
	{ "a NUL does not cut a name", DOC("{\"d\":{\"a\\u0000.py\":" PY("\"x\"") "}}"), "d/a?.py:1" },
	{ "blanks everywhere",
	  " { \"structure\" : { \"d\" : { \"a.py\" : { \"text\" : [ \"x\" , \"y\" ] } , \"b\" : { } } } } \n",
	  "d/a.py:2 d/b" },
	{ "files come before directories", DOC("{\"d\":{\"e\":{\"x.py\":" PY("") "},\"a.py\":"
	      PY("") "}}"), "d/a.py:0 d/e/x.py:0" },
	{ "nothing", DOC("{}"), "" },
	{ "a package of the same name: the order falls back once",
	  DOC("{\"flask\":{\"LICENSE\":{},\"setup.py\":" PY("") ",\"test_it.py\":" PY("") ",\"__init__.py\":" PY("")
	      ",\"app.py\":" PY("") ",\"ext\":{\"a.py\":" PY("") "}},\"docs\":{\"conf.py\":" PY("") "}}"),
	  "LICENSE setup.py:0 test_it.py:0 flask/__init__.py:0 flask/app.py:0 flask/ext/a.py:0 docs/conf.py:0" },
	{ "a name that both have may be either's",
	  DOC("{\"flask\":{\"conftest.py\":" PY("") ",\"setup.py\":" PY("") ",\"__init__.py\":"
	      PY("") ",\"app.py\":" PY("") "}}"),
	  "conftest.py:0|flask/conftest.py setup.py:0 flask/__init__.py:0 flask/app.py:0" },
	{ "in any order: marks decide, and what has none may be either",
	  DOC("{\"flask\":{\"README\":{},\"setup.py\":" PY("") ",\"tox.ini\":{},\"zoo.py\":"
	      PY("") ",\"views.py\":" PY("")
	      ",\"app.py\":" PY("\"from .x import y\"") ",\"__init__.py\":"
	      PY("\"from .views import (z)\"") ",\"cli.py\":" PY("") "}}"),
	  "README setup.py:0 tox.ini flask/zoo.py:0|zoo.py flask/views.py:0 "
	  "flask/app.py:1 flask/__init__.py:1 flask/cli.py:0" },
	{ "sorted as a whole: each by its own marks",
	  DOC("{\"flask\":{\"__init__.py\":" PY("\"from . import (\",\"    app as b,\",\")\"") ",\"app.py\":" PY("")
	      ",\"ext\":{\"a.py\":" PY("\"import flask.views\"") "},\"setup.py\":" PY("") ",\"views.py\":"
	      PY("") ",\"zoo.py\":" PY("") "}}"),
	  "setup.py:0 flask/__init__.py:3 flask/app.py:0 flask/views.py:0 flask/zoo.py:0|zoo.py flask/ext/a.py:1" },
	{ "a text that quotes an import is no package",
	  DOC("{\"flask\":{\"setup.py\":" PY("") ",\"versioneer.py\":" PY("\"from ._version import x\"") "}}"),
	  "setup.py:0 versioneer.py:1" },
	{ "another name for the key: the first one, if it looks like a root",
	  DOC("{\"repo-0123\":{\"setup.py\":" PY("") "},\"src\":{\"a.py\":" PY("") "}}"), "setup.py:0 src/a.py:0" },
	{ "owner__name", DOC("{\"own__flask\":{\"x.py\":" PY("") "}}"), "x.py:0" },
	{ "a file that both have, in any order",
	  DOC("{\"flask\":{\"b\":{},\"conftest.py\":" PY("") ",\"a\":{},\"setup.py\":"
	      PY("") ",\"c\":{},\"__init__.py\":"
	      PY("") "}}"),
	  "b conftest.py:0|flask/conftest.py a setup.py:0 c|flask/c flask/__init__.py:0" },
	{ "a clone in another folder, and a package of the name",
	  DOC("{\"clone\":{\"setup.py\":" PY("") ",\"LICENSE\":{}},\"flask\":{\"__init__.py\":" PY("") "}}"),
	  "setup.py:0 LICENSE flask/__init__.py:0" },
	{ "no key at all: the root's files lie where they belong",
	  DOC("{\"setup.py\":" PY("") ",\"flask\":{\"app.py\":" PY("") "}}"), "setup.py:0 flask/app.py:0" },
};

START_TEST(files_of_a_structure)
{
	struct buf b = { 0 };
	struct err err = { 0 };
	int rc = paths_of(trees[_i].doc, "own/flask", &b, &err);

	ck_assert_msg(rc == 0, "%s: %s", trees[_i].what, err.msg);
	ck_assert_msg(strcmp(buf_str(&b), trees[_i].paths) == 0, "%s: %s", trees[_i].what, buf_str(&b));
	buf_done(&b);
}
END_TEST

static const struct { const char *doc, *says; } broken[] = {
	{ "", "cut off at byte 0" },
	{ "[]", "no JSON object at byte 1" },
	{ "{}", "it has no \"structure\"" },
	{ "{\"structure\":[]}", "\"structure\" is no object at byte 14" },
	{ "{\"structure\":{}", "cut off at byte 15" },
	{ "{\"structure\":{}}x", "more text behind the document at byte 17" },
	{ "{\"structure\":{},\"structure\":{}}", "a second \"structure\" at byte 29" },
	{ "{\"structure\":{\"a\":{},}}", "no name at byte 22" },
	{ "{\"structure\":{\"a\":{}\"b\":{}}}", "no comma at byte 21" },
	{ "{\"structure\":{\"a\"{}}}", "no colon at byte 18" },
	{ "{\"structure\":{\"a\":}}", "no value at byte 19" },
	{ "{\"structure\":{\"a\\q\":{}}}", "a name with an escape that is none at byte 20" },
	{ "{\"structure\":{\"a.py\":{\"text\":[\"x\"", "cut off at byte 33" },
	{ "{\"structure\":{\"a.py\":{\"text\":[\"x\\\"]}}}", "cut off at byte 38" },
	{ "{\"structure\":{\"a", "cut off at byte 16" },
	{ "{\"structure\"", "cut off at byte 12" },
};

START_TEST(broken_structures_say_where)
{
	struct buf b = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(paths_of(broken[_i].doc, "own/flask", &b, &err), BD_EINVALID);
	ck_assert_str_eq(err.msg, broken[_i].says);
	buf_done(&b);
}
END_TEST

/* Every cut of a document is refused, none of them with a crash. */
START_TEST(a_structure_cut_anywhere_is_refused)
{
	const char *doc = trees[0].doc;

	for (size_t n = 0; n < strlen(doc); n++) {
		char *part = mem_strndup(doc, n);
		struct buf b = { 0 };

		ck_assert_int_eq(paths_of(part, "own/flask", &b, NULL), BD_EINVALID);
		buf_done(&b);
		free(part);
	}
}
END_TEST

/* 256 long directories, and many files in the innermost: more bytes of paths than anybody has memory. */
START_TEST(paths_are_bounded)
{
	struct buf b = { 0 }, out = { 0 };
	struct err err = { 0 };

	buf_add_str(&b, "{\"structure\":{");
	for (int i = 0; i < 250; i++) {
		buf_add_str(&b, "\"");
		for (int k = 0; k < 4000; k++)
			buf_add_char(&b, 'd');
		buf_add_str(&b, "\":{");
	}
	for (int i = 0; i < 100000; i++)
		buf_add_str(&b, "\"f\":{},");
	ck_assert_int_eq(paths_of(b.at, "own/flask", &out, &err), BD_EINVALID);
	ck_assert_ptr_nonnull(strstr(err.msg, "too many files"));
	buf_done(&b);
	buf_done(&out);
}
END_TEST

START_TEST(depth_is_bounded)
{
	struct buf b = { 0 }, out = { 0 };
	struct err err = { 0 };

	buf_add_str(&b, "{\"structure\":{\"x\":[");        /* skipped: as deep as it likes */
	for (int i = 0; i < 100000; i++)
		buf_add_char(&b, '[');
	for (int i = 0; i < 100000; i++)
		buf_add_char(&b, ']');
	buf_add_str(&b, "]");
	for (int i = 0; i < 100000; i++)
		buf_add_str(&b, i > 0 ? "\"d\":{" : ",\"d\":{");
	ck_assert_int_eq(paths_of(b.at, "own/flask", &out, &err), BD_EINVALID);
	ck_assert_ptr_nonnull(strstr(err.msg, "nested too deeply"));
	buf_done(&b);
	buf_done(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("structure");
	TCase *tc = tcase_create("structure");

	tcase_add_loop_test(tc, masks_of_a_block_are_those_of_its_bytes, 0, 8);
	tcase_add_loop_test(tc, skipping_in_pieces_finds_the_same_end, 0, 32);
	tcase_add_loop_test(tc, strings_are_decoded, 0, N(strings));
	tcase_add_loop_test(tc, arrays_of_lines_are_decoded, 0, N(arrays));
	tcase_add_loop_test(tc, files_of_a_structure, 0, N(trees));
	tcase_add_loop_test(tc, broken_structures_say_where, 0, N(broken));
	tcase_add_test(tc, a_structure_cut_anywhere_is_refused);
	tcase_add_test(tc, depth_is_bounded);
	tcase_add_test(tc, paths_are_bounded);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
