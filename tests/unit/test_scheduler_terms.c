#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/cleanup.h"
#include "base/problems.h"
#include "scheduler_fixture.h"
#include "suite.h"
#include "supervisor/order.h"
#include "supervisor/scheduler_parts.h"

#define MS UINT64_C(1000000)

/* A sealed batch of one entry on these terms, queued. */
static struct batch *submit_on(uint64_t number, const struct batch_terms *terms, uint32_t jobs)
{
    struct batch *batch = new_batch(number);
    batch->terms = *terms;
    ck_assert_int_eq(scheduler_begin(scheduler, batch), 0);
    (void)add_jobs(batch, 0, jobs);
    ck_assert_int_eq(scheduler_submit(scheduler, batch, 0), 0);
    scheduler_seal(scheduler, batch);
    return batch;
}

/* Turns the loop until so many jobs run, or fails after a while. */
static void wait_until_running(const struct batch *batch, uint32_t count)
{
    uint64_t end_ns = clock_now_ns() + 10 * CLOCK_NS_PER_S;
    while (batch->in_state[JOB_RUNNING] != count) {
        ck_assert_uint_lt(clock_now_ns(), end_ns);
        (void)event_base_loop(base, EVLOOP_ONCE);
    }
}

static void wait_until_finished(const struct batch *batch)
{
    uint64_t end_ns = clock_now_ns() + 10 * CLOCK_NS_PER_S;
    while (!batch->finished) {
        ck_assert_uint_lt(clock_now_ns(), end_ns);
        (void)event_base_loop(base, EVLOOP_ONCE);
    }
}

static void fail_job(struct batch *batch, uint32_t job)
{
    ck_assert_int_eq(result_as(batch, job, batch->where[job], JOB_FAILED), 0);
}

/* A job of the batch that runs. */
static uint32_t running_job(const struct batch *batch)
{
    uint32_t job = 0;
    while (job < batch->jobs && batch_state(batch, job) != JOB_RUNNING)
        job++;
    ck_assert_uint_lt(job, batch->jobs);
    return job;
}

/* ---- Limits ------------------------------------------------------------------------------------ */

START_TEST(no_more_jobs_of_a_batch_run_than_its_limit_and_always_as_many)
{
    enum { JOBS = 1000, LIMIT = 7 };
    struct batch *batch = submit_on(1, &(struct batch_terms){.limit = LIMIT}, JOBS);
    for (uint32_t left = JOBS; left > 0; left--) {
        settle();
        ck_assert_uint_eq(batch->in_state[JOB_RUNNING], left < LIMIT ? left : LIMIT);
        succeed(batch, running_job(batch));
    }
    ck_assert(batch->finished);
    batch_free(batch);
}
END_TEST

START_TEST(a_batch_at_its_limit_holds_up_no_other)
{
    struct batch *limited = submit_on(1, &(struct batch_terms){.limit = 1, .priority = 5}, 100);
    struct batch *other = submit(2, 0, 50);
    settle();
    ck_assert_uint_eq(limited->in_state[JOB_RUNNING], 1);
    ck_assert_uint_eq(other->in_state[JOB_RUNNING], 50);
    forget(limited);
    forget(other);
}
END_TEST

START_TEST(no_more_jobs_run_in_all_than_may)
{
    scheduler_free(scheduler);
    own_limits.running = 10;
    static const struct scheduler_callbacks callbacks = {
        .on_completion = on_completion, .on_finished = on_finished, .on_broken = on_broken};
    scheduler = scheduler_new(base, &catalogue, &pool, &own_limits, &callbacks, &pool);
    struct batch *a = submit(1, 0, 8), *b = submit(2, 1, 100);
    settle();
    check_counts(98, 10);
    succeed(a, running_job(a));
    scheduler_wake(scheduler);
    settle();
    check_counts(97, 10);
    forget(a);
    forget(b);
}
END_TEST

START_TEST(a_higher_priority_goes_first_also_among_plugins_that_share_room)
{
    pool.ready = 1;
    pool.limit = 4; /* plugins 1, 2 and 3 share the room of blocking jobs */
    struct batch *low = new_batch(1), *high = new_batch(2);
    high->terms.priority = 1;
    (void)add_jobs(low, 1, 100);
    (void)add_jobs(high, 3, 6);
    struct batch *both[] = {low, high};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(scheduler_submit(scheduler, both[i], 0), 0);
        scheduler_seal(scheduler, both[i]);
    }
    settle();
    ck_assert_uint_eq(high->in_state[JOB_RUNNING], 4);
    ck_assert_uint_eq(low->in_state[JOB_RUNNING], 0);
    for (int i = 0; i < 4; i++)
        succeed(high, running_job(high));
    scheduler_wake(scheduler);
    settle();
    ck_assert_uint_eq(high->in_state[JOB_RUNNING], 2);
    ck_assert_uint_eq(low->in_state[JOB_RUNNING], 2);
    forget(low);
    forget(high);
}
END_TEST

/* ---- Rates ------------------------------------------------------------------------------------- */

START_TEST(jobs_of_a_batch_start_at_its_rate)
{
    struct batch_terms terms = {.priority = 0};
    ck_assert_int_eq(rate_parse("500/s burst 5", &terms.rate), 0);
    uint64_t begun_ns = clock_now_ns();
    struct batch *batch = submit_on(1, &terms, 105), *other = submit(2, 0, 1000);
    settle();
    ck_assert_uint_ge(batch->in_state[JOB_RUNNING], 5);
    ck_assert_uint_lt(batch->in_state[JOB_RUNNING], 100);
    ck_assert_uint_eq(other->in_state[JOB_RUNNING], 1000);
    wait_until_running(batch, 105);
    ck_assert_uint_ge(clock_now_ns() - begun_ns, 195 * MS); /* 100 jobs at 500/s */
    ck_assert_uint_lt(clock_now_ns() - begun_ns, 5000 * MS);
    forget(batch);
    forget(other);
}
END_TEST

START_TEST(jobs_of_a_plugin_start_at_its_rate_whatever_batch_they_are_of)
{
    scheduler_free(scheduler);
    ck_assert_int_eq(rate_parse("500/s", &plugins[0].rate), 0);
    static const struct scheduler_callbacks callbacks = {
        .on_completion = on_completion, .on_finished = on_finished, .on_broken = on_broken};
    scheduler = scheduler_new(base, &catalogue, &pool, &own_limits, &callbacks, &pool);
    uint64_t begun_ns = clock_now_ns();
    struct batch *a = submit(1, 0, 50), *b = submit(2, 0, 50), *other = submit(3, 1, 10);
    settle();
    ck_assert_uint_eq(other->in_state[JOB_RUNNING], 10);
    wait_until_running(a, 50);
    wait_until_running(b, 50);
    ck_assert_uint_ge(clock_now_ns() - begun_ns, 190 * MS);
    forget(a);
    forget(b);
    forget(other);
}
END_TEST

/* What the loop was too late for is made up for, in one go or in several. */
static void check_catches_up(const struct batch *batch)
{
    settle();
    ck_assert_uint_ge(batch->in_state[JOB_RUNNING], 1);
    uint64_t end_ns = clock_now_ns() + 50 * MS;
    while (clock_now_ns() < end_ns)
        ;
    for (int i = 0; i < 10; i++)
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
    ck_assert_uint_ge(batch->in_state[JOB_RUNNING], 51);
}

START_TEST(a_rate_is_kept_by_a_loop_that_is_late)
{
    struct batch_terms terms = {.rate = {.interval_ns = MS, .burst = 1}};
    struct batch *batch = submit_on(1, &terms, 1000);
    check_catches_up(batch);
    forget(batch);
}
END_TEST

/* ---- Pauses ------------------------------------------------------------------------------------- */

START_TEST(a_paused_batch_starts_nothing_until_it_is_resumed)
{
    pool.limit = 1;
    struct batch *batch = submit(1, 0, 100);
    settle();
    ck_assert(scheduler_pause(scheduler, batch, true));
    ck_assert(!scheduler_pause(scheduler, batch, true));
    for (int i = 0; i < 4; i++)
        succeed(batch, running_job(batch));
    scheduler_wake(scheduler);
    settle();
    check_counts(96, 0);
    ck_assert(scheduler_pause(scheduler, batch, false));
    ck_assert(!scheduler_pause(scheduler, batch, false));
    settle();
    check_counts(92, 4);
    forget(batch);
}
END_TEST

START_TEST(a_paused_batch_can_be_cancelled)
{
    struct batch *batch = submit(1, 0, 10);
    ck_assert(scheduler_pause(scheduler, batch, true));
    ck_assert_uint_eq(scheduler_cancel(scheduler, batch, "cancelled"), 10);
    settle();
    ck_assert(batch->finished);
    ck_assert(!scheduler_pause(scheduler, batch, false));
    batch_free(batch);
}
END_TEST

/* ---- Delays and order --------------------------------------------------------------------------- */

/* An entry with a delay, and others without. */
START_TEST(jobs_with_a_delay_wait_for_it_and_for_nothing_else)
{
    static const struct entry_terms delayed = {.delay_ns = 50 * MS};
    struct batch *batch = new_batch(1);
    struct entry entry = {.count = 10, .terms = &delayed};
    (void)add_jobs(batch, 0, 5);
    ck_assert_int_eq(batch_add_entry(batch, &entry), 0);
    (void)add_jobs(batch, 0, 5);
    uint64_t begun_ns = clock_now_ns();
    ck_assert_int_eq(scheduler_submit(scheduler, batch, 0), 0);
    scheduler_seal(scheduler, batch);
    ck_assert_uint_eq(scheduler_waiting(scheduler), 10);
    settle();
    ck_assert_uint_eq(batch->in_state[JOB_RUNNING], 10);
    ck_assert_int_eq(batch_state(batch, 5), JOB_WAITING);
    wait_until_running(batch, 20);
    ck_assert_uint_ge(clock_now_ns() - begun_ns, 50 * MS);
    ck_assert_uint_eq(scheduler_waiting(scheduler), 0);
    forget(batch);
}
END_TEST

START_TEST(delayed_jobs_are_cancelled_at_once)
{
    static const struct entry_terms delayed = {.delay_ns = 3600 * CLOCK_NS_PER_S};
    struct batch *batch = new_batch(1);
    struct entry entry = {.count = 10000, .terms = &delayed};
    ck_assert_int_eq(batch_accept(batch, clock_now_ns()), 0);
    ck_assert_int_eq(batch_add_entry(batch, &entry), 0);
    ck_assert_int_eq(scheduler_submit(scheduler, batch, 0), 0);
    scheduler_seal(scheduler, batch);
    scheduler_cancel_job(scheduler, batch, 7, "cancelled");
    check_ended(batch, 7, JOB_CANCELLED, "cancelled");
    (void)scheduler_cancel(scheduler, batch, "with its batch");
    settle();
    ck_assert(batch->finished);
    ck_assert_uint_eq(scheduler_waiting(scheduler), 0);
    batch_free(batch);
}
END_TEST

/* a, then b after it, then c after b; each of three jobs. */
static struct batch *submit_chain(uint64_t number)
{
    static const char *const names[] = {"a", "b", "c"};
    struct batch *batch = new_batch(number);
    struct order_wish wishes[2];
    ck_assert_int_eq(batch_accept(batch, clock_now_ns()), 0);
    for (uint32_t i = 0; i < 3; i++) {
        struct entry entry = {.count = 3, .name = names[i]};
        ck_assert_int_eq(batch_add_entry(batch, &entry), 0);
        if (i > 0)
            wishes[i - 1] =
                (struct order_wish){.entry = i, .names = json_pack("[s]", names[i - 1])};
    }
    struct problems problems = {0};
    ck_assert_int_eq(order_add(batch, 0, wishes, 2, &problems), 0);
    for (int i = 0; i < 2; i++)
        json_decref((json_t *)wishes[i].names);
    ck_assert_int_eq(scheduler_submit(scheduler, batch, 0), 0);
    scheduler_seal(scheduler, batch);
    return batch;
}

START_TEST(jobs_run_when_all_that_they_come_after_have_succeeded)
{
    struct batch *batch = submit_chain(1);
    for (uint32_t stage = 0; stage < 3; stage++) {
        for (uint32_t i = 0; i < 3; i++) {
            settle();
            ck_assert_uint_eq(batch->in_state[JOB_RUNNING], 3 - i);
            ck_assert_uint_eq(batch->in_state[JOB_WAITING], 3 * (2 - stage));
            succeed(batch, 3 * stage + i);
        }
    }
    ck_assert(batch->finished);
    batch_free(batch);
}
END_TEST

START_TEST(what_comes_after_a_failure_is_skipped_with_the_reason)
{
    struct batch *batch = submit_chain(1);
    settle();
    succeed(batch, 0);
    fail_job(batch, 1);
    settle();
    ck_assert_uint_eq(batch->in_state[JOB_SKIPPED], 0); /* one of them runs on */
    succeed(batch, 2);
    wait_until_finished(batch);
    check_ended(batch, 3, JOB_SKIPPED, "it was to come after a, which did not succeed");
    check_ended(batch, 8, JOB_SKIPPED, "it was to come after b, which did not succeed");
    ck_assert_uint_eq(batch->in_state[JOB_SKIPPED], 6);
    batch_free(batch);
}
END_TEST

START_TEST(a_cancelled_chain_is_cancelled_not_skipped)
{
    struct batch *batch = submit_chain(1);
    settle();
    (void)scheduler_cancel(scheduler, batch, "cancelled");
    for (uint32_t job = 0; job < 3; job++)
        ck_assert_int_eq(result_as(batch, job, batch->where[job], JOB_CANCELLED), 0);
    wait_until_finished(batch);
    ck_assert_uint_eq(batch->in_state[JOB_CANCELLED], 9);
    batch_free(batch);
}
END_TEST

START_TEST(on_failure_cancel_ends_the_rest)
{
    struct batch *batch =
        submit_on(1, &(struct batch_terms){.on_failure = ON_FAILURE_CANCEL, .limit = 2}, 10);
    settle();
    succeed(batch, 0);
    settle();
    fail_job(batch, 1);
    settle();
    ck_assert_uint_eq(pool.cancels, 1);
    ck_assert_uint_eq(batch->in_state[JOB_CANCELLED], 7);
    check_ended(batch, 9, JOB_CANCELLED, "another job of its batch did not succeed");
    succeed(batch, 2); /* it was faster */
    ck_assert(batch->finished);
    batch_free(batch);
}
END_TEST

START_TEST(on_failure_cancel_seals_an_open_batch)
{
    struct batch *batch = new_batch(1);
    batch->terms.on_failure = ON_FAILURE_CANCEL;
    (void)add_jobs(batch, 0, 1);
    ck_assert_int_eq(scheduler_submit(scheduler, batch, 0), 0);
    settle();
    fail_job(batch, 0);
    ck_assert(batch->sealed && batch->finished);
    batch_free(batch);
}
END_TEST

/* ---- Retries ------------------------------------------------------------------------------------- */

START_TEST(a_job_is_tried_again_as_often_as_it_may)
{
    struct batch_terms terms = {.retry = {.max = 3, .delay_ns = MS, .max_delay_ns = 2 * MS}};
    struct batch *batch = submit_on(1, &terms, 1);
    for (unsigned attempt = 0; attempt < 4; attempt++) {
        wait_until_running(batch, 1);
        ck_assert_uint_eq(batch_attempt(batch, 0), attempt);
        ck_assert_uint_eq(pool.sent[(pool.sent_count - 1) % ENTRIES_KEPT].entry.attempt, attempt);
        ck_assert_uint_eq(retries, attempt);
        fail_job(batch, 0);
    }
    ck_assert(batch->finished);
    check_ended(batch, 0, JOB_FAILED, "why");
    ck_assert_uint_eq(completions, 1);
    batch_free(batch);
}
END_TEST

START_TEST(success_cancel_and_skip_are_not_tried_again)
{
    struct batch_terms terms = {.retry = {.max = 3, .delay_ns = MS, .max_delay_ns = MS}};
    struct batch *batch = submit_on(1, &terms, 3);
    settle();
    succeed(batch, 0);
    ck_assert_int_eq(result_as(batch, 1, batch->where[1], JOB_CANCELLED), 0);
    ck_assert_int_eq(result_as(batch, 2, batch->where[2], JOB_TIMED_OUT), 0);
    ck_assert_int_eq(batch_state(batch, 2), JOB_WAITING);
    ck_assert_uint_eq(retries, 1);
    wait_until_running(batch, 1);
    succeed(batch, 2);
    ck_assert(batch->finished);
    batch_free(batch);
}
END_TEST

/* Fails all jobs of the batch, and looks at the pauses before their next attempts. */
static void check_pauses(struct batch *batch, uint64_t longest_ns)
{
    uint32_t short_ones = 0;
    for (uint32_t job = 0; job < batch->jobs; job++) {
        uint64_t before_ns = clock_now_ns(), due_ns;
        fail_job(batch, job);
        uint64_t after_ns = clock_now_ns();
        ck_assert(waits_find(batch, WAIT_RETRY, job, &due_ns));
        ck_assert_uint_ge(due_ns, before_ns);
        ck_assert_uint_le(due_ns, after_ns + longest_ns);
        short_ones += due_ns < before_ns + longest_ns / 2;
    }
    ck_assert_uint_gt(short_ones, batch->jobs / 8);
    ck_assert_uint_lt(short_ones, batch->jobs - batch->jobs / 8);
}

START_TEST(pauses_are_random_and_grow_to_their_longest)
{
    struct batch_terms terms = {.retry = {.max = 4, .delay_ns = 25 * MS, .max_delay_ns = 60 * MS}};
    struct batch *batch = submit_on(1, &terms, 400);
    static const uint64_t longest[] = {25 * MS, 50 * MS, 60 * MS, 60 * MS};
    for (size_t attempt = 0; attempt < sizeof(longest) / sizeof(*longest); attempt++) {
        wait_until_running(batch, 400);
        check_pauses(batch, longest[attempt]);
    }
    forget(batch);
}
END_TEST

START_TEST(crashed_jobs_are_tried_again_and_a_cancelled_batch_is_not)
{
    struct batch_terms terms = {.retry = {.max = 1, .max_delay_ns = 0}};
    struct batch *batch = submit_on(1, &terms, 8);
    settle();
    lose(batch, 1, "its worker died");
    ck_assert_uint_eq(retries, 2);
    wait_until_running(batch, 8);
    (void)scheduler_cancel(scheduler, batch, "cancelled");
    lose(batch, 0, "its worker died");
    ck_assert_uint_eq(retries, 2);
    ck_assert_uint_gt(batch->in_state[JOB_CRASHED], 0);
    forget(batch);
}
END_TEST

START_TEST(pausing_jobs_count_neither_for_the_limit_nor_as_queued)
{
    struct batch_terms terms = {.limit = 1,
                                .retry = {.max = 1,
                                          .delay_ns = 3600 * CLOCK_NS_PER_S,
                                          .max_delay_ns = 3600 * CLOCK_NS_PER_S}};
    struct batch *batch = submit_on(1, &terms, 3);
    for (uint32_t job = 0; job < 3; job++) {
        settle();
        ck_assert_int_eq(batch_state(batch, job), JOB_RUNNING);
        fail_job(batch, job);
    }
    settle();
    check_counts(0, 0);
    ck_assert_uint_eq(scheduler_waiting(scheduler), 3);
    scheduler_cancel_job(scheduler, batch, 1, "cancelled");
    check_ended(batch, 1, JOB_CANCELLED, "cancelled");
    (void)scheduler_cancel(scheduler, batch, "cancelled");
    wait_until_finished(batch);
    batch_free(batch);
}
END_TEST

/* ---- Timeouts, deadlines, grace ------------------------------------------------------------------- */

START_TEST(the_timeout_nearest_to_the_job_counts)
{
    static const struct entry_terms own = {.has_timeout = true, .timeout_ns = 5},
                                    none = {.has_timeout = true};
    struct batch *batch = new_batch(1), *plain = new_batch(2);
    plugins[1].timeout_ns = 7 * CLOCK_NS_PER_S;
    batch->terms.timeout_ns = 6 * CLOCK_NS_PER_S;
    struct entry entries[] = {
        {.count = 1, .terms = &own}, {.count = 1, .terms = &none}, {.count = 1}};
    ck_assert_int_eq(batch_accept(batch, clock_now_ns()), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(batch_add_entry(batch, &entries[i]), 0);
    (void)add_jobs(plain, 1, 1);
    (void)add_jobs(plain, 2, 1);
    struct batch *both[] = {batch, plain};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(scheduler_submit(scheduler, both[i], 0), 0);
        settle();
    }
    static const uint64_t expected[2][3] = {{5, 0, 6 * CLOCK_NS_PER_S}, {7 * CLOCK_NS_PER_S, 0, 0}};
    for (uint32_t i = 0; i < pool.sent_count; i++) {
        const struct sent *sent = &pool.sent[i];
        ck_assert_uint_eq(sent->entry.timeout_ns, expected[sent->batch - 1][sent->first]);
    }
    ck_assert_uint_eq(pool.sent_count, 5);
    forget(batch);
    forget(plain);
}
END_TEST

START_TEST(what_has_not_ended_by_the_deadline_times_out)
{
    struct batch_terms terms = {.deadline_ns = 50 * MS, .limit = 2};
    struct batch *batch = submit_on(1, &terms, 1000);
    settle();
    succeed(batch, 0);
    wait_until_running(batch, 2);
    while (!pool.cancels)
        (void)event_base_loop(base, EVLOOP_ONCE);
    ck_assert(pool.cancelled.out_of_time);
    ck_assert_uint_ge(clock_now_ns() - batch->submitted_ns, 50 * MS);
    settle();
    ck_assert_uint_eq(batch->in_state[JOB_TIMED_OUT], 997);
    check_ended(batch, 999, JOB_TIMED_OUT, "the deadline of its batch has passed");
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(
            result_as(batch, running_job(batch), batch->where[running_job(batch)], JOB_TIMED_OUT),
            0);
    ck_assert(batch->finished);
    batch_free(batch);
}
END_TEST

START_TEST(a_worker_whose_job_ignores_its_cancel_is_replaced_and_the_others_run_again)
{
    struct batch *cancelled = submit(1, 0, 4), *innocent = submit(2, 0, 40);
    settle();
    (void)scheduler_cancel(scheduler, cancelled, "cancelled");
    for (uint32_t job = 0; job < 4; job++) {
        if (cancelled->where[job] != 2)
            ck_assert_int_eq(result_as(cancelled, job, cancelled->where[job], JOB_CANCELLED), 0);
    }
    while (!pool.replaced)
        (void)event_base_loop(base, EVLOOP_ONCE);
    ck_assert_uint_eq(pool.replaced, 1u << 2);
    ck_assert_ptr_nonnull(strstr(pool.why, "plugin p0 did not end within 50ms"));
    struct scheduler_loss loss = {.state = JOB_CRASHED, .reason = "died", .replaced = true};
    uint32_t on_it = 0;
    for (uint32_t job = 0; job < 40; job++)
        on_it += innocent->where[job] == 2;
    memset(pool.running[2], 0, sizeof(pool.running[2]));
    scheduler_lost(scheduler, cancelled, 2, &loss);
    scheduler_lost(scheduler, innocent, 2, &loss);
    ck_assert(cancelled->finished);
    ck_assert_uint_eq(cancelled->in_state[JOB_CANCELLED], 4);
    ck_assert_uint_eq(innocent->in_state[JOB_QUEUED], on_it);
    settle();
    ck_assert_uint_eq(innocent->in_state[JOB_RUNNING], 40);
    ck_assert_ptr_null(innocent->attempts); /* uncounted */
    batch_free(cancelled);
    forget(innocent);
}
END_TEST

/* Whether job 0 counts as out of time where the last run that has begun was handed over so long after it. */
static bool is_out_of_time(struct batch *batch, uint64_t later_ns)
{
    uint64_t now_ns = clock_now_ns();
    pool.progress.begun_ns = batch_dispatched_ns(batch, 0, now_ns) + later_ns;
    pool.progress.heard_ns = now_ns;
    pool.replaced = 0;
    grace_over(scheduler, batch);
    return pool.replaced != 0;
}

START_TEST(a_job_of_the_same_millisecond_as_others_that_have_begun_may_not_have_begun)
{
    struct batch *batch = new_batch(1);
    struct entry entry = {.count = 1};
    batch->terms.timeout_ns = MS;
    ck_assert_int_eq(batch_accept(batch, clock_now_ns() - 20 * CLOCK_NS_PER_S), 0);
    ck_assert_int_eq(batch_add_entry(batch, &entry), 0);
    ck_assert_int_eq(scheduler_submit(scheduler, batch, 0), 0);
    settle();
    batch->submitted_ns -= 10 * CLOCK_NS_PER_S; /* and so it was handed over long ago */
    ck_assert(!is_out_of_time(batch, 0));
    ck_assert(!is_out_of_time(batch, MS - 1));
    ck_assert(is_out_of_time(batch, MS));
    forget(batch);
}
END_TEST

START_TEST(one_cancelled_job_that_stays_costs_its_worker_too)
{
    struct batch *batch = submit(1, 0, 8);
    settle();
    uint32_t worker = batch->where[3];
    scheduler_cancel_job(scheduler, batch, 3, "cancelled");
    scheduler_cancel_job(scheduler, batch, 3, "cancelled"); /* again: nothing */
    ck_assert_uint_eq(pool.cancels, 1);
    while (!pool.replaced)
        (void)event_base_loop(base, EVLOOP_ONCE);
    ck_assert_uint_eq(pool.replaced, 1u << worker);
    struct scheduler_loss loss = {.state = JOB_CRASHED, .reason = "died", .replaced = true};
    scheduler_lost(scheduler, batch, worker, &loss);
    check_ended(batch, 3, JOB_CANCELLED, "cancelled; its worker had to be replaced to end it");
    ck_assert_uint_eq(batch->in_state[JOB_CANCELLED], 1);
    ck_assert_uint_eq(batch_completed(batch), 1);
    forget(batch);
}
END_TEST

START_TEST(a_job_that_ends_within_its_grace_costs_nothing)
{
    struct batch *batch = submit(1, 0, 2);
    settle();
    scheduler_cancel_job(scheduler, batch, 0, "cancelled");
    ck_assert_int_eq(result_as(batch, 0, batch->where[0], JOB_CANCELLED), 0);
    uint64_t end_ns = clock_now_ns() + 120 * MS; /* more than twice the grace */
    while (clock_now_ns() < end_ns)
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
    ck_assert_uint_eq(pool.replaced, 0);
    forget(batch);
}
END_TEST

START_TEST(a_job_that_fails_before_it_hears_of_its_cancel_is_not_tried_again)
{
    struct batch_terms terms = {.retry = {.max = 3, .delay_ns = MS, .max_delay_ns = MS}};
    struct batch *batch = submit_on(1, &terms, 2);
    wait_until_running(batch, 2);
    scheduler_cancel_job(scheduler, batch, 0, "cancelled");
    fail_job(batch, 0);
    check_ended(batch, 0, JOB_FAILED, "why");
    fail_job(batch, 1); /* the other one is */
    ck_assert_uint_eq(retries, 1);
    forget(batch);
}
END_TEST

START_TEST(queued_jobs_can_be_cancelled_alone_and_running_ones_later)
{
    pool.limit = 1;
    struct batch *batch = submit(1, 0, 10);
    settle();
    ck_assert_uint_eq(scheduler_cancel_queued(scheduler, batch, "cancelled"), 6);
    ck_assert_uint_eq(scheduler_cancel_queued(scheduler, batch, "cancelled"), 0);
    settle();
    ck_assert_uint_eq(pool.cancels, 0);
    check_counts(0, 4);
    ck_assert_uint_eq(scheduler_cancel(scheduler, batch, "cancelled"), 4);
    ck_assert_uint_eq(scheduler_cancel(scheduler, batch, "cancelled"), 0);
    ck_assert_uint_eq(pool.cancels, 1);
    forget(batch);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scheduler_terms");
    TCase *tests = tcase_create("scheduler_terms");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, no_more_jobs_of_a_batch_run_than_its_limit_and_always_as_many);
    tcase_add_test(tests, a_batch_at_its_limit_holds_up_no_other);
    tcase_add_test(tests, no_more_jobs_run_in_all_than_may);
    tcase_add_test(tests, a_higher_priority_goes_first_also_among_plugins_that_share_room);
    tcase_add_test(tests, jobs_of_a_batch_start_at_its_rate);
    tcase_add_test(tests, jobs_of_a_plugin_start_at_its_rate_whatever_batch_they_are_of);
    tcase_add_test(tests, a_rate_is_kept_by_a_loop_that_is_late);
    tcase_add_test(tests, a_paused_batch_starts_nothing_until_it_is_resumed);
    tcase_add_test(tests, a_paused_batch_can_be_cancelled);
    tcase_add_test(tests, jobs_with_a_delay_wait_for_it_and_for_nothing_else);
    tcase_add_test(tests, delayed_jobs_are_cancelled_at_once);
    tcase_add_test(tests, jobs_run_when_all_that_they_come_after_have_succeeded);
    tcase_add_test(tests, what_comes_after_a_failure_is_skipped_with_the_reason);
    tcase_add_test(tests, a_cancelled_chain_is_cancelled_not_skipped);
    tcase_add_test(tests, on_failure_cancel_ends_the_rest);
    tcase_add_test(tests, on_failure_cancel_seals_an_open_batch);
    tcase_add_test(tests, a_job_is_tried_again_as_often_as_it_may);
    tcase_add_test(tests, success_cancel_and_skip_are_not_tried_again);
    tcase_add_test(tests, pauses_are_random_and_grow_to_their_longest);
    tcase_add_test(tests, crashed_jobs_are_tried_again_and_a_cancelled_batch_is_not);
    tcase_add_test(tests, pausing_jobs_count_neither_for_the_limit_nor_as_queued);
    tcase_add_test(tests, the_timeout_nearest_to_the_job_counts);
    tcase_add_test(tests, what_has_not_ended_by_the_deadline_times_out);
    tcase_add_test(tests,
                   a_worker_whose_job_ignores_its_cancel_is_replaced_and_the_others_run_again);
    tcase_add_test(tests, one_cancelled_job_that_stays_costs_its_worker_too);
    tcase_add_test(tests, a_job_that_ends_within_its_grace_costs_nothing);
    tcase_add_test(tests,
                   a_job_of_the_same_millisecond_as_others_that_have_begun_may_not_have_begun);
    tcase_add_test(tests, a_job_that_fails_before_it_hears_of_its_cancel_is_not_tried_again);
    tcase_add_test(tests, queued_jobs_can_be_cancelled_alone_and_running_ones_later);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
