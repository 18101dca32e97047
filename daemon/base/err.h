/* SPDX-License-Identifier: MIT */
#ifndef ERR_H
#define ERR_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Errors: a negative code from errors.def and a sentence for people.
 *
 * Functions that can fail return 0 or a negative BD_E... and take `struct err *`
 * last (NULL is allowed).  They report or return, never both.
 */
enum bd_error {
#define E(sym, value, status, text) BD_E##sym = value,
#include "batchd/errors.def"
#undef E
};

/* What went wrong, for people.  Lives on the caller's stack; never allocates. */
struct err {
	int code;
	char msg[512];
};

/* Fill err (may be NULL) and hand the code back, so callers can `return err_set(...)`. */
int err_set(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* As err_set, with ": " and what errno says behind the text. */
int err_sys(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Say where the failure below happened: "line 7: " + what it said.  Returns err's code. */
int err_prefix(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Trouble of this machine (disk, database, memory): the same thing done later may well succeed. */
bool err_is_local(int code);

/* The exit status of batchctl for a code, and the code's own text. */
int err_exit_status(int code);
const char *err_text(int code);

#endif
