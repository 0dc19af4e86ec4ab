#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/plugin_text.h"
#include "suite.h"

/* The explanation of a plugin as plugin.show tells it; for the caller to free. */
static char *explain(const char *json, unsigned columns)
{
    json_t *plugin = json_loads(json, 0, NULL);
    ck_assert_ptr_nonnull(plugin);
    char *text;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    plugin_text_print(plugin, columns, file);
    ck_assert_int_eq(fclose(file), 0);
    json_decref(plugin);
    return text;
}

static void says(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part), "no \"%s\" in:\n%s", part, text);
}

START_TEST(required_optional_and_chosen_parameters_show_in_the_usage)
{
    char *text =
        explain("{\"name\":\"p\",\"params\":["
                "{\"name\":\"a\",\"type\":\"string\",\"text\":\"A.\",\"required\":true},"
                "{\"name\":\"seconds\",\"type\":\"duration\",\"text\":\"S.\",\"one_of\":\"when\","
                "\"min\":0},"
                "{\"name\":\"until\",\"type\":\"time\",\"text\":\"U.\",\"one_of\":\"when\"},"
                "{\"name\":\"tags\",\"type\":\"list of strings\",\"text\":\"T.\"}]}",
                0);
    says(text, "Usage: awaitctl run p a=STRING (seconds=DURATION | until=TIME) [tags=STRING...]\n");
    says(text, "Give exactly one of: seconds, until\n");
    says(text, "duration, at least 0s\n");
    says(text, "string, required\n");
    free(text);
}
END_TEST

START_TEST(a_plugin_without_parameters_has_a_usage)
{
    char *text =
        explain("{\"name\":\"p\",\"summary\":\"Does it\",\"params\":[],\"limit\":8,"
                "\"version\":\"2\",\"style\":\"async\",\"abi\":\"1.1\",\"file\":\"/p.so\"}",
                0);
    says(text, "\nAt most 8 jobs of it run at once.\n");
    says(text, "\nVersion 2, style async, ABI 1.1, from /p.so\n");
    says(text, "p: Does it\n");
    says(text, "Usage: awaitctl run p\n");
    ck_assert_ptr_null(strstr(text, "Parameters"));
    free(text);
}
END_TEST

START_TEST(json_and_what_is_restricted_are_explained)
{
    char *text =
        explain("{\"name\":\"p\",\"params\":[{\"name\":\"a\",\"type\":\"JSON\",\"text\":\"A.\","
                "\"restricted\":true}]}",
                0);
    says(text, "Usage: awaitctl run p [a=JSON]\n");
    says(text, "JSON, restricted\n");
    says(text, "\nJSON is any value: ");
    says(text, "\nWhat is restricted is only for root and the daemon's own user.\n");
    free(text);
    text = explain(
        "{\"name\":\"p\",\"params\":[{\"name\":\"a\",\"type\":\"bool\",\"text\":\"A.\"}]}", 0);
    ck_assert_ptr_null(strstr(text, "restricted"));
    free(text);
}
END_TEST

START_TEST(a_disabled_one_says_why)
{
    char *text = explain("{\"name\":\"p\",\"state\":\"disabled\",\"reason\":\"no symbol\"}", 0);
    says(text, "Disabled: no symbol\n");
    free(text);
}
END_TEST

START_TEST(long_sentences_break_between_words)
{
    char *text = explain("{\"name\":\"p\",\"params\":[{\"name\":\"a\",\"type\":\"bool\","
                         "\"text\":\"one two three four five\"}]}",
                         20);
    says(text, "\n     one two three\n     four five\n");
    free(text);
}
END_TEST

static void has_range(const char *json, const char *expected)
{
    char buffer[160];
    json_t *param = json_loads(json, 0, NULL);
    ck_assert_ptr_nonnull(param);
    ck_assert_str_eq(plugin_text_range(param, buffer, sizeof(buffer)), expected);
    json_decref(param);
}

START_TEST(ranges_are_in_the_notation_of_their_type)
{
    has_range("{\"type\":\"integer\",\"min\":1,\"max\":10}", "1 to 10");
    has_range("{\"type\":\"duration\",\"min\":0,\"max\":3600}", "0s to 1h");
    has_range("{\"type\":\"size\",\"max\":65536}", "at most 64KiB");
    has_range("{\"type\":\"number\",\"min\":-0.1}", "at least -0.1");
    has_range("{\"type\":\"string\"}", "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_plugin_text");
    TCase *tests = tcase_create("ctl_plugin_text");
    tcase_add_test(tests, required_optional_and_chosen_parameters_show_in_the_usage);
    tcase_add_test(tests, a_plugin_without_parameters_has_a_usage);
    tcase_add_test(tests, json_and_what_is_restricted_are_explained);
    tcase_add_test(tests, a_disabled_one_says_why);
    tcase_add_test(tests, long_sentences_break_between_words);
    tcase_add_test(tests, ranges_are_in_the_notation_of_their_type);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
