/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "files.h"
#include "mem.h"

static char dir[64];
static char *file;

static void setup(void)
{
	static const char *const names[] = { "STATE_DIRECTORY", "RUNTIME_DIRECTORY", "XDG_STATE_HOME", "XDG_RUNTIME_DIR",
	                                     "CREDENTIALS_DIRECTORY", "XDG_CONFIG_HOME", "OPENAI_API_KEY", "OPENAI_BASE_URL",
	                                     "HF_ENDPOINT", "HF_TOKEN" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unsetenv(names[i]);
	strcpy(dir, "/tmp/test_config.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	setenv("HOME", dir, 1);
	file = path_join(dir, "batchd.conf");
}

static void teardown(void)
{
	dir_remove(dir, NULL);
	free(file);
}

static int load(const char *text, struct config **ret, struct err *err)
{
	ck_assert_int_eq(file_put(file, text, strlen(text), 0644, NULL), 0);
	return config_load(file, ret, err);
}

/* A file in dir; its path is good until the next call. */
static const char *put(const char *name, const char *text, mode_t mode)
{
	static char path[128];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	ck_assert_int_eq(file_put(path, text, strlen(text), 0600, NULL), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
	return path;
}

#define ONE "endpoints = ( { name = \"a\"; } );\n"

static const struct { const char *text, *want; } refused[] = {
	{ "workers = 2;\nendpoints = (\n{ name = \"a\";\n  max_requets = 5; } );",
	  ":4: endpoints[0].max_requets is not a setting; did you mean max_requests?" },
	{ "worker = 2;\n" ONE, ":1: worker is not a setting; did you mean workers?" },
	{ "\ncolour = 2;\n" ONE, ":2: colour is not a setting" },
	{ "endpoints = ( { name = \"a\"; api_key = \"sk-secret\"; } );",
	  ":1: endpoints[0].api_key is not a setting; did you mean api_key_file?" },
	{ "workers = \"2\";\n" ONE, ":1: workers must be a whole number" },
	{ "workers = 2.5;\n" ONE, ":1: workers must be a whole number" },
	{ "workers = 65;\n" ONE, ":1: workers: 65 is out of range: 1 to 64" },
	{ "keep_partial = 1;\n" ONE, ":1: keep_partial must be true or false" },
	{ "socket = 7;\n" ONE, ":1: socket must be a text in quotes" },
	{ "socket = \"\";\n" ONE, ":1: socket: must not be empty" },
	{ "state_dir = \"a\\nb\";\n" ONE, ":1: state_dir: holds a control character" },
	{ "state_dir = \"x/y\";\n" ONE, ": state_dir must be an absolute path: x/y" },
	{ "workers = 2;\nworkers = 3;\n" ONE, ":2: duplicate setting name" },
	{ "workers = 4294967298;\n" ONE, ":1: workers: 4294967298 is out of range" },
	{ "/* 1\n*/ # 2\nsocket = \"/\\\"5000000000\";\nworkers = 12345678901234567890;\n" ONE, ":4: a number of 20 digits" },
	{ "a\xFF = \"\\", ":1: syntax error" },
	{ "workers = ;\n", ":1: syntax error" },
	{ "@include \"other.conf\"\n" ONE, ":1: @include is not supported" },
	{ "", ": no endpoint is set: endpoints = (" },
	{ "endpoints = ( );", ": no endpoint is set" },
	{ "endpoints = { name = \"a\"; };", ":1: endpoints must be a list" },
	{ "endpoints = ( \"a\" );", ":1: endpoints[0] must be a group" },
	{ "endpoints = (\n{ max_active = 2; } );", ":2: endpoints[0].name: every endpoint needs a name" },
	{ "endpoints = ( { name = \"a/b\"; } );", ":1: endpoints[0].name: a/b: only letters" },
	{ "endpoints = ( { name = \"a\"; },\n{ max_active = 2;\n name = \"a\"; } );",
	  ":3: endpoints[1].name: a is the name of an endpoint above" },
	{ "endpoints = ( { name = \"a\";\npoll_max_ms = 20;\npoll_min_ms = 30; } );",
	  ":3: endpoints[0].poll_min_ms: 30 is more than poll_max_ms, 20" },
	{ "endpoints = ( { name = \"a\"; max_bytes = 10000000001; } );", ".max_bytes: 10000000001 is out of range" },
	{ "endpoints = ( { name = \"a\"; max_bytes = 5000000000L; max_active = 0; } );", ".max_active: 0 is out of range: 1" },
	{ "endpoints = ( { name = \"a\"; line_url = \"v1\"; } );", ".line_url: must start with /" },
	{ "endpoints = ( { name = \"a\"; base_url = \"ftp://x\"; } );", ".base_url: must start with http:// or https://" },
	{ "endpoints = ( { name = \"a\"; base_url = \"https:///x\"; } );", ".base_url: must be a scheme, a host" },
	{ "endpoints = ( { name = \"a\"; base_url = \"https://me:sk-secret@h/v1\"; } );", ".base_url: must not hold a user" },
	{ "endpoints = ( { name = \"a\"; api_key_env = \"E\"; api_key_file = \"/k\"; } );",
	  ".api_key_file: there is another source of the key" },
	{ "endpoints = ( { name = \"a\"; api_key_env = \"NOT_SET_ANYWHERE\"; } );",
	  ".api_key_env: environment variable NOT_SET_ANYWHERE is not set" },
	{ "endpoints = ( { name = \"a\"; api_key_env = \"sk-secret\"; } );",
	  ".api_key_env: no environment variable of that name is set" },
	{ "endpoints = ( { name = \"a\"; api_key_file = \"sk-secret\"; } );", ".api_key_file: must be an absolute path" },
	{ "endpoints = ( { name = \"a\"; api_key_file = \"/nowhere/k\"; } );",
	  ".api_key_file: key file /nowhere/k: No such file or directory" },
	{ "endpoints = ( { name = \"a\"; api_key_file = \"/\"; } );", ".api_key_file: key file / is no regular file" },
	{ "endpoints = ( { name = \"a\"; api_key_credential = \"k\"; } );",
	  ".api_key_credential: $CREDENTIALS_DIRECTORY is not set" },
	{ "endpoints = ( { name = \"a\"; api_key_credential = \"../k\"; } );", "must be the name of a credential" },
};

START_TEST(a_mistake_is_told_with_file_line_and_setting)
{
	struct config *cfg = NULL;
	struct err err = { 0 };

	ck_assert_int_lt(load(refused[_i].text, &cfg, &err), 0);
	ck_assert_ptr_null(cfg);
	ck_assert_msg(strncmp(err.msg, file, strlen(file)) == 0, "%s", err.msg);
	ck_assert_msg(strstr(err.msg, refused[_i].want) != NULL, "%s\n%s", err.msg, refused[_i].want);
	ck_assert_msg(strstr(err.msg, "secret") == NULL, "%s", err.msg);
}
END_TEST

static const char *const endless[] = {
	"endpoints = ( { name = \"a\"; }, );",
	"endpoints = ( { name = \"a\"; }, # the last\n\t/* , */ // )\n );",
};

START_TEST(a_comma_behind_the_last_is_fine)
{
	struct config *cfg = NULL;
	struct err err = { 0 };

	ck_assert_msg(load(endless[_i], &cfg, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(cfg->n_endpoints, 1);
	config_free(cfg);
}
END_TEST

START_TEST(what_is_not_there_has_its_default)
{
	struct config *cfg = NULL;
	struct err err = { 0 };
	int rc = load("workers = 7; endpoints = ("
	              "{ name = \"a\"; base_url = \"http://127.0.0.1:1/v1//\"; max_bytes = 5000000000; },"
	              "{ name = \"b\"; delete_remote_files = true; } );", &cfg, &err);

	ck_assert_msg(rc == 0, "%s", err.msg);
	ck_assert_int_eq(cfg->workers, 7);
	ck_assert(cfg->keep_partial);
	ck_assert_uint_eq(cfg->n_endpoints, 2);
	const struct endpoint_config *a = config_endpoint(cfg, "a"), *b = config_endpoint(cfg, "b");
	ck_assert_str_eq(a->base_url, "http://127.0.0.1:1/v1");
	ck_assert_int_eq(a->max_bytes, 5000000000);
	ck_assert_int_eq(a->max_requests, 50000);
	ck_assert_str_eq(a->completion_window, "24h");
	ck_assert_ptr_null(a->dialect);
	ck_assert_ptr_null(a->key);
	ck_assert_ptr_null(a->trouble);
	ck_assert(b->delete_remote_files && !a->delete_remote_files);
	ck_assert_ptr_nonnull(b->trouble);              /* OpenAI without a key */
	ck_assert_ptr_null(config_endpoint(cfg, "c"));
	config_free(cfg);
}
END_TEST

static const struct { const char *content; mode_t mode; const char *key, *refusal; } key_files[] = {
	{ "sk-secret\n", 0600, "sk-secret", NULL },
	{ "  sk-secret \t\r\nsecond line\n", 0640, "sk-secret", NULL },
	{ "\xEF\xBB\xBFsk-secret", 0400, "sk-secret", NULL },
	{ "sk-secret\n", 0644, NULL, "can be read or written by others (mode 0644): chmod 600 /" },
	{ "sk-secret\n", 0602, NULL, "chmod 600" },
	{ "sk-secret\n", 0620, NULL, "chmod 600" },
	{ "", 0600, NULL, "is empty" },
	{ "\nsk-secret\n", 0600, NULL, "is empty" },
	{ "sk secret\n", 0600, NULL, "byte 3 of the first line" },
	{ "sk-secret\x01\n", 0600, NULL, "is no key" },
};

START_TEST(a_key_file_holds_one_key_that_others_cannot_read)
{
	const char *path = put("k", key_files[_i].content, key_files[_i].mode);
	char *text = mem_printf("endpoints = ( { name = \"a\"; api_key_file = \"%s\"; } );", _i % 2 == 0 ? path : "~/k");
	struct config *cfg = NULL;
	struct err err = { 0 };
	int rc = load(text, &cfg, &err);

	free(text);
	if (key_files[_i].key == NULL) {
		ck_assert_int_lt(rc, 0);
		ck_assert_msg(strstr(err.msg, key_files[_i].refusal) != NULL, "%s", err.msg);
		ck_assert_msg(strstr(err.msg, path) != NULL, "%s", err.msg);
		ck_assert_ptr_null(strstr(err.msg, "secret"));
		return;
	}
	ck_assert_msg(rc == 0, "%s", err.msg);
	ck_assert_str_eq(cfg->endpoints[0].key, key_files[_i].key);
	ck_assert_ptr_null(cfg->endpoints[0].trouble);
	config_free(cfg);
}
END_TEST

START_TEST(keys_come_from_the_environment_and_from_credentials)
{
	struct config *cfg = NULL;
	struct err err = { 0 };

	setenv("MY_KEY", "sk-env\n", 1);
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	put("cred", "sk-cred\n", 0444);
	int rc = load("endpoints = ( { name = \"a\"; api_key_env = \"MY_KEY\"; },"
	              "{ name = \"b\"; api_key_credential = \"cred\"; } );",
	              &cfg, &err);
	ck_assert_msg(rc == 0, "%s", err.msg);
	ck_assert_str_eq(cfg->endpoints[0].key, "sk-env");
	ck_assert_str_eq(cfg->endpoints[1].key, "sk-cred");
	config_free(cfg);
	setenv("MY_KEY", "", 1);
	ck_assert_int_lt(load("endpoints = ( { name = \"a\"; api_key_env = \"MY_KEY\"; } );", &cfg, &err), 0);
	ck_assert_msg(strstr(err.msg, "environment variable MY_KEY is empty") != NULL, "%s", err.msg);
	ck_assert_int_lt(load("endpoints = ( { name = \"a\"; api_key_credential = \"no\"; } );", &cfg, &err), 0);
	ck_assert_msg(strstr(err.msg, "no such credential") != NULL, "%s", err.msg);
}
END_TEST

START_TEST(without_a_file_it_serves_the_user)
{
	struct config *cfg = NULL;
	struct err err = { 0 };

	ck_assert_int_eq(config_load(NULL, &cfg, &err), 0);
	ck_assert_ptr_null(cfg->file);
	ck_assert_str_eq(cfg->endpoints[0].name, "openai");
	ck_assert_str_eq(cfg->endpoints[0].base_url, "https://api.openai.com/v1");
	ck_assert_str_eq(cfg->endpoints[0].trouble, "no API key: OPENAI_API_KEY is not set");
	config_free(cfg);
	setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1/", 1);
	ck_assert_int_eq(config_load(NULL, &cfg, &err), 0);
	ck_assert_str_eq(cfg->endpoints[0].base_url, "http://127.0.0.1:8000/v1");
	ck_assert_ptr_null(cfg->endpoints[0].trouble);
	config_free(cfg);
	setenv("OPENAI_API_KEY", "sk-env", 1);
	ck_assert_int_eq(config_load(NULL, &cfg, &err), 0);
	ck_assert_str_eq(cfg->endpoints[0].key, "sk-env");
	config_free(cfg);
	setenv("OPENAI_BASE_URL", "x", 1);
	ck_assert_int_eq(config_load(NULL, &cfg, &err), BD_EINVALID);
	ck_assert_str_eq(err.msg, "$OPENAI_BASE_URL: must start with http:// or https://");
	unsetenv("OPENAI_BASE_URL");
	setenv("OPENAI_API_KEY", "two words", 1);
	ck_assert_int_lt(config_load(NULL, &cfg, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "environment variable OPENAI_API_KEY is no key"));
}
END_TEST

static const struct { const char *name, *value, *state_dir, *socket; } places[] = {
	{ "XDG_STATE_HOME", "/x", "/x/batchd", "/run/batchd/batchd.sock" },
	{ "XDG_STATE_HOME", "relative", NULL, "/run/batchd/batchd.sock" },
	{ "XDG_RUNTIME_DIR", "/run/user/7", NULL, "/run/user/7/batchd/batchd.sock" },
	{ "STATE_DIRECTORY", "/var/lib/a:/var/lib/b", "/var/lib/a", "/run/batchd/batchd.sock" },
	{ "RUNTIME_DIRECTORY", "/run/a:/run/b", NULL, "/run/a/batchd.sock" },
};

START_TEST(state_and_socket_always_have_a_place)
{
	char *home = geteuid() == 0 ? mem_strdup("/var/lib/batchd") : mem_printf("%s/.local/state/batchd", dir);
	struct config *cfg = NULL;

	setenv(places[_i].name, places[_i].value, 1);
	ck_assert_int_eq(config_load(NULL, &cfg, NULL), 0);
	ck_assert_str_eq(cfg->state_dir, places[_i].state_dir != NULL ? places[_i].state_dir : home);
	ck_assert_str_eq(cfg->socket, places[_i].socket);
	config_free(cfg);
	ck_assert_int_eq(load("socket = \"/s\"; state_dir = \"/d\"; " ONE, &cfg, NULL), 0);
	ck_assert_str_eq(cfg->state_dir, "/d");
	ck_assert_str_eq(cfg->socket, "/s");
	config_free(cfg);
	free(home);
}
END_TEST

static const struct { const char *setting, *endpoint, *url; } hubs[] = {
	{ "", NULL, "https://datasets-server.huggingface.co" },
	{ "", "", "https://datasets-server.huggingface.co" },
	{ "", "https://huggingface.co", "https://datasets-server.huggingface.co" },
	{ "", "https://HuggingFace.co/", "https://datasets-server.huggingface.co" },
	{ "", "https://hf.co:443/x", "https://datasets-server.huggingface.co" },
	{ "", "https://mirror.example//", "https://mirror.example" },
	{ "", "http://127.0.0.1:80/viewer/", "http://127.0.0.1:80/viewer" },
	{ "", "https://huggingface.co.example", "https://huggingface.co.example" },
	{ "hub_url = \"http://own.example/\";", "https://mirror.example", "http://own.example" },
	{ "", "mirror.example", NULL },
	{ "", "https://user:secret@mirror.example", NULL },
	{ "hub_url = \"ftp://secret\";", NULL, NULL },
};

START_TEST(the_hub_is_the_setting_or_the_mirror_or_the_one)
{
	struct config *cfg = NULL;
	struct err err = { 0 };
	char *text = mem_printf("%s endpoints = ( { name = \"a\"; } );", hubs[_i].setting);

	if (hubs[_i].endpoint != NULL)
		setenv("HF_ENDPOINT", hubs[_i].endpoint, 1);
	int rc = load(text, &cfg, &err);
	free(text);
	if (hubs[_i].url == NULL) {
		ck_assert_int_lt(rc, 0);
		ck_assert_msg(strstr(err.msg, hubs[_i].endpoint != NULL ? "$HF_ENDPOINT: must" : "hub_url: must") != NULL, "%s", err.msg);
		ck_assert_msg(strstr(err.msg, "secret") == NULL, "%s", err.msg);
		return;
	}
	ck_assert_msg(rc == 0, "%s", err.msg);
	ck_assert_str_eq(cfg->hub_url, hubs[_i].url);
	ck_assert_ptr_null(cfg->hub_token);
	config_free(cfg);
}
END_TEST

START_TEST(the_hubs_token_comes_from_a_file_or_the_environment)
{
	struct config *cfg = NULL;
	struct err err = { 0 };

	setenv("HF_TOKEN", "hf_env", 1);
	ck_assert_msg(load("endpoints = ( { name = \"a\"; } );", &cfg, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(cfg->hub_token, "hf_env");
	config_free(cfg);

	char *text = mem_printf("hub_token_file = \"%s\"; endpoints = ( { name = \"a\"; } );", put("t", "hf_file\n", 0600));
	ck_assert_msg(load(text, &cfg, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(cfg->hub_token, "hf_file");
	config_free(cfg);
	free(text);

	setenv("HF_TOKEN", "two words", 1);
	cfg = NULL;
	ck_assert_int_lt(load("endpoints = ( { name = \"a\"; } );", &cfg, &err), 0);
	ck_assert_msg(strstr(err.msg, "HF_TOKEN") != NULL && strstr(err.msg, "two") == NULL, "%s", err.msg);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_says_so)
{
	struct config *cfg = NULL;
	struct err err = { 0 };

	ck_assert_int_lt(config_load("/nowhere/batchd.conf", &cfg, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "/nowhere/batchd.conf"));
	ck_assert_int_lt(config_load(dir, &cfg, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "is a directory"));
}
END_TEST

/* Without '#' in front of settings, what is printed must be read and give the defaults. */
START_TEST(the_example_is_what_the_reader_reads)
{
	struct buf text = { 0 }, bare = { 0 };
	struct config *cfg = NULL;
	struct err err = { 0 };
	struct span rest, line;
	size_t settings = 0;

	config_print_example(&text);
	ck_assert_msg(load(buf_str(&text), &cfg, &err) == 0, "%s", err.msg);
	config_free(cfg);
	for (rest = buf_span(&text); span_line(&rest, &line);) {
		struct span t = span_trim(line);

		if (t.len > 1 && t.at[0] == '#' && t.at[1] != ' ') {
			settings++;
			if (span_ends(t, "= \"\";"))
				continue;
			t = (struct span){ t.at + 1, t.len - 1 };
		}
		buf_add_span(&bare, t);
		buf_add_char(&bare, '\n');
	}
	ck_assert_uint_gt(settings, 20);
	ck_assert_msg(load(buf_str(&bare), &cfg, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(cfg->endpoints[0].poll_max_ms, 300000);
	config_free(cfg);
	buf_done(&text);
	buf_done(&bare);
}
END_TEST

static const struct { const char *path; void (*print)(struct buf *ret); } shipped[] = {
	{ SOURCE_DIR "/conf/batchd.conf", config_print_example },
	{ SOURCE_DIR "/conf/batchd.conf.5", config_print_man },
};

/* BATCHD_REGENERATE=1 in the environment writes them anew instead. */
START_TEST(the_shipped_files_are_what_the_tables_say)
{
	struct buf want = { 0 }, got = { 0 };
	struct err err = { 0 };

	shipped[_i].print(&want);
	if (getenv("BATCHD_REGENERATE") != NULL)
		ck_assert_int_eq(file_put(shipped[_i].path, want.at, want.len, 0644, NULL), 0);
	ck_assert_msg(file_get(shipped[_i].path, 1 << 20, &got, &err) == 0, "%s", err.msg);
	ck_assert_msg(strcmp(buf_str(&got), buf_str(&want)) == 0,
	              "%s is not what the tables say: run this test with BATCHD_REGENERATE=1", shipped[_i].path);
	buf_done(&want);
	buf_done(&got);
}
END_TEST

START_TEST(a_users_own_file_is_found)
{
	char *found, *place = mem_printf("%s/batchd", dir);

	setenv("XDG_CONFIG_HOME", dir, 1);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_ptr_null(config_find());
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(dir_make(place, 0755, NULL), 0);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	put("batchd/batchd.conf", ONE, 0644);
	if (geteuid() == 0 && access("/etc/batchd/batchd.conf", F_OK) < 0) {
		found = config_find();
		ck_assert_ptr_nonnull(found);
		ck_assert(strncmp(found, place, strlen(place)) == 0);
		free(found);
	}
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	found = config_find();
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_ptr_nonnull(found);
	ck_assert(strncmp(found, place, strlen(place)) == 0);
	free(found);
	free(place);
}
END_TEST

START_TEST(the_minimal_file_is_right)
{
	struct config *cfg = NULL;
	struct err err = { 0 };

	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	put("openai.key", "sk-cred\n", 0400);
	ck_assert_msg(config_load(SOURCE_DIR "/conf/batchd-minimal.conf", &cfg, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(cfg->endpoints[0].key, "sk-cred");
	config_free(cfg);
}
END_TEST

#define COUNT(list) ((int)(sizeof list / sizeof list[0]))

int main(void)
{
	Suite *s = suite_create("config");
	TCase *tc = tcase_create("config");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, a_mistake_is_told_with_file_line_and_setting, 0, COUNT(refused));
	tcase_add_loop_test(tc, a_comma_behind_the_last_is_fine, 0, sizeof endless / sizeof endless[0]);
	tcase_add_test(tc, what_is_not_there_has_its_default);
	tcase_add_loop_test(tc, a_key_file_holds_one_key_that_others_cannot_read, 0, COUNT(key_files));
	tcase_add_test(tc, keys_come_from_the_environment_and_from_credentials);
	tcase_add_test(tc, without_a_file_it_serves_the_user);
	tcase_add_loop_test(tc, state_and_socket_always_have_a_place, 0, COUNT(places));
	tcase_add_loop_test(tc, the_hub_is_the_setting_or_the_mirror_or_the_one, 0, sizeof hubs / sizeof hubs[0]);
	tcase_add_test(tc, the_hubs_token_comes_from_a_file_or_the_environment);
	tcase_add_test(tc, a_file_that_cannot_be_read_says_so);
	tcase_add_test(tc, the_example_is_what_the_reader_reads);
	tcase_add_loop_test(tc, the_shipped_files_are_what_the_tables_say, 0, COUNT(shipped));
	tcase_add_test(tc, a_users_own_file_is_found);
	tcase_add_test(tc, the_minimal_file_is_right);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
