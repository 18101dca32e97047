/* SPDX-License-Identifier: MIT */
/*
 * Where keys come from.  People paste the key itself where its file or variable should be named, so values
 * of settings are repeated in errors only where they cannot be a key: an absolute path, an UPPER_CASE name.
 */
#include "config_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"

#define KEY_FILE_MAX 65536

void key_free(char *key)
{
	if (key != NULL)
		explicit_bzero(key, strlen(key));
	free(key);
}

/* The first line of text, bare.  A key goes into an HTTP header: anything but plain visible bytes is refused. */
static int key_take(struct span text, char **ret, struct err *err)
{
	struct span line = { NULL, 0 };

	if (text.len >= 3 && memcmp(text.at, "\xEF\xBB\xBF", 3) == 0)
		text = (struct span){ text.at + 3, text.len - 3 };
	span_line(&text, &line);
	line = span_trim(line);
	if (line.len == 0)
		return err_set(err, BD_EINVALID, "is empty: the key must stand on the first line");
	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.at[i] <= ' ' || (unsigned char)line.at[i] >= 0x7f)
			return err_set(err, BD_EINVALID, "is no key: byte %zu of the first line is a blank or no ASCII", i + 1);
	*ret = mem_strndup(line.at, line.len);
	return 0;
}

/* shown: what errors call it, may be "". */
static int key_read_fd(int fd, const char *shown, bool private_dir, char **ret, struct err *err)
{
	static const char what[] = "key file ";
	char *text;
	size_t len = 0;
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return err_sys(err, BD_EIO, "%s%s", what, shown);
	if (!S_ISREG(st.st_mode))
		return err_set(err, BD_EINVALID, "%s%s is no regular file", what, shown);
	if (!private_dir && (st.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0)
		return err_set(err, BD_EINVALID, "%s%s can be read or written by others (mode %04o): chmod 600 %s",
		               what, shown, (unsigned)(st.st_mode & 07777), shown);
	text = mem_alloc(KEY_FILE_MAX);
	for (;;) {
		ssize_t got = read(fd, text + len, KEY_FILE_MAX - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			rc = err_sys(err, BD_EIO, "%s%s", what, shown);
			goto out;
		}
		if (got == 0)
			break;
		len += (size_t)got;
	}
	rc = key_take((struct span){ text, len }, ret, err);
	if (rc < 0)
		err_prefix(err, "%s%s ", what, shown);
out:
	explicit_bzero(text, KEY_FILE_MAX);
	free(text);
	return rc;
}

int key_from_file(const char *path, char **ret, struct err *err)
{
	const char *home = env_get("HOME");
	char *full;
	int rc, fd;

	if (strncmp(path, "~/", 2) == 0 && home != NULL)
		full = mem_printf("%s/%s", home, path + 2);
	else if (path[0] == '/')
		full = mem_strdup(path);
	else
		return err_set(err, BD_EINVALID, "must be an absolute path, or start with ~/ (is it the key itself? "
		               "put that into a file of mode 600)");
	fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);    /* NONBLOCK: a fifo must not hold us */
	if (fd < 0) {
		rc = err_sys(err, BD_EIO, "key file %s", full);
	} else {
		rc = key_read_fd(fd, full, false, ret, err);
		close(fd);
	}
	free(full);
	return rc;
}

int key_from_env(const char *name, char **ret, struct err *err)
{
	bool plain = name[0] >= 'A' && name[0] <= 'Z';
	const char *value = getenv(name);
	int rc;

	for (const char *p = name; *p != '\0'; p++)
		plain = plain && ((*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_');
	if (value == NULL) {
		if (plain)
			return err_set(err, BD_EINVALID, "environment variable %s is not set", name);
		return err_set(err, BD_EINVALID, "no environment variable of that name is set (it is the variable's "
		               "name that belongs here, not the key)");
	}
	rc = key_take(span_of(value), ret, err);
	if (rc < 0)
		err_prefix(err, "environment variable%s%s ", plain ? " " : "", plain ? name : "");
	return rc;
}

int key_from_credential(const char *name, char **ret, struct err *err)
{
	const char *dir = env_get("CREDENTIALS_DIRECTORY");
	char *path;
	int rc, fd;

	if (strchr(name, '/') != NULL || name[0] == '.')
		return err_set(err, BD_EINVALID, "must be the name of a credential, not a path");
	if (dir == NULL)
		return err_set(err, BD_EINVALID, "$CREDENTIALS_DIRECTORY is not set: batchd was not started by systemd "
		               "with LoadCredential=");
	path = mem_printf("%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		rc = err_sys(err, BD_EIO, "there is no such credential (LoadCredential= in the unit)");
	} else {
		rc = key_read_fd(fd, "of the credential", true, ret, err);
		close(fd);
		if (rc < 0 && err != NULL) {    /* it was found, so the name is no key */
			char *why = mem_strdup(err->msg);

			err_set(err, rc, "%s (the unit's LoadCredential=%s:FILE says which file; as installed "
			        "/etc/batchd/openai.key)", why, name);
			free(why);
		}
	}
	free(path);
	return rc;
}
