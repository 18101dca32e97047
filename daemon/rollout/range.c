/* SPDX-License-Identifier: MIT */
#include "range.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

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
