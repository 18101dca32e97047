/* SPDX-License-Identifier: MIT */
/* The commands that hear from the daemon for a while: wait, events, logs. */
#include <stdlib.h>
#include <unistd.h>

#include "call.h"
#include "commands.h"
#include "render.h"
#include "say.h"
#include "watch.h"

/* Hung up sooner than LIVED_MS, twice in a row: it does not like us.  Once: it may have been stopped just then. */
enum { AGAIN_MS = 1000, LIVED_MS = 1000, DISLIKES = 2 };

/* Until one job has ended or the daemon has said why not; its state in *ret. */
static int wait_one(const struct args *args, const char *job, int64_t until_ms, int64_t *last_ms, struct json **ret,
                    struct err *err)
{
	int64_t start = call_clock_ms();
	struct call *c = NULL;
	int rc = call_open(args, job, &c, err);

	if (rc == 0 && *last_ms == 0)
		*last_ms = start;       /* there was a daemon */
	while (rc == 0) {
		struct json *v = NULL;

		rc = call_next(c, until_ms, &v, err);
		if (rc >= 0 || call_clock_ms() - start > LIVED_MS)
			*last_ms = call_clock_ms();
		if (rc == 0) {
			*ret = v;
			break;
		}
		if (rc > 0) {           /* it moves, no more */
			json_free(v);
			rc = 0;
		}
	}
	call_close(c);
	return rc;
}

/* As wait_one(), over a restart of the daemon. */
static int wait_on(const struct args *args, const char *job, int64_t until_ms, struct json **ret, struct err *err)
{
	int64_t last_ms = 0;
	int rc, dislikes = 0;

	for (;;) {
		int64_t start = call_clock_ms();

		rc = wait_one(args, job, until_ms, &last_ms, ret, err);
		if (rc == BD_ENET)
			dislikes = call_clock_ms() - start > LIVED_MS ? 0 : dislikes + 1;
		if (dislikes >= DISLIKES)
			return rc;
		if ((rc == BD_ENET || (rc == BD_ENODAEMON && last_ms != 0))
		    && until_ms != 0 && call_clock_ms() >= until_ms)
			return err_set(err, BD_ENET, "job %.60s has not ended in time", job);
		if (rc == 0 || !watch_patience(rc, last_ms, AGAIN_MS))
			return rc;
	}
}

/* Until the first of them has ended.  Asked for by turns: there are few, and an end is worth a second. */
static int wait_any(const struct args *args, int64_t until_ms, struct err *err)
{
	for (;;) {
		for (size_t i = 0; i < args->n_words; i++) {
			struct json *job = NULL;
			struct call *c = NULL;
			struct buf text = { 0 };
			int rc = call_open_plain(args, "status", args->words[i], &c, err);

			if (rc == 0)
				rc = call_next(c, 0, &job, err);
			call_close(c);
			if (rc < 0)
				return rc;
			if (!job_over(job)) {
				json_free(job);
				continue;
			}
			buf_printf(&text, "%s\n", json_get_str(job, "id") != NULL ? json_get_str(job, "id") : args->words[i]);
			rc = args_has(args, "json") ? say_json(job, err) : say_text(&text, err);
			if (rc == 0)
				rc = watch_verdict(job, err);
			buf_done(&text);
			json_free(job);
			return rc;
		}
		if (until_ms != 0 && call_clock_ms() >= until_ms)
			return err_set(err, BD_ENET, "none of them has ended in time");
		usleep(AGAIN_MS * 1000);
	}
}

int cmd_wait(const struct args *args, struct err *err)
{
	int64_t timeout = args_int(args, "timeout", -1);
	int64_t until_ms = timeout >= 0 ? call_clock_ms() + timeout * 1000 : 0;
	int verdict = 0, rc = 0;

	if (args_has(args, "any"))
		return wait_any(args, until_ms, err);
	for (size_t i = 0; rc == 0 && i < args->n_words; i++) {
		struct json *job = NULL;
		struct err why = { 0 };

		rc = wait_on(args, args->words[i], until_ms, &job, err);
		if (rc == 0 && args_has(args, "json"))
			rc = say_json(job, err);
		if (rc == 0 && watch_verdict(job, &why) < 0) {
			if (verdict < 0)        /* one was told already by its turn */
				say_error(args, err);
			verdict = BD_EFAILED;
			if (err != NULL)
				*err = why;
		}
		json_free(job);
	}
	return rc < 0 ? rc : verdict;
}

int cmd_events(const struct args *args, struct err *err)
{
	struct call *c = NULL;
	struct term term;
	int rc = call_open(args, NULL, &c, err);

	term_read(&term, STDOUT_FILENO);
	for (int more = 1; rc == 0 && more > 0; ) {
		struct json *v = NULL;
		struct buf text = { 0 };

		more = call_next(c, 0, &v, err);
		if (more < 0)
			rc = more;
		if (more > 0 && args_has(args, "json")) {
			rc = say_json(v, err);
		} else if (more > 0) {
			render_event(&term, v, &text);
			rc = say_text(&text, err);
		}
		buf_done(&text);
		json_free(v);
	}
	call_close(c);
	return rc;
}

int cmd_logs(const struct args *args, struct err *err)
{
	return cmd_events(args, err);
}
