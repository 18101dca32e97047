/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch_state.h"
#include "job_state.h"
#include "pass_state.h"
#include "retry.h"
#include "wire_id.h"

/* The pure rules: states and their moves, waits, custom_ids on the wire. */

/* --- states: the three tables by one set of rules ----------------------------------------------- */

struct states {
	int n;
	const char *(*name)(int s), *(*word)(int s), *(*waits)(int s);
	bool (*may)(int from, int to), (*of)(const char *name, int *ret);
};

#define KIND(kind, KIND_COUNT) \
	static const char *kind##_name(int s) { return kind##_state_name((enum kind##_state)s); } \
	static const char *kind##_word(int s) { return kind##_state_word((enum kind##_state)s); } \
	static const char *kind##_waits(int s) { return kind##_state_waits_for((enum kind##_state)s); } \
	static bool kind##_may(int a, int b) { return kind##_may_move((enum kind##_state)a, (enum kind##_state)b); } \
	static bool kind##_of(const char *name, int *ret) \
	{ \
		enum kind##_state s; \
		if (!kind##_state_of(name, &s)) \
			return false; \
		*ret = (int)s; \
		return true; \
	} \
	static const struct states kind##_kind = { KIND_COUNT, kind##_name, kind##_word, kind##_waits, kind##_may, kind##_of };
KIND(job, JOB_STATE_COUNT)
KIND(pass, PASS_STATE_COUNT)
KIND(batch, BATCH_STATE_COUNT)
static const struct states *const kinds[] = { &job_kind, &pass_kind, &batch_kind };

START_TEST(a_state_is_found_by_its_name_and_shown_in_small_letters)
{
	const struct states *k = kinds[_i];
	int s = -1;

	for (int i = 0; i < k->n; i++) {
		ck_assert(k->of(k->name(i), &s));
		ck_assert_int_eq(s, i);
		const char *word = k->word(i), *name = k->name(i);
		ck_assert_uint_eq(strlen(word), strlen(name));
		for (size_t c = 0; word[c] != '\0'; c++)
			ck_assert_int_eq(word[c], tolower((unsigned char)name[c]));
	}
	ck_assert(!k->of("NOTHING", &s));
	ck_assert(!k->of("", &s));
	ck_assert(!k->of(NULL, &s));
	ck_assert(!k->of(k->word(0), &s));
}
END_TEST

/* Who waits for something can go on; who cannot go on waits for nothing; everybody can be reached. */
START_TEST(a_state_that_waits_can_go_on_and_all_are_reached)
{
	const struct states *k = kinds[_i];
	bool reached[16] = { true };

	for (int round = 0; round < k->n; round++)
		for (int a = 0; a < k->n; a++)
			for (int b = 0; b < k->n; b++)
				reached[b] = reached[b] || (reached[a] && k->may(a, b));
	for (int a = 0; a < k->n; a++) {
		bool any = false;

		ck_assert_msg(reached[a], "nothing leads to %s", k->name(a));
		ck_assert_msg(!k->may(a, a), "%s may go to itself", k->name(a));
		for (int b = 0; b < k->n; b++)
			any = any || k->may(a, b);
		ck_assert_msg(any || k->waits(a) == NULL, "%s waits for %s and can go nowhere", k->name(a), k->waits(a));
	}
}
END_TEST

START_TEST(what_is_paid_for_or_settled_is_not_sent_again_by_itself)
{
	/* a pass that is done stays so; one that failed may be judged again */
	for (int to = 0; to < PASS_STATE_COUNT; to++) {
		ck_assert(!pass_may(PASS_DONE, to));
		ck_assert(pass_may(PASS_FAILED, to) == (to == PASS_READY || to == PASS_ANSWERED));
		ck_assert(pass_may(PASS_CANCELED, to) == (to == PASS_READY || to == PASS_ANSWERED));
		ck_assert(pass_may(PASS_READY, to) == (to == PASS_BATCHED || to == PASS_FAILED || to == PASS_CANCELED));
	}
	/* no batch runs whose create was not meant, none is created whose upload was not meant */
	for (int from = 0; from < BATCH_STATE_COUNT; from++) {
		ck_assert(batch_may(from, BATCH_RUNNING) == (from == BATCH_CREATING));
		ck_assert(batch_may(from, BATCH_CREATING) == (from == BATCH_UPLOADED));
		ck_assert(batch_may(from, BATCH_UPLOADING) == (from == BATCH_BUILT));
		ck_assert(batch_may(from, BATCH_ENDED) == (from == BATCH_READING));
		ck_assert(!batch_may(BATCH_ENDED, from));
	}
	/* a job that is coming in cannot end, be canceled or removed by a move */
	ck_assert(!job_may(JOB_LOADING, JOB_DONE) && !job_may(JOB_LOADING, JOB_CANCELED));
	ck_assert(job_may(JOB_FAILED, JOB_RUNNING) && job_may(JOB_CANCELED, JOB_RUNNING));
}
END_TEST

/* --- waits ------------------------------------------------------------------------------------------ */

START_TEST(a_wait_doubles_up_to_its_most_and_is_spread)
{
	int64_t nominal = 1000;

	for (int n = 0; n < 70; n++) {
		int64_t lowest = INT64_MAX, highest = 0;

		for (uint64_t salt = 0; salt < 200; salt++) {
			int64_t ms = wait_ms(n, 1000, 300000, salt);

			ck_assert_int_eq(ms, wait_ms(n, 1000, 300000, salt));
			lowest = ms < lowest ? ms : lowest;
			highest = ms > highest ? ms : highest;
		}
		ck_assert_int_ge(lowest, nominal - nominal / 4);
		ck_assert_int_le(highest, nominal);
		ck_assert_int_gt(highest - lowest, nominal / 8);
		nominal = 2 * nominal > 300000 ? 300000 : 2 * nominal;
	}
}
END_TEST

static const struct { int64_t n, least, most, asked, from, to; } waits[] = {
	{ 0, 1000, 5000, -1, 750, 1000 },
	{ 0, 1000, 5000, 0, 750, 1000 },
	{ 0, 1000, 5000, 3000, 3000, 3000 },
	{ 9, 1000, 5000, 3000, 3750, 5000 },
	{ 0, 1000, 5000, 3600000, 3600000, 3600000 },   /* longer than our most: it is theirs to say */
	{ 5, 10, 10, -1, 8, 10 },
	{ 3, 500, 100, -1, 75, 100 },                   /* most below least */
	{ 0, 1, 1, -1, 1, 1 },
	{ 1000000, 1, INT64_MAX / 4, -1, INT64_MAX / 8, INT64_MAX / 4 },
};

START_TEST(a_wait_is_never_shorter_than_what_was_asked_for)
{
	for (uint64_t salt = 0; salt < 50; salt++) {
		int64_t ms = wait_asked_ms(waits[_i].n, waits[_i].least, waits[_i].most, salt, waits[_i].asked);

		ck_assert_msg(ms >= waits[_i].from && ms <= waits[_i].to, "%lld ms", (long long)ms);
	}
}
END_TEST

START_TEST(a_pass_is_sent_as_often_as_it_may)
{
	ck_assert(may_try_again(0, 1));
	ck_assert(!may_try_again(1, 1));
	ck_assert(may_try_again(2, 3));
	ck_assert(!may_try_again(3, 3));
	ck_assert(!may_try_again(7, 3));                /* the setting was lowered since */
}
END_TEST

/* --- custom_ids on the wire ---------------------------------------------------------------------------- */

static const struct { const char *id; int max; bool dots, fits; } ids[] = {
	{ "pallets__flask-4045", 64, false, true },
	{ "pallets__flask-4045", 19, false, true },
	{ "pallets__flask-4045", 18, false, false },
	{ "pallets__flask-4045", 0, false, true },
	{ "a.b", 0, true, true },
	{ "a.b", 0, false, false },
	{ "a b", 0, false, false },
	{ "\xc3\xa4", 0, false, false },
	/* what looks like one of ours would be taken for another pass */
	{ "b1-5", 0, true, false },
	{ "b12-0", 64, false, false },
	{ "b1-5x", 0, true, true },
	{ "b-5", 0, true, true },
	{ "bug-5", 0, true, true },
	{ "b1-", 0, true, true },
};

START_TEST(a_custom_id_goes_out_as_it_is_where_it_can)
{
	ck_assert_msg(wire_id_fits(ids[_i].id, ids[_i].max, ids[_i].dots) == ids[_i].fits, "%s", ids[_i].id);
}
END_TEST

START_TEST(a_wire_id_tells_its_pass_to_its_own_job_alone)
{
	static const int64_t numbers[] = { 0, 1, 99, 123456789, INT64_C(999999999999999) };
	static const char *const others[] = { "", "b", "b7", "b7-", "b7-x", "b7--1", "b7-1x", "b7- 1", "b7-+1", "B7-1", "b77-1",
		"xb7-1", "pallets__flask-4045" };
	char id[WIRE_ID_MAX];
	int64_t n = -1;

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		wire_id_make(7, numbers[i], id);
		ck_assert(wire_id_read(id, 7, &n));
		ck_assert_int_eq(n, numbers[i]);
		ck_assert(!wire_id_read(id, 8, &n));
		ck_assert(!wire_id_read(id, 77, &n));
		ck_assert(wire_id_is(id, strlen(id), 7, numbers[i]));
		ck_assert(!wire_id_is(id, strlen(id), 7, numbers[i] + 1));
		ck_assert(!wire_id_is(id, strlen(id), 8, numbers[i]));
		ck_assert(!wire_id_is(id, strlen(id) - 1, 7, numbers[i]));
		ck_assert(wire_id_fits(id, 64, false) == false);
	}
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		ck_assert_msg(!wire_id_read(others[i], 7, &n), "%s", others[i]);
		ck_assert_msg(!wire_id_is(others[i], strlen(others[i]), 7, 1), "%s", others[i]);
	}
	ck_assert(wire_id_is("b7-1\",", 4, 7, 1));      /* a piece of a line: nothing ends it */
	ck_assert(!wire_id_is("b7-1 and more than any of ours has, for ever and ever", 53, 7, 1));
}
END_TEST

#define LOOP(test, table) tcase_add_loop_test(tc, test, 0, (int)(sizeof table / sizeof table[0]))

int main(void)
{
	Suite *s = suite_create("model");
	TCase *tc = tcase_create("model");

	LOOP(a_state_is_found_by_its_name_and_shown_in_small_letters, kinds);
	LOOP(a_state_that_waits_can_go_on_and_all_are_reached, kinds);
	tcase_add_test(tc, what_is_paid_for_or_settled_is_not_sent_again_by_itself);
	tcase_add_test(tc, a_wait_doubles_up_to_its_most_and_is_spread);
	LOOP(a_wait_is_never_shorter_than_what_was_asked_for, waits);
	tcase_add_test(tc, a_pass_is_sent_as_often_as_it_may);
	LOOP(a_custom_id_goes_out_as_it_is_where_it_can, ids);
	tcase_add_test(tc, a_wire_id_tells_its_pass_to_its_own_job_alone);
	suite_add_tcase(s, tc);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
