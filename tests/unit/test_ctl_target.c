#include <check.h>
#include <errno.h>
#include "ctl/target.h"
#include "suite.h"

START_TEST(a_number_is_a_batch)
{
    struct target target;
    ck_assert_int_eq(target_parse("42", &target), 0);
    ck_assert_uint_eq(target.batch, 42);
    ck_assert(!target.has_job);
    ck_assert_int_eq(target_parse("9007199254740991", &target), 0);
    ck_assert_uint_eq(target.batch, 9007199254740991);
}
END_TEST

START_TEST(a_number_behind_a_dot_is_a_job)
{
    struct target target;
    ck_assert_int_eq(target_parse("42.7", &target), 0);
    ck_assert_uint_eq(target.batch, 42);
    ck_assert(target.has_job);
    ck_assert_uint_eq(target.job, 7);
    ck_assert_int_eq(target_parse("1.0", &target), 0);
    ck_assert(target.has_job);
    ck_assert_uint_eq(target.job, 0);
}
END_TEST

START_TEST(anything_else_is_refused)
{
    static const char *const texts[] = {
        "",
        "0",
        ".",
        "1.",
        ".1",
        "1.2.3",
        "-1",
        "1.-2",
        "+1",
        " 1",
        "1 ",
        "1. 2",
        "0x10",
        "1e3",
        "abc",
        "1.x",
        "0.5",
        "99999999999999999999",
        "9007199254740992",
        "1.9007199254740992",
    };
    struct target target = {.batch = 77};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_msg(target_parse(texts[i], &target) == -EINVAL, "\"%s\"", texts[i]);
    ck_assert_uint_eq(target.batch, 77);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_target");
    TCase *tests = tcase_create("ctl_target");
    tcase_add_test(tests, a_number_is_a_batch);
    tcase_add_test(tests, a_number_behind_a_dot_is_a_job);
    tcase_add_test(tests, anything_else_is_refused);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
