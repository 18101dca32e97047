/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>

#include "call.h"
#include "commands.h"
#include "mem.h"
#include "say.h"

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
