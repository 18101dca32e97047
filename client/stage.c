/* SPDX-License-Identifier: MIT */
#include "commands.h"

int stage_main(const struct args *args, struct err *err)
{
	(void)args;
	return err_set(err, BD_EINTERNAL, "stage is not there yet");
}
