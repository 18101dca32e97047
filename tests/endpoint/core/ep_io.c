/* SPDX-License-Identifier: MIT */
#include "ep_io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_BYTES = 1 << 18, WRITE_BYTES = 1 << 20 };

bool ep_lines_open(struct ep_lines *l, const char *path)
{
	*l = (struct ep_lines){ .fd = open(path, O_RDONLY | O_CLOEXEC) };
	return l->fd >= 0;
}

static void fill(struct ep_lines *l)
{
	size_t keep = l->buf.len - l->next;
	ssize_t n;

	if (l->next > 0 && keep > 0)
		memmove(l->buf.at, l->buf.at + l->next, keep);
	l->off += (int64_t)l->next;
	l->buf.len = keep;
	l->next = 0;
	do {
		n = read(l->fd, buf_reserve(&l->buf, CHUNK_BYTES), CHUNK_BYTES);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		l->buf.len += (size_t)n;
	else
		l->end = true;
}

bool ep_lines_next(struct ep_lines *l, struct span *ret)
{
	for (size_t seen = 0;;) {
		size_t left = l->buf.len - l->next;
		const char *from = left > 0 ? l->buf.at + l->next : "";
		const char *nl = left > seen ? memchr(from + seen, '\n', left - seen) : NULL;

		if (nl != NULL || (l->end && left > 0)) {
			*ret = (struct span){ from, nl != NULL ? (size_t)(nl - from) : left };
			l->line_off = l->off + (int64_t)l->next;
			l->line_no++;
			l->next += nl != NULL ? ret->len + 1 : ret->len;
			return true;
		}
		if (l->end)
			return false;
		seen = left;
		fill(l);
	}
}

void ep_lines_close(struct ep_lines *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	buf_done(&l->buf);
}

bool ep_write_fd(int fd, struct span s)
{
	while (s.len > 0) {
		ssize_t n = write(fd, s.at, s.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		s.at += n;
		s.len -= (size_t)n;
	}
	return true;
}

bool ep_writer_open(struct ep_writer *w, const char *path)
{
	*w = (struct ep_writer){ .fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) };
	w->failed = w->fd < 0;
	return !w->failed;
}

static void writer_flush(struct ep_writer *w)
{
	if (!w->failed && !ep_write_fd(w->fd, buf_span(&w->buf)))
		w->failed = true;
	w->written += (int64_t)w->buf.len;
	buf_reset(&w->buf);
}

void ep_writer_add(struct ep_writer *w, struct span s)
{
	if (w->buf.len + s.len > WRITE_BYTES)
		writer_flush(w);
	buf_add_span(&w->buf, s);
}

int64_t ep_writer_size(const struct ep_writer *w)
{
	return w->written + (int64_t)w->buf.len;
}

bool ep_writer_close(struct ep_writer *w)
{
	if (w->fd >= 0) {
		writer_flush(w);
		if (close(w->fd) < 0)
			w->failed = true;
	}
	w->fd = -1;
	buf_done(&w->buf);
	return !w->failed;
}

bool ep_read_at(int fd, int64_t off, size_t len, struct buf *ret)
{
	char *to = buf_reserve(ret, len);
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, to + got, len - got, off + (int64_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	ret->len += len;
	ret->at[ret->len] = '\0';
	return true;
}

bool ep_read_all(const char *path, struct buf *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int64_t size = ep_size(path);
	bool ok;

	if (fd < 0)
		return false;
	ok = size >= 0 && ep_read_at(fd, 0, (size_t)size, ret);
	close(fd);
	return ok;
}

bool ep_copy(const char *from, const char *to)
{
	struct ep_writer w;
	struct buf part = { 0 };
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	if (!ep_writer_open(&w, to)) {
		close(fd);
		return false;
	}
	while ((n = read(fd, buf_reserve(&part, CHUNK_BYTES), CHUNK_BYTES)) > 0)
		ep_writer_add(&w, (struct span){ part.at, (size_t)n });
	w.failed = w.failed || n < 0;
	close(fd);
	buf_done(&part);
	return ep_writer_close(&w);
}

int64_t ep_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

uint64_t ep_hash(const void *bytes, size_t n, uint64_t seed)
{
	const unsigned char *p = bytes;
	uint64_t h = 0xcbf29ce484222325u ^ (seed * 0x9e3779b97f4a7c15u);

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	h ^= h >> 32;                           /* FNV's low bits mix well, its high ones do not */
	h *= 0xd6e8feb86659fd93u;
	return h ^ (h >> 32);
}
