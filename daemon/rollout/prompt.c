/* SPDX-License-Identifier: MIT */
#include "prompt.h"

#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "json.h"
#include "mem.h"
#include "roots.h"

#define PROMPT_MAX (16u << 20)          /* bytes of a template: far beyond any context window */

static const char *const slot_names[PROMPT_SLOTS] = { "{problem_statement}", "{structure}", "{content}" };

static const struct { const char *name, *text; } built_in[] = {
#define PROMPT(name, text) { name, text },
#include "prompts.gen"
#undef PROMPT
	{ NULL, NULL }
};

static void add_part(struct prompt *p, struct span text, int slot)
{
	struct buf b = { 0 };
	struct prompt_part *part;

	json_escape(&b, text.at, text.len);
	p->parts = mem_grow(p->parts, p->n + 1, sizeof *p->parts);
	part = &p->parts[p->n++];
	part->slot = slot;
	part->len = b.len;
	part->escaped = buf_take_str(&b);
	if (slot >= 0)
		p->slots |= PROMPT_BIT(slot);
}

/* The slot that begins at s, -1 if none. */
static int slot_at(struct span s, unsigned known)
{
	for (int i = 0; i < PROMPT_SLOTS; i++) {
		if ((known & PROMPT_BIT(i)) != 0 && span_starts(s, slot_names[i]))
			return i;
	}
	return -1;
}

int prompt_parse(struct span text, unsigned known, unsigned required, const char *shown,
                 struct prompt *ret, struct err *err)
{
	struct prompt p = { 0 };
	size_t from = 0, at = 0;

	while (at < text.len) {
		int slot = text.at[at] == '{' ? slot_at((struct span){ text.at + at, text.len - at }, known) : -1;

		if (slot < 0) {
			at++;
			continue;
		}
		add_part(&p, (struct span){ text.at + from, at - from }, slot);
		at += strlen(slot_names[slot]);
		from = at;
	}
	add_part(&p, (struct span){ text.at + from, text.len - from }, -1);
	for (int i = 0; i < PROMPT_SLOTS; i++) {
		if ((required & ~p.slots & PROMPT_BIT(i)) == 0)
			continue;
		prompt_done(&p);
		return err_set(err, BD_EINVALID, "prompt %s lacks %s", shown, slot_names[i]);
	}
	*ret = p;
	return 0;
}

/* 1 when path was there, 0 when not. */
static int load_file(const char *roots, const char *path, unsigned known, unsigned required, struct prompt *ret, struct err *err)
{
	struct buf text = { 0 };
	int rc;

	if (file_size(path) < 0)
		return 0;
	rc = roots_check(roots, path, err);
	if (rc == 0)
		rc = file_get(path, PROMPT_MAX, &text, err);
	if (rc == 0)
		rc = prompt_parse(buf_span(&text), known, required, path, ret, err);
	buf_done(&text);
	return rc < 0 ? rc : 1;
}

int prompt_load(const char *roots, const char *dir, const char *workflow, const char *stage, unsigned known, unsigned required,
                struct prompt *ret, bool *ret_own, struct err *err)
{
	char *name = mem_printf("%s/%s", workflow, stage);
	int rc = 0;

	if (dir != NULL) {
		char *near = mem_printf("%s/%s.txt", dir, name), *far = mem_printf("%s/%s.txt", dir, stage);

		rc = load_file(roots, near, known, required, ret, err);
		if (rc == 0)
			rc = load_file(roots, far, known, required, ret, err);
		free(near);
		free(far);
	}
	if (rc == 0) {
		const char *text = NULL;

		for (size_t i = 0; built_in[i].name != NULL; i++) {
			if (strcmp(built_in[i].name, name) == 0)
				text = built_in[i].text;
		}
		*ret_own = false;
		rc = text != NULL ? prompt_parse(span_of(text), known, required, name, ret, err) :
		     err_set(err, BD_EINVALID, "no prompt %s", name);
	} else if (rc > 0) {
		*ret_own = true;
		rc = 0;
	}
	free(name);
	return rc;
}

void prompt_done(struct prompt *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->parts[i].escaped);
	free(p->parts);
	*p = (struct prompt){ 0 };
}

void prompt_fill(const struct prompt *p, const struct span values[PROMPT_SLOTS], struct buf *ret)
{
	for (size_t i = 0; i < p->n; i++) {
		buf_add(ret, p->parts[i].escaped, p->parts[i].len);
		if (p->parts[i].slot >= 0)
			buf_add_span(ret, values[p->parts[i].slot]);
	}
}
