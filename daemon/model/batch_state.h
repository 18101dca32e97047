/* SPDX-License-Identifier: MIT */
#ifndef BATCH_STATE_H
#define BATCH_STATE_H

#include <stdbool.h>

/* The states of a batch and their moves: batch_state.def. */
enum batch_state {
#define S(state, next, waits) BATCH_##state,
#include "batch_state.def"
#undef S
	BATCH_STATE_COUNT
};

const char *batch_state_name(enum batch_state s);         /* as in the database */
const char *batch_state_word(enum batch_state s);         /* as people see it: lower case */
const char *batch_state_waits_for(enum batch_state s);    /* NULL: for nothing */
bool batch_may_move(enum batch_state from, enum batch_state to);
/* False if no state has that name. */
bool batch_state_of(const char *name, enum batch_state *ret);

#endif
