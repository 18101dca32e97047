/* SPDX-License-Identifier: MIT */
#include "range.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "rollout.h"

static bool whole_number(const char *text, int64_t *ret)
{
	int64_t n = 0;

	if (*text == '\0' || strlen(text) > 15)
		return false;
	for (const char *p = text; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return false;
		n = n * 10 + (*p - '0');
	}
	*ret = n;
	return true;
}

int range_read(const char *start, const char *end, struct range *ret, struct err *err)
{
	struct range r = { .from = 0, .to = INT64_MAX };
	bool start_no = start != NULL && whole_number(start, &r.from);
	bool end_no = end != NULL && whole_number(end, &r.to);

	if (start != NULL && end != NULL && start_no != end_no)
		return err_set(err, BD_EINVALID,
		               "start_file %s and end_file %s: give two custom_ids or two numbers",
		               start, end);
	r.by_position = start_no || end_no;
	if (!r.by_position) {
		r.first = start;
		r.last = end;
	}
	if (r.by_position ? r.to < r.from : start != NULL && end != NULL && strcmp(start, end) > 0)
		return err_set(err, BD_EINVALID, "end_file %s comes before start_file %s", end, start);
	*ret = r;
	return 0;
}

bool range_is_all(const struct range *r)
{
	return r->by_position ? r->from == 0 && r->to == INT64_MAX : r->first == NULL && r->last == NULL;
}

bool range_has(const struct range *r, const char *custom_id, int64_t position)
{
	if (r->by_position)
		return position >= r->from && position < r->to;
	return (r->first == NULL || strcmp(custom_id, r->first) >= 0) &&
	       (r->last == NULL || strcmp(custom_id, r->last) <= 0);
}

struct ranked {
	const char *id;
	size_t at;
};

static int by_id(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return strcmp(x->id, y->id);
}

size_t range_pick(const struct range *r, const char *const *ids, size_t n, bool *keep)
{
	struct ranked *sorted = NULL;
	size_t kept = 0;

	if (r->by_position && n > 0) {
		sorted = mem_zero(n, sizeof *sorted);
		for (size_t i = 0; i < n; i++)
			sorted[i] = (struct ranked){ ids[i], i };
		qsort(sorted, n, sizeof *sorted, by_id);
	}
	for (size_t i = 0; i < n; i++) {
		size_t at = sorted != NULL ? sorted[i].at : i;

		keep[at] = range_has(r, ids[at], (int64_t)i);
		kept += keep[at];
	}
	free(sorted);
	return kept;
}

enum { PASS_ROOM = 400, INSTANCE_ROOM = 700 };  /* what a custom_id takes while it is in a list, what an instance takes */

/* The passes of an instance whose custom_ids stand together in the sorted list, in its order. */
struct group {
	char *key;                      /* what its custom_ids begin with */
	size_t at;                      /* of the instance */
};

static int by_key(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static int by_digits(const void *a, const void *b)
{
	char x[24], y[24];

	snprintf(x, sizeof x, "%zu", *(const size_t *)a);
	snprintf(y, sizeof y, "%zu", *(const size_t *)b);
	return strcmp(x, y);
}

static struct group *groups_of(const char *const *ids, size_t n, int64_t passk)
{
	struct group *groups = mem_zero(n + 1, sizeof *groups);

	for (size_t i = 0; i < n; i++)
		groups[i] = (struct group){ passk > 1 ? mem_printf("%s__pass", ids[i]) : mem_strdup(ids[i]), i };
	qsort(groups, n, sizeof *groups, by_key);
	return groups;
}

static void groups_free(struct group *groups, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(groups[i].key);
	free(groups);
}

/* An instance called like a pass of another one ("a", "a__pass1"): its custom_ids stand among the other's. */
static bool any_nested(const struct group *groups, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (strncmp(groups[i].key, groups[i - 1].key, strlen(groups[i - 1].key)) == 0)
			return true;
	return false;
}

static size_t pick_each(const struct range *r, const char *const *ids, size_t n, size_t passk, bool *keep)
{
	char **all = mem_zero(n * passk + 1, sizeof *all);

	for (size_t i = 0; i < n * passk; i++)
		all[i] = custom_id_make(ids[i / passk], (int64_t)(i % passk), (int64_t)passk);
	size_t kept = range_pick(r, (const char *const *)all, n * passk, keep);
	for (size_t i = 0; i < n * passk; i++)
		free(all[i]);
	free(all);
	return kept;
}

static size_t pick_between(const struct range *r, const char *const *ids, size_t n, size_t passk, bool *keep)
{
	size_t kept = 0;

	for (size_t i = 0; i < n * passk; i++) {
		char *custom_id = custom_id_make(ids[i / passk], (int64_t)(i % passk), (int64_t)passk);

		keep[i] = range_has(r, custom_id, 0);
		kept += keep[i];
		free(custom_id);
	}
	return kept;
}

static size_t pick_positions(const struct range *r, const struct group *groups, size_t n, size_t passk, bool *keep)
{
	size_t *order = mem_zero(passk, sizeof *order), kept = 0;

	for (size_t k = 0; k < passk; k++)
		order[k] = k;
	qsort(order, passk, sizeof *order, by_digits);
	for (size_t i = 0; i < n * passk; i++) {
		size_t at = groups[i / passk].at * passk + order[i % passk];

		keep[at] = range_has(r, NULL, (int64_t)i);
		kept += keep[at];
	}
	free(order);
	return kept;
}

int range_pick_passes(const struct range *r, const char *const *ids, size_t n, int64_t passk, bool *keep, size_t *ret_kept,
                      struct err *err)
{
	int rc = r->by_position ? mem_room_ask(n * INSTANCE_ROOM, err) : 0;

	if (rc < 0)
		return rc;
	if (!r->by_position) {
		*ret_kept = pick_between(r, ids, n, (size_t)passk, keep);
		return 0;
	}
	struct group *groups = groups_of(ids, n, passk);
	if (passk == 1 || !any_nested(groups, n))
		*ret_kept = pick_positions(r, groups, n, (size_t)passk, keep);
	else if ((rc = mem_room_ask(n * (size_t)passk * PASS_ROOM, err)) == 0)
		*ret_kept = pick_each(r, ids, n, (size_t)passk, keep);
	groups_free(groups, n);
	return rc;
}
