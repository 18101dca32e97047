/* SPDX-License-Identifier: MIT */
#ifndef SPEC_H
#define SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* include/batchd/commands.def as tables: what parsing, help, the manual page and the completions read. */
enum arg_type {
	ARG_STR, ARG_INT, ARG_NUM, ARG_BOOL, ARG_JSON,
	ARG_UPLOAD, ARG_HUB, ARG_PATH, ARG_FILE_IN, ARG_DIR_IN, ARG_DIR_OUT,
};

struct flag_spec {
	const char *command;            /* "" for every command */
	const char *name;
	enum arg_type type;
	double min, max;                /* INT and NUM */
	const char *placeholder, *help;
	bool sent;                      /* to the daemon */
};

struct command_spec {
	const char *name, *words, *summary, *details;
	bool local;                     /* needs no daemon */
};

enum rule_kind { RULE_NEED, RULE_FIT, RULE_ONE_OF };

struct rule_spec {
	enum rule_kind kind;
	const char *command;
	const char *words;              /* "" or first words it holds for, "a|b" */
	const char *names;              /* flags, "a|b" */
	const char *text;
};

/* One place of a command's positional words. */
struct word_spec {
	struct span name;
	struct span choices;            /* "a|b", or empty: any text */
	bool optional, many;
};

extern const struct command_spec spec_commands[];
extern const size_t spec_n_commands;
extern const struct flag_spec spec_flags[];
extern const size_t spec_n_flags;
extern const struct rule_spec spec_rules[];
extern const size_t spec_n_rules;

/* NULL if there is none. */
const struct command_spec *spec_command(const char *name);
/* The flag of that command, or of every command, by its name in either spelling; NULL if there is none. */
const struct flag_spec *spec_flag(const struct command_spec *command, struct span name);
const struct flag_spec *spec_flag_short(const struct command_spec *command, char letter);
/* '\0' if it has none. */
char spec_letter(const struct flag_spec *flag);
/* Is it a flag of that command itself (not one of every command)? */
bool spec_flag_of(const struct flag_spec *flag, const struct command_spec *command);

/* The next place; false at the end.  *words moves behind it. */
bool spec_word_next(const char **words, struct word_spec *ret);
/* The next of "a|b|c"; false at the end. */
bool spec_choice_next(struct span *choices, struct span *ret);
bool spec_choice_has(const char *choices, const char *word);

#endif
