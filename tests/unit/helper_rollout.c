/* SPDX-License-Identifier: MIT */
#include "helper_rollout.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

char rollout_dir[64];

#define FILE_JSON(lines) "{\"classes\":[],\"functions\":[],\"text\":[" lines "]}"
static const char structure[] =
	"{\"repo\":\"o/r\",\"base_commit\":\"c0\",\"instance_id\":\"o__r-1\",\"structure\":{"
	"\"r\":{\"setup.py\":" FILE_JSON("\"import os\"") ",\"README.md\":{}},"
	"\"pkg\":{\"__init__.py\":" FILE_JSON("") ","
	"\"a.py\":" FILE_JSON("\"def f():\",\"    return 1\",\"\",\"# ```` {structure}\"") ","
	"\"b.py\":" FILE_JSON("\"x = 1\"") "},"
	"\"tests\":{\"__init__.py\":" FILE_JSON("") ",\"h.py\":" FILE_JSON("\"k = 1\"") ",\"test_a.py\":" FILE_JSON("\"from .h import k\",\"def test_f():\",\"    assert k\"") "}}}";

void rollout_put(const char *name, const char *text)
{
	char *path = path_join(rollout_dir, name);

	ck_assert_int_eq(file_put(path, text, strlen(text), 0600, NULL), 0);
	free(path);
}

void rollout_setup(void)
{
	char *sub;

	strcpy(rollout_dir, "/tmp/test_rollout.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(rollout_dir));
	rollout_put("o__r-1.json", structure);
	rollout_put("stage1.txt", "P {problem_statement}\nS\n{structure}{content}");
	sub = path_join(rollout_dir, "bugfixer");
	ck_assert_int_eq(dir_make(sub, 0700, NULL), 0);
	free(sub);
	rollout_put("bugfixer/stage2.txt", "{content}|{problem_statement}|{other}");
	rollout_put("stage2.txt", "T {problem_statement} {content}");
}

void rollout_teardown(void)
{
	dir_remove(rollout_dir, NULL);
}

struct rollout_params rollout_params_of(const char *workflow)
{
	return (struct rollout_params){ .workflow = workflow, .model_name = "m", .passk = 1, .repostructure_dir = rollout_dir,
	                                .prompt_dir = rollout_dir, .line_url = "/v1/chat/completions" };
}

struct rollout *rollout_make(const struct rollout_params *p)
{
	struct rollout *r = NULL;
	struct err err = { 0 };

	ck_assert_msg(rollout_new(p, &r, &err) == 0, "%s", err.msg);
	return r;
}

struct instance *rollout_open_row(const struct rollout *r)
{
	struct instance *in = NULL;
	struct err err = { 0 };

	ck_assert_msg(instance_open(r, span_of(ROW), NULL, &in, &err) == 0, "%s", err.msg);
	return in;
}

struct json *rollout_sample(const struct rollout_params *p, const char *line1, const char *line2, struct sample *ret)
{
	struct rollout *r = rollout_make(p);
	struct instance *in = rollout_open_row(r);
	struct json *v = NULL;
	struct err err = { 0 };

	ck_assert_msg(instance_sample(in, 0, "o__r-1", span_of(line1), span_of(line2), ret, &err) == 0, "%s", err.msg);
	ck_assert_msg(json_parse(ret->record.at, ret->record.len, &v, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(ret->record.at[ret->record.len - 1], '\n');
	instance_close(in);
	rollout_free(r);
	return v;
}
