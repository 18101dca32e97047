/* SPDX-License-Identifier: MIT */
#ifndef HOOK_H
#define HOOK_H

/* Run a command of the settings by /bin/sh with these variables beside the daemon's own environment; nobody waits for it.
 * data is the loop.  Keys do not travel: variables that hold one are left out. */
void hook_run(void *data, const char *command, const char *const *variables);

#endif
