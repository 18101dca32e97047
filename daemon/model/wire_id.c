/* SPDX-License-Identifier: MIT */
#include "wire_id.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "b<digits>-<digits>" */
static bool looks_like_one(const char *text)
{
	size_t job = text[0] == 'b' ? strspn(text + 1, "0123456789") : 0;

	if (job == 0 || text[1 + job] != '-')
		return false;
	size_t n = strspn(text + job + 2, "0123456789");
	return n > 0 && text[job + 2 + n] == '\0';
}

enum { HEADER_MAX = 64 };       /* those who take no more than that make a header of it */

static bool is_header_value(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f)
			return false;
	return true;
}

bool wire_id_fits(const char *custom_id, int max, bool dots)
{
	if ((max > 0 && strlen(custom_id) > (size_t)max) || looks_like_one(custom_id))
		return false;
	if (max > 0 && max <= HEADER_MAX && !is_header_value(custom_id))
		return false;
	if (dots)
		return true;
	for (const char *p = custom_id; *p != '\0'; p++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", *p) == NULL)
			return false;
	return true;
}

void wire_id_make(int64_t job, int64_t n, char ret[WIRE_ID_MAX])
{
	snprintf(ret, WIRE_ID_MAX, "b%lld-%lld", (long long)job, (long long)n);
}

bool wire_id_read(const char *text, int64_t job, int64_t *ret_n)
{
	char *end;

	if (text[0] != 'b' || text[1] < '1' || text[1] > '9' || strtoll(text + 1, &end, 10) != job ||
	    end[0] != '-' || end[1] < '0' || end[1] > '9')
		return false;
	long long n = strtoll(end + 1, &end, 10);
	if (*end != '\0')
		return false;
	*ret_n = n;
	return true;
}

bool wire_id_is(const char *at, size_t len, int64_t job, int64_t n)
{
	char text[WIRE_ID_MAX];
	int64_t other;

	if (len == 0 || at[0] != 'b' || len >= sizeof text)
		return false;
	memcpy(text, at, len);
	text[len] = '\0';
	return wire_id_read(text, job, &other) && other == n;
}
