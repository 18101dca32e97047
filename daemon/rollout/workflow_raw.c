/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "sample.h"

/* raw: the rows are requests already; one stage, and a pass comes to what was answered. */

static int raw_open(struct instance *in, struct err *err)
{
	struct json *row = NULL;
	int rc = json_parse(in->line.at, in->line.len, &row, err);

	if (rc < 0)
		return err_prefix(err, "request: ");
	if (json_get_str(row, "custom_id") == NULL || !json_is_obj(json_get(row, "body")))
		rc = err_set(err, BD_EINVALID, "request: custom_id or body is missing");
	else
		in->id = mem_strdup(json_get_str(row, "custom_id"));
	json_free(row);
	return rc;
}

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

/*
 * The row as it is, byte for byte, but for the value of custom_id; what a Batch API wants besides and the row
 * lacks comes behind its last member.
 */
static void splice_request(struct span row, const struct raw_members *m, const char *custom_id,
                           const char *line_url,
                           struct buf *ret)
{
	static const char *const wanted[] = { "method", "url" };
	const char *values[] = { "POST", line_url };
	const char *from = row.at, *end = row.at + object_end(row);
	struct jw w = { .out = ret, .comma = true };
	bool there[] = { false, false };

	for (size_t i = 0; i < m->n; i++) {
		for (int n = 0; n < 2; n++)
			there[n] = there[n] || strcmp(m->at[i].name, wanted[n]) == 0;
		if (strcmp(m->at[i].name, "custom_id") != 0)
			continue;
		buf_add(ret, from, (size_t)(m->at[i].value.at - from));
		buf_add_char(ret, '"');
		json_escape(ret, custom_id, strlen(custom_id));
		buf_add_char(ret, '"');
		from = m->at[i].value.at + m->at[i].value.len;
	}
	buf_add(ret, from, (size_t)(end - 1 - from));
	for (int n = 0; n < 2; n++) {
		if (!there[n])
			jw_put_str(&w, wanted[n], values[n]);
	}
	buf_add_str(ret, "}\n");
}

static int raw_request(struct instance *in, int stage, int64_t k, const char *custom_id,
                       struct span previous, struct buf *ret, struct err *err)
{
	struct span row = json_object_text(in->line);
	struct raw_members m = { 0 };
	struct buf flat = { 0 };
	int rc;

	(void)stage;
	(void)k;
	(void)previous;
	if (row.len > 0 && (memchr(row.at, '\n', row.len) != NULL || memchr(row.at, '\r', row.len) != NULL)) {
		raw_value_print(row, &flat);            /* written over several lines */
		row = buf_span(&flat);
	}
	rc = raw_members_read(row, "request", &m, err);
	if (rc == 0)
		splice_request(row, &m, custom_id, in->r->p.line_url, ret);
	raw_members_done(&m);
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
	struct answer a;

	(void)line2;
	(void)err;
	raw_judge(line1, &a, &s.judgement);
	name = (struct sample_name){ in->id, custom_id, in->r->workflow->name, a.model, k };
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
