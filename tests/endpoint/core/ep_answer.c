/* SPDX-License-Identifier: MIT */
#include "ep_answer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ep_io.h"
#include "ep_scan.h"
#include "mem.h"

enum { FILES_MAX = 8, ATTEMPT_MAX = 250 };

/* attempt 0: for any.  len 0: a free slot. */
struct slot {
	uint64_t hash;
	int64_t off;
	uint32_t len;
	uint8_t file, stage, attempt, used;
};

struct count {
	uint64_t hash;          /* 0: free */
	int n;
};

struct ep_answers {
	int fds[FILES_MAX];
	size_t nfds;
	struct slot *slots;     /* open addressing, a power of two */
	size_t n, cap;
	struct count *counts;   /* of those with numbered lines */
	size_t ncounts, counts_cap;
	struct buf text;
};

struct ep_answers *ep_answers_new(void)
{
	return MEM_NEW(struct ep_answers);
}

void ep_answers_free(struct ep_answers *a)
{
	if (a == NULL)
		return;
	for (size_t i = 0; i < a->nfds; i++)
		close(a->fds[i]);
	free(a->slots);
	free(a->counts);
	buf_done(&a->text);
	free(a);
}

static uint64_t hash_of(struct span custom_id, int stage, int attempt)
{
	return ep_hash(custom_id.at, custom_id.len, (uint64_t)(stage * 1000 + attempt + 1));
}

static void slots_grow(struct ep_answers *a)
{
	struct slot *old = a->slots;
	size_t cap = a->cap;

	a->cap = cap > 0 ? 2 * cap : 1024;
	a->slots = mem_zero(a->cap, sizeof *a->slots);
	for (size_t i = 0; i < cap; i++) {
		if (!old[i].used)
			continue;
		size_t at = old[i].hash & (a->cap - 1);

		while (a->slots[at].used)
			at = (at + 1) & (a->cap - 1);
		a->slots[at] = old[i];
	}
	free(old);
}

static struct count *count_find(const struct ep_answers *a, uint64_t hash)
{
	size_t at = hash & (a->counts_cap - 1);

	while (a->counts[at].hash != 0 && a->counts[at].hash != hash)
		at = (at + 1) & (a->counts_cap - 1);
	return &a->counts[at];
}

static void count_add(struct ep_answers *a, uint64_t hash)
{
	if (2 * (a->ncounts + 1) > a->counts_cap) {
		struct count *old = a->counts;
		size_t cap = a->counts_cap;

		a->counts_cap = cap > 0 ? 2 * cap : 64;
		a->counts = mem_zero(a->counts_cap, sizeof *a->counts);
		for (size_t i = 0; i < cap; i++) {
			if (old[i].hash != 0)
				*count_find(a, old[i].hash) = old[i];
		}
		free(old);
	}
	struct count *c = count_find(a, hash);

	if (c->hash == 0) {
		c->hash = hash;
		a->ncounts++;
	}
}

static int stage_of(struct span raw, int otherwise, struct buf *store)
{
	struct span text = scan_text(raw, store);

	return (int)scan_int(text.at != NULL ? text : raw, otherwise);
}

static int line_add(struct ep_answers *a, const struct ep_lines *lines, struct span line, int stage, struct err *err)
{
	static const char *const names[] = { "custom_id", "stage", "attempt" };
	struct buf store = { 0 };
	struct span got[3], id;
	int attempt = 0, rc = 0;

	scan_get(line, names, stage == 0 ? 3 : 1, got);
	id = scan_text(got[0], &a->text);
	if (id.at == NULL) {
		rc = err_set(err, BD_EINVALID, "line %lld has no custom_id", (long long)lines->line_no);
		goto out;
	}
	if (line.len > UINT32_MAX) {
		rc = err_set(err, BD_EINVALID, "line %lld is too long", (long long)lines->line_no);
		goto out;
	}
	if (stage == 0) {
		stage = stage_of(got[1], 1, &store);
		attempt = (int)scan_int(got[2], 0);
		attempt = attempt < 0 ? 0 : attempt > ATTEMPT_MAX ? ATTEMPT_MAX : attempt;
	}
	if (attempt > 0)
		count_add(a, hash_of(id, stage, -1));
	if (4 * (a->n + 1) > 3 * a->cap)
		slots_grow(a);
	struct slot s = {
		.hash = hash_of(id, stage, attempt), .off = lines->line_off, .len = (uint32_t)line.len,
		.file = (uint8_t)(a->nfds - 1), .stage = (uint8_t)stage, .attempt = (uint8_t)attempt, .used = 1,
	};
	size_t at = s.hash & (a->cap - 1);

	while (a->slots[at].used)               /* the first line of a custom_id wins */
		at = (at + 1) & (a->cap - 1);
	a->slots[at] = s;
	a->n++;
out:
	buf_done(&store);
	return rc;
}

int ep_answers_add(struct ep_answers *a, const char *path, int stage, struct err *err)
{
	struct ep_lines lines;
	struct span line;
	int rc = 0;

	if (a->nfds == FILES_MAX)
		return err_set(err, BD_EINVALID, "more than %d files of answers", FILES_MAX);
	a->fds[a->nfds] = open(path, O_RDONLY | O_CLOEXEC);
	if (a->fds[a->nfds] < 0)
		return err_sys(err, BD_EIO, "cannot open %s", path);
	a->nfds++;
	if (!ep_lines_open(&lines, path))
		return err_sys(err, BD_EIO, "cannot open %s", path);
	while (rc == 0 && ep_lines_next(&lines, &line)) {
		if (span_trim(line).len > 0)
			rc = line_add(a, &lines, line, stage, err);
	}
	ep_lines_close(&lines);
	return rc < 0 ? err_prefix(err, "%s: ", path) : 0;
}

/* The line of exactly that attempt number. */
static bool find_exact(struct ep_answers *a, struct span custom_id, int stage, int attempt, struct buf *ret)
{
	uint64_t hash = hash_of(custom_id, stage, attempt);

	if (a->cap == 0)
		return false;
	for (size_t at = hash & (a->cap - 1); a->slots[at].used; at = (at + 1) & (a->cap - 1)) {
		const struct slot *s = &a->slots[at];

		if (s->hash != hash || s->stage != stage || s->attempt != attempt)
			continue;
		buf_reset(ret);
		if (!ep_read_at(a->fds[s->file], s->off, s->len, ret))
			return false;
		struct span id = scan_text(scan_one(buf_span(ret), "custom_id"), &a->text);

		if (id.len == custom_id.len && memcmp(id.at, custom_id.at, id.len) == 0)
			return true;
	}
	return false;
}

bool ep_answers_find(struct ep_answers *a, struct span custom_id, int stage, int attempt, struct buf *ret)
{
	if (!ep_answers_counted(a, custom_id, stage))
		return find_exact(a, custom_id, stage, 0, ret);
	if (attempt > ATTEMPT_MAX)
		attempt = ATTEMPT_MAX;
	if (find_exact(a, custom_id, stage, attempt, ret) || find_exact(a, custom_id, stage, 0, ret))
		return true;
	while (--attempt > 0) {
		if (find_exact(a, custom_id, stage, attempt, ret))
			return true;
	}
	return false;
}

bool ep_answers_counted(const struct ep_answers *a, struct span custom_id, int stage)
{
	return a->ncounts > 0 && count_find(a, hash_of(custom_id, stage, -1))->hash != 0;
}

int ep_answers_attempt(struct ep_answers *a, struct span custom_id, int stage)
{
	if (!ep_answers_counted(a, custom_id, stage))
		return 1;
	return ++count_find(a, hash_of(custom_id, stage, -1))->n;
}
