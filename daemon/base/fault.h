/* SPDX-License-Identifier: MIT */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>

/*
 * Places where a test may make the outside world fail, and the count of durable steps at
 * which it may end the process (built with BATCHD_FAULTS; nothing is left of it otherwise).
 *
 * In a built program the environment arms it: BATCHD_CRASH_AT=n ends the process with
 * _exit(99) at the n-th step; BATCHD_STEPS_FILE=f gets the number of steps at exit.
 */
enum fault {
	FAULT_NONE, FAULT_STORE, FAULT_FILE, FAULT_NET,
	FAULT_MEMORY,           /* any allocation */
	FAULT_TRY,              /* one that may fail */
	FAULT_SYNC,             /* behind a COMMIT */
};

#ifdef BATCHD_FAULTS
void fault_arm(enum fault where, int after);    /* fail one call of this thread, after `after` good ones */
void fault_arm_many(enum fault where, int after, int times);     /* so many in a row */
int fault_left(void);                           /* good calls until then; negative: so many were made since */
bool fault_hit(enum fault where);
void fault_step(void);                          /* a durable step is about to happen */
#else
static inline bool fault_hit(enum fault where) { (void)where; return false; }
static inline void fault_step(void) { }
#endif

#endif
