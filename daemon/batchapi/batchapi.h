/* SPDX-License-Identifier: MIT */
#ifndef BATCHAPI_H
#define BATCHAPI_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "transport.h"

/*
 * The Files and Batches calls of an endpoint (reference/batch-api.md, parts 1 and 2), each
 * as one asynchronous call that ends in one verdict.  Nothing here tries again by itself, keeps
 * state between calls, or knows of jobs: that is the engine's.
 */

/* How an endpoint is spoken to; copied by api_new(). */
struct api_config {
	const char *name, *base_url, *key;      /* key may be NULL: none is sent */
	const char *dialect;                    /* a name of dialects.def; NULL or "": guessed from base_url */
	const char *purpose;                    /* NULL: the dialect's */
	int64_t connect_ms, stall_ms;           /* as in struct exchange */
};

struct api;                                     /* one endpoint */

int api_new(const struct api_config *config, struct transport *transport, struct api **ret, struct err *err);
void api_free(struct api *api);                 /* no call may be under way */
const char *api_dialect(const struct api *api); /* its name */
/* Overwrites the endpoint's key in a text of its making.  May be called by any thread. */
void api_cut_secret(const struct api *api, char *text);

/* What a dialect allows, for whoever fills request files (defaults, config may lower them). */
struct api_limits {
	int64_t max_requests, max_bytes;
	int custom_id_max;                      /* bytes; 0: no limit known */
	bool custom_id_dots;                    /* '.' allowed in a custom_id */
	bool metadata;                          /* POST /batches takes metadata and gives it back */
};
const struct api_limits *api_limits(const struct api *api);

/* What a call came to.  Only API_DONE has a result. */
enum api_verdict {
	API_DONE,           /* took effect, the result is there */
	API_AGAIN,          /* did not take effect: 429, not sent, "not ready yet"; wait retry_ms (or back off) */
	API_UNKNOWN,        /* may have taken effect: timeout, reset, 408, 409, 5xx, a 200 that is no JSON: find out first */
	API_REFUSED,        /* 4xx for good: this request will never pass */
	API_ACCOUNT,        /* 401, 402, 403, 407, insufficient_quota, billing: nothing passes until a person acts */
	API_GONE,           /* 404, 410: no such file or batch (or not yet visible) */
	API_TOO_BIG,        /* 413, 411: send less */
	API_LOCAL,          /* our own file could not be read or written */
	API_CANCELED,       /* by api_call_cancel() */
};

/* The word in events and reasons: "refused", "account", ... */
const char *api_verdict_name(enum api_verdict v);

struct api_result {
	enum api_verdict verdict;
	int status;                     /* HTTP, 0 if none */
	int64_t retry_ms;               /* what the endpoint asked for; -1: nothing */
	char code[64];                  /* the endpoint's error code, "" if none */
	char reason[320];               /* for people, with status, code and request id; no secrets */
};

/* An endpoint's file object; texts "" when absent. */
struct remote_file {
	const char *id, *filename, *status;     /* status lower-cased */
	int64_t bytes, created_s;               /* -1 unknown */
};

/* The status words of all providers, normalised (reference 2.3). */
enum remote_status {
	REMOTE_WAITING,         /* validating, queued, ... */
	REMOTE_RUNNING,         /* in_progress, and every word nobody knows */
	REMOTE_FINALIZING,
	REMOTE_CANCELLING,
	REMOTE_COMPLETED,       /* this and those below are terminal */
	REMOTE_FAILED,
	REMOTE_EXPIRED,
	REMOTE_CANCELLED,
};
bool remote_status_terminal(enum remote_status s);
enum remote_status remote_status_of(const char *word);  /* NULL or unknown: REMOTE_RUNNING */

enum { ERROR_LINES_MAX = 256 };

/* An endpoint's batch object; texts "" when absent, null or empty there. */
struct remote_batch {
	const char *id, *word;                  /* word: its own status word */
	enum remote_status status;
	const char *input_file_id, *output_file_id, *error_file_id;
	const char *key;                        /* our metadata key, if it came back */
	int64_t created_s, expires_s;           /* unix seconds, -1 unknown */
	int64_t total, completed, failed;       /* -1 unknown; hints only */
	const char *error_code, *error_message; /* of the first of errors.data (any of its shapes) */
	int64_t error_line;                     /* 1-based, -1 */
	const int64_t *error_lines;             /* of all of errors.data that name one, up to ERROR_LINES_MAX */
	size_t n_error_lines;
	bool token_limit;                       /* failed for enqueued tokens: wait and send again */
	int64_t tokens_allowed;                 /* the limit as the error text names it, -1 */
};

/*
 * One call under way.  done is called once, later, on the loop's thread, with what there is
 * valid only during it; the call is freed behind it.  api_call_cancel() makes it come soon, as API_CANCELED.
 */
struct api_call;
void api_call_cancel(struct api_call *call);

typedef void (*api_file_fn)(void *data, const struct api_result *res, const struct remote_file *file);
typedef void (*api_batch_fn)(void *data, const struct api_result *res, const struct remote_batch *batch);
/* bytes: how much of the file is in fd now.  whole: the endpoint says it is all. */
typedef void (*api_content_fn)(void *data, const struct api_result *res, int64_t bytes, bool whole);
typedef void (*api_done_fn)(void *data, const struct api_result *res);
/* A page of a list: n items, and the cursor of the next page ("" at the end). */
typedef void (*api_files_fn)(void *data, const struct api_result *res,
                             const struct remote_file *files, size_t n, const char *next);
typedef void (*api_batches_fn)(void *data, const struct api_result *res,
                               const struct remote_batch *batches, size_t n, const char *next);

struct api_call *api_file_upload(struct api *api, const char *path, const char *filename,
                                 api_file_fn done, void *data);
struct api_call *api_file_get(struct api *api, const char *id, api_file_fn done, void *data);
struct api_call *api_file_list(struct api *api, const char *after, api_files_fn done, void *data);
struct api_call *api_file_delete(struct api *api, const char *id, api_done_fn done, void *data);
/* Into fd from byte `from` on (a Range request when > 0; a 200 to it starts fd over). */
struct api_call *api_file_content(struct api *api, const char *id, int fd, int64_t from,
                                  api_content_fn done, void *data);

struct batch_create {
	const char *input_file_id, *line_url, *completion_window;
	const char *key;                        /* goes along as metadata batchd_key and as Idempotency-Key */
	const char *job, *stage;                /* for people who look at the provider's page: metadata batchd_job, batchd_stage */
};
struct api_call *api_batch_create(struct api *api, const struct batch_create *create,
                                  api_batch_fn done, void *data);
struct api_call *api_batch_get(struct api *api, const char *id, api_batch_fn done, void *data);
struct api_call *api_batch_list(struct api *api, const char *after, api_batches_fn done, void *data);
struct api_call *api_batch_cancel(struct api *api, const char *id, api_batch_fn done, void *data);

/*
 * One line of an output or error file, read (reference 3.2 to 3.5).  Used off the loop too.  Where memory runs out it is
 * LINE_RUBBISH, and mem_room_close() tells.
 */
enum line_class {
	LINE_ANSWER,        /* a 2xx with a body that can hold an answer */
	LINE_TRANSIENT,     /* 408, 409, 429, 5xx, expired, cancelled, ...: ask again */
	LINE_PERMANENT,     /* the endpoint will never answer this one */
	LINE_RUBBISH,       /* no JSON object or no custom_id: as if it were not there */
};
struct result_line {
	enum line_class class;
	char *custom_id;                        /* owned; NULL for rubbish */
	int status;                             /* response.status_code, 0 */
	char reason[64];                        /* a word: batch_expired, http_429, context_length_exceeded */
	char details[256];                      /* the endpoint's message */
	int64_t prompt, completion, cached, reasoning;   /* tokens, 0 if not told */
};
void result_line_read(struct span line, struct result_line *ret);
/* Of a line that is longer than anybody wants to read, by its beginning: LINE_PERMANENT, if that tells whose it is. */
void result_line_too_long(struct span head, size_t max_bytes, struct result_line *ret);
void result_line_done(struct result_line *r);
/* The text between the quotes of a request line's own custom_id, as it stands there; NULL at: it has none.  What comes behind
 * it is not looked at. */
struct span request_line_id(struct span line);

#endif
