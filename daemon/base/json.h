/* SPDX-License-Identifier: MIT */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

/*
 * JSON for messages, settings and result lines: cJSON behind a strict door.
 *
 * cJSON's holes are closed here (reference/performance.md, part 2): a lone surrogate or
 * \u0000 in a string becomes U+FFFD instead of failing the document or cutting the text,
 * rubbish behind the value is an error, a BOM in front is skipped, names are compared with case.
 * A document for which there is no memory is BD_ENOMEM: that says nothing about the text.
 * Readers accept NULL nodes and answer NULL / false, so paths can be walked without checks.
 */
struct json;

int json_parse(const char *text, size_t len, struct json **ret, struct err *err);
void json_free(struct json *v);

const struct json *json_get(const struct json *obj, const char *name);
const struct json *json_first(const struct json *list_or_obj);
const struct json *json_next(const struct json *item);
const char *json_name(const struct json *item);         /* of a member of an object */
size_t json_count(const struct json *list_or_obj);

bool json_is_obj(const struct json *v);
bool json_is_list(const struct json *v);
bool json_is_null(const struct json *v);                /* null, or not there at all */
const char *json_str(const struct json *v);             /* NULL unless a string */
bool json_int(const struct json *v, int64_t *ret);      /* a number; fractions are cut */
bool json_num(const struct json *v, double *ret);
bool json_bool(const struct json *v, bool *ret);
const char *json_get_str(const struct json *obj, const char *name);
int64_t json_get_int(const struct json *obj, const char *name, int64_t otherwise);
bool json_get_bool(const struct json *obj, const char *name, bool otherwise);

/* The value as text without blanks, as it would be written. */
void json_print(const struct json *v, struct buf *ret);

/* --- writing: straight into a buffer, commas by itself ------------------------------ */

/* Text between the quotes of a JSON string; bytes that are no UTF-8 become U+FFFD. */
void json_escape(struct buf *out, const char *text, size_t len);

struct jw {
	struct buf *out;        /* borrowed */
	bool comma;             /* a value stands before the next one */
};

void jw_obj(struct jw *w);
void jw_obj_end(struct jw *w);
void jw_list(struct jw *w);
void jw_list_end(struct jw *w);
void jw_name(struct jw *w, const char *name);
void jw_str(struct jw *w, const char *text);            /* NULL writes null */
void jw_span(struct jw *w, struct span s);
void jw_int(struct jw *w, int64_t n);
void jw_num(struct jw *w, double n);
void jw_bool(struct jw *w, bool b);
void jw_null(struct jw *w);
void jw_raw(struct jw *w, struct span ready);           /* a value that is JSON already */
/* name and value in one */
void jw_put_str(struct jw *w, const char *name, const char *text);
void jw_put_span(struct jw *w, const char *name, struct span s);
void jw_put_int(struct jw *w, const char *name, int64_t n);
void jw_put_id(struct jw *w, const char *name, int64_t id);     /* a number as text, as ids are */
void jw_put_bool(struct jw *w, const char *name, bool b);

#endif
