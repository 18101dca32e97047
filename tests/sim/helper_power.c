/* SPDX-License-Identifier: MIT */
/*
 * A power cut: of the database only what was synced is left.  Whoever syncs one of its files, here or in SQLite, comes
 * by this fdatasync() or fsync(); the file as it was then is kept beside it.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <check.h>

#include "files.h"
#include "helper_engine.h"
#include "mem.h"

static bool watched;

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

static void copy(const char *from, const char *to)
{
	struct buf text = { 0 };

	ck_assert_int_eq(file_get(from, 1 << 30, &text, NULL), 0);
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text.at, text.len), (ssize_t)text.len);
	close(fd);
	buf_done(&text);
}

static void keep(int fd)
{
	char link[32], path[256];

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = watched ? readlink(link, path, sizeof path - 1) : -1;
	if (n <= 0)
		return;
	path[n] = '\0';
	if (ends_with(path, "/batchd.db") || ends_with(path, "/batchd.db-wal")) {
		char *kept = mem_printf("%s.synced", path);

		copy(path, kept);
		free(kept);
	}
}

int fdatasync(int fd)
{
	keep(fd);
	return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	keep(fd);
	return (int)syscall(SYS_fsync, fd);
}

void sim_watch_syncs(bool on)
{
	watched = on;
}

static void bring_back(const char *name)
{
	char *path = path_join(sim_dir(), name), *kept = mem_printf("%s.synced", path);

	if (file_size(kept) >= 0)
		copy(kept, path);
	else
		unlink(path);
	free(kept);
	free(path);
}

void sim_power_cut(void)
{
	watched = false;                /* what closing it brings home is lost */
	sim_crash();
	bring_back("batchd.db");
	bring_back("batchd.db-wal");
	watched = true;
	sim_start();
}
