/* SPDX-License-Identifier: MIT */
#include "scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "mem.h"
#include "scan_masks.h"

enum { PIECE_BYTES = 112 << 10 };       /* under malloc's threshold for mmap, so that it is reused */

/*
 * Which bytes a backslash in front of them escapes.  before: 1 if the first one is; ret_next: whether the byte at `bits` is.
 * Of a run of backslashes every other one escapes: the subtraction carries through each run from where it begins, and
 * what differs from the odd places then are those that do.  Without a branch, as every fifth block has some.
 */
static inline uint64_t escaped_bytes(uint64_t backslash, uint64_t before, unsigned bits, uint64_t *ret_next)
{
	const uint64_t odd = 0xAAAAAAAAAAAAAAAAu;
	uint64_t runs = backslash & ~before;
	uint64_t code = ((runs << 1 | odd) - runs) ^ odd;       /* backslashes that escape, and what they do */
	uint64_t escaped = code ^ (backslash | before);

	*ret_next = (bits < 64 ? escaped >> bits : (code & backslash) >> 63) & 1;
	return escaped;
}

typedef void (*masks_fn)(const char *p, struct scan_masks *ret);
typedef uint64_t (*parity_fn)(uint64_t x);

/* Take one block at p, of which `bits` bytes count (what is behind them is zero).  How many were used. */
static inline __attribute__((always_inline))
unsigned nest_block(struct scan_nest *nest, const char *p, unsigned bits, masks_fn masks, parity_fn parity)
{
	struct scan_masks m;
	uint64_t escaped, inside, brackets;

	masks(p, &m);
	escaped = escaped_bytes(m.escape, nest->escaped, bits, &nest->escaped);
	inside = parity(m.quote & ~escaped) ^ nest->in_string;
	nest->in_string = (uint64_t)((int64_t)inside >> 63);
	for (brackets = m.bracket & ~inside; brackets != 0; brackets &= brackets - 1) {
		unsigned at = (unsigned)__builtin_ctzll(brackets);

		nest->depth += p[at] == '[' || p[at] == '{' ? 1 : -1;
		if (nest->depth <= 0) {
			*nest = (struct scan_nest){ 0 };
			return at + 1;
		}
	}
	return bits;
}

static inline __attribute__((always_inline))
size_t skip_with(struct scan_nest *nest, const char *p, size_t n, masks_fn masks, parity_fn parity)
{
	struct scan_nest at = *nest;
	size_t done = 0;
	bool more = n > 0;

	while (more && n - done >= 64) {
		done += nest_block(&at, p + done, 64, masks, parity);
		more = at.depth > 0 && n > done;
	}
	if (more) {
		char last[64] = { 0 };

		memcpy(last, p + done, n - done);
		done += nest_block(&at, last, (unsigned)(n - done), masks, parity);
	}
	*nest = at;
	return done;
}

#ifdef __SSE2__
SCAN_AVX2 static size_t skip_avx2(struct scan_nest *nest, const char *p, size_t n)
{
	return skip_with(nest, p, n, scan_masks_avx2, scan_parity_avx2);
}

size_t scan_skip_any(struct scan_nest *nest, const char *p, size_t n)
{
	return skip_with(nest, p, n, scan_masks_sse2, scan_parity_plain);
}

size_t scan_skip(struct scan_nest *nest, const char *p, size_t n)
{
	return scan_has_avx2() ? skip_avx2(nest, p, n) : scan_skip_any(nest, p, n);
}
#else
size_t scan_skip_any(struct scan_nest *nest, const char *p, size_t n)
{
	return skip_with(nest, p, n, scan_masks_plain, scan_parity_plain);
}

size_t scan_skip(struct scan_nest *nest, const char *p, size_t n)
{
	return scan_skip_any(nest, p, n);
}
#endif

size_t scan_skip_plain(struct scan_nest *nest, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (nest->escaped) {
			nest->escaped = 0;
			if (p[i] == '"' || p[i] == '\\')
				continue;
		}
		if (p[i] == '\\')
			nest->escaped = 1;
		else if (p[i] == '"')
			nest->in_string = ~nest->in_string;
		else if (!nest->in_string && (p[i] == '[' || p[i] == '{'))
			nest->depth++;
		else if (!nest->in_string && (p[i] == ']' || p[i] == '}'))
			nest->depth--;
		else
			continue;
		if (nest->depth <= 0 && !nest->in_string && (p[i] == ']' || p[i] == '}')) {
			*nest = (struct scan_nest){ 0 };
			return i + 1;
		}
	}
	return n;
}

/* --- the reader ------------------------------------------------------------------------ */

void scan_open(struct scan *s, int fd)
{
	*s = (struct scan){ .fd = fd, .piece = mem_alloc(PIECE_BYTES) };
}

void scan_open_bytes(struct scan *s, struct span bytes)
{
	*s = (struct scan){ .fd = -1, .p = bytes.at, .end = bytes.at + bytes.len,
	                    .read = (int64_t)bytes.len, .over = true };
}

void scan_close(struct scan *s)
{
	free(s->piece);
	*s = (struct scan){ .fd = -1, .over = true };
}

bool scan_fill(struct scan *s)
{
	ssize_t n;

	if (s->over)
		return false;
	do {
		n = fault_hit(FAULT_FILE) ? (errno = EIO, -1) : read(s->fd, s->piece, PIECE_BYTES);
	} while (n < 0 && errno == EINTR);
	if (n <= 0) {
		s->over = true;
		s->failed = n < 0 ? BD_EIO : 0;
		return false;
	}
	s->p = s->piece;
	s->end = s->piece + n;
	s->read += n;
	return true;
}

int scan_blank(struct scan *s)
{
	int c;

	while ((c = scan_peek(s)) == ' ' || c == '\n' || c == '\t' || c == '\r')
		s->p++;
	return c;
}

bool scan_string(struct scan *s, size_t max, struct buf *ret)
{
	bool escaped = false;
	size_t n = 0;

	for (s->p++; scan_peek(s) >= 0;) {
		const char *from = s->p;

		while (s->p < s->end && (escaped || *s->p != '"')) {
			escaped = !escaped && *s->p == '\\';
			s->p++;
		}
		n += (size_t)(s->p - from);
		if (n > max)
			return false;
		if (ret != NULL)
			buf_add(ret, from, (size_t)(s->p - from));
		if (s->p < s->end) {
			s->p++;
			return true;
		}
	}
	return false;
}

/* true, false, null, a number: whatever of it the file holds, to the next comma, bracket or blank. */
static bool skip_word(struct scan *s)
{
	int64_t from = scan_pos(s);
	int c;

	while ((c = scan_peek(s)) >= 0 && ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	                                   c == '-' || c == '+' || c == '.' || c == 'E'))
		s->p++;
	return scan_pos(s) > from;
}

bool scan_value(struct scan *s)
{
	struct scan_nest nest = { 0 };
	int c = scan_blank(s);

	if (c == '"')
		return scan_string(s, SIZE_MAX, NULL);
	if (c != '[' && c != '{')
		return skip_word(s);
	do {
		if (scan_peek(s) < 0)
			return false;
		s->p += scan_skip(&nest, s->p, (size_t)(s->end - s->p));
	} while (nest.depth > 0);
	return true;
}
