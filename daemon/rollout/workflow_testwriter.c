/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "python_tests.h"
#include "sample.h"
#include "script.h"

/* testwriter: stage 1 names a test file, stage 2 edits it, a pass comes to a script that reproduces the issue. */

struct testing {
	const struct change *file;      /* the edited test file; of the outcome */
	struct paths tests;             /* that the edits added or changed */
	struct buf script;
	struct buf raw_patch;           /* the diff of the test file */
	struct buf patch;               /* the diff that adds the script */
};

static void testing_done(struct testing *t)
{
	paths_done(&t->tests);
	buf_done(&t->script);
	buf_done(&t->raw_patch);
	buf_done(&t->patch);
}

static bool differs(const struct change *c)
{
	return c->before.len != c->after.len || (c->after.len > 0 && memcmp(c->before.at, c->after.at, c->after.len) != 0);
}

/* Is it an edited test file, by what stage 1 named (first) or by its name? */
static bool is_candidate(const struct outcome *o, const struct change *c, bool first)
{
	bool named = o->files.n > 0 && strcmp(c->path, o->files.at[0]) == 0;

	return differs(c) && span_ends(span_of(c->path), ".py") && (first ? named : !named && path_is_test(c->path));
}

/*
 * The edited test file and its tests: the one that stage 1 named, or the first other one, of which the edits add or
 * change a test.  When there is none, t->file is an edited test file without one, or NULL.  BD_EINVALID: it is no Python.
 */
static int find_edited_test(const struct outcome *o, struct testing *t, struct err *err)
{
	for (int first = 1; first >= 0; first--) {
		for (size_t i = 0; i < o->edits.n_changes; i++) {
			const struct change *c = &o->edits.changes[i];
			int rc;

			if (!is_candidate(o, c, first == 1))
				continue;
			t->file = t->file != NULL ? t->file : c;
			rc = py_tests_changed(buf_span(&c->before), buf_span(&c->after), &t->tests, err);
			if (rc < 0 || t->tests.n > 0) {
				t->file = c;
				return rc;
			}
		}
	}
	return 0;
}

/* The patch that adds the script, or puts it over one that the repository has. */
static int print_script_patch(struct instance *in, struct testing *t, struct err *err)
{
	char name[] = SCRIPT_NAME;
	struct change c = { .path = name, .created = !repo_has(in->repo, name), .after = t->script };
	int rc = c.created ? 0 : repo_read(in->repo, name, &c.before, err);

	if (rc == 0)
		rc = patch_print(&c, 1, &t->patch, err);
	buf_done(&c.before);
	return rc;
}

/* From the edited file to the script; what makes it of no use goes into o->j. */
static int make_script(struct instance *in, struct outcome *o, struct testing *t, struct err *err)
{
	struct err why = { 0 };
	struct package package = { 0 };
	struct paths plugins = { 0 };
	int rc;

	if (find_edited_test(o, t, &why) < 0) {
		judge(&o->j, ANSWER_BAD_PYTHON, "stage 2: %.120s, %.110s", t->file->path, why.msg);
	} else if (t->file == NULL) {
		judge(&o->j, ANSWER_NO_TEST, "stage 2: the edits change no test file");
		return 0;
	} else if (t->tests.n == 0) {
		judge(&o->j, ANSWER_NO_TEST, "stage 2: the edits of %.150s add or change no test function", t->file->path);
	}
	rc = patch_print(t->file, 1, &t->raw_patch, err);
	if (rc < 0 || !o->j.usable)
		return rc;
	package_of(in->repo, t->file->path, &package);
	script_plugins(in->repo, t->file->path, &plugins);
	if (script_build(buf_span(&t->file->after), &package, &t->tests, &plugins, &t->script, &why) < 0)
		judge(&o->j, ANSWER_BAD_PYTHON, "stage 2: %.120s, %.110s", t->file->path, why.msg);
	else
		rc = print_script_patch(in, t, err);
	package_done(&package);
	paths_done(&plugins);
	return rc;
}

/* --- writing ------------------------------------------------------------------------------------ */

/* The names without their classes, with commas between them. */
static char *function_names(const struct paths *tests)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < tests->n; i++) {
		const char *dot = strrchr(tests->at[i], '.');

		buf_printf(&b, "%s%s", i > 0 ? "," : "", dot != NULL ? dot + 1 : tests->at[i]);
	}
	buf_add(&b, "", 0);
	return buf_take_str(&b);
}

static void write_record(const struct sample_name *name, const struct outcome *o, const struct testing *t,
                         struct buf *ret)
{
	struct jw w = { .out = ret };

	jw_obj(&w);
	sample_put_head(&w, name, &o->j);
	sample_put_files(&w, "files", &o->files);
	jw_put_str(&w, "test_file", t->file != NULL ? t->file->path : NULL);
	sample_put_files(&w, "test_functions", &t->tests);
	sample_put_edits(&w, &o->edits);
	jw_put_span(&w, "raw_test_patch", buf_span(&t->raw_patch));
	jw_put_span(&w, "test_patch", buf_span(&t->patch));
	jw_put_span(&w, "script", buf_span(&t->script));
	sample_put_answers(&w, o);
	sample_put_tokens(&w, o->has1 ? &o->a1 : NULL, &o->a2);
	sample_end(&w);
}

static void write_output(const struct sample_name *name, const struct outcome *o, const struct testing *t,
                         struct buf *ret)
{
	char *functions = function_names(&t->tests);
	struct jw w = { .out = ret };

	sample_begin_output(&w, name, &o->j);
	jw_put_span(&w, "test_patch", buf_span(&t->patch));
	jw_put_span(&w, "raw_test_patch", buf_span(&t->raw_patch));
	jw_put_str(&w, "test_file", t->file->path);
	jw_put_str(&w, "test_func_name", functions);
	jw_put_int(&w, "edits", (int64_t)o->edits.n);
	jw_put_int(&w, "edits_applied", (int64_t)edits_applied(&o->edits));
	sample_end(&w);
	free(functions);
}

static void write_processed(const struct sample_name *name, const struct testing *t, struct buf *ret)
{
	char *functions = function_names(&t->tests);
	struct jw w = { .out = ret };

	jw_obj(&w);
	sample_put_model(&w, name);
	jw_put_str(&w, "instance_id", name->instance_id);
	jw_put_span(&w, "test_patch", buf_span(&t->patch));
	jw_put_span(&w, "raw_test_patch", buf_span(&t->raw_patch));
	jw_put_str(&w, "test_func_name", functions);
	jw_put_span(&w, "original_file_content", buf_span(&t->file->before));
	sample_end(&w);
	free(functions);
}

static int testwriter_sample(struct instance *in, int64_t k, const char *custom_id,
                             struct span line1, struct span line2, struct sample *ret, struct err *err)
{
	struct sample_name name = { in->row.instance_id, custom_id, in->r->workflow->name,
	                           in->r->p.model_name, k };
	struct testing t = { 0 };
	struct outcome o;
	struct sample s = { 0 };
	int rc = outcome_read(in, line1, line2, &o, err);

	if (rc < 0)
		return rc;
	if (o.j.usable)
		rc = make_script(in, &o, &t, err);
	if (rc == 0) {
		s.judgement = o.j;
		write_record(&name, &o, &t, &s.record);
		if (o.j.usable) {
			buf_add_span(&s.product, buf_span(&t.script));
			write_output(&name, &o, &t, &s.output);
			write_processed(&name, &t, &s.processed);
		}
		*ret = s;
	}
	testing_done(&t);
	outcome_done(&o);
	return rc;
}

const struct workflow workflow_testwriter = {
	.name = "testwriter",
	.stages = 2,
	.prompted = true,
	.with_tests = true,
	.tests_only = true,
	.product_suffix = ".py",
	.processed_suffix = "_processed_reproduction_test.jsonl",
	.open = prompted_open,
	.request = prompted_request,
	.check = prompted_check,
	.sample = testwriter_sample,
};
