/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "answer_int.h"
#include "mem.h"

/*
 * Answers: the input is an output line, and the content of one.  Nothing crashes; what is of use has a text; files come
 * out each once and at most as many as asked for.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = { "setup.py", "src/app.py", "src/a b.py", "tests/test_app.py", "Makefile" };
#define N_NAMES (sizeof names / sizeof names[0])

static bool has(void *data, const char *path)
{
	(void)data;
	for (size_t i = 0; i < N_NAMES; i++)
		if (strcmp(names[i], path) == 0)
			return true;
	return false;
}

static const char *resolve(void *data, struct span name)
{
	(void)data;
	for (size_t i = 0; i < N_NAMES; i++)
		if (span_is(name, names[i]) || (name.len > 4 && span_ends(span_of(names[i]), "app.py") && span_is(name, "app.py")))
			return names[i];
	return NULL;
}

static void must(bool truth)
{
	if (!truth)
		abort();
}

static void check_files(const char *text, bool tests_only)
{
	struct source src = { .resolve = resolve, .has = has };
	struct paths p;

	answer_files_from(text, &src, 3, tests_only, &p);
	must(p.n <= 3);
	for (size_t i = 0; i < p.n; i++) {
		must(has(NULL, p.at[i]));
		must(!tests_only || path_is_test(p.at[i]));
		for (size_t k = 0; k < i; k++)
			must(strcmp(p.at[i], p.at[k]) != 0);
	}
	paths_done(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span line = { (const char *)data, size };
	char *text = mem_strndup(line.at, size);
	struct buf cut = { 0 };
	struct answer a;

	answer_read(line, &a);
	must(a.content != NULL && a.text != NULL);
	must(a.fault != ANSWER_NONE || span_trim(span_of(a.text)).len > 0);
	check_files(a.text, false);
	answer_done(&a);
	answer_cut_thinking(span_of(text), &cut);
	must(cut.len <= size);
	check_files(buf_str(&cut), false);
	check_files(text, true);
	buf_done(&cut);
	free(text);
	return 0;
}
