/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ep.h"
#include "ep_io.h"
#include "files.h"
#include "front.h"
#include "mem.h"

/* batch-endpoint: a local Batch API server for tests and the demo (README.md). */

struct flags {
	struct ep_options ep;
	const char *port_file;
	int port;
};

static const char usage[] =
	"usage: batch-endpoint [--port N] [--port_file F] [--state_dir DIR] [--answers_step1 F] [--answers_step2 F]\n"
	"                      [--answers F] [--default TEXT] [--plan F] [--log F] [--key KEY] [--delay_ms N]\n"
	"                      [--max_requests N] [--max_bytes N] [--seed N]\n";

static bool name_is(const char *arg, size_t n, const char *name)
{
	if (strlen(name) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if ((arg[i] == '-' ? '_' : arg[i]) != name[i])
			return false;
	}
	return true;
}

static bool number(const char *text, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *ret >= 0;
}

static int flag_set(struct flags *f, const char *name, size_t n, const char *value, struct err *err)
{
	struct ep_options *o = &f->ep;
	const struct { const char *name; const char **at; } texts[] = {
		{ "port_file", &f->port_file }, { "state_dir", &o->state_dir }, { "answers_step1", &o->answers_step1 },
		{ "answers_step2", &o->answers_step2 }, { "answers", &o->answers }, { "plan", &o->plan }, { "log", &o->log },
		{ "key", &o->key }, { "default", &o->default_content },
	};
	int64_t port = f->port, seed = (int64_t)o->seed;
	const struct { const char *name; int64_t *at; } numbers[] = {
		{ "port", &port }, { "delay_ms", &o->delay_ms }, { "max_requests", &o->max_requests },
		{ "max_bytes", &o->max_bytes }, { "seed", &seed },
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (name_is(name, n, texts[i].name)) {
			*texts[i].at = value;
			return 0;
		}
	}
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		if (!name_is(name, n, numbers[i].name))
			continue;
		if (!number(value, numbers[i].at) || port > 65535)
			return err_set(err, BD_EINVALID, "--%.*s %s: not a number that fits", (int)n, name, value);
		f->port = (int)port;
		o->seed = (uint64_t)seed;
		return 0;
	}
	return err_set(err, BD_EINVALID, "--%.*s is not a flag", (int)n, name);
}

static int flags_read(int argc, char **argv, struct flags *ret, struct err *err)
{
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i] + 2, *equals = strchr(argv[i], '=');
		int rc;

		if (strncmp(argv[i], "--", 2) != 0)
			return err_set(err, BD_EINVALID, "%s is not a flag", argv[i]);
		if (equals == NULL && i + 1 == argc)
			return err_set(err, BD_EINVALID, "%s wants a value", argv[i]);
		if (equals != NULL)
			rc = flag_set(ret, name, (size_t)(equals - name), equals + 1, err);
		else
			rc = flag_set(ret, name, strlen(name), argv[i + 1], err);
		if (rc < 0)
			return rc;
		i += equals == NULL;
	}
	return 0;
}

/* Whoever waits for the file never sees it empty. */
static int port_write(const char *path, const char *text, struct err *err)
{
	char *temp = mem_printf("%s.tmp", path);
	struct ep_writer w;
	int rc = 0;

	ep_writer_open(&w, temp);
	ep_writer_add(&w, span_of(text));
	if (!ep_writer_close(&w) || rename(temp, path) < 0)
		rc = err_sys(err, BD_EIO, "cannot write %s", path);
	free(temp);
	return rc;
}

static int port_tell(const struct flags *f, int port, struct err *err)
{
	char text[16];

	snprintf(text, sizeof text, "%d\n", port);
	printf("listening on 127.0.0.1:%d\n", port);
	fflush(stdout);
	return f->port_file != NULL ? port_write(f->port_file, text, err) : 0;
}

/* Until a signal says stop; time passes for batches nobody looks at. */
static void serve(struct front *front, const sigset_t *stops)
{
	struct timespec tick = { .tv_nsec = 200000000 };

	while (sigtimedwait(stops, NULL, &tick) < 0)
		front_tick(front);
	front_tick(front);
}

static int run(struct flags *f, struct err *err)
{
	char temp[] = "/tmp/batch-endpoint.XXXXXX";
	struct front *front = NULL;
	struct ep *ep = NULL;
	sigset_t stops;
	int rc;

	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGINT);
	sigprocmask(SIG_BLOCK, &stops, NULL);           /* before any thread starts */
	signal(SIGPIPE, SIG_IGN);
	bool own_dir = f->ep.state_dir == NULL;
	if (own_dir) {
		f->ep.state_dir = mkdtemp(temp);
		if (f->ep.state_dir == NULL)
			return err_sys(err, BD_EIO, "cannot make %s", temp);
	}
	rc = ep_new(&f->ep, &ep, err);
	if (rc == 0)
		rc = front_new(ep, f->port, f->ep.state_dir, &front, err);
	if (rc == 0)
		rc = port_tell(f, front_port(front), err);
	if (rc == 0)
		serve(front, &stops);
	front_free(front);
	ep_free(ep);
	if (own_dir)
		dir_remove(f->ep.state_dir, NULL);
	return rc;
}

int main(int argc, char **argv)
{
	struct flags f = { 0 };
	struct err err = { 0 };

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(usage, stdout);
		return 0;
	}
	if (flags_read(argc, argv, &f, &err) < 0) {
		fprintf(stderr, "batch-endpoint: %s\n%s", err.msg, usage);
		return 2;
	}
	if (run(&f, &err) < 0) {
		fprintf(stderr, "batch-endpoint: %s\n", err.msg);
		return 1;
	}
	return 0;
}
