/* SPDX-License-Identifier: MIT */
#ifndef OBJECT_H
#define OBJECT_H

#include "batchapi.h"
#include "json.h"

/*
 * Reading an endpoint's file and batch objects, in whatever shape they come: wrapped, with
 * numbers as texts, times in seconds, milliseconds or ISO 8601, errors as list, text or object.
 * Missing, null and "" are the same.
 */

/* What was made for an object, until pool_done().  lacks: there was no memory for something, so the object is not to be used. */
struct pool {
	void **at;
	size_t n;
	bool lacks;
};
void pool_done(struct pool *pool);

/* Texts point into v and pool.  False if there is no id: then it is no such object. */
bool object_file(const struct json *v, struct pool *pool, struct remote_file *ret);
bool object_batch(const struct json *v, struct pool *pool, struct remote_batch *ret);

/* The items of a list reply, bare or wrapped; NULL if it is none. */
const struct json *object_list(const struct json *v);
/* Whether more pages follow: 1, 0, or -1 if the reply does not say. */
int object_has_more(const struct json *v);

/* "deleted": true, or nothing said about it. */
bool object_deleted(const struct json *v);

/*
 * What an error body says, in whatever shape: the code ("" if none; the type stands in for it) and the
 * message.  False if it does not look like an error at all.
 */
struct remote_error {
	char code[64];
	char message[320];
	int64_t line;                   /* -1 */
};
bool object_error(const struct json *v, struct remote_error *ret);

/* A number that may be written as one, as a text or as a fraction; -1 if it is none. */
int64_t object_int(const struct json *v);
/* Unix seconds out of seconds, milliseconds or an ISO 8601 text; -1 if it is none. */
int64_t object_time(const struct json *v);

/* Whether code or message mean "too many enqueued tokens", and the limit they name (-1). */
bool error_is_token_limit(const char *code, const char *message, int64_t *ret_allowed);
/* text has the piece in it, in any case. */
bool text_has(const char *text, const char *piece);

#endif
