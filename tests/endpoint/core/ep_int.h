/* SPDX-License-Identifier: MIT */
#ifndef EP_INT_H
#define EP_INT_H

#include "ep.h"
#include "ep_answer.h"
#include "ep_plan.h"
#include "json.h"

/* What the core's files share.  Nobody outside includes it. */

enum ep_status {
	ST_VALIDATING, ST_IN_PROGRESS, ST_FINALIZING, ST_CANCELLING,
	ST_COMPLETED, ST_FAILED, ST_EXPIRED, ST_CANCELLED,
	ST_N,
};
extern const char *const ep_status_words[ST_N];

struct ep_file {
	int64_t serial;                 /* its name in state_dir/files */
	int64_t upload;                 /* the n-th upload, 0 for a result file */
	int64_t batch;                  /* serial of the batch whose result it is, or of the last one made from it */
	char kind;                      /* 'i'nput, 'o'utput, 'e'rror */
	bool deleted;
	char *id, *filename, *purpose;
	int64_t bytes, created_ms;
	/* not kept over a restart */
	int64_t polls, lists;
};

struct ep_batch {
	int64_t serial;
	enum ep_status status;
	char *id, *input_file_id, *output_file_id, *error_file_id;
	char *endpoint, *window, *metadata;     /* metadata: JSON or NULL */
	char *key, *stage;                      /* of the metadata; "" and "1" */
	char *idempotency_key, *model;          /* NULL */
	char *errors;                           /* errors.data as JSON, NULL */
	int64_t at_ms[ST_N];                    /* when it came to that status; 0: never.  VALIDATING: created */
	int64_t total, completed, failed;       /* of its requests */
	int64_t prompt, completion, cached, reasoning;
	/* not kept over a restart */
	int64_t polls, done_polls, lists;
};

struct ep {
	struct ep_options opt;          /* its texts are not valid any more, but key */
	char *dir, *key, *default_raw;  /* default_raw: a JSON string */
	struct ep_plan plan;
	struct ep_answers *answers;
	struct ep_file **files;
	size_t nfiles, files_cap;
	struct ep_batch **batches;      /* by age, oldest first */
	size_t nbatches, batches_cap;
	size_t settled;                 /* all batches before that one are terminal */
	int64_t uploads, last_file, last_batch;
	int log_fd, state_fd;
	struct buf log;
	int64_t calls, start_ms;
	uint64_t rand;
};

/* A call on its way through the core. */
struct ep_ctx {
	struct ep *ep;
	int64_t now_ms;
	const struct ep_request *req;
	struct ep_reply *reply;
	enum ep_kind kind;
	char *id;                       /* of the file or batch in the path, decoded; NULL */
	struct ep_file *file;           /* found by id, or made by the call; NULL */
	struct ep_batch *batch;
	struct ep_fault *fault;         /* what the plan has for this call; NULL */
	bool effect;
};

/* --- ep_reply.c ----------------------------------------------------------------------- */
/* Starts a JSON body with status; the caller writes one value. */
struct jw reply_json(struct ep_reply *r, int status);
void reply_error(struct ep_reply *r, int status, const char *code, const char *param, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void reply_clear(struct ep_reply *r);           /* status and body are gone, what the plan set stays */
/* A parameter of the query, decoded, owned by the caller; NULL. */
char *query_get(const char *path, const char *name);
char *url_decode(const char *text, size_t len);
/* The plan's changes before (true: no handler is to run) and after the handler. */
bool fault_before(struct ep_ctx *c);
void fault_after(struct ep_ctx *c);

/* --- ep_match.c ----------------------------------------------------------------------- */
struct ep_fault *fault_for_call(struct ep_ctx *c, bool early_only);
/* The first fault of that kind that concerns the batch, file; NULL. */
struct ep_fault *fault_for_batch(const struct ep *ep, const struct ep_batch *b, enum ep_do what);
struct ep_fault *fault_for_file(const struct ep *ep, const struct ep_file *f, enum ep_do what);
const struct ep_fault *fault_option(const struct ep *ep, enum ep_do what);
/* Whether a LINE fault can hit lines of the batch at all; whether it hits this one (counts it). */
bool fault_for_lines(const struct ep_fault *f, const struct ep_batch *b);
bool fault_hits_line(struct ep *ep, struct ep_fault *f, const struct ep_batch *b, struct span custom_id);
double ep_chance(struct ep *ep);                /* [0, 1) */

/* --- ep_file.c ------------------------------------------------------------------------ */
void call_upload(struct ep_ctx *c);
void call_file_get(struct ep_ctx *c);
void call_file_list(struct ep_ctx *c);
void call_content(struct ep_ctx *c);
void call_file_delete(struct ep_ctx *c);
struct ep_file *file_find(struct ep *ep, const char *id);
/* A new one without bytes yet. */
struct ep_file *file_make(struct ep *ep, char kind, const char *filename, int64_t now_ms);
char *file_path(const struct ep *ep, const struct ep_file *f);
bool file_hidden(const struct ep *ep, const struct ep_file *f);
void file_free(struct ep_file *f);
char *ep_make_id(struct ep *ep, const char *kind, int64_t serial);

/* --- ep_batch.c ----------------------------------------------------------------------- */
void call_create(struct ep_ctx *c);
void call_batch_get(struct ep_ctx *c);
void call_batch_list(struct ep_ctx *c);
void call_cancel(struct ep_ctx *c);
struct ep_batch *batch_find(struct ep *ep, const char *id);
void batch_write(struct ep *ep, struct ep_batch *b, int64_t now_ms, struct jw *w);      /* ep_show.c */
bool batch_hidden(const struct ep *ep, const struct ep_batch *b);
void batch_free(struct ep_batch *b);

/* --- ep_life.c ------------------------------------------------------------------------ */
bool status_terminal(enum ep_status s);
void batches_advance(struct ep *ep, int64_t now_ms);
int64_t batch_delay(const struct ep *ep, const struct ep_batch *b);
int64_t batch_window_ms(const struct ep_batch *b);
/* How many of its requests are done at that time, going by its delay. */
int64_t batch_done_at(const struct ep *ep, const struct ep_batch *b, int64_t now_ms);

/* --- ep_check.c: the input file, as OpenAI checks it.  Fills total and model, or errors (false). */
bool batch_check(struct ep *ep, struct ep_batch *b);
void batch_add_error(struct buf *errors, const char *code, const char *message, const char *param, int64_t line);

/* --- ep_out.c: the result files.  `done` requests were run; the rest gets lines with rest_code, or none (NULL). */
void batch_run(struct ep *ep, struct ep_batch *b, int64_t done, const char *rest_code, int64_t now_ms);

/* --- ep_state.c ----------------------------------------------------------------------- */
int state_open(struct ep *ep, struct err *err);
void state_put_file(struct ep *ep, const struct ep_file *f);
void state_put_batch(struct ep *ep, const struct ep_batch *b);
void state_forget(struct ep *ep);               /* as if it had never been */
void ep_log_flush(struct ep *ep);
void file_keep(struct ep *ep, struct ep_file *f);
void batch_keep(struct ep *ep, struct ep_batch *b);

#endif
