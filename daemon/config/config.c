/* SPDX-License-Identifier: MIT */
/*
 * The config file, read with libconfig and driven by the two tables; what no table can say is checked here.
 * Every complaint begins with file, line and the setting's path.
 */
#include "config_table.h"

#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "files.h"
#include "mem.h"

#define CONFIG_FILE_MAX (1 << 20)
#define ENDPOINTS_MAX 1000
#define OPENAI_URL "https://api.openai.com/"
#define HUB_URL "https://datasets-server.huggingface.co"

/* "batchd.conf:12: " in front of what err says; returns its code. */
static int say_where(const char *file, const config_setting_t *at, struct err *err)
{
	return err_prefix(err, "%s:%d: ", file, (int)config_setting_source_line(at));
}

/* One member into its field.  `path` is its group's name with a dot, or "". */
static int read_value(const struct cfg_setting *s, const config_setting_t *at, const char *path,
                      void *object, struct err *err)
{
	char *field = (char *)object + s->offset;
	int type = config_setting_type(at), rc = 0;

	switch (s->kind) {
	case CFG_INT:
		if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
			return err_set(err, BD_EINVALID, "%s%s must be a whole number", path, s->name);
		*(cfg_INT *)(void *)field = config_setting_get_int64(at);
		rc = setting_check_int(s, *(cfg_INT *)(void *)field, err);
		break;
	case CFG_BOOL:
		if (type != CONFIG_TYPE_BOOL)
			return err_set(err, BD_EINVALID, "%s%s must be true or false", path, s->name);
		*(cfg_BOOL *)(void *)field = config_setting_get_bool(at) != 0;
		break;
	case CFG_STR:
		if (type != CONFIG_TYPE_STRING)
			return err_set(err, BD_EINVALID, "%s%s must be a text in quotes", path, s->name);
		free(*(cfg_STR *)(void *)field);
		*(cfg_STR *)(void *)field = mem_strdup(config_setting_get_string(at));
		rc = setting_check_str(s, *(cfg_STR *)(void *)field, err);
		break;
	}
	if (rc < 0)
		err_prefix(err, "%s%s: ", path, s->name);
	return rc;
}

/* All members of a group by a table; `skip` is not ours. */
static int read_group(const char *file, const struct cfg_table *table, const config_setting_t *group,
                      const char *path, const char *skip, void *object, struct err *err)
{
	for (unsigned i = 0; i < (unsigned)config_setting_length(group); i++) {
		const config_setting_t *at = config_setting_get_elem(group, i);
		const char *name = config_setting_name(at), *near = NULL;
		const struct cfg_setting *s;
		int rc;

		if (skip != NULL && strcmp(name, skip) == 0)
			continue;
		s = table_find(table, name, &near);
		if (s != NULL)
			rc = read_value(s, at, path, object, err);
		else if (near != NULL)
			rc = err_set(err, BD_EINVALID, "%s%.100s is not a setting; did you mean %s?", path, name, near);
		else
			rc = err_set(err, BD_EINVALID, "%s%.100s is not a setting", path, name);
		if (rc < 0) {
			say_where(file, at, err);
			return rc;
		}
	}
	return 0;
}

static int check_name(const char *name, struct err *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (name[0] == '.' || name[0] == '-' || name[strspn(name, letters)] != '\0')
		return err_set(err, BD_EINVALID, "%s: only letters, digits and . _ - are allowed, and no . or - in front", name);
	return 0;
}

/* Takes the slashes off its end.  The value is not repeated: it may hold a password. */
static int check_base_url(char *url, struct err *err)
{
	const char *host = strncmp(url, "http://", 7) == 0 ? url + 7 : strncmp(url, "https://", 8) == 0 ? url + 8 : NULL;
	size_t len = strlen(url);

	if (host == NULL)
		return err_set(err, BD_EINVALID, "must start with http:// or https://");
	if (host[0] == '\0' || host[0] == '/' || strpbrk(host, " ?#\\\"<>") != NULL)
		return err_set(err, BD_EINVALID, "must be a scheme, a host and a path, without ? and #");
	if (memchr(host, '@', strcspn(host, "/")) != NULL)
		return err_set(err, BD_EINVALID, "must not hold a user or a password");
	while (len > 0 && url[len - 1] == '/')
		url[--len] = '\0';
	return 0;
}

/* Which of the three sources, if any; *ret_at is the setting's name. */
static int read_key(struct endpoint_config *ep, const char **ret_at, struct err *err)
{
	*ret_at = ep->api_key_file != NULL ? "api_key_file" : ep->api_key_env != NULL ? "api_key_env" : "api_key_credential";
	if ((ep->api_key_file != NULL) + (ep->api_key_env != NULL) + (ep->api_key_credential != NULL) > 1)
		return err_set(err, BD_EINVALID, "there is another source of the key; keep one of api_key_file, "
		               "api_key_env, api_key_credential");
	if (ep->api_key_file != NULL)
		return key_from_file(ep->api_key_file, &ep->key, err);
	if (ep->api_key_env != NULL)
		return key_from_env(ep->api_key_env, &ep->key, err);
	if (ep->api_key_credential != NULL)
		return key_from_credential(ep->api_key_credential, &ep->key, err);
	if (strncmp(ep->base_url, OPENAI_URL, sizeof OPENAI_URL - 1) == 0)
		ep->trouble = mem_strdup("no API key: set api_key_file, api_key_env or api_key_credential");
	return 0;
}

/* What no table can say; *ret_at is the setting that is to blame. */
static int check_endpoint(const struct config *cfg, struct endpoint_config *ep, const char **ret_at, struct err *err)
{
	int rc;

	*ret_at = "name";
	if (ep->name == NULL)
		return err_set(err, BD_EINVALID, "every endpoint needs a name");
	rc = check_name(ep->name, err);
	if (rc < 0)
		return rc;
	if (config_endpoint(cfg, ep->name) != NULL)
		return err_set(err, BD_EINVALID, "%s is the name of an endpoint above", ep->name);
	*ret_at = "base_url";
	rc = check_base_url(ep->base_url, err);
	if (rc < 0)
		return rc;
	*ret_at = "line_url";
	if (ep->line_url[0] != '/' || strchr(ep->line_url, ' ') != NULL)
		return err_set(err, BD_EINVALID, "must start with / and hold no blanks");
	*ret_at = "poll_min_ms";
	if (ep->poll_min_ms > ep->poll_max_ms)
		return err_set(err, BD_EINVALID, "%lld is more than poll_max_ms, %lld",
		               (long long)ep->poll_min_ms, (long long)ep->poll_max_ms);
	return read_key(ep, ret_at, err);
}

static int read_endpoint(const char *file, const config_setting_t *at, struct config *cfg, struct err *err)
{
	struct endpoint_config *ep = &cfg->endpoints[cfg->n_endpoints];
	const config_setting_t *blame;
	const char *name = NULL;
	char path[40];
	int rc;

	snprintf(path, sizeof path, "endpoints[%zu].", cfg->n_endpoints);
	if (!config_setting_is_group(at)) {
		rc = err_set(err, BD_EINVALID, "endpoints[%zu] must be a group, { name = \"...\"; }", cfg->n_endpoints);
		say_where(file, at, err);
		return rc;
	}
	table_set_defaults(&endpoint_table, ep);
	rc = read_group(file, &endpoint_table, at, path, NULL, ep, err);
	if (rc == 0) {
		rc = check_endpoint(cfg, ep, &name, err);
		blame = rc < 0 ? config_setting_get_member(at, name) : NULL;
		if (rc < 0) {
			err_prefix(err, "%s%s: ", path, name);
			say_where(file, blame != NULL ? blame : at, err);
		}
	}
	cfg->n_endpoints++;     /* also when it failed: it is freed with the others */
	return rc;
}

static int read_endpoints(const char *file, const config_setting_t *root, struct config *cfg, struct err *err)
{
	const config_setting_t *list = config_setting_get_member(root, "endpoints");
	int n = list != NULL ? config_setting_length(list) : 0;

	if (list != NULL && !config_setting_is_list(list)) {
		int rc = err_set(err, BD_EINVALID, "endpoints must be a list, ( { name = \"...\"; }, { ... } )");

		say_where(file, list, err);
		return rc;
	}
	if (n == 0)
		return err_set(err, BD_EINVALID, "%s: no endpoint is set: endpoints = ( { name = \"...\"; base_url = \"...\"; } );",
		               file);
	if (n > ENDPOINTS_MAX)
		return err_set(err, BD_EINVALID, "%s: more than %d endpoints", file, ENDPOINTS_MAX);
	cfg->endpoints = mem_zero((size_t)n, sizeof cfg->endpoints[0]);
	for (int i = 0; i < n; i++) {
		int rc = read_endpoint(file, config_setting_get_elem(list, (unsigned)i), cfg, err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

static int load_file(const char *file, struct config *cfg, struct err *err)
{
	struct buf raw = { 0 }, text = { 0 };
	config_setting_t *root;
	config_t lib;
	int rc;

	config_init(&lib);
	rc = file_get(file, CONFIG_FILE_MAX, &raw, err);
	if (rc == 0)
		rc = text_prepare(file, buf_span(&raw), &text, err);
	if (rc < 0)
		goto out;
	if (!config_read_string(&lib, buf_str(&text))) {
		rc = err_set(err, BD_EINVALID, "%s:%d: %s", file, config_error_line(&lib), config_error_text(&lib));
		goto out;
	}
	root = config_root_setting(&lib);
	rc = read_group(file, &config_table, root, "", "endpoints", cfg, err);
	if (rc == 0)
		rc = read_endpoints(file, root, cfg, err);
out:
	config_destroy(&lib);
	buf_done(&raw);
	buf_done(&text);
	return rc;
}

/* What a user without a file gets. */
static int load_user(struct config *cfg, struct err *err)
{
	const char *url = env_get("OPENAI_BASE_URL");
	struct endpoint_config *ep;
	int rc;

	cfg->endpoints = ep = MEM_NEW(struct endpoint_config);
	cfg->n_endpoints = 1;
	table_set_defaults(&endpoint_table, ep);
	ep->name = mem_strdup("openai");
	if (url != NULL) {
		free(ep->base_url);
		ep->base_url = mem_strdup(url);
	}
	rc = check_base_url(ep->base_url, err);
	if (rc < 0) {
		err_prefix(err, "$OPENAI_BASE_URL: ");
		return rc;
	}
	if (env_get("OPENAI_API_KEY") != NULL)
		return key_from_env("OPENAI_API_KEY", &ep->key, err);
	if (strncmp(ep->base_url, OPENAI_URL, sizeof OPENAI_URL - 1) == 0)
		ep->trouble = mem_strdup("no API key: OPENAI_API_KEY is not set");
	return 0;
}

/* $STATE_DIRECTORY and $RUNTIME_DIRECTORY: systemd separates several by ':'; the first one is ours. */
static char *env_dir(const char *name)
{
	const char *value = env_get(name);

	return value != NULL && value[0] == '/' ? mem_strndup(value, strcspn(value, ":")) : NULL;
}

/* Where state and socket are when nobody said. */
static int set_places(struct config *cfg, struct err *err)
{
	const char *home = env_get("HOME"), *xdg_state = env_get("XDG_STATE_HOME"), *run = env_get("XDG_RUNTIME_DIR");
	const char *from = cfg->file != NULL ? cfg->file : "defaults";

	if (cfg->state_dir == NULL)
		cfg->state_dir = env_dir("STATE_DIRECTORY");
	if (cfg->state_dir == NULL && xdg_state != NULL && xdg_state[0] == '/')
		cfg->state_dir = mem_printf("%s/batchd", xdg_state);
	if (cfg->state_dir == NULL && geteuid() != 0 && home != NULL && home[0] == '/')
		cfg->state_dir = mem_printf("%s/.local/state/batchd", home);
	if (cfg->state_dir == NULL)
		cfg->state_dir = mem_strdup("/var/lib/batchd");
	if (cfg->socket == NULL) {
		char *dir = env_dir("RUNTIME_DIRECTORY");

		if (dir != NULL)
			cfg->socket = mem_printf("%s/batchd.sock", dir);
		else if (run != NULL && run[0] == '/')
			cfg->socket = mem_printf("%s/batchd/batchd.sock", run);
		else
			cfg->socket = mem_strdup("/run/batchd/batchd.sock");
		free(dir);
	}
	if (cfg->state_dir[0] != '/')
		return err_set(err, BD_EINVALID, "%s: state_dir must be an absolute path: %.200s", from, cfg->state_dir);
	if (cfg->socket[0] != '/')
		return err_set(err, BD_EINVALID, "%s: socket must be an absolute path: %s", from, cfg->socket);
	if (strlen(cfg->socket) > 107)
		return err_set(err, BD_EINVALID, "%s: socket: %.200s is longer than a socket's path may be (107 bytes)",
		               from, cfg->socket);
	return 0;
}

/* The hub's site itself, which does not serve rows; its other hosts do. */
static bool is_hub_site(const char *url)
{
	const char *host = strstr(url, "://");
	size_t len;

	host = host != NULL ? host + 3 : url;
	len = strcspn(host, ":/");
	return (len == 14 && strncasecmp(host, "huggingface.co", len) == 0) || (len == 5 && strncasecmp(host, "hf.co", len) == 0) ||
	       (len == 18 && strncasecmp(host, "www.huggingface.co", len) == 0);
}

static int set_hub(struct config *cfg, struct err *err)
{
	const char *from = cfg->hub_url != NULL ? "hub_url" : "$HF_ENDPOINT", *mirror = env_get("HF_ENDPOINT");
	const char *file = cfg->file != NULL ? cfg->file : "defaults";
	int rc;

	if (cfg->hub_url == NULL)
		cfg->hub_url = mem_strdup(mirror != NULL && !is_hub_site(mirror) ? mirror : HUB_URL);
	rc = check_base_url(cfg->hub_url, err);
	if (rc == 0 && cfg->hub_token_file != NULL) {
		from = "hub_token_file";
		rc = key_from_file(cfg->hub_token_file, &cfg->hub_token, err);
	} else if (rc == 0 && env_get("HF_TOKEN") != NULL) {
		from = "$HF_TOKEN";
		rc = key_from_env("HF_TOKEN", &cfg->hub_token, err);
	}
	if (rc < 0)
		err_prefix(err, "%s: %s: ", file, from);
	return rc;
}

int config_load(const char *file, struct config **ret, struct err *err)
{
	struct config *cfg = MEM_NEW(struct config);
	int rc;

	table_set_defaults(&config_table, cfg);
	cfg->file = file != NULL ? mem_strdup(file) : NULL;
	rc = file != NULL ? load_file(file, cfg, err) : load_user(cfg, err);
	if (rc == 0)
		rc = set_places(cfg, err);
	if (rc == 0)
		rc = set_hub(cfg, err);
	if (rc < 0)
		config_free(cfg);
	else
		*ret = cfg;
	return rc;
}

char *config_find(void)
{
	const char *xdg = env_get("XDG_CONFIG_HOME"), *home = env_get("HOME"), *system = "/etc/batchd/batchd.conf";
	char *path;

	if (geteuid() == 0 && access(system, F_OK) == 0)
		path = mem_strdup(system);
	else if (xdg != NULL && xdg[0] == '/')
		path = mem_printf("%s/batchd/batchd.conf", xdg);
	else if (home != NULL && home[0] == '/')
		path = mem_printf("%s/.config/batchd/batchd.conf", home);
	else
		return NULL;
	/* Anything else than "not there" is for config_load() to complain about. */
	if (access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		free(path);
		path = NULL;
	}
	return path;
}

void config_free(struct config *cfg)
{
	if (cfg == NULL)
		return;
	for (size_t i = 0; i < cfg->n_endpoints; i++) {
		struct endpoint_config *ep = &cfg->endpoints[i];

		table_free_texts(&endpoint_table, ep);
		key_free(ep->key);
		free(ep->trouble);
	}
	free(cfg->endpoints);
	table_free_texts(&config_table, cfg);
	key_free(cfg->hub_token);
	free(cfg->file);
	free(cfg);
}

const struct endpoint_config *config_endpoint(const struct config *cfg, const char *name)
{
	for (size_t i = 0; i < cfg->n_endpoints; i++)
		if (cfg->endpoints[i].name != NULL && strcmp(cfg->endpoints[i].name, name) == 0)
			return &cfg->endpoints[i];
	return NULL;
}
