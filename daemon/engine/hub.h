/* SPDX-License-Identifier: MIT */
#ifndef HUB_H
#define HUB_H

#include "engine_int.h"

/*
 * The parts of fetching a data set by its hub name: what the hub says (hub_page.c), what is kept on disk
 * (hub_cache.c), and the machine between them (hub.c).
 */

/* --- replies ------------------------------------------------------------------------------------- */

/*
 * GET /splits: the first config, and whether the split is in it.
 * BD_ENET: not now (no JSON, still being converted).  BD_EINVALID: there is no such split, err lists those there are.
 * *ret_note: a remark for the submitter, or NULL; both owned by the caller.
 */
int hub_splits_read(struct span reply, const char *split, char **ret_config, char **ret_note, struct err *err);

/*
 * GET /rows: appends its rows to ret_rows, each as it came, on one line.  They must be the rows from `offset` on, of `total`
 * (-1: not known yet).  BD_ESTATE: they are not, so the data set has changed.  BD_EINVALID: a row that the hub has cut.
 * BD_ENET: no page at all.
 */
struct hub_page {
	int64_t n, total;
	bool partial;                   /* the hub has converted only a part of the data set */
};
int hub_page_read(struct span reply, int64_t offset, int64_t total, struct buf *ret_rows, struct hub_page *ret,
                  struct err *err);

/* What went wrong with a call, for people: "500 ResponseNotReady: the words of the hub", without the token (may be NULL). */
void hub_words(const struct exchange *x, const char *token, char *to, size_t size);
/* It asks for a smaller page. */
bool hub_too_big(const struct exchange *x);

/* text into a URL's query. */
void hub_url_encode(struct buf *url, const char *text);

/* --- the cache ----------------------------------------------------------------------------------- */
/*
 * hub/<dataset>-<config>-<split>-<revision>.jsonl, beside it .json with what it is; while it grows <...>-<split>.part and
 * .part.json, which is written behind every page: bytes beyond what it tells do not count.
 */
struct hub_part {
	char revision[80];              /* "": the hub does not say; then nothing is found again later */
	int64_t rows, total;            /* total -1: not known yet */
	int64_t bytes;
	bool partial;
};

struct hub_cache {
	char *dir, *stem;               /* owned */
	const char *dataset, *config, *split;   /* borrowed */
};

int hub_cache_open(struct hub_cache *c, const char *state_dir, const char *dataset, const char *config,
                   const char *split, struct err *err);
void hub_cache_done(struct hub_cache *c);
/* What was fetched before and can be gone on with; nothing if there is none or it does not hold. */
void hub_cache_resume(struct hub_cache *c, struct hub_part *ret);
bool hub_cache_has(struct hub_cache *c, const char *revision, struct hub_part *ret);
/* rows of a page behind the others; durable then.  part is changed on success only. */
int hub_cache_append(struct hub_cache *c, struct hub_part *part, struct span rows, const struct hub_page *page,
                     struct err *err);
/* All rows are there: it gets its name; those of other revisions go. */
int hub_cache_finish(struct hub_cache *c, const struct hub_part *part, struct err *err);
/* The file under a name of its own, which the caller unlinks. */
int hub_cache_lease(struct hub_cache *c, const char *revision, const char *path, struct err *err);
/* Names left by a crash. */
void hub_cache_sweep(const char *state_dir);
/* Where leases are. */
#define HUB_LEASE "lease-"

/* --- the machine, for engine.c ------------------------------------------------------------------- */
void hubs_tick(struct engine *e);               /* not from inside engine_tick's own turn: it calls back */
int64_t hubs_due_ms(const struct engine *e);
bool hubs_busy(const struct engine *e);         /* a call is under way */
void hubs_stop(struct engine *e);               /* ends all; those who wait are told */
void hubs_close(struct engine *e);              /* as well, and the engine is about to go */

#endif
