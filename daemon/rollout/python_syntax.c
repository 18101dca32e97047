/* SPDX-License-Identifier: MIT */
#include "python_syntax.h"

#include "python_priv.h"

/* Compound statements of Python, chapter 8 of its reference, and what all of the parser stands on. */

bool py_fail(struct parser *p, const char *why)
{
	if (!p->failed)
		err_set(p->err, BD_EINVALID, "line %d: %s", p->t.at[p->i].line, why);
	p->failed = true;
	return false;
}

bool py_enter(struct parser *p)
{
	return ++p->depth <= PARSER_DEPTH_MAX || py_fail(p, "nested too deeply");
}

bool py_at_op(const struct parser *p, int op)
{
	return p->t.at[p->i].kind == PY_OP && p->t.at[p->i].op == op;
}

bool py_at_word(const struct parser *p, const char *word)
{
	return py_is_name(&p->t, p->i, word);
}

bool py_take_op(struct parser *p, int op)
{
	bool there = py_at_op(p, op);

	p->i += there;
	return there;
}

bool py_take_word(struct parser *p, const char *word)
{
	bool there = py_at_word(p, word);

	p->i += there;
	return there;
}

bool py_want_op(struct parser *p, int op)
{
	char why[32] = "   is due";

	if (py_take_op(p, op))
		return true;
	why[0] = (char)(op & 0xff);
	why[1] = (op >> 8 & 0xff) != 0 ? (char)(op >> 8 & 0xff) : ' ';
	return py_fail(p, why);
}

bool py_want_word(struct parser *p, const char *word)
{
	return py_take_word(p, word) || py_fail(p, "a keyword is missing");
}

bool py_is_keyword(struct span word)
{
	static const char *const words[] = {
		"False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
		"elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
		"not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (span_is(word, words[i]))
			return true;
	}
	return false;
}

bool py_at_identifier(const struct parser *p)
{
	return p->t.at[p->i].kind == PY_NAME && !py_is_keyword(py_text(&p->t, p->i));
}

bool py_want_identifier(struct parser *p)
{
	if (!py_at_identifier(p))
		return py_fail(p, "a name is due");
	p->i++;
	return true;
}

/* --- compound statements ----------------------------------------------------------------------------- */

static bool statement(struct parser *p);

bool py_block(struct parser *p)
{
	if (p->t.at[p->i].kind != PY_NEWLINE)
		return py_simple_line(p);
	p->i++;
	if (p->t.at[p->i].kind != PY_INDENT)
		return py_fail(p, "an indented block is due");
	p->i++;
	do {
		if (!statement(p))
			return false;
	} while (p->t.at[p->i].kind != PY_DEDENT);
	p->i++;
	return true;
}

static bool colon_block(struct parser *p)
{
	return py_want_op(p, ':') && py_block(p);
}

static bool loop_block(struct parser *p)
{
	bool was = p->in_loop, ok;

	p->in_loop = true;
	ok = colon_block(p);
	p->in_loop = was;
	return ok && (!py_take_word(p, "else") || colon_block(p));
}

static bool if_statement(struct parser *p)
{
	unsigned x;

	do {
		if (!py_named(p, &x) || !colon_block(p))
			return false;
	} while (py_take_word(p, "elif"));
	return !py_take_word(p, "else") || colon_block(p);
}

static bool while_statement(struct parser *p)
{
	unsigned x;

	return py_named(p, &x) && loop_block(p);
}

static bool for_statement(struct parser *p)
{
	unsigned x;

	return py_targets(p) && py_want_word(p, "in") && py_star_expressions(p, &x) && loop_block(p);
}

static bool except_clause(struct parser *p, bool *ret_bare, int *ret_star)
{
	bool star = py_take_op(p, '*');
	unsigned x;

	if (*ret_star >= 0 && *ret_star != star)
		return py_fail(p, "except and except* in one try");
	*ret_star = star;
	*ret_bare = py_at_op(p, ':');
	if (*ret_bare && star)
		return py_fail(p, "except* without a type");
	if (!*ret_bare && (!py_expression(p, &x) || !py_as_name(p)))
		return false;
	return colon_block(p);
}

static bool try_statement(struct parser *p)
{
	bool bare = false, any = false;
	int star = -1;

	if (!colon_block(p))
		return false;
	while (py_take_word(p, "except")) {
		if (bare)
			return py_fail(p, "an except behind the one that takes all");
		if (!except_clause(p, &bare, &star))
			return false;
		any = true;
	}
	if (any && py_take_word(p, "else") && !colon_block(p))
		return false;
	if (py_take_word(p, "finally"))
		return colon_block(p);
	return any || py_fail(p, "a try without except or finally");
}

static bool with_item(struct parser *p)
{
	unsigned x;

	if (!py_expression(p, &x))
		return false;
	if (!py_take_word(p, "as"))
		return true;
	if (!py_bitor(p, &x))
		return false;
	return (x & X_TARGET) != 0 || py_fail(p, "this cannot be assigned to");
}

/* with (a as b, c as d): brackets around the items, not around an expression. */
static bool with_bracketed(struct parser *p)
{
	p->i++;
	do {
		if (!with_item(p))
			return false;
	} while (py_take_op(p, ',') && !py_at_op(p, ')'));
	return py_take_op(p, ')') && py_at_op(p, ':');
}

static bool with_statement(struct parser *p)
{
	if (py_at_op(p, '(')) {
		struct parser try = *p;

		try.err = NULL;
		if (with_bracketed(&try)) {
			p->i = try.i;
			return colon_block(p);
		}
	}
	do {
		if (!with_item(p))
			return false;
	} while (py_take_op(p, ','));
	return colon_block(p);
}

/* The body of a function or class. */
static bool scoped_block(struct parser *p, enum scope scope)
{
	enum scope was = p->scope;
	bool loop = p->in_loop, ok;

	p->scope = scope;
	p->in_loop = false;
	ok = colon_block(p);
	p->scope = was;
	p->in_loop = loop;
	return ok;
}

static bool function(struct parser *p, enum scope scope)
{
	unsigned x;

	if (!py_want_identifier(p) || !py_want_op(p, '(') || !py_parameters(p, true, ')') || !py_want_op(p, ')'))
		return false;
	if (py_take_op(p, PY_OP2('-', '>')) && !py_expression(p, &x))
		return false;
	return scoped_block(p, scope);
}

static bool def_statement(struct parser *p)
{
	return function(p, SCOPE_FUNCTION);
}

static bool class_statement(struct parser *p)
{
	if (!py_want_identifier(p))
		return false;
	if (py_take_op(p, '(') && !py_arguments(p))
		return false;
	return scoped_block(p, SCOPE_CLASS);
}

static bool async_statement(struct parser *p)
{
	if (py_take_word(p, "def"))
		return function(p, SCOPE_ASYNC);
	if (p->scope != SCOPE_ASYNC)
		return py_fail(p, "async outside an async function");
	if (py_take_word(p, "for"))
		return for_statement(p);
	if (py_take_word(p, "with"))
		return with_statement(p);
	return py_fail(p, "async needs def, for or with");
}

static bool decorated(struct parser *p)
{
	unsigned x;

	while (py_take_op(p, '@')) {
		if (!py_named(p, &x))
			return false;
		if (p->t.at[p->i].kind != PY_NEWLINE)
			return py_fail(p, "more than an expression in a decorator");
		p->i++;
	}
	if (py_take_word(p, "def"))
		return def_statement(p);
	if (py_take_word(p, "class"))
		return class_statement(p);
	if (py_at_word(p, "async") && py_is_name(&p->t, p->i + 1, "def")) {
		p->i++;
		return async_statement(p);
	}
	return py_fail(p, "a decorator without a function or class");
}

static const struct { const char *word; bool (*read)(struct parser *p); } compound_words[] = {
	{ "if", if_statement },       { "for", for_statement },     { "while", while_statement },
	{ "try", try_statement },     { "with", with_statement },   { "def", def_statement },
	{ "class", class_statement }, { "async", async_statement },
};

static bool any_statement(struct parser *p)
{
	if (p->t.at[p->i].kind == PY_INDENT)
		return py_fail(p, "an indentation that nothing asks for");
	if (py_at_op(p, '@')) {
		p->code_seen = true;
		return decorated(p);
	}
	for (size_t i = 0; i < sizeof compound_words / sizeof compound_words[0]; i++) {
		if (!py_at_word(p, compound_words[i].word))
			continue;
		p->code_seen = true;
		p->i++;
		return compound_words[i].read(p);
	}
	if (py_at_match(p)) {
		p->code_seen = true;
		return py_match(p);
	}
	return py_simple_line(p);
}

static bool statement(struct parser *p)
{
	bool ok = py_enter(p) && any_statement(p);

	p->depth--;
	return ok;
}

int py_check(struct span text, struct err *err)
{
	struct parser p = { .err = err };
	int rc = py_tokenize(text, &p.t, err);
	bool ok = true;

	if (rc < 0)
		return rc;
	while (ok && p.t.at[p.i].kind != PY_END)
		ok = statement(&p);
	py_tokens_done(&p.t);
	return ok ? 0 : BD_EINVALID;
}
