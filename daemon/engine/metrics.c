/* SPDX-License-Identifier: MIT */
/* What the engine is doing in numbers, as OpenMetrics text. */
#include "engine_int.h"

static void family(struct buf *ret, const char *name, const char *help)
{
	buf_printf(ret, "# TYPE %s gauge\n# HELP %s %s\n", name, name, help);
}

static void passes_of(struct engine *e, struct buf *ret)
{
	int64_t n[STAGES_MAX + 1][PASS_STATE_COUNT] = { 0 };

	for (struct job *j = e->jobs; j != NULL; j = j->next)
		for (int stage = 1; stage <= STAGES_MAX; stage++)
			for (int s = 0; s < PASS_STATE_COUNT; s++)
				n[stage][s] += j->counts.n[stage][s];
	family(ret, "batchd_passes", "Passes of the jobs that have not ended, by stage and state.");
	for (int stage = 1; stage <= STAGES_MAX; stage++)
		for (int s = 0; s < PASS_STATE_COUNT; s++)
			buf_printf(ret, "batchd_passes{stage=\"%d\",state=\"%s\"} %lld\n", stage,
			           pass_state_word((enum pass_state)s), (long long)n[stage][s]);
}

static void batches_of(struct engine *e, struct buf *ret)
{
	int n[BATCH_STATE_COUNT] = { 0 }, stalled = 0;

	for (struct batch *b = e->batches; b != NULL; b = b->next) {
		n[b->row.state]++;
		stalled += batch_is_stalled(b);
	}
	family(ret, "batchd_batches", "Batches that have not ended, by state.");
	for (int s = 0; s < BATCH_ENDED; s++)
		buf_printf(ret, "batchd_batches{state=\"%s\"} %d\n", batch_state_word((enum batch_state)s), n[s]);
	family(ret, "batchd_batches_stalled", "Batches too long under one status word of their endpoint.");
	buf_printf(ret, "batchd_batches_stalled %d\n", stalled);
}

static void endpoints_of(struct engine *e, struct buf *ret)
{
	static const struct { const char *name, *help; } families[] = {
		{ "batchd_endpoint_active", "Batches that the endpoint has." },
		{ "batchd_endpoint_max_active", "How many it may have." },
		{ "batchd_endpoint_parked", "1: it refuses the account, nothing is sent until a person acts." },
	};

	for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
		family(ret, families[f].name, families[f].help);
		for (struct endpoint *ep = e->endpoints; ep != NULL; ep = ep->next) {
			long long value = f == 0 ? endpoint_active(ep) : f == 1 ? (ep->cfg != NULL ? ep->cfg->max_active : 0) :
			                  ep->row.parked[0] != '\0';
			struct jw w = { .out = ret };

			buf_printf(ret, "%s{endpoint=", families[f].name);
			jw_str(&w, ep->name);           /* its escapes are those of OpenMetrics */
			buf_printf(ret, "} %lld\n", value);
		}
	}
}

int engine_metrics(struct engine *e, struct buf *ret, struct err *err)
{
	int64_t n[JOB_STATE_COUNT];
	int rc = job_count_states(e->db, n, err);

	if (rc < 0)
		return rc;
	family(ret, "batchd_jobs", "Jobs, by state.");
	for (int s = JOB_RUNNING; s < JOB_STATE_COUNT; s++)
		buf_printf(ret, "batchd_jobs{state=\"%s\"} %lld\n", job_state_word((enum job_state)s), (long long)n[s]);
	passes_of(e, ret);
	batches_of(e, ret);
	endpoints_of(e, ret);
	family(ret, "batchd_uptime_seconds", "How long the daemon runs.");
	buf_printf(ret, "batchd_uptime_seconds %lld\n", (long long)(now_ms(e) - e->started_ms) / 1000);
	buf_add_str(ret, "# EOF\n");
	return 0;
}
