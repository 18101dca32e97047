/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "edit_int.h"
#include "mem.h"

/*
 * Edits: the input is the text of a file, a NUL, and an answer.  Nothing crashes; what took is a change and what
 * did not is none; a patch can be printed of it; an answer once more says the same.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = { "src/app.py", "setup.py", "empty.py" };

static bool has(void *data, const char *path)
{
	(void)data;
	for (size_t i = 0; i < 3; i++)
		if (strcmp(names[i], path) == 0)
			return true;
	return false;
}

static const char *resolve(void *data, struct span name)
{
	(void)data;
	for (size_t i = 0; i < 3; i++)
		if (span_is(name, names[i]) || (i == 0 && span_is(name, "app.py")))
			return names[i];
	return NULL;
}

static int read_file(void *data, const char *path, struct buf *ret, struct err *err)
{
	const struct span *text = data;

	(void)err;
	if (strcmp(path, names[0]) == 0)
		buf_add_span(ret, *text);
	else if (strcmp(path, names[1]) == 0)
		buf_add_str(ret, "a = 1\nb = 2\na = 1\n");
	return 0;
}

static void must(bool truth)
{
	if (!truth)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size > 0 ? memchr(data, 0, size) : NULL;
	struct span file = { (const char *)data, nul != NULL ? (size_t)(nul - data) : 0 };
	char *text = mem_strndup((const char *)data + (nul != NULL ? file.len + 1 : 0), size - (nul != NULL ? file.len + 1 : 0));
	struct source src = { .data = &file, .resolve = resolve, .has = has, .read = read_file };
	struct buf patch = { 0 };
	struct edits e;

	edits_parse(text, &e);
	must(edits_apply_to(&e, &src, NULL) == 0);
	for (size_t i = 0; i < e.n; i++) {
		must(e.at[i].search != NULL && e.at[i].replace != NULL);
		must(!edit_fate_applied(e.at[i].fate) || e.at[i].path != NULL);
		must(e.at[i].fate != EDIT_AMBIGUOUS || e.at[i].found > 1);
	}
	must(e.n_changes == 0 || edits_applied(&e) > 0);
	must(patch_print(e.changes, e.n_changes, &patch, NULL) == 0);
	buf_done(&patch);
	edits_done(&e);
	free(text);
	return 0;
}
