#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/summary.h"
#include "ctl/text.h"
#include "suite.h"

/* The line for a summary as the protocol tells it. */
static void reads(const char *json, const char *expected)
{
    json_t *root = json_loads(json, 0, NULL);
    ck_assert_ptr_nonnull(root);
    struct summary summary;
    char line[400];
    summary_read(root, &summary);
    ck_assert_str_eq(summary_line(&summary, line, sizeof(line)), expected);
    json_decref(root);
}

START_TEST(ten_seconds_of_work_in_one)
{
    reads("{\"batch\":1,\"state\":\"succeeded\",\"jobs\":10,\"succeeded\":10,\"failed\":0,"
          "\"wall\":1.002,\"work\":10.001,\"speedup\":9.981}",
          "batch 1 done: 10 succeeded, 10.00 s of work in 1.00 s (9.98x)");
}
END_TEST

START_TEST(every_state_is_told)
{
    reads("{\"batch\":7,\"state\":\"failed\",\"jobs\":12,\"succeeded\":1,\"failed\":2,"
          "\"timed_out\":3,\"cancelled\":1,\"crashed\":1,\"skipped\":4,"
          "\"wall\":0.0123,\"work\":0.5,\"speedup\":40.65}",
          "batch 7 done: 1 succeeded, 2 failed, 3 timed out, 1 cancelled, 1 crashed, 4 skipped, "
          "0.50 s of work in 12.3 ms (40.65x)");
    reads("{\"batch\":8,\"state\":\"cancelled\",\"jobs\":2,\"cancelled\":2,\"wall\":5,\"work\":0,"
          "\"speedup\":0}",
          "batch 8 cancelled: 2 cancelled, 0.00 s of work in 5.00 s");
}
END_TEST

START_TEST(what_is_missing_counts_as_nothing)
{
    struct summary summary;
    char counts[100];
    summary_read(NULL, &summary);
    ck_assert_str_eq(summary_counts(&summary, counts, sizeof(counts)), "no jobs");
    ck_assert(!summary_succeeded(&summary));
}
END_TEST

START_TEST(what_is_paused_is_told_as_its_state_until_it_has_ended)
{
    static const char *const states[][2] = {
        {"open", "paused"}, {"running", "paused"}, {"cancelled", "cancelled"}};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct summary summary;
        json_t *json = json_pack("{s:s, s:b}", "state", states[i][0], "paused", 1);
        summary_read(json, &summary);
        ck_assert_str_eq(summary.state, states[i][1]);
        json_decref(json);
    }
}
END_TEST

START_TEST(only_the_state_succeeded_is_success)
{
    static const char *const states[] = {"open", "running", "failed", "cancelled"};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct summary summary = {.state = states[i]};
        ck_assert(!summary_succeeded(&summary));
    }
    struct summary summary = {.state = "succeeded"};
    ck_assert(summary_succeeded(&summary));
}
END_TEST

START_TEST(short_buffers_are_never_overrun)
{
    struct summary summary = {
        .state = "failed", .ended[JOB_SUCCEEDED] = 10, .ended[JOB_FAILED] = 2};
    for (size_t size = 1; size < 40; size++) {
        char *buffer = malloc(size);
        (void)summary_counts(&summary, buffer, size);
        ck_assert_uint_lt(strlen(buffer), size);
        (void)summary_line(&summary, buffer, size);
        ck_assert_uint_lt(strlen(buffer), size);
        free(buffer);
    }
}
END_TEST

START_TEST(times_have_the_unit_that_reads_best)
{
    static const struct {
        double seconds;
        const char *text;
    } rows[] = {
        {0, "0.00 s"},       {-1, "0.00 s"},          {NAN, "0.00 s"}, {0.000085, "85 us"},
        {0.0123, "12.3 ms"}, {0.25, "0.25 s"},        {10, "10.00 s"}, {999.994, "999.99 s"},
        {3720, "1h2min"},    {90061.4, "1d1h1min1s"},
    };
    char buffer[32];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_str_eq(text_seconds(rows[i].seconds, buffer, sizeof(buffer)), rows[i].text);
}
END_TEST

START_TEST(a_large_speedup_has_no_decimals)
{
    char buffer[32];
    ck_assert_str_eq(summary_speedup(9.981, buffer, sizeof(buffer)), "9.98");
    ck_assert_str_eq(summary_speedup(958012.3, buffer, sizeof(buffer)), "958012");
}
END_TEST

/* What text_put() writes for these bytes. */
static void is_shown_as(const char *text, size_t size, const char *expected)
{
    char *shown;
    size_t shown_size;
    FILE *file = open_memstream(&shown, &shown_size);
    text_put(file, text, size);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_str_eq(shown, expected);
    free(shown);
}

START_TEST(control_characters_do_not_reach_the_terminal)
{
    is_shown_as("plain, gr\xc3\xbc\xc3\x9f \xe2\x82\xac", 17,
                "plain, gr\xc3\xbc\xc3\x9f \xe2\x82\xac");
    is_shown_as("a\nb\tc\x1b[31m\x7f\0", 12, "a\\nb\\tc\\x1b[31m\\x7f\\x00");
    is_shown_as("\xc2\x9b"
                "31m",
                5, "\\x9b31m");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_summary");
    TCase *tests = tcase_create("ctl_summary");
    tcase_add_test(tests, ten_seconds_of_work_in_one);
    tcase_add_test(tests, every_state_is_told);
    tcase_add_test(tests, what_is_missing_counts_as_nothing);
    tcase_add_test(tests, what_is_paused_is_told_as_its_state_until_it_has_ended);
    tcase_add_test(tests, only_the_state_succeeded_is_success);
    tcase_add_test(tests, short_buffers_are_never_overrun);
    tcase_add_test(tests, times_have_the_unit_that_reads_best);
    tcase_add_test(tests, a_large_speedup_has_no_decimals);
    tcase_add_test(tests, control_characters_do_not_reach_the_terminal);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
