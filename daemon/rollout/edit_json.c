/* SPDX-License-Identifier: MIT */
#include "edit_int.h"

#include <string.h>
#include <strings.h>

#include "json.h"
#include "mem.h"

/*
 * Edits as JSON: objects that name a file, an old text and a new one, by whatever names, alone or in lists, in fences or
 * not; below a member that bears a file's name; or with a whole patch as one string.
 */
static const char *const path_names[] = {
	"file", "path", "filepath", "filename", "targetfile", "relativepath", "filetoedit", "target", NULL,
};
static const char *const old_names[] = {
	"search", "old", "oldstr", "oldstring", "oldcode", "oldtext", "original", "originalcode", "before", "find",
	"searchtext", "searchblock", "oldcontent", "from", NULL,
};
static const char *const new_names[] = {
	"replace", "new", "newstr", "newstring", "newcode", "newtext", "updated", "updatedcode", "after", "replacement",
	"replacetext", "replaceblock", "newcontent", "modified", "modifiedcode", "replacewith", "patched", "fixed", "to", NULL,
};
static const char *const patch_names[] = {
	"patch", "diff", "input", "edit", "edits", "content", "answer", "response", NULL,
};

static const char *const whole_names[] = { "content", "newcontent", "filetext", "filecontent", "code", NULL };

#define DEPTH_MAX 8
#define MISSES_MAX 64           /* brackets that begin no JSON */

/* Is it the name, but for case, '_' and '-'? */
static bool is_name(const char *name, const char *wanted)
{
	for (; *name != '\0'; name++) {
		if (*name == '_' || *name == '-' || *name == ' ')
			continue;
		if (*wanted == '\0' || strncasecmp(name, wanted, 1) != 0)
			return false;
		wanted++;
	}
	return *wanted == '\0';
}

static const struct json *member(const struct json *obj, const char *const *names)
{
	for (size_t i = 0; names[i] != NULL; i++)
		for (const struct json *m = json_first(obj); m != NULL; m = json_next(m))
			if (json_name(m) != NULL && is_name(json_name(m), names[i]))
				return m;
	return NULL;
}

/* The text of a string or of a list of lines, each line with its LF; how many lines.  False: it is neither. */
static bool add_text(const struct json *v, struct buf *ret, size_t *ret_lines)
{
	size_t from = ret->len;

	if (json_is_list(v)) {
		for (const struct json *item = json_first(v); item != NULL; item = json_next(item)) {
			const char *line = json_str(item);

			if (line == NULL)
				return false;
			buf_add_str(ret, line);
			if (!span_ends(span_of(line), "\n"))
				buf_add_char(ret, '\n');
		}
	} else if (json_str(v) != NULL) {
		buf_add_str(ret, json_str(v));
		if (ret->len > from && ret->at[ret->len - 1] != '\n')
			buf_add_char(ret, '\n');
	} else if (!json_is_null(v)) {
		return false;
	}
	*ret_lines = 0;
	for (size_t i = from; i < ret->len; i++)
		*ret_lines += ret->at[i] == '\n';
	return true;
}

static bool is_text(const struct json *v)
{
	return json_str(v) != NULL || (json_is_list(v) && (json_first(v) == NULL || json_str(json_first(v)) != NULL));
}

static void add_edit(const struct json *old, const struct json *new, const char *path, struct edits *ret)
{
	struct buf body = { 0 };
	size_t lines, ignored;

	if (!add_text(old, &body, &lines)) {
		buf_done(&body);
		return;
	}
	buf_add_str(&body, "=======\n");
	if (!add_text(new, &body, &ignored)) {
		buf_done(&body);
		return;
	}
	edit_add_body(ret, &body, lines)->more->in_line = true;
	if (path != NULL)
		edit_hint_add(&ret->at[ret->n - 1], span_of(path), NAME_PURE, true);
}

/* A string with a patch or blocks in it. */
static void add_patch(const char *text, struct edits *ret)
{
	struct edits inner;

	if (strstr(text, "<<< SEARCH") == NULL && strstr(text, "@@") == NULL && strstr(text, "*** ") == NULL)
		return;
	edits_parse(text, &inner);
	for (size_t i = 0; i < inner.n; i++) {
		struct edit *e = edits_add(ret);

		edit_more_done(e);
		*e = inner.at[i];
	}
	inner.n = 0;
	edits_done(&inner);
}

static void collect(const struct json *v, const char *path, int depth, struct edits *ret)
{
	const struct json *old = json_is_obj(v) ? member(v, old_names) : NULL;
	const struct json *new = old != NULL ? member(v, new_names) : NULL;
	const char *named = json_is_obj(v) ? json_str(member(v, path_names)) : NULL;

	path = named != NULL ? named : path;
	if (old != NULL && new != NULL && is_text(old) && (is_text(new) || json_is_null(new))) {
		add_edit(old, new, path, ret);
		return;
	}
	if (named != NULL && old == NULL && json_str(member(v, whole_names)) != NULL) {
		edit_hint_add(edit_add_whole(ret, span_of(json_str(member(v, whole_names)))), span_of(named), NAME_PURE, true);
		ret->at[ret->n - 1].more->says_new = true;
		return;
	}
	if (depth == DEPTH_MAX || (!json_is_obj(v) && !json_is_list(v)))
		return;
	for (const struct json *m = json_first(v); m != NULL; m = json_next(m)) {
		const char *name = json_is_obj(v) ? json_name(m) : NULL;
		bool is_file = name != NULL && name_is_filelike(span_of(name));

		if (json_str(m) == NULL)
			collect(m, is_file ? name : path, depth + 1, ret);
		else
			for (size_t i = 0; name != NULL && depth < 3 && patch_names[i] != NULL; i++)
				if (is_name(name, patch_names[i]))
					add_patch(json_str(m), ret);
	}
}

/* Where the value that begins at p ends, by its brackets; NULL: nowhere. */
static const char *value_end(const char *p, const char *end)
{
	bool quoted = false;
	size_t depth = 0;

	for (; p < end; p++) {
		if (quoted) {
			if (*p == '\\')
				p++;
			else if (*p == '"')
				quoted = false;
			continue;
		}
		quoted = *p == '"';
		depth += *p == '{' || *p == '[';
		depth -= *p == '}' || *p == ']';
		if (depth == 0)
			return p + 1;
	}
	return NULL;
}

/* Does a value begin on the line, but for blanks and a tag in front? */
static const char *value_begin(struct span line)
{
	struct span s = span_trim(line);

	if (span_starts(s, "<")) {
		const char *gt = memchr(s.at, '>', s.len);

		s = gt != NULL ? span_trim((struct span){ gt + 1, (size_t)(s.at + s.len - gt - 1) }) : s;
	}
	return span_starts(s, "{") || span_starts(s, "[") ? s.at : NULL;
}

/* The value, also if line breaks and tabs stand in its strings as they are. */
static struct json *value_read(const char *at, const char *end)
{
	struct json *v = NULL;
	struct buf fixed = { 0 };
	bool quoted = false;

	if (json_parse(at, (size_t)(end - at), &v, NULL) == 0)
		return v;
	for (const char *p = at; p < end; p++) {
		if (quoted && *p == '\\' && p + 1 < end)
			buf_add_char(&fixed, *p++);
		else if (*p == '"')
			quoted = !quoted;
		if (quoted && (*p == '\n' || *p == '\t'))
			buf_add_str(&fixed, *p == '\n' ? "\\n" : "\\t");
		else if (!quoted || *p != '\r')
			buf_add_char(&fixed, *p);
	}
	if (json_parse(fixed.at, fixed.len, &v, NULL) < 0)
		v = NULL;
	buf_done(&fixed);
	return v;
}

size_t edits_parse_json(struct span text, struct edits *ret)
{
	struct span rest = text, line;
	size_t before = ret->n;

	for (size_t misses = 0; misses < MISSES_MAX && span_line(&rest, &line);) {
		const char *at = value_begin(line), *end = at != NULL ? value_end(at, text.at + text.len) : NULL;
		struct json *v = end != NULL ? value_read(at, end) : NULL;

		if (at == NULL)
			continue;
		if (v == NULL) {
			misses++;
			continue;
		}
		collect(v, NULL, 0, ret);
		json_free(v);
		rest = (struct span){ end, (size_t)(text.at + text.len - end) };
	}
	return ret->n - before;
}
