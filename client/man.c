/* SPDX-License-Identifier: MIT */
/* batchctl(1) in mdoc, from the table. */
#include <string.h>

#include "err.h"
#include "help.h"

enum { SOURCE_WIDE = 76 };

/* Text as mdoc takes it: no line that looks like a request, the dashes of flags as dashes, a line per sentence. */
static void prose(const char *text, struct buf *ret)
{
	bool start = true;
	size_t line = ret->len;

	for (const char *p = text; *p != '\0'; p++) {
		if (start && (*p == '.' || *p == '\''))
			buf_add_str(ret, "\\&");
		start = false;
		if (*p == '\\')
			buf_add_str(ret, "\\e");
		else if (*p == '-' && (p == text || p[-1] == ' ' || p[-1] == '-'))
			buf_add_str(ret, "\\-");
		else if (*p == '\n')
			buf_add_str(ret, "\n.Pp\n");
		else if (*p == ' ' && p > text
		         && (strchr(".?!", p[-1]) != NULL || ret->len - line + strcspn(p + 1, " ") > SOURCE_WIDE))
			buf_add_char(ret, '\n');
		else
			buf_add_char(ret, *p);
		start = ret->at[ret->len - 1] == '\n';
		if (start)
			line = ret->len;
	}
	buf_add_char(ret, '\n');
}

static void words(const struct command_spec *c, struct buf *ret)
{
	const char *rest = c->words;
	struct word_spec w;

	while (spec_word_next(&rest, &w)) {
		struct span choices = w.choices, one;

		if (w.choices.len == 0) {
			buf_add_str(ret, w.optional ? " Op Ar " : " Ar ");
			for (size_t i = 0; i < w.name.len; i++)
				buf_add_char(ret, (char)(w.name.at[i] - 'a' + 'A'));
			buf_add_str(ret, w.many ? " ..." : "");
		}
		for (bool first = true; spec_choice_next(&choices, &one); first = false) {
			buf_add_str(ret, first ? " Cm " : " | ");
			buf_add_span(ret, one);
		}
	}
}

static void flag(const struct flag_spec *f, struct buf *ret)
{
	buf_add_str(ret, ".It Fl ");
	if (spec_letter(f) != '\0')
		buf_printf(ret, "%c , ", spec_letter(f));
	buf_printf(ret, "-%s%s%s\n", f->name, f->placeholder[0] != '\0' ? " Ar " : "", f->placeholder);
	prose(f->help, ret);
	ret->len--;
	buf_add_str(ret, ".\n");
}

/* Those of one command, or of every command. */
static void flags(const char *command, struct buf *ret)
{
	bool any = false;

	for (size_t i = 0; i < spec_n_flags; i++) {
		if (strcmp(spec_flags[i].command, command) != 0)
			continue;
		if (!any)
			buf_add_str(ret, ".Bl -tag -width Ds\n");
		any = true;
		flag(&spec_flags[i], ret);
	}
	if (any)
		buf_add_str(ret, ".El\n");
}

static void needs(const struct command_spec *c, struct buf *ret)
{
	for (size_t i = 0; i < spec_n_rules; i++) {
		const struct rule_spec *r = &spec_rules[i];
		struct span rest = span_of(r->names), one;

		if (r->kind != RULE_NEED || strcmp(r->command, c->name) != 0)
			continue;
		buf_add_str(ret, ".Pp\n");
		for (bool first = true; spec_choice_next(&rest, &one); first = false)
			buf_printf(ret, "%s.Fl -%.*s\n", first ? "" : "or\n", (int)one.len, one.at);
		buf_add_str(ret, "must be given");
		if (r->words[0] != '\0')
			buf_printf(ret, "\n.Pq for %s", r->words);
		buf_printf(ret, "%s\n%s.\n", r->words[0] != '\0' ? " :" : ":", r->text);
	}
}

static void command(const struct command_spec *c, struct buf *ret)
{
	buf_printf(ret, ".It Cm %s", c->name);
	words(c, ret);
	buf_add_char(ret, '\n');
	prose(c->summary, ret);
	ret->len--;
	buf_add_str(ret, ".\n");
	if (c->details[0] != '\0') {
		buf_add_str(ret, ".Pp\n");
		prose(c->details, ret);
	}
	needs(c, ret);
	flags(c->name, ret);
}

/* What --json prints. */
static void shape_head(const char *name, const char *printed_by, const char *text, struct buf *ret)
{
	struct span rest = span_of(printed_by), one;

	buf_printf(ret, ".It Sy %s\n", name);
	if (printed_by[0] == '\0') {
		buf_add_str(ret, "A part of others.\n");
		return;
	}
	buf_add_str(ret, "Printed by\n");
	for (bool first = true; spec_choice_next(&rest, &one); first = false)
		buf_printf(ret, "%s.Cm %.*s\n", first ? "" : "and\n", (int)one.len, one.at);
	if (text[0] != '\0')
		prose(text, ret);
}

static void member(const char *name, const char *type, const char *text, struct buf *ret)
{
	size_t n = strlen(type);
	bool optional = n > 0 && type[n - 1] == '?';

	buf_printf(ret, ".It %s\t%.*s\t", name, (int)(n - optional), type);
	if (text[0] != '\0') {
		prose(text, ret);
		ret->len--;
	}
	buf_add_str(ret, optional ? text[0] != '\0' ? "; may be missing\n" : "may be missing\n" : "\n");
}

static void replies(struct buf *ret)
{
	static const struct { const char *shape, *name, *type, *text; } all[] = {
#define SHAPE(name, printed_by, text) { #name, NULL, printed_by, text },
#define HAS(shape, member, type, text) { #shape, #member, type, text },
#include "batchd/replies.def"
	};

	buf_add_str(ret, ".Sh JSON OUTPUT\n"
		"With\n.Fl -json\n"
		"a command prints objects, one a line, of these forms.\n"
		"A program skips members that it does not know; the number\n.Sy schema\n"
		"rises when one is gone or means something else.\n"
		"Types:\n.Sy id\nis a number as text,\n.Sy ms\nunix time in milliseconds or 0,\n"
		".Sy [x]\na list.\n"
		".Bl -tag -width Ds\n");
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if (all[i].name == NULL) {
			shape_head(all[i].shape, all[i].type, all[i].text, ret);
			buf_add_str(ret, ".Bl -column created_ms_ [why_line]_ text\n");
		} else {
			member(all[i].name, all[i].type, all[i].text, ret);
		}
		if (i + 1 == sizeof all / sizeof all[0] || all[i + 1].name == NULL)
			buf_add_str(ret, ".El\n");
	}
	buf_add_str(ret, ".El\n");
}

static void statuses(struct buf *ret)
{
	static const struct { const char *text; int status; } all[] = {
#define E(sym, value, status, text) { text, status },
#include "batchd/errors.def"
#undef E
	};

	buf_add_str(ret, ".Sh EXIT STATUS\n.Bl -tag -width Ds\n.It 0\nDone.\n");
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		if (i == 0 || all[i].status != all[i - 1].status)
			buf_printf(ret, ".It %d\n", all[i].status);
		else
			buf_add_str(ret, "; or\n");
		buf_add_str(ret, all[i].text);
		if (i + 1 == sizeof all / sizeof all[0] || all[i + 1].status != all[i].status)
			buf_add_str(ret, ".\n");
	}
	buf_add_str(ret, ".El\n");
}

static const char head[] =
	".\\\" SPDX-License-Identifier: MIT\n"
	".\\\" Made by `batchctl help --man`.\n"
	".Dd November 22, 2026\n"
	".Dt BATCHCTL 1\n"
	".Os\n"
	".Sh NAME\n"
	".Nm batchctl\n"
	".Nd submit runs to batchd, show them, retry them\n"
	".Sh SYNOPSIS\n"
	".Nm\n"
	".Op Fl -socket Ar PATH\n"
	".Ar command\n"
	".Op Ar words\n"
	".Op Ar flags\n"
	".Sh DESCRIPTION\n"
	".Nm\n"
	"talks to\n"
	".Xr batchd 8 ,\n"
	"which drives runs of many requests through a Batch API.\n"
	"A job is named by its id or by the name it was submitted under.\n"
	".Pp\n"
	"A flag may be written with\n"
	".Sq _\n"
	"or with\n"
	".Sq \\- ,\n"
	"its value behind a blank or a\n"
	".Sq = .\n"
	"A flag given twice has its last value.\n"
	"Behind\n"
	".Fl -\n"
	"there are only words.\n"
	"Paths mean the caller's directory.\n"
	".Pp\n"
	"Of every command:\n";
static const char tail[] =
	".Sh ENVIRONMENT\n"
	".Bl -tag -width Ds\n"
	".It Ev BATCHD_SOCKET\n"
	"Where the daemon listens, unless\n"
	".Fl -socket\n"
	"says it.\n"
	".It Ev XDG_RUNTIME_DIR\n"
	"The daemon of the user listens at\n"
	".Pa batchd/batchd.sock\n"
	"in it.\n"
	".It Ev NO_COLOR\n"
	"If set, no colours.\n"
	".It Ev COLUMNS\n"
	"How wide tables may be where the output is no terminal;\n"
	"as wide as it takes if not set.\n"
	".It Ev TMPDIR\n"
	"Where a dataset that comes through a pipe is kept while it is sent.\n"
	".El\n"
	".Sh FILES\n"
	".Bl -tag -width Ds\n"
	".It Pa $XDG_RUNTIME_DIR/batchd/batchd.sock\n"
	"The socket of the user's own daemon.\n"
	".It Pa /run/batchd/batchd.sock\n"
	"The socket of the system's.\n"
	".El\n";
static const char examples[] =
	".Sh EXAMPLES\n"
	"Eight samples of every instance, and wait for them:\n"
	".Bd -literal -offset indent\n"
	"job=$(batchctl submit bugfixer \\-\\-dataset lite.jsonl \\e\n"
	"    \\-\\-repostructure_dir structures \\-\\-save_dir out \\e\n"
	"    \\-\\-model_name gpt-4o-mini \\-\\-passk 8)\n"
	"batchctl wait $job || batchctl status $job\n"
	".Ed\n"
	".Pp\n"
	"Look at it meanwhile, and try again what failed at stage 2:\n"
	".Bd -literal -offset indent\n"
	"batchctl status $job \\-\\-watch\n"
	"batchctl retry $job \\-\\-stage 2\n"
	".Ed\n"
	".Sh SEE ALSO\n"
	".Xr batchd.conf 5 ,\n"
	".Xr batchd 8\n";

void help_man(struct buf *ret)
{
	buf_add_str(ret, head);
	flags("", ret);
	buf_add_str(ret, ".Sh COMMANDS\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < spec_n_commands; i++)
		command(&spec_commands[i], ret);
	buf_add_str(ret, ".El\n");
	replies(ret);
	buf_add_str(ret, tail);
	statuses(ret);
	buf_add_str(ret, examples);
}
