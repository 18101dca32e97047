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
	char *trouble;          /* why it cannot work as it is (no key for OpenAI), owned; NULL: nothing known.
	                         * For the engine: start the endpoint parked with this as its reason */
};

struct config {
#define CFG(field, kind, dflt, min, max, when, help) cfg_##kind field;
#include "config.def"
#undef CFG
	struct endpoint_config *endpoints;
	size_t n_endpoints;
	char *hub_token;        /* owned; NULL: none is sent.  Never printed */
	char *file;             /* where it was read from, NULL: no file */
};

/*
 * Read a file, or with NULL the settings of a daemon that a user starts for himself: state in
 * $XDG_STATE_HOME/batchd, one endpoint `openai` with $OPENAI_API_KEY and $OPENAI_BASE_URL.  All or nothing: on failure
 * err says file, line and setting (BD_EINVALID; BD_EIO when the file cannot be read), and *ret is untouched.
 *
 * Afterwards socket, state_dir and hub_url are always set, base_url and hub_url have no slash at their end, and keys are read: a key file
 * that others can read is refused by name.  No text of an error holds a key, or anything that might be one.
 * No key for an endpoint of OpenAI is no error (a reload, -n, or a job for another endpoint must still pass):
 * the endpoint's `trouble` says so.  Reads the environment; not for use beside setenv().
 */
int config_load(const char *file, struct config **ret, struct err *err);
/*
 * The file to read when none is named on the command line, owned by the caller: $XDG_CONFIG_HOME/batchd/batchd.conf or
 * ~/.config/batchd/batchd.conf; for root /etc/batchd/batchd.conf, if there.  NULL: none is there, so config_load(NULL).
 */
char *config_find(void);
void config_free(struct config *cfg);   /* NULL is fine; keys are wiped */
const struct endpoint_config *config_endpoint(const struct config *cfg, const char *name);  /* NULL: none */

/* conf/batchd.conf: every setting with its help and default, commented out, behind it one endpoint that is not. */
void config_print_example(struct buf *ret);
/* conf/batchd.conf.5, in mdoc. */
void config_print_man(struct buf *ret);

#endif
