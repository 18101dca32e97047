/* SPDX-License-Identifier: MIT */
#include "ep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ep_int.h"
#include "ep_io.h"
#include "mem.h"

static int make_dir(const char *path, struct err *err)
{
	return mkdir(path, 0755) < 0 && errno != EEXIST ? err_sys(err, BD_EIO, "cannot make %s", path) : 0;
}

static int plan_load(struct ep *ep, const struct ep_options *o, struct err *err)
{
	struct buf text = { 0 };
	int rc = 0;

	if (o->plan != NULL) {
		rc = ep_read_all(o->plan, &text) ? ep_plan_add(&ep->plan, buf_span(&text), err) :
		     err_sys(err, BD_EIO, "cannot read %s", o->plan);
		buf_done(&text);
	}
	if (rc == 0 && o->plan_text != NULL)
		rc = ep_plan_add(&ep->plan, span_of(o->plan_text), err);
	return rc;
}

static int answers_load(struct ep *ep, const struct ep_options *o, struct err *err)
{
	const struct { const char *path; int stage; } from[] = {
		{ o->answers_step1, 1 }, { o->answers_step2, 2 }, { o->answers, 0 },
	};

	ep->answers = ep_answers_new();
	for (size_t i = 0; i < 3; i++) {
		int rc = from[i].path != NULL ? ep_answers_add(ep->answers, from[i].path, from[i].stage, err) : 0;

		if (rc < 0)
			return rc;
	}
	return 0;
}

static void default_set(struct ep *ep, const char *content)
{
	struct buf raw = { 0 };
	struct jw w = { .out = &raw };

	if (content == NULL)
		return;
	jw_str(&w, content);
	ep->default_raw = buf_take_str(&raw);
}

static int dirs_make(struct ep *ep, struct err *err)
{
	char *files = mem_printf("%s/files", ep->dir);
	int rc = make_dir(ep->dir, err);

	if (rc == 0)
		rc = make_dir(files, err);
	free(files);
	return rc;
}

int ep_new(const struct ep_options *o, struct ep **ret, struct err *err)
{
	struct ep *ep = MEM_NEW(struct ep);
	int rc;

	ep->opt = (struct ep_options){ .delay_ms = o->delay_ms, .seed = o->seed,
		.max_requests = o->max_requests > 0 ? o->max_requests : 50000,
		.max_bytes = o->max_bytes > 0 ? o->max_bytes : 200000000 };
	ep->dir = mem_strdup(o->state_dir);
	ep->key = o->key != NULL ? mem_strdup(o->key) : NULL;
	ep->log_fd = ep->state_fd = -1;
	ep->rand = o->seed;
	ep->start_ms = -1;
	default_set(ep, o->default_content);
	rc = plan_load(ep, o, err);
	if (rc == 0)
		rc = answers_load(ep, o, err);
	if (rc == 0)
		rc = dirs_make(ep, err);
	if (rc == 0)
		rc = state_open(ep, err);
	if (rc == 0 && o->log != NULL) {
		ep->log_fd = open(o->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (ep->log_fd < 0)
			rc = err_sys(err, BD_EIO, "cannot open %s", o->log);
	}
	if (rc == 0)
		*ret = ep;
	else
		ep_free(ep);
	return rc;
}

void ep_free(struct ep *ep)
{
	if (ep == NULL)
		return;
	ep_log_flush(ep);
	if (ep->log_fd >= 0)
		close(ep->log_fd);
	if (ep->state_fd >= 0)
		close(ep->state_fd);
	for (size_t i = 0; i < ep->nfiles; i++)
		file_free(ep->files[i]);
	for (size_t i = 0; i < ep->nbatches; i++)
		batch_free(ep->batches[i]);
	free(ep->files);
	free(ep->batches);
	ep_plan_done(&ep->plan);
	ep_answers_free(ep->answers);
	buf_done(&ep->log);
	free(ep->dir);
	free(ep->key);
	free(ep->default_raw);
	free(ep);
}

void ep_log_flush(struct ep *ep)
{
	if (ep->log_fd >= 0)
		ep_write_fd(ep->log_fd, buf_span(&ep->log));
	buf_reset(&ep->log);
}

static void log_call(struct ep_ctx *c)
{
	struct jw w = { .out = &c->ep->log };
	const struct ep_request *q = c->req;

	if (c->ep->log_fd < 0)
		return;
	jw_obj(&w);
	jw_put_int(&w, "n", c->ep->calls);
	jw_put_str(&w, "call", ep_kind_name(c->kind));
	jw_put_str(&w, "method", q->method);
	jw_put_str(&w, "path", q->path);
	jw_put_int(&w, "status", c->reply->drop ? 0 : c->reply->status);
	jw_put_bool(&w, "effect", c->effect);
	if (q->idempotency_key != NULL)
		jw_put_str(&w, "idempotency_key", q->idempotency_key);
	if (c->batch != NULL) {
		jw_put_str(&w, "batch", c->batch->id);
		jw_put_str(&w, "key", c->batch->key);
	}
	if (c->file != NULL) {
		jw_put_str(&w, "file", c->file->id);
		jw_put_str(&w, "filename", c->file->filename);
	}
	if (q->range != NULL)
		jw_put_str(&w, "range", q->range);
	if (c->kind == KIND_BLOB)
		jw_put_bool(&w, "authorization", q->authorization != NULL);
	if (c->fault != NULL)
		jw_put_int(&w, "plan", c->fault->line_no);
	jw_put_int(&w, "at_ms", c->now_ms);
	jw_obj_end(&w);
	buf_add_char(&c->ep->log, '\n');
	ep_log_flush(c->ep);
}

/* What the path asks for, with the id in it. */
static enum ep_kind kind_of(struct ep_ctx *c)
{
	const char *p = c->req->path, *m = c->req->method;
	bool get = strcmp(m, "GET") == 0, post = strcmp(m, "POST") == 0, del = strcmp(m, "DELETE") == 0;
	struct span s, id = { 0 }, rest = { 0 };
	bool files;

	if (strncmp(p, "/v1/", 4) == 0)
		p += 3;
	s = (struct span){ p, strcspn(p, "?") };
	if (s.len > 1 && s.at[s.len - 1] == '/')
		s.len--;
	if (span_starts(s, "/blob/")) {
		c->id = url_decode(s.at + 6, s.len - 6);
		return get ? KIND_BLOB : KIND_OTHER;
	}
	files = span_is(s, "/files") || span_starts(s, "/files/");
	if (!files && !span_is(s, "/batches") && !span_starts(s, "/batches/"))
		return KIND_OTHER;
	size_t head = files ? 6 : 8;

	if (s.len <= head)
		return files ? (post ? KIND_UPLOAD : get ? KIND_FILE_LIST : KIND_OTHER) :
		       (post ? KIND_CREATE : get ? KIND_BATCH_LIST : KIND_OTHER);
	id = (struct span){ s.at + head + 1, s.len - head - 1 };
	const char *slash = memchr(id.at, '/', id.len);
	if (slash != NULL) {
		rest = (struct span){ slash + 1, id.len - (size_t)(slash - id.at) - 1 };
		id.len = (size_t)(slash - id.at);
	}
	c->id = url_decode(id.at, id.len);
	if (files)
		return rest.at == NULL ? (get ? KIND_FILE_GET : del ? KIND_FILE_DELETE : KIND_OTHER) :
		       span_is(rest, "content") && get ? KIND_CONTENT : KIND_OTHER;
	return rest.at == NULL ? (get ? KIND_BATCH_GET : KIND_OTHER) :
	       span_is(rest, "cancel") && post ? KIND_CANCEL : KIND_OTHER;
}

static void call_other(struct ep_ctx *c)
{
	reply_error(c->reply, 404, "unknown_url", NULL, "Unknown request URL: %s %s", c->req->method, c->req->path);
}

static void (*const handlers[])(struct ep_ctx *c) = {
	[KIND_CREATE] = call_create, [KIND_UPLOAD] = call_upload, [KIND_FILE_GET] = call_file_get,
	[KIND_FILE_LIST] = call_file_list, [KIND_CONTENT] = call_content, [KIND_FILE_DELETE] = call_file_delete,
	[KIND_BATCH_GET] = call_batch_get, [KIND_BATCH_LIST] = call_batch_list, [KIND_CANCEL] = call_cancel,
	[KIND_BLOB] = call_content, [KIND_OTHER] = call_other,
};

static bool authorized(const struct ep_ctx *c)
{
	const char *a = c->req->authorization;

	return c->ep->key == NULL || c->kind == KIND_BLOB ||
	       (a != NULL && strncasecmp(a, "Bearer ", 7) == 0 && strcmp(a + 7, c->ep->key) == 0);
}

/* Who is meant, and what the plan has for it. */
static void ctx_start(struct ep_ctx *c)
{
	struct ep *ep = c->ep;

	if (ep->start_ms < 0)
		ep->start_ms = c->now_ms;
	*c->reply = (struct ep_reply){ .cut_at = -1 };
	c->kind = kind_of(c);
	if (c->kind == KIND_BLOB) {
		int64_t serial = strtoll(c->id, NULL, 10);

		for (size_t i = 0; i < ep->nfiles && c->file == NULL; i++)
			c->file = ep->files[i]->serial == serial ? ep->files[i] : NULL;
	} else if (c->id != NULL && (c->kind == KIND_BATCH_GET || c->kind == KIND_CANCEL)) {
		c->batch = batch_find(ep, c->id);
	} else if (c->id != NULL && c->kind != KIND_OTHER) {
		c->file = file_find(ep, c->id);
	}
}

static void ctx_end(struct ep_ctx *c)
{
	fault_after(c);
	c->ep->calls++;
	log_call(c);
	if (c->fault != NULL && c->fault->what == DO_FORGET)
		state_forget(c->ep);
	free(c->id);
}

void ep_call(struct ep *ep, int64_t now_ms, const struct ep_request *req, struct ep_reply *ret)
{
	struct ep_ctx c = { .ep = ep, .now_ms = now_ms, .req = req, .reply = ret };

	batches_advance(ep, now_ms);
	ctx_start(&c);
	if (!authorized(&c)) {
		reply_error(ret, 401, "invalid_api_key", NULL, "Incorrect API key provided.");
		ctx_end(&c);
		return;
	}
	c.fault = fault_for_call(&c, false);
	if (!fault_before(&c)) {
		handlers[c.kind](&c);
		c.effect = ret->status >= 200 && ret->status < 300;
	}
	ctx_end(&c);
}

bool ep_call_early(struct ep *ep, int64_t now_ms, const struct ep_request *req, struct ep_reply *ret)
{
	struct ep_ctx c = { .ep = ep, .now_ms = now_ms, .req = req, .reply = ret };

	ctx_start(&c);
	if (!authorized(&c))
		reply_error(ret, 401, "invalid_api_key", NULL, "Incorrect API key provided.");
	else if ((c.fault = fault_for_call(&c, true)) == NULL) {
		free(c.id);
		return false;
	}
	ctx_end(&c);
	return true;
}

int64_t ep_upload_bps(struct ep *ep, int64_t now_ms)
{
	struct ep_ctx c = { .ep = ep, .now_ms = now_ms, .kind = KIND_UPLOAD };

	for (size_t i = 0; i < ep->plan.n; i++) {
		const struct ep_fault *f = &ep->plan.at[i];

		if (f->scope == SCOPE_CALL && f->call == c.kind && f->what == DO_SLOW && f->seen + 1 >= f->from &&
		    f->seen + 1 <= f->to)
			return fault_int(f, "slow_bps", 0);
	}
	return 0;
}

void ep_tick(struct ep *ep, int64_t now_ms)
{
	if (ep->start_ms >= 0)
		batches_advance(ep, now_ms);
}
