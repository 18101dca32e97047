/* SPDX-License-Identifier: MIT */
#include "dataset_row.h"

#include <stdlib.h>
#include <string.h>

#include "dataset.h"
#include "mem.h"
#include "scan.h"
#include "scan_walk.h"

enum { INSTANCE_ID_MAX = 200, CUSTOM_ID_MAX = 512 };

/* A member that should be a text. */
struct text_field {
	int seen;
	bool is_text, escaped;
	struct span raw;
};

struct fields {
	bool requests;
	struct text_field id, method, url, model;
	int bodies;
	bool body_is_object;
};

static bool take_text(struct scan_walk *w, struct text_field *f)
{
	f->seen++;
	f->is_text = w->p < w->end && *w->p == '"';
	if (!f->is_text)
		return scan_walk_value(w, NULL);
	if (!scan_walk_string(w, &f->raw))
		return false;
	f->escaped = w->escaped;
	return true;
}

static bool on_body_member(void *data, struct scan_walk *w, struct span name)
{
	struct fields *f = data;

	return scan_name_is(name, "model") ? take_text(w, &f->model) : scan_walk_value(w, NULL);
}

static bool on_member(void *data, struct scan_walk *w, struct span name)
{
	struct fields *f = data;

	if (scan_name_is(name, f->requests ? "custom_id" : "instance_id"))
		return take_text(w, &f->id);
	if (!f->requests)
		return scan_walk_value(w, NULL);
	if (scan_name_is(name, "method"))
		return take_text(w, &f->method);
	if (scan_name_is(name, "url"))
		return take_text(w, &f->url);
	if (!scan_name_is(name, "body"))
		return scan_walk_value(w, NULL);
	f->bodies++;
	f->body_is_object = w->p < w->end && *w->p == '{';
	return f->body_is_object ? scan_walk_object(w, on_body_member, f) : scan_walk_value(w, NULL);
}

static void decode(const struct text_field *f, struct buf *ret)
{
	buf_reset(ret);
	if (!f->escaped || !scan_unescape(f->raw.at, f->raw.len, ret))
		buf_add_span(ret, f->raw);
}

static int check_text(const struct text_field *f, const char *name, bool needed, struct err *err)
{
	if (f->seen == 0)
		return needed ? err_set(err, BD_EINVALID, "no %s", name) : 0;
	if (f->seen > 1)
		return err_set(err, BD_EINVALID, "%s more than once", name);
	return f->is_text ? 0 : err_set(err, BD_EINVALID, "%s is no text", name);
}

/* It becomes a part of file names. */
static int check_instance_id(const struct buf *id, struct err *err)
{
	if (id->len == 0)
		return err_set(err, BD_EINVALID, "instance_id is empty");
	if (id->len > INSTANCE_ID_MAX)
		return err_set(err, BD_EINVALID, "instance_id %.60s.. is longer than %d bytes", id->at, INSTANCE_ID_MAX);
	if (id->at[0] == '.')
		return err_set(err, BD_EINVALID, "instance_id %s begins with a dot", id->at);
	for (size_t i = 0; i < id->len; i++) {
		if (id->at[i] == '/')
			return err_set(err, BD_EINVALID, "instance_id %s has a / in it", id->at);
		if ((unsigned char)id->at[i] < 0x20 || id->at[i] == 0x7F)
			return err_set(err, BD_EINVALID, "instance_id has a control character in it");
	}
	return 0;
}

static int check_custom_id(const struct buf *id, struct err *err)
{
	if (id->len == 0)
		return err_set(err, BD_EINVALID, "custom_id is empty");
	if (id->len > CUSTOM_ID_MAX)
		return err_set(err, BD_EINVALID, "custom_id %.60s.. is longer than %d bytes", id->at, CUSTOM_ID_MAX);
	if (memchr(id->at, '\0', id->len) != NULL)
		return err_set(err, BD_EINVALID, "custom_id has a NUL in it");
	return 0;
}

/* The same in all rows; *first is what the first one had. */
static int check_same(const struct text_field *f, const char *name, char **first, struct err *err)
{
	struct buf now = { 0 };
	int rc = 0;

	if (f->seen == 0 || (*first != NULL && !f->escaped && span_is(f->raw, *first)))
		return 0;
	decode(f, &now);
	if (*first == NULL)
		*first = buf_take_str(&now);
	else if (!span_is(buf_span(&now), *first))
		rc = err_set(err, BD_EINVALID, "%s \"%.100s\", but \"%.100s\" in a row before: one file has one %s",
		             name, buf_str(&now), *first, name);
	buf_done(&now);
	return rc;
}

static int check_request(struct dataset_check *c, const struct fields *f, struct err *err)
{
	int rc = check_text(&f->id, "custom_id", true, err);

	if (rc == 0)
		rc = check_text(&f->method, "method", false, err);
	if (rc == 0)
		rc = check_text(&f->url, "url", false, err);
	if (rc < 0)
		return rc;
	if (f->method.seen > 0 && !span_is(f->method.raw, "POST"))
		return err_set(err, BD_EINVALID, "method is not POST");
	if (f->bodies != 1)
		return err_set(err, BD_EINVALID, f->bodies == 0 ? "no body" : "body more than once");
	if (!f->body_is_object)
		return err_set(err, BD_EINVALID, "body is no object");
	rc = check_text(&f->model, "body.model", true, err);
	if (rc == 0)
		rc = check_same(&f->model, "model", &c->model, err);
	if (rc == 0)
		rc = check_same(&f->url, "url", &c->url, err);
	if (rc < 0)
		return rc;
	decode(&f->id, &c->id);
	return check_custom_id(&c->id, err);
}

int dataset_check_row(struct dataset_check *c, struct span row, struct err *err)
{
	struct scan_walk w = { .p = row.at, .end = row.at + row.len, .utf8 = c->requests };
	struct fields f = { .requests = c->requests };
	int rc;

	if (!scan_walk_object(&w, on_member, &f) || !scan_walk_end(&w)) {
		if (w.p == row.at)
			return err_set(err, BD_EINVALID, "not a JSON object");
		return err_set(err, BD_EINVALID, "not JSON at byte %zu: %s", (size_t)(w.p - row.at) + 1, w.why);
	}
	if (c->requests)
		return check_request(c, &f, err);
	rc = check_text(&f.id, "instance_id", true, err);
	if (rc < 0)
		return rc;
	struct scan_walk id = { .p = f.id.raw.at - 1, .end = f.id.raw.at + f.id.raw.len + 1, .utf8 = true };
	if (!scan_walk_string(&id, &f.id.raw))          /* with its quotes, once more */
		return err_set(err, BD_EINVALID, "instance_id is no UTF-8");
	decode(&f.id, &c->id);
	return check_instance_id(&c->id, err);
}

void dataset_check_done(struct dataset_check *c)
{
	buf_done(&c->id);
	free(c->model);
	free(c->url);
	*c = (struct dataset_check){ 0 };
}

/* --- the fields of an instance --------------------------------------------------------- */

int instance_row_read(struct span line, struct instance_row *ret, struct err *err)
{
	struct instance_row row = { 0 };
	const struct { const char *name, **to; } fields[] = {
		{ "instance_id", &row.instance_id }, { "repo", &row.repo },
		{ "base_commit", &row.base_commit }, { "problem_statement", &row.problem_statement },
	};
	int rc = json_parse(line.at, line.len, &row.json, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		const struct json *v = json_get(row.json, fields[i].name);

		*fields[i].to = json_str(v);
		if (*fields[i].to != NULL)
			continue;
		rc = json_is_null(v) ? err_set(err, BD_EINVALID, "no %s", fields[i].name) :
		     err_set(err, BD_EINVALID, "%s is no text", fields[i].name);
		json_free(row.json);
		return rc;
	}
	*ret = row;
	return 0;
}

void instance_row_done(struct instance_row *row)
{
	json_free(row->json);
	*row = (struct instance_row){ 0 };
}
