/* SPDX-License-Identifier: MIT */
/*
 * What is told of jobs, batches and endpoints: noted in memory, written in the turn's transaction, told to those who wait
 * for it once that is on disk.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_int.h"
#include "log.h"
#include "mem.h"

struct pending_event {
	struct pending_event *next;
	int64_t time_ms, job, batch;
	const char *level;
	char text[400];
};

void engine_event(struct engine *e, int64_t job, int64_t batch, const char *level, const char *fmt, ...)
{
	struct pending_event *p = MEM_NEW(struct pending_event);
	va_list ap;

	p->time_ms = now_ms(e);
	p->job = job;
	p->batch = batch;
	p->level = level;
	va_start(ap, fmt);
	vsnprintf(p->text, sizeof p->text, fmt, ap);
	va_end(ap);
	*e->events_end = p;
	e->events_end = &p->next;

	char where[64] = "";
	if (batch > 0)
		snprintf(where, sizeof where, "job %lld batch %lld: ", (long long)job, (long long)batch);
	else if (job > 0)
		snprintf(where, sizeof where, "job %lld: ", (long long)job);
	log_at(strcmp(level, "error") == 0 ? LOG_LVL_ERROR : strcmp(level, "warning") == 0 ? LOG_LVL_WARN :
	       LOG_LVL_INFO, "%s%s", where, p->text);
}

bool events_write(struct engine *e)
{
	struct err err;
	bool any = e->events != NULL;

	while (e->events != NULL && engine_write(e)) {
		struct pending_event *p = e->events;
		struct event_row row = { 0, p->time_ms, p->job, p->batch, p->level, p->text, NULL, 0 };

		if (!engine_ok(e, event_insert(e->db, &row, &err), &err))
			return false;
		e->events = p->next;
		free(p);
	}
	if (e->events == NULL)
		e->events_end = &e->events;
	return any;
}

void events_tell(struct engine *e, bool *told)
{
	bool any = *told;

	*told = false;
	if (any && e->env.event != NULL)
		e->env.event(e->env.data);
}

void events_drop(struct engine *e)
{
	while (e->events != NULL) {
		struct pending_event *p = e->events;

		e->events = p->next;
		free(p);
	}
	e->events_end = &e->events;
}
