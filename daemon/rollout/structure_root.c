/* SPDX-License-Identifier: MIT */
#include "structure_root.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "structure_import.h"

/*
 * Which files of the root's key are the root's, and which those of a directory of the same name?
 *
 * A structure is written by a walk from the top: first the root's files go into the object, then those of the
 * directory.  So there is one cut in their order: the root's in front of it, the directory's behind.  (A name that both
 * have stands where the root had it, with the directory's content.)  The rule, strongest first:
 *
 *  1. No directory of that name (no sub-directories, no __init__.py): all are the root's.
 *  2. Sorted on both sides, as from git or sorted(): the order falls back exactly once, at the cut.  All four
 *     repositories at hand come out right by this alone.
 *  3. In the order of the file system: what stands before the last file that only roots have (setup.py, LICENSE ..) is
 *     root's; what stands behind __init__.py, behind a file with relative imports, or behind a module that
 *     the package imports as its own is the package's.  Between: it may be either.
 *  4. Sorted as a whole (a file that only roots have stands behind __init__.py): each file by the marks of rule 3 on
 *     its own.
 *
 * A file that may be either has both paths, and the one somebody names is the one it has.
 */
struct sorting {
	const struct structure *s;
	uint32_t *files;        /* nodes */
	size_t count;
	bool *imports;          /* has relative imports */
	enum structure_place *place;
	size_t init;            /* of the first __init__.py; count if there is none */
	bool has_dirs;
	struct structure_texts texts;
};

/* Names that stand in the root of a repository and hardly ever in a package. */
static bool only_in_roots(struct span name)
{
	static const char *const exact[] = {
		"setup.py", "setup.cfg", "pyproject.toml", "tox.ini", "MANIFEST.in", ".travis.yml", ".mailmap",
		"appveyor.yml", ".appveyor.yml", "azure-pipelines.yml", ".pre-commit-config.yaml", ".readthedocs.yml",
		".readthedocs.yaml", "codecov.yml", ".codecov.yml", "CITATION.cff", "CODE_OF_CONDUCT.md", "Pipfile",
		"noxfile.py", "versioneer.py", "ez_setup.py", "bootstrap.py", ".git-blame-ignore-revs", "package.json",
	};
	static const char *const begin[] = { "LICENSE", "LICENCE", "COPYING", "CONTRIBUTING", "AUTHORS" };

	for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++)
		if (span_is(name, exact[i]))
			return true;
	for (size_t i = 0; i < sizeof begin / sizeof begin[0]; i++)
		if (span_starts(name, begin[i]))
			return true;
	return false;
}

/* Python files of which a root is the likelier place. */
static bool rather_in_roots(struct span name)
{
	return span_is(name, "conftest.py") || span_starts(name, "test") || span_is(name, "manage.py") ||
	       span_is(name, "tasks.py") || span_is(name, "fabfile.py") || span_is(name, "runtests.py") ||
	       span_starts(name, "setup") || only_in_roots(name);
}

/* --- the key --------------------------------------------------------------------------- */

static uint32_t child_named(const struct structure *s, const char *name, size_t len)
{
	for (uint32_t i = s->nodes[0].child; i != 0; i = s->nodes[i].next)
		if (!s->nodes[i].is_file && s->nodes[i].name_len == len &&
		    strncasecmp(structure_name(s, i).at, name, len) == 0)
			return i;
	return 0;
}

/* By "owner/name": name, or owner__name. */
static uint32_t key_by_name(const struct structure *s, const char *name)
{
	const char *slash = name != NULL ? strrchr(name, '/') : NULL;
	const char *last = slash != NULL ? slash + 1 : name;
	uint32_t at = last != NULL && *last != '\0' ? child_named(s, last, strlen(last)) : 0;

	if (at == 0 && slash != NULL) {
		char *joined = mem_printf("%.*s__%s", (int)(slash - name), name, last);

		at = child_named(s, joined, strlen(joined));
		free(joined);
	}
	return at;
}

/* How many files directly in a directory are such as only roots have. */
static int root_marks(const struct structure *s, uint32_t dir)
{
	int n = 0;

	for (uint32_t i = s->nodes[dir].child; i != 0; i = s->nodes[i].next)
		n += s->nodes[i].is_file && only_in_roots(structure_name(s, i));
	return n;
}

uint32_t structure_root_key(const struct structure *s, const char *name)
{
	uint32_t at, first = 0;

	/* Python files above all keys: whoever wrote this has no such key. */
	for (uint32_t i = s->nodes[0].child; i != 0; i = s->nodes[i].next) {
		if (s->nodes[i].len > 0)
			return 0;
		if (first == 0 && !s->nodes[i].is_file)
			first = i;
	}
	at = key_by_name(s, name);
	if (at == 0)
		at = key_by_name(s, s->repo);
	if (first == 0 || (at != 0 && root_marks(s, at) > 0))
		return at;
	/* Another name, that of the folder it was cloned into?  A walk begins with it. */
	return root_marks(s, first) >= (at != 0 ? 2 : 1) ? first : at;
}

/* --- the files ------------------------------------------------------------------------- */

static struct span name_at(const struct sorting *g, size_t i)
{
	return structure_name(g->s, g->files[i]);
}

static bool falls_back(const struct sorting *g, size_t i)
{
	struct span a = name_at(g, i - 1), b = name_at(g, i);
	int c = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);

	return c > 0 || (c == 0 && a.len > b.len);
}

/* How often the order falls back, up to the last Python file ({} may be an empty directory), and where. */
static size_t fall_backs(const struct sorting *g, size_t *ret_at)
{
	size_t n = 0, last = 0;

	for (size_t i = 0; i < g->count; i++)
		if (span_ends(name_at(g, i), ".py"))
			last = i;
	for (size_t i = 1; i <= last; i++) {
		if (falls_back(g, i)) {
			*ret_at = i;
			n++;
		}
	}
	return n;
}

/* Rule 2 and what is behind a cut that is known. */
static void place_by_cut(struct sorting *g, size_t cut)
{
	for (size_t i = 0; i < g->count; i++) {
		g->place[i] = i < cut ? PLACE_ROOT : PLACE_PACKAGE;
		/* In the root's place, and yet the directory's if both have one of that name? */
		if (i < cut && g->imports[i])
			g->place[i] = PLACE_MAYBE_PACKAGE;
		else if (i < cut && cut < g->count && span_is(name_at(g, i), "conftest.py"))
			g->place[i] = PLACE_MAYBE_ROOT;
	}
}

/* Mark the modules in [from, to) that the package imports as its own. */
static void mark_imported(struct sorting *g, size_t from, size_t to, bool *own)
{
	for (size_t i = from; i < to; i++) {
		struct span stem = name_at(g, i);

		if (!span_ends(stem, ".py"))
			continue;
		stem.len -= 3;
		own[i] = structure_is_imported(&g->texts, stem);
	}
}

/* Rules 3 and 4: `mixed` if the files have no cut. */
static void place_by_marks(struct sorting *g, size_t sure_roots, bool mixed)
{
	bool *own = mem_zero(g->count, sizeof *own);
	size_t from = mixed ? 0 : sure_roots, behind = g->count;

	for (size_t i = from; i < g->count && !mixed; i++)
		if (i >= g->init || g->imports[i]) {
			behind = i;
			break;
		}
	if (from < behind)
		mark_imported(g, from, behind, own);
	for (size_t i = from; i < behind && !mixed; i++)
		if (own[i])
			behind = i;
	for (size_t i = 0; i < g->count; i++) {
		struct span name = name_at(g, i);
		bool root = mixed ? only_in_roots(name) : i < sure_roots;

		if (own[i] || span_is(name, "__init__.py") || (!mixed && i >= behind))
			g->place[i] = PLACE_PACKAGE;
		else if (g->imports[i])                 /* the directory's, in the root's place? */
			g->place[i] = mixed ? PLACE_PACKAGE : PLACE_MAYBE_PACKAGE;
		else if (root && !span_is(name, "conftest.py"))
			g->place[i] = PLACE_ROOT;
		else if (rather_in_roots(name) || !span_ends(name, ".py"))
			g->place[i] = PLACE_MAYBE_ROOT;
		else
			g->place[i] = PLACE_MAYBE_PACKAGE;
	}
	free(own);
}

static void place_all(struct sorting *g)
{
	size_t sure_roots = 0, cut = 0, falls = fall_backs(g, &cut);
	bool mixed = false, imports = false, package = g->has_dirs || g->init < g->count;

	for (size_t i = 0; i < g->count; i++) {
		if (only_in_roots(name_at(g, i)) && i < g->init)
			sure_roots = i + 1;
		mixed = mixed || (falls == 0 && i > g->init && only_in_roots(name_at(g, i)));
		imports = imports || g->imports[i];
	}
	if (falls == 1 && cut >= sure_roots && cut <= g->init &&
	    (package || imports || (g->count >= 8 && sure_roots > 0))) {
		place_by_cut(g, cut);
		return;
	}
	if (package)
		place_by_marks(g, sure_roots, mixed);
	else
		place_by_cut(g, g->count);
}

static void collect(struct sorting *g, uint32_t key)
{
	const struct structure *s = g->s;

	g->files = mem_alloc((s->nodes[key].children + 1) * sizeof *g->files);
	for (uint32_t i = s->nodes[key].child; i != 0; i = s->nodes[i].next) {
		if (s->nodes[i].is_file)
			g->files[g->count++] = i;
		else
			g->has_dirs = true;
	}
	g->imports = mem_zero(g->count, sizeof *g->imports);
	g->place = mem_zero(g->count, sizeof *g->place);
	g->init = g->count;
	for (size_t i = 0; i < g->count && g->init == g->count; i++)
		if (span_is(name_at(g, i), "__init__.py"))
			g->init = i;
	for (size_t i = 0; i < g->count; i++)
		if (span_ends(name_at(g, i), ".py") && !only_in_roots(name_at(g, i)))   /* versioneer.py quotes one */
			g->imports[i] = structure_has_relative(&g->texts, g->files[i]);
}

enum structure_place *structure_places(const struct structure *s, uint32_t key, structure_text_fn text,
                                       void *data)
{
	struct sorting g = { .s = s, .texts = { .s = s, .key = key, .text = text, .data = data } };

	collect(&g, key);
	place_all(&g);
	free(g.files);
	free(g.imports);
	structure_texts_done(&g.texts);
	return g.place;
}
