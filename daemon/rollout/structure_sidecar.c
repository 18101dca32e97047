/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "mem.h"
#include "structure.h"

/*
 * head | files | names | root, NUL | in the byte order of this machine: the file is a cache and never leaves it.
 * It is renamed into place but not synced; the sum tells what a power cut left of it.
 */
enum { SIDECAR_VERSION = 1 };
static const char magic[8] = "BDINDEX";

struct sidecar_head {
	char magic[8];
	uint32_t version;
	uint32_t head_bytes;            /* another layout reads as another version */
	struct structure_key key;
	uint64_t count, names, root;    /* root: with its NUL; 0: none */
	uint64_t sum;                   /* of all that follows */
};

static uint64_t sum_of(const char *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u, w;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&w, p, 8);
		h = (h ^ w) * 0x9E3779B97F4A7C15u;
		h ^= h >> 29;
	}
	for (; n > 0; p++, n--)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	return h;
}

static bool head_fits(const struct sidecar_head *h, const struct structure_key *key, size_t bytes)
{
	uint64_t left = bytes - sizeof *h;

	return memcmp(h->magic, magic, sizeof magic) == 0 && h->version == SIDECAR_VERSION &&
	       h->head_bytes == sizeof *h && memcmp(&h->key, key, sizeof *key) == 0 &&
	       h->count <= left / sizeof(struct repo_file) && h->names <= left && h->root <= left &&
	       h->count * sizeof(struct repo_file) + h->names + h->root == left;
}

/* Every number in the index stays within what it points into. */
static bool index_fits(const struct repo_index *x, int64_t size)
{
	const struct repo_file *f = x->files;

	if (x->count > 0 && (x->names.len == 0 || x->names.at[0] != '\0' || x->names.at[x->names.len - 1] != '\0'))
		return false;
	for (size_t i = 0; i < x->count; i++)
		if (f[i].path == 0 || f[i].path >= x->names.len || f[i].alt >= x->names.len ||
		    f[i].off < 0 || f[i].len < 0 || f[i].len > size || f[i].off > size - f[i].len)
			return false;
	return true;
}

static bool take_apart(const struct buf *raw, const struct structure_key *key, struct repo_index *ret)
{
	struct sidecar_head h;
	const char *p = raw->at + sizeof h;

	if (raw->len < sizeof h)
		return false;
	memcpy(&h, raw->at, sizeof h);
	if (!head_fits(&h, key, raw->len) || sum_of(p, raw->len - sizeof h) != h.sum)
		return false;
	ret->count = ret->cap = h.count;
	ret->files = mem_alloc(h.count * sizeof *ret->files);
	memcpy(ret->files, p, h.count * sizeof *ret->files);
	p += h.count * sizeof *ret->files;
	buf_add(&ret->names, p, h.names);
	if (h.root > 0)
		ret->root = mem_strndup(p + h.names, h.root - 1);
	return index_fits(ret, key->size);
}

int sidecar_read(const char *path, const struct structure_key *key, struct repo_index *ret)
{
	struct buf raw = { 0 };
	struct repo_index x = { 0 };
	int rc = file_get(path, 1u << 30, &raw, NULL);

	if (rc == 0)
		rc = mem_room_ask(4 * raw.len, NULL);
	if (rc == 0 && !take_apart(&raw, key, &x)) {
		repo_index_done(&x);
		rc = BD_EINVALID;
	}
	if (rc == 0)
		*ret = x;
	buf_done(&raw);
	return rc;
}

/* Two threads may write the same sidecar: each has a temporary file of its own, and both are right. */
void sidecar_write(const char *path, const struct structure_key *key, const struct repo_index *x)
{
	struct sidecar_head h = { .version = SIDECAR_VERSION, .head_bytes = sizeof h, .key = *key,
	                          .count = x->count, .names = x->names.len,
	                          .root = x->root != NULL ? strlen(x->root) + 1 : 0 };
	char *temp = mem_printf("%s.XXXXXX", path);
	struct buf raw = { 0 };
	int fd = mkostemp(temp, O_CLOEXEC);
	bool good = fd >= 0;

	memcpy(h.magic, magic, sizeof magic);
	buf_add(&raw, &h, sizeof h);
	buf_add(&raw, x->files, x->count * sizeof *x->files);
	buf_add_span(&raw, buf_span(&x->names));
	buf_add(&raw, x->root, h.root);
	h.sum = sum_of(raw.at + sizeof h, raw.len - sizeof h);
	memcpy(raw.at, &h, sizeof h);
	for (size_t done = 0; good && done < raw.len;) {
		ssize_t n = write(fd, raw.at + done, raw.len - done);

		good = n > 0 || (n < 0 && errno == EINTR);
		done += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0 && close(fd) < 0)
		good = false;
	if (fd >= 0 && (!good || rename(temp, path) < 0))
		unlink(temp);
	buf_done(&raw);
	free(temp);
}
