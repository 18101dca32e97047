/* SPDX-License-Identifier: MIT */
#ifndef PYTHON_SYNTAX_H
#define PYTHON_SYNTAX_H

#include "buf.h"
#include "err.h"

/*
 * Is this text a Python 3 module that the interpreter would compile?
 *
 * It reads the whole grammar of Python 3.11 by recursive descent, f-strings inside too, and holds to most of
 * what the compiler checks besides: targets of assignments and deletions, order of arguments and of parameters, repeated
 * names among them, return, yield, await, break and continue where they may stand, star imports, imports from
 * __future__ at the top, mixed bytes and text.
 *
 * It does not catch what needs the table of symbols (global after use, nonlocal without a binding, a name that is
 * parameter and global), repeated names in a match pattern, identifiers of characters that are no letters, unknown
 * codings and names of characters that do not exist.  Grammar newer than 3.11 (generic functions, the type
 * statement, quotes reused in f-strings) is refused: most interpreters in use refuse it too.
 */
int py_check(struct span text, struct err *err);

#endif
