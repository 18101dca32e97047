/* SPDX-License-Identifier: MIT */
#include "args.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "args_path.h"
#include "mem.h"
#include "suggest.h"

/* Say it and let go of the text. */
static int refuse(struct buf *text, struct err *err)
{
	int rc = err_set(err, BD_EINVALID, "%s", buf_str(text));

	buf_done(text);
	return rc;
}

static int set_number(struct arg *a, struct err *err)
{
	const struct flag_spec *f = a->flag;
	char *end;
	bool whole = true;

	errno = 0;
	if (f->type == ARG_INT) {
		a->i = strtoll(a->typed, &end, 10);
		a->n = (double)a->i;
	} else {
		a->n = strtod(a->typed, &end);
		whole = isfinite(a->n) && strpbrk(a->typed, "xXpP") == NULL;
	}
	if (end == a->typed || *end != '\0' || errno != 0 || !whole)
		return err_set(err, BD_EINVALID, "--%s: \"%.60s\" is not a %s", f->name, a->typed,
		               f->type == ARG_INT ? "whole number" : "number");
	if (a->n < f->min || a->n > f->max)
		return err_set(err, BD_EINVALID, "--%s: %s is not between %.15g and %.15g",
		               f->name, a->typed, f->min, f->max);
	return 0;
}

static int set_json(struct arg *a, struct err *err)
{
	struct json *v = NULL;
	int rc = json_parse(a->typed, strlen(a->typed), &v, err);

	if (rc < 0) {
		err_prefix(err, "--%s is no JSON: ", a->flag->name);
		return rc;
	}
	if (!json_is_obj(v))
		rc = err_set(err, BD_EINVALID, "--%s must be a JSON object such as '{\"seed\": 7}'", a->flag->name);
	json_free(v);
	return rc;
}

static int set_value(struct arg *a, struct err *err)
{
	switch (a->flag->type) {
	case ARG_INT:
	case ARG_NUM:
		return set_number(a, err);
	case ARG_JSON:
		return set_json(a, err);
	case ARG_BOOL:
		return 0;
	default:
		if (a->typed[0] == '\0')
			return err_set(err, BD_EINVALID, "--%s is empty", a->flag->name);
		return 0;
	}
}

/* Takes the flag with its value; one that is here already gets the new value. */
static int add_flag(struct args *args, const struct flag_spec *flag, const char *typed, struct err *err)
{
	struct arg a = { .flag = flag, .typed = typed };
	struct arg *to = &args->flags[args->n_flags];
	int rc = set_value(&a, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < args->n_flags; i++)
		if (args->flags[i].flag == flag)
			to = &args->flags[i];
	if (to == &args->flags[ARGS_FLAGS_MAX])
		return err_set(err, BD_EINVALID, "too many flags");
	if (to == &args->flags[args->n_flags])
		args->n_flags++;
	else
		free(to->text);
	a.text = flag->type >= ARG_PATH ? path_absolute(typed) : mem_strdup(typed);
	*to = a;
	return 0;
}

static int unknown_flag(const struct args *args, const char *typed, struct span name, struct err *err)
{
	struct buf text = { 0 };

	buf_printf(&text, "there is no flag %.60s", typed);
	if (args->command == NULL)
		buf_add_str(&text, " in front of the command");
	suggest_flag(args->command, name, &text);
	return refuse(&text, err);
}

/* argv[*i] begins with '-': a flag, with its value in the same word or in the next. */
static int parse_flag(int argc, char *const *argv, int *i, struct args *args, struct err *err)
{
	const char *typed = argv[*i];
	const struct flag_spec *flag;
	const char *is = NULL;
	struct span name = { typed + 2, 0 };

	if (typed[1] != '-') {
		name = span_of(typed + 1);
		flag = name.len == 1 ? spec_flag_short(args->command, typed[1]) : NULL;
	} else {
		is = strchr(typed, '=');
		name.len = is != NULL ? (size_t)(is - name.at) : strlen(name.at);
		flag = spec_flag(args->command, name);
	}
	if (flag == NULL)
		return unknown_flag(args, typed, name, err);
	if (flag->type == ARG_BOOL) {
		if (is != NULL)
			return err_set(err, BD_EINVALID, "--%s takes no value", flag->name);
		return add_flag(args, flag, "", err);
	}
	if (is != NULL)
		return add_flag(args, flag, is + 1, err);
	if (*i + 1 >= argc || strncmp(argv[*i + 1], "--", 2) == 0)
		return err_set(err, BD_EINVALID, "--%s needs a value: --%s %s", flag->name, flag->name,
		               flag->placeholder);
	return add_flag(args, flag, argv[++*i], err);
}

static int add_word(struct args *args, const char *word, struct err *err)
{
	if (args->command == NULL) {
		args->command = spec_command(word);
		if (args->command == NULL) {
			struct buf text = { 0 };

			buf_printf(&text, "there is no command %.60s", word);
			suggest_command(word, &text);
			return refuse(&text, err);
		}
		return 0;
	}
	if (args->n_words == ARGS_WORDS_MAX)
		return err_set(err, BD_EINVALID, "too many words; at most %d", ARGS_WORDS_MAX);
	args->words[args->n_words++] = word;
	return 0;
}

static int check_word(const struct word_spec *w, const char *word, struct err *err)
{
	struct span choices = w->choices, one;
	struct buf text = { 0 };

	if (word[0] == '\0')
		return err_set(err, BD_EINVALID, "the %.*s is empty", (int)w->name.len, w->name.at);
	if (w->choices.len == 0)
		return 0;
	while (spec_choice_next(&choices, &one))
		if (span_is(one, word))
			return 0;
	buf_printf(&text, "%.60s is no %.*s; there are ", word, (int)w->name.len, w->name.at);
	for (choices = w->choices; spec_choice_next(&choices, &one); ) {
		buf_add_span(&text, one);
		buf_add_str(&text, choices.len > 0 ? ", " : "");
	}
	suggest_choice(w->choices, word, &text);
	return refuse(&text, err);
}

static int check_words(const struct args *args, struct err *err)
{
	const char *rest = args->command->words;
	struct word_spec w;
	size_t i = 0;

	while (spec_word_next(&rest, &w)) {
		if (i >= args->n_words) {
			if (w.optional)
				return 0;
			if (w.choices.len > 0)
				return err_set(err, BD_EINVALID, "which %.*s? %.*s", (int)w.name.len, w.name.at,
				               (int)w.choices.len, w.choices.at);
			return err_set(err, BD_EINVALID, "which %.*s?", (int)w.name.len, w.name.at);
		}
		do {
			int rc = check_word(&w, args->words[i++], err);

			if (rc < 0)
				return rc;
		} while (w.many && i < args->n_words);
	}
	if (i < args->n_words)
		return err_set(err, BD_EINVALID, "what is \"%.60s\"?", args->words[i]);
	return 0;
}

/* "--a or --b" for those of names that were given (or all of them); how many there are. */
static size_t list_names(const struct args *args, const char *names, bool given, struct buf *ret)
{
	struct span rest = span_of(names), one;
	size_t n = 0;

	for (size_t i = 0; spec_choice_next(&rest, &one); i++) {
		bool here = false;

		for (size_t j = 0; j < args->n_flags; j++)
			here = here || span_is(one, args->flags[j].flag->name);
		if (given && !here)
			continue;
		if (ret != NULL)
			buf_printf(ret, "%s--%.*s", n == 0 ? "" : given ? " and " : " or ", (int)one.len, one.at);
		n++;
	}
	return n;
}

static int check_rule(const struct args *args, const struct rule_spec *r, struct err *err)
{
	bool holds = r->words[0] == '\0' || (args->n_words > 0 && spec_choice_has(r->words, args->words[0]));
	size_t given = list_names(args, r->names, true, NULL);
	struct buf text = { 0 };

	if (r->kind == RULE_NEED && holds && given == 0) {
		list_names(args, r->names, false, &text);
		buf_printf(&text, " is missing: %s", r->text);
		return refuse(&text, err);
	}
	if (r->kind == RULE_FIT && !holds && given > 0) {
		list_names(args, r->names, true, &text);
		buf_printf(&text, " %s not for %s %s", given == 1 ? "is" : "are", args->command->name, args->words[0]);
		return refuse(&text, err);
	}
	if (r->kind == RULE_ONE_OF && given > 1) {
		list_names(args, r->names, true, &text);
		buf_add_str(&text, " exclude each other");
		return refuse(&text, err);
	}
	return 0;
}

int args_parse(int argc, char *const *argv, struct args *ret, struct err *err)
{
	bool words_only = false;
	int rc;

	memset(ret, 0, sizeof *ret);
	for (int i = 1; i < argc; i++) {
		if (!words_only && strcmp(argv[i], "--") == 0) {
			words_only = true;
			continue;
		}
		if (!words_only && argv[i][0] == '-' && argv[i][1] != '\0')
			rc = parse_flag(argc, argv, &i, ret, err);
		else
			rc = add_word(ret, argv[i], err);
		if (rc < 0)
			return rc;
	}
	if (args_has(ret, "help") || args_has(ret, "version"))
		return 0;
	if (ret->command == NULL)
		return err_set(err, BD_EINVALID, "which command?");
	rc = check_words(ret, err);
	for (size_t i = 0; rc == 0 && i < spec_n_rules; i++)
		if (strcmp(spec_rules[i].command, ret->command->name) == 0)
			rc = check_rule(ret, &spec_rules[i], err);
	return rc;
}

void args_done(struct args *args)
{
	for (size_t i = 0; i < args->n_flags; i++) {
		free(args->flags[i].text);
		free(args->flags[i].upload);
		free(args->flags[i].made);
	}
	args->n_flags = 0;
}

const struct arg *args_get(const struct args *args, const char *name)
{
	for (size_t i = 0; i < args->n_flags; i++)
		if (strcmp(args->flags[i].flag->name, name) == 0)
			return &args->flags[i];
	return NULL;
}

bool args_has(const struct args *args, const char *name)
{
	return args_get(args, name) != NULL;
}

const char *args_text(const struct args *args, const char *name)
{
	const struct arg *a = args_get(args, name);

	return a != NULL ? a->text : NULL;
}

int64_t args_int(const struct args *args, const char *name, int64_t otherwise)
{
	const struct arg *a = args_get(args, name);

	return a != NULL ? a->i : otherwise;
}

static void print_flag(const struct arg *a, struct jw *w)
{
	jw_name(w, a->flag->name);
	switch (a->flag->type) {
	case ARG_BOOL:
		jw_bool(w, true);
		return;
	case ARG_INT:
		jw_int(w, a->i);
		return;
	case ARG_NUM:
		jw_num(w, a->n);
		return;
	default:
		jw_str(w, a->text);
	}
}

void args_print(const struct args *args, const char *job, struct jw *w)
{
	const char *rest = args->command->words;
	struct word_spec word;

	for (size_t i = 0; spec_word_next(&rest, &word) && (i < args->n_words || job != NULL); i++) {
		char *name = mem_strndup(word.name.at, word.name.len);

		jw_put_str(w, name, word.many && job != NULL ? job : args->words[i]);
		free(name);
	}
	for (size_t i = 0; i < args->n_flags; i++)
		if (args->flags[i].flag->sent)
			print_flag(&args->flags[i], w);
}

const char *args_upload(const struct args *args)
{
	for (size_t i = 0; i < args->n_flags; i++)
		if (args->flags[i].upload != NULL)
			return args->flags[i].upload;
	return NULL;
}
