/* SPDX-License-Identifier: MIT */
/* Where workers read a job's rows and lines from: its dataset.jsonl, its request and result files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_int.h"
#include "files.h"

int row_source_open(struct row_source *s, const char *db_path, const struct job *job, struct err *err)
{
	char *path = job_path(job, "dataset.jsonl");
	int rc = 0;

	*s = (struct row_source){ .fd = open(path, O_RDONLY | O_CLOEXEC), .job = job->row.id };
	if (s->fd < 0)
		rc = err_sys(err, BD_EIO, "cannot open %s", path);
	else
		rc = db_open_reader(db_path, &s->db, err);
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
	rc = file_get_range(s->fd, p.off, (size_t)p.len, ret_row, err);
	if (rc < 0)
		free(p.instance_id);
	else
		*ret_id = p.instance_id;
	return rc;
}

void row_source_close(struct row_source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	db_close(s->db);
	*s = (struct row_source){ .fd = -1 };
}

void line_source_init(struct line_source *s, const char *dir)
{
	*s = (struct line_source){ .dir = dir };
	for (size_t i = 0; i < sizeof s->open / sizeof s->open[0]; i++)
		s->open[i].fd = -1;
}

int line_source_get(struct line_source *s, const struct line_ref *ref, struct buf *ret, struct err *err)
{
	static const char *const kinds[] = { "output", "errors", "requests" };
	size_t n = sizeof s->open / sizeof s->open[0], at = n;
	char path[4096];

	for (size_t i = 0; i < n; i++)
		if (s->open[i].fd >= 0 && s->open[i].batch == ref->batch && s->open[i].kind == ref->kind)
			at = i;
	if (at == n) {
		at = (size_t)(s->turn++ % (int)n);
		if (s->open[at].fd >= 0)
			close(s->open[at].fd);
		snprintf(path, sizeof path, "%s/batch-%lld.%s.jsonl", s->dir, (long long)ref->batch, kinds[ref->kind]);
		s->open[at].fd = open(path, O_RDONLY | O_CLOEXEC);
		s->open[at].batch = ref->batch;
		s->open[at].kind = ref->kind;
		if (s->open[at].fd < 0)
			return err_sys(err, BD_EIO, "cannot open %s", path);
	}
	int rc = file_get_range(s->open[at].fd, ref->off, (size_t)ref->len, ret, err);
	if (rc < 0)
		err_prefix(err, "batch %lld %s: ", (long long)ref->batch, kinds[ref->kind]);
	return rc;
}

void line_source_close(struct line_source *s)
{
	for (size_t i = 0; i < sizeof s->open / sizeof s->open[0]; i++)
		if (s->open[i].fd >= 0)
			close(s->open[i].fd);
	line_source_init(s, s->dir);
}
