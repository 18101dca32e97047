/* SPDX-License-Identifier: MIT */
#include "edit_marks.h"

#include <string.h>
#include <strings.h>

static const char *const start_words[] = { "SEARCH", "ORIGINAL", "FIND", NULL };
static const char *const end_words[] = { "REPLACE", "UPDATED", "REPLACEMENT", NULL };

/* One of the words at the start of s, as a whole word: its length, else 0. */
static size_t word_of(struct span s, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++) {
		size_t n = strlen(words[i]);

		if (s.len >= n && strncasecmp(s.at, words[i], n) == 0 &&
		    (s.len == n || strchr(" \t:<>`*\"'([", s.at[n]) != NULL))
			return n;
	}
	return 0;
}

/* Only what closes a line: ':', '<' and '>' once more, the backticks of a fence. */
static bool is_tail(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (strchr(" \t:<>`*", s.at[i]) == NULL)
			return false;
	return true;
}

static bool is_one_word(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] == ' ' || s.at[i] == '\t')
			return false;
	return true;
}

static void start_read(struct mark *m, char ch, struct span rest)
{
	size_t n = word_of(rest, start_words);

	if (n > 0 && (ch == '<' ? m->count >= 3 : m->count >= 5)) {
		m->kind = MARK_START;
		m->strong = true;
		rest.at += n;
		rest.len -= n;
		m->lead = rest;
		if (m->lead.len > 0 && strchr(" \t", m->lead.at[0]) != NULL) {
			m->lead.at++;
			m->lead.len--;
		}
		while (rest.len > 0 && strchr(":<> \t", rest.at[0]) != NULL) {
			rest.at++;
			rest.len--;
		}
		m->rest = rest;
	} else if (ch == '<' && m->count >= 5 && m->count <= 9 && is_one_word(rest)) {
		m->kind = MARK_START;
		m->crossed = word_of(rest, end_words) > 0;
	}
}

/* "REPLACE>>>": the word in front. */
static bool is_reversed_end(struct span s)
{
	size_t n = word_of(s, end_words), i = n;

	while (i < s.len && s.at[i] == '>')
		i++;
	return n > 0 && i == s.len && i >= n + 3;
}

char mark_ruler(struct span line, size_t at_least)
{
	struct span s = span_trim(line);
	size_t n = 0;

	while (n < s.len && s.at[n] == s.at[0])
		n++;
	return n == s.len && n >= at_least ? s.at[0] : '\0';
}

struct mark mark_read(struct span line)
{
	struct mark m = { .kind = MARK_NONE };
	struct span rest;
	size_t n;
	char ch;

	while (m.indent < line.len && (line.at[m.indent] == ' ' || line.at[m.indent] == '\t'))
		m.indent++;
	if (m.indent == line.len || line.at[m.indent] == '\0')
		return m;
	if (strchr("<>=-+", line.at[m.indent]) == NULL) {
		m.strong = is_reversed_end(span_trim(line));
		m.kind = m.strong ? MARK_END : MARK_NONE;
		return m;
	}
	ch = line.at[m.indent];
	while (m.indent + m.count < line.len && line.at[m.indent + m.count] == ch)
		m.count++;
	if (m.count < 3)
		return m;
	rest = span_trim((struct span){ line.at + m.indent + m.count, line.len - m.indent - m.count });
	switch (ch) {
	case '<':
	case '-':
		start_read(&m, ch, rest);
		break;
	case '=':
		n = word_of(rest, end_words);
		if (is_tail((struct span){ rest.at + n, rest.len - n }) && (rest.len == 0 || n > 0))
			m.kind = MARK_DIVIDER;
		break;
	default:        /* '>' and '+' */
		n = word_of(rest, end_words);
		if (n > 0 && (m.count >= 5 ? is_one_word(span_trim((struct span){ rest.at + n, rest.len - n })) :
		              ch == '>' && is_tail((struct span){ rest.at + n, rest.len - n }))) {
			m.kind = MARK_END;
			m.strong = true;
		} else if (ch == '>' && m.count >= 5 && m.count <= 9 && is_one_word(rest)) {
			m.kind = MARK_END;
			m.crossed = word_of(rest, start_words) > 0;
		}
	}
	return m;
}
