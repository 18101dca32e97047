/* SPDX-License-Identifier: MIT */
/* batchctl: parses the command line against the table and runs the command. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "help.h"
#include "say.h"

static const struct { const char *name; command_fn run; } handlers[] = {
#define CMD(name, ...) { #name, cmd_##name },
#define LOCAL(name, ...) { #name, cmd_##name },
#include "batchd/commands.def"
};

/* Is it certain that the daemon did nothing?  After a broken connection it is not. */
static bool refused(int rc)
{
	return rc == BD_EINVALID || rc == BD_ESTATE || rc == BD_EDENIED || rc == BD_ENODAEMON || rc == BD_ESTORE ||
	       rc == BD_ENOMEM;
}

static int run(struct args *args, struct err *err)
{
	int rc;

	if (args_has(args, "version"))
		return cmd_version(args, err);
	if (args_has(args, "help"))
		return say_help(args->command, err);
	rc = args_check(args, err);
	for (size_t i = 0; rc == 0 && i < sizeof handlers / sizeof handlers[0]; i++)
		if (strcmp(handlers[i].name, args->command->name) == 0) {
			rc = handlers[i].run(args, err);
			break;
		}
	if (refused(rc) || args_has(args, "dry_run"))   /* nothing came of it */
		args_unmake(args);
	return rc;
}

int main(int argc, char **argv)
{
	struct err err = { 0 };
	struct args args;
	int rc;

	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_DFL);
	rc = args_parse(argc, argv, &args, &err);
	if (rc < 0) {
		say_error(&args, &err);
		fprintf(stderr, "try: batchctl help%s%s\n", args.command != NULL ? " " : "",
		        args.command != NULL ? args.command->name : "");
	} else {
		rc = run(&args, &err);
		if (rc < 0)
			say_error(&args, &err);
	}
	args_done(&args);
	return rc < 0 ? err_exit_status(rc) : 0;
}
