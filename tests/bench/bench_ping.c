/* SPDX-License-Identifier: MIT */
/*
 * usage: bench_ping SOCKET EVERY_MS    pings at that pace until its stdin ends; then "n", "p50", "p99", "most", "at" and
 *                                      "failed", a line each
 *
 * A ping is a connection, as each command of batchctl is one; neither the start of a program nor its end is in it.  Those
 * that were due while another one waited count too, with what was left of its wait, so that a standstill weighs as long as
 * it took.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "mem.h"

static const char question[] = "{\"batchd\":1,\"command\":\"ping\",\"args\":{}}\n";

static struct took {
	double *at;
	size_t n, room;
} took;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void took_add(double seconds)
{
	if (took.n == took.room) {
		took.room = took.room > 0 ? 2 * took.room : 4096;
		took.at = mem_grow(took.at, took.room, sizeof *took.at);
	}
	took.at[took.n++] = seconds;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* False: there was no good reply. */
static bool ping(const struct sockaddr_un *where)
{
	char reply[4096];
	size_t got = 0;
	ssize_t n = -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	if (connect(fd, (const struct sockaddr *)where, sizeof *where) == 0 &&
	    send(fd, question, sizeof question - 1, MSG_NOSIGNAL) == (ssize_t)sizeof question - 1)
		while (got < sizeof reply - 1 && (n = read(fd, reply + got, sizeof reply - 1 - got)) > 0) {
			got += (size_t)n;
			if (reply[got - 1] == '\n')
				break;
		}
	close(fd);
	reply[got] = '\0';
	return strstr(reply, "\"ok\"") != NULL;
}

/* False: stdin has ended. */
static bool wait_until(double when)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	double left = when - now();
	struct timespec t = { 0, 0 };

	if (left > 0)
		t = (struct timespec){ (time_t)left, (long)((left - (double)(time_t)left) * 1e9) };
	return ppoll(&in, 1, &t, NULL) == 0;
}

static double share(double s)
{
	size_t i = (size_t)((double)took.n * s);

	return took.n == 0 ? 0 : took.at[i < took.n ? i : took.n - 1];
}

int main(int argc, char **argv)
{
	struct sockaddr_un where = { .sun_family = AF_UNIX };

	if (argc != 3 || atof(argv[2]) <= 0 || strlen(argv[1]) >= sizeof where.sun_path)
		return 2;
	strcpy(where.sun_path, argv[1]);
	double every = atof(argv[2]) / 1e3, began = now(), worst = 0, worst_at = 0;
	size_t failed = 0;

	for (double due = began; wait_until(due);) {
		double from = now();

		failed += !ping(&where);
		double t = now() - from;
		if (t > worst) {
			worst = t;
			worst_at = from - began;
		}
		for (; t > 0; t -= every)
			took_add(t);
		while (due <= now())            /* what a standstill left undone is counted above */
			due += every;
	}
	qsort(took.at, took.n, sizeof *took.at, compare);
	printf("n %zu\nfailed %zu\np50 %.6f\np99 %.6f\nmost %.6f\nat %.3f\n", took.n, failed, share(0.5), share(0.99), worst,
	       worst_at);
	free(took.at);
	return 0;
}
