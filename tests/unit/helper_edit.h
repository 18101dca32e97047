/* SPDX-License-Identifier: MIT */
#ifndef HELPER_EDIT_H
#define HELPER_EDIT_H

#include "edit_int.h"

/* Edits of a small repository, by table. */

#define APP "import os\n\n\ndef f(x):\n    if x:\n        return 1\n    return 0\n\n\ndef g(x):\n    return f(x) + 1\n"
#define APP_NEW "import os\n\n\ndef f(x):\n    if x:\n        return 2\n    return 0\n\n\ndef g(x):\n    return f(x) + 1\n"
#define TWO "a = 1\nb = 2\na = 1\n"
#define RST "\"\"\"\nTitle\n=======\n\nText\n\"\"\"\nx = 1\n"
#define TABS "class A:\n\tdef f(self):\n\t\treturn 1\n"
#define DIRTY "def f():  \n    x = 1\t\n    return x\n"

#define S "<<<<<<< SEARCH\n"
#define D "=======\n"
#define R ">>>>>>> REPLACE\n"
#define ONE S "        return 1\n" D "        return 2\n" R
#define APP_PATH "src/pkg/app.py"

struct row {
	const char *what, *text, *fates;        /* fates: words, comma between */
	const char *path, *after;               /* of the one change; NULL: none */
};

/* Parse and apply; shown: the files the model saw, ended by NULL, or NULL. */
void edit_run(const char *text, char *const *shown, struct edits *ret);
void edit_check_row(const struct row *row);
void edit_check_shown(const struct row *row, char *const *shown);

#endif
