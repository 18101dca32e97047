/* SPDX-License-Identifier: MIT */
/* `status --watch` and `wait`, each in a process of its own, against a daemon of the test's that says ready lines. */
#include <check.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"
#include "files.h"
#include "mem.h"
#include "watch.h"

#define JOB(state, done) "{\"ok\":{\"id\":\"7\",\"name\":\"x\",\"state\":\"" state "\",\"passes\":{\"total\":4,\"done\":" #done "}}}\n"

/* One reply a connection, the last one again and again; NULL hangs up without a word. */
struct fake {
	int listener;
	const char *const *replies;
	size_t n;
	pid_t pid;              /* a process of its own: one that forks has no threads beside it */
};

static char dir[] = "/tmp/test_client_watch.XXXXXX";
static char *sock;

static void fake_run(const struct fake *f)
{
	char piece[4096];

	for (size_t i = 0; ; i++) {
		int fd = accept(f->listener, NULL, NULL);
		const char *reply = f->replies[i < f->n ? i : f->n - 1];

		if (fd < 0)
			_exit(1);
		if (read(fd, piece, sizeof piece) > 0 && reply != NULL)
			send(fd, reply, strlen(reply), MSG_NOSIGNAL);
		close(fd);
	}
}

static void fake_start(struct fake *f)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	strcpy(at.sun_path, sock);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(f->listener, (struct sockaddr *)&at, sizeof at), 0);
	ck_assert_int_eq(listen(f->listener, 8), 0);
	f->pid = fork();
	ck_assert_int_ge(f->pid, 0);
	if (f->pid == 0)
		fake_run(f);            /* until fake_stop() */
}

static void fake_stop(struct fake *f)
{
	kill(f->pid, SIGKILL);
	ck_assert_int_eq(waitpid(f->pid, NULL, 0), f->pid);
	close(f->listener);
}

static void setup(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	sock = path_join(dir, "s");
	setenv("BATCHD_SOCKET", sock, 1);
	setenv("TERM", "xterm", 1);
	setenv("NO_COLOR", "1", 1);
	unsetenv("COLUMNS");
}

static void teardown(void)
{
	ck_assert_int_eq(dir_remove(dir, NULL), 0);
	free(sock);
}

/* In the child: parse, run, leave with batchctl's exit status. */
static void child_run(char *const *argv)
{
	struct args args;
	struct err err = { 0 };
	int argc = 0, rc;

	while (argv[argc] != NULL)
		argc++;
	rc = args_parse(argc, argv, &args, &err);
	if (rc == 0)
		rc = strcmp(args.command->name, "wait") == 0 ? cmd_wait(&args, &err) : watch_run(&args, 1, &err);
	args_done(&args);
	fflush(stdout);
	_exit(rc < 0 ? err_exit_status(rc) : 0);
}

/* What it wrote and its exit status. */
static int run_child(char *const *argv, const struct winsize *terminal, struct buf *ret)
{
	int ends[2], status;
	char piece[4096];
	ssize_t n;
	pid_t pid;

	if (terminal != NULL)
		ck_assert_int_eq(openpty(&ends[0], &ends[1], NULL, NULL, terminal), 0);
	else
		ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		child_run(argv);
	}
	close(ends[1]);
	while ((n = read(ends[0], piece, sizeof piece)) > 0)
		buf_add(ret, piece, (size_t)n);
	close(ends[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define ARGV(...) ((char *[]){ a0, __VA_ARGS__, NULL })
static char a0[] = "batchctl", status[] = "status", wait_word[] = "wait", job[] = "7", other[] = "8", watch[] = "--watch",
            json[] = "--json";

static const char *const life[] = {
	JOB("running", 1), JOB("running", 1), JOB("running", 2), NULL /* restarts */, JOB("running", 2), JOB("done", 4),
};

#define FAKE(list) { .replies = list, .n = sizeof list / sizeof list[0] }

START_TEST(a_pipe_gets_a_line_per_change)
{
	struct fake f = FAKE(life);
	struct buf out = { 0 };

	fake_start(&f);
	ck_assert_int_eq(run_child(ARGV(status, job, watch), NULL, &out), 0);
	ck_assert_str_eq(buf_str(&out), "7 x running 25%: 1 of 4 done, 0 failed\n7 x running 50%: 2 of 4 done, 0 failed\n"
	                 "7 x done 100%: 4 of 4 done, 0 failed\n");
	fake_stop(&f);
	buf_done(&out);
}
END_TEST

START_TEST(json_comes_as_it_is)
{
	struct fake f = FAKE(life);
	struct buf out = { 0 };
	struct winsize size = { .ws_row = 24, .ws_col = 80 };

	fake_start(&f);
	ck_assert_int_eq(run_child(ARGV(status, job, watch, json), &size, &out), 0);
	ck_assert_ptr_null(strchr(buf_str(&out), '\033'));
	ck_assert_ptr_eq(strstr(buf_str(&out), "{\"id\":\"7\",\"name\":\"x\",\"state\":\"running\",\"passes\":{\"total\":4,\"done\":1}}"),
	                 buf_str(&out));
	fake_stop(&f);
	buf_done(&out);
}
END_TEST

enum { ROWS = 60, COLS = 200 };

/* What a terminal would show: enough of one for \r, \n, cursor up, clear to the end, colours. */
struct screen {
	char at[ROWS][COLS + 1];
	size_t row, col;
};

static void screen_feed(struct screen *s, const struct buf *bytes)
{
	memset(s, 0, sizeof *s);
	for (size_t i = 0; i < bytes->len; i++) {
		char c = bytes->at[i];
		size_t n = 0;

		ck_assert_uint_lt(s->row, ROWS);
		if (c == '\r') {
			s->col = 0;
		} else if (c == '\n') {
			s->row++;
		} else if (c == '\033') {
			for (i += 2; bytes->at[i] >= '0' && bytes->at[i] <= '9'; i++)
				n = n * 10 + (size_t)(bytes->at[i] - '0');
			if (bytes->at[i] == 'A') {
				ck_assert_uint_le(n, s->row);
				s->row -= n;
			} else if (bytes->at[i] == 'J') {
				memset(&s->at[s->row][s->col], 0, sizeof s->at - s->row * (COLS + 1) - s->col);
			} else {
				ck_assert_int_eq(bytes->at[i], 'm');
			}
		} else {
			ck_assert_uint_lt(s->col, COLS);
			s->at[s->row][s->col++] = c;
		}
	}
}

START_TEST(a_terminal_is_redrawn_in_place)
{
	struct fake f = FAKE(life);
	struct buf out = { 0 };
	struct screen s;
	struct winsize size = { .ws_row = 24, .ws_col = 80 };

	fake_start(&f);
	ck_assert_int_eq(run_child(ARGV(status, job, watch), &size, &out), 0);
	screen_feed(&s, &out);
	ck_assert_str_eq(s.at[0], "x (job 7)    done");         /* the last look, at the top, and nothing of those before */
	ck_assert_str_eq(s.at[2], "  ######################################## 100%  4 of 4 done");
	ck_assert_str_eq(s.at[3], "");
	ck_assert_uint_eq(s.row, 3);
	fake_stop(&f);
	buf_done(&out);
}
END_TEST

START_TEST(a_small_terminal_is_never_overfull)
{
	static const char *const replies[] = {
		"{\"ok\":{\"id\":\"7\",\"name\":\"x\",\"state\":\"running\",\"waiting\":\"a very long text that does not fit at all\","
		"\"model\":\"m\",\"endpoint\":\"e\",\"save_dir\":\"/d\",\"failures\":[{\"reason\":\"r\",\"count\":1}]}}\n",
		JOB("failed", 3),
	};
	struct fake f = FAKE(replies);
	struct buf out = { 0 };
	struct span rest, line;
	struct winsize size = { .ws_row = 5, .ws_col = 30 };
	size_t n = 0;

	fake_start(&f);
	ck_assert_int_eq(run_child(ARGV(status, job, watch), &size, &out), 1);
	for (rest = buf_span(&out); span_line(&rest, &line) && memchr(line.at, '\033', line.len) != line.at + 1; n++)
		ck_assert_msg(line.len <= 30 + strlen("\033[J\r"), "%.*s", (int)line.len, line.at);
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "\r\033[4A"));     /* four lines of five */
	fake_stop(&f);
	buf_done(&out);
}
END_TEST

START_TEST(the_list_is_watched_too)
{
	/* two looks at the list, then the daemon says that it is enough */
	static const char *const replies[] = {
		"{\"ok\":{\"jobs\":[{\"id\":\"1\",\"name\":\"a\",\"state\":\"done\"},{\"id\":\"2\",\"name\":\"b\",\"state\":\"running\"}]}}\n",
		"{\"ok\":{\"jobs\":[{\"id\":\"1\",\"name\":\"a\",\"state\":\"done\"},{\"id\":\"2\",\"name\":\"b\",\"state\":\"paused\"}]}}\n",
		"{\"error\":{\"code\":-5,\"message\":\"no\"}}\n",
	};
	struct fake f = FAKE(replies);
	struct buf out = { 0 };

	fake_start(&f);
	ck_assert_int_eq(run_child(ARGV(status, watch), NULL, &out), 5);
	ck_assert_str_eq(buf_str(&out), "1 a done 100%: 0 of 0 done, 0 failed\n2 b running 0%: 0 of 0 done, 0 failed\n"
	                 "2 b paused 0%: 0 of 0 done, 0 failed\n");
	fake_stop(&f);
	buf_done(&out);
}
END_TEST

static const struct { const char *replies[2]; int status; } waits[] = {
	{ { JOB("done", 4), JOB("done", 4) }, 0 },
	{ { JOB("done", 4), JOB("failed", 3) }, 1 },
	{ { JOB("canceled", 1), JOB("done", 4) }, 1 },
	{ { JOB("done", 4), "{\"error\":{\"code\":-3,\"message\":\"no such job: 8\"}}\n" }, 3 },
	{ { "{\"more\":{\"id\":\"7\"}}\n" JOB("done", 4), JOB("done", 4) }, 0 },
	{ { NULL, NULL }, 7 },                          /* it hangs up at once and never says a word */
};

START_TEST(waiting_ends_with_what_the_jobs_came_to)
{
	struct fake f = { .replies = waits[_i].replies, .n = 2 };
	struct buf out = { 0 };

	fake_start(&f);
	ck_assert_int_eq(run_child(ARGV(wait_word, job, other), NULL, &out), waits[_i].status);
	ck_assert_str_eq(buf_str(&out), "");
	fake_stop(&f);
	buf_done(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("client_watch");
	TCase *tc = tcase_create("watch");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_pipe_gets_a_line_per_change);
	tcase_add_test(tc, json_comes_as_it_is);
	tcase_add_test(tc, a_terminal_is_redrawn_in_place);
	tcase_add_test(tc, a_small_terminal_is_never_overfull);
	tcase_add_test(tc, the_list_is_watched_too);
	tcase_add_loop_test(tc, waiting_ends_with_what_the_jobs_came_to, 0, (int)(sizeof waits / sizeof waits[0]));
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
