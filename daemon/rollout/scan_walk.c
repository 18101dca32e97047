/* SPDX-License-Identifier: MIT */
#include "scan_walk.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "scan.h"

bool scan_walk_fail(struct scan_walk *w, const char *why)
{
	if (w->why == NULL)
		w->why = w->p >= w->end ? "cut off" : why;
	return false;
}

void scan_walk_blank(struct scan_walk *w)
{
	while (w->p < w->end && (*w->p == ' ' || *w->p == '\n' || *w->p == '\t' || *w->p == '\r'))
		w->p++;
}

/* Past the bytes of a string that need no look: no quote, no backslash, no control character, and
 * plain ASCII. */
static const char *skip_plain_text(const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), escape = _mm_set1_epi8('\\'), low = _mm_set1_epi8(0x20);

	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		/* signed: below 0x20 are the control characters and all that is not ASCII */
		__m128i hit = _mm_or_si128(_mm_cmplt_epi8(v, low),
		                           _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, escape)));
		unsigned bits = (unsigned)_mm_movemask_epi8(hit);

		if (bits != 0)
			return p + __builtin_ctz(bits);
	}
#endif
	while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return p;
}

/* Length of the UTF-8 sequence at p, 0 if it is none. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
	size_t n = p[0] >= 0xC2 && p[0] <= 0xDF ? 2 : (p[0] & 0xF0) == 0xE0 ? 3 :
	           p[0] >= 0xF0 && p[0] <= 0xF4 ? 4 : 0;

	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
	    (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
		return 0;
	return n;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_short_escape(char c)
{
	return c == 'n' || c == '"' || c == '\\' || c == 't' || c == 'r' || c == '/' || c == 'b' || c == 'f';
}

static bool walk_escape(struct scan_walk *w)
{
	size_t left = (size_t)(w->end - w->p);
	size_t n = left >= 2 && w->p[1] == 'u' ? 6 : 2;

	w->escaped = true;
	if (left < n)
		w->p = w->end;
	else if (n == 6 ? is_hex(w->p[2]) && is_hex(w->p[3]) && is_hex(w->p[4]) && is_hex(w->p[5]) :
	         is_short_escape(w->p[1])) {
		w->p += n;
		return true;
	}
	return scan_walk_fail(w, "an escape that is none");
}

bool scan_walk_string(struct scan_walk *w, struct span *ret)
{
	const char *from;

	if (w->p == w->end || *w->p != '"')
		return scan_walk_fail(w, "no text in quotes");
	from = ++w->p;
	w->escaped = false;
	for (;;) {
		w->p = skip_plain_text(w->p, w->end);
		if (w->p == w->end)
			return scan_walk_fail(w, NULL);
		unsigned char c = (unsigned char)*w->p;

		if (c == '"')
			break;
		if (c == '\\') {
			if (!walk_escape(w))
				return false;
		} else if (c < 0x20) {
			return scan_walk_fail(w, "a control character within a text");
		} else {
			size_t n = w->utf8 ? utf8_len((const unsigned char *)w->p, (size_t)(w->end - w->p)) : 1;

			if (n == 0)
				return scan_walk_fail(w, "not UTF-8");
			w->p += n;
		}
	}
	*ret = (struct span){ from, (size_t)(w->p++ - from) };
	return true;
}

static size_t walk_digits(struct scan_walk *w)
{
	const char *from = w->p;

	while (w->p < w->end && *w->p >= '0' && *w->p <= '9')
		w->p++;
	return (size_t)(w->p - from);
}

static bool walk_number(struct scan_walk *w)
{
	const char *first;

	if (*w->p == '-')
		w->p++;
	first = w->p;
	size_t n = walk_digits(w);

	if (n == 0 || (n > 1 && *first == '0'))
		return scan_walk_fail(w, "no number");
	if (w->p < w->end && *w->p == '.') {
		w->p++;
		if (walk_digits(w) == 0)
			return scan_walk_fail(w, "no number");
	}
	if (w->p < w->end && (*w->p == 'e' || *w->p == 'E')) {
		w->p++;
		if (w->p < w->end && (*w->p == '+' || *w->p == '-'))
			w->p++;
		if (walk_digits(w) == 0)
			return scan_walk_fail(w, "no number");
	}
	return true;
}

static bool walk_scalar(struct scan_walk *w)
{
	static const char *const words[] = { "true", "false", "null" };
	struct span rest = { w->p, (size_t)(w->end - w->p) }, text;

	if (rest.len > 0 && *w->p == '"')
		return scan_walk_string(w, &text);
	if (rest.len > 0 && (*w->p == '-' || (*w->p >= '0' && *w->p <= '9')))
		return walk_number(w);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (span_starts(rest, words[i])) {
			w->p += strlen(words[i]);
			return true;
		}
	}
	return scan_walk_fail(w, "no value");
}

/* Behind '{' or ',': the name and its colon. */
static bool walk_name(struct scan_walk *w, struct span *ret)
{
	scan_walk_blank(w);
	if (w->p < w->end && *w->p != '"')
		return scan_walk_fail(w, "no name");
	if (!scan_walk_string(w, ret))
		return false;
	scan_walk_blank(w);
	if (w->p == w->end || *w->p != ':')
		return scan_walk_fail(w, "no colon");
	w->p++;
	scan_walk_blank(w);
	return true;
}

/* From an opening bracket to its end: a loop, so that nothing deep in a row can use up the stack. */
static bool walk_nested(struct scan_walk *w)
{
	bool object[SCAN_WALK_DEPTH];
	struct span name;
	int depth = 0;

	for (;;) {      /* at a value */
		if (w->p < w->end && (*w->p == '{' || *w->p == '[')) {
			if (depth == SCAN_WALK_DEPTH)
				return scan_walk_fail(w, "nested too deeply");
			object[depth++] = *w->p++ == '{';
			scan_walk_blank(w);
			if (w->p == w->end || *w->p != (object[depth - 1] ? '}' : ']')) {
				if (object[depth - 1] && !walk_name(w, &name))
					return false;
				continue;
			}
		} else if (!walk_scalar(w)) {
			return false;
		} else {
			scan_walk_blank(w);
		}
		while (w->p < w->end && *w->p == (object[depth - 1] ? '}' : ']')) {
			w->p++;
			if (--depth == 0)
				return true;
			scan_walk_blank(w);
		}
		if (w->p == w->end || *w->p != ',')
			return scan_walk_fail(w, "no comma");
		w->p++;
		scan_walk_blank(w);
		if (object[depth - 1] && !walk_name(w, &name))
			return false;
	}
}

bool scan_walk_value(struct scan_walk *w, struct span *ret_raw)
{
	const char *from;

	scan_walk_blank(w);
	from = w->p;
	if (w->p < w->end && (*w->p == '{' || *w->p == '[') ? !walk_nested(w) : !walk_scalar(w))
		return false;
	if (ret_raw != NULL)
		*ret_raw = (struct span){ from, (size_t)(w->p - from) };
	return true;
}

bool scan_walk_object(struct scan_walk *w, scan_member_fn member, void *data)
{
	struct span name;

	scan_walk_blank(w);
	if (w->p == w->end || *w->p != '{')
		return scan_walk_fail(w, "no object");
	w->p++;
	scan_walk_blank(w);
	if (w->p < w->end && *w->p == '}') {
		w->p++;
		return true;
	}
	for (;;) {
		if (!walk_name(w, &name) || !member(data, w, name))
			return false;
		scan_walk_blank(w);
		if (w->p < w->end && *w->p == '}') {
			w->p++;
			return true;
		}
		if (w->p == w->end || *w->p != ',')
			return scan_walk_fail(w, "no comma");
		w->p++;
	}
}

bool scan_walk_end(struct scan_walk *w)
{
	scan_walk_blank(w);
	return w->p == w->end || scan_walk_fail(w, "more text behind the value");
}

bool scan_name_is(struct span name, const char *wanted)
{
	struct buf b = { 0 };
	bool is = span_is(name, wanted);

	if (!is && name.len > strlen(wanted) && memchr(name.at, '\\', name.len) != NULL)
		is = scan_unescape(name.at, name.len, &b) && span_is(buf_span(&b), wanted);
	buf_done(&b);
	return is;
}
