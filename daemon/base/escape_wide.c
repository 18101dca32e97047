/* SPDX-License-Identifier: MIT */
/*
 * json_escape() with SSSE3: no branch for the escapes of which code is full (line ends, tabs, quotes, backslashes).
 *
 * They are the ones of two bytes.  Eight bytes become up to sixteen in one shuffle, which a table has for each set of
 * places to escape; all else that does not stand for itself is rare and goes byte by byte.
 */
#include "escape.h"
#include "json.h"

#ifdef __SSE2__

#include <pthread.h>
#include <stdint.h>
#include <tmmintrin.h>

enum { CHUNK = 4096, BLOCK = 16, SLASH = 8 };

#define WIDE __attribute__((target("ssse3,popcnt")))

/* For each set of places among eight bytes: which of them goes where, SLASH standing for a backslash. */
static uint8_t spread[256][BLOCK] __attribute__((aligned(BLOCK)));

static void spread_fill(void)
{
	for (unsigned set = 0; set < 256; set++) {
		unsigned to = 0;

		for (uint8_t i = 0; i < 8; i++) {
			if (set >> i & 1)
				spread[set][to++] = SLASH;
			spread[set][to++] = i;
		}
	}
}

/* 16 bytes with the letters of their escapes: which become two bytes, and which do not stand for themselves either but
 * are no such. */
WIDE static inline __m128i letters(__m128i v, unsigned *ret_named, unsigned *ret_other)
{
	/* by the low half of a byte, in which all five differ; what is at the other places equals no byte of that half */
	const __m128i whole = _mm_setr_epi8(-1, -1, '"', -1, -1, -1, -1, -1, -1, '\t', '\n', -1, '\\', '\r', -1, 0);
	const __m128i letter = _mm_setr_epi8(0, 0, '"', 0, 0, 0, 0, 0, 0, 't', 'n', 0, '\\', 'r', 0, 0);
	__m128i named = _mm_cmpeq_epi8(v, _mm_shuffle_epi8(whole, v));
	/* compared as signed: bytes from 0x80 on are below 0 */
	__m128i other = _mm_andnot_si128(named, _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)));

	*ret_named = (unsigned)_mm_movemask_epi8(named);
	*ret_other = (unsigned)_mm_movemask_epi8(other);
	return _mm_or_si128(_mm_andnot_si128(named, v), _mm_and_si128(named, _mm_shuffle_epi8(letter, v)));
}

/* Eight bytes in the low half of v, those of the set with a backslash in front. */
WIDE static inline char *put_eight(char *to, __m128i v, unsigned set)
{
	__m128i how = _mm_load_si128((const __m128i *)(const void *)spread[set]);

	_mm_storeu_si128((__m128i *)(void *)to, _mm_shuffle_epi8(v, how));
	return to + 8 + __builtin_popcount(set);
}

/* Up to the first of the others, and those that follow it, as they do in a text that is not ASCII. */
static const unsigned char *put_slowly(char **to, const unsigned char *p, size_t first, const unsigned char *stop,
                                       const unsigned char *end)
{
	const unsigned char *other = p + first;

	while (p <= other || (p < stop && *p >= 0x80)) {
		if (*p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
			*(*to)++ = (char)*p++;
		else
			p += json_escape_special(to, p, (size_t)(end - p));
	}
	return p;
}

WIDE static void escape_wide(struct buf *out, const char *text, size_t len)
{
	const __m128i slash = _mm_set1_epi8('\\');
	const unsigned char *p = (const unsigned char *)text, *end = p + len;

	while (end - p >= BLOCK) {
		size_t chunk = end - p > CHUNK ? CHUNK : (size_t)(end - p);
		const unsigned char *stop = p + chunk;
		char *from = buf_reserve(out, (chunk + 2 * BLOCK) * ESCAPE_WIDEST), *to = from;

		if (from == NULL)
			return;

		while (p < stop && end - p >= BLOCK) {
			unsigned named, other;
			__m128i v = letters(_mm_loadu_si128((const __m128i *)(const void *)p), &named, &other);

			if (other != 0) {
				p = put_slowly(&to, p, (size_t)__builtin_ctz(other), stop, end);
				continue;
			}
			to = put_eight(to, _mm_unpacklo_epi64(v, slash), named & 0xFF);
			to = put_eight(to, _mm_unpackhi_epi64(v, slash), named >> 8);
			p += BLOCK;
		}
		out->len += (size_t)(to - from);
		out->at[out->len] = '\0';
	}
	json_escape_plain(out, (const char *)p, (size_t)(end - p));
}

void json_escape(struct buf *out, const char *text, size_t len)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (len < BLOCK || !__builtin_cpu_supports("ssse3") || !__builtin_cpu_supports("popcnt")) {
		json_escape_any(out, text, len);
		return;
	}
	pthread_once(&once, spread_fill);
	escape_wide(out, text, len);
}

#else

void json_escape(struct buf *out, const char *text, size_t len)
{
	json_escape_any(out, text, len);
}

#endif
