#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "scheduler_fixture.h"
#include "suite.h"

/* ---- Dispatch ------------------------------------------------------------------------------ */

START_TEST(jobs_are_spread_over_all_workers)
{
    struct batch *batch = submit(1, 0, 100);
    check_counts(100, 0);
    settle();
    check_counts(0, 100);
    for (uint32_t i = 0; i < WORKERS; i++)
        ck_assert_uint_eq(pool.running[i][RUN_ASYNC], 25);
    ck_assert_uint_eq(batch->in_state[JOB_RUNNING], 100);
    forget(batch);
}
END_TEST

START_TEST(few_jobs_go_to_different_workers)
{
    struct batch *batch = submit(1, 0, 3);
    settle();
    for (uint32_t i = 0; i < 3; i++)
        ck_assert_uint_eq(pool.running[i][RUN_ASYNC], 1);
    forget(batch);
}
END_TEST

START_TEST(no_worker_gets_more_than_it_has_room_for)
{
    pool.limit = 10; /* pool_send() checks it, too */
    struct batch *batch = submit(1, 0, 100);
    settle();
    check_counts(60, 40);
    succeed(batch, 5);
    succeed(batch, 6);
    settle();
    check_counts(60, 38); /* nobody said that there is room */
    scheduler_wake(scheduler);
    settle();
    check_counts(58, 40);
    forget(batch);
}
END_TEST

START_TEST(jobs_wait_for_a_worker_to_be_ready)
{
    pool.ready = 0;
    struct batch *batch = submit(1, 0, 10);
    settle();
    check_counts(10, 0);
    pool.ready = 2;
    scheduler_wake(scheduler);
    settle();
    check_counts(0, 10);
    forget(batch);
}
END_TEST

START_TEST(a_plugin_without_room_holds_up_no_other)
{
    pool.limit = 1;
    struct batch *blocking = submit(1, 1, 1000), *async = submit(2, 0, 4);
    settle();
    ck_assert_uint_eq(blocking->in_state[JOB_RUNNING], 4);
    ck_assert_uint_eq(async->in_state[JOB_RUNNING], 4);
    forget(blocking);
    forget(async);
}
END_TEST

/* ---- A plugin's limit ---------------------------------------------------------------------- */

static uint32_t running_on(uint32_t worker, enum run_style style)
{
    return pool.running[worker][style];
}

START_TEST(a_plugins_limit_holds_over_all_workers_and_is_spread_over_them)
{
    plugins[0].limit = 8;
    pool.ready = 2;
    struct batch *batch = submit(1, 0, 1000000);
    settle();
    check_counts(1000000 - 8, 8);
    ck_assert_uint_eq(running_on(0, RUN_ASYNC), 4);
    ck_assert_uint_eq(running_on(1, RUN_ASYNC), 4);
    ck_assert_uint_eq(batch->entries_count, 1);
    forget(batch);
}
END_TEST

START_TEST(when_a_limited_job_ends_the_next_one_runs)
{
    plugins[0].limit = 3;
    struct batch *batch = submit(1, 0, 10);
    settle();
    for (uint32_t job = 0; job < 10; job++) {
        ck_assert_uint_eq(batch->in_state[JOB_RUNNING], job < 7 ? 3 : 10 - job);
        succeed(batch, job);
        scheduler_wake(scheduler);
        settle();
    }
    ck_assert(batch->finished);
    check_counts(0, 0);
    forget(batch);
}
END_TEST

START_TEST(a_limit_holds_over_all_batches_which_share_it)
{
    plugins[0].limit = 4;
    struct batch *first = submit(1, 0, 100), *second = submit(2, 0, 100);
    settle();
    check_counts(196, 4);
    uint32_t ended[2] = {0};
    for (int i = 0; i < 40; i++) { /* the oldest that runs, of the batch that has more of them */
        bool of_second = second->in_state[JOB_RUNNING] > first->in_state[JOB_RUNNING];
        succeed(of_second ? second : first, ended[of_second]++);
        scheduler_wake(scheduler);
        settle();
        ck_assert_uint_eq(first->in_state[JOB_RUNNING] + second->in_state[JOB_RUNNING], 4);
    }
    ck_assert_uint_ge(ended[0], 15);
    ck_assert_uint_ge(ended[1], 15);
    forget(first);
    forget(second);
}
END_TEST

START_TEST(a_limited_plugin_holds_up_no_other)
{
    plugins[1].limit = 1;
    struct batch *limited = submit(1, 1, 1000), *same_style = submit(2, 2, 1000),
                 *other = submit(3, 0, 1000);
    settle();
    ck_assert_uint_eq(limited->in_state[JOB_RUNNING], 1);
    ck_assert_uint_eq(same_style->in_state[JOB_RUNNING], 1000);
    ck_assert_uint_eq(other->in_state[JOB_RUNNING], 1000);
    forget(limited);
    forget(same_style);
    forget(other);
}
END_TEST

START_TEST(a_limit_has_room_again_for_what_was_lost_with_a_worker)
{
    plugins[0].limit = 8;
    struct batch *batch = submit(1, 0, 100);
    settle();
    lose(batch, 1, "its worker died");
    pool.running[1][RUN_ASYNC] = 0;
    ck_assert_uint_eq(batch->in_state[JOB_CRASHED], 2);
    scheduler_wake(scheduler);
    settle();
    check_counts(90, 8);
    ck_assert_uint_eq(running_on(1, RUN_ASYNC), 2);
    forget(batch);
}
END_TEST

START_TEST(a_limit_counts_what_runs_and_nothing_that_was_cancelled_or_refused)
{
    plugins[0].limit = 2;
    struct batch *batch = submit(1, 0, 10), *other = submit(2, 0, 10);
    settle();
    /* A result that cannot be frees no room. */
    ck_assert_int_eq(result_as(batch, 5, 0, JOB_SUCCEEDED), -EBADMSG);
    scheduler_cancel_job(scheduler, batch, 9, "by hand");
    (void)scheduler_cancel(scheduler, batch, "by hand");
    settle();
    uint32_t running = batch->in_state[JOB_RUNNING];
    ck_assert_uint_eq(running + other->in_state[JOB_RUNNING], 2);
    for (uint32_t job = 0; job < batch->jobs; job++) {
        if (batch_state(batch, job) == JOB_RUNNING)
            ck_assert_int_eq(result_as(batch, job, batch->where[job], JOB_CANCELLED), 0);
    }
    ck_assert(batch->finished);
    scheduler_wake(scheduler);
    settle();
    ck_assert_uint_eq(other->in_state[JOB_RUNNING], 2);
    forget(batch);
    forget(other);
}
END_TEST

START_TEST(jobs_of_a_limited_plugin_can_be_cancelled_while_others_of_it_run)
{
    plugins[0].limit = 1;
    struct batch *running = submit(1, 0, 1), *waiting = submit(2, 0, 100);
    settle();
    (void)scheduler_cancel(scheduler, waiting, "by hand");
    settle();
    ck_assert(waiting->finished);
    check_counts(0, 1);
    forget(running);
    forget(waiting);
}
END_TEST

/* ---- What is sent -------------------------------------------------------------------------- */

/* What a worker is told of a job must be what the batch knows. */
static void check_sent(const struct batch *batch, const struct sent *sent)
{
    const struct message_run_entry *got = &sent->entry;
    struct bytes_reader items = bytes_reader_of(got->items);
    for (uint32_t i = 0; i < got->count; i++) {
        uint32_t job = (uint32_t)sent->first + i;
        const struct entry *entry = &batch->entries[batch_entry_of(batch, job)];
        ck_assert_int_eq(batch_state(batch, job), JOB_RUNNING);
        ck_assert_uint_eq(batch->where[job], sent->worker);
        ck_assert_uint_eq(got->plugin, entry->plugin);
        ck_assert_uint_eq(got->base + i, job - entry->first);
        ck_assert_uint_eq(got->attempt, 0);
        ck_assert_int_eq(got->expands, entry->expands);
        ck_assert_uint_eq(got->params.size, entry->params_size);
        if (entry->params_size)
            ck_assert_mem_eq(got->params.data, entry->params, entry->params_size);
        AUTO_FREE char *item = batch_item(batch, job);
        ck_assert_int_eq(got->items.size > 0, item != NULL);
        if (!item)
            continue;
        struct bytes_view view = bytes_get_view(&items);
        ck_assert_uint_eq(view.size, strlen(item));
        ck_assert_mem_eq(view.data, item, view.size);
    }
    ck_assert(!items.failed && items.at == items.end);
}

/* Entries of all kinds: counts, items, single ones, with and without parameters. */
static void add_mixture(struct batch *batch)
{
    static const uint8_t data[] = "\1a\3bcd\0\2ef\1g";
    static const uint32_t offsets[] = {0, 2, 6, 7, 10, 12};
    static const struct entry_items items = {.data = data, .offsets = offsets};
    static const struct entry kinds[] = {
        {.count = 1, .params = "{\"a\":1}", .params_size = 7},
        {.count = 5, .items = &items, .expands = true, .params = "{\"a\":2}", .params_size = 7},
        {.count = 700, .expands = true, .params = "{\"a\":\"{index}\"}", .params_size = 15},
        {.count = 1},
        {.count = 3, .plugin = 1},
        {.count = 1, .params = "{\"a\":4}", .params_size = 7},
        {.count = 1, .params = "{\"a\":5}", .params_size = 7},
        {.count = 5, .items = &items},
    };
    ck_assert_int_eq(batch_accept(batch, 1), 0);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        ck_assert_int_eq(batch_add_entry(batch, &kinds[i]), 0);
}

START_TEST(workers_are_told_what_each_job_is)
{
    static const uint32_t limits[] = {1, 2, 3, 7, 300, 1000000};
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
        pool.limit = limits[i];
        pool.sent_count = 0;
        struct batch *batch = new_batch(i + 1);
        add_mixture(batch);
        ck_assert_int_eq(scheduler_submit(scheduler, batch, 0), 0);
        scheduler_seal(scheduler, batch);
        uint32_t checked = 0;
        while (!batch->finished) {
            scheduler_wake(scheduler);
            settle();
            ck_assert_uint_gt(pool.sent_count, checked);
            for (; checked < pool.sent_count; checked++)
                check_sent(batch, &pool.sent[checked]);
            for (uint32_t job = 0; job < batch->jobs; job++) {
                if (batch_state(batch, job) == JOB_RUNNING)
                    succeed(batch, job);
            }
        }
        ck_assert_uint_eq(batch->in_state[JOB_SUCCEEDED], 717);
        batch_free(batch);
    }
}
END_TEST

START_TEST(large_parameters_are_sent_in_several_messages)
{
    enum { SIZE = 900000, JOBS = 10 };
    char *params = malloc(SIZE);
    memset(params, 'x', SIZE);
    struct batch *batch = new_batch(1);
    ck_assert_int_eq(batch_accept(batch, 1), 0);
    struct entry entry = {.count = 1, .params = params, .params_size = SIZE};
    for (int i = 0; i < JOBS; i++)
        ck_assert_int_eq(batch_add_entry(batch, &entry), 0);
    pool.ready = 1;
    (void)bytes_reserve(&pool.out[0], JOBS * (SIZE + 100));
    ck_assert_int_eq(scheduler_submit(scheduler, batch, 0), 0);
    settle();
    ck_assert_uint_eq(pool.sent_count, JOBS);
    uint32_t messages = 0;
    for (const uint8_t *at = pool.out[0].data; at < pool.out[0].data + pool.out[0].size;) {
        struct message_header header;
        ck_assert_int_eq(message_read_header(at, &header, NULL), 0);
        ck_assert_uint_lt(header.payload_size, 1 << 20);
        at += MESSAGE_HEADER_SIZE + header.payload_size;
        messages++;
    }
    ck_assert_uint_eq(messages, JOBS);
    for (uint32_t i = 0; i < JOBS; i++)
        check_sent(batch, &pool.sent[i]);
    forget(batch);
    free(params);
}
END_TEST

START_TEST(a_large_batch_gives_the_loop_back)
{
    struct batch *batch = submit(1, 0, 100000);
    for (uint64_t before = 0; before < 100000;) {
        turn();
        ck_assert_uint_gt(scheduler_running(scheduler), before);
        ck_assert_uint_le(scheduler_running(scheduler) - before, 8192 + 256);
        before = scheduler_running(scheduler);
    }
    forget(batch);
}
END_TEST

/* ---- Fairness ------------------------------------------------------------------------------ */

START_TEST(a_batch_of_one_job_passes_a_large_one)
{
    pool.limit = 200;
    struct batch *large = submit(1, 0, 1000000);
    settle();
    struct batch *small = submit(2, 0, 1);
    settle();
    ck_assert_uint_eq(small->in_state[JOB_QUEUED], 1);
    /* One run of the large one at most. */
    uint32_t before = large->in_state[JOB_RUNNING];
    for (uint32_t job = 0; job < 257; job++)
        succeed(large, job);
    scheduler_wake(scheduler);
    settle();
    ck_assert_uint_eq(small->in_state[JOB_RUNNING], 1);
    ck_assert_uint_eq(large->in_state[JOB_RUNNING], before - 1);
    forget(large);
    forget(small);
}
END_TEST

START_TEST(plugins_of_one_style_take_turns)
{
    pool.ready = 1;
    pool.limit = 1; /* one thread, which all must share */
    struct batch *batches[3];
    for (uint16_t i = 0; i < 3; i++)
        batches[i] = submit(i + 1, i + 1, 10);
    uint32_t runs[3] = {0};
    for (uint32_t i = 1; i <= 30; i++) {
        scheduler_wake(scheduler);
        settle();
        uint64_t number = pool.sent[pool.sent_count - 1].batch;
        ck_assert_uint_eq(pool.sent_count, i);
        ck_assert_uint_eq(runs[number - 1]++, (i - 1) / 3);
        succeed(batches[number - 1], runs[number - 1] - 1);
    }
    ck_assert_uint_eq(finished, 3);
    for (int i = 0; i < 3; i++)
        batch_free(batches[i]);
}
END_TEST

/* ---- Results ------------------------------------------------------------------------------- */

START_TEST(results_are_recorded_and_the_last_finishes_the_batch)
{
    struct batch *batch = submit(1, 0, 3);
    settle();
    struct message_result result = {.batch = 1,
                                    .job = 1,
                                    .state = JOB_FAILED,
                                    .truncated = true,
                                    .started_ns = batch_accepted_ns(batch, 1) + 300,
                                    .ended_ns = batch_accepted_ns(batch, 1) + 1000,
                                    .reason = view_of_text("no"),
                                    .output = view_of_text("some"),
                                    .details = view_of_text("{\"status\":200}")};
    ck_assert_int_eq(scheduler_result(scheduler, batch, batch->where[1], &result), 0);
    struct completion got;
    batch_completion(batch, 1, &got);
    ck_assert_int_eq(got.state, JOB_FAILED);
    ck_assert(got.truncated);
    ck_assert_uint_eq(got.queued_ns, 300);
    ck_assert_uint_eq(got.run_ns, 700);
    ck_assert_uint_eq(got.reason.size, 2);
    ck_assert_uint_eq(got.output.size, 4);
    ck_assert_mem_eq(got.output.data, "some", 4);
    ck_assert_uint_eq(got.details.size, strlen("{\"status\":200}"));
    check_counts(0, 2);
    succeed(batch, 0);
    ck_assert_uint_eq(finished, 0);
    succeed(batch, 2);
    ck_assert_uint_eq(finished, 1);
    ck_assert_uint_eq(completions, 3);
    check_counts(0, 0);
    for (uint32_t i = 0; i < WORKERS; i++)
        ck_assert_uint_eq(pool.running[i][RUN_ASYNC], 0);
    batch_free(batch);
}
END_TEST

START_TEST(output_past_the_memory_for_results_is_dropped_and_that_is_told)
{
    enum { SIZE = 100000, JOBS = 20 };
    char *output = calloc(1, SIZE);
    struct batch *batch = submit(1, 0, JOBS + 1);
    settle();
    struct completion got;
    for (uint32_t job = 0; job < JOBS; job++) {
        struct message_result result = {.batch = 1,
                                        .job = job,
                                        .state = JOB_SUCCEEDED,
                                        .output = {.data = (const uint8_t *)output, .size = SIZE}};
        ck_assert_int_eq(scheduler_result(scheduler, batch, batch->where[job], &result), 0);
    }
    batch_completion(batch, 0, &got);
    ck_assert(!got.truncated && got.output.size == SIZE);
    batch_completion(batch, JOBS - 1, &got);
    ck_assert(got.truncated && got.output.size == 0);
    ck_assert_uint_lt(batch->completions.bytes, RESULTS_MAX + 4 * SIZE);
    struct message_result last = {.batch = 1,
                                  .job = JOBS,
                                  .state = JOB_SUCCEEDED,
                                  .details = view_of_text("{\"status\":200}")};
    ck_assert_int_eq(scheduler_result(scheduler, batch, batch->where[JOBS], &last), 0);
    batch_completion(batch, JOBS, &got);
    ck_assert(got.truncated && got.details.size == 0);
    batch_free(batch);

    /* What has finished counts as history, and there is room again. */
    batch = submit(2, 0, 1);
    settle();
    struct message_result result = {.batch = 2,
                                    .state = JOB_SUCCEEDED,
                                    .output = {.data = (const uint8_t *)output, .size = SIZE}};
    ck_assert_int_eq(scheduler_result(scheduler, batch, batch->where[0], &result), 0);
    batch_completion(batch, 0, &got);
    ck_assert(!got.truncated);
    batch_free(batch);
    free(output);
}
END_TEST

START_TEST(a_job_that_started_before_it_was_accepted_waited_for_no_time)
{
    struct batch *batch = submit(1, 0, 1);
    settle();
    succeed(batch, 0); /* started at 1 ns */
    struct completion got;
    batch_completion(batch, 0, &got);
    ck_assert_uint_eq(got.queued_ns, 0);
    batch_free(batch);
}
END_TEST

START_TEST(results_that_cannot_be_are_refused_and_change_nothing)
{
    pool.limit = 1;
    struct batch *batch = submit(1, 0, 10);
    settle();
    check_counts(6, 4);
    uint32_t worker = batch->where[0];
    ck_assert_int_eq(result_as(batch, 10, worker, JOB_SUCCEEDED), -EBADMSG);
    ck_assert_int_eq(result_as(batch, UINT64_C(1) << 32, worker, JOB_SUCCEEDED), -EBADMSG);
    ck_assert_int_eq(result_as(batch, 9, worker, JOB_SUCCEEDED), -EBADMSG); /* is queued */
    ck_assert_int_eq(result_as(batch, 0, (worker + 1) % WORKERS, JOB_SUCCEEDED), -EBADMSG);
    ck_assert_int_eq(result_as(batch, 0, worker, JOB_SUCCEEDED), 0);
    ck_assert_int_eq(result_as(batch, 0, worker, JOB_SUCCEEDED), -EBADMSG); /* once is enough */
    check_counts(6, 3);
    ck_assert_uint_eq(completions, 1);
    forget(batch);
}
END_TEST

/* ---- Cancel -------------------------------------------------------------------------------- */

START_TEST(cancelling_a_batch_ends_what_is_queued_and_tells_what_runs)
{
    pool.limit = 2;
    struct batch *batch = submit(7, 0, 10);
    settle();
    check_counts(2, 8);
    succeed(batch, 0);
    ck_assert_uint_eq(scheduler_cancel(scheduler, batch, "because"), 9);
    ck_assert_uint_eq(pool.cancels, 1);
    ck_assert_uint_eq(pool.cancelled.batch, 7);
    ck_assert_uint_eq(pool.cancelled.first, 0);
    ck_assert_uint_eq(pool.cancelled.count, 10);
    settle();
    check_counts(0, 7);
    check_ended(batch, 8, JOB_CANCELLED, "because");
    check_ended(batch, 9, JOB_CANCELLED, "because");
    ck_assert_uint_eq(scheduler_cancel(scheduler, batch, "again"), 0);
    ck_assert_uint_eq(pool.cancels, 1);
    for (uint32_t job = 1; job < 8; job++)
        ck_assert_int_eq(result_as(batch, job, batch->where[job], JOB_CANCELLED), 0);
    ck_assert_uint_eq(finished, 1);
    ck_assert_uint_eq(scheduler_cancel(scheduler, batch, "too late"), 0);
    settle();
    ck_assert_uint_eq(finished, 1);
    batch_free(batch);
}
END_TEST

START_TEST(cancelling_needs_no_worker)
{
    pool.ready = 0;
    struct batch *batch = submit(1, 0, 10), *other = submit(2, 0, 10);
    ck_assert_uint_eq(scheduler_cancel(scheduler, batch, "because"), 10);
    settle();
    ck_assert_uint_eq(pool.cancels, 0);
    ck_assert_uint_eq(finished, 1);
    ck_assert_uint_eq(last_finished, 1);
    check_counts(10, 0);
    batch_free(batch);
    forget(other);
}
END_TEST

START_TEST(nothing_of_a_cancelled_batch_is_sent)
{
    struct batch *batch = submit(1, 0, 30000);
    ck_assert_uint_eq(scheduler_cancel(scheduler, batch, "because"), 30000);
    settle();
    ck_assert_uint_eq(pool.sent_count, 0);
    ck_assert(batch->finished);
    batch_free(batch);
}
END_TEST

START_TEST(cancelling_a_large_batch_gives_the_loop_back)
{
    pool.ready = 0;
    struct batch *batch = submit(1, 0, 40000);
    (void)scheduler_cancel(scheduler, batch, "because");
    for (unsigned before = completions; completions < 40000; before = completions) {
        turn();
        ck_assert_uint_gt(completions, before);
        ck_assert_uint_le(completions - before, 2 * 8192 + 512);
    }
    ck_assert_uint_eq(finished, 1);
    batch_free(batch);
}
END_TEST

START_TEST(nobody_waits_for_a_large_batch_to_be_cancelled)
{
    struct batch *large = submit(1, 0, 400000);
    (void)scheduler_cancel(scheduler, large, "because");
    struct batch *small = submit(2, 0, 1);
    turn();
    ck_assert_uint_eq(small->in_state[JOB_RUNNING], 1);
    ck_assert_uint_gt(large->in_state[JOB_QUEUED], 300000);
    forget(large);
    forget(small);
}
END_TEST

START_TEST(cancelling_seals_an_open_batch)
{
    struct batch *batch = new_batch(1), *empty = new_batch(2);
    (void)add_jobs(batch, 0, 1);
    ck_assert_int_eq(scheduler_submit(scheduler, batch, 0), 0);
    ck_assert_uint_eq(scheduler_cancel(scheduler, batch, "because"), 1);
    ck_assert(batch->sealed);
    settle();
    ck_assert_uint_eq(finished, 1);
    ck_assert_uint_eq(scheduler_cancel(scheduler, empty, "because"), 0);
    ck_assert(empty->finished);
    ck_assert_uint_eq(finished, 2);
    batch_free(batch);
    batch_free(empty);
}
END_TEST

START_TEST(jobs_that_the_store_has_yet_to_take_are_cancelled_and_not_counted)
{
    struct batch *batch = new_batch(1);
    (void)add_jobs(batch, 0, 1);
    ck_assert_int_eq(scheduler_submit(scheduler, batch, 0), 0);
    uint32_t first = add_jobs(batch, 0, 2);
    ck_assert_uint_eq(_i ? scheduler_cancel(scheduler, batch, "because")
                         : scheduler_cancel_queued(scheduler, batch, "because"),
                      1);
    settle();
    ck_assert_uint_eq(batch->in_state[JOB_CANCELLED], 1);
    ck_assert_uint_eq(finished, 0);
    ck_assert_int_eq(scheduler_submit(scheduler, batch, first), 0);
    settle();
    ck_assert_uint_eq(batch->in_state[JOB_CANCELLED], 3);
    ck_assert_uint_eq(finished, 1);
    batch_free(batch);
}
END_TEST

START_TEST(one_job_can_be_cancelled_in_any_state)
{
    pool.limit = 1;
    struct batch *batch = submit(3, 0, 6);
    settle();
    scheduler_cancel_job(scheduler, batch, 5, "because"); /* queued */
    check_ended(batch, 5, JOB_CANCELLED, "because");
    check_counts(1, 4);
    scheduler_cancel_job(scheduler, batch, 5, "again");
    ck_assert_uint_eq(pool.cancels, 0);
    scheduler_cancel_job(scheduler, batch, 2, "because"); /* running */
    ck_assert_uint_eq(pool.cancels, 1);
    ck_assert_uint_eq(pool.cancelled_on, batch->where[2]);
    ck_assert_uint_eq(pool.cancelled.batch, 3);
    ck_assert_uint_eq(pool.cancelled.first, 2);
    ck_assert_uint_eq(pool.cancelled.count, 1);
    ck_assert_int_eq(batch_state(batch, 2), JOB_RUNNING);
    succeed(batch, 2); /* it was faster */
    scheduler_cancel_job(scheduler, batch, 2, "too late");
    ck_assert_uint_eq(pool.cancels, 1);
    check_ended(batch, 2, JOB_SUCCEEDED, "");
    scheduler_wake(scheduler);
    settle();
    for (uint32_t job = 0; job < 5; job++) {
        if (batch_state(batch, job) == JOB_RUNNING)
            succeed(batch, job);
    }
    ck_assert_uint_eq(finished, 1);
    ck_assert_uint_eq(completions, 6);
    batch_free(batch);
}
END_TEST

START_TEST(the_last_queued_job_cancelled_by_itself_finishes_the_batch)
{
    pool.ready = 0;
    struct batch *batch = submit(1, 0, 2);
    scheduler_cancel_job(scheduler, batch, 0, "because");
    ck_assert_uint_eq(finished, 0);
    scheduler_cancel_job(scheduler, batch, 1, "because");
    ck_assert_uint_eq(finished, 1);
    batch_free(batch);
    settle();
    check_counts(0, 0);
}
END_TEST

/* ---- Losses -------------------------------------------------------------------------------- */

START_TEST(jobs_of_a_lost_worker_have_crashed_and_others_go_on)
{
    struct batch *batch = submit(1, 0, 40);
    settle();
    uint32_t lost = batch->where[0];
    succeed(batch, 0);
    memset(pool.running[lost], 0, sizeof(pool.running[lost])); /* as the pool does */
    lose(batch, lost, "its worker was killed by signal 11");
    ck_assert_uint_eq(batch->in_state[JOB_CRASHED], 9);
    ck_assert_uint_eq(batch->in_state[JOB_RUNNING], 30);
    check_counts(0, 30);
    for (uint32_t job = 1; job < 40; job++) {
        if (batch_state(batch, job) == JOB_CRASHED)
            check_ended(batch, job, JOB_CRASHED, "its worker was killed by signal 11");
        else
            succeed(batch, job);
    }
    ck_assert_uint_eq(finished, 1);
    lose(batch, 1, "its worker exited"); /* of no interest any more */
    ck_assert_uint_eq(completions, 40);
    batch_free(batch);
}
END_TEST

START_TEST(jobs_of_a_plugin_that_was_disabled_fail)
{
    pool.ready = 0;
    struct batch *batch = submit(1, 0, 300), *other = submit(2, 1, 1);
    plugins[0].disabled = (char *)"it crashed";
    scheduler_wake(scheduler);
    settle();
    ck_assert_uint_eq(finished, 1);
    for (uint32_t job = 0; job < 300; job++)
        check_ended(batch, job, JOB_FAILED, "it crashed");
    check_counts(1, 0);
    batch_free(batch);
    forget(other);
}
END_TEST

/* ---- Seals --------------------------------------------------------------------------------- */

START_TEST(an_open_batch_runs_and_finishes_by_its_seal)
{
    struct batch *batch = new_batch(1);
    for (uint32_t piece = 0; piece < 3; piece++) {
        uint32_t first = add_jobs(batch, 0, 5);
        ck_assert_int_eq(scheduler_submit(scheduler, batch, first), 0);
        settle();
        for (uint32_t job = 5 * piece; job < 5 * piece + 5; job++)
            succeed(batch, job);
    }
    ck_assert_uint_eq(finished, 0);
    scheduler_seal(scheduler, batch);
    ck_assert_uint_eq(finished, 1);
    scheduler_seal(scheduler, batch);
    ck_assert_uint_eq(finished, 1);
    batch_free(batch);
}
END_TEST

/* ---- Whatever happens ---------------------------------------------------------------------- */

#define SLOTS 8u

static struct batch *new_random(uint64_t number)
{
    struct batch *batch = new_batch(number);
    uint32_t entries = (uint32_t)rand() % 4 + 1;
    for (uint32_t i = 0; i < entries; i++)
        (void)add_jobs(batch, (uint16_t)(rand() % 4), (uint32_t)rand() % 300 + 1);
    ck_assert_int_eq(scheduler_submit(scheduler, batch, 0), 0);
    if (rand() % 2)
        scheduler_seal(scheduler, batch);
    return batch;
}

static void lose_worker(struct batch **batches, uint32_t worker)
{
    memset(pool.running[worker], 0, sizeof(pool.running[worker]));
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (batches[i])
            lose(batches[i], worker, "its worker exited");
    }
}

static void step(struct batch **batches, uint64_t *number)
{
    uint32_t slot = (uint32_t)rand() % SLOTS;
    struct batch *batch = batches[slot];
    if (!batch) {
        batches[slot] = new_random(++*number);
        return;
    }
    uint32_t job = (uint32_t)rand() % batch->jobs;
    switch (rand() % 12) {
    case 0:
        (void)scheduler_cancel(scheduler, batch, "because");
        break;
    case 1:
        lose_worker(batches, (uint32_t)rand() % WORKERS);
        break;
    case 2:
        scheduler_seal(scheduler, batch);
        break;
    case 3:
    case 4:
        scheduler_cancel_job(scheduler, batch, job, "because");
        break;
    case 5:
    case 6:
        scheduler_wake(scheduler);
        turn();
        break;
    default:
        for (; job < batch->jobs; job++) {
            if (batch_state(batch, job) == JOB_RUNNING)
                succeed(batch, job);
        }
    }
}

/* Jobs of the plugin that run, by what the batch says of each. */
static uint32_t running_of(const struct batch *batch, uint32_t plugin)
{
    uint32_t running = 0;
    for (uint32_t job = 0; job < batch->jobs; job++)
        running += batch_state(batch, job) == JOB_RUNNING &&
                   batch->entries[batch_entry_of(batch, job)].plugin == plugin;
    return running;
}

START_TEST(every_job_ends_exactly_once_and_all_are_accounted_for)
{
    struct batch *batches[SLOTS] = {0};
    uint64_t number = 0, jobs = 0, ended = 0;
    unsigned finished_before = 0;
    srand((unsigned)_i + 1);
    pool.limit = 50;
    plugins[2].limit = 7;
    uint32_t most_limited = 0;
    for (int i = 0; i < 1500; i++) {
        step(batches, &number);
        uint64_t queued = 0, running = 0;
        uint32_t limited = 0;
        jobs = ended;
        for (uint32_t slot = 0; slot < SLOTS; slot++) {
            struct batch *batch = batches[slot];
            if (!batch)
                continue;
            jobs += batch->jobs;
            limited += running_of(batch, 2);
            queued += batch->in_state[JOB_QUEUED];
            running += batch->in_state[JOB_RUNNING];
            if (!batch->finished)
                continue;
            finished_before++;
            ended += batch->jobs;
            batch_free(batch);
            batches[slot] = NULL;
        }
        check_counts(queued, running);
        ck_assert_uint_le(limited, 7);
        if (limited > most_limited)
            most_limited = limited;
        ck_assert_uint_eq(completions + queued + running, jobs);
        ck_assert_uint_eq(finished, finished_before);
    }
    ck_assert_uint_gt(finished, 10);
    ck_assert_uint_eq(most_limited, 7);
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        if (batches[slot])
            forget(batches[slot]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scheduler");
    TCase *tests = tcase_create("scheduler");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, jobs_are_spread_over_all_workers);
    tcase_add_test(tests, few_jobs_go_to_different_workers);
    tcase_add_test(tests, no_worker_gets_more_than_it_has_room_for);
    tcase_add_test(tests, jobs_wait_for_a_worker_to_be_ready);
    tcase_add_test(tests, a_plugin_without_room_holds_up_no_other);
    tcase_add_test(tests, a_plugins_limit_holds_over_all_workers_and_is_spread_over_them);
    tcase_add_test(tests, when_a_limited_job_ends_the_next_one_runs);
    tcase_add_test(tests, a_limit_holds_over_all_batches_which_share_it);
    tcase_add_test(tests, a_limited_plugin_holds_up_no_other);
    tcase_add_test(tests, a_limit_has_room_again_for_what_was_lost_with_a_worker);
    tcase_add_test(tests, a_limit_counts_what_runs_and_nothing_that_was_cancelled_or_refused);
    tcase_add_test(tests, jobs_of_a_limited_plugin_can_be_cancelled_while_others_of_it_run);
    tcase_add_test(tests, workers_are_told_what_each_job_is);
    tcase_add_test(tests, large_parameters_are_sent_in_several_messages);
    tcase_add_test(tests, a_large_batch_gives_the_loop_back);
    tcase_add_test(tests, a_batch_of_one_job_passes_a_large_one);
    tcase_add_test(tests, plugins_of_one_style_take_turns);
    tcase_add_test(tests, results_are_recorded_and_the_last_finishes_the_batch);
    tcase_add_test(tests, output_past_the_memory_for_results_is_dropped_and_that_is_told);
    tcase_add_test(tests, a_job_that_started_before_it_was_accepted_waited_for_no_time);
    tcase_add_test(tests, results_that_cannot_be_are_refused_and_change_nothing);
    tcase_add_test(tests, cancelling_a_batch_ends_what_is_queued_and_tells_what_runs);
    tcase_add_test(tests, cancelling_needs_no_worker);
    tcase_add_test(tests, nothing_of_a_cancelled_batch_is_sent);
    tcase_add_test(tests, cancelling_a_large_batch_gives_the_loop_back);
    tcase_add_test(tests, nobody_waits_for_a_large_batch_to_be_cancelled);
    tcase_add_test(tests, cancelling_seals_an_open_batch);
    tcase_add_loop_test(tests, jobs_that_the_store_has_yet_to_take_are_cancelled_and_not_counted, 0,
                        2);
    tcase_add_test(tests, one_job_can_be_cancelled_in_any_state);
    tcase_add_test(tests, the_last_queued_job_cancelled_by_itself_finishes_the_batch);
    tcase_add_test(tests, jobs_of_a_lost_worker_have_crashed_and_others_go_on);
    tcase_add_test(tests, jobs_of_a_plugin_that_was_disabled_fail);
    tcase_add_test(tests, an_open_batch_runs_and_finishes_by_its_seal);
    tcase_add_loop_test(tests, every_job_ends_exactly_once_and_all_are_accounted_for, 0, 5);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
