/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "line.h"
#include "mem.h"

/*
 * The quick way of result_line_read(): one pass over the line without building a tree, for the one kind
 * of line that nearly all are, a 2xx with choices and no error.  Everything else, everything odd (an
 * escape in a name, a name that comes twice, a BOM, depth) is left to the long way; so it takes
 * strictly less than the parser does, and what it takes it must read as the parser would.
 */
#define DEPTH_MAX   64
#define NUMBER_MAX  40          /* the parser reads 63 */

struct scan {
	const char *p, *end;
	bool bad;               /* not for us */
};

static bool give_up(struct scan *s)
{
	s->bad = true;
	return false;
}

static void skip_blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static inline bool take(struct scan *s, char ch)
{
	if (s->p < s->end && (unsigned char)*s->p <= ' ')       /* hardly ever */
		skip_blanks(s);
	if (s->p >= s->end || *s->p != ch)
		return false;
	s->p++;
	return true;
}

/* The first quote, backslash or control character from p on. */
static const char *plain_end(const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), last = _mm_set1_epi8(0x1F);

	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, last), v);
		__m128i hit = _mm_or_si128(control, _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)));
		unsigned bits = (unsigned)_mm_movemask_epi8(hit);

		if (bits != 0)
			return p + __builtin_ctz(bits);
	}
#endif
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= ' ')
		p++;
	return p;
}

static bool is_escape(char ch)
{
	return ch == 'n' || ch == '"' || ch == '\\' || ch == 't' || ch == 'r' || ch == '/' || ch == 'b' || ch == 'f';
}

static bool is_hex(char ch)
{
	return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f') || (ch >= 'A' && ch <= 'F');
}

/* A string, its text between the quotes, and whether an escape is in it. */
static bool scan_string(struct scan *s, struct span *ret, bool *ret_escaped)
{
	const char *begin;

	*ret_escaped = false;
	if (!take(s, '"'))
		return give_up(s);
	begin = s->p;
	for (;;) {
		s->p = plain_end(s->p, s->end);
		if (s->p >= s->end || (unsigned char)*s->p < ' ')
			return give_up(s);
		if (*s->p == '"')
			break;
		*ret_escaped = true;
		if (s->end - s->p < 6)          /* an escape, and at least the quote behind it */
			return give_up(s);
		if (s->p[1] == 'u') {
			if (!is_hex(s->p[2]) || !is_hex(s->p[3]) || !is_hex(s->p[4]) || !is_hex(s->p[5]))
				return give_up(s);
			s->p += 6;
		} else {
			if (!is_escape(s->p[1]))
				return give_up(s);
			s->p += 2;
		}
	}
	*ret = (struct span){ begin, (size_t)(s->p - begin) };
	s->p++;
	return true;
}

static size_t digits(struct scan *s)
{
	const char *begin = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return (size_t)(s->p - begin);
}

static bool skip_number(struct scan *s)
{
	const char *begin = s->p;
	size_t n;
	bool zero;

	if (*s->p == '-')
		s->p++;
	zero = s->p < s->end && *s->p == '0';
	n = digits(s);
	if (n == 0 || (zero && n > 1))
		return give_up(s);
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (digits(s) == 0)
			return give_up(s);
	}
	if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		if (digits(s) == 0)
			return give_up(s);
	}
	return s->p - begin <= NUMBER_MAX || give_up(s);
}

static inline bool skip_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return give_up(s);
	s->p += n;
	return true;
}

/* The next name of an object, its colon taken; false at its end (or when giving up). */
static bool next_member(struct scan *s, bool *first, struct span *ret_name, bool *ret_escaped)
{
	if (s->bad || take(s, '}'))
		return false;
	if (!*first && !take(s, ','))
		return give_up(s);
	*first = false;
	return scan_string(s, ret_name, ret_escaped) && (take(s, ':') || give_up(s));
}

static bool skip_value(struct scan *s, int depth)
{
	struct span text;
	bool first = true, escaped;

	skip_blanks(s);
	if (s->p >= s->end || depth > DEPTH_MAX)
		return give_up(s);
	switch (*s->p) {
	case '"':
		return scan_string(s, &text, &escaped);
	case '{':
		s->p++;
		while (next_member(s, &first, &text, &escaped))
			skip_value(s, depth + 1);
		return !s->bad;
	case '[':
		s->p++;
		for (; !s->bad && !take(s, ']'); first = false) {
			if (!first && !take(s, ','))
				return give_up(s);
			skip_value(s, depth + 1);
		}
		return !s->bad;
	case 't':
		return skip_word(s, "true");
	case 'f':
		return skip_word(s, "false");
	case 'n':
		return skip_word(s, "null");
	default:
		return (*s->p == '-' || (*s->p >= '0' && *s->p <= '9')) ? skip_number(s) : give_up(s);
	}
}

/* --- the members that matter ---------------------------------------------------------------- */

struct found {
	bool custom_id, response, body, choices, error, body_error;
	struct span id, usage;
	struct usage u;
	unsigned seen;          /* members of usage, by bit */
	bool odd_usage;         /* for the long way alone */
	int status;
};

static bool once(struct scan *s, bool *seen)
{
	if (*seen)
		return give_up(s);
	*seen = true;
	return true;
}

static bool take_null(struct scan *s)
{
	skip_blanks(s);
	return skip_word(s, "null");
}

/* Three digits that say 2xx, and nothing else. */
static void take_status(struct scan *s, struct found *f)
{
	const char *begin;

	skip_blanks(s);
	begin = s->p;
	if (f->status != 0 || digits(s) != 3 || *begin != '2'
	    || (s->p < s->end && strchr("},\t ", *s->p) == NULL)) {
		give_up(s);
		return;
	}
	f->status = 200 + (begin[1] - '0') * 10 + (begin[2] - '0');
}

static void take_choices(struct scan *s, struct found *f)
{
	struct scan ahead;

	skip_blanks(s);
	ahead = *s;
	if (once(s, &f->choices) && (!take(&ahead, '[') || take(&ahead, ']')))
		give_up(s);
	skip_value(s, 4);
}

/* The first of two members of one name is the one that counts: not for us. */
static void see_usage(struct found *f, int which)
{
	f->odd_usage = f->odd_usage || (f->seen & 1u << which) != 0;
	f->seen |= 1u << which;
}

/* A plain number, or null for none; anything else is odd. */
static void take_count(struct scan *s, int64_t *n, struct found *f)
{
	const char *begin;

	skip_blanks(s);
	begin = s->p;
	if (!skip_value(s, 5))
		return;
	size_t len = (size_t)(s->p - begin);
	if (len == 4 && memcmp(begin, "null", 4) == 0)
		return;
	f->odd_usage = f->odd_usage || len > 15;
	for (const char *p = begin; p < s->p && !f->odd_usage; p++) {
		*n = *n * 10 + (*p - '0');
		f->odd_usage = *p < '0' || *p > '9';
	}
}

static void take_details(struct scan *s, int part, struct found *f)
{
	struct span name;
	bool first = true, escaped;

	skip_blanks(s);
	if (s->p >= s->end || *s->p != '{') {
		skip_value(s, 5);
		return;
	}
	s->p++;
	f->u.details[part].there = true;
	while (next_member(s, &first, &name, &escaped)) {
		f->odd_usage = f->odd_usage || escaped;
		if (span_is(name, usage_parts[part].number)) {
			see_usage(f, USAGE_NAMES + DETAILS_COUNT + part);
			take_count(s, &f->u.details[part].n, f);
		} else {
			skip_value(s, 6);
		}
	}
}

static void take_usage_member(struct scan *s, struct span name, struct found *f)
{
	for (int i = 0; i < USAGE_NAMES; i++)
		if (span_is(name, usage_names[i])) {
			see_usage(f, i);
			take_count(s, &f->u.n[i], f);
			return;
		}
	for (int i = 0; i < DETAILS_COUNT; i++)
		if (span_is(name, usage_parts[i].name)) {
			see_usage(f, USAGE_NAMES + i);
			take_details(s, i, f);
			return;
		}
	skip_value(s, 5);
}

static void take_usage(struct scan *s, struct found *f)
{
	struct span name;
	bool first = true, escaped;

	skip_blanks(s);
	if (f->usage.at != NULL) {
		give_up(s);
		return;
	}
	f->usage.at = s->p;
	if (s->p < s->end && *s->p == '{') {
		s->p++;
		while (next_member(s, &first, &name, &escaped)) {
			f->odd_usage = f->odd_usage || escaped;
			take_usage_member(s, name, f);
		}
	} else {
		skip_value(s, 4);
	}
	f->usage.len = (size_t)(s->p - f->usage.at);
}

static void take_body(struct scan *s, struct found *f)
{
	struct span name;
	bool first = true, escaped;

	if (!once(s, &f->body) || !take(s, '{')) {
		give_up(s);
		return;
	}
	while (next_member(s, &first, &name, &escaped)) {
		if (escaped)
			give_up(s);
		else if (span_is(name, "choices"))
			take_choices(s, f);
		else if (span_is(name, "usage"))
			take_usage(s, f);
		else if (span_is(name, "error"))
			(void)(once(s, &f->body_error) && take_null(s));
		else
			skip_value(s, 4);
	}
}

static void take_response(struct scan *s, struct found *f)
{
	struct span name;
	bool first = true, escaped;

	if (!once(s, &f->response) || !take(s, '{')) {
		give_up(s);
		return;
	}
	while (next_member(s, &first, &name, &escaped)) {
		if (escaped)
			give_up(s);
		else if (span_is(name, "status_code"))
			take_status(s, f);
		else if (span_is(name, "body"))
			take_body(s, f);
		else
			skip_value(s, 3);
	}
}

static bool scan_line(struct scan *s, struct found *f)
{
	struct span name;
	bool first = true, escaped;

	if (!take(s, '{'))
		return false;
	while (next_member(s, &first, &name, &escaped)) {
		if (escaped)
			give_up(s);
		else if (span_is(name, "custom_id"))
			(void)(once(s, &f->custom_id) && scan_string(s, &f->id, &escaped) && (!escaped || give_up(s)));
		else if (span_is(name, "response"))
			take_response(s, f);
		else if (span_is(name, "error"))
			(void)(once(s, &f->error) && take_null(s));
		else
			skip_value(s, 2);
	}
	skip_blanks(s);
	return !s->bad && s->p == s->end && f->id.len > 0 && f->status != 0 && f->choices;
}

bool result_line_scan(struct span line, struct result_line *ret)
{
	struct scan s = { line.at, line.at + line.len, false };
	struct found f = { 0 };
	struct json *usage = NULL;

	if (line.len == 0 || !scan_line(&s, &f))
		return false;
	if (f.odd_usage && json_parse(f.usage.at, f.usage.len, &usage, NULL) < 0)
		return false;
	*ret = (struct result_line){ .class = LINE_ANSWER, .status = f.status };
	ret->custom_id = line_id_copy(f.id);
	if (ret->custom_id == NULL)
		ret->class = LINE_RUBBISH;      /* no memory: the room knows */
	if (f.odd_usage)
		usage_read(usage, ret);
	else
		usage_take(&f.u, ret);
	json_free(usage);
	return true;
}

void result_line_too_long(struct span head, size_t max_bytes, struct result_line *ret)
{
	struct scan s = { head.at, head.at + head.len, false };
	struct span name, id;
	bool first = true, escaped;

	*ret = (struct result_line){ .class = LINE_RUBBISH };
	if (!take(&s, '{'))
		return;
	while (ret->custom_id == NULL && next_member(&s, &first, &name, &escaped)) {
		skip_blanks(&s);
		if (!span_is(name, "custom_id"))
			skip_value(&s, 2);              /* the long one ends it */
		else if (scan_string(&s, &id, &escaped) && !escaped && id.len > 0)
			ret->custom_id = line_id_copy(id);
		else
			return;
	}
	if (ret->custom_id == NULL)
		return;
	ret->class = LINE_PERMANENT;
	snprintf(ret->reason, sizeof ret->reason, "answer_too_long");
	snprintf(ret->details, sizeof ret->details, "its line has more than %zu MB; it was not read", max_bytes >> 20);
}

struct span request_line_id(struct span line)
{
	struct scan s = { line.at, line.at + line.len, false };
	struct span name, id = { 0 };
	bool first = true, escaped;

	if (line.len == 0 || !take(&s, '{'))
		return id;
	while (next_member(&s, &first, &name, &escaped)) {
		if (!escaped && span_is(name, "custom_id"))
			return scan_string(&s, &id, &escaped) ? id : (struct span){ 0 };
		skip_value(&s, 2);
	}
	return id;
}
