/* SPDX-License-Identifier: MIT */
#ifndef ARGS_H
#define ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "json.h"
#include "spec.h"

/*
 * The command line, parsed and checked against the table: the words, the flags with their values, the rules
 * between them.
 *
 *   args_parse --> args_check (looks at files, makes directories) --> the command
 */
struct arg {
	const struct flag_spec *flag;
	const char *typed;              /* borrowed from argv; "" of a BOOL */
	char *text;                     /* owned; the path made absolute, else as typed */
	int64_t i;                      /* INT */
	double n;                       /* INT and NUM */
	char *upload;                   /* owned; UPLOAD, HUB: the file, once args_check() has found it */
	char *made;                     /* owned; DIR_OUT: the first directory of its path that args_check() made, or NULL */
};

enum { ARGS_WORDS_MAX = 64, ARGS_FLAGS_MAX = 64 };

struct args {
	const struct command_spec *command;     /* NULL: none was named */
	const char *words[ARGS_WORDS_MAX];      /* behind the command; borrowed from argv */
	size_t n_words;
	struct arg flags[ARGS_FLAGS_MAX];       /* a flag given twice is here once, with its last value */
	size_t n_flags;
};

/*
 * argv[0] is skipped.  BD_EINVALID says what is wrong and what is close.  With --help or --version what is missing
 * is no error.  ret is filled as far as it went either way (its command, for a hint at the help): args_done() it.
 */
int args_parse(int argc, char *const *argv, struct args *ret, struct err *err);
/* Are the files and directories named by the flags there and open to us?  Makes the DIR_OUT ones. */
int args_check(struct args *args, struct err *err);
/* Takes the directories that args_check() made away again, as far as nothing is in them: the command was refused. */
void args_unmake(struct args *args);
void args_done(struct args *args);

/* By the flag's name; NULL, false and `otherwise` if it was not given. */
const struct arg *args_get(const struct args *args, const char *name);
bool args_has(const struct args *args, const char *name);
const char *args_text(const struct args *args, const char *name);
int64_t args_int(const struct args *args, const char *name, int64_t otherwise);

/* Members of an object: the words and the flags that go to the daemon.  `job` stands in for a word "job...". */
void args_print(const struct args *args, const char *job, struct jw *w);
/* The file whose bytes travel behind the request; NULL if there is none. */
const char *args_upload(const struct args *args);

#endif
