/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <string.h>

#include "python_priv.h"

/* What stands between the braces of an f-string. */

static bool fields(struct parser *p, struct span s, bool raw, int line, int level);

/* Where the expression that begins at i ends: at !, : or } outside brackets and strings.  SIZE_MAX: nowhere. */
static size_t expression_end(struct span s, size_t i)
{
	char open[64];
	size_t n = 0;

	while (i < s.len) {
		char c = s.at[i];

		if (c == '\'' || c == '"') {
			bool three = i + 2 < s.len && s.at[i + 1] == c && s.at[i + 2] == c;
			size_t step = three ? 3 : 1;

			for (i += step; i < s.len; i++) {
				if (s.at[i] == c && (!three || (i + 2 < s.len && s.at[i + 1] == c && s.at[i + 2] == c)))
					break;
			}
			i += step;
			continue;
		}
		if (c == '(' || c == '[' || c == '{') {
			if (n == sizeof open)
				return SIZE_MAX;
			open[n++] = c == '(' ? ')' : c == '[' ? ']' : '}';
		} else if (n > 0 && c == open[n - 1]) {
			n--;
		} else if (n == 0 && (c == '!' || c == '=' || c == '<' || c == '>') && i + 1 < s.len && s.at[i + 1] == '=') {
			i++;                            /* a comparison */
		} else if (n == 0 && (c == '!' || c == ':' || c == '}')) {
			return i;
		}
		i++;
	}
	return SIZE_MAX;
}

static bool expression(struct parser *outer, struct span s, int line)
{
	struct parser p = *outer;
	unsigned x;
	bool ok;

	if (span_trim(s).len > 0 && s.at[s.len - 1] == '=')
		s.len--;                                /* {x=} */
	else if (span_ends(span_trim(s), "=") && !span_ends(span_trim(s), "=="))
		s.len = (size_t)(span_trim(s).at + span_trim(s).len - s.at) - 1;
	if (span_trim(s).len == 0)
		return py_fail(outer, "empty braces in an f-string");
	if (memchr(s.at, '\\', s.len) != NULL || memchr(s.at, '#', s.len) != NULL)
		return py_fail(outer, "a backslash or # in the braces of an f-string");
	p.i = 0;
	p.t = (struct py_tokens){ 0 };
	if (py_tokenize_expr(s, line, &p.t, outer->err) < 0) {
		outer->failed = true;
		return false;
	}
	ok = py_yield_or_star(&p, &x);
	if (ok && p.t.at[p.i].kind != PY_NEWLINE)
		ok = py_fail(&p, "more than an expression in the braces of an f-string");
	py_tokens_done(&p.t);
	outer->failed = outer->failed || p.failed;
	return ok;
}

/* {expression!r:format} from behind its brace on; *i moves behind the closing one. */
static bool field(struct parser *p, struct span s, size_t *i, bool raw, int line, int level)
{
	size_t end = expression_end(s, *i), depth = 0, from;

	if (level > 1)
		return py_fail(p, "an f-string is nested too deeply");
	if (end == SIZE_MAX)
		return py_fail(p, "a brace in an f-string is never closed");
	if (!expression(p, (struct span){ s.at + *i, end - *i }, line))
		return false;
	if (s.at[end] == '!') {
		if (end + 2 >= s.len || strchr("rsa", s.at[end + 1]) == NULL || s.at[end + 1] == '\0' ||
		    (s.at[end + 2] != ':' && s.at[end + 2] != '}'))
			return py_fail(p, "a conversion in an f-string that is none of !r, !s, !a");
		end += 2;
	}
	if (s.at[end] == ':') {
		for (from = ++end; end < s.len && (depth > 0 || s.at[end] != '}'); end++) {
			depth += s.at[end] == '{';
			depth -= s.at[end] == '}';
		}
		if (end == s.len)
			return py_fail(p, "a brace in an f-string is never closed");
		if (!fields(p, (struct span){ s.at + from, end - from }, raw, line, level + 1))
			return false;
	}
	*i = end + 1;
	return true;
}

static bool fields(struct parser *p, struct span s, bool raw, int line, int level)
{
	size_t i = 0;

	while (i < s.len) {
		char c = s.at[i];
		bool twice = i + 1 < s.len && s.at[i + 1] == c;

		if (!raw && c == '\\' && i + 2 < s.len && s.at[i + 1] == 'N' && s.at[i + 2] == '{') {
			const char *close = memchr(s.at + i, '}', s.len - i);

			i = close != NULL ? (size_t)(close - s.at) + 1 : s.len;
		} else if (!raw && c == '\\' && i + 1 < s.len && s.at[i + 1] != '{' && s.at[i + 1] != '}') {
			i += 2;
		} else if ((c == '{' || c == '}') && twice && level == 0) {
			i += 2;
		} else if (c == '{') {
			i++;
			if (!field(p, s, &i, raw, line, level))
				return false;
		} else if (c == '}') {
			return py_fail(p, "a single } in an f-string");
		} else {
			i++;
		}
	}
	return true;
}

bool py_fstring(struct parser *p, struct py_string s, int line)
{
	bool ok = py_enter(p) && fields(p, s.body, s.raw, line, 0);

	p->depth--;
	return ok;
}
