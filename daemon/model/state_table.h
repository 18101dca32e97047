/* SPDX-License-Identifier: MIT */
#ifndef STATE_TABLE_H
#define STATE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

/* What the three state tables have in common: rows of name, allowed moves and what is waited for. */
struct state_row {
	const char *name;
	unsigned next;                  /* bits of the states it may go to */
	const char *waits_for;
};
struct state_table {
	const struct state_row *rows;
	size_t n;
};

bool state_of(const struct state_table *table, const char *name, unsigned *ret);
const char *state_word(const struct state_table *table, unsigned state);

#define STATE_TABLE_FUNCTIONS(kind, table) \
	const char *kind##_state_name(enum kind##_state s) { return table.rows[s].name; } \
	const char *kind##_state_word(enum kind##_state s) { return state_word(&table, (unsigned)s); } \
	const char *kind##_state_waits_for(enum kind##_state s) { return table.rows[s].waits_for; } \
	bool kind##_may_move(enum kind##_state from, enum kind##_state to) \
	{ \
		return (table.rows[from].next & (1u << to)) != 0; \
	} \
	bool kind##_state_of(const char *name, enum kind##_state *ret) \
	{ \
		unsigned at; \
		if (!state_of(&table, name, &at)) \
			return false; \
		*ret = (enum kind##_state)at; \
		return true; \
	}

#endif
