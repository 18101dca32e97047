/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <git2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "repo.h"

static char dir[64], commit[GIT_OID_HEXSZ + 1], second[GIT_OID_HEXSZ + 1];
static struct repo *repo;
static struct err err;

static const struct { const char *path, *text; git_filemode_t mode; } files[] = {
	{ "setup.py", "import x\r\n\f\r\nlast line", GIT_FILEMODE_BLOB },
	{ "run", "#!/bin/sh\n", GIT_FILEMODE_BLOB_EXECUTABLE },
	{ "link.py", "setup.py", GIT_FILEMODE_LINK },
	{ "pkg/__init__.py", "", GIT_FILEMODE_BLOB },
	{ "pkg/z.py", "z\0z\n", GIT_FILEMODE_BLOB },
	{ "pkg/a/b.py", "b\n", GIT_FILEMODE_BLOB },
	{ "pkg-data/c.py", "c\n", GIT_FILEMODE_BLOB },
	{ "tests/test_x.py", "t\n", GIT_FILEMODE_BLOB },
};

static void good(int rc)
{
	ck_assert_msg(rc >= 0, "libgit2: %s", git_error_last() != NULL ? git_error_last()->message : "?");
}

/* One commit of files[0..n) in the repository at path, made without a work tree; also a submodule's entry. */
static void make_commit(git_repository *git, size_t n, char *ret_hex)
{
	git_index *index;
	git_oid oid, tree_oid;
	git_tree *tree;
	git_signature *who;
	git_commit *parent = NULL;

	good(git_index_new(&index));
	for (size_t i = 0; i < n; i++) {
		git_index_entry e = { .path = files[i].path, .mode = files[i].mode };
		size_t len = strcmp(files[i].path, "pkg/z.py") == 0 ? 4 : strlen(files[i].text);

		good(git_blob_create_from_buffer(&e.id, git, files[i].text, len));
		good(git_index_add(index, &e));
	}
	git_index_entry sub = { .path = "vendored", .mode = GIT_FILEMODE_COMMIT };

	good(git_oid_fromstr(&sub.id, "1111111111111111111111111111111111111111"));
	good(git_index_add(index, &sub));
	good(git_index_write_tree_to(&tree_oid, index, git));
	good(git_tree_lookup(&tree, git, &tree_oid));
	good(git_signature_new(&who, "Somebody", "somebody@example.org", 1600000000, 0));
	if (git_reference_name_to_id(&oid, git, "HEAD") == 0)
		good(git_commit_lookup(&parent, git, &oid));
	const git_commit *parents[] = { parent };

	good(git_commit_create(&oid, git, "HEAD", who, who, NULL, "files", tree, parent != NULL, parents));
	git_oid_tostr(ret_hex, GIT_OID_HEXSZ + 1, &oid);
	git_commit_free(parent);
	git_signature_free(who);
	git_tree_free(tree);
	git_index_free(index);
}

static void make_mirror(const char *name, bool bare)
{
	char *path = path_join(dir, name);
	git_repository *git;

	good(git_repository_init_ext(&git, path, &(git_repository_init_options){
		.version = GIT_REPOSITORY_INIT_OPTIONS_VERSION,
		.flags = GIT_REPOSITORY_INIT_MKPATH | (bare ? GIT_REPOSITORY_INIT_BARE : 0) }));
	make_commit(git, 5, commit);
	make_commit(git, sizeof files / sizeof files[0], second);
	git_repository_free(git);
	free(path);
}

static void setup(void)
{
	strcpy(dir, "/tmp/test_mirror.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	git_libgit2_init();
	repo = NULL;
	err = (struct err){ 0 };
}

static void teardown(void)
{
	repo_close(repo);
	dir_remove(dir, NULL);
	git_libgit2_shutdown();
}

static void open_it(const char *name, const char *at)
{
	repo_close(repo);
	repo = NULL;
	int rc = repo_open_mirror(dir, name, at, &repo, &err);
	ck_assert_msg(rc == 0, "%s", err.msg);
}

static void expect_paths(const char *want)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < repo_count(repo); i++)
		buf_printf(&b, "%s%s", i > 0 ? " " : "", repo_path(repo, i));
	ck_assert_str_eq(buf_str(&b), want);
	buf_done(&b);
}

static const struct { const char *folder; bool bare; } layouts[] = {
	{ "own__name", true }, { "own__name.git", true }, { "own/name", true }, { "own/name.git", true },
	{ "own__name", false }, { "own/name", false }, { "own+name/repo", true },
};

START_TEST(a_mirror_is_found_however_it_is_laid_out)
{
	make_mirror(layouts[_i].folder, layouts[_i].bare);
	open_it("own/name", second);
	ck_assert(repo_has(repo, "pkg/z.py"));
}
END_TEST

START_TEST(files_first_sorted_and_only_files)
{
	make_mirror("own__name.git", true);
	open_it("own/name", second);
	expect_paths("run setup.py pkg/__init__.py pkg/z.py pkg/a/b.py pkg-data/c.py tests/test_x.py");
	open_it("own/name", commit);
	expect_paths("run setup.py pkg/__init__.py pkg/z.py");
	ck_assert_int_eq(repo_cost(repo).parses, 0);
}
END_TEST

START_TEST(bytes_are_those_of_the_commit)
{
	struct buf b = { 0 };

	make_mirror("own__name", true);
	open_it("own/name", second);
	ck_assert_int_eq(repo_read(repo, "setup.py", &b, &err), 0);
	ck_assert_int_eq(repo_read(repo, "pkg/z.py", &b, &err), 0);
	ck_assert_int_eq(repo_read(repo, "pkg/__init__.py", &b, &err), 0);
	ck_assert_uint_eq(b.len, strlen(files[0].text) + 4);
	ck_assert(memcmp(b.at, "import x\r\n\f\r\nlast linez\0z\n", b.len) == 0);
	ck_assert_int_eq(repo_read(repo, "link.py", &b, &err), BD_ENOTFOUND);
	ck_assert_int_eq(repo_read(repo, "vendored", &b, &err), BD_ENOTFOUND);
	ck_assert_str_eq(repo_resolve(repo, span_of("name/setup.py")), "setup.py");
	ck_assert_str_eq(repo_resolve(repo, span_of("a/b.py")), "pkg/a/b.py");
	buf_reset(&b);
	repo_listing(repo, false, &b);
	ck_assert_str_eq(b.at, "setup.py\npkg/\n    __init__.py\n    z.py\n    a/\n        b.py\npkg-data/\n    c.py\n");
	buf_done(&b);
}
END_TEST

static const struct { const char *name, *commit; int code; const char *says; } missing[] = {
	{ "own/other", "HEAD", BD_ENOTFOUND, "no mirror of own/other in " },
	{ "own/name", "2222222222222222222222222222222222222222", BD_ENOTFOUND,
	  "no commit 2222222222222222222222222222222222222222 in the mirror " },
	{ "own/name", "no such thing", BD_ENOTFOUND, "no commit no such thing in the mirror " },
	{ "own/name", "", BD_ENOTFOUND, "no commit " },
	{ "../name", "HEAD", BD_EINVALID, "\"../name\" is no owner/name of a repository" },
	{ "own/../name", "HEAD", BD_EINVALID, "\"own/../name\" is no owner/name of a repository" },
	{ "own/na/me", "HEAD", BD_EINVALID, "\"own/na/me\" is no owner/name of a repository" },
	{ "/name", "HEAD", BD_EINVALID, "\"/name\" is no owner/name of a repository" },
	{ "name", "HEAD", BD_EINVALID, "\"name\" is no owner/name of a repository" },
};

START_TEST(what_is_missing_is_named)
{
	make_mirror("own__name", true);
	ck_assert_int_eq(repo_open_mirror(dir, missing[_i].name, missing[_i].commit, &repo, &err), missing[_i].code);
	ck_assert_ptr_eq(strstr(err.msg, missing[_i].says), err.msg);
	ck_assert_ptr_null(repo);
}
END_TEST

/* What is fetched into a mirror that was open before is there; so is another mirror in its place. */
START_TEST(a_mirror_may_change_between_instances)
{
	char *path = path_join(dir, "own__name"), third[GIT_OID_HEXSZ + 1];
	git_repository *git;

	make_mirror("own__name", true);
	open_it("own/name", commit);
	repo_close(repo);
	repo = NULL;
	good(git_repository_open(&git, path));
	make_commit(git, 1, third);
	git_repository_free(git);
	open_it("own/name", third);
	expect_paths("setup.py");
	ck_assert_int_eq(dir_remove(path, &err), 0);
	repo_close(repo);
	repo = NULL;
	ck_assert_int_eq(repo_open_mirror(dir, "own/name", third, &repo, &err), BD_ENOTFOUND);
	make_mirror("own__name", true);
	open_it("own/name", second);
	free(path);
}
END_TEST

static void *read_often(void *data)
{
	for (int i = 0; i < 50; i++) {
		struct repo *r = NULL;
		struct buf b = { 0 };

		if (repo_open_mirror(dir, "own/name", i % 2 == 0 ? commit : second, &r, NULL) < 0 ||
		    repo_count(r) != (i % 2 == 0 ? 4 : 7) || repo_read(r, "setup.py", &b, NULL) < 0 ||
		    b.len != strlen(files[0].text))
			++*(int *)data;
		repo_close(r);
		buf_done(&b);
	}
	return NULL;
}

START_TEST(several_threads_read_one_mirror)
{
	pthread_t threads[4];
	int bad[4] = { 0 };

	make_mirror("own__name", true);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, read_often, &bad[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_int_eq(bad[i], 0);
	}
}
END_TEST

#define N(table) (int)(sizeof table / sizeof table[0])

int main(void)
{
	Suite *s = suite_create("mirror");
	TCase *tc = tcase_create("mirror");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, a_mirror_is_found_however_it_is_laid_out, 0, N(layouts));
	tcase_add_test(tc, files_first_sorted_and_only_files);
	tcase_add_test(tc, bytes_are_those_of_the_commit);
	tcase_add_loop_test(tc, what_is_missing_is_named, 0, N(missing));
	tcase_add_test(tc, a_mirror_may_change_between_instances);
	tcase_add_test(tc, several_threads_read_one_mirror);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
