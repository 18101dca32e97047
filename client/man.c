/* SPDX-License-Identifier: MIT */
/* batchctl(1) and the completions, from the table. */
#include "help.h"

void help_man(struct buf *ret)
{
	(void)ret;
}

void help_completion(const char *shell, struct buf *ret)
{
	(void)shell;
	(void)ret;
}
