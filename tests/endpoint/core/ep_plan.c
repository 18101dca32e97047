/* SPDX-License-Identifier: MIT */
#include "ep_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

static const struct {
	enum ep_scope scope;
	enum ep_do what;
	const char *word, *keys;
} dos[] = {
#define D(scope, sym, word, keys) { SCOPE_##scope, DO_##sym, word, keys },
#include "ep_plan.def"
#undef D
};

/* The keys each scope takes beside those of the fault; types as in ep_plan.def. */
static const char *const scope_keys[] = {
	[SCOPE_CALL] = ("call:s! do:s nth:i from:i to:i every:b batch:* file:s stage:* from_ms:i until_ms:i chance:n "
	               "effect:e early:b headers:o stall_ms:i slow_bps:i cut_at:i"),
	[SCOPE_BATCH] = "batch:* do:s! from:i to:i every:b stage:* from_ms:i until_ms:i chance:n",
	[SCOPE_FILE] = "file:* do:s! from:i to:i every:b chance:n",
	[SCOPE_LINE] = "custom_id:s lines:s do:s batch:* from:i to:i every:b stage:* fraction:n times:i",
	[SCOPE_OPTION] = "option:s!",
};

static const char *const kinds[] = {
	"create", "upload", "file_get", "file_list", "content", "file_delete",
	"batch_get", "batch_list", "cancel", "blob", "other", "any",
};

const char *ep_kind_name(enum ep_kind kind)
{
	return kinds[kind];
}

const char *fault_str(const struct ep_fault *f, const char *name, const char *otherwise)
{
	const char *text = json_get_str(f->spec, name);

	return text != NULL ? text : otherwise;
}

int64_t fault_int(const struct ep_fault *f, const char *name, int64_t otherwise)
{
	return json_get_int(f->spec, name, otherwise);
}

double fault_num(const struct ep_fault *f, const char *name, double otherwise)
{
	double n;

	return json_num(json_get(f->spec, name), &n) ? n : otherwise;
}

bool fault_bool(const struct ep_fault *f, const char *name, bool otherwise)
{
	return json_get_bool(f->spec, name, otherwise);
}

static bool all_texts(const struct json *list)
{
	for (const struct json *i = json_first(list); i != NULL; i = json_next(i)) {
		if (json_str(i) == NULL)
			return false;
	}
	return true;
}

static bool type_fits(char type, const struct json *v)
{
	const char *text = json_str(v);
	int64_t i;
	double n;
	bool b;

	switch (type) {
	case 'i':
		return json_int(v, &i) && i >= 0;
	case 'n':
		return json_num(v, &n) && n >= 0;
	case 's':
		return text != NULL;
	case 'b':
		return json_bool(v, &b);
	case 'o':
		return json_is_obj(v) && all_texts(v);
	case 'l':
		return json_is_list(v) && all_texts(v);
	case 'e':
		return text != NULL && (strcmp(text, "before") == 0 || strcmp(text, "after") == 0);
	default:
		return true;
	}
}

/* The type of a key in a list of "key:type[!]", 0 if it is not in it. */
static char key_type(const char *keys, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = keys; p != NULL && *p != '\0';) {
		if (strncmp(p, name, n) == 0 && p[n] == ':')
			return p[n + 1];
		p = strchr(p, ' ');
		if (p != NULL)
			p++;
	}
	return 0;
}

static int check_needed(const char *keys, const struct json *spec, struct err *err)
{
	for (const char *p = keys; p != NULL && *p != '\0';) {
		const char *colon = strchr(p, ':');
		char name[32];

		if (colon[2] == '!') {
			snprintf(name, sizeof name, "%.*s", (int)(colon - p), p);
			if (json_get(spec, name) == NULL)
				return err_set(err, BD_EINVALID, "\"%s\" is missing", name);
		}
		p = strchr(p, ' ');
		if (p != NULL)
			p++;
	}
	return 0;
}

static int check_keys(enum ep_scope scope, const char *own, const struct json *spec, struct err *err)
{
	for (const struct json *m = json_first(spec); m != NULL; m = json_next(m)) {
		const char *name = json_name(m);
		char type = key_type(own, name);

		if (type == 0)
			type = key_type(scope_keys[scope], name);
		if (type == 0)
			return err_set(err, BD_EINVALID, "\"%s\" has no meaning here", name);
		if (!type_fits(type, m))
			return err_set(err, BD_EINVALID, "\"%s\" has a value of the wrong kind", name);
	}
	int rc = check_needed(scope_keys[scope], spec, err);
	return rc < 0 ? rc : check_needed(own, spec, err);
}

/* The word that says what to do; old spellings and a lone parameter work too. */
static const char *do_word(enum ep_scope scope, const struct json *spec)
{
	const char *word = json_get_str(spec, "do");

	if (scope == SCOPE_OPTION)
		return json_get_str(spec, "option");
	if (scope == SCOPE_LINE && word == NULL)
		return json_get_str(spec, "lines");
	if (scope != SCOPE_CALL)
		return word;
	if (word == NULL)
		return json_get(spec, "cut_at") != NULL ? "cut" : json_get(spec, "slow_bps") != NULL ? "slow" :
		       json_get(spec, "stall_ms") != NULL ? "stall" : json_get(spec, "headers") != NULL ? "headers" : NULL;
	return strcmp(word, "cut_at") == 0 ? "cut" : strcmp(word, "slow_bps") == 0 ? "slow" :
	       strcmp(word, "stall_ms") == 0 ? "stall" : word;
}

static bool scope_of(const struct json *spec, enum ep_scope *ret)
{
	static const struct { const char *key; enum ep_scope scope; } first[] = {
		{ "option", SCOPE_OPTION }, { "call", SCOPE_CALL }, { "custom_id", SCOPE_LINE }, { "lines", SCOPE_LINE },
		{ "file", SCOPE_FILE }, { "batch", SCOPE_BATCH },
	};

	for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
		if (json_get(spec, first[i].key) != NULL) {
			*ret = first[i].scope;
			return true;
		}
	}
	return false;
}

/* A number, a text of digits, or "every". */
static int range_of(const struct json *v, int64_t *ret_from, int64_t *ret_to, struct err *err)
{
	const char *text = json_str(v);
	int64_t n;

	if (v == NULL || (text != NULL && strcmp(text, "every") == 0)) {
		*ret_from = 1;
		*ret_to = INT64_MAX;
		return 0;
	}
	if (!json_int(v, &n) || n < 1)
		return err_set(err, BD_EINVALID, "\"%s\" is a number from 1 on, or \"every\"", json_name(v));
	*ret_from = *ret_to = n;
	return 0;
}

static int fill_range(struct ep_fault *f, struct err *err)
{
	const struct json *nth = json_get(f->spec, f->scope == SCOPE_CALL ? "nth" :
	                                  f->scope == SCOPE_FILE ? "file" : "batch");
	int rc = range_of(nth, &f->from, &f->to, err);

	if (rc < 0)
		return rc;
	if (json_get(f->spec, "from") != NULL || json_get(f->spec, "to") != NULL) {
		f->from = fault_int(f, "from", 1);
		f->to = fault_int(f, "to", INT64_MAX);
	}
	if (fault_bool(f, "every", false)) {
		f->from = 1;
		f->to = INT64_MAX;
	}
	if (f->scope == SCOPE_CALL)
		return range_of(json_get(f->spec, "batch"), &f->batch_from, &f->batch_to, err);
	f->batch_from = f->from;
	f->batch_to = f->to;
	return 0;
}

static int fill_call(struct ep_fault *f, struct err *err)
{
	const char *name = json_get_str(f->spec, "call"), *file = fault_str(f, "file", NULL);

	for (f->call = 0; f->call <= KIND_ANY && strcmp(name, kinds[f->call]) != 0; f->call++)
		;
	if (f->call > KIND_ANY)
		return err_set(err, BD_EINVALID, "there is no call \"%s\"", name);
	if (file != NULL && strcmp(file, "input") != 0 && strcmp(file, "output") != 0 && strcmp(file, "error") != 0)
		return err_set(err, BD_EINVALID, "\"file\" is input, output or error");
	f->file_kind = file != NULL ? file[0] : '\0';
	/* A page of somebody else's never reached the server; a slow or cut reply did. */
	f->after = strcmp(fault_str(f, "effect", f->what == DO_STATUS || f->what == DO_DROP || f->what == DO_GARBAGE ||
	                            f->what == DO_EMPTY ? "before" : "after"), "after") == 0;
	f->early = fault_bool(f, "early", false);
	return 0;
}

static int fault_fill(struct ep_fault *f, struct err *err)
{
	const struct json *stage = json_get(f->spec, "stage");
	int rc;

	if (f->scope == SCOPE_OPTION)
		return 0;
	rc = fill_range(f, err);
	if (rc < 0)
		return rc;
	f->stage = -1;
	if (json_str(stage) != NULL)
		f->stage = strtoll(json_str(stage), NULL, 10);
	else
		json_int(stage, &f->stage);
	f->from_ms = fault_int(f, "from_ms", -1);
	f->until_ms = fault_int(f, "until_ms", -1);
	f->chance = fault_num(f, "chance", 1);
	if (f->scope == SCOPE_CALL)
		return fill_call(f, err);
	f->custom_id = fault_str(f, "custom_id", NULL);
	f->prefix = f->custom_id != NULL && f->custom_id[0] != '\0' && f->custom_id[strlen(f->custom_id) - 1] == '*';
	f->fraction = fault_num(f, "fraction", 1);
	f->times = fault_int(f, "times", -1);
	return 0;
}

static int fault_read(struct span line, struct ep_fault *ret, struct err *err)
{
	struct ep_fault f = { 0 };
	const char *word;
	size_t i;
	int rc = json_parse(line.at, line.len, &f.spec, err);

	if (rc < 0)
		return rc;
	if (!json_is_obj(f.spec) || !scope_of(f.spec, &f.scope)) {
		rc = err_set(err, BD_EINVALID, "an object with call, batch, file, custom_id, lines or option is wanted");
		goto out;
	}
	word = do_word(f.scope, f.spec);
	for (i = 0; word != NULL && i < sizeof dos / sizeof dos[0]; i++) {
		if (dos[i].scope == f.scope && strcmp(dos[i].word, word) == 0)
			break;
	}
	if (word == NULL || i == sizeof dos / sizeof dos[0]) {
		rc = err_set(err, BD_EINVALID, "nothing called \"%s\" can be done here", word != NULL ? word : "");
		goto out;
	}
	f.what = dos[i].what;
	rc = check_keys(f.scope, dos[i].keys, f.spec, err);
	if (rc == 0)
		rc = fault_fill(&f, err);
out:
	if (rc < 0)
		json_free(f.spec);
	else
		*ret = f;
	return rc;
}

int ep_plan_add(struct ep_plan *plan, struct span text, struct err *err)
{
	struct span line;

	for (int64_t no = 1; span_line(&text, &line); no++) {
		struct ep_fault f;

		line = span_trim(line);
		if (line.len == 0 || line.at[0] == '#')
			continue;
		int rc = fault_read(line, &f, err);
		if (rc < 0) {
			err_prefix(err, "plan, line %lld: ", (long long)no);
			return rc;
		}
		f.line_no = no;
		if (plan->n == plan->cap) {
			plan->cap = plan->cap > 0 ? 2 * plan->cap : 16;
			plan->at = mem_grow(plan->at, plan->cap, sizeof *plan->at);
		}
		plan->at[plan->n++] = f;
	}
	return 0;
}

void ep_plan_done(struct ep_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		json_free(plan->at[i].spec);
	free(plan->at);
	*plan = (struct ep_plan){ 0 };
}
