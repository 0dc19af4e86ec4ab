#include <check.h>
#include <stdio.h>
#include <string.h>
#include <jansson.h>
#include "suite.h"
#include "wire/json_scan.h"

static void expect(const char *text, enum json_scan expected)
{
    ck_assert_msg(json_scan(text, strlen(text)) == expected, "%s", text);
    if (expected == JSON_SCAN_UNSURE)
        return;
    json_t *json = json_loadb(text, strlen(text), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    ck_assert_msg(json_is_object(json), "%s", text);
    json_decref(json);
}

START_TEST(ordinary_objects_are_sure)
{
    static const char *const texts[] = {
        "{}",
        "{\"a\":{}}",
        "{\"a\":[]}",
        "{\"a\":[[],{},[{}]],\"b\":\"\"}",
        "{\"a\":0,\"b\":-0,\"c\":-1.50,\"d\":1e5,\"e\":1.5E-12,\"f\":123456789012345678}",
        "{\"a\":true,\"b\":false,\"c\":null}",
        "{\"\":1,\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":2}]}",
        "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u0000 \xc3\xa9 \xf0\x9f\x98\x80\"}",
        "{\"\xc3\xa9\":1}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        expect(texts[i], JSON_SCAN_COMPACT);
}
END_TEST

START_TEST(blanks_are_seen_between_the_parts_alone)
{
    expect("{\"a b\":\" \\t\"}", JSON_SCAN_COMPACT);
    static const char *const texts[] = {
        " {}",
        "{} ",
        "{\n}",
        "{\"a\" :1}",
        "{\"a\":\t1}",
        "{\"a\":[1 ,2]}",
        "{\"a\":[1,\r2]}",
        "{\"a\":[ ]}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        expect(texts[i], JSON_SCAN_SPACED);
}
END_TEST

START_TEST(nothing_that_is_wrong_is_sure)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "}",
        "[]",
        "1",
        "\"a\"",
        "{]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1:2}",
        "{a:1}",
        "{1:1}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1}",
        "{\"a\":[1}]",
        "{\"a\":{]}",
        "{} {}",
        "{},",
        "{}]",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":-}",
        "{\"a\":1.}",
        "{\"a\":.1}",
        "{\"a\":1e}",
        "{\"a\":1e+}",
        "{\"a\":1e+-1}",
        "{\"a\":0x1}",
        "{\"a\":NaN}",
        "{\"a\":tru}",
        "{\"a\":truee}",
        "{\"a\":nul",
        "{\"a\":\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\u12",
        "{\"a\":\"\\",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xc3\"}",
        "{\"a\":\"\xed\xa0\x80\"}",
        "{\"a\":1,\"a\":2}",
        "{\"b\":[],\"a\":{\"c\":1,\"c\":2}}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        expect(texts[i], JSON_SCAN_UNSURE);
    ck_assert_int_eq(json_scan("{}\0", 3), JSON_SCAN_UNSURE);
    ck_assert_int_eq(json_scan("{\"a\":\"\0\"}", 9), JSON_SCAN_UNSURE);
    ck_assert_int_eq(json_scan("{\"a\":\"\\\0\"}", 10), JSON_SCAN_UNSURE);
}
END_TEST

START_TEST(what_is_rare_is_left_to_the_parser)
{
    expect("{\"a\\u0062\":1}", JSON_SCAN_UNSURE);
    expect("{\"a\":\"\\ud83d\\ude00\"}", JSON_SCAN_UNSURE);
    expect("{\"a\":1234567890123456789}", JSON_SCAN_UNSURE);
    expect("{\"a\":1e100}", JSON_SCAN_UNSURE);
    expect("{\"a\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}", JSON_SCAN_COMPACT);
    expect("{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", JSON_SCAN_UNSURE);
}
END_TEST

/* An object with so many members. */
static void expect_members(int count, enum json_scan expected)
{
    char text[1000], *at = text, *end = text + sizeof(text);
    for (int i = 0; i < count; i++)
        at += snprintf(at, (size_t)(end - at), "%c\"k%d\":{}", i ? ',' : '{', i);
    (void)stpcpy(at, "}");
    expect(text, expected);
}

START_TEST(very_many_members_are_left_to_the_parser)
{
    expect_members(48, JSON_SCAN_COMPACT);
    expect_members(49, JSON_SCAN_UNSURE);
}
END_TEST

START_TEST(a_text_cut_anywhere_is_not_sure)
{
    static const char text[] = "{\"a\":[1,{\"b\":\"\\u00e9\xc3\xa9\"},null],\"c\":-1.5e10}";
    expect(text, JSON_SCAN_COMPACT);
    for (size_t size = 0; size < strlen(text); size++)
        ck_assert_int_eq(json_scan(text, size), JSON_SCAN_UNSURE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_scan");
    TCase *tests = tcase_create("json_scan");
    tcase_add_test(tests, ordinary_objects_are_sure);
    tcase_add_test(tests, blanks_are_seen_between_the_parts_alone);
    tcase_add_test(tests, nothing_that_is_wrong_is_sure);
    tcase_add_test(tests, what_is_rare_is_left_to_the_parser);
    tcase_add_test(tests, very_many_members_are_left_to_the_parser);
    tcase_add_test(tests, a_text_cut_anywhere_is_not_sure);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
