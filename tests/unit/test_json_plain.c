#include <check.h>
#include <string.h>
#include "base/json_plain.h"
#include "suite.h"

static struct json_plain reader(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    return (struct json_plain){.at = at, .end = at + strlen(text)};
}

static void expect_number(const char *text, int64_t low, int64_t high)
{
    struct json_plain json = reader(text);
    struct json_plain_number number;
    ck_assert_msg(json_plain_number(&json, &number), "%s", text);
    ck_assert_ptr_eq(json.at, json.end);
    ck_assert_int_eq(number.low, low);
    ck_assert_int_eq(number.high, high);
}

START_TEST(a_number_is_told_with_its_neighbours)
{
    expect_number("0", 0, 0);
    expect_number("-0", 0, 0);
    expect_number(" \t\r\n17", 17, 17);
    expect_number("-17", -17, -17);
    expect_number("0.25", 0, 1);
    expect_number("-0.25", -1, 0);
    expect_number("1.0", 1, 2);
    expect_number("-17.5", -18, -17);
    expect_number("999999999999999999", 999999999999999999, 999999999999999999);
    expect_number("0.00000000000000000000000000000000000000001", 0, 1);
}
END_TEST

START_TEST(unusual_and_wrong_numbers_are_left_to_others)
{
    static const char *const texts[] = {
        "",
        "-",
        ".5",
        "5.",
        "05",
        "-05",
        "+5",
        "1e3",
        "1E3",
        "1.5e3",
        "1000000000000000000",
        "- 5",
        "NaN",
        "Infinity",
        "0x10",
        "\"5\"",
        "true",
        "[5]",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct json_plain json = reader(texts[i]);
        struct json_plain_number number;
        bool whole = json_plain_number(&json, &number) && json.at == json.end;
        ck_assert_msg(!whole, "%s", texts[i]);
    }
}
END_TEST

static void expect_text(const char *json_text, const char *expected)
{
    struct json_plain json = reader(json_text);
    struct bytes_view text;
    if (!expected) {
        ck_assert_msg(!json_plain_text(&json, &text), "%s", json_text);
        return;
    }
    ck_assert_msg(json_plain_text(&json, &text), "%s", json_text);
    ck_assert_ptr_eq(json.at, json.end);
    ck_assert_uint_eq(text.size, strlen(expected));
    ck_assert_mem_eq(text.data, expected, text.size);
}

START_TEST(texts_without_escapes_are_taken)
{
    expect_text("\"\"", "");
    expect_text(" \"a b\"", "a b");
    expect_text("\"{}[],:\x7f\"", "{}[],:\x7f");
    expect_text("\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"",
                "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
}
END_TEST

START_TEST(unusual_and_wrong_texts_are_left_to_others)
{
    static const char *const texts[] = {
        "",
        "\"",
        "\"a",
        "a\"",
        "\"\\n\"",
        "\"\\\"",
        "\"a\nb\"",
        "\"\x1f\"",
        "\"\x80\"",
        "\"\xc3\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "'a'",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        expect_text(texts[i], NULL);
    static const uint8_t with_nul[] = {'"', 'a', 0, '"'};
    struct json_plain json = {.at = with_nul, .end = with_nul + sizeof(with_nul)};
    struct bytes_view text;
    ck_assert(!json_plain_text(&json, &text));
}
END_TEST

START_TEST(what_is_not_there_is_not_taken)
{
    struct json_plain json = reader(" { true");
    ck_assert(!json_plain_take(&json, '['));
    ck_assert(json_plain_take(&json, '{'));
    ck_assert(!json_plain_word(&json, "false"));
    ck_assert(!json_plain_word(&json, "truest"));
    ck_assert(json_plain_word(&json, "true"));
    ck_assert(!json_plain_take(&json, '}'));
    ck_assert_ptr_eq(json.at, json.end);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_plain");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_add_test(all, a_number_is_told_with_its_neighbours);
    tcase_add_test(all, unusual_and_wrong_numbers_are_left_to_others);
    tcase_add_test(all, texts_without_escapes_are_taken);
    tcase_add_test(all, unusual_and_wrong_texts_are_left_to_others);
    tcase_add_test(all, what_is_not_there_is_not_taken);
    return suite_run(suite);
}
