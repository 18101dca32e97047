/* SPDX-License-Identifier: MIT */
#include "python_priv.h"

/* Expressions of Python, chapter 6 of its reference. */

/* --- comprehensions -------------------------------------------------------------------------------- */

static bool disjunction(struct parser *p, unsigned *ret);

bool py_at_comprehension(const struct parser *p)
{
	return py_at_word(p, "for") || (py_at_word(p, "async") && py_is_name(&p->t, p->i + 1, "for"));
}

/* for targets in x if y ..., once or more. */
bool py_comprehension(struct parser *p)
{
	unsigned x;

	while (py_at_comprehension(p)) {
		if (py_take_word(p, "async") && p->scope != SCOPE_ASYNC)
			return py_fail(p, "async for outside an async function");
		p->i++;
		if (!py_targets(p) || !py_want_word(p, "in") || !disjunction(p, &x))
			return false;
		while (py_take_word(p, "if")) {
			if (!disjunction(p, &x))
				return false;
		}
	}
	return true;
}

/* --- atoms -------------------------------------------------------------------------------------------- */

static bool strings(struct parser *p)
{
	bool bytes = py_string_of(py_text(&p->t, p->i)).bytes;

	for (; p->t.at[p->i].kind == PY_STRING; p->i++) {
		struct py_string s = py_string_of(py_text(&p->t, p->i));

		if (s.bytes != bytes)
			return py_fail(p, "bytes and text side by side");
		if (s.format && !py_fstring(p, s, p->t.at[p->i].line))
			return false;
	}
	return true;
}

static bool star_or_named(struct parser *p, unsigned *ret)
{
	if (!py_take_op(p, '*'))
		return py_named(p, ret);
	if (!py_bitor(p, ret))
		return false;
	*ret = X_STAR | (*ret & X_TARGET);
	return true;
}

/* Behind an opening ( or [: its elements up to close.  *ret_comma: it is more than one thing in brackets. */
static bool elements(struct parser *p, int close, unsigned *ret, bool *ret_comma)
{
	unsigned all = X_TARGET | X_DELETE, x;
	size_t stars = 0, n = 0;
	bool comma = false;

	while (!py_at_op(p, close)) {
		if (!star_or_named(p, &x))
			return false;
		n++;
		stars += (x & X_STAR) != 0;
		all &= x;
		if (n == 1 && py_at_comprehension(p)) {
			if ((x & X_STAR) != 0)
				return py_fail(p, "a comprehension of a starred expression");
			*ret = 0;
			*ret_comma = true;
			return py_comprehension(p) && py_want_op(p, close);
		}
		if (n == 1)
			*ret = x;
		if (!py_take_op(p, ','))
			break;
		comma = true;
	}
	if (stars > 1)
		all &= ~(unsigned)X_TARGET;
	if (n != 1 || comma)
		*ret = all & (X_TARGET | X_DELETE);
	*ret_comma = n != 1 || comma;
	return py_want_op(p, close);
}

static bool parenthesis(struct parser *p, unsigned *ret)
{
	bool comma;
	unsigned x = 0;

	if (py_at_word(p, "yield")) {
		*ret = 0;
		return py_yield_or_star(p, &x) && py_want_op(p, ')');
	}
	if (!elements(p, ')', &x, &comma))
		return false;
	if (!comma && (x & X_STAR) != 0)
		return py_fail(p, "a starred expression alone in brackets");
	*ret = x & ~(unsigned)(X_NAME | X_STAR);
	return true;
}

static bool list_display(struct parser *p, unsigned *ret)
{
	bool comma;
	unsigned x = X_TARGET | X_DELETE;

	if (!elements(p, ']', &x, &comma))
		return false;
	*ret = x & (X_TARGET | X_DELETE);
	return true;
}

/* One element of a dict or a set; *kind says which it is: 'd', 's', or 0 when that is open. */
static bool brace_element(struct parser *p, int *kind, bool *ret_plain)
{
	unsigned x;
	int is = 'd';

	*ret_plain = false;
	if (py_take_op(p, PY_OP2('*', '*'))) {
		if (!py_bitor(p, &x))
			return false;
	} else if (py_take_op(p, '*')) {
		is = 's';
		if (!py_bitor(p, &x))
			return false;
	} else {
		*ret_plain = true;
		if (!py_named(p, &x))
			return false;
		if (!py_take_op(p, ':'))
			is = 's';
		else if (!py_expression(p, &x))
			return false;
	}
	if (*kind != 0 && *kind != is)
		return py_fail(p, "a dict and a set in one");
	*kind = is;
	return true;
}

static bool braces(struct parser *p)
{
	int kind = 0;
	bool plain;

	for (size_t n = 0; !py_at_op(p, '}'); n++) {
		if (!brace_element(p, &kind, &plain))
			return false;
		if (n == 0 && py_at_comprehension(p)) {
			if (!plain)
				return py_fail(p, "a comprehension of a starred expression");
			return py_comprehension(p) && py_want_op(p, '}');
		}
		if (!py_take_op(p, ','))
			break;
	}
	return py_want_op(p, '}');
}

static bool atom(struct parser *p, unsigned *ret)
{
	enum py_kind kind = p->t.at[p->i].kind;

	*ret = 0;
	if (kind == PY_STRING)
		return strings(p);
	if (kind == PY_NUMBER) {
		p->i++;
		return true;
	}
	if (kind == PY_NAME) {
		if (py_at_identifier(p))
			*ret = X_TARGET | X_SINGLE | X_NAME | X_DELETE;
		else if (!py_at_word(p, "None") && !py_at_word(p, "True") && !py_at_word(p, "False"))
			return py_fail(p, "a keyword where an expression is due");
		p->i++;
		return true;
	}
	if (py_take_op(p, '('))
		return parenthesis(p, ret);
	if (py_take_op(p, '['))
		return list_display(p, ret);
	if (py_take_op(p, '{'))
		return braces(p);
	if (py_take_op(p, PY_OP3('.', '.', '.')))
		return true;
	return py_fail(p, "an expression is due");
}

/* --- calls, subscripts, attributes ------------------------------------------------------------------------ */

/* One of the comma-separated things in a subscript. */
static bool slice(struct parser *p)
{
	unsigned x;

	if (py_take_op(p, '*'))
		return py_bitor(p, &x);
	if (!py_at_op(p, ':')) {
		if (!py_named(p, &x))
			return false;
		if (!py_at_op(p, ':'))
			return true;
	}
	for (int i = 0; i < 2 && py_take_op(p, ':'); i++) {
		if (py_at_op(p, ':') || py_at_op(p, ',') || py_at_op(p, ']'))
			continue;
		if (!py_expression(p, &x))
			return false;
	}
	return true;
}

static bool subscript(struct parser *p)
{
	do {
		if (!slice(p))
			return false;
	} while (py_take_op(p, ',') && !py_at_op(p, ']'));
	return py_want_op(p, ']');
}

static bool primary(struct parser *p, unsigned *ret)
{
	bool awaited = py_take_word(p, "await");

	if (awaited && p->scope != SCOPE_ASYNC)
		return py_fail(p, "await outside an async function");
	if (!atom(p, ret))
		return false;
	for (;;) {
		if (py_take_op(p, '.')) {
			if (!py_want_identifier(p))
				return false;
			*ret = X_TARGET | X_SINGLE | X_DELETE;
		} else if (py_take_op(p, '[')) {
			if (!subscript(p))
				return false;
			*ret = X_TARGET | X_SINGLE | X_DELETE;
		} else if (py_take_op(p, '(')) {
			if (!py_arguments(p))
				return false;
			*ret = 0;
		} else {
			break;
		}
	}
	if (awaited)
		*ret = 0;
	return true;
}

/* --- operators: precedence says nothing about what is valid, but for `not`, `**` and unary ones ---------------- */

/* + - ~ in front, ** behind. */
static bool factor(struct parser *p, unsigned *ret)
{
	bool ok;

	if (py_take_op(p, '+') || py_take_op(p, '-') || py_take_op(p, '~')) {
		ok = py_enter(p) && factor(p, ret);
		p->depth--;
		*ret = 0;
		return ok;
	}
	if (!primary(p, ret))
		return false;
	if (!py_take_op(p, PY_OP2('*', '*')))
		return true;
	ok = py_enter(p) && factor(p, ret);
	p->depth--;
	*ret = 0;
	return ok;
}

static bool take_binary(struct parser *p)
{
	static const int ops[] = { '|', '^', '&', '+', '-', '*', '/', '%', '@',
	                           PY_OP2('<', '<'), PY_OP2('>', '>'), PY_OP2('/', '/') };

	for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
		if (py_take_op(p, ops[i]))
			return true;
	}
	return false;
}

bool py_bitor(struct parser *p, unsigned *ret)
{
	if (!factor(p, ret))
		return false;
	while (take_binary(p)) {
		if (!factor(p, ret))
			return false;
		*ret = 0;
	}
	return true;
}

static bool take_comparison(struct parser *p)
{
	static const int ops[] = { '<', '>', PY_OP2('=', '='), PY_OP2('!', '='), PY_OP2('<', '='),
	                          PY_OP2('>', '=') };

	for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
		if (py_take_op(p, ops[i]))
			return true;
	}
	if (py_at_word(p, "not") && py_is_name(&p->t, p->i + 1, "in")) {
		p->i += 2;
		return true;
	}
	if (py_take_word(p, "is")) {
		py_take_word(p, "not");
		return true;
	}
	return py_take_word(p, "in");
}

static bool inversion(struct parser *p, unsigned *ret)
{
	bool negated = false;

	while (py_take_word(p, "not"))
		negated = true;
	if (!py_bitor(p, ret))
		return false;
	while (take_comparison(p)) {
		if (!py_bitor(p, ret))
			return false;
		*ret = 0;
	}
	if (negated)
		*ret = 0;
	return true;
}

static bool disjunction(struct parser *p, unsigned *ret)
{
	if (!inversion(p, ret))
		return false;
	while (py_take_word(p, "and") || py_take_word(p, "or")) {
		if (!inversion(p, ret))
			return false;
		*ret = 0;
	}
	return true;
}

static bool lambda(struct parser *p, unsigned *ret)
{
	enum scope was = p->scope;
	bool ok;

	if (!py_parameters(p, false, ':') || !py_want_op(p, ':'))
		return false;
	p->scope = SCOPE_FUNCTION;
	ok = py_expression(p, ret);
	p->scope = was;
	*ret = 0;
	return ok;
}

static bool conditional(struct parser *p, unsigned *ret)
{
	if (py_take_word(p, "lambda"))
		return lambda(p, ret);
	if (!disjunction(p, ret))
		return false;
	if (!py_take_word(p, "if"))
		return true;
	if (!disjunction(p, ret) || !py_want_word(p, "else") || !py_expression(p, ret))
		return false;
	*ret = 0;
	return true;
}

bool py_expression(struct parser *p, unsigned *ret)
{
	bool ok = py_enter(p) && conditional(p, ret);

	p->depth--;
	return ok;
}

bool py_named(struct parser *p, unsigned *ret)
{
	if (!py_expression(p, ret))
		return false;
	if (!py_at_op(p, PY_OP2(':', '=')))
		return true;
	if ((*ret & X_NAME) == 0)
		return py_fail(p, "only a name may stand left of :=");
	p->i++;
	if (!py_expression(p, ret))
		return false;
	*ret = 0;
	return true;
}

/* --- lists without brackets ---------------------------------------------------------------------------------- */

bool py_at_expression_end(const struct parser *p)
{
	enum py_kind kind = p->t.at[p->i].kind;

	return kind == PY_NEWLINE || kind == PY_END || py_at_op(p, ')') || py_at_op(p, ']') || py_at_op(p, '}') ||
	       py_at_op(p, '=') || py_at_op(p, ':') || py_at_op(p, ';') || py_at_word(p, "in");
}

/* Elements read by `one` with commas between them, until something that can be none. */
static bool unbracketed(struct parser *p, bool (*one)(struct parser *, unsigned *), unsigned *ret)
{
	unsigned all = X_TARGET | X_DELETE, x = 0;
	size_t n = 0, stars = 0;
	bool comma = false;

	do {
		bool starred = py_take_op(p, '*');

		if (!(starred ? py_bitor(p, &x) : one(p, &x)))
			return false;
		stars += starred;
		all &= starred ? x & X_TARGET : x;
		n++;
		if (!py_at_op(p, ','))
			break;
		p->i++;
		comma = true;
	} while (!py_at_expression_end(p));
	if (!comma && stars > 0)
		return py_fail(p, "a starred expression alone");
	if (stars > 1)
		all &= ~(unsigned)X_TARGET;
	*ret = comma ? all : x;
	return true;
}

bool py_star_expressions(struct parser *p, unsigned *ret)
{
	return unbracketed(p, py_expression, ret);
}

bool py_targets(struct parser *p)
{
	unsigned x;

	if (!unbracketed(p, py_bitor, &x))
		return false;
	return (x & X_TARGET) != 0 || py_fail(p, "this cannot be assigned to");
}

bool py_yield_or_star(struct parser *p, unsigned *ret)
{
	if (!py_take_word(p, "yield"))
		return py_star_expressions(p, ret);
	*ret = 0;
	if (p->scope != SCOPE_FUNCTION && p->scope != SCOPE_ASYNC)
		return py_fail(p, "yield outside a function");
	if (py_take_word(p, "from")) {
		unsigned x;

		if (p->scope == SCOPE_ASYNC)
			return py_fail(p, "yield from in an async function");
		return py_expression(p, &x);
	}
	if (!py_at_expression_end(p) && !py_star_expressions(p, ret))
		return false;
	*ret = 0;
	return true;
}
