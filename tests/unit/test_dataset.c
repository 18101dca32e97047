/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataset.h"
#include "dataset_ids.h"
#include "files.h"

static char dir[64], *in_path, *out_path;

static void setup(void)
{
	strcpy(dir, "/tmp/test_dataset.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	in_path = path_join(dir, "in");
	out_path = path_join(dir, "out");
}

static void teardown(void)
{
	free(in_path);
	free(out_path);
	dir_remove(dir, NULL);
}

static void put(const char *text, size_t n)
{
	ck_assert_int_eq(file_put(in_path, text, n, 0600, NULL), 0);
}

/* Rows as "id@line" with blanks between, and that offsets and lengths hit the rows of the normalised file. */
struct seen {
	struct buf ids;
	struct { int64_t off; size_t len; } at[64];
	size_t n;
	int say;                /* what the n-th row is answered with */
};

static int on_row(void *data, const struct dataset_row *row, struct err *err)
{
	struct seen *s = data;

	buf_printf(&s->ids, "%s%s@%lld", s->n > 0 ? " " : "", row->instance_id, (long long)row->line);
	s->at[s->n].off = row->off;
	s->at[s->n].len = row->len;
	s->n++;
	return s->say < 0 ? err_set(err, s->say, "enough") : 0;
}

#define ROW(id) "{\"instance_id\":\"" id "\",\"x\":[1,{\"y\":null}]}"
#define REQ(id) "{\"custom_id\":\"" id "\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\"," \
	"\"body\":{\"model\":\"m\",\"messages\":[]}}"

static const struct { const char *in, *ids, *out; } good[] = {
	{ ROW("a-1") "\n" ROW("b-2") "\n", "a-1@1 b-2@2", ROW("a-1") "\n" ROW("b-2") "\n" },
	{ ROW("a-1") "\n" ROW("b-2"), "a-1@1 b-2@2", NULL },                  /* no LF at the end */
	{ "\xEF\xBB\xBF" ROW("a-1") "\r\n\r\n" ROW("b-2") "\r\n", "a-1@1 b-2@3", ROW("a-1") "\n" ROW("b-2") "\n" },
	{ "[" ROW("a-1") "," ROW("b-2") "]", "a-1@1 b-2@2", ROW("a-1") "\n" ROW("b-2") "\n" },
	{ "\xEF\xBB\xBF\n[\n  {\n    \"instance_id\": \"a-1\",\r\n    \"t\": \"x  ]}\\n \\\"\"\n  }\n]\n", "a-1@1",
	  "{\"instance_id\": \"a-1\",\"t\": \"x  ]}\\n \\\"\"}\n" },
	{ "{\"version\":[1],\"data\":[" ROW("a-1") "," ROW("b-2") "],\"n\":2}\n", "a-1@1 b-2@2", NULL },
	{ "{\"instance_id\":\"a-1\",\"data\":[1]}\n" ROW("b-2"), "a-1@1 b-2@2", NULL },
	{ "{\"x\":[],\"instance_id\":\"a\\u002d1\"}", "a-1@1", NULL },
	{ "{\"instance\\u005fid\":\"a\"}", "a@1", NULL },
	{ "{\"instance_id\":\"a\",\"t\":\"\\ud83d\"}", "a@1", NULL },         /* half a pair is no reason */
};

START_TEST(rows_come_in_order_and_as_plain_jsonl)
{
	struct seen seen = { 0 };
	struct err err = { 0 };
	struct buf out = { 0 };

	put(good[_i].in, strlen(good[_i].in));
	int rc = dataset_read(in_path, "d.jsonl", out_path, on_row, &seen, &err);
	ck_assert_msg(rc == 0, "%s", err.msg);
	ck_assert_str_eq(seen.ids.at, good[_i].ids);
	ck_assert_int_eq(file_get(out_path, 1 << 20, &out, NULL), 0);
	if (good[_i].out != NULL)
		ck_assert_str_eq(out.at, good[_i].out);
	for (size_t i = 0; i < seen.n; i++) {
		ck_assert_int_eq(out.at[seen.at[i].off], '{');
		ck_assert_int_eq(out.at[seen.at[i].off + (int64_t)seen.at[i].len], '\n');
	}
	buf_done(&out);
	buf_done(&seen.ids);
}
END_TEST

#define LONG50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
static const struct { bool requests; const char *in, *says; } refused[] = {
	{ false, "", "d: no rows" },
	{ false, " \n\n", "d: no rows" },
	{ false, "[]", "d: no rows" },
	{ false, "{\"data\":[]}", "d: no rows" },
	{ false, "id,text\n1,x\n", "d:1: not a JSON object" },
	{ false, ROW("a") "\n\n7\n", "d:3: not a JSON object" },
	{ false, ROW("a") "\n{\"repo\":\"x\"}\n", "d:2: no instance_id" },
	{ false, "{\"instance_id\":7}", "d:1: instance_id is no text" },
	{ false, "{\"instance_id\":\"a\",\"instance_id\":\"b\"}", "d:1: instance_id more than once" },
	{ false, ROW("a") "\n" ROW("b") "\n" ROW("a") "\n", "d:3: instance_id a again (first in line 1)" },
	{ false, "[" ROW("a") "," ROW("b") "," ROW("b") "]", "d: element 3: instance_id b again (first in element 2)" },
	{ false, ROW(""), "d:1: instance_id is empty" },
	{ false, ROW("../x"), "d:1: instance_id ../x begins with a dot" },
	{ false, ROW("a/b"), "d:1: instance_id a/b has a / in it" },
	{ false, ROW("a\\u0000b"), "d:1: instance_id has a control character in it" },
	{ false, ROW("a\\nb"), "d:1: instance_id has a control character in it" },
	{ false, ROW(LONG50 LONG50 LONG50 LONG50 "a"), "d:1: instance_id " LONG50 "aaaaaaaaaa.. is longer than 200 bytes" },
	{ false, "{\"instance_id\":\"a\"", "d:1: not JSON at byte 19: cut off" },
	{ false, "{\"instance_id\":\"a\"} x", "d:1: not JSON at byte 21: more text behind the value" },
	{ false, "{\"instance_id\":\"a\",}", "d:1: not JSON at byte 20: no name" },
	{ false, "{\"instance_id\":\"a\",\"n\":01}", "d:1: not JSON at byte 26: no number" },
	{ false, "{\"instance_id\":\"a\",\"n\":[1 2]}", "d:1: not JSON at byte 27: no comma" },
	{ false, "{\"instance_id\":\"a\",\"n\":[}]}", "d:1: not JSON at byte 25: no value" },
	{ false, "{\"instance_id\":\"a\",\"n\":\"\\x\"}", "d:1: not JSON at byte 25: an escape that is none" },
	{ false, "{\"instance_id\":\"a\",\"n\":\"\t\"}", "d:1: not JSON at byte 25: a control character within a text" },
	{ false, "[" ROW("a") ",", "d: element 2: cut off" },
	{ false, "[" ROW("a") ",]", "d: element 1: a comma behind the last element" },
	{ false, "[" ROW("a") ",{\"instance_id\":\"b", "d: element 2: cut off" },
	{ false, "[" ROW("a") "," "[]]", "d: element 2: not a JSON object" },
	{ false, "[" ROW("a") " " ROW("b") "]", "d: element 1: no comma behind it" },
	{ false, "[" ROW("a") "]]", "d: more text behind the array at byte 41" },
	{ false, "{\"data\":[" ROW("a") "],\"x\"}", "d: not JSON at byte 53, behind the rows" },
	{ false, "PAR1....", "d is a Parquet file; turn it into JSONL: python3 -c \"import pandas; "
	         "pandas.read_parquet('d').to_json('rows.jsonl', orient='records', lines=True)\"" },
	{ false, "ARROW1..", "d is an Arrow file; turn it into JSONL: python3 -c \"import pandas; "
	         "pandas.read_feather('d').to_json('rows.jsonl', orient='records', lines=True)\"" },
	{ false, "\x1F\x8B\x08.....", "d is packed by gzip; unpack it first: gunzip d" },
	{ true, "{\"body\":{\"model\":\"m\"}}", "d:1: no custom_id" },
	{ true, "{\"custom_id\":\"\",\"body\":{\"model\":\"m\"}}", "d:1: custom_id is empty" },
	{ true, "{\"custom_id\":\"a\\u0000\",\"body\":{\"model\":\"m\"}}", "d:1: custom_id has a NUL in it" },
	{ true, "{\"custom_id\":\"a\"}", "d:1: no body" },
	{ true, "{\"custom_id\":\"a\",\"body\":[]}", "d:1: body is no object" },
	{ true, "{\"custom_id\":\"a\",\"body\":{}}", "d:1: no body.model" },
	{ true, "{\"custom_id\":\"a\",\"body\":{\"x\":{\"model\":\"m\"}}}", "d:1: no body.model" },
	{ true, "{\"custom_id\":\"a\",\"method\":\"GET\",\"body\":{\"model\":\"m\"}}", "d:1: method is not POST" },
	{ true, REQ("a") "\n{\"custom_id\":\"b\",\"body\":{\"model\":\"n\"}}",
	  "d:2: model \"n\", but \"m\" in a row before: one file has one model" },
	{ true, REQ("a") "\n{\"custom_id\":\"b\",\"url\":\"/v1/x\",\"body\":{\"model\":\"m\"}}",
	  "d:2: url \"/v1/x\", but \"/v1/chat/completions\" in a row before: one file has one url" },
	{ true, REQ("a") "\n" REQ("a"), "d:2: custom_id a again (first in line 1)" },
	{ true, "{\"custom_id\":\"a\",\"body\":{\"model\":\"m\",\"t\":\"\xff\"}}", "d:1: not JSON at byte 43: not UTF-8" },
};

START_TEST(bad_rows_are_refused_with_their_place)
{
	struct seen seen = { 0 };
	struct err err = { 0 };
	int rc;

	put(refused[_i].in, strlen(refused[_i].in));
	rc = (refused[_i].requests ? dataset_read_requests : dataset_read)(in_path, "d", out_path, on_row, &seen, &err);
	ck_assert_int_eq(rc, BD_EINVALID);
	ck_assert_str_eq(err.msg, refused[_i].says);
	ck_assert_int_eq(file_size(out_path), -1);
	buf_done(&seen.ids);
}
END_TEST

START_TEST(nesting_is_bounded)
{
	struct buf b = { 0 };
	struct err err = { 0 };

	buf_add_str(&b, "{\"instance_id\":\"a\",\"x\":");
	for (int i = 0; i < 1000000; i++)
		buf_add_char(&b, '[');
	put(b.at, b.len);
	ck_assert_int_eq(dataset_read(in_path, "d", NULL, NULL, NULL, &err), BD_EINVALID);
	ck_assert_ptr_nonnull(strstr(err.msg, "nested too deeply"));
	buf_done(&b);
}
END_TEST

START_TEST(what_each_answers_ends_it)
{
	struct seen seen = { .say = BD_ESTATE };
	struct err err = { 0 };

	put(ROW("a") "\n" ROW("b"), strlen(ROW("a") "\n" ROW("b")));
	ck_assert_int_eq(dataset_read(in_path, "d", out_path, on_row, &seen, &err), BD_ESTATE);
	ck_assert_str_eq(err.msg, "enough");
	ck_assert_uint_eq(seen.n, 1);
	ck_assert_int_eq(file_size(out_path), -1);
	ck_assert_int_eq(dataset_read("/nowhere/x", "x", NULL, NULL, NULL, &err), BD_ENOTFOUND);
	ck_assert_int_eq(dataset_read(dir, "x", NULL, NULL, NULL, &err), BD_EINVALID);
	buf_done(&seen.ids);
}
END_TEST

START_TEST(requests_pass_with_any_text_as_custom_id)
{
	const char *in = REQ("a/b .\\u00e4") "\n{\"body\":{\"model\":\"m\",\"x\":\"\xc3\xa4\"},\"custom_id\":\"../c\"}\n";
	struct seen seen = { 0 };
	struct err err = { 0 };

	put(in, strlen(in));
	int rc = dataset_read_requests(in_path, "d", out_path, on_row, &seen, &err);
	ck_assert_msg(rc == 0, "%s", err.msg);
	ck_assert_str_eq(seen.ids.at, "a/b .\xc3\xa4@1 ../c@2");
	buf_done(&seen.ids);
}
END_TEST

/* Rows of an array that are longer than a piece of the reader, cut wherever it falls. */
START_TEST(elements_longer_than_a_piece)
{
	struct buf b = { 0 };
	struct seen seen = { 0 };
	struct err err = { 0 };

	buf_add_char(&b, '[');
	for (int i = 0; i < 20; i++) {
		buf_printf(&b, "%s{\"instance_id\":\"i%d\",\"t\":\"", i > 0 ? "," : "", i);
		for (int k = 0; k < 20000 + i * 7; k++)
			buf_add_str(&b, k % 3 == 0 ? "\\\\" : k % 3 == 1 ? "\\\"" : "]}");
		buf_add_str(&b, "\"}");
	}
	buf_add_char(&b, ']');
	put(b.at, b.len);
	int rc = dataset_read(in_path, "d", out_path, on_row, &seen, &err);
	ck_assert_msg(rc == 0, "%s", err.msg);
	ck_assert_uint_eq(seen.n, 20);
	ck_assert_int_eq(file_size(out_path), (int64_t)b.len - 1);      /* LF for each comma, and one for ']' */
	buf_done(&b);
	buf_done(&seen.ids);
}
END_TEST

START_TEST(ids_are_found_again_among_many)
{
	struct dataset_ids ids = { 0 };
	char id[32];

	ck_assert_int_eq(dataset_ids_find(&ids, span_of("repo__name-1")), 0);
	for (int round = 0; round < 2; round++) {
		for (int64_t i = 1; i <= 50000; i++) {
			snprintf(id, sizeof id, "repo__name-%lld", (long long)i);
			ck_assert_int_eq(dataset_ids_find(&ids, span_of(id)), round == 0 ? 0 : i);
			ck_assert_int_eq(dataset_ids_add(&ids, span_of(id), i), round == 0 ? 0 : i);
			ck_assert_int_eq(dataset_ids_find(&ids, span_of(id)), i);
		}
	}
	ck_assert_uint_eq(ids.count, 50000);
	dataset_ids_done(&ids);
}
END_TEST

static const struct { const char *in, *says; } rows[] = {
	{ "{\"instance_id\":\"a\",\"repo\":\"o/n\",\"base_commit\":\"c\",\"problem_statement\":\"p\\u0000q\"}", NULL },
	{ "{\"instance_id\":\"a\",\"repo\":\"o/n\",\"base_commit\":\"c\"}", "no problem_statement" },
	{ "{\"instance_id\":\"a\",\"repo\":null,\"base_commit\":\"c\"}", "no repo" },
	{ "{\"instance_id\":\"a\",\"repo\":\"o/n\",\"base_commit\":3}", "base_commit is no text" },
	{ "{\"instance_id\":", "not JSON at byte 15" },
};

START_TEST(fields_of_an_instance)
{
	struct instance_row row;
	struct err err = { 0 };
	int rc = instance_row_read(span_of(rows[_i].in), &row, &err);

	if (rows[_i].says != NULL) {
		ck_assert_int_eq(rc, BD_EINVALID);
		ck_assert_ptr_nonnull(strstr(err.msg, rows[_i].says));
		return;
	}
	ck_assert_msg(rc == 0, "%s", err.msg);
	ck_assert_str_eq(row.instance_id, "a");
	ck_assert_str_eq(row.repo, "o/n");
	ck_assert_str_eq(row.base_commit, "c");
	ck_assert_str_eq(row.problem_statement, "p\xEF\xBF\xBDq");
	instance_row_done(&row);
}
END_TEST

#define N(table) (int)(sizeof table / sizeof table[0])

int main(void)
{
	Suite *s = suite_create("dataset");
	TCase *tc = tcase_create("dataset");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, rows_come_in_order_and_as_plain_jsonl, 0, N(good));
	tcase_add_loop_test(tc, bad_rows_are_refused_with_their_place, 0, N(refused));
	tcase_add_test(tc, nesting_is_bounded);
	tcase_add_test(tc, what_each_answers_ends_it);
	tcase_add_test(tc, requests_pass_with_any_text_as_custom_id);
	tcase_add_test(tc, elements_longer_than_a_piece);
	tcase_add_test(tc, ids_are_found_again_among_many);
	tcase_add_loop_test(tc, fields_of_an_instance, 0, N(rows));
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
