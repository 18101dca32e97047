/* SPDX-License-Identifier: MIT */
#ifndef PYTHON_PRIV_H
#define PYTHON_PRIV_H

#include "python_token.h"

/*
 * The parser behind py_check(), cut into statements, expressions and patterns.  A function that reads something
 * returns false once the text is wrong; the first reason is in `err` then.  Nothing is built: what the
 * caller must know of an expression comes back as flags.
 */
enum scope { SCOPE_MODULE, SCOPE_CLASS, SCOPE_FUNCTION, SCOPE_ASYNC };

struct parser {
	struct py_tokens t;
	size_t i;               /* the next token */
	enum scope scope;
	bool in_loop;
	bool code_seen;         /* something else than a docstring or a future import */
	int depth;              /* of nested statements and expressions */
	bool failed;
	struct err *err;        /* of the caller; may be NULL */
};

/* What an expression may be used as. */
enum {
	X_TARGET = 1,           /* of = and of for */
	X_SINGLE = 2,           /* of += and of an annotation: a name, an attribute, a subscript */
	X_NAME   = 4,           /* a bare name */
	X_STAR   = 8,           /* starred: stands only among others */
	X_DELETE = 16,
};

#define PARSER_DEPTH_MAX 400

bool py_fail(struct parser *p, const char *why);
bool py_enter(struct parser *p);                /* one level deeper; pair with p->depth-- */
bool py_at_op(const struct parser *p, int op);
bool py_at_word(const struct parser *p, const char *word);
bool py_take_op(struct parser *p, int op);      /* if it is next */
bool py_take_word(struct parser *p, const char *word);
bool py_want_op(struct parser *p, int op);      /* or fail */
bool py_want_word(struct parser *p, const char *word);
bool py_at_identifier(const struct parser *p);  /* a name that is no keyword */
bool py_want_identifier(struct parser *p);
bool py_is_keyword(struct span word);

/* python_expr.c */
bool py_expression(struct parser *p, unsigned *ret);            /* with if-else and lambda */
bool py_named(struct parser *p, unsigned *ret);                 /* with := */
bool py_star_expressions(struct parser *p, unsigned *ret);      /* a, *b, c */
bool py_yield_or_star(struct parser *p, unsigned *ret);
bool py_bitor(struct parser *p, unsigned *ret);                 /* without comparisons */
bool py_targets(struct parser *p);                              /* of for, up to `in` */
bool py_at_comprehension(const struct parser *p);
bool py_comprehension(struct parser *p);                        /* for a in b if c ..., once or more */
bool py_at_expression_end(const struct parser *p);

/* python_call.c */
bool py_arguments(struct parser *p);                            /* from behind ( to behind ) */
bool py_parameters(struct parser *p, bool annotated, int close);  /* up to close, which stays */

/* python_fstring.c */
bool py_fstring(struct parser *p, struct py_string s, int line);

/* python_match.c */
bool py_at_match(struct parser *p);
bool py_match(struct parser *p);

/* python_simple.c */
bool py_simple_line(struct parser *p);          /* statements up to the end of the line */
bool py_as_name(struct parser *p);              /* "as name", if it is there */

/* python_syntax.c */
bool py_block(struct parser *p);

#endif
