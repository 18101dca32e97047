/* SPDX-License-Identifier: MIT */
/*
 * What a crash leaves lying about: uploads of clients that nobody has any more, files under temporary names, a request file
 * whose batch was never committed, a spool beyond the last one known, the folder of a job whose rows are gone.
 *
 * state_dir is swept once, when the engine opens; a job when it is loaded, by a task before which nothing else is done for it,
 * so that no file is taken away from under somebody who writes it.  What cannot be removed does no harm.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine_int.h"
#include "fault.h"
#include "files.h"
#include "log.h"
#include "mem.h"

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0;
}

static bool starts_with(const char *name, const char *start)
{
	return strncmp(name, start, strlen(start)) == 0;
}

/* Removes what stray() says of the files in dir. */
static void sweep_dir(const char *dir, bool (*stray)(const char *name, const void *data), const void *data)
{
	DIR *d = opendir(dir);
	struct dirent *at;

	while (d != NULL && (at = readdir(d)) != NULL) {
		if (at->d_name[0] == '\0' || !stray(at->d_name, data))
			continue;
		char *path = path_join(dir, at->d_name);

		fault_step();
		if (unlink(path) < 0)
			log_warn("cannot remove %s, left there by a crash", path);
		free(path);
	}
	if (d != NULL)
		closedir(d);
}

static bool stray_upload(const char *name, const void *data)
{
	(void)data;
	return starts_with(name, "incoming-");
}

/* Folders of jobs that were deleted, but for their folder. */
static void sweep_jobs(struct engine *e, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *at;

	while (d != NULL && (at = readdir(d)) != NULL) {
		char *end;
		long long id = strtoll(at->d_name, &end, 10);
		struct job_row row;
		struct err err;

		if (id <= 0 || *end != '\0')
			continue;
		int rc = job_get(e->db, id, &row, &err);
		if (rc == 0)
			job_row_done(&row);
		if (rc != BD_ENOTFOUND)
			continue;
		char *path = path_join(dir, at->d_name);
		if (dir_remove(path, &err) < 0)
			log_warn("%s", err.msg);
		free(path);
	}
	if (d != NULL)
		closedir(d);
}

void sweep_state(struct engine *e)
{
	char *jobs = path_join(e->env.state_dir, "jobs");

	sweep_dir(e->env.state_dir, stray_upload, NULL);
	sweep_jobs(e, jobs);
	free(jobs);
}

/* --- one job ------------------------------------------------------------------------------------- */

struct sweep {
	struct task task;
	int64_t *batches;               /* of the job, in order */
	size_t n;
	int64_t spools;
};

static bool is_batch(const struct sweep *w, int64_t id)
{
	size_t lo = 0, hi = w->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (w->batches[mid] < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < w->n && w->batches[lo] == id;
}

static bool stray_of_job(const char *name, const void *data)
{
	const struct sweep *w = data;

	if (starts_with(name, "batch-"))
		return ends_with(name, ".tmp") || !is_batch(w, strtoll(name + 6, NULL, 10));
	if (starts_with(name, "spool-"))
		return ends_with(name, ".tmp") || strtoll(name + 6, NULL, 10) > w->spools;
	return ends_with(name, ".tmp") || strcmp(name, "rows") == 0;  /* rows: of its submit */
}

/* Others may have files there: only those whose names render.c makes. */
static bool stray_result(const char *name, const void *data)
{
	(void)data;
	return ends_with(name, ".jsonl.tmp") &&
	       (starts_with(name, "batch_requests_step") || starts_with(name, "batch_output_step") ||
	        starts_with(name, "output") || starts_with(name, "failures"));
}

static bool stray_temp(const char *name, const void *data)
{
	(void)data;
	return ends_with(name, ".tmp");
}

static bool stray_sample(const char *name, const void *data)
{
	(void)data;
	return name[0] == '.' && ends_with(name, ".tmp");
}

static void run(struct task *t)
{
	struct sweep *w = AROUND(struct sweep, task, t);
	char *structures = job_path(t->job, "structures"), *samples = path_join(t->job->row.save_dir, "samples");
	struct mem_room room;

	(void)mem_room_open(&room, TASK_ROOM, NULL);    /* nothing of it is a peer's, and it may be left undone */
	sweep_dir(t->job->dir, stray_of_job, w);
	sweep_dir(structures, stray_temp, NULL);
	sweep_dir(t->job->row.save_dir, stray_result, NULL);
	sweep_dir(samples, stray_sample, NULL);
	(void)mem_room_close(&room, 0, NULL);
	free(structures);
	free(samples);
}

static void done(struct task *t)
{
	struct sweep *w = AROUND(struct sweep, task, t);

	t->job->sweeping = false;
	t->job->tasks--;
	free(w->batches);
	free(w);
}

void sweep_start(struct job *job)
{
	int64_t *batches = NULL;
	size_t n = 0;
	struct err err;

	if (batch_list(job->e->db, job->row.id, &batches, &n, &err) < 0)
		return;                         /* there will be other starts */
	struct sweep *w = MEM_NEW(struct sweep);
	w->batches = batches;
	w->n = n;
	w->spools = job->row.spools;
	w->task.run = run;
	w->task.done = done;
	job->sweeping = true;
	task_start(job->e, job, &w->task);
}
