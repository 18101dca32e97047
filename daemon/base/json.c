/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

static const cJSON *c(const struct json *v)
{
	return (const cJSON *)(const void *)v;
}

static const struct json *j(const cJSON *v)
{
	return (const struct json *)(const void *)v;
}

static int hex4(const char *p)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		char ch = p[i];
		int d = ch >= '0' && ch <= '9' ? ch - '0' : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 :
		        ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;

		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

static bool is_high(int u) { return u >= 0xD800 && u <= 0xDBFF; }
static bool is_low(int u)  { return u >= 0xDC00 && u <= 0xDFFF; }

/* Where the escapes that cJSON gets wrong begin, from p on; NULL if there is none. */
static const char *bad_escape(const char *p, const char *end)
{
	while ((p = memchr(p, '\\', (size_t)(end - p))) != NULL) {
		int u = p + 6 <= end && p[1] == 'u' ? hex4(p + 2) : -1;

		if (u == 0 || is_low(u))
			return p;
		if (is_high(u)) {
			if (p + 12 > end || p[6] != '\\' || p[7] != 'u' || !is_low(hex4(p + 8)))
				return p;
			p += 12;
		} else {
			p += 2;
		}
		if (p >= end)
			break;
	}
	return NULL;
}

static _Thread_local bool no_memory;

/* How much a document takes is its writer's affair: NULL, not the end of the process. */
static void *on_alloc(size_t size)
{
	void *p = mem_try_alloc(size);

	no_memory = no_memory || p == NULL;
	return p;
}

static void set_hooks(void)
{
	cJSON_InitHooks(&(cJSON_Hooks){ on_alloc, free });
}

int json_parse(const char *text, size_t len, struct json **ret, struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const char *end_at = NULL, *bad, *end;
	char *copy = NULL;
	cJSON *v;
	int rc = 0;

	(void)pthread_once(&once, set_hooks);
	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
		text += 3;
		len -= 3;
	}
	end = text + len;
	bad = len > 0 ? bad_escape(text, end) : NULL;
	if (bad != NULL) {
		copy = mem_try_alloc(len + 1);
		if (copy == NULL)
			return err_set(err, BD_ENOMEM, "not enough memory for %zu bytes of JSON", len);
		memcpy(copy, text, len);
		copy[len] = '\0';
		end = copy + len;
		for (char *p = copy + (bad - text); p != NULL;) {
			memcpy(p, "\\ufffd", 6);
			const char *more = bad_escape(p + 6, end);

			p = more != NULL ? copy + (more - copy) : NULL;
		}
		text = copy;
	}
	no_memory = false;
	v = cJSON_ParseWithLengthOpts(text, len, &end_at, 0);
	if (v == NULL && no_memory) {
		rc = err_set(err, BD_ENOMEM, "not enough memory for %zu bytes of JSON", len);
	} else if (v == NULL) {
		size_t at = end_at != NULL ? (size_t)(end_at - text) : 0;

		rc = err_set(err, BD_EINVALID, len == 0 ? "empty, not JSON" : "not JSON at byte %zu", at + 1);
	} else {
		while (end_at < text + len && strchr(" \t\r\n", *end_at) != NULL && *end_at != '\0')
			end_at++;
		if (end_at < text + len) {
			rc = err_set(err, BD_EINVALID, "not JSON: more text behind the value at byte %zu",
			             (size_t)(end_at - text) + 1);
			cJSON_Delete(v);
		} else {
			*ret = (struct json *)(void *)v;
		}
	}
	free(copy);
	return rc;
}

void json_free(struct json *v)
{
	cJSON_Delete((cJSON *)(void *)v);
}

const struct json *json_get(const struct json *obj, const char *name)
{
	return json_is_obj(obj) ? j(cJSON_GetObjectItemCaseSensitive(c(obj), name)) : NULL;
}

const struct json *json_first(const struct json *v)
{
	return json_is_obj(v) || json_is_list(v) ? j(c(v)->child) : NULL;
}

const struct json *json_next(const struct json *item)
{
	return item != NULL ? j(c(item)->next) : NULL;
}

const char *json_name(const struct json *item)
{
	return item != NULL ? c(item)->string : NULL;
}

size_t json_count(const struct json *v)
{
	size_t n = 0;

	for (const struct json *i = json_first(v); i != NULL; i = json_next(i))
		n++;
	return n;
}

bool json_is_obj(const struct json *v)  { return v != NULL && cJSON_IsObject(c(v)); }
bool json_is_list(const struct json *v) { return v != NULL && cJSON_IsArray(c(v)); }
bool json_is_null(const struct json *v) { return v == NULL || cJSON_IsNull(c(v)); }

const char *json_str(const struct json *v)
{
	return v != NULL && cJSON_IsString(c(v)) ? c(v)->valuestring : NULL;
}

bool json_num(const struct json *v, double *ret)
{
	if (v == NULL || !cJSON_IsNumber(c(v)))
		return false;
	*ret = c(v)->valuedouble;
	return true;
}

bool json_int(const struct json *v, int64_t *ret)
{
	double d;

	if (!json_num(v, &d) || isnan(d) || d < -9007199254740992.0 || d > 9007199254740992.0)
		return false;
	*ret = (int64_t)d;
	return true;
}

bool json_bool(const struct json *v, bool *ret)
{
	if (v == NULL || !cJSON_IsBool(c(v)))
		return false;
	*ret = cJSON_IsTrue(c(v)) != 0;
	return true;
}

const char *json_get_str(const struct json *obj, const char *name)
{
	return json_str(json_get(obj, name));
}

int64_t json_get_int(const struct json *obj, const char *name, int64_t otherwise)
{
	int64_t n;

	return json_int(json_get(obj, name), &n) ? n : otherwise;
}

bool json_get_bool(const struct json *obj, const char *name, bool otherwise)
{
	bool b;

	return json_bool(json_get(obj, name), &b) ? b : otherwise;
}

void json_print(const struct json *v, struct buf *ret)
{
	struct jw w = { .out = ret };
	const cJSON *n = c(v);

	if (json_is_obj(v) || json_is_list(v)) {
		bool obj = json_is_obj(v);

		buf_add_char(ret, obj ? '{' : '[');
		for (const struct json *i = json_first(v); i != NULL; i = json_next(i)) {
			if (i != json_first(v))
				buf_add_char(ret, ',');
			if (obj) {
				buf_add_char(ret, '"');
				json_escape(ret, json_name(i), strlen(json_name(i)));
				buf_add_str(ret, "\":");
			}
			json_print(i, ret);
		}
		buf_add_char(ret, obj ? '}' : ']');
	} else if (json_str(v) != NULL) {
		jw_str(&w, json_str(v));
	} else if (v != NULL && cJSON_IsNumber(n)) {
		jw_num(&w, n->valuedouble);
	} else if (v != NULL && cJSON_IsBool(n)) {
		jw_bool(&w, cJSON_IsTrue(n) != 0);
	} else {
		jw_null(&w);
	}
}

/* --- writing --------------------------------------------------------------------------- */

static void before(struct jw *w)
{
	if (w->comma)
		buf_add_char(w->out, ',');
	w->comma = true;
}

void jw_obj(struct jw *w)
{
	before(w);
	buf_add_char(w->out, '{');
	w->comma = false;
}

void jw_obj_end(struct jw *w)
{
	buf_add_char(w->out, '}');
	w->comma = true;
}

void jw_list(struct jw *w)
{
	before(w);
	buf_add_char(w->out, '[');
	w->comma = false;
}

void jw_list_end(struct jw *w)
{
	buf_add_char(w->out, ']');
	w->comma = true;
}

void jw_name(struct jw *w, const char *name)
{
	before(w);
	buf_add_char(w->out, '"');
	json_escape(w->out, name, strlen(name));
	buf_add_str(w->out, "\":");
	w->comma = false;
}

void jw_span(struct jw *w, struct span s)
{
	before(w);
	buf_add_char(w->out, '"');
	json_escape(w->out, s.at, s.len);
	buf_add_char(w->out, '"');
}

void jw_str(struct jw *w, const char *text)
{
	if (text == NULL)
		jw_null(w);
	else
		jw_span(w, span_of(text));
}

void jw_int(struct jw *w, int64_t n)
{
	before(w);
	buf_printf(w->out, "%lld", (long long)n);
}

void jw_num(struct jw *w, double n)
{
	char text[32];

	before(w);
	if (!isfinite(n)) {
		buf_add_str(w->out, "null");
	} else if (n == (double)(int64_t)n && fabs(n) < 9007199254740992.0) {
		buf_printf(w->out, "%lld", (long long)n);
	} else {
		for (int digits = 15; digits <= 17; digits++) {
			snprintf(text, sizeof text, "%.*g", digits, n);
			if (strtod(text, NULL) == n)
				break;
		}
		buf_add_str(w->out, text);
	}
}

void jw_bool(struct jw *w, bool b)
{
	before(w);
	buf_add_str(w->out, b ? "true" : "false");
}

void jw_null(struct jw *w)
{
	before(w);
	buf_add_str(w->out, "null");
}

void jw_raw(struct jw *w, struct span ready)
{
	before(w);
	buf_add_span(w->out, ready);
}

void jw_put_str(struct jw *w, const char *name, const char *text)
{
	jw_name(w, name);
	jw_str(w, text);
}

void jw_put_span(struct jw *w, const char *name, struct span s)
{
	jw_name(w, name);
	jw_span(w, s);
}

void jw_put_int(struct jw *w, const char *name, int64_t n)
{
	jw_name(w, name);
	jw_int(w, n);
}

void jw_put_id(struct jw *w, const char *name, int64_t id)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)id);
	jw_put_str(w, name, text);
}

void jw_put_bool(struct jw *w, const char *name, bool b)
{
	jw_name(w, name);
	jw_bool(w, b);
}
