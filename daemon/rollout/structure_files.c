/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "structure.h"
#include "structure_root.h"

struct emitter {
	const struct structure *s;
	struct repo_index *to;
	struct buf dir;                 /* path of the directory at hand */
	uint32_t key;                   /* where the root's files lie */
	enum structure_place *places;
};

static bool in_root(enum structure_place place)
{
	return place == PLACE_ROOT || place == PLACE_MAYBE_ROOT;
}

/* The files of the key that belong to the root, or those that belong to the directory. */
static void emit_key(struct emitter *e, bool root)
{
	struct span key = structure_name(e->s, e->key), top = { "", 0 };
	size_t n = 0;

	for (uint32_t i = e->s->nodes[e->key].child; i != 0; i = e->s->nodes[i].next) {
		const struct structure_node *node = &e->s->nodes[i];

		if (!node->is_file)
			continue;
		enum structure_place place = e->places[n++];

		if (in_root(place) != root)
			continue;
		struct span name = structure_name(e->s, i);
		struct repo_file *f = repo_index_add(e->to, root ? top : key, name);

		f->off = node->off;
		f->len = node->len;
		if (place != PLACE_MAYBE_ROOT && place != PLACE_MAYBE_PACKAGE)
			continue;
		f->alt = (uint32_t)e->to->names.len;
		if (root) {
			buf_add_span(&e->to->names, key);
			buf_add_char(&e->to->names, '/');
		}
		buf_add_span(&e->to->names, name);
		buf_add_char(&e->to->names, '\0');
	}
}

static void emit_files(struct emitter *e, uint32_t dir)
{
	for (uint32_t i = e->s->nodes[dir].child; i != 0; i = e->s->nodes[i].next) {
		const struct structure_node *node = &e->s->nodes[i];

		if (!node->is_file)
			continue;
		struct repo_file *f = repo_index_add(e->to, buf_span(&e->dir), structure_name(e->s, i));

		f->off = node->off;
		f->len = node->len;
	}
}

/* Files first, then what lies below; as deep as the scan allows at most. */
static void emit_dir(struct emitter *e, uint32_t dir)
{
	size_t len = e->dir.len;

	if (dir == e->key && dir != 0)
		emit_key(e, false);
	else
		emit_files(e, dir);
	if (dir == 0 && e->key != 0)
		emit_key(e, true);
	for (uint32_t i = e->s->nodes[dir].child; i != 0; i = e->s->nodes[i].next) {
		if (e->s->nodes[i].is_file)
			continue;
		if (len > 0)
			buf_add_char(&e->dir, '/');
		buf_add_span(&e->dir, structure_name(e->s, i));
		emit_dir(e, i);
		e->dir.len = len;
	}
}

void structure_index(const struct structure *s, const char *name, structure_text_fn text, void *data,
                     struct repo_index *ret)
{
	struct emitter e = { .s = s, .to = ret };

	e.key = structure_root_key(s, name);
	if (e.key != 0) {
		struct span key = structure_name(s, e.key);

		e.places = structure_places(s, e.key, text, data);
		ret->root = mem_strndup(key.at, key.len);
	}
	emit_dir(&e, 0);
	free(e.places);
	buf_done(&e.dir);
}
