/* SPDX-License-Identifier: MIT */
#ifndef PROMPT_H
#define PROMPT_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"

/*
 * A prompt template: text with {problem_statement}, {structure} and {content}.  It is cut into parts once, when
 * loaded, and the text between the slots is kept as it stands in a JSON string.  Filling is one pass of copying: what
 * goes into a slot is never looked at again, so braces in it are plain text.
 */
enum prompt_slot { PROMPT_PROBLEM, PROMPT_STRUCTURE, PROMPT_CONTENT, PROMPT_SLOTS };
#define PROMPT_BIT(slot) (1u << (slot))

struct prompt_part {
	char *escaped;          /* the text in front of the slot, escaped for JSON; owned */
	size_t len;
	int slot;               /* what follows it; -1: nothing */
};

struct prompt {
	struct prompt_part *parts;
	size_t n;
	unsigned slots;         /* PROMPT_BIT of those it has */
};

/*
 * Cut text at the slots in `known`; any other brace is text.  A slot of `required` that is not in it is BD_EINVALID;
 * shown names the template for people.
 */
int prompt_parse(struct span text, unsigned known, unsigned required, const char *shown,
                 struct prompt *ret, struct err *err);
/*
 * The template of a workflow's stage: dir/<workflow>/<stage>.txt, else dir/<stage>.txt, byte for byte, else the one that
 * is compiled in.  dir may be NULL; what is read of it lies under roots (roots.h).  *ret_own says whether it came from dir.
 */
int prompt_load(const char *roots, const char *dir, const char *workflow, const char *stage, unsigned known, unsigned required,
                struct prompt *ret, bool *ret_own, struct err *err);
void prompt_done(struct prompt *p);
/* Append the filled prompt to ret, escaped; values are escaped already, by slot. */
void prompt_fill(const struct prompt *p, const struct span values[PROMPT_SLOTS], struct buf *ret);

#endif
