/* SPDX-License-Identifier: MIT */
/* Where workers read a job's rows and lines from: its dataset.jsonl, its request and result files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine_int.h"
#include "files.h"
#include "mem.h"

enum {
	AHEAD_BYTES = 256 << 10,
	TEXT_ROOM = 12,                 /* what is made of a byte of a row or an answer: copies, lines, escapes of up to six */
};

static void ahead_close(struct ahead *f)
{
	if (f->fd >= 0)
		close(f->fd);
	buf_done(&f->buf);
	*f = (struct ahead){ .fd = -1 };
}

/* What is left of the file from off on, up to AHEAD_BYTES; it must have len bytes. */
static int ahead_fill(struct ahead *f, int64_t off, size_t len, struct err *err)
{
	struct stat st;
	size_t want = AHEAD_BYTES;

	if (fstat(f->fd, &st) < 0)
		return err_sys(err, BD_EIO, "cannot read");
	if (st.st_size - off < (int64_t)want)
		want = st.st_size > off ? (size_t)(st.st_size - off) : 0;
	buf_reset(&f->buf);
	f->off = off;
	return file_get_range(f->fd, off, want > len ? want : len, &f->buf, err);
}

/* A short piece at or a little behind the end of the last one is taken from what is read ahead; any other is read. */
static int ahead_get(struct ahead *f, int64_t off, size_t len, struct buf *ret, struct err *err)
{
	bool follows = off >= f->next && off - f->next < AHEAD_BYTES / 4 && len <= AHEAD_BYTES / 4;
	int64_t end = off + (int64_t)len;
	int rc = 0;

	if (follows && (off < f->off || end > f->off + (int64_t)f->buf.len))
		rc = ahead_fill(f, off, len, err);
	if (rc < 0)
		return rc;
	f->next = end;
	if (!follows)
		return file_get_range(f->fd, off, len, ret, err);
	buf_add(ret, f->buf.at + (off - f->off), len);
	return 0;
}

int row_source_open(struct row_source *s, const char *db_path, const struct job *job, struct err *err)
{
	char *path = job_path(job, "dataset.jsonl");
	int rc = 0;

	*s = (struct row_source){ .file.fd = open(path, O_RDONLY | O_CLOEXEC), .job = job->row.id };
	if (s->file.fd < 0)
		rc = err_sys(err, BD_EIO, "cannot open %s", path);
	else
		rc = db_open_reader(db_path, &s->db, err);
	if (rc == 0)
		rc = db_hold_still(s->db, err);
	free(path);
	if (rc < 0)
		row_source_close(s);
	return rc;
}

int row_source_get(struct row_source *s, int64_t instance, char **ret_id, struct buf *ret_row, struct err *err)
{
	struct instance_place p;
	int rc = instance_get(s->db, s->job, instance, &p, err);

	if (rc < 0)
		return rc;
	buf_reset(ret_row);
	rc = mem_room_ask(TEXT_ROOM * (size_t)p.len, err);
	if (rc == 0)
		rc = ahead_get(&s->file, p.off, (size_t)p.len, ret_row, err);
	if (rc < 0)
		free(p.instance_id);
	else
		*ret_id = p.instance_id;
	return rc;
}

void row_source_close(struct row_source *s)
{
	ahead_close(&s->file);
	db_close(s->db);
	*s = (struct row_source){ .file.fd = -1 };
}

void line_source_init(struct line_source *s, const struct job *job)
{
	*s = (struct line_source){ .job = job };
	for (size_t i = 0; i < sizeof s->open / sizeof s->open[0]; i++)
		s->open[i].file.fd = -1;
}

int line_source_get(struct line_source *s, const struct line_ref *ref, struct buf *ret, struct err *err)
{
	static const char *const kinds[] = { "output", "errors", "requests" };
	size_t n = sizeof s->open / sizeof s->open[0], at = n;

	for (size_t i = 0; i < n; i++)
		if (s->open[i].file.fd >= 0 && s->open[i].batch == ref->batch && s->open[i].kind == ref->kind)
			at = i;
	if (at == n) {
		at = (size_t)(s->turn++ % (int)n);
		ahead_close(&s->open[at].file);
		char *path = batch_path(s->job, ref->batch, kinds[ref->kind]);
		int fd = open(path, O_RDONLY | O_CLOEXEC), rc = fd < 0 ? err_sys(err, BD_EIO, "cannot open %s", path) : 0;

		free(path);
		if (rc < 0)
			return rc;
		s->open[at].file.fd = fd;
		s->open[at].batch = ref->batch;
		s->open[at].kind = ref->kind;
	}
	int rc = mem_room_ask(TEXT_ROOM * (size_t)ref->len, err);
	if (rc == 0)
		rc = ahead_get(&s->open[at].file, ref->off, (size_t)ref->len, ret, err);
	if (rc < 0)
		err_prefix(err, "batch %lld %s: ", (long long)ref->batch, kinds[ref->kind]);
	return rc;
}

void line_source_close(struct line_source *s)
{
	for (size_t i = 0; i < sizeof s->open / sizeof s->open[0]; i++)
		ahead_close(&s->open[i].file);
	line_source_init(s, s->job);
}
