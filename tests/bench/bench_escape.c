/* SPDX-License-Identifier: MIT */
/* usage: bench_escape FILE ROUNDS    text into a JSON string: ours, byte by byte, cJSON; lines "what seconds" (of CPU) */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "escape.h"
#include "files.h"
#include "json.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	struct buf text = { 0 }, out = { 0 };
	struct err err;

	if (argc != 3 || file_get(argv[1], 1 << 30, &text, &err) < 0)
		return 2;
	for (int round = -1; round < atoi(argv[2]); round++) {
		double t0 = now();
		buf_reset(&out);
		json_escape(&out, text.at, text.len);
		double t1 = now();
		buf_reset(&out);
		json_escape_plain(&out, text.at, text.len);
		double t2 = now();
		cJSON *v = cJSON_CreateStringReference(text.at);
		char *printed = cJSON_PrintUnformatted(v);
		double t3 = now();
		cJSON_free(printed);
		cJSON_Delete(v);
		if (round >= 0)                 /* the first one makes the buffers */
			printf("escape %.6f\nplain %.6f\ncjson %.6f\n", t1 - t0, t2 - t1, t3 - t2);
	}
	buf_done(&text);
	buf_done(&out);
	return 0;
}
