/* SPDX-License-Identifier: MIT */
#include "edit_python.h"

#include <string.h>

#include "edit_mend.h"
#include "python_syntax.h"
#include "python_token.h"

static void print_lines(const struct eline *at, size_t n, struct buf *ret)
{
	for (size_t i = 0; i < n; i++) {
		buf_add(ret, at[i].at, at[i].len);
		buf_add_char(ret, '\n');
	}
}

/* Typographic quotes outside of strings and comments: to the lexer they are letters. */
static bool has_odd_names(struct span text)
{
	static const char *const quotes[] = { "\xE2\x80\x98", "\xE2\x80\x99", "\xE2\x80\x9C", "\xE2\x80\x9D" };
	struct py_tokens t = { 0 };
	bool odd = false;

	if (py_tokenize(text, &t, NULL) < 0)
		return true;
	for (size_t i = 0; i < t.n && !odd; i++) {
		struct span s = py_text(&t, i);

		for (size_t k = 0; t.at[i].kind == PY_NAME && k < 4; k++)
			odd = odd || memmem(s.at, s.len, quotes[k], 3) != NULL;
	}
	py_tokens_done(&t);
	return odd;
}

static bool is_python(struct span text)
{
	return py_check(text, NULL) == 0 && !has_odd_names(text);
}

static bool is_python_with(const struct elines *file, size_t at, size_t n, const struct elines *made)
{
	struct buf text = { 0 };
	bool ok;

	print_lines(file->at, at, &text);
	print_lines(made->at, made->n, &text);
	print_lines(file->at + at + n, file->n - at - n, &text);
	ok = is_python(buf_span(&text));
	buf_done(&text);
	return ok;
}

bool python_make_plain(const struct elines *file, size_t at, size_t n, struct arena *arena, struct elines *made)
{
	struct elines plain = { 0 };
	bool any = false;

	for (size_t i = 0; i < made->n; i++) {
		const struct eline *l = &made->at[i];

		if (l->origin != ORIGIN_NEW) {
			eline_copy(&plain, l);
			continue;
		}
		any = eline_plain(l, arena, &plain) || any;
		plain.at[plain.n - 1].origin = ORIGIN_NEW;
		plain.at[plain.n - 1].by = l->by;
		plain.at[plain.n - 1].end = l->end;
	}
	if (any && !is_python_with(file, at, n, made) && is_python_with(file, at, n, &plain) &&
	    is_python_with(file, 0, 0, &(struct elines){ .n = 0 })) {
		elines_done(made);
		*made = plain;
		plain = (struct elines){ 0 };
	} else {
		any = false;
	}
	elines_done(&plain);
	return any;
}
