/* SPDX-License-Identifier: MIT */
#ifndef HELP_H
#define HELP_H

#include "buf.h"
#include "spec.h"

/* The texts that come from the table.  width: columns to wrap at. */
void help_all(size_t width, struct buf *ret);
void help_command(const struct command_spec *command, size_t width, struct buf *ret);
void help_man(struct buf *ret);                 /* batchctl(1), mdoc */
/* "bash", "zsh" or "fish". */
void help_completion(const char *shell, struct buf *ret);

/* "submit bugfixer|testwriter|raw [flags]", "wait JOB..." */
void help_usage(const struct command_spec *command, struct buf *ret);

#endif
