/* SPDX-License-Identifier: MIT */
#ifndef EDIT_JOB_H
#define EDIT_JOB_H

#include "edit_read.h"

/* The edits of one answer while they are applied: the files they have opened, and which file each
 * is for. */

/* A file as the edits have made it so far. */
struct target {
	char *path;
	struct buf before;
	struct elines base, lines;      /* as it was; as it is */
	struct arena arena;
	bool exists, existed;
	bool no_text;                   /* listed, but the source has no text of it */
	bool dirty, touched;
	size_t bom;                     /* bytes of a byte order mark in front, which no answer knows of */
};

#define CANDIDATES_MAX 24

struct candidate {
	const char *path;       /* borrowed from the source or a target */
	enum name_kind kind;
	const char *name;       /* as the answer has it, or NULL */
	bool carried;           /* the file of the edit before */
};

struct candidates {
	struct candidate at[CANDIDATES_MAX];
	size_t n;
	bool unknown;           /* a file is named that is not there */
};

struct job {
	struct edits *edits;
	const struct source *src;
	struct target **targets;        /* each on its own, so that pointers stay */
	size_t n;
	struct candidates *all;         /* every file that the answer names; NULL until asked for */
};

struct target *target_find(const struct job *job, const char *path);
/* The file, loaded at its first use; one that is not there exists as such. */
int target_get(struct job *job, const char *path, struct target **ret, struct err *err);
void job_done(struct job *job);

/* The files that edit i may be for; the first is the likeliest. */
void candidates_find(struct job *job, size_t i, struct candidates *ret);
/* For an edit without any name: the files of the list that stands above the edits before it; none if one file alone
 * was meant there. */
void candidates_listed(struct job *job, size_t i, struct candidates *ret);
/* For an edit of a file that is not there: the shown ones that only lie in another directory. */
void candidates_alike(struct job *job, size_t i, struct candidates *ret);
/* Every file that the answer's blocks name, and those the model was shown: for a block without any
 * name. */
const struct candidates *candidates_all(struct job *job);

/*
 * The file among the candidates, and how the edit reads there; strict: blanks at line ends are all that may
 * differ.  *ret_target is NULL if none contains it or several do (e->found tells); else ret is the caller's to end.
 */
int candidate_pick(struct job *job, struct edit *e, const struct candidates *c, bool strict,
                   struct target **ret_target, struct reading *ret, struct err *err);

#endif
