/* SPDX-License-Identifier: MIT */
#include "fault.h"

#ifdef BATCHD_FAULTS
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static _Thread_local int armed, left, many;
static atomic_long steps;
static long crash_at;

void fault_arm_many(enum fault where, int after, int times)
{
	left = after;
	many = times;
	armed = (int)where;
}

void fault_arm(enum fault where, int after)
{
	fault_arm_many(where, after, 1);
}

int fault_left(void)
{
	return left;
}

bool fault_hit(enum fault where)
{
	if ((int)where != armed || left <= -many)
		return false;
	return left-- <= 0;
}

static void note_steps(void)
{
	const char *file = getenv("BATCHD_STEPS_FILE");
	FILE *f = file != NULL ? fopen(file, "w") : NULL;

	if (f != NULL) {
		fprintf(f, "%ld\n", (long)steps);
		fclose(f);
	}
}

/* Once, by whichever thread comes first. */
static void read_orders(void)
{
	const char *text = getenv("BATCHD_CRASH_AT");

	crash_at = text != NULL ? atol(text) : 0;
	if (getenv("BATCHD_STEPS_FILE") != NULL)
		atexit(note_steps);
}

void fault_step(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	long n = ++steps;

	(void)pthread_once(&once, read_orders);
	if (n == crash_at)
		_exit(99);              /* nothing is flushed, no handler runs: as if it were killed */
}

#else
typedef int fault_c_is_not_empty;
#endif
