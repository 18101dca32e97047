/* SPDX-License-Identifier: MIT */
#ifndef ENDPOINT_FIXTURE_H
#define ENDPOINT_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ep.h"
#include "ep_io.h"
#include "ep_scan.h"
#include "files.h"
#include "mem.h"

/* The Batch API server that everybody else's tests trust, called without sockets, at times we choose. */

#define MODEL_LINE(id, model) "{\"custom_id\":\"" id "\",\"method\":\"POST\",\"url\":\"/v1/chat/completions\"," \
                              "\"body\":{\"model\":\"" model "\",\"messages\":[]}}\n"
#define LINE(id) MODEL_LINE(id, "m")
#define THREE LINE("a") LINE("b") LINE("c")

static char dir[64];
static struct ep_options opt;
static struct ep *ep;
static int64_t now;
static struct ep_reply reply;
static struct buf content;

static inline void setup(void)
{
	snprintf(dir, sizeof dir, "/tmp/test_endpoint.XXXXXX");
	ck_assert(mkdtemp(dir) != NULL);
	opt = (struct ep_options){ .state_dir = path_join(dir, "state"), .log = path_join(dir, "log") };
	now = 1700000000000;
	reply = (struct ep_reply){ .cut_at = -1 };
	ep = NULL;
}

static inline void teardown(void)
{
	ep_free(ep);
	ep_reply_done(&reply);
	buf_done(&content);
	dir_remove(dir, NULL);
	free((char *)(uintptr_t)opt.state_dir);
	free((char *)(uintptr_t)opt.log);
}

static inline void start(const char *plan)
{
	struct err err = { 0 };

	ep_free(ep);
	ep = NULL;
	opt.plan_text = plan;
	ck_assert_msg(ep_new(&opt, &ep, &err) == 0, "%s", err.msg);
}

/* Puts text into a file of the test's directory; the path is the caller's. */
static inline char *put(const char *name, const char *text)
{
	char *path = path_join(dir, name);
	struct ep_writer w;

	ck_assert(ep_writer_open(&w, path));
	ep_writer_add(&w, span_of(text));
	ck_assert(ep_writer_close(&w));
	return path;
}

static inline int call(const char *method, const char *path, const char *body)
{
	struct ep_request q = { .method = method, .path = path, .body = span_of(body != NULL ? body : ""),
	                        .authorization = "Bearer k", .host = "127.0.0.1:99" };

	ep_reply_done(&reply);
	ep_call(ep, now, &q, &reply);
	return reply.status;
}

static inline int upload(const char *lines)
{
	char *path = put("in", lines);
	struct ep_request q = { .method = "POST", .path = "/v1/files", .authorization = "Bearer k", .upload_path = path,
	                        .upload_filename = "in.jsonl", .upload_purpose = "batch" };

	ep_reply_done(&reply);
	ep_call(ep, now, &q, &reply);
	free(path);
	return reply.status;
}

static inline int create(const char *file, const char *stage, const char *key)
{
	char *body = mem_printf("{\"input_file_id\":\"%s\",\"endpoint\":\"/v1/chat/completions\",\"completion_window\":\"24h\","
	                        "\"metadata\":{\"batchd_stage\":\"%s\",\"batchd_key\":\"%s\"}}", file, stage, key);
	int status = call("POST", "/v1/batches", body);

	free(body);
	return status;
}

/* A member of the JSON reply as text; "" if it is null or not there. */
static inline const char *field(const char *name)
{
	static char texts[8][512];
	static int turn;
	struct span v = scan_one(buf_span(&reply.body), name);
	char *to = texts[turn++ & 7];

	if (v.at != NULL && v.at[0] == '"')
		v = (struct span){ v.at + 1, v.len - 2 };
	snprintf(to, sizeof texts[0], "%.*s", scan_is_null(v) ? 0 : (int)v.len, v.at);
	return to;
}

/* The content of a file, as a client would get it when nothing is cut. */
static inline const char *fetch(const char *id)
{
	char *path = mem_printf("/v1/files/%s/content", id);
	struct buf whole = { 0 };

	buf_reset(&content);
	ck_assert_int_eq(call("GET", path, NULL), 200);
	ck_assert(reply.path != NULL && ep_read_all(reply.path, &whole));
	buf_add(&content, whole.at + reply.off, (size_t)reply.len);
	buf_done(&whole);
	free(path);
	return buf_str(&content);
}

static inline int count(const char *text, const char *what)
{
	int n = 0;

	for (const char *p = text; (p = strstr(p, what)) != NULL; p += strlen(what))
		n++;
	return n;
}

static inline int logged(const char *what)
{
	struct buf log = { 0 };
	int n;

	ck_assert(ep_read_all(opt.log, &log));
	n = count(buf_str(&log), what);
	buf_done(&log);
	return n;
}

/* One batch of the given lines from upload to the state it has at the first look. */
static inline void run_batch(const char *plan, const char *lines)
{
	start(plan);
	ck_assert_int_eq(upload(lines), 200);
	ck_assert_int_eq(create("file-000001", "1", "j:1:1"), 200);
	ck_assert_str_eq(field("status"), "validating");
	ck_assert_int_eq(call("GET", "/v1/batches/batch_000001", NULL), 200);
}

#define LOOP(tc, test, table) tcase_add_loop_test(tc, test, 0, (int)(sizeof table / sizeof table[0]))

#endif
