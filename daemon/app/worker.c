/* SPDX-License-Identifier: MIT */
#include "worker.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "mem.h"

enum { NICENESS = 10 };

struct pool {
	struct workers workers;
	uv_loop_t *loop;
};
struct item {
	uv_work_t req;
	struct work *work;
};

/* The loop answers people: where cores are few, it goes before the workers.  On Linux niceness is a thread's own. */
static void stand_back(void)
{
	static _Thread_local bool nice_already;

	if (!nice_already)
		(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
	nice_already = true;
}

static void on_run(uv_work_t *req)
{
	struct item *item = (struct item *)req;

	stand_back();
	item->work->run(item->work);
}

static void on_done(uv_work_t *req, int status)
{
	struct item *item = (struct item *)req;
	struct work *work = item->work;

	(void)status;           /* nothing is ever cancelled */
	free(item);
	work->done(work);
}

static void submit(struct workers *workers, struct work *work)
{
	struct pool *pool = (struct pool *)workers;
	struct item *item = MEM_NEW(struct item);

	item->work = work;
	(void)uv_queue_work(pool->loop, &item->req, on_run, on_done);
}

struct workers *worker_pool_new(struct uv_loop_s *loop)
{
	struct pool *pool = MEM_NEW(struct pool);

	pool->workers.submit = submit;
	pool->loop = loop;
	return &pool->workers;
}
