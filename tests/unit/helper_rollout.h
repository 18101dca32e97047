/* SPDX-License-Identifier: MIT */
#ifndef HELPER_ROLLOUT_H
#define HELPER_ROLLOUT_H

#include "json.h"
#include "rollout.h"

/* A rollout over a small repository as a structure, with prompts of its own, in a directory of its own. */

#define ROW "{\"instance_id\":\"o__r-1\",\"repo\":\"o/r\",\"base_commit\":\"c0\"," \
            "\"problem_statement\":\"bad {structure}\\r\\nand {content} \\ud83d\\ude00\"}"

/* A line of a batch's output with that answer, which is written as in JSON. */
#define ANSWER(text) "{\"custom_id\":\"o__r-1\",\"response\":{\"status_code\":200,\"body\":{\"model\":\"m-1\",\"choices\":[{" \
	"\"finish_reason\":\"stop\",\"message\":{\"content\":\"" text "\"}}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}}}"
#define BLOCK(path, search, replace) "```python\\n### " path "\\n<<<<<<< SEARCH\\n" search "=======\\n" replace ">>>>>>> REPLACE\\n```\\n"

extern char rollout_dir[64];

void rollout_setup(void);       /* a checked fixture, with the next */
void rollout_teardown(void);
void rollout_put(const char *name, const char *text);   /* a file in the directory */
struct rollout_params rollout_params_of(const char *workflow);
struct rollout *rollout_make(const struct rollout_params *p);
struct instance *rollout_open_row(const struct rollout *r);
/* The sample of one pass, its record parsed. */
struct json *rollout_sample(const struct rollout_params *p, const char *line1, const char *line2, struct sample *ret);

#endif
