#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "suite.h"
#include "supervisor/store_time.h"

#define S INT64_C(1000000000)

/* A moment so many seconds after a boot. */
static uint64_t up(int64_t seconds)
{
    return CLOCK_BOOT_NS + (uint64_t)(seconds * S);
}

/* Last seen at 1,000,000 s on the wall clock, 500 s after boot "a", with a shift of 7 s. */
static struct store_time seen(void)
{
    return (struct store_time){
        .boot = "a", .shift_ns = 7 * S, .seen_ns = (int64_t)up(500) + 7 * S, .seen_s = 1000000};
}

static int64_t stored(const struct store_time *known, const char *boot, uint64_t now_ns,
                      double wall_s)
{
    return (int64_t)now_ns + store_time_shift(known, boot, now_ns, wall_s);
}

START_TEST(the_first_time_is_that_of_the_monotonic_clock)
{
    struct store_time never = {0};
    ck_assert_int_eq(store_time_shift(&never, "a", up(100), 1e9), 0);
    ck_assert_int_eq(store_time_shift(&never, "", up(100), 1e9), 0);
}
END_TEST

START_TEST(during_a_boot_the_wall_clock_changes_nothing)
{
    struct store_time known = seen();
    ck_assert_int_eq(store_time_shift(&known, "a", up(600), 1000100), 7 * S);
    ck_assert_int_eq(store_time_shift(&known, "a", up(600), 5), 7 * S);
    ck_assert_int_eq(store_time_shift(&known, "a", up(600), 9e9), 7 * S);
    ck_assert_int_eq(store_time_shift(&known, "a", up(600), NAN), 7 * S);
}
END_TEST

START_TEST(over_a_boot_as_much_time_passes_as_the_wall_clock_says)
{
    struct store_time known = seen();
    ck_assert_int_eq(stored(&known, "b", up(3), 1000060), known.seen_ns + 60 * S);
    /* However long either machine was up. */
    ck_assert_int_eq(stored(&known, "b", up(1000000), 1000060), known.seen_ns + 60 * S);
}
END_TEST

START_TEST(a_wall_clock_that_was_set_back_stops_the_time_and_no_more)
{
    struct store_time known = seen();
    ck_assert_int_eq(stored(&known, "b", up(3), 999000), known.seen_ns);
    ck_assert_int_eq(stored(&known, "b", up(3), -5), known.seen_ns);
    ck_assert_int_eq(stored(&known, "b", up(3), NAN), known.seen_ns);
}
END_TEST

START_TEST(a_wall_clock_gone_mad_does_not_use_the_time_up)
{
    struct store_time known = seen();
    int64_t after = stored(&known, "b", up(3), 1e300);
    ck_assert_int_eq(after, known.seen_ns + 10 * 365 * 86400 * S);
    known.seen_ns = INT64_MAX - 5;
    ck_assert_int_eq(stored(&known, "b", up(3), 1e300), INT64_MAX);
}
END_TEST

START_TEST(a_boot_without_a_name_is_a_new_one)
{
    struct store_time known = seen();
    ck_assert_int_eq(stored(&known, "", up(600), 1000060), known.seen_ns + 60 * S);
    known.boot[0] = '\0';
    ck_assert_int_eq(stored(&known, "", up(600), 1000060), known.seen_ns + 60 * S);
}
END_TEST

START_TEST(time_never_goes_back_where_the_monotonic_clock_did)
{
    struct store_time known = seen();
    ck_assert_int_eq(stored(&known, "a", up(400), 1000060), known.seen_ns + 60 * S);
}
END_TEST

START_TEST(a_moment_keeps_its_distance_over_ten_boots)
{
    struct store_time known = {0};
    char boot[2] = "a";
    int64_t begin = 0, due = 0;
    for (int i = 0; i < 10; i++, boot[0]++) { /* each boot is up for 100 s, then off for 50 s */
        int64_t shift = store_time_shift(&known, boot, up(20), 1e6 + 150 * i);
        if (i == 0) {
            begin = (int64_t)up(20) + shift;
            due = begin + 1000 * S;
        }
        ck_assert_int_eq((int64_t)up(20) + shift, begin + 150 * S * i);
        /* As the loop sees it: a point on the monotonic clock, before this boot perhaps. */
        ck_assert_uint_eq((uint64_t)(due - shift), up(20) + (uint64_t)((1000 - 150 * i) * S));
        known.shift_ns = shift;
        memcpy(known.boot, boot, 2);
        known.seen_ns = (int64_t)up(120) + shift;
        known.seen_s = 1e6 + 150 * i + 100;
    }
}
END_TEST

START_TEST(this_boot_has_a_name_that_stays)
{
    char one[64], two[64];
    store_time_boot(one, sizeof(one));
    store_time_boot(two, sizeof(two));
    ck_assert_uint_eq(strlen(one), 36); /* a UUID */
    ck_assert_str_eq(one, two);
    store_time_boot(two, 5);
    ck_assert_uint_eq(strlen(two), 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_time");
    TCase *tests = tcase_create("store_time");
    tcase_add_test(tests, the_first_time_is_that_of_the_monotonic_clock);
    tcase_add_test(tests, during_a_boot_the_wall_clock_changes_nothing);
    tcase_add_test(tests, over_a_boot_as_much_time_passes_as_the_wall_clock_says);
    tcase_add_test(tests, a_wall_clock_that_was_set_back_stops_the_time_and_no_more);
    tcase_add_test(tests, a_wall_clock_gone_mad_does_not_use_the_time_up);
    tcase_add_test(tests, a_boot_without_a_name_is_a_new_one);
    tcase_add_test(tests, time_never_goes_back_where_the_monotonic_clock_did);
    tcase_add_test(tests, a_moment_keeps_its_distance_over_ten_boots);
    tcase_add_test(tests, this_boot_has_a_name_that_stays);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
