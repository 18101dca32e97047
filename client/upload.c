/* SPDX-License-Identifier: MIT */
#include "upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"

enum { PIECE = 256 << 10 };

static ssize_t read_piece(int fd, char *to)
{
	ssize_t n;

	do
		n = read(fd, to, PIECE);
	while (n < 0 && errno == EINTR);
	return n;
}

/* Into a file without a name; its descriptor takes the place of fd. */
static int copy_away(struct upload *up, struct err *err)
{
	const char *dir = getenv("TMPDIR");
	int fd = open(dir != NULL ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char *piece = buf_reserve(&up->piece, PIECE);
	ssize_t n;

	if (fd < 0)
		return err_sys(err, BD_EIO, "cannot make a temporary file");
	while ((n = read_piece(up->fd, piece)) > 0)
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(fd, piece + done, (size_t)(n - done));
			if (w <= 0) {
				close(fd);
				return err_sys(err, BD_EIO, "cannot write a temporary file");
			}
		}
	if (n < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return err_sys(err, BD_EIO, "%s", up->path);
	}
	close(up->fd);
	up->fd = fd;
	return 0;
}

int upload_open(struct upload *up, const char *path, struct err *err)
{
	struct stat st;
	int rc = 0;

	*up = (struct upload){ .path = path, .fd = open(path, O_RDONLY | O_CLOEXEC) };
	if (up->fd < 0 || fstat(up->fd, &st) < 0)
		return err_sys(err, BD_EINVALID, "%s", path);
	if (!S_ISREG(st.st_mode)) {
		rc = copy_away(up, err);
		if (rc == 0 && fstat(up->fd, &st) < 0)
			rc = err_sys(err, BD_EIO, "%s", path);
	}
	if (rc < 0) {
		upload_close(up);
		return rc;
	}
	up->size = up->left = st.st_size;
	return 0;
}

int upload_read(struct upload *up, struct span *ret, struct err *err)
{
	char *piece = buf_reserve(&up->piece, PIECE);
	ssize_t n;

	if (up->left == 0)
		return 0;
	n = read_piece(up->fd, piece);
	if (n < 0)
		return err_sys(err, BD_EIO, "%s", up->path);
	if (n == 0)
		return err_set(err, BD_EIO, "%s got shorter while it was read", up->path);
	if (n > up->left)       /* it grew: what was there at the start is what is sent */
		n = (ssize_t)up->left;
	up->left -= n;
	*ret = (struct span){ piece, (size_t)n };
	return 1;
}

void upload_close(struct upload *up)
{
	if (up->fd >= 0)
		close(up->fd);
	buf_done(&up->piece);
	up->fd = -1;
}
