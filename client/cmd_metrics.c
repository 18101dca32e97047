/* SPDX-License-Identifier: MIT */
#include "call.h"
#include "commands.h"
#include "say.h"

int cmd_metrics(const struct args *args, struct err *err)
{
	struct json *reply = NULL;
	struct buf text = { 0 };
	int rc = call_once(args, NULL, &reply, err);

	if (rc < 0)
		return rc;
	const char *metrics = json_get_str(reply, "text");
	buf_add_str(&text, metrics != NULL ? metrics : "");
	rc = say_text(&text, err);
	buf_done(&text);
	json_free(reply);
	return rc;
}
