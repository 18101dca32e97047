/* SPDX-License-Identifier: MIT */
#include "pass_store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "mem.h"
#include "stmt.h"

/* False: there are too many different ones, they have to be flushed first. */
static bool tally_reason(struct tally *t, char kind, const char *reason, int64_t n)
{
	char word[sizeof t->reasons[0].reason];

	snprintf(word, sizeof word, "%s", reason);
	for (size_t i = 0; i < t->n_reasons; i++)
		if (t->reasons[i].kind == kind && strcmp(t->reasons[i].reason, word) == 0) {
			t->reasons[i].n += n;
			return true;
		}
	if (t->n_reasons == sizeof t->reasons / sizeof t->reasons[0])
		return false;
	t->reasons[t->n_reasons].kind = kind;
	t->reasons[t->n_reasons].n = n;
	memcpy(t->reasons[t->n_reasons++].reason, word, sizeof word);
	return true;
}

static int flush_reasons(struct db *db, struct tally *t, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < t->n_reasons; i++) {
		STMT(st, db, reason_add);
		stmt_bind_int(&st, ":job", t->job);
		stmt_bind_text(&st, ":kind", t->reasons[i].kind == 'f' ? "failed" : "again");
		stmt_bind_text(&st, ":reason", t->reasons[i].reason);
		stmt_bind_int(&st, ":n", t->reasons[i].n);
		rc = stmt_finish(&st, err);
	}
	t->n_reasons = 0;
	return rc;
}

static int flush_costs(struct db *db, struct tally *t, struct err *err)
{
	STMT(st, db, job_add_costs);
	stmt_bind_int(&st, ":id", t->job);
	stmt_bind_int(&st, ":prompt", t->prompt);
	stmt_bind_int(&st, ":completion", t->completion);
	stmt_bind_int(&st, ":cached", t->cached);
	stmt_bind_int(&st, ":reasoning", t->reasoning);
	stmt_bind_int(&st, ":parses", t->parses);
	stmt_bind_int(&st, ":bytes_read", t->bytes_read);
	stmt_bind_int(&st, ":spools", t->spools);
	return stmt_finish(&st, err);
}

int tally_flush(struct db *db, struct tally *t, struct err *err)
{
	int rc = flush_reasons(db, t, err);

	for (int stage = 1; stage <= STAGES_MAX; stage++)
		for (int s = 0; rc == 0 && s < PASS_STATE_COUNT; s++) {
			if (t->n[stage][s] == 0)
				continue;
			STMT(st, db, count_add);
			stmt_bind_int(&st, ":job", t->job);
			stmt_bind_int(&st, ":stage", stage);
			stmt_bind_text(&st, ":state", pass_state_name((enum pass_state)s));
			stmt_bind_int(&st, ":n", t->n[stage][s]);
			rc = stmt_finish(&st, err);
		}
	if (rc == 0 && (t->prompt | t->completion | t->cached | t->reasoning | t->parses | t->bytes_read |
	                t->spools) != 0)
		rc = flush_costs(db, t, err);
	*t = (struct tally){ .job = t->job };
	return rc;
}

static void now_ready(struct tally *t, int stage, int64_t first)
{
	if (t->ready_from[stage] == 0 || first + 1 < t->ready_from[stage])
		t->ready_from[stage] = first + 1;
}

/* Every move of passes, n of them from `first` on, goes through here: the table allows it, the sums follow it. */
static void moved(struct tally *t, int stage, int64_t first, enum pass_state from, enum pass_state to, int64_t n)
{
	assert(pass_may_move(from, to));
	t->n[stage][from] -= n;
	t->n[stage][to] += n;
	if (to == PASS_READY && n > 0)
		now_ready(t, stage, first);
}

static void bind_pass(struct stmt *st, const struct tally *t, int stage, int64_t n)
{
	stmt_bind_int(st, ":job", t->job);
	stmt_bind_int(st, ":stage", stage);
	stmt_bind_int(st, ":n", n);
}

static void bind_run(struct stmt *st, const struct tally *t, int stage, int64_t first, int64_t last)
{
	stmt_bind_int(st, ":job", t->job);
	stmt_bind_int(st, ":stage", stage);
	stmt_bind_int(st, ":first", first);
	stmt_bind_int(st, ":last", last);
}

/* Finish an UPDATE of n rows, from pass `first` on, that must all have been in the state they were taken to be in. */
static int finish_run(struct stmt *st, struct tally *t, int stage, int64_t first, int64_t n, enum pass_state from,
                      enum pass_state to, struct err *err)
{
	int rc = stmt_finish(st, err);

	if (rc < 0)
		return rc;
	if (stmt_changes(st) != n)
		return err_set(err, BD_EINTERNAL, "pass %lld of job %lld at stage %d, or one of the %lld behind it, is not %s",
		               (long long)first, (long long)t->job, stage, (long long)n - 1, pass_state_name(from));
	moved(t, stage, first, from, to, n);
	return 0;
}

static int finish_move(struct stmt *st, struct tally *t, int stage, int64_t n, enum pass_state from,
                       enum pass_state to, struct err *err)
{
	return finish_run(st, t, stage, n, 1, from, to, err);
}

static int count_reason(struct db *db, struct tally *t, char kind, const char *reason, int64_t n, struct err *err)
{
	if (tally_reason(t, kind, reason, n))
		return 0;
	int rc = flush_reasons(db, t, err);
	if (rc == 0)
		(void)tally_reason(t, kind, reason, n);
	return rc;
}

int pass_insert(struct db *db, struct tally *t, int stage, int64_t n, struct err *err)
{
	STMT(st, db, pass_insert);
	bind_pass(&st, t, stage, n);
	int rc = stmt_finish(&st, err);
	if (rc == 0) {
		t->n[stage][PASS_READY]++;
		now_ready(t, stage, n);
	}
	return rc;
}

int pass_insert_run(struct db *db, struct tally *t, int stage, int64_t first, int64_t n, struct err *err)
{
	STMT(st, db, pass_insert_run);
	bind_run(&st, t, stage, first, first + n - 1);
	int rc = stmt_finish(&st, err);
	if (rc == 0) {
		t->n[stage][PASS_READY] += n;
		now_ready(t, stage, first);
	}
	return rc;
}

int pass_batched(struct db *db, struct tally *t, int stage, int64_t first, int64_t n, int64_t batch, struct err *err)
{
	STMT(st, db, pass_to_batched);
	bind_run(&st, t, stage, first, first + n - 1);
	stmt_bind_int(&st, ":batch", batch);
	return finish_run(&st, t, stage, first, n, PASS_READY, PASS_BATCHED, err);
}

static int to_answered(struct db *db, struct tally *t, int stage, int64_t first, int64_t n, enum pass_state to,
                       const char *reason, const struct line_ref *answers, struct err *err)
{
	STMT(st, db, pass_to_answered);
	bind_run(&st, t, stage, first, first + n - 1);
	stmt_bind_text(&st, ":state", pass_state_name(to));
	stmt_bind_text(&st, ":reason", reason);
	stmt_bind_int(&st, ":batch", answers->batch);
	stmt_bind_ints(&st, ":answers", &answers->batch);
	return finish_run(&st, t, stage, first, n, PASS_BATCHED, to, err);
}

int pass_answered(struct db *db, struct tally *t, int stage, int64_t first, int64_t n, enum pass_state to,
                  const struct line_ref *answers, struct err *err)
{
	return to_answered(db, t, stage, first, n, to, NULL, answers, err);
}

int pass_done(struct db *db, struct tally *t, int stage, int64_t n, const struct spool_ref *spool,
              const char *reason, const char *details, struct err *err)
{
	STMT(st, db, pass_to_done);
	bind_pass(&st, t, stage, n);
	if (spool != NULL && spool->spool > 0) {
		stmt_bind_int(&st, ":spool", spool->spool);
		stmt_bind_int(&st, ":spool_off", spool->off);
		stmt_bind_int(&st, ":out_len", spool->out_len);
		stmt_bind_int(&st, ":proc_len", spool->proc_len);
		if (t->spools < spool->spool)
			t->spools = spool->spool;
	}
	stmt_bind_text(&st, ":reason", reason);
	stmt_bind_text(&st, ":details", details);
	return finish_move(&st, t, stage, n, PASS_ANSWERED, PASS_DONE, err);
}

static int to_ready(struct db *db, struct tally *t, int stage, int64_t n, enum pass_state from, bool given_back,
                    const char *reason, const char *details, struct err *err)
{
	STMT(st, db, pass_to_ready);
	bind_pass(&st, t, stage, n);
	stmt_bind_text(&st, ":from", pass_state_name(from));
	stmt_bind_int(&st, ":given_back", given_back);
	stmt_bind_text(&st, ":reason", reason);
	stmt_bind_text(&st, ":details", details);
	return finish_move(&st, t, stage, n, from, PASS_READY, err);
}

int pass_again(struct db *db, struct tally *t, int stage, int64_t n, enum pass_state from,
               const char *reason, const char *details, struct err *err)
{
	int rc = to_ready(db, t, stage, n, from, false, reason, details, err);

	return rc < 0 ? rc : count_reason(db, t, 'a', reason, 1, err);
}

int pass_given_back(struct db *db, struct tally *t, int stage, int64_t n, struct err *err)
{
	return to_ready(db, t, stage, n, PASS_BATCHED, true, NULL, NULL, err);
}

static void bind_answer_or_null(struct stmt *st, const struct line_ref *answer)
{
	if (answer == NULL || answer->batch == 0) {
		stmt_bind_null(st, ":ans_batch");
		stmt_bind_null(st, ":kind");
		stmt_bind_null(st, ":off");
		stmt_bind_null(st, ":len");
		return;
	}
	stmt_bind_int(st, ":ans_batch", answer->batch);
	stmt_bind_int(st, ":kind", answer->kind);
	stmt_bind_int(st, ":off", answer->off);
	stmt_bind_int(st, ":len", answer->len);
}

int pass_failed(struct db *db, struct tally *t, int stage, int64_t n, enum pass_state from,
                const char *reason, const char *details, const struct line_ref *answer, struct err *err)
{
	STMT(st, db, pass_to_failed);
	bind_pass(&st, t, stage, n);
	stmt_bind_text(&st, ":from", pass_state_name(from));
	stmt_bind_text(&st, ":reason", reason);
	stmt_bind_text(&st, ":details", details);
	bind_answer_or_null(&st, answer);
	int rc = finish_move(&st, t, stage, n, from, PASS_FAILED, err);
	return rc < 0 ? rc : count_reason(db, t, 'f', reason, 1, err);
}

int pass_retry(struct db *db, struct tally *t, int stage, int64_t n, enum pass_state from,
               enum pass_state to, const char *reason, struct err *err)
{
	STMT(st, db, pass_retry);
	bind_pass(&st, t, stage, n);
	stmt_bind_text(&st, ":from", pass_state_name(from));
	stmt_bind_text(&st, ":to", pass_state_name(to));
	int rc = finish_move(&st, t, stage, n, from, to, err);
	return rc < 0 || from != PASS_FAILED ? rc : count_reason(db, t, 'f', reason, -1, err);
}

int pass_cancel_run(struct db *db, struct tally *t, int stage, enum pass_state from, int64_t first, int64_t last,
                    struct err *err)
{
	STMT(st, db, pass_cancel_open);
	bind_run(&st, t, stage, first, last);
	stmt_bind_text(&st, ":from", pass_state_name(from));
	int rc = stmt_finish(&st, err);
	if (rc == 0)
		moved(t, stage, first, from, PASS_CANCELED, stmt_changes(&st));
	return rc;
}

int pass_canceled(struct db *db, struct tally *t, int stage, int64_t n, const struct line_ref *line, struct err *err)
{
	if (line != NULL && line->batch != 0)
		return to_answered(db, t, stage, n, 1, PASS_CANCELED, NULL, line, err);
	STMT(st, db, pass_to_canceled);
	bind_pass(&st, t, stage, n);
	return finish_move(&st, t, stage, n, PASS_BATCHED, PASS_CANCELED, err);
}

int pass_canceled_run(struct db *db, struct tally *t, int stage, int64_t first, int64_t n, const struct line_ref *answers,
                      struct err *err)
{
	return to_answered(db, t, stage, first, n, PASS_CANCELED, PASS_REASON_ANSWERED, answers, err);
}

int pass_release_batch(struct db *db, struct tally *t, int stage, int64_t batch, int64_t first, int64_t last,
                       struct err *err)
{
	STMT(st, db, pass_release_batch);
	bind_run(&st, t, stage, first, last);
	stmt_bind_int(&st, ":batch", batch);
	int rc = stmt_finish(&st, err);
	if (rc == 0)
		moved(t, stage, first, PASS_BATCHED, PASS_READY, stmt_changes(&st));
	return rc;
}
