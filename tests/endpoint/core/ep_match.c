/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "ep_int.h"
#include "ep_io.h"

double ep_chance(struct ep *ep)
{
	uint64_t x = ep->rand += 0x9e3779b97f4a7c15u;           /* splitmix64 */

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return (double)((x ^ (x >> 31)) >> 11) / 9007199254740992.0;
}

static bool stage_fits(const struct ep_fault *f, const struct ep_batch *b)
{
	return f->stage < 0 || (b != NULL && strtoll(b->stage, NULL, 10) == f->stage);
}

static bool time_fits(const struct ep_fault *f, const struct ep *ep, int64_t now_ms)
{
	int64_t t = now_ms - ep->start_ms;

	return (f->from_ms < 0 || t >= f->from_ms) && (f->until_ms < 0 || t < f->until_ms);
}

static bool call_fits(const struct ep_fault *f, const struct ep_ctx *c)
{
	const struct ep_batch *b = c->batch;
	int64_t serial = b != NULL ? b->serial : c->file != NULL ? c->file->batch : 0;

	if (f->scope != SCOPE_CALL || (f->call != c->kind && f->call != KIND_ANY))
		return false;
	if (f->file_kind != '\0' && (c->file == NULL || c->file->kind != f->file_kind))
		return false;
	if (f->batch_from > 1 || f->batch_to < INT64_MAX) {
		if (serial < f->batch_from || serial > f->batch_to)
			return false;
	}
	if (b == NULL && serial > 0 && serial <= (int64_t)c->ep->nbatches)
		b = c->ep->batches[serial - 1];
	return stage_fits(f, b) && time_fits(f, c->ep, c->now_ms);
}

struct ep_fault *fault_for_call(struct ep_ctx *c, bool early_only)
{
	struct ep *ep = c->ep;
	struct ep_fault *hit = NULL;

	for (size_t i = 0; i < ep->plan.n; i++) {
		struct ep_fault *f = &ep->plan.at[i];

		if (!call_fits(f, c))
			continue;
		/* Looking ahead counts nothing unless it becomes the call. */
		int64_t seen = f->seen + 1;

		if (hit == NULL && seen >= f->from && seen <= f->to && (f->chance >= 1 || ep_chance(ep) < f->chance))
			hit = f;
	}
	if (early_only && (hit == NULL || !hit->early))
		return NULL;
	for (size_t i = 0; i < ep->plan.n; i++) {
		if (call_fits(&ep->plan.at[i], c))
			ep->plan.at[i].seen++;
	}
	if (hit != NULL)
		hit->hits++;
	return hit;
}

struct ep_fault *fault_for_batch(const struct ep *ep, const struct ep_batch *b, enum ep_do what)
{
	for (size_t i = 0; i < ep->plan.n; i++) {
		struct ep_fault *f = &ep->plan.at[i];

		if (f->scope != SCOPE_BATCH || f->what != what || b->serial < f->from || b->serial > f->to ||
		    !stage_fits(f, b) || !time_fits(f, ep, b->at_ms[ST_VALIDATING]))
			continue;
		/* Chance is thrown once a batch: the same answer whenever it is asked. */
		if (f->chance >= 1 || (double)(ep_hash(&b->serial, sizeof b->serial, ep->opt.seed + (uint64_t)f->line_no)
		                               >> 11) / 9007199254740992.0 < f->chance)
			return f;
	}
	return NULL;
}

struct ep_fault *fault_for_file(const struct ep *ep, const struct ep_file *file, enum ep_do what)
{
	for (size_t i = 0; i < ep->plan.n; i++) {
		struct ep_fault *f = &ep->plan.at[i];

		if (f->scope == SCOPE_FILE && f->what == what && file->upload >= f->from && file->upload <= f->to)
			return f;
	}
	return NULL;
}

const struct ep_fault *fault_option(const struct ep *ep, enum ep_do what)
{
	for (size_t i = 0; i < ep->plan.n; i++) {
		if (ep->plan.at[i].scope == SCOPE_OPTION && ep->plan.at[i].what == what)
			return &ep->plan.at[i];
	}
	return NULL;
}

bool fault_for_lines(const struct ep_fault *f, const struct ep_batch *b)
{
	return f->scope == SCOPE_LINE && b->serial >= f->batch_from && b->serial <= f->batch_to && stage_fits(f, b);
}

bool fault_hits_line(struct ep *ep, struct ep_fault *f, const struct ep_batch *b, struct span custom_id)
{
	if (f->prefix) {
		size_t n = strlen(f->custom_id) - 1;

		if (custom_id.len < n || memcmp(custom_id.at, f->custom_id, n) != 0)
			return false;
	} else if (f->custom_id != NULL && !span_is(custom_id, f->custom_id)) {
		return false;
	}
	if (f->fraction < 1) {
		uint64_t seed = ep->opt.seed + (uint64_t)(b->serial * 1000 + f->line_no);
		double x = (double)(ep_hash(custom_id.at, custom_id.len, seed) >> 11) / 9007199254740992.0;

		if (x >= f->fraction)
			return false;
	}
	if (f->times >= 0 && f->hits >= f->times)
		return false;
	f->hits++;
	return true;
}
