/* SPDX-License-Identifier: MIT */
/* usage: bench_write FILE BYTES    a file of lines of 52 KB, written, synced and renamed into place; a line "write seconds" */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "files.h"
#include "mem.h"

enum { LINE = 52 << 10 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	struct file_out *f = NULL;
	struct err err;

	if (argc != 3)
		return 2;
	char *line = mem_zero(LINE, 1);
	memset(line, 'x', LINE - 1);
	line[LINE - 1] = '\n';
	double began = now();
	int rc = file_create(argv[1], 0600, &f, &err);
	for (long long n = 0; rc == 0 && n < atoll(argv[2]); n += LINE)
		rc = file_write(f, line, LINE, &err);
	if (rc == 0)
		rc = file_commit(f, &err);
	printf("write %.6f\n", now() - began);
	free(line);
	return rc < 0;
}
