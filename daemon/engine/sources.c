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
#include "wire_id.h"

enum {
	AHEAD_BYTES = 256 << 10,
	TEXT_ROOM = 32,                 /* what is made of a byte of a row or an answer: copies, lines, escapes of up to six */
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
	if (rc < 0) {
		row_source_close(s);
		return rc;
	}
	instance_cursor_init(&s->at, s->db, s->job);
	return 0;
}

int row_source_get(struct row_source *s, int64_t instance, const char **ret_id, struct buf *ret_row, struct err *err)
{
	struct instance_place p;
	int rc = instance_cursor_to(&s->at, instance, &p, err);

	if (rc < 0)
		return rc;
	buf_reset(ret_row);
	rc = mem_room_ask(TEXT_ROOM * (size_t)p.len, err);
	if (rc == 0)
		rc = ahead_get(&s->file, p.off, (size_t)p.len, ret_row, err);
	if (rc == 0)
		*ret_id = p.instance_id;
	return rc;
}

void row_source_close(struct row_source *s)
{
	ahead_close(&s->file);
	if (s->at.job != 0)
		instance_cursor_done(&s->at);
	db_close(s->db);
	*s = (struct row_source){ .file.fd = -1 };
}

void line_source_init(struct line_source *s, const struct job *job)
{
	*s = (struct line_source){ .job = job, .room = TEXT_ROOM };
	for (size_t i = 0; i < sizeof s->open / sizeof s->open[0]; i++)
		s->open[i].file.fd = -1;
}

int line_source_get(struct line_source *s, const struct line_ref *ref, struct buf *ret, struct err *err)
{
	static const char *const kinds[] = { "output", "errors" };
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
	int rc = mem_room_ask(s->room * (size_t)ref->len, err);
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

/* --- requests ---------------------------------------------------------------------------------------- */

enum { REQUEST_LINE_MAX = 1 << 30 };

void request_source_init(struct request_source *s, const struct job *job)
{
	*s = (struct request_source){ .job = job };
}

static struct request_mark *mark_of(struct request_source *s, int64_t batch)
{
	for (size_t i = 0; i < s->n_marks; i++)
		if (s->marks[i].batch == batch)
			return &s->marks[i];
	s->marks = mem_grow(s->marks, s->n_marks + 1, sizeof *s->marks);
	s->marks[s->n_marks] = (struct request_mark){ batch, 0 };
	return &s->marks[s->n_marks++];
}

/* The reader of that batch's file, where it was; another one makes room for it. */
static int reader_of(struct request_source *s, int64_t batch, struct line_reader **ret, struct err *err)
{
	size_t n = sizeof s->open / sizeof s->open[0];

	for (size_t i = 0; i < n; i++)
		if (s->open[i].batch == batch) {
			*ret = &s->open[i].lines;
			return 0;
		}
	size_t at = (size_t)(s->turn++ % (int)n);
	struct line_reader *r = &s->open[at].lines;
	if (s->open[at].batch != 0) {
		mark_of(s, s->open[at].batch)->off = line_reader_tell(r);
		line_reader_close(r);
		s->open[at].batch = 0;
	}
	char *path = batch_path(s->job, batch, "requests");
	int rc = line_reader_open(r, path, err);
	free(path);
	if (rc < 0)
		return rc == BD_ENOTFOUND ? BD_EIO : rc;
	s->open[at].batch = batch;
	*ret = r;
	return line_reader_seek(r, mark_of(s, batch)->off, err);
}

/* Under its natural custom_id, as JSON has it, or under the one of the wire. */
static bool is_request_of(const struct request_source *s, int64_t n, struct span line)
{
	struct span id = request_line_id(line);

	return span_is(id, s->id.at) || (id.len > 0 && wire_id_is(id.at, id.len, s->job->row.id, n));
}

int request_source_get(struct request_source *s, const struct pass_row *p, struct span *ret, struct err *err)
{
	int64_t passk = s->job->row.passk;
	char *natural = custom_id_make(p->instance_id, p->n % passk, passk);
	struct line_reader *r = NULL;
	int rc = reader_of(s, p->batch, &r, err);

	buf_reset(&s->id);
	json_escape(&s->id, natural, strlen(natural));
	buf_add_char(&s->id, '\0');
	free(natural);
	/* those between are passes that went out once more, with another batch */
	while (rc == 0 && (rc = line_reader_next(r, REQUEST_LINE_MAX, ret, err)) == 1) {
		if (is_request_of(s, p->n, *ret))
			return 0;
		rc = 0;
	}
	if (rc < 0)
		return err_prefix(err, "batch %lld requests: ", (long long)p->batch);
	return err_set(err, BD_EIO, "batch %lld requests: %s is not in it", (long long)p->batch, s->id.at);
}

void request_source_close(struct request_source *s)
{
	for (size_t i = 0; i < sizeof s->open / sizeof s->open[0]; i++)
		if (s->open[i].batch != 0)
			line_reader_close(&s->open[i].lines);
	free(s->marks);
	buf_done(&s->id);
	request_source_init(s, s->job);
}
