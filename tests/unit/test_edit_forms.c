/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>

#include "helper_edit.h"

/* Edits in other forms than SEARCH/REPLACE blocks, and names that need the files that were shown. */

#define OLD "        return 1"
#define NEW "        return 2"
#define REST "    return 0\n\n\ndef g(x):\n    return f(x) + 1\n"
#define P "src/pkg/app.py"

static const struct row json[] = {
	{ "a list in a fence", "Fixed.\n```json\n[\n  {\"file\": \"" P "\", \"search\": \"" OLD "\", \"replace\": \"" NEW "\"}\n]\n```\n", "applied", APP_PATH, APP_NEW },
	{ "bare, other names", "{\"file_path\": \"" P "\", \"old_string\": \"" OLD "\", \"new_string\": \"" NEW "\"}", "applied", APP_PATH, APP_NEW },
	{ "a call", "<tool_call>\n{\"name\": \"edit\", \"arguments\": {\"command\": \"str_replace\", \"path\": \"/testbed/" P "\", \"old_str\": \"" OLD "\", \"new_str\": \"" NEW "\"}}\n</tool_call>\n",
	  "applied", APP_PATH, APP_NEW },
	{ "below the file", "{\"" P "\": [{\"before\": \"import os\", \"after\": \"import os\"}, {\"before\": \"" OLD "\", \"after\": \"" NEW "\"}]}", "no_change,applied", APP_PATH, APP_NEW },
	{ "edits of a file", "{\"changes\": [{\"filename\": \"" P "\", \"edits\": [{\"original\": \"" OLD "\", \"updated\": \"" NEW "\"}]}]}", "applied", APP_PATH, APP_NEW },
	{ "lists of lines", "[{\"path\": \"" P "\", \"search\": [\"    if x:\", \"" OLD "\"], \"replace\": [\"    if x:\", \"" NEW "\"]}]", "applied", APP_PATH, APP_NEW },
	{ "line breaks as they are", "[{\"file\": \"" P "\", \"search\": \"    if x:\n" OLD "\", \"replace\": \"    if x:\n" NEW "\"}]", "applied", APP_PATH, APP_NEW },
	{ "no file", "[{\"search\": \"" OLD "\", \"replace\": \"" NEW "\"}]", "no_path", NULL, NULL },
	{ "a part of a line", "{\"path\": \"" P "\", \"old\": \"f(x) + 1\", \"new\": \"f(x) + 2\"}", "part_of_line", APP_PATH,
	  "import os\n\n\ndef f(x):\n    if x:\n        return 1\n    return 0\n\n\ndef g(x):\n    return f(x) + 2\n" },
	{ "from inside a line into another", "{\"path\": \"" P "\", \"old\": \"x:\\n        return\", \"new\": \"x:\\n        pass\\n        return\"}", "part_of_line", APP_PATH,
	  "import os\n\n\ndef f(x):\n    if x:\n        pass\n        return 1\n    return 0\n\n\ndef g(x):\n    return f(x) + 1\n" },
	{ "a part that is there twice", "{\"path\": \"" P "\", \"old\": \"(x):\", \"new\": \"(y):\"}", "found_several", NULL, NULL },
	{ "a new file", "{\"path\": \"new.py\", \"old_str\": \"\", \"new_str\": \"x = 1\\n\"}", "created", "new.py", "x = 1\n" },
	{ "a whole file", "{\"path\": \"src/pkg/two.py\", \"content\": \"a = 1\\nb = 2\\na = 3\\n\"}", "whole_file", "src/pkg/two.py", "a = 1\nb = 2\na = 3\n" },
	{ "a patch in a string", "{\"patch\": \"*** Begin Patch\\n*** Update File: " P "\\n@@\\n-" OLD "\\n+" NEW "\\n*** End Patch\"}", "applied", APP_PATH, APP_NEW },
	{ "deleted lines", "{\"path\": \"src/pkg/two.py\", \"search\": \"b = 2\\n\", \"replace\": null}", "applied", "src/pkg/two.py", "a = 1\na = 1\n" },
	{ "no JSON", "[" P "] {search}\n{ \"a\": \n", "", NULL, NULL },
	{ "JSON without edits", "{\"file\": \"" P "\", \"why\": [1, {\"search\": 2, \"replace\": {}}]}", "", NULL, NULL },
};

static const struct row words[] = {
	{ "two fences", "### " P "\n\nSEARCH:\n```python\n" OLD "\n```\n\nREPLACE:\n```python\n" NEW "\n```\n", "applied", APP_PATH, APP_NEW },
	{ "before and after", "In `" P "`:\n\n**Before:**\n```python\n" OLD "\n```\n**After (fixed):**\n```python\n" NEW "\n```\n", "applied", APP_PATH, APP_NEW },
	{ "with the path", "Original code in `" P "`:\n```\n" OLD "\n```\nUpdated code:\n```\n" NEW "\n```\n", "applied", APP_PATH, APP_NEW },
	{ "replace, with", P "\n\nReplace this block:\n```python\n" OLD "\n```\nwith:\n```python\n" NEW "\n```\n", "applied", APP_PATH, APP_NEW },
	{ "change, to", "`" P "`\n1. Change this:\n   ```python\n   " OLD "\n   ```\n   to this:\n   ```python\n   " NEW "\n   ```\n", "indentation", APP_PATH, APP_NEW },
	{ "comments in one fence", "### " P "\n```python\n# Before\n" OLD "\n# After\n" NEW "\n```\n", "applied", APP_PATH, APP_NEW },
	{ "twice in one fence", "### " P "\n```python\nSEARCH:\n" OLD "\nREPLACE:\n" NEW "\nSEARCH:\nimport os\nREPLACE:\nimport os\n```\n", "applied,no_change", APP_PATH, APP_NEW },
	{ "only before", "### two.py\nBefore:\n```python\na = 1\n```\nThat is all there is.\n", "snippet", NULL, NULL },
	{ "no labels", "The original code of the function has\n```python\n" OLD "\n```\nand it should have\n```python\n" NEW "\n```\n", "", NULL, NULL },
	{ "tags", "<file>" P "</file>\n<original>\n" OLD "\n</original>\n<patched>\n" NEW "\n</patched>\n", "applied", APP_PATH, APP_NEW },
	{ "tags, attributes", "<edit path=\"" P "\">\n<old lang=\"py\">\n" OLD "\n</old>\n<new>\n" NEW "\n</new>\n</edit>\n", "applied", APP_PATH, APP_NEW },
	{ "parameters", "<function=edit>\n<parameter=path>/testbed/" P "</parameter>\n<parameter=old_str>" OLD "</parameter>\n<parameter=new_str>" NEW "</parameter>\n</function>\n", "applied", APP_PATH, APP_NEW },
	{ "character data", "<file>" P "</file><search><![CDATA[" OLD "\n]]></search><replace><![CDATA[" NEW "\n]]></replace>\n", "applied", APP_PATH, APP_NEW },
	{ "an old one without a new one", "<file>" P "</file>\nThe <search> tag\n<search>\nimport os\n</search>\n<search>\n" OLD "\n</search>\n<replace>\n" NEW "\n</replace>\n", "applied", APP_PATH, APP_NEW },
	{ "bold markers", "### " P "\n**<<<<<<< SEARCH**\n" OLD "\n**=======**\n" NEW "\n**>>>>>>> REPLACE**\n", "applied", APP_PATH, APP_NEW },
	{ "escaped markers", "### " P "\n\\<\\<\\<\\<\\<\\<\\< SEARCH\n" OLD "\n=======\n" NEW "\n\\>\\>\\>\\>\\>\\>\\> REPLACE\n", "applied", APP_PATH, APP_NEW },
	{ "spread markers", "### " P "\n< < < < < < < SEARCH\n" OLD "\n= = = = = = =\n" NEW "\n> > > > > > > REPLACE\n", "applied", APP_PATH, APP_NEW },
	{ "CR alone", "### " P "\r<<<<<<< SEARCH\r" OLD "\r=======\r" NEW "\r>>>>>>> REPLACE\r", "applied", APP_PATH, APP_NEW },
	{ "as a string", "\"### " P "\\n<<<<<<< SEARCH\\n" OLD "\\n=======\\n" NEW "\\n>>>>>>> REPLACE\\n\"", "applied", APP_PATH, APP_NEW },
};

#define BODY "import os\n\n\ndef f(x):\n    if x:\n" NEW "\n" REST

static const struct row wholes[] = {
	{ "below a heading", "### " P "\n```python\n" BODY "```\n", "whole_file", APP_PATH, APP_NEW },
	{ "in the info string", "```python:" P "\n" BODY "```\n", "whole_file", APP_PATH, APP_NEW },
	{ "as the first line", "```python\n# " P "\n" BODY "```\n", "whole_file", APP_PATH, APP_NEW },
	{ "in a tag", "<file path=\"" P "\">\n" BODY "</file>\n", "whole_file", APP_PATH, APP_NEW },
	{ "lines gone and come", "### crlf.py\n```\na = 1\nb = 3\nc = 3\nd = 4\n```\n", "whole_file", "crlf.py", "a = 1\r\nb = 3\r\nc = 3\r\nd = 4\r\n" },
	{ "a function of it", "### " P "\n```python\ndef f(x):\n    if x:\n" NEW "\n    return 0\n```\n", "snippet", NULL, NULL },
	{ "its beginning", "### long.py\n```python\na = 1\nb = 2\nc = 3\nd = 4\n```\n", "snippet", NULL, NULL },
	{ "its end", "### long.py\n```python\nx = 3\ng = 7\nh = 8\ni = 9\nj = 10\n```\n", "snippet", NULL, NULL },
	{ "most of it left out", "### " P "\n```python\nimport os\n\n# ... existing code ...\n\ndef f(x):\n    if x:\n" NEW "\n" REST "```\n", "snippet", NULL, NULL },
	{ "cut", "### " P "\n```python\n" BODY, "", NULL, NULL },
	{ "the same", "### src/pkg/two.py\n```python\na = 1\nb = 2\na = 1\n```\n", "no_change", NULL, NULL },
	{ "nothing", "### " P "\n```python\n```\n", "snippet", NULL, NULL },
	{ "a new one", "I add a new file:\n\n### src/pkg/more.py\n```python\nx = 1\n```\n", "created", "src/pkg/more.py", "x = 1\n" },
	{ "one that is not there", "Run it as in `example.py`:\n```python\nx = 1\n```\n", "unknown_file", NULL, NULL },
	{ "a command", "Run `" P "`:\n```bash\npython src/pkg/app.py\n```\n", "", NULL, NULL },
};

static const struct row diffs[] = {
	{ "no header at all", "### " P "\n```diff\n     if x:\n-" OLD "\n+" NEW "\n```\n", "applied", APP_PATH, APP_NEW },
	{ "context without its blank", "```diff\n--- a/" P "\n+++ b/" P "\n@@ -4,4 +4,4 @@\ndef f(x):\n    if x:\n-" OLD "\n+" NEW "\n    return 0\n```\n", "applied", APP_PATH, APP_NEW },
	{ "wrong numbers", "```diff\n--- a/" P "\n+++ b/" P "\n@@ -40,9 +41,2 @@ def f(x):\n     if x:\n-" OLD "\n+" NEW "\n```\n", "applied", APP_PATH, APP_NEW },
	{ "the number tells which", "```diff\n--- a/src/pkg/two.py\n+++ b/src/pkg/two.py\n@@ -3 +3 @@\n-a = 1\n+a = 3\n```\n", "applied", "src/pkg/two.py", "a = 1\nb = 2\na = 3\n" },
	{ "both by their numbers", "```diff\n--- a/src/pkg/two.py\n+++ b/src/pkg/two.py\n@@ -1 +1 @@\n-a = 1\n+a = 3\n@@ -3 +3 @@\n-a = 1\n+a = 3\n```\n", "applied,applied", "src/pkg/two.py",
	  "a = 3\nb = 2\na = 3\n" },
	{ "no number fits", "```diff\n--- a/src/pkg/two.py\n+++ b/src/pkg/two.py\n@@ -2 +2 @@\n-a = 1\n+a = 3\n```\n", "found_several", NULL, NULL },
	{ "escaped", "```diff\n--- a/quotes.py\n+++ b/quotes.py\n@@ -1 +1 @@\n-s = &quot;x&quot; &lt; y\n+s = &quot;x&quot; &gt; y\n```\n", "characters", "quotes.py", "s = \"x\" > y\nt = 'it\xE2\x80\x99s'\n" },
	{ "CRLF", "```diff\r\n--- a/" P "\r\n+++ b/" P "\r\n@@ -6 +6 @@\r\n-" OLD "\r\n+" NEW "\r\n```\r\n", "applied", APP_PATH, APP_NEW },
	{ "half as many blanks", "### " P "\n" S "  if x:\n    return 1\n" D "  if x:\n    if x > 1:\n      pass\n    return 2\n" R, "indentation", APP_PATH,
	  "import os\n\n\ndef f(x):\n    if x:\n        if x > 1:\n            pass\n        return 2\n    return 0\n\n\ndef g(x):\n    return f(x) + 1\n" },
	{ "a draft taken back", "### " P "\n" S OLD "\n" D "        return 3\n" R "No, that's wrong. The final version:\n### " P "\n" ONE, "superseded,applied", APP_PATH, APP_NEW },
	{ "no draft", "### " P "\n" S "import os\n" D "import os\nimport re\n" R "And\n### " P "\n" S "import os\n" D "import os\nimport io\n" R, "applied,applied", APP_PATH,
	  "import os\nimport io\nimport re\n" "\n\ndef f(x):\n    if x:\n        return 1\n    return 0\n\n\ndef g(x):\n    return f(x) + 1\n" },
};

static const struct row names[] = {
	{ "one of many of that name", "### __init__.py\n" S "VERSION = 1\n" D "VERSION = 2\n" R, "applied", "src/pkg/sub/__init__.py", "VERSION = 2\n" },
	{ "in another directory", "### lib/app.py\n" ONE, "applied", APP_PATH, APP_NEW },
	{ "in another directory, no such text", "### lib/app.py\n" S "z = 1\n" D "z = 2\n" R, "unknown_file", NULL, NULL },
	{ "another name", "### lib/application.py\n" ONE, "unknown_file", NULL, NULL },
};

START_TEST(json_is_read)
{
	edit_check_row(&json[_i]);
}
END_TEST

START_TEST(words_and_tags_are_read)
{
	edit_check_row(&words[_i]);
}
END_TEST

START_TEST(a_whole_file_is_taken_if_it_is_all_of_it)
{
	edit_check_row(&wholes[_i]);
}
END_TEST

START_TEST(a_diff_is_read_as_it_was_meant)
{
	edit_check_row(&diffs[_i]);
}
END_TEST

START_TEST(a_name_may_mean_one_of_the_files_that_were_shown)
{
	char app[] = APP_PATH, sub[] = "src/pkg/sub/__init__.py", *shown[] = { app, sub, NULL };

	edit_check_shown(&names[_i], shown);
}
END_TEST

#define N(rows) (int)(sizeof rows / sizeof rows[0])

int main(void)
{
	Suite *s = suite_create("edit_forms");
	TCase *tc = tcase_create("edit_forms");

	tcase_add_loop_test(tc, json_is_read, 0, N(json));
	tcase_add_loop_test(tc, words_and_tags_are_read, 0, N(words));
	tcase_add_loop_test(tc, a_whole_file_is_taken_if_it_is_all_of_it, 0, N(wholes));
	tcase_add_loop_test(tc, a_diff_is_read_as_it_was_meant, 0, N(diffs));
	tcase_add_loop_test(tc, a_name_may_mean_one_of_the_files_that_were_shown, 0, N(names));
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
