/* SPDX-License-Identifier: MIT */
/* What batchctl shows: replies of the daemon as text, at several widths, with colours and without. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "render.h"
#include "table.h"
#include "term.h"

#define NOW 1700000000000

static const char lite[] =
	"{\"id\":\"7\",\"name\":\"lite\",\"workflow\":\"bugfixer\",\"state\":\"running\",\"endpoint\":\"openai\","
	"\"model\":\"gpt-4o\",\"created_ms\":1699989200000,\"save_dir\":\"/home/u/out\","
	"\"passes\":{\"total\":200,\"ready\":10,\"batched\":70,\"answered\":10,\"done\":100,\"failed\":10,\"canceled\":0},"
	"\"stages\":[{\"stage\":1,\"total\":200,\"ready\":0,\"batched\":20,\"answered\":0,\"done\":170,\"failed\":10,\"canceled\":0},"
	"{\"stage\":2,\"total\":170,\"ready\":10,\"batched\":50,\"answered\":10,\"done\":100,\"failed\":0,\"canceled\":0}],"
	"\"batches\":[{\"id\":1,\"stage\":1,\"state\":\"ENDED\",\"remote_status\":\"completed\",\"requests\":180,\"completed\":180,"
	"\"next_poll\":0},"
	"{\"id\":2,\"stage\":2,\"state\":\"RUNNING\",\"remote_status\":\"in_progress\",\"requests\":50,\"completed\":3,"
	"\"next_poll\":1700000012000}],"
	"\"failures\":[{\"reason\":\"no edit that fits\",\"count\":10}],"
	"\"tokens\":{\"prompt\":1234567,\"completion\":4567,\"cached\":0,\"reasoning\":12},"
	"\"waiting\":\"endpoint openai, 20 of 20 batches active\"}";

static struct json *parse(const char *text)
{
	struct json *v = NULL;
	struct err err = { 0 };

	ck_assert_msg(json_parse(text, strlen(text), &v, &err) == 0, "%s: %s", text, err.msg);
	return v;
}

static const char lite_120[] =
	"lite (job 7)  bugfixer  running\n"
	"  waiting   endpoint openai, 20 of 20 batches active\n"
	"  model     gpt-4o\n"
	"  endpoint  openai\n"
	"  save_dir  /home/u/out\n"
	"  submitted 3 h ago\n"
	"\n"
	"  ####################xx=======...........  72%  100 of 200 done, 10 failed\n"
	"\n"
	"  stage  progress               ready  batched  answered  done  failed  canceled  total\n"
	"      1  #############x=.  90%      0       20         0   170      10         0    200\n"
	"      2  #########=====..  58%     10       50        10   100       0         0    170\n"
	"\n"
	"  batch  stage  state    remote       requests  completed  next poll\n"
	"      1      1  ENDED    completed         180        180\n"
	"      2      2  RUNNING  in_progress        50          3    in 12 s\n"
	"\n"
	"  failed  reason\n"
	"      10  no edit that fits\n"
	"\n"
	"  tokens    1,234,567 prompt, 4,567 completion, 12 reasoning\n";

static const char lite_40[] =
	"lite (job 7)  bugfixer  running\n"
	"  waiting   endpoint openai, 20 of 20 batches active\n"
	"  model     gpt-4o\n"
	"  endpoint  openai\n"
	"  save_dir  /home/u/out\n"
	"  submitted 3 h ago\n"
	"\n"
	"  ##############x====.........  72%\n"
	"  100 of 200 done, 10 failed\n"
	"\n"
	"  stage     %  ready  done  failed\n"
	"      1   90%      0   170      10\n"
	"      2   58%     10   100       0\n"
	"\n"
	"  batch  state    requests  completed\n"
	"      1  ENDED         180        180\n"
	"      2  RUNNING        50          3\n"
	"\n"
	"  failed  reason\n"
	"      10  no edit that fits\n"
	"\n"
	"  tokens    1,234,567 prompt, 4,567 completion, 12 reasoning\n";

START_TEST(a_job_fits_the_terminal)
{
	static const struct { size_t width; const char *text; } cases[] = { { 120, lite_120 }, { 0, lite_120 }, { 40, lite_40 } };
	struct json *job = parse(lite);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct term term = { .width = cases[i].width };
		struct buf b = { 0 };

		render_job(&term, job, NOW, &b);
		ck_assert_str_eq(buf_str(&b), cases[i].text);
		buf_done(&b);
	}
	json_free(job);
}
END_TEST

/* The list of lite and a job with a long name. */
static struct json *two_jobs(void)
{
	struct buf b = { 0 };
	struct json *v;

	buf_printf(&b, "{\"jobs\":[%s,{\"id\":\"12\",\"name\":\"a-name-that-is-rather-long-for-a-table\",\"workflow\":\"raw\","
	           "\"state\":\"failed\",\"endpoint\":\"local\",\"created_ms\":1699999955000,"
	           "\"passes\":{\"total\":3,\"done\":2,\"failed\":1},\"stages\":[{\"stage\":1}]}],"
	           "\"endpoints\":[{\"name\":\"openai\",\"state\":\"parked\",\"reason\":\"401 wrong key\",\"active\":3,\"max_active\":20,"
	           "\"retry_ms\":1700000300000}]}", lite);
	v = parse(buf_str(&b));
	buf_done(&b);
	return v;
}

#define ENDPOINT "\nendpoint openai: 3 of 20 batches active, parked: 401 wrong key, next try in 5 min\n"

static const struct { size_t width; bool utf8; const char *text; } lists[] = {
	{ 0, false,
	  "id  name                                    workflow  state    progress                  done  failed  endpoint  age\n"
	  " 7  lite                                    bugfixer  running  ########x==.....  72%  100/200      10  openai     3h\n"
	  "12  a-name-that-is-rather-long-for-a-table  raw       failed   ###########xxxxx 100%      2/3       1  local     45s\n"
	  ENDPOINT },
	{ 80, false,
	  "id  name         workflow  state    progress         done  failed  endpoint  age\n"
	  " 7  lite         bugfixer  running  ###x=..  72%  100/200      10  openai     3h\n"
	  "12  a-name-tha~  raw       failed   #####xx 100%      2/3       1  local     45s\n"
	  ENDPOINT },
	{ 60, true,
	  "id  name         state    progress         done  failed  age\n"
	  " 7  lite         running  \u2588\u2588\u2588\u2593\u2592\u2591\u2591  72%  100/200      10   3h\n"
	  "12  a-name-tha\u2026  failed   \u2588\u2588\u2588\u2588\u2588\u2593\u2593 100%      2/3       1  45s\n"
	  ENDPOINT },
	{ 40, false,
	  "id  name          state       %     done\n"
	  " 7  lite          running   72%  100/200\n"
	  "12  a-name-that~  failed   100%      2/3\n"
	  ENDPOINT },
	{ 27, false,
	  "id  name   state       done\n"
	  " 7  lite   running  100/200\n"
	  "12  a-na~  failed       2/3\n"
	  ENDPOINT },
};

START_TEST(a_list_of_jobs_fits_the_terminal)
{
	struct term term = { .width = lists[_i].width, .utf8 = lists[_i].utf8 };
	struct json *status = two_jobs();
	struct buf b = { 0 };

	render_jobs(&term, status, NOW, &b);
	ck_assert_str_eq(buf_str(&b), lists[_i].text);
	buf_done(&b);
	json_free(status);
}
END_TEST

/* Without its escape sequences. */
static void strip(const struct buf *from, struct buf *to)
{
	for (size_t i = 0; i < from->len; i++) {
		if (from->at[i] == '\033')
			while (from->at[i] != 'm')
				i++;
		else
			buf_add_char(to, from->at[i]);
	}
}

START_TEST(colours_change_nothing_but_the_colour)
{
	struct json *status = two_jobs(), *job = parse(lite);

	for (size_t width = 1; width < 140; width++) {
		struct term plain = { .width = width }, colour = { .width = width, .colour = true };
		struct buf a = { 0 }, b = { 0 }, stripped = { 0 };

		render_jobs(&plain, status, NOW, &a);
		render_job(&plain, job, NOW, &a);
		render_jobs(&colour, status, NOW, &b);
		render_job(&colour, job, NOW, &b);
		ck_assert_ptr_null(strchr(buf_str(&a), '\033'));
		ck_assert_ptr_nonnull(strstr(buf_str(&b), "\033[31m"));
		strip(&b, &stripped);
		ck_assert_str_eq(buf_str(&stripped), buf_str(&a));
		buf_done(&a);
		buf_done(&b);
		buf_done(&stripped);
	}
	json_free(status);
	json_free(job);
}
END_TEST

START_TEST(tables_are_never_wider_than_the_terminal)
{
	struct json *status = two_jobs();

	for (size_t width = 27; width < 140; width++) {
		struct term term = { .width = width, .utf8 = true };
		struct buf b = { 0 };
		struct span rest, line;

		render_jobs(&term, status, NOW, &b);
		for (rest = buf_span(&b); span_line(&rest, &line) && line.len > 0; )
			ck_assert_msg(term_columns(line) <= width, "%zu: %.*s", width, (int)line.len, line.at);
		buf_done(&b);
	}
	json_free(status);
}
END_TEST

static const struct { const char *in, *utf8, *ascii; } texts[] = {
	{ "plain", "plain", "plain" },
	{ "\033]0;title\007\033[2J", "?]0;title??[2J", "?]0;title??[2J" },
	{ "a\nb\tc\rd\x7f", "a b c d?", "a b c d?" },
	{ "gr\xc3\xbc\xc3\x9f" "e", "gr\xc3\xbc\xc3\x9f" "e", "gr??e" },
	{ "\xc2\x9b" "31m", "?31m", "?31m" },                            /* CSI as one C1 character */
	{ "a\xe2\x80\xae" "txt.exe", "a?txt.exe", "a?txt.exe" },         /* right-to-left override */
	{ "a\xff\xc3", "a??", "a??" },
	{ "\xc0\x9b", "??", "??" },                                      /* ESC, overlong */
	{ "\xed\xa0\x80", "???", "???" },                                /* a surrogate */
	{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", "?" },
	{ "\xf8\x88\x80\x80\x80", "?????", "?????" },
};

START_TEST(texts_of_others_move_no_cursor)
{
	struct term utf8 = { .utf8 = true }, ascii = { 0 };
	struct buf b = { 0 };

	term_clean(&utf8, texts[_i].in, &b);
	ck_assert_str_eq(buf_str(&b), texts[_i].utf8);
	buf_reset(&b);
	term_clean(&ascii, texts[_i].in, &b);
	ck_assert_str_eq(buf_str(&b), texts[_i].ascii);
	buf_done(&b);
}
END_TEST

START_TEST(no_reply_puts_control_characters_out)
{
	/* every text of a reply is hostile, every other type is wrong */
	static const char *const replies[] = {
		"{\"id\":\"\\u001b[1m\",\"name\":\"\\u001b\\n\",\"workflow\":\"\\u001b\",\"state\":\"\\u001b\",\"reason\":\"\\u001b\","
		"\"endpoint\":\"\\u009b\",\"model\":\"\\u001b\",\"save_dir\":\"\\u001b\",\"waiting\":\"\\u001b\","
		"\"failures\":[{\"reason\":\"\\u001b\",\"count\":1}],\"problems\":[\"\\u001b\",7],"
		"\"batches\":[{\"state\":\"\\u001b\",\"remote_status\":\"\\u001b\",\"reason\":\"\\u001b\"}],"
		"\"lines\":[{\"what\":\"\\u001b\",\"state\":\"\\u001b\",\"waits_for\":\"\\u001b\",\"unblocks\":\"\\u001b\"}],"
		"\"job\":\"\\u001b\",\"job_name\":\"\\u001b\",\"batch\":\"\\u001b\",\"level\":\"\\u001b\",\"text\":\"\\u001b\"}",
		"{\"id\":7,\"name\":[],\"state\":{},\"passes\":[1],\"stages\":7,\"batches\":\"x\",\"failures\":{\"a\":1},"
		"\"tokens\":null,\"created_ms\":\"x\",\"problems\":{},\"lines\":[1,[]],\"time_ms\":1e300,\"job\":7,\"batch\":9}",
		"{\"passes\":{\"total\":-5,\"done\":99999999999999,\"failed\":-1},\"stages\":[{\"total\":0,\"done\":7},{\"ready\":1e18}],"
		"\"created_ms\":-1,\"ended_ms\":9e15,\"batches\":[{\"next_poll\":-9e15,\"requests\":1e300}]}",
		"[]", "7", "null",
	};

	for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
		struct term term = { .width = 60, .utf8 = true };
		struct json *v = parse(replies[i]);
		struct buf b = { 0 }, list = { 0 };

		render_job(&term, v, NOW, &b);
		render_job_line(&term, v, &b);
		render_event(&term, v, &b);
		render_why(&term, v, NOW, &b);
		render_audit(&term, v, &b);
		render_jobs(&term, v, NOW, &b);
		buf_printf(&list, "{\"jobs\":[%s],\"endpoints\":[%s]}", replies[i], replies[i]);
		json_free(v);
		v = parse(buf_str(&list));
		render_jobs(&term, v, NOW, &b);
		for (size_t j = 0; j < b.len; j++)
			ck_assert_msg((unsigned char)b.at[j] >= 0x20 || b.at[j] == '\n', "%s", b.at);
		ck_assert_ptr_null(strstr(buf_str(&b), "\xc2\x9b"));
		json_free(v);
		buf_done(&b);
		buf_done(&list);
	}
}
END_TEST

static const struct { struct bar bar; size_t columns; const char *text; } bars[] = {
	{ { 0, 0, 0, 0 }, 5, "....." },
	{ { 0, 0, 0, 10 }, 5, "....." },
	{ { 10, 0, 0, 10 }, 5, "#####" },
	{ { 1, 0, 0, 1000000 }, 5, "#...." },           /* what is there shows */
	{ { 999999, 0, 0, 1000000 }, 5, "####." },      /* and what is missing too */
	{ { 999998, 1, 0, 1000000 }, 5, "###x." },
	{ { 9, 1, 0, 10 }, 10, "#########x" },
	{ { 999999, 1, 0, 1000000 }, 5, "####x" },
	{ { 0, 10, 0, 10 }, 5, "xxxxx" },
	{ { 3, 1, 4, 10 }, 10, "###x====.." },
	{ { 1, 1, 1, 3 }, 1, "x" },
	{ { 5, 0, 5, 10 }, 4, "##==" },
	{ { 20, 5, 9, 10 }, 6, "###xxx" },              /* counts that do not fit their total */
	{ { 1, 0, 0, 10 }, 0, "" },
};

START_TEST(a_bar_shows_each_count)
{
	struct term term = { 0 };
	struct buf b = { 0 };

	term_bar(&term, &bars[_i].bar, bars[_i].columns, &b);
	ck_assert_str_eq(buf_str(&b), bars[_i].text);
	buf_done(&b);
}
END_TEST

static const struct { int64_t ms; const char *text, *column; } durations[] = {
	{ -5, "0 s", "0s" },
	{ 0, "0 s", "0s" },
	{ 999, "0 s", "0s" },
	{ 59999, "59 s", "59s" },
	{ 60000, "1 min", "1m" },
	{ 71000, "1 min 11 s", "1m" },
	{ 12 * 60000 + 30000, "12 min", "12m" },
	{ 3600000, "1 h", "1h" },
	{ 3600000 * 3 + 20 * 60000, "3 h 20 min", "3h" },
	{ 86400000LL * 2 + 3600000 * 4, "2 d 4 h", "2d" },
	{ 86400000LL * 400, "400 d", "400d" },
};

START_TEST(durations_read_well)
{
	struct buf b = { 0 };

	term_duration(durations[_i].ms, &b);
	ck_assert_str_eq(buf_str(&b), durations[_i].text);
	buf_reset(&b);
	term_duration_short(durations[_i].ms, &b);
	ck_assert_str_eq(buf_str(&b), durations[_i].column);
	buf_done(&b);
}
END_TEST

START_TEST(moments_and_counts_read_well)
{
	struct buf b = { 0 };

	render_when(0, NOW, &b);
	ck_assert_str_eq(buf_str(&b), "");
	render_when(NOW + 12000, NOW, &b);
	render_when(NOW - 90000, NOW, &b);
	render_when(NOW + 300, NOW, &b);
	ck_assert_str_eq(buf_str(&b), "in 12 s1 min 30 s agonow");
	buf_reset(&b);
	term_count(0, &b);
	buf_add_char(&b, ' ');
	term_count(999, &b);
	buf_add_char(&b, ' ');
	term_count(1000, &b);
	buf_add_char(&b, ' ');
	term_count(-123456, &b);
	buf_add_char(&b, ' ');
	term_count(1234567890, &b);
	ck_assert_str_eq(buf_str(&b), "0 999 1,000 -123,456 1,234,567,890");
	buf_reset(&b);
	term_bytes(999, &b);
	term_bytes(1000, &b);
	term_bytes(200000000, &b);
	ck_assert_str_eq(buf_str(&b), "999 B1.0 kB200.0 MB");
	buf_done(&b);
}
END_TEST

static const struct { const char *job; int percent; } progress[] = {
	{ "{}", 0 },
	{ "{\"state\":\"done\"}", 100 },
	{ "{\"passes\":{\"total\":10,\"done\":10}}", 100 },
	{ "{\"passes\":{\"total\":10,\"done\":8,\"failed\":1,\"canceled\":1}}", 100 },
	{ "{\"passes\":{\"total\":1000,\"done\":999}}", 99 },
	/* all through stage 1 and none through stage 2 is half the way */
	{ "{\"passes\":{\"total\":10},\"stages\":[{\"done\":10},{\"batched\":10}]}", 50 },
	{ "{\"passes\":{\"total\":10},\"stages\":[{\"batched\":6,\"done\":4},{\"ready\":4}]}", 20 },
	{ "{\"passes\":{\"total\":10,\"failed\":5},\"stages\":[{\"batched\":5,\"failed\":5},{}]}", 50 },
};

START_TEST(percents_count_the_steps_of_all_stages)
{
	struct json *job = parse(progress[_i].job);

	ck_assert_int_eq(job_percent(job), progress[_i].percent);
	json_free(job);
}
END_TEST

START_TEST(a_job_and_an_event_have_a_line_each)
{
	struct term term = { 0 };
	struct json *job = parse(lite);
	struct json *event = parse("{\"seq\":1,\"time_ms\":1700000000000,\"job\":\"7\",\"job_name\":\"lite\",\"batch\":3,"
	                           "\"level\":\"warning\",\"text\":\"429, again in 8 s\"}");
	struct json *plain = parse("{\"time_ms\":1700000000000,\"level\":\"info\",\"text\":\"started\"}");
	struct buf b = { 0 };

	setenv("TZ", "UTC", 1);
	tzset();
	render_job_line(&term, job, &b);
	render_event(&term, event, &b);
	render_event(&term, plain, &b);
	ck_assert_str_eq(buf_str(&b),
		"7 lite running 72%: 100 of 200 done, 10 failed; stage 1: 0 ready, 20 batched, 0 answered; "
		"stage 2: 10 ready, 50 batched, 10 answered; waiting: endpoint openai, 20 of 20 batches active\n"
		"2023-11-14 22:13:20 warning lite 3 429, again in 8 s\n"
		"2023-11-14 22:13:20 info    - - started\n");
	json_free(job);
	json_free(event);
	json_free(plain);
	buf_done(&b);
}
END_TEST

START_TEST(why_and_audit_say_what_is_the_matter)
{
	struct term term = { 0 };
	struct json *why = parse("{\"id\":\"7\",\"state\":\"running\",\"lines\":[{\"what\":\"batch 12\",\"state\":\"RUNNING\","
	                         "\"waits_for\":\"the endpoint\",\"since_ms\":1699999940000,\"next_ms\":1699999990000,"
	                         "\"unblocks\":\"its end\"},{\"what\":\"stage 2\"}]}");
	struct json *audit = parse("{\"id\":\"7\",\"ok\":false,\"problems\":[\"stage 1: 3 rows of 4\"],\"stages\":"
	                           "[{\"stage\":1,\"total\":4,\"done\":3}]}");
	struct buf b = { 0 };

	render_why(&term, why, NOW, &b);
	ck_assert_str_eq(buf_str(&b),
		"job 7 is running\n"
		"batch 12  RUNNING\n"
		"  waits for the endpoint\n"
		"  since     1 min ago\n"
		"  next      now\n"
		"  unblocks  its end\n"
		"stage 2\n");
	buf_reset(&b);
	render_audit(&term, audit, &b);
	ck_assert_str_eq(buf_str(&b),
		"\n"
		"  stage  progress               ready  batched  answered  done  failed  canceled  total\n"
		"      1  ############....  75%      0        0         0     3       0         0      4\n"
		"\n"
		"  stage 1: 3 rows of 4\n"
		"it does not add up\n");
	json_free(why);
	json_free(audit);
	buf_done(&b);
}
END_TEST

START_TEST(old_batches_are_counted_not_listed)
{
	struct term term = { 0 };
	struct buf text = { 0 }, b = { 0 };
	struct json *job;

	buf_add_str(&text, "{\"id\":\"7\",\"batches\":[");
	for (int i = 1; i <= 20; i++)
		buf_printf(&text, "%s{\"id\":%d,\"state\":\"%s\"}", i > 1 ? "," : "", i * 100, i == 2 ? "RUNNING" : "ENDED");
	buf_add_str(&text, "]}");
	job = parse(buf_str(&text));
	render_job(&term, job, NOW, &b);
	ck_assert_ptr_nonnull(strstr(buf_str(&b), "\n    200  "));       /* under way */
	ck_assert_ptr_null(strstr(buf_str(&b), "\n   1500  "));
	ck_assert_ptr_nonnull(strstr(buf_str(&b), "\n   1600  "));
	ck_assert_ptr_nonnull(strstr(buf_str(&b), "  and 14 earlier batches\n"));
	json_free(job);
	buf_done(&text);
	buf_done(&b);
}
END_TEST

#define LOOP(tc, test, table) tcase_add_loop_test(tc, test, 0, (int)(sizeof table / sizeof table[0]))

int main(void)
{
	Suite *s = suite_create("client_render");
	TCase *tc = tcase_create("render");

	tcase_add_test(tc, a_job_fits_the_terminal);
	LOOP(tc, a_list_of_jobs_fits_the_terminal, lists);
	tcase_add_test(tc, colours_change_nothing_but_the_colour);
	tcase_add_test(tc, tables_are_never_wider_than_the_terminal);
	LOOP(tc, texts_of_others_move_no_cursor, texts);
	tcase_add_test(tc, no_reply_puts_control_characters_out);
	LOOP(tc, a_bar_shows_each_count, bars);
	LOOP(tc, durations_read_well, durations);
	tcase_add_test(tc, moments_and_counts_read_well);
	LOOP(tc, percents_count_the_steps_of_all_stages, progress);
	tcase_add_test(tc, a_job_and_an_event_have_a_line_each);
	tcase_add_test(tc, why_and_audit_say_what_is_the_matter);
	tcase_add_test(tc, old_batches_are_counted_not_listed);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
