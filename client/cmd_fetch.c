/* SPDX-License-Identifier: MIT */
/*
 * fetch: the results of a job, written here with the caller's own rights.
 *
 * A file comes into <name>.part and gets its name when it is whole; what is here already with the same size and time
 * stays; a .part is gone on with if the file behind it is still the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batchd/wire.h"
#include "call.h"
#include "commands.h"
#include "files.h"
#include "mem.h"
#include "say.h"

struct fetch {
	const struct args *args;
	char *dir;
	const char *job;
	int64_t files, bytes, here;
};

static int64_t mtime_ms(const struct stat *st)
{
	return st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

static bool is_here(const char *path, int64_t size, int64_t time_ms)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_size == size && mtime_ms(&st) == time_ms;
}

static void set_time(int fd, int64_t time_ms)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = (time_t)(time_ms / 1000), .tv_nsec = (long)(time_ms % 1000) * 1000000 } };

	(void)futimens(fd, t);
}

/* The names come from the daemon: nothing outside of the directory is written, whatever they say. */
static bool name_is_safe(const char *name)
{
	return name[0] != '\0' && name[0] != '/' && name[0] != '.' && strstr(name, "/.") == NULL;
}

static int receive(struct fetch *f, const char *name, const char *part, struct err *err)
{
	struct json *reply = NULL;
	struct call *c = NULL;
	struct stat st;
	int fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644), rc = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, BD_EIO, "cannot open %s", part);
	rc = call_open_file(f->args, f->job, name, st.st_size, &c, err);
	if (rc == 0)
		rc = call_next(c, 0, &reply, err);
	if (rc == 0) {
		int64_t from = json_get_int(reply, "from", 0), time_ms = json_get_int(reply, "mtime_ms", 0);

		if (st.st_size > 0 && mtime_ms(&st) != time_ms) {       /* another file by now: from its beginning */
			call_close(c);
			json_free(reply);
			c = NULL;
			reply = NULL;
			from = 0;
			rc = call_open_file(f->args, f->job, name, 0, &c, err);
			if (rc == 0)
				rc = call_next(c, 0, &reply, err);
			time_ms = json_get_int(reply, "mtime_ms", 0);
		}
		if (rc == 0 && (ftruncate(fd, from) < 0 || lseek(fd, from, SEEK_SET) < 0))
			rc = err_sys(err, BD_EIO, "cannot write %s", part);
		if (rc == 0)
			rc = call_bytes(c, json_get_int(reply, "bytes", 0), fd, part, err);
		if (rc == 0 && fsync(fd) < 0)
			rc = err_sys(err, BD_EIO, "cannot sync %s", part);
		set_time(fd, time_ms);          /* also of a part: it tells which file it is of */
		f->bytes += json_get_int(reply, "bytes", 0);
	}
	json_free(reply);
	call_close(c);
	close(fd);
	return rc;
}

static int fetch_one(struct fetch *f, const char *name, int64_t size, int64_t time_ms, struct err *err)
{
	char *path = path_join(f->dir, name), *part = mem_printf("%s.part", path);
	int rc = 0;

	if (!name_is_safe(name)) {
		rc = err_set(err, BD_EDENIED, "the daemon names a file that does not belong here: %.100s", name);
	} else if (is_here(path, size, time_ms)) {
		f->here++;
	} else {
		rc = receive(f, name, part, err);
		if (rc == 0 && rename(part, path) < 0)
			rc = err_sys(err, BD_EIO, "cannot rename %s", part);
		f->files++;
	}
	free(path);
	free(part);
	return rc;
}

static int fetch_all(struct fetch *f, const struct json *list, struct err *err)
{
	const char *only = args_text(f->args, "file");
	int rc = 0;

	for (const struct json *i = json_first(json_get(list, "files")); i != NULL && rc == 0; i = json_next(i)) {
		const char *name = json_get_str(i, "name");

		if (name == NULL || (only != NULL && strcmp(only, name) != 0))
			continue;
		if (strncmp(name, "samples/", 8) == 0) {
			char *samples = path_join(f->dir, "samples");

			rc = dir_make(samples, 0755, err);
			free(samples);
		}
		if (rc == 0)
			rc = fetch_one(f, name, json_get_int(i, "size", -1), json_get_int(i, "mtime_ms", -1), err);
	}
	if (rc == 0 && only != NULL && f->files + f->here == 0)
		rc = err_set(err, BD_EINVALID, "the job has no file %s", only);
	return rc;
}

static int report(const struct fetch *f, struct err *err)
{
	struct buf text = { 0 };

	if (args_has(f->args, "json")) {
		struct jw w = { .out = &text };

		jw_obj(&w);
		jw_put_int(&w, "schema", REPLY_SCHEMA);
		jw_put_str(&w, "dir", f->dir);
		jw_put_int(&w, "files", f->files);
		jw_put_int(&w, "bytes", f->bytes);
		jw_put_int(&w, "already_here", f->here);
		jw_obj_end(&w);
		buf_add_char(&text, '\n');
	} else {
		buf_printf(&text, "%s: %" PRId64 " files fetched (%" PRId64 " bytes), %" PRId64 " were here\n", f->dir,
		           f->files, f->bytes, f->here);
	}
	int rc = say_text(&text, err);
	buf_done(&text);
	return rc;
}

int cmd_fetch(const struct args *args, struct err *err)
{
	struct fetch f = { .args = args, .job = args->words[0] };
	struct json *list = NULL;
	struct call *c = NULL;
	char *cwd = getcwd(NULL, 0);
	int rc = call_open_plain(args, "fetch", f.job, &c, err);

	if (rc == 0)
		rc = call_next(c, 0, &list, err);
	call_close(c);
	const char *dir = args->n_words > 1 ? args->words[1] : json_get_str(list, "fetch_dir");
	if (rc == 0 && (dir == NULL || dir[0] == '\0'))
		rc = err_set(err, BD_EINVALID, "the results of job %s lie in its save_dir already; name a directory to have "
		             "them there too", f.job);
	if (rc == 0) {
		f.dir = dir[0] == '/' || cwd == NULL ? mem_strdup(dir) : path_join(cwd, dir);
		rc = dir_make(f.dir, 0755, err);
	}
	if (rc == 0)
		rc = fetch_all(&f, list, err);
	if (rc == 0)
		rc = report(&f, err);
	json_free(list);
	free(f.dir);
	free(cwd);
	return rc;
}
