/* SPDX-License-Identifier: MIT */
#ifndef EDIT_MEND_H
#define EDIT_MEND_H

#include "edit_int.h"

/*
 * What models do to the text of a file besides its blanks, undone: where a block fits nowhere as it stands, each of
 * these makes another SEARCH and REPLACE of it, which then must fit as strictly as any other.
 */
#define MENDS(M) \
	M(NONE) \
	M(NUMBERS)      /* line numbers in front of the lines */ \
	M(CHARACTERS)   /* HTML's entities, typographic quotes and dashes, blanks beyond ASCII */ \
	M(BLANK_LINES)  /* blank lines left out or added */ \
	M(ELIDED)       /* "..." for lines that stay as they are */ \
	M(PART)         /* the first line's beginning or the last one's end left out */

enum mend {
#define M(sym) MEND_##sym,
	MENDS(M)
#undef M
};

/* The block anew.  Bytes are borrowed from the block, the file and the arena. */
struct mended {
	struct elines search, replace;
	struct arena arena;
	struct place place;
};

void mended_done(struct mended *m);

/*
 * Some mend after which s fits the file; *ret_mend is MEND_NONE if there is none.  more: of the block, for the line where
 * it says that it belongs, which tells between several places, and whether it may begin inside of one.
 */
void mend_find(const struct elines *file, struct run s, struct run p, const struct edit_more *more, enum mend *ret_mend,
               struct mended *ret);

/* The line without entities and typographic characters, added to ret; true if it had some. */
bool eline_plain(const struct eline *l, struct arena *arena, struct elines *ret);

/* Of several places, the one at that line (from 1). */
void place_at_line(const struct elines *file, struct run s, size_t line, struct place *place);

/* --- edit_whole.c: does a text that is given for a file have all of it? ----------------- */
bool whole_is_complete(const struct elines *file, const struct elines *made);

/* --- edit_gaps.c ------------------------------------------------------------------------ */

/* s but for blank lines, whichever of them has them.  True if it is found, ret->place says how often. */
bool mend_blank_lines(const struct elines *file, struct run s, struct run p, struct mended *ret);
/* s with lines left out.  True if it is found. */
bool mend_elided(const struct elines *file, struct run s, struct run p, struct mended *ret);
/* Is it a comment that says it stands for code? */
bool eline_elides(const struct eline *l);
/*
 * "# ... existing code ..." in p alone, between lines that s has as well: what s has there.  True if such
 * a line was found and all of them are filled; *ret_unclear: one cannot be.
 */
bool mend_elided_replace(struct run s, struct run p, struct elines *ret, bool *ret_unclear);

#endif
