/* SPDX-License-Identifier: MIT */
#include "python_token.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "python_lexer.h"

int lexer_fail(struct lexer *l, const char *why)
{
	return err_set(l->err, BD_EINVALID, "line %d: %s", l->line, why);
}

void lexer_add(struct lexer *l, enum py_kind kind, const char *from, const char *to, int op, int line)
{
	struct py_tokens *t = &l->out;

	if ((t->n & (t->n - 1)) == 0)                   /* room doubles */
		t->at = mem_grow(t->at, t->n == 0 ? 1 : t->n * 2, sizeof *t->at);
	t->at[t->n++] = (struct py_token){ kind, op, (size_t)(from - l->begin), (size_t)(to - from), line };
}

bool lexer_is_letter(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

int lexer_at(const struct lexer *l, ptrdiff_t i)
{
	return l->p + i < l->end ? (unsigned char)l->p[i] : -1;
}

/* Over one line break at p: LF, CR LF or CR. */
void lexer_over_break(struct lexer *l)
{
	l->p += lexer_at(l, 0) == '\r' && lexer_at(l, 1) == '\n' ? 2 : 1;
	l->line++;
}

bool lexer_at_break(const struct lexer *l)
{
	return lexer_at(l, 0) == '\n' || lexer_at(l, 0) == '\r';
}

/* --- indentation -------------------------------------------------------------------------- */

static int indent_to(struct lexer *l, int column, int alternate)
{
	int top = l->n_indents - 1;

	if (column == l->columns[top]) {
		if (alternate != l->alternates[top])
			return lexer_fail(l, "tabs and blanks are mixed in the indentation");
		return 0;
	}
	if (column > l->columns[top]) {
		if (alternate <= l->alternates[top])
			return lexer_fail(l, "tabs and blanks are mixed in the indentation");
		if (l->n_indents == INDENT_MAX)
			return lexer_fail(l, "too many levels of indentation");
		l->columns[l->n_indents] = column;
		l->alternates[l->n_indents++] = alternate;
		lexer_add(l, PY_INDENT, l->p, l->p, 0, l->line);
		return 0;
	}
	while (column < l->columns[l->n_indents - 1]) {
		l->n_indents--;
		lexer_add(l, PY_DEDENT, l->p, l->p, 0, l->line);
	}
	top = l->n_indents - 1;
	if (column != l->columns[top])
		return lexer_fail(l, "the indentation fits no outer level");
	if (alternate != l->alternates[top])
		return lexer_fail(l, "tabs and blanks are mixed in the indentation");
	return 0;
}

/* The blanks in front of a logical line; lines without tokens are passed over. */
static int read_indentation(struct lexer *l)
{
	int column = 0, alternate = 0;

	for (;; l->p++) {
		int c = lexer_at(l, 0);

		if (c == ' ') {
			column++;
			alternate++;
		} else if (c == '\t') {
			column = (column / 8 + 1) * 8;
			alternate++;
		} else if (c == '\f') {
			column = alternate = 0;
		} else if (c == '\\' && (lexer_at(l, 1) == '\n' || lexer_at(l, 1) == '\r')) {
			l->p++;
			lexer_over_break(l);
			l->p--;
		} else {
			break;
		}
	}
	if (lexer_at(l, 0) < 0 || lexer_at(l, 0) == '#' || lexer_at_break(l))
		return 0;                                       /* nothing on this line */
	l->line_start = false;
	return indent_to(l, column, alternate);
}

struct py_string py_string_of(struct span token)
{
	struct py_string s = { 0 };
	size_t i = 0, quotes = 1;

	for (; i < token.len && token.at[i] != '"' && token.at[i] != '\''; i++) {
		int c = tolower((unsigned char)token.at[i]);

		s.raw = s.raw || c == 'r';
		s.bytes = s.bytes || c == 'b';
		s.format = s.format || c == 'f';
	}
	if (token.len >= i + 6 && token.at[i + 1] == token.at[i] && token.at[i + 2] == token.at[i])
		quotes = 3;
	s.body = (struct span){ token.at + i + quotes, token.len - i - 2 * quotes };
	return s;
}

/* --- operators and brackets --------------------------------------------------------------------- */

static int read_op(struct lexer *l)
{
	static const char *const ops[] = { "**=", "//=", ">>=", "<<=", "...", "**", "//", ">>", "<<", "<=",
	                                  ">=", "==",
	                                   "!=", "->", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=", ":=" };
	struct span rest = { l->p, (size_t)(l->end - l->p) };
	int c = lexer_at(l, 0), op = c;
	size_t len = 1;

	for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
		if (!span_starts(rest, ops[i]))
			continue;
		len = strlen(ops[i]);
		op = PY_OP3(ops[i][0], ops[i][1], len > 2 ? ops[i][2] : 0);
		break;
	}
	if (len == 1 && (c <= 0 || strchr("+-*/%@&|^~<>()[]{},:.;=", c) == NULL))
		return lexer_fail(l, "a character that is no Python");
	if (c == '(' || c == '[' || c == '{') {
		if (l->n_open == DEPTH_MAX)
			return lexer_fail(l, "too many open brackets");
		l->open[l->n_open++] = (char)c;
	} else if (c == ')' || c == ']' || c == '}') {
		char want = c == ')' ? '(' : c == ']' ? '[' : '{';

		if (l->n_open == 0 || l->open[l->n_open - 1] != want)
			return lexer_fail(l, "a bracket is closed that was not opened");
		l->n_open--;
	}
	lexer_add(l, PY_OP, l->p, l->p + len, op, l->line);
	l->p += len;
	return 0;
}

/* --- all together ---------------------------------------------------------------------------------- */

/* A coding other than UTF-8 declared in the first two lines. */
static bool other_coding(struct span text)
{
	struct span line;

	for (int i = 0; i < 2 && span_line(&text, &line); i++) {
		const char *p = line.len > 0 ? memmem(line.at, line.len, "coding", 6) : NULL;
		struct span blank = span_trim(line);

		if (blank.len > 0 && blank.at[0] != '#')
			return false;
		if (p == NULL || p + 7 >= line.at + line.len || (p[6] != ':' && p[6] != '='))
			continue;
		p += 7;
		while (p < line.at + line.len && (*p == ' ' || *p == '\t'))
			p++;
		return (size_t)(line.at + line.len - p) < 4 || strncasecmp(p, "utf", 3) != 0;
	}
	return false;
}

static int check_utf8(struct lexer *l, struct span text)
{
	const unsigned char *p = (const unsigned char *)text.at;

	for (size_t i = 0; i < text.len;) {
		size_t n = p[i] < 0x80 ? 1 : p[i] >= 0xC2 && p[i] <= 0xDF ? 2 : (p[i] & 0xF0) == 0xE0 ? 3 :
		           p[i] >= 0xF0 && p[i] <= 0xF4 ? 4 : 0;

		l->line += p[i] == '\n';
		if (n == 0 || i + n > text.len)
			return lexer_fail(l, "not UTF-8");
		for (size_t m = 1; m < n; m++) {
			if ((p[i + m] & 0xC0) != 0x80)
				return lexer_fail(l, "not UTF-8");
		}
		i += n;
	}
	l->line = 1;
	return 0;
}

static int read_token(struct lexer *l)
{
	int c = lexer_at(l, 0), prefix;

	if (c == ' ' || c == '\t' || c == '\f') {
		l->p++;
		return 0;
	}
	if (c == '#') {
		while (lexer_at(l, 0) >= 0 && !lexer_at_break(l))
			l->p++;
		return 0;
	}
	if (lexer_at_break(l)) {
		if (l->n_open == 0) {
			if (!l->line_start)
				lexer_add(l, PY_NEWLINE, l->p, l->p + 1, 0, l->line);
			l->line_start = true;
		}
		lexer_over_break(l);
		return 0;
	}
	if (c == '\\') {
		l->p++;
		if (!lexer_at_break(l))
			return lexer_fail(l, "a backslash in the middle of a line");
		lexer_over_break(l);
		return lexer_at(l, 0) < 0 ? lexer_fail(l, "the file ends behind a backslash") : 0;
	}
	if (c == 0)
		return lexer_fail(l, "a NUL byte");
	if (isdigit(c) || (c == '.' && isdigit(lexer_at(l, 1))))
		return lexer_number(l);
	prefix = c == '"' || c == '\'' ? 0 : lexer_is_letter((char)c) ? lexer_string_prefix(l) : -1;
	if (prefix > 0 || c == '"' || c == '\'')
		return lexer_string(l, prefix);
	if (lexer_is_letter((char)c)) {
		const char *from = l->p;

		while (lexer_at(l, 0) >= 0 && lexer_is_letter((char)lexer_at(l, 0)))
			l->p++;
		lexer_add(l, PY_NAME, from, l->p, 0, l->line);
		return 0;
	}
	return read_op(l);
}

static int tokenize(struct lexer *l, struct py_tokens *ret)
{
	int rc = 0, brackets = l->n_open;

	while (rc == 0 && l->p < l->end) {
		if (l->line_start && l->n_open == 0) {
			rc = read_indentation(l);
			if (rc < 0 || l->p >= l->end)
				break;
		}
		rc = read_token(l);
	}
	if (rc == 0 && l->n_open > brackets)
		rc = lexer_fail(l, "a bracket is never closed");
	if (rc < 0) {
		py_tokens_done(&l->out);
		return rc;
	}
	if (!l->line_start)
		lexer_add(l, PY_NEWLINE, l->end, l->end, 0, l->line);
	for (; l->n_indents > 1; l->n_indents--)
		lexer_add(l, PY_DEDENT, l->end, l->end, 0, l->line);
	lexer_add(l, PY_END, l->end, l->end, 0, l->line);
	*ret = l->out;
	return 0;
}

int py_tokenize(struct span text, struct py_tokens *ret, struct err *err)
{
	struct lexer l = { .line = 1, .n_indents = 1, .line_start = true, .err = err };
	int rc = text.len == 0 || other_coding(text) ? 0 : check_utf8(&l, text);

	if (rc < 0)
		return rc;
	l.out.text = text;
	l.begin = text.len > 0 ? text.at : "";
	l.end = l.begin + text.len;
	l.p = l.begin + (span_starts(text, "\xEF\xBB\xBF") ? 3 : 0);
	return tokenize(&l, ret);
}

int py_tokenize_expr(struct span text, int line, struct py_tokens *ret, struct err *err)
{
	struct lexer l = { .line = line, .n_indents = 1, .n_open = 1, .open = "(", .err = err };

	l.out.text = text;
	l.begin = l.p = text.at;
	l.end = text.at + text.len;
	return tokenize(&l, ret);
}

void py_tokens_done(struct py_tokens *t)
{
	free(t->at);
	*t = (struct py_tokens){ 0 };
}

struct span py_text(const struct py_tokens *t, size_t i)
{
	return (struct span){ t->text.at + t->at[i].off, t->at[i].len };
}

bool py_is_name(const struct py_tokens *t, size_t i, const char *name)
{
	return i < t->n && t->at[i].kind == PY_NAME && span_is(py_text(t, i), name);
}

bool py_is_op(const struct py_tokens *t, size_t i, int op)
{
	return i < t->n && t->at[i].kind == PY_OP && t->at[i].op == op;
}
