/* SPDX-License-Identifier: MIT */
/* The end of old jobs: what ended keep_days ago is removed, some at a time, and so are old events of no job. */
#include <stdlib.h>

#include "engine_int.h"
#include "log.h"

enum { EVERY_MS = 3600000, DAY_MS = 86400000 };

void retention_tick(struct engine *e)
{
	int64_t days = e->env.config->keep_days, *ids = NULL;
	struct err err;
	size_t n = 0;

	if (days == 0 || e->broken || e->draining || now_ms(e) < e->retention_ms)
		return;
	e->retention_ms = now_ms(e) + EVERY_MS;
	if (!engine_ok(e, job_list_old(e->db, now_ms(e) - days * DAY_MS, &ids, &n, &err), &err))
		return;
	for (size_t i = 0; i < n; i++) {
		if (job_in_memory(e, ids[i]) != NULL)
			continue;               /* a person has it just now; the next time then */
		if (engine_remove(e, ids[i], &err) == 0)
			engine_event(e, 0, 0, "info", "job %lld ended %lld days ago and is forgotten", (long long)ids[i],
			             (long long)days);
		else
			log_warn("job %lld ended %lld days ago and cannot be removed: %s", (long long)ids[i], (long long)days,
			         err.msg);
	}
	free(ids);
	if (engine_write(e))
		(void)engine_ok(e, event_delete_old(e->db, now_ms(e) - days * DAY_MS, &err), &err);
}
