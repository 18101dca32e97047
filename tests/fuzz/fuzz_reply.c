/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "batchapi.h"

/*
 * An endpoint's replies to every call.  The first byte picks call and status, the rest is the body.  Nothing
 * crashes, a verdict is told once, and a result only comes with API_DONE.
 */
static struct exchange *under_way;
static int told;

static void fake_start(struct transport *t, struct exchange *x)
{
	(void)t;
	under_way = x;
}

static void fake_cancel(struct transport *t, struct exchange *x)
{
	(void)t;
	(void)x;
}

static void check(const struct api_result *res, bool there)
{
	told++;
	if (there != (res->verdict == API_DONE) || memchr(res->reason, '\0', sizeof res->reason) == NULL
	    || memchr(res->code, '\0', sizeof res->code) == NULL || strstr(res->reason, "sk-fuzz") != NULL)
		abort();
}

static size_t touch(const char *text)
{
	return strlen(text);            /* the sanitizer reads it all */
}

static void on_batches(void *data, const struct api_result *res, const struct remote_batch *b, size_t n, const char *next)
{
	(void)data;
	for (size_t i = 0; i < n; i++)
		if (touch(b[i].id) == 0 || touch(b[i].word) + touch(b[i].key) + touch(b[i].error_code) + touch(b[i].error_message)
		    + touch(b[i].input_file_id) + touch(b[i].output_file_id) + touch(b[i].error_file_id) > 1u << 30)
			abort();
	touch(next);
	check(res, b != NULL);
}

static void on_batch(void *data, const struct api_result *res, const struct remote_batch *b)
{
	on_batches(data, res, b, b != NULL, "");
}

static void on_files(void *data, const struct api_result *res, const struct remote_file *f, size_t n, const char *next)
{
	(void)data;
	for (size_t i = 0; i < n; i++)
		if (touch(f[i].id) == 0 || touch(f[i].filename) + touch(f[i].status) > 1u << 30)
			abort();
	touch(next);
	check(res, f != NULL);
}

static void on_file(void *data, const struct api_result *res, const struct remote_file *f)
{
	on_files(data, res, f, f != NULL, "");
}

static void on_plain(void *data, const struct api_result *res)
{
	(void)data;
	check(res, res->verdict == API_DONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = { 200, 200, 200, 201, 204, 302, 400, 401, 404, 409, 413, 422, 429, 500, 503, 0 };
	static struct transport transport = { fake_start, fake_cancel };
	static struct api *api;
	struct api_config config = { .name = "fuzz", .base_url = "https://api.openai.com/v1", .key = "sk-fuzz" };
	struct batch_create create = { "f", "/v1/chat/completions", "24h", "k", "j", "1" };
	int pick = size > 0 ? data[0] : 0;

	if (api == NULL && api_new(&config, &transport, &api, NULL) < 0)
		abort();
	switch (pick & 7) {
	case 0: api_batch_get(api, "b", on_batch, NULL); break;
	case 1: api_batch_create(api, &create, on_batch, NULL); break;
	case 2: api_batch_list(api, "b", on_batches, NULL); break;
	case 3: api_file_get(api, "f", on_file, NULL); break;
	case 4: api_file_list(api, NULL, on_files, NULL); break;
	case 5: api_file_delete(api, "f", on_plain, NULL); break;
	case 6: api_file_upload(api, "p", "f", on_file, NULL); break;
	default: api_batch_cancel(api, "b", on_batch, NULL); break;
	}
	under_way->net = NET_OK;
	under_way->status = statuses[pick >> 4];
	under_way->retry_after_ms = under_way->total = -1;
	under_way->should_retry = -1;
	if (size > 1)
		buf_add(&under_way->reply, data + 1, size - 1);
	told = 0;
	under_way->done(under_way);
	if (told != 1)
		abort();
	return 0;
}
