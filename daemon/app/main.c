/* SPDX-License-Identifier: MIT */
/*
 * batchd: start, loop, stop.
 *
 * The first SIGTERM or SIGINT drains: nothing new is begun, what is under way ends or is broken off within 10 s, and
 * the state left is one from which the next start goes on.  A second one leaves at once.  SIGHUP reads the config again.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "clock.h"
#include "config.h"
#include "ctl.h"
#include "curl_transport.h"
#include "db.h"
#include "engine.h"
#include "files.h"
#include "hook.h"
#include "log.h"
#include "mem.h"
#include "notify.h"
#include "worker.h"

enum { DRAIN_MS = 8500, STATUS_MS = 5000 };

static struct app {
	uv_loop_t loop;
	uv_timer_t tick, beat, drain;
	uv_idle_t soon;                 /* a tick at once: sockets are looked at before the next one */
	uv_signal_t term, intr, hup;
	struct config *config, **old;   /* old: what the engine may still hold until it has loaded anew */
	size_t n_old;
	char *state_dir;                /* of the start: a reload does not move it */
	struct db *db;
	struct engine *engine;
	struct transport *transport;
	struct workers *workers;
	struct ctl *ctl;
	int lock;
	int64_t started_ms;
	bool stopping, in_tick;
	int exit_status;
} app;

static struct options {
	const char *config, *state_dir, *socket;
	bool check, verbose, shared;
} opt;

static void usage(FILE *to)
{
	fputs("usage: batchd [-c FILE] [-n] [--state_dir DIR] [--socket PATH] [-v]\n"
	      "  -c, --config FILE   settings (default: ~/.config/batchd/batchd.conf; for root, if there,\n"
	      "                      /etc/batchd/batchd.conf; with none, an endpoint openai with $OPENAI_API_KEY)\n"
	      "  -n, --check         check the settings and stop\n"
	      "  --state_dir DIR     database, request and result files\n"
	      "  --socket PATH       where batchctl connects\n"
	      "  --shared            serve all users of this machine, as the setting `shared` does\n"
	      "  -v, --verbose       tell more\n"
	      "  --print-config      print a config file with every setting explained\n"
	      "  --version, --help\n"
	      "See batchd(8), batchd.conf(5), batchctl(1).\n", to);
}

/* Flags with '_' and with '-'. */
static int parse_options(int argc, char **argv)
{
	static const struct option longs[] = { { "config", 1, NULL, 'c' }, { "check", 0, NULL, 'n' },
		{ "state_dir", 1, NULL, 'd' }, { "state-dir", 1, NULL, 'd' }, { "socket", 1, NULL, 's' },
		{ "verbose", 0, NULL, 'v' }, { "shared", 0, NULL, 'S' }, { "version", 0, NULL, 'V' }, { "help", 0, NULL, 'h' },
		{ "print-config", 0, NULL, 'p' }, { "print_config", 0, NULL, 'p' }, { 0 } };
	struct buf text = { 0 };

	for (int c; (c = getopt_long(argc, argv, "c:nvVh", longs, NULL)) != -1;) {
		switch (c) {
		case 'c': opt.config = optarg; break;
		case 'n': opt.check = true; break;
		case 'd': opt.state_dir = optarg; break;
		case 's': opt.socket = optarg; break;
		case 'v': opt.verbose = true; break;
		case 'S': opt.shared = true; break;
		case 'V': printf("batchd %s, schema %d\n", BATCHD_VERSION, db_schema()); exit(0);
		case 'h': usage(stdout); exit(0);
		case 'p':
			config_print_example(&text);
			fputs(buf_str(&text), stdout);
			exit(0);
		default: usage(stderr); return -1;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "batchd: what is %s?\n", argv[optind]);
		usage(stderr);
		return -1;
	}
	return 0;
}

/* An absolute path in its own memory. */
static char *absolute(const char *path)
{
	char cwd[4096];

	if (path[0] == '/' || getcwd(cwd, sizeof cwd) == NULL)
		return mem_strdup(path);
	return path_join(cwd, path);
}

static int load_config(struct config **ret, struct err *err)
{
	char *found = opt.config != NULL ? absolute(opt.config) : config_find();
	int rc = config_load(found, ret, err);

	free(found);
	if (rc < 0)
		return rc;
	(*ret)->shared = (*ret)->shared || opt.shared;
	if (opt.state_dir != NULL) {
		free((*ret)->state_dir);
		(*ret)->state_dir = absolute(opt.state_dir);
	}
	if (opt.socket != NULL) {
		free((*ret)->socket);
		(*ret)->socket = absolute(opt.socket);
	}
	return 0;
}

/* --- the loop ------------------------------------------------------------------------------------------ */

static void schedule(void);

static void tick(void)
{
	app.in_tick = true;
	engine_tick(app.engine);
	app.in_tick = false;
	schedule();
}

static void on_tick(uv_timer_t *t)
{
	(void)t;
	tick();
}

static void on_soon(uv_idle_t *i)
{
	uv_idle_stop(i);
	tick();
}

/* Not a timer of 0 ms: those run in a row, and nobody else is heard meanwhile. */
static void tick_soon(void)
{
	uv_timer_stop(&app.tick);
	uv_idle_start(&app.soon, on_soon);
}

/* The engine says when it is to be looked at again. */
static void schedule(void)
{
	if (app.engine == NULL || app.in_tick)
		return;
	int64_t due = engine_due_ms(app.engine), now = clock_system()->now_ms(clock_system());
	uv_timer_stop(&app.tick);
	if (due <= now)
		tick_soon();
	else if (due != INT64_MAX)
		uv_timer_start(&app.tick, on_tick, (uint64_t)(due - now), 0);
}

static void on_wake(void *data)
{
	(void)data;
	if (!app.in_tick)
		tick_soon();
}

static void on_event(void *data)
{
	(void)data;
	if (app.ctl != NULL)
		ctl_notify(app.ctl);
}

static int64_t uptime_s(void)
{
	return (clock_system()->now_ms(clock_system()) - app.started_ms) / 1000;
}

/* The watchdog's heartbeat, and one line of what it is doing. */
static void on_beat(uv_timer_t *t)
{
	struct buf text = { 0 };

	(void)t;
	buf_add_str(&text, "WATCHDOG=1\nSTATUS=");
	engine_describe(app.engine, &text);
	notify_send(buf_str(&text));
	buf_done(&text);
}

/* --- stopping ------------------------------------------------------------------------------------------- */

static void on_nothing(void *data)
{
	(void)data;
}

static void close_handle(uv_handle_t *h, void *data)
{
	(void)data;
	if (!uv_is_closing(h) && (h == (uv_handle_t *)&app.tick || h == (uv_handle_t *)&app.soon ||
	                          h == (uv_handle_t *)&app.beat ||
	                          h == (uv_handle_t *)&app.drain || h == (uv_handle_t *)&app.term ||
	                          h == (uv_handle_t *)&app.intr || h == (uv_handle_t *)&app.hup))
		uv_close(h, NULL);
}

static void stop_now(void)
{
	uv_stop(&app.loop);
}

static void on_drain(uv_timer_t *t)
{
	static int64_t until;
	int64_t now = clock_system()->now_ms(clock_system());

	(void)t;
	if (until == 0)
		until = now + DRAIN_MS;
	engine_tick(app.engine);
	if (engine_drain(app.engine)) {
		stop_now();
	} else if (now >= until) {
		/* a worker that does not end: memory is still its own, so this process ends as it is */
		log_warn("some work takes too long; the next start does it again");
		ctl_close(app.ctl, on_nothing, NULL);
		_exit(app.exit_status);
	}
}

static void on_stop(uv_signal_t *s, int signum)
{
	(void)s;
	if (app.stopping) {
		log_notice("second signal: leaving at once");
		_exit(app.exit_status);
	}
	app.stopping = true;
	log_notice("%s: finishing what is under way", signum == SIGTERM ? "SIGTERM" : "SIGINT");
	notify_send("STOPPING=1\nSTATUS=finishing what is under way");
	uv_timer_start(&app.drain, on_drain, 0, 50);
}

static void free_old(void)
{
	while (app.n_old > 0)
		config_free(app.old[--app.n_old]);
}

static void on_hup(uv_signal_t *s, int signum)
{
	struct config *fresh = NULL;
	struct err err = { 0 };
	char text[128];

	(void)s;
	(void)signum;
	snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)uv_hrtime() / 1000);
	notify_send(text);
	if (engine_loaded(app.engine))
		free_old();
	if (load_config(&fresh, &err) < 0) {
		log_error("reload: %s; nothing was changed", err.msg);
	} else if (engine_reload(app.engine, fresh, &err) < 0) {
		log_error("reload: %s", err.msg);
		config_free(fresh);
	} else {
		log_notice("reloaded %s", fresh->file != NULL ? fresh->file : "(no file)");
		app.old = mem_grow(app.old, app.n_old + 1, sizeof(struct config *));
		app.old[app.n_old++] = app.config;
		app.config = fresh;
		schedule();
	}
	notify_send("READY=1");
}

/* --- starting ------------------------------------------------------------------------------------------- */

/* One batchd per state_dir. */
static int lock_state(const char *dir, struct err *err)
{
	char *path = path_join(dir, "lock");

	app.lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int rc = 0;
	if (app.lock < 0)
		rc = err_sys(err, BD_EIO, "cannot open %s", path);
	else if (flock(app.lock, LOCK_EX | LOCK_NB) < 0)
		rc = err_set(err, BD_ESTATE, "another batchd works in %s", dir);
	free(path);
	return rc;
}

static int open_all(struct err *err)
{
	const char *dir = app.state_dir = mem_strdup(app.config->state_dir);
	char *db = path_join(dir, "batchd.db"), threads[24];
	int rc = dir_make(dir, 0700, err);

	/* uploads of clients are written in the pool too: they must not wait behind heavy work */
	snprintf(threads, sizeof threads, "%lld", (long long)app.config->workers + 2);
	setenv("UV_THREADPOOL_SIZE", threads, 1);
	if (rc == 0)
		rc = lock_state(dir, err);
	if (rc == 0)
		rc = db_open(db, &app.db, err);
	free(db);
	if (rc < 0)
		return rc;
	app.transport = curl_transport_new(&app.loop, err);
	if (app.transport == NULL)
		return err->code;
	app.workers = worker_pool_new(&app.loop);
	struct engine_env env = { .db = app.db, .clock = clock_system(), .transport = app.transport,
		.workers = app.workers, .config = app.config, .state_dir = dir, .wake = on_wake, .event = on_event,
		.hook = hook_run, .data = &app.loop };
	rc = engine_open(&env, &app.engine, err);
	if (rc < 0)
		return rc;
	struct ctl_env ctl = { .loop = &app.loop, .engine = app.engine, .db = app.db, .state_dir = dir,
		.config = (const struct config *const *)&app.config, .uptime_s = uptime_s };
	return ctl_open(app.config->socket, &ctl, &app.ctl, err);
}

static void open_loop(void)
{
	uv_loop_init(&app.loop);
	uv_timer_init(&app.loop, &app.tick);
	uv_idle_init(&app.loop, &app.soon);
	uv_timer_init(&app.loop, &app.beat);
	uv_timer_init(&app.loop, &app.drain);
	uv_signal_init(&app.loop, &app.term);
	uv_signal_init(&app.loop, &app.intr);
	uv_signal_init(&app.loop, &app.hup);
	uv_signal_start(&app.term, on_stop, SIGTERM);
	uv_signal_start(&app.intr, on_stop, SIGINT);
	uv_signal_start(&app.hup, on_hup, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
}

static void close_all(void)
{
	if (app.ctl != NULL)
		ctl_close(app.ctl, on_nothing, NULL);
	/* where the start failed half-way, tasks may be under way */
	while (app.engine != NULL && !engine_drain(app.engine))
		(void)uv_run(&app.loop, UV_RUN_ONCE);
	struct engine *e = app.engine;
	app.engine = NULL;
	engine_close(e);
	if (app.transport != NULL)
		curl_transport_close(app.transport, on_nothing, NULL);
	uv_walk(&app.loop, close_handle, NULL);
	uv_run(&app.loop, UV_RUN_DEFAULT);
	db_close(app.db);
	free(app.workers);
	free_old();
	free(app.old);
	free(app.state_dir);
	config_free(app.config);
	(void)uv_loop_close(&app.loop);
}

/* Large blocks go back to the system when they are freed, and few threads need few heaps. */
static void keep_memory_low(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, 256 << 10);
	(void)mallopt(M_TRIM_THRESHOLD, 1 << 20);
	(void)mallopt(M_ARENA_MAX, 2);
}

static void run(void)
{
	int64_t beat = notify_watchdog_ms();

	app.started_ms = clock_system()->now_ms(clock_system());
	log_notice("batchd %s: config file %s, state in %s, socket %s, %zu %s", BATCHD_VERSION,
	           app.config->file != NULL ? app.config->file : "none", app.config->state_dir,
	           app.config->socket, app.config->n_endpoints, app.config->n_endpoints == 1 ? "endpoint" : "endpoints");
	uv_timer_start(&app.beat, on_beat, 0, beat > 0 && beat < STATUS_MS ? (uint64_t)beat : STATUS_MS);
	notify_send("READY=1");
	tick();
	uv_run(&app.loop, UV_RUN_DEFAULT);
	log_notice("batchd: stopped");
}

/* Clients, connections, and some hundred files for each job whose results are written. */
static void raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= files.rlim_max)
		return;
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
	struct mem_room room;
	struct err err = { 0 };

	if (parse_options(argc, argv) < 0)
		return 2;
	log_open(opt.verbose ? LOG_LVL_DEBUG : LOG_LVL_INFO);
	prctl(PR_SET_DUMPABLE, 0);              /* keys are in memory: no core, no ptrace by others */
	umask(0022);
	raise_file_limit();
	if (load_config(&app.config, &err) < 0) {
		log_error("%s", err.msg);
		return 2;
	}
	if (opt.check) {
		printf("%s: the configuration is good\n", app.config->file != NULL ? app.config->file : "no file");
		config_free(app.config);
		return 0;
	}
	keep_memory_low();
	open_loop();
	(void)mem_room_open(&room, TURN_ROOM, &err);    /* without it the first turn waits */
	if (open_all(&err) < 0) {
		log_error("%s", err.msg);
		app.exit_status = err_exit_status(err.code);
	} else {
		run();
	}
	close_all();
	(void)mem_room_close(&room, 0, NULL);
	return app.exit_status;
}
