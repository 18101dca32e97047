/* SPDX-License-Identifier: MIT */
#ifndef ESCAPE_H
#define ESCAPE_H

#include "buf.h"

/* What json_escape() does, byte by byte: its definition, which a test holds it against. */
void json_escape_plain(struct buf *out, const char *text, size_t len);

#endif
