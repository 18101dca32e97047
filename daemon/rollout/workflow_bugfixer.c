/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "sample.h"

/* bugfixer: stage 1 names the files, stage 2 edits them, a pass comes to a patch. */

/* The three parallel lists that the consumers of output_<k>_processed.jsonl read, of the files that changed. */
static void put_changed_files(struct jw *w, const struct edits *edits)
{
	static const char *const names[] = { "original_file_content", "edited_files", "new_file_content" };

	for (int what = 0; what < 3; what++) {
		jw_name(w, names[what]);
		jw_list(w);
		for (size_t i = 0; i < edits->n_changes; i++) {
			const struct change *c = &edits->changes[i];
			struct span values[] = { buf_span(&c->before), span_of(c->path), buf_span(&c->after) };

			if (!c->created && c->before.len == c->after.len &&
			    (c->after.len == 0 || memcmp(c->before.at, c->after.at, c->after.len) == 0))
				continue;
			jw_span(w, values[what]);
		}
		jw_list_end(w);
	}
}

static void write_record(const struct sample_name *name, const struct outcome *o, struct buf *ret)
{
	struct jw w = { .out = ret };

	jw_obj(&w);
	sample_put_head(&w, name, &o->j);
	sample_put_files(&w, "files", &o->files);
	sample_put_edits(&w, &o->edits);
	jw_put_span(&w, "patch", buf_span(&o->patch));
	sample_put_answers(&w, o);
	sample_put_tokens(&w, o->has1 ? &o->a1 : NULL, &o->a2);
	sample_end(&w);
}

static void write_output(const struct sample_name *name, const struct outcome *o, struct buf *ret)
{
	struct jw w = { .out = ret };

	sample_begin_output(&w, name, &o->j);
	jw_put_span(&w, "model_patch", buf_span(&o->patch));
	jw_put_int(&w, "edits", (int64_t)o->edits.n);
	jw_put_int(&w, "edits_applied", (int64_t)edits_applied(&o->edits));
	sample_end(&w);
}

static void write_processed(const struct sample_name *name, const struct outcome *o, struct buf *ret)
{
	struct jw w = { .out = ret };

	jw_obj(&w);
	sample_put_model(&w, name);
	jw_put_str(&w, "instance_id", name->instance_id);
	jw_put_span(&w, "model_patch", buf_span(&o->patch));
	jw_put_span(&w, "raw_model_patch", buf_span(&o->patch));
	put_changed_files(&w, &o->edits);
	sample_end(&w);
}

static int bugfixer_sample(struct instance *in, int64_t k, const char *custom_id,
                           struct span line1, struct span line2, struct sample *ret, struct err *err)
{
	struct sample_name name = { in->row.instance_id, custom_id, in->r->workflow->name,
	                           in->r->p.model_name, k };
	struct outcome o;
	struct sample s = { 0 };
	int rc = outcome_read(in, line1, line2, &o, err);

	if (rc < 0)
		return rc;
	s.judgement = o.j;
	write_record(&name, &o, &s.record);
	if (o.j.usable) {
		buf_add_span(&s.product, buf_span(&o.patch));
		write_output(&name, &o, &s.output);
		write_processed(&name, &o, &s.processed);
	}
	outcome_done(&o);
	*ret = s;
	return 0;
}

const struct workflow workflow_bugfixer = {
	.name = "bugfixer",
	.stages = 2,
	.prompted = true,
	.max_files = 5,
	.product_suffix = ".patch",
	.processed_suffix = "_processed.jsonl",
	.open = prompted_open,
	.request = prompted_request,
	.check = prompted_check,
	.sample = bugfixer_sample,
};
