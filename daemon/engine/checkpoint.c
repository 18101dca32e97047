/* SPDX-License-Identifier: MIT */
/*
 * The WAL comes home into the database file in a worker: its syncs take as long as the disk likes, and the loop does not
 * wait for a disk.  Results wait meanwhile, so that the WAL is left empty and begins anew with the next commit.
 */
#include "engine_int.h"
#include "log.h"

enum { WAL_PAGES = 8000 };              /* 32 MB */

static void run(struct work *work)
{
	struct checkpoint *c = AROUND(struct checkpoint, work, work);
	struct err err;

	if (db_checkpoint(db_path(c->e->db), &err) < 0)
		log_warn("%s; it is tried again later", err.msg);
}

static void done(struct work *work)
{
	struct checkpoint *c = AROUND(struct checkpoint, work, work);

	c->busy = false;
	engine_tick(c->e);
}

void checkpoint_tick(struct engine *e)
{
	struct checkpoint *c = &e->checkpoint;
	int pages = db_wal_pages(e->db);

	if (pages < c->last_pages)
		c->last_pages = 0;              /* it began anew */
	if (c->busy || e->broken || pages - c->last_pages < WAL_PAGES)
		return;
	c->last_pages = pages;                  /* a reader may have kept some: not at once again */
	c->work.run = run;
	c->work.done = done;
	c->e = e;
	c->busy = true;
	e->env.workers->submit(e->env.workers, &c->work);
}
