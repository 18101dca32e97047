/* SPDX-License-Identifier: MIT */
#ifndef RETRY_H
#define RETRY_H

#include <stdbool.h>
#include <stdint.h>

/* Pure rules of waiting and asking again.  Times in ms. */

/* The n-th wait in a row (n from 0): least, doubled each time, at most most; between 3/4 of it and all of it,
 * as `salt` says, so that batches which failed together do not come back together. */
int64_t wait_ms(int64_t n, int64_t least_ms, int64_t most_ms, uint64_t salt);
/* The same, but never before what the endpoint asked for (asked_ms < 0: nothing). */
int64_t wait_asked_ms(int64_t n, int64_t least_ms, int64_t most_ms, uint64_t salt, int64_t asked_ms);

/* A pass that was sent `attempt` times and got nothing good: may it be sent again? */
bool may_try_again(int64_t attempt, int64_t max_attempts);

#endif
