/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "python_lexer.h"

/* Numbers and strings, chapter 2.4 of the reference. */

/* --- numbers --------------------------------------------------------------------------------- */

/* Digits with single underscores between them; false if one is misplaced.  *ret_n counts the digits. */
static bool digits(struct lexer *l, const char *set, int *ret_n)
{
	int n = 0;

	for (;;) {
		if (lexer_at(l, 0) > 0 && strchr(set, lexer_at(l, 0)) != NULL) {
			n++;
			l->p++;
		} else if (lexer_at(l, 0) == '_') {
			if (lexer_at(l, 1) <= 0 || strchr(set, lexer_at(l, 1)) == NULL)
				return false;
			l->p++;
		} else {
			break;
		}
	}
	*ret_n = n;
	return true;
}

#define DECIMAL "0123456789"

static bool read_decimal(struct lexer *l)
{
	const char *from = l->p;
	bool is_float = false, zeros = true;
	int n = 0, more = 0;

	if (lexer_at(l, 0) != '.' && !digits(l, DECIMAL, &n))
		return false;
	for (const char *q = from; q < l->p; q++)
		zeros = zeros && (*q == '0' || *q == '_');
	if (lexer_at(l, 0) == '.') {
		is_float = true;
		l->p++;
		if (lexer_at(l, 0) == '_' || !digits(l, DECIMAL, &more))
			return false;
	}
	if ((lexer_at(l, 0) == 'e' || lexer_at(l, 0) == 'E') &&
	    (isdigit(lexer_at(l,
	                      1)) || ((lexer_at(l, 1) == '+' || lexer_at(l, 1) == '-') && isdigit(lexer_at(l, 2))))) {
		is_float = true;
		l->p += isdigit(lexer_at(l, 1)) ? 1 : 2;
		if (!digits(l, DECIMAL, &more))
			return false;
	}
	if (lexer_at(l, 0) == 'j' || lexer_at(l, 0) == 'J') {
		is_float = true;
		l->p++;
	}
	return is_float || *from != '0' || zeros;               /* 012 is none */
}

/* A word that may stand right behind a number: `1if x else 2`. */
static bool word_may_follow(const struct lexer *l)
{
	static const char *const words[] = { "and", "else", "for", "if", "in", "is", "not", "or" };
	struct span rest = { l->p, (size_t)(l->end - l->p) };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (span_starts(rest,
		                words[i]) && !lexer_is_letter((char)(lexer_at(l, (ptrdiff_t)strlen(words[i])) > 0 ?
		                                                     lexer_at(l, (ptrdiff_t)strlen(words[i])) : ' ')))
			return true;
	}
	return false;
}

int lexer_number(struct lexer *l)
{
	const char *from = l->p;
	int c = lexer_at(l, 1) | 0x20, n = 0;
	const char *set = c == 'x' ? "0123456789abcdefABCDEF" : c == 'o' ? "01234567" : "01";
	bool ok;

	if (lexer_at(l, 0) == '0' && lexer_at(l, 1) > 0 && (c == 'x' || c == 'o' || c == 'b')) {
		l->p += 2;
		ok = digits(l, set, &n) && n > 0;
	} else {
		ok = read_decimal(l);
	}
	if (!ok || (lexer_at(l, 0) > 0 && lexer_is_letter((char)lexer_at(l, 0)) && !word_may_follow(l)))
		return lexer_fail(l, "not a number");
	lexer_add(l, PY_NUMBER, from, l->p, 0, l->line);
	return 0;
}

/* --- strings --------------------------------------------------------------------------------- */

/* How many characters of a string's prefix stand at p, 0 if no string begins here with one. */
int lexer_string_prefix(const struct lexer *l)
{
	char a = (char)tolower(lexer_at(l, 0)), b = (char)tolower(lexer_at(l, 1));

	if (lexer_at(l, 1) == '"' || lexer_at(l, 1) == '\'')
		return strchr("rbuf", a) != NULL ? 1 : 0;
	if (lexer_at(l, 2) != '"' && lexer_at(l, 2) != '\'')
		return 0;
	return (a == 'r' && (b == 'b' || b == 'f')) || ((a == 'b' || a == 'f') && b == 'r') ? 2 : 0;
}

static int hex_run(const struct lexer *l, ptrdiff_t from, int n, uint32_t *ret)
{
	uint32_t v = 0;

	for (int i = 0; i < n; i++) {
		int c = lexer_at(l, from + i);

		if (c < 0 || !isxdigit(c))
			return -1;
		v = v * 16 + (uint32_t)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
	}
	*ret = v;
	return 0;
}

/* The escape at p: the ones that the interpreter refuses when they are not whole. */
static bool escape_is_good(const struct lexer *l, bool bytes)
{
	int c = lexer_at(l, 1);
	uint32_t v = 0;

	if (c == 'x')
		return hex_run(l, 2, 2, &v) == 0;
	if (bytes)
		return true;
	if (c == 'u')
		return hex_run(l, 2, 4, &v) == 0;
	if (c == 'U')
		return hex_run(l, 2, 8, &v) == 0 && v <= 0x10FFFF;
	if (c == 'N') {
		ptrdiff_t i = 3;

		if (lexer_at(l, 2) != '{')
			return false;
		while (lexer_at(l,
		                i) > 0 && (isalnum(lexer_at(l, i)) || lexer_at(l, i) == ' ' || lexer_at(l, i) == '-'))
			i++;
		return lexer_at(l, i) == '}' && i > 3;
	}
	return true;
}

int lexer_string(struct lexer *l, int prefix)
{
	const char *from = l->p;
	int line = l->line, quote, quotes = 1;
	bool raw = false, bytes = false;

	for (int i = 0; i < prefix; i++, l->p++) {
		raw = raw || tolower(lexer_at(l, 0)) == 'r';
		bytes = bytes || tolower(lexer_at(l, 0)) == 'b';
	}
	quote = lexer_at(l, 0);
	if (lexer_at(l, 1) == quote && lexer_at(l, 2) == quote)
		quotes = 3;
	l->p += quotes;
	for (;;) {
		int c = lexer_at(l, 0);

		if (c < 0 || (quotes == 1 && lexer_at_break(l))) {
			l->line = line;
			return lexer_fail(l, "the string has no end");
		}
		if (c == quote && (quotes == 1 || (lexer_at(l, 1) == quote && lexer_at(l, 2) == quote)))
			break;
		if (bytes && c >= 0x80)
			return lexer_fail(l, "bytes hold ASCII only");
		if (lexer_at_break(l)) {
			lexer_over_break(l);
		} else if (c == '\\') {
			if (!raw && !escape_is_good(l, bytes))
				return lexer_fail(l, "an escape in the string is cut short");
			l->p++;
			if (lexer_at_break(l))
				lexer_over_break(l);
			else if (lexer_at(l, 0) >= 0)
				l->p++;
		} else {
			l->p++;
		}
	}
	l->p += quotes;
	lexer_add(l, PY_STRING, from, l->p, 0, line);
	return 0;
}
