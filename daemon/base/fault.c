/* SPDX-License-Identifier: MIT */
#include "fault.h"

#ifdef BATCHD_FAULTS
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_int armed, left;
static atomic_long steps;

void fault_arm(enum fault where, int after)
{
	left = after;
	armed = (int)where;
}

bool fault_hit(enum fault where)
{
	return (int)where == armed && left-- == 0;
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

void fault_step(void)
{
	static atomic_long crash_at = -1;
	long n = ++steps;

	if (crash_at < 0) {
		const char *text = getenv("BATCHD_CRASH_AT");

		crash_at = text != NULL ? atol(text) : 0;
		if (getenv("BATCHD_STEPS_FILE") != NULL)
			atexit(note_steps);
	}
	if (n == crash_at)
		_exit(99);
}

long fault_steps(void)
{
	return steps;
}
#else
typedef int fault_c_is_not_empty;
#endif
