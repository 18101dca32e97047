/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "fault.h"
#include "files.h"
#include "json.h"
#include "mem.h"

/* Rooms: an allocation that fails lives on what was granted, and what may fail says so at the end. */

static void fail_next(void)
{
	fault_arm(FAULT_MEMORY, 0);
}

START_TEST(an_allocation_that_fails_lives_on_the_room)
{
	struct mem_room room;
	struct err err = { 0 };

	ck_assert_int_eq(mem_room_open(&room, 1000, &err), 0);
	fail_next();
	char *text = mem_strdup("as if nothing had been");
	ck_assert_int_lt(fault_left(), 0);
	ck_assert_ptr_null(room.reserve);       /* used up */
	ck_assert_str_eq(text, "as if nothing had been");
	free(text);
	ck_assert_int_eq(mem_room_ask(0, &err), 0);
	ck_assert_ptr_nonnull(room.reserve);
	ck_assert_int_eq(mem_room_close(&room, 0, &err), 0);    /* nothing was lacking */
}
END_TEST

START_TEST(what_cannot_be_granted_is_told)
{
	struct mem_room room;
	struct err err = { 0 };

	fail_next();
	ck_assert_int_eq(mem_room_open(&room, 1000, &err), BD_ENOMEM);
	ck_assert_int_eq(err.code, BD_ENOMEM);
	ck_assert_int_eq(mem_room_ask(5000, &err), 0);
	ck_assert_uint_ge(room.held, 6000);
	fail_next();
	ck_assert_int_eq(mem_room_ask(4000, &err), 0);          /* it is there already */
	ck_assert_int_eq(mem_room_ask(9000, &err), BD_ENOMEM);
	ck_assert_uint_ge(room.held, 6000);                     /* what was granted stays */
	fault_arm(FAULT_NONE, 0);
	ck_assert_int_eq(mem_room_ask(SIZE_MAX / 4, &err), BD_ENOMEM);
	ck_assert_int_eq(mem_room_close(&room, BD_EIO, &err), BD_EIO);
}
END_TEST

START_TEST(rooms_nest)
{
	struct mem_room outer, inner;
	struct err err = { 0 };

	ck_assert_int_eq(mem_room_open(&outer, 1000, &err), 0);
	ck_assert_int_eq(mem_room_open(&inner, 1000, &err), 0);
	for (int i = 0; i < 2; i++) {
		fail_next();
		free(mem_zero(3, 5));
	}
	ck_assert_ptr_null(inner.reserve);
	ck_assert_ptr_null(outer.reserve);
	fail_next();
	ck_assert_ptr_null(mem_try_alloc(7));
	ck_assert_int_eq(mem_room_close(&inner, 0, &err), BD_ENOMEM);
	ck_assert_int_eq(mem_room_close(&outer, 0, &err), 0);   /* the inner work's affair */
	ck_assert_int_eq(mem_room_close(&outer, 0, &err), 0);   /* twice is fine */
}
END_TEST

START_TEST(a_buffer_that_may_fail_stays_as_it_is)
{
	struct buf b = { .may_fail = true };
	struct jw w = { .out = &b };
	char many[4000];

	memset(many, 'x', sizeof many);
	buf_add_str(&b, "here");
	fail_next();
	buf_add(&b, many, sizeof many);
	ck_assert(buf_lacks(&b));
	jw_str(&w, "nor what comes later, in any way");
	buf_printf(&b, "%d", 7);
	buf_add_char(&b, 'x');
	ck_assert_str_eq(buf_str(&b), "here");
	buf_done(&b);
	ck_assert(!buf_lacks(&b) && b.may_fail);
	buf_add(&b, many, sizeof many);
	ck_assert_uint_eq(b.len, sizeof many);
	buf_done(&b);
}
END_TEST

/* No memory says nothing about a text: for each allocation of its tree. */
START_TEST(json_without_memory_is_not_bad_json)
{
	static const char text[] = "{\"a\":[1,2,{\"b\":\"c\\ud800\"}],\"d\":null}";
	struct err err = { 0 };
	int rc, n = 0;

	do {
		struct json *v = NULL;

		fault_arm(FAULT_MEMORY, n++);
		rc = json_parse(text, sizeof text - 1, &v, &err);
		ck_assert_msg(rc == (fault_left() < 0 ? BD_ENOMEM : 0), "%d: %d %s", n, rc, err.msg);
		json_free(v);
	} while (rc < 0);
	fault_arm(FAULT_NONE, 0);
	ck_assert_int_gt(n, 8);
}
END_TEST

START_TEST(a_line_too_long_is_passed_over)
{
	char path[] = "/tmp/batchd-mem.XXXXXX", big[400000];
	struct line_reader r;
	struct span line;
	struct err err = { 0 };
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	memset(big, 'b', sizeof big);
	fputs("one\n", f);
	for (int i = 0; i < 4; i++)
		fwrite(big, 1, sizeof big, f);
	fputs("\nthree\n", f);
	fwrite(big, 1, sizeof big, f);          /* and the last has no end */
	fclose(f);
	ck_assert_int_eq(line_reader_open(&r, path, &err), 0);
	ck_assert_int_eq(line_reader_next(&r, 1000, &line, &err), 1);
	ck_assert_int_eq(line_reader_next(&r, 1000, &line, &err), BD_EINVALID);
	ck_assert_uint_eq(line.len, 1000);
	ck_assert_int_eq(r.line_off, 4);
	ck_assert_int_eq(line_reader_skip(&r, &err), 0);
	ck_assert_uint_lt(r.buf.cap, 2 * sizeof big);           /* it is not kept */
	ck_assert_int_eq(line_reader_next(&r, 1000, &line, &err), 1);
	ck_assert(span_is(line, "three"));
	ck_assert_int_eq(r.line_no, 3);
	ck_assert_int_eq(r.line_off, 4 + 4 * (int64_t)sizeof big + 1);
	ck_assert_int_eq(line_reader_next(&r, 1000, &line, &err), BD_EINVALID);
	ck_assert_int_eq(line_reader_skip(&r, &err), 0);
	ck_assert_int_eq(line_reader_next(&r, 1000, &line, &err), 0);
	line_reader_close(&r);
	unlink(path);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mem");
	TCase *tc = tcase_create("mem");

	tcase_add_test(tc, an_allocation_that_fails_lives_on_the_room);
	tcase_add_test(tc, what_cannot_be_granted_is_told);
	tcase_add_test(tc, rooms_nest);
	tcase_add_test(tc, a_buffer_that_may_fail_stays_as_it_is);
	tcase_add_test(tc, json_without_memory_is_not_bad_json);
	tcase_add_test(tc, a_line_too_long_is_passed_over);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed > 0;
}
