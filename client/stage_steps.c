/* SPDX-License-Identifier: MIT */
#include "stage_steps.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"

#define MISSING "missing_in_results"             /* the output file has no line for the pass */

int step_gen1(struct stage_turn *turn, struct instance *in, struct err *err)
{
	const struct stage_plan *plan = turn->run->plan;
	const struct stage_row *row = &plan->rows[turn->row];
	int rc = 0;

	for (size_t i = row->first; rc == 0 && i < row->first + row->n; i++) {
		const struct stage_pass *p = &plan->passes[i];

		rc = instance_request(in, 1, p->k, p->custom_id, (struct span){ NULL, 0 }, &turn->lines, err);
		if (rc == 0) {
			stage_pass_done(turn);
			rc = stage_pass_end(turn, err);
		}
	}
	return rc;
}

/* Is stage 1's answer good?  If not, the pass has failed.  Negative: trouble that is not the answer's. */
static int check_stage1(struct stage_turn *turn, struct instance *in, const struct stage_pass *p, struct span line,
                        bool *ret_good, struct err *err)
{
	struct judgement j = { 0 };
	int rc = 0;

	*ret_good = false;
	if (line.len == 0) {
		stage_pass_failed(turn, p, 1, MISSING, "no line in the output file");
		return 0;
	}
	rc = instance_check(in, 1, line, &j, err);
	if (rc < 0)
		return rc;
	if (!j.usable)
		stage_pass_failed(turn, p, 1, answer_fault_word(j.fault), j.details);
	*ret_good = j.usable;
	return 0;
}

int step_gen2(struct stage_turn *turn, struct instance *in, struct err *err)
{
	const struct stage_plan *plan = turn->run->plan;
	const struct stage_row *row = &plan->rows[turn->row];
	int rc = 0;

	for (size_t i = row->first; rc == 0 && i < row->first + row->n; i++) {
		const struct stage_pass *p = &plan->passes[i];
		struct span line = { NULL, 0 };
		bool good = false;

		rc = stage_answer(turn, p, 1, &line, err);
		if (rc == 0)
			rc = check_stage1(turn, in, p, line, &good, err);
		if (rc == 0 && good) {
			rc = instance_request(in, 2, p->k, p->custom_id, line, &turn->lines, err);
			if (rc == 0)
				stage_pass_done(turn);
		}
		if (rc == 0)
			rc = stage_pass_end(turn, err);
	}
	return rc;
}

/* One of a pass's own files; what an earlier run left is gone if there is nothing now. */
static int put_own(struct stage_turn *turn, const char *custom_id, const char *suffix, const struct buf *text, struct err *err)
{
	const char *dir = turn->run->samples_dir;
	char *path = mem_printf("%s/%s%s", dir, custom_id, suffix);
	int rc = 0;

	if (text->len > 0) {
		if (turn->samples == NULL)
			turn->samples = file_group_new(dir);
		turn->n_samples++;
		rc = file_group_add(turn->samples, path, text->at, text->len, err);
	} else {
		unlink(path);
	}
	free(path);
	return rc;
}

static int put_sample(struct stage_turn *turn, const struct stage_pass *p, const struct sample *s, struct err *err)
{
	const struct stage_run *run = turn->run;
	const char *suffix = rollout_product_suffix(run->rollout);
	int rc = put_own(turn, p->custom_id, ".jsonl", &s->record, err);

	if (rc == 0 && suffix != NULL)
		rc = put_own(turn, p->custom_id, suffix, &s->product, err);
	if (rc < 0)
		return rc;
	if (!s->judgement.usable) {
		stage_pass_failed(turn, p, 2, answer_fault_word(s->judgement.fault), s->judgement.details);
		return 0;
	}
	buf_add_span(&turn->lines, buf_span(&s->output));
	if (s->processed.len > 0) {
		turn->index = mem_grow(turn->index, turn->n_index + 1, sizeof *turn->index);
		turn->index[turn->n_index++] = (struct stage_line){ p->k, s->processed.len };
		buf_add_span(&turn->processed, buf_span(&s->processed));
	}
	stage_pass_done(turn);
	return 0;
}

static int sample_pass(struct stage_turn *turn, struct instance *in, const struct stage_pass *p, struct err *err)
{
	struct span line1 = { NULL, 0 }, line2 = { NULL, 0 };
	struct sample s = { 0 };
	bool good = true;
	int rc = stage_answer(turn, p, 1, &line1, err);

	if (rc == 0)
		rc = stage_answer(turn, p, 2, &line2, err);
	if (rc == 0 && line2.len == 0) {
		if (turn->run->plan->answers_fd[0] >= 0)
			rc = check_stage1(turn, in, p, line1, &good, err);
		if (rc == 0 && good)
			stage_pass_failed(turn, p, 2, MISSING, "no line in the output file");
		return rc;
	}
	if (rc == 0)
		rc = instance_sample(in, p->k, p->custom_id, line1, line2, &s, err);
	if (rc == 0)
		rc = put_sample(turn, p, &s, err);
	sample_done(&s);
	return rc;
}

int step_samples(struct stage_turn *turn, struct instance *in, struct err *err)
{
	const struct stage_plan *plan = turn->run->plan;
	const struct stage_row *row = &plan->rows[turn->row];
	int rc = 0;

	for (size_t i = row->first; rc == 0 && i < row->first + row->n; i++) {
		rc = sample_pass(turn, in, &plan->passes[i], err);
		if (rc == 0)
			rc = stage_pass_end(turn, err);
	}
	return rc;
}

/* --- output_<k>_processed...jsonl ------------------------------------------------------------------------- */

static int write_one(struct stage_run *run, const char *save_dir, int64_t k, struct err *err)
{
	char *name = rollout_processed_name(run->rollout, k), *path = path_join(save_dir, name);
	struct file_out *f = NULL;
	struct buf b = { 0 };
	int rc = file_create(path, 0644, &f, err);

	for (size_t i = 0; rc == 0 && i < run->n_spooled; i++) {
		if (run->spooled[i].k != k)
			continue;
		buf_reset(&b);
		rc = file_get_range(fileno(run->spool), run->spooled[i].off, run->spooled[i].len, &b, err);
		if (rc == 0)
			rc = file_write(f, b.at, b.len, err);
	}
	if (rc == 0)
		rc = file_commit(f, err);
	else
		file_abandon(f);
	buf_done(&b);
	free(path);
	free(name);
	return rc;
}

int step_write_processed(struct stage_run *run, const char *save_dir, struct err *err)
{
	int64_t last = -1;
	int rc = 0;

	if (run->spool == NULL)
		return 0;
	if (fflush(run->spool) != 0)
		return err_sys(err, BD_EIO, "temporary file");
	for (size_t i = 0; i < run->plan->n_passes; i++)
		last = run->plan->passes[i].k > last ? run->plan->passes[i].k : last;
	for (int64_t k = 0; rc == 0 && k <= last; k++)
		rc = write_one(run, save_dir, k, err);
	return rc;
}
