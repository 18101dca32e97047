/* SPDX-License-Identifier: MIT */
#ifndef EP_PLAN_H
#define EP_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "json.h"

/* The faults of a plan, in the order of its lines (../README.md says what each does). */
enum ep_scope { SCOPE_CALL, SCOPE_BATCH, SCOPE_FILE, SCOPE_LINE, SCOPE_OPTION };

enum ep_do {
#define D(scope, sym, word, keys) DO_##sym,
#include "ep_plan.def"
#undef D
};

/* The kinds of calls, as the log and the plan name them. */
enum ep_kind {
	KIND_CREATE, KIND_UPLOAD, KIND_FILE_GET, KIND_FILE_LIST, KIND_CONTENT, KIND_FILE_DELETE,
	KIND_BATCH_GET, KIND_BATCH_LIST, KIND_CANCEL, KIND_BLOB, KIND_OTHER, KIND_ANY,
};
const char *ep_kind_name(enum ep_kind kind);

struct ep_fault {
	enum ep_scope scope;
	enum ep_do what;
	int64_t line_no;                /* in the plan */
	struct json *spec;              /* the line; parameters are read from it */
	/* which of the things that match it hits, counted from 1 */
	int64_t from, to;
	int64_t stage;                  /* -1: any */
	int64_t from_ms, until_ms;      /* since the first call; -1: any time */
	double chance;                  /* 1: always */
	int64_t batch_from, batch_to;   /* CALL, LINE: of which batches */
	enum ep_kind call;
	char file_kind;                 /* CALL: 'i'nput, 'o'utput, 'e'rror, 0 any */
	bool after, early;
	const char *custom_id;          /* LINE; NULL: all */
	bool prefix;                    /* custom_id ends with '*' */
	double fraction;
	int64_t times;                  /* LINE with custom_id: how often; -1: always */
	/* so far */
	int64_t seen, hits;
};

struct ep_plan {
	struct ep_fault *at;
	size_t n, cap;
};

/* Adds the lines of a plan; the first bad one is refused with its number. */
int ep_plan_add(struct ep_plan *plan, struct span text, struct err *err);
void ep_plan_done(struct ep_plan *plan);

/* Parameters of a fault. */
const char *fault_str(const struct ep_fault *f, const char *name, const char *otherwise);
int64_t fault_int(const struct ep_fault *f, const char *name, int64_t otherwise);
double fault_num(const struct ep_fault *f, const char *name, double otherwise);
bool fault_bool(const struct ep_fault *f, const char *name, bool otherwise);

#endif
