/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "mem.h"
#include "rollout_priv.h"

#define PASSK_MAX 100000

/* Every parameter once: its name outside, what it is, where it lies, and the flag that says it was given. */
enum kind { STR, BOOL, INT, NUM };
static const struct param {
	const char *name;
	enum kind kind;
	size_t at;
	size_t has;             /* 0: none */
} params[] = {
#define AT(f) offsetof(struct rollout_params, f)
	{ "workflow",          STR,  AT(workflow), 0 },
	{ "model_name",        STR,  AT(model_name), 0 },
	{ "temp",              NUM,  AT(temp), AT(has_temp) },
	{ "top_p",             NUM,  AT(top_p), AT(has_top_p) },
	{ "max_tokens",        INT,  AT(max_tokens), AT(has_max_tokens) },
	{ "thinking_budget",   INT,  AT(thinking_budget), AT(has_thinking_budget) },
	{ "enable_thinking",   BOOL, AT(enable_thinking), 0 },
	{ "greedy_first",      BOOL, AT(greedy_first), 0 },
	{ "convert_crlf",      BOOL, AT(convert_crlf), 0 },
	{ "passk",             INT,  AT(passk), 0 },
	{ "extra_body",        STR,  AT(extra_body), 0 },
	{ "repostructure_dir", STR,  AT(repostructure_dir), 0 },
	{ "repo_mirrors",      STR,  AT(repo_mirrors), 0 },
	{ "prompt_dir",        STR,  AT(prompt_dir), 0 },
	{ "roots",             STR,  AT(roots), 0 },
	{ "line_url",          STR,  AT(line_url), 0 },
	{ "drop_partial",      BOOL, AT(drop_partial), 0 },
#undef AT
};
#define N_PARAMS (sizeof params / sizeof params[0])

static const void *at(const struct rollout_params *p, size_t off)
{
	return (const char *)p + off;
}

static void *at_mut(struct rollout_params *p, size_t off)
{
	return (char *)p + off;
}

static const char *text_of(const struct rollout_params *p, const struct param *m)
{
	return *(const char *const *)at(p, m->at);
}

static bool flag_of(const struct rollout_params *p, size_t off)
{
	return *(const bool *)at(p, off);
}

void params_copy(const struct rollout_params *from, struct rollout_params *ret)
{
	*ret = *from;
	for (size_t i = 0; i < N_PARAMS; i++) {
		if (params[i].kind == STR && text_of(from, &params[i]) != NULL)
			*(char **)at_mut(ret, params[i].at) = mem_strdup(text_of(from, &params[i]));
	}
}

void params_done(struct rollout_params *p)
{
	for (size_t i = 0; i < N_PARAMS; i++) {
		if (params[i].kind == STR)
			free(*(char **)at_mut(p, params[i].at));
	}
	*p = (struct rollout_params){ 0 };
}

void rollout_params_print(const struct rollout_params *p, struct buf *ret)
{
	struct jw w = { .out = ret };

	jw_obj(&w);
	for (size_t i = 0; i < N_PARAMS; i++) {
		const struct param *m = &params[i];

		if (m->has != 0 && !flag_of(p, m->has))
			continue;
		if (m->kind == STR && text_of(p, m) != NULL) {
			jw_put_str(&w, m->name, text_of(p, m));
		} else if (m->kind == BOOL && flag_of(p, m->at)) {
			jw_put_bool(&w, m->name, true);
		} else if (m->kind == INT) {
			jw_put_int(&w, m->name, *(const int64_t *)at(p, m->at));
		} else if (m->kind == NUM) {
			jw_name(&w, m->name);
			jw_num(&w, *(const double *)at(p, m->at));
		}
	}
	jw_obj_end(&w);
}

static bool read_one(const struct json *v, const struct param *m, struct rollout_params *ret)
{
	double d;

	switch (m->kind) {
	case STR:
		*(const char **)at_mut(ret, m->at) = json_str(v);
		return json_str(v) != NULL;
	case BOOL:
		return json_bool(v, at_mut(ret, m->at));
	case INT:
		return json_num(v, &d) && d == floor(d) && json_int(v, at_mut(ret, m->at));
	case NUM:
		return json_num(v, at_mut(ret, m->at));
	}
	return false;
}

int rollout_params_read(const struct json *v, struct rollout_params *ret, struct err *err)
{
	struct rollout_params p = { .passk = 1 };

	if (!json_is_obj(v))
		return err_set(err, BD_EINVALID, "parameters: not a JSON object");
	for (const struct json *i = json_first(v); i != NULL; i = json_next(i)) {
		const struct param *m = NULL;

		for (size_t n = 0; n < N_PARAMS && m == NULL; n++)
			m = strcmp(params[n].name, json_name(i)) == 0 ? &params[n] : NULL;
		if (m == NULL)
			return err_set(err, BD_EINVALID, "no such parameter: %.64s", json_name(i));
		if (json_is_null(i))
			continue;
		if (!read_one(i, m, &p))
			return err_set(err, BD_EINVALID, "parameter %s: wrong type", m->name);
		if (m->has != 0)
			*(bool *)at_mut(&p, m->has) = true;
	}
	*ret = p;
	return 0;
}

/* --- what is allowed ----------------------------------------------------------------------------- */

/* A parameter that is of no effect in a workflow without prompts is refused, not ignored. */
static int check_unprompted(const struct rollout_params *p, struct err *err)
{
	static const char *const allowed[] = { "workflow", "line_url", "passk", "model_name", "drop_partial" };

	for (size_t i = 0; i < N_PARAMS; i++) {
		const struct param *m = &params[i];
		bool ok = false;

		for (size_t n = 0; n < sizeof allowed / sizeof allowed[0]; n++)
			ok = ok || strcmp(m->name, allowed[n]) == 0;
		if (ok)
			continue;
		if (m->has != 0 ? flag_of(p, m->has) : m->kind == STR ? text_of(p, m) != NULL : flag_of(p, m->at))
			return err_set(err, BD_EINVALID, "%s: workflow %s sends its requests as they are",
			               m->name, p->workflow);
	}
	if (p->passk != 1)
		return err_set(err, BD_EINVALID, "passk: workflow %s has one pass a request", p->workflow);
	return 0;
}

int params_check(const struct rollout_params *p, const struct workflow *workflow, struct err *err)
{
	if (p->passk < 1 || p->passk > PASSK_MAX)
		return err_set(err, BD_EINVALID, "passk %lld: 1 to %d", (long long)p->passk, PASSK_MAX);
	if (p->line_url == NULL || p->line_url[0] != '/')
		return err_set(err, BD_EINVALID, "line_url: a path such as /v1/chat/completions is needed");
	if (!workflow->prompted)
		return check_unprompted(p, err);
	if (p->model_name == NULL || p->model_name[0] == '\0')
		return err_set(err, BD_EINVALID, "model_name is missing");
	if (p->repostructure_dir == NULL && p->repo_mirrors == NULL)
		return err_set(err, BD_EINVALID, "repostructure_dir or repo_mirrors is missing");
	if (p->repostructure_dir != NULL && p->repo_mirrors != NULL)
		return err_set(err, BD_EINVALID, "repostructure_dir and repo_mirrors: one of them, not both");
	if (p->has_temp && !(p->temp >= 0 && p->temp <= 10))
		return err_set(err, BD_EINVALID, "temp %g: 0 to 10", p->temp);
	if (p->has_top_p && !(p->top_p >= 0 && p->top_p <= 1))
		return err_set(err, BD_EINVALID, "top_p %g: 0 to 1", p->top_p);
	if (p->has_max_tokens && p->max_tokens < 1)
		return err_set(err, BD_EINVALID, "max_tokens %lld: 1 and up", (long long)p->max_tokens);
	if (p->has_thinking_budget && p->thinking_budget < 0)
		return err_set(err, BD_EINVALID, "thinking_budget %lld: 0 and up",
		               (long long)p->thinking_budget);
	return 0;
}
