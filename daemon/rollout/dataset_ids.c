/* SPDX-License-Identifier: MIT */
#include "dataset_ids.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

#define LINE_MASK ((UINT64_C(1) << 40) - 1)

static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 33) * 0xFF51AFD7ED558CCDu;
	h = (h ^ h >> 33) * 0xC4CEB9FE1A85EC53u;
	return h ^ h >> 33;
}

static uint64_t hash_of(struct span id, uint64_t seed)
{
	const char *p = id.at;
	uint64_t h = seed ^ id.len * 0x9E3779B97F4A7C15u, w;
	size_t n = id.len;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&w, p, 8);
		h = mix(h ^ w);
	}
	w = 0;
	memcpy(&w, p, n);
	return mix(h ^ w);
}

static struct dataset_id *slot_of(const struct dataset_ids *ids, uint64_t hash, uint64_t check)
{
	for (size_t at = hash;; at++) {
		struct dataset_id *s = &ids->at[at & ids->mask];

		if (s->rest == 0 || (s->hash == hash && (s->rest & ~LINE_MASK) == check))
			return s;
	}
}

static void grow(struct dataset_ids *ids)
{
	struct dataset_ids old = *ids;
	size_t slots = old.at != NULL ? (old.mask + 1) * 2 : 1024;

	ids->at = mem_zero(slots, sizeof *ids->at);
	ids->mask = slots - 1;
	for (size_t i = 0; old.at != NULL && i <= old.mask; i++)
		if (old.at[i].rest != 0)
			*slot_of(ids, old.at[i].hash, old.at[i].rest & ~LINE_MASK) = old.at[i];
	free(old.at);
}

static struct dataset_id id_of(struct span id)
{
	return (struct dataset_id){ hash_of(id, 0x243F6A8885A308D3u), hash_of(id, 0x13198A2E03707344u) & ~LINE_MASK };
}

int64_t dataset_ids_find(const struct dataset_ids *ids, struct span id)
{
	struct dataset_id want = id_of(id);

	return ids->at == NULL ? 0 : (int64_t)(slot_of(ids, want.hash, want.rest)->rest & LINE_MASK);
}

int64_t dataset_ids_add(struct dataset_ids *ids, struct span id, int64_t line)
{
	struct dataset_id new = id_of(id);

	if (ids->at == NULL || ids->count * 4 > ids->mask * 3)
		grow(ids);
	struct dataset_id *s = slot_of(ids, new.hash, new.rest);

	if (s->rest != 0)
		return (int64_t)(s->rest & LINE_MASK);
	*s = (struct dataset_id){ new.hash, new.rest | ((uint64_t)line & LINE_MASK) };
	ids->count++;
	return 0;
}

size_t dataset_ids_room(const struct dataset_ids *ids)
{
	return (ids->mask + 1) * 2 * sizeof *ids->at;
}

void dataset_ids_done(struct dataset_ids *ids)
{
	free(ids->at);
	*ids = (struct dataset_ids){ 0 };
}
