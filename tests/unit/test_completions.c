#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "suite.h"
#include "supervisor/completions.h"

/* Completion number i of every list here: all fields follow from i. */
static char text[300000];

static struct completion completion_of(uint32_t i, size_t output_size)
{
    bool succeeded = i % 3;
    struct completion completion = {
        .job = i * 7919u,
        .state = succeeded ? JOB_SUCCEEDED : (enum job_state)(JOB_FAILED + i % 5),
        .truncated = i % 4 == 0,
        .queued_ns = (uint64_t)i * 1000003,
        .run_ns = i % 11 ? (uint64_t)i << 40 : 0,
        .output = {.data = (const uint8_t *)text + i % 100, .size = output_size},
    };
    if (i % 6 == 5)
        completion.details = (struct bytes_view){(const uint8_t *)text + i % 10, 1 + i * 31 % 3000};
    if (!succeeded)
        completion.reason = (struct bytes_view){.data = (const uint8_t *)text, .size = 1 + i % 90};
    return completion;
}

static void check_same(const struct completion *got, const struct completion *expected)
{
    ck_assert_uint_eq(got->job, expected->job);
    ck_assert_int_eq(got->state, expected->state);
    ck_assert_int_eq(got->truncated, expected->truncated);
    ck_assert_uint_eq(got->queued_ns, expected->queued_ns);
    ck_assert_uint_eq(got->run_ns, expected->run_ns);
    ck_assert_uint_eq(got->reason.size, expected->reason.size);
    ck_assert_uint_eq(got->output.size, expected->output.size);
    ck_assert_uint_eq(got->details.size, expected->details.size);
    if (expected->reason.size)
        ck_assert_mem_eq(got->reason.data, expected->reason.data, expected->reason.size);
    if (expected->output.size)
        ck_assert_mem_eq(got->output.data, expected->output.data, expected->output.size);
    if (expected->details.size)
        ck_assert_mem_eq(got->details.data, expected->details.data, expected->details.size);
}

static size_t output_size_of(uint32_t i)
{
    return i % 50 == 49 ? 40000 + i * 137 % 200000 : i % 60;
}

static void append(struct completions *list, uint32_t i)
{
    struct completion completion = completion_of(i, output_size_of(i));
    ck_assert_int_eq(completions_append(list, &completion), 0);
    ck_assert_uint_eq(list->count, i + 1);
}

static void check_next(const struct completions *list, struct completions_cursor *cursor)
{
    uint32_t number = cursor->number;
    struct completion got, expected = completion_of(number, output_size_of(number));
    ck_assert(completions_next(list, cursor, &got));
    ck_assert_uint_eq(cursor->number, number + 1);
    check_same(&got, &expected);
}

#define MANY 1500u

static void set_up(void)
{
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(i * 31 + (i >> 8));
}

START_TEST(completions_are_read_in_the_order_they_came)
{
    struct completions list = {0};
    for (uint32_t i = 0; i < MANY; i++)
        append(&list, i);
    struct completions_cursor cursor = completions_seek(&list, 0);
    for (uint32_t i = 0; i < MANY; i++)
        check_next(&list, &cursor);
    struct completion none;
    ck_assert(!completions_next(&list, &cursor, &none));
    completions_clear(&list);
}
END_TEST

START_TEST(a_cursor_can_begin_anywhere)
{
    struct completions list = {0};
    for (uint32_t i = 0; i < MANY; i++)
        append(&list, i);
    for (uint32_t i = 0; i < MANY; i++) {
        struct completions_cursor cursor = completions_seek(&list, i);
        ck_assert_uint_eq(cursor.number, i);
        check_next(&list, &cursor);
    }
    completions_clear(&list);
}
END_TEST

START_TEST(cursors_at_the_end_go_on_with_what_comes)
{
    struct completions list = {0};
    struct completions_cursor early = completions_seek(&list, 0), late;
    struct completion none;
    for (uint32_t i = 0; i < MANY; i++) {
        ck_assert(!completions_next(&list, &early, &none));
        late = completions_seek(&list, i);
        ck_assert(!completions_next(&list, &late, &none));
        append(&list, i);
        check_next(&list, &early);
        check_next(&list, &late);
    }
    completions_clear(&list);
}
END_TEST

START_TEST(a_cursor_may_fall_behind_and_catch_up)
{
    struct completions list = {0};
    struct completions_cursor cursor = completions_seek(&list, 0);
    for (uint32_t i = 0; i < MANY; i++) {
        append(&list, i);
        for (uint32_t read = 0; i % 700 == 699 && read < 700; read++)
            check_next(&list, &cursor);
    }
    completions_clear(&list);
}
END_TEST

START_TEST(the_account_covers_all_memory)
{
    struct completions list = {0};
    size_t kept = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        struct completion completion = completion_of(i, 500);
        ck_assert_int_eq(completions_append(&list, &completion), 0);
        kept += completion.output.size + completion.reason.size + completion.details.size;
        ck_assert_uint_ge(list.bytes, kept);
    }
    ck_assert_uint_le(list.bytes, 2 * kept);
    completions_clear(&list);
    ck_assert_uint_eq(list.bytes, 0);
}
END_TEST

START_TEST(the_typical_completion_takes_some_thirty_bytes)
{
    struct completions list = {0};
    for (uint32_t i = 0; i < 100000; i++) {
        struct completion completion = {.job = i,
                                        .state = JOB_SUCCEEDED,
                                        .queued_ns = 100000,
                                        .run_ns = 10000000000,
                                        .output = {.data = (const uint8_t *)text, .size = 12}};
        ck_assert_int_eq(completions_append(&list, &completion), 0);
    }
    ck_assert_uint_le(list.bytes, 32 * 100000 + (64 << 10));
    completions_clear(&list);
}
END_TEST

static size_t record_size(const struct completion *completion)
{
    struct completions list = {0};
    ck_assert_int_eq(completions_append(&list, completion), 0);
    struct completions_cursor cursor = completions_seek(&list, 0);
    struct completion read;
    ck_assert(completions_next(&list, &cursor, &read));
    completions_clear(&list);
    return cursor.offset;
}

START_TEST(details_cost_nothing_where_there_are_none)
{
    struct completion completion = {.job = 1, .state = JOB_SUCCEEDED, .truncated = true};
    ck_assert_uint_eq(record_size(&completion), 6); /* a byte for each field */
    completion.details = (struct bytes_view){.data = (const uint8_t *)text, .size = 20};
    ck_assert_uint_eq(record_size(&completion), 6 + 1 + 20);
}
END_TEST

START_TEST(one_small_completion_takes_little_memory)
{
    struct completions list = {0};
    append(&list, 0);
    ck_assert_uint_le(list.bytes, 512);
    completions_clear(&list);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("completions");
    TCase *tests = tcase_create("completions");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, completions_are_read_in_the_order_they_came);
    tcase_add_test(tests, a_cursor_can_begin_anywhere);
    tcase_add_test(tests, cursors_at_the_end_go_on_with_what_comes);
    tcase_add_test(tests, a_cursor_may_fall_behind_and_catch_up);
    tcase_add_test(tests, the_account_covers_all_memory);
    tcase_add_test(tests, the_typical_completion_takes_some_thirty_bytes);
    tcase_add_test(tests, details_cost_nothing_where_there_are_none);
    tcase_add_test(tests, one_small_completion_takes_little_memory);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
