/* SPDX-License-Identifier: MIT */
/* The commands that need no daemon. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "help.h"
#include "say.h"
#include "suggest.h"

int cmd_help(const struct args *args, struct err *err)
{
	const struct command_spec *command = NULL;
	struct buf text = { 0 };
	int rc;

	if (args_has(args, "man")) {
		help_man(&text);
		rc = say_text(&text, err);
		buf_done(&text);
		return rc;
	}
	if (args->n_words > 0) {
		command = spec_command(args->words[0]);
		if (command == NULL) {
			suggest_command(args->words[0], &text);
			rc = err_set(err, BD_EINVALID, "there is no command %.60s%s", args->words[0], buf_str(&text));
			buf_done(&text);
			return rc;
		}
	}
	return say_help(command, err);
}

int cmd_completion(const struct args *args, struct err *err)
{
	struct buf text = { 0 };
	int rc;

	help_completion(args->words[0], &text);
	rc = say_text(&text, err);
	buf_done(&text);
	return rc;
}

int cmd_version(const struct args *args, struct err *err)
{
	struct buf text = { 0 };
	int rc;

	(void)args;
	buf_printf(&text, "batchctl %s\n", BATCHD_VERSION);
	rc = say_text(&text, err);
	buf_done(&text);
	return rc;
}

int cmd_stage(const struct args *args, struct err *err)
{
	return stage_main(args, err);
}
