#include <check.h>
#include <string.h>
#include "suite.h"
#include "wire/name_list.h"

static void tells(const char *json, const char *expected)
{
    char buffer[64] = "untouched";
    json_t *names = json_loads(json, 0, NULL);
    ck_assert_int_eq(name_list_tell(names, buffer, sizeof(buffer)),
                     strcmp(expected, "untouched") != 0);
    ck_assert_str_eq(buffer, expected);
    json_decref(names);
}

START_TEST(few_names_are_told)
{
    tells("[\"a\"]", "a");
    tells("[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\"]", "a, b, c, d, e, f, g, h");
}
END_TEST

START_TEST(of_many_the_rest_is_counted)
{
    tells("[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\"]",
          "a, b, c, d, e, f, g, h and 2 more");
}
END_TEST

START_TEST(none_are_not_told)
{
    tells("[]", "untouched");
    tells("null", "untouched");
}
END_TEST

START_TEST(what_does_not_fit_is_cut)
{
    char buffer[6];
    json_t *names = json_pack("[s,s,s]", "abc", "def", "ghi");
    ck_assert(name_list_tell(names, buffer, sizeof(buffer)));
    ck_assert_str_eq(buffer, "abc, ");
    json_decref(names);
}
END_TEST

START_TEST(a_list_is_of_texts_and_not_longer_than_it_may_be)
{
    static const struct {
        const char *json;
        bool is;
    } rows[] = {
        {"[]", true},    {"[\"a\",\"b\"]", true}, {"[\"a\",\"b\",\"c\"]", false},
        {"[1]", false},  {"\"a\"", false},        {"{\"a\":\"b\"}", false},
        {"null", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *names = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);
        ck_assert_msg(name_list_is(names, 2) == rows[i].is, "%s", rows[i].json);
        json_decref(names);
    }
    ck_assert(!name_list_is(NULL, 2));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("name_list");
    TCase *tests = tcase_create("name_list");
    tcase_add_test(tests, few_names_are_told);
    tcase_add_test(tests, of_many_the_rest_is_counted);
    tcase_add_test(tests, none_are_not_told);
    tcase_add_test(tests, what_does_not_fit_is_cut);
    tcase_add_test(tests, a_list_is_of_texts_and_not_longer_than_it_may_be);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
