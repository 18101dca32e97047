/* SPDX-License-Identifier: MIT */
#ifndef EDIT_H
#define EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "repo.h"

/*
 * SEARCH/REPLACE edits as models write them: read, and put into the files they name. Match exactly
 * first, then ignoring trailing blanks, then at another indentation; never by guess.  Design part
 * 6.
 */
#define EDIT_FATES(F) \
	F(APPLIED,      "applied") \
	F(TRAILING,     "trailing_blanks")   /* applied, blanks at line ends ignored */ \
	F(SHIFTED,      "indentation")       /* applied, replacement shifted by edit.shift columns */ \
	F(NUMBERED,     "line_numbers")      /* applied, line numbers in front of its lines taken away */ \
	F(CHARACTERS,   "characters")        /* applied, entities or typographic quotes and blanks made plain */ \
	F(BLANK_LINES,  "blank_lines")       /* applied, blank lines ignored */ \
	F(ELIDED,       "elided")            /* applied, lines filled in where it says "..." */ \
	F(PART,         "part_of_line")      /* applied: SEARCH begins or ends inside of a line */ \
	F(WHOLE,        "whole_file")        /* applied: the answer has the file as a whole */ \
	F(CREATED,      "created")           /* empty SEARCH, a new file */ \
	F(REPEATED,     "repeated")          /* the same edit took before: nothing left to do */ \
	F(SUPERSEDED,   "superseded")        /* a draft: the answer takes it back and has a later edit of the same lines */ \
	F(NOT_FOUND,    "not_found")         /* from here on: did not apply */ \
	F(AMBIGUOUS,    "found_several")     /* edit.found times */ \
	F(UNKNOWN_FILE, "unknown_file") \
	F(NO_PATH,      "no_path")           /* no file is named anywhere near the block */ \
	F(UNCLOSED,     "unclosed")          /* the answer, or the next block, comes before the block's end */ \
	F(MALFORMED,    "malformed")         /* no ======= between SEARCH and REPLACE */ \
	F(UNCLEAR,      "unclear")           /* it leaves lines out, and which ones is not clear */ \
	F(SNIPPET,      "snippet")           /* code of a file, but neither all of it nor a word on where it goes */ \
	F(EXISTS,       "exists")            /* empty SEARCH for a file that is there and not empty */ \
	F(NO_CHANGE,    "no_change")         /* SEARCH and REPLACE are the same */

enum edit_fate {
#define F(sym, word) EDIT_##sym,
	EDIT_FATES(F)
#undef F
};
const char *edit_fate_word(enum edit_fate fate);
bool edit_fate_applied(enum edit_fate fate);

struct edit {
	char *named;                    /* the path as the answer wrote it, NULL if none; owned */
	char *path;                     /* the file of the repo it means, NULL if none; owned */
	char *search, *replace;         /* whole lines, LF only, each line with its LF; owned */
	enum edit_fate fate;
	int shift;                      /* columns, with EDIT_SHIFTED */
	int found;                      /* how often, with EDIT_AMBIGUOUS */
	struct edit_more *more;         /* other readings of the block, for edits_apply(); owned */
};

/* One file that edits touch. */
struct change {
	char *path;
	bool created;                   /* was not there before */
	bool deleted;                   /* is not there any more; after is empty */
	bool end_unsure;                /* whether the last line of before really ends in LF is not known */
	struct buf before, after;       /* whole contents */
};

struct edits {
	struct edit *at;
	size_t n;
	struct change *changes;         /* by first edit; after == before is possible */
	size_t n_changes;

	/* The files that the model was shown, set by the caller before edits_apply(), borrowed: a
	 * block without any name is for the one of them that contains its text, if one alone does. */
	char *const *shown;
	size_t n_shown;
};

/* Read every block of the text (thinking already cut) into ret->at. */
void edits_parse(const char *text, struct edits *ret);
/* Apply them in order, each on the result of those before, and fill fates and changes.  Returns
 * negative only if the repo cannot be read. */
int edits_apply(struct edits *edits, struct repo *repo, struct err *err);
size_t edits_applied(const struct edits *edits);        /* how many took */
void edits_done(struct edits *edits);

/* git's diff of the changes, one `diff --git` per file that differs, as `git apply` takes it; "" if
 * none. */
int patch_print(const struct change *changes, size_t n, struct buf *ret, struct err *err);

#endif
