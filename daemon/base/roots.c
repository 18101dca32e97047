/* SPDX-License-Identifier: MIT */
#include "roots.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* real: with its links resolved. */
static bool lies_in(const char *real, const char *dir)
{
	char *root = dir[0] == '/' ? realpath(dir, NULL) : NULL;
	size_t n = root != NULL ? strlen(root) : 0;
	bool in = n > 0 && strncmp(real, root, n) == 0 && (real[n] == '/' || real[n] == '\0' || n == 1);

	free(root);
	return in;
}

/* shown: what realpath() is asked for; path: what people named. */
static int check(const char *roots, const char *shown, const char *path, struct err *err)
{
	char *real = roots != NULL ? realpath(shown, NULL) : NULL;
	char *all = roots != NULL ? mem_strdup(roots) : NULL, *rest = all;
	bool in = roots == NULL;

	for (char *root; !in && real != NULL && (root = strsep(&rest, ":")) != NULL;)
		in = lies_in(real, root);
	free(real);
	free(all);
	return in ? 0 : err_set(err, BD_ENOTFOUND, "%.300s does not lie under the shared_roots (%.300s)", path, roots);
}

int roots_check(const char *roots, const char *path, struct err *err)
{
	return check(roots, path, path, err);
}

int roots_check_fd(const char *roots, int fd, const char *path, struct err *err)
{
	char name[40];

	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	return check(roots, name, path, err);
}
