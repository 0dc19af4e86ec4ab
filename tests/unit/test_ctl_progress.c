#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/progress.h"
#include "suite.h"

static void shows(struct progress_counts counts, unsigned columns, const char *expected)
{
    char line[256];
    ck_assert_str_eq(progress_line(&counts, columns, line, sizeof(line)), expected);
}

START_TEST(the_bar_fills_with_the_jobs_that_ended)
{
    struct progress_counts counts = {.jobs = 10, .elapsed_s = 1.26};
    shows(counts, 50, "[......................]   0% 0 of 10 done, 1.3 s");
    counts.ended = 5;
    shows(counts, 50, "[###########...........]  50% 5 of 10 done, 1.3 s");
    counts.ended = 10;
    counts.not_succeeded = 2;
    shows(counts, 50, "[###########] 100% 10 of 10 done, 2 failed, 1.3 s");
}
END_TEST

START_TEST(what_waits_and_was_tried_again_is_told_where_it_is_not_0)
{
    struct progress_counts counts = {.jobs = 10, .ended = 5, .not_succeeded = 1, .elapsed_s = 1};
    counts.waiting = 3;
    counts.retries = 1;
    shows(counts, 60, " 50% 5 of 10 done, 1 failed, 1 retry, 3 waiting, 1.0 s");
    counts.not_succeeded = counts.waiting = 0;
    counts.retries = 2;
    counts.paused = true;
    shows(counts, 50, " 50% 5 of 10 done, 2 retries, paused, 1.0 s");
}
END_TEST

START_TEST(it_is_full_only_at_the_end)
{
    struct progress_counts counts = {.jobs = 1000000, .ended = 999999};
    char line[256];
    ck_assert_ptr_nonnull(strstr(progress_line(&counts, 80, line, sizeof(line)), " 99% "));
    ck_assert_ptr_nonnull(strchr(line, '.'));
}
END_TEST

START_TEST(it_never_takes_the_last_column)
{
    struct progress_counts counts = {.jobs = 123456,
                                     .ended = 12345,
                                     .not_succeeded = 1234,
                                     .waiting = UINT64_MAX,
                                     .retries = UINT64_MAX,
                                     .paused = true,
                                     .elapsed_s = 123456};
    for (unsigned columns = 0; columns < 200; columns++) {
        char line[256];
        (void)progress_line(&counts, columns, line, sizeof(line));
        ck_assert_msg(strlen(line) < (columns ? columns : 1), "%u: \"%s\"", columns, line);
    }
}
END_TEST

START_TEST(without_a_total_there_is_no_bar)
{
    struct progress_counts counts = {.ended = 5, .elapsed_s = 61};
    shows(counts, 80, "5 done, 61.0 s");
    counts.elapsed_s = 3725.9;
    shows(counts, 80, "5 done, 1h2min5s");
}
END_TEST

START_TEST(more_ended_than_known_is_still_a_bar)
{
    struct progress_counts counts = {.jobs = 2, .ended = 3};
    shows(counts, 40, "[#############] 100% 3 of 2 done, 0.0 s");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_progress");
    TCase *tests = tcase_create("ctl_progress");
    tcase_add_test(tests, the_bar_fills_with_the_jobs_that_ended);
    tcase_add_test(tests, what_waits_and_was_tried_again_is_told_where_it_is_not_0);
    tcase_add_test(tests, it_is_full_only_at_the_end);
    tcase_add_test(tests, it_never_takes_the_last_column);
    tcase_add_test(tests, without_a_total_there_is_no_bar);
    tcase_add_test(tests, more_ended_than_known_is_still_a_bar);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
