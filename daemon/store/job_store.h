/* SPDX-License-Identifier: MIT */
#ifndef JOB_STORE_H
#define JOB_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "job_state.h"
#include "pass_state.h"
#include "stmt.h"

struct db;

enum { STAGES_MAX = 2 };

/* A job's row; texts owned. */
struct job_row {
	int64_t id;
	char *name, *workflow;
	enum job_state state;
	char *reason, *endpoint, *params, *model, *dataset, *save_dir, *fetch_dir;
	int64_t owner_uid, priority, canary, stages, passk, instances, passes, created_ms, ended_ms, spools;
	int64_t prompt, completion, cached, reasoning, parses, bytes_read;
};
void job_row_done(struct job_row *row);

/* In state LOADING. */
int job_insert(struct db *db, const struct job_row *row, int64_t *ret_id, struct err *err);
int job_get(struct db *db, int64_t id, struct job_row *ret, struct err *err);   /* BD_ENOTFOUND */
/* Asserts that the move is allowed. */
int job_set_state(struct db *db, int64_t id, enum job_state from, enum job_state to, const char *reason,
                  int64_t ended_ms, struct err *err);
int job_set_save_dir(struct db *db, int64_t id, const char *save_dir, struct err *err);
int job_set_canary(struct db *db, int64_t id, int64_t canary, struct err *err);
int job_set_sizes(struct db *db, int64_t id, int64_t instances, int64_t passes, struct err *err);
/* The newest job with that save_dir whose rows are in; BD_ENOTFOUND if there is none. */
int job_of_save_dir(struct db *db, const char *save_dir, int64_t *ret_id, struct err *err);
int job_set_recipe(struct db *db, int64_t id, const char *params, const char *model, struct err *err);
int job_set_reason(struct db *db, int64_t id, const char *reason, struct err *err);
/* What a person calls it: its number, its name, or the beginning of one name. */
int job_find(struct db *db, const char *word, int64_t owner, int64_t *ret_id, struct err *err);
/* Ids, owned by the caller: of the open ones (and LOADING), or the newest below an id. */
int job_list_open(struct db *db, int64_t **ret, size_t *ret_n, struct err *err);
/* Ended before that time; some of them. */
int job_list_old(struct db *db, int64_t before_ms, int64_t **ret, size_t *ret_n, struct err *err);
int job_count_states(struct db *db, int64_t ret[JOB_STATE_COUNT], struct err *err);
int job_list_newest(struct db *db, int64_t below, size_t most, int64_t **ret, size_t *ret_n, struct err *err);
/* Deletes a bounded part; 1 while something is left, 0 when all is gone. */
int job_delete_some(struct db *db, int64_t id, struct err *err);
/* The next job gets that id again, if it was the last one given: for one that nobody was told of. */
int job_forget_id(struct db *db, int64_t id, struct err *err);

/* n of them, from `first` on; places: offset and length in dataset.jsonl of each. */
int instance_insert(struct db *db, int64_t job, int64_t first, int64_t n, const char *const *ids, const int64_t *places,
                    struct err *err);
/* Goes over a job's instances, best forwards: the one that it is at costs nothing, the next ones little. */
struct instance_cursor {
	struct stmt st;
	int64_t job, n;                         /* n: where it is; -1: nowhere yet */
};
struct instance_place { const char *instance_id; int64_t off, len; };   /* instance_id: until the cursor goes on */
void instance_cursor_init(struct instance_cursor *c, struct db *db, int64_t job);
int instance_cursor_to(struct instance_cursor *c, int64_t n, struct instance_place *ret, struct err *err);     /* BD_ENOTFOUND */
void instance_cursor_done(struct instance_cursor *c);
/* Looks at all of them.  BD_ENOTFOUND if there is none. */
int instance_find(struct db *db, int64_t job, const char *instance_id, int64_t *ret_n, struct err *err);

/* Sums of a job by stage and state. */
struct pass_counts {
	int64_t n[STAGES_MAX + 1][PASS_STATE_COUNT];    /* [stage 1..][state] */
};
int count_get(struct db *db, int64_t job, struct pass_counts *ret, struct err *err);
int64_t count_total(const struct pass_counts *c, int stage);
struct reason_count { char *kind, *reason; int64_t n; };                /* texts owned */
int reason_list(struct db *db, int64_t job, struct reason_count **ret, size_t *ret_n, struct err *err);
void reason_list_free(struct reason_count *list, size_t n);

#endif
