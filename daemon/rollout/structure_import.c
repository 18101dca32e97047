/* SPDX-License-Identifier: MIT */
#include "structure_import.h"

#include <stdlib.h>
#include <string.h>

/* How much is looked through, and how often: it is evidence, not proof. */
enum { GATHER_BYTES = 8 << 20, ASK_MAX = 500 };

static bool read_text(struct structure_texts *t, uint32_t file)
{
	const struct structure_node *n = &t->s->nodes[file];

	buf_reset(&t->buf);
	return t->text != NULL && n->len > 0 && n->len <= GATHER_BYTES && t->text(t->data, n->off, n->len, &t->buf);
}

static bool is_word(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static struct span take_word(struct span *s)
{
	struct span word = { s->at, 0 };

	while (word.len < s->len && is_word(s->at[word.len]))
		word.len++;
	s->at += word.len;
	s->len -= word.len;
	return word;
}

static bool take(struct span *s, const char *text)
{
	if (!span_starts(*s, text))
		return false;
	s->at += strlen(text);
	s->len -= strlen(text);
	*s = span_trim(*s);
	return true;
}

bool structure_has_relative(struct structure_texts *t, uint32_t file)
{
	struct span rest, line;

	if (!read_text(t, file))
		return false;
	rest = buf_span(&t->buf);
	while (span_line(&rest, &line)) {
		line = span_trim(line);
		if (take(&line, "from ") && span_starts(line, "."))
			return true;
	}
	return false;
}

static void add_module(struct structure_texts *t, struct span word)
{
	if (word.len == 0)
		return;
	buf_add_char(&t->modules, '\n');
	buf_add_span(&t->modules, word);
	buf_add_char(&t->modules, '\n');
}

/* The names behind "import": `a, b as c`, or in brackets over several lines, of which rest holds those to come. */
static void add_list(struct structure_texts *t, struct span list, struct span rest)
{
	bool brackets = take(&list, "(");

	for (int lines = 0; lines < 100; lines++) {
		while (list.len > 0 && list.at[0] != '#') {
			add_module(t, take_word(&list));
			while (list.len > 0 && list.at[0] != ',' && list.at[0] != ')' && list.at[0] != '#')
				list = (struct span){ list.at + 1, list.len - 1 };
			if (list.len > 0 && list.at[0] == ')')
				return;
			if (!take(&list, ","))
				break;
		}
		if (!brackets || !span_line(&rest, &list))
			return;
		list = span_trim(list);
		if (take(&list, ")"))
			return;
	}
}

/* `from .a import`, `from . import a`, `from key.a import`, `from key import a`, `import key.a`. */
static void gather_line(struct structure_texts *t, struct span line, struct span rest, bool sibling)
{
	struct span key = structure_name(t->s, t->key), word;
	bool from = take(&line, "from ");

	if (!from && !take(&line, "import "))
		return;
	if (span_starts(line, ".")) {
		if (!sibling || !from || span_starts(line, ".."))
			return;
		take(&line, ".");
	} else {
		word = take_word(&line);
		if (word.len != key.len || memcmp(word.at, key.at, key.len) != 0)
			return;
		if (span_starts(line, "."))
			take(&line, ".");
		else
			line = span_trim(line);
	}
	if (from && take(&line, "import "))
		add_list(t, line, rest);
	else
		add_module(t, take_word(&line));
}

static void gather_file(struct structure_texts *t, uint32_t file, bool sibling)
{
	struct span rest, line;

	if (!read_text(t, file))
		return;
	rest = buf_span(&t->buf);
	while (span_line(&rest, &line))
		gather_line(t, span_trim(line), rest, sibling);
}

/* All files of the package, those directly in it first, until enough was read. */
static void gather(struct structure_texts *t)
{
	const struct structure_node *nodes = t->s->nodes;
	int64_t left = GATHER_BYTES;

	t->gathered = true;
	for (uint32_t i = nodes[t->key].child; i != 0; i = nodes[i].next) {
		if (nodes[i].len == 0 || nodes[i].len > left)
			continue;
		left -= nodes[i].len;
		gather_file(t, i, true);
	}
	for (uint32_t i = t->key + 1; i < t->s->count; i++) {
		if (nodes[i].len == 0 || nodes[i].len > left || nodes[i].parent == t->key)
			continue;
		left -= nodes[i].len;
		gather_file(t, i, false);
	}
}

bool structure_is_imported(struct structure_texts *t, struct span stem)
{
	struct buf wanted = { 0 };
	bool found;

	if (++t->asked > ASK_MAX)
		return false;
	if (!t->gathered)
		gather(t);
	buf_add_char(&wanted, '\n');
	buf_add_span(&wanted, stem);
	buf_add_char(&wanted, '\n');
	found = memmem(buf_str(&t->modules), t->modules.len, wanted.at, wanted.len) != NULL;
	buf_done(&wanted);
	return found;
}

void structure_texts_done(struct structure_texts *t)
{
	buf_done(&t->buf);
	buf_done(&t->modules);
}
