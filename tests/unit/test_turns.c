#include <check.h>
#include <stdlib.h>
#include "suite.h"
#include "supervisor/turns.h"

static struct turns turns;

static void set_up(void)
{
    turns = (struct turns){0};
}

static void join(struct turn *turn, int priority)
{
    ck_assert_int_eq(turns_join(&turns, turn, priority), 0);
    turns_want(turn, true);
}

/* Each member has its turn `rounds` times, with `amount` each time, in some order. */
static void check_round(struct turn *members, size_t count, uint32_t amount)
{
    bool had[16] = {false};
    ck_assert_uint_le(count, 16);
    for (size_t i = 0; i < count; i++) {
        struct turn *first = turns_first(&turns);
        ck_assert_ptr_nonnull(first);
        size_t which = (size_t)(first - members);
        ck_assert(which < count && !had[which]);
        had[which] = true;
        turns_give(first, amount);
    }
}

START_TEST(nobody_is_first_where_nobody_wants_a_turn)
{
    struct turn turn = {0};
    ck_assert_ptr_null(turns_first(&turns));
    ck_assert_int_eq(turns_join(&turns, &turn, 0), 0);
    ck_assert_ptr_null(turns_first(&turns));
    turns_want(&turn, true);
    ck_assert_ptr_eq(turns_first(&turns), &turn);
    turns_want(&turn, false);
    ck_assert_ptr_null(turns_first(&turns));
    turns_leave(&turn);
    turns_clear(&turns);
}
END_TEST

START_TEST(equals_take_turns)
{
    struct turn members[7] = {0};
    for (int i = 0; i < 7; i++)
        join(&members[i], 5);
    for (int round = 0; round < 20; round++)
        check_round(members, 7, 3);
    for (int i = 0; i < 7; i++)
        turns_leave(&members[i]);
    turns_clear(&turns);
}
END_TEST

START_TEST(priorities_are_strict_in_whatever_order_they_came)
{
    static const int priorities[] = {0, -100, 7, 100, 7, -3};
    static const size_t order[] = {3, 2, 4, 0, 5, 1}; /* 2 and 4 are equal, 2 came first */
    struct turn members[6] = {0};
    for (size_t i = 0; i < 6; i++)
        join(&members[i], priorities[i]);
    for (size_t i = 0; i < 6; i++) {
        struct turn *first = turns_first(&turns);
        ck_assert_ptr_eq(first, &members[order[i]]);
        ck_assert_int_eq(turns_priority(first), priorities[order[i]]);
        turns_leave(first);
    }
    turns_clear(&turns);
}
END_TEST

START_TEST(a_newcomer_neither_waits_for_what_others_had_nor_has_credit)
{
    struct turn members[3] = {0};
    join(&members[0], 0);
    join(&members[1], 0);
    for (int round = 0; round < 100; round++)
        check_round(members, 2, 10);
    join(&members[2], 0); /* others have had 1000 each */
    for (int round = 0; round < 10; round++)
        check_round(members, 3, 10);
    for (int i = 0; i < 3; i++)
        turns_leave(&members[i]);
    turns_clear(&turns);
}
END_TEST

START_TEST(a_newcomer_to_an_empty_level_does_not_come_before_one_that_was_away)
{
    struct turn old = {0}, new = {0};
    join(&old, 0);
    turns_give(&old, 1000000);
    turns_want(&old, false);
    join(&new, 0);
    turns_give(&new, 1);
    turns_want(&old, true);
    uint32_t of_new = 1;
    while (turns_first(&turns) == &new &&of_new < 1000) {
        turns_give(&new, 1);
        of_new++;
    }
    ck_assert_uint_lt(of_new, 1000);
    turns_leave(&old);
    turns_leave(&new);
    turns_clear(&turns);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("turns");
    TCase *tests = tcase_create("turns");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, nobody_is_first_where_nobody_wants_a_turn);
    tcase_add_test(tests, equals_take_turns);
    tcase_add_test(tests, priorities_are_strict_in_whatever_order_they_came);
    tcase_add_test(tests, a_newcomer_neither_waits_for_what_others_had_nor_has_credit);
    tcase_add_test(tests, a_newcomer_to_an_empty_level_does_not_come_before_one_that_was_away);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
