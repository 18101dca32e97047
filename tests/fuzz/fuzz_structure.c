/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "scan.h"
#include "structure.h"

/* Any bytes as a structure: refused or indexed, and every range in the index lies within them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
	const char *at;
	size_t len;
};

static bool text_of(void *data, int64_t off, int64_t len, struct buf *ret)
{
	const struct bytes *b = data;

	if (off < 0 || len < 0 || (uint64_t)off > b->len || (uint64_t)len > b->len - (uint64_t)off)
		abort();
	return scan_lines((struct span){ b->at + off, (size_t)len }, ret, NULL) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes b = { (const char *)data, size };
	struct repo_index x = { 0 };
	struct buf text = { 0 };
	struct structure s;
	struct scan in;
	struct err err;

	scan_open_bytes(&in, (struct span){ b.at, size });
	if (structure_scan(&in, &s, &err) < 0)
		return 0;
	structure_index(&s, "own/flask", text_of, &b, &x);
	for (size_t i = 0; i < x.count; i++) {
		if (repo_index_find(&x, span_of(repo_index_name(&x, x.files[i].path)), NULL) == NULL)
			abort();
		buf_reset(&text);
		if (x.files[i].len > 0)
			text_of(&b, x.files[i].off, x.files[i].len, &text);
	}
	buf_done(&text);
	repo_index_done(&x);
	structure_done(&s);
	return 0;
}
