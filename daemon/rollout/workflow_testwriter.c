/* SPDX-License-Identifier: MIT */
#include "sample.h"

/* testwriter: stage 1 names a test file, stage 2 edits it, a pass comes to a script that reproduces the issue. */

static int testwriter_sample(struct instance *in, int64_t k, const char *custom_id,
                             struct span line1, struct span line2, struct sample *ret, struct err *err)
{
	(void)in, (void)k, (void)custom_id, (void)line1, (void)line2, (void)ret;
	return err_set(err, BD_EINTERNAL, "testwriter: samples are not written yet");
}

const struct workflow workflow_testwriter = {
	.name = "testwriter",
	.stages = 2,
	.prompted = true,
	.with_tests = true,
	.tests_only = true,
	.max_files = 1,
	.product_suffix = ".py",
	.processed_suffix = "_processed_reproduction_test.jsonl",
	.open = prompted_open,
	.request = prompted_request,
	.check = prompted_check,
	.sample = testwriter_sample,
};
