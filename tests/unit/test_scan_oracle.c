/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "json.h"
#include "mem.h"
#include "structure.h"

/*
 * The scanner against cJSON, which builds the whole tree: the same nodes in the same order, the same texts to the
 * byte.  Over random structures here, and over those of the directory $BATCHD_STRUCTURES if there is one.
 */
static uint32_t seed;
static uint32_t dice(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* --- what cJSON says ------------------------------------------------------------------- */

/* One line a node: its depth, kind and name, and for a file with lines the text behind it. */
static void put_node(struct buf *ret, int depth, bool is_file, const char *name, size_t len)
{
	buf_printf(ret, "%d %s ", depth, is_file ? "file" : "dir");
	buf_add(ret, name, len);
	buf_add_char(ret, '\n');
}

static void put_lines(struct buf *ret, const struct json *list)
{
	for (const struct json *l = json_first(list); l != NULL; l = json_next(l)) {
		buf_add_str(ret, json_str(l));
		buf_add_char(ret, '\n');
	}
}

static void tell_json(const struct json *obj, int depth, struct buf *ret)
{
	const struct json *lines = NULL;
	bool dirs = false;

	for (const struct json *m = json_first(obj); m != NULL; m = json_next(m)) {
		dirs = dirs || json_is_obj(m);
		if (depth > 0 && json_is_list(m) && strcmp(json_name(m), "text") == 0)
			lines = m;
	}
	put_node(ret, depth, lines != NULL || !dirs, json_name(obj), strlen(json_name(obj)));
	put_lines(ret, lines);
	for (const struct json *m = json_first(obj); lines == NULL && m != NULL; m = json_next(m))
		if (json_is_obj(m))
			tell_json(m, depth + 1, ret);
}

/* --- what the scanner says --------------------------------------------------------------- */

static void tell_node(const struct structure *s, uint32_t at, int depth, const char *text, struct buf *ret)
{
	const struct structure_node *n = &s->nodes[at];
	struct span name = at == 0 ? span_of("structure") : structure_name(s, at);
	struct err err = { 0 };

	put_node(ret, depth, n->is_file, name.at, name.len);
	if (n->len > 0)
		ck_assert_msg(scan_lines((struct span){ text + n->off, (size_t)n->len }, ret, &err) == 0, "%s", err.msg);
	for (uint32_t i = n->child; i != 0; i = s->nodes[i].next)
		tell_node(s, i, depth + 1, text, ret);
}

static void held_against_json(const char *text, size_t len, const char *what)
{
	struct buf ours = { 0 }, theirs = { 0 };
	struct json *doc = NULL;
	struct structure s;
	struct err err = { 0 };
	struct scan in;

	ck_assert_msg(json_parse(text, len, &doc, &err) == 0, "%s: %s", what, err.msg);
	tell_json(json_get(doc, "structure"), 0, &theirs);
	json_free(doc);
	scan_open_bytes(&in, (struct span){ text, len });
	ck_assert_msg(structure_scan(&in, &s, &err) == 0, "%s: %s", what, err.msg);
	tell_node(&s, 0, 0, text, &ours);
	structure_done(&s);
	scan_close(&in);
	ck_assert_msg(ours.len == theirs.len && memcmp(ours.at, theirs.at, ours.len) == 0, "%s: not the same:\n%.*s", what,
	              (int)(len < 3000 ? len : 3000), text);
	buf_done(&ours);
	buf_done(&theirs);
}

/* --- random structures ------------------------------------------------------------------- */

static void put_blank(struct buf *b)
{
	for (uint32_t n = dice(8) == 0 ? dice(100) : 0; n > 0; n--)
		buf_add_char(b, " \n\t\r"[dice(4)]);
}

/* What deceives a scanner: quotes, backslashes in a row, brackets, escapes of all kinds. */
static void put_string(struct buf *b, uint32_t most)
{
	static const char *const parts[] = {
		"\\\"", "\\\\", "\\\\\\\"", "[", "]", "{", "}", ",", ":", " ", "a", "text", "\\n", "\\t", "\\/", "\\u005b", "\\u0022",
		"\\u005c", "\\ud83d\\ude00", "\xc3\xa4", "\xe2\x82\xac", "/", "'", "\\\\\\\\", "some longer words in a row",
	};

	buf_add_char(b, '"');
	for (uint32_t n = dice(4) == 0 ? dice(most) : dice(4); n > 0; n--)
		buf_add_str(b, parts[dice(sizeof parts / sizeof parts[0])]);
	buf_add_char(b, '"');
}

static void put_value(struct buf *b, int depth)
{
	uint32_t kind = depth > 4 ? dice(4) : dice(6);

	put_blank(b);
	if (kind == 0) {
		buf_printf(b, "%d", (int)dice(5000) - 100);
	} else if (kind == 1) {
		buf_add_str(b, (const char *const[]){ "true", "false", "null", "-1.5e3" }[dice(4)]);
	} else if (kind < 4) {
		put_string(b, 60);
	} else {
		buf_add_char(b, kind == 4 ? '[' : '{');
		for (uint32_t i = 0, n = dice(4); i < n; i++) {
			if (i > 0)
				buf_add_char(b, ',');
			if (kind == 5) {
				put_string(b, 3);
				buf_add_char(b, ':');
			}
			put_value(b, depth + 1);
		}
		put_blank(b);
		buf_add_char(b, kind == 4 ? ']' : '}');
	}
	put_blank(b);
}

static void put_texts(struct buf *b)
{
	buf_add_str(b, "\"text\":");
	put_blank(b);
	buf_add_char(b, '[');
	for (uint32_t i = 0, n = dice(30); i < n; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		put_blank(b);
		put_string(b, 40);
	}
	put_blank(b);
	buf_add_char(b, ']');
}

/* A file or directory; members that are neither are other data, of lists as classes and functions are. */
static void put_tree(struct buf *b, int depth)
{
	bool file = depth > 0 && dice(3) == 0;
	uint32_t n = depth > 5 ? 0 : dice(5), put = 0;

	buf_add_char(b, '{');
	for (uint32_t i = 0; i < n; i++) {
		uint32_t kind = dice(file ? 3 : 4);

		if (put++ > 0)
			buf_add_char(b, ',');
		put_blank(b);
		if (kind == 0 && file) {
			put_texts(b);
			continue;
		}
		if (kind == 1) {
			buf_add_str(b, "\"classes\":[");
			put_value(b, 2);
			buf_add_char(b, ']');
		} else {
			put_string(b, 5);       /* "text" may be a directory's name */
			buf_add_char(b, ':');
			put_tree(b, depth + 1);
		}
		put_blank(b);
	}
	buf_add_char(b, '}');
}

START_TEST(random_structures)
{
	seed = (uint32_t)_i;
	for (int round = 0; round < 400; round++) {
		struct buf b = { 0 };

		buf_add_str(&b, "{\"repo\":\"own/name\",\"other\":");
		put_value(&b, 0);
		buf_add_str(&b, ",\"structure\":");
		put_tree(&b, 0);
		buf_add_char(&b, '}');
		held_against_json(b.at, b.len, "a random one");
		buf_done(&b);
	}
}
END_TEST

START_TEST(real_structures)
{
	const char *dir = getenv("BATCHD_STRUCTURES");
	DIR *d = dir != NULL ? opendir(dir) : NULL;
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char *path = mem_printf("%s/%s", dir, e->d_name);
		struct buf text = { 0 };

		if (span_ends(span_of(path), ".json")) {
			ck_assert_int_eq(file_get(path, 1 << 30, &text, NULL), 0);
			held_against_json(text.at, text.len, path);
		}
		buf_done(&text);
		free(path);
	}
	if (d != NULL)
		closedir(d);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("scan_oracle");
	TCase *tc = tcase_create("scan_oracle");

	tcase_add_loop_test(tc, random_structures, 0, 8);
	tcase_add_test(tc, real_structures);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed > 0;
}
