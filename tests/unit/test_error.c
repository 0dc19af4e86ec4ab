#include <check.h>
#include <errno.h>
#include <string.h>
#include "base/error.h"
#include "base/parse.h"
#include "suite.h"

START_TEST(every_call_returns_the_code_it_was_given)
{
    struct error error = {0};
    ck_assert_int_eq(error_set(&error, -EINVAL, "x"), -EINVAL);
    ck_assert_int_eq(error_errno(&error, -ENOENT, "x"), -ENOENT);
    ck_assert_int_eq(error_prefix(&error, -EPROTO, "x"), -EPROTO);
}
END_TEST

START_TEST(nobody_has_to_listen)
{
    ck_assert_int_eq(error_set(NULL, -EINVAL, "%d", 1), -EINVAL);
    ck_assert_int_eq(error_errno(NULL, -ENOENT, "%d", 1), -ENOENT);
    ck_assert_int_eq(error_prefix(NULL, -EPROTO, "%d", 1), -EPROTO);
}
END_TEST

START_TEST(the_code_is_described_behind_the_words)
{
    struct error error = {0};
    error_errno(&error, -ENOENT, "cannot open %s", "x");
    ck_assert_str_eq(error.text, "cannot open x: No such file or directory");
    error_errno(&error, -99999, "odd");
    ck_assert_str_eq(error.text, "odd: error 99999");
}
END_TEST

START_TEST(context_goes_in_front)
{
    struct error error = {0};
    error_set(&error, -EINVAL, "bad %d", 7);
    error_prefix(&error, -EINVAL, "plugin %s", "wait");
    ck_assert_str_eq(error.text, "plugin wait: bad 7");
}
END_TEST

START_TEST(context_of_no_story_stands_alone)
{
    struct error error = {0};
    error_prefix(&error, -EINVAL, "plugin wait");
    ck_assert_str_eq(error.text, "plugin wait");
}
END_TEST

START_TEST(a_story_may_quote_itself)
{
    struct error error = {0};
    error_set(&error, -EINVAL, "inner");
    error_set(&error, -EINVAL, "outer (%s)", error.text);
    ck_assert_str_eq(error.text, "outer (inner)");
    error_prefix(&error, -EINVAL, "<%s>", error.text);
    ck_assert_str_eq(error.text, "<outer (inner)>: outer (inner)");
}
END_TEST

START_TEST(long_stories_are_cut_between_characters)
{
    char text[2000];
    for (size_t pad = 0; pad < 4; pad++) {
        memset(text, 'x', pad);
        for (size_t i = pad; i + 3 < sizeof(text); i += 3)
            memcpy(text + i, "\xE2\x82\xAC", 4);
        struct error error;
        error_set(&error, -EINVAL, "%s", text);
        ck_assert_ptr_null(strchr(error.text, '?')); /* nothing had to be mended */
        ck_assert_uint_gt(strlen(error.text), sizeof(error.text) - 4);
        ck_assert(parse_is_utf8(error.text, strlen(error.text)));
        error_prefix(&error, -EINVAL, "context");
        ck_assert_int_eq(strncmp(error.text, "context: ", 9), 0);
        ck_assert_uint_gt(strlen(error.text), sizeof(error.text) - 4);
        ck_assert(parse_is_utf8(error.text, strlen(error.text)));
        error_prefix(&error, -EINVAL, "%s", text);
        ck_assert(parse_is_utf8(error.text, strlen(error.text)));
    }
}
END_TEST

START_TEST(a_story_that_just_fits_is_not_cut)
{
    char text[512];
    struct error error;
    memset(text, 'x', 511);
    text[511] = '\0';
    error_set(&error, -EINVAL, "%s", text);
    ck_assert_uint_eq(strlen(error.text), 511);
}
END_TEST

START_TEST(bytes_that_are_no_text_are_mended)
{
    struct error error;
    error_set(&error, -EINVAL, "no \"%s\"", "\xFF\xFE");
    ck_assert_str_eq(error.text, "no \"??\"");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("error");
    TCase *tests = tcase_create("error");
    tcase_add_test(tests, every_call_returns_the_code_it_was_given);
    tcase_add_test(tests, nobody_has_to_listen);
    tcase_add_test(tests, the_code_is_described_behind_the_words);
    tcase_add_test(tests, context_goes_in_front);
    tcase_add_test(tests, context_of_no_story_stands_alone);
    tcase_add_test(tests, a_story_may_quote_itself);
    tcase_add_test(tests, long_stories_are_cut_between_characters);
    tcase_add_test(tests, a_story_that_just_fits_is_not_cut);
    tcase_add_test(tests, bytes_that_are_no_text_are_mended);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
