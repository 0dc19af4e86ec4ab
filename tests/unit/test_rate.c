#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/rate.h"
#include "suite.h"

#define MS UINT64_C(1000000)
#define S (1000 * MS)

static struct rate parsed(const char *text)
{
    struct rate rate;
    ck_assert_msg(rate_parse(text, &rate) == 0, "%s is no rate", text);
    return rate;
}

START_TEST(rates_are_read_and_shown)
{
    static const struct {
        const char *text, *shown;
        uint64_t interval_ns;
        uint32_t burst;
    } cases[] = {
        {"100/s", "100/s", 10 * MS, 1},
        {"10/min", "10/min", 6 * S, 1},
        {"60/min", "1/s", S, 1},
        {"1/h", "1/h", 3600 * S, 1},
        {"0.5/s", "30/min", 2 * S, 1},
        {"1e3/s burst 20", "1000/s burst 20", MS, 20},
        {"1000000/s", "1000000/s", 1000, 1},
        {"1/d burst 1", "1/d", 86400 * S, 1},
        {"2.5/h burst 3", "2.5/h burst 3", 1440 * S, 3},
        {"1/d burst 36500", "1/d burst 36500", 86400 * S, 36500},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct rate rate = parsed(cases[i].text);
        char shown[64];
        ck_assert_uint_eq(rate.interval_ns, cases[i].interval_ns);
        ck_assert_uint_eq(rate.burst, cases[i].burst);
        ck_assert_str_eq(rate_show(&rate, shown, sizeof(shown)), cases[i].shown);
    }
    char shown[8] = "x";
    ck_assert_str_eq(rate_show(&(struct rate){0}, shown, sizeof(shown)), "");
}
END_TEST

START_TEST(what_is_no_rate_is_refused)
{
    static const struct {
        const char *text;
        int result;
    } cases[] = {
        {"", -EINVAL},
        {"100", -EINVAL},
        {"/s", -EINVAL},
        {"100/", -EINVAL},
        {"100/sec ", -EINVAL},
        {"100 /s", -EINVAL},
        {"x/s", -EINVAL},
        {"nan/s", -EINVAL},
        {"inf/s", -EINVAL},
        {"100/s burst", -EINVAL},
        {"100/s burst x", -EINVAL},
        {"100/s  burst 2", -EINVAL},
        {"0/s", -ERANGE},
        {"-1/s", -ERANGE},
        {"1000001/s", -ERANGE},
        {"1e999/s", -ERANGE},
        {"0.001/d", -ERANGE},
        {"1/s burst 0", -ERANGE},
        {"1/s burst -1", -ERANGE},
        {"1/s burst 1000001", -ERANGE},
        {"1/d burst 36501", -ERANGE},
        {"0.19515561/h burst 1000000", -ERANGE},
        {"1111111111111111111111111111111111111111111111111111111111111111/s", -EINVAL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct rate rate = {.interval_ns = 7};
        ck_assert_msg(rate_parse(cases[i].text, &rate) == cases[i].result, "%s", cases[i].text);
        ck_assert_uint_eq(rate.interval_ns, 7);
    }
}
END_TEST

START_TEST(without_a_rate_there_is_always_room)
{
    struct rate rate = {0};
    ck_assert_uint_eq(rate_room(&rate, 0, 1000), 1000);
    rate_take(&rate, 0, 1000);
    ck_assert_uint_eq(rate_room(&rate, 0, UINT32_MAX), UINT32_MAX);
}
END_TEST

START_TEST(they_come_evenly_spaced)
{
    struct rate rate = parsed("100/s");
    uint64_t now = 5 * S;
    for (int i = 0; i < 100; i++) {
        ck_assert_uint_eq(rate_room(&rate, now, 1000), 1);
        rate_take(&rate, now, 1);
        ck_assert_uint_eq(rate_room(&rate, now, 1000), 0);
        ck_assert_uint_eq(rate_room(&rate, now + 10 * MS - 1, 1000), 0);
        now = rate_await(&rate);
    }
    ck_assert_uint_eq(now, 6 * S);
}
END_TEST

START_TEST(a_burst_comes_at_once_and_again_after_as_long_a_pause)
{
    struct rate rate = parsed("10/s burst 5");
    uint64_t now = 50 * S;
    ck_assert_uint_eq(rate_room(&rate, now, 1000), 5);
    ck_assert_uint_eq(rate_room(&rate, now, 3), 3);
    rate_take(&rate, now, 5);
    ck_assert_uint_eq(rate_room(&rate, now, 1000), 0);
    now += 200 * MS;
    ck_assert_uint_eq(rate_room(&rate, now, 1000), 2);
    rate_take(&rate, now, 1);
    now += 10 * S;
    ck_assert_uint_eq(rate_room(&rate, now, 1000), 5);
}
END_TEST

START_TEST(who_wakes_late_loses_nothing)
{
    struct rate rate = parsed("1000/s");
    uint64_t now = S, begin = now;
    uint32_t count = 0;
    srand(1);
    while (now < begin + 10 * S) {
        uint32_t room = rate_room(&rate, now, 1000);
        rate_take(&rate, now, room);
        count += room;
        uint64_t next = rate_await(&rate);
        now = (next > now ? next : now) + (uint64_t)(rand() % 5000000); /* up to 5 ms late */
    }
    ck_assert_uint_ge(count, 9950);
    ck_assert_uint_le(count, 10010);
}
END_TEST

START_TEST(a_pause_without_demand_gives_no_credit_and_a_long_delay_but_little)
{
    struct rate rate = parsed("1000/s");
    rate_take(&rate, S, 1);
    ck_assert_uint_eq(rate_room(&rate, 100 * S, 1000), 1);
    rate_take(&rate, 100 * S, 1);
    (void)rate_await(&rate);
    ck_assert_uint_le(rate_room(&rate, 200 * S, 1000000), RATE_LAG_NS / MS + 1);
}
END_TEST

START_TEST(no_window_has_more_than_rate_and_burst_allow)
{
    static uint64_t times[200000];
    struct rate rate = parsed("2000/s burst 7");
    size_t count = 0;
    uint64_t now = S;
    srand((unsigned)_i + 1);
    while (now < 20 * S) {
        uint32_t room = rate_room(&rate, now, (uint32_t)(rand() % 20 + 1));
        rate_take(&rate, now, room);
        for (uint32_t i = 0; i < room; i++)
            times[count++] = now;
        if (rand() % 2 && room == 0)
            now = rate_await(&rate);
        now += (uint64_t)(rand() % (rand() % 50 ? 1000000 : 500000000));
    }
    /* In any window: rate times its length, the burst, what a delay may be made up for, and the one at its edge. */
    for (size_t first = 0; first < count; first += 7) {
        for (size_t last = first; last < count; last += 101) {
            double allowed = 2000 * (double)(times[last] - times[first] + RATE_LAG_NS) / 1e9 + 8;
            ck_assert_msg((double)(last - first + 1) <= allowed, "%zu to %zu", first, last);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rate");
    TCase *tests = tcase_create("rate");
    tcase_add_test(tests, rates_are_read_and_shown);
    tcase_add_test(tests, what_is_no_rate_is_refused);
    tcase_add_test(tests, without_a_rate_there_is_always_room);
    tcase_add_test(tests, they_come_evenly_spaced);
    tcase_add_test(tests, a_burst_comes_at_once_and_again_after_as_long_a_pause);
    tcase_add_test(tests, who_wakes_late_loses_nothing);
    tcase_add_test(tests, a_pause_without_demand_gives_no_credit_and_a_long_delay_but_little);
    tcase_add_loop_test(tests, no_window_has_more_than_rate_and_burst_allow, 0, 3);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
