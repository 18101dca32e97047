/* SPDX-License-Identifier: MIT */
#include "rollout.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "rollout_priv.h"

static const struct workflow *const workflows[] = { &workflow_bugfixer, &workflow_testwriter, &workflow_raw };

/* What each stage's template may hold, and must. */
static const struct { const char *name; unsigned known, required; } stages[] = {
	{ "stage1", PROMPT_BIT(PROMPT_PROBLEM) | PROMPT_BIT(PROMPT_STRUCTURE),
	  PROMPT_BIT(PROMPT_PROBLEM) | PROMPT_BIT(PROMPT_STRUCTURE) },
	{ "stage2", PROMPT_BIT(PROMPT_PROBLEM) | PROMPT_BIT(PROMPT_STRUCTURE) | PROMPT_BIT(PROMPT_CONTENT),
	  PROMPT_BIT(PROMPT_PROBLEM) | PROMPT_BIT(PROMPT_CONTENT) },
};

static int load_prompts(struct rollout *r, struct err *err)
{
	const char *dir = r->p.prompt_dir;
	bool any = false;

	for (int i = 0; i < r->workflow->stages; i++) {
		bool own = false;
		int rc = prompt_load(r->p.roots, dir, r->workflow->name, stages[i].name, stages[i].known,
		                     stages[i].required,
		                     &r->prompts[i], &own, err);

		if (rc < 0)
			return rc;
		any = any || own;
	}
	if (dir != NULL && !any)
		return err_set(err, BD_EINVALID,
		               "prompt_dir %s holds neither %s/stage1.txt nor stage1.txt nor a stage2.txt",
		               dir, r->workflow->name);
	return 0;
}

int rollout_new(const struct rollout_params *params, struct rollout **ret, struct err *err)
{
	const struct workflow *workflow = NULL;
	struct rollout *r;
	int rc;

	for (size_t i = 0; i < sizeof workflows / sizeof workflows[0] && params->workflow != NULL; i++) {
		if (strcmp(workflows[i]->name, params->workflow) == 0)
			workflow = workflows[i];
	}
	if (workflow == NULL)
		return err_set(err, BD_EINVALID, "workflow %.64s: bugfixer, testwriter or raw",
		               params->workflow != NULL ? params->workflow : "(none)");
	rc = params_check(params, workflow, err);
	if (rc < 0)
		return rc;
	r = MEM_NEW(struct rollout);
	r->workflow = workflow;
	params_copy(params, &r->p);
	if (workflow->prompted) {
		rc = request_frame_make(&r->p, &r->frame, err);
		if (rc == 0)
			rc = load_prompts(r, err);
	}
	if (rc < 0)
		rollout_free(r);
	else
		*ret = r;
	return rc;
}

void rollout_free(struct rollout *r)
{
	if (r == NULL)
		return;
	prompt_done(&r->prompts[0]);
	prompt_done(&r->prompts[1]);
	request_frame_done(&r->frame);
	params_done(&r->p);
	free(r);
}

int rollout_stages(const struct rollout *r)
{
	return r->workflow->stages;
}

const char *rollout_line_url(const struct rollout *r)
{
	return r->p.line_url;
}

const char *rollout_product_suffix(const struct rollout *r)
{
	return r->workflow->product_suffix;
}

char *rollout_processed_name(const struct rollout *r, int64_t k)
{
	if (r->workflow->processed_suffix == NULL)
		return NULL;
	return mem_printf("output_%lld%s", (long long)k, r->workflow->processed_suffix);
}

char *custom_id_make(const char *instance_id, int64_t k, int64_t passk)
{
	if (passk <= 1)
		return mem_strdup(instance_id);
	return mem_printf("%s__pass%lld", instance_id, (long long)k);
}

bool custom_id_read(const char *custom_id, int64_t passk, char **ret_instance_id, int64_t *ret_k)
{
	const char *mark = NULL;
	int64_t k = 0;

	if (passk <= 1) {
		*ret_instance_id = mem_strdup(custom_id);
		*ret_k = 0;
		return true;
	}
	for (const char *p = custom_id; (p = strstr(p, "__pass")) != NULL; p++)
		mark = p;                       /* the last one: an instance_id may have it in it too */
	if (mark == NULL)
		return false;
	for (const char *p = mark + 6; *p != '\0'; p++) {
		k = k * 10 + (*p - '0');
		if (*p < '0' || *p > '9' || k >= passk)
			return false;
	}
	if (mark[6] == '\0' || (mark[6] == '0' && mark[7] != '\0'))
		return false;                   /* nothing, or 01 */
	*ret_instance_id = mem_strndup(custom_id, (size_t)(mark - custom_id));
	*ret_k = k;
	return true;
}
