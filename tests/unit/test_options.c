#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "suite.h"
#include "base/error.h"
#include "base/parse.h"
#include "supervisor/config.h"
#include "supervisor/options.h"

static struct config config;
static struct error error;

static void set_up(void)
{
    config = (struct config){0};
    error.text[0] = '\0';
    ck_assert_int_eq(options_set_defaults(&config), 0);
}

static void tear_down(void)
{
    options_clear(&config);
}

static int assign_text(const char *group, const char *name, const char *text)
{
    const struct option_value value = {.kind = OPTION_VALUE_TEXT, .text = text};
    return options_assign(options_find(group, name), &value, &config, &error);
}

static int assign_integer(const char *group, const char *name, int64_t integer)
{
    const struct option_value value = {.kind = OPTION_VALUE_INTEGER, .integer = integer};
    return options_assign(options_find(group, name), &value, &config, &error);
}

static int assign_number(const char *group, const char *name, double number)
{
    const struct option_value value = {.kind = OPTION_VALUE_NUMBER, .number = number};
    return options_assign(options_find(group, name), &value, &config, &error);
}

static int assign_boolean(const char *group, const char *name, bool boolean)
{
    const struct option_value value = {.kind = OPTION_VALUE_BOOLEAN, .boolean = boolean};
    return options_assign(options_find(group, name), &value, &config, &error);
}

/* A row's default, or what the manual shows for it, through the front door. */
static int assign_shown(const struct option *option)
{
    const char *shown = option->fallback ? option->fallback : option->example;
    int64_t integer;
    bool boolean;

    if (option->type == OPTION_BOOLEAN) {
        ck_assert_int_eq(parse_bool(shown, &boolean), 0);
        return assign_boolean(option->group, option->name, boolean);
    }
    if (options_is_quoted(option))
        return assign_text(option->group, option->name, shown);
    ck_assert_int_eq(parse_integer(shown, &integer), 0);
    return assign_integer(option->group, option->name, integer);
}

START_TEST(the_defaults_are_those_of_the_manual)
{
    ck_assert_int_eq(config.daemon.workers, 0);
    ck_assert_ptr_null(config.daemon.socket);
    ck_assert_ptr_null(config.daemon.group);
    ck_assert_str_eq(config.daemon.plugin_dir, AW_PLUGINDIR);
    ck_assert_double_eq(config.daemon.grace_s, 10);
    ck_assert_int_eq(config.log.level, LOG_LEVEL_INFO);
    ck_assert_int_eq(config.log.rate, 1000);
    ck_assert_int_eq(config.log.burst, 1000);
    ck_assert_ptr_null(config.daemon.state_dir);
    ck_assert(config.store.enabled);
    ck_assert_double_eq(config.store.keep_s, 7 * 86400);
    ck_assert_int_eq(config.store.bytes, INT64_C(4) << 30);
    ck_assert_int_eq(config.limits.line_bytes, 1 << 20);
    ck_assert_int_eq(config.limits.depth, 64);
    ck_assert_int_eq(config.limits.batch_jobs, 10000000);
    ck_assert_int_eq(config.limits.queued_jobs, 20000000);
    ck_assert_int_eq(config.limits.batches, 100000);
    ck_assert_int_eq(config.limits.clients, 4096);
    ck_assert_int_eq(config.limits.user_clients, 4096);
    ck_assert_int_eq(config.limits.client_watchers, 1024);
    ck_assert_int_eq(config.limits.output_bytes, 1 << 20);
    ck_assert_int_eq(config.limits.history_bytes, 256 << 20);
    ck_assert_int_eq(config.limits.running_async, 1000000);
    ck_assert_int_eq(config.limits.running_fibers, 10000);
    ck_assert_int_eq(config.limits.running_blocking, 0);
    ck_assert_int_eq(config.limits.fiber_stack_bytes, 256 << 10);
}
END_TEST

START_TEST(every_row_explains_itself_and_its_default_is_allowed)
{
    const struct option *option;
    for (size_t i = 0; (option = options_at(i)); i++) {
        ck_assert_uint_eq(options_index(option), i);
        ck_assert_ptr_eq(options_find(option->group, option->name), option);
        ck_assert_msg(option->fallback || option->example, "%s shows no value", option->name);
        ck_assert_msg(option->type != OPTION_INTEGER || option->unit, "%s counts what?",
                      option->name);
        ck_assert_msg(option->text[strlen(option->text) - 1] == '.', "%s needs a sentence",
                      option->name);
        ck_assert_msg(assign_shown(option) == 0, "%s: %s", option->name, error.text);
    }
    ck_assert_uint_eq(options_count(),
                      options_index(options_find("limits", "fiber_stack_bytes")) + 1);
}
END_TEST

START_TEST(no_two_rows_share_a_member)
{
    const struct option *a, *b;
    for (size_t i = 0; (a = options_at(i)); i++)
        for (size_t j = i + 1; (b = options_at(j)); j++)
            ck_assert_msg(a->offset != b->offset, "%s and %s", a->name, b->name);
}
END_TEST

START_TEST(what_there_is_not_is_not_found)
{
    ck_assert_ptr_null(options_find("daemon", "depth"));
    ck_assert_ptr_null(options_find("limits", "colour"));
    ck_assert_ptr_null(options_find("paint", "depth"));
    ck_assert(options_has_group("limits"));
    ck_assert(!options_has_group("plugins"));
    ck_assert_ptr_null(options_at(options_count()));
}
END_TEST

START_TEST(both_ends_of_a_range_are_allowed_and_nothing_outside)
{
    ck_assert_int_eq(assign_integer("limits", "depth", 8), 0);
    ck_assert_int_eq(assign_integer("limits", "depth", 1024), 0);
    ck_assert_int_eq(assign_integer("limits", "depth", 7), -EINVAL);
    ck_assert_str_eq(error.text, "must be from 8 to 1024, not 7");
    ck_assert_int_eq(assign_integer("limits", "depth", 1025), -EINVAL);
    ck_assert_int_eq(assign_integer("limits", "depth", INT64_MIN), -EINVAL);
    ck_assert_int_eq(assign_integer("limits", "depth", INT64_MAX), -EINVAL);
    ck_assert_int_eq(config.limits.depth, 1024);
}
END_TEST

START_TEST(an_integer_is_nothing_but_an_integer)
{
    ck_assert_int_eq(assign_text("limits", "depth", "64"), -EINVAL);
    ck_assert_str_eq(error.text, "must be an integer without quotes");
    ck_assert_int_eq(assign_number("limits", "depth", 64.0), -EINVAL);
    ck_assert_int_eq(config.limits.depth, 64);
}
END_TEST

START_TEST(a_size_is_a_number_of_bytes_or_text_with_a_unit)
{
    ck_assert_int_eq(assign_integer("limits", "line_bytes", 4096), 0);
    ck_assert_int_eq(config.limits.line_bytes, 4096);
    ck_assert_int_eq(assign_text("limits", "line_bytes", "64KiB"), 0);
    ck_assert_int_eq(config.limits.line_bytes, 65536);
    ck_assert_int_eq(assign_text("limits", "history_bytes", "1TiB"), 0);
    ck_assert_int_eq(config.limits.history_bytes, INT64_C(1) << 40);
    ck_assert_int_eq(assign_text("limits", "line_bytes", "1KiB"), -EINVAL);
    ck_assert_str_eq(error.text, "must be from 4KiB to 32MiB, not \"1KiB\"");
    ck_assert_int_eq(assign_text("limits", "line_bytes", "16EiB"), -EINVAL);
    ck_assert_int_eq(assign_integer("limits", "line_bytes", -1), -EINVAL);
    ck_assert_str_eq(error.text, "must be an amount of bytes, such as 65536 or \"64KiB\"");
    ck_assert_int_eq(assign_number("limits", "line_bytes", 65536.5), -EINVAL);
    ck_assert_int_eq(config.limits.line_bytes, 65536);
}
END_TEST

START_TEST(a_span_is_a_number_of_seconds_or_text_with_a_unit)
{
    ck_assert_int_eq(assign_integer("daemon", "grace", 3), 0);
    ck_assert_double_eq(config.daemon.grace_s, 3);
    ck_assert_int_eq(assign_number("daemon", "grace", 0.25), 0);
    ck_assert_double_eq(config.daemon.grace_s, 0.25);
    ck_assert_int_eq(assign_text("daemon", "grace", "1min30s"), 0);
    ck_assert_double_eq(config.daemon.grace_s, 90);
    ck_assert_int_eq(assign_text("daemon", "grace", "2h"), -EINVAL);
    ck_assert_str_eq(error.text, "must be from 0s to 1h, not \"2h\"");
    ck_assert_int_eq(assign_number("daemon", "grace", -1), -EINVAL);
    ck_assert_int_eq(assign_text("daemon", "grace", "soon"), -EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "time span"));
    ck_assert_int_eq(assign_number("daemon", "grace", 1 / 0.0), -EINVAL);
    ck_assert_int_eq(assign_number("daemon", "grace", 0 / 0.0), -EINVAL);
    ck_assert_double_eq(config.daemon.grace_s, 90);
}
END_TEST

START_TEST(a_path_is_absolute_and_fits)
{
    char path[200];
    ck_assert_int_eq(assign_text("daemon", "socket", "/x"), 0);
    ck_assert_int_eq(assign_text("daemon", "socket", "/y"), 0);
    ck_assert_str_eq(config.daemon.socket, "/y");
    ck_assert_int_eq(assign_text("daemon", "socket", "x"), -EINVAL);
    ck_assert_str_eq(error.text, "must be a path that begins with /, not \"x\"");
    ck_assert_int_eq(assign_text("daemon", "socket", ""), -EINVAL);
    ck_assert_int_eq(assign_integer("daemon", "socket", 1), -EINVAL);
    (void)snprintf(path, sizeof(path), "/%0107d", 0);
    ck_assert_int_eq(assign_text("daemon", "socket", path), -EINVAL);
    ck_assert_str_eq(error.text, "must be at most 107 bytes long, not 108");
    ck_assert_str_eq(config.daemon.socket, "/y");
    path[107] = '\0';
    ck_assert_int_eq(assign_text("daemon", "socket", path), 0);
}
END_TEST

START_TEST(an_empty_group_is_none)
{
    ck_assert_int_eq(assign_text("daemon", "group", "staff"), 0);
    ck_assert_str_eq(config.daemon.group, "staff");
    ck_assert_int_eq(assign_text("daemon", "group", ""), 0);
    ck_assert_ptr_null(config.daemon.group);
}
END_TEST

START_TEST(a_level_is_one_of_four_words)
{
    ck_assert_int_eq(assign_text("log", "level", "debug"), 0);
    ck_assert_int_eq(config.log.level, LOG_LEVEL_DEBUG);
    ck_assert_int_eq(assign_text("log", "level", "error"), 0);
    ck_assert_int_eq(config.log.level, LOG_LEVEL_ERROR);
    ck_assert_int_eq(assign_text("log", "level", "loud"), -EINVAL);
    ck_assert_str_eq(error.text, "must be one of \"error\", \"warning\", \"info\", \"debug\"");
    ck_assert_int_eq(assign_integer("log", "level", 1), -EINVAL);
    ck_assert_int_eq(config.log.level, LOG_LEVEL_ERROR);
}
END_TEST

START_TEST(a_boolean_is_true_or_false_without_quotes)
{
    ck_assert_int_eq(assign_boolean("store", "enabled", false), 0);
    ck_assert(!config.store.enabled);
    ck_assert_int_eq(assign_text("store", "enabled", "true"), -EINVAL);
    ck_assert_str_eq(error.text, "must be true or false, without quotes");
    ck_assert_int_eq(assign_integer("store", "enabled", 1), -EINVAL);
    ck_assert(!config.store.enabled);
    ck_assert_int_eq(assign_boolean("store", "enabled", true), 0);
    ck_assert(config.store.enabled);
    ck_assert_int_eq(assign_boolean("limits", "depth", true), -EINVAL);
}
END_TEST

START_TEST(a_range_is_shown_as_the_file_would_say_it)
{
    char text[100];
    ck_assert_str_eq(options_show_range(options_find("limits", "depth"), text, sizeof(text)),
                     "8 to 1024 levels");
    ck_assert_str_eq(options_show_range(options_find("limits", "line_bytes"), text, sizeof(text)),
                     "\"4KiB\" to \"32MiB\"");
    ck_assert_str_eq(options_show_range(options_find("daemon", "grace"), text, sizeof(text)),
                     "\"0s\" to \"1h\"");
    ck_assert_str_eq(options_show_range(options_find("daemon", "socket"), text, sizeof(text)), "");
    ck_assert_str_eq(options_show_range(options_find("store", "enabled"), text, sizeof(text)),
                     "true, false");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tests = tcase_create("options");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_defaults_are_those_of_the_manual);
    tcase_add_test(tests, every_row_explains_itself_and_its_default_is_allowed);
    tcase_add_test(tests, no_two_rows_share_a_member);
    tcase_add_test(tests, what_there_is_not_is_not_found);
    tcase_add_test(tests, both_ends_of_a_range_are_allowed_and_nothing_outside);
    tcase_add_test(tests, an_integer_is_nothing_but_an_integer);
    tcase_add_test(tests, a_size_is_a_number_of_bytes_or_text_with_a_unit);
    tcase_add_test(tests, a_span_is_a_number_of_seconds_or_text_with_a_unit);
    tcase_add_test(tests, a_path_is_absolute_and_fits);
    tcase_add_test(tests, an_empty_group_is_none);
    tcase_add_test(tests, a_level_is_one_of_four_words);
    tcase_add_test(tests, a_boolean_is_true_or_false_without_quotes);
    tcase_add_test(tests, a_range_is_shown_as_the_file_would_say_it);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
