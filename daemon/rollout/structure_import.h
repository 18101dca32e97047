/* SPDX-License-Identifier: MIT */
#ifndef STRUCTURE_IMPORT_H
#define STRUCTURE_IMPORT_H

#include "structure.h"

/* What the Python files of a structure import from the directory at `key`: evidence for structure_root.c. */
struct structure_texts {
	const struct structure *s;
	uint32_t key;
	structure_text_fn text;         /* NULL: no texts, no evidence */
	void *data;
	struct buf buf;
	struct buf modules;             /* names imported from the package, each with LF; filled on first use */
	bool gathered;
	int asked;                      /* how often modules was searched: bounded */
};

/* Does that file import relative to its own package, as no file of a root does? */
bool structure_has_relative(struct structure_texts *t, uint32_t file);
/* Does any file import the module `stem` from the package? */
bool structure_is_imported(struct structure_texts *t, struct span stem);
void structure_texts_done(struct structure_texts *t);

#endif
