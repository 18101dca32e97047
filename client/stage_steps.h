/* SPDX-License-Identifier: MIT */
#ifndef STAGE_STEPS_H
#define STAGE_STEPS_H

#include "stage_run.h"

/* What each step does with the passes of one instance. */
int step_gen1(struct stage_turn *turn, struct instance *in,
              struct err *err);           /* -> requests of stage 1 */
int step_gen2(struct stage_turn *turn, struct instance *in,
              struct err *err);           /* answers of 1 -> requests of 2 */
int step_samples(struct stage_turn *turn, struct instance *in,
                 struct err *err);        /* answers of 1 and 2 -> samples */

/* Deals the spooled lines out to save_dir/output_<k>_processed...jsonl, once the run is over. */
int step_write_processed(struct stage_run *run, const char *save_dir, struct err *err);

#endif
