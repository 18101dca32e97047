/* SPDX-License-Identifier: MIT */
#ifndef DATASET_H
#define DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "json.h"

/*
 * A dataset as given (a .jsonl, a JSON array, {"data":[..]}; BOM and CRLF tolerated) becomes
 * plain JSONL: one row a line, in the order of the source.  Bad rows are refused with file and line (or element).
 */
struct dataset_row {
	const char *instance_id;        /* valid during the callback */
	int64_t off;                    /* of the row in the normalised file */
	size_t len;                     /* without its LF */
	int64_t line;                   /* 1-based, in the source: line or array element */
	const char *model, *url;        /* of the requests so far, NULL: none had one; valid during the callback */
};
typedef int (*dataset_row_fn)(void *data, const struct dataset_row *row, struct err *err);

/*
 * Read the file at path (shown to people as `shown`), write its rows to `out_path` (NULL: only check) and
 * call each for every row.  Refused: no JSON, a row that is no object or has no instance_id, an instance_id
 * twice, an instance_id that is no file name (over 200 bytes, '/', control characters, leading '.'), a dataset
 * without rows; Parquet and Arrow by their magic, with how to turn them into JSONL.  Returns what `each`
 * returned if negative; then, and whenever it fails, there is no out_path.
 */
int dataset_read(const char *path, const char *shown, const char *out_path,
                 dataset_row_fn each, void *data, struct err *err);

/* A ready request file of workflow raw: every line {"custom_id", "body", ...}; same rules for custom_id, except
 * that any text up to 512 bytes is one.  instance_id is the custom_id.  One model and one url over all lines
 * (a line without url is fine), method POST if there is one, UTF-8 throughout, else refused. */
int dataset_read_requests(const char *path, const char *shown, const char *out_path,
                          dataset_row_fn each, void *data, struct err *err);

/* The fields of a row that the workflows use; texts are borrowed from the row. */
struct instance_row {
	struct json *json;              /* owned */
	const char *instance_id, *repo, *base_commit, *problem_statement;
};
/* BD_EINVALID names the field that is missing. */
int instance_row_read(struct span line, struct instance_row *ret, struct err *err);
void instance_row_done(struct instance_row *row);

#endif
