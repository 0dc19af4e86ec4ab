#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/output.h"
#include "suite.h"

START_TEST(an_output_is_text_or_base64_or_nothing)
{
    struct output output;
    json_t *job = json_pack("{s:s%, s:b}", "output", "a\0b", (size_t)3, "truncated", 1);
    ck_assert_int_eq(output_read(job, &output), 0);
    ck_assert_uint_eq(output.size, 3);
    ck_assert_mem_eq(output.data, "a\0b", 3);
    ck_assert(output.truncated);
    output_clear(&output);
    json_decref(job);

    job = json_pack("{s:s}", "output_base64", "AP/+");
    ck_assert_int_eq(output_read(job, &output), 0);
    ck_assert_uint_eq(output.size, 3);
    ck_assert_mem_eq(output.data, "\0\xff\xfe", 3);
    ck_assert(!output.truncated);
    output_clear(&output);
    json_decref(job);

    job = json_pack("{s:s}", "output_base64", "AP");
    ck_assert_int_eq(output_read(job, &output), -EINVAL);
    json_decref(job);

    job = json_object();
    ck_assert_int_eq(output_read(job, &output), 0);
    ck_assert_uint_eq(output.size, 0);
    output_clear(&output);
    json_decref(job);
}
END_TEST

START_TEST(errors_are_text_or_base64_in_the_details)
{
    struct output output;
    json_t *job = json_pack("{s:s, s:{s:s, s:b}}", "output", "o", "details", "stderr", "e",
                            "stderr_truncated", 1);
    ck_assert_int_eq(output_read_errors(job, &output), 0);
    ck_assert_uint_eq(output.size, 1);
    ck_assert_mem_eq(output.data, "e", 1);
    ck_assert(output.truncated);
    output_clear(&output);
    json_decref(job);

    job = json_pack("{s:{s:s}}", "details", "stderr_base64", "AP/+");
    ck_assert_int_eq(output_read_errors(job, &output), 0);
    ck_assert_mem_eq(output.data, "\0\xff\xfe", 3);
    output_clear(&output);
    json_decref(job);

    job = json_pack("{s:b}", "truncated", 1);
    ck_assert_int_eq(output_read_errors(job, &output), 0);
    ck_assert_uint_eq(output.size, 0);
    ck_assert(!output.truncated);
    output_clear(&output);
    json_decref(job);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_output");
    TCase *tests = tcase_create("ctl_output");
    tcase_add_test(tests, an_output_is_text_or_base64_or_nothing);
    tcase_add_test(tests, errors_are_text_or_base64_in_the_details);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
