/* SPDX-License-Identifier: MIT */
#include "structure.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* The tree while it is read. */
struct tree {
	struct scan *in;
	struct structure *s;
	struct buf key;                 /* the member at hand, decoded */
	uint32_t path[STRUCTURE_MAX_DEPTH];
	size_t depth;                   /* of the node whose members are read */
	size_t path_len, all_paths;     /* of that node's path; of all paths so far */
};

static int bad(const struct scan *in, const char *what, struct err *err)
{
	if (in->failed < 0)
		return err_set(err, in->failed, "cannot read on at byte %lld", (long long)scan_pos(in) + 1);
	if (in->over && in->p == in->end)
		return err_set(err, BD_EINVALID, "cut off at byte %lld", (long long)scan_pos(in));
	return err_set(err, BD_EINVALID, "%s at byte %lld", what, (long long)scan_pos(in) + 1);
}

/* The name in front of a value, up to its colon, into key. */
static int read_key(struct scan *in, struct buf *raw, struct buf *key, struct err *err)
{
	buf_reset(raw);
	if (scan_blank(in) != '"' || !scan_string(in, STRUCTURE_MAX_NAME, raw))
		return bad(in, "no name", err);
	buf_reset(key);
	if (!scan_unescape(buf_str(raw), raw->len, key))
		return bad(in, "a name with an escape that is none", err);
	for (size_t i = 0; i < key->len; i++)   /* NUL would cut it short */
		if (key->at[i] == '\0')
			key->at[i] = '?';
	if (scan_blank(in) != ':')
		return bad(in, "no colon", err);
	in->p++;
	return 0;
}

/* Room for twice the nodes and names there are. */
static int nodes_room(const struct structure *s, struct err *err)
{
	return mem_room_ask(3 * (s->cap * sizeof *s->nodes + s->names.cap), err);
}

static uint32_t node_add(struct structure *s, uint32_t parent, const struct buf *name)
{
	if (s->count == s->cap) {
		s->cap = s->cap > 0 ? s->cap * 2 : 1024;
		s->nodes = mem_grow(s->nodes, s->cap, sizeof *s->nodes);
	}
	uint32_t at = (uint32_t)s->count++;

	s->nodes[at] = (struct structure_node){ .name = (uint32_t)s->names.len,
	                                        .name_len = (uint32_t)name->len, .parent = parent };
	if (name->len > 0)
		buf_add(&s->names, name->at, name->len);
	if (at != parent) {
		struct structure_node *up = &s->nodes[parent];

		*(up->child == 0 ? &up->child : &s->nodes[up->last].next) = at;
		up->last = at;
		up->children++;
	}
	return at;
}

/* All members of t's innermost node are read: what was it? */
static void node_close(struct tree *t)
{
	struct structure_node *n = &t->s->nodes[t->path[t->depth]];

	t->path_len -= t->depth > 0 ? n->name_len + 1 : 0;
	/* An array of lines makes a file, whatever else is there: no directory has one.  Without children it is a
	 * file too: {} is one that is no Python, and one with other data has lost its text. */
	n->is_file = n->len > 0 || n->children == 0;
	if (n->is_file)
		n->child = n->children = 0;
}

/* One member of the innermost node. */
static int read_member(struct tree *t, struct buf *raw, struct err *err)
{
	struct structure_node *n;
	int64_t from;
	int c, rc = read_key(t->in, raw, &t->key, err);

	if (rc < 0)
		return rc;
	c = scan_blank(t->in);
	if (c == '{') {
		if (t->depth + 1 == STRUCTURE_MAX_DEPTH)
			return bad(t->in, "directories nested too deeply", err);
		t->path_len += t->key.len + 1;
		t->all_paths += t->path_len;
		if (t->all_paths > STRUCTURE_MAX_PATHS)
			return bad(t->in, "too many files", err);
		t->in->p++;
		rc = nodes_room(t->s, err);
		if (rc < 0)
			return rc;
		t->path[t->depth + 1] = node_add(t->s, t->path[t->depth], &t->key);
		t->depth++;
		return 1;       /* its members come next */
	}
	from = scan_pos(t->in);
	if (!scan_value(t->in))
		return bad(t->in, "no value", err);
	n = &t->s->nodes[t->path[t->depth]];
	if (c == '[' && t->depth > 0 && span_is(buf_span(&t->key), "text")) {
		n->off = from;
		n->len = scan_pos(t->in) - from;
	}
	return 0;
}

/* The object at hand and all below it. */
static int read_tree(struct tree *t, struct err *err)
{
	struct buf raw = { 0 };
	bool fresh = true;      /* just behind a '{' */
	int rc = 0;

	if (scan_blank(t->in) != '{')
		return bad(t->in, "\"structure\" is no object", err);
	t->in->p++;
	for (;;) {
		int c = scan_blank(t->in);

		if (c == '}') {
			t->in->p++;
			node_close(t);
			fresh = false;
			if (t->depth-- == 0)
				break;
			continue;
		}
		if (!fresh && c != ',') {
			rc = bad(t->in, "no comma", err);
			break;
		}
		if (!fresh)
			t->in->p++;
		rc = read_member(t, &raw, err);
		if (rc < 0)
			break;
		fresh = rc > 0;
	}
	t->depth = 0;
	buf_done(&raw);
	return rc < 0 ? rc : 0;
}

/* One member of the document. */
static int read_top(struct tree *t, struct buf *raw, bool *seen, struct err *err)
{
	int rc = read_key(t->in, raw, &t->key, err);

	if (rc < 0)
		return rc;
	if (span_is(buf_span(&t->key), "structure")) {
		if (*seen)
			return bad(t->in, "a second \"structure\"", err);
		*seen = true;
		return read_tree(t, err);
	}
	if (span_is(buf_span(&t->key), "repo") && scan_blank(t->in) == '"') {
		struct buf text = { 0 };

		buf_reset(raw);
		if (!scan_string(t->in, STRUCTURE_MAX_NAME, raw))
			return bad(t->in, "no repo", err);
		free(t->s->repo);
		t->s->repo = scan_unescape(buf_str(raw), raw->len, &text) ? buf_take_str(&text) : NULL;
		buf_done(&text);
		return 0;
	}
	return scan_value(t->in) ? 0 : bad(t->in, "no value", err);
}

static int read_document(struct tree *t, struct err *err)
{
	struct buf raw = { 0 };
	bool seen = false;
	int rc = 0;

	if (scan_peek(t->in) == 0xEF)   /* a BOM */
		for (int i = 0; i < 3 && scan_peek(t->in) >= 0x80; i++)
			t->in->p++;
	if (scan_blank(t->in) != '{')
		return bad(t->in, "no JSON object", err);
	t->in->p++;
	for (bool fresh = true; rc == 0; fresh = false) {
		int c = scan_blank(t->in);

		if (c == '}')
			break;
		if (!fresh && c != ',')
			rc = bad(t->in, "no comma", err);
		else if (!fresh)
			t->in->p++;
		if (rc == 0)
			rc = read_top(t, &raw, &seen, err);
	}
	buf_done(&raw);
	if (rc < 0)
		return rc;
	t->in->p++;
	if (scan_blank(t->in) >= 0)
		return bad(t->in, "more text behind the document", err);
	if (t->in->failed < 0)
		return bad(t->in, "", err);
	return seen ? 0 : err_set(err, BD_EINVALID, "it has no \"structure\"");
}

int structure_scan(struct scan *in, struct structure *ret, struct err *err)
{
	struct structure s = { 0 };
	struct tree *t = MEM_NEW(struct tree);
	struct buf none = { 0 };
	int rc;

	t->in = in;
	t->s = &s;
	node_add(&s, 0, &none);
	rc = read_document(t, err);
	s.all_paths = t->all_paths;
	buf_done(&t->key);
	free(t);
	if (rc < 0)
		structure_done(&s);
	else
		*ret = s;
	return rc;
}

void structure_done(struct structure *s)
{
	free(s->nodes);
	free(s->repo);
	buf_done(&s->names);
	*s = (struct structure){ 0 };
}
