/* SPDX-License-Identifier: MIT */
/* What is made from the table of commands: help, the manual page, the completions. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files.h"
#include "help.h"
#include "mem.h"
#include "spec.h"
#include "suggest.h"

START_TEST(the_table_fits_itself)
{
	for (size_t i = 0; i < spec_n_flags; i++) {
		const struct flag_spec *f = &spec_flags[i];

		ck_assert_msg(f->command[0] == '\0' || spec_command(f->command) != NULL, "--%s of %s", f->name, f->command);
		ck_assert_msg((f->type == ARG_BOOL) == (f->placeholder[0] == '\0'), "--%s of %s", f->name, f->command);
		ck_assert_ptr_eq(spec_flag(spec_command(f->command), span_of(f->name)), f);
		if (spec_letter(f) != '\0')
			ck_assert_ptr_eq(spec_flag_short(spec_command(f->command), spec_letter(f)), f);
	}
	for (size_t i = 0; i < spec_n_rules; i++) {
		struct span rest = span_of(spec_rules[i].names), one;

		ck_assert_ptr_nonnull(spec_command(spec_rules[i].command));
		while (spec_choice_next(&rest, &one))
			ck_assert_msg(spec_flag(spec_command(spec_rules[i].command), one) != NULL, "%s: %.*s",
			              spec_rules[i].command, (int)one.len, one.at);
	}
}
END_TEST

/* Every command and every flag is in all of the texts. */
START_TEST(nothing_is_forgotten)
{
	struct buf man = { 0 }, all = { 0 };

	help_man(&man);
	help_all(80, &all);
	for (size_t i = 0; i < spec_n_commands; i++) {
		char *man_line = mem_printf("\n.It Cm %s", spec_commands[i].name);
		char *help_line = mem_printf("\n  %s", spec_commands[i].name);
		struct buf own = { 0 };

		ck_assert_msg(strstr(buf_str(&man), man_line) != NULL, "%s", man_line);
		ck_assert_msg(strstr(buf_str(&all), help_line) != NULL, "%s", help_line);
		help_command(&spec_commands[i], 80, &own);
		for (size_t j = 0; j < spec_n_flags; j++)
			if (spec_flag_of(&spec_flags[j], &spec_commands[i]))
				ck_assert_msg(strstr(buf_str(&own), spec_flags[j].name) != NULL, "%s", spec_flags[j].name);
		buf_done(&own);
		free(man_line);
		free(help_line);
	}
	buf_done(&man);
	buf_done(&all);
}
END_TEST

START_TEST(help_fits_its_width)
{
	static const size_t widths[] = { 60, 80, 100 };

	for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
		for (size_t c = 0; c <= spec_n_commands; c++) {
			struct buf b = { 0 };
			struct span rest, line;

			if (c < spec_n_commands)
				help_command(&spec_commands[c], widths[i], &b);
			else
				help_all(widths[i], &b);
			for (rest = buf_span(&b); span_line(&rest, &line); )
				ck_assert_msg(line.len <= widths[i] || memchr(line.at, '|', line.len) != NULL,
				              "%zu: %.*s", widths[i], (int)line.len, line.at);
			buf_done(&b);
		}
}
END_TEST

START_TEST(usage_shows_the_words)
{
	static const struct { const char *command, *usage; } cases[] = {
		{ "submit", "submit bugfixer|testwriter|raw" }, { "status", "status [JOB]" }, { "wait", "wait JOB..." },
		{ "ping", "ping" }, { "pause", "pause JOB" },
		{ "stage", "stage bugfixer|testwriter gen_step1|proc_step1_gen_step2|proc_step2" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf b = { 0 };

		help_usage(spec_command(cases[i].command), &b);
		ck_assert_str_eq(buf_str(&b), cases[i].usage);
		buf_done(&b);
	}
}
END_TEST

START_TEST(the_exit_statuses_are_listed)
{
	struct buf b = { 0 };

	help_all(100, &b);
	for (int status = 0; status <= 7; status++) {
		char *line = mem_printf("\n  %d   ", status);

		ck_assert_msg(strstr(buf_str(&b), line) != NULL, "%s", line);
		free(line);
	}
	buf_done(&b);
}
END_TEST

/* A line of mdoc begins with a request we wrote or with none. */
START_TEST(the_manual_page_is_mdoc)
{
	static const char *const macros[] = { ".Dd ", ".Dt ", ".Os", ".Sh ", ".Nm", ".Nd ", ".Op ", ".Ar ", ".Xr ", ".Pp", ".Sq ",
	                                      ".Fl ", ".Sy ", ".Cm ", ".Bl ", ".El",
	                                      ".It ", ".Pa ", ".Ev ", ".Bd ", ".Ed", ".Pq ", ".\\\"" };
	struct buf b = { 0 };
	struct span rest, line;
	int depth = 0;

	help_man(&b);
	for (rest = buf_span(&b); span_line(&rest, &line); ) {
		bool known = line.len == 0 || (line.at[0] != '.' && line.at[0] != '\'');

		for (size_t i = 0; i < sizeof macros / sizeof macros[0]; i++)
			known = known || span_starts(line, macros[i]);
		ck_assert_msg(known, "%.*s", (int)line.len, line.at);
		depth += span_starts(line, ".Bl ") ? 1 : span_is(line, ".El") ? -1 : 0;
		ck_assert_int_ge(depth, 0);
	}
	ck_assert_int_eq(depth, 0);
	buf_done(&b);
}
END_TEST

/* What bash offers behind these words; "" is the word being typed. */
static const struct { const char *words, *offers; } offered[] = {
	{ "batchctl su", "submit" },
	{ "batchctl submit ''", "bugfixer testwriter raw" },
	{ "batchctl submit bug", "bugfixer" },
	{ "batchctl submit --temp 0.5 --name x t", "testwriter" },
	{ "batchctl submit --temp = 0.5 t", "testwriter" },
	{ "batchctl submit bugfixer --repo", "--repostructure_dir --repo_mirrors" },
	{ "batchctl submit bugfixer --name ''", "" },
	{ "batchctl submit bugfixer --repostructure-dir ''", "subdir" },
	{ "batchctl submit bugfixer --dataset f", "file.jsonl" },
	{ "batchctl --socket x he", "help" },
	{ "batchctl help pa", "pause" },
	{ "batchctl stage bugfixer proc_step2 --step", "--step1_file" },
	{ "batchctl completion ''", "bash zsh fish" },
	{ "batchctl status ''", "7 nightly 8 lite" },
};

START_TEST(bash_completes)
{
	static const char test[] =
		"compopt() { :; }\n"
		"batchctl() { printf 'id  name\\n 7  nightly\\n 8  lite\\n\\nendpoint x\\n'; }\n"
		"eval \"COMP_WORDS=($1)\"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _batchctl; echo \"${COMPREPLY[*]}\"\n";
	char dir[] = "/tmp/test_client_help.XXXXXX", got[256] = "";
	struct buf script = { 0 };
	char *path, *command;
	FILE *pipe;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	path = path_join(dir, "subdir");
	ck_assert_int_eq(dir_make(path, 0700, NULL), 0);
	free(path);
	path = path_join(dir, "file.jsonl");
	ck_assert_int_eq(file_put(path, "", 0, 0600, NULL), 0);
	free(path);
	help_completion("bash", &script);
	buf_add_str(&script, test);
	path = path_join(dir, ".script");
	ck_assert_int_eq(file_put(path, script.at, script.len, 0600, NULL), 0);
	command = mem_printf("cd %s && bash %s \"%s\"", dir, path, offered[_i].words);
	pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	ck_assert_ptr_nonnull(fgets(got, sizeof got, pipe));
	ck_assert_int_eq(pclose(pipe), 0);
	got[strcspn(got, "\n")] = '\0';
	ck_assert_str_eq(got, offered[_i].offers);
	free(path);
	free(command);
	buf_done(&script);
	ck_assert_int_eq(dir_remove(dir, NULL), 0);
}
END_TEST

/* The quotes of every line that is a command of its own are closed. */
START_TEST(fish_and_zsh_name_everything)
{
	static const char *const shells[] = { "zsh", "fish" };

	for (size_t s = 0; s < 2; s++) {
		struct buf b = { 0 };

		help_completion(shells[s], &b);
		for (size_t i = 0; i < spec_n_commands; i++)
			ck_assert_msg(strstr(buf_str(&b), spec_commands[i].name) != NULL, "%s", spec_commands[i].name);
		for (size_t i = 0; i < spec_n_flags; i++)
			ck_assert_msg(strstr(buf_str(&b), spec_flags[i].name) != NULL, "%s", spec_flags[i].name);
		buf_done(&b);
	}
}
END_TEST

START_TEST(suggestions_are_near)
{
	static const struct { const char *given, *says; } cases[] = {
		{ "stats", "; did you mean status?" }, { "resum", "; did you mean resume?" }, { "Ping", "; did you mean ping?" },
		{ "rty", "; did you mean retry?" }, { "xyzzy", "" }, { "", "" }, { "q", "" }, { "canc", "; did you mean cancel?" },
		{ "a-very-long-word-that-no-command-comes-near-to-and-that-is-longer-than-the-table-takes", "" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf b = { 0 };

		suggest_command(cases[i].given, &b);
		ck_assert_str_eq(buf_str(&b), cases[i].says);
		buf_done(&b);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("client_help");
	TCase *tc = tcase_create("help");

	tcase_add_test(tc, the_table_fits_itself);
	tcase_add_test(tc, nothing_is_forgotten);
	tcase_add_test(tc, help_fits_its_width);
	tcase_add_test(tc, usage_shows_the_words);
	tcase_add_test(tc, the_exit_statuses_are_listed);
	tcase_add_test(tc, the_manual_page_is_mdoc);
	tcase_add_loop_test(tc, bash_completes, 0, (int)(sizeof offered / sizeof offered[0]));
	tcase_add_test(tc, fish_and_zsh_name_everything);
	tcase_add_test(tc, suggestions_are_near);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
