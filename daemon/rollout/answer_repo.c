/* SPDX-License-Identifier: MIT */
#include "answer_int.h"
#include "edit_int.h"
#include "repo.h"

/* The rollout's readers over a struct repo. */

/* A source only reads names through a const repo; contents are asked for by edits_apply() alone,
 * which has the repo without const. */
static struct repo *of(void *data)
{
	return data;
}

static const char *repo_source_resolve(void *data, struct span name)
{
	return repo_resolve(of(data), name);
}

static bool repo_source_has(void *data, const char *path)
{
	return repo_has(of(data), path);
}

static int repo_source_read(void *data, const char *path, struct buf *ret, struct err *err)
{
	return repo_read(of(data), path, ret, err);
}

struct source source_of_repo(const struct repo *repo)
{
	union { const struct repo *in; void *out; } u = { .in = repo };

	return (struct source){
		.data = u.out,
		.inexact = !repo_is_exact(repo),
		.resolve = repo_source_resolve,
		.has = repo_source_has,
		.read = repo_source_read,
	};
}

void answer_files(const char *text, const struct repo *repo, size_t max, bool tests_only, struct paths *ret)
{
	struct source src = source_of_repo(repo);

	answer_files_from(text, &src, max, tests_only, ret);
}

int edits_apply(struct edits *edits, struct repo *repo, struct err *err)
{
	struct source src = source_of_repo(repo);

	return edits_apply_to(edits, &src, err);
}
