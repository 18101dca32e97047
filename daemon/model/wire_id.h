/* SPDX-License-Identifier: MIT */
#ifndef WIRE_ID_H
#define WIRE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The custom_id that goes over the wire: the natural one where the endpoint takes it, else b<job>-<n>, from which
 * the pass can be told again without a map.
 */
enum { WIRE_ID_MAX = 48 };

/* May this one go out as it is?  max 0: no limit known.  One that looks like ours may not: it could name another pass. */
bool wire_id_fits(const char *custom_id, int max, bool dots);
void wire_id_make(int64_t job, int64_t n, char ret[WIRE_ID_MAX]);
/* Is this text, which needs no end, that pass's? */
bool wire_id_is(const char *at, size_t len, int64_t job, int64_t n);
/* False if it is none of that job's. */
bool wire_id_read(const char *text, int64_t job, int64_t *ret_n);

#endif
