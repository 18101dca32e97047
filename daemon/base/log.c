/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static enum log_level shown = LOG_LVL_INFO;
static bool journal;

/* Is stderr the very stream that the variable names?  Programs started from a service inherit it with another one. */
static bool is_journal(void)
{
	const char *name = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return name != NULL && sscanf(name, "%llu:%llu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
	       st.st_dev == dev && st.st_ino == ino;
}

void log_open(enum log_level up_to)
{
	shown = up_to;
	journal = is_journal();
}

void log_at(enum log_level level, const char *fmt, ...)
{
	static const char *const word[] = { [3] = "error", "warning", "notice", "info", "debug" };
	char line[1024], head[64];
	struct timespec now;
	struct tm tm;
	va_list ap;

	if (level > shown)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	for (char *p = line; *p != '\0'; p++)       /* one line an event, whatever a peer sent */
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	if (journal) {
		snprintf(head, sizeof head, "<%d>", (int)level);
	} else {
		clock_gettime(CLOCK_REALTIME, &now);
		localtime_r(&now.tv_sec, &tm);
		size_t n = strftime(head, sizeof head, "%Y-%m-%d %H:%M:%S", &tm);
		snprintf(head + n, sizeof head - n, " %s: ", word[level]);
	}
	fprintf(stderr, "%s%s\n", head, line);
}
