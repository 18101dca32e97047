/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "python_syntax.h"
#include "python_tests.h"
#include "script.h"

/* --- which tests an edit added or changed --------------------------------------------------------- */

#define CLASS "class TestA(B):\n    size = 1\n    def setUp(self):\n        self.x = 1\n    def test_m(self):\n        pass\n"

static const struct { const char *before, *after, *names; } edits[] = {
	{ "def test_a(): pass\n", "def test_a(): pass\ndef test_b(): pass\n", "test_b" },
	{ "def test_a(): pass\n", "def test_a():\n    assert 1\n", "test_a" },
	{ "", "def test_a(): pass\nasync def test_b(): pass\ndef helper(): pass\n", "test_a test_b" },
	{ "def test_a(): pass\n", "# why\ndef test_a():  pass  # more\n\n\n", "" },
	{ "def test_a(): pass\n", "def test_a(): pass\r\n", "" },
	{ "def test_a(): pass\n", "x = 1\ndef test_a(): pass\n", "" },
	{ "def test_a(x): pass\n", "@mark(x, [1])\ndef test_a(x): pass\n", "test_a" },
	{ "T = [1]\ndef test_a():\n  f(T)\ndef test_b(): pass\n", "T = [1, 2]\ndef test_a():\n  f(T)\ndef test_b(): pass\n", "test_a" },
	{ "def h(): return 1\ndef test_a(): h()\n", "def h(): return 2\ndef test_a(): h()\n", "test_a" },
	{ "from a import b\ndef test_a(): b()\n", "from c import b\ndef test_a(): b()\n", "test_a" },
	{ CLASS, CLASS "    def test_n(self): pass\n", "TestA.test_n" },
	{ CLASS "\n", "class TestA(B):\n    size = 2\n    def setUp(self):\n        self.x = 1\n    def test_m(self):\n        pass\n", "TestA.test_m" },
	{ CLASS, "class TestA(B):\n    class TestI:\n        def test_n(self):\n            def test_local(): pass\n", "TestA.TestI.test_n" },
	{ "", "if A:\n    def test_a(): pass\nelse:\n    @b\n    def test_c(): pass\n", "test_a test_c" },
	{ "no (python\n", "def test_a(): pass\n", "test_a" },
	{ "def test_a(): pass\ndef test_b(): pass\n", "def test_b(): pass\n", "" },
	{ "def f(): pass\n", "def f():\n    def test_inner(): pass\n", "" },
	{ "", "class A: pass\ndef test_a(): pass\n", "test_a" },
};

START_TEST(the_tests_that_an_edit_touched_are_named)
{
	struct paths names = { 0 };
	struct buf all = { 0 };
	struct err err = { 0 };

	ck_assert_msg(py_tests_changed(span_of(edits[_i].before), span_of(edits[_i].after), &names, &err) == 0, "%s", err.msg);
	for (size_t i = 0; i < names.n; i++)
		buf_printf(&all, "%s%s", i > 0 ? " " : "", names.at[i]);
	ck_assert_str_eq(buf_str(&all), edits[_i].names);
	paths_done(&names);
	buf_done(&all);
}
END_TEST

/* --- the script --------------------------------------------------------------------------------------- */

static const struct { const char *source, *above, *head, *tail; } scripts[] = {
	/* source; what stands above the lines near the top; what the script without these begins with; what it ends with */
	{ "def test_a(): pass\n", "", "def test_a(): pass\n\n\nif __name__ == \"__main__\":\n", "test_a\"}, [\"t.conftest\"], globals())\n" },
	{ "def test_a(): pass", "", "def test_a(): pass\n\n\nif __name__", "globals())\n" },
	{ "'''doc'''\nfrom __future__ import annotations\nfrom . import x\n",
	  "'''doc'''\nfrom __future__ import annotations\n", "'''doc'''\nfrom __future__ import annotations\nfrom t import x\n\n\nif __name__", "globals())\n" },
	{ "a = 1\n\nif __name__ == '__main__':\n    import unittest\n    unittest.main()\n",
	  "", "a = 1\n\nif __name__ == \"__main__\":\n    def _reproduce_issue",
	  "globals())\n\n\nif __name__ == '__main__':\n    import unittest\n    unittest.main()\n" },
	{ "a = 1\nif '__main__' == __name__: main()\nb = 2\n", "", "a = 1\nif __name__ == \"__main__\":\n    def _reproduce_issue",
	  "globals())\n\n\nif '__main__' == __name__: main()\nb = 2\n" },
	{ "def f():\n    if __name__ == '__main__': pass\n", "", "def f():\n    if __name__ == '__main__': pass\n\n\nif __name__", "globals())\n" },
	{ "s = '''\nif __name__ == '__main__':\n'''\n", "", "s = '''\nif __name__ == '__main__':\n'''\n\n\nif __name__", "globals())\n" },
	{ "a = 1\r\n", "", "a = 1\r\n\r\n\r\nif __name__ == \"__main__\":\r\n", "globals())\r\n" },
	{ "#!/usr/bin/python\n# coding: utf-8\nimport os\n", "#!/usr/bin/python\n# coding: utf-8\n", "#!/usr/bin/python\n# coding: utf-8\nimport os\n\n\nif __name__",
	  "globals())\n" },
	{ "'doc' 'more'\n\n# why\nimport os\n", "'doc' 'more'\n", "'doc' 'more'\n\n# why\nimport os\n", "globals())\n" },
	{ "'doc'", "'doc'\n", "'doc'\n\n\nif __name__", "globals())\n" },
	{ "'doc'.upper()\nimport os\n", "", "'doc'.upper()\nimport os\n", "globals())\n" },
	{ "from __future__ import (annotations,\n    division)\nimport os\n", "from __future__ import (annotations,\n    division)\n", "from", "globals())\n" },
	{ "'doc'; import os\n", "", "'doc'; import os\n", "globals())\n" },
	{ "", "", "if __name__", "globals())\n" },
};

/* The lines near the top taken out of the script: where they stood, SIZE_MAX if nowhere. */
static size_t cut_head(struct buf *script, bool crlf)
{
	struct span head = span_of(script_head), line;
	struct buf want = { 0 };
	size_t at = SIZE_MAX;

	while (span_line(&head, &line))
		buf_printf(&want, "%.*s%s", (int)line.len, line.at, crlf ? "\r\n" : "\n");
	char *found = memmem(script->at, script->len, want.at, want.len);

	if (found != NULL) {
		at = (size_t)(found - script->at);
		memmove(found, found + want.len, script->len - at - want.len + 1);
		script->len -= want.len;
	}
	buf_done(&want);
	return at;
}


START_TEST(a_script_is_the_file_with_a_main_part_that_wins)
{
	char name[] = "t", test[] = "test_a", plugin[] = "t.conftest", *tests[] = { test }, *plugins[] = { plugin };
	struct package package = { name, name };
	struct buf out = { 0 };
	struct err err = { 0 };

	ck_assert_msg(script_build(span_of(scripts[_i].source), &package, &(struct paths){ tests, 1 },
	                           &(struct paths){ plugins, 1 }, &out, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(py_check(buf_span(&out), &err), 0);
	buf_str(&out);
	size_t at = cut_head(&out, strstr(scripts[_i].source, "\r\n") != NULL);
	struct span above = { out.at, at };

	ck_assert_uint_ne(at, SIZE_MAX);
	ck_assert_msg(span_is(above, scripts[_i].above), "%.*s", (int)at, out.at);
	ck_assert_msg(span_starts(buf_span(&out), scripts[_i].head), "%.300s", out.at);
	ck_assert_msg(span_ends(buf_span(&out), scripts[_i].tail), "%.300s", out.at);
	buf_done(&out);
}
END_TEST

static const char *const broken[] = { "def test_a(:\n", "def test_a():\n", "x = '\n", "from ... import x\n", "\treturn\n", "return\n" };

START_TEST(a_script_that_is_no_python_is_not_made)
{
	char name[] = "t";
	struct package package = { name, name };
	struct paths none = { 0 };
	struct buf out = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(script_build(span_of(broken[_i]), &package, &none, &none, &out, &err), BD_EINVALID);
	ck_assert_uint_eq(out.len, 0);
	ck_assert_msg(strncmp(err.msg, "line ", 5) == 0, "%s", err.msg);
	buf_done(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("script");
	TCase *tc = tcase_create("script");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, the_tests_that_an_edit_touched_are_named, 0, sizeof edits / sizeof edits[0]);
	tcase_add_loop_test(tc, a_script_is_the_file_with_a_main_part_that_wins, 0, sizeof scripts / sizeof scripts[0]);
	tcase_add_loop_test(tc, a_script_that_is_no_python_is_not_made, 0, sizeof broken / sizeof broken[0]);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
