/* SPDX-License-Identifier: MIT */
#ifndef EP_IO_H
#define EP_IO_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/*
 * Plain files, streamed.  Not base/files: its fault points belong to the program under test, and
 * a server that is only a stand-in need not sync.
 */
struct ep_lines {
	int fd;
	struct buf buf;
	size_t next;
	int64_t off;            /* of buf's first byte */
	bool end;
	int64_t line_off, line_no;      /* of the line handed out last; numbers from 1 */
};

bool ep_lines_open(struct ep_lines *l, const char *path);
bool ep_lines_next(struct ep_lines *l, struct span *ret);       /* without LF; valid until the next call */
void ep_lines_close(struct ep_lines *l);

struct ep_writer {
	int fd;                 /* -1: not open */
	struct buf buf;
	int64_t written;
	bool failed;
};

bool ep_writer_open(struct ep_writer *w, const char *path);
void ep_writer_add(struct ep_writer *w, struct span s);
int64_t ep_writer_size(const struct ep_writer *w);
bool ep_writer_close(struct ep_writer *w);      /* true if every byte is in the file */

bool ep_read_at(int fd, int64_t off, size_t len, struct buf *ret);      /* appended to ret */
bool ep_read_all(const char *path, struct buf *ret);
bool ep_copy(const char *from, const char *to);
bool ep_write_fd(int fd, struct span s);
int64_t ep_size(const char *path);              /* -1: no such file */

uint64_t ep_hash(const void *bytes, size_t n, uint64_t seed);

#endif
