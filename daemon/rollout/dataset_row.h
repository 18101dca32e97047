/* SPDX-License-Identifier: MIT */
#ifndef DATASET_ROW_H
#define DATASET_ROW_H

#include "buf.h"
#include "err.h"

/*
 * One row, looked at without a tree: is it JSON throughout, and what is its id?
 */
struct dataset_check {
	bool requests;          /* rows of workflow raw, else of a dataset */
	struct buf id;          /* of the row at hand */
	char *model, *url;      /* of the first request that has one; owned */
};

/* BD_EINVALID says what is wrong with the row, not where it is. */
int dataset_check_row(struct dataset_check *c, struct span row, struct err *err);
void dataset_check_done(struct dataset_check *c);

#endif
