/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "repo.h"

#define N(table) (int)(sizeof table / sizeof table[0])
#define PY(lines) "{\"classes\":[],\"functions\":[],\"text\":[" lines "]}"

/* A repository `requests` with a package of that name, and a folder of tests. */
static const char doc[] =
	"{\"repo\":\"psf/requests\",\"base_commit\":\"c\",\"structure\":{"
	"\"requests\":{\"LICENSE\":{},\"setup.py\":" PY("\"import requests\",\"# \\u00e4\"") ","
	"\"test_requests.py\":" PY("\"t\"") ",\"__init__.py\":" PY("") ",\"models.py\":"
	      PY("\"m\",\"\"") ",\"cacert.pem\":{},"
	"\"packages\":{\"__init__.py\":" PY("") ",\"tests\":{\"util.py\":" PY("\"u\"") "},\"url\":{\"util.py\":" PY("\"v\"")
	",\"only.py\":" PY("\"o\"") "}}},"
	"\"docs\":{\"index.rst\":{},\"conf.py\":" PY("\"c\"") "},\"testing\":{\"a.py\":"
	      PY("\"a\"") "},\"empty\":{\"x.txt\":{}}},"
	"\"instance_id\":\"psf__requests-1\"}";

static char dir[64], *path, *sidecar;
static struct repo *repo;
static struct err err;

static void setup(void)
{
	strcpy(dir, "/tmp/test_repo.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	path = path_join(dir, "psf__requests-1.json");
	sidecar = path_join(dir, "index");
	repo = NULL;
	err = (struct err){ 0 };
	ck_assert_int_eq(file_put(path, doc, strlen(doc), 0600, NULL), 0);
}

static void teardown(void)
{
	repo_close(repo);
	free(path);
	free(sidecar);
	dir_remove(dir, NULL);
}

static void open_it(const char *with_sidecar)
{
	repo_close(repo);
	repo = NULL;
	int rc = repo_open_structure(path, "psf/requests", with_sidecar, &repo, &err);
	ck_assert_msg(rc == 0, "%s", err.msg);
}

static const char *read_it(const char *file)
{
	static struct buf b;

	buf_reset(&b);
	return repo_read(repo, file, &b, &err) == 0 ? buf_str(&b) : NULL;
}

START_TEST(paths_are_those_of_the_repository)
{
	struct buf b = { 0 };

	open_it(NULL);
	for (size_t i = 0; i < repo_count(repo); i++)
		buf_printf(&b, "%s ", repo_path(repo, i));
	ck_assert_str_eq(b.at, "LICENSE setup.py test_requests.py requests/__init__.py requests/models.py "
	                 "requests/cacert.pem requests/packages/__init__.py requests/packages/tests/util.py "
	                 "requests/packages/url/util.py requests/packages/url/only.py docs/index.rst docs/conf.py "
	                 "testing/a.py empty/x.txt ");
	ck_assert(repo_has(repo, "setup.py"));
	ck_assert(repo_has(repo, "requests/setup.py"));         /* as the structure has it */
	ck_assert(!repo_has(repo, "requests"));
	ck_assert(!repo_has(repo, "models.py"));
	ck_assert(!repo_has(repo, ""));
	buf_done(&b);
}
END_TEST

START_TEST(texts_are_lines_each_with_its_end)
{
	open_it(NULL);
	ck_assert_str_eq(read_it("setup.py"), "import requests\n# \xc3\xa4\n");
	ck_assert_str_eq(read_it("requests/setup.py"), "import requests\n# \xc3\xa4\n");
	ck_assert_str_eq(read_it("requests/models.py"), "m\n\n");
	ck_assert_str_eq(read_it("requests/__init__.py"), "");
	ck_assert_int_eq(repo_read(repo, "LICENSE", &(struct buf){ 0 }, &err), BD_ENOTFOUND);
	ck_assert_str_eq(err.msg, "the structure has no text of LICENSE");
	ck_assert_int_eq(repo_read(repo, "nope.py", &(struct buf){ 0 }, &err), BD_ENOTFOUND);
	ck_assert_str_eq(err.msg, "no file nope.py in the repository");
}
END_TEST

static const struct { const char *name, *path; } names[] = {
	{ "setup.py", "setup.py" },
	{ "requests/setup.py", "setup.py" },
	{ "requests/models.py", "requests/models.py" },
	{ "requests/requests/models.py", "requests/models.py" },
	{ "models.py", "requests/models.py" },
	{ " a/requests/models.py\n", "requests/models.py" },
	{ "b/./requests/models.py", "requests/models.py" },
	{ "./setup.py", "setup.py" },
	{ "/setup.py", "setup.py" },
	{ "packages/url/util.py", "requests/packages/url/util.py" },
	{ "url/util.py", "requests/packages/url/util.py" },
	{ "only.py", "requests/packages/url/only.py" },
	{ "util.py", NULL },                    /* two of them */
	{ "__init__.py", NULL },
	{ "nly.py", NULL },                     /* a part of a name is none */
	{ "nope.py", NULL }, { "", NULL }, { "/", NULL }, { "./", NULL }, { "requests/", NULL }, { "a/", NULL },
	{ "requests", NULL },
};

START_TEST(a_name_from_an_answer_is_one_file)
{
	open_it(NULL);
	const char *found = repo_resolve(repo, span_of(names[_i].name));

	if (names[_i].path == NULL)
		ck_assert_msg(found == NULL, "%s is %s", names[_i].name, found);
	else
		ck_assert_msg(found != NULL && strcmp(found, names[_i].path) == 0, "%s is %s", names[_i].name, found);
}
END_TEST

/* What may be the root's or the package's is what the answer calls it. */
START_TEST(naming_decides_what_the_structure_leaves_open)
{
	const char *open = "{\"structure\":{\"flask\":{\"conftest.py\":" PY("\"c\"") ",\"setup.py\":" PY("\"s\"")
	                   ",\"__init__.py\":" PY("") ",\"app.py\":" PY("\"a\"") "}}}";

	ck_assert_int_eq(file_put(path, open, strlen(open), 0600, NULL), 0);
	ck_assert_int_eq(repo_open_structure(path, "pallets/flask", sidecar, &repo, &err), 0);
	for (int from_sidecar = 0; from_sidecar < 2; from_sidecar++) {
		ck_assert_int_eq(repo_cost(repo).parses, !from_sidecar);
		ck_assert_str_eq(repo_resolve(repo, span_of("conftest.py")), "conftest.py");
		ck_assert_str_eq(repo_resolve(repo, span_of("flask/conftest.py")), "flask/conftest.py");
		ck_assert(repo_has(repo, "conftest.py") && repo_has(repo, "flask/conftest.py"));
		ck_assert_str_eq(read_it("flask/conftest.py"), "c\n");
		ck_assert_str_eq(repo_resolve(repo, span_of("flask/setup.py")), "setup.py");
		repo_close(repo);
		repo = NULL;
		ck_assert_int_eq(repo_open_structure(path, "pallets/flask", sidecar, &repo, &err), 0);
	}
}
END_TEST

START_TEST(listing_shows_python_files_as_a_tree)
{
	struct buf b = { 0 };

	open_it(NULL);
	repo_listing(repo, true, &b);
	ck_assert_str_eq(b.at,
		"setup.py\n"
		"test_requests.py\n"
		"requests/\n"
		"    __init__.py\n"
		"    models.py\n"
		"    packages/\n"
		"        __init__.py\n"
		"        tests/\n"
		"            util.py\n"
		"        url/\n"
		"            util.py\n"
		"            only.py\n"
		"docs/\n"
		"    conf.py\n"
		"testing/\n"
		"    a.py\n");
	buf_reset(&b);
	repo_listing(repo, false, &b);
	ck_assert_str_eq(b.at,
		"setup.py\n"
		"requests/\n"
		"    __init__.py\n"
		"    models.py\n"
		"    packages/\n"
		"        __init__.py\n"
		"        url/\n"
		"            util.py\n"
		"            only.py\n"
		"docs/\n"
		"    conf.py\n");
	buf_done(&b);
}
END_TEST

/* --- the sidecar ----------------------------------------------------------------------- */

START_TEST(a_structure_is_scanned_once)
{
	open_it(sidecar);
	ck_assert_int_eq(repo_cost(repo).parses, 1);
	ck_assert_int_ge(repo_cost(repo).bytes_read, (int64_t)strlen(doc));
	size_t count = repo_count(repo);

	open_it(sidecar);
	ck_assert_int_eq(repo_cost(repo).parses, 0);
	ck_assert_int_eq(repo_cost(repo).bytes_read, 0);
	ck_assert_uint_eq(repo_count(repo), count);
	ck_assert_str_eq(read_it("requests/setup.py"), "import requests\n# \xc3\xa4\n");
	ck_assert_int_eq(repo_cost(repo).bytes_read, (int64_t)strlen("[\"import requests\",\"# \\u00e4\"]"));
	ck_assert_str_eq(repo_resolve(repo, span_of("requests/setup.py")), "setup.py");
}
END_TEST

/* A byte of the sidecar is another, or it is cut, or there is more of it: scanned again, with the same outcome. */
START_TEST(a_damaged_sidecar_is_no_sidecar)
{
	struct buf was = { 0 };

	open_it(sidecar);
	ck_assert_int_eq(file_get(sidecar, 1 << 20, &was, NULL), 0);
	for (size_t i = 0; i < was.len; i += 1 + i / 64) {
		was.at[i] = (char)(was.at[i] ^ 0x10);
		ck_assert_int_eq(file_put(sidecar, was.at, _i == 0 ? was.len : i, 0600, NULL), 0);
		was.at[i] = (char)(was.at[i] ^ 0x10);
		open_it(sidecar);
		ck_assert_msg(repo_cost(repo).parses == 1, "byte %zu", i);
		ck_assert_str_eq(read_it("requests/models.py"), "m\n\n");
	}
	buf_add_char(&was, '\0');
	ck_assert_int_eq(file_put(sidecar, was.at, was.len, 0600, NULL), 0);
	open_it(sidecar);
	ck_assert_int_eq(repo_cost(repo).parses, 1);
	buf_done(&was);
}
END_TEST

START_TEST(another_structure_is_scanned_again)
{
	struct timespec past[2] = { { 1000, 0 }, { 1000, 7 } };

	open_it(sidecar);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, past, 0), 0);        /* the same bytes, written at another time */
	open_it(sidecar);
	ck_assert_int_eq(repo_cost(repo).parses, 1);
	open_it(sidecar);
	ck_assert_int_eq(repo_cost(repo).parses, 0);
	ck_assert_int_eq(file_put(path, doc, strlen(doc), 0600, NULL), 0);      /* another file of that name */
	ck_assert_int_eq(utimensat(AT_FDCWD, path, past, 0), 0);
	open_it(sidecar);
	ck_assert_int_eq(repo_cost(repo).parses, 1);
	repo_close(repo);                                               /* another repository: other paths */
	repo = NULL;
	ck_assert_int_eq(repo_open_structure(path, "x/docs", sidecar, &repo, &err), 0);
	ck_assert_int_eq(repo_cost(repo).parses, 1);
}
END_TEST

START_TEST(a_sidecar_that_cannot_be_kept_is_no_error)
{
	open_it("/nowhere/at/all");
	ck_assert_str_eq(read_it("setup.py"), "import requests\n# \xc3\xa4\n");
}
END_TEST

START_TEST(what_is_no_structure_is_refused)
{
	ck_assert_int_eq(repo_open_structure("/nowhere/x.json", "a/b", NULL, &repo, &err), BD_ENOTFOUND);
	ck_assert_ptr_nonnull(strstr(err.msg, "/nowhere/x.json"));
	ck_assert_int_eq(repo_open_structure(dir, "a/b", NULL, &repo, &err), BD_EINVALID);
	ck_assert_int_eq(file_put(path, doc, strlen(doc) - 30, 0600, NULL), 0);
	ck_assert_int_eq(repo_open_structure(path, "a/b", sidecar, &repo, &err), BD_EINVALID);
	ck_assert_ptr_nonnull(strstr(err.msg, "cut off at byte"));
	ck_assert_ptr_null(repo);
	ck_assert_int_eq(file_size(sidecar), -1);
}
END_TEST

/* Somebody cuts the file while it is open: an error, no crash. */
START_TEST(a_structure_cut_while_open_is_an_error)
{
	open_it(NULL);
	ck_assert_int_eq(truncate(path, 100), 0);
	ck_assert_int_eq(repo_read(repo, "requests/models.py", &(struct buf){ 0 }, &err), BD_EIO);
	ck_assert_ptr_nonnull(strstr(err.msg, "requests/models.py"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("repo");
	TCase *tc = tcase_create("repo");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, paths_are_those_of_the_repository);
	tcase_add_test(tc, texts_are_lines_each_with_its_end);
	tcase_add_loop_test(tc, a_name_from_an_answer_is_one_file, 0, N(names));
	tcase_add_test(tc, naming_decides_what_the_structure_leaves_open);
	tcase_add_test(tc, listing_shows_python_files_as_a_tree);
	tcase_add_test(tc, a_structure_is_scanned_once);
	tcase_add_loop_test(tc, a_damaged_sidecar_is_no_sidecar, 0, 2);
	tcase_add_test(tc, another_structure_is_scanned_again);
	tcase_add_test(tc, a_sidecar_that_cannot_be_kept_is_no_error);
	tcase_add_test(tc, what_is_no_structure_is_refused);
	tcase_add_test(tc, a_structure_cut_while_open_is_an_error);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
