/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "mem.h"
#include "helper_rollout.h"

/* The request of a pass, and its body parsed. */
static char *request(const struct rollout_params *p, int stage, int64_t k, const char *previous)
{
	struct rollout *r = rollout_make(p);
	struct instance *in = rollout_open_row(r);
	struct buf b = { 0 };
	struct err err = { 0 };

	ck_assert_msg(instance_request(in, stage, k, "id-1", span_of(previous), &b, &err) == 0, "%s", err.msg);
	instance_close(in);
	rollout_free(r);
	return buf_take_str(&b);
}

/* --- parameters ------------------------------------------------------------------------------------ */

START_TEST(parameters_survive_being_stored)
{
	struct rollout_params p = rollout_params_of("bugfixer"), back;
	struct buf once = { 0 }, again = { 0 };
	struct json *v = NULL;

	p.has_temp = true, p.temp = 0.7;
	p.has_max_tokens = true, p.max_tokens = 16384;
	p.greedy_first = true;
	p.passk = 8;
	p.extra_body = "{\"seed\": 1}";
	rollout_params_print(&p, &once);
	ck_assert_int_eq(json_parse(once.at, once.len, &v, NULL), 0);
	ck_assert_int_eq(rollout_params_read(v, &back, NULL), 0);
	ck_assert(back.has_temp && !back.has_top_p && back.greedy_first && !back.convert_crlf);
	rollout_params_print(&back, &again);
	ck_assert_str_eq(once.at, again.at);
	json_free(v);
	buf_done(&once);
	buf_done(&again);
}
END_TEST

static const char *const unreadable[] = { "[]", "{\"tmep\":1}", "{\"temp\":\"1\"}", "{\"passk\":1.5}", "{\"workflow\":1}", "{\"greedy_first\":1}" };

START_TEST(parameters_of_unknown_name_or_wrong_type_are_refused)
{
	struct rollout_params p;
	struct json *v = NULL;
	struct err err = { 0 };

	ck_assert_int_eq(json_parse(unreadable[_i], strlen(unreadable[_i]), &v, NULL), 0);
	ck_assert_int_eq(rollout_params_read(v, &p, &err), BD_EINVALID);
	ck_assert(err.msg[0] != '\0');
	json_free(v);
}
END_TEST

static void change_params(int i, struct rollout_params *p)
{
	switch (i) {
	case 0: p->workflow = "fixer"; break;
	case 1: p->workflow = NULL; break;
	case 2: p->passk = 0; break;
	case 3: p->model_name = NULL; break;
	case 4: p->repo_mirrors = rollout_dir; break;
	case 5: p->repostructure_dir = NULL; break;
	case 6: p->extra_body = "[1]"; break;
	case 7: p->extra_body = "{\"a\":01}"; break;
	case 8: p->extra_body = "{\"a\":1} x"; break;
	case 9: p->extra_body = "{\"messages\":[]}"; break;
	case 10: p->has_temp = true, p->temp = -1; break;
	case 11: p->has_top_p = true, p->top_p = 1.5; break;
	case 12: p->has_max_tokens = true, p->max_tokens = 0; break;
	case 13: p->line_url = NULL; break;
	case 14: p->prompt_dir = "/nowhere"; break;
	case 15: rollout_put("stage1.txt", "P {problem_statement}"); break;
	case 16: rollout_put("bugfixer/stage2.txt", "{problem_statement} { content }"); break;
	default: p->workflow = "raw"; break;           /* and a model's parameters with it */
	}
}

START_TEST(parameters_that_make_no_sense_are_refused)
{
	struct rollout_params p = rollout_params_of("bugfixer");
	struct rollout *r = NULL;
	struct err err = { 0 };

	change_params(_i, &p);
	ck_assert_int_eq(rollout_new(&p, &r, &err), BD_EINVALID);
	ck_assert_ptr_null(r);
	ck_assert(err.msg[0] != '\0');
}
END_TEST

/* --- requests ------------------------------------------------------------------------------------------- */

#define HEAD "{\"custom_id\":\"id-1\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":{\"model\":\"m\",\"messages\":" \
             "[{\"role\":\"user\",\"content\":\""
#define TREE "setup.py\\npkg/\\n    __init__.py\\n    a.py\\n    b.py\\n"

START_TEST(stage_1_holds_the_prompt_and_nothing_that_was_not_given)
{
	struct rollout_params p = rollout_params_of("bugfixer");
	char *line = request(&p, 1, 0, "");

	/* braces in the problem are text; so is {content}, of which stage 1 knows nothing */
	ck_assert_str_eq(line, HEAD "P bad {structure}\\r\\nand {content} \xF0\x9F\x98\x80\\nS\\n" TREE "{content}\"}]}}\n");
	free(line);
}
END_TEST

START_TEST(everything_given_is_in_the_body_and_extra_body_wins)
{
	struct rollout_params p = rollout_params_of("bugfixer");
	char *line;

	p.has_temp = p.has_top_p = p.has_max_tokens = p.has_thinking_budget = p.enable_thinking = p.convert_crlf = true;
	p.temp = 0.6, p.top_p = 0.95, p.max_tokens = 100, p.thinking_budget = 5;
	p.extra_body = " { \"top_p\" : 1.0 , \"seed\":12345678901234567890,\n\"s\":\"a\\u00e4\\\" b\", \"l\":[ 1, {\"x\" : null} ], \"seed\":9007199254740993 }";
	line = request(&p, 1, 3, "");
	ck_assert_str_eq(line, HEAD "P bad {structure}\\nand {content} \xF0\x9F\x98\x80\\nS\\n" TREE "{content}\"}],"
	                 "\"temperature\":0.6,\"max_tokens\":100,\"enable_thinking\":true,\"thinking_budget\":5,"
	                 "\"top_p\":1.0,\"s\":\"a\\u00e4\\\" b\",\"l\":[1,{\"x\":null}],\"seed\":9007199254740993}}\n");
	free(line);
}
END_TEST

START_TEST(extra_body_may_name_another_model)
{
	struct rollout_params p = rollout_params_of("bugfixer");
	char *line;

	p.extra_body = "{\"model\":\"other\"}";
	line = request(&p, 1, 0, "");
	ck_assert_ptr_nonnull(strstr(line, "\"body\":{\"messages\":"));
	ck_assert_ptr_nonnull(strstr(line, "\"}],\"model\":\"other\"}}\n"));
	free(line);
}
END_TEST

START_TEST(greedy_first_is_pass_0_alone)
{
	struct rollout_params p = rollout_params_of("bugfixer");
	char *first, *second;

	p.greedy_first = true, p.passk = 2, p.has_temp = _i == 1, p.temp = 0.8;
	first = request(&p, 1, 0, "");
	second = request(&p, 1, 1, "");
	ck_assert_ptr_nonnull(strstr(first, "],\"temperature\":0}}"));
	ck_assert_int_eq(strstr(second, ",\"temperature\":0.8}}") != NULL, _i == 1);
	ck_assert_int_eq(strstr(second, "temperature") != NULL, _i == 1);
	free(first);
	free(second);
}
END_TEST

START_TEST(stage_2_shows_the_files_that_stage_1_named)
{
	struct rollout_params p = rollout_params_of("bugfixer");
	char *line = request(&p, 2, 0, ANSWER("```\\npkg/a.py\\nREADME.md\\nb.py\\n```"));

	ck_assert_str_eq(line, HEAD "### pkg/a.py\\n`````python\\ndef f():\\n    return 1\\n\\n# ```` {structure}\\n`````\\n\\n"
	                 "### pkg/b.py\\n```python\\nx = 1\\n```\\n"
	                 "|bad {structure}\\r\\nand {content} \xF0\x9F\x98\x80|{other}\"}]}}\n");
	free(line);
}
END_TEST

START_TEST(the_test_writer_takes_the_first_test_and_prompts_of_any_workflow)
{
	struct rollout_params p = rollout_params_of("testwriter");
	char *line = request(&p, 2, 0, ANSWER("```\\npkg/a.py\\ntests/h.py\\ntests/test_a.py\\n```"));

	ck_assert_ptr_nonnull(strstr(line, "\"T bad"));
	ck_assert_ptr_nonnull(strstr(line, "### tests/test_a.py\\n```python\\nfrom .h import k\\n"));
	ck_assert_ptr_null(strstr(line, "pkg/a.py"));
	free(line);
}
END_TEST

static const struct { const char *line, *word; } useless[] = {
	{ ANSWER("I do not know"), "no_file" },
	{ ANSWER("```\\nREADME.md\\n```"), "no_file" },
	{ ANSWER(""), "no_answer" },
	{ ANSWER("<think>pkg/a.py</think>"), "only_thinking" },
	{ "no json", "malformed_response" },
};

START_TEST(a_useless_stage_1_answer_has_a_reason_and_no_request)
{
	struct rollout_params p = rollout_params_of("bugfixer");
	struct rollout *r = rollout_make(&p);
	struct instance *in = rollout_open_row(r);
	struct judgement j = { 0 };
	struct buf b = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(instance_check(in, 1, span_of(useless[_i].line), &j, &err), 0);
	ck_assert(!j.usable);
	ck_assert_str_eq(answer_fault_word(j.fault), useless[_i].word);
	ck_assert_int_eq(instance_request(in, 2, 0, "id-1", span_of(useless[_i].line), &b, &err), BD_EINVALID);
	ck_assert_msg(strncmp(err.msg, useless[_i].word, strlen(useless[_i].word)) == 0, "%s", err.msg);
	ck_assert_uint_eq(b.len, 0);
	instance_close(in);
	rollout_free(r);
}
END_TEST

START_TEST(many_passes_of_one_instance_are_what_each_would_be_alone)
{
	struct rollout_params p = rollout_params_of("bugfixer");
	struct rollout *r = rollout_make(&p);
	struct instance *in = rollout_open_row(r);
	static const char *const answers[] = { ANSWER("```\\npkg/a.py\\n```"), ANSWER("```\\npkg/b.py\\npkg/a.py\\n```"), ANSWER("```\\npkg/a.py\\n```") };

	for (int i = 0; i < 3; i++) {
		for (int stage = 1; stage <= 2; stage++) {
			struct buf b = { 0 };
			char *alone = request(&p, stage, i, answers[i]);

			ck_assert_int_eq(instance_request(in, stage, i, "id-1", span_of(answers[i]), &b, NULL), 0);
			ck_assert_str_eq(b.at, alone);
			free(alone);
			buf_done(&b);
		}
	}
	instance_close(in);
	rollout_free(r);
}
END_TEST

START_TEST(a_missing_structure_is_named)
{
	struct rollout_params p = rollout_params_of("bugfixer");
	struct rollout *r = rollout_make(&p);
	struct instance *in = NULL;
	struct err err = { 0 };

	ck_assert_int_eq(instance_open(r, span_of("{\"instance_id\":\"gone-1\",\"repo\":\"o/r\",\"base_commit\":\"c\",\"problem_statement\":\"p\"}"),
	                               NULL, &in, &err), BD_ENOTFOUND);
	ck_assert_msg(strstr(err.msg, "gone-1.json") != NULL, "%s", err.msg);
	rollout_free(r);
}
END_TEST

START_TEST(a_structure_without_python_is_asked_nothing_about)
{
	struct rollout_params p = rollout_params_of("bugfixer");
	struct rollout *r = rollout_make(&p);
	struct instance *in = NULL;
	struct err err = { 0 };

	rollout_put("bare-1.json", "{\"structure\":{\"r\":{\"README.md\":{}},\"docs\":{\"index.rst\":{}}}}");
	ck_assert_int_eq(instance_open(r, span_of("{\"instance_id\":\"bare-1\",\"repo\":\"o/r\",\"base_commit\":\"c\",\"problem_statement\":\"p\"}"),
	                               NULL, &in, &err), BD_EINVALID);
	ck_assert_msg(strstr(err.msg, "bare-1.json has no Python file") != NULL, "%s", err.msg);
	rollout_free(r);
}
END_TEST

/* --- raw requests ------------------------------------------------------------------------------------------ */

START_TEST(a_raw_request_goes_out_as_it_is_under_its_id)
{
	struct rollout_params p = { .workflow = "raw", .passk = 1, .line_url = "/v1/x" };
	struct rollout *r = rollout_make(&p);
	struct instance *in = NULL;
	struct buf b = { 0 };
	const char *row = "{\"body\": {\"model\":\"m\",\"big\":12345678901234567890, \"s\":\"\\u00e4 \"}, \"custom_id\":\"my id\", \"x\":1}";

	ck_assert_int_eq(instance_open(r, span_of(row), NULL, &in, NULL), 0);
	ck_assert_int_eq(instance_request(in, 1, 0, "b7", (struct span){ NULL, 0 }, &b, NULL), 0);
	ck_assert_str_eq(b.at, "{\"body\": {\"model\":\"m\",\"big\":12345678901234567890, \"s\":\"\\u00e4 \"}, \"custom_id\":\"b7\", \"x\":1,"
	                 "\"method\":\"POST\",\"url\":\"/v1/x\"}\n");
	ck_assert_int_eq(instance_request(in, 2, 0, "b7", (struct span){ NULL, 0 }, &b, NULL), BD_EINVALID);
	instance_close(in);
	rollout_free(r);
	buf_done(&b);
}
END_TEST

/* --- names -------------------------------------------------------------------------------------------------------- */

START_TEST(names_follow_the_contract)
{
	struct rollout_params p = rollout_params_of("bugfixer");
	struct rollout *r = rollout_make(&p);
	char *one = custom_id_make("a", 0, 1), *many = custom_id_make("a", 12, 40), *file = rollout_processed_name(r, 3);

	ck_assert_str_eq(one, "a");
	ck_assert_str_eq(many, "a__pass12");
	ck_assert_str_eq(file, "output_3_processed.jsonl");
	ck_assert_str_eq(rollout_product_suffix(r), ".patch");
	ck_assert_int_eq(rollout_stages(r), 2);
	rollout_free(r);
	free(one);
	free(many);
	free(file);
}
END_TEST

#define LOOP(tc, name, table) tcase_add_loop_test(tc, name, 0, (int)(sizeof table / sizeof table[0]))

int main(void)
{
	Suite *s = suite_create("rollout");
	TCase *tc = tcase_create("rollout");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, rollout_setup, rollout_teardown);
	tcase_add_test(tc, parameters_survive_being_stored);
	LOOP(tc, parameters_of_unknown_name_or_wrong_type_are_refused, unreadable);
	tcase_add_loop_test(tc, parameters_that_make_no_sense_are_refused, 0, 18);
	tcase_add_test(tc, stage_1_holds_the_prompt_and_nothing_that_was_not_given);
	tcase_add_test(tc, everything_given_is_in_the_body_and_extra_body_wins);
	tcase_add_test(tc, extra_body_may_name_another_model);
	tcase_add_loop_test(tc, greedy_first_is_pass_0_alone, 0, 2);
	tcase_add_test(tc, stage_2_shows_the_files_that_stage_1_named);
	tcase_add_test(tc, the_test_writer_takes_the_first_test_and_prompts_of_any_workflow);
	LOOP(tc, a_useless_stage_1_answer_has_a_reason_and_no_request, useless);
	tcase_add_test(tc, many_passes_of_one_instance_are_what_each_would_be_alone);
	tcase_add_test(tc, a_missing_structure_is_named);
	tcase_add_test(tc, a_structure_without_python_is_asked_nothing_about);
	tcase_add_test(tc, a_raw_request_goes_out_as_it_is_under_its_id);
	tcase_add_test(tc, names_follow_the_contract);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
