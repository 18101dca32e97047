/* SPDX-License-Identifier: MIT */
#ifndef FILES_H
#define FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "buf.h"
#include "err.h"

/*
 * Files so that a reader never sees half of one and a crash never leaves half of one:
 * written under a temporary name in the same directory, synced, renamed, directory synced.
 * Errors are BD_EIO with path and reason.
 */
struct file_out;                           /* a file being made */

/* Start `path`; it does not exist under that name until file_commit().  mode e.g. 0644. */
int file_create(const char *path, mode_t mode, struct file_out **ret, struct err *err);
int file_write(struct file_out *f, const void *bytes, size_t n, struct err *err);   /* buffered, 1 MB */
void file_buffer(struct file_out *f, size_t bytes);   /* a smaller buffer, for many files at a time */
int64_t file_tell(const struct file_out *f);   /* bytes written so far */
/* Flush, sync, rename, sync the directory; frees f either way (on failure the temp is gone). */
int file_commit(struct file_out *f, struct err *err);
void file_abandon(struct file_out *f);         /* NULL is fine */

/* A small whole file, by the same way. */
int file_put(const char *path, const void *bytes, size_t n, mode_t mode, struct err *err);
/* All of a file, refused if longer than max bytes. */
int file_get(const char *path, size_t max, struct buf *ret, struct err *err);
/* Exactly those bytes of a file, appended to ret. */
int file_get_range(int fd, int64_t off, size_t len, struct buf *ret, struct err *err);
int64_t file_size(const char *path);           /* -1 if there is none */
int dir_make(const char *path, mode_t mode, struct err *err);    /* with its parents */
int dir_sync(const char *path, struct err *err);
int dir_remove(const char *path, struct err *err);   /* with what is in it; not there is fine */
char *path_join(const char *dir, const char *name);  /* owned by the caller */

/*
 * Many small files of one directory at the price of one sync: all are written under temporary names, then synced
 * together, then renamed.  On failure none of those not yet renamed is seen.
 */
struct file_group;
struct file_group *file_group_new(const char *dir);
int file_group_add(struct file_group *g, const char *path, const void *bytes, size_t n, struct err *err);
int file_group_commit(struct file_group *g, struct err *err);   /* frees g either way */
void file_group_abandon(struct file_group *g);                  /* NULL is fine */

/* --- lines of a file of any size, in memory that grows with the longest line only ---- */
struct line_reader {
	int fd;
	struct buf buf;
	size_t next;            /* where in buf the next line begins */
	int64_t off;            /* of buf's first byte in the file */
	bool end;
	/* of the line handed out last */
	int64_t line_off;
	int64_t line_no;        /* from 1 */
};

int line_reader_open(struct line_reader *r, const char *path, struct err *err);
int line_reader_seek(struct line_reader *r, int64_t off, struct err *err);     /* to the beginning of a line; counts from 1 again */
/* 1 with the line (no LF; valid until the next call), 0 at the end, negative on error.
 * A last line without LF is handed out as a line.  Longer than max_bytes is BD_EINVALID, with its beginning in *ret. */
int line_reader_next(struct line_reader *r, size_t max_bytes, struct span *ret, struct err *err);
/* Behind that: to the end of the line, without keeping it. */
int line_reader_skip(struct line_reader *r, struct err *err);
int64_t line_reader_tell(const struct line_reader *r);  /* where the next line begins */
void line_reader_close(struct line_reader *r);

#endif
