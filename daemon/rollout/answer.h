/* SPDX-License-Identifier: MIT */
#ifndef ANSWER_H
#define ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "repo.h"

/*
 * What a model said, out of one output line (reference 3.2, 3.5): the text with thinking cut, why
 * it is of no use if it is not.
 */
#define ANSWER_FAULTS(A) \
	A(NONE,       "") \
	A(NO_ANSWER,  "no_answer")          /* no choices, no message, null or empty content */ \
	A(REFUSED,    "refusal")            /* message.refusal, finish_reason content_filter with nothing said */ \
	A(TRUNCATED,  "truncated")          /* finish_reason length and nothing useful before the cut */ \
	A(ONLY_THINKING, "only_thinking")   /* nothing left once thinking is cut */ \
	A(MALFORMED,  "malformed_response") /* no JSON, no body */ \
	A(NO_FILE,    "no_file")            /* stage 1: names no file of the repository */ \
	A(NO_EDIT,    "no_edit")            /* stage 2: holds no edit at all */ \
	A(NO_EDIT_FITS, "no_edit_fits")     /* none of its edits applies */ \
	A(NO_CHANGE,  "no_change")          /* all edits together change nothing */ \
	A(PARTIAL,    "partial")            /* some edits apply, some do not */ \
	A(NO_TEST,    "no_test")            /* testwriter: no test function in what came out */ \
	A(BAD_PYTHON, "bad_python")         /* testwriter: the script is no Python any more */

enum answer_fault {
#define A(sym, word) ANSWER_##sym,
	ANSWER_FAULTS(A)
#undef A
	ANSWER_FAULT_COUNT
};
const char *answer_fault_word(enum answer_fault fault);

struct answer {
	char *content;                  /* the message's text as it came, "" if none; owned */
	char *text;                     /* content without thinking; owned */
	char *reasoning;                /* reasoning_content or reasoning, NULL if none; owned */
	char finish_reason[32];
	char model[128];
	bool truncated;                 /* finish_reason length */
	enum answer_fault fault;        /* NO_ANSWER, REFUSED, TRUNCATED, ONLY_THINKING, MALFORMED or NONE */
	int64_t prompt, completion, cached, reasoning_tokens;
};

/* Reads any line; what is wrong with it is in ret->fault.  answer_done() frees what it points to. */
void answer_read(struct span line, struct answer *ret);
void answer_done(struct answer *a);

/* text without <think>..</think>, ◁think▷..◁/think▷, and an opening without an end. */
void answer_cut_thinking(struct span text, struct buf *ret);

/* Paths, each owned. */
struct paths {
	char **at;
	size_t n;
};
void paths_done(struct paths *p);

/*
 * The files that a stage 1 answer names, resolved against the repo: in order, each once, at most `max`; fences,
 * bullets, numbers, backticks, line suffixes, a/ and ./ and repository prefixes are read through.
 * tests_only keeps test files (test_*.py, *_test.py, in a directory test or tests).  None: p->n == 0.
 */
void answer_files(const char *text, const struct repo *repo, size_t max, bool tests_only, struct paths *ret);
bool path_is_test(const char *path);

#endif
