/* SPDX-License-Identifier: MIT */
#ifndef LINE_H
#define LINE_H

#include "batchapi.h"
#include "json.h"

/* The long way of result_line_read(): builds the whole tree; the quick way is held against it. */
void result_line_parse(struct span line, struct result_line *ret);
/* The quick way, for plain answers only: false if the line is anything else. */
bool result_line_scan(struct span line, struct result_line *ret);
/* A custom_id, owned by the caller; NULL: no memory. */
char *line_id_copy(struct span id);

/* The numbers that a usage object may hold, under the names of several providers; 0: not there. */
enum usage_name {
	USAGE_PROMPT, USAGE_INPUT, USAGE_COMPLETION, USAGE_OUTPUT, USAGE_CACHE_HIT, USAGE_CACHED, USAGE_REASONING, USAGE_NAMES
};
extern const char *const usage_names[USAGE_NAMES];
/* Objects in it, of which one number counts. */
enum usage_details { DETAILS_PROMPT, DETAILS_INPUT, DETAILS_COMPLETION, DETAILS_OUTPUT, DETAILS_COUNT };
extern const struct usage_part { const char *name, *number; } usage_parts[DETAILS_COUNT];
struct usage {
	int64_t n[USAGE_NAMES];
	struct { bool there; int64_t n; } details[DETAILS_COUNT];
};
/* What it comes to. */
void usage_take(const struct usage *u, struct result_line *ret);
/* The long way: from the tree. */
void usage_read(const struct json *usage, struct result_line *ret);

#endif
