/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "sample.h"
#include "scan.h"
#include "scan_walk.h"

/* raw: the rows are requests already; one stage, and a pass comes to what was answered. */

/* From the object's brace on: a mark of the byte order may stand in front. */
static struct span json_object_text(struct span line)
{
	const char *brace = line.len > 0 ? memchr(line.at, '{', line.len) : NULL;

	return brace == NULL ? line : span_trim((struct span){ brace, line.len - (size_t)(brace - line.at) });
}

/* Up to and with the brace that closes the object. */
static size_t object_end(struct span text)
{
	size_t end = text.len;

	while (end > 0 && text.at[end - 1] != '}')
		end--;
	return end;
}

/* What of a row is looked at; the values as they stand, strings with their quotes. */
struct raw_row {
	struct span id, body;
	bool method, url;
};

static bool on_member(void *data, struct scan_walk *w, struct span name)
{
	struct raw_row *r = data;

	if (scan_name_is(name, "custom_id"))
		return scan_walk_value(w, &r->id);
	if (scan_name_is(name, "body"))
		return scan_walk_value(w, &r->body);
	r->method = r->method || scan_name_is(name, "method");
	r->url = r->url || scan_name_is(name, "url");
	return scan_walk_value(w, NULL);
}

/* The rows were checked when they came in (dataset_row.c); this is no second opinion. */
static int raw_row_read(struct span row, struct raw_row *ret, struct err *err)
{
	struct scan_walk w = { .p = row.at, .end = row.at + row.len };
	struct raw_row r = { 0 };

	if (!scan_walk_object(&w, on_member, &r) || !scan_walk_end(&w))
		return err_set(err, BD_EINVALID, "request: not JSON at byte %zu: %s", (size_t)(w.p - row.at) + 1,
		               w.why != NULL ? w.why : "no object");
	if (r.id.len < 2 || r.id.at[0] != '"' || r.body.len == 0 || r.body.at[0] != '{')
		return err_set(err, BD_EINVALID, "request: custom_id or body is missing");
	*ret = r;
	return 0;
}

static int raw_open(struct instance *in, struct err *err)
{
	(void)in;
	(void)err;
	return 0;                               /* what it needs of the row it looks up when it is needed */
}

/*
 * The row as it is, byte for byte, but for the value of custom_id; what a Batch API wants besides and the row
 * lacks comes behind its last member.
 */
static void splice_request(struct span row, const struct raw_row *r, const char *custom_id, const char *line_url,
                           struct buf *ret)
{
	const char *behind = r->id.at + r->id.len, *end = row.at + object_end(row) - 1;
	struct jw w = { .out = ret, .comma = true };

	buf_add(ret, row.at, (size_t)(r->id.at - row.at));
	buf_add_char(ret, '"');
	json_escape(ret, custom_id, strlen(custom_id));
	buf_add_char(ret, '"');
	buf_add(ret, behind, (size_t)(end - behind));
	if (!r->method)
		jw_put_str(&w, "method", "POST");
	if (!r->url)
		jw_put_str(&w, "url", line_url);
	buf_add_str(ret, "}\n");
}

static int raw_request(struct instance *in, int stage, int64_t k, const char *custom_id,
                       struct span previous, struct buf *ret, struct err *err)
{
	struct span row = json_object_text(in->line);
	struct raw_row r;
	struct buf flat = { 0 };
	int rc;

	(void)stage;
	(void)k;
	(void)previous;
	if (row.len > 0 && (memchr(row.at, '\n', row.len) != NULL || memchr(row.at, '\r', row.len) != NULL)) {
		raw_value_print(row, &flat);            /* written over several lines */
		row = buf_span(&flat);
	}
	rc = raw_row_read(row, &r, err);
	if (rc == 0)
		splice_request(row, &r, custom_id, in->r->p.line_url, ret);
	buf_done(&flat);
	return rc;
}

/*
 * What the output line is worth.  A request to another url than that of chat is answered without choices: a body
 * that is an object is good enough then.
 */
static void raw_judge(struct span line, struct answer *ret_answer, struct judgement *ret)
{
	struct judgement j = { .usable = true };

	answer_read(line, ret_answer);
	if (ret_answer->fault == ANSWER_NO_ANSWER) {
		struct json *v = NULL;
		const struct json *body;

		if (json_parse(line.at, line.len, &v, NULL) == 0) {
			body = json_get(json_get(v, "response"), "body");
			if (json_is_obj(body) && json_get(body, "choices") == NULL && json_is_null(json_get(body, "error")))
				ret_answer->fault = ANSWER_NONE;
			json_free(v);
		}
	}
	if (ret_answer->fault != ANSWER_NONE)
		judge(&j, ret_answer->fault, "%s",
		      ret_answer->finish_reason[0] != '\0' ? ret_answer->finish_reason : "no finish_reason");
	*ret = j;
}

static int raw_check(struct instance *in, struct span line, struct judgement *ret, struct err *err)
{
	struct answer a;

	(void)in;
	(void)err;
	raw_judge(line, &a, ret);
	answer_done(&a);
	return 0;
}

static int raw_sample(struct instance *in, int64_t k, const char *custom_id,
                      struct span line1, struct span line2, struct sample *ret, struct err *err)
{
	struct sample s = { 0 };
	struct jw w = { .out = &s.record }, o = { .out = &s.output };
	struct sample_name name;
	struct raw_row r;
	struct buf id = { 0 };
	struct answer a;
	int rc = raw_row_read(json_object_text(in->line), &r, err);

	(void)line2;
	if (rc < 0)
		return rc;
	if (!scan_unescape(r.id.at + 1, r.id.len - 2, &id))
		buf_add(&id, r.id.at + 1, r.id.len - 2);
	raw_judge(line1, &a, &s.judgement);
	name = (struct sample_name){ buf_str(&id), custom_id, in->r->workflow->name, a.model, k };
	jw_obj(&w);
	sample_put_head(&w, &name, &s.judgement);
	jw_name(&w, "answers");
	jw_list(&w);
	sample_put_answer(&w, 1, &a);
	jw_list_end(&w);
	sample_put_tokens(&w, &a, NULL);
	if (a.fault != ANSWER_MALFORMED) {              /* it is JSON: keep all of it */
		jw_name(&w, "output");
		raw_value_print(json_object_text(line1), &s.record);
		w.comma = true;
	}
	sample_end(&w);
	if (s.judgement.usable) {
		sample_begin_output(&o, &name, &s.judgement);
		jw_put_str(&o, "content", a.content);
		jw_put_str(&o, "finish_reason", a.finish_reason);
		sample_end(&o);
	}
	answer_done(&a);
	buf_done(&id);
	*ret = s;
	return 0;
}

const struct workflow workflow_raw = {
	.name = "raw",
	.stages = 1,
	.open = raw_open,
	.request = raw_request,
	.check = raw_check,
	.sample = raw_sample,
};
