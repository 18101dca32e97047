/* SPDX-License-Identifier: MIT */
#ifndef PYTHON_LEXER_H
#define PYTHON_LEXER_H

#include "python_token.h"

/* What py_tokenize() works with, and shares with the reader of literals. */
#define DEPTH_MAX 200           /* open brackets, as in the interpreter */
#define INDENT_MAX 100

struct lexer {
	struct py_tokens out;
	const char *p, *begin, *end;
	int line;
	char open[DEPTH_MAX];           /* the brackets that are open */
	int n_open;
	int columns[INDENT_MAX], alternates[INDENT_MAX];        /* tabs to 8, tabs to 1 */
	int n_indents;
	bool line_start;
	struct err *err;
};

int lexer_fail(struct lexer *l, const char *why);
/* A token of the bytes [from, to). */
void lexer_add(struct lexer *l, enum py_kind kind, const char *from, const char *to, int op, int line);
int lexer_at(const struct lexer *l, ptrdiff_t i);       /* the byte there, -1 behind the end */
bool lexer_is_letter(char c);
bool lexer_at_break(const struct lexer *l);
void lexer_over_break(struct lexer *l);                 /* LF, CR LF or CR */

/* python_literal.c: what begins at p becomes a token. */
int lexer_number(struct lexer *l);
int lexer_string(struct lexer *l, int prefix);
/* How many characters of a string's prefix stand at p, 0 if no string begins here with one. */
int lexer_string_prefix(const struct lexer *l);

#endif
