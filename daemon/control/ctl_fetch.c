/* SPDX-License-Identifier: MIT */
/* fetch: the files of a job's save_dir, listed, and each as bytes; the client writes them with its own rights. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl_int.h"
#include "files.h"
#include "job_store.h"
#include "mem.h"

/* A name that stays inside: no "..", no absolute path, one directory deep. */
static bool name_is_safe(const char *name)
{
	const char *slash = strchr(name, '/');

	if (name[0] == '\0' || name[0] == '/' || name[0] == '.' || strstr(name, "/.") != NULL)
		return false;
	return slash == NULL || (strncmp(name, "samples/", 8) == 0 && strchr(slash + 1, '/') == NULL && slash[1] != '\0');
}

static int list_dir(const char *dir, const char *prefix, struct jw *w, struct err *err)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (d == NULL)
		return errno == ENOENT ? 0 : err_sys(err, BD_EIO, "cannot open %s", dir);
	while ((e = readdir(d)) != NULL) {
		char *name = mem_printf("%s%s", prefix, e->d_name);
		struct stat st;
		size_t n = strlen(name);

		if (name_is_safe(name) && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && (n < 4 || strcmp(name + n - 4, ".tmp") != 0)) {
			jw_obj(w);
			jw_put_str(w, "name", name);
			jw_put_int(w, "size", st.st_size);
			jw_put_int(w, "mtime_ms", st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000);
			jw_obj_end(w);
		}
		free(name);
	}
	closedir(d);
	return 0;
}

static int send_list(struct ctl_call *call, const struct job_row *row, struct err *err)
{
	char *samples = path_join(row->save_dir, "samples");
	struct buf line;
	struct jw w;

	ctl_begin(&w, &line, "ok");
	jw_obj(&w);
	jw_put_str(&w, "name", row->name);
	jw_put_str(&w, "state", job_state_word(row->state));
	jw_put_str(&w, "fetch_dir", row->fetch_dir);
	jw_name(&w, "files");
	jw_list(&w);
	int rc = list_dir(row->save_dir, "", &w, err);
	if (rc == 0)
		rc = list_dir(samples, "samples/", &w, err);
	jw_list_end(&w);
	jw_obj_end(&w);
	free(samples);
	if (rc < 0)
		buf_done(&line);
	else
		ctl_send(call, &w, &line, true);
	return rc;
}

/* {"ok":{"size":N,"mtime_ms":..,"from":..,"bytes":M}} and M raw bytes behind its LF. */
static int send_file(struct ctl_call *call, const struct job_row *row, const char *name, int64_t from, struct err *err)
{
	char *path = path_join(row->save_dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	struct buf line;
	struct jw w;

	free(path);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		if (fd >= 0)
			close(fd);
		return err_set(err, BD_EINVALID, "job %lld has no file %s", (long long)row->id, name);
	}
	if (from < 0 || from > st.st_size)
		from = 0;
	ctl_begin(&w, &line, "ok");
	jw_obj(&w);
	jw_put_int(&w, "size", st.st_size);
	jw_put_int(&w, "mtime_ms", st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000);
	jw_put_int(&w, "from", from);
	jw_put_int(&w, "bytes", st.st_size - from);
	jw_obj_end(&w);
	ctl_send(call, &w, &line, false);
	call->answered = true;
	ctl_conn_send_file(call->conn, fd, from, st.st_size - from);
	return 0;
}

int ctl_fetch(struct ctl_call *call, struct err *err)
{
	const char *name = json_get_str(call->args, "file");
	struct job_row row;
	int rc = job_get(call->ctl->env.db, call->job, &row, err);

	if (rc < 0)
		return rc;
	if (name != NULL && !name_is_safe(name))
		rc = err_set(err, BD_EINVALID, "job %lld has no file %.200s", (long long)row.id, name);
	else if (name != NULL)
		rc = send_file(call, &row, name, json_get_int(call->args, "from", 0), err);
	else
		rc = send_list(call, &row, err);
	job_row_done(&row);
	return rc;
}
