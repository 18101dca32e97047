/* SPDX-License-Identifier: MIT */
#ifndef EP_ANSWER_H
#define EP_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

/*
 * Answers in files of any size: in memory lies only where each one stands (24 bytes an answer).
 */
struct ep_answers;

struct ep_answers *ep_answers_new(void);
void ep_answers_free(struct ep_answers *a);
/* Adds a file.  stage 0: the lines say it themselves (and may say "attempt"). */
int ep_answers_add(struct ep_answers *a, const char *path, int stage, struct err *err);
/*
 * The line for a custom_id whose attempt (from 1) at that stage this is, into *ret (emptied first); false if there
 * is none.  Without a line for the attempt, one without a number answers, else that of the attempt before.
 */
bool ep_answers_find(struct ep_answers *a, struct span custom_id, int stage, int attempt, struct buf *ret);
/* Whether attempts at it have to be counted: some line of it has a number. */
bool ep_answers_counted(const struct ep_answers *a, struct span custom_id, int stage);
/* Counts one more attempt at it and says which it is; 1 where nobody counts. */
int ep_answers_attempt(struct ep_answers *a, struct span custom_id, int stage);

#endif
