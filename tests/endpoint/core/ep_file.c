/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ep_int.h"
#include "ep_io.h"
#include "mem.h"

void file_free(struct ep_file *f)
{
	if (f == NULL)
		return;
	free(f->id);
	free(f->filename);
	free(f->purpose);
	free(f);
}

char *file_path(const struct ep *ep, const struct ep_file *f)
{
	return mem_printf("%s/files/%lld", ep->dir, (long long)f->serial);
}

char *ep_make_id(struct ep *ep, const char *kind, int64_t serial)
{
	const struct ep_fault *f = fault_option(ep, DO_O_IDS);
	const char *style = f != NULL ? fault_str(f, "value", "") : "";
	uint64_t h = ep_hash(&serial, sizeof serial, 7);

	if (strcmp(style, "long") == 0)
		return mem_printf("%s%0290lld", kind, (long long)serial);
	if (strcmp(style, "odd") == 0)
		return mem_printf("%s%lld/a?b=1&c=%%41#d e", kind, (long long)serial);
	if (strcmp(style, "uuid") == 0)
		return mem_printf("%08x-%04x-4%03x-8%03x-%012llx", (unsigned)(h >> 32), (unsigned)(h >> 16) & 0xffff,
		                  (unsigned)h & 0xfff, (unsigned)kind[0], (long long)serial);
	return mem_printf("%s%06lld", kind, (long long)serial);
}

void file_keep(struct ep *ep, struct ep_file *f)
{
	if (ep->nfiles == ep->files_cap) {
		ep->files_cap = ep->files_cap > 0 ? 2 * ep->files_cap : 64;
		ep->files = mem_grow(ep->files, ep->files_cap, sizeof(struct ep_file *));
	}
	ep->files[ep->nfiles++] = f;
}

struct ep_file *file_make(struct ep *ep, char kind, const char *filename, int64_t now_ms)
{
	struct ep_file *f = MEM_NEW(struct ep_file);

	f->serial = ++ep->last_file;
	f->kind = kind;
	f->id = ep_make_id(ep, "file-", f->serial);
	f->filename = mem_strdup(filename);
	f->purpose = mem_strdup(kind == 'i' ? "batch" : "batch_output");
	f->created_ms = now_ms;
	return f;
}

struct ep_file *file_find(struct ep *ep, const char *id)
{
	for (size_t i = ep->nfiles; i-- > 0;) {
		if (!ep->files[i]->deleted && strcmp(ep->files[i]->id, id) == 0)
			return ep->files[i];
	}
	return NULL;
}

bool file_hidden(const struct ep *ep, const struct ep_file *file)
{
	struct ep_fault *f = fault_for_file(ep, file, DO_F_HIDDEN), *gone = fault_for_file(ep, file, DO_F_VANISH);

	return (f != NULL && file->polls <= fault_int(f, "polls", 0)) ||
	       (gone != NULL && (fault_int(gone, "polls", 0) == 0 || file->polls > fault_int(gone, "polls", 0)));
}

static void file_write(struct ep *ep, const struct ep_file *f, bool fresh, struct jw *w)
{
	struct ep_fault *pending = fault_for_file(ep, f, DO_F_PENDING), *bad = fault_for_file(ep, f, DO_F_ERROR);
	const char *status = "processed";

	if (pending != NULL && f->polls <= fault_int(pending, "polls", 0))
		status = fault_str(pending, "word", "pending");
	else if (bad != NULL)
		status = "error";
	jw_obj(w);
	jw_put_str(w, "object", "file");
	jw_put_str(w, "id", f->id);
	jw_put_str(w, "purpose", f->purpose);
	jw_put_str(w, "filename", f->filename);
	jw_put_int(w, "bytes", f->bytes);
	jw_put_int(w, "created_at", f->created_ms / 1000);
	jw_name(w, "expires_at");
	if (fresh)                              /* filled from the next look on */
		jw_null(w);
	else
		jw_int(w, f->created_ms / 1000 + 30 * 86400);
	if (fault_for_file(ep, f, DO_F_NO_STATUS) == NULL) {
		jw_put_str(w, "status", status);
		jw_put_str(w, "status_details", bad != NULL ? fault_str(bad, "message", "cannot be processed") : NULL);
	}
	jw_obj_end(w);
}

static bool upload_place(struct ep *ep, const struct ep_request *q, const struct ep_file *f)
{
	char *path = file_path(ep, f);
	bool ok = q->upload_take ? rename(q->upload_path, path) == 0 : ep_copy(q->upload_path, path);

	free(path);
	return ok;
}

void call_upload(struct ep_ctx *c)
{
	const struct ep_request *q = c->req;
	struct ep *ep = c->ep;
	struct ep_file *f;

	if (q->upload_path == NULL) {
		reply_error(c->reply, 400, "missing_required_parameter", "file", "'file' is a required property");
		return;
	}
	if (q->upload_purpose == NULL || q->upload_purpose[0] == '\0') {
		reply_error(c->reply, 400, "missing_required_parameter", "purpose", "'purpose' is a required property");
		return;
	}
	if (strcmp(q->upload_purpose, "batch") != 0 && strcmp(q->upload_purpose, "batch-api") != 0) {
		reply_error(c->reply, 400, "invalid_value", "purpose", "'%s' is not one of ['batch']", q->upload_purpose);
		return;
	}
	if ((q->upload_filename == NULL || !span_ends(span_of(q->upload_filename), ".jsonl")) &&
	    fault_option(ep, DO_O_SUFFIX) == NULL) {
		reply_error(c->reply, 400, NULL, "file", "Invalid file format for Batch API. Must be .jsonl");
		return;
	}
	if (ep_size(q->upload_path) > 512000000) {
		reply_error(c->reply, 413, NULL, "file", "The file is too large: 512 MB is the limit.");
		return;
	}
	f = file_make(ep, 'i', q->upload_filename != NULL ? q->upload_filename : "upload", c->now_ms);
	f->bytes = ep_size(q->upload_path);
	f->upload = ++ep->uploads;
	if (!upload_place(ep, q, f)) {
		file_free(f);
		reply_error(c->reply, 500, NULL, NULL, "The file cannot be stored.");
		return;
	}
	file_keep(ep, f);
	state_put_file(ep, f);
	c->file = f;
	struct jw w = reply_json(c->reply, 200);

	file_write(ep, f, true, &w);
}

/* The file of the call, unless it is not (yet, any more) to be seen. */
static bool file_there(struct ep_ctx *c)
{
	if (c->file != NULL)
		c->file->polls++;
	if (c->file != NULL && !file_hidden(c->ep, c->file))
		return true;
	reply_error(c->reply, 404, NULL, "id", "No such File object: %s", c->id);
	return false;
}

void call_file_get(struct ep_ctx *c)
{
	if (!file_there(c))
		return;
	struct jw w = reply_json(c->reply, 200);

	file_write(c->ep, c->file, false, &w);
}

void call_file_delete(struct ep_ctx *c)
{
	char *path;

	if (!file_there(c))
		return;
	struct jw w = reply_json(c->reply, 200);

	jw_obj(&w);
	jw_put_str(&w, "object", "file");
	jw_put_bool(&w, "deleted", true);
	jw_put_str(&w, "id", c->file->id);
	jw_obj_end(&w);
	path = file_path(c->ep, c->file);
	unlink(path);
	free(path);
	c->file->deleted = true;
	state_put_file(c->ep, c->file);
}

/* "bytes=N-" and "bytes=N-M".  False: no range, send all. */
static bool range_read(const struct ep_ctx *c, int64_t size, int64_t *ret_from, int64_t *ret_len)
{
	const struct ep_fault *f = fault_option(c->ep, DO_O_RANGE);
	long long from, to = -1;
	int n = 0;

	if (c->req->range == NULL || (f != NULL && !fault_bool(f, "value", true)))
		return false;
	if (sscanf(c->req->range, "bytes=%lld-%n%lld", &from, &n, &to) < 1 || n == 0 || from < 0)
		return false;
	if (to < 0 || to >= size)
		to = size - 1;
	*ret_from = from;
	*ret_len = from < size && to >= from ? to - from + 1 : 0;
	return true;
}

void call_content(struct ep_ctx *c)
{
	struct ep_reply *r = c->reply;
	int64_t from = 0, len;

	if (!file_there(c))
		return;
	reply_clear(r);
	len = c->file->bytes;
	r->status = 200;
	if (range_read(c, c->file->bytes, &from, &len)) {
		if (len == 0) {
			reply_error(r, 416, NULL, NULL, "The range is not satisfiable.");
			buf_printf(&r->headers, "Content-Range: bytes */%lld\n", (long long)c->file->bytes);
			return;
		}
		r->status = 206;
		buf_printf(&r->headers, "Content-Range: bytes %lld-%lld/%lld\n", (long long)from,
		           (long long)(from + len - 1), (long long)c->file->bytes);
	}
	r->path = file_path(c->ep, c->file);
	r->off = from;
	r->len = len;
	buf_add_str(&r->headers, "Content-Type: application/octet-stream\n");
	buf_printf(&r->headers, "Content-Disposition: attachment; filename=\"%s\"\n", c->file->filename);
}

static bool file_listed(struct ep_ctx *c, struct ep_file *f, const char *purpose)
{
	if (f->deleted || (purpose != NULL && strcmp(f->purpose, purpose) != 0))
		return false;
	f->lists++;
	return !file_hidden(c->ep, f) &&
	       (c->fault == NULL || c->fault->what != DO_LAG || f->lists > fault_int(c->fault, "polls", 0));
}

void call_file_list(struct ep_ctx *c)
{
	char *purpose = query_get(c->req->path, "purpose"), *after = query_get(c->req->path, "after");
	char *limit_text = query_get(c->req->path, "limit"), *order = query_get(c->req->path, "order");
	int64_t limit = limit_text != NULL ? strtoll(limit_text, NULL, 10) : 10000, n = 0;
	bool asc = order != NULL && strcmp(order, "asc") == 0, started = after == NULL, more = false;
	const struct ep_file *first = NULL, *last = NULL;
	struct jw w = reply_json(c->reply, 200);

	if (c->fault != NULL && c->fault->what == DO_LOOP)
		started = true;
	jw_obj(&w);
	jw_put_str(&w, "object", "list");
	jw_name(&w, "data");
	jw_list(&w);
	for (size_t i = 0; i < c->ep->nfiles && !more; i++) {
		struct ep_file *f = c->ep->files[asc ? i : c->ep->nfiles - 1 - i];

		if (!started) {
			started = strcmp(f->id, after) == 0;
			continue;
		}
		if (!file_listed(c, f, purpose))
			continue;
		more = n == limit;
		if (more)
			break;
		file_write(c->ep, f, false, &w);
		first = first != NULL ? first : f;
		last = f;
		n++;
	}
	jw_list_end(&w);
	jw_put_str(&w, "first_id", first != NULL ? first->id : NULL);
	jw_put_str(&w, "last_id", last != NULL ? last->id : NULL);
	jw_put_bool(&w, "has_more", more || (c->fault != NULL && c->fault->what == DO_LOOP));
	jw_obj_end(&w);
	if (limit < 1 || limit > 10000)
		reply_error(c->reply, 400, "invalid_value", "limit", "limit must be between 1 and 10000");
	free(purpose);
	free(after);
	free(limit_text);
	free(order);
}
