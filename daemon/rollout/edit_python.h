/* SPDX-License-Identifier: MIT */
#ifndef EDIT_PYTHON_H
#define EDIT_PYTHON_H

#include "edit_int.h"

/*
 * The lines that come in place of [at, +n) of a Python file: those of the answer without entities and typographic
 * characters, if with them the file would be no Python any more, and without them it is as it was.  True if made was changed.
 */
bool python_make_plain(const struct elines *file, size_t at, size_t n, struct arena *arena, struct elines *made);

#endif
