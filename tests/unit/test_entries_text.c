#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <awaitd/plugin.h>
#include "base/bytes.h"
#include "base/error.h"
#include "base/params.h"
#include "base/problems.h"
#include "batch_fixture.h"
#include "suite.h"
#include "supervisor/entries_text.h"
#include "supervisor/order.h"
#include "supervisor/retry_batch.h"
#include "supervisor/submit.h"

/* ---- Plugins, of which the catalogue has a copy that may get ghosts ------------------------------ */

struct params {
    struct aw_duration seconds;
    const char *text;
    const char *secret;
};
static const struct aw_param rows[] = {
    AW_PARAM(struct params, seconds, .text = "How long", .min = 0, .max = 60),
    AW_PARAM(struct params, text, .text = "What to say"),
    AW_PARAM(struct params, secret, .text = "Not for everybody", .restricted = true),
    AW_PARAMS_END,
};
static struct params_table table = {.rows = rows, .count = 3, .struct_size = sizeof(struct params)};
static const struct plugin plugins[] = {
    {.name = (char *)"wait", .style = RUN_ASYNC, .params = &table, .restricted = 4},
    {.name = (char *)"off", .style = RUN_ASYNC, .disabled = (char *)"it crashed"},
};
static struct catalogue catalogue;
static struct batch *batch;
static struct error error;

static void set_up(void)
{
    catalogue = (struct catalogue){.plugins = malloc(sizeof(plugins)), .count = 2, .known = true};
    memcpy(catalogue.plugins, plugins, sizeof(plugins));
    batch = new_batch(1);
    ck_assert_int_eq(batch_accept(batch, 1), 0);
}

static void tear_down(void)
{
    for (uint32_t i = 2; i < catalogue_places(&catalogue); i++) {
        free(catalogue.plugins[i].name);
        free(catalogue.plugins[i].disabled);
    }
    free(catalogue.plugins);
    batch_free(batch);
}

static int stored_to(struct batch *to, const char *text)
{
    return submit_stored(to, view_of_text(text), &catalogue, &error);
}

static int stored(const char *text)
{
    return stored_to(batch, text);
}

/* ---- Entries that were accepted before ------------------------------------------------------------ */

START_TEST(a_plain_entry_becomes_a_job)
{
    ck_assert_int_eq(stored("[{\"plugin\":\"wait\",\"params\":{\"seconds\": 1}},"
                            "{ \"params\": {}, \"plugin\": \"wait\"},{\"plugin\":\"wait\"},"
                            "{\"plugin\":\"off\",\"params\":{\"a\":\"\"}}]"),
                     0);
    ck_assert_uint_eq(batch->jobs, 4);
    ck_assert_str_eq(batch->entries[0].params, "{\"seconds\": 1}");
    ck_assert_uint_eq(batch->entries[0].params_size, 14);
    ck_assert_ptr_null(batch->entries[1].params);
    ck_assert_ptr_null(batch->entries[2].params);
    ck_assert_str_eq(batch->entries[3].params, "{\"a\":\"\"}");
    ck_assert_uint_eq(batch->entries[2].plugin, 0);
    ck_assert_uint_eq(batch->entries[3].plugin, 1);
}
END_TEST

START_TEST(placeholders_are_seen_however_they_are_written)
{
    ck_assert_int_eq(stored("[{\"plugin\":\"wait\",\"params\":{\"text\":\"{index}\"}},"
                            "{\"plugin\":\"wait\",\"params\":{\"text\":\"\\u007bindex\\u007d\"}},"
                            "{\"plugin\":\"wait\",\"params\":{\"text\":\"}}\"}},"
                            "{\"plugin\":\"gone\",\"params\":{\"x\":[{\"y\":\"{index}\"}]}},"
                            "{\"plugin\":\"gone\",\"params\":{\"x\":[{\"y\":\"index\"}]}},"
                            "{\"plugin\":\"wait\",\"params\":{\"text\":\"{item}\"},"
                            "\"items\":[\"a\",\"b\"]}]"),
                     0);
    static const bool expands[] = {true, true, true, true, false, true};
    for (uint32_t i = 0; i < 6; i++)
        ck_assert_int_eq(batch->entries[i].expands, expands[i]);
}
END_TEST

START_TEST(parameters_are_not_checked_again)
{
    ck_assert_int_eq(stored("[{\"plugin\":\"wait\",\"params\":{\"seconds\":\"soon\"}},"
                            "{\"plugin\":\"wait\",\"params\":{\"colour\":{\"is\":\"red\"}}},"
                            "{\"plugin\":\"wait\",\"params\":{\"secret\":\"\\n\"}},"
                            "{\"plugin\":\"off\"}]"),
                     0);
    ck_assert_uint_eq(batch->jobs, 4);
}
END_TEST

START_TEST(a_plugin_that_is_gone_gets_a_place)
{
    ck_assert_int_eq(stored("[{\"plugin\":\"gone\",\"params\":{\"seconds\":1}},"
                            "{\"plugin\":\"lost\",\"count\":3},{\"plugin\":\"gone\"}]"),
                     0);
    ck_assert_uint_eq(catalogue.count, 2);
    ck_assert_uint_eq(catalogue.ghosts, 2);
    ck_assert_uint_eq(batch->entries[0].plugin, 2);
    ck_assert_uint_eq(batch->entries[1].plugin, 3);
    ck_assert_uint_eq(batch->entries[2].plugin, 2);
    ck_assert_str_eq(catalogue.plugins[3].name, "lost");
    ck_assert_str_eq(catalogue.plugins[2].disabled, "it is not configured any more");
    uint32_t position;
    ck_assert_ptr_null(catalogue_find(&catalogue, "gone", &position));
}
END_TEST

START_TEST(new_entries_have_neither_base_nor_as_before)
{
    struct problems problems = {0};
    const char *text =
        "[{\"plugin\":\"wait\",\"base\":1},{\"plugin\":\"wait\",\"as_before\":true}]";
    ck_assert_int_eq(
        submit_entries(batch, view_of_text(text), &catalogue, true, 100, NULL, &problems, &error),
        -EINVAL);
    ck_assert_uint_eq(problems.count, 2);
    problems_clear(&problems);
}
END_TEST

START_TEST(an_entry_may_be_as_the_one_before)
{
    ck_assert_int_eq(
        stored("[{\"plugin\":\"wait\",\"name\":\"n\",\"delay\":1},"
               "{\"plugin\":\"wait\",\"params\":{\"text\":\"{index}\"},\"name\":\"m-{index}\","
               "\"count\":2,\"timeout\":5,\"after\":\"n\"},"
               "{\"as_before\":true,\"count\":3,\"base\":7},{\"as_before\":true,\"base\":12}]"),
        0);
    ck_assert_uint_eq(batch->jobs, 7);
    const struct entry *entry = &batch->entries[1];
    for (uint32_t i = 2; i < 4; i++) {
        ck_assert_ptr_eq(batch->entries[i].params, entry->params);
        ck_assert_uint_eq(batch->entries[i].params_size, entry->params_size);
        ck_assert_ptr_eq(batch->entries[i].name, entry->name);
        ck_assert_ptr_eq(batch->entries[i].terms, entry->terms);
        ck_assert(batch->entries[i].expands);
        ck_assert(order_waits(batch, i));
    }
    ck_assert_uint_eq(batch->entries[2].count, 3);
    ck_assert_uint_eq(batch->entries[3].base, 12);
    char *name = batch_job_name(batch, 6);
    ck_assert_str_eq(name, "m-12");
    free(name);
}
END_TEST

static const char *const malformed[] = {
    "",
    "[]",
    "{}",
    "[1]",
    "[{}]",
    "[{\"plugin\":\"\"}]",
    "[{\"plugin\":\"No such name\"}]",
    "[{\"plugin\":7}]",
    "[{\"plugin\":\"wait\",\"params\":{\"a\":1,\"a\":2}}]",
    "[{\"plugin\":\"wait\",\"params\":{\"a\":\"\xff\"}}]",
    "[{\"plugin\":\"wait\",\"params\":[]}]",
    "[{\"plugin\":\"wait\",\"colour\":1}]",
    "[{\"plugin\":\"wait\",\"base\":-1}]",
    "[{\"plugin\":\"wait\",\"base\":4294967296}]",
    "[{\"plugin\":\"wait\",\"count\":4294967296}]",
    "[{\"plugin\":\"wait\",\"name\":\"{item}\"}]",
    "[{\"plugin\":\"wait\",\"params\":{\"text\":\"{item}\"}}]",
    "[{\"plugin\":\"wait\",\"after\":\"nobody\"}]",
    "[{\"as_before\":true}]",
    "[{\"plugin\":\"wait\"},{\"as_before\":false}]",
    "[{\"plugin\":\"wait\"},{\"as_before\":true,\"plugin\":\"wait\"}]",
    "[{\"plugin\":\"off\",\"name\":\"a\"},{\"as_before\":true,\"after\":\"a\"}]",
    "[{\"plugin\":\"wait\"},{\"as_before\":true,\"items\":[\"a\"]}]",
    "[{\"plugin\":\"wait\",\"items\":[\"a\"]},{\"as_before\":true}]",
};

START_TEST(what_cannot_have_been_accepted_is_refused)
{
    error.text[0] = '\0';
    ck_assert_msg(stored(malformed[_i]) == -EBADMSG, "%s", malformed[_i]);
    ck_assert_uint_eq(batch->jobs, 0);
    ck_assert(error.text[0]);
}
END_TEST

/* ---- There and back -------------------------------------------------------------------------------- */

static void check_text(const char *got, const char *expected)
{
    if (got && expected)
        ck_assert_str_eq(got, expected);
    else
        ck_assert_ptr_eq(got, expected);
}

static void check_terms(const struct entry_terms *got, const struct entry_terms *expected)
{
    if (!got || !expected) {
        ck_assert_ptr_eq(got, expected);
        return;
    }
    ck_assert_int_eq(got->has_timeout, expected->has_timeout);
    ck_assert_uint_eq(got->timeout_ns, expected->timeout_ns);
    ck_assert_int_eq(got->has_retry, expected->has_retry);
    ck_assert_uint_eq(got->retry.max, expected->retry.max);
    ck_assert_uint_eq(got->retry.delay_ns, expected->retry.delay_ns);
    ck_assert_uint_eq(got->retry.max_delay_ns, expected->retry.max_delay_ns);
    ck_assert_uint_eq(got->delay_ns, expected->delay_ns);
    check_text(got->after, expected->after);
    check_text(got->after_any, expected->after_any);
}

static void check_entry(const struct entry *got, const struct entry *expected)
{
    ck_assert_uint_eq(got->first, expected->first);
    ck_assert_uint_eq(got->count, expected->count);
    ck_assert_uint_eq(got->plugin, expected->plugin);
    ck_assert_int_eq(got->expands, expected->expands);
    ck_assert_uint_eq(got->params_size, expected->params_size);
    check_text(got->params, expected->params);
    check_text(got->name, expected->name);
    ck_assert_uint_eq(got->base, expected->base);
    check_terms(got->terms, expected->terms);
    ck_assert_int_eq(!got->items, !expected->items);
    if (!got->items)
        return;
    for (uint32_t i = 0; i <= got->count; i++)
        ck_assert_uint_eq(got->items->offsets[i], expected->items->offsets[i]);
    ck_assert_mem_eq(got->items->data, expected->items->data, got->items->offsets[got->count]);
}

/* The batch's entries, piece by piece, as they read again. */
static struct batch *read_again(const struct batch *old, size_t *size)
{
    struct batch *read = new_batch(2);
    uint32_t first = 0;
    *size = 0;
    for (uint32_t piece = 0; piece < old->pieces_count; piece++) {
        uint32_t end_job = batch_piece_first(old, piece + 1);
        uint32_t end = end_job < old->jobs ? batch_entry_of(old, end_job) : old->entries_count;
        if (end == first)
            continue;
        struct bytes text = {0};
        ck_assert_int_eq(entries_text(old, first, end, &catalogue, &text), 0);
        *size += text.size;
        ck_assert_int_eq(batch_accept(read, 1), 0);
        bytes_put(&text, "", 1);
        ck_assert_msg(stored_to(read, (char *)text.data) == 0, "%s: %s", error.text,
                      (char *)text.data);
        bytes_free(&text);
        first = end;
    }
    ck_assert_uint_eq(read->entries_count, old->entries_count);
    for (uint32_t i = 0; i < old->entries_count; i++)
        check_entry(&read->entries[i], &old->entries[i]);
    ck_assert_int_eq(!read->order, !old->order);
    for (uint32_t i = 0; i < old->entries_count; i++)
        ck_assert_int_eq(order_waits(read, i), order_waits(old, i));
    return read;
}

START_TEST(entries_read_as_the_same_entries)
{
    ck_assert_int_eq(
        stored(
            "[{\"plugin\":\"wait\"},"
            "{\"plugin\":\"off\",\"params\":{ \"a\" : [1e3, \"\\u0041\"] },\"name\":\"a\\\"\\n\"},"
            "{\"plugin\":\"gone\",\"count\":1000000,\"timeout\":0,\"retry\":0},"
            "{\"plugin\":\"wait\",\"items\":[\"\",\"b\\\\\",\"gr\\u00fc\\u00df\"],\"timeout\":0.1,"
            "\"retry\":{\"max\":3,\"delay\":0.3,\"max_delay\":1e9},\"delay\":123.456789012,"
            "\"name\":\"{item}\",\"after\":[\"a\\\"\\n\"],\"after_any\":\"a\\\"\\n\"}]"),
        0);
    size_t size;
    batch_free(read_again(batch, &size));
}
END_TEST

/* Ends each job, in a random state out of two. */
static void end_all(struct batch *old)
{
    for (uint32_t job = 0; job < old->jobs; job++)
        complete_job(old, job, random() % 2 ? JOB_SUCCEEDED : JOB_FAILED, "");
    batch_seal(old, 1);
}

START_TEST(what_is_tried_again_reads_as_the_same)
{
    srandom(3);
    ck_assert_int_eq(stored("[{\"plugin\":\"wait\",\"count\":100,\"name\":\"a-{index}\"},"
                            "{\"plugin\":\"wait\",\"params\":{\"text\":\"{item}{index}\"},"
                            "\"items\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\"],"
                            "\"after_any\":\"a-{index}\",\"delay\":3}]"),
                     0);
    ck_assert_int_eq(batch_accept(batch, 2), 0);
    ck_assert_int_eq(stored("[{\"plugin\":\"off\",\"count\":50,\"after\":\"a-{index}\"},"
                            "{\"plugin\":\"off\",\"name\":\"a-{index}\"}]"),
                     0);
    end_all(batch);
    struct batch *again = new_batch(3);
    size_t size;
    ck_assert_int_eq(retry_batch_fill(again, batch, 5), 0);
    struct batch *read = read_again(again, &size);
    end_all(again);
    struct batch *third = new_batch(4);
    ck_assert_int_eq(retry_batch_fill(third, again, 5), 0);
    batch_free(read_again(third, &size));
    batch_free(third);
    batch_free(read);
    batch_free(again);
}
END_TEST

START_TEST(shared_texts_are_written_once)
{
    static char text[200000];
    int used = snprintf(text, sizeof(text),
                        "[{\"plugin\":\"wait\",\"count\":10000,\"params\":"
                        "{\"text\":\"");
    memset(text + used, 'x', 100000);
    (void)snprintf(text + used + 100000, 10, "\"}}]");
    ck_assert_int_eq(stored(text), 0);
    for (uint32_t job = 0; job < batch->jobs; job++)
        complete_job(batch, job, job % 2 ? JOB_SUCCEEDED : JOB_FAILED, "");
    batch_seal(batch, 1);
    struct batch *again = new_batch(3);
    size_t size;
    ck_assert_int_eq(retry_batch_fill(again, batch, 5), 0);
    ck_assert_uint_eq(again->entries_count, 5000);
    struct batch *read = read_again(again, &size);
    ck_assert_uint_lt(size, 100000 + 5000 * 40);
    ck_assert_uint_lt(read->texts.bytes, 200000);
    batch_free(read);
    batch_free(again);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("entries_text");
    TCase *tcase = tcase_create("entries_text");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_plain_entry_becomes_a_job);
    tcase_add_test(tcase, placeholders_are_seen_however_they_are_written);
    tcase_add_test(tcase, parameters_are_not_checked_again);
    tcase_add_test(tcase, a_plugin_that_is_gone_gets_a_place);
    tcase_add_test(tcase, new_entries_have_neither_base_nor_as_before);
    tcase_add_test(tcase, an_entry_may_be_as_the_one_before);
    tcase_add_loop_test(tcase, what_cannot_have_been_accepted_is_refused, 0,
                        sizeof(malformed) / sizeof(*malformed));
    tcase_add_test(tcase, entries_read_as_the_same_entries);
    tcase_add_test(tcase, what_is_tried_again_reads_as_the_same);
    tcase_add_test(tcase, shared_texts_are_written_once);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
