/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_int.h"
#include "helper_source.h"

#define N(rows) (int)(sizeof rows / sizeof rows[0])
#define FENCE3 "```"

/* --- output lines ---------------------------------------------------------------------- */

#define LINE(body) "{\"id\":\"b\",\"custom_id\":\"i\",\"response\":{\"status_code\":200,\"body\":" body "},\"error\":null}"
#define CHAT(choice) LINE("{\"model\":\"m\",\"choices\":[" choice "]}")
#define SAYS(content) CHAT("{\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\",\"content\":" content "}}")

static const struct {
	const char *what, *line, *text;
	enum answer_fault fault;
} lines[] = {
	{ "a text", SAYS("\"hello\""), "hello", ANSWER_NONE },
	{ "parts", SAYS("[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]"), "ab", ANSWER_NONE },
	{ "parts, thinking skipped", SAYS("[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"hm\"}]},{\"type\":\"text\",\"text\":\"b\"}]"),
	  "b", ANSWER_NONE },
	{ "thinking parts alone", SAYS("[{\"type\":\"thinking\",\"thinking\":\"hm\"}]"), "", ANSWER_ONLY_THINKING },
	{ "parts that are texts", SAYS("[\"a\",\"b\"]"), "ab", ANSWER_NONE },
	{ "null", SAYS("null"), "", ANSWER_NO_ANSWER },
	{ "empty", SAYS("\"\""), "", ANSWER_NO_ANSWER },
	{ "blank", SAYS("\" \\n\""), " \n", ANSWER_NO_ANSWER },
	{ "thinking in front", SAYS("\"<think>hm</think>\\nyes\""), "\nyes", ANSWER_NONE },
	{ "only thinking", SAYS("\"<think>hm</think>\\n\""), "\n", ANSWER_ONLY_THINKING },
	{ "thinking without an end", SAYS("\"<think>hm\""), "", ANSWER_ONLY_THINKING },
	{ "reasoning apart", CHAT("{\"message\":{\"content\":\"yes\",\"reasoning_content\":\"hm\"}}"), "yes", ANSWER_NONE },
	{ "reasoning alone", CHAT("{\"message\":{\"content\":null,\"reasoning\":\"hm\"}}"), "", ANSWER_ONLY_THINKING },
	{ "the answer left in the reasoning", CHAT("{\"message\":{\"content\":null,\"reasoning_content\":\"hm</think>yes\"}}"), "yes", ANSWER_NONE },
	{ "refused", CHAT("{\"message\":{\"content\":null,\"refusal\":\"I will not\"}}"), "", ANSWER_REFUSED },
	{ "filtered", CHAT("{\"finish_reason\":\"content_filter\",\"message\":{\"content\":\"\"}}"), "", ANSWER_REFUSED },
	{ "cut, something said", CHAT("{\"finish_reason\":\"length\",\"message\":{\"content\":\"half\"}}"), "half", ANSWER_NONE },
	{ "cut, nothing said", CHAT("{\"finish_reason\":\"length\",\"message\":{\"content\":\"\"}}"), "", ANSWER_TRUNCATED },
	{ "cut in thinking", CHAT("{\"finish_reason\":\"length\",\"message\":{\"content\":\"<think>hm\"}}"), "", ANSWER_TRUNCATED },
	{ "legacy", CHAT("{\"text\":\"old\",\"finish_reason\":\"stop\"}"), "old", ANSWER_NONE },
	{ "second choice speaks", CHAT("{\"message\":{\"content\":null}},{\"message\":{\"content\":\"two\"}}"), "two", ANSWER_NONE },
	{ "no choices", LINE("{\"choices\":[]}"), "", ANSWER_NO_ANSWER },
	{ "body as a string", LINE("\"{\\\"choices\\\":[{\\\"message\\\":{\\\"content\\\":\\\"packed\\\"}}]}\""), "packed", ANSWER_NONE },
	{ "body a string of rubbish", LINE("\"rubbish\""), "", ANSWER_MALFORMED },
	{ "no body", LINE("null"), "", ANSWER_MALFORMED },
	{ "no JSON", "{\"response\":", "", ANSWER_MALFORMED },
	{ "a list", "[1]", "", ANSWER_MALFORMED },
	{ "an error line", "{\"custom_id\":\"i\",\"response\":null,\"error\":\"boom\"}", "", ANSWER_MALFORMED },
	{ "responses", LINE("{\"status\":\"completed\",\"output\":[{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"hm\"}]},"
	  "{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"yes\"}]}]}"), "yes", ANSWER_NONE },
	{ "responses, cut", LINE("{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"max_output_tokens\"},\"output\":[{\"type\":\"reasoning\",\"summary\":[]}]}"),
	  "", ANSWER_TRUNCATED },
	{ "responses, refused", LINE("{\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"no\"}]}]}"), "", ANSWER_REFUSED },
	{ "content blocks at the top", LINE("{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\"},{\"type\":\"text\",\"text\":\"yes\"}],"
	  "\"stop_reason\":\"end_turn\"}"), "yes", ANSWER_NONE },
	{ "NUL and a lone surrogate", SAYS("\"a\\u0000b\\ud800\""), "a\xEF\xBF\xBD" "b\xEF\xBF\xBD", ANSWER_NONE },
};

START_TEST(a_line_is_read_as_any_server_writes_it)
{
	struct answer a;

	answer_read(span_of(lines[_i].line), &a);
	ck_assert_msg(strcmp(a.text, lines[_i].text) == 0, "%s: \"%s\"", lines[_i].what, a.text);
	ck_assert_msg(a.fault == lines[_i].fault, "%s: %s", lines[_i].what, answer_fault_word(a.fault));
	answer_done(&a);
}
END_TEST

START_TEST(usage_model_and_reasoning_come_along)
{
	static const char *const usages[] = {
		"{\"prompt_tokens\":7,\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":3},\"completion_tokens_details\":{\"reasoning_tokens\":2}}",
		"{\"input_tokens\":7,\"output_tokens\":5,\"input_tokens_details\":{\"cached_tokens\":3},\"output_tokens_details\":{\"reasoning_tokens\":2}}",
		"{\"prompt_tokens\":7,\"completion_tokens\":5,\"prompt_cache_hit_tokens\":3,\"reasoning_tokens\":2,\"prompt_tokens_details\":null}",
	};
	struct buf line = { 0 };
	struct answer a;

	buf_printf(&line, "{\"response\":{\"body\":{\"model\":\"m-1\",\"usage\":%s,\"choices\":[{\"finish_reason\":\"stop\",\"message\":"
	           "{\"content\":\"x\",\"reasoning_content\":\"why\"}}]}}}", usages[_i]);
	answer_read(buf_span(&line), &a);
	ck_assert_int_eq(a.prompt, 7);
	ck_assert_int_eq(a.completion, 5);
	ck_assert_int_eq(a.cached, 3);
	ck_assert_int_eq(a.reasoning_tokens, 2);
	ck_assert_str_eq(a.model, "m-1");
	ck_assert_str_eq(a.reasoning, "why");
	ck_assert_str_eq(a.finish_reason, "stop");
	ck_assert(!a.truncated);
	answer_done(&a);
	buf_done(&line);
}
END_TEST

/* --- thinking ---------------------------------------------------------------------------- */

#define BLOCK "<<<<<<< SEARCH\nx = \"\n<think>\n\"\n=======\nx = \"\n</think>\n\"\n>>>>>>> REPLACE\n"

static const struct { const char *what, *in, *out; } thoughts[] = {
	{ "none", "yes", "yes" },
	{ "think", "<think>a\nb</think>yes", "yes" },
	{ "thinking", "<thinking>a</thinking>\nyes", "\nyes" },
	{ "large letters", "<THINK>a</THINK>yes", "yes" },
	{ "triangles", "\xE2\x97\x81think\xE2\x96\xB7" "a\xE2\x97\x81/think\xE2\x96\xB7yes", "yes" },
	{ "brackets", "[THINK]a[/THINK]yes", "yes" },
	{ "no end", "first\n<think>never done", "first\n" },
	{ "no opening", "I was thinking\n</think>\nyes", "\nyes" },
	{ "no opening, twice thought", "a</think>yes</think>", "yes" },
	{ "the end talked about", "<think>I close with </think> then.\nMore.\n</think>\nyes", "\nyes" },
	{ "a leftover at the end", "<think>a</think>yes\n</think>\n", "yes\n\n" },
	{ "two thoughts", "<think>a</think>one<think>b</think>two", "onetwo" },
	{ "nested", "<think>a\n<think>b</think>c</think>yes", "yes" },
	{ "nested, one end", "<think>a\n<think>b</think>yes", "yes" },
	{ "talked about", "use the `<think>` tag", "use the `<think>` tag" },
	{ "in a line, no end", "if tag is <think> then", "if tag is <think> then" },
	{ "in quotes", "s.split(\"</think>\")", "s.split(\"</think>\")" },
	{ "in a block", "Fix:\n" BLOCK, "Fix:\n" BLOCK },
	{ "around a block", "<think>\n" BLOCK "</think>\n" BLOCK, "\n" BLOCK },
	{ "a block begun and dropped", "hm\n<<<<<<< SEARCH\nx\n</think>\n" BLOCK, "\n" BLOCK },
};

START_TEST(thinking_is_cut)
{
	struct buf out = { 0 };

	buf_add_str(&out, "kept:");
	answer_cut_thinking(span_of(thoughts[_i].in), &out);
	ck_assert_msg(strncmp(out.at, "kept:", 5) == 0 && strcmp(out.at + 5, thoughts[_i].out) == 0, "%s: \"%s\"",
	              thoughts[_i].what, out.at);
	buf_done(&out);
}
END_TEST

/* --- files --------------------------------------------------------------------------------- */

static const struct source_file files[] = {
	{ "setup.py", "", 0 },
	{ "src/app.py", "", 0 },
	{ "src/io/core.py", "", 0 },
	{ "src/io/__init__.py", "", 0 },
	{ "src/__init__.py", "", 0 },
	{ "src/util.py", "", 0 },
	{ "src/more.py", "", 0 },
	{ "src/last.py", "", 0 },
	{ "docs/my file.py", "", 0 },
	{ "tests/test_app.py", "", 0 },
	{ "src/core_test.py", "", 0 },
	{ "Makefile", "", 0 },
	{ NULL, NULL, 0 },
};

static const struct {
	const char *what, *text, *paths;        /* blank between */
	bool tests_only;
} lists[] = {
	{ "fence", FENCE3 "\nsrc/app.py\nsrc/util.py\n" FENCE3, "src/app.py src/util.py", false },
	{ "fence with language", FENCE3 "text\nsrc/app.py\n" FENCE3 "\n", "src/app.py", false },
	{ "no fence", "src/app.py\nsrc/util.py\n", "src/app.py src/util.py", false },
	{ "CRLF", FENCE3 "\r\nsrc/app.py\r\nsrc/util.py\r\n" FENCE3 "\r\n", "src/app.py src/util.py", false },
	{ "bullets", "- src/app.py\n* src/util.py\n\xE2\x80\xA2 src/io/core.py\n", "src/app.py src/util.py src/io/core.py", false },
	{ "numbers", "1. src/app.py\n2) `src/util.py`\n(3) src/more.py\n", "src/app.py src/util.py src/more.py", false },
	{ "bold numbers", "1. **`src/app.py`** - the application\n2. **src/util.py**: helpers\n", "src/app.py src/util.py", false },
	{ "headings", "### 1. src/app.py\nIt holds `src/more.py`s base.\n### 2. src/util.py\n", "src/app.py src/util.py", false },
	{ "descriptions", "src/app.py - calls src/util.py\nsrc/more.py (line 3)\n", "src/app.py src/more.py", false },
	{ "lines", FENCE3 "\nsrc/app.py:12-40\nsrc/util.py#L3\nsrc/more.py (lines 1-3)\nsrc/last.py::f\n" FENCE3,
	  "src/app.py src/util.py src/more.py src/last.py", false },
	{ "a/ and ./", "a/src/app.py\n./src/util.py\n/testbed/src/more.py\nproject/src/last.py\n",
	  "src/app.py src/util.py src/more.py src/last.py", false },
	{ "only the end", "core.py\nio/core.py\n", "src/io/core.py", false },
	{ "several of that name", "__init__.py\nsrc/app.py\n", "src/app.py", false },
	{ "unknown ones", "src/none.py\nsrc/app.py\n", "src/app.py", false },
	{ "each once", "src/app.py\n`src/app.py`\nsrc/util.py\n", "src/app.py src/util.py", false },
	{ "at most three", "src/app.py\nsrc/util.py\nsrc/more.py\nsrc/last.py\n", "src/app.py src/util.py src/more.py", false },
	{ "prose", "The bug is in `src/app.py`, perhaps also in src/util.py.", "src/app.py src/util.py", false },
	{ "prose, then a fence", "It is not in src/more.py, so:\n\n" FENCE3 "\nsrc/app.py\n" FENCE3 "\nThat is all.", "src/app.py", false },
	{ "a draft, then the answer", FENCE3 "\nsrc/more.py\nsrc/util.py\n" FENCE3 "\nNo:\n" FENCE3 "\nsrc/app.py\nsrc/last.py\n" FENCE3,
	  "src/app.py src/last.py", false },
	{ "one fence a file", FENCE3 "\nsrc/app.py\n" FENCE3 "\n" FENCE3 "\nsrc/util.py\n" FENCE3, "src/app.py src/util.py", false },
	{ "a fence of code first", FENCE3 "python\nimport app\nopen('setup.py')\n" FENCE3 "\n" FENCE3 "\nsrc/app.py\n" FENCE3, "src/app.py", false },
	{ "unclosed fence", FENCE3 "\nsrc/app.py\nsrc/util.py", "src/app.py src/util.py", false },
	{ "with functions", FENCE3 "\nsrc/app.py\nfunction: f\nclass: A\nline: 12\n\nsrc/util.py\nfunction: g\n" FENCE3, "src/app.py src/util.py", false },
	{ "JSON", "[\"src/app.py\", \"src/util.py\"]", "src/app.py src/util.py", false },
	{ "JSON in a fence", FENCE3 "json\n{\n  \"files\": [\n    \"src/app.py\",\n    \"src/util.py\"\n  ]\n}\n" FENCE3, "src/app.py src/util.py", false },
	{ "commas", "src/app.py, src/util.py", "src/app.py src/util.py", false },
	{ "a table", "| File | Why |\n|---|---|\n| `src/app.py` | it |\n| src/util.py | also |\n", "src/app.py src/util.py", false },
	{ "tags", "<file>src/app.py</file>\n<file>src/util.py</file>\n", "src/app.py src/util.py", false },
	{ "labels", "File: src/app.py\n**Path:** `src/util.py`\n", "src/app.py src/util.py", false },
	{ "items with words", "- Main: `src/app.py` (uses `src/more.py`)\n- Helper: `src/util.py`\n", "src/app.py src/util.py", false },
	{ "a link", "- [src/app.py](src/app.py)\n", "src/app.py", false },
	{ "no ending", "Makefile\n", "Makefile", false },
	{ "blanks", FENCE3 "\ndocs/my file.py\n" FENCE3, "docs/my file.py", false },
	{ "a URL is none", "See https://example.org/src/app.py for it.", "", false },
	{ "escaped underscores", "src/io/\\_\\_init\\_\\_.py", "src/io/__init__.py", false },
	{ "backslashes", "src\\io\\core.py", "src/io/core.py", false },
	{ "nothing", "I do not know.", "", false },
	{ "empty", "", "", false },
	{ "tests only", FENCE3 "\nsrc/app.py\ntests/test_app.py\nsrc/core_test.py\n" FENCE3, "tests/test_app.py src/core_test.py", true },
	{ "tests, last fence has none", FENCE3 "\ntests/test_app.py\n" FENCE3 "\nfor\n" FENCE3 "\nsrc/app.py\n" FENCE3, "tests/test_app.py", true },
	{ "no tests", "src/app.py", "", true },
};

START_TEST(files_are_found_however_they_are_listed)
{
	struct source src = source_of_files(files);
	struct buf got = { 0 };
	struct paths p;

	answer_files_from(lists[_i].text, &src, lists[_i].what[0] == 'a' && lists[_i].what[1] == 't' ? 3 : 5, lists[_i].tests_only, &p);
	for (size_t i = 0; i < p.n; i++)
		buf_printf(&got, "%s%s", i > 0 ? " " : "", p.at[i]);
	ck_assert_msg(strcmp(buf_str(&got), lists[_i].paths) == 0, "%s: %s", lists[_i].what, buf_str(&got));
	paths_done(&p);
	buf_done(&got);
}
END_TEST

START_TEST(tests_are_told_by_their_paths)
{
	ck_assert(path_is_test("test_a.py"));
	ck_assert(path_is_test("a/b/test_a.py"));
	ck_assert(path_is_test("a/b/c_test.py"));
	ck_assert(path_is_test("tests/helper.py"));
	ck_assert(path_is_test("a/test/helper.py"));
	ck_assert(!path_is_test("a/testing.py"));
	ck_assert(!path_is_test("attest/a.py"));
	ck_assert(!path_is_test("latest_a.py"));
	ck_assert(!path_is_test("tests/data.json"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("answer");
	TCase *tc = tcase_create("answer");

	tcase_add_loop_test(tc, a_line_is_read_as_any_server_writes_it, 0, N(lines));
	tcase_add_loop_test(tc, usage_model_and_reasoning_come_along, 0, 3);
	tcase_add_loop_test(tc, thinking_is_cut, 0, N(thoughts));
	tcase_add_loop_test(tc, files_are_found_however_they_are_listed, 0, N(lists));
	tcase_add_test(tc, tests_are_told_by_their_paths);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
