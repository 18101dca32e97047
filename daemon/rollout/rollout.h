/* SPDX-License-Identifier: MIT */
#ifndef ROLLOUT_H
#define ROLLOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "answer.h"
#include "buf.h"
#include "err.h"
#include "repo.h"

/*
 * A job's recipe: from dataset rows to requests, from answers to samples.  What the daemon does between batches and
 * what `batchctl stage` does is this code.  No loop, no network, no SQL.
 *
 *   row --rollout_open--> instance --instance_request--> request line
 *   answers --instance_check--> usable?   --instance_sample--> sample record, patch or script
 */

/* The parameters of a run, as submitted (design part 2); texts NULL when not given. */
struct rollout_params {
	const char *workflow;           /* bugfixer, testwriter, raw */
	const char *model_name;
	bool has_temp, has_top_p, has_max_tokens, has_thinking_budget;
	double temp, top_p;
	int64_t max_tokens, thinking_budget;
	bool enable_thinking, greedy_first, convert_crlf;
	int64_t passk;                  /* 1 and up */
	const char *extra_body;         /* a JSON object */
	const char *repostructure_dir, *repo_mirrors;
	const char *prompt_dir;
	const char *roots;              /* the three lie under one of these whenever they are opened (roots.h); NULL: anywhere */
	const char *line_url;           /* "/v1/chat/completions" */
	bool drop_partial;              /* an answer of which some edits fail is of no use */
};

struct rollout;                         /* immutable once made; shared by threads */

/* Checks the parameters and loads the prompts. */
int rollout_new(const struct rollout_params *params, struct rollout **ret, struct err *err);
void rollout_free(struct rollout *r);
int rollout_stages(const struct rollout *r);            /* 1 (raw) or 2 */
const char *rollout_line_url(const struct rollout *r);  /* of the request lines, and so of their batches */
/* The parameters as a JSON object and back: how they are stored and sent. */
void rollout_params_print(const struct rollout_params *p, struct buf *ret);
/* Texts of ret are borrowed from v.  An unknown name or a wrong type is BD_EINVALID. */
struct json;
int rollout_params_read(const struct json *v, struct rollout_params *ret, struct err *err);

/* An instance opened by one thread: its row, its repository, its prompt. */
struct instance;

/* row: the dataset line, borrowed until instance_close().  sidecar_dir: where structure indexes
 * are kept, NULL for nowhere.  BD_ENOTFOUND: the structure, mirror or commit is missing. */
int instance_open(const struct rollout *r, struct span row, const char *sidecar_dir,
                  struct instance **ret, struct err *err);
void instance_close(struct instance *in);
struct repo_cost instance_cost(const struct instance *in);

/*
 * The request line (with LF) of one pass at one stage, appended to ret.  custom_id is what goes out.
 * Stage 2 needs `previous`, the pass's stage 1 output line.  raw: the row itself under that custom_id.
 * BD_EINVALID with a fault word first if the previous answer is of no use.
 */
int instance_request(struct instance *in, int stage, int64_t k, const char *custom_id,
                     struct span previous, struct buf *ret, struct err *err);

/* What an answer is worth. */
struct judgement {
	enum answer_fault fault;        /* ANSWER_NONE or ANSWER_PARTIAL (kept): it is good */
	bool usable;
	char details[256];              /* for people: which edit, which file */
};

/* Stage 1: does it name a file?  (Of stage 2 instance_sample() judges.) */
int instance_check(struct instance *in, int stage, struct span line, struct judgement *ret, struct err *err);

/* What a pass came to, ready to be written. */
struct sample {
	struct judgement judgement;
	struct buf record;              /* samples/<custom_id>.jsonl: one JSON line with LF */
	struct buf product;             /* .patch (bugfixer) or .py (testwriter); may be empty */
	struct buf output;              /* its line of output.jsonl, with LF */
	struct buf processed;           /* its line of output_<k>_processed...jsonl, with LF */
};
/* line1, line2: the pass's output lines of both stages. */
int instance_sample(struct instance *in, int64_t k, const char *custom_id,
                    struct span line1, struct span line2, struct sample *ret, struct err *err);
void sample_done(struct sample *s);
const char *rollout_product_suffix(const struct rollout *r);       /* ".patch", ".py" or NULL */
/* The name of pass k's aggregated file: output_<k>_processed.jsonl, ...; owned by the caller. */
char *rollout_processed_name(const struct rollout *r, int64_t k);

/* <instance_id>, or <instance_id>__pass<k> when passk > 1; owned by the caller. */
char *custom_id_make(const char *instance_id, int64_t k, int64_t passk);
/* The way back: false if it cannot be a custom_id of such a job.  *ret_instance_id is owned by the caller. */
bool custom_id_read(const char *custom_id, int64_t passk, char **ret_instance_id, int64_t *ret_k);

#endif
