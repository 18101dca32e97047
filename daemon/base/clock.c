/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include <time.h>

static int64_t read_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t offset_ms;

static int64_t system_now_ms(struct clock *clock)
{
	(void)clock;
	return offset_ms + read_ms(CLOCK_BOOTTIME);
}

struct clock *clock_system(void)
{
	static struct clock system = { .now_ms = system_now_ms };

	if (offset_ms == 0)
		offset_ms = read_ms(CLOCK_REALTIME) - read_ms(CLOCK_BOOTTIME);
	return &system;
}
