/* SPDX-License-Identifier: MIT */
#include "escape.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "json.h"

/* Length of the UTF-8 sequence at p, 0 if it is none (overlong, surrogate, cut, stray). */
static size_t utf8_len(const unsigned char *p, size_t left)
{
	if (p[0] >= 0xC2 && p[0] <= 0xDF)
		return left >= 2 && (p[1] & 0xC0) == 0x80 ? 2 : 0;
	if ((p[0] & 0xF0) == 0xE0) {
		if (left < 3 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80)
			return 0;
		if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F))
			return 0;
		return 3;
	}
	if (p[0] >= 0xF0 && p[0] <= 0xF4) {
		if (left < 4 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80 || (p[3] & 0xC0) != 0x80)
			return 0;
		if ((p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
			return 0;
		return 4;
	}
	return 0;
}

static size_t escape_one(char *to, unsigned char ch)
{
	static const char hex[] = "0123456789abcdef";
	const char *named = ch == '"' ? "\\\"" : ch == '\\' ? "\\\\" : ch == '\n' ? "\\n" :
	                    ch == '\r' ? "\\r" : ch == '\t' ? "\\t" : NULL;

	if (named != NULL) {
		memcpy(to, named, 2);
		return 2;
	}
	memcpy(to, "\\u00", 4);
	to[4] = hex[ch >> 4];
	to[5] = hex[ch & 15];
	return 6;
}

void json_escape_plain(struct buf *out, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t i = 0;

	while (i < len) {
		size_t run = i;
		char esc[8];
		size_t n;

		while (i < len && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\' && p[i] < 0x80)
			i++;
		if (i > run)
			buf_add(out, text + run, i - run);
		if (i == len)
			break;
		if (p[i] < 0x80) {
			n = escape_one(esc, p[i]);
			buf_add(out, esc, n);
			i++;
		} else if ((n = utf8_len(p + i, len - i)) > 0) {
			buf_add(out, text + i, n);
			i += n;
		} else {
			buf_add_str(out, "\xEF\xBF\xBD");
			i++;
		}
	}
}

size_t json_escape_special(char **to, const unsigned char *p, size_t left)
{
	static const char named[0x80] = { ['"'] = '"', ['\\'] = '\\', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };
	size_t n;

	if (p[0] < 0x80 && named[p[0]] != 0) {
		(*to)[0] = '\\';
		(*to)[1] = named[p[0]];
		*to += 2;
		return 1;
	}
	if (p[0] < 0x80) {
		*to += escape_one(*to, p[0]);
		return 1;
	}
	n = utf8_len(p, left);
	memcpy(*to, n > 0 ? (const char *)p : "\xEF\xBF\xBD", n > 0 ? n : 3);
	*to += n > 0 ? n : 3;
	return n > 0 ? n : 1;
}

#ifdef __SSE2__
enum { CHUNK = 4096, BLOCK = 16 };

/* Bit i: byte i of the block does not stand for itself (compared as signed: bytes from 0x80 on are below 0). */
static unsigned specials(__m128i v)
{
	__m128i hit = _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(0x20)),
	                           _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
	                                        _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))));

	return (unsigned)_mm_movemask_epi8(hit);
}

/* Blocks are stored whole and then counted up to their first special byte: what lies behind it is written over. */
void json_escape_any(struct buf *out, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + len;

	while (end - p >= BLOCK) {
		size_t chunk = end - p > CHUNK ? CHUNK : (size_t)(end - p);
		const unsigned char *stop = p + chunk;
		char *from = buf_reserve(out, chunk * ESCAPE_WIDEST + 2 * BLOCK), *to = from;

		if (from == NULL)
			return;
		while (p < stop && end - p >= BLOCK) {
			__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
			unsigned hit = specials(v);
			size_t plain = hit != 0 ? (size_t)__builtin_ctz(hit) : BLOCK;

			_mm_storeu_si128((__m128i *)(void *)to, v);
			to += plain;
			p += plain;
			if (hit != 0)
				p += json_escape_special(&to, p, (size_t)(end - p));
		}
		out->len += (size_t)(to - from);
		out->at[out->len] = '\0';
	}
	json_escape_plain(out, (const char *)p, (size_t)(end - p));
}
#else
void json_escape_any(struct buf *out, const char *text, size_t len)
{
	json_escape_plain(out, text, len);
}
#endif
