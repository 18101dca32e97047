/* SPDX-License-Identifier: MIT */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/*
 * The time seam: the engine knows time only through this, so a test plays days of batches
 * in milliseconds.  Unix milliseconds; never goes back while the process lives.
 */
struct clock {
	int64_t (*now_ms)(struct clock *clock);
};

/* The machine's clock: the wall time at the start plus what the monotonic clock says since. */
struct clock *clock_system(void);

#endif
