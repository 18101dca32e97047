/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "ep_int.h"

/*
 * The life of a batch as time passes.  With a delay of D from create to completed it is validated at D/10,
 * finalizing from 9D/10 on and completed at D; with none, at the first call behind its create.
 */

bool status_terminal(enum ep_status s)
{
	return s >= ST_COMPLETED;
}

int64_t batch_delay(const struct ep *ep, const struct ep_batch *b)
{
	struct ep_fault *f = fault_for_batch(ep, b, DO_DELAY);

	return f != NULL ? fault_int(f, "ms", 0) : ep->opt.delay_ms;
}

int64_t batch_window_ms(const struct ep_batch *b)
{
	char *end;
	long n = strtol(b->window, &end, 10);
	int64_t unit = *end == 'd' ? 86400000 : *end == 'm' ? 60000 : *end == 's' ? 1000 : 3600000;

	return n > 0 ? n * unit : 86400000;
}

int64_t batch_done_at(const struct ep *ep, const struct ep_batch *b, int64_t now_ms)
{
	int64_t delay = batch_delay(ep, b), created = b->at_ms[ST_VALIDATING];
	int64_t from = created + delay / 10, to = created + delay * 9 / 10;

	if (b->status == ST_VALIDATING || now_ms < from)
		return 0;
	if (now_ms >= to || to <= from)
		return b->total;
	return (int64_t)((double)b->total * (double)(now_ms - from) / (double)(to - from));
}

static void move(struct ep *ep, struct ep_batch *b, enum ep_status to, int64_t at_ms)
{
	b->status = to;
	b->at_ms[to] = at_ms;
	state_put_batch(ep, b);
}

/* Whether the plan holds it where it is: for so many polls, or for good. */
static bool is_stuck(const struct ep *ep, const struct ep_batch *b)
{
	struct ep_fault *f = fault_for_batch(ep, b, DO_STUCK);

	return f != NULL && strcmp(fault_str(f, "status", ""), ep_status_words[b->status]) == 0 &&
	       b->polls + b->lists < fault_int(f, "polls", INT64_MAX);
}

static int64_t share(const struct ep_batch *b, double done)
{
	return done >= 1 ? b->total : (int64_t)((double)b->total * done);
}

static void fail(struct ep *ep, struct ep_batch *b, const struct ep_fault *f, int64_t at_ms)
{
	struct buf errors = { 0 };
	int64_t n = fault_int(f, "count", 1), line = fault_int(f, "line", -1);

	for (int64_t i = 0; i < n; i++)
		batch_add_error(&errors, fault_str(f, "code", "internal_error"),
		                fault_str(f, "message", "The batch failed."), fault_str(f, "param", NULL),
		                line > 0 ? line + i : -1);
	free(b->errors);
	buf_add_char(&errors, ']');
	b->errors = buf_take_str(&errors);
	if (fault_num(f, "done", 0) > 0)
		batch_run(ep, b, share(b, fault_num(f, "done", 0)), NULL, at_ms);
	move(ep, b, ST_FAILED, at_ms);
}

static size_t active(const struct ep *ep)
{
	size_t n = 0;

	for (size_t i = ep->settled; i < ep->nbatches; i++)
		n += ep->batches[i]->status == ST_IN_PROGRESS || ep->batches[i]->status == ST_FINALIZING;
	return n;
}

static void validate(struct ep *ep, struct ep_batch *b, int64_t at_ms)
{
	const struct ep_fault *limit = fault_option(ep, DO_O_ACTIVE);
	struct ep_fault *f = fault_for_batch(ep, b, DO_FAIL);
	struct buf errors = { 0 };

	if (f != NULL && fault_num(f, "done", 0) <= 0) {
		fail(ep, b, f, at_ms);
	} else if (!batch_check(ep, b)) {
		b->total = 0;
		move(ep, b, ST_FAILED, at_ms);
	} else if (limit != NULL && active(ep) >= (size_t)fault_int(limit, "value", 0)) {
		batch_add_error(&errors, "token_limit_exceeded", "Enqueued token limit reached for this model in this "
		                "organization. Please try again once some in_progress batches have been completed.", NULL, -1);
		buf_add_char(&errors, ']');
		b->errors = buf_take_str(&errors);
		b->total = 0;
		move(ep, b, ST_FAILED, at_ms);
	} else {
		move(ep, b, ST_IN_PROGRESS, at_ms);
	}
}

/* One step if it is due.  Times are those at which it was, however late somebody looks. */
static bool in_progress_step(struct ep *ep, struct ep_batch *b, int64_t now_ms)
{
	struct ep_fault *expire = fault_for_batch(ep, b, DO_EXPIRE), *failing = fault_for_batch(ep, b, DO_FAIL);
	int64_t delay = batch_delay(ep, b), created = b->at_ms[ST_VALIDATING];
	int64_t due = created + delay * 9 / 10, over = created + batch_window_ms(b);

	if (delay > batch_window_ms(b) && now_ms >= over) {
		batch_run(ep, b, batch_done_at(ep, b, over), "batch_expired", over);
		move(ep, b, ST_EXPIRED, over);
		return true;
	}
	if (now_ms < due)
		return false;
	if (failing != NULL) {
		fail(ep, b, failing, due);
	} else if (expire != NULL) {
		batch_run(ep, b, share(b, fault_num(expire, "done", 0.5)), "batch_expired", due);
		move(ep, b, ST_EXPIRED, due);
	} else {
		move(ep, b, ST_FINALIZING, due);
	}
	return true;
}

static bool cancelling_step(struct ep *ep, struct ep_batch *b, int64_t now_ms)
{
	int64_t asked = b->at_ms[ST_CANCELLING], due = asked + batch_delay(ep, b) / 10;
	const char *code = fault_for_batch(ep, b, DO_CANCEL_LINES) != NULL ? "batch_cancelled" : NULL;

	if (now_ms < due)
		return false;
	if (fault_for_batch(ep, b, DO_CANCEL_RACE) != NULL && (b->total > 0 || batch_check(ep, b))) {
		batch_run(ep, b, b->total, NULL, due);
		b->at_ms[ST_FINALIZING] = due;
		move(ep, b, ST_COMPLETED, due);
		return true;
	}
	if (b->total > 0)
		batch_run(ep, b, batch_done_at(ep, b, asked), code, due);
	move(ep, b, ST_CANCELLED, due);
	return true;
}

static bool step(struct ep *ep, struct ep_batch *b, int64_t now_ms)
{
	int64_t delay = batch_delay(ep, b), created = b->at_ms[ST_VALIDATING];

	if (status_terminal(b->status) || is_stuck(ep, b))
		return false;
	switch (b->status) {
	case ST_VALIDATING:
		if (now_ms < created + delay / 10)
			return false;
		validate(ep, b, created + delay / 10);
		return true;
	case ST_IN_PROGRESS:
		return in_progress_step(ep, b, now_ms);
	case ST_FINALIZING:
		if (now_ms < created + delay)
			return false;
		batch_run(ep, b, b->total, NULL, created + delay);
		move(ep, b, ST_COMPLETED, created + delay);
		return true;
	default:
		return cancelling_step(ep, b, now_ms);
	}
}

void batches_advance(struct ep *ep, int64_t now_ms)
{
	for (size_t i = ep->settled; i < ep->nbatches; i++) {
		while (step(ep, ep->batches[i], now_ms))
			;
		if (i == ep->settled && status_terminal(ep->batches[i]->status))
			ep->settled++;
	}
}

int64_t ep_next_ms(const struct ep *ep)
{
	int64_t next = -1;

	for (size_t i = ep->settled; i < ep->nbatches; i++) {
		const struct ep_batch *b = ep->batches[i];
		int64_t delay = batch_delay(ep, b), created = b->at_ms[ST_VALIDATING];
		int64_t due = b->status == ST_VALIDATING ? created + delay / 10 :
		              b->status == ST_IN_PROGRESS ? created + delay * 9 / 10 :
		              b->status == ST_CANCELLING ? b->at_ms[ST_CANCELLING] + delay / 10 : created + delay;

		if (status_terminal(b->status) || is_stuck(ep, b))
			continue;
		if (next < 0 || due < next)
			next = due;
	}
	return next;
}
