/* SPDX-License-Identifier: MIT */
#include "edit_int.h"

#include <string.h>
#include <strings.h>

/*
 * Edits whose halves stand below words: "SEARCH:" and "REPLACE:", "Before" and "After", "Change this:" and "to this:",
 * each half in a fence of its own, or both in one fence.
 */
static const char *const old_words[] = {
	"search", "find", "before", "original", "old", "current", "existing", "buggy", "change", "remove", "from", NULL,
};
static const char *const new_words[] = {
	"replace", "replacement", "after", "updated", "new", "modified", "fixed", "corrected", "revised", "patched", "to",
	"into", "add", NULL,
};
/* Words that say nothing here. */
static const char *const fillers[] = {
	"the", "this", "these", "that", "it", "code", "block", "section", "lines", "line", "following", "version", "snippet",
	"of", "in", "file", "content", "contents", "part", "text", "with", "by", "for", "python", "implementation", "should",
	"be", "is", "was", "fix", "looks", "like", "and", NULL,
};

enum label { LABEL_NONE, LABEL_OLD, LABEL_NEW, LABEL_REPLACE, LABEL_WITH };

#define LABEL_WORDS 9

static bool is_one_of(struct span word, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++)
		if (word.len == strlen(words[i]) && strncasecmp(word.at, words[i], word.len) == 0)
			return true;
	return false;
}

static bool is_word(struct span word, const char *wanted)
{
	return word.len == strlen(wanted) && strncasecmp(word.at, wanted, word.len) == 0;
}

/* Of what stands around words. */
static bool is_decoration(char c)
{
	return c != '\0' && (strchr(" \t*_`#:>()[]\"',-", c) != NULL || (c >= '0' && c <= '9'));
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* What the line says of the code below it.  Paths in it, decoration and words that say nothing do not count. */
static enum label label_read(struct span line)
{
	struct span s = span_trim(line), last = { "", 0 };
	size_t words = 0, i = 0;
	bool with = false;

	if (s.len == 0 || s.len > 200)
		return LABEL_NONE;
	while (i < s.len) {
		struct span word;
		bool plain = true;
		size_t from;

		while (i < s.len && is_decoration(s.at[i]))
			i++;
		for (from = i; i < s.len && strchr(" \t*`#:>()[]\"',", s.at[i]) == NULL; i++)
			plain = plain && is_letter(s.at[i]);
		word = (struct span){ s.at + from, i - from };
		if (word.len == 0)
			continue;
		if (!plain && !name_is_filelike(word) && !span_is(word, ".") && !(word.len < 4 && !is_letter(word.at[0])))
			return LABEL_NONE;
		if (++words > LABEL_WORDS)
			return LABEL_NONE;
		with = with || is_word(word, "with") || is_word(word, "by");
		if (!plain || is_one_of(word, fillers))
			continue;
		if (!is_one_of(word, old_words) && !is_one_of(word, new_words))
			return LABEL_NONE;
		last = word;
	}
	if (last.len == 0)
		return with ? LABEL_WITH : LABEL_NONE;
	if (is_one_of(last, old_words))
		return LABEL_OLD;
	return is_word(last, "replace") && !with ? LABEL_REPLACE : LABEL_NEW;
}

/* The next line that is not blank; false at the end. */
static bool solid_line(struct span *rest, struct span *ret)
{
	while (span_line(rest, ret))
		if (span_trim(*ret).len > 0)
			return true;
	return false;
}

/* The lines of the fence that comes next, but for blank lines. */
static bool next_fence(struct span *rest, struct span *ret)
{
	struct fence open, close;
	struct span line;

	if (!solid_line(rest, &line) || !fence_read(line, &open))
		return false;
	ret->at = rest->at;
	while (span_line(rest, &line))
		if (fence_read(line, &close) && close.ch == open.ch && close.len >= open.len && close.info.len == 0) {
			ret->len = (size_t)(line.at - ret->at);
			return true;
		}
	return false;
}

static void add_block(struct buf *ret, struct span search, struct span replace)
{
	buf_add_str(ret, "<<<<<<< SEARCH\n");
	buf_add_span(ret, search);
	buf_add_str(ret, "=======\n");
	buf_add_span(ret, replace);
	buf_add_str(ret, ">>>>>>> REPLACE\n");
}

static bool is_pair(enum label first, enum label second)
{
	return (first == LABEL_OLD && (second == LABEL_NEW || second == LABEL_REPLACE || second == LABEL_WITH)) ||
	       (first == LABEL_REPLACE && second == LABEL_WITH);
}

/* Behind the line `label`: two fences with a label between them. */
static bool read_fences(enum label first, struct span *rest, struct buf *ret)
{
	struct span at = *rest, search, replace, line;

	if (!next_fence(&at, &search) || !solid_line(&at, &line) || !is_pair(first, label_read(line)) || !next_fence(&at, &replace))
		return false;
	add_block(ret, search, replace);
	*rest = at;
	return true;
}

/* Behind the line `label`, which stands in a fence: text, a label, text, up to the fence's end or the next label. */
static bool read_inside(enum label first, struct span *rest, struct buf *ret)
{
	struct span at = *rest, line, search = { at.at, 0 }, replace = { NULL, 0 };

	while (span_line(&at, &line)) {
		enum label label = label_read(line);
		struct fence f;

		if (replace.at == NULL && is_pair(first, label)) {
			search.len = (size_t)(line.at - search.at);
			replace.at = at.at;
		} else if (fence_read(line, &f) || label == LABEL_OLD || label == LABEL_REPLACE) {
			if (replace.at == NULL)
				return false;
			replace.len = (size_t)(line.at - replace.at);
			add_block(ret, search, replace);
			rest->len -= (size_t)(line.at - rest->at);
			rest->at = line.at;
			return true;
		}
	}
	return false;
}

#define MISSES_MAX 64   /* labels without what belongs to them */

bool edit_labels_rewrite(struct span text, struct buf *ret)
{
	struct span rest = text, line;
	bool any = false, fenced = false;
	size_t misses = 0;

	while (span_line(&rest, &line)) {
		enum label label = label_read(line);
		bool first = label == LABEL_OLD || label == LABEL_REPLACE;
		struct fence f;

		if (fence_read(line, &f))
			fenced = f.info.len > 0 || !fenced;
		buf_add_span(ret, line);
		buf_add_char(ret, '\n');
		if (!first || misses == MISSES_MAX)
			continue;
		if (fenced ? read_inside(label, &rest, ret) : read_fences(label, &rest, ret))
			any = true;
		else
			misses++;
	}
	return any;
}
