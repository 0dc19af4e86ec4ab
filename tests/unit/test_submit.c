#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <awaitd/plugin.h>
#include "base/error.h"
#include "base/cleanup.h"
#include "base/params.h"
#include "base/problems.h"
#include "batch_fixture.h"
#include "suite.h"
#include "supervisor/order.h"
#include "supervisor/submit.h"

/* ---- Two plugins: one with parameters, one that is disabled -------------------------------- */

struct params {
    struct aw_duration seconds;
    const char *text;
    struct aw_strings argv;
};
static const struct aw_param rows[] = {
    AW_PARAM(struct params, seconds, .text = "How long", .required = true, .min = 0, .max = 60),
    AW_PARAM(struct params, text, .text = "What to say"),
    AW_PARAM(struct params, argv, .text = "What to run"),
    AW_PARAMS_END,
};
static struct params_table table = {.rows = rows, .count = 3, .struct_size = sizeof(struct params)};
static struct params_table no_params;
static struct plugin plugins[] = {
    {.name = (char *)"wait", .style = RUN_ASYNC, .params = &table},
    {.name = (char *)"off",
     .style = RUN_ASYNC,
     .params = &no_params,
     .disabled = (char *)"it crashed"},
    {.name = (char *)"nop", .style = RUN_ASYNC, .params = &no_params},
};
static const struct catalogue catalogue = {.plugins = plugins, .count = 3, .known = true};

static struct batch *batch;
static struct problems problems;
static struct error error;
static bool trusted;
static uint64_t asked;

static void set_up(void)
{
    trusted = true;
    batch = new_batch(1);
    ck_assert_int_eq(batch_accept(batch, 1), 0);
}

static void tear_down(void)
{
    problems_clear(&problems);
    batch_free(batch);
}

static int submit_up_to(const char *text, uint32_t jobs_max)
{
    struct bytes_view jobs = {.data = (const uint8_t *)text, .size = strlen(text)};
    return submit_entries(batch, jobs, &catalogue, trusted, jobs_max - batch->jobs, &asked,
                          &problems, &error);
}

/* Steals the value. */
static int submit_value(json_t *jobs, uint32_t jobs_max)
{
    int code =
        submit_json(batch, jobs, &catalogue, trusted, jobs_max - batch->jobs, &problems, &error);
    json_decref(jobs);
    return code;
}

static int submit(const char *text)
{
    return submit_up_to(text, 1000000);
}

static void check_nothing_added(void)
{
    ck_assert_uint_eq(batch->jobs, 0);
    ck_assert_uint_eq(batch->entries_count, 0);
    ck_assert_uint_eq(batch->in_state[JOB_QUEUED], 0);
}

/* ---- What is taken ------------------------------------------------------------------------- */

START_TEST(an_entry_becomes_a_job)
{
    ck_assert_int_eq(submit("[{\"plugin\":\"wait\",\"params\":{\"seconds\": 1, \"text\":\"hi\"},"
                            "\"name\":\"one\"}]"),
                     0);
    ck_assert_uint_eq(problems.count, 0);
    ck_assert_uint_eq(batch->jobs, 1);
    const struct entry *entry = &batch->entries[0];
    ck_assert_uint_eq(entry->plugin, 0);
    ck_assert_uint_eq(entry->count, 1);
    ck_assert(!entry->expands);
    ck_assert_ptr_null(entry->items);
    ck_assert_str_eq(entry->name, "one");
    ck_assert_str_eq(entry->params, "{\"seconds\": 1, \"text\":\"hi\"}");
    ck_assert_uint_eq(entry->params_size, strlen(entry->params));
}
END_TEST

START_TEST(values_may_be_given_as_text)
{
    ck_assert_int_eq(submit("[{\"plugin\":\"wait\",\"params\":{\"seconds\":\"250ms\","
                            "\"argv\":\"true\"}}]"),
                     0);
}
END_TEST

START_TEST(a_job_may_come_without_parameters)
{
    ck_assert_int_eq(submit("[{\"plugin\":\"nop\"},{\"plugin\":\"nop\",\"params\":{}}]"), 0);
    for (uint32_t i = 0; i < 2; i++) {
        ck_assert_ptr_null(batch->entries[i].params);
        ck_assert_uint_eq(batch->entries[i].params_size, 0);
        ck_assert_uint_eq(batch->entries[i].plugin, 2);
    }
}
END_TEST

START_TEST(a_count_stays_one_entry)
{
    ck_assert_int_eq(submit("[{\"plugin\":\"wait\",\"params\":{\"seconds\":1,\"text\":\"{index}\"},"
                            "\"count\":1000000,\"name\":\"n-{index}\"}]"),
                     0);
    ck_assert_uint_eq(batch->jobs, 1000000);
    ck_assert_uint_eq(batch->entries_count, 1);
    ck_assert(batch->entries[0].expands);
    AUTO_FREE char *name = batch_job_name(batch, 999999);
    ck_assert_str_eq(name, "n-999999");
}
END_TEST

START_TEST(items_make_a_job_each)
{
    ck_assert_int_eq(
        submit("[{\"plugin\":\"nop\"},{\"plugin\":\"wait\",\"name\":\"{item}/{index}\","
               "\"params\":{\"seconds\":\"{item}\"},\"items\":[\"0.1\",\"2\",\"1min\"]}]"),
        0);
    ck_assert_uint_eq(batch->jobs, 4);
    ck_assert(batch->entries[1].expands);
    static const char *const items[] = {"0.1", "2", "1min"};
    static const char *const names[] = {"0.1/0", "2/1", "1min/2"};
    for (uint32_t i = 0; i < 3; i++) {
        AUTO_FREE char *item = batch_item(batch, i + 1);
        AUTO_FREE char *name = batch_job_name(batch, i + 1);
        ck_assert_str_eq(item, items[i]);
        ck_assert_str_eq(name, names[i]);
    }
}
END_TEST

START_TEST(texts_without_placeholders_are_not_expanded)
{
    ck_assert_int_eq(submit("[{\"plugin\":\"wait\",\"params\":{\"seconds\":1,\"text\":\"{x}\"},"
                            "\"count\":2}]"),
                     0);
    ck_assert(!batch->entries[0].expands);
}
END_TEST

START_TEST(pieces_follow_one_another)
{
    ck_assert_int_eq(submit("[{\"plugin\":\"nop\",\"count\":3}]"), 0);
    ck_assert_int_eq(submit("[{\"plugin\":\"nop\",\"items\":[\"a\",\"b\"]}]"), 0);
    ck_assert_uint_eq(batch->jobs, 5);
    ck_assert_uint_eq(batch->entries[1].first, 3);
}
END_TEST

START_TEST(large_texts_are_kept_whole)
{
    enum { SIZE = 300000 };
    char *text = malloc(SIZE + 1);
    memset(text, 'x', SIZE);
    text[SIZE] = '\0';
    json_t *jobs = json_pack("[{s:s, s:{s:i, s:s}, s:[s, s]}, {s:s}]", "plugin", "wait", "params",
                             "seconds", 1, "text", text, "items", text, "z", "plugin", "nop");
    ck_assert_int_eq(submit_value(jobs, 10), 0);
    ck_assert_uint_eq(batch->entries[0].params_size,
                      SIZE + strlen("{\"seconds\":1,\"text\":\"\"}"));
    AUTO_FREE char *item = batch_item(batch, 0);
    ck_assert_str_eq(item, text);
    AUTO_FREE char *small = batch_item(batch, 1);
    ck_assert_str_eq(small, "z");
    ck_assert_ptr_null(batch->entries[1].params);
    free(text);
}
END_TEST

/* ---- What is refused ----------------------------------------------------------------------- */

static const struct {
    const char *jobs, *field, *words;
} bad[] = {
    /* the list */
    {"7", "jobs", "list"},
    {"null", "jobs", "list"},
    {"{}", "jobs", "list"},
    {"[]", "jobs", "not empty"},
    {"[7]", "jobs[0]", "must be an object"},
    {"[{\"plugin\":\"nop\"},[]]", "jobs[1]", "must be an object"},
    {"[{\"plugin\":\"nop\"},null]", "jobs[1]", "must be an object"},
    /* terms */
    {"[{\"plugin\":\"nop\",\"timeout\":-1}]", "jobs[0].timeout", "must be at least 0"},
    {"[{\"plugin\":\"nop\",\"timeout\":1e300}]", "jobs[0].timeout", "100 years"},
    {"[{\"plugin\":\"nop\",\"timeout\":\"nan\"}]", "jobs[0].timeout", "must be a duration"},
    {"[{\"plugin\":\"nop\",\"timeout\":true}]", "jobs[0].timeout", "must be a duration"},
    {"[{\"plugin\":\"nop\",\"delay\":\"-1s\"}]", "jobs[0].delay", "must be at least 0"},
    {"[{\"plugin\":\"nop\",\"retry\":101}]", "jobs[0].retry", "from 0 to 100"},
    {"[{\"plugin\":\"nop\",\"retry\":\"3\"}]", "jobs[0].retry", "how often"},
    {"[{\"plugin\":\"nop\",\"retry\":{\"max\":101}}]", "jobs[0].retry.max", "at most 100"},
    {"[{\"plugin\":\"nop\",\"after\":7}]", "jobs[0].after", "the name of a job"},
    {"[{\"plugin\":\"nop\",\"after_any\":[\"\"]}]", "jobs[0].after_any", "the name of a job"},
    {"[{\"plugin\":\"nop\",\"after\":\"x\"}]", "jobs[0].after", "no job with the name x"},
    {"[{\"plugin\":\"nop\",\"name\":\"a\",\"after\":\"a\"}]", "jobs[0].after", "in a circle"},
    /* plugin */
    {"[{}]", "jobs[0].plugin", "required"},
    {"[{\"plugin\":null}]", "jobs[0].plugin", "name of a plugin"},
    {"[{\"plugin\":7}]", "jobs[0].plugin", "name of a plugin"},
    {"[{\"plugin\":\"\"}]", "jobs[0].plugin", "there is no plugin"},
    {"[{\"plugin\":\"nop\"},{\"plugin\":\"fish\"}]", "jobs[1].plugin", "there is no plugin fish"},
    {"[{\"plugin\":\"off\"}]", "jobs[0].plugin", "disabled: it crashed"},
    /* params */
    {"[{\"plugin\":\"wait\",\"params\":[]}]", "jobs[0].params", "object"},
    {"[{\"plugin\":\"wait\",\"params\":\"seconds=1\"}]", "jobs[0].params", "object"},
    {"[{\"plugin\":\"wait\"}]", "jobs[0].params.seconds", "required"},
    {"[{\"plugin\":\"wait\",\"params\":{}}]", "jobs[0].params.seconds", "required"},
    {"[{\"plugin\":\"wait\",\"params\":{\"seconds\":-1}}]", "jobs[0].params.seconds", "at least 0"},
    {"[{\"plugin\":\"wait\",\"params\":{\"seconds\":61}}]", "jobs[0].params.seconds", "at most 60"},
    {"[{\"plugin\":\"wait\",\"params\":{\"seconds\":\"soon\"}}]", "jobs[0].params.seconds",
     "time span"},
    {"[{\"plugin\":\"wait\",\"params\":{\"seconds\":1,\"secs\":1}}]", "jobs[0].params.secs",
     "unknown"},
    {"[{\"plugin\":\"nop\",\"params\":{\"x\":1}}]", "jobs[0].params.x", "unknown"},
    {"[{\"plugin\":\"wait\",\"params\":{\"seconds\":1,\"text\":7}}]", "jobs[0].params.text",
     "string"},
    /* placeholders */
    {"[{\"plugin\":\"wait\",\"params\":{\"seconds\":\"{item}\"},\"count\":2}]",
     "jobs[0].params.seconds", "{item}"},
    {"[{\"plugin\":\"wait\",\"params\":{\"seconds\":1,\"argv\":[\"a\",\"{item}\"]}}]",
     "jobs[0].params.argv", "{item}"},
    {"[{\"plugin\":\"wait\",\"params\":{\"seconds\":\"{item}\"},\"items\":[\"1\",\"x\"]}]",
     "jobs[0].params.seconds", "time span"},
    {"[{\"plugin\":\"wait\",\"params\":{\"seconds\":\"{index}\"},\"count\":62}]",
     "jobs[0].params.seconds", "at most 60"},
    {"[{\"plugin\":\"nop\",\"name\":\"{item}\",\"count\":2}]", "jobs[0].name", "{item}"},
    /* count */
    {"[{\"plugin\":\"nop\",\"count\":0}]", "jobs[0].count", "at least 1"},
    {"[{\"plugin\":\"nop\",\"count\":-1}]", "jobs[0].count", "at least 1"},
    {"[{\"plugin\":\"nop\",\"count\":1.5}]", "jobs[0].count", "at least 1"},
    {"[{\"plugin\":\"nop\",\"count\":\"10\"}]", "jobs[0].count", "at least 1"},
    {"[{\"plugin\":\"nop\",\"count\":true}]", "jobs[0].count", "at least 1"},
    {"[{\"plugin\":\"nop\",\"count\":9223372036854775807}]", "jobs[0].count", "at least 1"},
    {"[{\"plugin\":\"nop\",\"count\":2,\"items\":[\"a\",\"b\"]}]", "jobs[0].count", "either"},
    /* items */
    {"[{\"plugin\":\"nop\",\"items\":[]}]", "jobs[0].items", "not empty"},
    {"[{\"plugin\":\"nop\",\"items\":\"a,b\"}]", "jobs[0].items", "list"},
    {"[{\"plugin\":\"nop\",\"items\":{\"a\":1}}]", "jobs[0].items", "list"},
    {"[{\"plugin\":\"nop\",\"items\":[\"a\",7]}]", "jobs[0].items[1]", "text"},
    {"[{\"plugin\":\"nop\",\"items\":[\"a\\u0000b\"]}]", "jobs[0].items[0]", "NUL"},
    /* name */
    {"[{\"plugin\":\"nop\",\"name\":\"\"}]", "jobs[0].name", "1 to 255"},
    {"[{\"plugin\":\"nop\",\"name\":7}]", "jobs[0].name", "1 to 255"},
    {"[{\"plugin\":\"nop\",\"name\":\"a\\u0000b\"}]", "jobs[0].name", "NUL"},
    /* the rest */
    {"[{\"plugin\":\"nop\",\"timeouts\":1}]", "jobs[0].timeouts", "unknown"},
    {"[{\"plugin\":\"nop\",\"Count\":1}]", "jobs[0].Count", "unknown"},
};

START_TEST(bad_input_is_named_with_its_field)
{
    ck_assert_int_eq(submit(bad[_i].jobs), -EINVAL);
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_str_eq(problems.kept[0].field, bad[_i].field);
    ck_assert_msg(strstr(problems.kept[0].text, bad[_i].words) != NULL, "%s",
                  problems.kept[0].text);
    check_nothing_added();
}
END_TEST

START_TEST(what_is_not_json_is_said_to_be_and_nothing_is_added)
{
    static const char *const texts[] = {"[{\"plugin\":\"nop\"},{\"plugin\":nop}]",
                                        "[{\"plugin\":\"nop\"} {\"plugin\":\"nop\"}]",
                                        "[{\"plugin\":\"nop\"},]",
                                        "[,{\"plugin\":\"nop\"}]",
                                        "[{\"plugin\":\"nop\"}",
                                        "[{\"plugin\":\"nop\",\"plugin\":\"nop\"}]",
                                        "[{\"plugin\":\"nop\"},01]",
                                        "[{\"plugin\":\"nop\",\"name\":\"\xff\"}]"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ck_assert_int_eq(submit(texts[i]), -EBADMSG);
        ck_assert_msg(strstr(error.text, "not JSON") != NULL, "%s: %s", texts[i], error.text);
        check_nothing_added();
    }
}
END_TEST

START_TEST(parameters_are_kept_as_they_were_written)
{
    ck_assert_int_eq(submit("[{\"plugin\":\"wait\",\"params\": { \"seconds\" : 1e-1 } }]"), 0);
    ck_assert_str_eq(batch->entries[0].params, "{ \"seconds\" : 1e-1 }");
    ck_assert_int_eq(submit("[{\"plugin\":\"wait\",\"p\\u0061rams\":{\"seconds\":2}}]"), 0);
    ck_assert_str_eq(batch->entries[1].params, "{\"seconds\":2}");
}
END_TEST

START_TEST(restricted_parameters_are_for_the_trusted_alone)
{
    static const char words[] =
        "is only for root and the daemon's own user; awaitd.conf may open it with unrestricted";
    plugins[0].restricted = 1u << 1 | 1u << 2; /* text, argv */
    ck_assert_int_eq(submit("[{\"plugin\":\"wait\",\"params\":{\"seconds\":1,\"text\":\"x\"}}]"),
                     0);
    trusted = false;
    ck_assert_int_eq(submit("[{\"plugin\":\"wait\",\"params\":{\"seconds\":1,\"text\":null}}]"), 0);
    uint32_t before = batch->jobs;
    ck_assert_int_eq(submit("[{\"plugin\":\"wait\",\"params\":{\"seconds\":1,\"argv\":[]}},"
                            "{\"plugin\":\"wait\",\"params\":{\"seconds\":99}}]"),
                     -EPERM);
    ck_assert_uint_eq(batch->jobs, before);
    ck_assert_uint_eq(problems.count, 2);
    ck_assert_str_eq(problems.kept[0].field, "jobs[0].params.argv");
    ck_assert_str_eq(problems.kept[0].text, words);
    ck_assert_str_eq(problems.kept[1].field, "jobs[1].params.seconds");
    problems_clear(&problems);

    /* Also where texts are expanded, and after a job that is wrong. */
    ck_assert_int_eq(
        submit("[{\"plugin\":\"nop\",\"params\":{\"x\":1}},{\"plugin\":\"wait\",\"count\":2,"
               "\"params\":{\"seconds\":1,\"text\":\"{index}\"}}]"),
        -EPERM);
    ck_assert_uint_eq(problems.count, 2);
    ck_assert_str_eq(problems.kept[1].field, "jobs[1].params.text");
    plugins[0].restricted = 0;
}
END_TEST

START_TEST(jobs_that_are_missing_are_named)
{
    ck_assert_int_eq(submit_json(batch, NULL, &catalogue, trusted, 10, &problems, &error), -EINVAL);
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_str_eq(problems.kept[0].field, "jobs");
}
END_TEST

START_TEST(a_long_unknown_member_is_named_in_part)
{
    ck_assert_int_eq(
        submit("[{\"plugin\":\"nop\","
               "\"a23456789012345678901234567890123456789012345678901234567890123456789\":1}]"),
        -EINVAL);
    ck_assert_str_eq(problems.kept[0].field,
                     "jobs[0].a23456789012345678901234567890123456789012345678901234567890123");
}
END_TEST

START_TEST(all_problems_are_told_at_once)
{
    ck_assert_int_eq(submit("[{\"plugin\":\"fish\",\"count\":0,\"name\":\"\",\"x\":1},"
                            "{\"plugin\":\"nop\"},"
                            "{\"plugin\":\"wait\",\"params\":{\"seconds\":-1,\"y\":1}}]"),
                     -EINVAL);
    ck_assert_uint_eq(problems.count, 6);
    check_nothing_added();
}
END_TEST

START_TEST(one_bad_job_among_many_refuses_all)
{
    json_t *jobs = json_array();
    for (int i = 0; i < 1000; i++)
        json_array_append_new(
            jobs, json_pack("{s:s, s:s}", "plugin", i == 777 ? "fish" : "nop", "name", "a name"));
    ck_assert_int_eq(submit_value(jobs, 1000000), -EINVAL);
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_str_eq(problems.kept[0].field, "jobs[777].plugin");
    check_nothing_added();
}
END_TEST

START_TEST(a_refused_piece_leaves_the_earlier_ones)
{
    ck_assert_int_eq(submit("[{\"plugin\":\"nop\",\"count\":5}]"), 0);
    size_t bytes = batch->texts.bytes;
    ck_assert_int_eq(batch_accept(batch, 2), 0);
    ck_assert_int_eq(submit("[{\"plugin\":\"nop\",\"items\":[\"a\",\"b\"]},{\"plugin\":\"fish\"}]"),
                     -EINVAL);
    ck_assert_uint_eq(batch->jobs, 5);
    ck_assert_uint_eq(batch->entries_count, 1);
    ck_assert_uint_eq(batch->texts.bytes, bytes);
}
END_TEST

START_TEST(only_twenty_problems_are_looked_for)
{
    json_t *jobs = json_array();
    for (int i = 0; i < 100000; i++)
        json_array_append_new(jobs, json_integer(i));
    ck_assert_int_eq(submit_value(jobs, 1000000), -EINVAL);
    ck_assert_uint_eq(problems.count, PROBLEMS_KEPT);
    ck_assert_str_eq(problems.kept[PROBLEMS_KEPT - 1].field, "jobs[19]");
}
END_TEST

START_TEST(bad_items_are_told_up_to_twenty)
{
    json_t *items = json_array();
    for (int i = 0; i < 1000; i++)
        json_array_append_new(items, json_string("never"));
    ck_assert_int_eq(submit_value(json_pack("[{s:s, s:{s:s}, s:o}]", "plugin", "wait", "params",
                                            "seconds", "{item}", "items", items),
                                  1000000),
                     -EINVAL);
    ck_assert_uint_eq(problems.count, PROBLEMS_KEPT);
    check_nothing_added();
}
END_TEST

START_TEST(the_limit_on_jobs_may_be_reached_and_not_exceeded)
{
    ck_assert_int_eq(
        submit_up_to("[{\"plugin\":\"nop\",\"count\":60},{\"plugin\":\"nop\",\"count\":41}]", 100),
        -E2BIG);
    check_nothing_added();
    ck_assert_uint_eq(problems.count, 0);
    ck_assert_uint_eq(asked, 101);
    ck_assert_int_eq(
        submit_up_to("[{\"plugin\":\"nop\",\"count\":60},{\"plugin\":\"nop\",\"count\":40}]", 100),
        0);
    ck_assert_int_eq(submit_up_to("[{\"plugin\":\"nop\"}]", 100), -E2BIG);
    ck_assert_int_eq(submit_up_to("[{\"plugin\":\"nop\",\"count\":4294967295}]", 100), -E2BIG);
    ck_assert_uint_eq(asked, 4294967295);
    ck_assert_uint_eq(batch->jobs, 100);
}
END_TEST

/* ---- Terms ----------------------------------------------------------------------------------- */

START_TEST(terms_of_an_entry_are_kept_where_there_are_any)
{
    ck_assert_int_eq(submit("[{\"plugin\":\"nop\",\"name\":\"a\",\"timeout\":\"250ms\",\"retry\":3,"
                            "\"delay\":1.5},"
                            "{\"plugin\":\"nop\",\"after\":null,\"delay\":null,\"retry\":null},"
                            "{\"plugin\":\"nop\",\"after\":[],\"timeout\":0},"
                            "{\"plugin\":\"nop\",\"after\":\"a\",\"after_any\":[\"a\"]}]"),
                     0);
    const struct entry_terms *terms = batch->entries[0].terms;
    ck_assert(terms->has_timeout && terms->has_retry);
    ck_assert_uint_eq(terms->timeout_ns, 250000000);
    ck_assert_uint_eq(terms->delay_ns, 1500000000);
    ck_assert_uint_eq(terms->retry.max, 3);
    ck_assert_uint_eq(terms->retry.delay_ns, 1000000000);
    ck_assert_uint_eq(terms->retry.max_delay_ns, UINT64_C(60000000000));
    ck_assert_ptr_null(terms->after);
    ck_assert_ptr_null(batch->entries[1].terms);
    terms = batch->entries[2].terms;
    ck_assert(terms->has_timeout && !terms->has_retry);
    ck_assert_uint_eq(terms->timeout_ns, 0);
    ck_assert_ptr_null(terms->after);
    terms = batch->entries[3].terms;
    ck_assert_str_eq(terms->after, "[\"a\"]");
    ck_assert_str_eq(terms->after_any, "[\"a\"]");
    ck_assert(order_waits(batch, 3));
    ck_assert(!order_waits(batch, 2));
}
END_TEST

START_TEST(what_comes_after_what_may_be_told_in_any_order_and_in_pieces)
{
    ck_assert_int_eq(submit("[{\"plugin\":\"nop\",\"after\":[\"b\",\"c\"]},"
                            "{\"plugin\":\"nop\",\"name\":\"b\"},"
                            "{\"plugin\":\"nop\",\"name\":\"c\",\"after_any\":\"b\"}]"),
                     0);
    ck_assert_int_eq(batch_accept(batch, 2), 0);
    ck_assert_int_eq(submit("[{\"plugin\":\"nop\"},{\"plugin\":\"nop\",\"after\":\"c\"}]"), 0);
    ck_assert(order_waits(batch, 0) && order_waits(batch, 2) && order_waits(batch, 4));
    ck_assert(!order_waits(batch, 1) && !order_waits(batch, 3));
}
END_TEST

START_TEST(a_refused_order_leaves_nothing_behind)
{
    ck_assert_int_eq(submit("[{\"plugin\":\"nop\",\"name\":\"a\",\"after\":\"b\"},"
                            "{\"plugin\":\"nop\",\"name\":\"b\",\"after\":\"a\"}]"),
                     -EINVAL);
    ck_assert_uint_eq(problems.count, 1);
    ck_assert_ptr_nonnull(strstr(problems.kept[0].text, "goes in a circle"));
    check_nothing_added();
    ck_assert_ptr_null(batch->order);
}
END_TEST

/* ---- What a stranger could cost ------------------------------------------------------------ */

START_TEST(names_stay_short_once_expanded)
{
    char item[256], name[64];
    memset(item, 'x', 255);
    item[255] = '\0';
    static const char *const names[] = {"{item}", "{item}{item}", "{item}{index}"};
    for (int i = 0; i < 3; i++) {
        problems_clear(&problems);
        (void)snprintf(name, sizeof(name), "%s", names[i]);
        int code = submit_value(
            json_pack("[{s:s, s:s, s:[s, s]}]", "plugin", "nop", "name", name, "items", "a", item),
            10);
        ck_assert_int_eq(code, i ? -EINVAL : 0);
        if (i)
            ck_assert_str_eq(problems.kept[0].field, "jobs[0].name");
    }
}
END_TEST

START_TEST(a_large_template_for_many_items_is_checked_in_bounded_time)
{
    enum { SIZE = 500000, ITEMS = 100000 };
    char *text = malloc(SIZE + 1);
    memset(text, 'x', SIZE);
    memcpy(text, "{item}", 6);
    text[SIZE] = '\0';
    json_t *items = json_array();
    for (int i = 0; i < ITEMS; i++)
        json_array_append_new(items, json_string("1"));
    uint64_t before_ns = clock_now_ns();
    ck_assert_int_eq(submit_value(json_pack("[{s:s, s:{s:i, s:s}, s:o}]", "plugin", "wait",
                                            "params", "seconds", 1, "text", text, "items", items),
                                  1000000),
                     0);
    /* Expanding each of them would be 50 GB of text. */
    ck_assert_double_lt(clock_seconds(clock_now_ns() - before_ns), 3);
    free(text);
}
END_TEST

START_TEST(each_of_many_items_is_checked)
{
    enum { ITEMS = 100000 };
    json_t *items = json_array();
    for (int i = 0; i < ITEMS; i++)
        json_array_append_new(items, json_string(i == ITEMS - 2 ? "never" : "1"));
    ck_assert_int_eq(submit_value(json_pack("[{s:s, s:{s:s}, s:o}]", "plugin", "wait", "params",
                                            "seconds", "{item}", "items", items),
                                  1000000),
                     -EINVAL);
    ck_assert_uint_eq(problems.count, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("submit");
    TCase *tests = tcase_create("submit");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_is_not_json_is_said_to_be_and_nothing_is_added);
    tcase_add_test(tests, parameters_are_kept_as_they_were_written);
    tcase_add_test(tests, an_entry_becomes_a_job);
    tcase_add_test(tests, values_may_be_given_as_text);
    tcase_add_test(tests, a_job_may_come_without_parameters);
    tcase_add_test(tests, a_count_stays_one_entry);
    tcase_add_test(tests, items_make_a_job_each);
    tcase_add_test(tests, texts_without_placeholders_are_not_expanded);
    tcase_add_test(tests, pieces_follow_one_another);
    tcase_add_test(tests, large_texts_are_kept_whole);
    tcase_add_loop_test(tests, bad_input_is_named_with_its_field, 0,
                        (int)(sizeof(bad) / sizeof(*bad)));
    tcase_add_test(tests, restricted_parameters_are_for_the_trusted_alone);
    tcase_add_test(tests, jobs_that_are_missing_are_named);
    tcase_add_test(tests, a_long_unknown_member_is_named_in_part);
    tcase_add_test(tests, all_problems_are_told_at_once);
    tcase_add_test(tests, one_bad_job_among_many_refuses_all);
    tcase_add_test(tests, a_refused_piece_leaves_the_earlier_ones);
    tcase_add_test(tests, only_twenty_problems_are_looked_for);
    tcase_add_test(tests, bad_items_are_told_up_to_twenty);
    tcase_add_test(tests, the_limit_on_jobs_may_be_reached_and_not_exceeded);
    tcase_add_test(tests, terms_of_an_entry_are_kept_where_there_are_any);
    tcase_add_test(tests, what_comes_after_what_may_be_told_in_any_order_and_in_pieces);
    tcase_add_test(tests, a_refused_order_leaves_nothing_behind);
    tcase_add_test(tests, names_stay_short_once_expanded);
    tcase_add_test(tests, a_large_template_for_many_items_is_checked_in_bounded_time);
    tcase_add_test(tests, each_of_many_items_is_checked);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
