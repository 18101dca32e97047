/* SPDX-License-Identifier: MIT */
/* `batchctl stage`: what the daemon does between batches, from plain files to plain files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "commands.h"
#include "mem.h"
#include "stage_steps.h"

/* The steps, and which files each reads and writes. */
static const struct step {
	const char *name;
	int (*run)(struct stage_turn *turn, struct instance *in, struct err *err);
	int answers;                    /* stages whose answers it reads: 0, 1, 2 */
	bool requests;                  /* writes requests; else samples */
} steps[] = {
	{ "gen_step1", step_gen1, 0, true },
	{ "proc_step1_gen_step2", step_gen2, 1, true },
	{ "proc_step2", step_samples, 2, false },
};

static const struct step *step_of(const struct args *args)
{
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		if (args->n_words > 1 && strcmp(steps[i].name, args->words[1]) == 0)
			return &steps[i];
	}
	return NULL;
}

static int need(const struct args *args, const struct step *step, const char *flag, const char *what,
                struct err *err)
{
	if (args_has(args, flag))
		return 0;
	return err_set(err, BD_EINVALID, "%s needs --%s, %s", step->name, flag, what);
}

static int check_files(const struct args *args, const struct step *step, struct err *err)
{
	int rc = 0;

	if (step->answers > 0)
		rc = need(args, step, "input_file", "the answers to the requests of the step before", err);
	if (rc == 0 && step->requests)
		rc = need(args, step, "output_file", "where the requests go", err);
	if (rc == 0 && !step->requests)
		rc = need(args, step, "save_dir", "where the samples go", err);
	return rc;
}

/* The model that answered, for samples when --model_name does not say: owned by the caller, NULL if unknown. */
static char *model_of_answers(const char *path)
{
	struct line_reader r;
	struct answer a;
	struct span line;
	char *model = NULL;

	if (line_reader_open(&r, path, NULL) < 0)
		return NULL;
	while (model == NULL && line_reader_next(&r, 256u << 20, &line, NULL) > 0) {
		answer_read(line, &a);
		if (a.model[0] != '\0')
			model = mem_strdup(a.model);
		answer_done(&a);
	}
	line_reader_close(&r);
	return model;
}

static double args_num(const struct args *args, const char *name)
{
	const struct arg *a = args_get(args, name);

	return a != NULL ? a->n : 0;
}

static int make_rollout(const struct args *args, const struct step *step, struct rollout **ret, struct err *err)
{
	char *model = NULL;
	struct rollout_params p = {
		.workflow = args->words[0],
		.model_name = args_text(args, "model_name"),
		.has_temp = args_has(args, "temp"), .temp = args_num(args, "temp"),
		.has_top_p = args_has(args, "top_p"), .top_p = args_num(args, "top_p"),
		.has_max_tokens = args_has(args, "max_tokens"), .max_tokens = args_int(args, "max_tokens", 0),
		.has_thinking_budget = args_has(args, "thinking_budget"),
		.thinking_budget = args_int(args, "thinking_budget", 0),
		.enable_thinking = args_has(args, "enable_thinking"),
		.greedy_first = args_has(args, "greedy_first"),
		.convert_crlf = args_has(args, "convert_crlf"),
		.passk = args_int(args, "passk", 1),
		.extra_body = args_text(args, "extra_body"),
		.repostructure_dir = args_text(args, "repostructure_dir"),
		.repo_mirrors = args_text(args, "repo_mirrors"),
		.prompt_dir = args_text(args, "prompt_dir"),
		.line_url = "/v1/chat/completions",
	};
	int rc;

	if (p.model_name == NULL && !step->requests)
		p.model_name = model = model_of_answers(args_text(args, "input_file"));
	rc = rollout_new(&p, ret, err);
	free(model);
	return rc;
}

/* --- what goes where -------------------------------------------------------------------------------- */

static int open_requests(const struct args *args, struct stage_run *run, struct err *err)
{
	return file_create(args_text(args, "output_file"), 0644, &run->lines, err);
}

static int open_samples(const struct args *args, struct stage_run *run, struct err *err)
{
	const char *dir = args_text(args, "save_dir");
	char *output = path_join(dir, "output.jsonl"), *failures = path_join(dir, "failures.jsonl");
	int rc;

	run->samples_dir = path_join(dir, "samples");
	rc = dir_make(run->samples_dir, 0755, err);
	if (rc == 0)
		rc = file_create(output, 0644, &run->lines, err);
	if (rc == 0)
		rc = file_create(failures, 0644, &run->failures, err);
	if (rc == 0) {
		run->spool = tmpfile();
		if (run->spool == NULL)
			rc = err_sys(err, BD_EIO, "temporary file");
	}
	free(output);
	free(failures);
	return rc;
}

static int commit(struct file_out **f, int rc, struct err *err)
{
	struct file_out *out = *f;

	*f = NULL;
	if (rc == 0)
		return out != NULL ? file_commit(out, err) : 0;
	file_abandon(out);
	return rc;
}

/* What came of it, for people. */
static void say_summary(const struct stage_run *run)
{
	fprintf(stderr, "%s: %zu passes, %zu done, %zu failed", run->name, run->done + run->failed,
	        run->done, run->failed);
	for (size_t i = 0; i < run->n_reasons; i++)
		fprintf(stderr, "%s%s %zu", i == 0 ? " (" : ", ", run->reasons[i].word, run->reasons[i].count);
	fprintf(stderr, "%s\n", run->n_reasons > 0 ? ")" : "");
	if (run->plan->unknown > 0)
		fprintf(stderr, "%s: %zu answers are to no pass of this dataset, such as %s\n", run->name,
		        run->plan->unknown,
		        run->plan->first_unknown);
}

static int run_step(const struct args *args, const struct step *step, const struct rollout *rollout,
                    struct stage_plan *plan, struct err *err)
{
	struct stage_run run = { .rollout = rollout, .plan = plan, .step = step->run, .name = step->name,
	                         .progress = isatty(STDERR_FILENO) == 1 };
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int rc = step->requests ? open_requests(args, &run, err) : open_samples(args, &run, err);

	if (rc == 0)
		rc = stage_run(&run, (int)args_int(args, "num_workers", cores > 0 ? cores : 1), err);
	if (rc == 0)
		rc = step_write_processed(&run, args_text(args, "save_dir"), err);
	rc = commit(&run.lines, rc, err);
	rc = commit(&run.failures, rc, err);
	if (rc == 0) {
		say_summary(&run);
		if (run.unopened > 0)
			rc = err_set(err, BD_EFAILED, "%zu of %zu instances have no repository",
			             run.unopened, plan->n_rows);
	}
	stage_run_done(&run);
	return rc;
}

int stage_main(const struct args *args, struct err *err)
{
	const struct step *step = step_of(args);
	struct stage_input input = { .dataset = args_text(args, "dataset"),
	                            .start = args_text(args, "start_file"),
	                             .end = args_text(args, "end_file") };
	struct stage_plan plan;
	struct rollout *rollout = NULL;
	int rc;

	if (step == NULL)
		return err_set(err, BD_EINVALID, "gen_step1, proc_step1_gen_step2 or proc_step2");
	rc = check_files(args, step, err);
	if (rc < 0)
		return rc;
	rc = make_rollout(args, step, &rollout, err);
	if (rc < 0)
		return rc;
	if (step->answers == 1)
		input.answers[0] = args_text(args, "input_file");
	if (step->answers == 2) {
		input.answers[0] = args_text(args, "step1_file");
		input.answers[1] = args_text(args, "input_file");
	}
	input.passk = args_int(args, "passk", step->answers == 0 ? 1 : 0);
	rc = stage_plan_make(&input, &plan, err);
	if (rc == 0) {
		rc = run_step(args, step, rollout, &plan, err);
		stage_plan_done(&plan);
	}
	rollout_free(rollout);
	return rc;
}
