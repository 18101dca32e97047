/* SPDX-License-Identifier: MIT */
#ifndef PASS_STORE_H
#define PASS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "job_store.h"
#include "pass_state.h"

/*
 * Moves of passes.  Each keeps the job's sums in a tally, which tally_flush() writes in the same transaction: rows and
 * sums never part.  What many passes in a row go through together is one statement for all of them, a run: n passes
 * from `first` on.
 */
struct tally {
	int64_t job;
	int64_t n[STAGES_MAX + 1][PASS_STATE_COUNT];
	struct { char kind; char reason[64]; int64_t n; } reasons[16];  /* kind 'f'ailed or 'a'gain */
	size_t n_reasons;
	int64_t prompt, completion, cached, reasoning, parses, bytes_read, spools;
	int64_t ready_from[STAGES_MAX + 1];     /* 1 + the first pass that became READY; 0: none did */
};
/* Adds what is in the tally to the sums, and empties it. */
int tally_flush(struct db *db, struct tally *t, struct err *err);

/* Where a line stands in a batch's file: kind 0 output, 1 errors. */
struct line_ref {
	int64_t batch, kind, off, len;          /* batch 0: nowhere */
};

/* A new pass, or one that starts the stage afresh: READY. */
int pass_insert(struct db *db, struct tally *t, int stage, int64_t n, struct err *err);
/* New ones, all of a run. */
int pass_insert_run(struct db *db, struct tally *t, int stage, int64_t first, int64_t n, struct err *err);
int pass_batched(struct db *db, struct tally *t, int stage, int64_t first, int64_t n, int64_t batch, struct err *err);
/* BATCHED to ANSWERED, or to DONE where an answer is all (raw); answers: one for each of the run, all of one batch. */
int pass_answered(struct db *db, struct tally *t, int stage, int64_t first, int64_t n, enum pass_state to,
                  const struct line_ref *answers, struct err *err);
struct spool_ref { int64_t spool, off, out_len, proc_len; };            /* spool 0: none */
/* ANSWERED to DONE; reason NULL, or "partial" */
int pass_done(struct db *db, struct tally *t, int stage, int64_t n, const struct spool_ref *spool,
              const char *reason, const char *details, struct err *err);
/* Back to READY: asked again for that reason. */
int pass_again(struct db *db, struct tally *t, int stage, int64_t n, enum pass_state from,
               const char *reason, const char *details, struct err *err);
/* Back to READY as if never sent. */
int pass_given_back(struct db *db, struct tally *t, int stage, int64_t n, struct err *err);
/* answer may be NULL; else the error line that says so. */
int pass_failed(struct db *db, struct tally *t, int stage, int64_t n, enum pass_state from,
                const char *reason, const char *details, const struct line_ref *answer, struct err *err);
/* FAILED or CANCELED to READY, attempts from 0; or to ANSWERED where the answer is there and only has to be judged
 * again.  reason: why it had failed (its count goes down). */
int pass_retry(struct db *db, struct tally *t, int stage, int64_t n, enum pass_state from,
               enum pass_state to, const char *reason, struct err *err);
/* Why a CANCELED pass need not be asked again: its answer is there, not judged yet.  queries.sql has it too. */
#define PASS_REASON_ANSWERED "answered"
/* READY or ANSWERED ones to CANCELED: those among first..last. */
int pass_cancel_run(struct db *db, struct tally *t, int stage, enum pass_state from, int64_t first, int64_t last,
                    struct err *err);
/* BATCHED to CANCELED, keeping the line that came (NULL: none). */
int pass_canceled(struct db *db, struct tally *t, int stage, int64_t n, const struct line_ref *line, struct err *err);
/* The same with answers to go on from at a retry. */
int pass_canceled_run(struct db *db, struct tally *t, int stage, int64_t first, int64_t n, const struct line_ref *answers,
                      struct err *err);
/* All of a batch that was never sent: BATCHED to READY. */
int pass_release_batch(struct db *db, struct tally *t, int stage, int64_t batch, int64_t first, int64_t last,
                       struct err *err);

/* What is to be judged next, from pass n on. */
struct answered_pass {
	int64_t n, attempt;
	struct line_ref answer, before;         /* before: the answer of the stage before, batch 0 at stage 1 */
};
int pass_list_answered(struct db *db, int64_t job, int stage, int64_t from, size_t most,
                       struct answered_pass *ret, size_t *ret_n, struct err *err);
/* Looks at each pass from..last. */
int pass_any_ready(struct db *db, int64_t job, int stage, int64_t from, int64_t last, bool *ret, struct err *err);
int pass_last(struct db *db, int64_t job, int stage, int64_t *ret_n, struct err *err);     /* -1: there is none */
int pass_count_really(struct db *db, int64_t job, int stage, int64_t ret[PASS_STATE_COUNT], struct err *err);

/* Cursors for workers, on connections of their own. */
struct ready_pass {
	int64_t n, attempt;
	struct line_ref before;
};
typedef int (*ready_fn)(void *data, const struct ready_pass *p, struct err *err);       /* 1: stop */
/* From pass n = from up to last. */
int pass_each_ready(struct db *db, int64_t job, int stage, int64_t from, int64_t last, ready_fn each, void *data,
                    struct err *err);

struct member { int64_t n, attempt; };
/* Members of a batch not yet dealt with, by n; owned by the caller. */
int pass_of_batch(struct db *db, int64_t job, int stage, int64_t batch, int64_t first, int64_t last,
                  struct member **ret, size_t *ret_n, struct err *err);

struct pass_row {
	int64_t n, attempt;
	const char *instance_id;                /* valid during the callback */
	enum pass_state state;
	int64_t batch;                          /* the last one that it was sent in; 0: none */
	struct line_ref answer;
	struct spool_ref spool;
	const char *reason, *details;           /* "" if none */
};
typedef int (*pass_fn)(void *data, const struct pass_row *p, struct err *err);
int pass_each(struct db *db, int64_t job, int stage, int64_t passk, pass_fn each, void *data, struct err *err);

struct retry_pass { int64_t n; enum pass_state state; char reason[64]; bool answered; };
/* FAILED and CANCELED ones of a range; owned by the caller. */
int pass_list_retry(struct db *db, int64_t job, int stage, int64_t first, int64_t last,
                    struct retry_pass **ret, size_t *ret_n, struct err *err);

#endif
