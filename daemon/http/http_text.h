/* SPDX-License-Identifier: MIT */
#ifndef HTTP_TEXT_H
#define HTTP_TEXT_H

#include <stdint.h>
#include <time.h>

#include "buf.h"

/*
 * The small texts of HTTP: header lines, waits, secrets in messages.  Nothing here touches
 * the network.
 */

/* The value of a "Name: value" line if it is that header (any case), trimmed. */
bool http_header(struct span line, const char *name, struct span *ret_value);

/* Longest wait an endpoint may ask for. */
#define HTTP_RETRY_MAX_MS 3600000

/*
 * Retry-After: seconds (whole or not) or an HTTP date, which counts from `now` (the reply's
 * own Date if it had one).  -1 for garbage, negative numbers and the past; capped.
 */
int64_t http_retry_after_ms(struct span value, time_t now);
/* retry-after-ms: milliseconds; as above. */
int64_t http_millis(struct span value);
/* x-ratelimit-reset-*: "1s", "6m0s", "120ms", "1.5s"; as above. */
int64_t http_reset_ms(struct span value);

/* Overwrites every `secret` in text with "***" (shorter if it is).  NULL and "" are no secret. */
void http_cut_secret(char *text, const char *secret);

/* Text of a peer for people and logs: printable, on one line, cut to size with a NUL. */
void http_clean(char *to, size_t size, struct span text);

#endif
