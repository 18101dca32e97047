/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api_int.h"
#include "json.h"
#include "mem.h"

struct api_call *api_file_upload(struct api *api, const char *path, const char *filename,
                                 api_file_fn done, void *data)
{
	struct api_call *call = call_new(api, CALL_FILE, "POST", data);
	struct upload *up = &call->upload;

	call->fn.file = done;
	call->path = mem_strdup(path);
	call->filename = mem_strdup(filename);
	up->fields[0].name = "purpose";         /* in front of the file: some read it as it comes */
	up->fields[0].value = api->purpose;
	if (api->dialect->flags & NAMED_FILE) {
		up->fields[1].name = "file_name";
		up->fields[1].value = call->filename;
		up->fields[2].name = "file_type";
		up->fields[2].value = "jsonl";
	}
	up->path = call->path;
	up->filename = call->filename;
	up->content_type = "application/octet-stream";
	call->x.upload = up;
	call_url(call, api->dialect->upload_path, NULL, "");
	return call_start(call);
}

struct api_call *api_file_get(struct api *api, const char *id, api_file_fn done, void *data)
{
	struct api_call *call = call_new(api, CALL_FILE, "GET", data);

	call->fn.file = done;
	call_url(call, "/files", id, "");
	return call_start(call);
}

/* The page asked for and the cursor, as query. */
static void call_page(struct api_call *call, int page, const char *after)
{
	char text[16];

	call->page = page;
	if (page > 0) {
		snprintf(text, sizeof text, "%d", page);
		call_query(call, "limit", text);
	}
	if (after != NULL && after[0] != '\0') {
		call->after = mem_strdup(after);
		call_query(call, "after", after);
	}
}

struct api_call *api_file_list(struct api *api, const char *after, api_files_fn done, void *data)
{
	struct api_call *call = call_new(api, CALL_FILES, "GET", data);

	call->fn.files = done;
	call_url(call, "/files", NULL, "");
	call_query(call, "purpose", api->purpose);
	call_page(call, api->dialect->files_page, after);
	return call_start(call);
}

struct api_call *api_file_delete(struct api *api, const char *id, api_done_fn done, void *data)
{
	struct api_call *call = call_new(api, CALL_DELETE, "DELETE", data);

	call->fn.done = done;
	call_url(call, "/files", id, "");
	return call_start(call);
}

/* Where a URL's path begins. */
static size_t origin_len(const char *url)
{
	const char *host = strstr(url, "://");

	return host != NULL ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#") : 0;
}

struct api_call *api_file_content(struct api *api, const char *id, int fd, int64_t from,
                                  api_content_fn done, void *data)
{
	struct api_call *call = call_new(api, CALL_CONTENT, "GET", data);

	call->fn.content = done;
	call->x.sink_fd = fd;
	call->x.sink_off = from;
	/* some give a URL where a file id belongs; off the endpoint's own host it gets no key */
	if (strncasecmp(id, "https://", 8) == 0
	    || (strncasecmp(id, "http://", 7) == 0 && strncasecmp(api->base, "http://", 7) == 0)) {
		size_t n = origin_len(id);

		buf_add_str(&call->url, id);
		call->elsewhere = n != origin_len(api->base) || strncasecmp(id, api->base, n) != 0;
		if (call->elsewhere)
			call->x.headers = NULL;
	} else {
		call_url(call, "/files", id, "/content");
	}
	return call_start(call);
}

static void put_metadata(struct jw *w, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0')
		jw_put_span(w, name, (struct span){ value, strnlen(value, 512) });
}

struct api_call *api_batch_create(struct api *api, const struct batch_create *create,
                                  api_batch_fn done, void *data)
{
	struct api_call *call = call_new(api, CALL_BATCH, "POST", data);
	unsigned flags = api->dialect->flags;
	struct jw w = { .out = &call->body };

	call->fn.batch = done;
	jw_obj(&w);
	jw_put_str(&w, "input_file_id", create->input_file_id);
	jw_put_str(&w, "endpoint", create->line_url);
	if (!(flags & NO_WINDOW))
		jw_put_str(&w, "completion_window", create->completion_window);
	if (flags & KEEP_INPUT)
		jw_put_bool(&w, "auto_delete_input_file", false);
	if (!(flags & NO_METADATA)) {
		jw_name(&w, "metadata");
		jw_obj(&w);
		put_metadata(&w, "batchd_key", create->key);
		put_metadata(&w, "batchd_job", create->job);
		put_metadata(&w, "batchd_stage", create->stage);
		jw_obj_end(&w);
	}
	jw_obj_end(&w);
	call_header(call, "Content-Type: application/json");
	if (create->key != NULL && create->key[0] != '\0') {
		call->idempotency = mem_printf("Idempotency-Key: %s", create->key);
		call_header(call, call->idempotency);
	}
	call_url(call, "/batches", NULL, "");
	return call_start(call);
}

struct api_call *api_batch_get(struct api *api, const char *id, api_batch_fn done, void *data)
{
	struct api_call *call = call_new(api, CALL_BATCH, "GET", data);

	call->fn.batch = done;
	call_url(call, "/batches", id, "");
	return call_start(call);
}

struct api_call *api_batch_list(struct api *api, const char *after, api_batches_fn done, void *data)
{
	struct api_call *call = call_new(api, CALL_BATCHES, "GET", data);

	call->fn.batches = done;
	call_url(call, "/batches", NULL, "");
	call_page(call, api->dialect->flags & NO_PAGES ? 0 : 100, after);
	return call_start(call);
}

struct api_call *api_batch_cancel(struct api *api, const char *id, api_batch_fn done, void *data)
{
	struct api_call *call = call_new(api, CALL_BATCH, "POST", data);

	call->fn.batch = done;
	call_header(call, "Content-Type: application/json");
	call_url(call, "/batches", id, "/cancel");
	return call_start(call);
}
