/* SPDX-License-Identifier: MIT */
#ifndef EDIT_MARKS_H
#define EDIT_MARKS_H

#include <stdbool.h>

#include "buf.h"

/* The lines that frame an edit: "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE" and their relatives. */
enum mark_kind { MARK_NONE, MARK_START, MARK_DIVIDER, MARK_END };

struct mark {
	enum mark_kind kind;
	bool strong;            /* START, END: with the word that git's conflict markers don't have */
	size_t count;           /* of its characters */
	size_t indent;          /* bytes of blanks in front */
	struct span rest;       /* START: what stands behind the word, a path perhaps */
};

struct mark mark_read(struct span line);

#endif
