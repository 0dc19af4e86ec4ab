#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/ctl.h"
#include "ctl/terms.h"
#include "suite.h"

static void are(const struct terms *terms, const char *expected)
{
    char *dumped = json_dumps(terms->values, JSON_COMPACT | JSON_SORT_KEYS);
    ck_assert_str_eq(dumped, expected);
    free(dumped);
}

static void add(struct terms *terms, const char *name, json_t *value, const char *place)
{
    struct ctl ctl = {.command = NULL};
    ck_assert_int_eq(terms_add(&ctl, terms, name, value, place), CTL_OK);
    json_decref(value);
}

/* How a problem with the field is told. */
static void is_told_as(const struct terms *terms, const char *field, const char *expected)
{
    json_t *problems = json_pack("[{s:s}]", "field", field);
    terms_name_problems(terms, problems);
    json_t *told = json_object_get(json_array_get(problems, 0), "field");
    ck_assert_str_eq(json_string_value(told), expected);
    json_decref(problems);
}

START_TEST(options_become_members_of_the_protocol)
{
    struct ctl ctl = {.command = NULL};
    struct terms terms = {.values = NULL};
    const struct terms_options given = {
        .name = "n",
        .key = "k",
        .on_failure = "cancel",
        .priority = {.given = true, .value = 0},
        .limit = {.given = true, .value = 3},
        .retry = {.given = true, .value = 2},
        .rate = {.text = "10/s"},
        .timeout = {.given = true, .seconds = 1.5},
        .retry_delay = {.given = true, .seconds = 0.25},
        .no_durable = true,
    };
    ck_assert_int_eq(terms_add_options(&ctl, &terms, &given), CTL_OK);
    ck_assert_int_eq(terms_check(&ctl, &terms), CTL_OK);
    are(&terms,
        "{\"durable\":false,\"key\":\"k\",\"limit\":3,\"name\":\"n\",\"on_failure\":\"cancel\","
        "\"priority\":0,\"rate\":\"10/s\",\"retry\":{\"delay\":0.25,\"max\":2},"
        "\"timeout\":1.5}");
    is_told_as(&terms, "limit", "--limit");
    is_told_as(&terms, "retry.delay", "--retry-delay");
    is_told_as(&terms, "on_failure", "--on-failure");
    terms_clear(&terms);
}
END_TEST

START_TEST(nothing_given_is_nothing)
{
    struct ctl ctl = {.command = NULL};
    struct terms terms = {.values = NULL};
    const struct terms_options given = {.name = NULL};
    ck_assert_int_eq(terms_add_options(&ctl, &terms, &given), CTL_OK);
    ck_assert_int_eq(terms_check(&ctl, &terms), CTL_OK);
    ck_assert_ptr_null(terms.values);
    is_told_as(&terms, "limit", "limit");
    terms_clear(&terms);
}
END_TEST

START_TEST(options_come_before_the_file)
{
    struct ctl ctl = {.command = NULL};
    struct terms terms = {.values = NULL};
    const struct terms_options given = {
        .limit = {.given = true, .value = 3},
        .retry = {.given = true, .value = 0},
    };
    ck_assert_int_eq(terms_add_options(&ctl, &terms, &given), CTL_OK);
    add(&terms, "limit", json_integer(9), "f:1: limit");
    add(&terms, "rate", json_string("1/s"), "f:2: rate");
    add(&terms, "retry", json_pack("{s:i, s:s}", "max", 5, "delay", "2s"), "f:3: retry");
    are(&terms, "{\"limit\":3,\"rate\":\"1/s\",\"retry\":{\"delay\":\"2s\",\"max\":0}}");
    is_told_as(&terms, "limit", "--limit");
    is_told_as(&terms, "rate", "f:2: rate");
    is_told_as(&terms, "retry.max", "--retry");
    is_told_as(&terms, "retry.delay", "f:3: retry.delay");
    is_told_as(&terms, "jobs[3].limit", "jobs[3].limit");
    terms_clear(&terms);
}
END_TEST

START_TEST(a_pause_goes_with_the_retries_of_the_file)
{
    struct ctl ctl = {.command = NULL};
    struct terms terms = {.values = NULL};
    const struct terms_options given = {.retry_delay = {.given = true, .seconds = 1}};
    ck_assert_int_eq(terms_add_options(&ctl, &terms, &given), CTL_OK);
    add(&terms, "retry", json_integer(4), "f:1: retry");
    ck_assert_int_eq(terms_check(&ctl, &terms), CTL_OK);
    are(&terms, "{\"retry\":{\"delay\":1.0,\"max\":4}}");
    terms_clear(&terms);
}
END_TEST

START_TEST(a_pause_without_retries_is_refused)
{
    struct ctl ctl = {.command = NULL};
    struct terms terms = {.values = NULL};
    const struct terms_options given = {.retry_max_delay = {.given = true, .seconds = 1}};
    ck_assert_int_eq(terms_add_options(&ctl, &terms, &given), CTL_OK);
    ck_assert_int_eq(terms_check(&ctl, &terms), CTL_USAGE);
    ck_assert_str_eq(ctl.error.text, "--retry-max-delay: goes with --retry N");
    terms_clear(&terms);
}
END_TEST

START_TEST(texts_that_are_not_utf_8_are_refused)
{
    struct ctl ctl = {.command = NULL};
    struct terms terms = {.values = NULL};
    const struct terms_options given = {.key = "\xff"};
    ck_assert_int_eq(terms_add_options(&ctl, &terms, &given), CTL_USAGE);
    ck_assert_str_eq(ctl.error.text, "--key: not valid UTF-8");
    terms_clear(&terms);
}
END_TEST

START_TEST(their_names_are_the_protocols)
{
    static const char *const names[] = {"name",    "key",      "priority", "limit",      "rate",
                                        "timeout", "deadline", "retry",    "on_failure", "durable"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ck_assert(terms_has(names[i], strlen(names[i])));
    ck_assert(!terms_has("jobs", 4));
    ck_assert(!terms_has("follow", 6));
    ck_assert(!terms_has("retry.max", 9));
    ck_assert(!terms_has("limits", 6));
    ck_assert(!terms_has("limits", 0));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ctl_terms");
    TCase *tests = tcase_create("ctl_terms");
    tcase_add_test(tests, options_become_members_of_the_protocol);
    tcase_add_test(tests, nothing_given_is_nothing);
    tcase_add_test(tests, options_come_before_the_file);
    tcase_add_test(tests, a_pause_goes_with_the_retries_of_the_file);
    tcase_add_test(tests, a_pause_without_retries_is_refused);
    tcase_add_test(tests, texts_that_are_not_utf_8_are_refused);
    tcase_add_test(tests, their_names_are_the_protocols);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
