/* SPDX-License-Identifier: MIT */
#include "job_state.h"

#include "state_table.h"

static const struct state_row rows[JOB_STATE_COUNT] = {
#define TO(state) (1u << JOB_##state)
#define S(state, next, waits) [JOB_##state] = { #state, next, waits },
#include "job_state.def"
#undef S
#undef TO
};
static const struct state_table table = { rows, JOB_STATE_COUNT };

STATE_TABLE_FUNCTIONS(job, table)
