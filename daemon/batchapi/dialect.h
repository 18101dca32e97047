/* SPDX-License-Identifier: MIT */
#ifndef DIALECT_H
#define DIALECT_H

#include <stdbool.h>
#include <stdint.h>

#include "batchapi.h"

/* The quirk profiles of dialects.def. */
enum dialect_auth { BEARER, API_KEY };
enum dialect_flag {
	NO_METADATA = 1, NO_WINDOW = 2, KEEP_INPUT = 4, INT_CURSOR = 8, NAMED_FILE = 16, NO_PAGES = 32,
};

struct dialect {
	const char *name, *hosts, *purpose;
	enum dialect_auth auth;
	struct api_limits limits;
	const char *upload_path;
	int files_page;
	unsigned flags;
};

/* By its name; NULL if there is none such. */
const struct dialect *dialect_named(const char *name);
/* By the host in a base_url; the generic one if nothing fits. */
const struct dialect *dialect_guess(const char *base_url);

#endif
