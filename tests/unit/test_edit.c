/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "helper_edit.h"

/* One edit of app.py, its path told in as many ways as there are. */
static const struct row paths[] = {
	{ "heading in the fence", "```python\n### src/pkg/app.py\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "heading, backticks", "```python\n### `src/pkg/app.py`\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "comment", "```python\n# src/pkg/app.py\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "slashes", "```\n// src/pkg/app.py\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "bare", "src/pkg/app.py\n```python\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "bare, blank line", "src/pkg/app.py\n\n```python\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "bare inside", "```\nsrc/pkg/app.py\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "bold", "**src/pkg/app.py**\n```python\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "bold and colon", "**`src/pkg/app.py`:**\n```python\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "File:", "File: src/pkg/app.py\n```python\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "**File**:", "**File**: `src/pkg/app.py`\n```python\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "numbered", "1. `src/pkg/app.py`\n```python\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "heading with words", "#### 2. Fix `src/pkg/app.py` (line 6)\n```python\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "sentence with colon", "Change this in `src/pkg/app.py`:\n\n```python\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "sentence", "The bug is in src/pkg/app.py. Here is the fix.\n\n```python\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "info string", "```python src/pkg/app.py\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "info string alone", "```src/pkg/app.py\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "info string colon", "```python:src/pkg/app.py\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "info string title", "```python title=\"src/pkg/app.py\"\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "info string lines", "```5:9:src/pkg/app.py\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "on the marker", "```python\n<<<<<<< SEARCH src/pkg/app.py\n        return 1\n" D "        return 2\n" R "```\n",
	  "applied", APP_PATH, APP_NEW },
	{ "tag", "<path>src/pkg/app.py</path>\n" ONE, "applied", APP_PATH, APP_NEW },
	{ "a/ in front", "### a/src/pkg/app.py\n" ONE, "applied", APP_PATH, APP_NEW },
	{ "./ in front", "### ./src/pkg/app.py\n" ONE, "applied", APP_PATH, APP_NEW },
	{ "a checkout in front", "### /testbed/src/pkg/app.py\n" ONE, "applied", APP_PATH, APP_NEW },
	{ "only the end", "### pkg/app.py\n" ONE, "applied", APP_PATH, APP_NEW },
	{ "with lines", "### src/pkg/app.py:4-7\n" ONE, "applied", APP_PATH, APP_NEW },
	{ "escaped underscore", "**src/pkg/\\_\\_init\\_\\_.py**\n" S D "x = 1\n" R, "applied", "src/pkg/__init__.py", "x = 1\n" },
	{ "blanks in the name", "### `my file.py`\n" S "x = 1\n" D "x = 2\n" R, "applied", "my file.py", "x = 2\n" },
	{ "blanks, no backticks", "### my file.py\n" S "x = 1\n" D "x = 2\n" R, "applied", "my file.py", "x = 2\n" },
	{ "far above", "### src/pkg/app.py\n\nWe return two.\nThis is right.\n\n```python\n" ONE "```\n", "applied", APP_PATH, APP_NEW },
	{ "another file talked about", "### src/pkg/app.py\n\nAs `src/pkg/two.py` does.\n\n```python\n" ONE "```\n",
	  "applied", APP_PATH, APP_NEW },
	{ "a list above", "I change:\n- src/pkg/two.py\n- src/pkg/app.py\n\n```python\n" S "b = 2\n" D "b = 3\n" R "```\n",
	  "applied", "src/pkg/two.py", "a = 1\nb = 3\na = 1\n" },
	{ "inside SEARCH", "```python\n" S "### src/pkg/app.py\n        return 1\n" D "### src/pkg/app.py\n        return 2\n" R "```\n",
	  "applied", APP_PATH, APP_NEW },
	{ "inside SEARCH alone", S "# src/pkg/app.py\n        return 1\n" D "        return 2\n" R, "applied", APP_PATH, APP_NEW },
	{ "a heading that is none", "### src/pkg/app.py\n" S "import os\n" D "import os\n" R "### SEARCH/REPLACE\n" ONE, "no_change,applied", APP_PATH, APP_NEW },
	{ "a sentence about another file", "### src/pkg/app.py\n" S "import os\n" D "import os\n" R "This is what dirty.py does as well.\n" ONE,
	  "no_change,applied", APP_PATH, APP_NEW },
	{ "behind the marker", "<<<<<<< SEARCH src/pkg/app.py\n        return 1\n" D "        return 2\n>>>>>>> REPLACE src/pkg/app.py\n",
	  "applied", APP_PATH, APP_NEW },
	{ "behind the block only", ONE "\n### src/pkg/two.py\n" S "b = 2\n" D "b = 2\n" R, "no_path,no_change", NULL, NULL },
	{ "no path", "```python\n" ONE "```\n", "no_path", NULL, NULL },
	{ "no such path", "```python\n### src/pkg/nothing.py\n" ONE "```\n", "unknown_file", NULL, NULL },
	{ "several files of that name", "### __init__.py\n" S "VERSION = 1\n" D "VERSION = 2\n" R, "unknown_file", NULL, NULL },
	{ "no text of it", "### README.md\n" S "x\n" D "y\n" R, "unknown_file", NULL, NULL },
};

START_TEST(a_path_is_found_wherever_it_stands)
{
	edit_check_row(&paths[_i]);
}
END_TEST

static const struct row blocks[] = {
	{ "quoted", "> ```python\n> ### src/pkg/app.py\n> <<<<<<< SEARCH\n>         return 1\n> =======\n>         return 2\n> >>>>>>> REPLACE\n> ```\n",
	  "applied", APP_PATH, APP_NEW },
	{ "markers as comments", "# src/pkg/app.py\n# <<<<<<< SEARCH\n        return 1\n# =======\n        return 2\n# >>>>>>> REPLACE\n",
	  "applied", APP_PATH, APP_NEW },
	{ "entities", "src/pkg/app.py\n&lt;&lt;&lt;&lt;&lt;&lt;&lt; SEARCH\n        return 1\n=======\n        return 2\n&gt;&gt;&gt;&gt;&gt;&gt;&gt; REPLACE\n",
	  "applied", APP_PATH, APP_NEW },
	{ "tags", "<path>src/pkg/app.py</path>\n<search>\n        return 1\n</search>\n<replace>\n        return 2\n</replace>\n",
	  "applied", APP_PATH, APP_NEW },
	{ "tags, in the line, twice", "<file>src/pkg/app.py</file>\n<old_str>import os\n</old_str><new_str>import sys</new_str>\n"
	  "<old_str>import sys</old_str>\nand\n<new_str>import os\n</new_str>\n<old_str>        return 1</old_str><new_str>        return 2</new_str>",
	  "applied,applied,applied", APP_PATH, APP_NEW },
	{ "a tag without its partner", "src/pkg/app.py\n<search>\n        return 1\n</search>\n", "", NULL, NULL },
	{ "quotes without a block", "> src/pkg/app.py\n> return 1\n# =======\n", "", NULL, NULL },
	{ "no fence", "src/pkg/app.py\n" ONE, "applied", APP_PATH, APP_NEW },
	{ "no closing fence", "```python\n### src/pkg/app.py\n" ONE, "applied", APP_PATH, APP_NEW },
	{ "no last LF", "### src/pkg/app.py\n" S "        return 1\n" D "        return 2\n>>>>>>> REPLACE", "applied", APP_PATH, APP_NEW },
	{ "tildes", "~~~python\n### src/pkg/app.py\n" ONE "~~~\n", "applied", APP_PATH, APP_NEW },
	{ "four backticks", "````python\n### src/pkg/app.py\n" ONE "````\n", "applied", APP_PATH, APP_NEW },
	{ "CRLF", "```python\r\n### src/pkg/app.py\r\n<<<<<<< SEARCH\r\n        return 1\r\n=======\r\n        return 2\r\n>>>>>>> REPLACE\r\n```\r\n",
	  "applied", APP_PATH, APP_NEW },
	{ "trailing blanks on markers", "### src/pkg/app.py  \n<<<<<<< SEARCH  \n        return 1\n=======\t\n        return 2\n>>>>>>> REPLACE \n",
	  "applied", APP_PATH, APP_NEW },
	{ "longer markers", "### src/pkg/app.py\n<<<<<<<<< SEARCH\n        return 1\n=========\n        return 2\n>>>>>>>>> REPLACE\n",
	  "applied", APP_PATH, APP_NEW },
	{ "shorter markers", "### src/pkg/app.py\n<<<<< SEARCH\n        return 1\n=====\n        return 2\n>>>>> REPLACE\n",
	  "applied", APP_PATH, APP_NEW },
	{ "small letters", "### src/pkg/app.py\n<<<<<<< search\n        return 1\n=======\n        return 2\n>>>>>>> replace\n",
	  "applied", APP_PATH, APP_NEW },
	{ "ORIGINAL", "### src/pkg/app.py\n<<<<<<< ORIGINAL\n        return 1\n=======\n        return 2\n>>>>>>> UPDATED\n",
	  "applied", APP_PATH, APP_NEW },
	{ "HEAD", "### src/pkg/app.py\n<<<<<<< HEAD\n        return 1\n=======\n        return 2\n>>>>>>> fix\n",
	  "applied", APP_PATH, APP_NEW },
	{ "dashes and pluses", "src/pkg/app.py\n------- SEARCH\n        return 1\n=======\n        return 2\n+++++++ REPLACE\n",
	  "applied", APP_PATH, APP_NEW },
	{ "line numbers apart", "### src/pkg/app.py\n" S ":start_line:6\n:end_line:6\n-------\n        return 1\n" D "        return 2\n" R,
	  "applied", APP_PATH, APP_NEW },
	{ "no last marker, fence closed", "```python\n### src/pkg/app.py\n" S "        return 1\n" D "        return 2\n```\n",
	  "applied", APP_PATH, APP_NEW },
	{ "no last marker, answer ends", "```python\n### src/pkg/app.py\n" S "        return 1\n" D "        return 2\n",
	  "unclosed", NULL, NULL },
	{ "last marker cut", "```python\n### src/pkg/app.py\n" S "        return 1\n" D "        return 2\n>>>>>>> REPL",
	  "applied", APP_PATH, APP_NEW },
	{ "cut in SEARCH", "```python\n### src/pkg/app.py\n" S "        ret", "unclosed", NULL, NULL },
	{ "unclosed, then a whole one", "```python\n### src/pkg/app.py\n" S "import os\n" D "import sys\n" ONE "```\n",
	  "unclosed,applied", APP_PATH, APP_NEW },
	{ "no divider", "```python\n### src/pkg/app.py\n" S "import os\n" R "```\n", "malformed", NULL, NULL },
	{ "two in one fence", "```python\n### src/pkg/app.py\n" ONE S "import os\n" D R "```\n", "applied,applied", APP_PATH,
	  "\n\ndef f(x):\n    if x:\n        return 2\n    return 0\n\n\ndef g(x):\n    return f(x) + 1\n" },
	{ "path once, two fences", "### src/pkg/app.py\n```python\n" ONE "```\nand\n```python\n" S "import os\n" D R "```\n",
	  "applied,applied", APP_PATH, "\n\ndef f(x):\n    if x:\n        return 2\n    return 0\n\n\ndef g(x):\n    return f(x) + 1\n" },
	{ "twice the same", "### src/pkg/app.py\n" ONE "\nOnce more, all of it:\n\n" ONE, "applied,repeated", APP_PATH, APP_NEW },
	{ "twice the same insertion", "### src/pkg/app.py\n" S "import os\n" D "import os\nimport re\n" R S "import os\n" D "import os\nimport re\n" R,
	  "applied,repeated", APP_PATH, "import os\nimport re\n" "\n\ndef f(x):\n    if x:\n        return 1\n    return 0\n\n\ndef g(x):\n    return f(x) + 1\n" },
	{ "twice, once dedented", "### src/pkg/app.py\n" S "        return 1\n" D "        x = 3\n        return 1\n" R
	  S "return 1\n" D "x = 3\nreturn 1\n" R, "applied,repeated", APP_PATH,
	  "import os\n\n\ndef f(x):\n    if x:\n        x = 3\n        return 1\n    return 0\n\n\ndef g(x):\n    return f(x) + 1\n" },
	{ "the same in two places", "### deep.py\n" S "    x = 1\n" D "    x = 2\n" R S "        x = 1\n" D "        x = 2\n" R, "applied,applied",
	  "deep.py", "def f():\n    x = 2\n    if x:\n        x = 2\n" },
	{ "in a list", "1. Fix it:\n\n   ```python\n   ### src/pkg/app.py\n   <<<<<<< SEARCH\n           return 1\n   =======\n           return 2\n   >>>>>>> REPLACE\n   ```\n",
	  "indentation", APP_PATH, APP_NEW },
	{ "fences inside", "### src/pkg/app.py\n" S "```python\n        return 1\n```\n" D "```python\n        return 2\n```\n" R,
	  "applied", APP_PATH, APP_NEW },
	{ "same", "### src/pkg/app.py\n" S "import os\n" D "import os\n" R, "no_change", NULL, NULL },
	{ "not there", "### src/pkg/app.py\n" S "import sys\n" D "import os\n" R, "not_found", NULL, NULL },
	{ "several", "### src/pkg/two.py\n" S "a = 1\n" D "a = 2\n" R, "found_several", NULL, NULL },
	{ "several at another indentation", "### src/pkg/app.py\n" S "  return 1\n" D "  return 2\n" R, "indentation", APP_PATH, APP_NEW },
	{ "one of two fails", "### src/pkg/app.py\n" ONE "### src/pkg/nothing.py\n" ONE, "applied,unknown_file", APP_PATH, APP_NEW },
	{ "a new file", "### src/pkg/new.py\n" S D "x = 1\n" R, "created", "src/pkg/new.py", "x = 1\n" },
	{ "a new file, blank SEARCH", "### src/pkg/new.py\n" S "\n" D "x = 1\n" R, "created", "src/pkg/new.py", "x = 1\n" },
	{ "a new file, edited then", "### src/pkg/new.py\n" S D "x = 1\n" R S "x = 1\n" D "x = 2\n" R, "created,applied",
	  "src/pkg/new.py", "x = 2\n" },
	{ "a new file with a heading", "### doc.py\n" S D "Title\n=======\n" R, "created", "doc.py", "Title\n=======\n" },
	{ "an empty one filled", "### src/pkg/__init__.py\n" S D "x = 1\n" R, "applied", "src/pkg/__init__.py", "x = 1\n" },
	{ "one that is there", "### src/pkg/app.py\n" S D "x = 1\n" R, "exists", NULL, NULL },
	{ "above the root", "### ../evil.py\n" S D "x = 1\n" R, "unknown_file", NULL, NULL },
	{ "absolute", "### /etc/evil.py\n" S D "x = 1\n" R, "unknown_file", NULL, NULL },
	{ "in .git", "### .git/hooks/x.py\n" S D "x = 1\n" R, "unknown_file", NULL, NULL },
	{ "below a file", "### rst.py/x.py\n" S D "x = 1\n" R, "unknown_file", NULL, NULL },
};

START_TEST(a_block_is_read_however_it_is_written)
{
	edit_check_row(&blocks[_i]);
}
END_TEST

START_TEST(a_block_without_a_name_is_for_the_file_that_was_shown)
{
	char two[] = "src/pkg/two.py", app[] = APP_PATH, *const shown[] = { two, app, NULL };
	struct edits e;

	edit_run(S "        return 1  \n" D "        return 2  \n" R S "x = 1\n" D "x = 2\n" R, shown, &e);
	ck_assert_str_eq(edit_fate_word(e.at[0].fate), "trailing_blanks");
	ck_assert_str_eq(e.at[0].path, APP_PATH);
	ck_assert_str_eq(buf_str(&e.changes[0].after), APP_NEW);
	ck_assert_str_eq(edit_fate_word(e.at[1].fate), "not_found");
	edits_done(&e);
}
END_TEST

/* Two blocks below a list of files go where their texts are; below one file's heading, nowhere else. */
static const struct { const char *what, *text, *fates[2], *second; } lists[] = {
	{ "a list", "Files:\n- src/pkg/app.py\n- deep.py\n\n```python\n" ONE S "def f():\n    x = 1\n" D "def f():\n    x = 2\n" R "```\n",
	  { "applied", "applied" }, "deep.py" },
	{ "a list, text in none", "- src/pkg/app.py\n- deep.py\n\n" ONE S "z = 1\n" D "z = 2\n" R, { "applied", "not_found" }, APP_PATH },
	{ "a list, only nearly", "- src/pkg/app.py\n- deep.py\n\n" ONE S "  def f():\n      x = 1\n" D "  pass\n" R,
	  { "applied", "not_found" }, APP_PATH },
	{ "a heading", "Not deep.py but:\n### src/pkg/app.py\n" ONE S "def f():\n    x = 1\n" D "def f():\n    x = 2\n" R,
	  { "applied", "not_found" }, APP_PATH },
};

START_TEST(blocks_below_a_list_of_files)
{
	struct edits e;

	edit_run(lists[_i].text, NULL, &e);
	ck_assert_uint_eq(e.n, 2);
	for (size_t i = 0; i < 2; i++)
		ck_assert_msg(strcmp(edit_fate_word(e.at[i].fate), lists[_i].fates[i]) == 0, "%s: %zu: %s", lists[_i].what, i,
		              edit_fate_word(e.at[i].fate));
	ck_assert_str_eq(e.at[1].path, lists[_i].second);
	edits_done(&e);
}
END_TEST

static const struct row texts[] = {
	{ "heading in SEARCH", "### rst.py\n" S "Title\n=======\n\nText\n" D "Title\n=======\n\nWords\n" R, "applied", "rst.py",
	  "\"\"\"\nTitle\n=======\n\nWords\n\"\"\"\nx = 1\n" },
	{ "heading in REPLACE", "### rst.py\n" S "x = 1\n" D "x = \"\"\"\nMore\n=======\n\"\"\"\n" R, "applied", "rst.py",
	  "\"\"\"\nTitle\n=======\n\nText\n\"\"\"\nx = \"\"\"\nMore\n=======\n\"\"\"\n" },
	{ "heading first", "### rst.py\n" S "=======\n\nText\n" D "=======\n\nWords\n" R, "applied", "rst.py",
	  "\"\"\"\nTitle\n=======\n\nWords\n\"\"\"\nx = 1\n" },
	{ "heading above and below", "### over.py\n" S "=======\nTitle\n" D "=======\nWords\n" R, "applied", "over.py", "=======\nWords\n=======\n" },
	{ "heading removed", "### rst.py\n" S "Title\n=======\n\n" D R, "applied", "rst.py", "\"\"\"\nText\n\"\"\"\nx = 1\n" },
	{ "tabs", "### tabs.py\n" S "\t\treturn 1\n" D "\t\treturn 2\n" R, "applied", "tabs.py", "class A:\n\tdef f(self):\n\t\treturn 2\n" },
	{ "tabs, dedented", "### tabs.py\n" S "def f(self):\n\treturn 1\n" D "def f(self):\n\tx = 2\n\treturn x\n" R, "indentation",
	  "tabs.py", "class A:\n\tdef f(self):\n\t\tx = 2\n\t\treturn x\n" },
	{ "blanks at line ends stay", "### dirty.py\n" S "def f():\n    x = 1\n    return x\n" D "def f():\n    x = 1\n    return x + 1\n" R,
	  "trailing_blanks", "dirty.py", "def f():  \n    x = 1\t\n    return x + 1\n" },
	{ "blanks at line ends taken away", "### dirty.py\n" S "def f():  \n" D "def f():\n" R, "applied", "dirty.py",
	  "def f():\n    x = 1\t\n    return x\n" },
	{ "dedented and blanks", "### dirty.py\n" S "x = 1\nreturn x\n" D "x = 1\nreturn -x\n" R, "indentation", "dirty.py",
	  "def f():  \n    x = 1\t\n    return -x\n" },
	{ "indented too far", "### src/pkg/app.py\n" S "            return 1\n        return 0\n" D "            return 2\n        return 0\n" R,
	  "indentation", APP_PATH, APP_NEW },
	{ "blanks for tabs", "### tabs.py\n" S "    def f(self):\n        return 1\n" D "    def f(self):\n        if self:\n            return 2\n" R,
	  "indentation", "tabs.py", "class A:\n\tdef f(self):\n\t\tif self:\n\t\t\treturn 2\n" },
	{ "tabs for blanks", "### deep.py\n" S "\tif x:\n\t\tx = 1\n" D "\tif x:\n\t\tx = 2\n" R, "indentation", "deep.py",
	  "def f():\n    x = 1\n    if x:\n        x = 2\n" },
	{ "blanks that make no tabs", "### tabs.py\n" S "    def f(self):\n        return 1\n" D "    def f(self):\n      return 2\n" R, "not_found", NULL, NULL },
	{ "first line trimmed", "### deep.py\n" S "if x:\n        x = 1\n" D "if not x:\n        x = 2\n" R, "indentation", "deep.py",
	  "def f():\n    x = 1\n    if not x:\n        x = 2\n" },
	{ "blanks added everywhere", "### src/pkg/app.py\n" S "    if x:  \n        return 1  \n" D "    if x:  \n        return 2  \n" R,
	  "trailing_blanks", APP_PATH, APP_NEW },
	{ "not all shifted alike", "### src/pkg/app.py\n" S "return 1\nreturn 0\n" D "return 2\nreturn 0\n" R, "not_found", NULL, NULL },
	{ "replacement cannot follow", "### src/pkg/app.py\n" S "            return 1\n" D "if y:\n    return 2\n" R, "not_found", NULL, NULL },
	{ "no final newline stays", "### open.py\n" S "a = 1\n" D "a = 2\n" R, "applied", "open.py", "a = 2\nb = 2" },
	{ "no final newline, last line", "### open.py\n" S "b = 2\n" D "b = 3\n" R, "applied", "open.py", "a = 1\nb = 3" },
	{ "CRLF stays", "### crlf.py\n" S "b = 2\n" D "b = 3\nd = 4\n" R, "applied", "crlf.py", "a = 1\r\nb = 3\r\nd = 4\r\nc = 3\r\n" },
	{ "BOM stays", "### bom.py\n" S "import os\n" D "import re\n" R, "applied", "bom.py", "\xEF\xBB\xBF" "import re\nx = 1\n" },
	{ "blank lines added", "### src/pkg/app.py\n" S "\n        return 1\n\n" D "\n        return 2\n\n" R, "applied", APP_PATH, APP_NEW },
	{ "against the file as it was", "### src/pkg/app.py\n" S "    if x:\n" D "    if x and x:\n" R
	  S "    if x:\n        return 1\n" D "    if x:\n        return 2\n" R, "applied,applied", APP_PATH,
	  "import os\n\n\ndef f(x):\n    if x and x:\n        return 2\n    return 0\n\n\ndef g(x):\n    return f(x) + 1\n" },
	{ "unique before the first edit", "### src/pkg/app.py\n" S "import os\n" D "import os\n\n\ndef g(x):\n    pass\n" R
	  S "def g(x):\n" D "def h(x):\n" R, "applied,applied", APP_PATH,
	  "import os\n\n\ndef g(x):\n    pass\n\n\ndef f(x):\n    if x:\n        return 1\n    return 0\n\n\ndef h(x):\n    return f(x) + 1\n" },
	{ "an insertion whose place is gone", "### deep.py\n" S "def f():\n    x = 1\n" D "def f():\n    y = 1\n    x = 0\n" R
	  S "def f():\n    x = 1\n    if x:\n" D "def f():\n    z = 1\n    x = 1\n    if x:\n" R, "applied,not_found", "deep.py",
	  "def f():\n    y = 1\n    x = 0\n    if x:\n        x = 1\n" },
	{ "two insertions at one place", "### deep.py\n" S "def f():\n    x = 1\n    if x:\n" D "def f():\n    y = 1\n    x = 1\n    if x:\n" R
	  S "def f():\n    x = 1\n    if x:\n" D "def f():\n    z = 1\n    x = 1\n    if x:\n" R, "applied,not_found", "deep.py",
	  "def f():\n    y = 1\n    x = 1\n    if x:\n        x = 1\n" },
	{ "both change one line", "### src/pkg/app.py\n" ONE S "        return 1\n" D "        return 3\n" R, "applied,not_found", APP_PATH, APP_NEW },
};

START_TEST(a_text_is_found_and_the_rest_of_the_file_stays)
{
	edit_check_row(&texts[_i]);
}
END_TEST

static const struct row diffs[] = {
	{ "git's", "```diff\ndiff --git a/src/pkg/app.py b/src/pkg/app.py\n--- a/src/pkg/app.py\n+++ b/src/pkg/app.py\n@@ -4,4 +4,4 @@ import os\n def f(x):\n     if x:\n-        return 1\n+        return 2\n     return 0\n```\n",
	  "applied", APP_PATH, APP_NEW },
	{ "without numbers", "```diff\n--- src/pkg/app.py\n+++ src/pkg/app.py\n@@ ... @@\n-        return 1\n+        return 2\n```\n",
	  "applied", APP_PATH, APP_NEW },
	{ "no fence", "--- a/src/pkg/app.py\n+++ b/src/pkg/app.py\n@@ -6 +6 @@\n-        return 1\n+        return 2\n\nThat is all.\n",
	  "applied", APP_PATH, APP_NEW },
	{ "a new file", "```diff\n--- /dev/null\n+++ b/new.py\n@@ -0,0 +1,2 @@\n+x = 1\n+y = 2\n```\n", "created", "new.py", "x = 1\ny = 2\n" },
	{ "stars", "*** Begin Patch\n*** Update File: src/pkg/app.py\n@@ def f(x):\n     if x:\n-        return 1\n+        return 2\n*** End Patch\n",
	  "applied", APP_PATH, APP_NEW },
	{ "blank context without its blank", "```diff\n--- a/src/pkg/app.py\n+++ b/src/pkg/app.py\n@@ -1,6 +1,6 @@\n import os\n\n\n def f(x):\n     if x:\n-        return 1\n+        return 2\n```\n",
	  "applied", APP_PATH, APP_NEW },
	{ "a file removed", "```diff\n--- a/open.py\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a = 1\n-b = 2\n```\n", "applied", "open.py", "" },
};

START_TEST(a_diff_is_read_where_there_are_no_blocks)
{
	edit_check_row(&diffs[_i]);
}
END_TEST

#define N(rows) (int)(sizeof rows / sizeof rows[0])

int main(void)
{
	Suite *s = suite_create("edit");
	TCase *tc = tcase_create("edit");

	tcase_add_loop_test(tc, a_path_is_found_wherever_it_stands, 0, N(paths));
	tcase_add_loop_test(tc, a_block_is_read_however_it_is_written, 0, N(blocks));
	tcase_add_test(tc, a_block_without_a_name_is_for_the_file_that_was_shown);
	tcase_add_loop_test(tc, blocks_below_a_list_of_files, 0, sizeof lists / sizeof lists[0]);
	tcase_add_loop_test(tc, a_text_is_found_and_the_rest_of_the_file_stays, 0, N(texts));
	tcase_add_loop_test(tc, a_diff_is_read_where_there_are_no_blocks, 0, N(diffs));
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
