/* SPDX-License-Identifier: MIT */
#ifndef HELPER_SOURCE_H
#define HELPER_SOURCE_H

#include "answer_names.h"

/* A repository in a table, for the readers of answers; ends with a NULL path. */
struct source_file {
	const char *path;
	const char *text;       /* NULL: listed, but without text */
	size_t len;             /* 0: strlen(text) */
};

/* The table is borrowed. */
struct source source_of_files(const struct source_file *files);

#endif
