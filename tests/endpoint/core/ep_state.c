/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ep_int.h"
#include "ep_io.h"
#include "mem.h"

/*
 * state.jsonl in state_dir: one line whenever a file or batch changes; the last line about it counts.
 */

static void append(struct ep *ep, struct buf *line)
{
	buf_add_char(line, '\n');
	if (ep->state_fd >= 0)
		ep_write_fd(ep->state_fd, buf_span(line));
	buf_done(line);
}

void state_put_file(struct ep *ep, const struct ep_file *f)
{
	char kind[2] = { f->kind, '\0' };
	struct buf line = { 0 };
	struct jw w = { .out = &line };

	jw_obj(&w);
	jw_put_int(&w, "file", f->serial);
	jw_put_str(&w, "id", f->id);
	jw_put_str(&w, "kind", kind);
	jw_put_int(&w, "upload", f->upload);
	jw_put_int(&w, "batch", f->batch);
	jw_put_str(&w, "filename", f->filename);
	jw_put_str(&w, "purpose", f->purpose);
	jw_put_int(&w, "bytes", f->bytes);
	jw_put_int(&w, "created_ms", f->created_ms);
	jw_put_bool(&w, "deleted", f->deleted);
	jw_obj_end(&w);
	append(ep, &line);
}

/* The texts of a batch by name, for writing and reading alike. */
struct text_field {
	const char *name;
	char **at;
};
enum { TEXT_FIELDS = 12 };

static void text_fields(struct ep_batch *b, struct text_field ret[TEXT_FIELDS])
{
	const struct text_field fields[TEXT_FIELDS] = {
		{ "id", &b->id }, { "input_file_id", &b->input_file_id }, { "output_file_id", &b->output_file_id },
		{ "error_file_id", &b->error_file_id }, { "endpoint", &b->endpoint }, { "window", &b->window },
		{ "metadata", &b->metadata }, { "key", &b->key }, { "stage", &b->stage },
		{ "idempotency_key", &b->idempotency_key }, { "model", &b->model }, { "errors", &b->errors },
	};

	memcpy(ret, fields, sizeof fields);
}

struct int_field {
	const char *name;
	int64_t *at;
};
enum { INT_FIELDS = 7 };

static void int_fields(struct ep_batch *b, struct int_field ret[INT_FIELDS])
{
	const struct int_field fields[INT_FIELDS] = {
		{ "total", &b->total }, { "completed", &b->completed }, { "failed", &b->failed }, { "prompt", &b->prompt },
		{ "completion", &b->completion }, { "cached", &b->cached }, { "reasoning", &b->reasoning },
	};

	memcpy(ret, fields, sizeof fields);
}

void state_put_batch(struct ep *ep, const struct ep_batch *b)
{
	struct ep_batch copy = *b;
	struct text_field texts[TEXT_FIELDS];
	struct int_field ints[INT_FIELDS];
	struct buf line = { 0 };
	struct jw w = { .out = &line };

	text_fields(&copy, texts);
	int_fields(&copy, ints);
	jw_obj(&w);
	jw_put_int(&w, "batch", b->serial);
	jw_put_str(&w, "status", ep_status_words[b->status]);
	for (size_t i = 0; i < TEXT_FIELDS; i++)
		jw_put_str(&w, texts[i].name, *texts[i].at);
	for (size_t i = 0; i < INT_FIELDS; i++)
		jw_put_int(&w, ints[i].name, *ints[i].at);
	jw_name(&w, "at_ms");
	jw_list(&w);
	for (int i = 0; i < ST_N; i++)
		jw_int(&w, b->at_ms[i]);
	jw_list_end(&w);
	jw_obj_end(&w);
	append(ep, &line);
}

static char *copy_of(const char *text)
{
	return mem_strdup(text != NULL ? text : "");
}

static void file_load(struct ep *ep, const struct json *v)
{
	int64_t serial = json_get_int(v, "file", 0);
	struct ep_file *f = NULL;
	const char *kind = json_get_str(v, "kind");

	for (size_t i = ep->nfiles; i-- > 0 && f == NULL;)
		f = ep->files[i]->serial == serial ? ep->files[i] : NULL;
	if (f == NULL) {
		f = MEM_NEW(struct ep_file);
		f->serial = serial;
		f->id = copy_of(json_get_str(v, "id"));
		f->filename = copy_of(json_get_str(v, "filename"));
		f->purpose = copy_of(json_get_str(v, "purpose"));
		file_keep(ep, f);
	}
	f->kind = kind != NULL ? kind[0] : 'i';
	f->upload = json_get_int(v, "upload", 0);
	f->batch = json_get_int(v, "batch", 0);
	f->bytes = json_get_int(v, "bytes", 0);
	f->created_ms = json_get_int(v, "created_ms", 0);
	f->deleted = json_get_bool(v, "deleted", false);
	if (f->serial > ep->last_file)
		ep->last_file = f->serial;
	if (f->upload > ep->uploads)
		ep->uploads = f->upload;
}

static void batch_load(struct ep *ep, const struct json *v)
{
	int64_t serial = json_get_int(v, "batch", 0);
	const struct json *at = json_first(json_get(v, "at_ms"));
	const char *status = json_get_str(v, "status");
	struct text_field texts[TEXT_FIELDS];
	struct int_field ints[INT_FIELDS];
	struct ep_batch *b;

	if (serial < 1 || serial > (int64_t)ep->nbatches + 1)
		return;                         /* they were made one after the other */
	if (serial == (int64_t)ep->nbatches + 1) {
		b = MEM_NEW(struct ep_batch);
		b->serial = serial;
		batch_keep(ep, b);
	}
	b = ep->batches[serial - 1];
	text_fields(b, texts);
	int_fields(b, ints);
	for (size_t i = 0; i < TEXT_FIELDS; i++) {
		const char *text = json_get_str(v, texts[i].name);

		free(*texts[i].at);
		*texts[i].at = text != NULL ? mem_strdup(text) : NULL;
	}
	for (size_t i = 0; i < INT_FIELDS; i++)
		*ints[i].at = json_get_int(v, ints[i].name, 0);
	for (int i = 0; i < ST_N; i++, at = json_next(at)) {
		json_int(at, &b->at_ms[i]);
		if (status != NULL && strcmp(status, ep_status_words[i]) == 0)
			b->status = (enum ep_status)i;
	}
	for (size_t i = 0; i < TEXT_FIELDS; i++) {
		bool nullable = strstr("output_file_id error_file_id metadata idempotency_key model errors", texts[i].name) != NULL;

		if (*texts[i].at == NULL && !nullable)
			*texts[i].at = mem_strdup("");
	}
	if (serial > ep->last_batch)
		ep->last_batch = serial;
}

int state_open(struct ep *ep, struct err *err)
{
	char *path = mem_printf("%s/state.jsonl", ep->dir);
	struct ep_lines lines;
	struct span line;
	int rc = 0;

	if (ep_lines_open(&lines, path)) {
		while (ep_lines_next(&lines, &line)) {
			struct json *v;

			if (json_parse(line.at, line.len, &v, NULL) < 0)
				continue;               /* cut off by the end of a process */
			if (json_get(v, "file") != NULL)
				file_load(ep, v);
			else
				batch_load(ep, v);
			json_free(v);
		}
		ep_lines_close(&lines);
	}
	ep->state_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (ep->state_fd < 0)
		rc = err_sys(err, BD_EIO, "cannot open %s", path);
	else if (ep_size(path) > 0)
		ep_write_fd(ep->state_fd, span_of("\n"));       /* behind a line that was cut off */
	free(path);
	return rc;
}

void state_forget(struct ep *ep)
{
	for (size_t i = 0; i < ep->nfiles; i++) {
		char *path = file_path(ep, ep->files[i]);

		unlink(path);
		free(path);
		file_free(ep->files[i]);
	}
	for (size_t i = 0; i < ep->nbatches; i++)
		batch_free(ep->batches[i]);
	ep->nfiles = ep->nbatches = ep->settled = 0;
	ep->last_file = ep->last_batch = ep->uploads = 0;
	if (ep->state_fd >= 0 && ftruncate(ep->state_fd, 0) < 0)
		ep_log_flush(ep);               /* the old state would come back after a restart; nothing else is lost */
}
