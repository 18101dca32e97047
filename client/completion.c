/* SPDX-License-Identifier: MIT */
/* The completions of bash, zsh and fish, from the table. */
#include <string.h>

#include "help.h"

/* Ids and names of the jobs, from the list: until its blank line.  Other users choose names, and bash expands what is
 * given to compgen -W: only plain ones are offered. */
#define JOBS "batchctl status 2>/dev/null | awk \"NR > 1 && !NF { exit } NR > 1 { print \\$1 } " \
	"NR > 1 && \\$2 ~ /^[A-Za-z0-9_.:+@,][-A-Za-z0-9_.:+@,]*\\$/ { print \\$2 }\""

enum kind { KIND_NONE, KIND_TEXT, KIND_FILE, KIND_DIR };

static enum kind kind_of(const struct flag_spec *f)
{
	switch (f->type) {
	case ARG_BOOL:
		return KIND_NONE;
	case ARG_UPLOAD:
	case ARG_HUB:
	case ARG_PATH:
	case ARG_FILE_IN:
		return KIND_FILE;
	case ARG_DIR_IN:
	case ARG_DIR_OUT:
		return KIND_DIR;
	default:
		return KIND_TEXT;
	}
}

static bool seen_before(size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(spec_flags[j].name, spec_flags[i].name) == 0)
			return true;
	return false;
}

/* "a|b|c" with another sign between them. */
static void list(struct span choices, const char *between, struct buf *ret)
{
	struct span one;

	for (bool first = true; spec_choice_next(&choices, &one); first = false) {
		buf_add_str(ret, first ? "" : between);
		buf_add_span(ret, one);
	}
}

static void all_commands(const char *between, struct buf *ret)
{
	for (size_t i = 0; i < spec_n_commands; i++)
		buf_printf(ret, "%s%s", i > 0 ? between : "", spec_commands[i].name);
}

/* Text within '...'; what the shell's own grammar of descriptions would read gets a backslash. */
static void quoted(const char *text, const char *special, const char *quote, struct buf *ret)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'') {
			buf_add_str(ret, quote);
			continue;
		}
		if (strchr(special, *text) != NULL)
			buf_add_char(ret, '\\');
		buf_add_char(ret, *text);
	}
}

/* --- bash ------------------------------------------------------------------------------ */

static void bash_values(enum kind kind, const char *indent, struct buf *ret)
{
	bool first = true;

	buf_add_str(ret, indent);
	for (size_t i = 0; i < spec_n_flags; i++)
		if (kind_of(&spec_flags[i]) == kind && !seen_before(i)) {
			buf_printf(ret, "%s--%s", first ? "" : "|", spec_flags[i].name);
			first = false;
		}
	buf_add_str(ret, ")");
}

static void bash_words(const struct command_spec *c, struct buf *ret)
{
	const char *rest = c->words;
	struct word_spec w;

	for (size_t n = 0; spec_word_next(&rest, &w); n++) {
		if (w.many)
			buf_printf(ret, "\t%s:*) ", c->name);
		else
			buf_printf(ret, "\t%s:%zu) ", c->name, n);
		if (w.choices.len > 0) {
			buf_add_str(ret, "words='");
			list(w.choices, " ", ret);
			buf_add_char(ret, '\'');
		} else if (span_is(w.name, "command")) {
			buf_add_str(ret, "words='");
			all_commands(" ", ret);
			buf_add_char(ret, '\'');
		} else {
			buf_add_str(ret, "words=$(" JOBS ")");
		}
		buf_add_str(ret, " ;;\n");
	}
}

static void bash_flags(const struct command_spec *c, struct buf *ret)
{
	buf_printf(ret, "\t\t%s) words='", c->name);
	for (size_t i = 0; i < spec_n_flags; i++)
		if (spec_flag_of(&spec_flags[i], c) || spec_flags[i].command[0] == '\0')
			buf_printf(ret, "--%s ", spec_flags[i].name);
	ret->len--;
	buf_add_str(ret, "' ;;\n");
}

static void bash(struct buf *ret)
{
	buf_add_str(ret,
		"# bash completion of batchctl\n"
		"_batchctl()\n{\n"
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= words= n=0 i\n"
		"\t[[ $cur == = ]] && cur=\n"
		"\t[[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD-2]}\n"
		"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		"\t\tcase ${COMP_WORDS[i]//-/_} in\n"
		"\t\t");
	for (size_t i = 0, n = 0; i < spec_n_flags; i++)
		if (kind_of(&spec_flags[i]) != KIND_NONE && !seen_before(i))
			buf_printf(ret, "%s__%s", n++ > 0 ? "|" : "", spec_flags[i].name);
	buf_add_str(ret, ")\n"
		"\t\t\t[[ ${COMP_WORDS[i+1]} == = ]] && ((i++))\n"
		"\t\t\t((i++)) ;;\n"
		"\t\t_*) ;;\n"
		"\t\t*)\tif [[ -z $command ]]; then command=${COMP_WORDS[i]}; else ((n++)); fi ;;\n"
		"\t\tesac\n"
		"\tdone\n"
		"\tprev=${prev//-/_}\n"
		"\tcase ${prev/#__/--} in\n");
	bash_values(KIND_FILE, "\t", ret);
	buf_add_str(ret, " compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n");
	bash_values(KIND_DIR, "\t", ret);
	buf_add_str(ret, " compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\")); return ;;\n");
	bash_values(KIND_TEXT, "\t", ret);
	buf_add_str(ret, " return ;;\n"
		"\tesac\n"
		"\tif [[ $cur == -* ]]; then\n"
		"\t\tcase $command in\n");
	for (size_t i = 0; i < spec_n_commands; i++)
		bash_flags(&spec_commands[i], ret);
	buf_add_str(ret, "\t\t*) words='--socket --help --version' ;;\n"
		"\t\tesac\n"
		"\telse\n"
		"\tcase $command:$n in\n"
		"\t:*) words='");
	all_commands(" ", ret);
	buf_add_str(ret, "' ;;\n");
	for (size_t i = 0; i < spec_n_commands; i++)
		bash_words(&spec_commands[i], ret);
	buf_add_str(ret, "\tesac\n\tfi\n"
		"\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
		"}\n"
		"complete -F _batchctl batchctl\n");
}

/* --- zsh ------------------------------------------------------------------------------- */

static void zsh_flag(const struct flag_spec *f, struct buf *ret)
{
	static const char *const how[] = { "", " ", "_files", "_directories" };
	enum kind kind = kind_of(f);

	buf_printf(ret, " \\\n\t\t\t'--%s%s[", f->name, kind == KIND_NONE ? "" : "=");
	quoted(f->help, "[]:\\", "'\\''", ret);
	buf_add_char(ret, ']');
	if (kind != KIND_NONE)
		buf_printf(ret, ":%s:%s", f->placeholder, how[kind]);
	buf_add_char(ret, '\'');
}

static void zsh_words(const struct command_spec *c, struct buf *ret)
{
	const char *rest = c->words;
	struct word_spec w;

	for (size_t n = 1; spec_word_next(&rest, &w); n++) {
		buf_add_str(ret, " \\\n\t\t\t'");
		if (w.many)
			buf_add_char(ret, '*');
		else
			buf_printf(ret, "%zu", n);
		buf_printf(ret, ":%.*s:", (int)w.name.len, w.name.at);
		if (w.choices.len > 0 || span_is(w.name, "command")) {
			buf_add_char(ret, '(');
			if (w.choices.len > 0)
				list(w.choices, " ", ret);
			else
				all_commands(" ", ret);
			buf_add_char(ret, ')');
		} else {
			buf_add_str(ret, "_batchctl_jobs");
		}
		buf_add_char(ret, '\'');
	}
}

static void zsh(struct buf *ret)
{
	buf_add_str(ret,
		"#compdef batchctl\n"
		"_batchctl_jobs()\n{\n"
		"\tlocal -a jobs\n"
		"\tjobs=(${(f)\"$(" JOBS ")\"})\n"
		"\tcompadd -a jobs\n"
		"}\n"
		"_batchctl()\n{\n"
		"\tlocal -a commands\n"
		"\tlocal state line curcontext=$curcontext\n"
		"\tcommands=(\n");
	for (size_t i = 0; i < spec_n_commands; i++) {
		buf_printf(ret, "\t\t'%s:", spec_commands[i].name);
		quoted(spec_commands[i].summary, ":\\", "'\\''", ret);
		buf_add_str(ret, "'\n");
	}
	buf_add_str(ret, "\t)\n"
		"\t_arguments -C '--socket=[Where the daemon listens]:PATH:_files' \\\n"
		"\t\t'(-h --help)'{-h,--help}'[Show the help]' \\\n"
		"\t\t'(-V --version)'{-V,--version}'[Show the version]' '1:command:->command' '*::word:->words'\n"
		"\tcase $state in\n"
		"\tcommand) _describe command commands ;;\n"
		"\twords)\n"
		"\t\tcase $words[1] in\n");
	for (size_t i = 0; i < spec_n_commands; i++) {
		buf_printf(ret, "\t\t%s) _arguments", spec_commands[i].name);
		for (size_t j = 0; j < spec_n_flags; j++)
			if (spec_flag_of(&spec_flags[j], &spec_commands[i]) || spec_flags[j].command[0] == '\0')
				zsh_flag(&spec_flags[j], ret);
		zsh_words(&spec_commands[i], ret);
		buf_add_str(ret, " ;;\n");
	}
	buf_add_str(ret, "\t\tesac ;;\n\tesac\n}\n"
		"if [[ $funcstack[1] == _batchctl ]]; then _batchctl \"$@\"; else compdef _batchctl batchctl; fi\n");
}

/* --- fish ------------------------------------------------------------------------------ */

static void fish_words(const struct command_spec *c, struct buf *ret)
{
	const char *rest = c->words;
	struct word_spec w;

	while (spec_word_next(&rest, &w)) {
		buf_printf(ret, "complete -c batchctl -f -n '__batchctl_at %s' -a '", c->name);
		if (w.choices.len > 0)
			list(w.choices, " ", ret);
		else if (span_is(w.name, "command"))
			all_commands(" ", ret);
		else
			buf_add_str(ret, "(" JOBS ")");
		buf_add_str(ret, "'\n");
	}
}

static void fish(struct buf *ret)
{
	static const char *const how[] = { "", " -x", " -r -F", " -x -a '(__fish_complete_directories)'" };

	buf_add_str(ret, "# fish completion of batchctl\n"
		"# Is that the command of the line, or with no word: is there none yet?\n"
		"function __batchctl_at\n"
		"\tset -l command\n"
		"\tset -l skip 1\n"
		"\tfor word in (commandline -opc)\n"
		"\t\tif test $skip = 1\n\t\t\tset skip 0\n\t\t\tcontinue\n\t\tend\n"
		"\t\tswitch $word\n"
		"\t\tcase --socket\n\t\t\tset skip 1\n"
		"\t\tcase '-*'\n"
		"\t\tcase '*'\n\t\t\tset command $word\n\t\t\tbreak\n"
		"\t\tend\n"
		"\tend\n"
		"\ttest \"$command\" = \"$argv\"\n"
		"end\n"
		"complete -c batchctl -f\n");
	for (size_t i = 0; i < spec_n_commands; i++) {
		buf_printf(ret, "complete -c batchctl -n __batchctl_at -a %s -d '", spec_commands[i].name);
		quoted(spec_commands[i].summary, "\\", "\\'", ret);
		buf_add_str(ret, "'\n");
		fish_words(&spec_commands[i], ret);
	}
	for (size_t i = 0; i < spec_n_flags; i++) {
		const struct flag_spec *f = &spec_flags[i];

		buf_add_str(ret, "complete -c batchctl");
		if (f->command[0] != '\0')
			buf_printf(ret, " -n '__batchctl_at %s'", f->command);
		if (spec_letter(f) != '\0')
			buf_printf(ret, " -s %c", spec_letter(f));
		buf_printf(ret, " -l %s%s -d '", f->name, how[kind_of(f)]);
		quoted(f->help, "\\", "\\'", ret);
		buf_add_str(ret, "'\n");
	}
}

void help_completion(const char *shell, struct buf *ret)
{
	static const struct { const char *name; void (*make)(struct buf *ret); } shells[] = {
		{ "bash", bash }, { "zsh", zsh }, { "fish", fish },
	};

	for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
		if (strcmp(shells[i].name, shell) == 0)
			shells[i].make(ret);
}
