/* SPDX-License-Identifier: MIT */
#ifndef SUBMIT_INT_H
#define SUBMIT_INT_H

#include "engine_int.h"

/* A job on its way in: what submit_intake.c finds in a worker, submit.c writes on the loop. */
struct submit {
	struct apply apply;
	struct task task;
	char *warning;                  /* for the reply; NULL: none */
	char *dataset_path, *shown, *out_path, *rows_path, *repos, *start, *end;
	bool raw, made_samples;
	submit_fn done;
	void *data;
	/* in the worker: rows_path gets a line "off len instance_id" per row, escaped, kept passes are told by `keep` */
	struct file_out *rows;
	char **ids;                     /* of the instances, only if there is a range */
	size_t n_ids;
	bool *keep;                     /* by n; NULL: all */
	int64_t instances, passes, no_repo;
	struct buf warnings;            /* JSON list */
	char *model, *url;              /* raw: what the requests say; NULL: they do not */
	struct buf id;
	struct buf params;              /* raw: the job's, with that url; and what is made of them */
	struct rollout *rollout;
	int rc;
	struct err err;
	/* applying */
	struct line_reader reader;
	bool reading;
	int64_t at;                     /* instances that are in */
};

/* In the worker: the data set is checked and brought to the job's folder, with the list of its rows. */
void submit_run(struct task *t);

#endif
