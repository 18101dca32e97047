/* SPDX-License-Identifier: MIT */
#ifndef SCAN_MASKS_H
#define SCAN_MASKS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __SSE2__
#include <immintrin.h>
#endif

/*
 * What stands where in 64 bytes of JSON: bit i belongs to byte i.  The bytes must be readable, all 64.
 * The plain functions are the definition; a test holds the others against them.  Which of them a processor takes is
 * said where they are used.
 */
struct scan_masks {
	uint64_t quote;         /* " */
	uint64_t escape;        /* \ */
	uint64_t bracket;       /* [ ] { } */
};

static inline void scan_masks_plain(const char *p, struct scan_masks *ret)
{
	struct scan_masks m = { 0 };

	for (unsigned i = 0; i < 64; i++) {
		m.quote |= (uint64_t)(p[i] == '"') << i;
		m.escape |= (uint64_t)(p[i] == '\\') << i;
		m.bracket |= (uint64_t)(p[i] == '[' || p[i] == ']' || p[i] == '{' || p[i] == '}') << i;
	}
	*ret = m;
}

/* Bit i of the result is the parity of the bits up to and with i. */
static inline uint64_t scan_parity_plain(uint64_t x)
{
	for (int by = 1; by < 64; by *= 2)
		x ^= x << by;
	return x;
}

#ifdef __SSE2__
static inline void scan_masks_sse2(const char *p, struct scan_masks *ret)
{
	struct scan_masks m = { 0 };

	for (int i = 0; i < 64; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
		__m128i low = _mm_or_si128(v, _mm_set1_epi8(0x20));     /* [ ] become { }, and nothing else does */
		__m128i bracket = _mm_or_si128(_mm_cmpeq_epi8(low, _mm_set1_epi8('{')),
		                               _mm_cmpeq_epi8(low, _mm_set1_epi8('}')));

		m.quote |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('"'))) << i;
		m.escape |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))) << i;
		m.bracket |= (uint64_t)(uint32_t)_mm_movemask_epi8(bracket) << i;
	}
	*ret = m;
}

#define SCAN_AVX2 __attribute__((target("avx2,pclmul")))
static inline bool scan_has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul");
}

/* 32 of them, in the low half of each mask. */
SCAN_AVX2 static inline struct scan_masks scan_half_avx2(const char *p)
{
	__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
	__m256i low = _mm256_or_si256(v, _mm256_set1_epi8(0x20));
	__m256i bracket = _mm256_or_si256(_mm256_cmpeq_epi8(low, _mm256_set1_epi8('{')),
	                                  _mm256_cmpeq_epi8(low, _mm256_set1_epi8('}')));

	return (struct scan_masks){
		.quote = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('"'))),
		.escape = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\'))),
		.bracket = (uint32_t)_mm256_movemask_epi8(bracket),
	};
}

SCAN_AVX2 static inline void scan_masks_avx2(const char *p, struct scan_masks *ret)
{
	struct scan_masks a = scan_half_avx2(p), b = scan_half_avx2(p + 32);

	*ret = (struct scan_masks){ a.quote | b.quote << 32, a.escape | b.escape << 32, a.bracket | b.bracket << 32 };
}

SCAN_AVX2 static inline uint64_t scan_parity_avx2(uint64_t x)
{
	__m128i all = _mm_set1_epi8((char)0xFF);

	return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)x), all, 0));
}
#endif

#endif
