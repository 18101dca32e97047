/* SPDX-License-Identifier: MIT */
/* Where a job's results go: may they be written there, and is it nobody else's? */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine_int.h"
#include "files.h"
#include "mem.h"

int save_dir_make(const char *save_dir, bool samples, bool *ret_made, struct err *err)
{
	char *dir = samples ? path_join(save_dir, "samples") : mem_strdup(save_dir);

	*ret_made = samples && access(dir, F_OK) != 0;
	int rc = dir_make(dir, 0755, err);

	if (rc == 0 && access(save_dir, W_OK | X_OK) != 0)
		rc = err_sys(err, BD_EINVALID, "save_dir %s is not writable for batchd", save_dir);
	else if (rc < 0)
		err->code = rc = BD_EINVALID;
	free(dir);
	return rc;
}

void save_dir_unmake(const char *save_dir, bool made)
{
	char *dir = path_join(save_dir, "samples");

	if (made)
		(void)rmdir(dir);
	free(dir);
}

/* The same directory, by whatever path it is named? */
static bool same_dir(const char *a, const char *b)
{
	struct stat one, two;

	return strcmp(a, b) == 0 || (stat(a, &one) == 0 && stat(b, &two) == 0 && one.st_dev == two.st_dev &&
	                             one.st_ino == two.st_ino);
}

int save_dir_taken(struct engine *e, const char *save_dir, struct err *err)
{
	char *results = path_join(save_dir, "batch_requests_step1.jsonl");
	bool in_use = access(results, F_OK) == 0;
	int64_t id;

	free(results);
	for (struct job *j = e->jobs; j != NULL; j = j->next)
		if (!j->remove && same_dir(j->row.save_dir, save_dir))
			return err_set(err, BD_EINVALID, "save_dir %s is in use by job %lld (%s); name another one", save_dir,
			               (long long)j->row.id, j->row.name);
	int rc = in_use ? job_of_save_dir(e->db, save_dir, &id, err) : BD_ENOTFOUND;
	if (rc < 0)
		return rc == BD_ENOTFOUND ? 0 : rc;
	return err_set(err, BD_EINVALID, "save_dir %s holds the results of job %lld; name another one, or let go of that job: "
	               "batchctl remove %lld", save_dir, (long long)id, (long long)id);
}
