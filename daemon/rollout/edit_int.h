/* SPDX-License-Identifier: MIT */
#ifndef EDIT_INT_H
#define EDIT_INT_H

#include <stdint.h>

#include "answer_names.h"
#include "edit.h"

/*
 * Inside the editor.  Read by edit_parse.c (blocks), edit_diff.c (unified diffs and the like) and
 * edit_hint.c (which file a block means); applied by edit_apply.c over edit_match.c (where it fits)
 * and edit_splice.c (what comes out).
 */

/* --- what a block may mean ------------------------------------------------------------ */

/* A file that a block may be for, as the text around it says. */
struct hint {
	char *name;             /* owned */
	enum name_kind kind;    /* how it is named */
	bool firm;              /* named right at the block: no other file is meant */
};

#define EDIT_DIVIDERS 64        /* that are tried */

struct edit_more {
	struct hint *hints;
	size_t n_hints;
	char *body;             /* all lines between start and end, each with its LF */
	size_t body_len;
	size_t *dividers;       /* lines of the body that may be the divider: SEARCH before it, REPLACE behind */
	size_t n_dividers;
	char *indent;           /* the blanks in front of the block's first line, "" if none */
	size_t line;            /* of the file (from 1) where it says that it belongs, 0 if it does not */
	bool has_lead;          /* the first line stood on the start marker: a line of SEARCH, perhaps */
	char *raw;              /* of a hunk: the body if its context has no blank in front, NULL else; owned */
	size_t raw_len;
	bool in_line;           /* written by a program's rules: SEARCH may begin and end inside of lines */
	bool is_diff;           /* a hunk of one: what it names is a file for certain */
	bool whole;             /* REPLACE is the whole file; has_lead: its first line may be the file's name */
	bool says_new;          /* of a new file */
	bool anew;              /* it says that what came before is not valid */
	bool deletes;           /* a diff that removes the file */
	bool keyed;             /* the keys are made */
	uint64_t key_exact, key_loose;
};

struct edit *edits_add(struct edits *edits);    /* zeroed, with ->more */
/* One whose halves are known: the body's line `divider` is the divider.  Takes the body's bytes. */
struct edit *edit_add_body(struct edits *edits, struct buf *body, size_t divider);
/* One whose REPLACE is the whole file, or at least may be. */
struct edit *edit_add_whole(struct edits *edits, struct span content);
void edit_more_done(struct edit *e);            /* frees ->more */
void edit_done(struct edit *e);
void edit_hint_add(struct edit *e, struct span name, enum name_kind kind, bool firm);
/* Sets search and replace by the n-th divider, which takes so many more lines behind it. */
void edit_set_split(struct edit *e, size_t n, size_t skipped);

/* The first number in it, 0 if there is none. */
size_t edit_line_number(struct span s);

/* gap: the text between the block before and this one.  on_mark: what stands on the start marker
 * itself. */
void edit_hints_read(struct edit *e, struct span gap, struct span on_mark);

/* The text with blocks in disguise (quoted, as tags, ...) written as plain ones; false, and nothing added: there are none. */
bool edit_forms_rewrite(struct span text, struct buf *ret);
bool edit_tags_rewrite(struct span text, struct buf *ret);      /* <search>..</search><replace>..</replace> */
bool edit_labels_rewrite(struct span text, struct buf *ret);    /* "Before:", a fence, "After:", a fence */
/* Lists of edits as JSON, in fences or not: how many were added. */
size_t edits_parse_json(struct span text, struct edits *ret);
/* Fences that may be whole files. */
void edits_parse_whole(struct span text, struct edits *ret);
/* Unified diffs, and the "*** Update File:" form, of a text without SEARCH/REPLACE blocks. */
void edits_parse_diffs(struct span text, struct edits *ret);

int edits_apply_to(struct edits *edits, const struct source *src, struct err *err);

/* --- lines ---------------------------------------------------------------------------- */

enum line_end { END_NONE, END_LF, END_CRLF };

#define ORIGIN_NEW UINT32_MAX

/* A line of a file or of an edit.  Bytes are borrowed. */
struct eline {
	const char *at;
	uint32_t len;           /* without its end */
	uint32_t indent;        /* bytes of blanks and tabs in front; len if it is blank */
	uint32_t solid;         /* len without blanks at the end; 0 if it is blank */
	uint32_t origin;        /* its index in the file as it was before all edits, or ORIGIN_NEW */
	uint32_t by;            /* 1 + the edit that last went over it; 0: none */
	uint64_t key;           /* of the bytes from indent to solid */
	enum line_end end;
};

struct elines {
	struct eline *at;
	size_t n, cap;
};

void elines_read(struct elines *ls, struct span text);
void eline_add(struct elines *ls, struct span line, enum line_end end);
void eline_copy(struct elines *ls, const struct eline *l);      /* bytes are those of l */
void elines_print(const struct elines *ls, struct buf *ret);
void elines_done(struct elines *ls);
static inline bool eline_is_blank(const struct eline *l) { return l->solid == 0; }
bool eline_same(const struct eline *a, const struct eline *b);          /* byte for byte, ends aside */
bool eline_same_solid(const struct eline *a, const struct eline *b);    /* blanks at the end aside */
bool eline_same_key(const struct eline *a, const struct eline *b);      /* blanks at both ends aside */

/* Memory of lines that were made; freed with the file. */
struct arena {
	char **at;
	size_t n;
};
char *arena_bytes(struct arena *a, size_t n);
void arena_move(struct arena *to, struct arena *from);  /* from is empty then */
void arena_done(struct arena *a);

/* --- where it fits -------------------------------------------------------------------- */

enum fit {
	FIT_EXACT,
	FIT_TRAILING,           /* blanks at line ends aside */
	FIT_SHIFTED,            /* all lines by the same indentation */
	FIT_UNITS,              /* tabs in one, so many blanks for each in the other; or half as many blanks */
	FIT_FIRST,              /* the first line has lost its indentation, all others are right */
	FIT_LEVELS
};

/* A run of lines of an edit. */
struct run {
	const struct eline *at;
	size_t n;
};

/* The indentation between file and answer: file = add + answer, or answer = cut + file. */
struct shift {
	const char *add, *cut;  /* borrowed from a line, not NUL-terminated */
	uint32_t n_add, n_cut;
	uint32_t unit;          /* FIT_UNITS: blanks of a tab */
	bool to_tabs;           /* the file has the tabs */
	uint32_t times, parts;  /* FIT_UNITS, blanks on both sides: the file has so many for so many of the answer; 0: tabs */
};

struct place {
	enum fit fit;
	size_t found;           /* how often at that level; 0: nowhere */
	size_t at;              /* line of the file, if found == 1 */
	struct shift shift;     /* FIT_SHIFTED and beyond */
};

/* The strictest level at which search is found in the file, and how often. */
void place_find(const struct elines *file, struct run search, struct place *ret);

/* --- what comes out ------------------------------------------------------------------- */

/* How replace lines up with search: for each line of replace the line of search it keeps, or
 * SIZE_MAX. */
#define KEEPS_NONE SIZE_MAX
size_t *lines_align(struct run search, struct run replace);     /* owned by the caller */

/*
 * The lines of file that come in place of [place->at, +search.n): lines that search and replace have in common keep
 * the file's bytes.  False if a line of replace cannot be shifted as search is.
 */
bool lines_make(const struct elines *file, const struct place *place, struct run search, struct run replace,
                struct arena *arena, struct elines *ret);
void elines_splice(struct elines *file, size_t at, size_t n, const struct elines *with);

/*
 * The same edit found in the file as it was before all edits (base), merged into what they have
 * made of it: only the lines that it changes must still be there.  False if they are not, or the
 * place is not clear.
 */
bool lines_merge(const struct elines *base, const struct place *place, struct run search, struct run replace,
                 struct arena *arena, struct elines *file);

#endif
