/* SPDX-License-Identifier: MIT */
#include "term.h"

#include <inttypes.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void term_read(struct term *term, int fd)
{
	const char *no_color = getenv("NO_COLOR"), *kind = getenv("TERM"), *columns = getenv("COLUMNS");
	bool dumb = kind == NULL || strcmp(kind, "dumb") == 0;
	struct winsize size = { 0 };

	*term = (struct term){ .tty = isatty(fd) == 1 };
	term->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	term->colour = term->tty && !dumb && (no_color == NULL || no_color[0] == '\0');
	if (columns != NULL && atoi(columns) > 0)
		term->width = (size_t)atoi(columns);
	if (!term->tty)
		return;
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
		term->width = size.ws_col;
		term->height = size.ws_row;
	}
	if (term->width == 0)
		term->width = 80;
	if (term->height == 0)
		term->height = 24;
}

void term_style(const struct term *term, enum style style, struct buf *ret)
{
	static const char *const codes[] = {
		[STYLE_NONE] = "\033[0m", [STYLE_BOLD] = "\033[1m", [STYLE_DIM] = "\033[2m",
		[STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[31m", [STYLE_BUSY] = "\033[33m",
	};

	if (term->colour)
		buf_add_str(ret, codes[style]);
}

/* The code point at the front and how many bytes it has; 0 bytes: no UTF-8. */
static size_t decode(struct span s, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = (unsigned char)s.at[0];
	size_t n = c < 0x80 ? 1 : c >= 0xf0 && c < 0xf8 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 0;
	uint32_t u = n == 1 ? c : c & (0x7fu >> n);

	if (n == 0 || c >= 0xf8 || n > s.len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s.at[i] & 0xc0) != 0x80)
			return 0;
		u = u << 6 | ((unsigned char)s.at[i] & 0x3f);
	}
	if (u < least[n] || u > 0x10ffff || (u >= 0xd800 && u < 0xe000))
		return 0;
	*ret = u;
	return n;
}

static bool is_control(uint32_t u)
{
	return u < 0x20 || (u >= 0x7f && u < 0xa0)
	    || u == 0x61c || u == 0x200e || u == 0x200f || (u >= 0x2028 && u <= 0x202e)
	    || (u >= 0x2060 && u <= 0x206f) || u == 0xfeff || (u >= 0xe0000 && u <= 0xe007f);
}

static size_t columns_of(uint32_t u)
{
	if ((u >= 0x300 && u < 0x370) || (u >= 0x200b && u <= 0x200d) || (u >= 0xfe00 && u <= 0xfe0f))
		return 0;
	if ((u >= 0x1100 && u < 0x1160) || (u >= 0x2e80 && u < 0xa4d0) || (u >= 0xac00 && u < 0xd7a4)
	    || (u >= 0xf900 && u < 0xfb00) || (u >= 0xfe30 && u < 0xfe70) || (u >= 0xff00 && u < 0xff61)
	    || (u >= 0xffe0 && u < 0xffe7) || (u >= 0x1f300 && u < 0x1f650) || (u >= 0x1f900 && u < 0x1fa00)
	    || (u >= 0x20000 && u < 0x3fffe))
		return 2;
	return 1;
}

void term_clean(const struct term *term, const char *text, struct buf *ret)
{
	struct span s = span_of(text);

	while (s.len > 0) {
		uint32_t u;
		size_t n = decode(s, &u);

		if (n == 0)
			buf_add_char(ret, '?');
		else if (u == '\n' || u == '\t' || u == '\r')
			buf_add_char(ret, ' ');
		else if (is_control(u) || (u > 0x7f && !term->utf8))
			buf_add_char(ret, '?');
		else
			buf_add(ret, s.at, n);
		n = n > 0 ? n : 1;
		s.at += n;
		s.len -= n;
	}
}

size_t term_fit(struct span text, size_t columns)
{
	struct span s = text;

	while (s.len > 0) {
		uint32_t u = '?';
		size_t n = decode(s, &u), wide = columns_of(u);

		if (wide > columns)
			break;
		columns -= wide;
		n = n > 0 ? n : 1;
		s.at += n;
		s.len -= n;
	}
	return text.len - s.len;
}

size_t term_columns(struct span s)
{
	size_t columns = 0;

	while (s.len > 0) {
		uint32_t u = '?';
		size_t n = decode(s, &u);

		columns += columns_of(u);
		n = n > 0 ? n : 1;
		s.at += n;
		s.len -= n;
	}
	return columns;
}

/* So many of the columns as the count has of the total; at least one if there is any. */
static size_t share(int64_t count, int64_t total, size_t columns, size_t left)
{
	size_t n;

	if (count <= 0 || total <= 0 || left == 0)
		return 0;
	n = count >= total ? columns : (size_t)((double)count / (double)total * (double)columns);
	if (n == 0)
		n = 1;
	return n < left ? n : left;
}

static void run_of(const struct term *term, enum style style, const char *sign, size_t n, struct buf *ret)
{
	if (n == 0)
		return;
	term_style(term, style, ret);
	for (size_t i = 0; i < n; i++)
		buf_add_str(ret, sign);
	term_style(term, STYLE_NONE, ret);
}

void term_bar(const struct term *term, const struct bar *bar, size_t columns, struct buf *ret)
{
	bool all = bar->total > 0 && bar->done + bar->failed >= bar->total;
	size_t failed = share(bar->failed, bar->total, columns, columns);
	size_t done = all ? columns - failed : share(bar->done, bar->total, columns, columns - failed);
	size_t busy = share(bar->busy, bar->total, columns, columns - failed - done);

	/* an end that looks reached is reached */
	if (!all && bar->total > 0 && done + failed + busy == columns
	    && bar->done + bar->failed + bar->busy < bar->total) {
		if (busy > 0)
			busy--;
		else if (done > 0)
			done--;
	}
	run_of(term, STYLE_GOOD, term->utf8 ? "\u2588" : "#", done, ret);
	run_of(term, STYLE_BAD, term->utf8 ? "\u2593" : "x", failed, ret);
	run_of(term, STYLE_BUSY, term->utf8 ? "\u2592" : "=", busy, ret);
	run_of(term, STYLE_DIM, term->utf8 ? "\u2591" : ".", columns - done - failed - busy, ret);
}

static void two(int64_t big, const char *big_unit, int64_t small, const char *small_unit, struct buf *ret)
{
	buf_printf(ret, "%" PRId64 " %s", big, big_unit);
	if (small > 0)
		buf_printf(ret, " %" PRId64 " %s", small, small_unit);
}

void term_duration(int64_t ms, struct buf *ret)
{
	int64_t s = ms > 0 ? ms / 1000 : 0;

	if (s < 60)
		buf_printf(ret, "%" PRId64 " s", s);
	else if (s < 600)
		two(s / 60, "min", s % 60, "s", ret);
	else if (s < 3600)
		buf_printf(ret, "%" PRId64 " min", s / 60);
	else if (s < 86400)
		two(s / 3600, "h", s % 3600 / 60, "min", ret);
	else
		two(s / 86400, "d", s % 86400 / 3600, "h", ret);
}

void term_duration_short(int64_t ms, struct buf *ret)
{
	int64_t s = ms > 0 ? ms / 1000 : 0;

	if (s < 60)
		buf_printf(ret, "%" PRId64 "s", s);
	else if (s < 3600)
		buf_printf(ret, "%" PRId64 "m", s / 60);
	else if (s < 86400)
		buf_printf(ret, "%" PRId64 "h", s / 3600);
	else
		buf_printf(ret, "%" PRId64 "d", s / 86400);
}

void term_count(int64_t n, struct buf *ret)
{
	char digits[32];
	int len = snprintf(digits, sizeof digits, "%" PRId64, n);

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
			buf_add_char(ret, ',');
		buf_add_char(ret, digits[i]);
	}
}

void term_bytes(int64_t n, struct buf *ret)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double v = (double)n;
	size_t i = 0;

	while (v >= 999.95 && i + 1 < sizeof units / sizeof units[0]) {
		v /= 1000;
		i++;
	}
	buf_printf(ret, i == 0 ? "%.0f %s" : "%.1f %s", v, units[i]);
}
