/* SPDX-License-Identifier: MIT */
#include "edit_int.h"

#include <string.h>

#include "edit_marks.h"

/*
 * Blocks in disguise: quoted ("> <<<<<<< SEARCH"), their markers behind comment signs or adorned by Markdown, with
 * &lt; for <, as tags (edit_tags.c) or below words (edit_labels.c).  Written anew with plain markers, everything
 * else as it is.
 */

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

#define UNADORNED_MAX 256       /* bytes of a marker's line */

/*
 * The marker without what Markdown puts around and into it ("**<<<<<<< SEARCH**", "\<\<\<\<\<\<\< SEARCH",
 * "< < < < < SEARCH"), in buf; else the line.
 */
static struct span unadorned(struct span line, char *buf)
{
	struct span s = span_trim(line);
	size_t n = 0;

	while (s.len > 0 && strchr("*_`", s.at[0]) != NULL && s.at[0] != '\0')
		s = (struct span){ s.at + 1, s.len - 1 };
	while (s.len > 0 && strchr("*_`", s.at[s.len - 1]) != NULL && s.at[s.len - 1] != '\0')
		s.len--;
	if (s.len == 0 || s.len >= UNADORNED_MAX || strchr("<>=\\", s.at[0]) == NULL || s.at[0] == '\0')
		return line;
	for (size_t i = 0; i < s.len; i++) {
		char next = i + 1 < s.len ? s.at[i + 1] : '\0';
		bool before = next != '\0' && strchr("<>=", next) != NULL;
		bool escape = before && s.at[i] == '\\', spread = before && s.at[i] == ' ' && n > 0 && buf[n - 1] == next;

		if (!escape && !spread)
			buf[n++] = s.at[i];
	}
	s = (struct span){ buf, n };
	return mark_read(s).kind != MARK_NONE ? s : line;
}

static bool starts_block(struct span line)
{
	struct mark m = mark_read(line);

	return m.kind == MARK_START && m.strong;
}

static bool rewrite_lines(struct span text, struct buf *ret)
{
	struct span rest = text, line;
	bool quoted = false, commented = false, adorned = false;
	char room[UNADORNED_MAX];

	while (span_line(&rest, &line)) {
		quoted = quoted || (line.len > 0 && line.at[0] == '>' && starts_block(unquoted(line)));
		commented = commented || starts_block(uncommented(quoted ? unquoted(line) : line));
		adorned = adorned || starts_block(unadorned(line, room));
	}
	for (rest = text; (quoted || commented || adorned) && span_line(&rest, &line);) {
		line = quoted ? unquoted(line) : line;
		line = commented ? uncommented(line) : line;
		buf_add_span(ret, adorned ? unadorned(line, room) : line);
		buf_add_char(ret, '\n');
	}
	return quoted || commented || adorned;
}

/* A text whose lines end in CR alone. */
static bool rewrite_breaks(struct span text, struct buf *ret)
{
	if (text.len == 0 || memchr(text.at, '\n', text.len) != NULL || memchr(text.at, '\r', text.len) == NULL)
		return false;
	for (size_t i = 0; i < text.len; i++)
		buf_add_char(ret, text.at[i] == '\r' ? '\n' : text.at[i]);
	return true;
}

/* A text that is written as a string of a program, "\n" for each line's end. */
static bool rewrite_escapes(struct span text, struct buf *ret)
{
	static const char from[] = "nt\"'\\/r", to[] = "\n\t\"'\\/\r";

	if (text.len == 0 || memmem(text.at, text.len, "SEARCH\\n", 8) == NULL)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char next = text.at[i] == '\\' && i + 1 < text.len ? text.at[i + 1] : '\0';
		const char *hit = next != '\0' ? strchr(from, next) : NULL;

		if (hit == NULL && (text.at[i] != '"' || (i > 0 && i + 1 < text.len)))
			buf_add_char(ret, text.at[i]);
		else if (hit != NULL)
			buf_add_char(ret, to[hit - from]);
		i += hit != NULL;
	}
	return true;
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
	static bool (*const ways[])(struct span, struct buf *) = {
		rewrite_breaks, rewrite_escapes, rewrite_entities, edit_tags_rewrite, rewrite_lines, edit_labels_rewrite,
	};

	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
		if (ways[i](text, ret))
			return true;
	return false;
}
