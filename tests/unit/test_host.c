#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <jansson.h>
#include "suite.h"
#include "worker/host.h"

static struct host host;

static const char *plugin_path(const char *name)
{
    static char path[4096];
    const char *folder = getenv("AW_TEST_PLUGINS");
    ck_assert_msg(folder != NULL, "AW_TEST_PLUGINS names the folder of the plugins");
    (void)snprintf(path, sizeof(path), "%s/%s.so", folder, name);
    return path;
}

static int load(size_t place, const char *path, const char *settings)
{
    json_t *json = settings ? json_loads(settings, 0, NULL) : NULL;
    if (!host.plugins)
        ck_assert_int_eq(host_init(&host, 3), 0);
    int result = host_load(&host, place, NULL, path, json);
    json_decref(json);
    return result;
}

/* A plugin that must not load, and what must be said of it. */
static void refused(const char *path, const char *const *words)
{
    ck_assert_int_lt(load(0, path, NULL), 0);
    ck_assert_ptr_null(host_plugin(&host, 0));
    for (; *words; words++)
        ck_assert_msg(strstr(host.plugins[0].problem, *words) != NULL, "no '%s' in: %s", *words,
                      host.plugins[0].problem);
    host_close(&host);
}

#define TEXT_OF(value) #value
#define TO_TEXT(value) TEXT_OF(value)
#define OWN_VERSION TO_TEXT(AW_ABI_MAJOR) "." TO_TEXT(AW_ABI_MINOR)

#define REFUSED(path, ...) refused(path, (const char *const[]){__VA_ARGS__, NULL})

START_TEST(a_file_that_is_not_there_is_refused)
{
    REFUSED("/nowhere/wait.so", "/nowhere/wait.so", "No such file");
}
END_TEST

START_TEST(a_text_is_no_plugin)
{
    char path[] = "/tmp/awaitd-test-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(write(fd, "This is no plugin.\n", 19), 19);
    close(fd);
    REFUSED(path, "ELF");
    unlink(path);
}
END_TEST

START_TEST(a_fifo_or_a_directory_is_no_plugin_and_is_not_waited_for)
{
    char path[] = "/tmp/awaitd-test-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(path));
    REFUSED(path, "is no regular file");
    rmdir(path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    REFUSED(path, "is no regular file");
    unlink(path);
}
END_TEST

START_TEST(an_object_without_the_symbol_is_no_plugin)
{
    REFUSED(plugin_path("no_symbol"), "aw_plugin", "AW_PLUGIN()");
}
END_TEST

START_TEST(an_object_with_another_symbol_of_that_name_is_no_plugin)
{
    REFUSED(plugin_path("wrong_magic"), "aw_plugin", "AW_PLUGIN()");
}
END_TEST

START_TEST(another_major_version_is_refused_with_both_versions_and_the_remedy)
{
    REFUSED(plugin_path("wrong_major"), "2.3", OWN_VERSION, "build it again");
}
END_TEST

START_TEST(a_newer_minor_version_is_refused_with_both_versions_and_the_remedy)
{
    REFUSED(plugin_path("newer_minor"), "1.99", OWN_VERSION, "upgrade awaitd");
}
END_TEST

START_TEST(tables_larger_than_known_are_refused)
{
    REFUSED(plugin_path("wrong_size"), "100000", OWN_VERSION, "build it again");
}
END_TEST

START_TEST(a_parameter_named_twice_is_refused)
{
    REFUSED(plugin_path("bad_table"), "params", "twice");
}
END_TEST

START_TEST(two_ways_to_run_are_refused)
{
    REFUSED(plugin_path("two_styles"), "two of", ".blocking");
}
END_TEST

START_TEST(a_plugin_that_cannot_be_opened_says_why)
{
    REFUSED(plugin_path("open_fails"), "could not be opened", "no moon tonight");
}
END_TEST

START_TEST(an_older_plugin_loads_and_its_shorter_rows_are_found)
{
    ck_assert_int_eq(load(0, plugin_path("older_minor"), NULL), 0);
    const struct plugin *plugin = host_plugin(&host, 0);
    ck_assert_uint_eq(plugin->params.count, 2);
    ck_assert_str_eq(plugin->params.rows[1].name, "second");
    ck_assert_ptr_null(plugin->params.rows[1].one_of);
    ck_assert_ptr_null(plugin->table.async);
    ck_assert_uint_eq(plugin->table.stack_size, 0);
    host_close(&host);
}
END_TEST

START_TEST(a_name_is_given_once)
{
    ck_assert_int_eq(load(0, plugin_path("fiber_nap"), NULL), 0);
    ck_assert_int_eq(load(1, plugin_path("fiber_nap"), NULL), -EEXIST);
    ck_assert_ptr_nonnull(strstr(host.plugins[1].problem, "'fiber_nap' is taken by"));
    ck_assert_ptr_nonnull(host_plugin(&host, 0));
    host_close(&host);
}
END_TEST

START_TEST(settings_reach_the_plugin)
{
    ck_assert_int_eq(load(0, plugin_path("identity"), "{\"base\": 12}"), 0);
    ck_assert_int_eq(*(const int64_t *)host_plugin(&host, 0)->instance, 12);
    host_close(&host);
}
END_TEST

START_TEST(settings_have_defaults)
{
    ck_assert_int_eq(load(0, plugin_path("identity"), NULL), 0);
    ck_assert_int_eq(*(const int64_t *)host_plugin(&host, 0)->instance, 7);
    host_close(&host);
}
END_TEST

START_TEST(wrong_settings_disable_the_plugin)
{
    ck_assert_int_eq(load(0, plugin_path("identity"), "{\"bass\": 12}"), -EINVAL);
    ck_assert_ptr_nonnull(strstr(host.plugins[0].problem, "settings.bass"));
    host_close(&host);
}
END_TEST

START_TEST(the_catalogue_keeps_the_order_and_tells_the_reasons)
{
    (void)load(0, plugin_path("no_symbol"), NULL);
    (void)load(1, plugin_path("blocking_sleep"), NULL);
    host_disable(&host, 2, "/some/file.so", "disabled");
    json_t *catalogue = host_catalogue(&host);
    const char *first, *name, *version, *abi, *style, *param, *third;
    json_int_t limit;
    int result = json_unpack(
        catalogue, "{s:[{s:s}, {s:s, s:s, s:s, s:s, s:I, s:[{s:s}], s:[]}, {s:s}]}", "plugins",
        "error", &first, "name", &name, "version", &version, "abi", &abi, "style", &style, "limit",
        &limit, "params", "name", &param, "settings", "error", &third);
    ck_assert_int_eq(result, 0);
    ck_assert_ptr_nonnull(strstr(first, "aw_plugin"));
    ck_assert_str_eq(name, "blocking_sleep");
    ck_assert_str_eq(version, "1");
    ck_assert_str_eq(style, "blocking");
    ck_assert_str_eq(abi, OWN_VERSION);
    ck_assert_int_eq(limit, 0);
    ck_assert_str_eq(param, "seconds");
    ck_assert_str_eq(third, "disabled");
    json_decref(catalogue);
    host_close(&host);
}
END_TEST

START_TEST(the_catalogue_tells_the_names_that_clash)
{
    ck_assert_int_eq(load(0, plugin_path("clashes"), NULL), 0);
    host_disable(&host, 1, "/some/file.so", "disabled");
    host_disable(&host, 2, "/other/file.so", "disabled");
    json_t *catalogue = host_catalogue(&host);
    const char *first, *second;
    ck_assert_int_eq(
        json_unpack(catalogue, "{s:[{s:[s, s]}, {}, {}]}", "plugins", "clashes", &first, &second),
        0);
    ck_assert_str_eq(first, "event_new");
    ck_assert_str_eq(second, "json_object");
    json_decref(catalogue);
    host_close(&host);
}
END_TEST

/* What no check can prevent: the process ends, and with it this test. */
START_TEST(crashing_at_load_ends_the_process)
{
    (void)signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would exit instead */
    (void)load(0, plugin_path("crash_at_load"), NULL);
}
END_TEST

START_TEST(crashing_in_open_ends_the_process)
{
    (void)signal(SIGSEGV, SIG_DFL);
    (void)load(0, plugin_path("open_crashes"), NULL);
}
END_TEST

START_TEST(exiting_at_load_ends_the_process)
{
    (void)load(0, plugin_path("exit_at_load"), NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host");
    TCase *tests = tcase_create("host");
    tcase_add_test(tests, a_file_that_is_not_there_is_refused);
    tcase_add_test(tests, a_text_is_no_plugin);
    tcase_add_test(tests, a_fifo_or_a_directory_is_no_plugin_and_is_not_waited_for);
    tcase_add_test(tests, an_object_without_the_symbol_is_no_plugin);
    tcase_add_test(tests, an_object_with_another_symbol_of_that_name_is_no_plugin);
    tcase_add_test(tests, another_major_version_is_refused_with_both_versions_and_the_remedy);
    tcase_add_test(tests, a_newer_minor_version_is_refused_with_both_versions_and_the_remedy);
    tcase_add_test(tests, tables_larger_than_known_are_refused);
    tcase_add_test(tests, a_parameter_named_twice_is_refused);
    tcase_add_test(tests, two_ways_to_run_are_refused);
    tcase_add_test(tests, a_plugin_that_cannot_be_opened_says_why);
    tcase_add_test(tests, an_older_plugin_loads_and_its_shorter_rows_are_found);
    tcase_add_test(tests, a_name_is_given_once);
    tcase_add_test(tests, settings_reach_the_plugin);
    tcase_add_test(tests, settings_have_defaults);
    tcase_add_test(tests, wrong_settings_disable_the_plugin);
    tcase_add_test(tests, the_catalogue_keeps_the_order_and_tells_the_reasons);
    tcase_add_test(tests, the_catalogue_tells_the_names_that_clash);
    tcase_add_test_raise_signal(tests, crashing_at_load_ends_the_process, SIGSEGV);
    tcase_add_test_raise_signal(tests, crashing_in_open_ends_the_process, SIGSEGV);
    tcase_add_exit_test(tests, exiting_at_load_ends_the_process, 3);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
