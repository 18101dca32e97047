/* SPDX-License-Identifier: MIT */
#include "pass_state.h"

#include "state_table.h"

static const struct state_row rows[PASS_STATE_COUNT] = {
#define TO(state) (1u << PASS_##state)
#define S(state, next, waits) [PASS_##state] = { #state, next, waits },
#include "pass_state.def"
#undef S
#undef TO
};
static const struct state_table table = { rows, PASS_STATE_COUNT };

STATE_TABLE_FUNCTIONS(pass, table)
