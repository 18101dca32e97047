/* SPDX-License-Identifier: MIT */
/*
 * Data sets of the hub on disk.  A page counts once the small state file beside the rows says so, which is written behind
 * their sync: after a crash the rows go on from the last whole page.  The finished file is what a job links or copies.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "hub.h"
#include "mem.h"

enum { STATE_MAX = 65536, NAME_MAX_BYTES = 180, COPY_BYTES = 1 << 20 };

/* A text as a part of a file's name.  The parts are divided by '-', so only the first one may hold it. */
static void add_name(struct buf *to, const char *text, bool first)
{
	for (const char *p = text; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		             (first && p != text && (c == '-' || c == '.'));

		if (plain)
			buf_add_char(to, *p);
		else
			buf_printf(to, "%%%02X", c);
	}
}

int hub_cache_open(struct hub_cache *c, const char *state_dir, const char *dataset, const char *config,
                   const char *split, struct err *err)
{
	struct buf name = { 0 };
	int rc = 0;

	c->dataset = dataset;
	c->config = config;
	c->split = split;
	add_name(&name, dataset, true);
	buf_add_char(&name, '-');
	add_name(&name, config, false);
	buf_add_char(&name, '-');
	add_name(&name, split, false);
	c->dir = path_join(state_dir, "hub");
	c->stem = path_join(c->dir, buf_str(&name));
	if (name.len > NAME_MAX_BYTES)
		rc = err_set(err, BD_EINVALID, "the names of the data set, its config and its split are too long for a file's name");
	buf_done(&name);
	return rc < 0 ? rc : dir_make(c->dir, 0700, err);
}

void hub_cache_done(struct hub_cache *c)
{
	free(c->dir);
	free(c->stem);
	*c = (struct hub_cache){ 0 };
}

static char *final_path(const struct hub_cache *c, const char *revision, const char *suffix)
{
	struct buf name = { 0 };

	buf_add_str(&name, c->stem);
	buf_add_char(&name, '-');
	add_name(&name, revision, false);
	buf_add_str(&name, suffix);
	return buf_take_str(&name);
}

/* --- the state file ---------------------------------------------------------------------------------- */

static int state_put(const struct hub_cache *c, const char *path, const struct hub_part *part, struct err *err)
{
	struct buf text = { 0 };
	struct jw w = { .out = &text };

	jw_obj(&w);
	jw_put_str(&w, "dataset", c->dataset);
	jw_put_str(&w, "config", c->config);
	jw_put_str(&w, "split", c->split);
	jw_put_str(&w, "revision", part->revision);
	jw_put_int(&w, "rows", part->rows);
	jw_put_int(&w, "total", part->total);
	jw_put_int(&w, "bytes", part->bytes);
	jw_put_bool(&w, "partial", part->partial);
	jw_obj_end(&w);
	buf_add_char(&text, '\n');
	int rc = file_put(path, text.at, text.len, 0600, err);
	buf_done(&text);
	return rc;
}

static bool is_text(const struct json *v, const char *name, const char *text)
{
	const char *is = json_get_str(v, name);

	return is != NULL && strcmp(is, text) == 0;
}

/* False unless it is there, of this very data set, and makes sense. */
static bool state_get(const struct hub_cache *c, const char *path, struct hub_part *ret)
{
	struct hub_part part = { 0 };
	struct buf text = { 0 };
	struct json *v = NULL;
	struct err ignored;
	bool good = file_get(path, STATE_MAX, &text, &ignored) == 0 && json_parse(text.at, text.len, &v, &ignored) == 0;
	const char *revision = json_get_str(v, "revision");

	part.rows = json_get_int(v, "rows", -1);
	part.total = json_get_int(v, "total", -1);
	part.bytes = json_get_int(v, "bytes", -1);
	part.partial = json_get_bool(v, "partial", false);
	good = good && is_text(v, "dataset", c->dataset) && is_text(v, "config", c->config) && is_text(v, "split", c->split) &&
	       revision != NULL && revision[0] != '\0' && strlen(revision) < sizeof part.revision &&
	       part.rows >= 0 && part.rows <= part.total && part.bytes >= part.rows;
	if (good) {
		snprintf(part.revision, sizeof part.revision, "%s", revision);
		*ret = part;
	}
	json_free(v);
	buf_done(&text);
	return good;
}

void hub_cache_resume(struct hub_cache *c, struct hub_part *ret)
{
	char *state = mem_printf("%s.part.json", c->stem), *path = mem_printf("%s.part", c->stem);

	if (!state_get(c, state, ret) || file_size(path) < ret->bytes)
		*ret = (struct hub_part){ .total = -1 };
	free(state);
	free(path);
}

bool hub_cache_has(struct hub_cache *c, const char *revision, struct hub_part *ret)
{
	char *state = final_path(c, revision, ".json"), *path = final_path(c, revision, ".jsonl");
	struct hub_part part;
	bool has = revision[0] != '\0' && state_get(c, state, &part) && strcmp(part.revision, revision) == 0 &&
	           part.rows == part.total && file_size(path) == part.bytes;

	if (has)
		*ret = part;
	free(state);
	free(path);
	return has;
}

/* --- growing ------------------------------------------------------------------------------------------ */

static int write_at(int fd, const char *path, struct span bytes, int64_t off, struct err *err)
{
	if (ftruncate(fd, off) < 0)
		return err_sys(err, BD_EIO, "%s", path);
	while (bytes.len > 0) {
		ssize_t n = pwrite(fd, bytes.at, bytes.len, off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(err, BD_EIO, "%s", path);
		bytes.at += n;
		bytes.len -= (size_t)n;
		off += n;
	}
	return fdatasync(fd) < 0 ? err_sys(err, BD_EIO, "%s", path) : 0;
}

int hub_cache_append(struct hub_cache *c, struct hub_part *part, struct span rows, const struct hub_page *page,
                     struct err *err)
{
	char *path = mem_printf("%s.part", c->stem), *state = mem_printf("%s.part.json", c->stem);
	struct hub_part grown = *part;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int rc = fd < 0 ? err_sys(err, BD_EIO, "%s", path) : 0;

	grown.rows += page->n;
	grown.total = page->total;
	grown.bytes += (int64_t)rows.len;
	grown.partial = part->partial || page->partial;
	if (rc == 0 && part->rows == 0)         /* the rows before were another revision's, maybe */
		unlink(state);
	if (rc == 0)
		rc = write_at(fd, path, rows, part->bytes, err);
	if (rc == 0)
		rc = state_put(c, state, &grown, err);
	if (rc == 0)
		*part = grown;
	if (fd >= 0)
		close(fd);
	free(path);
	free(state);
	return rc;
}

/* Other revisions of the same split: their names differ in the last part only. */
static void drop_others(const struct hub_cache *c, const char *keep)
{
	const char *stem = strrchr(c->stem, '/') + 1, *kept = strrchr(keep, '/') + 1;
	size_t n = strlen(stem), base = strlen(kept) - strlen(".jsonl");
	DIR *dir = opendir(c->dir);

	for (struct dirent *d; dir != NULL && (d = readdir(dir)) != NULL;) {
		if (strncmp(d->d_name, stem, n) != 0 || d->d_name[n] != '-' || strchr(d->d_name + n + 1, '-') != NULL ||
		    strstr(d->d_name, ".json") == NULL || (strncmp(d->d_name, kept, base) == 0 && d->d_name[base] == '.'))
			continue;
		unlinkat(dirfd(dir), d->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
}

int hub_cache_finish(struct hub_cache *c, const struct hub_part *part, struct err *err)
{
	char *from = mem_printf("%s.part", c->stem), *from_state = mem_printf("%s.part.json", c->stem);
	char *state = final_path(c, part->revision, ".json"), *path = final_path(c, part->revision, ".jsonl");
	int rc = truncate(from, part->bytes) < 0 ? err_sys(err, BD_EIO, "%s", from) : 0;

	if (rc == 0)
		rc = state_put(c, state, part, err);
	if (rc == 0 && rename(from, path) < 0)
		rc = err_sys(err, BD_EIO, "%s", path);
	if (rc == 0) {
		unlink(from_state);
		drop_others(c, path);
		rc = dir_sync(c->dir, err);
	}
	free(from);
	free(from_state);
	free(state);
	free(path);
	return rc;
}

/* --- giving away -------------------------------------------------------------------------------------- */

static int copy_file(const char *from, const char *to, struct err *err)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char *piece = mem_alloc(COPY_BYTES);
	int rc = in < 0 || out < 0 ? err_sys(err, BD_EIO, "%s", in < 0 ? from : to) : 0;
	int64_t off = 0;

	for (ssize_t n; rc == 0 && (n = read(in, piece, COPY_BYTES)) != 0; off += n) {
		rc = n < 0 ? err_sys(err, BD_EIO, "%s", from) : 0;
		if (rc == 0)
			rc = write_at(out, to, (struct span){ piece, (size_t)n }, off, err);
	}
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	free(piece);
	return rc;
}

int hub_cache_lease(struct hub_cache *c, const char *revision, const char *path, struct err *err)
{
	char *from = final_path(c, revision, ".jsonl");
	int rc = 0;

	if (link(from, path) < 0)               /* a file system without hard links */
		rc = copy_file(from, path, err);
	free(from);
	return rc;
}

void hub_cache_sweep(const char *state_dir)
{
	char *path = path_join(state_dir, "hub");
	DIR *dir = opendir(path);

	for (struct dirent *d; dir != NULL && (d = readdir(dir)) != NULL;)
		if (strncmp(d->d_name, HUB_LEASE, strlen(HUB_LEASE)) == 0)
			unlinkat(dirfd(dir), d->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	free(path);
}
