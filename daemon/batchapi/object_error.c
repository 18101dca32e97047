/* SPDX-License-Identifier: MIT */
#include "object.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http_text.h"

bool text_has(const char *text, const char *piece)
{
	return strcasestr(text, piece) != NULL;
}

/* A code may be a text or a number. */
static void read_code(char *to, size_t size, const struct json *v)
{
	int64_t n;

	if (json_str(v) != NULL)
		http_clean(to, size, span_of(json_str(v)));
	else if (json_int(v, &n))
		snprintf(to, size, "%lld", (long long)n);
}

static bool all_digits(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* {code, type, message, param, line} under any of their names. */
static bool read_flat(const struct json *v, struct remote_error *ret)
{
	static const char *const messages[] = { "message", "error_message", "msg", "detail", "error_msg", "reason" };
	static const char *const codes[] = { "code", "error_code", "type" };

	for (size_t i = 0; ret->message[0] == '\0' && i < sizeof messages / sizeof messages[0]; i++) {
		const char *text = json_get_str(v, messages[i]);

		if (text != NULL)
			http_clean(ret->message, sizeof ret->message, span_of(text));
	}
	/* a mere number says less than the type beside it */
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (ret->code[0] == '\0' || (all_digits(ret->code) && json_get_str(v, codes[i]) != NULL))
			read_code(ret->code, sizeof ret->code, json_get(v, codes[i]));
	ret->line = object_int(json_get(v, "line"));
	return ret->message[0] != '\0' || ret->code[0] != '\0';
}

static bool read_any(const struct json *v, struct remote_error *ret, int depth)
{
	static const char *const inner[] = { "error", "detail", "errors", "data" };

	if (json_str(v) != NULL) {
		http_clean(ret->message, sizeof ret->message, span_of(json_str(v)));
		return ret->message[0] != '\0';
	}
	if (depth > 4)
		return false;
	if (json_is_list(v)) {
		for (const struct json *i = json_first(v); i != NULL; i = json_next(i))
			if (read_any(i, ret, depth + 1))
				return true;
		return false;
	}
	if (!json_is_obj(v))
		return false;
	for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++) {
		const struct json *in = json_get(v, inner[i]);

		if ((json_is_obj(in) || json_is_list(in) || (json_str(in) != NULL && i < 2))
		    && read_any(in, ret, depth + 1)) {
			if (ret->code[0] == '\0')
				read_code(ret->code, sizeof ret->code, json_get(v, "code"));
			return true;
		}
	}
	return read_flat(v, ret);
}

bool object_error(const struct json *v, struct remote_error *ret)
{
	*ret = (struct remote_error){ .line = -1 };
	return read_any(v, ret, 0);
}

/* --- enqueued tokens ------------------------------------------------------------------------ */

/* "2,000,000", "90000", "90k", "2M"; -1 if no number stands here. */
static int64_t read_amount(const char *p)
{
	int64_t n = 0;

	if (!isdigit((unsigned char)*p))
		return -1;
	for (; isdigit((unsigned char)*p) || ((*p == ',' || *p == '_') && isdigit((unsigned char)p[1])); p++) {
		if (n > (int64_t)1e15)
			return -1;
		if (isdigit((unsigned char)*p))
			n = n * 10 + (*p - '0');
	}
	if (*p == 'k' || *p == 'K')
		return n * 1000;
	if ((*p == 'M' || *p == 'B') && !isalpha((unsigned char)p[1]))
		return *p == 'M' ? n * 1000000 : n * 1000000000;
	return n;
}

/* The number right behind the word "limit": "Limit: 2,000,000", "limit of 90000", "limit is 5". */
static int64_t limit_named(const char *text)
{
	static const char *const fill[] = { "of ", "is ", "was ", "for this model is " };

	for (const char *p = text; (p = strcasestr(p, "limit")) != NULL;) {
		int64_t n;

		p += strlen("limit");
		p += strspn(p, " :=(");
		for (size_t i = 0; i < sizeof fill / sizeof fill[0]; i++)
			if (strncasecmp(p, fill[i], strlen(fill[i])) == 0)
				p += strlen(fill[i]);
		n = read_amount(p);
		if (n >= 0)
			return n;
	}
	return -1;
}

bool error_is_token_limit(const char *code, const char *message, int64_t *ret_allowed)
{
	if (!text_has(code, "token_limit_exceeded") && !text_has(message, "enqueued token")
	    && !text_has(message, "token_limit_exceeded"))
		return false;
	*ret_allowed = limit_named(message);
	return true;
}
