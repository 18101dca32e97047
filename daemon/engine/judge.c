/* SPDX-License-Identifier: MIT */
/*
 * Judging answers: of an early stage, whether the next one can be asked; of the last, the sample.
 *
 * A worker takes a few passes at a time, writes their samples (all synced before any is renamed) and a spool file with
 * their lines of the aggregated files; then one transaction moves them.  A pass is DONE only when all of it is on disk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine_int.h"
#include "files.h"
#include "mem.h"

struct judged {
	struct answered_pass pass;
	struct judgement verdict;
	bool broken;                    /* the instance could not be opened: verdict.details says why */
	struct spool_ref spool;
};

struct judge {
	struct apply apply;
	struct task task;
	int stage;
	bool last;                      /* the stage that makes samples */
	int64_t spool_n;
	char *db_path, *index_dir, *samples_dir, *spool_path;
	struct judged passes[PASSES_A_TASK];
	size_t n;
	/* in the worker */
	struct row_source rows;
	struct line_source lines;
	struct file_group *samples;
	struct file_out *spool;
	struct repo_cost cost;
	int rc;
	struct err err;
};

/* The sample's files join the group, its lines the spool. */
static int keep_sample(struct judge *w, struct judged *j, const char *custom_id, struct sample *s, struct err *err)
{
	const char *suffix = rollout_product_suffix(w->task.job->rollout);
	char *record = mem_printf("%s/%s.jsonl", w->samples_dir, custom_id);
	char *product = suffix != NULL ? mem_printf("%s/%s%s", w->samples_dir, custom_id, suffix) : NULL;
	int rc = file_group_add(w->samples, record, s->record.at, s->record.len, err);

	if (rc == 0 && product != NULL && s->product.len > 0)
		rc = file_group_add(w->samples, product, s->product.at, s->product.len, err);
	if (rc == 0 && s->judgement.usable) {
		j->spool = (struct spool_ref){ w->spool_n, file_tell(w->spool), (int64_t)s->output.len,
			(int64_t)s->processed.len };
		rc = file_write(w->spool, s->output.at, s->output.len, err);
		if (rc == 0)
			rc = file_write(w->spool, s->processed.at, s->processed.len, err);
	}
	free(record);
	free(product);
	return rc;
}

static int judge_last(struct judge *w, struct judged *j, struct instance *in, const char *instance_id,
                      struct span before, struct span line, struct err *err)
{
	struct job *job = w->task.job;
	int64_t k = j->pass.n % job->row.passk;
	char *custom_id = custom_id_make(instance_id, k, job->row.passk);
	struct sample s = { 0 };
	int rc = instance_sample(in, k, custom_id, before, line, &s, err);

	if (rc == 0) {
		j->verdict = s.judgement;
		rc = keep_sample(w, j, custom_id, &s, err);
	}
	sample_done(&s);
	free(custom_id);
	return rc;
}

static int judge_pass(struct judge *w, struct judged *j, struct instance *in, const char *instance_id, struct err *err)
{
	struct buf line = { 0 }, before = { 0 };
	int rc = line_source_get(&w->lines, &j->pass.answer, &line, err);

	if (rc == 0 && j->pass.before.batch > 0)
		rc = line_source_get(&w->lines, &j->pass.before, &before, err);
	if (rc == 0 && w->last)
		rc = judge_last(w, j, in, instance_id, buf_span(&before), buf_span(&line), err);
	else if (rc == 0)
		rc = instance_check(in, w->stage, buf_span(&line), &j->verdict, err);
	buf_done(&line);
	buf_done(&before);
	return rc;
}

/* All passes of one instance, from i on; returns how many, or negative. */
static int judge_instance(struct judge *w, size_t i, struct err *err)
{
	int64_t passk = w->task.job->row.passk, n = w->passes[i].pass.n / passk;
	struct buf row = { 0 };
	struct instance *in = NULL;
	struct err why = { 0 };
	const char *id = NULL;
	int count = 0, rc = row_source_get(&w->rows, n, &id, &row, err);

	if (rc < 0)
		goto out;
	int opened = instance_open(w->task.job->rollout, buf_span(&row), w->index_dir, &in, &why);
	if (err_is_local(opened)) {
		*err = why;
		rc = opened;
		goto out;
	}
	for (; rc == 0 && i < w->n && w->passes[i].pass.n / passk == n; i++, count++) {
		struct judged *j = &w->passes[i];

		j->broken = opened < 0;
		if (opened < 0)
			snprintf(j->verdict.details, sizeof j->verdict.details, "%.255s", why.msg);
		else
			rc = judge_pass(w, j, in, id, err);
	}
out:
	if (in != NULL) {
		struct repo_cost c = instance_cost(in);

		w->cost.parses += c.parses;
		w->cost.bytes_read += c.bytes_read;
		instance_close(in);
	}
	buf_done(&row);
	return rc < 0 ? rc : count;
}

static void run(struct task *t)
{
	struct judge *w = AROUND(struct judge, task, t);

	struct mem_room room;

	line_source_init(&w->lines, t->job);
	w->rc = mem_room_open(&room, TASK_ROOM, &w->err);
	if (w->rc == 0)
		w->rc = row_source_open(&w->rows, w->db_path, t->job, &w->err);
	if (w->rc == 0 && w->last) {
		/* somebody may have cleared the save_dir; not its parents: it may be on a disk that is not mounted */
		(void)mkdir(w->samples_dir, 0755);
		w->samples = file_group_new(w->samples_dir);
		w->rc = file_create(w->spool_path, 0600, &w->spool, &w->err);
	}
	for (size_t i = 0; w->rc == 0 && i < w->n;) {
		int n = judge_instance(w, i, &w->err);

		if (n < 0)
			w->rc = n;
		else
			i += (size_t)n;
	}
	w->rc = mem_room_close(&room, w->rc, &w->err);
	if (w->samples != NULL) {
		if (w->rc == 0)
			w->rc = file_group_commit(w->samples, &w->err);
		else
			file_group_abandon(w->samples);
	}
	if (w->spool != NULL) {
		if (w->rc == 0)
			w->rc = file_commit(w->spool, &w->err);
		else
			file_abandon(w->spool);
	}
	line_source_close(&w->lines);
	row_source_close(&w->rows);
}

static void judge_free(struct judge *w)
{
	free(w->db_path);
	free(w->index_dir);
	free(w->samples_dir);
	free(w->spool_path);
	free(w);
}

static int apply_one(struct judge *w, const struct judged *j, struct err *err)
{
	struct job *job = w->task.job;
	struct db *db = w->task.e->db;
	const char *word = j->broken ? "missing_repo" : answer_fault_word(j->verdict.fault);
	int64_t n = j->pass.n;

	if (j->broken)
		return pass_failed(db, &job->tally, w->stage, n, PASS_ANSWERED, word, j->verdict.details, NULL, err);
	if (!j->verdict.usable)
		return job_pass_lost(job, w->stage, n, j->pass.attempt, PASS_ANSWERED, word, j->verdict.details, NULL, err);
	int rc = pass_done(db, &job->tally, w->stage, n, &j->spool, word[0] != '\0' ? word : NULL,
	                   word[0] != '\0' ? j->verdict.details : NULL, err);
	if (rc == 0 && !w->last)
		rc = pass_insert(db, &job->tally, w->stage + 1, n, err);
	return rc;
}

static bool apply_some(struct apply *a)
{
	struct judge *w = AROUND(struct judge, apply, a);
	struct err err;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < w->n; i++)
		rc = apply_one(w, &w->passes[i], &err);
	w->task.job->tally.parses += w->cost.parses;
	w->task.job->tally.bytes_read += w->cost.bytes_read;
	(void)engine_ok(w->task.e, rc, &err);
	return true;
}

static void apply_done(struct apply *a)
{
	struct judge *w = AROUND(struct judge, apply, a);

	w->task.job->judging[w->stage]--;
	w->task.job->tasks--;
	judge_free(w);
}

static void done(struct task *t)
{
	struct judge *w = AROUND(struct judge, task, t);

	if (w->rc < 0 && !t->e->broken) {
		job_hold(t->job, &w->err);
		apply_done(&w->apply);
		return;
	}
	w->apply.some = apply_some;
	w->apply.done = apply_done;
	engine_apply(t->e, &w->apply);
}

bool judge_start(struct job *job, int stage)
{
	struct engine *e = job->e;
	struct answered_pass list[PASSES_A_TASK];
	struct err err;
	size_t n = 0;

	if (!engine_ok(e, pass_list_answered(e->db, job->row.id, stage, job->judge_from[stage], PASSES_A_TASK, list, &n,
	                                     &err), &err) || n == 0)
		return false;
	struct judge *w = MEM_NEW(struct judge);
	for (size_t i = 0; i < n; i++)
		w->passes[i].pass = list[i];
	w->n = n;
	w->stage = stage;
	w->last = stage == (int)job->row.stages;
	w->spool_n = w->last ? job->next_spool++ : 0;
	w->db_path = mem_strdup(db_path(e->db));
	w->index_dir = job_path(job, "structures");
	w->samples_dir = path_join(job->row.save_dir, "samples");
	w->spool_path = spool_path(job, w->spool_n);
	w->task.run = run;
	w->task.done = done;
	job->judge_from[stage] = list[n - 1].n + 1;
	job->judging[stage]++;
	task_start(e, job, &w->task);
	return true;
}
