/* SPDX-License-Identifier: MIT */
/* usage: bench_scan FILE REPO scan|cjson|memchr|memory    a line "what seconds" (of CPU), or "bytes N" */
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "repo.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Its peak so far; getrusage() would count what the caller had. */
static long resident(void)
{
	struct buf text = { 0 };
	struct err err;
	const char *at;

	if (file_get("/proc/self/status", 1 << 16, &text, &err) < 0)
		return 0;
	at = strstr(buf_str(&text), "VmHWM:");
	long kb = at != NULL ? atol(at + 6) : 0;
	buf_done(&text);
	return kb * 1024;
}

static void scan(const char *path, const char *name)
{
	struct repo *repo;
	struct err err;

	if (repo_open_structure(path, name, NULL, &repo, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	repo_close(repo);
}

/* Each by itself in a process of its own: what cJSON leaves of the heap would be on the next one's bill. */
static void measure(const char *path, const char *name, const char *what)
{
	size_t len = (size_t)file_size(path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *map = mmap(NULL, len, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);

	if (map == MAP_FAILED)
		exit(1);
	double began = now();
	if (strcmp(what, "scan") == 0) {
		scan(path, name);
	} else if (strcmp(what, "cjson") == 0) {
		cJSON_Delete(cJSON_ParseWithLength(map, len));
		free(malloc(100 << 10));        /* now the heap is put in order */
	} else {
		const void *volatile none = memchr(map, 1, len);

		(void)none;
	}
	printf("%s %.6f\n", what, now() - began);
	munmap(map, len);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	if (strcmp(argv[3], "memory") == 0) {
		long before = resident();

		scan(argv[1], argv[2]);
		printf("bytes %ld\n", resident() - before);
	} else {
		measure(argv[1], argv[2], argv[3]);
	}
	return 0;
}
