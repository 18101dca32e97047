/* SPDX-License-Identifier: MIT */
#include "args_path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "files.h"
#include "mem.h"

char *path_absolute(const char *path)
{
	const char *home = getenv("HOME");
	struct span rest = span_of(path);
	struct buf b = { 0 };
	char *cwd = NULL;

	if (span_starts(rest, "~/") && home != NULL && home[0] == '/') {
		buf_add_str(&b, home);
		rest = span_of(path + 1);
	} else if (path[0] != '/') {
		cwd = getcwd(NULL, 0);
		buf_add_str(&b, cwd != NULL ? cwd : ".");
	}
	while (b.len > 0 && b.at[b.len - 1] == '/')
		b.len--;
	while (rest.len > 0) {
		const char *slash = memchr(rest.at, '/', rest.len);
		struct span part = { rest.at, slash != NULL ? (size_t)(slash - rest.at) : rest.len };

		if (part.len > 0 && !span_is(part, ".")) {
			buf_add_char(&b, '/');
			buf_add_span(&b, part);
		}
		rest.at += part.len + (slash != NULL);
		rest.len -= part.len + (slash != NULL);
	}
	if (b.len == 0)
		buf_add_char(&b, '/');
	free(cwd);
	return buf_take_str(&b);
}

bool path_is_hub_name(const char *path)
{
	static const char *const files[] = { ".json", ".jsonl", ".parquet", ".arrow", ".csv", ".txt", ".gz", ".zst" };
	const char *slash = strchr(path, '/');
	size_t legal = strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/");
	struct stat st;
	char *owner;
	bool dir;

	if (slash == NULL || slash == path || slash[1] == '\0' || strchr(slash + 1, '/') != NULL
	    || path[legal] != '\0' || path[0] == '.')
		return false;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (span_ends(span_of(path), files[i]))
			return false;
	/* a directory of that name means that a file in it was meant */
	owner = mem_strndup(path, (size_t)(slash - path));
	dir = stat(owner, &st) == 0;
	free(owner);
	return !dir;
}

static int check_file(const char *name, const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(err, BD_EINVALID, "--%s: %s: %s", name, path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return err_set(err, BD_EINVALID, "--%s: %s is a directory, not a file", name, path);
	if (access(path, R_OK) < 0)
		return err_set(err, BD_EINVALID, "--%s: %s: %s", name, path, strerror(errno));
	return 0;
}

static int check_dir(const char *name, const char *path, int how, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(err, BD_EINVALID, "--%s: %s: %s", name, path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err_set(err, BD_EINVALID, "--%s: %s is not a directory", name, path);
	if (access(path, how) < 0)
		return err_set(err, BD_EINVALID, "--%s: %s cannot be %s: %s", name, path,
		               (how & W_OK) != 0 ? "written" : "read", strerror(errno));
	return 0;
}

/* The first directory of an absolute path that is not there; NULL if all of them are. */
static char *first_missing(const char *path)
{
	struct stat st;

	for (const char *p = path; *p != '\0';) {
		p += 1 + strcspn(p + 1, "/");
		char *part = mem_strndup(path, (size_t)(p - path));

		if (stat(part, &st) < 0 && errno == ENOENT)
			return part;
		free(part);
	}
	return NULL;
}

static int make_dir(struct arg *a, struct err *err)
{
	char *made = first_missing(a->text);
	int rc = dir_make(a->text, 0777, err);

	free(a->made);
	a->made = made;
	if (rc == 0)
		return 0;
	err_prefix(err, "--%s: ", a->flag->name);
	if (err != NULL)
		err->code = BD_EINVALID;
	return BD_EINVALID;
}

static int check_arg(struct arg *a, struct err *err)
{
	const char *name = a->flag->name;
	char *path;
	int rc;

	switch (a->flag->type) {
	case ARG_HUB:
	case ARG_UPLOAD:
		path = path_absolute(a->typed);
		if (a->flag->type == ARG_HUB && access(path, F_OK) < 0 && path_is_hub_name(a->typed)) {
			free(path);
			return 0;
		}
		rc = check_file(name, path, err);
		free(a->upload);
		a->upload = path;
		return rc;
	case ARG_FILE_IN:
		return check_file(name, a->text, err);
	case ARG_DIR_IN:
		return check_dir(name, a->text, R_OK | X_OK, err);
	case ARG_DIR_OUT:
		rc = make_dir(a, err);
		return rc < 0 ? rc : check_dir(name, a->text, W_OK | X_OK, err);
	default:
		return 0;
	}
}

int args_check(struct args *args, struct err *err)
{
	/* what is only looked at first: a typo must not leave a directory behind */
	for (int making = 0; making < 2; making++)
		for (size_t i = 0; i < args->n_flags; i++) {
			struct arg *a = &args->flags[i];
			int rc = (a->flag->type == ARG_DIR_OUT) == making ? check_arg(a, err) : 0;

			if (rc < 0)
				return rc;
		}
	return 0;
}

void args_unmake(struct args *args)
{
	for (size_t i = 0; i < args->n_flags; i++) {
		struct arg *a = &args->flags[i];

		if (a->made == NULL)
			continue;
		char *path = mem_strdup(a->text);

		/* up to the first one made; one that is not empty ends it */
		while (strlen(path) >= strlen(a->made) && rmdir(path) == 0)
			*strrchr(path, '/') = '\0';
		free(path);
	}
}
