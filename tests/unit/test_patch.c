/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edit_int.h"
#include "files.h"
#include "helper_source.h"
#include "mem.h"

/*
 * Random files and random edits, the same ones in every run: what patch_print() makes, the real `git apply`
 * takes, many files in one call; what a printed edit says, edits_apply() does.
 */
static uint64_t seed;

static size_t rnd(size_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(seed >> 33) % n;
}

static const char *const words[] = {
	"", "x = 1", "    return x", "def f(x):", "\tif y:", "    # gr\xC3\xBC\xC3\x9F", "    ", "=======", "\f", "a \\ b", "'''", "@@ -1 +1 @@",
	"--- a", "+++ b", "\\ No newline at end of file", "-", "+", "diff --git a/x b/x", "class A:", "    pass",
};
#define N_WORDS (sizeof words / sizeof words[0])

enum style { LF, CRLF, OPEN_END, MIXED, BINARY, STYLES };

static void line_add(struct buf *b, enum style style, bool last)
{
	buf_add_str(b, words[rnd(N_WORDS)]);
	if (rnd(3) == 0)
		buf_printf(b, "%zu", rnd(1000));
	if (style == BINARY && rnd(4) == 0)
		buf_add(b, "\0\xff", 2);
	if (last && style == OPEN_END)
		buf_add_str(b, ".");            /* so that the last line is not empty */
	else
		buf_add_str(b, style == CRLF || (style == MIXED && rnd(2)) ? "\r\n" : "\n");
}

static void text_make(struct buf *b, enum style style, size_t lines)
{
	for (size_t i = 0; i < lines; i++)
		line_add(b, style, i + 1 == lines);
}

/* The text with some lines gone, changed or new; fewer of them in a long one. */
static void text_change(const struct buf *old, enum style style, struct buf *ret)
{
	struct span rest = buf_span(old), line;
	size_t rarely = old->len > 2000 ? 800 : 8;

	while (span_line(&rest, &line)) {
		switch (rnd(rarely)) {
		case 0:
			break;
		case 1:
			line_add(ret, style, rest.len == 0);
			break;
		case 2:
			line_add(ret, style, false);
			/* fall through */
		default:
			buf_add(ret, line.at, (size_t)((rest.len > 0 ? rest.at : old->at + old->len) - line.at));
		}
	}
}

/* --- patches ------------------------------------------------------------------------------- */

static const char *const names[] = {
	"plain.py", "dir/sub/plain.py", "with blank.py", "dir with blank/a.py", "gr\xC3\xB6\xC3\x9F_e.py", "quo\"te.py", "back\\slash.py",
	"tab\there.py", "\xE6\x96\x87\xE4\xBB\xB6/\xE6\x96\x87.py", "a/b/c/d/e.py", "-dash.py", "trailing .py", "new\nline.py",
};
#define N_NAMES (sizeof names / sizeof names[0])
#define N_CHANGES 260

static char dir[] = "/tmp/test_patch.XXXXXX";

static void put(const char *name, const struct buf *text)
{
	char *path = mem_printf("%s/%s", dir, name), *slash = strrchr(path, '/');
	struct err err = { 0 };

	*slash = '\0';
	ck_assert_msg(dir_make(path, 0755, &err) == 0, "%s", err.msg);
	*slash = '/';
	FILE *f = fopen(path, "wb");    /* not synced: it is only for git */

	ck_assert(f != NULL && fwrite(buf_span(text).at, 1, text->len, f) == text->len);
	ck_assert_int_eq(fclose(f), 0);
	free(path);
}

static int git_apply(void)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (chdir(dir) != 0)
			_exit(126);
		setenv("GIT_CEILING_DIRECTORIES", dir, 1);
		setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
		execlp("git", "git", "apply", "--whitespace=nowarn", ".patch", (char *)NULL);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void expect(const struct change *c)
{
	char *path = mem_printf("%s/%s", dir, c->path);
	struct buf got = { 0 };
	struct err err = { 0 };

	if (c->deleted) {
		ck_assert_msg(access(path, F_OK) != 0, "%s is still there", c->path);
	} else {
		ck_assert_msg(file_get(path, 1u << 24, &got, &err) == 0, "%s", err.msg);
		ck_assert_msg(got.len == c->after.len && (got.len == 0 || memcmp(got.at, c->after.at, got.len) == 0),
		              "%s: not what it should be", c->path);
	}
	buf_done(&got);
	free(path);
}

START_TEST(git_applies_every_patch)
{
	struct change *changes = mem_zero(N_CHANGES, sizeof *changes);
	struct buf patch = { 0 };
	struct err err = { 0 };

	seed = 7u + (unsigned)_i;
	ck_assert(mkdtemp(dir) != NULL);
	for (size_t i = 0; i < N_CHANGES; i++) {
		struct change *c = &changes[i];
		enum style style = (enum style)rnd(STYLES);

		c->path = mem_printf("%zu/%s", i, names[i % N_NAMES]);
		c->created = rnd(6) == 0;
		c->deleted = !c->created && rnd(6) == 0;
		c->end_unsure = !c->created && rnd(2) == 0;
		if (!c->created)
			text_make(&c->before, style, rnd(5) == 0 ? 0 : rnd(9) == 0 ? 400 : rnd(60));
		if (c->created)
			text_make(&c->after, style, rnd(4) == 0 ? 0 : rnd(20));
		else if (!c->deleted)
			text_change(&c->before, rnd(4) == 0 ? (enum style)rnd(STYLES) : style, &c->after);
		if (!c->created)
			put(c->path, &c->before);
	}
	ck_assert_msg(patch_print(changes, N_CHANGES, &patch, &err) == 0, "%s", err.msg);
	put(".patch", &patch);
	ck_assert_int_eq(git_apply(), 0);
	for (size_t i = 0; i < N_CHANGES; i++) {
		expect(&changes[i]);
		free(changes[i].path);
		buf_done(&changes[i].before);
		buf_done(&changes[i].after);
	}
	free(changes);
	buf_done(&patch);
	ck_assert_int_eq(dir_remove(dir, &err), 0);
	memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
}
END_TEST

/* A structure does not tell whether a file ends in LF: a patch must not hang on it, wherever it can be helped. */
START_TEST(a_lost_final_newline_does_not_matter)
{
	struct change c = { .path = mem_strdup("a.py"), .end_unsure = true };
	struct buf real = { 0 }, patch = { 0 };

	ck_assert(mkdtemp(dir) != NULL);
	for (int i = 0; i < 10; i++) {
		buf_printf(&c.before, "line %d\n", i);
		buf_printf(&c.after, i == _i ? "changed %d\n" : "line %d\n", i);
	}
	buf_add(&real, c.before.at, c.before.len - 1);
	put("a.py", &real);
	c.after.len--;
	ck_assert_int_eq(patch_print(&(struct change){ .path = c.path, .end_unsure = true, .before = c.before,
	                 .after = { .at = c.after.at, .len = c.after.len + 1, .cap = c.after.cap } }, 1, &patch, NULL), 0);
	put(".patch", &patch);
	ck_assert_msg(git_apply() == 0, "%s", patch.at);
	expect(&c);
	buf_done(&c.before);
	buf_done(&c.after);
	buf_done(&real);
	buf_done(&patch);
	free(c.path);
	ck_assert_int_eq(dir_remove(dir, NULL), 0);
	memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
}
END_TEST

/* Lines far from what differs are not shown to libgit2, and still count. */
START_TEST(line_numbers_and_headings_are_the_whole_files)
{
	struct change c = { .path = mem_strdup("a.py") };
	struct buf patch = { 0 };

	for (int i = 1; i <= 1000; i++) {
		buf_printf(&c.before, i == 50 ? "def f(x):\n" : "    line %d\n", i);
		buf_printf(&c.after, i == 50 ? "def f(x):\n" : i == 500 ? "    changed\n    more\n" : "    line %d\n", i);
	}
	ck_assert_int_eq(patch_print(&c, 1, &patch, NULL), 0);
	ck_assert_str_eq(patch.at, "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -497,7 +497,8 @@ def f(x):\n"
	                 "     line 497\n     line 498\n     line 499\n-    line 500\n+    changed\n+    more\n"
	                 "     line 501\n     line 502\n     line 503\n");
	buf_done(&c.before);
	buf_done(&c.after);
	buf_done(&patch);
	free(c.path);
}
END_TEST

START_TEST(what_does_not_differ_has_no_patch)
{
	struct change c = { .path = mem_strdup("a.py") };
	struct buf patch = { 0 };

	buf_add_str(&c.before, "x\n");
	buf_add_str(&c.after, "x\n");
	ck_assert_int_eq(patch_print(&c, 1, &patch, NULL), 0);
	ck_assert_str_eq(buf_str(&patch), "");
	buf_reset(&c.after);
	buf_add_str(&c.after, "y\n");
	ck_assert_int_eq(patch_print(&c, 1, &patch, NULL), 0);
	ck_assert_str_eq(buf_str(&patch), "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+y\n");
	buf_done(&c.before);
	buf_done(&c.after);
	buf_done(&patch);
	free(c.path);
}
END_TEST

/* --- printed edits --------------------------------------------------------------------------- */

struct text_lines {
	struct span at[80];
	size_t n;
};

static void split(const struct buf *text, struct text_lines *ret)
{
	struct span rest = buf_span(text);

	ret->n = 0;
	while (ret->n < 80 && span_line(&rest, &ret->at[ret->n]))
		ret->n++;
}

static size_t count_of(const struct text_lines *ls, size_t at, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i + n <= ls->n; i++) {
		size_t k = 0;

		while (k < n && ls->at[i + k].len == ls->at[at + k].len &&
		       memcmp(ls->at[i + k].at, ls->at[at + k].at, ls->at[at + k].len) == 0)
			k++;
		found += k == n;
	}
	return found;
}

/* A text as an edit shows it: without CR. */
static void show(struct buf *b, struct span line)
{
	if (line.len > 0 && line.at[line.len - 1] == '\r')
		line.len--;
	buf_add_span(b, line);
	buf_add_char(b, '\n');
}

/* A line that could be the divider as well, were it the last of SEARCH or the first of REPLACE. */
static bool is_divider(struct span line)
{
	return span_is(span_trim(line), "=======");
}

/* One random edit of the file: the answer that says it, and the file that comes out. */
static bool edit_make(const struct buf *old, enum style style, struct buf *answer, struct buf *ret)
{
	struct text_lines ls;
	struct buf with = { 0 }, shown = { 0 };
	const char *eol = style == CRLF ? "\r\n" : "\n";
	size_t at, n;

	split(old, &ls);
	if (ls.n < 3)
		return false;
	n = 1 + rnd(ls.n / 2);
	at = rnd(ls.n - n + 1);
	while (count_of(&ls, at, n) > 1 && at + n < ls.n)
		n++;
	if (count_of(&ls, at, n) > 1 || is_divider(ls.at[at + n - 1]))
		return false;
	buf_add_str(answer, "### f.py\n<<<<<<< SEARCH\n");
	for (size_t i = at; i < at + n; i++)
		show(answer, ls.at[i]);
	for (size_t i = at; i < at + n; i++) {
		bool last = i + 1 == ls.n;
		size_t what = rnd(4);

		if (what == 0 || (what == 1 && last)) {
			buf_printf(&with, "new %zu%s", rnd(1000), last && style == OPEN_END ? "" : eol);
		} else if (what > 1 || last) {
			buf_add_span(&with, ls.at[i]);
			buf_add_str(&with, last && style == OPEN_END ? "" : "\n");
		}
	}
	struct span rest = buf_span(&with), line;
	bool clear = with.len == 0 || (span_line(&rest, &line) && !is_divider(line));

	rest = buf_span(&with);
	while (span_line(&rest, &line))
		show(&shown, line);
	buf_printf(answer, "=======\n%s>>>>>>> REPLACE\n", buf_str(&shown));
	buf_add(ret, old->at, (size_t)(ls.at[at].at - old->at));
	buf_add_span(ret, buf_span(&with));
	if (at + n < ls.n)
		buf_add(ret, ls.at[at + n].at, (size_t)(old->at + old->len - ls.at[at + n].at));
	buf_done(&with);
	buf_done(&shown);
	return clear;
}

START_TEST(a_printed_edit_makes_the_edited_file)
{
	seed = 1000u + (unsigned)_i;
	for (int round = 0; round < 400; round++) {
		enum style style = (enum style)rnd(MIXED);
		struct buf old = { 0 }, answer = { 0 }, want = { 0 };
		struct edits e;

		text_make(&old, style, 3 + rnd(40));
		if (edit_make(&old, style, &answer, &want)) {
			struct source_file files[] = { { "f.py", old.at, old.len }, { NULL, NULL, 0 } };
			struct source src = source_of_files(files);

			edits_parse(answer.at, &e);
			ck_assert_uint_eq(e.n, 1);
			ck_assert_int_eq(edits_apply_to(&e, &src, NULL), 0);
			if (want.len == old.len && memcmp(want.at, old.at, old.len) == 0) {
				ck_assert_msg(e.n_changes == 0, "%s\n--- of ---\n%s", answer.at, old.at);
			} else {
				ck_assert_msg(e.n_changes == 1, "%s: %s\n%s---\n%s", edit_fate_word(e.at[0].fate), old.at, answer.at, want.at);
				struct buf *got = &e.changes[0].after;

				ck_assert_msg(got->len == want.len && memcmp(got->at, want.at, want.len) == 0,
				              "%s\n%s\n--- not ---\n%s\n--- of ---\n%s", answer.at, got->at, want.at, old.at);
			}
			edits_done(&e);
		}
		buf_done(&old);
		buf_done(&answer);
		buf_done(&want);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("patch");
	TCase *tc = tcase_create("patch");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, git_applies_every_patch, 0, 3);
	tcase_add_loop_test(tc, a_lost_final_newline_does_not_matter, 0, 8);
	tcase_add_test(tc, line_numbers_and_headings_are_the_whole_files);
	tcase_add_test(tc, what_does_not_differ_has_no_patch);
	tcase_add_loop_test(tc, a_printed_edit_makes_the_edited_file, 0, 10);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
