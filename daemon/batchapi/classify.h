/* SPDX-License-Identifier: MIT */
#ifndef CLASSIFY_H
#define CLASSIFY_H

#include "batchapi.h"

/*
 * What an exchange came to.  write: the request may change something at the endpoint, so what broke may have
 * taken effect (API_UNKNOWN); a read that broke is just asked again (API_AGAIN).
 * usable: a 2xx whose body was what had been asked for.  secret is cut out of x->reply (unless usable) and
 * of everything that is told.
 */
void classify(struct exchange *x, bool write, bool usable, const char *secret, struct api_result *ret);

#endif
