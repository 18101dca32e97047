/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "files.h"
#include "mem.h"

struct file_group {
	char *dir;
	char **paths;
	size_t n;
};

struct file_group *file_group_new(const char *dir)
{
	struct file_group *g = MEM_NEW(struct file_group);

	g->dir = mem_strdup(dir);
	return g;
}

static char *temp_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t head = slash != NULL ? (size_t)(slash - path) + 1 : 0;

	return mem_printf("%.*s.%s.tmp", (int)head, path, path + head);
}

static int write_whole(const char *path, const char *p, size_t n, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), rc = 0;

	if (fd < 0)
		return err_sys(err, BD_EIO, "cannot create %s", path);
	fault_step();
	while (rc == 0 && n > 0) {
		ssize_t w = fault_hit(FAULT_FILE) ? (errno = ENOSPC, -1) : write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0) {
			rc = err_sys(err, BD_EIO, "cannot write %s", path);
		} else {
			p += w;
			n -= (size_t)w;
		}
	}
	close(fd);
	return rc;
}

int file_group_add(struct file_group *g, const char *path, const void *bytes, size_t n, struct err *err)
{
	char *temp = temp_of(path);
	int rc = write_whole(temp, bytes, n, err);

	if (rc < 0) {
		unlink(temp);
	} else {
		g->paths = mem_grow(g->paths, g->n + 1, sizeof *g->paths);
		g->paths[g->n++] = mem_strdup(path);
	}
	free(temp);
	return rc;
}

static void group_free(struct file_group *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->paths[i]);
	free(g->paths);
	free(g->dir);
	free(g);
}

/* One syncfs instead of an fsync per file: the file system writes them together. */
static int sync_all(const struct file_group *g, struct err *err)
{
	int fd = open(g->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	fault_step();
	if (fd < 0 || fault_hit(FAULT_FILE) || syncfs(fd) < 0)
		rc = err_sys(err, BD_EIO, "cannot sync %s", g->dir);
	if (fd >= 0)
		close(fd);
	return rc;
}

int file_group_commit(struct file_group *g, struct err *err)
{
	int rc = g->n > 0 ? sync_all(g, err) : 0;

	for (size_t i = 0; i < g->n; i++) {
		char *temp = temp_of(g->paths[i]);

		if (rc == 0) {
			fault_step();
			if (fault_hit(FAULT_FILE) || rename(temp, g->paths[i]) < 0)
				rc = err_sys(err, BD_EIO, "cannot rename %s", temp);
		}
		if (rc < 0)
			unlink(temp);
		free(temp);
	}
	if (rc == 0 && g->n > 0)
		rc = dir_sync(g->dir, err);
	group_free(g);
	return rc;
}

void file_group_abandon(struct file_group *g)
{
	if (g == NULL)
		return;
	for (size_t i = 0; i < g->n; i++) {
		char *temp = temp_of(g->paths[i]);

		unlink(temp);
		free(temp);
	}
	group_free(g);
}
