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
/* The token counts of a usage object under any of their names. */
void usage_read(const struct json *usage, struct result_line *ret);

#endif
