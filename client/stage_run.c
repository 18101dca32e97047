/* SPDX-License-Identifier: MIT */
#include "stage_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "mem.h"

#define GATHER_MAX (8u << 20)           /* bytes a thread keeps before it waits for its turn */
#define PROGRESS_MS 200
#define SAMPLES_MAX 512                 /* files that are synced together */

/* --- out ------------------------------------------------------------------------------------------ */

static int write_buf(struct file_out *f, struct buf *b, struct err *err)
{
	int rc = f != NULL && b->len > 0 ? file_write(f, b->at, b->len, err) : 0;

	buf_reset(b);
	return rc;
}

/* Lines for many files, of which only so many can be open at once: one behind the other, dealt out at the end. */
static int write_spool(struct stage_run *run, struct stage_turn *t, struct err *err)
{
	if (run->spool == NULL || t->processed.len == 0)
		return 0;
	if (fwrite(t->processed.at, 1, t->processed.len, run->spool) != t->processed.len)
		return err_sys(err, BD_EIO, "temporary file");
	for (size_t i = 0; i < t->n_index; i++) {
		if ((run->n_spooled & (run->n_spooled - 1)) == 0)
			run->spooled = mem_grow(run->spooled, run->n_spooled == 0 ? 1 : run->n_spooled * 2,
			                        sizeof *run->spooled);
		run->spooled[run->n_spooled].k = t->index[i].k;
		run->spooled[run->n_spooled].off = run->spool_off;
		run->spooled[run->n_spooled++].len = t->index[i].len;
		run->spool_off += (int64_t)t->index[i].len;
	}
	t->n_index = 0;
	buf_reset(&t->processed);
	return 0;
}

/* Under the lock, in turn. */
static int write_turn(struct stage_run *run, struct stage_turn *t, struct err *err)
{
	int rc = write_buf(run->lines, &t->lines, err);

	if (rc == 0)
		rc = write_buf(run->failures, &t->failures, err);
	if (rc == 0)
		rc = write_spool(run, t, err);
	return rc;
}

/* Under the lock: until all rows before this one are out. */
static void wait_for_turn(struct stage_run *run, size_t row)
{
	while (run->written < row && run->rc == 0)
		pthread_cond_wait(&run->turned, &run->lock);
}

/* Under the lock. */
static void show_progress(struct stage_run *run, bool last)
{
	int64_t now = clock_system()->now_ms(clock_system());

	if (!run->progress || (!last && now - run->progress_ms < PROGRESS_MS))
		return;
	run->progress_ms = now;
	fprintf(stderr, "\r%s: %zu of %zu instances, %zu passes, %zu failed\x1b[K%s", run->name, run->written,
	        run->plan->n_rows, run->done + run->failed, run->failed, last ? "\n" : "");
	fflush(stderr);
}

/* --- passes ------------------------------------------------------------------------------------------- */

int stage_answer(struct stage_turn *turn, const struct stage_pass *pass, int stage, struct span *ret,
                 struct err *err)
{
	const struct place *at = &pass->answer[stage - 1];
	struct buf *b = &turn->answers[stage - 1];
	int rc = 0;

	buf_reset(b);
	if (at->len > 0)
		rc = file_get_range(turn->run->plan->answers_fd[stage - 1], at->off, at->len, b, err);
	if (rc == 0)
		*ret = buf_span(b);
	return rc;
}

void stage_pass_done(struct stage_turn *turn)
{
	pthread_mutex_lock(&turn->run->lock);
	turn->run->done++;
	pthread_mutex_unlock(&turn->run->lock);
}

static void count_reason(struct stage_run *run, const char *word)
{
	size_t i = 0;

	pthread_mutex_lock(&run->lock);
	run->failed++;
	while (i < run->n_reasons && strcmp(run->reasons[i].word, word) != 0)
		i++;
	if (i == run->n_reasons) {
		run->reasons = mem_grow(run->reasons, i + 1, sizeof *run->reasons);
		run->reasons[run->n_reasons++] = (struct stage_reason){ mem_strdup(word), 0 };
	}
	run->reasons[i].count++;
	pthread_mutex_unlock(&run->lock);
}

void stage_pass_failed(struct stage_turn *turn, const struct stage_pass *pass, int stage,
                       const char *reason, const char *details)
{
	struct jw w = { .out = &turn->failures };

	count_reason(turn->run, reason);
	jw_obj(&w);
	jw_put_str(&w, "custom_id", pass->custom_id);
	jw_put_str(&w, "instance_id", turn->run->plan->rows[pass->row].instance_id);
	jw_put_int(&w, "stage", stage);
	jw_put_str(&w, "reason", reason);
	jw_put_str(&w, "details", details);
	jw_put_int(&w, "attempts", 1);
	jw_obj_end(&w);
	buf_add_char(&turn->failures, '\n');
}

int stage_pass_end(struct stage_turn *turn, struct err *err)
{
	struct stage_run *run = turn->run;
	int rc;

	if (turn->lines.len + turn->failures.len + turn->processed.len < GATHER_MAX)
		return 0;
	pthread_mutex_lock(&run->lock);
	wait_for_turn(run, turn->row);
	rc = run->rc < 0 ? err_set(err, run->rc, "stopped") : write_turn(run, turn, err);
	pthread_mutex_unlock(&run->lock);
	return rc;
}

/* --- rows ------------------------------------------------------------------------------------------------ */

static void fail_row(struct stage_turn *turn, const struct err *why)
{
	struct stage_run *run = turn->run;
	const struct stage_row *row = &run->plan->rows[turn->row];

	fprintf(stderr, "%sbatchctl: stage: %s: %s\n", run->progress ? "\r\x1b[K" : "", row->instance_id,
	        why->msg);
	for (size_t i = row->first; i < row->first + row->n; i++)
		stage_pass_failed(turn, &run->plan->passes[i], 1, "missing_repo", why->msg);
	pthread_mutex_lock(&run->lock);
	run->unopened++;
	pthread_mutex_unlock(&run->lock);
}

static int do_row(struct stage_turn *turn, struct err *err)
{
	struct stage_run *run = turn->run;
	const struct stage_row *row = &run->plan->rows[turn->row];
	struct instance *in = NULL;
	struct buf line = { 0 };
	struct err why = { 0 };
	int rc;

	if (row->n == 0)
		return 0;
	rc = file_get_range(run->plan->rows_fd, row->at.off, row->at.len, &line, err);
	if (rc == 0) {
		if (instance_open(run->rollout, buf_span(&line), NULL, &in, &why) < 0)
			fail_row(turn, &why);
		else
			rc = run->step(turn, in, err);
		instance_close(in);
	}
	buf_done(&line);
	return rc;
}

/* Takes the next row; false when there is none, or the run has failed. */
static bool take_row(struct stage_turn *turn)
{
	struct stage_run *run = turn->run;
	bool more;

	pthread_mutex_lock(&run->lock);
	more = run->rc == 0 && run->next < run->plan->n_rows;
	if (more)
		turn->row = run->next++;
	pthread_mutex_unlock(&run->lock);
	return more;
}

static void turn_done(struct stage_turn *t)
{
	buf_done(&t->lines);
	buf_done(&t->failures);
	buf_done(&t->processed);
	file_group_abandon(t->samples);
	buf_done(&t->answers[0]);
	buf_done(&t->answers[1]);
	free(t->index);
}

/* Samples get their names once there are many, or this was the last row. */
static int commit_samples(struct stage_turn *turn, size_t more_than, struct err *err)
{
	struct file_group *g = turn->samples;

	if (g == NULL || turn->n_samples <= more_than)
		return 0;
	turn->samples = NULL;
	turn->n_samples = 0;
	return file_group_commit(g, err);
}

static void note_failure(struct stage_run *run, int rc, const struct err *err)
{
	if (rc >= 0 || run->rc != 0)
		return;
	run->rc = rc;
	run->err = *err;
}

static void *work(void *data)
{
	struct stage_turn turn = { .run = data };
	struct stage_run *run = data;

	while (take_row(&turn)) {
		struct err err = { 0 };
		int rc = do_row(&turn, &err);

		if (rc == 0)
			rc = commit_samples(&turn, SAMPLES_MAX, &err);
		pthread_mutex_lock(&run->lock);
		wait_for_turn(run, turn.row);
		if (rc == 0 && run->rc == 0)
			rc = write_turn(run, &turn, &err);
		note_failure(run, rc, &err);
		run->written++;
		show_progress(run, false);
		pthread_cond_broadcast(&run->turned);
		pthread_mutex_unlock(&run->lock);
	}
	struct err err = { 0 };
	int rc = commit_samples(&turn, 0, &err);

	pthread_mutex_lock(&run->lock);
	note_failure(run, rc, &err);
	pthread_mutex_unlock(&run->lock);
	turn_done(&turn);
	return NULL;
}

int stage_run(struct stage_run *run, int threads, struct err *err)
{
	pthread_t *at = mem_zero((size_t)threads, sizeof *at);
	int n = 0;

	pthread_mutex_init(&run->lock, NULL);
	pthread_cond_init(&run->turned, NULL);
	while (n < threads && pthread_create(&at[n], NULL, work, run) == 0)
		n++;
	if (n == 0)
		work(run);
	for (int i = 0; i < n; i++)
		pthread_join(at[i], NULL);
	show_progress(run, true);
	pthread_cond_destroy(&run->turned);
	pthread_mutex_destroy(&run->lock);
	free(at);
	if (run->rc < 0 && err != NULL)
		*err = run->err;
	return run->rc;
}

void stage_run_done(struct stage_run *run)
{
	for (size_t i = 0; i < run->n_reasons; i++)
		free(run->reasons[i].word);
	free(run->reasons);
	free(run->spooled);
	free(run->samples_dir);
	if (run->spool != NULL)
		fclose(run->spool);
	file_abandon(run->lines);
	file_abandon(run->failures);
}
