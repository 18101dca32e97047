/* SPDX-License-Identifier: MIT */
#ifndef MEM_H
#define MEM_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/*
 * Allocation that does not return NULL: who calls mem_...() needs no way back.
 *
 * Memory can run out all the same, and what a peer sends must not be what ends the process.  So a thread opens a room
 * before a piece of work, and asks for more where it learns how large a thing is; there it can fail (BD_ENOMEM), and
 * nothing was begun.  What was granted stands by, and an allocation that fails meanwhile lives on it.  With no room left
 * the process ends, and the restart after it is a tested path.
 */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_zero(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *mem_grow(void *old, size_t n, size_t size) __attribute__((returns_nonnull));
char *mem_strdup(const char *text) __attribute__((malloc, returns_nonnull));
char *mem_strndup(const char *text, size_t len) __attribute__((malloc, returns_nonnull));
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

/* One zeroed struct of that type, owned by the caller. */
#define MEM_NEW(type) ((type *)mem_zero(1, sizeof(type)))

/* As above for what may be large by a peer's will: NULL if it cannot be had, and the room then remembers. */
void *mem_try_alloc(size_t size) __attribute__((malloc, warn_unused_result));
void *mem_try_zero(size_t n, size_t size) __attribute__((malloc, warn_unused_result));
void *mem_try_grow(void *old, size_t n, size_t size) __attribute__((warn_unused_result));

/* Room for a piece of work of one thread; they nest.  Zero it to start; not to be moved while open. */
struct mem_room {
	struct mem_room *outer;
	void *reserve;                  /* NULL: used up, or it was not to be had */
	size_t bytes, held;             /* wanted at least; of the reserve */
	bool open, lacked;              /* lacked: something could not be had */
};

/* Opens it in any case; BD_ENOMEM if there is not so much. */
int mem_room_open(struct mem_room *room, size_t bytes, struct err *err);
/* The innermost room has its bytes and so much more besides, for what comes next; without any: could it be had now? */
int mem_room_ask(size_t bytes, struct err *err);
/* Closes it; one that is not open is fine.  rc, if that is an error; else BD_ENOMEM if something could not be had since it was opened. */
int mem_room_close(struct mem_room *room, int rc, struct err *err);
/* Somebody else's allocation failed (a library's): the work at hand is not to be trusted. */
void mem_lacked(void);

#endif
