#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "base/problems.h"
#include "batch_fixture.h"
#include "suite.h"
#include "supervisor/catalogue.h"
#include "supervisor/order.h"
#include "supervisor/retry_batch.h"
#include "supervisor/submit.h"

static struct params_table no_params;
static struct plugin plugins[] = {
    {.name = (char *)"nop", .style = RUN_ASYNC, .params = &no_params},
    {.name = (char *)"pop", .style = RUN_ASYNC, .params = &no_params},
};
static const struct catalogue catalogue = {.plugins = plugins, .count = 2, .known = true};

static struct batch *old, *batch;

static void add_piece(const char *jobs)
{
    struct problems problems = {0};
    struct error error;
    ck_assert_int_eq(batch_accept(old, 1), 0);
    ck_assert_int_eq(
        submit_entries(old, view_of_text(jobs), &catalogue, true, 1000000, NULL, &problems, &error),
        0);
}

/* The old batch's jobs end as the letters say: s succeeded, f failed, k skipped. */
static void end_old(const char *ends)
{
    ck_assert_uint_eq(old->jobs, strlen(ends));
    for (uint32_t job = 0; job < old->jobs; job++)
        complete_job(old, job,
                     ends[job] == 's'   ? JOB_SUCCEEDED
                     : ends[job] == 'f' ? JOB_FAILED
                                        : JOB_SKIPPED,
                     "");
    batch_seal(old, clock_now_ns());
    ck_assert(old->finished);
}

static void retry(const char *jobs, const char *ends)
{
    old = new_batch(1);
    add_piece(jobs);
    end_old(ends);
    batch = new_batch(2);
    ck_assert_int_eq(retry_batch_fill(batch, old, 2), 0);
    ck_assert_uint_eq(batch->jobs, retry_batch_jobs(old));
}

static void tear_down(void)
{
    batch_free(old);
    batch_free(batch);
}

START_TEST(what_did_not_succeed_is_there_again_in_its_order)
{
    retry("[{\"plugin\":\"nop\",\"name\":\"a\"},{\"plugin\":\"pop\",\"name\":\"b\"},"
          "{\"plugin\":\"nop\",\"name\":\"c\",\"timeout\":5,\"retry\":2,\"delay\":1}]",
          "fsk");
    ck_assert_uint_eq(batch->entries_count, 2);
    ck_assert_str_eq(batch->entries[0].name, "a");
    ck_assert_str_eq(batch->entries[1].name, "c");
    const struct entry_terms *terms = batch->entries[1].terms;
    ck_assert(terms->has_timeout && terms->has_retry);
    ck_assert_uint_eq(terms->delay_ns, 1000000000);
    ck_assert_uint_eq(terms->retry.max, 2);
    ck_assert_ptr_null(batch->order);
    ck_assert_uint_eq(batch->in_state[JOB_QUEUED], 2);
}
END_TEST

START_TEST(runs_of_an_array_keep_index_and_item_and_share_their_texts)
{
    retry("[{\"plugin\":\"nop\"},{\"plugin\":\"pop\",\"name\":\"{index}-{item}\","
          "\"items\":[\"a\",\"b\",\"\",\"d\",\"e\",\"f\"]}]",
          "sfsffsf");
    ck_assert_uint_eq(batch->entries_count, 3);
    static const struct {
        const char *name, *item;
    } expected[] = {{"0-a", "a"}, {"2-", ""}, {"3-d", "d"}, {"5-f", "f"}};
    ck_assert_uint_eq(batch->jobs, 4);
    for (uint32_t job = 0; job < 4; job++) {
        AUTO_FREE char *name = batch_job_name(batch, job);
        AUTO_FREE char *item = batch_item(batch, job);
        ck_assert_str_eq(name, expected[job].name);
        ck_assert_str_eq(item, expected[job].item);
    }
    ck_assert_uint_eq(batch->entries[1].count, 2);
    ck_assert_ptr_eq(batch->entries[0].name, batch->entries[2].name);
    ck_assert_uint_eq(batch->entries[0].plugin, 1);
}
END_TEST

START_TEST(a_retry_of_a_retry_counts_from_the_first)
{
    retry("[{\"plugin\":\"nop\",\"name\":\"{index}\",\"count\":10}]", "ssssffffff");
    for (uint32_t job = 0; job < 6; job++)
        complete_job(batch, job, job < 3 ? JOB_SUCCEEDED : JOB_CRASHED, "");
    batch_seal(batch, clock_now_ns());
    struct batch *third = new_batch(3);
    ck_assert_int_eq(retry_batch_fill(third, batch, 3), 0);
    ck_assert_uint_eq(third->jobs, 3);
    for (uint32_t job = 0; job < 3; job++) {
        AUTO_FREE char *name = batch_job_name(third, job);
        ck_assert_str_eq(name, job == 0 ? "7" : job == 1 ? "8" : "9");
    }
    batch_free(third);
}
END_TEST

START_TEST(order_among_what_remains_stays_and_the_rest_is_forgotten)
{
    retry("[{\"plugin\":\"nop\",\"name\":\"a\"},{\"plugin\":\"nop\",\"name\":\"b\",\"count\":3},"
          "{\"plugin\":\"nop\",\"name\":\"c\",\"after\":[\"a\",\"b\"]},"
          "{\"plugin\":\"nop\",\"name\":\"d\",\"after\":\"a\",\"after_any\":[\"a\"]},"
          "{\"plugin\":\"nop\",\"name\":\"e\",\"after_any\":\"c\"}]",
          "sfsfkff");
    /* b, b, c, d, e */
    ck_assert_uint_eq(batch->entries_count, 5);
    ck_assert(!order_waits(batch, 0) && !order_waits(batch, 1));
    ck_assert(order_waits(batch, 2));
    ck_assert_str_eq(batch->entries[2].terms->after, "[\"b\"]");
    ck_assert(!order_waits(batch, 3));
    ck_assert_ptr_null(batch->entries[3].terms->after);
    ck_assert_ptr_null(batch->entries[3].terms->after_any);
    ck_assert(order_waits(batch, 4));
    ck_assert_str_eq(old->entries[2].terms->after, "[\"a\",\"b\"]"); /* as it was */
}
END_TEST

START_TEST(runs_of_one_array_wait_alike)
{
    retry("[{\"plugin\":\"nop\",\"name\":\"a\"},"
          "{\"plugin\":\"nop\",\"name\":\"b\",\"count\":5,\"after\":\"a\"}]",
          "fksksk");
    ck_assert_uint_eq(batch->entries_count, 4);
    for (uint32_t i = 1; i < 4; i++)
        ck_assert(order_waits(batch, i));
    for (uint32_t i = 1; i < 4; i++)
        ck_assert_ptr_eq(batch->entries[i].terms, batch->entries[1].terms);
}
END_TEST

START_TEST(a_name_means_what_it_meant_when_its_piece_came)
{
    old = new_batch(1);
    add_piece("[{\"plugin\":\"nop\",\"name\":\"x\"},{\"plugin\":\"nop\",\"name\":\"z\"},"
              "{\"plugin\":\"nop\",\"name\":\"y\",\"after_any\":[\"x\",\"z\"]}]");
    add_piece("[{\"plugin\":\"nop\",\"name\":\"x\",\"after_any\":\"y\"}]");
    end_old("sfff");
    batch = new_batch(2);
    ck_assert_int_eq(retry_batch_fill(batch, old, 2), 0);
    /* z, y after z, and the x that comes after y */
    ck_assert_uint_eq(batch->entries_count, 3);
    ck_assert_str_eq(batch->entries[1].terms->after_any, "[\"z\"]");
    ck_assert_str_eq(batch->entries[2].terms->after_any, "[\"y\"]");
    ck_assert(!order_waits(batch, 0) && order_waits(batch, 1) && order_waits(batch, 2));

    for (uint32_t job = 0; job < 3; job++)
        complete_job(batch, job, JOB_FAILED, "");
    batch_seal(batch, clock_now_ns());
    struct batch *third = new_batch(3);
    ck_assert_int_eq(retry_batch_fill(third, batch, 3), 0);
    ck_assert(!order_waits(third, 0) && order_waits(third, 1) && order_waits(third, 2));
    batch_free(third);
}
END_TEST

START_TEST(alternating_ends_of_a_large_text_do_not_multiply_it)
{
    enum { JOBS = 20000 };
    static char jobs[400], ends[JOBS + 1];
    char text[201];
    memset(text, 'x', sizeof(text) - 1);
    text[200] = '\0';
    (void)snprintf(jobs, sizeof(jobs), "[{\"plugin\":\"nop\",\"name\":\"%s\",\"count\":%d}]", text,
                   JOBS);
    for (int i = 0; i < JOBS; i++)
        ends[i] = i % 2 ? 'f' : 's';
    retry(jobs, ends);
    ck_assert_uint_eq(batch->entries_count, JOBS / 2);
    ck_assert_uint_lt(batch->texts.bytes, 1000);
}
END_TEST

START_TEST(alternating_ends_of_arrays_after_each_other_do_not_multiply_their_order)
{
    enum { JOBS = 20000 };
    static char jobs[400], ends[2 * JOBS + 1];
    (void)snprintf(jobs, sizeof(jobs),
                   "[{\"plugin\":\"nop\",\"name\":\"a\",\"count\":%d},"
                   "{\"plugin\":\"nop\",\"name\":\"b\",\"count\":%d,\"after_any\":\"a\"}]",
                   JOBS, JOBS);
    for (int i = 0; i < 2 * JOBS; i++)
        ends[i] = i % 2 ? 'f' : 's';
    retry(jobs, ends);
    ck_assert_uint_eq(batch->entries_count, JOBS);
    ck_assert_uint_lt(order_bytes(batch), (size_t)JOBS * 512);
    for (uint32_t i = 0; i < JOBS; i++)
        ck_assert(order_waits(batch, i) == (i >= JOBS / 2));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("retry_batch");
    TCase *tests = tcase_create("retry_batch");
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_test(tests, what_did_not_succeed_is_there_again_in_its_order);
    tcase_add_test(tests, runs_of_an_array_keep_index_and_item_and_share_their_texts);
    tcase_add_test(tests, a_retry_of_a_retry_counts_from_the_first);
    tcase_add_test(tests, order_among_what_remains_stays_and_the_rest_is_forgotten);
    tcase_add_test(tests, runs_of_one_array_wait_alike);
    tcase_add_test(tests, a_name_means_what_it_meant_when_its_piece_came);
    tcase_add_test(tests, alternating_ends_of_a_large_text_do_not_multiply_it);
    tcase_add_test(tests, alternating_ends_of_arrays_after_each_other_do_not_multiply_their_order);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
