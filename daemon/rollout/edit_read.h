/* SPDX-License-Identifier: MIT */
#ifndef EDIT_READ_H
#define EDIT_READ_H

#include "edit_mend.h"

/* A block read in the way that fits a file. */
struct reading {
	struct elines body, inner;      /* of the block; the latter without the block's own indentation */
	struct run search, replace;     /* into one of these */
	size_t n_divider;               /* of the dividers; SIZE_MAX: no reading was found */
	struct place place;
	bool in_base;                   /* place is in the file as it was before all edits */
	size_t several;                 /* with in_base: how often it is in the file as it is */
	enum mend mend;                 /* what was undone */
	struct elines made, made_too;   /* search and replace then */
	size_t skipped;                 /* lines of REPLACE that are the divider once more */
	bool has_lead;                  /* of the block */
	bool unclear;                   /* REPLACE leaves lines out, and which is not known */
};

/*
 * The reading of e that fits: as it stands in `lines`; else, if these are no more the file that the
 * model saw (dirty), in `base`.  place.found says how often; 0: no reading fits.  The block must
 * outlive ret, and so must the arena, which takes bytes that are made.
 */
void reading_find(const struct edit *e, const struct elines *base, const struct elines *lines, bool dirty,
                  struct arena *arena, struct reading *ret);
void reading_done(struct reading *r);

/* May SEARCH be empty? */
bool reading_may_be_new(const struct edit *e);
/* The lines of the new file.  Bytes are the block's. */
void reading_new_file(struct edit *e, struct elines *ret);

/* The same for the same block; not exactly: whatever blanks are around its lines. */
uint64_t reading_key(const struct edit *e, bool exactly);

#endif
