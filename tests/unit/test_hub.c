/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "hub.h"
#include "mem.h"

/* --- splits ---------------------------------------------------------------------------------------- */

#define SPLIT(config, split) "{\"dataset\":\"o/n\",\"config\":\"" config "\",\"split\":\"" split "\"}"

static const struct { const char *reply, *split, *config, *note; int rc; const char *why; } splits[] = {
	{ "{\"splits\":[" SPLIT("default", "dev") "," SPLIT("default", "test") "]}", "test", "default", NULL, 0, NULL },
	{ "{\"splits\":[" SPLIT("en", "test") "," SPLIT("de", "test") "," SPLIT("de", "dev") "]}", "test", "en", "not de", 0, NULL },
	{ "{\"splits\":[" SPLIT("en", "dev") "," SPLIT("de", "test") "]}", "test", NULL, NULL, BD_EINVALID, "there are: dev" },
	{ "{\"splits\":[],\"pending\":[{\"dataset\":\"o/n\"}]}", "test", NULL, NULL, BD_ENET, "converting" },
	{ "{\"splits\":[" SPLIT("a", "dev") "],\"pending\":[" SPLIT("a", "test") "]}", "test", NULL, NULL, BD_ENET, "converting" },
	{ "{\"splits\":[],\"pending\":[],\"failed\":[{}]}", "test", NULL, NULL, BD_EINVALID, "cannot convert" },
	{ "{\"splits\":[null,7,\"x\"]}", "test", NULL, NULL, BD_EINVALID, "cannot convert" },
	{ "{\"splits\":[{\"config\":\"a\",\"split\":3}]}", "test", NULL, NULL, BD_EINVALID, "no split test" },
	{ "{\"splits\":{}}", "test", NULL, NULL, BD_ENET, "no list of splits" },
	{ "<html>", "test", NULL, NULL, BD_ENET, "not JSON" },
	{ "", "test", NULL, NULL, BD_ENET, "not JSON" },
};

START_TEST(the_first_config_is_taken_and_its_split_is_looked_for)
{
	char *config = NULL, *note = NULL;
	struct err err = { 0 };
	int rc = hub_splits_read(span_of(splits[_i].reply), splits[_i].split, &config, &note, &err);

	ck_assert_int_eq(rc, splits[_i].rc);
	if (rc == 0)
		ck_assert_str_eq(config, splits[_i].config);
	else
		ck_assert_msg(strstr(err.msg, splits[_i].why) != NULL, "%s", err.msg);
	if (splits[_i].note != NULL)
		ck_assert_msg(note != NULL && strstr(note, splits[_i].note) != NULL, "%s", note);
	else
		ck_assert_ptr_null(note);
	free(config);
	free(note);
}
END_TEST

/* --- pages ----------------------------------------------------------------------------------------- */

#define ROW(n, row) "{\"row_idx\":" n ",\"row\":" row ",\"truncated_cells\":[]}"
#define PAGE(rows, total) "{\"features\":[{\"rows\":[1]}],\"rows\":[" rows "],\"num_rows_total\":" total "}"

static const struct { const char *reply; int64_t offset, total; const char *rows; int rc; const char *why; } pages[] = {
	{ PAGE(ROW("0", "{\"a\":1}") "," ROW("1", "{\"b\":[]}"), "2"), 0, -1, "{\"a\":1}\n{\"b\":[]}\n", 0, NULL },
	{ PAGE(ROW("5", "{}"), "6"), 5, 6, "{}\n", 0, NULL },
	{ PAGE("", "0"), 0, -1, "", 0, NULL },
	/* bytes stay as they came, but for line breaks between them */
	{ "{ \"rows\" :\n[ {\r\n \"row\" : {\n \"n\": 12345678901234567890, \"f\": 1.10,\n\t\"t\": \"a\\nb\\u0000\\ud800 } ] \\\" \" },\n"
	  " \"truncated_cells\": [ ], \"row_idx\": 0 } ] , \"num_rows_total\": 1 }", 0, -1,
	  "{ \"n\": 12345678901234567890, \"f\": 1.10,\t\"t\": \"a\\nb\\u0000\\ud800 } ] \\\" \" }\n", 0, NULL },
	/* a row may hold the names that the page has */
	{ PAGE(ROW("0", "{\"row\":{\"rows\":[]},\"row_idx\":9}"), "1"), 0, -1, "{\"row\":{\"rows\":[]},\"row_idx\":9}\n", 0, NULL },
	{ PAGE(ROW("1", "{}"), "2"), 0, -1, NULL, BD_ESTATE, "row 1 came where row 0" },
	{ PAGE(ROW("0", "{}") "," ROW("2", "{}"), "3"), 0, -1, NULL, BD_ESTATE, "row 2 came where row 1" },
	{ PAGE(ROW("\"0\"", "{}"), "1"), 0, -1, NULL, BD_ESTATE, "came where" },
	{ PAGE(ROW("0", "{}"), "3"), 0, 2, NULL, BD_ESTATE, "had 2 rows and has 3" },
	{ PAGE("", "3"), 2, 3, NULL, BD_ESTATE, "has 0" },
	{ PAGE(ROW("0", "{}") "," ROW("1", "{}"), "1"), 0, -1, NULL, BD_ESTATE, "has 1 rows" },
	{ PAGE("{\"row_idx\":0,\"row\":{\"instance_id\":\"o__n-1\"},\"truncated_cells\":[\"patch\"]}", "1"), 0, -1, NULL, BD_EINVALID,
	  "row 0 (o__n-1): the hub gives only a part of patch" },
	{ PAGE("{\"row_idx\":0,\"row\":{},\"truncated_cells\":[7]}", "1"), 0, -1, NULL, BD_EINVALID, "a part of a cell" },
	{ PAGE(ROW("0", "[]"), "1"), 0, -1, NULL, BD_ENET, "no object" },
	{ PAGE("{\"row_idx\":0}", "1"), 0, -1, NULL, BD_ENET, "no object" },
	{ PAGE("null", "1"), 0, -1, NULL, BD_ESTATE, "came where" },
	{ "{\"rows\":[]}", 0, -1, NULL, BD_ENET, "no page" },
	{ "{\"rows\":{},\"num_rows_total\":1}", 0, -1, NULL, BD_ENET, "no page" },
	{ "[]", 0, -1, NULL, BD_ENET, "no page" },
	{ "{\"rows\":[", 0, -1, NULL, BD_ENET, "not JSON" },
};

START_TEST(a_page_is_the_rows_that_were_asked_for_as_they_came)
{
	struct hub_page page = { 0 };
	struct buf rows = { 0 };
	struct err err = { 0 };
	int rc = hub_page_read(span_of(pages[_i].reply), pages[_i].offset, pages[_i].total, &rows, &page, &err);

	ck_assert_msg(rc == pages[_i].rc, "%d: %s", rc, err.msg);
	if (rc == 0)
		ck_assert_str_eq(buf_str(&rows), pages[_i].rows);
	else
		ck_assert_msg(strstr(err.msg, pages[_i].why) != NULL, "%s", err.msg);
	buf_done(&rows);
}
END_TEST

START_TEST(names_are_fit_for_a_url_and_for_a_hub)
{
	static const struct { const char *name; bool is; } names[] = {
		{ "princeton-nlp/SWE-bench_Lite", true }, { "a/b.c", true }, { "a", false }, { "a/b/c", false }, { "/a", false },
		{ "a/", false }, { "../a", false }, { "a/..", false }, { "a/b c", false }, { "a/b?x=1", false }, { "", false },
	};
	struct buf url = { 0 };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		ck_assert_msg(engine_is_hub_name(names[i].name) == names[i].is, "%s", names[i].name);
	ck_assert(!engine_is_hub_name(NULL));
	hub_url_encode(&url, "o-w/n._~ &=#%\xC3\xA9");
	ck_assert_str_eq(buf_str(&url), "o-w%2Fn._~%20%26%3D%23%25%C3%A9");
	buf_done(&url);
}
END_TEST

/* --- the cache ------------------------------------------------------------------------------------- */

static char dir[64];

static void setup(void)
{
	strcpy(dir, "/tmp/test_hub.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
	ck_assert_int_eq(dir_remove(dir, NULL), 0);
}

static struct hub_cache open_cache(const char *dataset, const char *config, const char *split)
{
	struct hub_cache c = { 0 };
	struct err err;

	ck_assert_msg(hub_cache_open(&c, dir, dataset, config, split, &err) == 0, "%s", err.msg);
	return c;
}

static struct hub_part append(struct hub_cache *c, struct hub_part part, const char *rows, int64_t n, int64_t total)
{
	struct hub_page page = { .n = n, .total = total };
	struct err err;

	ck_assert_msg(hub_cache_append(c, &part, span_of(rows), &page, &err) == 0, "%s", err.msg);
	return part;
}

START_TEST(what_was_fetched_is_gone_on_with_if_it_holds)
{
	struct hub_cache c = open_cache("o/n", "default", "test");
	struct hub_part part = { .revision = "r1", .total = -1 }, got;
	struct err err;
	char *path = mem_printf("%s.part", c.stem), *state = mem_printf("%s.part.json", c.stem);

	hub_cache_resume(&c, &got);
	ck_assert(got.rows == 0 && got.total == -1);
	part = append(&c, part, "{}\n{}\n", 2, 3);
	hub_cache_resume(&c, &got);
	ck_assert(got.rows == 2 && got.total == 3 && got.bytes == 6 && strcmp(got.revision, "r1") == 0);
	ck_assert(!hub_cache_has(&c, "r1", &got));

	ck_assert_int_eq(truncate(path, 9), 0);                 /* half a page more: cut when the next one comes */
	part = append(&c, part, "{ }\n", 1, 3);
	ck_assert_int_eq(hub_cache_finish(&c, &part, &err), 0);
	ck_assert(hub_cache_has(&c, "r1", &got) && got.rows == 3 && !hub_cache_has(&c, "r2", &got) && !hub_cache_has(&c, "", &got));
	char *leased = path_join(c.dir, HUB_LEASE "1");
	struct buf text = { 0 };
	ck_assert_int_eq(hub_cache_lease(&c, "r1", leased, &err), 0);
	ck_assert_int_eq(file_get(leased, 100, &text, &err), 0);
	ck_assert_str_eq(buf_str(&text), "{}\n{}\n{ }\n");
	hub_cache_sweep(dir);
	ck_assert_int_eq(file_size(leased), -1);

	part = append(&c, (struct hub_part){ .revision = "r2", .total = -1 }, "{}\n{}\n", 2, 3);
	ck_assert_int_eq(truncate(path, 3), 0);                 /* shorter than the state says */
	hub_cache_resume(&c, &got);
	ck_assert_int_eq(got.rows, 0);
	ck_assert_int_eq(file_put(state, "{\"rows\":", 8, 0600, &err), 0);
	hub_cache_resume(&c, &got);
	ck_assert_int_eq(got.rows, 0);
	buf_done(&text);
	free(leased);
	free(path);
	free(state);
	hub_cache_done(&c);
}
END_TEST

START_TEST(names_do_not_meet_in_the_cache)
{
	static const struct { const char *dataset, *config, *split; } sets[] = {
		{ "o/n", "a-b", "test" }, { "o/n-a", "b", "test" }, { "o/n", "a", "b-test" }, { "o/n", "a", "test.part" },
		{ "o/n", "a/../b", "test" }, { "o/n", "", "test" }, { "o/n", "a", "test" },
	};
	struct hub_cache c[7];
	struct hub_part part, got;
	struct err err;

	for (int i = 0; i < 7; i++) {
		c[i] = open_cache(sets[i].dataset, sets[i].config, sets[i].split);
		part = append(&c[i], (struct hub_part){ .revision = "x-1", .total = -1 }, "{}\n", 1, 1);
		ck_assert_msg(hub_cache_finish(&c[i], &part, &err) == 0, "%s", err.msg);
	}
	part = append(&c[6], (struct hub_part){ .revision = "x-2", .total = -1 }, "{}\n", 1, 1);
	ck_assert_int_eq(hub_cache_finish(&c[6], &part, &err), 0);
	ck_assert(hub_cache_has(&c[6], "x-2", &got) && !hub_cache_has(&c[6], "x-1", &got));
	for (int i = 0; i < 6; i++)
		ck_assert_msg(hub_cache_has(&c[i], "x-1", &got), "%d", i);
	for (int i = 0; i < 7; i++)
		hub_cache_done(&c[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hub");
	TCase *tc = tcase_create("replies");

	tcase_add_loop_test(tc, the_first_config_is_taken_and_its_split_is_looked_for, 0, sizeof splits / sizeof splits[0]);
	tcase_add_loop_test(tc, a_page_is_the_rows_that_were_asked_for_as_they_came, 0, sizeof pages / sizeof pages[0]);
	tcase_add_test(tc, names_are_fit_for_a_url_and_for_a_hub);
	suite_add_tcase(s, tc);
	tc = tcase_create("cache");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_was_fetched_is_gone_on_with_if_it_holds);
	tcase_add_test(tc, names_do_not_meet_in_the_cache);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
