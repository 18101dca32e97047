/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>

#include "helper_edit.h"

/* Markers in each other's place, dividers twice, what stands on a marker. */

#define HEAD "### src/pkg/app.py\n"
#define OLD "        return 1\n"
#define NEW "        return 2\n"

static const struct row marks[] = {
	{ "divider twice", HEAD S OLD D D NEW R, "applied", APP_PATH, APP_NEW },
	{ "divider three times", HEAD S OLD D "\n" D D NEW R, "applied", APP_PATH, APP_NEW },
	{ "divider twice, a new file", "### new.py\n" S D D "x = 1\n" R, "created", "new.py", "x = 1\n" },
	{ "a title with a line above", "### new.py\n" S D "=======\nTitle\n=======\n" R, "created", "new.py", "=======\nTitle\n=======\n" },
	{ "divider twice, a title between", "### over.py\n" S "=======\nTitle\n" D "=======\nWords\n" R, "applied", "over.py", "=======\nWords\n=======\n" },
	{ "divider twice, a heading in REPLACE", "### rst.py\n" S "x = 1\n" D D "x = \"\"\"\nMore\n=======\n\"\"\"\n" R, "applied", "rst.py",
	  "\"\"\"\nTitle\n=======\n\nText\n\"\"\"\nx = \"\"\"\nMore\n=======\n\"\"\"\n" },
	{ "divider twice, REPLACE empty", "### tabs.py\n" S "\t\treturn 1\n" D D R, "applied", "tabs.py", "class A:\n\tdef f(self):\n" },
	{ "the end for the divider", HEAD S OLD R NEW R, "applied", APP_PATH, APP_NEW },
	{ "the end for the divider, twice", HEAD S OLD R NEW R S "import os\n" R "import sys\n" R S "import sys\n" D "import os\n" R,
	  "applied,applied,applied", APP_PATH, APP_NEW },
	{ "no divider, then a whole one", HEAD S "import os\n" R HEAD ONE, "malformed,applied", APP_PATH, APP_NEW },
	{ "the divider for the end", "```python\n" HEAD S OLD D NEW D "```\n", "applied", APP_PATH, APP_NEW },
	{ "the divider for the end, or a heading", "```python\n### rst.py\n" S "x = 1\n" D "x = \"\"\"\nMore of\n=======\n```\n", "applied", "rst.py",
	  "\"\"\"\nTitle\n=======\n\nText\n\"\"\"\nx = \"\"\"\nMore of\n=======\n" },
	{ "the start for the divider", HEAD S OLD "<<<<<<< REPLACE\n" NEW R, "applied", APP_PATH, APP_NEW },
	{ "the start for the end", HEAD S OLD D NEW "<<<<<<< REPLACE\n", "applied", APP_PATH, APP_NEW },
	{ "two pairs", HEAD S OLD ">>>>>>> SEARCH\n<<<<<<< REPLACE\n" NEW R, "applied", APP_PATH, APP_NEW },
	{ "two pairs and the divider", HEAD S OLD ">>>>>>> SEARCH\n" D "<<<<<<< REPLACE\n" NEW R, "applied", APP_PATH, APP_NEW },
	{ "SEARCH closed in front of the divider", HEAD S OLD ">>>>>>> SEARCH\n" D NEW R, "applied", APP_PATH, APP_NEW },
	{ "SEARCH for the end", HEAD S OLD D NEW ">>>>>>> SEARCH\n", "applied", APP_PATH, APP_NEW },
	{ "words first", HEAD "<<<SEARCH\n" OLD "===\n" NEW "REPLACE>>>\n", "applied", APP_PATH, APP_NEW },
	{ "a long divider", HEAD S OLD "==============\n" NEW R, "applied", APP_PATH, APP_NEW },
	{ "dashes", HEAD S OLD "-------\n" NEW R, "applied", APP_PATH, APP_NEW },
	{ "dashes twice", HEAD S OLD "-------\n" NEW "-------\n" R, "malformed", NULL, NULL },
	{ "a common ancestor", HEAD "<<<<<<< ours\n" OLD "||||||| base\n" OLD "=======\n" NEW ">>>>>>> theirs\n", "applied", APP_PATH, APP_NEW },
	{ "code on the marker", HEAD "<<<<<<< SEARCH     if x:\n" OLD D "    if x:\n" NEW R, "applied", APP_PATH, APP_NEW },
	{ "trimmed code on the marker", HEAD "<<<<<<< SEARCH if x:\n" OLD D "    if x:\n" NEW R, "indentation", APP_PATH, APP_NEW },
	{ "wrong code on the marker", HEAD "<<<<<<< SEARCH if y:\n" OLD D "    if x:\n" NEW R, "not_found", NULL, NULL },
	{ "a remark on the marker", HEAD "<<<<<<< SEARCH the line\n" OLD D NEW R, "applied", APP_PATH, APP_NEW },
	{ "a remark in brackets", HEAD "<<<<<<< SEARCH (line 6)\n" OLD D NEW R, "applied", APP_PATH, APP_NEW },
	{ "a number on the marker", HEAD "<<<<<<< SEARCH:6\n" OLD D NEW R, "applied", APP_PATH, APP_NEW },
	{ "the line tells which", "### src/pkg/two.py\n" S ":start_line:3\n-------\na = 1\n" D "a = 3\n" R, "applied", "src/pkg/two.py", "a = 1\nb = 2\na = 3\n" },
	{ "the line tells nothing", "### src/pkg/two.py\n" S ":start_line:2\n-------\na = 1\n" D "a = 3\n" R, "found_several", NULL, NULL },
};

START_TEST(a_marker_is_taken_for_what_it_was_meant_as)
{
	edit_check_row(&marks[_i]);
}
END_TEST

/* What was done to the text of SEARCH. */
static const struct row texts[] = {
	{ "numbers, a bar", HEAD S "5 |     if x:\n6 |         return 1\n" D "5 |     if x:\n6 |         return 2\n" R, "line_numbers", APP_PATH, APP_NEW },
	{ "numbers, a bar, only in SEARCH", HEAD S "  5 |     if x:\n  6 |         return 1\n" D "    if x:\n        return 2\n" R, "line_numbers", APP_PATH, APP_NEW },
	{ "numbers, a colon", HEAD S "5:     if x:\n6:         return 1\n" D "5:     if x:\n6:         return 2\n" R, "line_numbers", APP_PATH, APP_NEW },
	{ "numbers, a colon, no blank", HEAD S "5:    if x:\n6:        return 1\n" D "    if x:\n        return 2\n" R, "line_numbers", APP_PATH, APP_NEW },
	{ "numbers, a tab", HEAD S "     5\t    if x:\n     6\t        return 1\n" D "     5\t    if x:\n     6\t        return 2\n" R, "line_numbers", APP_PATH, APP_NEW },
	{ "numbers, an arrow, some of REPLACE", HEAD S "5\xE2\x86\x92    if x:\n6\xE2\x86\x92        return 1\n" D "5\xE2\x86\x92    if x:\n        return 2\n" R, "line_numbers", APP_PATH, APP_NEW },
	{ "numbers, some of REPLACE", HEAD S "5:    if x:\n6:        return 1\n" D "5:    if x:\n        return 2\n" R, "not_found", NULL, NULL },
	{ "numbers, a blank line", HEAD S "7 |     return 0\n8 |\n9 |\n10 | def g(x):\n" D "7 |     return 1\n8 |\n9 |\n10 | def g(x):\n" R, "line_numbers", APP_PATH,
	  "import os\n\n\ndef f(x):\n    if x:\n        return 1\n    return 1\n\n\ndef g(x):\n    return f(x) + 1\n" },
	{ "numbers that jump", HEAD S "5 |     if x:\n7 |         return 1\n" D "        return 2\n" R, "not_found", NULL, NULL },
	{ "the number tells which", "### src/pkg/two.py\n" S "3 | a = 1\n" D "3 | a = 3\n" R, "line_numbers", "src/pkg/two.py", "a = 1\nb = 2\na = 3\n" },
	{ "entities", "### quotes.py\n" S "s = &quot;x&quot; &lt; y\n" D "s = &quot;x&quot; &gt; y\n" R, "characters", "quotes.py", "s = \"x\" > y\nt = 'it\xE2\x80\x99s'\n" },
	{ "typographic quotes", "### quotes.py\n" S "s = \xE2\x80\x9Cx\xE2\x80\x9D < y\n" D "s = \xE2\x80\x9Cz\xE2\x80\x9D < y\n" R, "characters", "quotes.py", "s = \"z\" < y\nt = 'it\xE2\x80\x99s'\n" },
	{ "plain quotes for typographic ones", "### quotes.py\n" S "s = \"x\" < y\nt = 'it's'\n" D "s = \"z\" < y\nt = 'it's'\n" R, "characters", "quotes.py", "s = \"z\" < y\nt = 'it\xE2\x80\x99s'\n" },
	{ "entities in REPLACE alone", HEAD S OLD D "        return &quot;a&quot;\n" R, "characters", APP_PATH,
	  "import os\n\n\ndef f(x):\n    if x:\n        return \"a\"\n    return 0\n\n\ndef g(x):\n    return f(x) + 1\n" },
	{ "typographic quotes in REPLACE alone", HEAD S OLD D "        return \xE2\x80\x9C" "a\xE2\x80\x9D\n" R, "characters", APP_PATH,
	  "import os\n\n\ndef f(x):\n    if x:\n        return \"a\"\n    return 0\n\n\ndef g(x):\n    return f(x) + 1\n" },
	{ "both inside of a string", HEAD S OLD D "        return '&quot;\xE2\x80\x9C'\n" R, "applied", APP_PATH,
	  "import os\n\n\ndef f(x):\n    if x:\n        return '&quot;\xE2\x80\x9C'\n    return 0\n\n\ndef g(x):\n    return f(x) + 1\n" },
	{ "other blanks", HEAD S "\xC2\xA0\xC2\xA0\xC2\xA0\xC2\xA0if x:\n\xC2\xA0\xC2\xA0\xC2\xA0\xC2\xA0    return\xC2\xA0" "1\n" D "\xC2\xA0\xC2\xA0\xC2\xA0\xC2\xA0if x:\n\xC2\xA0\xC2\xA0\xC2\xA0\xC2\xA0    return 2\n" R,
	  "characters", APP_PATH, APP_NEW },
	{ "no blank lines", HEAD S "        return 1\n    return 0\ndef g(x):\n" D "        return 2\n    return 0\ndef g(x):\n" R, "blank_lines", APP_PATH, APP_NEW },
	{ "no blank lines in SEARCH", HEAD S "import os\ndef f(x):\n" D "import os\nimport re\n\n\ndef f(x):\n" R, "blank_lines", APP_PATH,
	  "import os\nimport re\n\n\ndef f(x):\n    if x:\n        return 1\n    return 0\n\n\ndef g(x):\n    return f(x) + 1\n" },
	{ "more blank lines", HEAD S "    if x:\n\n        return 1\n\n    return 0\n" D "    if x:\n\n        return 2\n    return 0\n" R, "blank_lines", APP_PATH,
	  "import os\n\n\ndef f(x):\n    if x:\n\n        return 2\n    return 0\n\n\ndef g(x):\n    return f(x) + 1\n" },
	{ "lines left out of both", HEAD S "def f(x):\n    ...\n        return 1\n" D "def f(x):\n    ...\n        return 2\n" R, "elided", APP_PATH, APP_NEW },
	{ "lines left out of SEARCH", HEAD S "def f(x):\n    # ...\n    return 0\n" D "def f(x):\n    if x:\n        return 2\n    return 0\n" R, "not_found", NULL, NULL },
	{ "lines left out of SEARCH, most in REPLACE", HEAD S "import os\n...\ndef g(x):\n" D "import os\n\n\ndef f(x):\n    if x:\n        return 2\n    return 0\n\n\ndef g(x):\n" R, "elided", APP_PATH, APP_NEW },
	{ "lines left out, in several places", "### src/pkg/two.py\n" S "a = 1\n...\n...\n" D "a = 2\n...\n" R, "not_found", NULL, NULL },
	{ "lines left out, ambiguous", "### thrice.py\n" S "a = 1\n...\nb = 2\n" D "a = 3\n...\nb = 2\n" R, "found_several", NULL, NULL },
	{ "lines left out of REPLACE", HEAD S "def f(x):\n    if x:\n        return 1\n    return 0\n" D "def f(y):\n    if x:\n    # ... existing code ...\n    return 0\n" R, "elided", APP_PATH,
	  "import os\n\n\ndef f(y):\n    if x:\n        return 1\n    return 0\n\n\ndef g(x):\n    return f(x) + 1\n" },
	{ "the rest left out of REPLACE", HEAD S "def f(x):\n    if x:\n        return 1\n    return 0\n" D "def f(y):\n    if x:\n    # ... rest of the function ...\n" R, "elided", APP_PATH,
	  "import os\n\n\ndef f(y):\n    if x:\n        return 1\n    return 0\n\n\ndef g(x):\n    return f(x) + 1\n" },
	{ "lines left out, unknown which", HEAD S "def f(x):\n    if x:\n        return 1\n    return 0\n" D "def h(y):\n    # ... existing code ...\n    return 7\n" R, "unclear", NULL, NULL },
	{ "a comment with dots", HEAD S OLD D "        # ... and so on\n" NEW R, "applied", APP_PATH,
	  "import os\n\n\ndef f(x):\n    if x:\n        # ... and so on\n        return 2\n    return 0\n\n\ndef g(x):\n    return f(x) + 1\n" },
	{ "only SEARCH too far in", HEAD S "        if x:\n            return 1\n" D "    if x:\n        return 2\n" R, "indentation", APP_PATH, APP_NEW },
	{ "only SEARCH too far in, one line", HEAD S "            return 1\n" D NEW R, "indentation", APP_PATH, APP_NEW },
};

START_TEST(a_text_is_found_whatever_was_done_to_it)
{
	edit_check_row(&texts[_i]);
}
END_TEST

#define N(rows) (int)(sizeof rows / sizeof rows[0])

int main(void)
{
	Suite *s = suite_create("edit_marks");
	TCase *tc = tcase_create("edit_marks");

	tcase_add_loop_test(tc, a_marker_is_taken_for_what_it_was_meant_as, 0, N(marks));
	tcase_add_loop_test(tc, a_text_is_found_whatever_was_done_to_it, 0, N(texts));
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
