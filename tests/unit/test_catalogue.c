#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "suite.h"
#include "supervisor/catalogue.h"
#include "supervisor/config.h"

/* ---- READY messages, made of pieces -------------------------------------------------------- */

#define DESCRIBED(name, style, params) \
    "{\"name\":\"" name \
    "\",\"version\":\"1\",\"summary\":\"Does it\",\"abi\":\"1.1\",\"style\":\"" style \
    "\",\"params\":" params ",\"settings\":[]}"
#define BARE(members) "{\"summary\":\"s\",\"style\":\"async\"," members "}"
#define LIMITED(limit) \
    BARE("\"name\":\"wait\",\"version\":\"1\",\"abi\":\"1.1\",\"params\":[],\"settings\":[]," \
         "\"limit\":" limit)
#define SECONDS "[{\"name\":\"seconds\",\"type\":\"duration\",\"text\":\"How long\"}]"
#define WAIT DESCRIBED("wait", "async", SECONDS)
#define NAP DESCRIBED("nap", "fiber", "[]")
#define BURN DESCRIBED("burn", "blocking", "[]")
#define FAILED "{\"error\":\"cannot open it\"}"
#define READY(a, b, c) "{\"plugins\":[" a "," b "," c "]}"

static struct config_plugin plugins[] = {
    {.file = "/plugins/wait.so"}, {.file = "/plugins/x.y.so"}, {.file = "plain"}};
static struct config config = {.plugins = plugins, .plugins_count = 3};
static struct catalogue catalogue;
static struct error error;
static const struct plugin *disabled[8]; /* as on_disabled was told */
static int disabled_count;

static void on_disabled(void *context, const struct plugin *plugin)
{
    ck_assert_ptr_eq(context, &catalogue);
    ck_assert_ptr_nonnull(plugin->disabled);
    disabled[disabled_count++] = plugin;
}

static void set_up(void)
{
    disabled_count = 0;
    error.text[0] = '\0';
    ck_assert_int_eq(catalogue_init(&catalogue, &config, &error), 0);
}

static void tear_down(void)
{
    catalogue_clear(&catalogue);
}

static int learn(const char *text)
{
    json_t *ready = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(ready);
    int code = catalogue_learn(&catalogue, ready, on_disabled, &catalogue, &error);
    json_decref(ready);
    return code;
}

/* The first plugin is disabled for a reason with these words in it, the others are not. */
static void check_disabled(const char *words)
{
    ck_assert_int_eq(disabled_count, 1);
    ck_assert_ptr_eq(disabled[0], &catalogue.plugins[0]);
    ck_assert_msg(strstr(disabled[0]->disabled, words) != NULL, "%s", disabled[0]->disabled);
    ck_assert_ptr_null(catalogue.plugins[1].disabled);
    ck_assert_ptr_null(catalogue.plugins[2].disabled);
}

/* ---- Tests --------------------------------------------------------------------------------- */

START_TEST(before_they_are_described_plugins_go_by_their_files)
{
    static const char *const names[] = {"wait", "x.y", "plain"};
    ck_assert_uint_eq(catalogue.count, 3);
    ck_assert(!catalogue.known);
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t position;
        ck_assert_str_eq(catalogue.plugins[i].name, names[i]);
        ck_assert_ptr_eq(catalogue_find(&catalogue, names[i], &position), &catalogue.plugins[i]);
        ck_assert_uint_eq(position, i);
    }
}
END_TEST

START_TEST(a_ready_tells_all_there_is_to_know)
{
    ck_assert_int_eq(learn(READY(WAIT, NAP, BURN)), 0);
    ck_assert(catalogue.known);
    ck_assert_int_eq(disabled_count, 0);
    uint32_t position;
    const struct plugin *wait = catalogue_find(&catalogue, "wait", &position);
    ck_assert_ptr_eq(wait, &catalogue.plugins[0]);
    ck_assert_str_eq(wait->version, "1");
    ck_assert_str_eq(wait->summary, "Does it");
    ck_assert_str_eq(wait->abi, "1.1");
    ck_assert_uint_eq(wait->limit, 0);
    ck_assert_int_eq(wait->style, RUN_ASYNC);
    ck_assert_uint_eq(wait->params->count, 1);
    ck_assert_str_eq(wait->params->rows[0].name, "seconds");
    ck_assert_ptr_eq(catalogue_find(&catalogue, "nap", &position), &catalogue.plugins[1]);
    ck_assert_uint_eq(position, 1);
    ck_assert_int_eq(catalogue.plugins[1].style, RUN_FIBER);
    ck_assert_int_eq(catalogue.plugins[2].style, RUN_BLOCKING);
    ck_assert_ptr_null(catalogue_find(&catalogue, "x.y", &position));
    ck_assert_ptr_null(catalogue_find(&catalogue, "Wait", &position));
    ck_assert_ptr_null(catalogue_find(&catalogue, "", &position));
}
END_TEST

START_TEST(the_limit_is_the_configurations_else_the_plugins_own)
{
    ck_assert_int_eq(learn(READY(LIMITED("8"), NAP, BURN)), 0);
    ck_assert_uint_eq(catalogue.plugins[0].limit, 8);
    ck_assert_uint_eq(catalogue.plugins[1].limit, 0);
    catalogue_clear(&catalogue);
    plugins[0].limit = 3;
    ck_assert_int_eq(catalogue_init(&catalogue, &config, &error), 0);
    plugins[0].limit = 0;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(learn(READY(LIMITED("8"), NAP, BURN)), 0);
        ck_assert_uint_eq(catalogue.plugins[0].limit, 3);
    }
    ck_assert_int_eq(disabled_count, 0);
}
END_TEST

/* The first plugin's description with further members. */
#define WAIT_WITH(members) \
    "{\"name\":\"wait\",\"version\":\"1\",\"summary\":\"Does " \
    "it\",\"abi\":\"1.1\",\"style\":\"async\",\"params\":" SECONDS ",\"settings\":[]," members "}"

START_TEST(what_clashes_is_as_the_first_worker_found_it)
{
    ck_assert_int_eq(
        learn(READY(WAIT_WITH("\"exports\":[\"a\",\"b\"],\"clashes\":[\"a\"]"), NAP, BURN)), 0);
    const struct plugin *wait = &catalogue.plugins[0];
    ck_assert_uint_eq(json_array_size(wait->exports), 2);
    ck_assert_str_eq(json_string_value(json_array_get(wait->clashes, 0)), "a");
    ck_assert_int_eq(learn(READY(WAIT_WITH("\"exports\":[\"a\",\"b\"],\"clashes\":[]"), NAP, BURN)),
                     0);
    ck_assert_int_eq(disabled_count, 0);
    ck_assert_uint_eq(json_array_size(wait->clashes), 1);
    ck_assert_ptr_null(catalogue.plugins[1].clashes);
}
END_TEST

START_TEST(what_is_no_list_of_names_is_left_out)
{
    ck_assert_int_eq(learn(READY(WAIT_WITH("\"exports\":[1],\"clashes\":{\"a\":1}"), NAP, BURN)),
                     0);
    ck_assert_ptr_null(catalogue.plugins[0].exports);
    ck_assert_ptr_null(catalogue.plugins[0].clashes);
    ck_assert_int_eq(disabled_count, 0);
}
END_TEST

/* A plugin with a parameter for everybody and two that are not. */
#define ROW(name, rest) "{\"name\":\"" name "\",\"type\":\"bool\",\"text\":\"t\"" rest "}"
#define CLOSED ",\"restricted\":true"
#define GUARDED \
    DESCRIBED("guarded", "async", "[" ROW("a", "") "," ROW("b", CLOSED) "," ROW("c", CLOSED) "]")

/* As if the configuration of the first plugin had this. */
static int learn_opened(const char *unrestricted)
{
    catalogue_clear(&catalogue);
    plugins[0].unrestricted = json_loads(unrestricted, 0, NULL);
    ck_assert_int_eq(catalogue_init(&catalogue, &config, &error), 0);
    int code = learn(READY(GUARDED, NAP, BURN));
    json_decref(plugins[0].unrestricted);
    plugins[0].unrestricted = NULL;
    return code;
}

START_TEST(what_is_restricted_can_be_opened)
{
    ck_assert_int_eq(learn(READY(GUARDED, NAP, BURN)), 0);
    ck_assert_uint_eq(catalogue.plugins[0].restricted, 6);
    ck_assert_uint_eq(catalogue.plugins[1].restricted, 0);
    ck_assert_int_eq(learn_opened("[\"b\"]"), 0);
    ck_assert_uint_eq(catalogue.plugins[0].restricted, 4);
    ck_assert_int_eq(learn_opened("[\"c\", \"b\"]"), 0);
    ck_assert_uint_eq(catalogue.plugins[0].restricted, 0);
    ck_assert_int_eq(disabled_count, 0);
}
END_TEST

START_TEST(opening_what_is_not_restricted_disables_the_plugin)
{
    ck_assert_int_eq(learn_opened("[\"b\", \"a\"]"), 0);
    check_disabled("unrestricted: it has no restricted parameter \"a\"");
}
END_TEST

START_TEST(workers_that_say_the_same_change_nothing)
{
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(learn(READY(WAIT, NAP, BURN)), 0);
    ck_assert_int_eq(disabled_count, 0);
}
END_TEST

START_TEST(what_is_no_list_of_all_plugins_is_refused)
{
    static const char *const bad[] = {
        "{}",
        "[]",
        "{\"plugins\":[]}",
        "{\"plugins\":{}}",
        "{\"plugins\":\"wait\"}",
        "{\"plugins\":[" WAIT "," NAP "]}",
        "{\"plugins\":[" WAIT "," NAP "," BURN "," FAILED "]}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        error.text[0] = '\0';
        ck_assert_int_eq(learn(bad[i]), -EINVAL);
        ck_assert_str_ne(error.text, "");
        ck_assert(!catalogue.known);
    }
    ck_assert_int_eq(disabled_count, 0);
}
END_TEST

START_TEST(a_plugin_that_cannot_be_loaded_is_disabled_for_its_own_reason)
{
    ck_assert_int_eq(learn(READY(FAILED, NAP, BURN)), 0);
    check_disabled("cannot open it");
    ck_assert(catalogue.known);
}
END_TEST

static const char *const bad_descriptions[] = {
    "1",
    "null",
    "[]",
    "{}",
    "{\"error\":7}",
    DESCRIBED("wait", "threads", "[]"),
    DESCRIBED("wait", "async", "7"),
    DESCRIBED("wait", "async", "[{}]"),
    DESCRIBED("wait", "async", "[{\"name\":\"a\",\"type\":\"fish\",\"text\":\"x\"}]"),
    DESCRIBED("", "async", "[]"),
    DESCRIBED("a\\\"b", "async", "[]"),
    DESCRIBED("Wait", "async", "[]"),
    DESCRIBED("1wait", "async", "[]"),
    DESCRIBED("a23456789012345678901234567890123", "async", "[]"),
    BARE("\"name\":7,\"version\":\"1\",\"abi\":\"1.1\",\"params\":[],\"settings\":[]"),
    BARE("\"name\":\"wait\",\"abi\":\"1.1\",\"params\":[],\"settings\":[]"),
    BARE("\"name\":\"wait\",\"version\":\"1\",\"abi\":\"1.1\",\"params\":[]"),
    BARE("\"name\":\"wait\",\"version\":\"1\",\"params\":[],\"settings\":[]"),
    LIMITED("-1"),
    LIMITED("4294967296"),
    LIMITED("\"8\""),
};

START_TEST(a_plugin_with_a_bad_description_is_disabled_alone)
{
    char ready[4096];
    (void)snprintf(ready, sizeof(ready), "{\"plugins\":[%s,%s,%s]}", bad_descriptions[_i], NAP,
                   BURN);
    ck_assert_int_eq(learn(ready), 0);
    check_disabled("");
    ck_assert_str_ne(disabled[0]->disabled, "");
    ck_assert_str_eq(disabled[0]->name, "wait"); /* by its file */
}
END_TEST

START_TEST(names_of_plugins_may_have_all_that_the_header_allows)
{
    ck_assert_int_eq(learn(READY(DESCRIBED("a2345678901234567890123456789012", "async", "[]"),
                                 DESCRIBED("z", "async", "[]"), DESCRIBED("a-b_9", "async", "[]"))),
                     0);
    ck_assert_int_eq(disabled_count, 0);
}
END_TEST

START_TEST(of_two_plugins_with_one_name_the_second_is_disabled)
{
    ck_assert_int_eq(learn(READY(WAIT, WAIT, BURN)), 0);
    ck_assert_int_eq(disabled_count, 1);
    ck_assert_ptr_eq(disabled[0], &catalogue.plugins[1]);
    ck_assert_msg(strstr(disabled[0]->disabled, "/plugins/wait.so") != NULL, "%s",
                  disabled[0]->disabled);
    uint32_t position;
    ck_assert_ptr_eq(catalogue_find(&catalogue, "wait", &position), &catalogue.plugins[0]);
    ck_assert_uint_eq(position, 0);
}
END_TEST

START_TEST(a_name_is_free_when_its_plugin_is_disabled)
{
    catalogue_disable(&catalogue, 0, "it crashed"); /* it would have been wait, by its file */
    ck_assert_int_eq(learn(READY(FAILED, WAIT, BURN)), 0);
    ck_assert_int_eq(disabled_count, 0);
    uint32_t position;
    ck_assert_ptr_eq(catalogue_find(&catalogue, "wait", &position), &catalogue.plugins[1]);
    ck_assert_uint_eq(position, 1);
}
END_TEST

START_TEST(a_plugin_that_changed_is_disabled)
{
    ck_assert_int_eq(learn(READY(WAIT, NAP, BURN)), 0);
    ck_assert_int_eq(learn(READY(DESCRIBED("wait", "async", "[]"), NAP, BURN)), 0);
    check_disabled("changed");
    ck_assert_uint_eq(catalogue.plugins[0].params->count, 1); /* jobs were checked by these */
}
END_TEST

START_TEST(a_plugin_that_loads_no_more_is_disabled)
{
    ck_assert_int_eq(learn(READY(WAIT, NAP, BURN)), 0);
    ck_assert_int_eq(learn(READY(FAILED, NAP, BURN)), 0);
    check_disabled("cannot open it");
}
END_TEST

START_TEST(a_plugin_stays_disabled_for_the_first_reason)
{
    ck_assert_int_eq(learn(READY(FAILED, NAP, BURN)), 0);
    ck_assert_int_eq(learn(READY(WAIT, NAP, BURN)), 0);
    catalogue_disable(&catalogue, 0, "another reason");
    check_disabled("cannot open it");
    uint32_t position;
    ck_assert_ptr_eq(catalogue_find(&catalogue, "wait", &position), &catalogue.plugins[0]);
}
END_TEST

START_TEST(more_plugins_than_messages_can_number_are_refused)
{
    struct config many = {.plugins = plugins, .plugins_count = CATALOGUE_MAX + 1};
    struct catalogue none;
    ck_assert_int_eq(catalogue_init(&none, &many, &error), -E2BIG);
    ck_assert_str_ne(error.text, "");
}
END_TEST

START_TEST(no_plugins_are_a_catalogue_too)
{
    struct config empty = {0};
    struct catalogue none;
    ck_assert_int_eq(catalogue_init(&none, &empty, &error), 0);
    json_t *ready = json_loads("{\"plugins\":[]}", 0, NULL);
    ck_assert_int_eq(catalogue_learn(&none, ready, on_disabled, &none, &error), 0);
    ck_assert(none.known);
    json_decref(ready);
    catalogue_clear(&none);
}
END_TEST

START_TEST(problems_of_settings_are_kept_apart)
{
    static const char two[] = "{\"problems\":[{\"field\":\"settings.a\",\"problem\":\"is odd\"},"
                              "{\"field\":\"settings.b\",\"problem\":\"is even\"}]}";
    char ready[512];
    (void)snprintf(ready, sizeof(ready), "{\"plugins\":[%s," NAP "," BURN "]}", two);
    ck_assert_int_eq(learn(ready), 0);
    check_disabled("settings.a: is odd; settings.b: is even");
    ck_assert_uint_eq(json_array_size(disabled[0]->problems), 2);
}
END_TEST

START_TEST(what_is_no_list_of_problems_is_a_bad_description)
{
    static const char *const bad[] = {"[]", "3", "[3]", "[{\"field\":\"a\"}]",
                                      "[{\"field\":\"a\",\"problem\":3}]"};
    char ready[512];
    (void)snprintf(ready, sizeof(ready), "{\"plugins\":[{\"problems\":%s}," NAP "," BURN "]}",
                   bad[_i]);
    ck_assert_int_eq(learn(ready), 0);
    check_disabled("description is incomplete");
    ck_assert_ptr_null(disabled[0]->problems);
}
END_TEST

START_TEST(what_is_switched_off_stays_off_whatever_is_said_of_it)
{
    struct config_plugin off[] = {{.file = "/plugins/wait.so", .off = true}};
    struct config switched = {.plugins = off, .plugins_count = 1};
    struct catalogue one;
    ck_assert_int_eq(catalogue_init(&one, &switched, &error), 0);
    json_t *ready = json_loads("{\"plugins\":[" WAIT "]}", 0, NULL);
    ck_assert_int_eq(catalogue_learn(&one, ready, on_disabled, &one, &error), 0);
    ck_assert_str_eq(one.plugins[0].disabled, "switched off in the configuration");
    ck_assert_ptr_null(one.plugins[0].described);
    ck_assert_int_eq(disabled_count, 0);
    json_decref(ready);
    catalogue_clear(&one);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("catalogue");
    TCase *tests = tcase_create("catalogue");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, before_they_are_described_plugins_go_by_their_files);
    tcase_add_test(tests, a_ready_tells_all_there_is_to_know);
    tcase_add_test(tests, workers_that_say_the_same_change_nothing);
    tcase_add_test(tests, the_limit_is_the_configurations_else_the_plugins_own);
    tcase_add_test(tests, what_clashes_is_as_the_first_worker_found_it);
    tcase_add_test(tests, what_is_no_list_of_names_is_left_out);
    tcase_add_test(tests, what_is_restricted_can_be_opened);
    tcase_add_test(tests, opening_what_is_not_restricted_disables_the_plugin);
    tcase_add_test(tests, what_is_no_list_of_all_plugins_is_refused);
    tcase_add_test(tests, a_plugin_that_cannot_be_loaded_is_disabled_for_its_own_reason);
    tcase_add_loop_test(tests, a_plugin_with_a_bad_description_is_disabled_alone, 0,
                        (int)(sizeof(bad_descriptions) / sizeof(*bad_descriptions)));
    tcase_add_test(tests, names_of_plugins_may_have_all_that_the_header_allows);
    tcase_add_test(tests, of_two_plugins_with_one_name_the_second_is_disabled);
    tcase_add_test(tests, a_name_is_free_when_its_plugin_is_disabled);
    tcase_add_test(tests, a_plugin_that_changed_is_disabled);
    tcase_add_test(tests, a_plugin_that_loads_no_more_is_disabled);
    tcase_add_test(tests, a_plugin_stays_disabled_for_the_first_reason);
    tcase_add_test(tests, more_plugins_than_messages_can_number_are_refused);
    tcase_add_test(tests, no_plugins_are_a_catalogue_too);
    tcase_add_test(tests, problems_of_settings_are_kept_apart);
    tcase_add_loop_test(tests, what_is_no_list_of_problems_is_a_bad_description, 0, 5);
    tcase_add_test(tests, what_is_switched_off_stays_off_whatever_is_said_of_it);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
