/* SPDX-License-Identifier: MIT */
#ifndef STAGE_RUN_H
#define STAGE_RUN_H

#include <pthread.h>

#include "files.h"
#include "rollout.h"
#include "stage_plan.h"

/*
 * A step over all rows on several threads, with an output that does not hang on how many they are.
 *
 * A thread takes the next row and writes into buffers of its own.  What they hold goes out when all rows before
 * it are out; a thread with much in them waits for that, so memory does not grow with the passes.  The row whose turn
 * it is is always in some thread's hands: nobody waits in a circle.
 */
struct stage_run;

/* One row in a thread's hands. */
struct stage_turn {
	struct stage_run *run;
	size_t row;
	struct buf lines;       /* requests, or output.jsonl */
	struct buf failures;    /* failures.jsonl */
	struct buf processed;   /* output_<k>_processed...jsonl, all k */
	struct stage_line { int64_t k; size_t len; } *index;    /* of processed */
	size_t n_index;
	struct file_group *samples;     /* files of its passes that are not under their names yet; NULL: none */
	size_t n_samples;
	struct buf answers[2];
};

/* A place to count why passes failed. */
struct stage_reason {
	char *word;
	size_t count;
};

struct stage_run {
	const struct rollout *rollout;
	struct stage_plan *plan;
	/* The step: all passes of a row whose instance is open. */
	int (*step)(struct stage_turn *turn, struct instance *in, struct err *err);
	const char *name;               /* of the step, for the progress line */
	char *samples_dir;              /* NULL: none */
	struct file_out *lines, *failures;      /* NULL: none */
	FILE *spool;                    /* processed lines on their way; NULL: none */
	struct { int64_t k, off; size_t len; } *spooled;
	size_t n_spooled;
	int64_t spool_off;

	pthread_mutex_t lock;           /* guards all below, the files, and the counts */
	pthread_cond_t turned;          /* `written` moved, or rc is set */
	size_t next, written;           /* rows taken, rows out */
	size_t done, failed, unopened;  /* passes, passes, instances */
	struct stage_reason *reasons;
	size_t n_reasons;
	bool progress;
	int64_t progress_ms;
	int rc;
	struct err err;
};

/* Runs it on so many threads; the first error that is nobody's pass ends it. */
int stage_run(struct stage_run *run, int threads, struct err *err);
void stage_run_done(struct stage_run *run);

/* The answer of a pass at a stage, borrowed until the next call; 0 long if it is not there. */
int stage_answer(struct stage_turn *turn, const struct stage_pass *pass, int stage, struct span *ret,
                 struct err *err);
void stage_pass_done(struct stage_turn *turn);
/* A line of failures.jsonl, counted by its reason. */
void stage_pass_failed(struct stage_turn *turn, const struct stage_pass *pass, int stage,
                       const char *reason, const char *details);
/* Call behind each pass: hands out what has gathered. */
int stage_pass_end(struct stage_turn *turn, struct err *err);

#endif
