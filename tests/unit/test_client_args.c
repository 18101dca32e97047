/* SPDX-License-Identifier: MIT */
/* The command line of batchctl: what is taken, what is sent, what is refused and how it is said. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "args_path.h"
#include "files.h"
#include "mem.h"

#define WORDS_MAX 24

static char program[] = "batchctl", wait_word[] = "wait", job_word[] = "7";
static char dir[] = "/tmp/test_client.XXXXXX";

/* A directory with a dataset and a structure directory, and we are in it. */
static void enter(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_int_eq(file_put("d.jsonl", "{}\n", 3, 0644, NULL), 0);
	mkdir("structures", 0755);
	mkdir("data", 0755);
}

static void leave(void)
{
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(dir_remove(dir, NULL), 0);
}

/* "a b c" as argv; "~" within a word stands for a blank, a word "''" is empty. */
static int split(const char *line, char *text, char **argv)
{
	int argc = 0;

	strcpy(text, line);
	argv[argc++] = program;
	for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
		for (char *p = word; *p != '\0'; p++)
			if (*p == '~')
				*p = ' ';
		ck_assert_int_lt(argc, WORDS_MAX);
		argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
	}
	return argc;
}

#define BUG "submit bugfixer --dataset d.jsonl --repostructure_dir structures --save_dir out --model_name m "

/* What of it is sent; DIR is the caller's directory. */
static const struct { const char *line, *sent; } good[] = {
	{ "status", "{}" },
	{ "status 7 --json", "{\"job\":\"7\"}" },                       /* --json stays here */
	{ "--socket /s status 7", "{\"job\":\"7\"}" },
	{ "status --watch -- --odd-name", "{\"job\":\"--odd-name\"}" },
	{ "status -w", "{}" },
	{ "events -f", "{\"follow\":true}" },
	{ "events nightly --follow", "{\"job\":\"nightly\",\"follow\":true}" },
	{ "retry x --stage 2", "{\"job\":\"x\",\"stage\":2}" },
	{ "retry --pass=a__pass0 x", "{\"job\":\"x\",\"pass\":\"a__pass0\"}" },
	{ "retry x --pass=a=b", "{\"job\":\"x\",\"pass\":\"a=b\"}" },    /* only the first = parts */
	{ "retry x --pass -1", "{\"job\":\"x\",\"pass\":\"-1\"}" },
	{ "status -", "{\"job\":\"-\"}" },
	{ BUG "--temp 0", "{\"workflow\":\"bugfixer\",\"dataset\":\"d.jsonl\",\"repostructure_dir\":\"DIR/structures\","
	  "\"save_dir\":\"DIR/out\",\"model_name\":\"m\",\"temp\":0}" },
	{ BUG "--top-p=0.95 --max-tokens 4096 --passk 8 --greedy-first --enable_thinking --thinking_budget 100",
	  "{\"workflow\":\"bugfixer\",\"dataset\":\"d.jsonl\",\"repostructure_dir\":\"DIR/structures\","
	  "\"save_dir\":\"DIR/out\",\"model_name\":\"m\",\"top_p\":0.95,\"max_tokens\":4096,\"passk\":8,"
	  "\"greedy_first\":true,\"enable_thinking\":true,\"thinking_budget\":100}" },
	{ BUG "--passk 8 --passk 2", "{\"workflow\":\"bugfixer\",\"dataset\":\"d.jsonl\",\"repostructure_dir\":\"DIR/structures\","
	  "\"save_dir\":\"DIR/out\",\"model_name\":\"m\",\"passk\":2}" },       /* the last one holds */
	{ BUG "--extra_body {\"seed\":~7}", "{\"workflow\":\"bugfixer\",\"dataset\":\"d.jsonl\","
	  "\"repostructure_dir\":\"DIR/structures\",\"save_dir\":\"DIR/out\",\"model_name\":\"m\","
	  "\"extra_body\":\"{\\\"seed\\\": 7}\"}" },
	{ "submit raw --requests=./d.jsonl --save-dir /abs//x/./y/",
	  "{\"workflow\":\"raw\",\"requests\":\"./d.jsonl\",\"save_dir\":\"/abs/x/y\"}" },
	{ "help submit", "{\"command\":\"submit\"}" },
};

START_TEST(what_is_right_is_sent_by_its_names)
{
	char text[1024], *argv[WORDS_MAX];
	struct args args;
	struct err err = { 0 };
	struct buf sent = { 0 }, want = { 0 };
	struct jw w = { .out = &sent };
	const char *rest = good[_i].sent, *at;
	int rc;

	enter();
	rc = args_parse(split(good[_i].line, text, argv), argv, &args, &err);
	ck_assert_msg(rc == 0, "%s: %s", good[_i].line, err.msg);
	jw_obj(&w);
	args_print(&args, NULL, &w);
	jw_obj_end(&w);
	for (; (at = strstr(rest, "DIR")) != NULL; rest = at + 3) {
		buf_add(&want, rest, (size_t)(at - rest));
		buf_add_str(&want, dir);
	}
	buf_add_str(&want, rest);
	ck_assert_str_eq(buf_str(&sent), buf_str(&want));
	args_done(&args);
	buf_done(&sent);
	buf_done(&want);
	leave();
}
END_TEST

static const struct { const char *line, *says; } bad[] = {
	{ "''", "there is no command" },
	{ "--socket", "--socket needs a value: --socket PATH" },
	{ "--json status", "there is no flag --json in front of the command" },
	{ "sumbit bugfixer", "there is no command sumbit; did you mean submit?" },
	{ "stauts", "did you mean status?" },
	{ "frobnicate", "there is no command frobnicate" },
	{ "submit", "which workflow? bugfixer|testwriter|raw" },
	{ "submit bugfxer", "bugfxer is no workflow; there are bugfixer, testwriter, raw; did you mean bugfixer?" },
	{ "submit bugfixer extra", "what is \"extra\"?" },
	{ "wait", "which job?" },
	{ "pause ''", "the job is empty" },
	{ "status a b", "what is \"b\"?" },
	{ "ping now", "what is \"now\"?" },
	{ BUG "--repostructure_dri x", "there is no flag --repostructure_dri; did you mean --repostructure_dir?" },
	{ BUG "--repo x", "did you mean" },
	{ BUG "--repostructuredir=x", "did you mean --repostructure_dir?" },
	{ BUG "--tmep 1", "did you mean --temp?" },
	{ BUG "-x", "there is no flag -x" },
	{ BUG "-temp 1", "there is no flag -temp; did you mean --temp?" },
	{ BUG "--temp", "--temp needs a value: --temp T" },
	{ BUG "--temp --passk 2", "--temp needs a value" },
	{ BUG "--temp hot", "--temp: \"hot\" is not a number" },
	{ BUG "--temp ''", "--temp: \"\" is not a number" },
	{ BUG "--temp nan", "is not a number" },
	{ BUG "--temp 0x1", "is not a number" },
	{ BUG "--temp -0.1", "--temp: -0.1 is not between 0 and 10" },
	{ BUG "--top_p 1.5", "--top_p: 1.5 is not between 0 and 1" },
	{ BUG "--passk 0", "--passk: 0 is not between 1 and 100000" },
	{ BUG "--passk 1.5", "--passk: \"1.5\" is not a whole number" },
	{ BUG "--passk 99999999999999999999", "is not a whole number" },
	{ BUG "--greedy_first=yes", "--greedy_first takes no value" },
	{ BUG "--model_name ''", "--model_name is empty" },
	{ BUG "--extra_body {seed:7}", "--extra_body is no JSON" },
	{ BUG "--extra_body [7]", "--extra_body must be a JSON object" },
	{ BUG "--requests d.jsonl", "--requests is not for submit bugfixer" },
	{ BUG "--repo_mirrors m", "--repostructure_dir and --repo_mirrors exclude each other" },
	{ "submit bugfixer --save_dir out", "--dataset is missing: the instances to run" },
	{ "submit bugfixer --dataset d --save_dir o --model_name m",
	  "--repostructure_dir or --repo_mirrors is missing: where the repositories are" },
	{ "submit testwriter --dataset d --repo_mirrors m --save_dir o", "--model_name is missing" },
	{ "submit raw --save_dir o", "--requests is missing" },
	{ "submit raw --requests d.jsonl", "--save_dir is missing" },
	{ "submit raw --requests d.jsonl --save_dir o --temp 1 --passk 2", "--temp and --passk are not for submit raw" },
	{ "retry x --failed --stage 1", "--failed and --stage exclude each other" },
	{ "retry x --stage 3", "--stage: 3 is not between 1 and 2" },
	{ "completion tcsh", "tcsh is no shell; there are bash, zsh, fish" },
	{ "stage bugfixer gen_step2", "gen_step2 is no step" },
};

START_TEST(what_is_wrong_is_said)
{
	char text[1024], *argv[WORDS_MAX];
	struct args args;
	struct err err = { 0 };
	int argc = split(bad[_i].line, text, argv);

	ck_assert_int_eq(args_parse(argc, argv, &args, &err), BD_EINVALID);
	ck_assert_msg(strstr(err.msg, bad[_i].says) != NULL, "%s\n says: %s\n not:  %s", bad[_i].line, err.msg, bad[_i].says);
	args_done(&args);
}
END_TEST

START_TEST(help_is_had_whatever_else_is_missing)
{
	static const char *const lines[] = { "--help", "-h", "submit --help", "submit bugfixer -h", "wait --help" };
	char text[1024], *argv[WORDS_MAX];
	struct args args;

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		ck_assert_int_eq(args_parse(split(lines[i], text, argv), argv, &args, NULL), 0);
		ck_assert(args_has(&args, "help"));
		args_done(&args);
	}
}
END_TEST

START_TEST(too_many_words_are_refused)
{
	char *argv[ARGS_WORDS_MAX + 3];
	struct args args;
	struct err err = { 0 };

	argv[0] = program;
	argv[1] = wait_word;
	for (int i = 2; i < ARGS_WORDS_MAX + 3; i++)
		argv[i] = job_word;
	ck_assert_int_eq(args_parse(ARGS_WORDS_MAX + 2, argv, &args, &err), 0);
	args_done(&args);
	ck_assert_int_eq(args_parse(ARGS_WORDS_MAX + 3, argv, &args, &err), BD_EINVALID);
	args_done(&args);
}
END_TEST

static int check_line(const char *line, struct args *args, struct err *err)
{
	static char text[1024];
	char *argv[WORDS_MAX];
	int argc = split(line, text, argv);

	ck_assert_int_eq(args_parse(argc, argv, args, err), 0);
	return args_check(args, err);
}

START_TEST(files_are_looked_at_before_anything_is_made)
{
	static const struct { const char *line, *says; } cases[] = {
		{ "submit raw --requests nope.jsonl --save_dir out", "nope.jsonl: No such file" },
		{ "submit raw --requests data --save_dir out", "is a directory, not a file" },
		{ "submit raw --save_dir out --requests a/b", "a/b: No such file" },       /* no hub name there */
		{ "submit bugfixer --dataset data/lite --repo_mirrors data --save_dir out --model_name m", "No such file" },
		{ "submit bugfixer --dataset owner/name.jsonl --repo_mirrors data --save_dir out --model_name m", "No such file" },
		{ "submit bugfixer --dataset d.jsonl --repo_mirrors nope --save_dir out --model_name m", "nope: No such file" },
		{ "submit bugfixer --dataset d.jsonl --repo_mirrors d.jsonl --save_dir out --model_name m", "is not a directory" },
	};
	struct args args;
	struct err err = { 0 };

	enter();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ck_assert_int_eq(check_line(cases[i].line, &args, &err), BD_EINVALID);
		ck_assert_msg(strstr(err.msg, cases[i].says) != NULL, "%s", err.msg);
		args_done(&args);
		ck_assert_int_ne(access("out", F_OK), 0);
	}
	ck_assert_int_eq(check_line("submit raw --requests d.jsonl --save_dir d.jsonl/out", &args, &err), BD_EINVALID);
	ck_assert_msg(strstr(err.msg, "--save_dir: ") == err.msg, "%s", err.msg);
	args_done(&args);
	leave();
}
END_TEST

START_TEST(a_file_goes_along_and_a_hub_name_does_not)
{
	struct args args;
	struct err err = { 0 };
	struct stat st;
	char *path;

	enter();
	ck_assert_msg(check_line(BUG, &args, &err) == 0, "%s", err.msg);
	path = path_join(dir, "d.jsonl");
	ck_assert_str_eq(args_upload(&args), path);
	ck_assert_int_eq(stat("out", &st), 0);
	ck_assert(S_ISDIR(st.st_mode));
	args_done(&args);
	free(path);

	ck_assert_int_eq(check_line("submit bugfixer --dataset princeton-nlp/SWE-bench_Lite --repo_mirrors data "
	                            "--save_dir deep/er/out --model_name m", &args, &err), 0);
	ck_assert_ptr_null(args_upload(&args));
	ck_assert_int_eq(access("deep/er/out", W_OK), 0);
	args_done(&args);
	leave();
}
END_TEST

START_TEST(paths_become_absolute)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "/", "/" }, { "/a", "/a" }, { "//a///b/", "/a/b" }, { "/a/./b/.", "/a/b" }, { "/a/../b", "/a/../b" },
		{ "~/x", "/home/u/x" }, { "~x", "DIR/~x" }, { "x", "DIR/x" }, { ".", "DIR" }, { "./x/y", "DIR/x/y" },
		{ "../x", "DIR/../x" }, { "", "DIR" },
	};

	enter();
	setenv("HOME", "/home/u", 1);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *out = cases[i].out;
		char *want = strncmp(out, "DIR", 3) == 0 ? mem_printf("%s%s", dir, out + 3) : mem_strdup(out);
		char *got = path_absolute(cases[i].in);

		ck_assert_str_eq(got, want);
		free(got);
		free(want);
	}
	leave();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("client_args");
	TCase *tc = tcase_create("args");

	tcase_add_loop_test(tc, what_is_right_is_sent_by_its_names, 0, (int)(sizeof good / sizeof good[0]));
	tcase_add_loop_test(tc, what_is_wrong_is_said, 0, (int)(sizeof bad / sizeof bad[0]));
	tcase_add_test(tc, help_is_had_whatever_else_is_missing);
	tcase_add_test(tc, too_many_words_are_refused);
	tcase_add_test(tc, files_are_looked_at_before_anything_is_made);
	tcase_add_test(tc, a_file_goes_along_and_a_hub_name_does_not);
	tcase_add_test(tc, paths_become_absolute);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
