/* SPDX-License-Identifier: MIT */
/* submit: arguments become parameters; the upload becomes the job's dataset. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batchd/wire.h"
#include "ctl_int.h"
#include "mem.h"

enum { NAME_MAX_BYTES = 200 };

/* The arguments that are a run's parameters, as rollout_params_read() takes them; borrowed from the request. */
static int read_params(struct ctl_call *call, struct rollout_params *ret, struct json **ret_json, struct err *err)
{
	static const char *const names[] = { "workflow", "model_name", "temp", "top_p", "max_tokens", "thinking_budget",
		"enable_thinking", "greedy_first", "convert_crlf", "passk", "extra_body", "repostructure_dir", "repo_mirrors",
		"prompt_dir" };
	struct buf text = { .may_fail = true };
	struct jw w = { .out = &text };

	jw_obj(&w);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const struct json *v = json_get(call->args, names[i]);
		struct buf value = { .may_fail = true };

		if (v == NULL)
			continue;
		jw_name(&w, names[i]);
		json_print(v, &value);
		jw_raw(&w, buf_span(&value));
		text.lacks = text.lacks || value.lacks;
		buf_done(&value);
	}
	jw_obj_end(&w);
	int rc = buf_lacks(&text) ? err_set(err, BD_ENOMEM, "not enough memory for the request now") :
		json_parse(text.at, text.len, ret_json, err);
	buf_done(&text);
	return rc < 0 ? rc : rollout_params_read(*ret_json, ret, err);
}

static void on_submitted(void *data, int64_t id, const char *name, int64_t passes, const char *warnings,
                         const struct err *err)
{
	struct ctl_call *call = data;
	struct buf line;
	struct jw w;

	if (id < 0) {
		ctl_fail(call, err);
	} else {
		ctl_begin(&w, &line, "ok");
		jw_obj(&w);
		jw_put_int(&w, "schema", REPLY_SCHEMA);
		jw_put_id(&w, "id", id);
		jw_put_str(&w, "name", name);
		jw_put_int(&w, "passes", passes);
		jw_name(&w, "warnings");
		jw_raw(&w, span_of(warnings));
		if (call->conn != NULL && ctl_keeps_results(call))
			jw_put_bool(&w, "fetch", true);         /* the results wait for batchctl fetch */
		jw_obj_end(&w);
		ctl_send(call, &w, &line, true);
	}
	ctl_call_release(call);
}

static void on_planned(void *data, const char *json, const struct err *err)
{
	struct ctl_call *call = data;
	struct buf line;
	struct jw w;

	if (json == NULL) {
		ctl_fail(call, err);
	} else {
		ctl_begin(&w, &line, "ok");
		jw_raw(&w, span_of(json));
		ctl_send(call, &w, &line, true);
	}
	ctl_call_release(call);
}

static const char *arg(const struct ctl_call *call, const char *name)
{
	return json_get_str(call->args, name);
}

/* With no upload the data set is one of the hub's, and comes first; the rest of the way is the same. */
static int submit(struct ctl_call *call, bool fetched, const char *note, struct err *err);

static void on_fetched(void *data, const char *path, const char *note, const struct err *why)
{
	struct ctl_call *call = data;
	struct err err;

	if (call->conn == NULL || ctl_conn_gone(call->conn)) {  /* nobody would learn of the job, so there is none */
		if (path != NULL)
			unlink(path);
		if (call->conn != NULL)
			ctl_conn_close(call->conn);
	} else if (path == NULL) {
		ctl_fail(call, why);
	} else {
		call->upload_path = mem_strdup(path);
		if (submit(call, true, note, &err) < 0)
			ctl_fail(call, &err);
	}
	ctl_call_release(call);
}

static int fetch(struct ctl_call *call, const struct submission *s, struct err *err)
{
	const char *split = arg(call, "split");
	int rc = engine_submit_check(call->ctl->env.engine, s, err);

	if (rc == 0)
		rc = engine_hub_fetch(call->ctl->env.engine, s->dataset, split != NULL ? split : "test", on_fetched, call, err);
	return rc;
}

/* It stands in logs and events, and is what people type: one line, and never to be taken for another job's id. */
static int check_name(const char *name, struct err *err)
{
	if (name == NULL)
		return 0;
	if (name[0] == '\0' || strlen(name) > NAME_MAX_BYTES)
		return err_set(err, BD_EINVALID, "--name must have 1 to %d bytes", NAME_MAX_BYTES);
	for (const char *p = name; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return err_set(err, BD_EINVALID, "--name has a control character in it");
	if (name[strspn(name, "0123456789")] == '\0')
		return err_set(err, BD_EINVALID, "--name %s is a number: it could be another job's id", name);
	return 0;
}

static int submit(struct ctl_call *call, bool fetched, const char *note, struct err *err)
{
	struct submission s = { .owner_uid = call->uid, .warning = note };
	struct json *v = NULL;
	bool raw, hub;
	int rc = read_params(call, &s.params, &v, err);

	if (rc < 0)
		goto out;
	raw = s.params.workflow != NULL && strcmp(s.params.workflow, "raw") == 0;
	s.name = arg(call, "name");
	if ((rc = check_name(s.name, err)) < 0)
		goto out;
	s.endpoint = arg(call, "endpoint");
	s.save_dir = arg(call, "save_dir");
	s.start = arg(call, "start_file");
	s.end = arg(call, "end_file");
	s.dataset = arg(call, raw ? "requests" : "dataset");
	s.dataset_path = call->upload_path;
	s.priority = json_get_int(call->args, "priority", 0);
	s.canary = json_get_int(call->args, "canary", 0);
	hub = s.dataset_path == NULL && !raw && !fetched && engine_is_hub_name(s.dataset);
	s.keep = ctl_keeps_results(call);
	s.params.roots = raw ? NULL : ctl_roots(call);
	if ((rc = ctl_path_check(call, "repostructure_dir", s.params.repostructure_dir, err)) < 0 ||
	    (rc = ctl_path_check(call, "repo_mirrors", s.params.repo_mirrors, err)) < 0 ||
	    (rc = ctl_path_check(call, "prompt_dir", s.params.prompt_dir, err)) < 0)
		goto out;
	if (s.save_dir == NULL || s.save_dir[0] != '/')
		rc = err_set(err, BD_EINVALID, "--save_dir must be an absolute path");
	else if (s.dataset_path == NULL && !hub)
		rc = err_set(err, BD_EINVALID, "%s: no such file", s.dataset != NULL ? s.dataset : "no dataset");
	if (rc == 0) {
		call->refs++;
		rc = hub ? fetch(call, &s, err) : json_get_bool(call->args, "dry_run", false) ?
			engine_plan(call->ctl->env.engine, &s, on_planned, call, err) :
			engine_submit(call->ctl->env.engine, &s, on_submitted, call, err);
		if (rc < 0) {
			ctl_call_release(call);
		} else if (!hub) {              /* the engine has it now */
			free(call->upload_path);
			call->upload_path = NULL;
		}
	}
out:
	json_free(v);
	return rc;
}

int ctl_submit(struct ctl_call *call, struct err *err)
{
	return submit(call, false, NULL, err);
}
