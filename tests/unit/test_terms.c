#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/problems.h"
#include "suite.h"
#include "supervisor/submission.h"
#include "supervisor/terms.h"

#define NS_PER_S UINT64_C(1000000000)

static struct problems problems;
static struct submission submission;

static void tear_down(void)
{
    problems_clear(&problems);
}

static int read_text(const char *text)
{
    json_error_t where;
    json_t *params = json_loads(text, 0, &where);
    ck_assert_msg(params != NULL, "%s: %s", text, where.text);
    int code = submission_read(params, &submission, &problems);
    json_decref(params);
    return code;
}

/* ---- What is taken ------------------------------------------------------------------------- */

START_TEST(what_is_not_said_is_nothing_but_durable)
{
    ck_assert_int_eq(submission_read(NULL, &submission, &problems), 0);
    ck_assert_ptr_null(submission.name);
    ck_assert_ptr_null(submission.key);
    ck_assert(submission.durable);
    static const struct batch_terms nothing;
    ck_assert_int_eq(submission.terms.priority, 0);
    ck_assert_uint_eq(submission.terms.limit, 0);
    ck_assert_uint_eq(submission.terms.rate.interval_ns, 0);
    ck_assert_uint_eq(submission.terms.timeout_ns, 0);
    ck_assert_uint_eq(submission.terms.deadline_ns, 0);
    ck_assert_uint_eq(submission.terms.retry.max, 0);
    ck_assert_uint_eq(submission.terms.on_failure, nothing.on_failure);
    submission_clear(&submission);
}
END_TEST

START_TEST(everything_can_be_said_in_json_and_as_on_the_command_line)
{
    static const char *const texts[] = {
        "{\"name\":\"n\",\"key\":\"k\",\"durable\":false,\"priority\":-100,\"limit\":1000000,"
        "\"rate\":\"10/min burst 20\",\"timeout\":1.5,\"deadline\":7200,"
        "\"retry\":{\"max\":100,\"delay\":0.5,\"max_delay\":\"2min\"},\"on_failure\":\"cancel\"}",
        "{\"name\":\"n\",\"key\":\"k\",\"durable\":\"no\",\"priority\":\"-100\",\"limit\":"
        "\"1000000\","
        "\"rate\":\"10/min burst 20\",\"timeout\":\"1500ms\",\"deadline\":\"2h\","
        "\"retry\":\"{\\\"max\\\":100,\\\"delay\\\":\\\"500ms\\\",\\\"max_delay\\\":120}\","
        "\"on_failure\":\"cancel\"}",
    };
    ck_assert_int_eq(read_text(texts[_i]), 0);
    ck_assert_str_eq(submission.name, "n");
    ck_assert_str_eq(submission.key, "k");
    ck_assert(!submission.durable);
    ck_assert_int_eq(submission.terms.priority, -100);
    ck_assert_uint_eq(submission.terms.limit, 1000000);
    ck_assert_uint_eq(submission.terms.rate.interval_ns, 6 * NS_PER_S);
    ck_assert_uint_eq(submission.terms.rate.burst, 20);
    ck_assert_uint_eq(submission.terms.timeout_ns, 3 * NS_PER_S / 2);
    ck_assert_uint_eq(submission.terms.deadline_ns, 7200 * NS_PER_S);
    ck_assert_uint_eq(submission.terms.retry.max, 100);
    ck_assert_uint_eq(submission.terms.retry.delay_ns, NS_PER_S / 2);
    ck_assert_uint_eq(submission.terms.retry.max_delay_ns, 120 * NS_PER_S);
    ck_assert_int_eq(submission.terms.on_failure, ON_FAILURE_CANCEL);
    submission_clear(&submission);
}
END_TEST

START_TEST(the_longest_pause_is_never_shorter_than_the_first_unless_told)
{
    static const struct {
        const char *text;
        uint64_t delay_ns, max_delay_ns;
    } cases[] = {
        {"{\"retry\":3}", NS_PER_S, 60 * NS_PER_S},
        {"{\"retry\":{\"max\":3,\"delay\":90}}", 90 * NS_PER_S, 90 * NS_PER_S},
        {"{\"retry\":{\"max\":3,\"delay\":0}}", 0, 60 * NS_PER_S},
        {"{\"retry\":{\"max\":3,\"delay\":null,\"max_delay\":2}}", NS_PER_S, 2 * NS_PER_S},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ck_assert_int_eq(read_text(cases[i].text), 0);
        ck_assert_uint_eq(submission.terms.retry.max, 3);
        ck_assert_uint_eq(submission.terms.retry.delay_ns, cases[i].delay_ns);
        ck_assert_uint_eq(submission.terms.retry.max_delay_ns, cases[i].max_delay_ns);
        submission_clear(&submission);
    }
}
END_TEST

START_TEST(a_span_however_short_is_one)
{
    ck_assert_int_eq(read_text("{\"timeout\":1e-30,\"deadline\":\"1ns\"}"), 0);
    ck_assert_uint_eq(submission.terms.timeout_ns, 1);
    ck_assert_uint_eq(submission.terms.deadline_ns, 1);
    submission_clear(&submission);
}
END_TEST

/* ---- What is not ----------------------------------------------------------------------------- */

static const struct {
    const char *params, *field, *text;
} bad[] = {
    {"{\"priority\":101}", "priority", "must be at most 100"},
    {"{\"priority\":-101}", "priority", "must be at least -100"},
    {"{\"priority\":1e300}", "priority", "must be at most 100"},
    {"{\"priority\":9223372036854775807}", "priority", "must be at most 100"},
    {"{\"limit\":0}", "limit", "must be at least 1"},
    {"{\"limit\":-1}", "limit", "must be at least 1"},
    {"{\"limit\":1000001}", "limit", "must be at most 1000000"},
    {"{\"limit\":1.5}", "limit", "must be an integer"},
    {"{\"rate\":100}", "rate", "must be a string"},
    {"{\"rate\":\"nan/s\"}", "rate", "must be a rate such as"},
    {"{\"rate\":\"0/s\"}", "rate", "is too fast, too slow"},
    {"{\"rate\":\"-1/s\"}", "rate", "is too fast, too slow"},
    {"{\"rate\":\"1e99/s\"}", "rate", "is too fast, too slow"},
    {"{\"rate\":\"1/s burst 0\"}", "rate", "is too fast, too slow"},
    {"{\"rate\":\"\"}", "rate", "must be a rate such as"},
    {"{\"timeout\":0}", "timeout", "must be more than 0"},
    {"{\"timeout\":\"0s\"}", "timeout", "must be more than 0"},
    {"{\"timeout\":-1}", "timeout", "must be at least 0"},
    {"{\"timeout\":\"nan\"}", "timeout", "not \"nan\""},
    {"{\"timeout\":1e300}", "timeout", "must be at most 3153600000"},
    {"{\"timeout\":[]}", "timeout", "must be a"},
    {"{\"deadline\":0}", "deadline", "must be more than 0"},
    {"{\"deadline\":-0.001}", "deadline", "must be at least 0"},
    {"{\"deadline\":3153600001}", "deadline", "must be at most 3153600000"},
    {"{\"retry\":-1}", "retry", "must be from 0 to 100"},
    {"{\"retry\":101}", "retry", "must be from 0 to 100"},
    {"{\"retry\":1.5}", "retry", "must be how often to try again, or an object"},
    {"{\"retry\":true}", "retry", "must be how often to try again, or an object"},
    {"{\"retry\":\"often\"}", "retry", "not \"often\""},
    {"{\"retry\":{}}", "retry.max", "is required"},
    {"{\"retry\":{\"max\":101}}", "retry.max", "must be at most 100"},
    {"{\"retry\":{\"max\":-1}}", "retry.max", "must be at least 0"},
    {"{\"retry\":{\"max\":1,\"delay\":-1}}", "retry.delay", "must be at least 0"},
    {"{\"retry\":{\"max\":1,\"max_delay\":1e18}}", "retry.max_delay", "must be at most 3153600000"},
    {"{\"retry\":{\"max\":1,\"jitter\":1}}", "retry.jitter", "unknown parameter"},
    {"{\"on_failure\":\"stop\"}", "on_failure", "must be continue or cancel, not \"stop\""},
    {"{\"on_failure\":1}", "on_failure", "must be a string"},
    {"{\"durable\":\"maybe\"}", "durable", "not \"maybe\""},
    {"{\"name\":\"\"}", "name", "must have 1 to 255 bytes"},
    {"{\"key\":\"\"}", "key", "must have 1 to 255 bytes"},
    {"{\"key\":7}", "key", "must be a string"},
    {"{\"limits\":1}", "limits", "unknown parameter"},
};

START_TEST(bad_terms_are_named_with_their_field)
{
    ck_assert_int_eq(read_text(bad[_i].params), -EINVAL);
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_str_eq(problems.kept[0].field, bad[_i].field);
    ck_assert_msg(strstr(problems.kept[0].text, bad[_i].text) != NULL, "%s: %s", bad[_i].params,
                  problems.kept[0].text);
}
END_TEST

START_TEST(all_problems_are_told_at_once)
{
    ck_assert_int_eq(read_text("{\"name\":\"\",\"timeout\":0,\"retry\":-1,\"rate\":\"x\","
                               "\"on_failure\":\"x\"}"),
                     -EINVAL);
    ck_assert_uint_eq(problems.count, 5);
}
END_TEST

START_TEST(a_key_may_have_255_bytes_and_no_more)
{
    char text[300], key[257];
    memset(key, 'k', sizeof(key));
    key[256] = '\0';
    (void)snprintf(text, sizeof(text), "{\"key\":\"%s\"}", key);
    ck_assert_int_eq(read_text(text), -EINVAL);
    key[255] = '\0';
    (void)snprintf(text, sizeof(text), "{\"key\":\"%s\"}", key);
    ck_assert_int_eq(read_text(text), 0);
    submission_clear(&submission);
}
END_TEST

/* ---- Readers for entries ----------------------------------------------------------------------- */

START_TEST(names_are_one_or_a_list)
{
    static const struct {
        const char *text, *names;
    } cases[] = {
        {"\"a\"", "[\"a\"]"}, {"[]", "[]"},     {"[\"a\",\"b\"]", "[\"a\",\"b\"]"},
        {"\"\"", NULL},       {"[\"\"]", NULL}, {"[1]", NULL},
        {"{}", NULL},         {"7", NULL},      {"\"a\\u0000\"", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        json_t *json = json_loads(cases[i].text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        json_t *names = NULL;
        bool good = terms_read_names(json, "jobs[0].after", &problems, &names);
        ck_assert_msg(good == (cases[i].names != NULL), "%s", cases[i].text);
        if (good) {
            AUTO_FREE char *text = json_dumps(names, JSON_COMPACT);
            ck_assert_str_eq(text, cases[i].names);
        }
        json_decref(names);
        json_decref(json);
    }
    ck_assert_uint_eq(problems.count, 6);
    ck_assert_str_eq(problems.kept[0].field, "jobs[0].after");
}
END_TEST

START_TEST(what_is_shown_can_be_read_again)
{
    static const char all[] =
        "{\"deadline\":7200.0,\"limit\":5,\"on_failure\":\"cancel\",\"priority\":-3,"
        "\"rate\":\"10/min burst 20\",\"retry\":{\"delay\":0.5,\"max\":7,\"max_delay\":60.0},"
        "\"timeout\":1.5}";
    ck_assert_int_eq(read_text(all), 0);
    json_t *shown = json_object();
    ck_assert_int_eq(terms_show(&submission.terms, shown), 0);
    AUTO_FREE char *text = json_dumps(shown, JSON_COMPACT | JSON_SORT_KEYS);
    ck_assert_str_eq(text, all);
    json_decref(shown);
    submission_clear(&submission);
}
END_TEST

START_TEST(what_was_not_said_is_not_shown)
{
    static const struct batch_terms nothing;
    json_t *shown = json_object();
    ck_assert_int_eq(terms_show(&nothing, shown), 0);
    AUTO_FREE char *text = json_dumps(shown, JSON_COMPACT | JSON_SORT_KEYS);
    ck_assert_str_eq(text, "{\"on_failure\":\"continue\",\"priority\":0}");
    json_decref(shown);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("terms");
    TCase *tests = tcase_create("terms");
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_test(tests, what_is_not_said_is_nothing_but_durable);
    tcase_add_loop_test(tests, everything_can_be_said_in_json_and_as_on_the_command_line, 0, 2);
    tcase_add_test(tests, the_longest_pause_is_never_shorter_than_the_first_unless_told);
    tcase_add_test(tests, a_span_however_short_is_one);
    tcase_add_loop_test(tests, bad_terms_are_named_with_their_field, 0,
                        (int)(sizeof(bad) / sizeof(*bad)));
    tcase_add_test(tests, all_problems_are_told_at_once);
    tcase_add_test(tests, a_key_may_have_255_bytes_and_no_more);
    tcase_add_test(tests, names_are_one_or_a_list);
    tcase_add_test(tests, what_is_shown_can_be_read_again);
    tcase_add_test(tests, what_was_not_said_is_not_shown);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
