/* SPDX-License-Identifier: MIT */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include "config.h"

/* The two .def files as data, and what the files of this folder share.  Nobody else includes this. */
enum cfg_kind { CFG_INT, CFG_BOOL, CFG_STR };

struct cfg_setting {
	const char *name;
	enum cfg_kind kind;
	size_t offset;          /* of the field in its struct */
	const char *dflt;       /* as text, NULL: not set */
	int64_t min, max;       /* INT: the value; STR: its length in bytes */
	const char *when;       /* "RELOAD" or "RESTART" */
	const char *help;
};

struct cfg_table {
	const struct cfg_setting *at;
	size_t n;
};
extern const struct cfg_table config_table, endpoint_table;

void table_set_defaults(const struct cfg_table *table, void *object);
void table_free_texts(const struct cfg_table *table, void *object);
/* The setting of that name; NULL if none, then *ret_near is the one most like it, or NULL. */
const struct cfg_setting *table_find(const struct cfg_table *table, const char *name, const char **ret_near);
/* The texts must fit their lengths; "must be ..." in err. */
int setting_check_int(const struct cfg_setting *s, int64_t value, struct err *err);
int setting_check_str(const struct cfg_setting *s, const char *value, struct err *err);

/* The file's text as libconfig may have it, line for line: big numbers get their L.  Includes and NULs are refused. */
int text_prepare(const char *file, struct span text, struct buf *ret, struct err *err);

/* Where a key comes from.  *ret is owned; err names the source, never what is in it. */
int key_from_file(const char *path, char **ret, struct err *err);
int key_from_env(const char *name, char **ret, struct err *err);
int key_from_credential(const char *name, char **ret, struct err *err);
void key_free(char *key);               /* wipes it first */

/* An environment variable; NULL when it is not set or empty. */
const char *env_get(const char *name);

#endif
