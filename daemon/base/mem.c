/* SPDX-License-Identifier: MIT */
#include "mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"

static _Thread_local struct mem_room *innermost;

/* Memory has run out: a reserve goes, so that there is some.  None left: the end. */
static void make_way(void)
{
	for (struct mem_room *r = innermost; r != NULL; r = r->outer) {
		if (r->reserve == NULL)
			continue;
		free(r->reserve);
		r->reserve = NULL;
		return;
	}
	fputs("batchd: out of memory\n", stderr);
	abort();
}

static void *get(size_t size)
{
	return fault_hit(FAULT_MEMORY) ? NULL : malloc(size > 0 ? size : 1);
}

static void *get_zero(size_t n, size_t size)
{
	return fault_hit(FAULT_MEMORY) ? NULL : calloc(n > 0 ? n : 1, size > 0 ? size : 1);
}

static void *get_grown(void *old, size_t n, size_t size)
{
	return fault_hit(FAULT_MEMORY) ? NULL : reallocarray(old, n > 0 ? n : 1, size);
}

void *mem_alloc(size_t size)
{
	void *p;

	while ((p = get(size)) == NULL)
		make_way();
	return p;
}

void *mem_zero(size_t n, size_t size)
{
	void *p;

	while ((p = get_zero(n, size)) == NULL)
		make_way();
	return p;
}

void *mem_grow(void *old, size_t n, size_t size)
{
	void *p;

	while ((p = get_grown(old, n, size)) == NULL)
		make_way();
	return p;
}

char *mem_strdup(const char *text)
{
	return mem_strndup(text, strlen(text));
}

char *mem_strndup(const char *text, size_t len)
{
	char *copy = mem_alloc(len + 1);

	if (len > 0)
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *text = mem_alloc(n > 0 ? (size_t)n + 1 : 1);

	text[0] = '\0';
	va_start(ap, fmt);
	if (n > 0)
		vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

/* --- what may fail ---------------------------------------------------------------------------------- */

void mem_lacked(void)
{
	if (innermost != NULL)
		innermost->lacked = true;
}

static void *noted(void *p)
{
	if (p == NULL)
		mem_lacked();
	return p;
}

static bool may_not(void)
{
	return fault_hit(FAULT_TRY);
}

void *mem_try_alloc(size_t size)
{
	return noted(may_not() ? NULL : get(size));
}

void *mem_try_zero(size_t n, size_t size)
{
	return noted(may_not() ? NULL : get_zero(n, size));
}

void *mem_try_grow(void *old, size_t n, size_t size)
{
	return noted(may_not() ? NULL : get_grown(old, n, size));
}

/* --- rooms ------------------------------------------------------------------------------------------- */

static int none(size_t bytes, struct err *err)
{
	return err_set(err, BD_ENOMEM, "not enough memory: %zu KB more are needed", bytes / 1024 + 1);
}

int mem_room_ask(size_t bytes, struct err *err)
{
	struct mem_room *room = innermost;
	size_t want = (room != NULL ? room->bytes : 0) + bytes;

	if (room != NULL && room->reserve != NULL && room->held >= want)
		return 0;
	void *reserve = may_not() ? NULL : get(want);
	if (reserve == NULL)
		return none(want, err);
	if (room == NULL) {
		free(reserve);
		return 0;
	}
	free(room->reserve);
	room->reserve = reserve;
	room->held = want;
	return 0;
}

int mem_room_open(struct mem_room *room, size_t bytes, struct err *err)
{
	*room = (struct mem_room){ .outer = innermost, .bytes = bytes, .open = true };
	innermost = room;
	return mem_room_ask(0, err);
}

int mem_room_close(struct mem_room *room, int rc, struct err *err)
{
	if (!room->open)
		return rc;
	innermost = room->outer;
	free(room->reserve);
	bool lacked = room->lacked;
	*room = (struct mem_room){ 0 };
	return rc < 0 || !lacked ? rc : err_set(err, BD_ENOMEM, "not enough memory");
}
