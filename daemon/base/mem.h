/* SPDX-License-Identifier: MIT */
#ifndef MEM_H
#define MEM_H

#include <stddef.h>

/*
 * Allocation that does not return NULL: running out of memory ends the process, and the
 * restart after it is a tested path.  Nothing of a peer's choosing is allocated without
 * a limit checked first by the caller.
 */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_zero(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *mem_grow(void *old, size_t n, size_t size) __attribute__((returns_nonnull));
char *mem_strdup(const char *text) __attribute__((malloc, returns_nonnull));
char *mem_strndup(const char *text, size_t len) __attribute__((malloc, returns_nonnull));
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

/* One zeroed struct of that type, owned by the caller. */
#define MEM_NEW(type) ((type *)mem_zero(1, sizeof(type)))

#endif
