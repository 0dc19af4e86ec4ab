#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/details_text.h"
#include "suite.h"

static char *printed(const char *details)
{
    json_t *json = json_loads(details, JSON_ALLOW_NUL, NULL);
    ck_assert_ptr_nonnull(json);
    char *text;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(file);
    details_text_print(json, file);
    ck_assert_int_eq(fclose(file), 0);
    json_decref(json);
    return text;
}

static void expect(const char *details, const char *lines)
{
    char *text = printed(details);
    ck_assert_str_eq(text, lines);
    free(text);
}

START_TEST(each_fact_is_a_line)
{
    expect("{\"status\":200,\"total\":0.1,\"ok\":true,\"none\":null,\"type\":\"text/html\"}",
           "  status: 200\n  total: 0.1\n  ok: true\n  none: null\n  type: text/html\n");
    expect("{}", "");
}
END_TEST

START_TEST(nested_facts_have_dotted_names)
{
    expect("{\"a\":{\"b\":1,\"c\":{\"d\":\"x\",\"e\":{}}},\"f\":[1,\"two\",{\"g\":3}]}",
           "  a.b: 1\n  a.c.d: x\n  a.c.e: {}\n  f: [1, \"two\", {\"g\": 3}]\n");
}
END_TEST

START_TEST(texts_can_neither_break_lines_nor_steer_the_terminal)
{
    expect("{\"a\\nb\":\"one\\ntwo\\u001b[31m\\u0000\\n\"}", "  a\\nb: one\\ntwo\\x1b[31m\\x00\n");
}
END_TEST

START_TEST(long_texts_are_cut_between_characters)
{
    enum { LETTERS = 320 };
    char details[2 * LETTERS + 20], *at = stpcpy(details, "{\"a\":\"x");
    for (int i = 0; i < LETTERS; i++)
        at = stpcpy(at, "\xc3\xa9");
    (void)stpcpy(at, "\"}");
    char *text = printed(details);
    char end[40];
    (void)snprintf(end, sizeof(end), "\xc3\xa9... (%d bytes)\n", 1 + 2 * LETTERS);
    ck_assert_uint_eq(strlen(text), strlen("  a: ") + 299 + strlen(end) - 2);
    ck_assert_str_eq(text + strlen(text) - strlen(end), end);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_details_text");
    TCase *tests = tcase_create("ctl_details_text");
    tcase_add_test(tests, each_fact_is_a_line);
    tcase_add_test(tests, nested_facts_have_dotted_names);
    tcase_add_test(tests, texts_can_neither_break_lines_nor_steer_the_terminal);
    tcase_add_test(tests, long_texts_are_cut_between_characters);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
