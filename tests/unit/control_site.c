/* SPDX-License-Identifier: MIT */
#include "control_site.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "ctl.h"
#include "ctl_int.h"
#include "db.h"
#include "engine.h"
#include "files.h"
#include "mem.h"

enum { TURNS_MOST = 4000 };

static struct control {
	char dir[64], *socket;
	uv_loop_t loop;
	struct config *config;
	struct db *db;
	struct engine *engine;
	struct ctl *ctl;
	struct work *first, **end;
	struct exchange *calls[64];
	size_t n_calls;
	bool closed;
	struct mem_room room;
} at;

static void must(int rc, const struct err *err)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "control_site: %s\n", err->msg);
	abort();
}

/* --- the seams: tasks run at once and end with the next turn, nobody answers at the other end ---------- */

static void on_submit(struct workers *workers, struct work *work)
{
	(void)workers;
	work->next = NULL;
	*at.end = work;
	at.end = &work->next;
	work->run(work);
}

static void on_start(struct transport *transport, struct exchange *x)
{
	(void)transport;
	if (at.n_calls == sizeof at.calls / sizeof at.calls[0])
		abort();
	x->net = NET_NOT_SENT;
	at.calls[at.n_calls++] = x;
}

static void on_cancel(struct transport *transport, struct exchange *x)
{
	(void)transport;
	x->net = NET_CANCELED;
}

static struct workers workers = { on_submit };
static struct transport transport = { on_start, on_cancel };

static void on_wake(void *data)
{
	(void)data;
}

static void on_event(void *data)
{
	(void)data;
	if (at.ctl != NULL)
		ctl_notify(at.ctl);
}

static int64_t uptime_s(void)
{
	return 1;
}

/* --- from start to end ----------------------------------------------------------------------------- */

void control_open(void)
{
	static const char text[] = "endpoints = ( { name = \"local\"; base_url = \"http://127.0.0.1:9/v1\"; } );\n";
	struct err err = { 0 };

	(void)signal(SIGPIPE, SIG_IGN);         /* as main() does */
	memset(&at, 0, sizeof at);
	at.end = &at.first;
	snprintf(at.dir, sizeof at.dir, "%s/batchd-control.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(at.dir) == NULL)
		abort();
	char *file = path_join(at.dir, "batchd.conf"), *db = path_join(at.dir, "batchd.db");
	at.socket = path_join(at.dir, "s");
	must(file_put(file, text, sizeof text - 1, 0600, &err), &err);
	must(config_load(file, &at.config, &err), &err);
	must(db_open(db, &at.db, &err), &err);
	must(mem_room_open(&at.room, TURN_ROOM, &err), &err);
	uv_loop_init(&at.loop);
	struct engine_env env = { .db = at.db, .clock = clock_system(), .transport = &transport, .workers = &workers,
		.config = at.config, .state_dir = at.dir, .wake = on_wake, .event = on_event };
	must(engine_open(&env, &at.engine, &err), &err);
	struct ctl_env ctl = { .loop = &at.loop, .engine = at.engine, .db = at.db, .state_dir = at.dir,
		.config = (const struct config *const *)&at.config, .uptime_s = uptime_s };
	must(ctl_open(at.socket, &ctl, &at.ctl, &err), &err);
	free(file);
	free(db);
}

static void on_closed(void *data)
{
	(void)data;
	at.closed = true;
}

void control_close(void)
{
	while (!engine_drain(at.engine))
		control_turn();
	ctl_close(at.ctl, on_closed, NULL);
	at.ctl = NULL;
	while (!at.closed)
		(void)uv_run(&at.loop, UV_RUN_ONCE);
	engine_close(at.engine);
	(void)uv_run(&at.loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&at.loop);
	db_close(at.db);
	config_free(at.config);
	free(at.socket);
	(void)dir_remove(at.dir, NULL);
	(void)mem_room_close(&at.room, 0, NULL);
}

const char *control_dir(void)
{
	return at.dir;
}

void control_turn(void)
{
	(void)uv_run(&at.loop, UV_RUN_NOWAIT);
	struct work *w = at.first;
	at.first = NULL;
	at.end = &at.first;
	while (w != NULL) {
		struct work *next = w->next;

		w->done(w);
		w = next;
	}
	while (at.n_calls > 0) {
		struct exchange *x = at.calls[--at.n_calls];

		x->done(x);
	}
	engine_tick(at.engine);
}

/* --- the client's side -------------------------------------------------------------------------------- */

int control_connect(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(to.sun_path, sizeof to.sun_path, "%s", at.socket);
	while (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
		if (errno != EAGAIN)
			abort();
		control_turn();                 /* it has a queue of clients to accept */
	}
	return fd;
}

/* File writes are done by threads: give them a moment. */
static void pause_a_little(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

bool control_send(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;

	for (int turns = 0; n > 0 && turns < TURNS_MOST; turns++) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL);

		if (w < 0 && errno != EAGAIN)
			return false;
		if (w > 0) {
			p += w;
			n -= (size_t)w;
		} else {
			pause_a_little();
		}
		control_turn();
	}
	return n == 0;
}

bool control_reply(int fd, struct buf *ret)
{
	for (int turns = 0; turns < TURNS_MOST; turns++) {
		ssize_t n = recv(fd, buf_reserve(ret, 65536), 65536, 0);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			return true;
		if (n > 0) {
			ret->len += (size_t)n;
			ret->at[ret->len] = '\0';
		} else if (turns > 20) {
			pause_a_little();
		}
		control_turn();
	}
	return false;
}

void control_ask(const void *bytes, size_t n, struct buf *ret)
{
	int fd = control_connect();

	(void)control_send(fd, bytes, n);
	(void)shutdown(fd, SHUT_WR);
	(void)control_reply(fd, ret);
	close(fd);
}

int control_clients(void)
{
	int n = 0;

	for (struct ctl_call *c = at.ctl->calls; c != NULL; c = c->next)
		n++;
	return n;
}

int control_files(const char *start)
{
	DIR *d = opendir(at.dir);
	int n = 0;

	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		n += strncmp(e->d_name, start, strlen(start)) == 0;
	if (d != NULL)
		closedir(d);
	return n;
}
