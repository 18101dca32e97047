/* SPDX-License-Identifier: MIT */
#include "spec.h"

#include <string.h>

const struct command_spec spec_commands[] = {
#define CMD(name, right, words, summary, details) { #name, words, summary, details, false },
#define LOCAL(name, words, summary, details) { #name, words, summary, details, true },
#include "batchd/commands.def"
};
const size_t spec_n_commands = sizeof spec_commands / sizeof spec_commands[0];

#define T_STR ARG_STR, 0, 0
#define T_INT(min, max) ARG_INT, min, max
#define T_NUM(min, max) ARG_NUM, min, max
#define T_BOOL ARG_BOOL, 0, 0
#define T_JSON ARG_JSON, 0, 0
#define T_UPLOAD ARG_UPLOAD, 0, 0
#define T_HUB ARG_HUB, 0, 0
#define T_PATH ARG_PATH, 0, 0
#define T_FILE_IN ARG_FILE_IN, 0, 0
#define T_DIR_IN ARG_DIR_IN, 0, 0
#define T_DIR_OUT ARG_DIR_OUT, 0, 0

const struct flag_spec spec_flags[] = {
#define FLAG(command, name, type, placeholder, help) { #command, #name, T_##type, placeholder, help, true },
#define HERE(command, name, type, placeholder, help) { #command, #name, T_##type, placeholder, help, false },
#define GLOBAL(name, type, placeholder, help) { "", #name, T_##type, placeholder, help, false },
#include "batchd/commands.def"
};
const size_t spec_n_flags = sizeof spec_flags / sizeof spec_flags[0];

const struct rule_spec spec_rules[] = {
#define NEED(command, words, names, text) { RULE_NEED, #command, words, names, text },
#define FIT(command, words, names) { RULE_FIT, #command, words, names, "" },
#define ONE_OF(command, names) { RULE_ONE_OF, #command, "", names, "" },
#include "batchd/commands.def"
};
const size_t spec_n_rules = sizeof spec_rules / sizeof spec_rules[0];

static const struct { const char *command; char letter; const char *name; } shorts[] = {
#define SHORT(command, letter, name) { #command, letter, #name },
#include "batchd/commands.def"
};

const struct command_spec *spec_command(const char *name)
{
	for (size_t i = 0; i < spec_n_commands; i++)
		if (strcmp(spec_commands[i].name, name) == 0)
			return &spec_commands[i];
	return NULL;
}

bool spec_flag_of(const struct flag_spec *flag, const struct command_spec *command)
{
	return command != NULL && strcmp(flag->command, command->name) == 0;
}

static bool same_name(const char *name, struct span given)
{
	if (strlen(name) != given.len)
		return false;
	for (size_t i = 0; i < given.len; i++)
		if (name[i] != (given.at[i] == '-' ? '_' : given.at[i]))
			return false;
	return true;
}

const struct flag_spec *spec_flag(const struct command_spec *command, struct span name)
{
	for (size_t i = 0; i < spec_n_flags; i++) {
		const struct flag_spec *f = &spec_flags[i];

		if ((f->command[0] == '\0' || spec_flag_of(f, command)) && same_name(f->name, name))
			return f;
	}
	return NULL;
}

const struct flag_spec *spec_flag_short(const struct command_spec *command, char letter)
{
	for (size_t i = 0; i < sizeof shorts / sizeof shorts[0]; i++)
		if (shorts[i].letter == letter && (shorts[i].command[0] == '\0'
		    || (command != NULL && strcmp(shorts[i].command, command->name) == 0)))
			return spec_flag(command, span_of(shorts[i].name));
	return NULL;
}

char spec_letter(const struct flag_spec *flag)
{
	for (size_t i = 0; i < sizeof shorts / sizeof shorts[0]; i++)
		if (strcmp(shorts[i].command, flag->command) == 0 && strcmp(shorts[i].name, flag->name) == 0)
			return shorts[i].letter;
	return '\0';
}

bool spec_word_next(const char **words, struct word_spec *ret)
{
	const char *at = *words + strspn(*words, " ");
	struct span all = { at, strcspn(at, " ") };
	struct word_spec w = { 0 };
	const char *is;

	if (all.len == 0)
		return false;
	*words = at + all.len;
	if (all.at[0] == '[') {
		w.optional = true;
		all = (struct span){ all.at + 1, all.len - 2 };
	}
	if (span_ends(all, "...")) {
		w.many = true;
		all.len -= 3;
	}
	w.name = all;
	is = memchr(all.at, '=', all.len);
	if (is != NULL) {
		w.name.len = (size_t)(is - all.at);
		w.choices = (struct span){ is + 1, all.len - w.name.len - 1 };
	}
	*ret = w;
	return true;
}

bool spec_choice_next(struct span *choices, struct span *ret)
{
	const char *bar;

	if (choices->len == 0)
		return false;
	bar = memchr(choices->at, '|', choices->len);
	*ret = *choices;
	if (bar == NULL) {
		choices->len = 0;
		return true;
	}
	ret->len = (size_t)(bar - choices->at);
	choices->len -= ret->len + 1;
	choices->at = bar + 1;
	return true;
}

bool spec_choice_has(const char *choices, const char *word)
{
	struct span rest = span_of(choices), one;

	while (spec_choice_next(&rest, &one))
		if (span_is(one, word))
			return true;
	return false;
}
