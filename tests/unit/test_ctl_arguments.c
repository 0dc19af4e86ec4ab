#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/arguments.h"
#include "suite.h"

/* The parameters that `count` arguments make, as JSON text with sorted keys. */
static void makes(const char *expected, int count, const char *const *arguments)
{
    struct error error = {.text = ""};
    json_t *params = NULL;
    ck_assert_msg(arguments_params(count, (char *const *)arguments, &params, &error) == 0, "%s",
                  error.text);
    char *text = json_dumps(params, JSON_COMPACT | JSON_SORT_KEYS);
    ck_assert_str_eq(text, expected);
    free(text);
    json_decref(params);
}

static void is_refused(const char *why, int count, const char *const *arguments)
{
    struct error error = {.text = ""};
    json_t *params = NULL;
    ck_assert_int_eq(arguments_params(count, (char *const *)arguments, &params, &error), -EINVAL);
    ck_assert_ptr_null(params);
    ck_assert_msg(strstr(error.text, why), "%s", error.text);
}

#define ARGUMENTS(...) \
    sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[]) \
    { \
        __VA_ARGS__ \
    }

START_TEST(no_arguments_are_no_parameters)
{
    makes("{}", 0, NULL);
}
END_TEST

START_TEST(values_are_strings)
{
    makes("{\"seconds\":\"250ms\"}", ARGUMENTS("seconds=250ms"));
    makes("{\"a\":\"\",\"b\":\"1\"}", ARGUMENTS("a=", "b=1"));
    makes("{\"a\":\"x=y:=z\"}", ARGUMENTS("a=x=y:=z"));
    makes("{\"seconds\":\"{item}\"}", ARGUMENTS("seconds={item}"));
}
END_TEST

START_TEST(a_repeated_key_makes_a_list)
{
    makes("{\"tag\":[\"a\",\"b\"]}", ARGUMENTS("tag=a", "tag=b"));
    makes("{\"other\":\"x\",\"tag\":[\"a\",\"b\",\"c\"]}",
          ARGUMENTS("tag=a", "other=x", "tag=b", "tag=c"));
}
END_TEST

START_TEST(colon_equals_gives_json)
{
    makes("{\"a\":1.5,\"b\":[\"x\",{}],\"c\":true,\"d\":\"s\"}",
          ARGUMENTS("a:=1.5", "b:=[\"x\",{}]", "c:=true", "d:=\"s\""));
    makes("{\"a\":null}", ARGUMENTS("a:=null"));
}
END_TEST

START_TEST(what_is_no_pair_is_refused_by_name)
{
    is_refused("'seconds' is not KEY=VALUE", ARGUMENTS("a=1", "seconds"));
    is_refused("'=1' has no name", ARGUMENTS("=1"));
    is_refused("':=1' has no name", ARGUMENTS(":=1"));
    is_refused("a: '{x' is not JSON", ARGUMENTS("a:={x"));
    is_refused("a: '' is not JSON", ARGUMENTS("a:="));
    is_refused("a: '1 2' is not JSON", ARGUMENTS("a:=1 2"));
    is_refused("duplicate object key", ARGUMENTS("a:={\"x\":1,\"x\":2}"));
    is_refused("a: is not valid UTF-8", ARGUMENTS("a=\xff"));
}
END_TEST

START_TEST(json_cannot_be_repeated)
{
    is_refused("a: given with :=", ARGUMENTS("a:=1", "a:=2"));
    is_refused("a: given with :=", ARGUMENTS("a:=1", "a=2"));
    is_refused("a: given with :=", ARGUMENTS("a=1", "a:=2"));
}
END_TEST

/* ---- A command ----------------------------------------------------------------------------------- */

static void has_argv(const char *expected, bool literal)
{
    static char *const words[] = {"sh", "{index}", "}}", ""};
    struct error error = {.text = ""};
    json_t *params = json_pack("{s:s}", "a", "1");
    ck_assert_int_eq(arguments_argv(4, words, literal, params, &error), 0);
    char *dumped = json_dumps(json_object_get(params, "argv"), JSON_COMPACT);
    ck_assert_str_eq(dumped, expected);
    free(dumped);
    json_decref(params);
}

START_TEST(a_commands_words_become_argv)
{
    has_argv("[\"sh\",\"{index}\",\"}}\",\"\"]", false);
    has_argv("[\"sh\",\"{{index}}\",\"}}}}\",\"\"]", true);
}
END_TEST

START_TEST(a_command_must_be_utf8_and_the_only_one)
{
    static char *const words[] = {"ls", "caf\xe9"};
    struct error error = {.text = ""};
    json_t *params = json_object();
    ck_assert_int_eq(arguments_argv(2, words, true, params, &error), -EINVAL);
    ck_assert_str_eq(error.text, "word 2 behind '--' is not valid UTF-8");
    ck_assert_uint_eq(json_object_size(params), 0);
    ck_assert_int_eq(arguments_argv(1, words, true, params, &error), 0);
    ck_assert_int_eq(arguments_argv(1, words, true, params, &error), -EINVAL);
    ck_assert_str_eq(error.text, "argv and '--': give one of them");
    json_decref(params);
}
END_TEST

/* ---- Items --------------------------------------------------------------------------------------- */

static void has_items(const char *expected, const char *text)
{
    struct error error = {.text = ""};
    json_t *items = NULL;
    ck_assert_msg(arguments_items(text, &items, &error) == 0, "%s", error.text);
    char *dumped = json_dumps(items, JSON_COMPACT);
    ck_assert_str_eq(dumped, expected);
    free(dumped);
    json_decref(items);
}

START_TEST(items_stand_between_commas)
{
    has_items("[\"a\"]", "a");
    has_items("[\"0.1\",\"0.2\",\"0.3\"]", "0.1,0.2,0.3");
    has_items("[\"a\",\"\",\"b\",\"\"]", "a,,b,");
}
END_TEST

START_TEST(items_must_be_there_and_utf8)
{
    json_t *items = NULL;
    struct error error;
    ck_assert_int_eq(arguments_items("", &items, &error), -EINVAL);
    ck_assert_int_eq(arguments_items("a,\xc3", &items, &error), -EINVAL);
    ck_assert_ptr_null(items);
}
END_TEST

/* What a file with these bytes gives: the items as JSON, or the reason. */
static int read_file(const char *content, size_t size, json_t **items, struct error *error)
{
    char path[] = "/tmp/awaitctl-items-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    FILE *file = fdopen(fd, "w");
    ck_assert_uint_eq(fwrite(content, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
    int result = arguments_items_file(path, items, error);
    ck_assert_int_eq(remove(path), 0);
    return result;
}

START_TEST(lines_of_a_file_are_items_without_empty_ones)
{
    static const char content[] = "a b\n\n,c\r\nlast";
    json_t *items = NULL;
    struct error error = {.text = ""};
    ck_assert_msg(read_file(content, sizeof(content) - 1, &items, &error) == 0, "%s", error.text);
    char *text = json_dumps(items, JSON_COMPACT);
    ck_assert_str_eq(text, "[\"a b\",\",c\\r\",\"last\"]");
    free(text);
    json_decref(items);
}
END_TEST

START_TEST(a_bad_line_is_named)
{
    json_t *items = NULL;
    struct error error = {.text = ""};
    ck_assert_int_eq(read_file("a\n\xff\n", 4, &items, &error), -EINVAL);
    ck_assert_msg(strstr(error.text, ":2: not valid UTF-8"), "%s", error.text);
    ck_assert_int_eq(read_file("a\n\nx\0y\n", 7, &items, &error), -EINVAL);
    ck_assert_msg(strstr(error.text, ":3: a NUL byte"), "%s", error.text);
    ck_assert_int_eq(read_file("\n\n", 2, &items, &error), -EINVAL);
    ck_assert_msg(strstr(error.text, "no items"), "%s", error.text);
    ck_assert_int_eq(arguments_items_file("/nonexistent/file", &items, &error), -ENOENT);
    ck_assert_int_eq(arguments_items_file("/dev/zero", &items, &error), -E2BIG);
    ck_assert_msg(strstr(error.text, "/dev/zero:1: the line is longer"), "%s", error.text);
    ck_assert_ptr_null(items);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_arguments");
    TCase *tests = tcase_create("ctl_arguments");
    tcase_add_test(tests, no_arguments_are_no_parameters);
    tcase_add_test(tests, values_are_strings);
    tcase_add_test(tests, a_repeated_key_makes_a_list);
    tcase_add_test(tests, colon_equals_gives_json);
    tcase_add_test(tests, what_is_no_pair_is_refused_by_name);
    tcase_add_test(tests, json_cannot_be_repeated);
    tcase_add_test(tests, a_commands_words_become_argv);
    tcase_add_test(tests, a_command_must_be_utf8_and_the_only_one);
    tcase_add_test(tests, items_stand_between_commas);
    tcase_add_test(tests, items_must_be_there_and_utf8);
    tcase_add_test(tests, lines_of_a_file_are_items_without_empty_ones);
    tcase_add_test(tests, a_bad_line_is_named);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
