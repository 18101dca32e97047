/* SPDX-License-Identifier: MIT */
#ifndef EP_OUT_H
#define EP_OUT_H

#include "ep_int.h"
#include "ep_io.h"

/* One batch on its way from requests to answers: what ep_out.c and ep_line.c share. */

/* How a line deviates from OpenAI's. */
enum line_shape {
	SHAPE_BODY_STRING = 1, SHAPE_NO_RESPONSE = 2, SHAPE_NO_ID = 4, SHAPE_ERROR_STRING = 8,
	SHAPE_NULL_RESPONSE = 16,
};

/* One result.  Spans point into the request, the answer read for it, or the run's buffers. */
struct out_line {
	struct span id_raw, id;         /* the custom_id, as JSON and as text */
	int64_t no;                     /* of the request, from 1 */
	size_t request_bytes;
	unsigned shape;
	int status;                     /* of the response */
	const char *code, *message;     /* of an error; NULL */
	bool executed;                  /* a response there is, else only the error */
	bool missing, duplicate, billed;
	struct span whole;              /* a complete line of the answers; at == NULL */
	struct span body;               /* the response's body, if it is there ready-made */
	/* for a body of our own */
	struct span content;            /* raw JSON; at == NULL: the default or an echo */
	struct span reasoning;          /* raw JSON of reasoning_content; at == NULL */
	struct span usage;              /* raw JSON of usage */
	const char *finish;
	int64_t reasoning_tokens;
	int64_t prompt, completion, cached;
};

struct out_run {
	struct ep *ep;
	struct ep_batch *b;
	int stage;
	int64_t now_ms;
	struct ep_writer out, err;
	struct ep_fault **faults;       /* those that can hit lines of this batch */
	size_t nfaults;
	bool one_file, crlf, blank, bom, no_newline, attempts;
	bool out_begun, err_begun;      /* the first line is written */
	struct buf line, answer, id, extra, text, bill_tail;
};

/* Writes the line into run->line (emptied first), without its end. */
void out_line_print(struct out_run *run, struct out_line *l, bool again);
/* Takes an answer of the files: its content, or the line as it is. */
void out_line_answer(struct out_run *run, struct out_line *l, struct span answer);
/* Applies a LINE fault.  True: the line is ready in run->line. */
bool out_line_fault(struct out_run *run, struct out_line *l, struct ep_fault *f);
/* Whether it belongs into the output file, not the error file. */
bool out_line_good(const struct out_line *l);

#endif
