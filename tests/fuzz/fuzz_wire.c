/* SPDX-License-Identifier: MIT */
/*
 * Any bytes at the control socket, with the engine behind it: whole JSON lines come back or nothing, the client is
 * let go, and no upload stays.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/control_site.c"
#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Commands that wait for something are let go by the client; no reply of theirs is waited for. */
static bool waits(const struct buf *text)
{
	return memmem(text->at, text->len, "wait", 4) != NULL || memmem(text->at, text->len, "follow", 6) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool open;
	static int runs;
	struct buf reply = { 0 }, text = { 0 };
	struct err err;

	if (open && ++runs % 2000 == 0) {       /* what was submitted by chance is too much one day */
		control_close();
		open = false;
	}
	if (!open)
		control_open();
	open = true;
	buf_add(&text, data, size);
	/* half of them get a head that is right, so that the arguments are reached */
	if (size > 0 && (data[0] & 1) != 0)
		buf_add_char(&text, '\n');
	int fd = control_connect();
	(void)control_send(fd, buf_str(&text), text.len);
	(void)shutdown(fd, SHUT_WR);
	if (!waits(&text) && !control_reply(fd, &reply))
		abort();
	close(fd);
	for (int i = 0; i < 5 || control_clients() > 0 || control_files("incoming-") > 0; i++) {
		control_turn();
		if (i > 20)
			pause_a_little();
		if (i > TURNS_MOST)
			abort();
	}
	for (struct span rest = buf_span(&reply), line; span_line(&rest, &line);) {
		struct json *v = NULL;

		if (json_parse(line.at, line.len, &v, &err) < 0 || !json_is_obj(v))
			abort();
		json_free(v);
	}
	if (reply.len > 0 && reply.at[reply.len - 1] != '\n')
		abort();
	buf_done(&reply);
	buf_done(&text);
	return 0;
}
