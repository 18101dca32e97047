/* SPDX-License-Identifier: MIT */
#ifndef BATCH_STORE_H
#define BATCH_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "batch_state.h"
#include "err.h"

struct db;

/* A batch's row; texts owned, never NULL once read or made. */
struct batch_row {
	int64_t id, job, stage;
	char *endpoint;
	enum batch_state state;
	char *reason;
	int64_t first_n, last_n, requests, bytes, uploads, creates, tries, next_ms, intent_ms, since_ms;
	char *file_id, *remote_id, *remote_word, *output_file_id, *error_file_id;
	int64_t completed, failed;
	char *error_code;
	int64_t error_line, cancel, cleanup, created_ms, ended_ms;
};
void batch_row_done(struct batch_row *row);
/* Replace an owned text by a copy of another (NULL: ""). */
void text_set(char **at, const char *text);

int batch_insert(struct db *db, int64_t job, int64_t stage, const char *endpoint, int64_t now_ms,
                 struct batch_row *ret, struct err *err);
int batch_get(struct db *db, int64_t id, struct batch_row *ret, struct err *err);
int batch_save(struct db *db, const struct batch_row *row, struct err *err);
int batch_delete(struct db *db, int64_t id, struct err *err);
/* Ids, owned by the caller; job 0: all that have not ended; of those with files to be deleted. */
int batch_list(struct db *db, int64_t job, int64_t **ret, size_t *ret_n, struct err *err);
int batch_list_cleanup(struct db *db, int64_t **ret, size_t *ret_n, struct err *err);
int batch_set_cleanup(struct db *db, int64_t id, int64_t cleanup, struct err *err);

struct endpoint_row { char *parked; int64_t parked_ms, token_limit; };  /* parked owned, "": open */
int endpoint_get(struct db *db, const char *name, struct endpoint_row *ret, struct err *err);
int endpoint_save(struct db *db, const char *name, const struct endpoint_row *row, struct err *err);

struct event_row { int64_t seq, time_ms, job, batch; const char *level, *text, *job_name; int64_t job_owner; };
int event_insert(struct db *db, const struct event_row *e, struct err *err);
typedef void (*event_fn)(void *data, const struct event_row *e);
/* job 0: all.  After that seq, at most that many; texts valid during the callback. */
int event_each(struct db *db, int64_t job, int64_t after, size_t most, event_fn each, void *data, struct err *err);
/* The seq before the last n events of a job, or of all jobs (0) that owner (-1: anybody) sees. */
int event_back(struct db *db, int64_t job, int64_t owner, int64_t n, int64_t *ret_after, struct err *err);
/* Forget those of no job from before then. */
int event_delete_old(struct db *db, int64_t before_ms, struct err *err);
/* When the job's last event like that (GLOB) was; 0: there is none. */
int event_when(struct db *db, int64_t job, const char *text, int64_t *ret_ms, struct err *err);

#endif
