/* SPDX-License-Identifier: MIT */
#include "dataset_ids.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

enum { FIRST_SLOTS = 32, PARTS = sizeof ((struct dataset_ids *)NULL)->parts / sizeof (struct dataset_ids_part) };

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

static struct dataset_id *slot_of(const struct dataset_ids_part *part, uint64_t hash, uint64_t check)
{
	for (size_t at = hash;; at++) {
		struct dataset_id *s = &part->at[at & part->mask];

		if (s->rest == 0 || (s->hash == hash && (s->rest & ~LINE_MASK) == check))
			return s;
	}
}

static void grow(struct dataset_ids *ids, struct dataset_ids_part *part)
{
	struct dataset_ids_part old = *part;
	size_t slots = old.at != NULL ? (old.mask + 1) * 2 : FIRST_SLOTS;

	part->at = mem_zero(slots, sizeof *part->at);
	part->mask = slots - 1;
	ids->most = slots > ids->most ? slots : ids->most;
	for (size_t i = 0; old.at != NULL && i <= old.mask; i++)
		if (old.at[i].rest != 0)
			*slot_of(part, old.at[i].hash, old.at[i].rest & ~LINE_MASK) = old.at[i];
	free(old.at);
}

static struct dataset_id id_of(struct span id)
{
	return (struct dataset_id){ hash_of(id, 0x243F6A8885A308D3u), hash_of(id, 0x13198A2E03707344u) & ~LINE_MASK };
}

static size_t part_of(uint64_t hash)
{
	return (size_t)(hash >> 58);
}

int64_t dataset_ids_find(const struct dataset_ids *ids, struct span id)
{
	struct dataset_id want = id_of(id);
	const struct dataset_ids_part *part = &ids->parts[part_of(want.hash)];

	return part->at == NULL ? 0 : (int64_t)(slot_of(part, want.hash, want.rest)->rest & LINE_MASK);
}

int64_t dataset_ids_add(struct dataset_ids *ids, struct span id, int64_t line)
{
	struct dataset_id new = id_of(id);
	struct dataset_ids_part *part = &ids->parts[part_of(new.hash)];

	if (part->at == NULL || part->count * 4 > part->mask * 3)
		grow(ids, part);
	struct dataset_id *s = slot_of(part, new.hash, new.rest);

	if (s->rest != 0)
		return (int64_t)(s->rest & LINE_MASK);
	*s = (struct dataset_id){ new.hash, new.rest | ((uint64_t)line & LINE_MASK) };
	part->count++;
	ids->count++;
	return 0;
}

size_t dataset_ids_room(const struct dataset_ids *ids)
{
	return 2 * (ids->most > 0 ? ids->most : FIRST_SLOTS) * sizeof *ids->parts->at;
}

void dataset_ids_done(struct dataset_ids *ids)
{
	for (size_t i = 0; i < PARTS; i++)
		free(ids->parts[i].at);
	*ids = (struct dataset_ids){ 0 };
}
