/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "python_priv.h"

/* Arguments of calls, parameters of functions. */

/* Names that may be there once. */
struct names {
	struct span *at;
	size_t n;
};

static bool names_add(struct names *names, struct span name)
{
	for (size_t i = 0; i < names->n; i++) {
		if (names->at[i].len == name.len && memcmp(names->at[i].at, name.at, name.len) == 0)
			return false;
	}
	names->at = mem_grow(names->at, names->n + 1, sizeof *names->at);
	names->at[names->n++] = name;
	return true;
}

/* --- arguments --------------------------------------------------------------------------------- */

/* One argument.  *seen: 1 a keyword was there, 2 a ** was there. */
static bool argument(struct parser *p, int *seen, struct names *names, bool *ret_generator)
{
	unsigned x;

	if (py_take_op(p, PY_OP2('*', '*'))) {
		*seen = 2;
		return py_expression(p, &x);
	}
	if (py_take_op(p, '*')) {
		if (*seen == 2)
			return py_fail(p, "a * argument behind a ** argument");
		return py_expression(p, &x);
	}
	if (py_at_identifier(p) && py_is_op(&p->t, p->i + 1, '=')) {
		if (!names_add(names, py_text(&p->t, p->i)))
			return py_fail(p, "a keyword argument is repeated");
		*seen = *seen == 2 ? 2 : 1;
		p->i += 2;
		return py_expression(p, &x);
	}
	if (!py_named(p, &x))
		return false;
	if (py_at_comprehension(p)) {
		*ret_generator = true;
		return py_comprehension(p);
	}
	if (*seen != 0)
		return py_fail(p, "a positional argument behind a keyword argument");
	return true;
}

bool py_arguments(struct parser *p)
{
	struct names names = { 0 };
	bool ok = true, generator = false;
	int seen = 0;
	size_t n = 0, commas = 0;

	while (ok && !py_at_op(p, ')')) {
		ok = argument(p, &seen, &names, &generator);
		n++;
		if (!ok || !py_take_op(p, ','))
			break;
		commas++;
	}
	free(names.at);
	if (ok && generator && (n > 1 || commas > 0))
		return py_fail(p, "a generator among other arguments needs brackets");
	return ok && py_want_op(p, ')');
}

/* --- parameters --------------------------------------------------------------------------------------------------- */

struct parameters {
	struct names names;
	bool defaults;          /* one had a default */
	bool slash, star;       /* seen */
	bool named_due;         /* a bare * wants a name behind it */
};

static bool parameter(struct parser *p, bool annotated, bool unpacked, bool may_default,
                      struct parameters *seen)
{
	unsigned x;

	if (!py_at_identifier(p))
		return py_fail(p, "the name of a parameter is due");
	if (!names_add(&seen->names, py_text(&p->t, p->i)))
		return py_fail(p, "a parameter is repeated");
	p->i++;
	if (annotated && py_take_op(p, ':')) {
		if (unpacked && py_take_op(p, '*')) {
			if (!py_bitor(p, &x))
				return false;
		} else if (!py_expression(p, &x)) {
			return false;
		}
	}
	if (!may_default)
		return true;
	if (py_take_op(p, '=')) {
		seen->defaults = true;
		return py_expression(p, &x);
	}
	if (seen->defaults && !seen->star)
		return py_fail(p, "a parameter without a default behind one with it");
	return true;
}

/* One of the comma-separated things; *ret_last: nothing may follow. */
static bool parameter_any(struct parser *p, bool annotated, struct parameters *seen, bool *ret_last)
{
	if (py_take_op(p, '/')) {
		if (seen->slash || seen->star || seen->names.n == 0)
			return py_fail(p, "/ is out of place");
		seen->slash = true;
		return true;
	}
	if (py_take_op(p, PY_OP2('*', '*'))) {
		*ret_last = true;
		if (seen->named_due)
			return py_fail(p, "names are due behind *");
		return parameter(p, annotated, false, false, seen);
	}
	if (py_take_op(p, '*')) {
		if (seen->star)
			return py_fail(p, "* is repeated");
		seen->star = true;
		seen->named_due = py_at_op(p, ',');
		if (!seen->named_due)
			return parameter(p, annotated, true, false, seen);
		return true;
	}
	seen->named_due = false;
	return parameter(p, annotated, false, true, seen);
}

bool py_parameters(struct parser *p, bool annotated, int close)
{
	struct parameters seen = { 0 };
	bool ok = true, last = false;

	while (ok && !py_at_op(p, close)) {
		if (last)
			ok = py_fail(p, "a parameter behind the ** one");
		ok = ok && parameter_any(p, annotated, &seen, &last);
		if (!ok || !py_take_op(p, ','))
			break;
	}
	if (ok && seen.named_due)
		ok = py_fail(p, "names are due behind *");
	free(seen.names.at);
	return ok;
}
