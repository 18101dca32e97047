/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>

#include "buf.h"
#include "range.h"
#include "rollout.h"

static const struct { const char *start, *end, *kept; } ranges[] = {
	{ NULL, NULL, "c,a__pass10,a__pass2,b" },
	{ "1", "3", "a__pass2,b" },
	{ "2", NULL, "c,b" },
	{ "0", "0", "" },
	{ "0", "99", "c,a__pass10,a__pass2,b" },
	{ "a__pass2", "b", "a__pass2,b" },
	{ "a__pass10", "a__pass10", "a__pass10" },
	{ NULL, "a__pass2", "a__pass10,a__pass2" },
	{ "b0", NULL, "c" },
	{ "b", "a", NULL },
	{ "3", "b", NULL },
	{ "3", "1", NULL },
};

START_TEST(a_range_is_of_sorted_custom_ids)
{
	static const char *const ids[] = { "c", "a__pass10", "a__pass2", "b" };
	struct range r;
	struct buf b = { 0 };
	bool keep[4];
	size_t n = 0;

	if (ranges[_i].kept == NULL) {
		ck_assert_int_eq(range_read(ranges[_i].start, ranges[_i].end, &r, NULL), BD_EINVALID);
		return;
	}
	ck_assert_int_eq(range_read(ranges[_i].start, ranges[_i].end, &r, NULL), 0);
	ck_assert_int_eq((int)range_pick(&r, ids, 4, keep), keep[0] + keep[1] + keep[2] + keep[3]);
	for (size_t i = 0; i < 4; i++)
		if (keep[i])
			buf_printf(&b, "%s%s", n++ > 0 ? "," : "", ids[i]);
	ck_assert_str_eq(buf_str(&b), ranges[_i].kept);
	buf_done(&b);
}
END_TEST

/* Whatever the names are, the passes of a range are those that the list of all custom_ids says. */
START_TEST(a_range_of_passes_is_the_same_as_of_their_custom_ids)
{
	static const char *const ids[] = { "b", "a", "a-b", "a__pass1", "z__pass", "a_", "a__pass", "B", "z" };
	static const int64_t passks[] = { 1, 2, 12, 101 };
	enum { MOST = 9 * 101 };
	int64_t passk = passks[_i % 4];
	size_t n = _i < 4 ? 3 : 9, all = n * (size_t)passk, kept = 0;
	char *cids[MOST];
	bool keep[MOST], want[MOST];

	for (size_t i = 0; i < all; i++)
		cids[i] = custom_id_make(ids[i / (size_t)passk], (int64_t)i % passk, passk);
	for (size_t from = 0; from < all; from += 7) {
		struct range r = { .by_position = true, .from = (int64_t)from, .to = (int64_t)(from + from % 11) };

		for (int by_id = 0; by_id < 2; by_id++, r = (struct range){ .first = cids[from], .last = cids[from * 3 % all] }) {
			ck_assert_int_eq(range_pick_passes(&r, ids, n, passk, keep, &kept, NULL), 0);
			ck_assert_uint_eq(range_pick(&r, (const char *const *)cids, all, want), kept);
			ck_assert_mem_eq(keep, want, all * sizeof *keep);
		}
	}
	for (size_t i = 0; i < all; i++)
		free(cids[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("range");
	TCase *tc = tcase_create("range");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, a_range_is_of_sorted_custom_ids, 0, (int)(sizeof ranges / sizeof ranges[0]));
	tcase_add_loop_test(tc, a_range_of_passes_is_the_same_as_of_their_custom_ids, 0, 8);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed > 0;
}
