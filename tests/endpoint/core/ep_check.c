/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ep_int.h"
#include "ep_io.h"
#include "ep_scan.h"
#include "mem.h"

enum { ERRORS_MAX = 20 };       /* shown; a file can have more */

struct check {
	struct ep *ep;
	struct ep_batch *b;
	struct buf errors, text, model;
	int nerrors;
	uint64_t *ids;          /* hashes of the custom_ids, open addressing; 0: free */
	size_t nids, cap;
};

void batch_add_error(struct buf *errors, const char *code, const char *message, const char *param, int64_t line)
{
	struct jw w = { .out = errors };

	buf_add_char(errors, errors->len == 0 ? '[' : ',');
	jw_obj(&w);
	jw_put_str(&w, "code", code);
	jw_put_str(&w, "message", message);
	jw_put_str(&w, "param", param);
	jw_name(&w, "line");
	if (line > 0)
		jw_int(&w, line);
	else
		jw_null(&w);
	jw_obj_end(&w);
}

static void complain(struct check *k, const char *code, const char *message, const char *param, int64_t line)
{
	if (k->nerrors++ < ERRORS_MAX)
		batch_add_error(&k->errors, code, message, param, line);
}

/* False if it was there already. */
static bool ids_add(struct check *k, struct span id)
{
	uint64_t h = ep_hash(id.at, id.len, 1) | 1;

	if (2 * (k->nids + 1) > k->cap) {
		uint64_t *old = k->ids;
		size_t cap = k->cap;

		k->cap = cap > 0 ? 2 * cap : 1024;
		k->ids = mem_zero(k->cap, sizeof *k->ids);
		for (size_t i = 0; i < cap; i++) {
			size_t at = (size_t)(old[i] >> 8) & (k->cap - 1);

			if (old[i] == 0)
				continue;
			while (k->ids[at] != 0)
				at = (at + 1) & (k->cap - 1);
			k->ids[at] = old[i];
		}
		free(old);
	}
	size_t at = (size_t)(h >> 8) & (k->cap - 1);

	while (k->ids[at] != 0 && k->ids[at] != h)
		at = (at + 1) & (k->cap - 1);
	if (k->ids[at] == h)
		return false;
	k->ids[at] = h;
	k->nids++;
	return true;
}

static void check_body(struct check *k, struct span body, int64_t no)
{
	static const char *const names[] = { "model", "stream" };
	struct span got[2], model;

	if (body.at == NULL || body.at[0] != '{') {
		complain(k, "invalid_request", "The body must be an object.", "body", no);
		return;
	}
	scan_get(body, names, 2, got);
	model = scan_text(got[0], &k->text);
	if (model.at == NULL)
		complain(k, "invalid_request", "The body has no model.", "body.model", no);
	else if (k->model.len == 0)
		buf_add_span(&k->model, model);
	else if (model.len != k->model.len || memcmp(model.at, k->model.at, model.len) != 0)
		complain(k, "model_mismatch", "The provided model does not match the model of the other requests of the batch.",
		         "body.model", no);
	if (span_is(got[1], "true"))
		complain(k, "streaming_unsupported", "Streaming is not supported in batches.", "body.stream", no);
}

static void check_line(struct check *k, struct span line, int64_t no)
{
	static const char *const names[] = { "custom_id", "method", "url", "body" };
	struct span got[4], id, text;

	if (!scan_valid(line)) {
		complain(k, "invalid_json_line", "This line is not parseable as valid JSON.", NULL, no);
		return;
	}
	scan_get(line, names, 4, got);
	id = scan_text(got[0], &k->text);
	if (id.at == NULL || id.len == 0)
		complain(k, "missing_required_parameter", "The request has no custom_id.", "custom_id", no);
	else if (!ids_add(k, id))
		complain(k, "duplicate_custom_id", "The custom_id for this request is a duplicate of another request.",
		         "custom_id", no);
	text = scan_text(got[1], &k->text);
	if (text.at == NULL || !span_is(text, "POST"))
		complain(k, "invalid_method", "The method must be POST.", "method", no);
	text = scan_text(got[2], &k->text);
	if (text.at == NULL || !span_is(text, k->b->endpoint))
		complain(k, "url_mismatch", "The URL provided for this request does not match the batch endpoint.", "url", no);
	check_body(k, got[3], no);
}

static void check_file(struct check *k, const struct ep_file *f)
{
	struct ep_lines lines;
	struct span line;
	char *path = file_path(k->ep, f);

	if (f->bytes > k->ep->opt.max_bytes) {
		complain(k, "input_file_too_large", "The input file is larger than allowed.", NULL, -1);
	} else if (!ep_lines_open(&lines, path)) {
		complain(k, "input_file_not_found", "The input file cannot be read.", "input_file_id", -1);
	} else {
		while (ep_lines_next(&lines, &line))
			check_line(k, line, lines.line_no);
		if (lines.line_no == 0)
			complain(k, "empty_file", "The input file is empty. Please ensure that the batch contains at least one "
			         "request.", NULL, -1);
		if (lines.line_no > k->ep->opt.max_requests)
			complain(k, "too_many_tasks", "The batch contains more requests than allowed.", NULL, -1);
		k->b->total = lines.line_no;
		ep_lines_close(&lines);
	}
	free(path);
}

bool batch_check(struct ep *ep, struct ep_batch *b)
{
	struct check k = { .ep = ep, .b = b };
	const struct ep_file *f = file_find(ep, b->input_file_id);

	if (f == NULL)
		complain(&k, "input_file_not_found", "The input file does not exist any more.", "input_file_id", -1);
	else
		check_file(&k, f);
	if (k.nerrors > 0) {
		buf_add_char(&k.errors, ']');
		b->errors = buf_take_str(&k.errors);
	} else {
		free(b->model);
		b->model = buf_take_str(&k.model);
	}
	buf_done(&k.text);
	buf_done(&k.model);
	buf_done(&k.errors);
	free(k.ids);
	return k.nerrors == 0;
}
