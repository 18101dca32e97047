/* SPDX-License-Identifier: MIT */
#include "script.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "python_syntax.h"
#include "python_token.h"

/* Does the token end a logical line, so that the next one begins one? */
static bool ends_line(enum py_kind kind)
{
	return kind == PY_NEWLINE || kind == PY_INDENT || kind == PY_DEDENT;
}

/* Is the line of an `if` at i about __name__ and "__main__"? */
static bool is_main_guard(const struct py_tokens *t, size_t i)
{
	bool name = false, main = false;

	if (!py_is_name(t, i, "if"))
		return false;
	for (; t->at[i].kind != PY_NEWLINE && t->at[i].kind != PY_END && !py_is_op(t, i, ':'); i++) {
		name = name || py_is_name(t, i, "__name__");
		main = main || (t->at[i].kind == PY_STRING && span_is(py_string_of(py_text(t, i)).body, "__main__"));
	}
	return name && main;
}

/* Where the file's own __main__ part begins; its end if it has none. */
static int own_main(struct span text, size_t *ret, struct err *err)
{
	struct py_tokens t = { 0 };
	int depth = 0, rc = py_tokenize(text, &t, err);
	size_t at = text.len;

	for (size_t i = 0; rc == 0 && i < t.n && at == text.len; i++) {
		depth += t.at[i].kind == PY_INDENT;
		depth -= t.at[i].kind == PY_DEDENT;
		if (depth == 0 && (i == 0 || ends_line(t.at[i - 1].kind)) && is_main_guard(&t, i))
			at = t.at[i].off;
	}
	py_tokens_done(&t);
	if (rc == 0)
		*ret = at;
	return rc;
}

/*
 * Where the head goes: behind the docstring and what is imported from __future__, which must come first, and behind the
 * comments above the first statement.
 */
static int head_place(struct span text, size_t *ret, struct err *err)
{
	struct py_tokens t = { 0 };
	int rc = py_tokenize(text, &t, err);
	size_t i = 0, at = 0;

	if (rc < 0)
		return rc;
	at = t.at[0].kind == PY_END ? text.len : t.at[0].off;
	while (t.at[i].kind == PY_STRING || (py_is_name(&t, i, "from") && py_is_name(&t, i + 1, "__future__"))) {
		bool string = t.at[i].kind == PY_STRING;
		size_t end = i;

		while (t.at[end].kind != PY_NEWLINE && t.at[end].kind != PY_END) {
			if (string && t.at[end].kind != PY_STRING)
				goto out;               /* an expression, or more on its line */
			end++;
		}
		if (t.at[end].kind == PY_END || t.at[end].len == 0)
			break;
		at = t.at[end].off + t.at[end].len;
		i = end + 1;
	}
out:
	py_tokens_done(&t);
	*ret = at;
	return 0;
}

static void add_list(struct buf *b, const struct paths *words)
{
	for (size_t i = 0; i < words->n; i++)
		buf_printf(b, "%s\"%s\"", i > 0 ? ", " : "", words->at[i]);
}

static void add_main(struct buf *b, const struct paths *tests, const struct paths *plugins)
{
	buf_add_str(b, script_main);
	buf_add_str(b, "    _reproduce_issue({");
	add_list(b, tests);
	buf_add_str(b, "}, [");
	add_list(b, plugins);
	buf_add_str(b, "], globals())\n");
}

/* Append text with the line breaks that the file has. */
static void add_with_breaks(struct buf *ret, struct span text, bool crlf)
{
	struct span line;

	while (span_line(&text, &line)) {
		buf_add_span(ret, line);
		buf_add_str(ret, crlf ? "\r\n" : "\n");
	}
}

int script_build(struct span source, const struct package *package, const struct paths *tests,
                 const struct paths *plugins, struct buf *ret, struct err *err)
{
	struct buf text = { 0 }, main = { 0 }, out = { 0 };
	const char *lf = source.len > 0 ? memchr(source.at, '\n', source.len) : NULL;
	bool crlf = lf != NULL && lf > source.at && lf[-1] == '\r';
	size_t at = 0, head = 0;
	int rc = imports_make_absolute(source, package, &text, err);

	if (rc == 0)
		rc = own_main(buf_span(&text), &at, err);
	if (rc == 0) {
		bool own = at < text.len;

		if (!own && text.len > 0 && text.at[text.len - 1] != '\n')
			add_with_breaks(&text, (struct span){ "\n", 1 }, crlf);
		if (!own)
			at = text.len;
		if (!own && text.len > 0)
			buf_add_str(&main, "\n\n");
		add_main(&main, tests, plugins);
		if (own)
			buf_add_str(&main, "\n\n");
		rc = head_place(buf_span(&text), &head, err);
	}
	if (rc == 0) {
		head = head < at ? head : at;
		buf_add(&out, text.at, head);
		add_with_breaks(&out, span_of(script_head), crlf);
		buf_add(&out, text.at + head, at - head);
		add_with_breaks(&out, buf_span(&main), crlf);
		buf_add(&out, text.at + at, text.len - at);
		rc = py_check(buf_span(&out), err);
	}
	buf_done(&text);
	buf_done(&main);
	if (rc == 0)
		*ret = out;
	else
		buf_done(&out);
	return rc;
}

void script_plugins(const struct repo *repo, const char *path, struct paths *ret)
{
	for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		char *dir = mem_strndup(path, (size_t)(slash - path)), *file = mem_printf("%s/conftest.py", dir);
		struct package package = { 0 };

		if (repo_has(repo, file) && strchr(dir, '"') == NULL && strchr(dir, '\\') == NULL) {
			package_of(repo, file, &package);
			ret->at = mem_grow(ret->at, ret->n + 1, sizeof *ret->at);
			ret->at[ret->n++] = mem_printf("%s.conftest", package.name);
			package_done(&package);
		}
		free(dir);
		free(file);
	}
}
