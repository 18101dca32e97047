/* SPDX-License-Identifier: MIT */
#include "suggest.h"

#include <string.h>

enum { LEN_MAX = 64, SHOWN_MAX = 3 };

struct close_ones {
	struct span at[SHOWN_MAX];
	size_t far[SHOWN_MAX];
	size_t n;
};

static char fold(char c)
{
	if (c == '-')
		return '_';
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* How many letters must be changed, added, dropped or swapped with their neighbour. */
static size_t distance(struct span a, struct span b)
{
	size_t rows[3][LEN_MAX + 1], *before = rows[0], *last = rows[1], *now = rows[2], *t;

	if (a.len > LEN_MAX || b.len > LEN_MAX)
		return LEN_MAX;
	for (size_t j = 0; j <= b.len; j++)
		last[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		now[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			char x = fold(a.at[i - 1]), y = fold(b.at[j - 1]);

			now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == fold(b.at[j - 2]) && y == fold(a.at[i - 2])
			    && before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		t = before;
		before = last;
		last = now;
		now = t;
	}
	return last[b.len];
}

/* Keep it if it is near enough: a third of its letters, or what was typed is its beginning. */
static void consider(struct close_ones *c, struct span name, struct span given)
{
	size_t far = distance(given, name);
	size_t i = c->n;

	if (given.len >= 3 && given.len < name.len && distance(given, (struct span){ name.at, given.len }) == 0)
		far = 1;
	if (far > (name.len < 4 ? 1 : name.len < 6 ? 2 : name.len / 3) || far >= name.len)
		return;
	while (i > 0 && c->far[i - 1] > far)
		i--;
	if (i == SHOWN_MAX)
		return;
	if (c->n < SHOWN_MAX)
		c->n++;
	for (size_t j = c->n - 1; j > i; j--) {
		c->at[j] = c->at[j - 1];
		c->far[j] = c->far[j - 1];
	}
	c->at[i] = name;
	c->far[i] = far;
}

static void say(const struct close_ones *c, const char *before, struct buf *ret)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->far[i] > c->far[0])
			break;
		buf_add_str(ret, i == 0 ? "; did you mean " : " or ");
		buf_add_str(ret, before);
		buf_add_span(ret, c->at[i]);
	}
	if (c->n > 0)
		buf_add_char(ret, '?');
}

void suggest_flag(const struct command_spec *command, struct span given, struct buf *ret)
{
	struct close_ones c = { 0 };

	for (size_t i = 0; i < spec_n_flags; i++)
		if (spec_flags[i].command[0] == '\0' || spec_flag_of(&spec_flags[i], command))
			consider(&c, span_of(spec_flags[i].name), given);
	say(&c, "--", ret);
}

void suggest_command(const char *given, struct buf *ret)
{
	struct close_ones c = { 0 };

	for (size_t i = 0; i < spec_n_commands; i++)
		consider(&c, span_of(spec_commands[i].name), span_of(given));
	say(&c, "", ret);
}

void suggest_choice(struct span choices, const char *given, struct buf *ret)
{
	struct close_ones c = { 0 };
	struct span one;

	while (spec_choice_next(&choices, &one))
		consider(&c, one, span_of(given));
	say(&c, "", ret);
}
