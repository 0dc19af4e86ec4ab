#include <check.h>
#include <string.h>
#include "base/problems.h"
#include "suite.h"

START_TEST(each_problem_names_its_field)
{
    struct problems problems = {0};
    problems_add(&problems, "jobs[3].params.seconds", "must be at least %d", 0);
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_str_eq(problems.kept[0].field, "jobs[3].params.seconds");
    ck_assert_str_eq(problems.kept[0].text, "must be at least 0");
    problems_clear(&problems);
    ck_assert_uint_eq(problems.count, 0);
}
END_TEST

START_TEST(the_first_twenty_are_kept_and_all_are_counted)
{
    struct problems problems = {0};
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(problems_full(&problems), i >= PROBLEMS_KEPT);
        char field[16];
        (void)snprintf(field, sizeof(field), "f%d", i);
        problems_add(&problems, field, "bad");
    }
    ck_assert_uint_eq(problems.count, 1000);
    ck_assert_str_eq(problems.kept[PROBLEMS_KEPT - 1].field, "f19");
    json_t *json = problems_json(&problems);
    ck_assert_uint_eq(json_array_size(json), PROBLEMS_KEPT);
    json_decref(json);
    problems_clear(&problems);
}
END_TEST

START_TEST(json_lists_field_and_problem)
{
    struct problems problems = {0};
    json_t *empty = problems_json(&problems);
    ck_assert_uint_eq(json_array_size(empty), 0);
    json_decref(empty);

    problems_add(&problems, "a", "one");
    problems_add(&problems, "b", "two");
    json_t *json = problems_json(&problems);
    json_t *expected = json_pack("[{s:s,s:s},{s:s,s:s}]", "field", "a", "problem", "one", "field",
                                 "b", "problem", "two");
    ck_assert(json_equal(json, expected));
    json_decref(json);
    json_decref(expected);
    problems_clear(&problems);
}
END_TEST

START_TEST(the_first_stands_for_the_rest)
{
    struct problems problems = {0};
    char text[64] = "before";
    problems_first(&problems, text, sizeof(text));
    ck_assert_str_eq(text, "");
    problems_add(&problems, "a", "one");
    problems_first(&problems, text, sizeof(text));
    ck_assert_str_eq(text, "a: one");
    problems_add(&problems, "b", "two");
    problems_add(&problems, "c", "three");
    problems_first(&problems, text, sizeof(text));
    ck_assert_str_eq(text, "a: one (and 2 more)");
    problems_first(&problems, text, 5);
    ck_assert_str_eq(text, "a: o");
    problems_clear(&problems);
}
END_TEST

START_TEST(what_strangers_sent_is_mended_and_cut)
{
    struct problems problems = {0};
    static char huge[1 << 20];
    memset(huge, 'x', sizeof(huge) - 1);
    problems_add(&problems, huge, "%s", huge);
    problems_add(&problems, "\xFF", "not \"\xC3\"");
    ck_assert_uint_eq(strlen(problems.kept[0].field), PROBLEMS_TEXT_SIZE - 1);
    ck_assert_uint_eq(strlen(problems.kept[0].text), PROBLEMS_TEXT_SIZE - 1);
    ck_assert_str_eq(problems.kept[1].field, "?");
    ck_assert_str_eq(problems.kept[1].text, "not \"?\"");
    json_t *json = problems_json(&problems);
    ck_assert_uint_eq(json_array_size(json), 2);
    json_decref(json);
    problems_clear(&problems);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("problems");
    TCase *tests = tcase_create("problems");
    tcase_add_test(tests, each_problem_names_its_field);
    tcase_add_test(tests, the_first_twenty_are_kept_and_all_are_counted);
    tcase_add_test(tests, json_lists_field_and_problem);
    tcase_add_test(tests, the_first_stands_for_the_rest);
    tcase_add_test(tests, what_strangers_sent_is_mended_and_cut);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
