/* SPDX-License-Identifier: MIT */
#ifndef PYTHON_TOKEN_H
#define PYTHON_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"

/*
 * Python 3's tokens, as its reference's chapter 2 defines them: logical lines, INDENT and DEDENT, strings with
 * every prefix, brackets that match.  Comments and blank lines are no tokens: they lie in the gaps between them.
 *
 * It refuses what the interpreter refuses while it reads tokens: an unclosed string or bracket, indentation that
 * fits no outer level or mixes tabs and blanks, a stray character, a number that is none, a bad escape in a
 * string, bytes that are no UTF-8 (unless the file declares another coding).  Of characters beyond ASCII any is
 * taken for a letter.
 */
enum py_kind { PY_NAME, PY_NUMBER, PY_STRING, PY_OP, PY_NEWLINE, PY_INDENT, PY_DEDENT, PY_END };

struct py_token {
	enum py_kind kind;
	int op;                 /* PY_OP: its characters, first one lowest: PY_OP2('=', '=') */
	size_t off, len;        /* in the text; 0 long for INDENT, DEDENT, END and a NEWLINE at the end of the file */
	int line;               /* from 1 */
};
#define PY_OP2(a, b) ((a) | (b) << 8)
#define PY_OP3(a, b, c) ((a) | (b) << 8 | (c) << 16)

struct py_tokens {
	struct span text;       /* borrowed */
	struct py_token *at;    /* ends with PY_END */
	size_t n;
};

/* BD_EINVALID: no Python; err says "line N: why". */
int py_tokenize(struct span text, struct py_tokens *ret, struct err *err);
/* An expression as it stands in an f-string: line breaks are blanks; it is on `line`. */
int py_tokenize_expr(struct span text, int line, struct py_tokens *ret, struct err *err);
void py_tokens_done(struct py_tokens *t);
struct span py_text(const struct py_tokens *t, size_t i);
bool py_is_name(const struct py_tokens *t, size_t i, const char *name);
bool py_is_op(const struct py_tokens *t, size_t i, int op);

/* A string token taken apart. */
struct py_string {
	bool raw, bytes, format;
	struct span body;       /* between the quotes */
};
struct py_string py_string_of(struct span token);

#endif
