/* SPDX-License-Identifier: MIT */
#include "edit_int.h"

#include <string.h>

#include "mem.h"

/*
 * Which file a block is for, from what stands around it.  Read upwards from the block to the one before:
 *
 *   on the start marker; a line right above that is a path or leads to one ("### a/b.py", "In `a/b.py`:");
 *   the info string of the fence; the line above the fence     -> firm: nothing else is meant
 *   farther up, or several of them, or a path in a sentence    -> one of these, if the text fits one alone
 *   nothing at all                                             -> the file of the block before
 */

#define HINTS_MAX 12    /* of one block */

/* A gap's lines, last first. */
static bool line_up(struct span *rest, struct span *ret_line)
{
	const char *nl;

	if (rest->len == 0)
		return false;
	if (rest->at[rest->len - 1] == '\n')
		rest->len--;
	nl = rest->len > 0 ? memrchr(rest->at, '\n', rest->len) : NULL;
	ret_line->at = nl != NULL ? nl + 1 : rest->at;
	ret_line->len = (size_t)(rest->at + rest->len - ret_line->at);
	rest->len = nl != NULL ? (size_t)(nl + 1 - rest->at) : 0;
	return true;
}

/* Is it, with blanks in it, in backticks as a whole? */
static bool in_backticks(struct span line, struct span whole)
{
	return whole.at > line.at && whole.at[-1] == '`' && whole.at + whole.len < line.at + line.len &&
	       whole.at[whole.len] == '`' && memchr(whole.at, '`', whole.len) == NULL;
}

/* A name with blanks in it, or one without an ending: counts only if the repo has such a file. */
static void take_whole(struct edit *e, struct span line, const struct name_line *names)
{
	struct span whole = names->whole;
	bool blanks = whole.len > 0 && memchr(whole.at, ' ', whole.len) != NULL;

	if (whole.len == 0 || whole.len > 255 || (names->n > 0 && !blanks) || (blanks && !name_is_filelike(whole)))
		return;
	if (blanks && in_backticks(line, whole))
		edit_hint_add(e, whole, NAME_PURE, false);
	else
		edit_hint_add(e, whole, NAME_NONE, false);
}

/* The names of one line, as hints; near: nothing that speaks stands between it and the block.  What
 * kind of line. */
static enum name_kind take_line(struct edit *e, struct span line, bool near, bool on_frame)
{
	struct name_line names;
	size_t n = 0;

	name_line_read(line, &names);
	for (size_t i = 0; i < names.n; i++)
		if (name_is_filelike(names.at[i]) || (names.kind == NAME_PURE && !on_frame))
			names.at[n++] = names.at[i];
	names.n = n;
	if (on_frame && n == 1)
		names.kind = NAME_PURE;
	if (!on_frame)
		take_whole(e, line, &names);
	for (size_t i = 0; i < n; i++)
		edit_hint_add(e, names.at[i], names.kind, near && names.kind == NAME_PURE && n == 1);
	return n > 0 ? names.kind : NAME_NONE;
}

void edit_hints_read(struct edit *e, struct span gap, struct span on_mark)
{
	const struct edit_more *m = e->more;
	bool near = true, after_firm = false;
	struct span line;
	struct fence f;

	if (on_mark.len > 0 && take_line(e, on_mark, true, true) != NAME_NONE)
		return;
	while (m->n_hints < HINTS_MAX && line_up(&gap, &line)) {
		if (span_trim(line).len == 0) {
			after_firm = false;
		} else if (fence_read(line, &f)) {
			after_firm = false;
			if (f.info.len > 0 && take_line(e, f.info, near, true) != NAME_NONE)
				near = false;
		} else {
			enum name_kind kind = take_line(e, line, near, false);

			/* the last line of a list of files says no more than the others */
			if (after_firm && kind == NAME_PURE)
				for (size_t i = 0; i < m->n_hints; i++)
					m->hints[i].firm = false;
			after_firm = near && kind == NAME_PURE;
			near = false;
		}
	}
}
