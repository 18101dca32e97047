/* SPDX-License-Identifier: MIT */
#ifndef JOB_STATE_H
#define JOB_STATE_H

#include <stdbool.h>

/* The states of a job and their moves: job_state.def. */
enum job_state {
#define S(state, next, waits) JOB_##state,
#include "job_state.def"
#undef S
	JOB_STATE_COUNT
};

const char *job_state_name(enum job_state s);         /* as in the database */
const char *job_state_word(enum job_state s);         /* as people see it: lower case */
const char *job_state_waits_for(enum job_state s);    /* NULL: for nothing */
bool job_may_move(enum job_state from, enum job_state to);
/* False if no state has that name. */
bool job_state_of(const char *name, enum job_state *ret);

#endif
