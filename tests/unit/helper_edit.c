/* SPDX-License-Identifier: MIT */
#include "helper_edit.h"

#include <check.h>
#include <string.h>

#include "helper_source.h"

static const struct source_file files[] = {
	{ "src/pkg/app.py", APP, 0 },
	{ "src/pkg/two.py", TWO, 0 },
	{ "src/pkg/__init__.py", "", 0 },
	{ "src/pkg/sub/__init__.py", "VERSION = 1\n", 0 },
	{ "rst.py", RST, 0 },
	{ "over.py", "=======\nTitle\n=======\n", 0 },
	{ "tabs.py", TABS, 0 },
	{ "dirty.py", DIRTY, 0 },
	{ "deep.py", "def f():\n    x = 1\n    if x:\n        x = 1\n", 0 },
	{ "open.py", "a = 1\nb = 2", 0 },
	{ "crlf.py", "a = 1\r\nb = 2\r\nc = 3\r\n", 0 },
	{ "bom.py", "\xEF\xBB\xBF" "import os\nx = 1\n", 0 },
	{ "my file.py", "x = 1\n", 0 },
	{ "quotes.py", "s = \"x\" < y\nt = 'it\xE2\x80\x99s'\n", 0 },
	{ "thrice.py", "a = 1\nx = 1\nb = 2\ny = 2\nb = 2\n", 0 },
	{ "long.py", "a = 1\nb = 2\nc = 3\nd = 4\ne = 5\nf = 6\ng = 7\nh = 8\ni = 9\nj = 10\n", 0 },
	{ "README.md", NULL, 0 },
	{ NULL, NULL, 0 },
};

void edit_run(const char *text, char *const *shown, struct edits *e)
{
	struct source src = source_of_files(files);
	struct err err = { 0 };

	edits_parse(text, e);
	e->shown = shown;
	while (shown != NULL && shown[e->n_shown] != NULL)
		e->n_shown++;
	ck_assert_msg(edits_apply_to(e, &src, &err) == 0, "%s", err.msg);
}

void edit_check_shown(const struct row *row, char *const *shown)
{
	struct edits e;
	struct buf fates = { 0 };

	edit_run(row->text, shown, &e);
	for (size_t i = 0; i < e.n; i++)
		buf_printf(&fates, "%s%s", i > 0 ? "," : "", edit_fate_word(e.at[i].fate));
	ck_assert_msg(strcmp(buf_str(&fates), row->fates) == 0, "%s: %s, not %s", row->what, buf_str(&fates), row->fates);
	if (row->path == NULL) {
		ck_assert_msg(e.n_changes == 0, "%s: changed %s", row->what, e.n_changes > 0 ? e.changes[0].path : "");
	} else {
		ck_assert_msg(e.n_changes == 1, "%s: %zu changes", row->what, e.n_changes);
		ck_assert_msg(strcmp(e.changes[0].path, row->path) == 0, "%s: %s", row->what, e.changes[0].path);
		ck_assert_msg(strcmp(buf_str(&e.changes[0].after), row->after) == 0, "%s:\n%s", row->what,
		              buf_str(&e.changes[0].after));
	}
	buf_done(&fates);
	edits_done(&e);
}

void edit_check_row(const struct row *row)
{
	edit_check_shown(row, NULL);
}
