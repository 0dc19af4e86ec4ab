#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "suite.h"
#include "wire/details.h"

static struct bytes_view view(const char *text)
{
    return (struct bytes_view){.data = (const uint8_t *)text, .size = strlen(text)};
}

static void becomes(const char *text, const char *expected)
{
    struct bytes out = {0};
    const char *problem = details_read(&out, text, strlen(text));
    ck_assert_msg(!problem, "%s %s", text, problem);
    ck_assert_uint_eq(out.size, strlen(expected));
    ck_assert_mem_eq(out.data, expected, out.size);
    ck_assert(details_are_valid((struct bytes_view){out.data, out.size}));
    bytes_free(&out);
}

START_TEST(an_object_is_kept_without_its_blanks)
{
    becomes("{}", "{}");
    becomes(" \n{ \"a\" :\t[ 1 , 2.50e3 , null ] ,\r\n\"b\":{ } } \n",
            "{\"a\":[1,2.50e3,null],\"b\":{}}");
    becomes("{\"a b\": \" \\\" \\\\\", \"c\": \"\\u0000 \xc3\xa9\"}",
            "{\"a b\":\" \\\" \\\\\",\"c\":\"\\u0000 \xc3\xa9\"}");
}
END_TEST

static const struct {
    const char *text, *problem;
} wrong[] = {
    {"", "are no JSON object"},
    {"  ", "are no JSON object"},
    {"[]", "are no JSON object"},
    {"1", "are no JSON object"},
    {"{", "are no JSON object"},
    {"{\"a\":1", "are no JSON object"},
    {"{\"a\":1]}", "are no JSON object"},
    {"{\"a\":}", "are no JSON object"},
    {"{\"a\":1,}", "are no JSON object"},
    {"{a:1}", "are no JSON object"},
    {"{\"a\":01}", "are no JSON object"},
    {"{\"a\":NaN}", "are no JSON object"},
    {"{\"a\":\"b\nc\"}", "are no JSON object"},
    {"{\"a\":\"\\ud800\"}", "are no JSON object"},
    {"{\"a\\u0000\":1}", "are no JSON object"},
    {"{} {}", "are no JSON object"},
    {"{}]", "are no JSON object"},
    {"{\"a\":1,\"b\":2,\"a\":3}", "have the same key twice"},
    {"{\"a\":1,\"\\u0061\":3}", "have the same key twice"},
    {"{\"a\":\"caf\xe9\"}", "are not UTF-8"},
    {"{\"a\":1e999}", "have a number that is too large"},
    {"{\"a\":9223372036854775808}", "have a number that is too large"},
};

START_TEST(anything_else_is_refused_in_words)
{
    struct bytes out = {0};
    ck_assert_ptr_null(details_read(&out, "{\"kept\":1}", 10));
    const char *problem = details_read(&out, wrong[_i].text, strlen(wrong[_i].text));
    ck_assert_ptr_nonnull(problem);
    ck_assert_str_eq(problem, wrong[_i].problem);
    ck_assert_uint_eq(out.size, 10);
    ck_assert_mem_eq(out.data, "{\"kept\":1}", 10);
    ck_assert(!out.failed);
    ck_assert(!details_are_valid(view(wrong[_i].text)));
    bytes_free(&out);
}
END_TEST

/* {"a":[[ ... ]]}, nested so deep. */
static char *nested(size_t depth)
{
    char *text = calloc(1, 2 * depth + 10), *at = stpcpy(text, "{\"a\":");
    memset(at, '[', depth - 1);
    memset(at + depth - 1, ']', depth - 1);
    at[2 * (depth - 1)] = '}';
    return text;
}

START_TEST(the_depth_has_a_limit)
{
    char *deepest = nested(DETAILS_DEPTH_MAX);
    becomes(deepest, deepest);
    free(deepest);
    static const size_t depths[] = {DETAILS_DEPTH_MAX + 1, 5000000};
    for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
        struct bytes out = {0};
        char *text = nested(depths[i]);
        ck_assert_str_eq(details_read(&out, text, strlen(text)), "are nested too deep");
        ck_assert(!details_are_valid(view(text)));
        free(text);
        bytes_free(&out);
    }
}
END_TEST

START_TEST(blanks_between_the_parts_are_taken_from_nobody)
{
    ck_assert(details_are_valid(view("{\"a\":\" \"}")));
    ck_assert(!details_are_valid(view("{\"a\": 1}")));
    ck_assert(!details_are_valid(view("{}\n")));
    ck_assert(!details_are_valid(view("{\"a\":1,\n\"b\":2}")));
    ck_assert(!details_are_valid(view("{\"\\\"\\\\\" :1}")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("details");
    TCase *tests = tcase_create("details");
    tcase_add_test(tests, an_object_is_kept_without_its_blanks);
    tcase_add_loop_test(tests, anything_else_is_refused_in_words, 0,
                        (int)(sizeof(wrong) / sizeof(wrong[0])));
    tcase_add_test(tests, the_depth_has_a_limit);
    tcase_add_test(tests, blanks_between_the_parts_are_taken_from_nobody);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
