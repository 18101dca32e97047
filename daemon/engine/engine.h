/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "config.h"
#include "db.h"
#include "err.h"
#include "json.h"
#include "rollout.h"
#include "transport.h"
#include "work.h"

/*
 * Jobs moving: from rows to request files, to batches at the endpoint, to answers, to samples.
 *
 * The engine is one machine on one thread.  It knows time, network and threads through its three
 * seams only.  Callbacks record and tick; a tick does what can be done, writes it in one transaction, and only then
 * acts on the outside.  What it does after a crash is what it does after a broken call: look, then go on.
 */
struct engine;

/* The room (mem.h) that the loop's thread keeps open: a turn begins when it is whole. */
enum { TURN_ROOM = 4 << 20 };

struct engine_env {
	struct db *db;                          /* all borrowed, and alive longer than the engine */
	struct clock *clock;
	struct transport *transport;
	struct workers *workers;
	const struct config *config;
	const char *state_dir;
	void (*wake)(void *data);               /* call engine_tick() soon */
	void (*event)(void *data);              /* new events were written */
	/* Run a command of a setting with these variables (NAME=value, NULL at the end; valid during the call).  May be NULL. */
	void (*hook)(void *data, const char *command, const char *const *variables);
	void *data;
};

/* Load what is open from the database and take up every intent found there. */
int engine_open(const struct engine_env *env, struct engine **ret, struct err *err);
/* Does all that is due.  May be called at any time. */
void engine_tick(struct engine *e);
/* When the next tick is wanted: unix ms, 0: at once, INT64_MAX: when something happens. */
int64_t engine_due_ms(const struct engine *e);
/* A new configuration: endpoints are opened anew; parked ones too.  config must outlive the engine or the next reload. */
int engine_reload(struct engine *e, const struct config *config, struct err *err);
/* False while calls begun before a reload may still hold the config before. */
bool engine_loaded(const struct engine *e);
/* Start nothing new; true once nothing is under way any more. */
bool engine_drain(struct engine *e);
/* No call and no task may be under way (engine_drain() said so), or the process is about to end. */
void engine_close(struct engine *e);

/* One line of what it is doing, for systemd's STATUS=. */
void engine_describe(struct engine *e, struct buf *ret);

/* --- commands; each is durable when it returns 0 -------------------------------------------- */

struct submission {
	struct rollout_params params;           /* texts borrowed during the call */
	const char *name, *endpoint;            /* NULL: made up, the first one */
	const char *save_dir;                   /* absolute */
	bool keep;                              /* batchd keeps the results (results/<id>) for a fetch into save_dir */
	const char *dataset;                    /* as the person named it */
	const char *dataset_path;               /* the uploaded bytes, in state_dir; taken over */
	const char *warning;                    /* to be among those of the reply; NULL: none */
	const char *start, *end;                /* range of custom_ids, NULL: all */
	int64_t owner_uid, priority, canary;    /* canary: instances, 0: none */
};
/* id < 0: err says why.  warnings: JSON list of texts. */
typedef void (*submit_fn)(void *data, int64_t id, const char *name, int64_t passes, const char *warnings,
                          const struct err *err);
/* done is called once, later; the job is durable by then. */
int engine_submit(struct engine *e, const struct submission *s, submit_fn done, void *data, struct err *err);

/* What can be wrong with it before its dataset is seen; dataset_path is not looked at. */
int engine_submit_check(struct engine *e, const struct submission *s, struct err *err);

/* owner/name, as a hub has it. */
bool engine_is_hub_name(const char *dataset);
/* path: its rows as JSONL, a file in state_dir for the callee to unlink.  note: a warning for people, or NULL.  On failure
 * path is NULL and err says why. */
typedef void (*hub_fn)(void *data, const char *path, const char *note, const struct err *err);
/* Gets a data set from the hub, or what is cached of it.  done is called once, later, and may submit. */
int engine_hub_fetch(struct engine *e, const char *dataset, const char *split, hub_fn done, void *data, struct err *err);

/* What that submission would come to, as the JSON object of wire.h; nothing is made of it, the dataset goes.  json NULL: err says why. */
typedef void (*plan_fn)(void *data, const char *json, const struct err *err);
int engine_plan(struct engine *e, const struct submission *s, plan_fn done, void *data, struct err *err);

/* by: whose name the job bears then as the reason; NULL: nobody's. */
int engine_pause(struct engine *e, int64_t job, const char *by, struct err *err);
int engine_resume(struct engine *e, int64_t job, struct err *err);
int engine_cancel(struct engine *e, int64_t job, struct err *err);
int engine_remove(struct engine *e, int64_t job, struct err *err);
int engine_resume_endpoint(struct engine *e, const char *name, struct err *err);

struct retry_selector {
	const char *custom_id, *instance_id;    /* NULL: any */
	int stage;                              /* 0: any */
};
int engine_retry(struct engine *e, int64_t job, const struct retry_selector *which, int64_t *ret_passes, struct err *err);

/* A JOB object as wire.h has it.  sees: the uid whose jobs are shown whole, -1: all; of others only what the queue needs. */
int engine_job_status(struct engine *e, int64_t job, bool with_batches, int64_t sees, struct jw *w, struct err *err);
/* A list of ENDPOINT objects. */
void engine_endpoint_status(struct engine *e, struct jw *w);
/* OpenMetrics text for node exporter's textfile collector. */
int engine_metrics(struct engine *e, struct buf *ret, struct err *err);
/* Members of why, into an open object: name, state, and the list "lines". */
int engine_why(struct engine *e, int64_t job, struct jw *w, struct err *err);

/* Adds a job up; done later with the object of wire.h.  remote: every batch is looked at at its endpoint too. */
typedef void (*audit_fn)(void *data, bool ok, const char *json, const struct err *err);
int engine_audit(struct engine *e, int64_t job, bool remote, audit_fn done, void *data, struct err *err);

#endif
