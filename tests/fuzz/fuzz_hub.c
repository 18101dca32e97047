/* SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hub.h"

/*
 * A hub's lists of splits (first byte even) and pages of rows (odd).  Nothing crashes; what is taken as a page has as many
 * lines as it says, and every one of them is JSON.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span reply = { size > 0 ? (const char *)data + 1 : "", size > 0 ? size - 1 : 0 }, rest, line;
	char *config = NULL, *note = NULL;
	struct hub_page page = { 0 };
	struct buf rows = { 0 };
	struct err err;
	int64_t n = 0;

	if (size == 0)
		return 0;
	if (data[0] % 2 == 0) {
		if (hub_splits_read(reply, "test", &config, &note, &err) == 0 && config == NULL)
			abort();
	} else if (hub_page_read(reply, data[0] / 64, -1, &rows, &page, &err) == 0) {
		for (rest = buf_span(&rows); span_line(&rest, &line); n++) {
			struct json *v = NULL;

			if (json_parse(line.at, line.len, &v, &err) < 0)
				abort();
			json_free(v);
		}
		if (n != page.n || page.n > page.total)
			abort();
	}
	free(config);
	free(note);
	buf_done(&rows);
	return 0;
}
