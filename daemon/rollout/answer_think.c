/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <strings.h>

#include "answer.h"
#include "edit_marks.h"

/*
 * Thinking out of a text.  A tag is taken for one only where a model would put it: an opening at
 * the start of a line (or anywhere, if its end follows), a closing anywhere, neither in quotes.
 * Inside a whole SEARCH/REPLACE block both are the text of a file, so that an edit of code that
 * handles such tags stays in one piece.
 */
static const struct { const char *open, *close; } tags[] = {
	{ "<think>", "</think>" },
	{ "<thinking>", "</thinking>" },
	{ "<thought>", "</thought>" },
	{ "<reasoning>", "</reasoning>" },
	{ "<seed:think>", "</seed:think>" },
	{ "[THINK]", "[/THINK]" },
	{ "\xE2\x97\x81think\xE2\x96\xB7", "\xE2\x97\x81/think\xE2\x96\xB7" },
	{ "<|begin_of_thought|>", "<|end_of_thought|>" },
	{ "<|channel|>analysis<|message|>", "<|channel|>final<|message|>" },
};
#define N_TAGS (sizeof tags / sizeof tags[0])

enum tag_kind { TAG_NONE, TAG_OPEN, TAG_CLOSE };

struct tag {
	enum tag_kind kind;
	size_t which, len;
};

/* The tag at p, if one stands there and is not in quotes. */
static struct tag tag_at(const char *text, const char *p, const char *end)
{
	struct tag t = { TAG_NONE, 0, 0 };

	for (size_t i = 0; i < N_TAGS && t.kind == TAG_NONE; i++) {
		size_t no = strlen(tags[i].open), nc = strlen(tags[i].close);

		if ((size_t)(end - p) >= no && strncasecmp(p, tags[i].open, no) == 0)
			t = (struct tag){ TAG_OPEN, i, no };
		else if ((size_t)(end - p) >= nc && strncasecmp(p, tags[i].close, nc) == 0)
			t = (struct tag){ TAG_CLOSE, i, nc };
	}
	if (t.kind != TAG_NONE && p > text && strchr("`'\"", p[-1]) != NULL && p + t.len < end && p[t.len] == p[-1])
		t.kind = TAG_NONE;
	return t;
}

static bool at_line_start(const char *text, const char *p)
{
	while (p > text && (p[-1] == ' ' || p[-1] == '\t' || p[-1] == '\r'))
		p--;
	return p == text || p[-1] == '\n';
}

static bool alone_on_line(const char *text, const char *p, size_t len, const char *end)
{
	const char *q = p + len;

	while (q < end && (*q == ' ' || *q == '\t' || *q == '\r'))
		q++;
	return at_line_start(text, p) && (q == end || *q == '\n');
}

static bool says_more(const char *p, const char *end)
{
	return span_trim((struct span){ p, (size_t)(end - p) }).len > 0;
}

/* The next character that may begin a tag. */
static const char *next_candidate(const char *p, const char *end)
{
	while (p < end && *p != '<' && *p != '[' && *p != '\xE2')
		p++;
	return p;
}

/*
 * Where the thinking that opens with tag `which` at p (behind the tag) ends: behind its closing
 * tag, openings of the same kind at line starts counted; else behind the last closing one; NULL if
 * there is none.
 */
static const char *thinking_end(const char *text, const char *p, const char *end, size_t which)
{
	const char *last = NULL;
	int depth = 1;

	for (p = next_candidate(p, end); p < end; p = next_candidate(p, end)) {
		struct tag t = tag_at(text, p, end);

		if (t.kind == TAG_NONE || t.which != which) {
			p++;
			continue;
		}
		if (t.kind == TAG_OPEN && at_line_start(text, p))
			depth++;
		p += t.len;
		if (t.kind == TAG_CLOSE) {
			last = p;
			if (--depth == 0)
				return p;
		}
	}
	return last;
}

/* The end of the whole block that begins on the line at p, NULL if none begins there. */
static const char *block_end(const char *p, const char *end)
{
	struct span rest = { p, (size_t)(end - p) }, line;
	bool first = true;

	while (span_line(&rest, &line)) {
		struct mark m = mark_read(line);

		if (first && (m.kind != MARK_START || !m.strong))
			return NULL;
		if (!first && m.kind == MARK_START && m.strong)
			return NULL;
		if (m.kind == MARK_END && m.strong)
			return line.at + line.len;
		first = false;
	}
	return NULL;
}

void answer_cut_thinking(struct span text, struct buf *ret)
{
	const char *p = text.at, *end = text.at + text.len, *kept = text.at;
	size_t start = ret->len;
	bool opened = false, endless[N_TAGS] = { false };      /* no closing one follows any more */

	while ((p = next_candidate(p, end)) < end) {
		const char *over = *p == '<' && at_line_start(text.at, p) ? block_end(p, end) : NULL;
		struct tag t;

		if (over != NULL) {
			p = over;
			continue;
		}
		t = tag_at(text.at, p, end);
		if (t.kind == TAG_NONE) {
			p++;
			continue;
		}
		if (t.kind == TAG_OPEN) {
			const char *to = endless[t.which] ? NULL : thinking_end(text.at, p + t.len, end, t.which);

			endless[t.which] = to == NULL;
			if (to == NULL && !at_line_start(text.at, p)) {
				p += t.len;
				continue;
			}
			buf_add(ret, kept, (size_t)(p - kept));
			p = kept = to != NULL ? to : end;
			opened = true;
			continue;
		}
		/* A closing one without its opening: all in front of it was thinking.  After thinking that
		 * was cut it is a leftover, unless it has a line of its own: then the first one was only talk. */
		if (opened && !(alone_on_line(text.at, p, t.len, end) && says_more(p + t.len, end)))
			buf_add(ret, kept, (size_t)(p - kept));
		else
			ret->len = start;
		opened = true;
		p += t.len;
		kept = p;
	}
	buf_add(ret, kept, (size_t)(end - kept));
}
