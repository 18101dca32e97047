/* SPDX-License-Identifier: MIT */
#include "ep_scan.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

enum { DEPTH_MAX = 200 };

struct cur {
	const unsigned char *p, *end;
};

static void blanks(struct cur *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\r' || *c->p == '\n'))
		c->p++;
}

/* Eight bytes at a time over what needs no look: no quote, no backslash, no control, no high bit. */
static const unsigned char *plain_end(const unsigned char *p, const unsigned char *end)
{
	const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;

	while (end - p >= 8) {
		uint64_t w, quote, slash;

		memcpy(&w, p, 8);
		quote = w ^ (ones * '"');
		slash = w ^ (ones * '\\');
		if (((((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((w - ones * 0x20) & ~w)) | w) & highs)
			break;
		p += 8;
	}
	return p;
}

/* Bytes of the UTF-8 sequence at p, 0 if it is none. */
static size_t utf8_len(const unsigned char *p, const unsigned char *end)
{
	size_t n = *p >= 0xF0 ? 4 : *p >= 0xE0 ? 3 : 2;

	if (*p < 0xC2 || *p > 0xF4 || (size_t)(end - p) < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	}
	if ((*p == 0xE0 && p[1] < 0xA0) || (*p == 0xED && p[1] >= 0xA0) || (*p == 0xF0 && p[1] < 0x90) ||
	    (*p == 0xF4 && p[1] >= 0x90))
		return 0;
	return n;
}

static bool is_hex(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static size_t escape_len(const unsigned char *p, const unsigned char *end)
{
	if (end - p < 2)
		return 0;
	if (p[1] == 'u')
		return end - p >= 6 && is_hex(p[2]) && is_hex(p[3]) && is_hex(p[4]) && is_hex(p[5]) ? 6 : 0;
	return p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) != NULL ? 2 : 0;
}

static bool string(struct cur *c)
{
	if (c->p >= c->end || *c->p != '"')
		return false;
	for (c->p++;;) {
		size_t n = 1;

		c->p = plain_end(c->p, c->end);
		if (c->p >= c->end)
			return false;
		if (*c->p == '"') {
			c->p++;
			return true;
		}
		if (*c->p == '\\')
			n = escape_len(c->p, c->end);
		else if (*c->p >= 0x80)
			n = utf8_len(c->p, c->end);
		else if (*c->p < 0x20)
			n = 0;
		if (n == 0)
			return false;
		c->p += n;
	}
}

static bool digits(struct cur *c)
{
	const unsigned char *from = c->p;

	while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
		c->p++;
	return c->p > from;
}

static bool number(struct cur *c)
{
	if (c->p < c->end && *c->p == '-')
		c->p++;
	if (c->p < c->end && *c->p == '0')
		c->p++;
	else if (!digits(c))
		return false;
	if (c->p < c->end && *c->p == '.') {
		c->p++;
		if (!digits(c))
			return false;
	}
	if (c->p < c->end && (*c->p == 'e' || *c->p == 'E')) {
		c->p++;
		if (c->p < c->end && (*c->p == '+' || *c->p == '-'))
			c->p++;
		return digits(c);
	}
	return true;
}

static bool word(struct cur *c, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(c->end - c->p) < n || memcmp(c->p, text, n) != 0)
		return false;
	c->p += n;
	return true;
}

static bool value(struct cur *c, int depth);

/* The members or items up to the closing bracket; c stands behind the opening one. */
static bool inside(struct cur *c, unsigned char close, int depth)
{
	blanks(c);
	if (c->p < c->end && *c->p == close) {
		c->p++;
		return true;
	}
	for (;;) {
		blanks(c);
		if (close == '}') {
			if (!string(c))
				return false;
			blanks(c);
			if (!word(c, ":"))
				return false;
		}
		if (!value(c, depth + 1))
			return false;
		blanks(c);
		if (c->p >= c->end)
			return false;
		if (*c->p == close) {
			c->p++;
			return true;
		}
		if (!word(c, ","))
			return false;
	}
}

static bool value(struct cur *c, int depth)
{
	blanks(c);
	if (c->p >= c->end || depth > DEPTH_MAX)
		return false;
	switch (*c->p) {
	case '"':
		return string(c);
	case '{':
		c->p++;
		return inside(c, '}', depth);
	case '[':
		c->p++;
		return inside(c, ']', depth);
	case 't':
		return word(c, "true");
	case 'f':
		return word(c, "false");
	case 'n':
		return word(c, "null");
	default:
		return number(c);
	}
}

bool scan_valid(struct span line)
{
	struct cur c = { (const unsigned char *)line.at, (const unsigned char *)line.at + line.len };

	blanks(&c);
	if (c.p >= c.end || *c.p != '{' || !value(&c, 0))
		return false;
	blanks(&c);
	return c.p == c.end;
}

static struct span from_to(const unsigned char *from, const unsigned char *to)
{
	return (struct span){ (const char *)from, (size_t)(to - from) };
}

void scan_get(struct span object, const char *const *names, size_t n, struct span *ret)
{
	struct cur c;
	size_t left = n;

	for (size_t i = 0; i < n; i++)
		ret[i] = (struct span){ 0 };
	if (object.at == NULL)
		return;
	c.p = (const unsigned char *)object.at;
	c.end = c.p + object.len;
	blanks(&c);
	if (!word(&c, "{"))
		return;
	while (left > 0) {
		const unsigned char *from;
		struct span name;

		blanks(&c);
		from = c.p;
		if (!string(&c))
			return;
		name = from_to(from + 1, c.p - 1);
		blanks(&c);
		if (!word(&c, ":"))
			return;
		blanks(&c);
		from = c.p;
		if (!value(&c, 0))
			return;
		for (size_t i = 0; i < n; i++) {
			if (ret[i].at == NULL && span_is(name, names[i])) {
				ret[i] = from_to(from, c.p);
				left--;
			}
		}
		blanks(&c);
		if (!word(&c, ","))
			return;
	}
}

struct span scan_one(struct span object, const char *name)
{
	struct span got;

	scan_get(object, &name, 1, &got);
	return got;
}

struct span scan_path(struct span object, const char *const *path, size_t n)
{
	for (size_t i = 0; i < n; i++)
		object = scan_one(object, path[i]);
	return object;
}

struct span scan_text(struct span raw, struct buf *store)
{
	struct json *v;
	const char *text;

	if (raw.len < 2 || raw.at[0] != '"')
		return (struct span){ 0 };
	if (memchr(raw.at, '\\', raw.len) == NULL)
		return (struct span){ raw.at + 1, raw.len - 2 };
	buf_reset(store);
	if (json_parse(raw.at, raw.len, &v, NULL) < 0)
		return (struct span){ 0 };
	text = json_str(v);
	buf_add_str(store, text != NULL ? text : "");
	json_free(v);
	return buf_span(store);
}

long long scan_int(struct span raw, long long otherwise)
{
	char text[32];

	if (raw.at == NULL || raw.len == 0 || raw.len >= sizeof text ||
	    (raw.at[0] != '-' && (raw.at[0] < '0' || raw.at[0] > '9')))
		return otherwise;
	memcpy(text, raw.at, raw.len);
	text[raw.len] = '\0';
	return strtoll(text, NULL, 10);
}

bool scan_is_null(struct span raw)
{
	return raw.at == NULL || span_is(raw, "null");
}
