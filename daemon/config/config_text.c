/* SPDX-License-Identifier: MIT */
/*
 * A look at the text before libconfig sees it, for what it does badly: it wraps whole numbers
 * beyond 32 bits in silence unless they end in L, ends the process when an included file cannot be read, and (before
 * 1.7) calls a comma behind the last of a list a syntax error.
 */
#include "config_table.h"

#include <ctype.h>
#include <string.h>

#define DIGITS_32 9             /* so many always fit */
#define DIGITS_64 18

/* How long the comment, text or word at the front of rest is; 0: it is none of these. */
static size_t token_len(struct span rest)
{
	size_t n = 1;

	if (rest.at[0] == '#' || span_starts(rest, "//")) {
		const char *lf = memchr(rest.at, '\n', rest.len);

		return lf != NULL ? (size_t)(lf - rest.at) : rest.len;
	}
	if (span_starts(rest, "/*")) {
		const char *end = rest.len > 3 ? memmem(rest.at + 2, rest.len - 2, "*/", 2) : NULL;

		return end != NULL ? (size_t)(end - rest.at) + 2 : rest.len;
	}
	if (rest.at[0] == '"') {
		while (n < rest.len && rest.at[n] != '"')
			n += rest.at[n] == '\\' && n + 1 < rest.len ? 2 : 1;
		return n < rest.len ? n + 1 : rest.len;
	}
	if (!isalnum((unsigned char)rest.at[0]))
		return 0;
	while (n < rest.len && (isalnum((unsigned char)rest.at[n]) || strchr("_-*.", rest.at[n]) != NULL))
		n++;
	return n;
}

/* A word of digits alone: how many, without zeros in front; 0: it is something else. */
static size_t digits_of(struct span word)
{
	size_t zeros = 0;

	for (size_t i = 0; i < word.len; i++)
		if (!isdigit((unsigned char)word.at[i]))
			return 0;
	while (zeros + 1 < word.len && word.at[zeros] == '0')
		zeros++;
	return word.len - zeros;
}

static bool is_space_or_comment(struct span token)
{
	return isspace((unsigned char)token.at[0]) || token.at[0] == '#' || span_starts(token, "//") ||
	       span_starts(token, "/*");
}

int text_prepare(const char *file, struct span text, struct buf *ret, struct err *err)
{
	size_t comma = SIZE_MAX;        /* where ret has one with nothing behind it so far */
	int line = 1;

	if (text.len != 0 && memchr(text.at, '\0', text.len) != NULL)
		return err_set(err, BD_EINVALID, "%s holds a NUL byte; is it a config file?", file);
	while (text.len != 0) {
		size_t len = token_len(text), digits;
		struct span token = { text.at, len == 0 ? 1 : len };

		if (len == 0 && span_starts(text, "@include"))
			return err_set(err, BD_EINVALID, "%s:%d: @include is not supported", file, line);
		digits = len != 0 ? digits_of(token) : 0;
		if (digits > DIGITS_64)
			return err_set(err, BD_EINVALID, "%s:%d: a number of %zu digits is out of any range", file, line, digits);
		if (token.at[0] == ',')
			comma = ret->len;
		else if (token.at[0] == ')' && comma != SIZE_MAX)
			ret->at[comma] = ' ';
		if (token.at[0] != ',' && !is_space_or_comment(token))
			comma = SIZE_MAX;
		buf_add_span(ret, token);
		if (digits > DIGITS_32)
			buf_add_char(ret, 'L');
		for (size_t i = 0; i < token.len; i++)
			line += token.at[i] == '\n';
		text = (struct span){ text.at + token.len, text.len - token.len };
	}
	return 0;
}
