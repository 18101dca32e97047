/* SPDX-License-Identifier: MIT */
#ifndef ROLLOUT_PRIV_H
#define ROLLOUT_PRIV_H

#include "dataset.h"
#include "prompt.h"
#include "request.h"
#include "rollout.h"

/*
 * What the workflows share.  A workflow is a row of functions and facts; the rest of rollout
 * asks it and never its name.
 */
struct workflow {
	const char *name;
	int stages;
	bool prompted;                  /* has prompts, a repository, a model; else the rows are requests already */
	bool with_tests;                /* the listing shows tests */
	bool tests_only;                /* stage 1 asks for a test file */
	size_t max_files;               /* of stage 1's answer, unless it is the one test */
	const char *product_suffix;     /* NULL: none */
	const char *processed_suffix;   /* of output_<k>..., NULL: none */
	/* The row of an instance.  On failure nothing is left open. */
	int (*open)(struct instance *in, struct err *err);
	int (*request)(struct instance *in, int stage, int64_t k, const char *custom_id,
	               struct span previous, struct buf *ret, struct err *err);
	int (*check)(struct instance *in, struct span line, struct judgement *ret, struct err *err);
	int (*sample)(struct instance *in, int64_t k, const char *custom_id,
	              struct span line1, struct span line2, struct sample *ret, struct err *err);
};
extern const struct workflow workflow_bugfixer, workflow_testwriter, workflow_raw;

struct rollout {
	const struct workflow *workflow;
	struct rollout_params p;        /* its texts are owned */
	struct prompt prompts[2];
	struct request_frame frame;
};

/* One file as {content} shows it, escaped for JSON. */
struct section {
	char *path;
	struct buf escaped;
	bool there;                     /* it can be read */
};

struct instance {
	const struct rollout *r;        /* borrowed */
	struct span line;               /* the dataset row, borrowed */
	const char *sidecar_dir;        /* borrowed, during open only */
	struct instance_row row;        /* prompted workflows */
	struct repo *repo;              /* prompted workflows */
	/* Made at first need, then kept for the passes to come. */
	struct buf problem;             /* escaped */
	struct buf structure;           /* escaped */
	struct buf prompt1;             /* stage 1's, filled and escaped */
	struct section *sections;
	size_t n_sections;
};

/* --- rollout_params.c --- */
/* Deep copy, and what frees one. */
void params_copy(const struct rollout_params *from, struct rollout_params *ret);
void params_done(struct rollout_params *p);
/* Ranges and what belongs together. */
int params_check(const struct rollout_params *p, const struct workflow *workflow, struct err *err);

/* --- rollout_instance.c: what both prompted workflows do --- */
int prompted_open(struct instance *in, struct err *err);
int prompted_request(struct instance *in, int stage, int64_t k, const char *custom_id,
                     struct span previous, struct buf *ret, struct err *err);
int prompted_check(struct instance *in, struct span line, struct judgement *ret, struct err *err);
/* Stage 1's answer: the files it names that can be shown, or why it is of no use (in ret_judged). */
int prompted_files(struct instance *in, const struct answer *a, struct paths *ret,
                   struct judgement *ret_judged, struct err *err);

/* Set a judgement that is of no use. */
void judge(struct judgement *j, enum answer_fault fault, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
