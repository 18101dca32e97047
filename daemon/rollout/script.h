/* SPDX-License-Identifier: MIT */
#ifndef SCRIPT_H
#define SCRIPT_H

#include "answer.h"
#include "buf.h"
#include "err.h"
#include "imports.h"

#define SCRIPT_NAME "reproduce_bug.py"          /* at the repository's root */

/*
 * A test file made runnable alone: relative imports absolute, and a __main__ part that runs its tests and prints
 * exactly one of `Issue reproduced`, `Issue resolved`, `Other issues`.  Every other byte is that of the file.  The part
 * stands at the end, or in front of a __main__ part that the file has: ours ends the process.  A few lines near the top
 * see to it that a file which does not come so far (its imports fail) prints `Other issues` too.
 *
 * tests: the functions to run, by qualified name; plugins: conftest modules of the directories above the file.
 * BD_EINVALID if what comes out is not Python (py_check()), with "line N: why".
 */
int script_build(struct span source, const struct package *package, const struct paths *tests,
                 const struct paths *plugins, struct buf *ret, struct err *err);
/* The conftest.py of the directories above the file, below the root, as modules, the outermost first. */
void script_plugins(const struct repo *repo, const char *path, struct paths *ret);

/* script_main.c: the lines near the top; the text of the __main__ part, up to the call that ends it. */
extern const char script_head[], script_main[];

#endif
