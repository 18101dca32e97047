/* SPDX-License-Identifier: MIT */
#include "repo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "mem.h"
#include "mirror.h"
#include "repo_index.h"
#include "roots.h"
#include "structure.h"

enum { TEXT_ROOM = 24, FILE_ROOM = 160 };       /* for each byte of a text (a line has three), for each file */

struct repo {
	struct repo_index *index;       /* owned */
	char *name;                     /* the second half of "owner/name" */
	char *path;                     /* of the structure, or NULL */
	int fd;                         /* of the structure, or -1 */
	struct mirror *mirror;          /* or NULL */
	struct repo_cost cost;
	struct buf raw;                 /* a range of the structure, before decoding */
	struct err unread;              /* why a text could not be read while paths were worked out */
};

static struct repo *repo_new(const char *name)
{
	const char *slash = name != NULL ? strrchr(name, '/') : NULL;
	struct repo *r = MEM_NEW(struct repo);

	r->name = mem_strdup(slash != NULL ? slash + 1 : name != NULL ? name : "");
	r->index = MEM_NEW(struct repo_index);
	r->fd = -1;
	return r;
}

void repo_close(struct repo *r)
{
	if (r == NULL)
		return;
	if (r->fd >= 0)
		close(r->fd);
	mirror_close(r->mirror);
	repo_index_done(r->index);
	free(r->index);
	buf_done(&r->raw);
	free(r->path);
	free(r->name);
	free(r);
}

/* --- a structure ----------------------------------------------------------------------- */

static struct structure_key key_of(const struct stat *st, const char *name)
{
	struct structure_key key = { .size = st->st_size, .inode = (int64_t)st->st_ino, .name = 14695981039346656037u };

	key.mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
	for (const char *p = name; p != NULL && *p != '\0'; p++)
		key.name = (key.name ^ (unsigned char)*p) * 1099511628211u;
	return key;
}

/* The lines of one file; counted as read. */
static int read_lines(struct repo *r, int64_t off, int64_t len, struct buf *ret, struct err *err)
{
	int rc;

	buf_reset(&r->raw);
	rc = mem_room_ask(TEXT_ROOM * (size_t)len, err);
	if (rc == 0)
		rc = file_get_range(r->fd, off, (size_t)len, &r->raw, err);
	if (rc < 0)
		return rc;
	r->cost.bytes_read += len;
	return scan_lines(buf_span(&r->raw), ret, err);
}

static bool text_for_rule(void *data, int64_t off, int64_t len, struct buf *ret)
{
	struct repo *r = data;
	struct err err;
	int rc = read_lines(r, off, len, ret, &err);

	if (err_is_local(rc))           /* a rule without its texts would come to other paths, and they are kept */
		r->unread = err;
	return rc == 0;
}

static int scan_structure(struct repo *r, const char *name, struct err *err)
{
	struct structure s;
	struct scan in;
	int rc;

	scan_open(&in, r->fd);
	rc = structure_scan(&in, &s, err);
	r->cost.parses = 1;
	r->cost.bytes_read = in.read;
	scan_close(&in);
	if (rc < 0)
		return rc;
	rc = mem_room_ask(s.count * FILE_ROOM + 3 * s.all_paths, err);
	if (rc == 0)
		structure_index(&s, name, text_for_rule, r, r->index);
	if (rc == 0 && r->unread.code < 0)
		rc = err_set(err, r->unread.code, "%s", r->unread.msg);
	structure_done(&s);
	return rc;
}

static int open_file(struct repo *r, const char *path, struct stat *st, struct err *err)
{
	r->path = mem_strdup(path);
	r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (r->fd < 0)
		return err_sys(err, errno == ENOENT || errno == ENOTDIR ? BD_ENOTFOUND : BD_EIO, "cannot open %s", path);
	if (fstat(r->fd, st) < 0)
		return err_sys(err, BD_EIO, "cannot look at %s", path);
	return S_ISREG(st->st_mode) ? 0 : err_set(err, BD_EINVALID, "%s is no file", path);
}

int repo_open_structure(const char *path, const char *name, const char *sidecar,
                        struct repo **ret, struct err *err)
{
	return repo_open_structure_in(NULL, path, name, sidecar, ret, err);
}

int repo_open_structure_in(const char *roots, const char *path, const char *name, const char *sidecar,
                           struct repo **ret, struct err *err)
{
	struct repo *r = repo_new(name);
	struct structure_key key, now = { 0 };
	struct stat st;
	int rc = open_file(r, path, &st, err);

	if (rc == 0)
		rc = roots_check_fd(roots, r->fd, path, err);
	if (rc < 0)
		goto out;
	key = key_of(&st, name);
	if (sidecar == NULL || sidecar_read(sidecar, &key, r->index) < 0) {
		rc = scan_structure(r, name, err);
		if (rc < 0) {
			err_prefix(err, "%s: ", path);
			goto out;
		}
		if (fstat(r->fd, &st) == 0)
			now = key_of(&st, name);
		if (memcmp(&now, &key, sizeof now) != 0) {
			rc = err_set(err, BD_EIO, "%s was changed while it was read", path);
			goto out;
		}
		if (sidecar != NULL)
			sidecar_write(sidecar, &key, r->index);
	}
	*ret = r;
	r = NULL;
out:
	repo_close(r);
	return rc;
}

/* --- a mirror -------------------------------------------------------------------------- */

int repo_open_mirror(const char *mirrors, const char *name, const char *commit,
                     struct repo **ret, struct err *err)
{
	return repo_open_mirror_in(NULL, mirrors, name, commit, ret, err);
}

int repo_open_mirror_in(const char *roots, const char *mirrors, const char *name, const char *commit,
                        struct repo **ret, struct err *err)
{
	struct repo *r = repo_new(name);
	int rc = mirror_open(mirrors, name, &r->mirror, err);

	if (rc == 0)
		rc = roots_check(roots, mirror_path(r->mirror), err);
	if (rc == 0)
		rc = mirror_list(r->mirror, commit, r->index, err);
	if (rc < 0) {
		repo_close(r);
		return rc;
	}
	*ret = r;
	return 0;
}

/* --- both ------------------------------------------------------------------------------ */

struct repo_cost repo_cost(const struct repo *r)
{
	return r->cost;
}

size_t repo_count(const struct repo *r)
{
	return r->index->count;
}

const char *repo_path(const struct repo *r, size_t i)
{
	return i < r->index->count ? repo_index_name(r->index, r->index->files[i].path) : NULL;
}

/* By its path, or by the one the structure has for a file of the root: key/setup.py. */
static const struct repo_file *find(const struct repo *r, struct span path, const char **ret_path)
{
	const struct repo_file *f = repo_index_find(r->index, path, ret_path);
	size_t n = r->index->root != NULL ? strlen(r->index->root) : 0;

	if (f != NULL || n == 0 || path.len <= n + 1 || !span_starts(path, r->index->root) || path.at[n] != '/')
		return f;
	path = (struct span){ path.at + n + 1, path.len - n - 1 };
	return memchr(path.at, '/', path.len) == NULL ? repo_index_find(r->index, path, ret_path) : NULL;
}

bool repo_is_exact(const struct repo *r)
{
	return r->mirror != NULL;
}

bool repo_has(const struct repo *r, const char *path)
{
	return find(r, span_of(path), NULL) != NULL;
}

int repo_read(struct repo *r, const char *path, struct buf *ret, struct err *err)
{
	const struct repo_file *f = find(r, span_of(path), NULL);
	int rc;

	if (f == NULL)
		return err_set(err, BD_ENOTFOUND, "no file %.300s in the repository", path);
	if (f->len == 0)
		return err_set(err, BD_ENOTFOUND, "the structure has no text of %.300s", path);
	if (r->mirror != NULL)
		return mirror_read(r->mirror, f, ret, err);
	rc = read_lines(r, f->off, f->len, ret, err);
	if (rc < 0)
		err_prefix(err, "%s: %.200s: ", r->path, path);
	return rc;
}

/* --- names from answers ---------------------------------------------------------------- */

static bool cut(struct span *s, const char *prefix, size_t n)
{
	if (s->len <= n + 1 || memcmp(s->at, prefix, n) != 0 || s->at[n] != '/')
		return false;
	*s = (struct span){ s->at + n + 1, s->len - n - 1 };
	return true;
}

/* The only file that ends with "/name". */
static const char *find_by_end(const struct repo *r, struct span name)
{
	const char *found = NULL;

	for (size_t i = 0; i < r->index->count; i++) {
		const char *path = repo_path(r, i);
		struct span p = span_of(path);

		if (p.len <= name.len || p.at[p.len - name.len - 1] != '/' ||
		    memcmp(p.at + p.len - name.len, name.at, name.len) != 0)
			continue;
		if (found != NULL)
			return NULL;
		found = path;
	}
	return found;
}

const char *repo_resolve(const struct repo *r, struct span name)
{
	const char *found = NULL;
	struct span less = { NULL, 0 };

	name = span_trim(name);
	if (name.len == 0 || memchr(name.at, '\0', name.len) != NULL)
		return NULL;
	while (cut(&name, ".", 1) || cut(&name, "", 0))
		;
	for (less = name;;) {
		if (find(r, less, &found) != NULL)
			return found;
		if (!cut(&less, "a", 1) && !cut(&less, "b", 1) && !cut(&less, ".", 1) && !cut(&less, "", 0) &&
		    !cut(&less, r->name, strlen(r->name)))
			break;
	}
	found = find_by_end(r, name);
	return found != NULL || less.len == name.len ? found : find_by_end(r, less);
}
