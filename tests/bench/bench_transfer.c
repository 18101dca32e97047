/* SPDX-License-Identifier: MIT */
/*
 * usage: bench_transfer upload URL KEY FILE
 *        bench_transfer download URL KEY ID FILE  synced when it ends
 *
 * One call of batchd's own, as the engine makes it; lines "cpu SECONDS", "bytes N" (resident, at most).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "batchapi.h"
#include "curl_transport.h"
#include "files.h"

static struct transport *transport;
static int exit_code = 1;

static void over(const struct api_result *res)
{
	if (res->verdict == API_DONE)
		exit_code = 0;
	else
		fprintf(stderr, "%s: %s\n", api_verdict_name(res->verdict), res->reason);
	curl_transport_close(transport, NULL, NULL);
}

static void on_uploaded(void *data, const struct api_result *res, const struct remote_file *file)
{
	(void)data;
	(void)file;
	over(res);
}

static void on_content(void *data, const struct api_result *res, int64_t bytes, bool whole)
{
	const int *fd = data;

	(void)bytes;
	(void)whole;
	over(res);
	if (fsync(*fd) < 0)
		exit_code = 1;
}

/* Its peak is read, as getrusage() would count what the caller had. */
static void tell(void)
{
	struct buf text = { 0 };
	struct timespec t;
	const char *at;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	printf("cpu %.6f\n", (double)t.tv_sec + (double)t.tv_nsec * 1e-9);
	if (file_get("/proc/self/status", 1 << 16, &text, NULL) == 0 && (at = strstr(buf_str(&text), "VmHWM:")) != NULL)
		printf("bytes %ld\n", atol(at + 6) * 1024);
	buf_done(&text);
}

int main(int argc, char **argv)
{
	struct api_config config = { .name = "e", .base_url = argc > 3 ? argv[2] : "", .key = argc > 3 ? argv[3] : "" };
	struct api *api = NULL;
	struct err err = { 0 };
	uv_loop_t loop;
	int fd = -1;

	if (argc < 5 || (strcmp(argv[1], "download") == 0 && argc < 6))
		return 2;
	uv_loop_init(&loop);
	transport = curl_transport_new(&loop, &err);
	if (transport == NULL || api_new(&config, transport, &api, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	if (strcmp(argv[1], "upload") == 0) {
		api_file_upload(api, argv[4], "requests.jsonl", on_uploaded, NULL);
	} else {
		fd = open(argv[5], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		api_file_content(api, argv[4], fd, 0, on_content, &fd);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	api_free(api);
	uv_loop_close(&loop);
	if (fd >= 0)
		close(fd);
	tell();
	return exit_code;
}
