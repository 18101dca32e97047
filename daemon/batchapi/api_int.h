/* SPDX-License-Identifier: MIT */
#ifndef API_INT_H
#define API_INT_H

#include "batchapi.h"
#include "dialect.h"
#include "object.h"

/* What api.c (endpoint, life of a call) and calls.c (the calls themselves) share. */
struct api {
	const struct dialect *dialect;
	struct transport *transport;            /* borrowed */
	char *base, *query;                     /* query: of base_url, goes with every request; may be NULL */
	char *purpose;
	char *key, *auth;                       /* the secret and its header line; NULL without a key */
	int64_t connect_ms, stall_ms;
};

enum call_kind { CALL_FILE, CALL_FILES, CALL_BATCH, CALL_BATCHES, CALL_DELETE, CALL_CONTENT };

struct api_call {
	struct exchange x;
	struct api *api;
	enum call_kind kind;
	union {
		api_file_fn file;
		api_files_fn files;
		api_batch_fn batch;
		api_batches_fn batches;
		api_done_fn done;
		api_content_fn content;
	} fn;
	void *data;                             /* the caller's */

	struct buf url, body;
	const char *headers[8];                 /* NULL-terminated */
	int n_headers;
	struct upload upload;
	char *idempotency, *path, *filename;    /* owned; headers and upload point to them */
	char *after;                            /* the cursor a list was asked with, NULL */
	bool elsewhere;                         /* the url is none of the endpoint's own */
	int page;                               /* how many items a list was asked for; 0: it has no pages */
};

struct api_call *call_new(struct api *api, enum call_kind kind, const char *method, void *data);
void call_header(struct api_call *call, const char *line);     /* borrowed */
/* base_url + path + "/" + escaped id (unless NULL) + behind + base_url's query. */
void call_url(struct api_call *call, const char *path, const char *id, const char *behind);
void call_query(struct api_call *call, const char *name, const char *value);
void url_escape(struct buf *out, const char *text);
struct api_call *call_start(struct api_call *call);

#endif
