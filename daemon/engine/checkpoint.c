/* SPDX-License-Identifier: MIT */
/*
 * The WAL comes home into the database file in a worker: its syncs take as long as the disk likes, and the loop does not
 * wait for a disk.  It can begin anew only when all of it is home and nobody adds to it meanwhile: when it has grown long,
 * results wait for that, and little is left to be copied by then.
 */
#include "engine_int.h"
#include "log.h"

enum { WAL_PAGES = 8000, WAL_LONG_PAGES = 32000 };     /* 32 MB, 128 MB */

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

bool checkpoint_in_the_way(const struct engine *e)
{
	return e->checkpoint.busy && e->checkpoint.last_pages >= WAL_LONG_PAGES - WAL_PAGES;
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
