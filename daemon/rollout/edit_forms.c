/* SPDX-License-Identifier: MIT */
#include "edit_int.h"

#include <string.h>
#include <strings.h>

#include "edit_marks.h"

/*
 * Blocks in disguise: quoted ("> <<<<<<< SEARCH"), their markers behind comment signs, with &lt; for <, or as tags
 * (<search>..</search> <replace>..</replace>).  Written anew with plain markers, everything else as it is.
 */

static const char *const old_tags[] = { "search", "old_str", "old_string", "old_code", "original", "find", NULL };
static const char *const new_tags[] = { "replace", "new_str", "new_string", "new_code", "updated", "replacement", NULL };

/* The length of <word> or </word> at p, for one of the words; 0: none. */
static size_t tag_len(const char *p, const char *end, bool closing, const char *const *words)
{
	size_t head = closing ? 2 : 1;

	if ((size_t)(end - p) < head || p[0] != '<' || (closing && p[1] != '/'))
		return 0;
	for (size_t i = 0; words[i] != NULL; i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(end - p) > head + n && strncasecmp(p + head, words[i], n) == 0 && p[head + n] == '>')
			return head + n + 1;
	}
	return 0;
}

static const char *find_tag(const char *p, const char *end, bool closing, const char *const *words, size_t *ret_len)
{
	for (; p < end && (p = memchr(p, '<', (size_t)(end - p))) != NULL; p++) {
		*ret_len = tag_len(p, end, closing, words);
		if (*ret_len > 0)
			return p;
	}
	return NULL;
}

/* What stands between an opening tag and its closing one, as whole lines; *p moves behind both. */
static bool read_tag(const char **p, const char *end, const char *const *words, struct span *ret)
{
	size_t open_len = 0, close_len = 0;
	const char *open = find_tag(*p, end, false, words, &open_len), *close = NULL;

	if (open != NULL)
		close = find_tag(open + open_len, end, true, words, &close_len);
	if (close == NULL)
		return false;
	*ret = (struct span){ open + open_len, (size_t)(close - open) - open_len };
	if (span_starts(*ret, "\r\n") || span_starts(*ret, "\n")) {
		size_t n = ret->at[0] == '\r' ? 2 : 1;

		*ret = (struct span){ ret->at + n, ret->len - n };
	}
	while (ret->len > 0 && (ret->at[ret->len - 1] == ' ' || ret->at[ret->len - 1] == '\t'))
		ret->len--;             /* in front of the closing tag */
	*p = close + close_len;
	return true;
}

static void add_lines(struct buf *ret, struct span text)
{
	buf_add_span(ret, text);
	if (text.len > 0 && text.at[text.len - 1] != '\n')
		buf_add_char(ret, '\n');
}

static bool rewrite_tags(struct span text, struct buf *ret)
{
	const char *p = text.at, *end = text.at + text.len;
	bool any = false;

	for (;;) {
		size_t n;
		const char *from = p, *open = find_tag(p, end, false, old_tags, &n);
		struct span search, replace;

		if (open == NULL || !read_tag(&p, end, old_tags, &search) || !read_tag(&p, end, new_tags, &replace))
			break;
		add_lines(ret, (struct span){ from, (size_t)(open - from) });
		buf_add_str(ret, "<<<<<<< SEARCH\n");
		add_lines(ret, search);
		buf_add_str(ret, "=======\n");
		add_lines(ret, replace);
		buf_add_str(ret, ">>>>>>> REPLACE\n");
		any = true;
	}
	return any;
}

static struct span unquoted(struct span line)
{
	size_t n = line.len > 1 && line.at[1] == ' ' ? 2 : 1;

	if (line.len == 0 || line.at[0] != '>' || (line.len > 1 && line.at[1] == '>'))
		return line;
	return (struct span){ line.at + n, line.len - n };
}

/* The marker behind a comment sign, else the line. */
static struct span uncommented(struct span line)
{
	struct span s = span_trim(line);
	size_t n = span_starts(s, "//") ? 2 : span_starts(s, "#") ? 1 : 0;

	s = span_trim((struct span){ s.at + n, s.len - n });
	return n > 0 && mark_read(s).kind != MARK_NONE ? s : line;
}

static bool starts_block(struct span line)
{
	struct mark m = mark_read(line);

	return m.kind == MARK_START && m.strong;
}

static bool rewrite_lines(struct span text, struct buf *ret)
{
	struct span rest = text, line;
	bool quoted = false, commented = false;

	while (span_line(&rest, &line)) {
		quoted = quoted || (line.len > 0 && line.at[0] == '>' && starts_block(unquoted(line)));
		commented = commented || starts_block(uncommented(quoted ? unquoted(line) : line));
	}
	for (rest = text; (quoted || commented) && span_line(&rest, &line);) {
		line = quoted ? unquoted(line) : line;
		buf_add_span(ret, commented ? uncommented(line) : line);
		buf_add_char(ret, '\n');
	}
	return quoted || commented;
}

static bool rewrite_entities(struct span text, struct buf *ret)
{
	static const struct { const char *name; char c; } entities[] = {
		{ "&lt;", '<' }, { "&gt;", '>' }, { "&amp;", '&' }, { "&quot;", '"' }, { "&#39;", '\'' }, { "&#x27;", '\'' },
	};
	const size_t n_entities = sizeof entities / sizeof entities[0];

	if (text.len == 0 || memmem(text.at, text.len, "&lt;&lt;&lt;", 12) == NULL)
		return false;
	while (text.len > 0) {
		size_t i = 0, n = 1;

		while (i < n_entities && !span_starts(text, entities[i].name))
			i++;
		if (i < n_entities)
			n = strlen(entities[i].name);
		buf_add_char(ret, i < n_entities ? entities[i].c : text.at[0]);
		text = (struct span){ text.at + n, text.len - n };
	}
	return true;
}

bool edit_forms_rewrite(struct span text, struct buf *ret)
{
	static bool (*const ways[])(struct span, struct buf *) = { rewrite_entities, rewrite_tags, rewrite_lines };

	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
		if (ways[i](text, ret))
			return true;
	return false;
}
