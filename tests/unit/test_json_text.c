#include <check.h>
#include <jansson.h>
#include <string.h>
#include "base/bytes.h"
#include "suite.h"
#include "wire/json_text.h"

/* The buffer's content as a C string; the buffer is emptied. */
static const char *take_text(struct bytes *out)
{
    static char text[4096];
    ck_assert(!out->failed);
    ck_assert_uint_lt(out->size, sizeof(text));
    memcpy(text, out->data, out->size);
    text[out->size] = '\0';
    bytes_clear(out);
    return text;
}

static const char *string_of(const char *text, size_t size)
{
    struct bytes out = {0};
    json_text_string(&out, text, size);
    const char *result = take_text(&out);
    bytes_free(&out);
    return result;
}

START_TEST(plain_text_and_utf8_stand_as_they_are)
{
    ck_assert_str_eq(string_of("", 0), "\"\"");
    ck_assert_str_eq(string_of("slept for 1", 11), "\"slept for 1\"");
    ck_assert_str_eq(string_of("\xc3\xa9\xe2\x82\xac\x7f", 6), "\"\xc3\xa9\xe2\x82\xac\x7f\"");
}
END_TEST

START_TEST(quotes_backslashes_and_controls_are_escaped)
{
    ck_assert_str_eq(string_of("a\"b\\c", 5), "\"a\\\"b\\\\c\"");
    ck_assert_str_eq(string_of("\n\t\x01\x1f", 4), "\"\\n\\t\\u0001\\u001f\"");
    ck_assert_str_eq(string_of("a\0b", 3), "\"a\\u0000b\"");
}
END_TEST

START_TEST(another_parser_reads_every_character_back)
{
    for (unsigned first = 0; first < 128; first++)
        for (unsigned second = 0; second < 128; second++) {
            char text[3] = {(char)first, (char)second, 'x'};
            const char *written = string_of(text, sizeof(text));
            json_t *read = json_loads(written, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
            ck_assert_ptr_nonnull(read);
            ck_assert_uint_eq(json_string_length(read), sizeof(text));
            ck_assert_mem_eq(json_string_value(read), text, sizeof(text));
            json_decref(read);
        }
}
END_TEST

START_TEST(integers_have_all_their_digits)
{
    struct bytes out = {0};
    json_text_integer(&out, 0);
    json_text_raw(&out, ",");
    json_text_integer(&out, 1000000);
    json_text_raw(&out, ",");
    json_text_integer(&out, UINT64_MAX);
    ck_assert_str_eq(take_text(&out), "0,1000000,18446744073709551615");
    bytes_free(&out);
}
END_TEST

START_TEST(seconds_have_no_trailing_zeros)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {
        {0, "0"},
        {1, "0.000000001"},
        {1000000000, "1"},
        {1000123000, "1.000123"},
        {10500000000, "10.5"},
        {999999999, "0.999999999"},
        {UINT64_MAX, "18446744073.709551615"},
    };
    struct bytes out = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_text_seconds(&out, cases[i].ns);
        ck_assert_str_eq(take_text(&out), cases[i].text);
    }
    bytes_free(&out);
}
END_TEST

START_TEST(base64_is_that_of_rfc_4648)
{
    static const char *const cases[][2] = {
        {"", "\"\""},
        {"f", "\"Zg==\""},
        {"fo", "\"Zm8=\""},
        {"foo", "\"Zm9v\""},
        {"foob", "\"Zm9vYg==\""},
        {"fooba", "\"Zm9vYmE=\""},
        {"foobar", "\"Zm9vYmFy\""},
        {"\xff\xfe\xfb", "\"//77\""},
    };
    struct bytes out = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_text_base64(&out, cases[i][0], strlen(cases[i][0]));
        ck_assert_str_eq(take_text(&out), cases[i][1]);
    }
    bytes_free(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_text");
    TCase *tests = tcase_create("json_text");
    tcase_add_test(tests, plain_text_and_utf8_stand_as_they_are);
    tcase_add_test(tests, quotes_backslashes_and_controls_are_escaped);
    tcase_add_test(tests, another_parser_reads_every_character_back);
    tcase_add_test(tests, integers_have_all_their_digits);
    tcase_add_test(tests, seconds_have_no_trailing_zeros);
    tcase_add_test(tests, base64_is_that_of_rfc_4648);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
