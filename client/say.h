/* SPDX-License-Identifier: MIT */
#ifndef SAY_H
#define SAY_H

#include "args.h"
#include "err.h"
#include "term.h"

/* What commands print, and how. */

/* Text to stdout, at once.  BD_EIO if it cannot be written (a full disk). */
int say_text(const struct buf *text, struct err *err);
/* One line of JSON, as the daemon gave it. */
int say_json(const struct json *v, struct err *err);
/* "batchctl: submit: what went wrong" to stderr, cleaned; nothing if there is no message. */
void say_error(const struct args *args, const struct err *err);
void say_warning(const char *text);
/* The help of a command, of all if NULL. */
int say_help(const struct command_spec *command, struct err *err);
/* Is a person to be asked?  Not with --yes, nor if nobody is there. */
bool say_asks(const struct args *args);
/* Asks: true for yes. */
bool say_sure(const char *question);
/* Unix milliseconds. */
int64_t say_now_ms(void);

#endif
