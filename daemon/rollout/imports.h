/* SPDX-License-Identifier: MIT */
#ifndef IMPORTS_H
#define IMPORTS_H

#include "buf.h"
#include "err.h"
#include "repo.h"

/*
 * Relative imports of a Python file made absolute, in place: only the dots change, every other byte stays.
 *
 * What the dots mean hangs on the package that the file lies in.  It begins at the topmost directory above the file
 * that holds an __init__.py (src/pkg/tests/test_a.py is in pkg.tests when src has none); with no __init__.py anywhere
 * it is the whole path (tests/unit/test_a.py is in tests.unit).  An import that goes above the package is tried
 * against the whole path, since directories without __init__.py are packages too when the root is on the path.
 */
struct package {
	char *name;             /* dotted, "" for a file at the root; owned */
	char *whole;            /* the file's directory, dotted; owned */
};
void package_of(const struct repo *repo, const char *path, struct package *ret);
void package_done(struct package *p);

/*
 * BD_EINVALID if the source is no Python (as far as tokens tell), or an import goes beyond the top level
 * or through a directory whose name no import can say; err says "line N: ...".
 */
int imports_make_absolute(struct span source, const struct package *package, struct buf *ret, struct err *err);

#endif
