/* SPDX-License-Identifier: MIT */
#include "edit_int.h"

#include <string.h>
#include <strings.h>

/*
 * Edits as pairs of tags: <search>..</search> <replace>..</replace> and their relatives, with attributes or without, also
 * as the parameters of a call: <parameter=old_str>, <parameter name="old_str">.
 */
static const char *const old_words[] = {
	"search", "old_str", "old_string", "old_code", "old_text", "original", "original_code", "find", "before", "old", NULL,
};
static const char *const new_words[] = {
	"replace", "new_str", "new_string", "new_code", "new_text", "updated", "updated_code", "replacement", "patched",
	"modified", "modified_code", "fixed", "after", "new", NULL,
};

struct tag {
	const char *at, *behind;        /* the opening one */
	struct span name;               /* of what closes it */
};

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

/* A name of letters, digits and "_-" at p. */
static struct span name_at(const char *p, const char *end)
{
	const char *q = p;

	while (q < end && (*q == '_' || *q == '-' || (*q >= '0' && *q <= '9') || (*q >= 'a' && *q <= 'z') ||
	                   (*q >= 'A' && *q <= 'Z')))
		q++;
	return (struct span){ p, (size_t)(q - p) };
}

static bool is_one_of(struct span name, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++)
		if (name.len == strlen(words[i]) && strncasecmp(name.at, words[i], name.len) == 0)
			return true;
	return false;
}

/* Does an opening tag with one of the words stand at p? */
static bool tag_read(const char *p, const char *end, const char *const *words, struct tag *ret)
{
	struct span name = name_at(p + 1, end), word = name;
	const char *q = name.at + name.len;

	if (name.len == 0)
		return false;
	if (name.len == 9 && strncasecmp(name.at, "parameter", 9) == 0) {
		q = skip_blanks(q, end);
		if (end - q > 4 && strncasecmp(q, "name", 4) == 0)
			q = skip_blanks(q + 4, end);
		if (q == end || *q != '=')
			return false;
		q = skip_blanks(q + 1, end);
		if (q < end && (*q == '"' || *q == '\''))
			q++;
		word = name_at(q, end);
		q = word.at + word.len;
	}
	if (!is_one_of(word, words))
		return false;
	/* attributes */
	for (size_t n = 0; q < end && *q != '>'; q++, n++)
		if (*q == '<' || *q == '\n' || n > 300)
			return false;
	*ret = (struct tag){ p, q + 1, name };
	return q < end;
}

static bool tag_find(const char *p, const char *end, const char *const *words, struct tag *ret)
{
	for (; p < end && (p = memchr(p, '<', (size_t)(end - p))) != NULL; p++)
		if (tag_read(p, end, words, ret))
			return true;
	return false;
}

/* Where the closing tag stands, NULL if it does not; *ret: behind it. */
static const char *tag_close(const struct tag *t, const char *end, const char **ret)
{
	for (const char *p = t->behind; p < end && (p = memchr(p, '<', (size_t)(end - p))) != NULL; p++)
		if ((size_t)(end - p) > t->name.len + 2 && p[1] == '/' && strncasecmp(p + 2, t->name.at, t->name.len) == 0 &&
		    p[2 + t->name.len] == '>') {
			*ret = p + t->name.len + 3;
			return p;
		}
	return NULL;
}

static struct span cut_break(struct span s)
{
	size_t n = span_starts(s, "\r\n") ? 2 : span_starts(s, "\n") ? 1 : 0;

	return (struct span){ s.at + n, s.len - n };
}

static struct span cut_end_blanks(struct span s)
{
	while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* What stands between an opening tag, which begins at or behind *p, and its closing one; *p moves behind both. */
static bool tag_content(const char **p, const char *end, const char *const *words, const char **ret_at, struct span *ret)
{
	const char *close, *behind = end;
	struct tag t;

	if (!tag_find(*p, end, words, &t))
		return false;
	close = tag_close(&t, end, &behind);
	if (close == NULL)
		return false;
	*ret = cut_end_blanks(cut_break((struct span){ t.behind, (size_t)(close - t.behind) }));
	if (span_starts(*ret, "<![CDATA[")) {
		*ret = cut_break((struct span){ ret->at + 9, ret->len - 9 });
		while (span_ends(*ret, "\n"))
			ret->len--;
		if (span_ends(*ret, "]]>"))
			ret->len -= 3;
		*ret = cut_end_blanks(*ret);
	}
	*ret_at = t.at;
	*p = behind;
	return true;
}

static void add_lines(struct buf *ret, struct span text)
{
	buf_add_span(ret, text);
	if (text.len > 0 && text.at[text.len - 1] != '\n')
		buf_add_char(ret, '\n');
}

#define MISSES_MAX 32   /* opening tags without what belongs to them */

bool edit_tags_rewrite(struct span text, struct buf *ret)
{
	const char *p = text.at, *end = text.at + text.len, *kept = p;
	size_t misses = 0;
	bool any = false;
	struct tag t;

	while (misses < MISSES_MAX && tag_find(p, end, old_words, &t)) {
		const char *open, *second, *q = t.at;
		struct span search, replace;
		struct tag next;

		/* the new text comes next, in front of any other old one */
		if (!tag_content(&q, end, old_words, &open, &search) ||
		    (tag_find(q, end, old_words, &next) && tag_find(q, next.at, new_words, &(struct tag){ .at = NULL }) == false) ||
		    !tag_content(&q, end, new_words, &second, &replace)) {
			p = t.behind;
			misses++;
			continue;
		}
		add_lines(ret, (struct span){ kept, (size_t)(open - kept) });
		buf_add_str(ret, "<<<<<<< SEARCH\n");
		add_lines(ret, search);
		buf_add_str(ret, "=======\n");
		add_lines(ret, replace);
		buf_add_str(ret, ">>>>>>> REPLACE\n");
		p = kept = q;
		any = true;
	}
	if (any)
		buf_add_span(ret, (struct span){ kept, (size_t)(end - kept) });
	return any;
}
