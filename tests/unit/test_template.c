#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "base/template.h"
#include "suite.h"

/* Expands with index 42 and item "it" and compares; also what the other functions say of the text. */
static void check(const char *text, const char *expected, bool has_item)
{
    char *out = template_expand(text, 42, "it");
    ck_assert_str_eq(out, expected);
    ck_assert_uint_eq(template_expanded_size(text, 42, "it"), strlen(expected) + 1);
    ck_assert_int_eq(template_has_placeholder(text), strcmp(text, expected) != 0);
    ck_assert_int_eq(template_has_item(text), has_item);
    free(out);
}

START_TEST(placeholders_are_replaced_wherever_they_stand)
{
    check("{index}", "42", false);
    check("{item}", "it", true);
    check("n-{index}", "n-42", false);
    check("{item}{index}/{item}", "it42/it", true);
    check("a{index}b{item}c", "a42bitc", true);
}
END_TEST

START_TEST(double_braces_stand_for_single_ones)
{
    check("{{", "{", false);
    check("}}", "}", false);
    check("{{index}}", "{index}", false);
    check("{{{item}}}", "{it}", true);
    check("{{item}", "{item}", false);
    check("{{}}", "{}", false);
}
END_TEST

START_TEST(any_other_use_of_braces_is_left_as_it_is)
{
    check("", "", false);
    check("plain", "plain", false);
    check("{", "{", false);
    check("}", "}", false);
    check("{}", "{}", false);
    check("{Index}", "{Index}", false);
    check("{ item }", "{ item }", false);
    check("{index", "{index", false);
    check("{\"a\": {\"b\": 1} }", "{\"a\": {\"b\": 1} }", false);
    check("{items}", "{items}", false);
}
END_TEST

START_TEST(items_are_not_expanded_again)
{
    char *out = template_expand("{item}", 1, "{index} {{");
    ck_assert_str_eq(out, "{index} {{");
    free(out);
}
END_TEST

START_TEST(without_an_item_its_placeholder_stays)
{
    char *out = template_expand("{item}-{index}", 7, NULL);
    ck_assert_str_eq(out, "{item}-7");
    free(out);
}
END_TEST

START_TEST(every_index_is_written_in_full)
{
    char *out = template_expand("{index}", UINT64_MAX, NULL);
    ck_assert_str_eq(out, "18446744073709551615");
    free(out);
    out = template_expand("{index}", 0, NULL);
    ck_assert_str_eq(out, "0");
    free(out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("template");
    TCase *tests = tcase_create("template");
    tcase_add_test(tests, placeholders_are_replaced_wherever_they_stand);
    tcase_add_test(tests, double_braces_stand_for_single_ones);
    tcase_add_test(tests, any_other_use_of_braces_is_left_as_it_is);
    tcase_add_test(tests, items_are_not_expanded_again);
    tcase_add_test(tests, without_an_item_its_placeholder_stays);
    tcase_add_test(tests, every_index_is_written_in_full);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
