/* SPDX-License-Identifier: MIT */
#ifndef PASS_STATE_H
#define PASS_STATE_H

#include <stdbool.h>

/* The states of a pass and their moves: pass_state.def. */
enum pass_state {
#define S(state, next, waits) PASS_##state,
#include "pass_state.def"
#undef S
	PASS_STATE_COUNT
};

const char *pass_state_name(enum pass_state s);         /* as in the database */
const char *pass_state_word(enum pass_state s);         /* as people see it: lower case */
const char *pass_state_waits_for(enum pass_state s);    /* NULL: for nothing */
bool pass_may_move(enum pass_state from, enum pass_state to);
/* False if no state has that name. */
bool pass_state_of(const char *name, enum pass_state *ret);

#endif
