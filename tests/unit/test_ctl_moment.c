#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include "ctl/moment.h"
#include "suite.h"

/* 2026-11-22T14:00:00Z */
#define NOW 1795356000.0

/* Two hours before UTC in winter, one in summer. */
static void set_up(void)
{
    ck_assert_int_eq(setenv("TZ", "XXX2YYY1,M3.5.0,M10.5.0", 1), 0);
    tzset();
}

static void is(const char *text, double expected)
{
    double seconds = -1;
    ck_assert_msg(moment_parse(text, NOW, &seconds) == 0, "\"%s\"", text);
    ck_assert_msg(seconds == expected, "\"%s\": %.3f", text, seconds);
}

START_TEST(spans_are_ago)
{
    is("2h", NOW - 7200);
    is("1.5", NOW - 1.5);
    is("0", NOW);
    is("1d12h", NOW - 129600);
}
END_TEST

START_TEST(dates_and_times_are_local)
{
    is("2026-11-22", NOW - 12 * 3600);
    is("2026-11-22 12:00", NOW);
    is("2026-11-22 12:00:05", NOW + 5);
    is("2026-11-22T11:59", NOW - 60);
    is("2026-07-01 00:00", 1782867600); /* summer: 01:00 UTC */
    is("2028-02-29", 1835402400);
}
END_TEST

START_TEST(an_offset_or_seconds_since_1970_are_not_local)
{
    is("2026-11-22T14:00:00Z", NOW);
    is("2026-11-22T15:00:00+01:00", NOW);
    is("@1795356000", NOW);
    is("@0.5", 0.5);
}
END_TEST

START_TEST(anything_else_is_refused)
{
    static const char *const texts[] = {
        "",
        "@",
        "@x",
        "-2h",
        "2x",
        "yesterday",
        "2026-11",
        "2026-11-31",
        "2026-02-29",
        "2026-13-01",
        "2026-00-10",
        "2026-11-00",
        "2026-11-22 24:00",
        "2026-11-22 12:60",
        "2026-11-22 12:00:60",
        "2026-11-22 12",
        "2026-11-22 12:00:00 ",
        " 2026-11-22",
        "2026-11-2",
        "26-11-22",
    };
    double seconds = 7;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_msg(moment_parse(texts[i], NOW, &seconds) == -EINVAL, "\"%s\"", texts[i]);
    ck_assert_double_eq(seconds, 7);
}
END_TEST

START_TEST(today_is_shown_as_a_time_and_other_days_with_their_date)
{
    char text[MOMENT_SIZE];
    ck_assert_str_eq(moment_show(NOW - 5, NOW, text), "11:59:55");
    ck_assert_str_eq(moment_show(NOW - 12 * 3600, NOW, text), "00:00:00");
    ck_assert_str_eq(moment_show(NOW - 12 * 3600 - 1, NOW, text), "2026-11-21 23:59");
    ck_assert_str_eq(moment_show(NOW - 365 * 86400, NOW, text), "2025-11-22 12:00");
    ck_assert_str_eq(moment_show(1e300, NOW, text), "-");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_moment");
    TCase *tests = tcase_create("ctl_moment");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, spans_are_ago);
    tcase_add_test(tests, dates_and_times_are_local);
    tcase_add_test(tests, an_offset_or_seconds_since_1970_are_not_local);
    tcase_add_test(tests, anything_else_is_refused);
    tcase_add_test(tests, today_is_shown_as_a_time_and_other_days_with_their_date);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
