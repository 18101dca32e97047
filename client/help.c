/* SPDX-License-Identifier: MIT */
#include "help.h"

#include <string.h>

#include "err.h"
#include "mem.h"

enum { INDENT = 2, NAMES = 28 };

static const struct { int status; const char *text; } statuses[] = {
#define E(sym, value, status, text) { status, text },
#include "batchd/errors.def"
#undef E
};

static void pad(struct buf *ret, size_t from, size_t to)
{
	for (; from < to; from++)
		buf_add_char(ret, ' ');
}

/* Words of text from column `at` on, in lines of `width` that begin at column `left`; ends the line. */
static void wrap(const char *text, size_t at, size_t left, size_t width, struct buf *ret)
{
	bool first = true;

	while (*text != '\0') {
		size_t len = strcspn(text, " \n");

		if (!first && at + 1 + len > width) {
			buf_add_char(ret, '\n');
			pad(ret, 0, left);
			at = left;
		} else if (!first) {
			buf_add_char(ret, ' ');
			at++;
		}
		buf_add(ret, text, len);
		at += len;
		first = false;
		text += len;
		if (*text == '\n') {
			buf_add_char(ret, '\n');
			pad(ret, 0, left);
			at = left;
			first = true;
		}
		text += *text != '\0';
	}
	buf_add_char(ret, '\n');
}

/* A name and what it means, in two columns; one below the other where it is too narrow. */
static void entry(const char *name, const char *text, size_t width, struct buf *ret)
{
	size_t left = width >= 60 ? NAMES : 6, len = strlen(name) + INDENT;

	pad(ret, 0, INDENT);
	buf_add_str(ret, name);
	if (len + 1 > left) {
		buf_add_char(ret, '\n');
		len = 0;
	}
	pad(ret, len, left);
	wrap(text, left, left, width, ret);
}

static bool has_flags(const struct command_spec *command)
{
	for (size_t i = 0; i < spec_n_flags; i++)
		if (spec_flag_of(&spec_flags[i], command))
			return true;
	return false;
}

void help_usage(const struct command_spec *command, struct buf *ret)
{
	const char *rest = command->words;
	struct word_spec w;

	buf_add_str(ret, command->name);
	while (spec_word_next(&rest, &w)) {
		buf_add_str(ret, w.optional ? " [" : " ");
		if (w.choices.len > 0)
			buf_add_span(ret, w.choices);
		for (size_t i = 0; w.choices.len == 0 && i < w.name.len; i++)
			buf_add_char(ret, (char)(w.name.at[i] - 'a' + 'A'));
		buf_add_str(ret, w.many ? "..." : w.optional ? "]" : "");
	}
}

static void flag_entry(const struct flag_spec *f, size_t width, struct buf *ret)
{
	struct buf name = { 0 };

	if (spec_letter(f) != '\0')
		buf_printf(&name, "-%c, ", spec_letter(f));
	buf_printf(&name, "--%s%s%s", f->name, f->placeholder[0] != '\0' ? " " : "", f->placeholder);
	entry(buf_str(&name), f->help, width, ret);
	buf_done(&name);
}

/* "for raw: --requests is needed" and the like. */
static void rules(const struct command_spec *command, size_t width, struct buf *ret)
{
	bool any = false;

	for (size_t i = 0; i < spec_n_rules; i++) {
		const struct rule_spec *r = &spec_rules[i];
		struct span rest = span_of(r->names), one;
		struct buf name = { 0 }, text = { 0 };

		if (strcmp(r->command, command->name) != 0 || r->kind != RULE_NEED)
			continue;
		if (!any)
			buf_add_str(ret, "\nNeeded:\n");
		any = true;
		for (size_t n = 0; spec_choice_next(&rest, &one); n++)
			buf_printf(&name, "%s--%.*s", n > 0 ? " or " : "", (int)one.len, one.at);
		buf_printf(&text, "%s%s%s%s", r->text, r->words[0] != '\0' ? " (" : "", r->words,
		           r->words[0] != '\0' ? ")" : "");
		entry(buf_str(&name), buf_str(&text), width, ret);
		buf_done(&name);
		buf_done(&text);
	}
}

void help_command(const struct command_spec *command, size_t width, struct buf *ret)
{
	struct buf text = { 0 };

	buf_add_str(&text, "usage: batchctl ");
	help_usage(command, &text);
	buf_add_str(&text, has_flags(command) ? " [flags]\n" : "\n");
	wrap(buf_str(&text), 0, 0, width, ret);
	buf_reset(&text);
	buf_printf(&text, "%s.", command->summary);
	wrap(buf_str(&text), 0, 0, width, ret);
	buf_done(&text);
	if (command->details[0] != '\0') {
		buf_add_char(ret, '\n');
		wrap(command->details, 0, 0, width, ret);
	}
	rules(command, width, ret);
	if (has_flags(command))
		buf_add_str(ret, "\nFlags:\n");
	for (size_t i = 0; i < spec_n_flags; i++)
		if (spec_flag_of(&spec_flags[i], command))
			flag_entry(&spec_flags[i], width, ret);
}

static void list_statuses(size_t width, struct buf *ret)
{
	buf_add_str(ret, "\nExit status:\n");
	entry("0", "done", width, ret);
	for (int status = 1; status < 10; status++) {
		struct buf number = { 0 }, text = { 0 };

		for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
			if (statuses[i].status == status)
				buf_printf(&text, "%s%s", text.len > 0 ? "; " : "", statuses[i].text);
		buf_printf(&number, "%d", status);
		if (text.len > 0)
			entry(buf_str(&number), buf_str(&text), width, ret);
		buf_done(&number);
		buf_done(&text);
	}
}

void help_all(size_t width, struct buf *ret)
{
	buf_add_str(ret, "usage: batchctl COMMAND [WORDS] [flags]\n\n");
	wrap("Submits runs to batchd, shows them, retries them.", 0, 0, width, ret);
	buf_add_str(ret, "\nCommands:\n");
	for (size_t i = 0; i < spec_n_commands; i++) {
		struct buf usage = { 0 };

		help_usage(&spec_commands[i], &usage);
		if (usage.len + INDENT + 1 > NAMES) {   /* the words have their place in the command's own help */
			buf_reset(&usage);
			buf_printf(&usage, "%s ...", spec_commands[i].name);
		}
		entry(buf_str(&usage), spec_commands[i].summary, width, ret);
		buf_done(&usage);
	}
	buf_add_str(ret, "\nFlags of every command:\n");
	for (size_t i = 0; i < spec_n_flags; i++)
		if (spec_flags[i].command[0] == '\0')
			flag_entry(&spec_flags[i], width, ret);
	list_statuses(width, ret);
	buf_add_char(ret, '\n');
	wrap("A flag may be written with _ or with -, its value behind a blank or a =. "
	     "batchctl help COMMAND tells all about one.", 0, 0, width, ret);
}
