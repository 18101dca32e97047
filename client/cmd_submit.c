/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>

#include "call.h"
#include "commands.h"
#include "mem.h"
#include "say.h"

/* What a dry run came to. */
static int say_plan(const struct json *plan, struct err *err)
{
	struct buf text = { 0 };
	int64_t missing = json_get_int(plan, "missing_repos", 0);

	buf_printf(&text, "%" PRId64 " instances, %" PRId64 " passes\n", json_get_int(plan, "instances", 0),
	           json_get_int(plan, "passes", 0));
	for (const struct json *s = json_first(json_get(plan, "stages")); s != NULL; s = json_next(s)) {
		int64_t large = json_get_int(s, "too_large", 0);

		buf_printf(&text, "stage %" PRId64 ": at most %" PRId64 " requests", json_get_int(s, "stage", 0),
		           json_get_int(s, "requests", 0));
		if (json_get(s, "bytes") != NULL)
			buf_printf(&text, " in %" PRId64 " batches, %" PRId64 " bytes, about %" PRId64 " prompt tokens",
			           json_get_int(s, "batches", 0), json_get_int(s, "bytes", 0), json_get_int(s, "tokens", 0));
		else
			buf_add_str(&text, "; their size depends on the answers before");
		buf_add_char(&text, '\n');
		if (large > 0)
			buf_printf(&text, "  %" PRId64 " more are larger than the endpoint takes\n", large);
	}
	if (missing > 0)
		buf_printf(&text, "%" PRId64 " instances have no repository, such as: %s\n", missing,
		           json_get_str(plan, "missing_example"));
	int rc = say_text(&text, err);
	buf_done(&text);
	return rc;
}

int cmd_submit(const struct args *args, struct err *err)
{
	struct json *reply = NULL;
	struct buf text = { 0 };
	struct term term;
	int rc = call_once(args, NULL, &reply, err);

	if (rc < 0)
		return rc;
	for (const struct json *w = json_first(json_get(reply, "warnings")); w != NULL; w = json_next(w))
		if (json_str(w) != NULL)
			say_warning(json_str(w));
	if (json_get_bool(reply, "fetch", false) && json_get_str(reply, "id") != NULL) {
		char *hint = mem_printf("this batchd keeps the results; bring them into the save_dir with: batchctl fetch %s",
		                        json_get_str(reply, "id"));

		say_warning(hint);
		free(hint);
	}
	if (args_has(args, "json")) {
		rc = say_json(reply, err);
	} else if (json_get_bool(reply, "dry_run", false)) {
		rc = say_plan(reply, err);
	} else {
		const char *id = json_get_str(reply, "id");

		term_read(&term, 1);
		if (id != NULL)
			term_clean(&term, id, &text);
		else
			buf_printf(&text, "%" PRId64, json_get_int(reply, "id", 0));
		buf_add_char(&text, '\n');
		rc = say_text(&text, err);
	}
	buf_done(&text);
	json_free(reply);
	return rc;
}
