/* SPDX-License-Identifier: MIT */
/* The settings as data: what the .def files say, for everybody who walks over them. */
#include "config_table.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

static const struct cfg_setting config_settings[] = {
#define CFG(field, kind, dflt, min, max, when, help) \
	{ #field, CFG_##kind, offsetof(struct config, field), dflt, min, max, #when, help },
#include "config.def"
#undef CFG
};

static const struct cfg_setting endpoint_settings[] = {
#define CFG(field, kind, dflt, min, max, when, help) \
	{ #field, CFG_##kind, offsetof(struct endpoint_config, field), dflt, min, max, #when, help },
#include "endpoint.def"
#undef CFG
};

const struct cfg_table config_table = { config_settings, sizeof config_settings / sizeof config_settings[0] };
const struct cfg_table endpoint_table = { endpoint_settings, sizeof endpoint_settings / sizeof endpoint_settings[0] };

void table_set_defaults(const struct cfg_table *table, void *object)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct cfg_setting *s = &table->at[i];
		char *field = (char *)object + s->offset;

		if (s->dflt == NULL)
			continue;
		if (s->kind == CFG_INT)
			*(cfg_INT *)(void *)field = strtoll(s->dflt, NULL, 10);
		else if (s->kind == CFG_BOOL)
			*(cfg_BOOL *)(void *)field = strcmp(s->dflt, "true") == 0;
		else
			*(cfg_STR *)(void *)field = mem_strdup(s->dflt);
	}
}

void table_free_texts(const struct cfg_table *table, void *object)
{
	for (size_t i = 0; i < table->n; i++)
		if (table->at[i].kind == CFG_STR)
			free(*(cfg_STR *)(void *)((char *)object + table->at[i].offset));
}

/* How many letters must be put in, left out or changed; both shorter than 64. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[64], n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = corner + (a[i - 1] == b[j - 1] ? 0 : 1);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

const struct cfg_setting *table_find(const struct cfg_table *table, const char *name, const char **ret_near)
{
	size_t len = strlen(name), best = len / 3 + 1;

	*ret_near = NULL;
	for (size_t i = 0; i < table->n; i++)
		if (strcmp(table->at[i].name, name) == 0)
			return &table->at[i];
	for (size_t i = 0; i < table->n && len < 64; i++) {
		const char *known = table->at[i].name;
		size_t d = edit_distance(name, known);

		if (d <= best) {
			best = d - 1;
			*ret_near = known;
		} else if (*ret_near == NULL && len >= 4 && strncmp(known, name, len) == 0) {
			*ret_near = known;
		}
	}
	return NULL;
}

int setting_check_int(const struct cfg_setting *s, int64_t value, struct err *err)
{
	if (value >= s->min && value <= s->max)
		return 0;
	return err_set(err, BD_EINVALID, "%" PRId64 " is out of range: %" PRId64 " to %" PRId64, value, s->min, s->max);
}

int setting_check_str(const struct cfg_setting *s, const char *value, struct err *err)
{
	int64_t len = (int64_t)strlen(value);

	if (len == 0 && s->min > 0)
		return err_set(err, BD_EINVALID, "must not be empty");
	if (len < s->min || len > s->max)
		return err_set(err, BD_EINVALID, "is %" PRId64 " bytes long; %" PRId64 " at most", len, s->max);
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return err_set(err, BD_EINVALID, "holds a control character");
	return 0;
}

const char *env_get(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}
