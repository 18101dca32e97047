/* SPDX-License-Identifier: MIT */
#include "stage_plan.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataset.h"
#include "files.h"
#include "json.h"
#include "mem.h"
#include "range.h"
#include "rollout.h"
#include "scan_walk.h"

#define ANSWER_MAX (256u << 20)         /* bytes of one line of an output file */

/* --- finding by name --------------------------------------------------------------------------- */

struct named {
	const char *name;
	size_t at;
};

static int by_name(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* The one of that name; NULL if there is none. */
static const struct named *find(const struct named *sorted, size_t n, const char *name)
{
	struct named key = { name, 0 };

	return n > 0 ? bsearch(&key, sorted, n, sizeof *sorted, by_name) : NULL;
}

static struct named *sort_rows(const struct stage_plan *plan)
{
	struct named *sorted = mem_zero(plan->n_rows + 1, sizeof *sorted);

	for (size_t i = 0; i < plan->n_rows; i++)
		sorted[i] = (struct named){ plan->rows[i].instance_id, i };
	qsort(sorted, plan->n_rows, sizeof *sorted, by_name);
	return sorted;
}

static struct named *sort_passes(const struct stage_plan *plan)
{
	struct named *sorted = mem_zero(plan->n_passes + 1, sizeof *sorted);

	for (size_t i = 0; i < plan->n_passes; i++)
		sorted[i] = (struct named){ plan->passes[i].custom_id, i };
	qsort(sorted, plan->n_passes, sizeof *sorted, by_name);
	return sorted;
}

/* --- the dataset ----------------------------------------------------------------------------------- */

static int add_row(void *data, const struct dataset_row *row, struct err *err)
{
	struct stage_plan *plan = data;

	(void)err;
	if ((plan->n_rows & (plan->n_rows - 1)) == 0)
		plan->rows = mem_grow(plan->rows, plan->n_rows == 0 ? 1 : plan->n_rows * 2, sizeof *plan->rows);
	plan->rows[plan->n_rows++] = (struct stage_row){
		.instance_id = mem_strdup(row->instance_id), .at = { row->off, row->len },
	};
	return 0;
}

/* The rows as lines of a file that nobody else sees, and that is gone when we are. */
static int read_rows(const char *dataset, struct stage_plan *plan, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = mem_printf("%s/batchctl-XXXXXX", tmp != NULL && *tmp == '/' ? tmp : "/tmp"), *file;
	int rc;

	if (mkdtemp(dir) == NULL) {
		rc = err_sys(err, BD_EIO, "%s", dir);
		free(dir);
		return rc;
	}
	file = path_join(dir, "rows.jsonl");
	rc = dataset_read(dataset, dataset, file, add_row, plan, err);
	if (rc >= 0) {
		plan->rows_fd = open(file, O_RDONLY | O_CLOEXEC);
		rc = plan->rows_fd < 0 ? err_sys(err, BD_EIO, "%s", file) : 0;
	}
	dir_remove(dir, NULL);
	free(file);
	free(dir);
	return rc;
}

/* --- the passes --------------------------------------------------------------------------------------- */

static struct stage_pass *add_pass(struct stage_plan *plan, size_t row, int64_t k, char *custom_id)
{
	if ((plan->n_passes & (plan->n_passes - 1)) == 0)
		plan->passes = mem_grow(plan->passes, plan->n_passes == 0 ? 1 : plan->n_passes * 2,
		                        sizeof *plan->passes);
	plan->passes[plan->n_passes] = (struct stage_pass){ .custom_id = custom_id, .row = row, .k = k };
	return &plan->passes[plan->n_passes++];
}

static void add_all_passes(struct stage_plan *plan, int64_t passk)
{
	for (size_t i = 0; i < plan->n_rows; i++) {
		for (int64_t k = 0; k < passk; k++)
			add_pass(plan, i, k, custom_id_make(plan->rows[i].instance_id, k, passk));
	}
}

/* <instance_id> or <instance_id>__pass<k> of a row that is there. */
static bool read_custom_id(const struct named *rows, size_t n_rows, const char *id, size_t *ret_row,
                           int64_t *ret_k)
{
	const struct named *row = find(rows, n_rows, id);
	const char *mark = NULL, *next;
	char *instance;
	int64_t k = 0;

	for (next = strstr(id, "__pass"); next != NULL; next = strstr(next + 1, "__pass"))
		mark = next;
	if (row == NULL && mark != NULL) {
		const char *digits = mark + 6;

		if (*digits == '\0' || strlen(digits) > 9 || strspn(digits, "0123456789") != strlen(digits))
			return false;
		k = atoll(digits);
		instance = mem_strndup(id, (size_t)(mark - id));
		row = find(rows, n_rows, instance);
		free(instance);
	}
	if (row == NULL)
		return false;
	*ret_row = row->at;
	*ret_k = k;
	return true;
}

/* --- the answers --------------------------------------------------------------------------------------- */

/* One line of an output file: whose it is and where it lies. */
struct found {
	char *custom_id;
	struct place at;
};

struct finds {
	struct found *at;
	size_t n;
};

static void finds_done(struct finds *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->at[i].custom_id);
	free(f->at);
}

static bool take_id(void *data, struct scan_walk *w, struct span name)
{
	struct span *id = data;

	if (id->at != NULL || !span_is(name, "custom_id"))
		return scan_walk_value(w, NULL);
	return scan_walk_string(w, id) && !w->escaped;
}

/* Whose line it is, NULL if it is none; the caller's.  The line is not read for more: its turn comes with its pass. */
static char *custom_id_of(struct span line)
{
	struct scan_walk w = { .p = line.at, .end = line.at + line.len };
	struct span id = { NULL, 0 };
	struct json *v = NULL;
	char *copy = NULL;

	if (scan_walk_object(&w, take_id, &id) && scan_walk_end(&w) && id.at != NULL)
		return mem_strndup(id.at, id.len);
	if (json_parse(line.at, line.len, &v, NULL) == 0 && json_get_str(v, "custom_id") != NULL)       /* not so strict */
		copy = mem_strdup(json_get_str(v, "custom_id"));
	json_free(v);
	return copy;
}

static int read_answers(const char *path, struct finds *ret, struct err *err)
{
	struct line_reader r;
	struct span line;
	int rc = line_reader_open(&r, path, err);

	if (rc < 0)
		return rc;
	while ((rc = line_reader_next(&r, ANSWER_MAX, &line, err)) > 0) {
		char *id;

		if (span_trim(line).len == 0)
			continue;
		id = custom_id_of(line);
		if (id == NULL) {               /* a cut or foreign line costs that line */
			fprintf(stderr, "batchctl: stage: %s: line %lld is no line of a batch's output\n",
			        path, (long long)r.line_no);
			continue;
		}
		if ((ret->n & (ret->n - 1)) == 0)
			ret->at = mem_grow(ret->at, ret->n == 0 ? 1 : ret->n * 2, sizeof *ret->at);
		ret->at[ret->n++] = (struct found){ id, { r.line_off, line.len } };
	}
	line_reader_close(&r);
	return rc;
}

static void note_unknown(struct stage_plan *plan, const char *id)
{
	if (plan->unknown++ == 0)
		plan->first_unknown = mem_strdup(id);
}

/* Passes for the custom_ids that are not there yet. */
static void add_found_passes(struct stage_plan *plan, const struct finds *finds)
{
	struct named *rows = sort_rows(plan), *known = sort_passes(plan);
	size_t n_known = plan->n_passes, n_rows = plan->n_rows, row;
	struct named *fresh = mem_zero(finds->n + 1, sizeof *fresh);
	int64_t k;

	for (size_t i = 0; i < finds->n; i++)
		fresh[i] = (struct named){ finds->at[i].custom_id, i };
	qsort(fresh, finds->n, sizeof *fresh, by_name);
	for (size_t i = 0; i < finds->n; i++) {
		const char *id = fresh[i].name;

		if ((i > 0 && strcmp(fresh[i - 1].name, id) == 0) || find(known, n_known, id) != NULL)
			continue;
		if (read_custom_id(rows, n_rows, id, &row, &k))
			add_pass(plan, row, k, mem_strdup(id));
		else
			note_unknown(plan, id);
	}
	free(fresh);
	free(known);
	free(rows);
}

/* The last line of a custom_id holds. */
static void place_answers(struct stage_plan *plan, int stage, const struct finds *finds, bool passes_given)
{
	struct named *sorted = sort_passes(plan);

	for (size_t i = 0; i < finds->n; i++) {
		const struct named *pass = find(sorted, plan->n_passes, finds->at[i].custom_id);

		if (pass != NULL)
			plan->passes[pass->at].answer[stage] = finds->at[i].at;
		else if (passes_given)
			note_unknown(plan, finds->at[i].custom_id);
	}
	free(sorted);
}

/* --- all together ----------------------------------------------------------------------------------------- */

static int by_row(const void *a, const void *b)
{
	const struct stage_pass *x = a, *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	return x->k < y->k ? -1 : x->k > y->k;
}

static int keep_range(const struct stage_input *input, struct stage_plan *plan, struct err *err)
{
	struct range range;
	const char **ids;
	bool *keep;
	size_t n = 0;
	int rc = range_read(input->start, input->end, &range, err);

	if (rc < 0 || range_is_all(&range))
		return rc;
	ids = mem_zero(plan->n_passes + 1, sizeof *ids);
	keep = mem_zero(plan->n_passes + 1, sizeof *keep);
	for (size_t i = 0; i < plan->n_passes; i++)
		ids[i] = plan->passes[i].custom_id;
	range_pick(&range, ids, plan->n_passes, keep);
	for (size_t i = 0; i < plan->n_passes; i++) {
		if (keep[i])
			plan->passes[n++] = plan->passes[i];
		else
			free(plan->passes[i].custom_id);
	}
	plan->n_passes = n;
	free(keep);
	free(ids);
	return 0;
}

static void deal_to_rows(struct stage_plan *plan)
{
	if (plan->n_passes > 0)
		qsort(plan->passes, plan->n_passes, sizeof *plan->passes, by_row);
	for (size_t i = plan->n_passes; i-- > 0;) {
		struct stage_row *row = &plan->rows[plan->passes[i].row];

		row->first = i;
		row->n++;
	}
}

int stage_plan_make(const struct stage_input *input, struct stage_plan *ret, struct err *err)
{
	struct stage_plan plan = { .rows_fd = -1, .answers_fd = { -1, -1 } };
	struct finds finds[2] = { 0 };
	int rc = read_rows(input->dataset, &plan, err);

	if (rc == 0 && input->passk > 0)
		add_all_passes(&plan, input->passk);
	for (int i = 0; rc == 0 && i < 2; i++) {
		if (input->answers[i] == NULL)
			continue;
		rc = read_answers(input->answers[i], &finds[i], err);
		plan.answers_fd[i] = rc == 0 ? open(input->answers[i], O_RDONLY | O_CLOEXEC) : -1;
		if (rc == 0 && plan.answers_fd[i] < 0)
			rc = err_sys(err, BD_EIO, "%s", input->answers[i]);
		if (rc == 0 && input->passk == 0)
			add_found_passes(&plan, &finds[i]);
	}
	for (int i = 0; rc == 0 && i < 2; i++)
		place_answers(&plan, i, &finds[i], input->passk > 0);
	if (rc == 0)
		rc = keep_range(input, &plan, err);
	finds_done(&finds[0]);
	finds_done(&finds[1]);
	if (rc < 0) {
		stage_plan_done(&plan);
		return rc;
	}
	deal_to_rows(&plan);
	*ret = plan;
	return 0;
}

void stage_plan_done(struct stage_plan *plan)
{
	for (size_t i = 0; i < plan->n_rows; i++)
		free(plan->rows[i].instance_id);
	for (size_t i = 0; i < plan->n_passes; i++)
		free(plan->passes[i].custom_id);
	free(plan->rows);
	free(plan->passes);
	free(plan->first_unknown);
	if (plan->rows_fd >= 0)
		close(plan->rows_fd);
	for (int i = 0; i < 2; i++) {
		if (plan->answers_fd[i] >= 0)
			close(plan->answers_fd[i]);
	}
}
