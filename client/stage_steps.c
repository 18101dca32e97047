/* SPDX-License-Identifier: MIT */
#include "stage_steps.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "mem.h"

#define MISSING "missing_in_results"             /* the output file has no line for the pass */

/* --- lines that hold an error of the endpoint --------------------------------------------------------- */

struct line_error {
	char reason[64];                /* its code as a word, or http_<status>; "": the line holds no error */
	char details[256];
};

static void set_word(struct line_error *e, const char *code)
{
	size_t n = 0;

	for (; code[n] != '\0' && n + 1 < sizeof e->reason; n++) {
		unsigned char c = (unsigned char)code[n];

		e->reason[n] = isalnum(c) || c == '_' || c == '.' || c == '-' ? (char)tolower(c) : '_';
	}
	e->reason[n] = '\0';
}

/* {"error":{"code","message"}} beside the response or in its body, or a status that is no success. */
static void line_error_read(struct span line, struct line_error *ret)
{
	struct json *v = NULL;
	const struct json *response, *error;
	const char *code, *message;
	int64_t status;

	*ret = (struct line_error){ .reason = "" };
	if (json_parse(line.at, line.len, &v, NULL) < 0)
		return;
	response = json_get(v, "response");
	error = json_get(v, "error");
	if (json_is_null(error))
		error = json_get(json_get(response, "body"), "error");
	status = json_get_int(response, "status_code", 0);
	code = json_get_str(error, "code");
	message = json_get_str(error, "message");
	if (code != NULL && code[0] != '\0')
		set_word(ret, code);
	else if (status >= 300)
		snprintf(ret->reason, sizeof ret->reason, "http_%lld", (long long)status);
	else if (!json_is_null(error))
		set_word(ret, "request_failed");
	snprintf(ret->details, sizeof ret->details, "%s",
	         message != NULL ? message : json_str(error) != NULL ? json_str(error) : "");
	json_free(v);
}

/* Fail the pass by what its line says; when the endpoint has sent an error, by that. */
static void fail_by_line(struct stage_turn *turn, const struct stage_pass *p, int stage, struct span line,
                         const struct judgement *j)
{
	struct line_error e = { .reason = "" };

	if (j->fault == ANSWER_MALFORMED || j->fault == ANSWER_NO_ANSWER)
		line_error_read(line, &e);
	if (e.reason[0] != '\0')
		stage_pass_failed(turn, p, stage, e.reason, e.details);
	else
		stage_pass_failed(turn, p, stage, answer_fault_word(j->fault), j->details);
}

/* --- the steps -------------------------------------------------------------------------------------------- */

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
static int check_stage1(struct stage_turn *turn, struct instance *in, const struct stage_pass *p,
                        struct span line,
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
		fail_by_line(turn, p, 1, line, &j);
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
static int put_own(struct stage_turn *turn, const char *custom_id, const char *suffix,
                   const struct buf *text, struct err *err)
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

static int put_sample(struct stage_turn *turn, const struct stage_pass *p, struct span line,
                      const struct sample *s, struct err *err)
{
	const struct stage_run *run = turn->run;
	const char *suffix = rollout_product_suffix(run->rollout);
	int rc = put_own(turn, p->custom_id, ".jsonl", &s->record, err);

	if (rc == 0 && suffix != NULL)
		rc = put_own(turn, p->custom_id, suffix, &s->product, err);
	if (rc < 0)
		return rc;
	if (!s->judgement.usable) {
		fail_by_line(turn, p, 2, line, &s->judgement);
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

static int sample_pass(struct stage_turn *turn, struct instance *in, const struct stage_pass *p,
                       struct err *err)
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
		rc = put_sample(turn, p, line2, &s, err);
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
