/* SPDX-License-Identifier: MIT */
/* What a hub says.  Everything here comes from a peer: it is checked, and taken as it is or refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_text.h"
#include "hub.h"
#include "mem.h"
#include "scan.h"

enum { LIST_MAX = 240, DATASET_MAX = 200 };

void hub_url_encode(struct buf *url, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c) != NULL;

		if (plain)
			buf_add_char(url, *text);
		else
			buf_printf(url, "%%%02X", c);
	}
}

static bool is_word(const char *p, size_t n)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	return n > 0 && p[0] != '.' && strspn(p, letters) >= n;
}

bool engine_is_hub_name(const char *dataset)
{
	const char *slash = dataset != NULL ? strchr(dataset, '/') : NULL;

	return slash != NULL && strlen(dataset) <= DATASET_MAX && is_word(dataset, (size_t)(slash - dataset)) &&
	       is_word(slash + 1, strlen(slash + 1));
}

/* --- trouble ---------------------------------------------------------------------------------------- */

void hub_words(const struct exchange *x, const char *token, char *to, size_t size)
{
	struct json *v = NULL;
	struct err ignored;
	char words[160] = "";
	int n = snprintf(to, size, "%d", x->status);

	if (x->net != NET_OK) {
		snprintf(to, size, "%s", x->err[0] != '\0' ? x->err : "the connection broke");
		return;
	}
	if (x->reply.len > 0 && json_parse(x->reply.at, x->reply.len, &v, &ignored) == 0 && json_get_str(v, "error") != NULL)
		http_clean(words, sizeof words, span_of(json_get_str(v, "error")));
	snprintf(to + n, size - (size_t)n, "%s%s%s%s", x->error_code[0] != '\0' ? " " : "", x->error_code,
	         words[0] != '\0' ? ": " : "", words);
	http_cut_secret(to, token);
	json_free(v);
}

bool hub_too_big(const struct exchange *x)
{
	static const char word[] = "TooBigContentError";

	return x->net == NET_TOO_BIG || strcmp(x->error_code, word) == 0 ||
	       (x->net == NET_OK && x->status >= 400 && x->reply.len > 0 &&
	        memmem(x->reply.at, x->reply.len, word, sizeof word - 1) != NULL);
}

/* --- splits ---------------------------------------------------------------------------------------- */

static bool in_config(const struct json *item, const char *config)
{
	const char *name = json_get_str(item, "config");

	return name != NULL && strcmp(name, config) == 0 && json_get_str(item, "split") != NULL;
}

static bool has_split(const struct json *list, const char *config, const char *split)
{
	for (const struct json *i = json_first(list); i != NULL; i = json_next(i))
		if (in_config(i, config) && strcmp(json_get_str(i, "split"), split) == 0)
			return true;
	return false;
}

/* Is the split, or all of its config, still to come? */
static bool is_pending(const struct json *list, const char *config, const char *split)
{
	for (const struct json *i = json_first(list); i != NULL; i = json_next(i)) {
		const char *of = json_get_str(i, "config");

		if (json_get_str(i, "split") == NULL && (of == NULL || strcmp(of, config) == 0))
			return true;
	}
	return has_split(list, config, split);
}

/* "dev, test" */
static void list_splits(const struct json *list, const char *config, struct buf *ret)
{
	for (const struct json *i = json_first(list); i != NULL; i = json_next(i)) {
		if (!in_config(i, config))
			continue;
		if (ret->len > LIST_MAX) {
			buf_add_str(ret, ", ...");
			return;
		}
		buf_printf(ret, "%s%.60s", ret->len > 0 ? ", " : "", json_get_str(i, "split"));
	}
}

/* How many configs there are beside the one taken; their names into ret. */
static int list_configs(const struct json *list, const char *config, struct buf *ret)
{
	const char *last = config;
	int n = 0;

	for (const struct json *i = json_first(list); i != NULL; i = json_next(i)) {
		const char *name = json_get_str(i, "config");

		if (name == NULL || strcmp(name, config) == 0 || strcmp(name, last) == 0)
			continue;
		last = name;
		if (++n <= 5)
			buf_printf(ret, "%s%.60s", n > 1 ? ", " : "", name);
	}
	if (n > 5)
		buf_add_str(ret, ", ...");
	return n;
}

int hub_splits_read(struct span reply, const char *split, char **ret_config, char **ret_note, struct err *err)
{
	struct json *v = NULL;
	struct buf names = { 0 };
	int rc = json_parse(reply.at, reply.len, &v, err);

	if (rc < 0)
		return err_set(err, BD_ENET, "the hub's list of splits is not JSON");
	const struct json *splits = json_get(v, "splits"), *pending = json_get(v, "pending");
	const char *config = json_get_str(json_first(splits), "config");

	if (!json_is_list(splits)) {
		rc = err_set(err, BD_ENET, "the hub's reply has no list of splits (is it a dataset viewer?)");
	} else if (config == NULL) {
		rc = json_count(pending) > 0 ? err_set(err, BD_ENET, "the hub is still converting it") :
		     err_set(err, BD_EINVALID, "the hub has no splits of it: it cannot convert that data set");
	} else if (!has_split(splits, config, split)) {
		list_splits(splits, config, &names);
		rc = is_pending(pending, config, split) ? err_set(err, BD_ENET, "the hub is still converting it") :
		     err_set(err, BD_EINVALID, "has no split %.60s; there are: %s", split, buf_str(&names));
	} else {
		*ret_config = mem_strdup(config);
		*ret_note = NULL;
		if (list_configs(splits, config, &names) > 0)
			*ret_note = mem_printf("it has several configs: %.60s is taken, not %s", config, buf_str(&names));
	}
	buf_done(&names);
	json_free(v);
	return rc;
}

/* --- rows ------------------------------------------------------------------------------------------ */

/* At an object's '{' or behind a member: the name of the next one, s at its value. */
static bool next_member(struct scan *s, struct buf *name)
{
	if (scan_blank(s) == '{' || scan_blank(s) == ',')
		s->p++;
	buf_reset(name);
	if (scan_blank(s) != '"' || !scan_string(s, 4096, name) || scan_blank(s) != ':')
		return false;
	s->p++;
	(void)scan_blank(s);
	return true;
}

/* s at an element of "rows": the bytes of its first "row". */
static struct span raw_row(struct scan *s, struct buf *name)
{
	struct span row = { NULL, 0 };

	while (next_member(s, name)) {
		const char *from = s->p;

		if (!scan_value(s))
			break;
		if (row.at == NULL && span_is(buf_span(name), "row"))
			row = (struct span){ from, (size_t)(s->p - from) };
	}
	if (scan_blank(s) == '}')
		s->p++;
	return row;
}

/* Line breaks stand between tokens only, so the row becomes one line; if one stood elsewhere, it was no JSON.  False then. */
static bool add_row(struct buf *ret, struct span row)
{
	size_t from = ret->len, dropped = 0;
	struct json *v = NULL;
	struct err ignored;

	for (size_t i = 0; i < row.len;) {
		size_t n = 0;

		while (i + n < row.len && row.at[i + n] != '\n' && row.at[i + n] != '\r')
			n++;
		buf_add(ret, row.at + i, n);
		i += n + 1;
		dropped += i <= row.len;
	}
	bool good = dropped == 0 || json_parse(ret->at + from, ret->len - from, &v, &ignored) == 0;
	buf_add_char(ret, '\n');
	json_free(v);
	return good;
}

static int check_cells(const struct json *item, int64_t index, struct err *err)
{
	const struct json *cut = json_get(item, "truncated_cells");

	if (!json_is_obj(json_get(item, "row")))
		return err_set(err, BD_ENET, "row %lld of the hub's reply is no object", (long long)index);
	if (json_count(cut) == 0)
		return 0;
	const char *cell = json_str(json_first(cut)), *id = json_get_str(json_get(item, "row"), "instance_id");
	return err_set(err, BD_EINVALID, "row %lld%s%.100s%s: the hub gives only a part of %.60s (truncated_cells); "
	               "get the data set as files and submit it as JSONL", (long long)index, id != NULL ? " (" : "",
	               id != NULL ? id : "", id != NULL ? ")" : "", cell != NULL ? cell : "a cell");
}

/* text is JSON already, so the walk along it cannot fail but by a name that is too long. */
static int take_rows(struct span reply, const struct json *list, int64_t offset, struct buf *ret, int64_t *ret_n,
                     struct err *err)
{
	struct buf name = { 0 };
	struct scan s;
	int rc = 0;

	scan_open_bytes(&s, reply);
	while (next_member(&s, &name) && !span_is(buf_span(&name), "rows") && scan_value(&s))
		;
	if (scan_peek(&s) == '[')
		s.p++;
	for (const struct json *i = json_first(list); rc == 0 && i != NULL; i = json_next(i)) {
		if (json_get_int(i, "row_idx", -1) != offset + *ret_n) {
			rc = err_set(err, BD_ESTATE, "row %lld came where row %lld was asked for",
			             (long long)json_get_int(i, "row_idx", -1), (long long)(offset + *ret_n));
			break;
		}
		rc = check_cells(i, offset + *ret_n, err);
		struct span row = rc == 0 && scan_blank(&s) == '{' ? raw_row(&s, &name) : (struct span){ NULL, 0 };
		if (rc == 0 && (row.at == NULL || !add_row(ret, row)))
			rc = err_set(err, BD_ENET, "row %lld of the hub's reply cannot be read", (long long)(offset + *ret_n));
		if (rc == 0) {
			(*ret_n)++;
			if (scan_blank(&s) == ',')
				s.p++;
		}
	}
	scan_close(&s);
	buf_done(&name);
	return rc;
}

int hub_page_read(struct span reply, int64_t offset, int64_t total, struct buf *ret_rows, struct hub_page *ret,
                  struct err *err)
{
	struct hub_page page = { 0 };
	struct json *v = NULL;
	int rc = json_parse(reply.at, reply.len, &v, err);

	if (rc < 0)
		return err_set(err, BD_ENET, "the hub's reply is not JSON");
	const struct json *list = json_get(v, "rows");

	page.total = json_get_int(v, "num_rows_total", -1);
	page.partial = json_get_bool(v, "partial", false);
	if (!json_is_list(list) || page.total < 0)
		rc = err_set(err, BD_ENET, "the hub's reply is no page of rows");
	else if (total >= 0 && page.total != total)
		rc = err_set(err, BD_ESTATE, "it had %lld rows and has %lld now", (long long)total, (long long)page.total);
	else
		rc = take_rows(reply, list, offset, ret_rows, &page.n, err);
	if (rc == 0 && (offset + page.n > page.total || (page.n == 0 && offset < page.total)))
		rc = err_set(err, BD_ESTATE, "it has %lld rows, but the page from %lld on has %lld", (long long)page.total,
		             (long long)offset, (long long)page.n);
	json_free(v);
	if (rc == 0)
		*ret = page;
	return rc;
}
