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
	bool crossed;           /* START with END's word, END with START's: what it is for, its neighbours tell */
	size_t count;           /* of its characters */
	size_t indent;          /* bytes of blanks in front */
	struct span rest;       /* START: what stands behind the word, a path perhaps */
	struct span lead;       /* START: the same with its indentation, as a line of code would have it */
};

struct mark mark_read(struct span line);

/* A line of one character alone, at least as many as that: such as a divider that is none by its character or its
 * length. Ends and starts of lines do not count; '\0': it is no such line. */
char mark_ruler(struct span line, size_t at_least);

#endif
