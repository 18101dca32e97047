/* SPDX-License-Identifier: MIT */
#include "python_tests.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "python_token.h"

/* --- functions, classes and statements of a file, as ranges of tokens ---------------------------- */

struct def {
	char *name;             /* qualified; owned */
	size_t from, to;        /* tokens, decorators included */
	bool test;
	ptrdiff_t class;        /* index of the class at the top that it is in or is; -1: none */
};

struct outline {
	struct py_tokens t;
	struct def *defs;
	size_t n_defs;
	struct def *tops;       /* the statements at the top; name: of a class or function, else NULL */
	size_t n_tops;
};

static void outline_done(struct outline *o)
{
	for (size_t i = 0; i < o->n_defs; i++)
		free(o->defs[i].name);
	for (size_t i = 0; i < o->n_tops; i++)
		free(o->tops[i].name);
	free(o->defs);
	free(o->tops);
	py_tokens_done(&o->t);
}

/* Behind the logical line that i is in. */
static size_t line_end(const struct py_tokens *t, size_t i)
{
	while (t->at[i].kind != PY_NEWLINE && t->at[i].kind != PY_END)
		i++;
	return t->at[i].kind == PY_END ? i : i + 1;
}

/* Behind the line at i and the block that it heads, if it heads one. */
static size_t block_end(const struct py_tokens *t, size_t i)
{
	int depth = 0;

	i = line_end(t, i);
	if (t->at[i].kind != PY_INDENT)
		return i;
	do {
		depth += t->at[i].kind == PY_INDENT;
		depth -= t->at[i].kind == PY_DEDENT;
		i++;
	} while (depth > 0 && t->at[i].kind != PY_END);
	return i;
}

static void read_block(struct outline *o, size_t i, size_t end, const char *prefix, ptrdiff_t class, int depth);

/* The function or class whose head is at `head`, with decorators from `from` on. */
static void read_def(struct outline *o, size_t from, size_t head, size_t end, const char *prefix,
                     ptrdiff_t class, int depth)
{
	const struct py_tokens *t = &o->t;
	bool is_class = py_is_name(t, head, "class");
	size_t at = head + 1 + (py_is_name(t, head, "async") ? 1 : 0);
	struct span own = py_text(t, at);
	char *name;

	if (t->at[at].kind != PY_NAME)
		return;
	name = mem_printf("%s%.*s", prefix, (int)own.len, own.at);
	if (is_class) {
		char *inner = mem_printf("%s.", name);

		read_block(o, line_end(t, head), end, inner, class, depth + 1);
		free(inner);
		free(name);
		return;
	}
	o->defs = mem_grow(o->defs, o->n_defs + 1, sizeof *o->defs);
	o->defs[o->n_defs++] = (struct def){ name, from, end, span_starts(own, "test"), class };
}

/*
 * Statements from i up to end.  At the top they are noted one by one; blocks of if, try, with and loops are
 * looked into, as what they hold belongs to the same scope.
 */
static void read_block(struct outline *o, size_t i, size_t end, const char *prefix, ptrdiff_t class, int depth)
{
	const struct py_tokens *t = &o->t;

	if (depth > 50)
		return;
	while (i < end && t->at[i].kind != PY_END) {
		size_t from = i, head, behind;
		bool top = depth == 0 && class < 0, is_def;

		if (t->at[i].kind == PY_INDENT || t->at[i].kind == PY_DEDENT) {
			i++;
			continue;
		}
		while (py_is_op(t, i, '@'))
			i = line_end(t, i);
		head = i;
		behind = block_end(t, head);
		is_def = py_is_name(t, head, "def") || py_is_name(t, head, "class") ||
		         (py_is_name(t, head, "async") && py_is_name(t, head + 1, "def"));
		if (top) {
			size_t at = head + 1 + (py_is_name(t, head, "async") ? 1 : 0);
			struct span name = is_def ? py_text(t, at) : (struct span){ NULL, 0 };

			o->tops = mem_grow(o->tops, o->n_tops + 1, sizeof *o->tops);
			o->tops[o->n_tops] = (struct def){
				.name = is_def ? mem_strndup(name.at, name.len) : NULL, .from = from, .to = behind,
				.class = py_is_name(t, head, "class") ? (ptrdiff_t)o->n_tops : -1,
			};
			o->n_tops++;
			class = o->tops[o->n_tops - 1].class;
		}
		if (is_def)
			read_def(o, from, head, behind, prefix, class, depth);
		else
			read_block(o, line_end(t, head), behind, prefix, class, depth + 1);
		if (top)
			class = -1;
		i = behind > i ? behind : i + 1;
	}
}

static int outline_read(struct span text, struct outline *ret, struct err *err)
{
	int rc = py_tokenize(text, &ret->t, err);

	if (rc == 0)
		read_block(ret, 0, ret->t.n, "", -1, 0);
	return rc;
}

/* --- what differs ------------------------------------------------------------------------------------ */

static bool same_tokens(const struct outline *a, const struct def *x, const struct outline *b,
                        const struct def *y)
{
	if (x->to - x->from != y->to - y->from)
		return false;
	for (size_t i = 0; i < x->to - x->from; i++) {
		const struct py_token *s = &a->t.at[x->from + i], *r = &b->t.at[y->from + i];
		struct span st = py_text(&a->t, x->from + i), rt = py_text(&b->t, y->from + i);

		if (s->kind != r->kind)
			return false;
		if (s->kind == PY_NEWLINE)
			continue;                       /* however the line ends */
		if (st.len != rt.len || memcmp(st.at, rt.at, st.len) != 0)
			return false;
	}
	return true;
}

/* Is there one of that name with those tokens among them?  A statement without a name is found by its tokens. */
static bool stands_in(const struct outline *o, const struct def *all, size_t n, const struct outline *b,
                      const struct def *y)
{
	for (size_t i = 0; i < n; i++) {
		if ((all[i].name == NULL) != (y->name == NULL) || (y->name != NULL && strcmp(all[i].name, y->name) != 0))
			continue;
		if (same_tokens(o, &all[i], b, y))
			return true;
	}
	return false;
}

static void add_name(struct paths *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->at[i], name) == 0)
			return;
	}
	names->at = mem_grow(names->at, names->n + 1, sizeof *names->at);
	names->at[names->n++] = mem_strdup(name);
}

static bool uses_name(const struct outline *o, const struct def *d, struct span name)
{
	for (size_t i = d->from; i < d->to; i++) {
		struct span word = py_text(&o->t, i);

		if (o->t.at[i].kind == PY_NAME && word.len == name.len && memcmp(word.at, name.at, name.len) == 0)
			return true;
	}
	return false;
}

static void add_users(const struct outline *o, struct span name, struct paths *ret)
{
	for (size_t i = 0; i < o->n_defs; i++) {
		if (o->defs[i].test && uses_name(o, &o->defs[i], name))
			add_name(ret, o->defs[i].name);
	}
}

/* The tests that a changed statement at the top is for. */
static void add_by_statement(const struct outline *o, size_t top, struct paths *ret)
{
	const struct def *d = &o->tops[top];
	bool import = py_is_name(&o->t, d->from, "import") || py_is_name(&o->t, d->from, "from");

	for (size_t i = 0; i < o->n_defs; i++) {
		if (o->defs[i].test && o->defs[i].class == (ptrdiff_t)top)
			add_name(ret, o->defs[i].name);
	}
	if (d->name != NULL) {
		add_users(o, span_of(d->name), ret);
		return;
	}
	for (size_t i = d->from + 1; import && i < d->to; i++) {
		if (o->t.at[i].kind == PY_NAME && !py_is_name(&o->t, i, "import") && !py_is_name(&o->t, i, "as"))
			add_users(o, py_text(&o->t, i), ret);
	}
	if (!import && d->from < d->to && o->t.at[d->from].kind == PY_NAME)
		add_users(o, py_text(&o->t, d->from), ret);             /* TABLE = [..], TABLE.append(..) */
}

int py_tests_changed(struct span before, struct span after, struct paths *ret, struct err *err)
{
	struct outline a = { 0 }, b = { 0 };
	struct paths names = { 0 };
	int rc = outline_read(after, &b, err);

	if (rc == 0) {
		outline_read(before, &a, NULL);
		for (size_t i = 0; i < b.n_defs; i++) {
			if (b.defs[i].test && !stands_in(&a, a.defs, a.n_defs, &b, &b.defs[i]))
				add_name(&names, b.defs[i].name);
		}
		for (size_t i = 0; names.n == 0 && i < b.n_tops; i++) {
			if (!stands_in(&a, a.tops, a.n_tops, &b, &b.tops[i]))
				add_by_statement(&b, i, &names);
		}
		*ret = names;
	}
	outline_done(&a);
	outline_done(&b);
	return rc;
}
