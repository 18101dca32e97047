/* SPDX-License-Identifier: MIT */
#ifndef STRUCTURE_H
#define STRUCTURE_H

#include "repo_index.h"
#include "err.h"
#include "scan.h"

/*
 * A structure file as Agentless writes it: {"repo", "base_commit", "structure": {..}, "instance_id"}.  Within
 * "structure" a directory is an object, a Python file an object whose "text" is an array of lines, any other file {}.
 * The files of the root lie under a key that is the repository's name.
 */

/* --- structure.c: one pass over the file -------------------------------------------- */
/* All paths together are bounded too: a small file can mean very many very long ones. */
enum { STRUCTURE_MAX_DEPTH = 256, STRUCTURE_MAX_NAME = 4096, STRUCTURE_MAX_PATHS = 128 << 20 };

struct structure_node {
	uint32_t name, name_len;        /* in names */
	uint32_t parent;
	uint32_t child, last, next;     /* 0: none; node 0 is the top */
	uint32_t children;
	int64_t off, len;               /* of the array of lines; len 0: none */
	bool is_file;
};

struct structure {
	struct structure_node *nodes;   /* nodes[0] is "structure" itself */
	size_t count, cap;
	size_t all_paths;               /* bytes of all paths together */
	struct buf names;
	char *repo;                     /* as the file has it; NULL */
};

/* BD_EINVALID with the byte where it stopped being a structure. */
int structure_scan(struct scan *in, struct structure *ret, struct err *err);
void structure_done(struct structure *s);

static inline struct span structure_name(const struct structure *s, uint32_t node)
{
	const char *names = s->names.at != NULL ? s->names.at : "";    /* all of them may be empty */

	return (struct span){ names + s->nodes[node].name, s->nodes[node].name_len };
}

/* --- structure_root.c: the paths of the files --------------------------------------- */
/* Reads the lines of a file's text while the rule is worked out; NULL texts are fine (false). */
typedef bool (*structure_text_fn)(void *data, int64_t off, int64_t len, struct buf *ret);

/* The files of s with their true paths, as far as they can be known; name is "owner/name". */
void structure_index(const struct structure *s, const char *name, structure_text_fn text, void *data,
                     struct repo_index *ret);

/* --- structure_sidecar.c: the index kept for the next time --------------------------- */
struct structure_key {
	int64_t size, mtime_ns, inode;
	uint64_t name;                  /* hash of "owner/name" */
};

/* 0 if the sidecar is there and holds exactly for that key; anything else is negative, without a message. */
int sidecar_read(const char *path, const struct structure_key *key, struct repo_index *ret);
/* Kept if possible: it is a cache, and nothing depends on it. */
void sidecar_write(const char *path, const struct structure_key *key, const struct repo_index *x);

#endif
