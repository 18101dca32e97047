/* SPDX-License-Identifier: MIT */
#include "http_text.h"

#include <curl/curl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool http_header(struct span line, const char *name, struct span *ret_value)
{
	size_t n = strlen(name);

	if (line.len <= n || line.at[n] != ':' || strncasecmp(line.at, name, n) != 0)
		return false;
	*ret_value = span_trim((struct span){ line.at + n + 1, line.len - n - 1 });
	return true;
}

/* A plain decimal number that is the whole text up to *ret_rest; NAN if there is none. */
static double decimal(const char *text, const char **ret_rest)
{
	size_t digits = strspn(text, "0123456789"), n = digits;

	if (text[n] == '.') {
		size_t more = strspn(text + n + 1, "0123456789");

		digits += more;
		n += 1 + more;
	}
	*ret_rest = text + n;
	return digits > 0 && n < 32 ? strtod(text, NULL) : NAN;
}

static int64_t capped(double ms)
{
	if (isnan(ms) || ms < 0)
		return -1;
	return ms > HTTP_RETRY_MAX_MS ? HTTP_RETRY_MAX_MS : (int64_t)ceil(ms);
}

/* The value as a C string; false if it is longer than any sensible one. */
static bool copy_short(char *to, size_t size, struct span value)
{
	if (value.len == 0 || value.len >= size || memchr(value.at, '\0', value.len) != NULL)
		return false;
	memcpy(to, value.at, value.len);
	to[value.len] = '\0';
	return true;
}

int64_t http_retry_after_ms(struct span value, time_t now)
{
	char text[64];
	const char *rest;
	double seconds;
	time_t at;

	if (!copy_short(text, sizeof text, value))
		return -1;
	seconds = decimal(text, &rest);
	if (!isnan(seconds) && *rest == '\0')
		return capped(seconds * 1000);
	/* curl_getdate() reads nearly anything; a date has a colon in its time */
	if (strchr(text, ':') == NULL)
		return -1;
	at = curl_getdate(text, NULL);
	if (at == (time_t)-1 || at <= now)
		return -1;
	return capped(difftime(at, now) * 1000);
}

int64_t http_millis(struct span value)
{
	char text[64];
	const char *rest;
	double ms;

	if (!copy_short(text, sizeof text, value))
		return -1;
	ms = decimal(text, &rest);
	return *rest == '\0' ? capped(ms) : -1;
}

int64_t http_reset_ms(struct span value)
{
	static const struct { const char *unit; double ms; } units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
	};
	char text[64];
	const char *p = text;
	double sum = 0;

	if (!copy_short(text, sizeof text, value))
		return -1;
	while (*p != '\0') {
		double n = decimal(p, &p);
		size_t i = 0;

		while (i < sizeof units / sizeof units[0]
		       && strncmp(p, units[i].unit, strlen(units[i].unit)) != 0)
			i++;
		if (isnan(n) || i == sizeof units / sizeof units[0])
			return -1;
		sum += n * units[i].ms;
		p += strlen(units[i].unit);
	}
	return capped(sum);
}

void http_cut_secret(char *text, const char *secret)
{
	size_t n = secret != NULL ? strlen(secret) : 0, stars = n < 3 ? n : 3;

	if (n == 0)
		return;
	for (char *p = text; (p = strstr(p, secret)) != NULL; p += stars) {
		memset(p, '*', stars);
		memmove(p + stars, p + n, strlen(p + n) + 1);
	}
}

/* How many bytes at the end are the beginning of a UTF-8 character whose rest is missing. */
static size_t utf8_cut(const char *text, size_t n)
{
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		unsigned char ch = (unsigned char)text[n - back];
		size_t len = ch >= 0xF0 ? 4 : ch >= 0xE0 ? 3 : ch >= 0xC0 ? 2 : 1;

		if ((ch & 0xC0) != 0x80)
			return len > back ? back : 0;
	}
	return 0;
}

void http_clean(char *to, size_t size, struct span text)
{
	size_t n = 0;
	bool blank = false;

	for (size_t i = 0; i < text.len && n + 1 < size; i++) {
		unsigned char ch = (unsigned char)text.at[i];

		if (ch <= ' ' || ch == 0x7F) {
			blank = n > 0;
			continue;
		}
		if (blank && n + 2 < size)
			to[n++] = ' ';
		blank = false;
		to[n++] = (char)ch;
	}
	to[n - utf8_cut(to, n)] = '\0';
}
