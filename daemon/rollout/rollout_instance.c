/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "mem.h"
#include "python_tests.h"
#include "rollout_priv.h"

#define CANDIDATES_MAX 5                /* files of an answer that are looked into */

void judge(struct judgement *j, enum answer_fault fault, const char *fmt, ...)
{
	va_list ap;

	j->fault = fault;
	j->usable = false;
	va_start(ap, fmt);
	vsnprintf(j->details, sizeof j->details, fmt, ap);
	va_end(ap);
}

/* --- open and close ------------------------------------------------------------------------ */

/* text without the CR of each CRLF. */
static void add_without_cr(struct buf *ret, struct span text)
{
	const char *run = text.at, *end = text.at + text.len, *cr = run;

	while (cr < end && (cr = memchr(cr, '\r', (size_t)(end - cr))) != NULL) {
		if (cr + 1 < end && cr[1] == '\n') {
			buf_add(ret, run, (size_t)(cr - run));
			run = cr + 1;
		}
		cr++;
	}
	buf_add(ret, run, (size_t)(end - run));
}

static void escape_problem(struct instance *in)
{
	struct span text = span_of(in->row.problem_statement);
	struct buf plain = { 0 };

	if (in->r->p.convert_crlf) {
		add_without_cr(&plain, text);
		text = buf_span(&plain);
	}
	json_escape(&in->problem, text.at, text.len);
	buf_done(&plain);
}

/* Without a Python file nothing can be asked about a repository: a model would be paid for an empty tree. */
static int check_python(struct repo *repo, const char *where, struct err *err)
{
	for (size_t i = 0; i < repo_count(repo); i++)
		if (span_ends(span_of(repo_path(repo, i)), ".py"))
			return 0;
	return err_set(err, BD_EINVALID, "%.400s has no Python file", where);
}

int prompted_open(struct instance *in, struct err *err)
{
	const struct rollout_params *p = &in->r->p;
	int rc = instance_row_read(in->line, &in->row, err);

	if (rc < 0)
		return rc;
	if (p->repo_mirrors != NULL) {
		rc = repo_open_mirror_in(p->roots, p->repo_mirrors, in->row.repo, in->row.base_commit, &in->repo, err);
		if (rc == 0)
			rc = check_python(in->repo, in->row.base_commit, err);
	} else {
		char *file = mem_printf("%s/%s.json", p->repostructure_dir, in->row.instance_id);
		char *sidecar = in->sidecar_dir == NULL ? NULL :
		                mem_printf("%s/%s.index", in->sidecar_dir, in->row.instance_id);

		rc = repo_open_structure_in(p->roots, file, in->row.repo, sidecar, &in->repo, err);
		if (rc == 0)
			rc = check_python(in->repo, file, err);
		free(file);
		free(sidecar);
	}
	if (rc < 0) {
		repo_close(in->repo);
		in->repo = NULL;
		instance_row_done(&in->row);
	} else {
		escape_problem(in);
	}
	return rc;
}

int instance_open(const struct rollout *r, struct span row, const char *sidecar_dir,
                  struct instance **ret, struct err *err)
{
	struct instance *in = MEM_NEW(struct instance);
	int rc;

	in->r = r;
	in->line = row;
	in->sidecar_dir = sidecar_dir;
	rc = r->workflow->open(in, err);
	in->sidecar_dir = NULL;
	if (rc < 0)
		free(in);
	else
		*ret = in;
	return rc;
}

void instance_close(struct instance *in)
{
	if (in == NULL)
		return;
	for (size_t i = 0; i < in->n_sections; i++) {
		free(in->sections[i].path);
		buf_done(&in->sections[i].escaped);
	}
	free(in->sections);
	buf_done(&in->problem);
	buf_done(&in->structure);
	buf_done(&in->prompt1);
	if (in->repo != NULL) {
		repo_close(in->repo);
		instance_row_done(&in->row);
	}
	free(in);
}

struct repo_cost instance_cost(const struct instance *in)
{
	return in->repo != NULL ? repo_cost(in->repo) : (struct repo_cost){ 0 };
}

/* --- {content} -------------------------------------------------------------------------------- */

/* The longest run of backticks in text. */
static size_t longest_ticks(struct span text)
{
	const char *p = text.at, *end = p + text.len;
	size_t longest = 0;

	while (p < end && (p = memchr(p, '`', (size_t)(end - p))) != NULL) {
		const char *from = p;

		while (p < end && *p == '`')
			p++;
		longest = (size_t)(p - from) > longest ? (size_t)(p - from) : longest;
	}
	return longest;
}

/* "### path", then the file in a fence that nothing in it can close.  CRLF is shown as LF. */
static void write_section(const char *path, struct span text, struct buf *escaped)
{
	size_t ticks = longest_ticks(text);
	struct buf b = { 0 };

	buf_printf(&b, "### %s\n", path);
	ticks = ticks < 3 ? 3 : ticks + 1;
	for (size_t i = 0; i < ticks; i++)
		buf_add_char(&b, '`');
	buf_add_str(&b, span_ends(span_of(path), ".py") ? "python\n" : "\n");
	add_without_cr(&b, text);
	if (text.len > 0 && text.at[text.len - 1] != '\n')
		buf_add_char(&b, '\n');
	for (size_t i = 0; i < ticks; i++)
		buf_add_char(&b, '`');
	buf_add_char(&b, '\n');
	json_escape(escaped, b.at, b.len);
	buf_done(&b);
}

/* The file as {content} shows it, from the cache or the repo. */
static int section_get(struct instance *in, const char *path, const struct section **ret, struct err *err)
{
	struct buf text = { 0 };
	struct section *s;
	int rc;

	for (size_t i = 0; i < in->n_sections; i++) {
		if (strcmp(in->sections[i].path, path) == 0) {
			*ret = &in->sections[i];
			return 0;
		}
	}
	rc = repo_read(in->repo, path, &text, err);
	if (rc < 0 && rc != BD_ENOTFOUND)
		return rc;
	in->sections = mem_grow(in->sections, in->n_sections + 1, sizeof *in->sections);
	s = &in->sections[in->n_sections++];
	*s = (struct section){ .path = mem_strdup(path), .there = rc == 0 };
	if (s->there)
		write_section(path, buf_span(&text), &s->escaped);
	buf_done(&text);
	*ret = s;
	return 0;
}

/* --- stage 1's answer --------------------------------------------------------------------------- */

/* Drop the files that have no text: in a structure only Python files have one. */
static int keep_readable(struct instance *in, struct paths *files, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < files->n; i++) {
		char *path = files->at[i];
		bool there = span_ends(span_of(path), ".py");

		if (!there) {
			const struct section *s;
			int rc = section_get(in, path, &s, err);

			if (rc < 0)
				return rc;
			there = s->there;
		}
		files->at[i] = NULL;
		if (there)
			files->at[n++] = path;
		else
			free(path);
	}
	files->n = n;
	return 0;
}

static int holds_tests(struct instance *in, const char *path, bool *ret, struct err *err)
{
	struct paths tests = { 0 };
	struct buf content = { 0 };
	int rc = 0;

	*ret = false;
	if (span_ends(span_of(path), ".py"))
		rc = repo_read(in->repo, path, &content, err);
	if (rc == 0 && content.len > 0 &&
	    py_tests_changed((struct span){ "", 0 }, buf_span(&content), &tests, NULL) == 0)
		*ret = tests.n > 0;
	paths_done(&tests);
	buf_done(&content);
	return rc == BD_ENOTFOUND ? 0 : rc;
}

/* Leave the i-th alone. */
static void keep_one(struct paths *files, size_t i)
{
	char *kept = files->at[i];

	files->at[i] = files->at[0];
	files->at[0] = kept;
	while (files->n > 1)
		free(files->at[--files->n]);
}

/*
 * The one test file of an answer: of those it names that bear the name of a test, the first that holds test functions
 * (tests/models.py and conftest.py do not); else, as a test file may bear any name, the first of all that holds
 * some; else the first by name.
 */
static int find_test(struct instance *in, const char *text, struct paths *ret, struct err *err)
{
	struct paths named[2] = { 0 };
	bool found = false;
	int rc = 0;

	for (int any = 0; rc == 0 && !found && any < 2; any++) {
		answer_files(text, in->repo, CANDIDATES_MAX, any == 0, &named[any]);
		for (size_t i = 0; rc == 0 && !found && i < named[any].n; i++) {
			rc = holds_tests(in, named[any].at[i], &found, err);
			if (found)
				keep_one(&named[any], i);
		}
		if (found && any == 1) {
			struct paths by_name = named[0];

			named[0] = named[1];
			named[1] = by_name;
		}
	}
	if (rc == 0 && !found && named[0].n > 0)
		keep_one(&named[0], 0);
	if (rc == 0)
		*ret = named[0];
	else
		paths_done(&named[0]);
	paths_done(&named[1]);
	return rc;
}

int prompted_files(struct instance *in, const struct answer *a, struct paths *ret,
                   struct judgement *ret_judged, struct err *err)
{
	const struct workflow *w = in->r->workflow;
	struct judgement j = { .usable = true };
	struct paths files = { 0 };
	int rc = 0;

	if (a->fault != ANSWER_NONE) {
		judge(&j, a->fault, "stage 1: %s",
		      a->finish_reason[0] != '\0' ? a->finish_reason : "no finish_reason");
	} else {
		if (w->tests_only)
			rc = find_test(in, a->text, &files, err);
		else
			answer_files(a->text, in->repo, w->max_files, false, &files);
		if (rc == 0)
			rc = keep_readable(in, &files, err);
		if (rc == 0 && files.n == 0)
			judge(&j, a->truncated ? ANSWER_TRUNCATED : ANSWER_NO_FILE,
			      "stage 1: names no %sfile of the repository",
			      w->tests_only ? "test " : "");
	}
	if (rc < 0) {
		paths_done(&files);
		return rc;
	}
	*ret = files;
	*ret_judged = j;
	return 0;
}

int prompted_check(struct instance *in, struct span line, struct judgement *ret, struct err *err)
{
	struct paths files = { 0 };
	struct answer a = { 0 };
	int rc;

	answer_read(line, &a);
	rc = prompted_files(in, &a, &files, ret, err);
	paths_done(&files);
	answer_done(&a);
	return rc;
}

int instance_check(struct instance *in, int stage, struct span line, struct judgement *ret, struct err *err)
{
	if (stage != 1)
		return err_set(err, BD_EINVALID, "stage %d: its answers are judged with the sample", stage);
	return in->r->workflow->check(in, line, ret, err);
}

/* --- requests --------------------------------------------------------------------------------------- */

/* {structure}, where the template wants it. */
static struct span structure_for(struct instance *in, const struct prompt *p)
{
	if ((p->slots & PROMPT_BIT(PROMPT_STRUCTURE)) != 0 && in->structure.len == 0) {
		struct buf listing = { 0 };

		repo_listing(in->repo, in->r->workflow->with_tests, &listing);
		json_escape(&in->structure, listing.at, listing.len);
		buf_done(&listing);
	}
	return buf_span(&in->structure);
}

static void request_stage1(struct instance *in, int64_t k, const char *custom_id, struct buf *ret)
{
	const struct prompt *p = &in->r->prompts[0];

	if (in->prompt1.len == 0) {
		struct span values[PROMPT_SLOTS] = {
			[PROMPT_PROBLEM] = buf_span(&in->problem),
			[PROMPT_STRUCTURE] = structure_for(in, p),
		};

		prompt_fill(p, values, &in->prompt1);
	}
	request_begin(&in->r->frame, custom_id, ret);
	buf_add_span(ret, buf_span(&in->prompt1));
	request_end(&in->r->frame, k, ret);
}

static int content_of(struct instance *in, const struct paths *files, struct buf *ret, struct err *err)
{
	for (size_t i = 0; i < files->n; i++) {
		const struct section *s = NULL;
		int rc = section_get(in, files->at[i], &s, err);

		if (rc < 0)
			return rc;
		if (i > 0)
			buf_add_str(ret, "\\n");
		buf_add_span(ret, buf_span(&s->escaped));
	}
	return 0;
}

static int request_stage2(struct instance *in, int64_t k, const char *custom_id,
                          struct span previous, struct buf *ret, struct err *err)
{
	const struct prompt *p = &in->r->prompts[1];
	struct judgement j = { 0 };
	struct paths files = { 0 };
	struct buf content = { 0 };
	struct answer a = { 0 };
	int rc;

	answer_read(previous, &a);
	rc = prompted_files(in, &a, &files, &j, err);
	if (rc == 0 && !j.usable)
		rc = err_set(err, BD_EINVALID, "%s: %s", answer_fault_word(j.fault), j.details);
	if (rc == 0)
		rc = content_of(in, &files, &content, err);
	if (rc == 0) {
		struct span values[PROMPT_SLOTS] = {
			[PROMPT_PROBLEM] = buf_span(&in->problem),
			[PROMPT_STRUCTURE] = structure_for(in, p),
			[PROMPT_CONTENT] = buf_span(&content),
		};

		request_begin(&in->r->frame, custom_id, ret);
		prompt_fill(p, values, ret);
		request_end(&in->r->frame, k, ret);
	}
	buf_done(&content);
	paths_done(&files);
	answer_done(&a);
	return rc;
}

int prompted_request(struct instance *in, int stage, int64_t k, const char *custom_id,
                     struct span previous, struct buf *ret, struct err *err)
{
	if (stage == 2)
		return request_stage2(in, k, custom_id, previous, ret, err);
	request_stage1(in, k, custom_id, ret);
	return 0;
}

int instance_request(struct instance *in, int stage, int64_t k, const char *custom_id,
                     struct span previous, struct buf *ret, struct err *err)
{
	if (stage < 1 || stage > in->r->workflow->stages)
		return err_set(err, BD_EINVALID, "workflow %s has no stage %d", in->r->workflow->name, stage);
	return in->r->workflow->request(in, stage, k, custom_id, previous, ret, err);
}

int instance_sample(struct instance *in, int64_t k, const char *custom_id,
                    struct span line1, struct span line2, struct sample *ret, struct err *err)
{
	return in->r->workflow->sample(in, k, custom_id, line1, line2, ret, err);
}
