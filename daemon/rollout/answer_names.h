/* SPDX-License-Identifier: MIT */
#ifndef ANSWER_NAMES_H
#define ANSWER_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"

/*
 * File names in what models write: which words of a line look like one, and what they mean in a
 * repository. Shared by the reader of file lists and the reader of edits; knows the repository
 * through a small seam only, so that both are tested without one.
 */

/* Where names and contents come from; struct repo in the daemon (source_of_repo), a table in tests. */
struct source {
	void *data;
	bool inexact;                   /* has lost how files end, as a structure has */
	/* As repo_resolve(): the one file that the name means, NULL if none or several. */
	const char *(*resolve)(void *data, struct span name);
	bool (*has)(void *data, const char *path);
	/* As repo_read(): BD_ENOTFOUND if there is no text. */
	int (*read)(void *data, const char *path, struct buf *ret, struct err *err);
};

/* How a line speaks of the names in it. */
enum name_kind {
	NAME_NONE,      /* no word of it looks like a file */
	NAME_PROSE,     /* names among other words */
	NAME_LEAD,      /* a heading, a bold line, a list item or a line that ends in ':', with names among other words */
	NAME_PURE,      /* nothing else: decoration, numbers, "File:" in front, a remark behind */
};

#define NAMES_MAX 16    /* of one line that are looked at */

struct name_line {
	enum name_kind kind;
	size_t n;
	struct span at[NAMES_MAX];      /* into the line, without decoration and line numbers */
	struct span whole;              /* the line without its decoration: a name with blanks in it, perhaps */
};

void name_line_read(struct span line, struct name_line *ret);

/* Has it the look of a file's name (an extension that files have, or a directory in front)? */
bool name_is_filelike(struct span name);

/* The file of the repo that a name means, also without a checkout's directory in front
 * (/testbed/..), with "\_" for "_" and '\' for '/'.  NULL if none or several. */
const char *name_resolve(const struct source *src, struct span name);

/* The name as the path of a file to be made, owned by the caller; NULL if it may not be one:
 * absolute, with "..", in .git, a directory. */
char *name_clean(struct span name);

/* An opening or closing fence: its character and length, what stands behind it. */
struct fence {
	char ch;
	size_t len;
	size_t indent;
	struct span info;
};
bool fence_read(struct span line, struct fence *ret);

#endif
