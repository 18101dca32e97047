/* SPDX-License-Identifier: MIT */
#include <unistd.h>

#include "call.h"
#include "commands.h"
#include "render.h"
#include "say.h"
#include "watch.h"

enum { EVERY_MS = 1000 };

int cmd_status(const struct args *args, struct err *err)
{
	struct json *reply = NULL;
	struct buf text = { 0 };
	struct term term;
	int rc;

	if (args_has(args, "watch"))
		return watch_run(args, EVERY_MS, err);
	rc = call_once(args, NULL, &reply, err);
	if (rc < 0)
		return rc;
	if (args_has(args, "json")) {
		rc = say_json(reply, err);
	} else {
		term_read(&term, STDOUT_FILENO);
		if (args->n_words > 0)
			render_job(&term, reply, say_now_ms(), &text);
		else
			render_jobs(&term, reply, say_now_ms(), &text);
		rc = say_text(&text, err);
	}
	buf_done(&text);
	json_free(reply);
	return rc;
}
