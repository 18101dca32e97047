/* SPDX-License-Identifier: MIT */
#ifndef CTL_H
#define CTL_H

#include <sys/types.h>

#include "config.h"
#include "engine.h"
#include "err.h"
#include "json.h"

struct uv_loop_s;

/*
 * The control socket: listens, takes a request line from each client, checks the peer's right once, runs the command's
 * handler (ctl_<name>, one for each CMD of commands.def), and sends its reply.  Protocol: include/batchd/wire.h.
 */
struct ctl;

enum ctl_right { CTL_NONE, CTL_READ, CTL_WRITE, CTL_ADMIN };

struct ctl_env {
	struct uv_loop_s *loop;
	struct engine *engine;                  /* all borrowed */
	struct db *db;
	const char *state_dir;
	const struct config *const *config;     /* the one in force */
	int64_t (*uptime_s)(void);
};

/* Binds the path (a dead socket there is replaced; a live one is BD_ESTATE) and listens. */
int ctl_open(const char *path, const struct ctl_env *env, struct ctl **ret, struct err *err);
/* New events are in the database: those who follow are told. */
void ctl_notify(struct ctl *ctl);
/* Ends all connections and removes the socket; the memory goes with the loop's next turns, then closed(). */
void ctl_close(struct ctl *ctl, void (*closed)(void *data), void *data);

#endif
