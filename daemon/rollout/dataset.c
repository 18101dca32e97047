/* SPDX-License-Identifier: MIT */
#include "dataset.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataset_ids.h"
#include "dataset_row.h"
#include "files.h"
#include "mem.h"
#include "scan.h"

enum { ROW_MAX = 256 << 20, ROW_ROOM = 4 };

/* A dataset on its way from the file to rows. */
struct intake {
	const char *path, *shown;
	const char *unit;               /* what rows are counted in: "" for lines, "element " */
	struct dataset_check check;
	struct dataset_ids ids;
	struct file_out *out;           /* NULL: only check */
	int64_t out_len;
	dataset_row_fn each;
	void *data;
};

/* Where the row is that err tells of: file:line, or file: element n. */
static int at_row(const struct intake *in, int64_t line, struct err *err)
{
	return err_prefix(err, "%.200s:%s%lld: ", in->shown, in->unit, (long long)line);
}

static int take_row(struct intake *in, struct span text, int64_t line, struct err *err)
{
	struct dataset_row row = { .off = in->out_len, .len = text.len, .line = line };
	int64_t first;
	int rc = mem_room_ask(ROW_ROOM * text.len + dataset_ids_room(&in->ids), err);

	if (rc < 0)
		return rc;
	rc = dataset_check_row(&in->check, text, err);
	if (rc < 0)
		goto wrong;
	first = dataset_ids_add(&in->ids, buf_span(&in->check.id), line);
	if (first != 0) {
		rc = err_set(err, BD_EINVALID, "%s %.200s again (first in %s %lld)",
		             in->check.requests ? "custom_id" : "instance_id", in->check.id.at,
		             in->unit[0] == '\0' ? "line" : "element", (long long)first);
		goto wrong;
	}
	in->out_len += (int64_t)text.len + 1;
	if (in->out != NULL) {
		rc = file_write(in->out, text.at, text.len, err);
		if (rc == 0)
			rc = file_write(in->out, "\n", 1, err);
		if (rc < 0)
			return rc;
	}
	row.instance_id = in->check.id.at;
	row.model = in->check.model;
	row.url = in->check.url;
	return in->each != NULL ? in->each(in->data, &row, err) : 0;
wrong:
	at_row(in, line, err);
	return rc;
}

/* --- lines ----------------------------------------------------------------------------- */

static int read_lines(struct intake *in, struct err *err)
{
	struct line_reader r;
	struct span line;
	int rc = line_reader_open(&r, in->path, err);

	if (rc < 0)
		return rc;
	while ((rc = line_reader_next(&r, ROW_MAX, &line, err)) > 0) {
		if (r.line_no == 1 && span_starts(line, "\xEF\xBB\xBF"))
			line = (struct span){ line.at + 3, line.len - 3 };
		line = span_trim(line);
		if (line.len == 0)
			continue;
		rc = take_row(in, line, r.line_no, err);
		if (rc < 0)
			goto out;
	}
	if (rc < 0)
		err_prefix(err, "%.200s: ", in->shown);
out:
	line_reader_close(&r);
	return rc < 0 ? rc : 0;
}

/* --- elements of an array -------------------------------------------------------------- */

/* Line breaks can only stand between the tokens of a value: it becomes one line, and the indentation goes. */
static void to_one_line(struct buf *b)
{
	size_t to = 0;

	for (size_t i = 0; i < b->len;) {
		if (b->at[i] == '\n' || b->at[i] == '\r') {
			while (i < b->len && strchr(" \t\r\n", b->at[i]) != NULL && b->at[i] != '\0')
				i++;
			continue;
		}
		b->at[to++] = b->at[i++];
	}
	b->len = to;
}

/* The bytes of the object that s stands at, into ret. */
static int gather(struct scan *s, struct buf *ret, struct err *err)
{
	struct scan_nest nest = { 0 };

	buf_reset(ret);
	do {
		if (scan_peek(s) < 0)
			return s->failed < 0 ? err_set(err, s->failed, "cannot read on") :
			       err_set(err, BD_EINVALID, "cut off");
		size_t n = scan_skip(&nest, s->p, (size_t)(s->end - s->p));

		if (ret->len + n > ROW_MAX)
			return err_set(err, BD_EINVALID, "longer than %d bytes", ROW_MAX);
		buf_add(ret, s->p, n);
		s->p += n;
	} while (nest.depth > 0);
	if (buf_lacks(ret))
		return err_set(err, BD_ENOMEM, "not enough memory for it");
	to_one_line(ret);
	return 0;
}

/* s stands behind the array's bracket; it is left behind the closing one. */
static int read_elements(struct intake *in, struct scan *s, struct err *err)
{
	struct buf row = { .may_fail = true };
	int64_t n = 0;
	int c, rc = 0;

	in->unit = " element ";
	for (c = scan_blank(s); c != ']' || n > 0; c = scan_blank(s)) {
		n++;
		if (c != '{')
			rc = err_set(err, BD_EINVALID, c < 0 ? "cut off" : "not a JSON object");
		if (rc == 0)
			rc = gather(s, &row, err);
		if (rc < 0) {
			at_row(in, n, err);
			break;
		}
		rc = take_row(in, buf_span(&row), n, err);
		if (rc < 0)
			break;
		c = scan_blank(s);
		if (c == ',')
			s->p++;
		else if (c == ']')
			break;
		else
			rc = err_set(err, BD_EINVALID, c < 0 ? "the array is cut off behind it" : "no comma behind it");
		if (rc < 0) {
			at_row(in, n, err);
			break;
		}
		if (scan_blank(s) == ']') {
			rc = err_set(err, BD_EINVALID, "a comma behind the last element");
			at_row(in, n, err);
			break;
		}
	}
	buf_done(&row);
	if (rc == 0)
		s->p++;
	return rc;
}

/* In an object, behind its '{': is there "data": [..] before anything that a row would have?  Then
 * s stands behind the bracket. */
static bool find_data(struct scan *s)
{
	struct buf name = { 0 };
	bool found = false;

	while (scan_blank(s) == '"') {
		buf_reset(&name);
		if (!scan_string(s, 4096, &name) || scan_blank(s) != ':')
			break;
		s->p++;
		if (span_is(buf_span(&name), "instance_id") || span_is(buf_span(&name), "custom_id"))
			break;
		found = scan_blank(s) == '[' && span_is(buf_span(&name), "data");
		if (found) {
			s->p++;
			break;
		}
		if (!scan_value(s) || scan_blank(s) != ',')
			break;
		s->p++;
	}
	buf_done(&name);
	return found;
}

/* What follows the array: the rest of the object around it, then nothing. */
static int read_rest(const struct intake *in, struct scan *s, bool in_object, struct err *err)
{
	bool good = true;

	while (in_object && good && scan_blank(s) == ',') {
		s->p++;
		good = scan_blank(s) == '"' && scan_string(s, SIZE_MAX, NULL) && scan_blank(s) == ':';
		if (good) {
			s->p++;
			good = scan_value(s);
		}
	}
	if (in_object && (!good || scan_blank(s) != '}'))
		return err_set(err, BD_EINVALID, "%.200s: not JSON at byte %lld, behind the rows", in->shown,
		               (long long)scan_pos(s) + 1);
	s->p += in_object;
	return scan_blank(s) < 0 ? 0 : err_set(err, BD_EINVALID, "%.200s: more text behind the array at byte %lld",
	                                       in->shown, (long long)scan_pos(s) + 1);
}

/* --- which of them --------------------------------------------------------------------- */

static int refuse_by_magic(const struct intake *in, const char *head, struct err *err)
{
	static const struct { const char *magic; size_t n; const char *what, *reader, *unpack; } kinds[] = {
		{ "PAR1", 4, "a Parquet file", "pandas.read_parquet", NULL },
		{ "ARROW1", 6, "an Arrow file", "pandas.read_feather", NULL },
		{ "\xFF\xFF\xFF\xFF", 4, "an Arrow stream", NULL, NULL },
		{ "\x1F\x8B", 2, "packed by gzip", NULL, "gunzip" },
		{ "BZh", 3, "packed by bzip2", NULL, "bunzip2" },
		{ "\xFD" "7zXZ", 5, "packed by xz", NULL, "unxz" },
		{ "\x28\xB5\x2F\xFD", 4, "packed by zstd", NULL, "unzstd" },
		{ "PK\x03\x04", 4, "a ZIP archive", NULL, "unzip" },
		{ "\xFF\xFE", 2, "UTF-16", NULL, "iconv -f UTF-16 -t UTF-8" },
		{ "\xFE\xFF", 2, "UTF-16", NULL, "iconv -f UTF-16 -t UTF-8" },
	};
	const char *slash = strrchr(in->shown, '/'), *name = slash != NULL ? slash + 1 : in->shown;

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (memcmp(head, kinds[i].magic, kinds[i].n) != 0)
			continue;
		if (kinds[i].unpack != NULL)
			return err_set(err, BD_EINVALID, "%.150s is %s; unpack it first: %s %.80s", in->shown,
			               kinds[i].what, kinds[i].unpack, name);
		if (kinds[i].reader == NULL)
			return err_set(err, BD_EINVALID, "%.150s is %s; turn it into JSONL: python3 -c \"import datasets; "
			               "datasets.Dataset.from_file('%.80s').to_json('rows.jsonl')\"", in->shown,
			               kinds[i].what, name);
		return err_set(err, BD_EINVALID, "%.150s is %s; turn it into JSONL: python3 -c \"import pandas; "
		               "%s('%.80s').to_json('rows.jsonl', orient='records', lines=True)\"", in->shown,
		               kinds[i].what, kinds[i].reader, name);
	}
	return 0;
}

static int read_rows(struct intake *in, int fd, struct err *err)
{
	char head[8] = { 0 };
	struct scan s;
	bool in_object = false;
	int c, rc = 0;

	if (pread(fd, head, sizeof head, 0) < 0)
		return err_sys(err, BD_EIO, "cannot read %.300s", in->shown);
	rc = refuse_by_magic(in, head, err);
	if (rc < 0)
		return rc;
	scan_open(&s, fd);
	for (int i = memcmp(head, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0; i > 0 && scan_peek(&s) >= 0; i--)
		s.p++;
	c = scan_blank(&s);
	if (c == '{') {
		s.p++;
		in_object = find_data(&s);
	} else if (c == '[') {
		s.p++;
	}
	if (c != '[' && !in_object) {
		scan_close(&s);
		return read_lines(in, err);
	}
	rc = read_elements(in, &s, err);
	if (rc == 0)
		rc = read_rest(in, &s, in_object, err);
	scan_close(&s);
	return rc;
}

static int read_file(struct intake *in, const char *out_path, struct err *err)
{
	int fd = open(in->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int rc = 0;

	if (fd < 0)
		return err_sys(err, errno == ENOENT ? BD_ENOTFOUND : BD_EIO, "cannot open %.300s", in->shown);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		rc = err_set(err, BD_EINVALID, "%.300s is no file", in->shown);
	if (rc == 0 && out_path != NULL)
		rc = file_create(out_path, 0600, &in->out, err);
	if (rc == 0)
		rc = read_rows(in, fd, err);
	if (rc == 0 && in->ids.count == 0)
		rc = err_set(err, BD_EINVALID, "%.300s: no rows", in->shown);
	close(fd);
	if (rc < 0 || in->out == NULL) {
		file_abandon(in->out);
		return rc;
	}
	return file_commit(in->out, err);
}

static int intake(const char *path, const char *shown, const char *out_path, bool requests,
                  dataset_row_fn each, void *data, struct err *err)
{
	struct intake in = { .path = path, .shown = shown != NULL ? shown : path, .unit = "",
	                     .check.requests = requests, .each = each, .data = data };
	int rc = read_file(&in, out_path, err);

	dataset_check_done(&in.check);
	dataset_ids_done(&in.ids);
	return rc;
}

int dataset_read(const char *path, const char *shown, const char *out_path,
                 dataset_row_fn each, void *data, struct err *err)
{
	return intake(path, shown, out_path, false, each, data, err);
}

int dataset_read_requests(const char *path, const char *shown, const char *out_path,
                          dataset_row_fn each, void *data, struct err *err)
{
	return intake(path, shown, out_path, true, each, data, err);
}
