/* SPDX-License-Identifier: MIT */
#ifndef STRUCTURE_ROOT_H
#define STRUCTURE_ROOT_H

#include "structure.h"

/*
 * Under the key that is the repository's name lie the files of its root; and if the repository has a directory of that
 * name (django/django, psf/requests), the files of that directory lie there too, in the same object.
 */
enum structure_place {
	PLACE_ROOT,             /* `setup.py` */
	PLACE_PACKAGE,          /* `requests/models.py` */
	PLACE_MAYBE_ROOT,       /* not known; who names the file decides, and this is the guess */
	PLACE_MAYBE_PACKAGE,
};

/* The top-level node that holds the root's files; 0 if there is none. */
uint32_t structure_root_key(const struct structure *s, const char *name);

/* Where each file directly under `key` belongs, in the order of its children (files only); owned by
 * the caller. */
enum structure_place *structure_places(const struct structure *s, uint32_t key, structure_text_fn text,
                                       void *data);

#endif
