/* SPDX-License-Identifier: MIT */
/*
 * usage: bench_scan FILE REPO WHAT    a line "WHAT seconds" (of CPU), or "bytes N"
 * WHAT, over bytes that are mapped: scan, memchr, cjson; and with reading the file: open, read (into a buffer, and
 * memchr over that); memory: what open takes of it beyond what there was.
 */
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "mem.h"
#include "repo.h"
#include "structure.h"

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

static void fail(const struct err *err)
{
	fprintf(stderr, "%s\n", err->msg);
	exit(1);
}

/* --- what is measured ------------------------------------------------------------------ */

struct input {
	const char *path, *name;
	struct span bytes;              /* the whole file, mapped */
};

static bool text_of(void *data, int64_t off, int64_t len, struct buf *ret)
{
	const struct input *in = data;

	return scan_lines((struct span){ in->bytes.at + off, (size_t)len }, ret, NULL) == 0;
}

static void do_scan(struct input *in)
{
	struct repo_index index = { 0 };
	struct structure s;
	struct scan scan;
	struct err err;

	scan_open_bytes(&scan, in->bytes);
	if (structure_scan(&scan, &s, &err) < 0)
		fail(&err);
	structure_index(&s, in->name, text_of, in, &index);
	repo_index_done(&index);
	structure_done(&s);
	scan_close(&scan);
}

static void do_memchr(struct input *in)
{
	const void *volatile none = memchr(in->bytes.at, 1, in->bytes.len);

	(void)none;
}

static void do_cjson(struct input *in)
{
	cJSON_Delete(cJSON_ParseWithLength(in->bytes.at, in->bytes.len));
	free(malloc(100 << 10));        /* now the heap is put in order */
}

static void do_open(struct input *in)
{
	struct repo *repo;
	struct err err;

	if (repo_open_structure(in->path, in->name, NULL, &repo, &err) < 0)
		fail(&err);
	repo_close(repo);
}

static void do_read(struct input *in)
{
	enum { PIECE = 128 << 10 };
	char *piece = mem_alloc(PIECE);
	int fd = open(in->path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	while ((n = read(fd, piece, PIECE)) > 0) {
		const void *volatile none = memchr(piece, 1, (size_t)n);

		(void)none;
	}
	close(fd);
	free(piece);
}

static const struct {
	const char *name;
	void (*run)(struct input *in);
	int rounds;                     /* the best of them: what the first one finds cold is not its own */
} whats[] = {
	{ "scan", do_scan, 3 }, { "memchr", do_memchr, 3 }, { "open", do_open, 3 }, { "read", do_read, 3 },
	{ "cjson", do_cjson, 1 },       /* what it leaves of the heap would be on the next one's bill */
};

static int measure(struct input *in, const char *what)
{
	int fd = open(in->path, O_RDONLY | O_CLOEXEC);
	char *map;

	in->bytes.len = (size_t)file_size(in->path);
	map = mmap(NULL, in->bytes.len, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (map == MAP_FAILED)
		return 1;
	in->bytes.at = map;
	for (size_t i = 0; i < sizeof whats / sizeof whats[0]; i++) {
		double best = 1e9;

		if (strcmp(whats[i].name, what) != 0)
			continue;
		for (int round = 0; round < whats[i].rounds; round++) {
			double began = now();

			whats[i].run(in);
			double took = now() - began;
			best = took < best ? took : best;
		}
		printf("%s %.6f\n", what, best);
	}
	munmap(map, in->bytes.len);
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	struct input in = { 0 };

	if (argc != 4)
		return 2;
	in.path = argv[1];
	in.name = argv[2];
	if (strcmp(argv[3], "memory") != 0)
		return measure(&in, argv[3]);
	long before = resident();
	do_open(&in);
	printf("bytes %ld\n", resident() - before);
	return 0;
}
