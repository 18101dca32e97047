/* SPDX-License-Identifier: MIT */
/*
 * Deleting files at the endpoint: those of a collected batch if the setting says so, and an upload that no batch will use.
 *
 * The bits in batch.cleanup are the intent; each goes when its file is gone (404 counts).  A delete may be sent twice without
 * harm, so nothing has to be found out after a crash.  An endpoint that cannot delete is asked a few times, then left alone.
 */
#include <stdlib.h>
#include <string.h>

#include "engine_int.h"
#include "fault.h"
#include "mem.h"
#include "retry.h"

enum { CLEANUP_LEAST_MS = 5000, CLEANUP_MOST_MS = 3600000, CLEANUP_TRIES = 8 };

/* Bits of batch.cleanup: files to be deleted. */
enum { CLEANUP_INPUT = 1, CLEANUP_OUTPUT = 2, CLEANUP_ERRORS = 4 };

struct cleanup {
	struct cleanup *next;
	struct engine *e;
	struct batch_row row;
	struct endpoint *endpoint;
	struct api_call *call;
	int64_t bit, tries, next_ms;
};

int64_t cleanup_bits(const struct batch *b)
{
	const struct batch_row *r = &b->row;
	bool never_created = r->remote_id[0] == '\0' && r->file_id[0] != '\0';
	bool all = b->endpoint->cfg != NULL && b->endpoint->cfg->delete_remote_files;

	if (!all)
		return never_created ? CLEANUP_INPUT : 0;
	return (r->file_id[0] != '\0' ? CLEANUP_INPUT : 0) | (r->output_file_id[0] != '\0' ? CLEANUP_OUTPUT : 0) |
	       (r->error_file_id[0] != '\0' ? CLEANUP_ERRORS : 0);
}

static void cleanup_free(struct cleanup *c)
{
	struct cleanup **at = &c->e->cleanups;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	batch_row_done(&c->row);
	free(c);
}

int cleanups_load(struct engine *e, struct err *err)
{
	int64_t *ids = NULL;
	size_t n = 0;
	int rc = batch_list_cleanup(e->db, &ids, &n, err);

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = cleanup_add(e, ids[i], err);
	free(ids);
	return rc;
}

int cleanup_add(struct engine *e, int64_t batch, struct err *err)
{
	struct batch_row row;
	int rc = batch_get(e->db, batch, &row, err);

	if (rc < 0)
		return rc;
	struct endpoint *ep = endpoint_find(e, row.endpoint);
	if (row.state != BATCH_ENDED || row.cleanup == 0 || ep == NULL || ep->cfg == NULL) {
		batch_row_done(&row);
		return 0;
	}
	struct cleanup *c = MEM_NEW(struct cleanup);
	c->e = e;
	c->row = row;
	c->endpoint = ep;
	c->next = e->cleanups;
	e->cleanups = c;
	return 0;
}

void cleanups_forget(struct engine *e)
{
	while (e->cleanups != NULL)
		cleanup_free(e->cleanups);
}

bool cleanups_busy(struct engine *e, bool cancel)
{
	bool busy = false;

	for (struct cleanup *c = e->cleanups; c != NULL; c = c->next) {
		if (c->call != NULL && cancel)
			api_call_cancel(c->call);
		busy = busy || c->call != NULL;
	}
	return busy;
}

int64_t cleanups_due_ms(const struct engine *e)
{
	int64_t due = INT64_MAX;

	for (const struct cleanup *c = e->cleanups; c != NULL; c = c->next)
		if (c->call == NULL && c->next_ms < due && c->endpoint->row.parked[0] == '\0')
			due = c->next_ms;
	return due;
}

static void on_deleted(void *data, const struct api_result *res)
{
	struct cleanup *c = data;
	struct engine *e = c->e;
	struct err err;

	c->call = NULL;
	fault_step();
	if (!e->broken && res->verdict != API_CANCELED) {
		endpoint_heard(c->endpoint, ASKED_LOOK, res);
		bool gone = res->verdict == API_DONE || res->verdict == API_GONE;

		if (!gone && ++c->tries < CLEANUP_TRIES && res->verdict != API_REFUSED) {
			c->next_ms = now_ms(e) + wait_asked_ms(c->tries, CLEANUP_LEAST_MS, CLEANUP_MOST_MS, (uint64_t)c->row.id,
			                                       res->retry_ms);
		} else {
			if (!gone)
				engine_event(e, c->row.job, c->row.id, "warning", "a file of it stays at the endpoint: %s",
				             res->reason);
			c->row.cleanup &= ~c->bit;
			c->tries = 0;
			if (engine_write(e))
				(void)engine_ok(e, batch_set_cleanup(e->db, c->row.id, c->row.cleanup, &err), &err);
		}
	}
	engine_tick(e);
}

static void cleanup_tick(struct cleanup *c)
{
	if (c->call != NULL)
		return;                         /* until on_deleted */
	if (c->row.cleanup == 0) {
		cleanup_free(c);
		return;
	}
	if (now_ms(c->e) < c->next_ms || c->endpoint->row.parked[0] != '\0')
		return;                         /* until next_ms, or the endpoint is open again */
	c->bit = c->row.cleanup & -c->row.cleanup;      /* one of them at a time */
	const char *id = c->bit == CLEANUP_INPUT ? c->row.file_id :
		c->bit == CLEANUP_OUTPUT ? c->row.output_file_id : c->row.error_file_id;
	fault_step();
	c->call = api_file_delete(c->endpoint->api, id, on_deleted, c);
}

void cleanups_tick(struct engine *e)
{
	for (struct cleanup *c = e->cleanups, *next; c != NULL && !e->broken && !e->draining; c = next) {
		next = c->next;
		cleanup_tick(c);
	}
}
