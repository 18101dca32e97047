/* SPDX-License-Identifier: MIT */
#include "ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "batchd/wire.h"
#include "ctl_int.h"
#include "files.h"
#include "job_store.h"
#include "log.h"
#include "mem.h"

enum { WATCH_MS = 500, SOON_MS = 10, CLIENTS_MOST = 512, CLIENTS_OF_ONE = 384 };

static const struct command {
	const char *name;
	enum ctl_right right;
	int (*run)(struct ctl_call *call, struct err *err);
} commands[] = {
#define CMD(name, right, words, summary, details) { #name, CTL_##right, ctl_##name },
#include "batchd/commands.def"
};

/* The arguments that a command takes. */
static const struct { const char *command, *name; } flags[] = {
#define FLAG(command, name, type, placeholder, help) { #command, #name },
#include "batchd/commands.def"
};

/* --- replies ---------------------------------------------------------------------------------------- */

void ctl_begin(struct jw *w, struct buf *line, const char *word)
{
	*line = (struct buf){ .may_fail = true };
	*w = (struct jw){ .out = line };
	jw_obj(w);
	jw_name(w, word);
}

void ctl_send(struct ctl_call *call, struct jw *w, struct buf *line, bool last)
{
	static const char lacks[] = "{\"error\":{\"code\":-11,\"message\":\"batchd has not enough memory for the answer now\"}}\n";
	struct span bytes = { lacks, sizeof lacks - 1 };

	jw_obj_end(w);
	buf_add_char(line, '\n');
	last = last || buf_lacks(line);
	if (!buf_lacks(line))
		bytes = buf_span(line);
	if (!call->answered && call->conn != NULL) {
		ctl_conn_write(call->conn, bytes);
		if (last)
			ctl_conn_end(call->conn);
	}
	call->answered = call->answered || last;
	buf_done(line);
}

void ctl_fail(struct ctl_call *call, const struct err *err)
{
	struct buf line;
	struct jw w;

	ctl_begin(&w, &line, "error");
	jw_obj(&w);
	jw_put_int(&w, "code", err->code);
	jw_put_str(&w, "message", err->msg);
	jw_obj_end(&w);
	ctl_send(call, &w, &line, true);
}

/* --- requests --------------------------------------------------------------------------------------- */

static const struct command *command_of(const struct ctl_call *call)
{
	const char *name = json_get_str(call->request, "command");

	for (size_t i = 0; name != NULL && i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static bool known_arg(const struct command *cmd, const char *name)
{
	if (strcmp(name, "job") == 0 || strcmp(name, "workflow") == 0 || strcmp(name, "dir") == 0)
		return true;
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (strcmp(flags[i].command, cmd->name) == 0 && strcmp(flags[i].name, name) == 0)
			return true;
	return false;
}

/* The job that args name, and whether it is the peer's. */
static int check_job(struct ctl_call *call, const struct command *cmd, struct err *err)
{
	const char *word = json_get_str(call->args, "job");
	struct job_row row;

	if (word == NULL)
		return 0;
	int64_t owner = call->may == CTL_ADMIN ? -1 : (int64_t)call->uid;
	int rc = job_find(call->ctl->env.db, word, owner, &call->job, err);
	if (rc == 0)
		rc = job_get(call->ctl->env.db, call->job, &row, err);
	if (rc < 0)
		return rc;
	bool mine = call->may == CTL_ADMIN || row.owner_uid == (int64_t)call->uid;
	if (!mine && strcmp(cmd->name, "status") != 0)
		rc = err_set(err, BD_EDENIED, "job %lld is somebody else's", (long long)call->job);
	job_row_done(&row);
	return rc;
}

/* Says too who could change that. */
static int deny(const struct ctl_call *call, struct err *err)
{
	const struct config *cfg = *call->ctl->env.config;

	if (!cfg->shared)
		return err_set(err, BD_EDENIED, "this batchd serves its own user only (and root)");
	if (cfg->group == NULL)
		return err_set(err, BD_EDENIED, "you have no right to that here: the setting `group` names nobody who has");
	return err_set(err, BD_EDENIED, "you have no right to that here: only members of the group %s have; root puts you into it "
	               "with usermod -aG %s and your name", cfg->group, cfg->group);
}

/* Everything that can be said of a request before it runs; the only place that looks at rights. */
static int check(struct ctl_call *call, struct err *err)
{
	const struct command *cmd = command_of(call);
	int64_t version = json_get_int(call->request, "batchd", -1);

	if (version != WIRE_VERSION)
		return err_set(err, BD_EINVALID, "this batchd (%s) speaks version %d of the protocol, not %lld; "
		               "use the batchctl that came with it", BATCHD_VERSION, WIRE_VERSION, (long long)version);
	if (cmd == NULL)
		return err_set(err, BD_EINVALID, "this batchd (%s) has no such command", BATCHD_VERSION);
	if (call->may < cmd->right)
		return deny(call, err);
	for (const struct json *a = json_first(call->args); a != NULL; a = json_next(a))
		if (json_name(a) == NULL || !known_arg(cmd, json_name(a)))
			return err_set(err, BD_EINVALID, "this batchd (%s) knows no --%.64s", BATCHD_VERSION,
			               json_name(a) != NULL ? json_name(a) : "?");
	return check_job(call, cmd, err);
}

/* Runs what the request asks for; answers an error itself. */
static void run(struct ctl_call *call)
{
	struct err err = { 0 };
	int rc = command_of(call)->run(call, &err);

	if (rc < 0)
		ctl_fail(call, &err);
}

static int64_t on_line(void *data, struct span line, char **ret_path)
{
	struct ctl_call *call = data;
	struct ctl *ctl = call->ctl;
	struct err err = { 0 };
	int rc = mem_room_ask(0, &err);

	if (rc == 0 && (rc = json_parse(line.at, line.len, &call->request, &err)) < 0)
		err_prefix(&err, "request: ");
	call->args = json_get(call->request, "args");
	if (rc == 0)
		rc = check(call, &err);
	if (rc < 0) {
		ctl_fail(call, &err);
		return -1;
	}
	int64_t upload = json_get_int(call->request, "upload", -1);
	if (upload < 0)
		return -1;
	if (strcmp(command_of(call)->name, "submit") != 0) {
		err_set(&err, BD_EINVALID, "%s takes no upload", command_of(call)->name);
		ctl_fail(call, &err);
		return -1;
	}
	char *name = mem_printf("incoming-%d-%lld", (int)getpid(), (long long)++ctl->uploads);
	*ret_path = path_join(ctl->env.state_dir, name);
	free(name);
	return upload;
}

static void on_ready(void *data, char *path)
{
	struct ctl_call *call = data;

	call->upload_path = path;
	if (!call->answered)
		run(call);
	if (call->refs > 1)
		return;                         /* its answer comes later, and may look at it again */
	json_free(call->request);
	call->request = NULL;
	call->args = NULL;
}

static void on_trouble(void *data, const char *why)
{
	struct ctl_call *call = data;
	struct err err;

	err_set(&err, BD_EIO, "the upload cannot be written to %s: %s", call->ctl->env.state_dir, why);
	ctl_fail(call, &err);
}

static void ctl_gone(struct ctl *ctl)
{
	if (--ctl->open > 0 || ctl->calls != NULL)
		return;
	void (*closed)(void *) = ctl->closed;
	void *data = ctl->data;

	free(ctl->path);
	free(ctl);
	closed(data);
}

void ctl_call_release(struct ctl_call *call)
{
	if (--call->refs == 0)
		free(call);
}

static void on_conn_closed(void *data)
{
	struct ctl_call *call = data, **at = &call->ctl->calls;
	struct ctl *ctl = call->ctl;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	if (call->upload_path != NULL)
		unlink(call->upload_path);
	free(call->upload_path);
	json_free(call->request);
	call->request = NULL;
	call->args = NULL;
	call->conn = NULL;
	ctl_call_release(call);
	ctl_gone(ctl);
}

static void on_drained(void *data)
{
	struct ctl_call *call = data;

	if (call->behind)
		ctl_events_send(call);
}

static const struct ctl_conn_fns conn_fns = { on_line, on_ready, on_trouble, on_drained, on_conn_closed };

/*
 * When there are too many, or too many of one user, the oldest that has said nothing yet makes room; a client
 * that asks at once always finds some.
 */
static bool make_room(struct ctl *ctl, const struct ctl_call *fresh)
{
	struct ctl_call *oldest = NULL, *its_oldest = NULL;
	int all = 0, its = 0;

	for (struct ctl_call *c = ctl->calls; c != NULL; c = c->next) {
		bool waits = c != fresh && c->conn != NULL && ctl_conn_waits(c->conn);

		all++;
		its += c->uid == fresh->uid;
		if (waits)
			oldest = c;             /* the list begins with the youngest */
		if (waits && c->uid == fresh->uid)
			its_oldest = c;
	}
	if (all <= CLIENTS_MOST && its <= CLIENTS_OF_ONE)
		return true;
	struct ctl_call *goes = its > CLIENTS_OF_ONE ? its_oldest : oldest;
	if (goes != NULL)
		ctl_conn_close(goes->conn);
	return goes != NULL;
}

static void on_client(uv_stream_t *listener, int status)
{
	struct ctl *ctl = listener->data;
	struct ctl_call *call = MEM_NEW(struct ctl_call);
	uint32_t uid = 0;

	call->ctl = ctl;
	call->refs = 1;
	call->next = ctl->calls;
	ctl->calls = call;
	ctl->open++;
	call->conn = ctl_conn_accept(ctl->env.loop, listener, &ctl->held, &conn_fns, call);
	if (status < 0 || mem_room_ask(0, NULL) < 0 || !ctl_conn_peer(call->conn, &uid)) {
		ctl_conn_close(call->conn);
		return;
	}
	call->uid = uid;
	if (!make_room(ctl, call)) {
		ctl_conn_close(call->conn);
		return;
	}
	call->may = ctl_right_of(*ctl->env.config, uid);
}

static void on_watch(uv_timer_t *t)
{
	struct ctl *ctl = t->data;

	for (struct ctl_call *c = ctl->calls, *next; c != NULL; c = next) {
		next = c->next;
		if (c->waits_for > 0)
			ctl_wait_check(c);
	}
}

/* Those that wait for a job are looked at behind the turn that is under way, and not for each event by itself. */
void ctl_notify(struct ctl *ctl)
{
	if (uv_timer_get_due_in(&ctl->watch) > SOON_MS)
		uv_timer_start(&ctl->watch, on_watch, SOON_MS, WATCH_MS);
	for (struct ctl_call *c = ctl->calls, *next; c != NULL; c = next) {
		next = c->next;
		if (c->follows)
			ctl_events_send(c);
	}
}

/* --- the socket ------------------------------------------------------------------------------------- */

static bool somebody_listens(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
	bool live = fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0;
	if (fd >= 0)
		close(fd);
	return live;
}

static int bind_path(struct ctl *ctl, struct err *err)
{
	char *dir = mem_strdup(ctl->path), *slash = strrchr(dir, '/');
	int rc = 0;

	if (slash != NULL && slash != dir) {
		*slash = '\0';
		rc = dir_make(dir, (*ctl->env.config)->shared ? 0755 : 0700, err);
	}
	free(dir);
	if (rc == 0 && somebody_listens(ctl->path))
		rc = err_set(err, BD_ESTATE, "another batchd listens at %s", ctl->path);
	if (rc < 0)
		return rc;
	unlink(ctl->path);
	int uv = uv_pipe_bind(&ctl->listener, ctl->path);
	ctl->bound = uv == 0;
	if (uv == 0)
		uv = uv_listen((uv_stream_t *)&ctl->listener, 128, on_client);
	if (uv == 0 && chmod(ctl->path, (*ctl->env.config)->shared ? 0666 : 0600) < 0)
		return err_sys(err, BD_EIO, "cannot set the mode of %s", ctl->path);
	return uv < 0 ? err_set(err, BD_EIO, "cannot listen at %s: %s", ctl->path, uv_strerror(uv)) : 0;
}

static void on_listener_closed(uv_handle_t *h)
{
	ctl_gone(h->data);
}

int ctl_open(const char *path, const struct ctl_env *env, struct ctl **ret, struct err *err)
{
	struct ctl *ctl = MEM_NEW(struct ctl);

	ctl->env = *env;
	ctl->path = mem_strdup(path);
	ctl->open = 2;
	uv_pipe_init(env->loop, &ctl->listener, 0);
	uv_timer_init(env->loop, &ctl->watch);
	ctl->listener.data = ctl;
	ctl->watch.data = ctl;
	uv_timer_start(&ctl->watch, on_watch, WATCH_MS, WATCH_MS);
	int rc = bind_path(ctl, err);
	*ret = ctl;             /* also on failure: its handles are closed by ctl_close() */
	return rc;
}

void ctl_close(struct ctl *ctl, void (*closed)(void *data), void *data)
{
	ctl->closed = closed;
	ctl->data = data;
	if (!ctl->closing) {
		if (ctl->bound)
			unlink(ctl->path);
		ctl->closing = true;
		uv_close((uv_handle_t *)&ctl->listener, on_listener_closed);
		uv_close((uv_handle_t *)&ctl->watch, on_listener_closed);
	}
	for (struct ctl_call *c = ctl->calls; c != NULL; c = c->next)
		if (c->conn != NULL)
			ctl_conn_close(c->conn);
}
