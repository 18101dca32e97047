/* SPDX-License-Identifier: MIT */
#ifndef WORK_H
#define WORK_H

/*
 * Heavy work off the loop.  A piece of work owns what it was handed: nobody else touches it
 * between submit and done.  run() is called on some thread, done() later on the loop's,
 * never from inside submit().
 */
struct work {
	void (*run)(struct work *work);
	void (*done)(struct work *work);
	struct work *next;              /* for whoever queues it */
};

struct workers {
	void (*submit)(struct workers *workers, struct work *work);
};

#endif
