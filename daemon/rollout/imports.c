/* SPDX-License-Identifier: MIT */
#include "imports.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "python_token.h"

/* --- which package a file is in ------------------------------------------------------------- */

/* dir's path from `from` on, dotted. */
static char *dotted(const char *dir, size_t len, size_t from)
{
	char *name = mem_strndup(dir + from, len - from);

	for (char *p = name; *p != '\0'; p++)
		*p = *p == '/' ? '.' : *p;
	return name;
}

static bool holds_init(const struct repo *repo, const char *path, size_t dir_len)
{
	char *init = mem_printf("%.*s/__init__.py", (int)dir_len, path);
	bool there = repo_has(repo, init);

	free(init);
	return there;
}

void package_of(const struct repo *repo, const char *path, struct package *ret)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash - path) : 0, from = 0;

	for (size_t end = 0; end < len; from = end + 1) {
		const char *next = memchr(path + from, '/', len - from);

		end = next != NULL ? (size_t)(next - path) : len;
		if (holds_init(repo, path, end))
			break;
		if (end == len) {               /* none anywhere: the whole path */
			from = 0;
			break;
		}
	}
	ret->name = dotted(path, len, from);
	ret->whole = dotted(path, len, 0);
}

void package_done(struct package *p)
{
	free(p->name);
	free(p->whole);
	*p = (struct package){ 0 };
}

/* --- the rewriting ------------------------------------------------------------------------------ */

/* A relative import: its tokens. */
struct relative {
	size_t from;            /* the word `from` */
	size_t first, last;     /* the dots */
	size_t import;          /* the word `import` */
	int level;
	bool named;             /* a name follows the dots */
};

/* Is the `from` at i the head of a relative import?  No other use of the word is followed by dots and `import`. */
static bool relative_at(const struct py_tokens *t, size_t i, struct relative *ret)
{
	struct relative r = { .from = i, .first = i + 1 };
	size_t at = i + 1;

	if (!py_is_name(t, i, "from"))
		return false;
	for (; py_is_op(t, at, '.') || py_is_op(t, at, PY_OP3('.', '.', '.')); at++)
		r.level += (int)t->at[at].len;
	if (r.level == 0)
		return false;
	r.last = at - 1;
	r.named = t->at[at].kind == PY_NAME && !py_is_name(t, at, "import");
	while (at < t->n && ((t->at[at].kind == PY_NAME && !py_is_name(t, at, "import")) || py_is_op(t, at, '.')))
		at++;
	r.import = at;
	*ret = r;
	return py_is_name(t, at, "import");
}

/* package without its last (level - 1) parts; 0 long if there are not that many. */
static struct span package_above(const char *package, int level)
{
	size_t len = strlen(package);

	for (int i = 1; i < level && len > 0; i++) {
		while (len > 0 && package[len - 1] != '.')
			len--;
		len -= len > 0;
	}
	return (struct span){ package, len };
}

static bool can_be_imported(struct span name)
{
	bool start = true;

	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.at[i];

		if (c == '.') {
			if (start)
				return false;
			start = true;
			continue;
		}
		if (!(isalpha(c) || c == '_' || c >= 0x80 || (isdigit(c) && !start)))
			return false;
		start = false;
	}
	return !start;
}

static int resolve(const struct package *package, int level, int line, struct span *ret, struct err *err)
{
	struct span name = package_above(package->name, level);

	if (name.len == 0)
		name = package_above(package->whole, level);
	if (name.len == 0)
		return err_set(err, BD_EINVALID, "line %d: a relative import goes beyond the top level", line);
	if (!can_be_imported(name))
		return err_set(err, BD_EINVALID,
		               "line %d: a relative import from %.*s, which is no module's name", line,
		               (int)(name.len > 200 ? 200 : name.len), name.at);
	*ret = name;
	return 0;
}

static size_t token_end(const struct py_tokens *t, size_t i)
{
	return t->at[i].off + t->at[i].len;
}

/* The first dot becomes the package; the others go; what lies between them (a continued line) stays. */
static void write_import(const struct py_tokens *t, const struct relative *r, struct span package,
                         struct buf *ret)
{
	if (t->at[r->first].off == token_end(t, r->from))
		buf_add_char(ret, ' ');                         /* from.x */
	buf_add_span(ret, package);
	if (r->named)
		buf_add_char(ret, '.');
	for (size_t i = r->first; i < r->last; i++)
		buf_add(ret, t->text.at + token_end(t, i), t->at[i + 1].off - token_end(t, i));
	if (!r->named && t->at[r->import].off == token_end(t, r->last))
		buf_add_char(ret, ' ');                         /* from .import x */
}

int imports_make_absolute(struct span source, const struct package *package, struct buf *ret, struct err *err)
{
	struct py_tokens t = { 0 };
	struct relative r;
	struct span name;
	size_t done = 0, was = ret->len;
	int rc = py_tokenize(source, &t, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < t.n; i++) {
		if (!relative_at(&t, i, &r))
			continue;
		rc = resolve(package, r.level, t.at[i].line, &name, err);
		if (rc < 0)
			break;
		buf_add(ret, source.at + done, t.at[r.first].off - done);
		write_import(&t, &r, name, ret);
		done = token_end(&t, r.last);
	}
	if (rc == 0)
		buf_add(ret, source.at + done, source.len - done);
	else
		ret->len = was;
	py_tokens_done(&t);
	return rc;
}
