/* SPDX-License-Identifier: MIT */
#ifndef ANSWER_INT_H
#define ANSWER_INT_H

#include "answer.h"
#include "answer_names.h"

/* answer_files() over any source of files; answer_repo.c puts a struct repo behind it. */
void answer_files_from(const char *text, const struct source *src, size_t max, bool tests_only, struct paths *ret);

/* A repo as a source; borrowed. */
struct source source_of_repo(const struct repo *repo);

#endif
