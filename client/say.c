/* SPDX-License-Identifier: MIT */
#include "say.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "help.h"

enum { HELP_WIDTH = 100 };

int64_t say_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int say_text(const struct buf *text, struct err *err)
{
	if (text->len > 0)
		fwrite(text->at, 1, text->len, stdout);
	if (fflush(stdout) != 0 || ferror(stdout))
		return err_sys(err, BD_EIO, "cannot write");
	return 0;
}

int say_json(const struct json *v, struct err *err)
{
	struct buf text = { 0 };
	int rc;

	json_print(v, &text);
	buf_add_char(&text, '\n');
	rc = say_text(&text, err);
	buf_done(&text);
	return rc;
}

static void say_stderr(const char *before, const char *text)
{
	struct buf clean = { 0 };
	struct term term;

	term_read(&term, STDERR_FILENO);
	term_clean(&term, text, &clean);
	fprintf(stderr, "batchctl: %s%s\n", before, buf_str(&clean));
	buf_done(&clean);
}

void say_error(const struct args *args, const struct err *err)
{
	char before[64] = "";

	if (err->msg[0] == '\0')
		return;
	if (args->command != NULL)
		snprintf(before, sizeof before, "%s: ", args->command->name);
	say_stderr(before, err->msg);
}

void say_warning(const char *text)
{
	say_stderr("warning: ", text);
}

int say_help(const struct command_spec *command, struct err *err)
{
	struct buf text = { 0 };
	struct term term;
	size_t width;
	int rc;

	term_read(&term, STDOUT_FILENO);
	width = term.width > 0 && term.width < HELP_WIDTH ? term.width : HELP_WIDTH;
	if (command != NULL)
		help_command(command, width, &text);
	else
		help_all(width, &text);
	rc = say_text(&text, err);
	buf_done(&text);
	return rc;
}

bool say_asks(const struct args *args)
{
	return !args_has(args, "yes") && isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

bool say_sure(const char *question)
{
	char answer[8] = "";
	struct buf clean = { 0 };
	struct term term;

	term_read(&term, STDERR_FILENO);
	term_clean(&term, question, &clean);
	fprintf(stderr, "%s [y/N] ", buf_str(&clean));
	buf_done(&clean);
	return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}
