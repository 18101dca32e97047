/* SPDX-License-Identifier: MIT */
#include "retry.h"

/* splitmix64: a good spread from any salt, and the same one for the same salt. */
static uint64_t mix(uint64_t x)
{
	x += 0x9E3779B97F4A7C15u;
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return x ^ (x >> 31);
}

int64_t wait_ms(int64_t n, int64_t least_ms, int64_t most_ms, uint64_t salt)
{
	int64_t ms = least_ms;

	while (n-- > 0 && ms < most_ms)
		ms *= 2;
	if (ms > most_ms)
		ms = most_ms;
	int64_t quarter = ms / 4;
	return ms - (quarter > 0 ? (int64_t)(mix(salt) % (uint64_t)(quarter + 1)) : 0);
}

int64_t wait_asked_ms(int64_t n, int64_t least_ms, int64_t most_ms, uint64_t salt, int64_t asked_ms)
{
	int64_t ms = wait_ms(n, least_ms, most_ms, salt);

	return asked_ms > ms ? asked_ms : ms;
}

bool may_try_again(int64_t attempt, int64_t max_attempts)
{
	return attempt < max_attempts;
}
