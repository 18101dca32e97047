/* SPDX-License-Identifier: MIT */
#include "state_table.h"

#include <ctype.h>
#include <string.h>

bool state_of(const struct state_table *table, const char *name, unsigned *ret)
{
	for (unsigned i = 0; name != NULL && i < table->n; i++)
		if (strcmp(table->rows[i].name, name) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

/* The lower-case words are made on demand, in a place of the thread's own. */
const char *state_word(const struct state_table *table, unsigned state)
{
	static _Thread_local char words[4][16];
	static _Thread_local unsigned turn;
	char *word = words[turn++ % 4];
	const char *name = table->rows[state].name;
	size_t i = 0;

	for (; name[i] != '\0' && i < sizeof words[0] - 1; i++)
		word[i] = (char)tolower((unsigned char)name[i]);
	word[i] = '\0';
	return word;
}
