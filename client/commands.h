/* SPDX-License-Identifier: MIT */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "args.h"
#include "err.h"

/* What each command of the table does: 0 or a negative BD_E..., whose exit status is batchctl's.  BD_EFAILED with
 * an empty message says nothing more. */
typedef int (*command_fn)(const struct args *args, struct err *err);

#define CMD(name, ...) int cmd_##name(const struct args *args, struct err *err);
#define LOCAL(name, ...) int cmd_##name(const struct args *args, struct err *err);
#include "batchd/commands.def"

/* `batchctl stage`, in stage.c. */
int stage_main(const struct args *args, struct err *err);

#endif
