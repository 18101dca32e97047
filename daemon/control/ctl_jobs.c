/* SPDX-License-Identifier: MIT */
/* Looking at jobs and changing them: a handler for each such line of commands.def. */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batchd/wire.h"
#include "batch_store.h"
#include "ctl_int.h"
#include "job_store.h"
#include "mem.h"

enum { EVENTS_MOST = 500, LOGS_LAST = 50, BACKLOG_MOST = 1 << 20 };

static int find_job(struct ctl_call *call, int64_t *ret, struct err *err)
{
	if (call->job == 0)
		return err_set(err, BD_EINVALID, "which job? (batchctl status lists them)");
	*ret = call->job;
	return 0;
}

int ctl_ping(struct ctl_call *call, struct err *err)
{
	struct buf line;
	struct jw w;

	(void)err;
	ctl_begin(&w, &line, "ok");
	jw_obj(&w);
	jw_put_int(&w, "schema", REPLY_SCHEMA);
	jw_put_str(&w, "version", BATCHD_VERSION);
	jw_put_int(&w, "pid", getpid());
	jw_put_int(&w, "uptime_s", call->ctl->env.uptime_s());
	jw_put_int(&w, "wire", WIRE_VERSION);
	jw_put_int(&w, "database", db_schema());
	jw_obj_end(&w);
	ctl_send(call, &w, &line, true);
	return 0;
}

/* Whose jobs the peer sees whole: all (-1), or its own. */
static int64_t ctl_sees(const struct ctl_call *call)
{
	return call->may == CTL_ADMIN ? -1 : (int64_t)call->uid;
}

int ctl_metrics(struct ctl_call *call, struct err *err)
{
	struct buf line, text = { .may_fail = true };
	struct jw w;
	int rc = engine_metrics(call->ctl->env.engine, &text, err);

	if (rc == 0 && buf_lacks(&text))
		rc = err_set(err, BD_ENOMEM, "not enough memory for the answer now");
	if (rc == 0) {
		ctl_begin(&w, &line, "ok");
		jw_obj(&w);
		jw_put_span(&w, "text", buf_span(&text));
		jw_obj_end(&w);
		ctl_send(call, &w, &line, true);
	}
	buf_done(&text);
	return rc;
}

static int status_list(struct ctl_call *call, struct jw *w, struct err *err)
{
	struct engine *e = call->ctl->env.engine;
	int64_t *ids = NULL;
	size_t n = 0;
	int rc = job_list_newest(call->ctl->env.db, INT64_MAX, STATUS_JOBS_MAX, &ids, &n, err);

	jw_obj(w);
	jw_put_int(w, "schema", REPLY_SCHEMA);
	jw_name(w, "daemon");
	jw_obj(w);
	jw_put_str(w, "version", BATCHD_VERSION);
	jw_put_int(w, "uptime_s", call->ctl->env.uptime_s());
	jw_obj_end(w);
	jw_name(w, "jobs");
	jw_list(w);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = engine_job_status(e, ids[i], false, ctl_sees(call), w, err);
	jw_list_end(w);
	jw_name(w, "endpoints");
	engine_endpoint_status(e, w);
	jw_obj_end(w);
	free(ids);
	return rc;
}

int ctl_status(struct ctl_call *call, struct err *err)
{
	int64_t id = 0;
	struct buf line;
	struct jw w;
	int rc = 0;

	ctl_begin(&w, &line, "ok");
	if (json_get(call->args, "job") == NULL) {
		rc = status_list(call, &w, err);
	} else {
		rc = find_job(call, &id, err);
		if (rc == 0)
			rc = engine_job_status(call->ctl->env.engine, id, true, ctl_sees(call), &w, err);
	}
	if (rc < 0)
		buf_done(&line);
	else
		ctl_send(call, &w, &line, true);
	return rc;
}

int ctl_why(struct ctl_call *call, struct err *err)
{
	int64_t id = 0;
	struct buf line;
	struct jw w;
	int rc = find_job(call, &id, err);

	if (rc < 0)
		return rc;
	ctl_begin(&w, &line, "ok");
	jw_obj(&w);
	jw_put_int(&w, "schema", REPLY_SCHEMA);
	jw_put_id(&w, "id", id);
	rc = engine_why(call->ctl->env.engine, id, &w, err);
	jw_obj_end(&w);
	if (rc < 0)
		buf_done(&line);
	else
		ctl_send(call, &w, &line, true);
	return rc;
}

static void on_audited(void *data, bool ok, const char *json, const struct err *err)
{
	struct ctl_call *call = data;
	struct buf line;
	struct jw w;

	(void)ok;
	if (err != NULL) {
		ctl_fail(call, err);
	} else {
		ctl_begin(&w, &line, "ok");
		jw_raw(&w, span_of(json));
		ctl_send(call, &w, &line, true);
	}
	ctl_call_release(call);
}

int ctl_audit(struct ctl_call *call, struct err *err)
{
	int64_t id = 0;
	int rc = find_job(call, &id, err);

	if (rc < 0)
		return rc;
	call->refs++;
	rc = engine_audit(call->ctl->env.engine, id, json_get_bool(call->args, "remote", false), on_audited, call, err);
	if (rc < 0)
		ctl_call_release(call);
	return rc;
}

/* --- changing ------------------------------------------------------------------------------------------ */

static int tell_state(struct ctl_call *call, int64_t id, const char *state)
{
	struct buf line;
	struct jw w;

	ctl_begin(&w, &line, "ok");
	jw_obj(&w);
	jw_put_int(&w, "schema", REPLY_SCHEMA);
	jw_put_id(&w, "id", id);
	jw_put_str(&w, "state", state);
	jw_obj_end(&w);
	ctl_send(call, &w, &line, true);
	return 0;
}

static int change(struct ctl_call *call, int (*what)(struct engine *, int64_t, struct err *), const char *state,
                  struct err *err)
{
	int64_t id = 0;
	int rc = find_job(call, &id, err);

	if (rc == 0)
		rc = what(call->ctl->env.engine, id, err);
	return rc < 0 ? rc : tell_state(call, id, state);
}

int ctl_pause(struct ctl_call *call, struct err *err)
{
	struct passwd *pw = getpwuid(call->uid);
	char *by = pw != NULL ? mem_strdup(pw->pw_name) : mem_printf("uid %lld", (long long)call->uid);
	int64_t id = 0;
	int rc = find_job(call, &id, err);

	if (rc == 0)
		rc = engine_pause(call->ctl->env.engine, id, by, err);
	free(by);
	return rc < 0 ? rc : tell_state(call, id, "paused");
}

int ctl_cancel(struct ctl_call *call, struct err *err)
{
	return change(call, engine_cancel, "canceled", err);
}

int ctl_remove(struct ctl_call *call, struct err *err)
{
	return change(call, engine_remove, "removed", err);
}

int ctl_resume(struct ctl_call *call, struct err *err)
{
	const char *endpoint = json_get_str(call->args, "endpoint");
	struct buf line;
	struct jw w;

	if (endpoint == NULL)
		return change(call, engine_resume, "running", err);
	int rc = engine_resume_endpoint(call->ctl->env.engine, endpoint, err);
	if (rc < 0)
		return rc;
	ctl_begin(&w, &line, "ok");
	jw_obj(&w);
	jw_put_int(&w, "schema", REPLY_SCHEMA);
	jw_put_str(&w, "endpoint", endpoint);
	jw_put_str(&w, "state", "open");
	jw_obj_end(&w);
	ctl_send(call, &w, &line, true);
	return 0;
}

int ctl_retry(struct ctl_call *call, struct err *err)
{
	struct retry_selector which = { .custom_id = json_get_str(call->args, "pass"),
		.instance_id = json_get_str(call->args, "instance"), .stage = (int)json_get_int(call->args, "stage", 0) };
	int64_t id = 0, passes = 0;
	struct buf line;
	struct jw w;
	int rc = find_job(call, &id, err);

	if (rc == 0)
		rc = engine_retry(call->ctl->env.engine, id, &which, &passes, err);
	if (rc < 0)
		return rc;
	ctl_begin(&w, &line, "ok");
	jw_obj(&w);
	jw_put_int(&w, "schema", REPLY_SCHEMA);
	jw_put_int(&w, "passes", passes);
	jw_obj_end(&w);
	ctl_send(call, &w, &line, true);
	return 0;
}

/* --- waiting ------------------------------------------------------------------------------------------- */

static bool ended(enum job_state s)
{
	return s == JOB_DONE || s == JOB_FAILED || s == JOB_CANCELED;
}

static void send_job(struct ctl_call *call, int64_t id, const char *word, bool last)
{
	struct err err = { 0 };
	struct buf line;
	struct jw w;

	ctl_begin(&w, &line, word);
	if (engine_job_status(call->ctl->env.engine, id, last, ctl_sees(call), &w, &err) < 0) {
		buf_done(&line);
		ctl_fail(call, &err);
		return;
	}
	ctl_send(call, &w, &line, last);
}

/* The job it waits for may have ended by now. */
void ctl_wait_check(struct ctl_call *call)
{
	struct job_row row;
	struct err err = { 0 };

	if (call->answered)
		return;
	if (job_get(call->ctl->env.db, call->waits_for, &row, &err) < 0) {
		ctl_fail(call, &err);
		return;
	}
	/* a canceled one has its end when its last batch is counted */
	bool over = ended(row.state) && row.ended_ms > 0;
	job_row_done(&row);
	if (over)
		send_job(call, call->waits_for, "ok", true);
}

int ctl_wait(struct ctl_call *call, struct err *err)
{
	int64_t id = 0;
	int rc = find_job(call, &id, err);

	if (rc < 0)
		return rc;
	call->waits_for = id;
	ctl_wait_check(call);
	return 0;
}

/* --- events -------------------------------------------------------------------------------------------- */

static void on_event(void *data, const struct event_row *e)
{
	struct ctl_call *call = data;
	struct buf line;
	struct jw w;

	call->follow_seq = e->seq;
	if (call->may != CTL_ADMIN && e->job > 0 && e->job_owner != (int64_t)call->uid)
		return;                         /* somebody else's */
	ctl_begin(&w, &line, "more");
	jw_obj(&w);
	jw_put_int(&w, "schema", REPLY_SCHEMA);
	jw_put_int(&w, "seq", e->seq);
	jw_put_int(&w, "time_ms", e->time_ms);
	if (e->job > 0)
		jw_put_id(&w, "job", e->job);
	else
		jw_put_str(&w, "job", "");
	jw_put_str(&w, "job_name", e->job_name);
	jw_put_int(&w, "batch", e->batch);
	jw_put_str(&w, "level", e->level);
	jw_put_str(&w, "text", e->text);
	jw_obj_end(&w);
	ctl_send(call, &w, &line, false);
}

void ctl_events_send(struct ctl_call *call)
{
	struct err err = { 0 };
	struct buf line;
	struct jw w;

	for (int64_t before = -1; call->follow_seq != before && !call->answered;) {
		before = call->follow_seq;
		call->behind = call->conn != NULL && ctl_conn_unsent(call->conn) > BACKLOG_MOST;
		if (call->behind)
			return;                 /* until on_drained: they wait in the database, not in memory */
		if (event_each(call->ctl->env.db, call->follow_job, before, EVENTS_MOST, on_event, call, &err) < 0) {
			ctl_fail(call, &err);
			return;
		}
	}
	if (call->follows)
		return;
	ctl_begin(&w, &line, "ok");
	jw_obj(&w);
	jw_obj_end(&w);
	ctl_send(call, &w, &line, true);
}

static int follow_from(struct ctl_call *call, int64_t last, struct err *err)
{
	int64_t id = 0;
	int rc = json_get(call->args, "job") != NULL ? find_job(call, &id, err) : 0;

	if (rc == 0 && last > 0)
		rc = event_back(call->ctl->env.db, id, ctl_sees(call), last, &call->follow_seq, err);
	if (rc < 0)
		return rc;
	call->follow_job = id;
	call->follows = json_get_bool(call->args, "follow", false);
	ctl_events_send(call);
	return 0;
}

int ctl_events(struct ctl_call *call, struct err *err)
{
	return follow_from(call, 0, err);
}

int ctl_logs(struct ctl_call *call, struct err *err)
{
	int64_t last = json_get_int(call->args, "last", LOGS_LAST);

	return follow_from(call, last > 0 ? last : LOGS_LAST, err);
}
