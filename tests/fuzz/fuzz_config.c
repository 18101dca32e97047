/* SPDX-License-Identifier: MIT */
/* Any bytes as a config file: read or refused with a reason, never more. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig's scanner loses the piece of a text that has no end. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("config", MFD_CLOEXEC);
	struct config *cfg = NULL;
	struct err err = { 0 };
	char path[40];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (config_load(path, &cfg, &err) < 0) {
		if (cfg != NULL || err.code >= 0 || err.msg[0] == '\0')
			abort();
	} else if (cfg->n_endpoints == 0 || cfg->socket == NULL || cfg->state_dir == NULL) {
		abort();
	}
	config_free(cfg);
	close(fd);
	return 0;
}
