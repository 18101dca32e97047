/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "line.h"

/* Result lines: nothing crashes, and the quick way says what the long way says. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span line = { (const char *)data, size };
	struct result_line quick, slow;

	result_line_read(line, &quick);
	result_line_parse(line, &slow);
	if (quick.class != slow.class || quick.status != slow.status || quick.prompt != slow.prompt
	    || quick.completion != slow.completion || quick.cached != slow.cached || quick.reasoning != slow.reasoning
	    || strcmp(quick.reason, slow.reason) != 0 || strcmp(quick.details, slow.details) != 0
	    || (quick.custom_id == NULL) != (slow.custom_id == NULL)
	    || (quick.custom_id != NULL && strcmp(quick.custom_id, slow.custom_id) != 0))
		abort();
	result_line_done(&quick);
	result_line_done(&slow);
	return 0;
}
