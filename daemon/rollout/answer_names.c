/* SPDX-License-Identifier: MIT */
#include "answer_names.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"

/*
 * A word of a path: letters, digits, "_./@+~-" and '\', and anything beyond ASCII but punctuation.
 * Whatever else ends it, so ":12", "(line 3)", "::test" and quotes fall off by themselves.
 */
static bool is_ascii_word(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c != '\0' && strchr("_./@+~-\\", c) != NULL);
}

static bool is_alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

/* Length of the character at p if it is punctuation beyond ASCII: U+00A0..BF, U+2000..206F, arrows
 * and signs up to U+2BFF, U+3000..303F, U+FE0F, U+FF00..FF0F, U+FF1A; else 0. */
static size_t odd_punct(const char *p, const char *end)
{
	const unsigned char *u = (const unsigned char *)p;

	if (end - p >= 2 && u[0] == 0xC2 && u[1] >= 0xA0 && u[1] <= 0xBF)
		return 2;
	if (end - p < 3)
		return 0;
	if ((u[0] == 0xE2 && u[1] <= 0xAF) || (u[0] == 0xE3 && u[1] == 0x80))
		return 3;
	if (u[0] == 0xEF && ((u[1] == 0xB8 && u[2] == 0x8F) || (u[1] == 0xBC && (u[2] <= 0x8F || u[2] == 0x9A))))
		return 3;
	if (end - p >= 4 && u[0] == 0xF0 && u[1] == 0x9F)       /* emoji */
		return 4;
	return 0;
}

/* The length of the word at p, 0 if there is none. */
static size_t word_len(const char *p, const char *end)
{
	const char *q = p;

	while (q < end) {
		unsigned char c = (unsigned char)*q;

		if (c >= 0x80 ? odd_punct(q, end) > 0 : !is_ascii_word(c))
			break;
		q++;
	}
	return (size_t)(q - p);
}

/* Endings that files in repositories have; "e.g", "1.2" and "self.x" are no files. */
static const char *const endings[] = {
	"py", "pyi", "pyx", "pxd", "pxi", "cfg", "toml", "ini", "txt", "rst", "md", "json", "yml", "yaml", "c", "h", "cc",
	"cpp", "hpp", "cxx", "js", "jsx", "ts", "tsx", "mjs", "cjs", "html", "htm", "css", "scss", "less", "sh", "bash",
	"zsh", "bat", "ps1", "java", "kt", "go", "rs", "rb", "php", "pl", "pm", "lua", "r", "jl", "scala", "swift", "m",
	"mm", "cs", "fs", "f90", "f", "sql", "xml", "svg", "csv", "tsv", "in", "conf", "config", "env", "lock", "mk",
	"cmake", "proto", "tmpl", "jinja", "j2", "tpl", "vue", "svelte", "ipynb", "tex", "po", "pot", "mo", "data",
	"dat", "log", "patch", "diff", "am", "ac", "el", "ex", "exs", "erl", "hs", "ml", "mli", "clj", "dart", "zig",
	"nix", "tf", "gradle", "properties", "service", "asm", "s", "template", "rest", "pth", "typed",
};

static bool has_ending(struct span name)
{
	const char *slash = memrchr(name.at, '/', name.len);
	struct span base = slash == NULL ? name : (struct span){ slash + 1, (size_t)(name.at + name.len - slash - 1) };
	const char *dot = base.len > 0 ? memrchr(base.at, '.', base.len) : NULL;

	if (dot == NULL || dot == base.at)
		return false;
	size_t n = (size_t)(base.at + base.len - dot - 1);

	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
		if (strlen(endings[i]) == n && strncasecmp(dot + 1, endings[i], n) == 0)
			return true;
	return false;
}

bool name_is_filelike(struct span name)
{
	const char *slash = name.len > 0 ? memrchr(name.at, '/', name.len) : NULL;
	const char *dot;

	if (has_ending(name))
		return true;
	if (slash == NULL || slash + 1 == name.at + name.len)
		return false;
	dot = memchr(slash, '.', (size_t)(name.at + name.len - slash));
	return dot != NULL && dot + 1 < name.at + name.len && is_alnum((unsigned char)dot[1]);
}

/* Punctuation that a sentence left on the word. */
static struct span word_trim(struct span w)
{
	while (w.len > 0 && (w.at[w.len - 1] == '.' || w.at[w.len - 1] == '-' || w.at[w.len - 1] == '\\' ||
	                     w.at[w.len - 1] == '~' || w.at[w.len - 1] == '+' || w.at[w.len - 1] == '@'))
		w.len--;
	while (w.len > 0 && (w.at[0] == '-' || w.at[0] == '~' || w.at[0] == '+' || w.at[0] == '@' ||
	                     (w.at[0] == '\\' && w.len > 1 && w.at[1] != '_'))) {
		w.at++;
		w.len--;
	}
	return w;
}

/* Could it be a file at all, were the repo to have it? */
static bool word_may_name(struct span w)
{
	bool letter = false;

	if (w.len == 0 || w.len > 1024 || w.at[w.len - 1] == '/' || span_starts(w, "//"))
		return false;
	for (size_t i = 0; i < w.len; i++)
		letter = letter || (is_alnum((unsigned char)w.at[i]) && !(w.at[i] >= '0' && w.at[i] <= '9'));
	return letter && (memchr(w.at, '.', w.len) != NULL || memchr(w.at, '/', w.len) != NULL ||
	                  memchr(w.at, '\\', w.len) != NULL);
}

bool fence_read(struct span line, struct fence *ret)
{
	size_t i = 0, n = 0;

	while (i < line.len && (line.at[i] == ' ' || line.at[i] == '\t'))
		i++;
	if (i == line.len || (line.at[i] != '`' && line.at[i] != '~'))
		return false;
	while (i + n < line.len && line.at[i + n] == line.at[i])
		n++;
	if (n < 3)
		return false;
	ret->ch = line.at[i];
	ret->len = n;
	ret->indent = i;
	ret->info = span_trim((struct span){ line.at + i + n, line.len - i - n });
	/* ```text``` on one line is no fence */
	return ret->ch == '~' || memchr(ret->info.at, '`', ret->info.len) == NULL;
}

/* --- what stands around the names of a line ------------------------------------------ */

static struct span span_skip(struct span s, size_t n)
{
	return (struct span){ s.at + n, s.len - n };
}

/* "1.", "1)", "(1)", "[1]" and "Step 3:" lose their number first. */
static size_t number_len(struct span s)
{
	size_t i = 0, digits = 0;
	bool open = s.len > 0 && (s.at[0] == '(' || s.at[0] == '[');

	i += open;
	while (i < s.len && s.at[i] >= '0' && s.at[i] <= '9' && digits < 4) {
		i++;
		digits++;
	}
	if (digits == 0 || i == s.len || strchr(open ? ")]" : ".):", s.at[i]) == NULL)
		return 0;
	i++;
	/* "1.2" and "3.py" are no list */
	return i == s.len || strchr(" \t*`", s.at[i]) != NULL ? i : 0;
}

/* Decoration in front: quotes, bullets, headings, comments, emphasis. */
static struct span strip_front(struct span s, bool *item)
{
	for (;;) {
		size_t n = 0;

		s = span_trim(s);
		if (s.len == 0)
			return s;
		if (span_starts(s, "<!--"))
			n = 4;
		else if (span_starts(s, "--- ") || span_starts(s, "+++ ") || span_starts(s, "=== "))
			n = 4;
		else if (span_starts(s, "//") && s.len > 2 && s.at[2] == ' ')
			n = 2;
		else if (span_starts(s, "/*"))
			n = 2;
		else if (strchr("#*`'\"|>[({$;,=", s.at[0]) != NULL)
			n = 1;
		else if ((s.at[0] == '-' || s.at[0] == '+') && (s.len == 1 || s.at[1] == ' ' || s.at[1] == '-'))
			n = 1;
		else if ((unsigned char)s.at[0] >= 0x80)
			n = odd_punct(s.at, s.at + s.len);
		if (n == 0)
			n = number_len(s);
		if (n == 0)
			return s;
		*item = true;
		s = span_skip(s, n);
	}
}

/* Words that only say "what follows is a file". */
static const char *const labels[] = {
	"file path", "filepath", "file_path", "filename", "file name", "file", "path", "in file", "modified file",
	"new file", "edit file", "update file", "add file", "delete file", "target file", "full path", "edit", "modify",
	"update", "source file", "test file", "in",
};

static struct span strip_label(struct span s)
{
	for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
		size_t n = strlen(labels[i]);

		if (s.len <= n || strncasecmp(s.at, labels[i], n) != 0)
			continue;
		struct span rest = span_skip(s, n);
		bool bare = strchr("*`: \t=", rest.at[0]) != NULL;

		while (rest.len > 0 && strchr("*`: \t='\"", rest.at[0]) != NULL)
			rest = span_skip(rest, 1);
		if (bare && rest.len > 0)
			return rest;
	}
	return s;
}

/* <path>, <file>, </file>: tags around a name go. */
static struct span strip_tags(struct span s)
{
	const char *gt;

	if (s.len > 2 && s.at[0] == '<' && (gt = memchr(s.at, '>', s.len)) != NULL && gt - s.at < 64 &&
	    gt + 1 < s.at + s.len)
		s = span_trim(span_skip(s, (size_t)(gt + 1 - s.at)));
	if (s.len > 3 && s.at[s.len - 1] == '>') {
		const char *lt = memrchr(s.at, '<', s.len);

		if (lt != NULL && lt > s.at && lt[1] == '/')
			s.len = (size_t)(lt - s.at);
	}
	return span_trim(s);
}

/* Decoration behind: closing quotes and emphasis, ':' and ',' and what closes a comment. */
static struct span strip_back(struct span s)
{
	for (;;) {
		s = span_trim(s);
		if (span_ends(s, "-->"))
			s.len -= 3;
		else if (span_ends(s, "*/"))
			s.len -= 2;
		else if (s.len > 0 && strchr("#*`'\"|:,;>])}=", s.at[s.len - 1]) != NULL)
			s.len--;
		else
			return s;
	}
}

/* What may stand between two names of a list: no letters or digits. */
static bool is_residue(const char *at, const char *end)
{
	while (at < end) {
		size_t odd = (unsigned char)*at >= 0x80 ? odd_punct(at, end) : 0;

		if (odd == 0 && is_alnum((unsigned char)*at))
			return false;
		at += odd > 0 ? odd : 1;
	}
	return true;
}

/* A remark behind the first name: " - why", " (new)", ":12-40", "#L3", " # why", " — why",
 * "::test_x". */
static bool is_remark(const char *at, const char *end)
{
	const char *p = at;

	while (p < end && strchr("`*'\"_])|", *p) != NULL)
		p++;
	if (p == end || *p == ':' || *p == '#' || *p == '|' || *p == '(' || *p == '<' || *p == ',')
		return true;
	if (*p != ' ' && *p != '\t')
		return odd_punct(p, end) > 0;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == end || strchr("-(#|:[<=/*`", *p) != NULL || odd_punct(p, end) > 0)
		return true;
	return end - p >= 6 && strncasecmp(p, "line", 4) == 0 && (p[4] == ' ' || p[4] == 's' || p[4] == ':');
}

static void find_names(struct span line, struct name_line *ret)
{
	const char *p = line.at, *end = line.at + line.len;

	while (p < end && ret->n < NAMES_MAX) {
		size_t n = word_len(p, end);

		if (n == 0) {
			p++;
			continue;
		}
		bool url = (size_t)(p - line.at) >= 1 && p[-1] == ':' && n >= 2 && p[0] == '/' && p[1] == '/';
		struct span w = word_trim((struct span){ p, n });

		if (!url && word_may_name(w))
			ret->at[ret->n++] = w;
		p += n;
	}
}

void name_line_read(struct span line, struct name_line *ret)
{
	bool item = false;
	struct span s, full = span_trim(line);

	ret->kind = NAME_NONE;
	ret->n = 0;
	ret->whole = (struct span){ "", 0 };
	if (full.len == 0 || full.len > 4096)
		return;
	s = strip_tags(full);
	s = strip_front(s, &item);
	for (int i = 0; i < 2; i++) {
		struct span after = strip_label(s);

		if (after.at == s.at)
			break;
		s = strip_front(after, &item);
	}
	ret->whole = strip_back(strip_tags(s));
	find_names(s, ret);
	if (ret->n == 0)
		return;
	const char *p = s.at;
	bool only = true;

	for (size_t i = 0; i < ret->n; i++) {
		only = only && is_residue(p, ret->at[i].at);
		p = ret->at[i].at + ret->at[i].len;
	}
	only = only && is_residue(p, s.at + s.len);
	if (only) {
		ret->kind = NAME_PURE;
	} else if (is_residue(s.at, ret->at[0].at) && is_remark(ret->at[0].at + ret->at[0].len, s.at + s.len)) {
		ret->kind = NAME_PURE;
		ret->n = 1;
	} else if (item || full.at[full.len - 1] == ':') {
		ret->kind = NAME_LEAD;
	} else {
		ret->kind = NAME_PROSE;
	}
}

/* --- what a name means ---------------------------------------------------------------- */

static const char *resolve_plain(const struct source *src, struct span name)
{
	const char *path = name.len > 0 ? src->resolve(src->data, name) : NULL;
	bool absolute = name.len > 0 && name.at[0] == '/';
	struct span rest = name;
	const char *slash;

	/* A checkout's place in front: the longest rest that is a file.  Without a directory of its
	 * own it is one only behind an absolute path. */
	while (path == NULL && (slash = memchr(rest.at, '/', rest.len)) != NULL) {
		char buf[1024];

		rest = span_skip(rest, (size_t)(slash + 1 - rest.at));
		if (rest.len == 0 || rest.len >= sizeof buf || (!absolute && memchr(rest.at, '/', rest.len) == NULL))
			continue;
		memcpy(buf, rest.at, rest.len);
		buf[rest.len] = '\0';
		if (src->has(src->data, buf))
			path = src->resolve(src->data, (struct span){ buf, rest.len });
	}
	return path;
}

const char *name_resolve(const struct source *src, struct span name)
{
	const char *path;
	struct buf b = { 0 };

	name = span_trim(name);
	if (name.len == 0 || name.len > 1024 || memchr(name.at, '\0', name.len) != NULL)
		return NULL;
	path = resolve_plain(src, name);
	if (path == NULL && memchr(name.at, '\\', name.len) != NULL) {
		for (size_t i = 0; i < name.len; i++)           /* an escaped "_" of Markdown */
			if (name.at[i] != '\\' || i + 1 == name.len || name.at[i + 1] != '_')
				buf_add_char(&b, name.at[i]);
		path = resolve_plain(src, buf_span(&b));
		buf_reset(&b);
		for (size_t i = 0; i < name.len && path == NULL; i++)
			buf_add_char(&b, name.at[i] == '\\' ? '/' : name.at[i]);
		if (path == NULL)
			path = resolve_plain(src, buf_span(&b));
		buf_done(&b);
	}
	/* __file.py__: bold by underscores */
	if (path == NULL && name.len > 4 && span_starts(name, "__") && span_ends(name, "__"))
		path = resolve_plain(src, (struct span){ name.at + 2, name.len - 4 });
	return path;
}

/* One component of a path that may be made. */
static bool component_ok(const char *at, size_t n)
{
	if (n == 0 || n > 255 || (n == 1 && at[0] == '.') || (n == 2 && memcmp(at, "..", 2) == 0))
		return false;
	return !(n == 4 && strncasecmp(at, ".git", 4) == 0);
}

char *name_clean(struct span name)
{
	char *path, *to;

	name = span_trim(name);
	while (name.len > 2 && span_starts(name, "./"))
		name = span_skip(name, 2);
	if (name.len == 0 || name.len > 1024)
		return NULL;
	path = to = mem_strndup(name.at, name.len);
	for (size_t i = 0; i < name.len; i++)
		if (name.at[i] != '\\' || i + 1 == name.len || name.at[i + 1] != '_')
			*to++ = name.at[i] == '\\' ? '/' : name.at[i];
	*to = '\0';
	for (const char *p = path; p != NULL;) {
		const char *slash = strchr(p, '/');
		size_t n = slash != NULL ? (size_t)(slash - p) : strlen(p);
		bool bad = !component_ok(p, n);

		for (size_t i = 0; i < n && !bad; i++)
			bad = (unsigned char)p[i] < 0x20 || p[i] == 0x7f;
		if (bad) {
			free(path);
			return NULL;
		}
		p = slash != NULL ? slash + 1 : NULL;
	}
	return path;
}
