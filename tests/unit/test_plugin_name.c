#include <check.h>
#include "base/plugin_name.h"
#include "suite.h"

START_TEST(names_are_short_and_of_few_characters)
{
    static const char *const names[] = {"a", "wait", "a-b_c9", "abcdefghijklmnopqrstuvwxyz012345"};
    static const char *const others[] = {NULL,
                                         "",
                                         "9a",
                                         "-a",
                                         "_a",
                                         "A",
                                         "aB",
                                         "a b",
                                         "a=b",
                                         "a\n",
                                         "\xc3\xa4",
                                         "a.so",
                                         "abcdefghijklmnopqrstuvwxyz0123456"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        ck_assert_msg(plugin_name_is(names[i]), "%s", names[i]);
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        ck_assert_msg(!plugin_name_is(others[i]), "%zu", i);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plugin_name");
    TCase *tests = tcase_create("plugin_name");
    tcase_add_test(tests, names_are_short_and_of_few_characters);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
