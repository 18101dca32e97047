/* SPDX-License-Identifier: MIT */
#ifndef SUGGEST_H
#define SUGGEST_H

#include "spec.h"

/* "; did you mean --a or --b?" behind an unknown flag or command, or nothing if none is close. */
void suggest_flag(const struct command_spec *command, struct span given, struct buf *ret);
void suggest_command(const char *given, struct buf *ret);
void suggest_choice(struct span choices, const char *given, struct buf *ret);

#endif
