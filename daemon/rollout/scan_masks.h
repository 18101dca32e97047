/* SPDX-License-Identifier: MIT */
#ifndef SCAN_MASKS_H
#define SCAN_MASKS_H

#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * What stands where in 64 bytes of JSON: bit i belongs to byte i.  The bytes must be readable, all 64.
 * scan_masks_plain() is the definition; scan_masks_best() the fastest of this processor, and a test holds
 * one against the other.
 */
struct scan_masks {
	uint64_t quote;         /* " */
	uint64_t escape;        /* \ */
	uint64_t open, close;   /* [ {   ] } */
};

static inline void scan_masks_plain(const char *p, struct scan_masks *ret)
{
	struct scan_masks m = { 0 };

	for (unsigned i = 0; i < 64; i++) {
		m.quote |= (uint64_t)(p[i] == '"') << i;
		m.escape |= (uint64_t)(p[i] == '\\') << i;
		m.open |= (uint64_t)(p[i] == '[' || p[i] == '{') << i;
		m.close |= (uint64_t)(p[i] == ']' || p[i] == '}') << i;
	}
	*ret = m;
}

#ifdef __SSE2__
static inline uint64_t scan_equal_sse2(const __m128i v[4], char c)
{
	const __m128i want = _mm_set1_epi8(c);
	uint64_t bits = 0;

	for (int i = 0; i < 4; i++)
		bits |= (uint64_t)(uint16_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v[i], want)) << (16 * i);
	return bits;
}

static inline void scan_masks_sse2(const char *p, struct scan_masks *ret)
{
	__m128i v[4];

	for (int i = 0; i < 4; i++)
		v[i] = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
	ret->quote = scan_equal_sse2(v, '"');
	ret->escape = scan_equal_sse2(v, '\\');
	for (int i = 0; i < 4; i++)     /* [ ] differ from { } in this bit, and nothing else becomes one */
		v[i] = _mm_or_si128(v[i], _mm_set1_epi8(0x20));
	ret->open = scan_equal_sse2(v, '{');
	ret->close = scan_equal_sse2(v, '}');
}
#define scan_masks_best scan_masks_sse2
#else
#define scan_masks_best scan_masks_plain
#endif

#endif
