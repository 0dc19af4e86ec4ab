#include <check.h>
#include <string.h>
#include "base/utf8.h"
#include "base/parse.h"
#include "suite.h"

static bool valid(const char *text)
{
    return parse_is_utf8(text, strlen(text));
}

START_TEST(characters_of_one_to_four_bytes_are_valid)
{
    ck_assert(valid(""));
    ck_assert(valid("plain"));
    ck_assert(valid("\xC2\x80 \xDF\xBF"));
    ck_assert(valid("\xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF"));
    ck_assert(valid("\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF"));
    ck_assert(parse_is_utf8("a\0b", 3));
}
END_TEST

START_TEST(overlong_forms_are_refused)
{
    ck_assert(!valid("\xC0\x80"));
    ck_assert(!valid("\xC1\xBF"));
    ck_assert(!valid("\xE0\x9F\xBF"));
    ck_assert(!valid("\xF0\x8F\xBF\xBF"));
}
END_TEST

START_TEST(surrogates_and_what_lies_past_the_last_character_are_refused)
{
    ck_assert(!valid("\xED\xA0\x80"));
    ck_assert(!valid("\xED\xBF\xBF"));
    ck_assert(!valid("\xF4\x90\x80\x80"));
    ck_assert(!valid("\xF5\x80\x80\x80"));
    ck_assert(!valid("\xFF"));
}
END_TEST

START_TEST(cut_characters_and_stray_bytes_are_refused)
{
    ck_assert(!valid("a\x80"));
    ck_assert(!valid("a\xC3"));
    ck_assert(!valid("a\xE2\x82"));
    ck_assert(!valid("a\xF0\x9F\x98"));
    ck_assert(!valid("\xE2\x28\xA1"));
    /* Also behind a run of ASCII that is looked at eight bytes at a time. */
    ck_assert(!valid("0123456789abcdef\xC3"));
    ck_assert(!valid("0123456\x80"));
}
END_TEST

START_TEST(a_character_cut_by_the_end_of_a_view_is_not_read_past_it)
{
    ck_assert(parse_is_utf8("\xE2\x82\xAC", 3));
    ck_assert(!parse_is_utf8("\xE2\x82\xAC", 2));
    ck_assert(!parse_is_utf8("\xE2\x82\xAC", 1));
    ck_assert(parse_is_utf8(NULL, 0));
}
END_TEST

START_TEST(mending_replaces_each_bad_byte_and_keeps_the_rest)
{
    char text[] = "ok \xE2\x82\xAC \xFF\xC3! \xE2\x82";
    utf8_mend(text);
    ck_assert_str_eq(text, "ok \xE2\x82\xAC ?\?! ?\?");
}
END_TEST

START_TEST(copying_cuts_between_characters)
{
    char out[6];
    ck_assert_uint_eq(utf8_copy(out, sizeof(out), "abc"), 3);
    ck_assert_str_eq(out, "abc");
    ck_assert_uint_eq(utf8_copy(out, sizeof(out), "abcdefgh"), 5);
    ck_assert_str_eq(out, "abcde");
    ck_assert_uint_eq(utf8_copy(out, sizeof(out), "abc\xE2\x82\xAC"), 3);
    ck_assert_str_eq(out, "abc");
    ck_assert_uint_eq(utf8_copy(out, sizeof(out), "ab\xE2\x82\xAC"), 5);
    ck_assert_str_eq(out, "ab\xE2\x82\xAC");
    ck_assert_uint_eq(utf8_copy(out, sizeof(out), "ab\xE2\x82\xAC!"), 5);
    ck_assert_uint_eq(utf8_copy(out, 1, "abc"), 0);
    ck_assert_str_eq(out, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("utf8");
    TCase *tests = tcase_create("utf8");
    tcase_add_test(tests, characters_of_one_to_four_bytes_are_valid);
    tcase_add_test(tests, overlong_forms_are_refused);
    tcase_add_test(tests, surrogates_and_what_lies_past_the_last_character_are_refused);
    tcase_add_test(tests, cut_characters_and_stray_bytes_are_refused);
    tcase_add_test(tests, a_character_cut_by_the_end_of_a_view_is_not_read_past_it);
    tcase_add_test(tests, mending_replaces_each_bad_byte_and_keeps_the_rest);
    tcase_add_test(tests, copying_cuts_between_characters);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
