#include <check.h>
#include <math.h>
#include <time.h>
#include "base/clock.h"
#include "suite.h"

START_TEST(the_monotonic_clock_never_goes_back)
{
    uint64_t last = 1;
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_now_ns();
        ck_assert(now >= last);
        last = now;
    }
}
END_TEST

START_TEST(the_kernel_is_told_what_it_counts)
{
    uint64_t now_ns = clock_now_ns();
    struct timespec converted = clock_timespec(now_ns), now;
    ck_assert(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    ck_assert(converted.tv_sec <= now.tv_sec && now.tv_sec - converted.tv_sec <= 60);
    converted = clock_timespec(CLOCK_BOOT_NS + CLOCK_NS_PER_S + 7);
    ck_assert(converted.tv_sec == 1 && converted.tv_nsec == 7);
}
END_TEST

START_TEST(what_was_before_the_boot_is_never_no_time_at_all)
{
    uint64_t before[] = {0, 1, CLOCK_BOOT_NS - 1, CLOCK_BOOT_NS};
    for (size_t i = 0; i < sizeof(before) / sizeof(*before); i++) {
        struct timespec converted = clock_timespec(before[i]);
        ck_assert(converted.tv_sec == 0 && converted.tv_nsec == 1);
    }
}
END_TEST

START_TEST(the_wall_clock_tells_unix_time)
{
    double before = (double)time(NULL);
    double now = clock_wall_s();
    ck_assert(now >= before - 1 && now <= (double)time(NULL) + 2);
}
END_TEST

START_TEST(spans_are_added_in_nanoseconds)
{
    ck_assert_uint_eq(clock_after_ns(5, 1.5), UINT64_C(1500000005));
    ck_assert_uint_eq(clock_after_ns(5, 1e-9), 6);
    ck_assert_uint_eq(clock_after_ns(5, 0), 5);
}
END_TEST

START_TEST(negative_spans_and_nan_count_as_0)
{
    ck_assert_uint_eq(clock_after_ns(5, -1), 5);
    ck_assert_uint_eq(clock_after_ns(5, -HUGE_VAL), 5);
    ck_assert_uint_eq(clock_after_ns(5, NAN), 5);
}
END_TEST

START_TEST(the_end_of_time_is_not_passed)
{
    ck_assert_uint_eq(clock_after_ns(5, HUGE_VAL), UINT64_MAX);
    ck_assert_uint_eq(clock_after_ns(5, 1e300), UINT64_MAX);
    ck_assert_uint_eq(clock_after_ns(5, 18446744073.709551616), UINT64_MAX);
    ck_assert_uint_eq(clock_after_ns(UINT64_MAX - 1, 1), UINT64_MAX);
    ck_assert_uint_eq(clock_after_ns(UINT64_MAX, 0), UINT64_MAX);
}
END_TEST

START_TEST(nanoseconds_become_seconds)
{
    ck_assert_double_eq(clock_seconds(1500000000), 1.5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clock");
    TCase *tests = tcase_create("clock");
    tcase_add_test(tests, the_monotonic_clock_never_goes_back);
    tcase_add_test(tests, the_kernel_is_told_what_it_counts);
    tcase_add_test(tests, what_was_before_the_boot_is_never_no_time_at_all);
    tcase_add_test(tests, the_wall_clock_tells_unix_time);
    tcase_add_test(tests, spans_are_added_in_nanoseconds);
    tcase_add_test(tests, negative_spans_and_nan_count_as_0);
    tcase_add_test(tests, the_end_of_time_is_not_passed);
    tcase_add_test(tests, nanoseconds_become_seconds);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
