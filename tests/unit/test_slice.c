#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "suite.h"
#include "wire/slice.h"

static struct bytes_view view(const char *text)
{
    return (struct bytes_view){.data = (const uint8_t *)text, .size = strlen(text)};
}

static void check_member(const char *object, const char *name, const char *value)
{
    struct bytes_view found = slice_member(view(object), name);
    if (!value) {
        ck_assert_msg(!found.data, "%s has a %s", object, name);
        return;
    }
    ck_assert_msg(found.data != NULL, "%s has no %s", object, name);
    ck_assert_uint_eq(found.size, strlen(value));
    ck_assert_int_eq(memcmp(found.data, value, found.size), 0);
}

START_TEST(members_are_found_whatever_stands_before_them)
{
    check_member("{\"a\":1}", "a", "1");
    check_member(" {\"a\":1}", "a", NULL); /* not an object's first byte */
    check_member("{ \"b\" : [1,{\"a\":2},\"]\"] ,\n\"a\"\t: {\"c\":\"}\\\"\"} }", "a",
                 "{\"c\":\"}\\\"\"}");
    check_member("{\"b\":\"\\\\\",\"a\":\"x\"}", "a", "\"x\"");
    check_member("{\"b\":true,\"a\":null}", "a", "null");
    check_member("{\"a\":1,\"a\":2}", "a", "1");
}
END_TEST

START_TEST(members_that_are_not_there_are_not_found)
{
    check_member("", "a", NULL);
    check_member("{}", "a", NULL);
    check_member("[\"a\"]", "a", NULL);
    check_member("{\"b\":{\"a\":1}}", "a", NULL);
    check_member("{\"b\":\"a\"}", "a", NULL);
    check_member("{\"ab\":1}", "a", NULL);
    check_member("{\"\\u0061\":1}", "a", NULL);
    check_member("{\"a\"", "a", NULL);
    check_member("{\"a\":", "a", NULL);
    check_member("{\"a\":,}", "a", NULL);
    check_member("{\"a\":\"x", "a", NULL);
    check_member("{\"a\":[1", "a", NULL);
    check_member("{\"b\" 1,\"a\":1}", "a", NULL);
}
END_TEST

/* The elements, with a '|' behind each, and the code at the end. */
static int elements(const char *array, char *out, size_t size)
{
    struct slice_elements state;
    struct bytes_view element;
    int next;
    out[0] = '\0';
    if (!slice_elements_begin(&state, view(array)))
        return -EINVAL;
    while ((next = slice_elements_next(&state, &element)) > 0) {
        size_t used = strlen(out);
        (void)snprintf(out + used, size - used, "%.*s|", (int)element.size,
                       (const char *)element.data);
    }
    return next;
}

static void check_elements(const char *array, const char *expected)
{
    char out[256];
    ck_assert_int_eq(elements(array, out, sizeof(out)), 0);
    ck_assert_str_eq(out, expected);
}

START_TEST(elements_come_one_after_the_other)
{
    check_elements("[]", "");
    check_elements("[ ]", "");
    check_elements("[1]", "1|");
    check_elements("[{\"a\":[1,2]}, \"x,]\" ,[[]],null\n]", "{\"a\":[1,2]}|\"x,]\"|[[]]|null|");
}
END_TEST

START_TEST(malformed_arrays_are_noticed)
{
    static const char *const arrays[] = {"[",    "[1",  "[1,",  "[1,]", "[,1]", "[1 2]",
                                         "[1}]", "[{]", "[\"]", "[1]]", "[1] ", "[{} {}]"};
    char out[64];
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
        ck_assert_msg(elements(arrays[i], out, sizeof(out)) == -EBADMSG, "%s", arrays[i]);
    ck_assert_int_eq(elements("{}", out, sizeof(out)), -EINVAL);
    ck_assert_int_eq(elements("", out, sizeof(out)), -EINVAL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slice");
    TCase *tests = tcase_create("slice");
    tcase_add_test(tests, members_are_found_whatever_stands_before_them);
    tcase_add_test(tests, members_that_are_not_there_are_not_found);
    tcase_add_test(tests, elements_come_one_after_the_other);
    tcase_add_test(tests, malformed_arrays_are_noticed);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
