/* SPDX-License-Identifier: MIT */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "mem.h"

enum { WRITE_BYTES = 1 << 20, EARLY_BYTES = 8 << 20 };

struct file_out {
	char *path, *temp;
	int fd;
	int64_t written;        /* handed to the kernel */
	int64_t early;          /* of these, on their way to the disk */
	struct buf buf;         /* not yet */
	size_t buffer;          /* how much of it */
};

static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return mem_strdup(".");
	return slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
}

int file_create(const char *path, mode_t mode, struct file_out **ret, struct err *err)
{
	char *temp = mem_printf("%s.tmp", path);
	int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	fault_step();
	if (fd < 0 || fault_hit(FAULT_FILE)) {
		int rc = err_sys(err, BD_EIO, "cannot create %s", temp);

		if (fd >= 0)
			close(fd);
		free(temp);
		return rc;
	}
	*ret = MEM_NEW(struct file_out);
	(*ret)->path = mem_strdup(path);
	(*ret)->temp = temp;
	(*ret)->fd = fd;
	(*ret)->buffer = WRITE_BYTES;
	return 0;
}

static int write_all(struct file_out *f, const char *p, size_t n, struct err *err)
{
	while (n > 0) {
		ssize_t w = fault_hit(FAULT_FILE) ? (errno = ENOSPC, -1) : write(f->fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_sys(err, BD_EIO, "cannot write %s", f->temp);
		p += w;
		n -= (size_t)w;
		f->written += w;
	}
	return 0;
}

/* The disk begins with what there is while the rest is made: file_commit() then finds little left to wait for. */
static void write_early(struct file_out *f)
{
	if (f->written - f->early < EARLY_BYTES)
		return;
	(void)sync_file_range(f->fd, f->early, f->written - f->early, SYNC_FILE_RANGE_WRITE);
	f->early = f->written;
}

static int flush(struct file_out *f, struct err *err)
{
	int rc = write_all(f, f->buf.at, f->buf.len, err);

	buf_reset(&f->buf);
	write_early(f);
	return rc;
}

int file_write(struct file_out *f, const void *bytes, size_t n, struct err *err)
{
	if (f->buf.len + n > f->buffer) {
		int rc = flush(f, err);

		if (rc < 0)
			return rc;
	}
	if (n > f->buffer)
		return write_all(f, bytes, n, err);
	buf_add(&f->buf, bytes, n);
	return 0;
}

void file_buffer(struct file_out *f, size_t bytes)
{
	f->buffer = bytes;
}

int64_t file_tell(const struct file_out *f)
{
	return f->written + (int64_t)f->buf.len;
}

static void file_free(struct file_out *f)
{
	if (f->fd >= 0)
		close(f->fd);
	buf_done(&f->buf);
	free(f->path);
	free(f->temp);
	free(f);
}

int file_commit(struct file_out *f, struct err *err)
{
	char *dir = dir_of(f->path);
	int rc = flush(f, err);

	fault_step();
	if (rc == 0 && (fault_hit(FAULT_FILE) || fsync(f->fd) < 0))
		rc = err_sys(err, BD_EIO, "cannot sync %s", f->temp);
	fault_step();
	if (rc == 0 && (fault_hit(FAULT_FILE) || rename(f->temp, f->path) < 0))
		rc = err_sys(err, BD_EIO, "cannot rename %s to %s", f->temp, f->path);
	if (rc == 0)
		rc = dir_sync(dir, err);
	else
		unlink(f->temp);
	free(dir);
	file_free(f);
	return rc;
}

void file_abandon(struct file_out *f)
{
	if (f == NULL)
		return;
	fault_step();
	unlink(f->temp);
	file_free(f);
}

int file_put(const char *path, const void *bytes, size_t n, mode_t mode, struct err *err)
{
	struct file_out *f;
	int rc = file_create(path, mode, &f, err);

	if (rc < 0)
		return rc;
	rc = file_write(f, bytes, n, err);
	if (rc < 0) {
		file_abandon(f);
		return rc;
	}
	return file_commit(f, err);
}

int file_get(const char *path, size_t max, struct buf *ret, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	struct stat st;

	if (fd < 0)
		return err_sys(err, errno == ENOENT ? BD_ENOTFOUND : BD_EIO, "cannot open %s", path);
	if (fstat(fd, &st) < 0)
		rc = err_sys(err, BD_EIO, "cannot read %s", path);
	else if (S_ISDIR(st.st_mode))
		rc = err_set(err, BD_EINVALID, "%s is a directory", path);
	size_t start = ret->len;
	while (rc == 0) {
		char *to = buf_try_reserve(ret, 65536);
		ssize_t n = fault_hit(FAULT_FILE) ? (errno = EIO, -1) : to == NULL ? (errno = ENOMEM, -1) :
		            read(fd, to, 65536);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = err_sys(err, to == NULL ? BD_ENOMEM : BD_EIO, "cannot read %s", path);
		if (n <= 0)
			break;
		ret->len += (size_t)n;
		ret->at[ret->len] = '\0';
		if (ret->len - start > max)
			rc = err_set(err, BD_EINVALID, "%s is longer than %zu bytes", path, max);
	}
	close(fd);
	return rc;
}

int file_get_range(int fd, int64_t off, size_t len, struct buf *ret, struct err *err)
{
	char *to = buf_try_reserve(ret, len);

	if (to == NULL)
		return err_set(err, BD_ENOMEM, "not enough memory for %zu bytes of a file", len);
	for (size_t got = 0; got < len;) {
		ssize_t n = fault_hit(FAULT_FILE) ? (errno = EIO, -1) :
		            pread(fd, to + got, len - got, off + (int64_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, BD_EIO, "cannot read %zu bytes at %lld", len, (long long)off);
		if (n == 0)
			return err_set(err, BD_EIO, "file ends before byte %lld", (long long)off + (long long)len);
		got += (size_t)n;
	}
	ret->len += len;
	to[len] = '\0';
	return 0;
}

int64_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

int dir_make(const char *path, mode_t mode, struct err *err)
{
	char *copy = mem_strdup(path);
	int rc = 0;

	for (char *p = copy + 1; rc == 0; p++) {
		char was = *p;

		if (was != '/' && was != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			rc = err_sys(err, BD_EIO, "cannot make the directory %s", copy);
		*p = was;
		if (was == '\0')
			break;
	}
	free(copy);
	return rc;
}

int dir_sync(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	fault_step();
	if (fd < 0 || fault_hit(FAULT_FILE) || fsync(fd) < 0)
		rc = err_sys(err, BD_EIO, "cannot sync the directory %s", path);
	if (fd >= 0)
		close(fd);
	return rc;
}

int dir_remove(const char *path, struct err *err)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int rc = 0;

	if (d == NULL)
		return errno == ENOENT ? 0 : err_sys(err, BD_EIO, "cannot open %s", path);
	while (rc == 0 && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		char *sub = path_join(path, e->d_name);
		struct stat st;

		fault_step();
		if (lstat(sub, &st) == 0 && S_ISDIR(st.st_mode))
			rc = dir_remove(sub, err);
		else if (unlink(sub) < 0 && errno != ENOENT)
			rc = err_sys(err, BD_EIO, "cannot remove %s", sub);
		free(sub);
	}
	closedir(d);
	if (rc == 0 && rmdir(path) < 0 && errno != ENOENT)
		rc = err_sys(err, BD_EIO, "cannot remove %s", path);
	return rc;
}

char *path_join(const char *dir, const char *name)
{
	size_t n = strlen(dir);

	return mem_printf("%s%s%s", dir, n > 0 && dir[n - 1] == '/' ? "" : "/", name);
}

int line_reader_open(struct line_reader *r, const char *path, struct err *err)
{
	*r = (struct line_reader){ .fd = open(path, O_RDONLY | O_CLOEXEC) };
	if (r->fd < 0)
		return err_sys(err, errno == ENOENT ? BD_ENOTFOUND : BD_EIO, "cannot open %s", path);
	return 0;
}

int line_reader_seek(struct line_reader *r, int64_t off, struct err *err)
{
	if (lseek(r->fd, off, SEEK_SET) < 0)
		return err_sys(err, BD_EIO, "cannot read at %lld", (long long)off);
	buf_reset(&r->buf);
	r->off = off;
	r->next = 0;
	r->line_no = 0;
	r->end = false;
	return 0;
}

static int fill(struct line_reader *r, struct err *err)
{
	size_t keep = r->buf.len - r->next;
	ssize_t n;

	if (r->next > 0 && keep > 0)
		memmove(r->buf.at, r->buf.at + r->next, keep);
	r->off += (int64_t)r->next;
	r->buf.len = keep;
	r->next = 0;
	size_t want = r->buf.cap > keep + 262144 ? r->buf.cap - keep - 1 : 262144;
	char *to = buf_try_reserve(&r->buf, want);
	if (to == NULL)
		return err_set(err, BD_ENOMEM, "not enough memory for a line of over %zu bytes", keep);
	do {
		n = fault_hit(FAULT_FILE) ? (errno = EIO, -1) : read(r->fd, to, want);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, BD_EIO, "cannot read");
	r->buf.len += (size_t)n;
	r->end = n == 0;
	return 0;
}

int line_reader_next(struct line_reader *r, size_t max_bytes, struct span *ret, struct err *err)
{
	size_t seen = 0;

	for (;;) {
		size_t left = r->buf.len - r->next;
		const char *from = r->buf.at != NULL ? r->buf.at + r->next : "";
		const char *nl = left > seen ? memchr(from + seen, '\n', left - seen) : NULL;

		size_t len = nl != NULL ? (size_t)(nl - from) : left;

		r->line_off = r->off + (int64_t)r->next;
		*ret = (struct span){ from, len < max_bytes ? len : max_bytes };
		if (len > max_bytes)
			return err_set(err, BD_EINVALID, "line %lld is longer than %zu bytes",
			               (long long)r->line_no + 1, max_bytes);
		if (nl != NULL || (r->end && left > 0)) {
			r->line_no++;
			r->next += nl != NULL ? len + 1 : len;
			return 1;
		}
		if (r->end)
			return 0;
		seen = left;
		int rc = fill(r, err);
		if (rc < 0)
			return rc;
	}
}

int line_reader_skip(struct line_reader *r, struct err *err)
{
	for (;;) {
		size_t left = r->buf.len - r->next;
		const char *from = r->buf.at + r->next, *nl = left > 0 ? memchr(from, '\n', left) : NULL;

		r->next += nl != NULL ? (size_t)(nl - from) + 1 : left;
		if (nl != NULL || r->end)
			break;
		int rc = fill(r, err);
		if (rc < 0)
			return rc;
	}
	r->line_no++;
	return 0;
}

int64_t line_reader_tell(const struct line_reader *r)
{
	return r->off + (int64_t)r->next;
}

void line_reader_close(struct line_reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	buf_done(&r->buf);
}
