#include <math.h>
#include "store_db_fixture.h"
#include "suite.h"
#include "supervisor/store_list.h"

static struct store_page page;
static int queries; /* that the page took */

static void tear_down(void)
{
    json_decref(page.summaries);
    page.summaries = NULL;
    tear_down_db();
}

static void list(const struct store_filter *filter)
{
    json_decref(page.summaries);
    page = (struct store_page){.summaries = json_array(), .below = filter->below};
    int code;
    for (queries = 1; (code = store_list_query(db, filter, &page, &error)) == 0; queries++)
        ;
    ck_assert_msg(code == 1, "%d: %s", code, error.text);
}

/* The numbers on the page, as a text. */
static const char *numbers(const struct store_filter *filter)
{
    static char text[200];
    int length = 0;
    list(filter);
    text[0] = '\0';
    for (size_t i = 0; i < json_array_size(page.summaries) && length < 180; i++)
        length += snprintf(
            text + length, sizeof(text) - (size_t)length, "%s%lld", i ? " " : "",
            json_integer_value(json_object_get(json_array_get(page.summaries, i), "batch")));
    return text;
}

START_TEST(finished_batches_are_listed_newest_first)
{
    add_finished(1, 7, 10, 1, 100);
    add_unfinished(8, 9);
    ck_assert_str_eq(numbers(&(struct store_filter){.limit = 3}), "7 6 5");
    ck_assert(page.more);
    ck_assert_str_eq(numbers(&(struct store_filter){.limit = 7}), "7 6 5 4 3 2 1");
    ck_assert(!page.more);
    ck_assert_str_eq(numbers(&(struct store_filter){.limit = 4, .below = 5}), "4 3 2 1");
    ck_assert(!page.more);
    ck_assert_str_eq(numbers(&(struct store_filter){.limit = 4, .below = 1}), "");
    ck_assert(!page.more);
    ck_assert_int_eq(queries, 1);
}
END_TEST

START_TEST(each_is_a_summary_as_batch_list_has_it)
{
    add_finished(1, 2, 10, 1, 100);
    run_sql("UPDATE batch SET name = 'caf\u00e9', state = 'failed', jobs = 21, failed = 2, "
            "timed_out = 3,"
            " cancelled = 4, crashed = 5, skipped = 6, submitted = 1e9 + 0.5, ended = 1e9 + 2.5,"
            " wall = 2, work = 3 WHERE number = 2");
    list(&(struct store_filter){.limit = 1});
    char *text = json_dumps(page.summaries, JSON_COMPACT);
    ck_assert_str_eq(text,
                     "[{\"batch\":2,\"name\":\"caf\u00e9\",\"state\":\"failed\",\"jobs\":21,"
                     "\"succeeded\":1,\"failed\":2,\"timed_out\":3,\"cancelled\":4,\"crashed\":5,"
                     "\"skipped\":6,\"wall\":2.0,\"work\":3.0,\"speedup\":1.5,"
                     "\"submitted\":1000000000.5,\"ended\":1000000002.5}]");
    free(text);
    run_sql("UPDATE batch SET wall = 0 WHERE number = 1");
    list(&(struct store_filter){.limit = 1, .below = 2});
    json_t *summary = json_array_get(page.summaries, 0);
    ck_assert_ptr_null(json_object_get(summary, "name"));
    ck_assert(json_is_real(json_object_get(summary, "speedup")));
    ck_assert(fabs(json_real_value(json_object_get(summary, "speedup"))) < 1e-9);
}
END_TEST

START_TEST(filters_choose)
{
    add_finished(1, 9, 10, 1, 100);
    run_sql("UPDATE batch SET state = 'failed' WHERE number IN (3, 5)");
    run_sql("UPDATE batch SET name = 'a' WHERE number < 5");
    run_sql("UPDATE batch SET name = 'ab' WHERE number = 9");
    run_sql("UPDATE batch SET plugins = '[\"exec\",\"wait-long\"]' WHERE number IN (4, 9)");
    run_sql("UPDATE batch SET submitted = number * 100");
    ck_assert_str_eq(numbers(&(struct store_filter){.limit = 9, .state = "failed"}), "5 3");
    ck_assert_str_eq(numbers(&(struct store_filter){.limit = 9, .name = "a"}), "4 3 2 1");
    ck_assert_str_eq(numbers(&(struct store_filter){.limit = 9, .plugin = "exec"}), "9 4");
    ck_assert_str_eq(numbers(&(struct store_filter){.limit = 9, .plugin = "wait"}),
                     "8 7 6 5 3 2 1");
    ck_assert_str_eq(numbers(&(struct store_filter){.limit = 9, .plugin = "long"}), "");
    ck_assert_str_eq(numbers(&(struct store_filter){.limit = 9, .plugin = "exec\",\"wait-long"}),
                     "");
    ck_assert_str_eq(numbers(&(struct store_filter){.limit = 9, .since_s = 700}), "9 8 7");
    ck_assert_str_eq(numbers(&(struct store_filter){.limit = 9, .until_s = 300}), "2 1");
    ck_assert_str_eq(numbers(&(struct store_filter){.limit = 9,
                                                    .name = "a",
                                                    .state = "failed",
                                                    .plugin = "wait",
                                                    .since_s = 300,
                                                    .until_s = 301}),
                     "3");
    ck_assert_str_eq(numbers(&(struct store_filter){.limit = 1, .name = "a", .below = 3}), "2");
    ck_assert(page.more);
    ck_assert_str_eq(numbers(&(struct store_filter){.limit = 9, .name = "' OR 1 --"}), "");
}
END_TEST

START_TEST(what_is_rare_is_looked_for_in_pieces)
{
    add_finished(1, 100000, 10, 1, 10);
    run_sql("UPDATE batch SET name = 'rare' WHERE number IN (17, 70000)");
    ck_assert_str_eq(numbers(&(struct store_filter){.limit = 5, .name = "rare"}), "70000 17");
    ck_assert_int_gt(queries, 5);
    ck_assert(!page.more);
    ck_assert_str_eq(numbers(&(struct store_filter){.limit = 1, .name = "rare"}), "70000");
    ck_assert(page.more); /* for all that is known */
    int for_one = queries;
    ck_assert_str_eq(numbers(&(struct store_filter){.limit = 3}), "100000 99999 99998");
    ck_assert_int_eq(queries, 1);
    ck_assert_int_lt(for_one, 10);
    list(&(struct store_filter){.limit = 50000}); /* more than any window */
    ck_assert_uint_eq(json_array_size(page.summaries), 50000);
    ck_assert(page.more);
}
END_TEST

START_TEST(batches_that_are_far_apart_cost_no_more_than_others)
{
    for (int i = 0; i < 50; i++)
        add_finished(1 + i * 100000000L, 1 + i * 100000000L, 10, 1, 10);
    list(&(struct store_filter){.limit = 100});
    ck_assert_uint_eq(json_array_size(page.summaries), 50);
    ck_assert_int_eq(queries, 1);
    ck_assert(!page.more);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_list");
    TCase *tcase = tcase_create("store_list");
    tcase_add_checked_fixture(tcase, set_up_db, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, finished_batches_are_listed_newest_first);
    tcase_add_test(tcase, each_is_a_summary_as_batch_list_has_it);
    tcase_add_test(tcase, filters_choose);
    tcase_add_test(tcase, what_is_rare_is_looked_for_in_pieces);
    tcase_add_test(tcase, batches_that_are_far_apart_cost_no_more_than_others);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
