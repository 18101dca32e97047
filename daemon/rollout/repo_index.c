/* SPDX-License-Identifier: MIT */
#include "repo_index.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

void repo_index_done(struct repo_index *x)
{
	free(x->files);
	free(x->root);
	free(x->slots);
	buf_done(&x->names);
	*x = (struct repo_index){ 0 };
}

struct repo_file *repo_index_add(struct repo_index *x, struct span dir, struct span name)
{
	if (x->names.len == 0)
		buf_add_char(&x->names, '\0');
	if (x->count == x->cap) {
		x->cap = x->cap > 0 ? x->cap * 2 : 256;
		x->files = mem_grow(x->files, x->cap, sizeof *x->files);
	}
	struct repo_file *f = &x->files[x->count++];

	*f = (struct repo_file){ .path = (uint32_t)x->names.len };
	buf_add_span(&x->names, dir);
	if (dir.len > 0)
		buf_add_char(&x->names, '/');
	buf_add_span(&x->names, name);
	buf_add_char(&x->names, '\0');
	return f;
}

static uint64_t hash_on(uint64_t h, uint64_t w)
{
	h = (h ^ w) * 0x9E3779B97F4A7C15u;
	return h ^ h >> 32;
}

/* Eight bytes at a time: paths are long, and there are many. */
static uint32_t hash_of(struct span s)
{
	uint64_t h = s.len, w;
	size_t left = s.len;

	for (; left >= sizeof w; left -= sizeof w, s.at += sizeof w) {
		memcpy(&w, s.at, sizeof w);
		h = hash_on(h, w);
	}
	w = 0;
	for (; left > 0; left--)
		w = w << 8 | (unsigned char)*s.at++;
	return (uint32_t)hash_on(h, w);
}

/* Slots hold the number of the file + 1, and in the lowest bit whether it stands there by its alt. */
static void put(struct repo_index *x, uint32_t name, size_t file, bool alt)
{
	size_t at = hash_of(span_of(repo_index_name(x, name)));

	while (x->slots[at & x->slot_mask] != 0)
		at++;
	x->slots[at & x->slot_mask] = (uint32_t)(file + 1) << 1 | alt;
}

static void make_slots(struct repo_index *x)
{
	size_t slots = 64;

	while (slots < x->count * 4)
		slots *= 2;
	x->slots = mem_zero(slots, sizeof *x->slots);
	x->slot_mask = slots - 1;
	for (size_t i = 0; i < x->count; i++)
		put(x, x->files[i].path, i, false);
	for (size_t i = 0; i < x->count; i++)   /* a path that is known to be one comes first */
		if (x->files[i].alt != 0)
			put(x, x->files[i].alt, i, true);
}

const struct repo_file *repo_index_find(struct repo_index *x, struct span path, const char **ret_path)
{
	if (x->count == 0)
		return NULL;
	if (x->slots == NULL)
		make_slots(x);
	for (size_t at = hash_of(path);; at++) {
		uint32_t slot = x->slots[at & x->slot_mask];

		if (slot == 0)
			return NULL;
		const struct repo_file *f = &x->files[(slot >> 1) - 1];
		const char *name = repo_index_name(x, slot & 1 ? f->alt : f->path);

		if (!span_is(path, name))
			continue;
		if (ret_path != NULL)
			*ret_path = name;
		return f;
	}
}
