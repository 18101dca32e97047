/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "helper_rollout.h"
#include "mem.h"
#include "script.h"

#define PATCH "diff --git a/pkg/b.py b/pkg/b.py\n--- a/pkg/b.py\n+++ b/pkg/b.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"
#define GOOD_EDIT BLOCK("pkg/b.py", "x = 1\\n", "x = 2\\n")

/* Without the line of hashes, which says nothing that matters here. */
static void drop_index_line(char *patch)
{
	char *from = strstr(patch, "\nindex "), *to = from != NULL ? strchr(from + 1, '\n') : NULL;

	if (to != NULL)
		memmove(from, to, strlen(to) + 1);
}

START_TEST(a_good_answer_is_a_patch_and_every_line_about_it)
{
	struct rollout_params p = rollout_params_of("bugfixer");
	struct sample s = { 0 };
	struct json *v = rollout_sample(&p, ANSWER("```\\npkg/b.py\\n```"), ANSWER(GOOD_EDIT), &s), *o = NULL;
	char *patch = mem_strdup(buf_str(&s.product));

	ck_assert(s.judgement.usable && s.judgement.fault == ANSWER_NONE);
	ck_assert_str_eq(json_get_str(v, "state"), "done");
	ck_assert_str_eq(json_str(json_first(json_get(v, "files"))), "pkg/b.py");
	ck_assert_str_eq(json_get_str(json_first(json_get(v, "edits")), "fate"), "applied");
	ck_assert_int_eq(json_get_int(json_get(json_get(v, "tokens"), "stage2"), "completion", 0), 3);
	ck_assert_uint_eq(json_count(json_get(v, "answers")), 2);
	drop_index_line(patch);
	ck_assert_str_eq(patch, PATCH);
	json_free(v);
	ck_assert_int_eq(json_parse(s.processed.at, s.processed.len, &o, NULL), 0);
	ck_assert_str_eq(json_get_str(o, "model_patch"), s.product.at);
	ck_assert_str_eq(json_get_str(o, "raw_model_patch"), s.product.at);
	ck_assert_str_eq(json_str(json_first(json_get(o, "original_file_content"))), "x = 1\n");
	ck_assert_str_eq(json_str(json_first(json_get(o, "new_file_content"))), "x = 2\n");
	ck_assert_str_eq(json_str(json_first(json_get(o, "edited_files"))), "pkg/b.py");
	ck_assert_str_eq(json_get_str(o, "model_name_or_path"), "m");
	ck_assert_uint_eq(json_count(o), 7);
	json_free(o);
	free(patch);
	sample_done(&s);
}
END_TEST

static const struct { const char *line2, *word; } no_samples[] = {
	{ ANSWER("no blocks"), "no_edit" },
	{ ANSWER(BLOCK("pkg/b.py", "y = 1\\n", "y = 2\\n")), "no_edit_fits" },
	{ ANSWER(BLOCK("pkg/b.py", "x = 1\\n", "x = 1\\n")), "no_change" },
	{ ANSWER(GOOD_EDIT BLOCK("pkg/b.py", "x = 2\\n", "x = 1\\n")), "no_change" },
	{ ANSWER("<think>" GOOD_EDIT "</think>"), "only_thinking" },
	{ "{\"custom_id\":\"o__r-1\",\"response\":{\"status_code\":200,\"body\":{\"choices\":[{\"finish_reason\":\"length\","
	  "\"message\":{\"content\":\"I would\"}}]}}}", "truncated" },
	{ "{}", "malformed_response" },
};

START_TEST(an_answer_of_no_use_is_recorded_with_its_reason)
{
	struct rollout_params p = rollout_params_of("bugfixer");
	struct sample s = { 0 };
	struct json *v = rollout_sample(&p, "", no_samples[_i].line2, &s);

	ck_assert(!s.judgement.usable);
	ck_assert_str_eq(answer_fault_word(s.judgement.fault), no_samples[_i].word);
	ck_assert_str_eq(json_get_str(v, "reason"), no_samples[_i].word);
	ck_assert_str_eq(json_get_str(v, "state"), "failed");
	ck_assert_uint_eq(s.product.len + s.output.len + s.processed.len, 0);
	json_free(v);
	sample_done(&s);
}
END_TEST

START_TEST(a_partial_patch_is_kept_and_marked_unless_it_is_not_wanted)
{
	struct rollout_params p = rollout_params_of("bugfixer");
	struct sample s = { 0 };
	struct json *v;

	p.drop_partial = _i == 1;
	v = rollout_sample(&p, "", ANSWER(GOOD_EDIT BLOCK("pkg/a.py", "gone\\n", "y\\n")), &s);
	ck_assert_int_eq(s.judgement.fault, ANSWER_PARTIAL);
	ck_assert_int_eq(s.judgement.usable, _i == 0);
	ck_assert_int_eq(s.output.len > 0, _i == 0);
	ck_assert_msg(strstr(s.judgement.details, "pkg/a.py: not_found") != NULL, "%s", s.judgement.details);
	if (_i == 0)
		ck_assert_ptr_nonnull(strstr(s.output.at, "\"partial\":true"));
	json_free(v);
	sample_done(&s);
}
END_TEST

#define NEW_TEST BLOCK("tests/test_a.py", "    assert k\\n", "    assert k\\n\\n\\ndef test_g():\\n    assert k == 2\\n")

START_TEST(the_test_writer_makes_a_script_and_the_patch_that_adds_it)
{
	struct rollout_params p = rollout_params_of("testwriter");
	struct sample s = { 0 };
	struct json *v = rollout_sample(&p, ANSWER("```\\ntests/test_a.py\\n```"), ANSWER(NEW_TEST), &s), *o = NULL;

	ck_assert_msg(s.judgement.usable, "%s", s.judgement.details);
	ck_assert(span_starts(buf_span(&s.product), script_head));
	ck_assert(span_starts(span_of(s.product.at + strlen(script_head)), "from tests.h import k\ndef test_f():\n    assert k\n\n\ndef test_g():\n"));
	ck_assert_str_eq(json_get_str(v, "script"), s.product.at);
	ck_assert_str_eq(json_get_str(v, "test_file"), "tests/test_a.py");
	json_free(v);
	ck_assert_int_eq(json_parse(s.processed.at, s.processed.len, &o, NULL), 0);
	ck_assert_str_eq(json_get_str(o, "test_func_name"), "test_g");
	ck_assert_str_eq(json_get_str(o, "original_file_content"), "from .h import k\ndef test_f():\n    assert k\n");
	ck_assert_ptr_nonnull(strstr(json_get_str(o, "test_patch"), "+++ b/reproduce_bug.py\n"));
	ck_assert_ptr_nonnull(strstr(json_get_str(o, "raw_test_patch"), "+def test_g():\n"));
	ck_assert_uint_eq(json_count(o), 6);
	json_free(o);
	sample_done(&s);
}
END_TEST

START_TEST(the_tests_may_be_in_another_file_than_was_named)
{
	struct rollout_params p = rollout_params_of("testwriter");
	struct sample s = { 0 };
	struct json *v = rollout_sample(&p, ANSWER("```\\ntests/h.py\\n```"),
	                           ANSWER(BLOCK("tests/h.py", "k = 1\\n", "k = 2\\n") NEW_TEST), &s);

	ck_assert_msg(s.judgement.usable, "%s", s.judgement.details);
	ck_assert_str_eq(json_str(json_first(json_get(v, "files"))), "tests/h.py");
	ck_assert_str_eq(json_get_str(v, "test_file"), "tests/test_a.py");
	ck_assert_ptr_null(strstr(json_get_str(v, "raw_test_patch"), "tests/h.py"));
	json_free(v);
	sample_done(&s);
}
END_TEST

static const struct { const char *line2, *word; } no_scripts[] = {
	{ ANSWER(BLOCK("tests/test_a.py", "    assert k\\n", "    assert k  # more\\n")), "no_test" },
	{ ANSWER(GOOD_EDIT), "no_test" },
	{ ANSWER(BLOCK("tests/test_a.py", "    assert k\\n", "    assert k\\n\\ndef test_g(:\\n    pass\\n")), "bad_python" },
	{ ANSWER(BLOCK("tests/test_a.py", "from .h import k\\n", "from ...h import k\\ndef test_h(): pass\\n")), "bad_python" },
	{ ANSWER(BLOCK("tests/test_a.py", "    assert k\\n", "    assert k\\ndef test_g():\\n    x = '''\\n")), "bad_python" },
};

START_TEST(what_makes_no_script_is_not_written_as_one)
{
	struct rollout_params p = rollout_params_of("testwriter");
	struct sample s = { 0 };
	struct json *v = rollout_sample(&p, ANSWER("```\\ntests/test_a.py\\n```"), no_scripts[_i].line2, &s);

	ck_assert_str_eq(answer_fault_word(s.judgement.fault), no_scripts[_i].word);
	ck_assert_uint_eq(s.product.len + s.output.len + s.processed.len, 0);
	json_free(v);
	sample_done(&s);
}
END_TEST

#define LOOP(tc, name, table) tcase_add_loop_test(tc, name, 0, (int)(sizeof table / sizeof table[0]))

int main(void)
{
	Suite *s = suite_create("sample");
	TCase *tc = tcase_create("sample");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, rollout_setup, rollout_teardown);
	tcase_add_test(tc, a_good_answer_is_a_patch_and_every_line_about_it);
	LOOP(tc, an_answer_of_no_use_is_recorded_with_its_reason, no_samples);
	tcase_add_loop_test(tc, a_partial_patch_is_kept_and_marked_unless_it_is_not_wanted, 0, 2);
	tcase_add_test(tc, the_test_writer_makes_a_script_and_the_patch_that_adds_it);
	tcase_add_test(tc, the_tests_may_be_in_another_file_than_was_named);
	LOOP(tc, what_makes_no_script_is_not_written_as_one, no_scripts);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
