#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "suite.h"
#include "worker/symbols.h"

static json_t *exports, *clashes;

static void survey(const char *name)
{
    char path[4096];
    const char *folder = getenv("AW_TEST_PLUGINS");
    ck_assert_msg(folder != NULL, "AW_TEST_PLUGINS names the folder of the plugins");
    (void)snprintf(path, sizeof(path), "%s/%s.so", folder, name);
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(object != NULL, "%s", dlerror());
    ck_assert_int_eq(symbols_survey(object, "aw_plugin", &exports, &clashes), 0);
}

static void is(json_t *names, const char *expected)
{
    char *text = json_dumps(names, JSON_COMPACT);
    ck_assert_str_eq(text, expected);
    free(text);
    json_decref(names);
}

START_TEST(a_plugin_exports_nothing_but_itself)
{
    survey("fiber_nap");
    is(exports, "[]");
    is(clashes, "[]");
}
END_TEST

START_TEST(names_that_the_process_has_clash_and_others_do_not)
{
    survey("clashes");
    is(exports, "[\"aw_version_of_nobody\",\"event_new\",\"json_object\",\"only_here\"]");
    is(clashes, "[\"event_new\",\"json_object\"]");
}
END_TEST

START_TEST(a_plugin_that_looks_up_its_own_names_first_does_not_clash)
{
    survey("clashes_not");
    is(exports, "[\"event_new\"]");
    is(clashes, "[]");
}
END_TEST

START_TEST(only_so_many_names_are_told)
{
    survey("many_symbols");
    ck_assert_uint_eq(json_array_size(exports), SYMBOLS_TOLD);
    ck_assert_str_eq(json_string_value(json_array_get(exports, 0)), "symbol_000");
    ck_assert_str_eq(json_string_value(json_array_get(exports, SYMBOLS_TOLD - 1)), "symbol_099");
    json_decref(exports);
    is(clashes, "[]");
}
END_TEST

/* The C library itself: thousands of names with versions, of which the process has all. */
START_TEST(a_library_of_thousands_of_names_is_read)
{
    void *object = dlopen("libc.so.6", RTLD_NOW | RTLD_LOCAL);
    ck_assert_ptr_nonnull(object);
    ck_assert_int_eq(symbols_survey(object, "aw_plugin", &exports, &clashes), 0);
    ck_assert_uint_eq(json_array_size(exports), SYMBOLS_TOLD);
    ck_assert_uint_eq(json_array_size(clashes), SYMBOLS_TOLD);
    json_decref(exports);
    json_decref(clashes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("symbols");
    TCase *tests = tcase_create("symbols");
    tcase_add_test(tests, a_plugin_exports_nothing_but_itself);
    tcase_add_test(tests, names_that_the_process_has_clash_and_others_do_not);
    tcase_add_test(tests, a_plugin_that_looks_up_its_own_names_first_does_not_clash);
    tcase_add_test(tests, only_so_many_names_are_told);
    tcase_add_test(tests, a_library_of_thousands_of_names_is_read);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
