/* SPDX-License-Identifier: MIT */
#ifndef STAGE_PLAN_H
#define STAGE_PLAN_H

#include <stdint.h>

#include "buf.h"
#include "err.h"

/*
 * What a step of `batchctl stage` works on: the rows of the dataset, the passes of each, and where the answers to
 * them lie.  Rows and answers stay in their files; only where they begin is kept.
 */
struct place {
	int64_t off;
	size_t len;             /* 0: not there */
};

struct stage_pass {
	char *custom_id;        /* owned */
	size_t row;
	int64_t k;
	struct place answer[2]; /* of stage 1 and 2, in the files of the plan */
};

struct stage_row {
	char *instance_id;      /* owned */
	struct place at;        /* in the normalised dataset */
	size_t first, n;        /* its passes */
};

struct stage_plan {
	struct stage_row *rows;         /* in the order of the dataset */
	size_t n_rows;
	struct stage_pass *passes;      /* by row, then by k */
	size_t n_passes;
	int rows_fd, answers_fd[2];     /* -1: none */
	size_t unknown;                 /* answers to custom_ids that are no pass of this dataset */
	char *first_unknown;            /* one of them; owned */
};

struct stage_input {
	const char *dataset;
	const char *answers[2];         /* output files of stage 1 and 2; NULL: none */
	int64_t passk;                  /* 0: the passes are those that the answers name */
	const char *start, *end;        /* the range of custom_ids; NULL: open */
};

/* BD_EINVALID, BD_EIO with file and line. */
int stage_plan_make(const struct stage_input *input, struct stage_plan *ret, struct err *err);
void stage_plan_done(struct stage_plan *plan);

#endif
