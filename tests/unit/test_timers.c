#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "suite.h"
#include "base/timers.h"

enum { TIMERS = 3000 };

struct item {
    struct timer timer;
    uint64_t deadline_ns; /* as the reference knows it; 0: not set */
};

static void on_time(struct timer *timer)
{
    (void)timer;
}

static uint64_t random_below(uint64_t limit)
{
    return (uint64_t)random() % limit;
}

/* The reference: looks at all of them. UINT64_MAX: none is set. */
static uint64_t earliest(const struct item *items)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < TIMERS; i++)
        if (items[i].deadline_ns && items[i].deadline_ns < least)
            least = items[i].deadline_ns;
    return least;
}

static size_t count(const struct item *items)
{
    size_t set = 0;
    for (size_t i = 0; i < TIMERS; i++)
        set += items[i].deadline_ns > 0;
    return set;
}

static void set(struct timers *timers, struct item *item, uint64_t deadline_ns)
{
    ck_assert_int_eq(timers_set(timers, &item->timer, deadline_ns, on_time), 0);
    item->deadline_ns = deadline_ns;
}

static void drop(struct timers *timers, struct item *item)
{
    timers_drop(timers, &item->timer);
    item->deadline_ns = 0;
}

/* Takes one that is due, as the reference says which deadline it must have. */
static void take(struct timers *timers, struct item *items, uint64_t now_ns)
{
    uint64_t next_ns = earliest(items);
    ck_assert_uint_eq(timers_next_ns(timers), next_ns);
    struct timer *timer = timers_take(timers, now_ns);
    if (next_ns > now_ns) {
        ck_assert_ptr_null(timer);
        return;
    }
    struct item *item = (struct item *)timer;
    ck_assert_uint_eq(item->deadline_ns, next_ns);
    item->deadline_ns = 0;
}

/* Deadlines as a seeded mixture of spans, so that runs and heap are both in use. */
static uint64_t some_deadline(uint64_t now_ns, unsigned spans)
{
    static const uint64_t span[] = {1, 100, 5000, 20000, 77, 1000000, 3, 40000};
    return spans ? now_ns + span[random_below(spans)] : now_ns + 1 + random_below(100000);
}

static void mix(unsigned seed, unsigned spans, unsigned drops)
{
    struct item *items = calloc(TIMERS, sizeof(*items));
    struct timers *timers = timers_new();
    uint64_t now_ns = 1;
    srandom(seed);
    for (unsigned step = 0; step < 30000; step++) {
        now_ns += random_below(3);
        struct item *item = &items[random_below(TIMERS)];
        unsigned what = (unsigned)random_below(10);
        if (what < drops)
            drop(timers, item);
        else if (what < 8)
            set(timers, item, some_deadline(now_ns, spans));
        else
            take(timers, items, now_ns);
        if (step % 1000 == 0) {
            ck_assert_uint_eq(timers_count(timers), count(items));
            timers_trim(timers);
        }
    }
    while (earliest(items) != UINT64_MAX)
        take(timers, items, UINT64_MAX);
    ck_assert_ptr_null(timers_take(timers, UINT64_MAX));
    ck_assert_uint_eq(timers_count(timers), 0);
    timers_free(timers);
    free(items);
}

START_TEST(random_use_agrees_with_a_reference)
{
    /* by seed: number of spans (0: all random), and drops among 10 steps */
    static const unsigned spans[] = {0, 1, 2, 4, 8}, drops[] = {0, 3, 5};
    mix((unsigned)_i + 1, spans[(unsigned)_i % 5], drops[(unsigned)_i / 5]);
}
END_TEST

START_TEST(timers_of_one_span_come_in_order)
{
    struct item *items = calloc(TIMERS, sizeof(*items));
    struct timers *timers = timers_new();
    for (size_t i = 0; i < TIMERS; i++)
        set(timers, &items[i], 1000 + i);
    for (size_t i = 0; i < TIMERS; i++)
        ck_assert_ptr_eq(timers_take(timers, UINT64_MAX), &items[i].timer);
    timers_free(timers);
    free(items);
}
END_TEST

START_TEST(a_timer_is_not_due_before_its_nanosecond)
{
    struct timers *timers = timers_new();
    struct item item = {0};
    set(timers, &item, 1000);
    ck_assert_ptr_null(timers_take(timers, 999));
    ck_assert_ptr_eq(timers_take(timers, 1000), &item.timer);
    ck_assert_ptr_null(timers_take(timers, 1000));
    timers_free(timers);
}
END_TEST

START_TEST(setting_again_moves_a_timer)
{
    struct timers *timers = timers_new();
    struct item items[2] = {{{0}, 0}};
    set(timers, &items[0], 1000);
    set(timers, &items[1], 2000);
    set(timers, &items[0], 3000);
    ck_assert_uint_eq(timers_count(timers), 2);
    ck_assert_ptr_eq(timers_take(timers, UINT64_MAX), &items[1].timer);
    ck_assert_ptr_eq(timers_take(timers, UINT64_MAX), &items[0].timer);
    timers_free(timers);
}
END_TEST

START_TEST(dropping_twice_does_nothing)
{
    struct timers *timers = timers_new();
    struct item item = {0};
    timers_drop(timers, &item.timer);
    set(timers, &item, 1000);
    timers_drop(timers, &item.timer);
    timers_drop(timers, &item.timer);
    ck_assert_uint_eq(timers_count(timers), 0);
    ck_assert_uint_eq(timers_next_ns(timers), UINT64_MAX);
    timers_free(timers);
}
END_TEST

START_TEST(timeouts_that_are_dropped_again_and_again_take_no_memory)
{
    /* One that stays, and timeouts behind it that never come: what a server does all day. */
    struct timers *timers = timers_new();
    struct item stays = {0}, comes[2] = {{{0}, 0}};
    set(timers, &stays, 1);
    for (uint64_t i = 0; i < 3000000; i++) {
        set(timers, &comes[i % 2], 1000 + i);
        if (i > 0)
            drop(timers, &comes[(i + 1) % 2]);
    }
    ck_assert_uint_eq(timers_count(timers), 2);
    ck_assert_uint_lt(timers_memory(timers), 1 << 20);
    timers_free(timers);
}
END_TEST

START_TEST(trimming_gives_memory_back)
{
    struct item *items = calloc(TIMERS, sizeof(*items));
    struct timers *timers = timers_new();
    ck_assert_int_eq(timers_reserve(timers, 100000), 0);
    ck_assert_uint_ge(timers_memory(timers), 100000 * 16);
    for (size_t i = 0; i < TIMERS; i++)
        set(timers, &items[i], 1 + random_below(1000));
    timers_trim(timers);
    ck_assert_uint_lt(timers_memory(timers), 400000);
    while (earliest(items) != UINT64_MAX)
        take(timers, items, UINT64_MAX);
    timers_trim(timers);
    ck_assert_uint_lt(timers_memory(timers), 32768);
    timers_free(timers);
    free(items);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("timers");
    TCase *tests = tcase_create("timers");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, random_use_agrees_with_a_reference, 0, 15);
    tcase_add_test(tests, timers_of_one_span_come_in_order);
    tcase_add_test(tests, a_timer_is_not_due_before_its_nanosecond);
    tcase_add_test(tests, setting_again_moves_a_timer);
    tcase_add_test(tests, dropping_twice_does_nothing);
    tcase_add_test(tests, timeouts_that_are_dropped_again_and_again_take_no_memory);
    tcase_add_test(tests, trimming_gives_memory_back);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
