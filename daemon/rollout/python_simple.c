/* SPDX-License-Identifier: MIT */
#include "python_priv.h"

/* Simple statements of Python, chapter 7 of its reference. */

/* --- imports ----------------------------------------------------------------------------------- */

static bool dotted_name(struct parser *p)
{
	do {
		if (!py_want_identifier(p))
			return false;
	} while (py_take_op(p, '.'));
	return true;
}

bool py_as_name(struct parser *p)
{
	return !py_take_word(p, "as") || py_want_identifier(p);
}

static bool import_statement(struct parser *p)
{
	do {
		if (!dotted_name(p) || !py_as_name(p))
			return false;
	} while (py_take_op(p, ','));
	return true;
}

static bool future_feature(struct parser *p)
{
	static const char *const known[] = { "nested_scopes", "generators", "division", "absolute_import",
	                                    "with_statement",
	                                     "print_function", "unicode_literals", "barry_as_FLUFL", "generator_stop",
	                                     "annotations" };

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (py_at_word(p, known[i]))
			return true;
	}
	return py_fail(p, "no such feature in __future__");
}

static bool from_statement(struct parser *p)
{
	bool dots = false, future, bracket;

	while (py_take_op(p, '.') || py_take_op(p, PY_OP3('.', '.', '.')))
		dots = true;
	future = !dots && py_at_word(p, "__future__") && py_is_name(&p->t, p->i + 1, "import");
	if (!(dots && py_at_word(p, "import")) && !dotted_name(p))
		return false;
	if (!py_want_word(p, "import"))
		return false;
	if (future && p->code_seen)
		return py_fail(p, "an import from __future__ behind other code");
	if (!future)
		p->code_seen = true;
	if (py_take_op(p, '*'))
		return p->scope == SCOPE_MODULE || py_fail(p, "import * inside a function or class");
	bracket = py_take_op(p, '(');
	do {
		if (future && !future_feature(p))
			return false;
		if (!py_want_identifier(p) || !py_as_name(p))
			return false;
	} while (py_take_op(p, ',') && !(bracket && py_at_op(p, ')')));
	return !bracket || py_want_op(p, ')');
}

/* --- simple statements ---------------------------------------------------------------------------- */

static bool take_augmented(struct parser *p)
{
	static const int ops[] = { PY_OP2('+', '='), PY_OP2('-', '='), PY_OP2('*', '='), PY_OP2('/', '='),
	                          PY_OP2('%', '='),
	                           PY_OP2('&', '='), PY_OP2('|', '='), PY_OP2('^', '='), PY_OP2('@', '='),
	                           PY_OP3('*', '*', '='), PY_OP3('/', '/', '='), PY_OP3('<', '<', '='), PY_OP3('>', '>', '=') };

	for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
		if (py_take_op(p, ops[i]))
			return true;
	}
	return false;
}

/* An expression, an assignment of any kind. */
static bool expression_statement(struct parser *p)
{
	bool yields = py_at_word(p, "yield");
	unsigned x;

	if (!py_yield_or_star(p, &x))
		return false;
	if (py_take_op(p, ':')) {
		if (yields || (x & X_SINGLE) == 0)
			return py_fail(p, "this cannot be annotated");
		return py_expression(p, &x) && (!py_take_op(p, '=') || py_yield_or_star(p, &x));
	}
	if (take_augmented(p)) {
		if (yields || (x & X_SINGLE) == 0)
			return py_fail(p, "this cannot be assigned to");
		return py_yield_or_star(p, &x);
	}
	while (py_take_op(p, '=')) {
		if (yields || (x & X_TARGET) == 0)
			return py_fail(p, "this cannot be assigned to");
		yields = py_at_word(p, "yield");
		if (!py_yield_or_star(p, &x))
			return false;
	}
	return true;
}

static bool return_statement(struct parser *p)
{
	unsigned x;

	if (p->scope != SCOPE_FUNCTION && p->scope != SCOPE_ASYNC)
		return py_fail(p, "return outside a function");
	return py_at_expression_end(p) || py_star_expressions(p, &x);
}

static bool raise_statement(struct parser *p)
{
	unsigned x;

	if (py_at_expression_end(p))
		return true;
	return py_expression(p, &x) && (!py_take_word(p, "from") || py_expression(p, &x));
}

static bool assert_statement(struct parser *p)
{
	unsigned x;

	return py_expression(p, &x) && (!py_take_op(p, ',') || py_expression(p, &x));
}

static bool del_statement(struct parser *p)
{
	unsigned x;

	if (!py_star_expressions(p, &x))
		return false;
	return (x & X_DELETE) != 0 || py_fail(p, "this cannot be deleted");
}

static bool names_statement(struct parser *p)
{
	do {
		if (!py_want_identifier(p))
			return false;
	} while (py_take_op(p, ','));
	return true;
}

static bool nonlocal_statement(struct parser *p)
{
	if (p->scope == SCOPE_MODULE)
		return py_fail(p, "nonlocal outside a function");
	return names_statement(p);
}

static bool loop_word(struct parser *p)
{
	return p->in_loop || py_fail(p, "break or continue outside a loop");
}

static bool pass_statement(struct parser *p)
{
	(void)p;
	return true;
}

static const struct { const char *word; bool (*read)(struct parser *p); } simple_words[] = {
	{ "pass", pass_statement },     { "return", return_statement }, { "import", import_statement },
	{ "from", from_statement },     { "raise", raise_statement },   { "assert", assert_statement },
	{ "del", del_statement },       { "global", names_statement },  { "nonlocal", nonlocal_statement },
	{ "break", loop_word },         { "continue", loop_word },
};

static bool simple_statement(struct parser *p)
{
	bool (*read)(struct parser *) = expression_statement;
	bool docstring = p->t.at[p->i].kind == PY_STRING && p->i == 0, from = py_at_word(p, "from");

	for (size_t i = 0; i < sizeof simple_words / sizeof simple_words[0]; i++) {
		if (py_at_word(p, simple_words[i].word)) {
			read = simple_words[i].read;
			p->i++;
			break;
		}
	}
	if (!docstring && !from)                /* from_statement() says it of itself */
		p->code_seen = true;
	return read(p);
}

bool py_simple_line(struct parser *p)
{
	do {
		if (!simple_statement(p))
			return false;
	} while (py_take_op(p, ';') && p->t.at[p->i].kind != PY_NEWLINE);
	if (p->t.at[p->i].kind != PY_NEWLINE)
		return py_fail(p, "the line does not end where the statement does");
	p->i++;
	return true;
}
