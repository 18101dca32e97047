/* SPDX-License-Identifier: MIT */
/* The commands of the settings, run when a job ends or a batch stalls. */
#include <stdlib.h>

#include "engine_int.h"
#include "mem.h"

enum { VARIABLES = 12 };

static void run(struct job *job, const char *command, const char *event, const char *state, const char *reason,
                int64_t batch)
{
	const struct job_row *r = &job->row;
	int64_t failed = 0;
	char *v[VARIABLES + 1] = { NULL };
	size_t n = 0;

	if (command == NULL || job->e->env.hook == NULL)
		return;
	for (int stage = 1; stage <= STAGES_MAX; stage++)
		failed += job->counts.n[stage][PASS_FAILED];
	v[n++] = mem_printf("BATCHD_EVENT=%s", event);
	v[n++] = mem_printf("BATCHD_JOB=%lld", (long long)r->id);
	v[n++] = mem_printf("BATCHD_NAME=%s", r->name);
	v[n++] = mem_printf("BATCHD_STATE=%s", state);
	v[n++] = mem_printf("BATCHD_REASON=%s", reason);
	v[n++] = mem_printf("BATCHD_SAVE_DIR=%s", r->save_dir);
	v[n++] = mem_printf("BATCHD_PASSES=%lld", (long long)r->passes);
	v[n++] = mem_printf("BATCHD_DONE=%lld", (long long)job->counts.n[r->stages][PASS_DONE]);
	v[n++] = mem_printf("BATCHD_FAILED=%lld", (long long)failed);
	v[n++] = mem_printf("BATCHD_OWNER_UID=%lld", (long long)r->owner_uid);
	if (batch > 0)
		v[n++] = mem_printf("BATCHD_BATCH=%lld", (long long)batch);
	job->e->env.hook(job->e->env.data, command, (const char *const *)v);
	while (n > 0)
		free(v[--n]);
}

void hook_job(struct job *job, enum job_state state, const char *reason)
{
	const struct config *cfg = job->e->env.config;

	run(job, state == JOB_DONE ? cfg->on_done : cfg->on_failed, job_state_word(state), job_state_word(state), reason, 0);
}

void hook_stalled(struct batch *b)
{
	run(b->job, b->e->env.config->on_stalled, "stalled", job_state_word(b->job->row.state), b->row.remote_word, b->row.id);
}
