/* SPDX-License-Identifier: MIT */
#ifndef ESCAPE_H
#define ESCAPE_H

#include "buf.h"

/* What json_escape() does, byte by byte: its definition, which a test holds the others against. */
void json_escape_plain(struct buf *out, const char *text, size_t len);
/* The same on a processor of which nothing is known: with SSE2 where every one has it. */
void json_escape_any(struct buf *out, const char *text, size_t len);

/* --- for those that do it faster -------------------------------------------------------- */

enum { ESCAPE_WIDEST = 6 };     /* no byte becomes more than that */

/* The byte at p, or the sequence that begins there, which does not stand for itself; *to moves on.  Returns its length. */
size_t json_escape_special(char **to, const unsigned char *p, size_t left);

#endif
