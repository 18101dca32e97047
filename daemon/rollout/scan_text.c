/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "scan.h"

static int hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
		        c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

static char *put_utf8(char *to, unsigned u)
{
	if (u < 0x80) {
		*to++ = (char)u;
	} else if (u < 0x800) {
		*to++ = (char)(0xC0 | u >> 6);
		*to++ = (char)(0x80 | (u & 0x3F));
	} else if (u < 0x10000) {
		*to++ = (char)(0xE0 | u >> 12);
		*to++ = (char)(0x80 | (u >> 6 & 0x3F));
		*to++ = (char)(0x80 | (u & 0x3F));
	} else {
		*to++ = (char)(0xF0 | u >> 18);
		*to++ = (char)(0x80 | (u >> 12 & 0x3F));
		*to++ = (char)(0x80 | (u >> 6 & 0x3F));
		*to++ = (char)(0x80 | (u & 0x3F));
	}
	return to;
}

/* One escape, *p at its backslash; to has room, as no escape is shorter than what it means. */
static char *unescape_one(const char **p, const char *end, char *to)
{
	static const char from[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *at = *p + 1;
	const char *named = at < end && *at != '\0' ? strchr(from, *at) : NULL;
	int u, low;

	if (named != NULL) {
		*p += 2;
		*to++ = means[named - from];
		return to;
	}
	if (at == end || *at != 'u' || (u = hex4(at + 1, end)) < 0)
		return NULL;
	*p += 6;
	if (u >= 0xD800 && u <= 0xDBFF) {
		low = end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u' ? hex4(*p + 2, end) : -1;
		if (low >= 0xDC00 && low <= 0xDFFF) {
			*p += 6;
			return put_utf8(to, 0x10000u + ((unsigned)u - 0xD800u) * 0x400u + ((unsigned)low - 0xDC00u));
		}
		u = 0xFFFD;
	} else if (u >= 0xDC00 && u <= 0xDFFF) {
		u = 0xFFFD;
	}
	return put_utf8(to, (unsigned)u);
}

/* Decode up to the closing quote or the end; *p is left there.  NULL if an escape is none. */
static char *unescape(const char **p, const char *end, char *to)
{
	const char *at = *p;

	while (at < end && *at != '"') {
		const char *run = at;

		while (at < end && *at != '"' && *at != '\\')
			at++;
		memcpy(to, run, (size_t)(at - run));
		to += at - run;
		if (at < end && *at == '\\' && (to = unescape_one(&at, end, to)) == NULL)
			break;
	}
	*p = at;
	return to;
}

bool scan_unescape(const char *p, size_t n, struct buf *ret)
{
	const char *end = p + n;
	char *from = buf_reserve(ret, n), *to = unescape(&p, end, from);

	if (to == NULL || p < end)
		return false;
	ret->len += (size_t)(to - from);
	ret->at[ret->len] = '\0';
	return true;
}

static const char *skip_blank(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
		p++;
	return p;
}

int scan_lines(struct span array, struct buf *ret, struct err *err)
{
	const char *p = array.at, *end = p + array.len;
	char *from = buf_reserve(ret, array.len), *to = from;   /* a line and its LF need less than with quotes */
	bool first = true;

	p = skip_blank(p, end);
	if (p == end || *p++ != '[')
		goto bad;
	for (;; first = false) {
		p = skip_blank(p, end);
		if (p < end && *p == ']' && first)
			break;
		if (p == end || *p++ != '"')
			goto bad;
		to = unescape(&p, end, to);
		if (to == NULL || p == end)
			goto bad;
		*to++ = '\n';
		p = skip_blank(p + 1, end);
		if (p < end && *p == ']')
			break;
		if (p == end || *p++ != ',')
			goto bad;
	}
	if (skip_blank(p + 1, end) < end)
		goto bad;
	ret->len += (size_t)(to - from);
	ret->at[ret->len] = '\0';
	return 0;
bad:
	ret->at[ret->len] = '\0';
	return err_set(err, BD_EINVALID, "no array of lines at byte %zu of it", (size_t)(p - array.at) + 1);
}
