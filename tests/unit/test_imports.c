/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "imports.h"
#include "python_syntax.h"

/* --- relative imports become absolute, and nothing else changes --------------------------------- */

static const struct { const char *in, *out; } rewrites[] = {
	{ "from .b import c\n", "from tests.unit.b import c\n" },
	{ "from . import x\n", "from tests.unit import x\n" },
	{ "from .. import x as y\n", "from tests import x as y\n" },
	{ "from ..a.b import c\n", "from tests.a.b import c\n" },
	{ "from.x import y\n", "from tests.unit.x import y\n" },
	{ "from .import x\n", "from tests.unit import x\n" },
	{ "from.import x\n", "from tests.unit import x\n" },
	{ "from . import x; y()\n", "from tests.unit import x; y()\n" },
	{ "x = 1; from . import x\n", "x = 1; from tests.unit import x\n" },
	{ "from . import (a,  # from . import b\n    b)\n", "from tests.unit import (a,  # from . import b\n    b)\n" },
	{ "from . import (\n\ta as b,\n\n\tc,\n)", "from tests.unit import (\n\ta as b,\n\n\tc,\n)" },
	{ "def f():\n\tfrom .x import y  # why\n\treturn y\n", "def f():\n\tfrom tests.unit.x import y  # why\n\treturn y\n" },
	{ "if TYPE_CHECKING: from .x import y\n", "if TYPE_CHECKING: from tests.unit.x import y\n" },
	{ "if A:\n  try:\n    from ..x import y\n  except E: pass\n", "if A:\n  try:\n    from tests.x import y\n  except E: pass\n" },
	{ "from . \\\n  import x\n", "from tests.unit \\\n  import x\n" },
	{ "from \\\n  .x \\\n import y\n", "from \\\n  tests.unit.x \\\n import y\n" },
	{ "from . . x import y\n", "from tests.  x import y\n" },
	{ "from . \\\n . x import y\n", "from tests. \\\n  x import y\n" },
	{ "from .x import *\r\nfrom .y import z\r\n", "from tests.unit.x import *\r\nfrom tests.unit.y import z\r\n" },
	{ "\xEF\xBB\xBF" "from .x import y\n", "\xEF\xBB\xBF" "from tests.unit.x import y\n" },
	{ "\ffrom .x import y\n", "\ffrom tests.unit.x import y\n" },
	/* what is no relative import */
	{ "s = 'from .x import y'\n", "s = 'from .x import y'\n" },
	{ "s = '''\nfrom .x import y\n'''\n", "s = '''\nfrom .x import y\n'''\n" },
	{ "s = r'\\'' 'from . import x'\n", "s = r'\\'' 'from . import x'\n" },
	{ "s = f'{1}from . import x'\n", "s = f'{1}from . import x'\n" },
	{ "# from .x import y\n", "# from .x import y\n" },
	{ "from a.b import c\nimport d\n", "from a.b import c\nimport d\n" },
	{ "def g():\n    yield from .5, 1\n", "def g():\n    yield from .5, 1\n" },
	{ "raise E from ...\n", "raise E from ...\n" },
	{ "from_ = x.imports\n", "from_ = x.imports\n" },
	{ "", "" },
};

static void check_rewrite(const char *in, size_t len, struct package *package, struct buf *out)
{
	struct err err = { 0 };

	ck_assert_msg(imports_make_absolute((struct span){ in, len }, package, out, &err) == 0, "%s: %s", in, err.msg);
}

START_TEST(relative_imports_become_absolute_and_all_else_stays)
{
	char name[] = "tests.unit";
	struct package package = { name, name };
	struct buf out = { 0 }, again = { 0 };

	check_rewrite(rewrites[_i].in, strlen(rewrites[_i].in), &package, &out);
	ck_assert_str_eq(buf_str(&out), rewrites[_i].out);
	check_rewrite(out.at, out.len, &package, &again);               /* nothing is left to do */
	ck_assert_str_eq(buf_str(&again), rewrites[_i].out);
	buf_done(&out);
	buf_done(&again);
}
END_TEST

static const struct { const char *in, *package, *whole, *says; } refused[] = {
	{ "x = 1\nfrom ... import y\n", "tests.unit", "tests.unit", "line 2: a relative import goes beyond the top level" },
	{ "from . import y\n", "", "", "line 1: a relative import goes beyond the top level" },
	{ "from .x import y\n", "my-tests", "my-tests", "line 1: a relative import from my-tests, which is no module's name" },
	{ "from .x import y\n", "a.1b", "a.1b", "line 1: a relative import from a.1b, which is no module's name" },
	{ "s = 'open\n", "t", "t", "line 1: the string has no end" },
};

START_TEST(what_cannot_be_made_absolute_is_refused_with_its_line)
{
	struct package package = { strdup(refused[_i].package), strdup(refused[_i].whole) };
	struct buf out = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(imports_make_absolute(span_of(refused[_i].in), &package, &out, &err), BD_EINVALID);
	ck_assert_str_eq(err.msg, refused[_i].says);
	ck_assert_uint_eq(out.len, 0);
	package_done(&package);
	buf_done(&out);
}
END_TEST

START_TEST(an_import_above_the_package_is_tried_from_the_root)
{
	char name[] = "unit", whole[] = "tests.unit";
	struct package package = { name, whole };
	struct buf out = { 0 };

	check_rewrite("from ..x import y\nfrom .z import y\n", 35, &package, &out);
	ck_assert_str_eq(out.at, "from tests.x import y\nfrom unit.z import y\n");
	buf_done(&out);
}
END_TEST

/* --- the package of a file ------------------------------------------------------------------------- */

static const char structure[] =
	"{\"repo\":\"o/r\",\"base_commit\":\"c\",\"instance_id\":\"i\",\"structure\":{"
	"\"r\":{\"test_root.py\":{\"classes\":[],\"functions\":[],\"text\":[]}},"
	"\"src\":{\"pkg\":{\"__init__.py\":{\"classes\":[],\"functions\":[],\"text\":[]},"
	"\"tests\":{\"__init__.py\":{\"classes\":[],\"functions\":[],\"text\":[]},"
	"\"test_a.py\":{\"classes\":[],\"functions\":[],\"text\":[]}}}},"
	"\"tests\":{\"unit\":{\"test_b.py\":{\"classes\":[],\"functions\":[],\"text\":[]}},"
	"\"pack\":{\"__init__.py\":{\"classes\":[],\"functions\":[],\"text\":[]},"
	"\"sub\":{\"test_c.py\":{\"classes\":[],\"functions\":[],\"text\":[]}}}}}}";

static const struct { const char *path, *name, *whole; } packages[] = {
	{ "src/pkg/tests/test_a.py", "pkg.tests", "src.pkg.tests" },
	{ "tests/unit/test_b.py", "tests.unit", "tests.unit" },
	{ "tests/pack/sub/test_c.py", "pack.sub", "tests.pack.sub" },
	{ "test_root.py", "", "" },
};

START_TEST(a_package_begins_where_the_topmost_init_is)
{
	char path[] = "/tmp/test_imports.XXXXXX";
	int fd = mkstemp(path);
	struct repo *repo = NULL;
	struct package package = { 0 };
	struct err err = { 0 };

	close(fd);
	ck_assert_int_eq(file_put(path, structure, sizeof structure - 1, 0600, &err), 0);
	ck_assert_msg(repo_open_structure(path, "o/r", NULL, &repo, &err) == 0, "%s", err.msg);
	package_of(repo, packages[_i].path, &package);
	ck_assert_str_eq(package.name, packages[_i].name);
	ck_assert_str_eq(package.whole, packages[_i].whole);
	package_done(&package);
	repo_close(repo);
	unlink(path);
}
END_TEST

/* --- is it Python? ------------------------------------------------------------------------------------- */

static const char *const good[] = {
	"", "\n\n", "# nothing\n", "x", "x = y = 1", "x: int", "(x): int = 1", "a.b[c] += 1",
	"def f(a, /, b=1, *c, d, e=2, **g) -> int:\n  return a\n",
	"async def f():\n  async with a as b, c: await d\n  return [x async for x in y]\n",
	"def f():\n  x = yield\n  yield from x\n  return *a, b\n",
	"with (open(a) as b, open(c) as d,):\n  pass\n", "with (a, b) as c: pass\n", "with (yield_): pass\n",
	"match = 1\nmatch.x\nmatch(a)\nmatch[a]\n",
	"match a, b:\n  case [1, *_] | {'k': v, **r} if v: pass\n  case C(x, y=None) as z: pass\n  case -1+2j: pass\n  case _: pass\n",
	"try: pass\nexcept (A, B) as e: pass\nelse: pass\nfinally: pass\n", "try: pass\nexcept* E: pass\n",
	"x = f'{a!r:>{w}} {{}} {b=} {c[\"k\"]} {(lambda: 1)()}'\n", "x = rf'\\{a}' f'''{\na}'''\n",
	"x = b'a' rb'\\x' ; y = 'a' u'b'\n", "x = '\\N{DASH}\\u0041\\x41'\n",
	"for x, *y in *a, b: continue\nelse: pass\n", "while (n := f()): break\n",
	"print(*a, b, *c, k=1, **d, m=2)\n", "f(x for x in y)\n", "a[1:2, ::3, ..., *b]\n", "{**a, 'b': c}; {*a, b}; {k: v for k in v}\n",
	"@a.b(c)[0]\nclass D(E, metaclass=F): x = 1\n", "lambda *a, b=1, **c: (yield)\n", "1if x else 2\n", "0xFF_FF + 1_000.5e-3j + 0o7 + 00\n",
	"if a:\n\tx\n\ty\nelif b: z\nelse:\n        w\n", "x = [\n1,\n  2,\n]\n", "x = 1 + \\\n  2\n", "del a, b[0], (c.d)\n",
	"'doc'\nfrom __future__ import annotations\nimport a.b as c, d\nfrom .e import (f, g as h,)\n", "global x\n", "() = x\n[a, [b, *c]] = d\n",
	"class A:\n  def f(self): nonlocal_ = 1\n", "not not a is not b not in c\n", "a if b else c if d else e\n", "x = yield_ = 1;\n",
	"\xC3\xA4 = '\xE2\x82\xAC'\n", "# -*- coding: latin-1 -*-\nx = '\xE4'\n", "assert a, b\nraise A from b\n", "x = (yield_)\r\ny = 2\r\n",
};

START_TEST(python_is_taken)
{
	struct err err = { 0 };

	ck_assert_msg(py_check(span_of(good[_i]), &err) == 0, "%s: %s", good[_i], err.msg);
}
END_TEST

static const char *const bad[] = {
	"x = ", "x = = 1\n", "def f(:\n  pass\n", "def f()\n  pass\n", "def f():\npass\n", "  x = 1\n", "if a:\n    x\n  y\n", "x = (1\n", "x = 1)\n", "x = [1)\n",
	"'open\n", "'''open\n", "f'{}'\n", "f'{a b}'\n", "f'{a'\n", "f'}'\n", "f'{a!x}'\n", "x = '\\x4'\n", "'\\N{'\n", "b'\xC3\xA4'\n", "x = 012\n", "1abc\n", "x = 1__0\n", "$\n", "a ! b\n",
	"return 1\n", "yield\n", "await x\n", "break\n", "class A:\n  return\n", "def f():\n  class B:\n    yield\n", "for x in y:\n  def f():\n    continue\n",
	"f() = 1\n", "1 = x\n", "None = x\n", "a + b = c\n", "a, b += c\n", "(a, b): int\n", "*a = b\n", "*a\n", "*a, *b = c\n", "x = *a\n", "for 1 in x: pass\n", "with a as f(): pass\n", "del f()\n", "del *a, b\n",
	"f(a=1, b)\n", "f(a=1, a=2)\n", "f(**a, *b)\n", "f(x for x in y, z)\n", "f(a.b=1)\n", "def f(a=1, b): pass\n", "def f(a, a): pass\n", "def f(*): pass\n", "def f(**a, b): pass\n", "def f(/): pass\n", "lambda a, a: 1\n",
	"import a.b as\n", "from a import\n", "from a import (b\n", "from a import b,\n", "from a import ()\n", "def f():\n  from a import *\n", "import a\nfrom __future__ import annotations\n", "from __future__ import nothing\n",
	"try: pass\n", "try: pass\nexcept: pass\nexcept E: pass\n", "try: pass\nexcept A, b: pass\n", "else: pass\n", "print 'x'\n", "exec 'x' in y\n", "raise E, 'x'\n", "a <> b\n", "`a`\n", "ur'x'\n",
	"a b\n", "if = 1\n", "class = 1\n", "x = lambda: yield\n", "(a := 1) := 2\n", "a := 1\n", "(a.b := 1)\n", "{1: 2, 3}\n", "{**a for a in b}\n", "[*a for a in b]\n", "'a' b'b'\n", "@\ndef f(): pass\n", "@a\nx = 1\n", "async x\n", "async with a: pass\n",
	"if a:\n\tx\n        y\n", "x = 1 \\ \n", "x = 1 \\", "nonlocal a\n", "match a:\n  case 1: pass\n  x\n", "match a:\n  case f(): pass\n  case x.y(1, a=2, 3): pass\n", "\xFF\n", "x\0y\n", "<<<<<<< SEARCH\n", "=======\n", "```\n",
};

START_TEST(what_is_no_python_is_refused_with_its_line)
{
	struct err err = { 0 };
	size_t len = strcmp(bad[_i], "x") == 0 ? 4 : strlen(bad[_i]);

	ck_assert_msg(py_check((struct span){ bad[_i], len }, &err) == BD_EINVALID, "taken: %s", bad[_i]);
	ck_assert_msg(strncmp(err.msg, "line ", 5) == 0, "%s", err.msg);
}
END_TEST

START_TEST(deep_nesting_is_refused_and_not_followed)
{
	static const char *const units[] = { "(", "[", "- ", "not ", "lambda: ", "a if b else ", "2 ** ", "f'{", "x.y(", "{1: ", "a[", "~" };
	struct buf b = { 0 };
	struct err err = { 0 };

	for (int i = 0; i < 100000; i++)
		buf_add_str(&b, units[_i]);
	ck_assert_int_eq(py_check(buf_span(&b), &err), BD_EINVALID);
	buf_done(&b);
	for (int i = 0; i < 2000; i++) {
		for (int n = 0; n < i; n++)
			buf_add_char(&b, ' ');
		buf_add_str(&b, "if x:\n");
	}
	ck_assert_int_eq(py_check(buf_span(&b), &err), BD_EINVALID);
	buf_done(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("imports");
	TCase *tc = tcase_create("imports");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, relative_imports_become_absolute_and_all_else_stays, 0, sizeof rewrites / sizeof rewrites[0]);
	tcase_add_loop_test(tc, what_cannot_be_made_absolute_is_refused_with_its_line, 0, sizeof refused / sizeof refused[0]);
	tcase_add_test(tc, an_import_above_the_package_is_tried_from_the_root);
	tcase_add_loop_test(tc, a_package_begins_where_the_topmost_init_is, 0, sizeof packages / sizeof packages[0]);
	tcase_add_loop_test(tc, python_is_taken, 0, sizeof good / sizeof good[0]);
	tcase_add_loop_test(tc, what_is_no_python_is_refused_with_its_line, 0, sizeof bad / sizeof bad[0]);
	tcase_add_loop_test(tc, deep_nesting_is_refused_and_not_followed, 0, 12);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
