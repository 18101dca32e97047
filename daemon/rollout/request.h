/* SPDX-License-Identifier: MIT */
#ifndef REQUEST_H
#define REQUEST_H

#include "buf.h"
#include "err.h"
#include "rollout.h"

/*
 * Request lines.  All that does not change from one pass to the next is written once, when the
 * rollout is made: a line is then custom_id + head + prompt + tail.
 */
struct request_frame {
	struct buf head;                /* from behind the custom_id up to the prompt */
	struct buf tail[2];             /* from behind the prompt to the LF: [0] pass 0, [1] all others */
};

/* extra_body of params is read here: BD_EINVALID if it is no JSON object. */
int request_frame_make(const struct rollout_params *p, struct request_frame *ret, struct err *err);
void request_frame_done(struct request_frame *f);
/* Everything up to the prompt's first byte; the caller appends the escaped prompt, then calls request_end(). */
void request_begin(const struct request_frame *f, const char *custom_id, struct buf *ret);
void request_end(const struct request_frame *f, int64_t k, struct buf *ret);

/* --- a JSON object as text: its members without touching a byte of their values ------- */
struct raw_member {
	char *name;                     /* decoded; owned */
	struct span value;              /* as it stands in the text; borrowed */
};
struct raw_members {
	struct raw_member *at;
	size_t n;
};
/* BD_EINVALID: no JSON object, or one that only a lenient reader takes.  what names it for people. */
int raw_members_read(struct span text, const char *what, struct raw_members *ret, struct err *err);
void raw_members_done(struct raw_members *m);
/* The value on one line: blanks between tokens dropped, control characters in strings escaped, all else as it is. */
void raw_value_print(struct span value, struct buf *ret);

#endif
