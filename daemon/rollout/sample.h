/* SPDX-License-Identifier: MIT */
#ifndef SAMPLE_H
#define SAMPLE_H

#include "answer.h"
#include "edit.h"
#include "json.h"
#include "rollout_priv.h"

/* Both answers of a pass, read and put into the repository: what samples are written from. */
struct outcome {
	struct answer a1, a2;
	bool has1;                      /* stage 1's line was given */
	struct paths files;             /* those that stage 1 named */
	struct edits edits;
	struct buf patch;               /* git's diff of all of them */
	struct judgement j;
};

/* Negative only if the repository cannot be read. */
int outcome_read(struct instance *in, struct span line1, struct span line2, struct outcome *ret,
                 struct err *err);
void outcome_done(struct outcome *o);

/* Which pass, and what it is worth: the members that every record begins with. */
struct sample_name {
	const char *instance_id, *custom_id, *workflow, *model_name;
	int64_t k;
};
void sample_put_head(struct jw *w, const struct sample_name *name, const struct judgement *j);
void sample_put_answer(struct jw *w, int stage, const struct answer *a);
void sample_put_answers(struct jw *w, const struct outcome *o);
void sample_put_files(struct jw *w, const char *name, const struct paths *files);
void sample_put_edits(struct jw *w, const struct edits *edits);
void sample_put_tokens(struct jw *w, const struct answer *a1,
                       const struct answer *a2);   /* either may be NULL */
void sample_put_model(struct jw *w, const struct sample_name *name);
/* A line of output.jsonl up to what came out of the pass, the object left open. */
void sample_begin_output(struct jw *w, const struct sample_name *name, const struct judgement *j);
void sample_end(struct jw *w);          /* closes the object, and the line */

#endif
