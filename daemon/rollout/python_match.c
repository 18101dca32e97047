/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "python_priv.h"

/* The match statement, whose words are names everywhere else. */

static bool pattern(struct parser *p);

/* From here to the colon that ends the line's head, could it be `match subject:`? */
bool py_at_match(struct parser *p)
{
	size_t i = p->i + 1;

	if (!py_at_word(p, "match"))
		return false;
	if (py_is_op(&p->t, i, ':') || py_is_op(&p->t, i, '=') || py_is_op(&p->t, i, '.') || py_is_op(&p->t, i, ','))
		return false;
	while (p->t.at[i].kind != PY_NEWLINE && p->t.at[i].kind != PY_END)
		i++;
	return py_is_op(&p->t, i - 1,
	                ':') && p->t.at[i].kind == PY_NEWLINE && p->t.at[i + 1].kind == PY_INDENT &&
	       py_is_name(&p->t, i + 2, "case");
}

/* Patterns up to close, commas between; named: keyword patterns may come too, at the end. */
static bool patterns(struct parser *p, int close, bool stars, bool named)
{
	bool keyword_seen = false;
	int n_stars = 0;

	while (!py_at_op(p, close)) {
		bool keyword = named && py_at_identifier(p) && py_is_op(&p->t, p->i + 1, '=');

		if (keyword)
			p->i += 2;
		else if (keyword_seen)
			return py_fail(p, "a positional pattern behind a keyword pattern");
		keyword_seen = keyword;
		if (stars && py_take_op(p, '*')) {
			if (++n_stars > 1)
				return py_fail(p, "two starred names in one pattern");
			if (!py_want_identifier(p))
				return false;
		} else if (!pattern(p)) {
			return false;
		}
		if (!py_take_op(p, ','))
			break;
	}
	return py_want_op(p, close);
}

/* -1, 1+2j, 'text', None */
static bool literal(struct parser *p)
{
	unsigned x;

	if (p->t.at[p->i].kind == PY_STRING) {
		for (size_t i = p->i; p->t.at[i].kind == PY_STRING; i++) {
			if (py_string_of(py_text(&p->t, i)).format)
				return py_fail(p, "an f-string as a pattern");
		}
		while (p->t.at[p->i].kind == PY_STRING)
			p->i++;
		return true;
	}
	py_take_op(p, '-');
	if (p->t.at[p->i].kind != PY_NUMBER)
		return py_fail(p, "a number is due in a pattern");
	p->i++;
	if (py_take_op(p, '+') || py_take_op(p, '-')) {
		if (p->t.at[p->i].kind != PY_NUMBER)
			return py_fail(p, "a number is due in a pattern");
		return py_bitor(p, &x);
	}
	return true;
}

static bool dotted(struct parser *p)
{
	do {
		if (!py_want_identifier(p))
			return false;
	} while (py_take_op(p, '.'));
	return true;
}

static bool mapping(struct parser *p)
{
	while (!py_at_op(p, '}')) {
		if (py_take_op(p, PY_OP2('*', '*'))) {
			if (!py_want_identifier(p))
				return false;
		} else {
			bool word = py_take_word(p, "None") || py_take_word(p, "True") || py_take_word(p, "False");
			bool ok = word || (py_at_identifier(p) ? dotted(p) : literal(p));

			if (!ok || !py_want_op(p, ':') || !pattern(p))
				return false;
		}
		if (!py_take_op(p, ','))
			break;
	}
	return py_want_op(p, '}');
}

static bool closed(struct parser *p)
{
	if (py_take_word(p, "None") || py_take_word(p, "True") || py_take_word(p, "False"))
		return true;
	if (py_take_op(p, '('))
		return patterns(p, ')', true, false);
	if (py_take_op(p, '['))
		return patterns(p, ']', true, false);
	if (py_take_op(p, '{'))
		return mapping(p);
	if (!py_at_identifier(p))
		return literal(p);
	if (!dotted(p))
		return false;
	return !py_take_op(p, '(') || patterns(p, ')', false, true);
}

/* a | b as name */
static bool pattern(struct parser *p)
{
	bool ok = py_enter(p);

	do {
		ok = ok && closed(p);
	} while (ok && py_take_op(p, '|'));
	if (ok && py_take_word(p, "as"))
		ok = py_want_identifier(p);
	p->depth--;
	return ok;
}

/* A pattern at the top may be a list without brackets. */
static bool open_pattern(struct parser *p)
{
	int stars = 0;

	do {
		if (py_take_op(p, '*')) {
			if (++stars > 1 || !py_want_identifier(p))
				return py_fail(p, "two starred names in one pattern");
		} else if (!pattern(p)) {
			return false;
		}
	} while (py_take_op(p, ',') && !py_at_op(p, ':') && !py_at_word(p, "if"));
	return true;
}

bool py_match(struct parser *p)
{
	unsigned x;

	p->i++;
	if (!py_star_expressions(p, &x) || !py_want_op(p, ':'))
		return false;
	p->i += 2;                              /* NEWLINE INDENT, seen by py_at_match() */
	do {
		if (!py_want_word(p, "case") || !open_pattern(p))
			return false;
		if (py_take_word(p, "if") && !py_named(p, &x))
			return false;
		if (!py_want_op(p, ':') || !py_block(p))
			return false;
	} while (p->t.at[p->i].kind != PY_DEDENT);
	p->i++;
	return true;
}
