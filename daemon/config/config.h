/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

/*
 * The settings: one table for the daemon (config.def), one for each endpoint (endpoint.def), expanded here, in the
 * reader, in conf/batchd.conf and in batchd.conf(5).  Design part 4.
 */
typedef int64_t cfg_INT;
typedef bool cfg_BOOL;
typedef char *cfg_STR;          /* owned, NULL when not set */

struct endpoint_config {
#define CFG(field, kind, dflt, min, max, when, help) cfg_##kind field;
#include "endpoint.def"
#undef CFG
	char *key;              /* the API key itself, owned; NULL: none is sent.  Never printed */
};

struct config {
#define CFG(field, kind, dflt, min, max, when, help) cfg_##kind field;
#include "config.def"
#undef CFG
	struct endpoint_config *endpoints;
	size_t n_endpoints;
	char *file;             /* where it was read from, NULL: no file */
};

/*
 * Read a file, or with NULL the settings of a daemon that a user starts for himself: state in
 * $XDG_STATE_HOME/batchd, one endpoint `openai` with $OPENAI_API_KEY and $OPENAI_BASE_URL.  All or nothing: on failure
 * err says file, line and setting, and *ret is untouched.  Keys are read too: a key file that
 * others can read is refused by name.
 */
int config_load(const char *file, struct config **ret, struct err *err);
void config_free(struct config *cfg);
const struct endpoint_config *config_endpoint(const struct config *cfg, const char *name);  /* NULL: none */
/* The file `make` ships: every setting with its help and default, commented out. */
void config_print_example(struct buf *ret);

#endif
