/* SPDX-License-Identifier: MIT */
#include "helper_memory.h"

#include <check.h>
#include <git2.h>
#include <git2/sys/alloc.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"

static sqlite3_mem_methods sqlite_own;

static void *on_sqlite_alloc(int n)
{
	return fault_hit(FAULT_MEMORY) ? NULL : sqlite_own.xMalloc(n);
}

static void *on_sqlite_realloc(void *old, int n)
{
	return fault_hit(FAULT_MEMORY) ? NULL : sqlite_own.xRealloc(old, n);
}

static void *on_git_realloc(void *old, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return fault_hit(FAULT_MEMORY) ? NULL : realloc(old, n);
}

static void *on_git_alloc(size_t n, const char *file, int line)
{
	return on_git_realloc(NULL, n, file, line);
}

#if LIBGIT2_VER_MAJOR == 1 && LIBGIT2_VER_MINOR < 7     /* later ones ask for three functions only */
static void *on_git_realloc_array(void *old, size_t n, size_t size, const char *file, int line)
{
	return size > 0 && n > SIZE_MAX / size ? NULL : on_git_realloc(old, n * size, file, line);
}

static void *on_git_alloc_array(size_t n, size_t size, const char *file, int line)
{
	return on_git_realloc_array(NULL, n, size, file, line);
}

static void *on_git_zero(size_t n, size_t size, const char *file, int line)
{
	void *p = on_git_alloc_array(n, size, file, line);

	return p != NULL ? memset(p, 0, n * size) : NULL;
}

static char *on_git_substr(const char *text, size_t n, const char *file, int line)
{
	char *copy = on_git_alloc(n + 1, file, line);

	if (copy == NULL)
		return NULL;
	memcpy(copy, text, n);
	copy[n] = '\0';
	return copy;
}

static char *on_git_strndup(const char *text, size_t n, const char *file, int line)
{
	return on_git_substr(text, strnlen(text, n), file, line);
}

static char *on_git_strdup(const char *text, const char *file, int line)
{
	return on_git_substr(text, strlen(text), file, line);
}
#endif

void count_libraries(void)
{
	sqlite3_mem_methods m;
	git_allocator git = {
		.gmalloc = on_git_alloc, .grealloc = on_git_realloc, .gfree = free,
#if LIBGIT2_VER_MAJOR == 1 && LIBGIT2_VER_MINOR < 7
		.gcalloc = on_git_zero, .gstrdup = on_git_strdup, .gstrndup = on_git_strndup, .gsubstrdup = on_git_substr,
		.greallocarray = on_git_realloc_array, .gmallocarray = on_git_alloc_array,
#endif
	};

	ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_own), SQLITE_OK);
	m = sqlite_own;
	m.xMalloc = on_sqlite_alloc;
	m.xRealloc = on_sqlite_realloc;
	ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &m), SQLITE_OK);
	ck_assert_int_eq(git_libgit2_opts(GIT_OPT_SET_ALLOCATOR, &git), 0);
	ck_assert_int_gt(git_libgit2_init(), 0);
}
