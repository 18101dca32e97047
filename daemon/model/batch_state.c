/* SPDX-License-Identifier: MIT */
#include "batch_state.h"

#include "state_table.h"

static const struct state_row rows[BATCH_STATE_COUNT] = {
#define TO(state) (1u << BATCH_##state)
#define S(state, next, waits) [BATCH_##state] = { #state, next, waits },
#include "batch_state.def"
#undef S
#undef TO
};
static const struct state_table table = { rows, BATCH_STATE_COUNT };

STATE_TABLE_FUNCTIONS(batch, table)
