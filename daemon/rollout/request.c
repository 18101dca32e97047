/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "mem.h"

/* --- members of an object, as text -------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

/* Behind the string that begins at p. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
	}
	return p < end ? p + 1 : end;
}

/* -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?, which strtod is more generous than. */
static bool number_is_strict(struct span s)
{
	const char *p = s.at, *end = s.at + s.len, *digits;

	p += p < end && *p == '-';
	digits = p;
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	if (p == digits || (*digits == '0' && p > digits + 1))
		return false;
	if (p < end && *p == '.') {
		digits = ++p;
		while (p < end && *p >= '0' && *p <= '9')
			p++;
		if (p == digits)
			return false;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		p += p < end && (*p == '+' || *p == '-');
		digits = p;
		while (p < end && *p >= '0' && *p <= '9')
			p++;
		if (p == digits)
			return false;
	}
	return p == end;
}

/* Behind the value that begins at p; NULL if it holds a number that is none.  The text is known to be JSON. */
static const char *skip_value(const char *p, const char *end)
{
	int depth = 0;

	do {
		p = skip_blanks(p, end);
		if (p >= end)
			return NULL;
		if (*p == '"') {
			p = skip_string(p, end);
		} else if (*p == '{' || *p == '[') {
			depth++;
			p++;
		} else if (*p == '}' || *p == ']') {
			depth--;
			p++;
		} else if (*p == ',' || *p == ':') {
			p++;
		} else {
			const char *from = p;

			while (p < end && !is_blank(*p) && strchr(",:]}[{\"", *p) == NULL)
				p++;
			if ((*from == '-' || (*from >= '0' && *from <= '9')) &&
			    !number_is_strict((struct span){ from, (size_t)(p - from) }))
				return NULL;
			if (p == from)
				return NULL;
		}
	} while (depth > 0);
	return p;
}

int raw_members_read(struct span text, const char *what, struct raw_members *ret, struct err *err)
{
	struct raw_members m = { 0 };
	struct json *v = NULL;
	const char *p, *end = text.at + text.len;
	int rc = json_parse(text.at, text.len, &v, err);

	if (rc < 0)
		return err_prefix(err, "%s: ", what);
	if (!json_is_obj(v)) {
		json_free(v);
		return err_set(err, BD_EINVALID, "%s: not a JSON object", what);
	}
	p = memchr(text.at, '{', text.len);
	p = skip_blanks(p + 1, end);
	for (const struct json *i = json_first(v); i != NULL; i = json_next(i)) {
		const char *value, *behind;

		p = skip_string(p, end);
		value = skip_blanks(p, end);
		value = skip_blanks(value < end ? value + 1 : end, end);
		behind = skip_value(value, end);
		if (behind == NULL) {
			rc = err_set(err, BD_EINVALID, "%s: the value of \"%.64s\" is not JSON", what,
			             json_name(i));
			break;
		}
		m.at = mem_grow(m.at, m.n + 1, sizeof *m.at);
		m.at[m.n++] = (struct raw_member){ mem_strdup(json_name(i)), { value, (size_t)(behind - value) } };
		p = skip_blanks(behind, end);
		p = skip_blanks(p < end ? p + 1 : end, end);            /* the comma */
	}
	json_free(v);
	if (rc < 0)
		raw_members_done(&m);
	else
		*ret = m;
	return rc;
}

void raw_members_done(struct raw_members *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->at[i].name);
	free(m->at);
	*m = (struct raw_members){ 0 };
}

/* A string with its quotes; escapes stay, what must not stand in a string is escaped. */
static void print_string(const char *p, const char *end, struct buf *ret)
{
	buf_add_char(ret, '"');
	for (p++, end--; p < end;) {
		const char *run = p;

		while (p < end && *p != '\\')
			p++;
		json_escape(ret, run, (size_t)(p - run));
		if (p + 1 < end) {
			buf_add(ret, p, 2);
			p += 2;
		} else {
			break;
		}
	}
	buf_add_char(ret, '"');
}

void raw_value_print(struct span value, struct buf *ret)
{
	const char *p = value.at, *end = value.at + value.len;

	while (p < end) {
		if (*p == '"') {
			const char *behind = skip_string(p, end);

			print_string(p, behind, ret);
			p = behind;
			continue;
		}
		if (!is_blank(*p))
			buf_add_char(ret, *p);
		p++;
	}
}

/* --- the frame of a request ----------------------------------------------------------------- */

static bool member_is_there(const struct raw_members *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++) {
		if (strcmp(m->at[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Start our own member unless extra_body has one of that name. */
static bool put_ours(struct jw *w, const struct raw_members *extra, const char *name, bool given)
{
	if (!given || member_is_there(extra, name))
		return false;
	jw_name(w, name);
	return true;
}

static void write_tail(const struct rollout_params *p, const struct raw_members *extra, bool greedy,
                       struct buf *ret)
{
	struct jw w = { .out = ret, .comma = true };

	buf_add_str(ret, "\"}]");
	if (put_ours(&w, extra, "temperature", p->has_temp || greedy))
		jw_num(&w, greedy ? 0 : p->temp);
	if (put_ours(&w, extra, "top_p", p->has_top_p))
		jw_num(&w, p->top_p);
	if (put_ours(&w, extra, "max_tokens", p->has_max_tokens))
		jw_int(&w, p->max_tokens);
	if (put_ours(&w, extra, "enable_thinking", p->enable_thinking))
		jw_bool(&w, true);
	if (put_ours(&w, extra, "thinking_budget", p->has_thinking_budget))
		jw_int(&w, p->thinking_budget);
	for (size_t i = 0; i < extra->n; i++) {
		struct raw_members later = { extra->at + i + 1, extra->n - i - 1 };

		if (member_is_there(&later, extra->at[i].name))
			continue;                               /* given twice: the last one holds */
		jw_name(&w, extra->at[i].name);
		raw_value_print(extra->at[i].value, ret);
		w.comma = true;
	}
	buf_add_str(ret, "}}\n");
}

int request_frame_make(const struct rollout_params *p, struct request_frame *ret, struct err *err)
{
	struct request_frame f = { 0 };
	struct raw_members extra = { 0 };
	struct jw w = { .out = &f.head, .comma = true };

	if (p->extra_body != NULL) {
		int rc = raw_members_read(span_of(p->extra_body), "extra_body", &extra, err);

		if (rc < 0)
			return rc;
		if (member_is_there(&extra, "messages")) {
			raw_members_done(&extra);
			return err_set(err, BD_EINVALID, "extra_body: \"messages\" would replace the prompt");
		}
	}
	buf_add_char(&f.head, '"');
	jw_put_str(&w, "method", "POST");
	jw_put_str(&w, "url", p->line_url);
	jw_name(&w, "body");
	jw_obj(&w);
	if (put_ours(&w, &extra, "model", true))
		jw_str(&w, p->model_name);
	jw_name(&w, "messages");
	buf_add_str(&f.head, "[{\"role\":\"user\",\"content\":\"");
	write_tail(p, &extra, p->greedy_first, &f.tail[0]);
	write_tail(p, &extra, false, &f.tail[1]);
	raw_members_done(&extra);
	*ret = f;
	return 0;
}

void request_frame_done(struct request_frame *f)
{
	buf_done(&f->head);
	buf_done(&f->tail[0]);
	buf_done(&f->tail[1]);
}

void request_begin(const struct request_frame *f, const char *custom_id, struct buf *ret)
{
	buf_add_str(ret, "{\"custom_id\":\"");
	json_escape(ret, custom_id, strlen(custom_id));
	buf_add_span(ret, buf_span(&f->head));
}

void request_end(const struct request_frame *f, int64_t k, struct buf *ret)
{
	buf_add_span(ret, buf_span(&f->tail[k == 0 ? 0 : 1]));
}
