/* SPDX-License-Identifier: MIT */
/*
 * The import rewriter and the reproduction script on any bytes: what is taken stays Python, keeps its length but for
 * the package's name, has no relative import left, and a script made of it is Python by our own check.
 */
#include <stdint.h>
#include <stdlib.h>

#include "imports.h"
#include "python_syntax.h"
#include "python_tests.h"
#include "script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[] = "pkg.tests";
	struct package package = { name, name };
	struct span text = { (const char *)data, size };
	struct buf once = { 0 }, twice = { 0 }, script = { 0 };
	struct paths tests = { 0 }, none = { 0 };
	int was = py_check(text, NULL);

	if (imports_make_absolute(text, &package, &once, NULL) == 0) {
		if (imports_make_absolute(buf_span(&once), &package, &twice, NULL) < 0 || once.len != twice.len)
			abort();
		if (was == 0 && py_check(buf_span(&once), NULL) < 0)
			abort();
	}
	if (py_tests_changed((struct span){ "", 0 }, text, &tests, NULL) == 0 &&
	    script_build(text, &package, &tests, &none, &script, NULL) == 0 && py_check(buf_span(&script), NULL) < 0)
		abort();
	paths_done(&tests);
	buf_done(&once);
	buf_done(&twice);
	buf_done(&script);
	return 0;
}
