/* SPDX-License-Identifier: MIT */
#ifndef PYTHON_TESTS_H
#define PYTHON_TESTS_H

#include "answer.h"
#include "buf.h"
#include "err.h"

/*
 * The test functions of a Python file: functions whose name begins with "test", at the top or in a class, by
 * their qualified names (`test_a`, `TestB.test_c`), in the order of the file.
 *
 * py_tests_changed() names those of `after` that an edit added or changed: their own tokens (decorators too, comments not)
 * are not those of a function of that name in `before`.  When there is none: the tests of a class whose other
 * parts changed, and the tests that use a name which a changed statement at the top binds (a table of
 * parameters, a helper).  BD_EINVALID if `after` is no Python; a `before` that is none counts as empty.
 */
int py_tests_changed(struct span before, struct span after, struct paths *ret, struct err *err);

#endif
