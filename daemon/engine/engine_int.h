/* SPDX-License-Identifier: MIT */
#ifndef ENGINE_INT_H
#define ENGINE_INT_H

#include "batch_store.h"
#include "batchapi.h"
#include "engine.h"
#include "files.h"
#include "job_store.h"
#include "pass_store.h"

/* How much the loop does at a time, so that it answers in milliseconds whatever goes on. */
enum { ROWS_A_TURN = 400, RUN_A_TURN = 2000, PASSES_A_TASK = 128 };

/* The room in which a task does all that does not grow with what peers send. */
enum { TASK_ROOM = 2 << 20 };

/* Bytes of a request file per prompt token, for estimates (reference/batch-api.md, section 6). */
enum { TOKEN_BYTES = 4 };

/* The struct around a member of it. */
#define AROUND(type, member, at) ((type *)(void *)((char *)(at) - offsetof(type, member)))

struct endpoint {
	struct endpoint *next;
	struct engine *e;
	const struct endpoint_config *cfg;      /* of the engine's config; NULL: no longer configured */
	char *name;
	struct api *api;
	struct endpoint_row row;                /* parked or not, learned limit */
	int64_t hold_ms;                        /* nothing new before then: it said 429 */
	int64_t probe_ms;                       /* parked: when to try one call again */
	int64_t park_n;                         /* how often in a row it was */
	enum asked {
		ASKED_LOOK, ASKED_UPLOAD, ASKED_CREATE,
	} parked_by;                            /* the least that was refused: it and those behind it are held */
	int64_t turn, turn_uid;                 /* the job and the user that had the last turn */
	bool token_wait;                        /* it says too many tokens are enqueued */
	int64_t max_bytes;                      /* learned from a 413, 0: nothing learned */
};

/* Bit of the request file of a stage; of everything else. */
#define DIRTY_REQUESTS(stage) (1u << (stage))
enum { DIRTY_RESULTS = 1, DIRTY_ALL = 7 };
/* What is rendered together; both may be under way. */
enum render_kind { RENDER_RESULTS, RENDER_REQUESTS, RENDER_KINDS };
enum { RENDER_LEAST_MS = 2000 };        /* from one to the next */

struct job {
	struct job *next;
	struct engine *e;
	struct job_row row;
	struct rollout *rollout;
	struct endpoint *endpoint;
	struct pass_counts counts;              /* as in the database */
	struct tally tally;                     /* of the open transaction */
	char *dir;                              /* its place in state_dir */
	bool building[STAGES_MAX + 1];          /* a request file is being made */
	int reading;                            /* tasks and batches on their way to READ passes */
	int judging[STAGES_MAX + 1];            /* tasks under way */
	int64_t judge_from[STAGES_MAX + 1];     /* passes below it are taken */
	int64_t ready_from[STAGES_MAX + 1];     /* below it, or in a file being made, are all that are READY */
	int64_t cancel_from[STAGES_MAX + 1];    /* below it none waits any more */
	int64_t next_spool;
	int tasks;                              /* of any kind: the job stays in memory while > 0 */
	bool sweeping;                          /* what a crash left is being removed; nothing else is done meanwhile */
	struct render *rendering[RENDER_KINDS]; /* under way; NULL: none */
	unsigned dirty;                         /* which of save_dir's files are behind: DIRTY_... */
	int64_t render_ms[RENDER_KINDS];        /* not rendered again before */
	bool held;                              /* disk trouble: row.reason says which */
	int64_t hold_ms;                        /* nothing is done for it before then */
	int hold_n;                             /* how often in a row */
	bool remove;                            /* to be deleted once nothing is under way */
	bool refused;                           /* and nobody was ever told its id */
};

struct probe;
struct submit;
struct batch {
	struct batch *next;
	struct engine *e;
	struct job *job;
	struct endpoint *endpoint;
	struct batch_row row;
	struct api_call *call;                  /* under way; NULL: none */
	enum batch_act {
		ACT_NONE, ACT_UPLOAD, ACT_CREATE, ACT_CANCEL,
	} act;                                  /* to do once the transaction is committed */
	struct probe *probe;                    /* finding out what came of an intent */
	bool doubtful;                          /* the open intent's call is over, its outcome unknown */
	bool busy;                              /* a task has it */
	bool canceling;                         /* it was asked to; until the next look tells what came of it */
	/* FETCHING */
	int fetch;                              /* 0 output, 1 errors, 2: both are here */
	int fd;
	int64_t got;
	bool refetched;
	bool sized;                             /* the endpoint was asked how long the file is: */
	int64_t size;                           /* so many bytes; -1: it does not say */
	int cut_n;                              /* how often it came shorter than that */
	int64_t gone_ms;                        /* since when the endpoint says 404 */
	int64_t *bad_lines;                     /* that it refused the file for; a start knows row.error_line alone */
	size_t n_bad_lines;
};

/* The one checkpoint that is under way, or none. */
struct checkpoint {
	struct work work;
	struct engine *e;
	bool busy;
	int last_pages;                         /* of the WAL, when the last one began */
};

/* A turn's commit on its way to the disk, in a worker: the loop does not wait for a disk. */
struct turn_sync {
	struct work work;
	struct engine *e;
	bool busy;
	struct apply *applied;                  /* the result whose last part it has; NULL: none */
	bool told;                              /* it has events */
	int rc;
	struct err err;
};

struct engine {
	struct engine_env env;
	struct db *db;
	char *uuid;                             /* of this database: part of every key */
	struct endpoint *endpoints;
	struct job *jobs;
	struct batch *batches;                  /* open ones, by id */
	struct audit *audits;                   /* looking at endpoints */
	struct cleanup *cleanups;               /* files to be deleted at the endpoints */
	struct hub *hubs;                       /* data sets being fetched */
	struct apply *applies, **applies_end;   /* results being written, a part each turn */
	struct apply *ahead;                    /* its last part was written while a turn was synced; NULL: none */
	int tasks;                              /* under way in the pool */
	struct checkpoint checkpoint;
	struct turn_sync sync;
	bool in_txn, ticking;
	bool unsynced;                          /* something is committed, but perhaps not on disk */
	bool told;                              /* events are written that nobody was told of */
	bool again;                             /* something was written since the last tick began: tick once more */
	int64_t ticked_ms;                      /* when it began */
	int64_t short_ms;                       /* there was no room for a turn: the next try; 0: there is */
	bool draining;
	int64_t drain_ms;                       /* then uploads and creates are broken off too */
	bool broken;                            /* the database failed: load anew */
	int64_t broken_ms;
	char broken_why[300];
	struct pending_event *events, **events_end;
	int64_t started_ms;
	int64_t retention_ms;                   /* when to look for old jobs again */
};

int64_t now_ms(struct engine *e);

/* --- writing: begins a transaction if none is open; engine_tick() commits it ------------------- */
/* On failure the engine is broken: it forgets what it knows and loads from the database again. */
bool engine_write(struct engine *e);                    /* false: broken */
bool engine_ok(struct engine *e, int rc, struct err *err);      /* false (and broken) if rc < 0 */
int engine_flush(struct engine *e, struct err *err);    /* commit now, to the disk */
int engine_show(struct engine *e, struct err *err);     /* commit so that workers see it; on disk with the turn's end */
int engine_load(struct engine *e, struct err *err);     /* all that is open, into an empty memory */
void engine_forget(struct engine *e);                   /* nothing may be under way */
void engine_event(struct engine *e, int64_t job, int64_t batch, const char *level, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
bool events_write(struct engine *e);                    /* in the open transaction, or one of their own; were there any? */
void events_tell(struct engine *e, bool *told);                     /* those that were written; they are on disk */
void events_drop(struct engine *e);

/* --- what a task brought, written a part at a time --------------------------------------------- */
struct apply {
	struct apply *next;
	bool (*some)(struct apply *a);          /* writes a part; true: all is written */
	void (*done)(struct apply *a);          /* behind the sync of the last part, or when broken; frees */
	bool kept;                              /* for done(): all of it is on disk, even if the engine broke meanwhile */
};
void engine_apply(struct engine *e, struct apply *a);

/* --- tasks -------------------------------------------------------------------------------------- */
struct task {
	struct work work;
	struct engine *e;
	struct job *job;
	void (*run)(struct task *t);            /* in a worker */
	void (*done)(struct task *t);           /* on the loop; frees, or hands to engine_apply() */
};
bool task_room(struct engine *e);
void task_start(struct engine *e, struct job *job, struct task *t);

/* --- parts --------------------------------------------------------------------------------------- */
int endpoints_open(struct engine *e, struct err *err);
void endpoints_close(struct engine *e);
struct endpoint *endpoint_find(struct engine *e, const char *name);
int endpoint_active(struct endpoint *ep);               /* batches that the endpoint has or is being given */
bool endpoint_open_for_new(struct endpoint *ep);        /* may something new be sent to it now? */
bool endpoint_may_ask(struct endpoint *ep);             /* may anything be asked of it now? */
/* What a call's verdict means for the endpoint: parks, holds, opens. */
void endpoint_heard(struct endpoint *ep, enum asked what, const struct api_result *res);
bool batch_is_parked(const struct batch *b);            /* its next call waits for a parked endpoint */
/* The enqueued tokens it takes, as its error said. */
void endpoint_learn_tokens(struct endpoint *ep, int64_t limit);
/* Would these tokens more stay under what it takes?  True while nothing is known. */
bool endpoint_tokens_fit(struct endpoint *ep, int64_t tokens);
void endpoint_unpark(struct endpoint *ep);

int job_load(struct engine *e, int64_t id, struct job **ret, struct err *err);  /* LOADING: without its rollout */
int job_load_rollout(struct job *job, struct err *err);
void job_free(struct job *job);
struct job *job_in_memory(struct engine *e, int64_t id);
void job_tick(struct job *job);
void job_hold(struct job *job, const struct err *err);  /* disk trouble: try again later, say why */
void job_gets_on(struct job *job);                      /* something was written: no trouble any more */
bool job_tally_flush(struct job *job);                  /* sums of the moves made; false: broken */
void job_ready_from(struct job *job, int stage, int64_t n);     /* pass n, or some behind it, may be READY */
bool job_is(const struct job *job, enum job_state s);
int64_t job_left_in(const struct job *job, enum pass_state s);  /* passes in that state, at all stages */
bool job_canary_through(const struct job *job);         /* a canary's first instances are settled */
char *job_path(const struct job *job, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *batch_path(const struct job *job, int64_t batch, const char *what);   /* "requests", "output", "errors" */
char *spool_path(const struct job *job, int64_t spool);        /* lines of samples, of one judging task */
/* Moves a pass that got nothing good: asked again, or FAILED when its attempts are used up. */
int job_pass_lost(struct job *job, int stage, int64_t n, int64_t attempt, enum pass_state from, const char *reason,
                  const char *details, const struct line_ref *line, struct err *err);

struct batch *batch_add(struct engine *e, struct job *job, const struct batch_row *row);
/* The open batches of this job, or of all in memory (NULL); no transaction may be open. */
int batches_load(struct engine *e, struct job *only, struct err *err);
void batch_drop(struct batch *b);                       /* out of memory, not out of the database */
void batch_tick(struct batch *b);
void batch_act(struct batch *b);                        /* behind the commit: the calls */
bool batch_move(struct batch *b, enum batch_state to, const char *reason);
bool batch_store(struct batch *b);
int64_t batch_tokens(const struct batch *b);            /* of its prompts, estimated */
void batch_wait(struct batch *b, int64_t least_ms, int64_t most_ms, int64_t asked_ms);
void batch_filename(const struct batch *b, char *ret, size_t size);
void batch_key(const struct batch *b, char *ret, size_t size);
void batch_poll_tick(struct batch *b);                  /* RUNNING */
void batch_cancel_now(struct batch *b);
void batch_fetch_tick(struct batch *b);                 /* FETCHING */
void batch_probe_tick(struct batch *b);                 /* UPLOADING, CREATING without a call */
void batch_probe_free(struct batch *b);
int64_t batch_probe_wait_ms(const struct batch *b);     /* before its next look; lists lag */
void batch_created(struct batch *b, const struct remote_batch *rb);
void batch_uploaded(struct batch *b, const char *file_id);
void batch_seen(struct batch *b, const struct remote_batch *rb);
bool batch_is_stalled(const struct batch *b);           /* too long under one status word */
void batch_set_reason(struct batch *b, const char *reason);

int64_t cleanup_bits(const struct batch *b);            /* what of it is to be deleted now that it ends */
int cleanup_add(struct engine *e, int64_t batch, struct err *err);
int cleanups_load(struct engine *e, struct err *err);
void cleanups_forget(struct engine *e);
bool cleanups_busy(struct engine *e, bool cancel);
int64_t cleanups_due_ms(const struct engine *e);
void cleanups_tick(struct engine *e);                   /* behind the commit */

bool audits_busy(struct engine *e, bool cancel);
void audit_at_end(struct engine *e, int64_t job);       /* by itself; the verdict is an event */

/* The settings' commands: a job ended, or a batch of it stalls (batch 0: none). */
void hook_job(struct job *job, enum job_state state, const char *reason);
void hook_stalled(struct batch *b);
void retention_tick(struct engine *e);                 /* forgets jobs that ended keep_days ago */

/* Two jobs in one directory would write over each other; an ended one may be retried, and its results are worth money. */
int save_dir_taken(struct engine *e, const char *save_dir, struct err *err);
/* Can results be written there?  Asked of the directory itself, before anything is sent.  *ret_made: its samples/ is new. */
int save_dir_make(const char *save_dir, bool samples, bool *ret_made, struct err *err);
/* The save_dir is the client's, or was there before; only what was made here goes. */
void save_dir_unmake(const char *save_dir, bool made);

void turn_tick(struct job *job);
int turn_user_active(const struct endpoint *ep, int64_t uid);   /* that user's batches made or at the endpoint */
int64_t turn_last_n(const struct job *job);             /* the last pass that may be sent: a canary's */
void sweep_state(struct engine *e);
void sweep_start(struct job *job);
void checkpoint_tick(struct engine *e);
bool checkpoint_in_the_way(const struct engine *e);     /* results wait for it */
void build_start(struct job *job, int stage);
void read_start(struct batch *b);
bool judge_start(struct job *job, int stage);
unsigned render_due(const struct job *job, enum render_kind kind);      /* DIRTY_... bits of it */
int render_count(const struct job *job);                                /* under way */
void render_start(struct job *job, enum render_kind kind);
void render_stop(struct job *job, enum render_kind kind);       /* nobody wants it any more: it ends soon, stays due */

/* A file whose pieces are mostly wanted one behind the other: then it is read ahead. */
struct ahead {
	int fd;                                 /* -1: closed */
	int64_t next;                           /* the end of the last piece */
	int64_t off;                            /* of buf in the file */
	struct buf buf;
};

/* A job's dataset row n, read from its dataset.jsonl; by a reader's connection. */
struct row_source {
	struct db *db;
	struct instance_cursor at;
	struct ahead file;
	int64_t job;
};
int row_source_open(struct row_source *s, const char *db_path, const struct job *job, struct err *err);
/* *ret_id is good until the next call. */
int row_source_get(struct row_source *s, int64_t instance, const char **ret_id, struct buf *ret_row, struct err *err);
void row_source_close(struct row_source *s);

/* Lines of a job's result files, opened as they are needed. */
struct line_source {
	const struct job *job;                  /* borrowed */
	struct { int64_t batch, kind; struct ahead file; } open[8];
	int turn;
	size_t room;                            /* to be asked for, for each byte of a line; 2: it is only copied */
};
void line_source_init(struct line_source *s, const struct job *job);
int line_source_get(struct line_source *s, const struct line_ref *ref, struct buf *ret, struct err *err);
void line_source_close(struct line_source *s);
enum { LINE_OUTPUT = 0, LINE_ERRORS = 1 };

/* Requests in the order of their passes, in which they stand in each file too: each is read once, from front to back. */
struct request_source {
	const struct job *job;                  /* borrowed */
	struct { int64_t batch; struct line_reader lines; } open[8];    /* batch 0: none */
	struct request_mark { int64_t batch, off; } *marks;             /* of those closed: how far they were read */
	size_t n_marks;
	int turn;
	struct buf id;
};
void request_source_init(struct request_source *s, const struct job *job);
/* The line that p went out with in its last batch, good until the next call. */
int request_source_get(struct request_source *s, const struct pass_row *p, struct span *ret, struct err *err);
void request_source_close(struct request_source *s);

#endif
