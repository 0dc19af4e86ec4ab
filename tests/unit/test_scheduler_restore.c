#include "base/error.h"
#include "base/problems.h"
#include "rebuild_fixture.h"
#include "scheduler_fixture.h"
#include "suite.h"
#include "supervisor/order.h"
#include "supervisor/scheduler_parts.h"

#define HOUR_NS (UINT64_C(3600) * CLOCK_NS_PER_S)

/* What the store has been told of jobs that have not ended, by job of the one batch. */
#define NOTED_MAX 4096u
static struct store_job noted[NOTED_MAX];
static uint32_t noted_count;

static struct store_job *note_of(uint32_t job)
{
    for (uint32_t i = 0; i < noted_count; i++) {
        if (noted[i].job == job)
            return &noted[i];
    }
    ck_assert_uint_lt(noted_count, NOTED_MAX);
    noted[noted_count] = (struct store_job){.job = job};
    return &noted[noted_count++];
}

static void note_retry(const struct batch *batch, uint32_t job)
{
    struct store_job *note = note_of(job);
    note->attempt = batch_attempt(batch, job);
    if (!waits_find(batch, WAIT_RETRY, job, &note->due_ns))
        note->due_ns = 0;
}

static void set_up_all(void)
{
    set_up();
    noted_count = 0;
    when_retried = note_retry;
}

static void submit_text(struct batch *batch, const char *jobs)
{
    struct problems problems = {0};
    struct error error = {""};
    uint32_t first = batch->entries_count;
    ck_assert_int_eq(batch_accept(batch, clock_now_ns()), 0);
    int code = submit_entries(batch, view_of_text(jobs), &catalogue, true, 1000000, NULL, &problems,
                              &error);
    ck_assert_msg(code == 0, "%s: %s %s", jobs, error.text,
                  problems.count ? problems.kept[0].text : "");
    ck_assert_int_eq(scheduler_submit(scheduler, batch, first), 0);
}

/* Another life of the daemon: no worker runs anything. */
static void restart(struct batch *old)
{
    forget(old);
    tear_down();
    set_up();
}

/* The batch as it is after a restart of the daemon, which it goes on in. */
static struct batch *rebuilt(struct batch *old)
{
    struct rebuild rebuild = {.catalogue = &catalogue};
    struct batch *batch = NULL;
    struct error error = {""};
    tell_batch(&rebuild_reader, &rebuild, old, &catalogue, noted, noted_count, 3);
    earlier_ns = 0;
    restart(old);
    ck_assert_msg(rebuild_end(&rebuild, &batch, &error) == 0, "%s", error.text);
    if (rebuild.paused)
        (void)scheduler_pause(scheduler, batch, true);
    ck_assert_int_eq(scheduler_restore(scheduler, batch, rebuild.jobs, rebuild.jobs_count), 0);
    rebuild_clear(&rebuild);
    return batch;
}

static void check_states(const struct batch *batch, uint32_t waiting, uint32_t queued,
                         uint32_t running)
{
    ck_assert_uint_eq(batch->in_state[JOB_WAITING], waiting);
    ck_assert_uint_eq(batch->in_state[JOB_QUEUED], queued);
    ck_assert_uint_eq(batch->in_state[JOB_RUNNING], running);
    ck_assert_uint_eq(scheduler_waiting(scheduler), waiting);
    ck_assert_uint_eq(scheduler_queued(scheduler), queued);
    ck_assert_uint_eq(scheduler_running(scheduler), running);
}

static void fail_job(struct batch *batch, uint32_t job)
{
    ck_assert_int_eq(result_as(batch, job, batch->where[job], JOB_FAILED), 0);
}

/* How long the wait lasts still, in seconds, rounded. */
static long lasts_s(const struct batch *batch, enum wait_reason reason, uint32_t job)
{
    uint64_t due_ns;
    ck_assert_uint_ne(waits_find(batch, reason, job, &due_ns), 0);
    return (long)((double)(int64_t)(due_ns - clock_now_ns()) / 1e9 + 0.5);
}

/* ---- Jobs ----------------------------------------------------------------------------------- */

START_TEST(what_ran_runs_again_and_what_has_ended_does_not)
{
    pool.limit = 2;
    pool.ready = 1;
    struct batch *batch = submit(7, 0, 5);
    settle();
    succeed(batch, 0);
    scheduler_wake(scheduler);
    settle();
    check_states(batch, 0, 2, 2);
    batch = rebuilt(batch);
    check_states(batch, 0, 4, 0);
    ck_assert_uint_eq(batch_completed(batch), 1);
    ck_assert(batch->sealed && !batch->finished);
    settle();
    check_states(batch, 0, 0, 4);
    for (uint32_t job = 1; job < 5; job++)
        succeed(batch, job);
    ck_assert_uint_eq(finished, 1);
    ck_assert_uint_eq(completions, 4);
    ck_assert(batch->finished);
    forget(batch);
}
END_TEST

START_TEST(jobs_that_ended_out_of_turn_are_left_out)
{
    struct batch *batch = submit(7, 0, 6);
    settle();
    succeed(batch, 4);
    succeed(batch, 1);
    succeed(batch, 0);
    batch = rebuilt(batch);
    check_states(batch, 0, 3, 0);
    ck_assert_uint_eq(batch->entries[0].taken, 2);
    settle();
    check_states(batch, 0, 0, 3);
    ck_assert_int_eq(batch_state(batch, 4), JOB_SUCCEEDED);
    forget(batch);
}
END_TEST

START_TEST(a_pause_before_another_attempt_goes_on)
{
    struct batch *batch = new_batch(7);
    batch->terms.retry =
        (struct retry){.max = 3, .delay_ns = 1000 * HOUR_NS, .max_delay_ns = 1000 * HOUR_NS};
    submit_text(batch, "[{\"plugin\":\"p0\",\"count\":3}]");
    settle();
    fail_job(batch, 1);
    check_states(batch, 1, 0, 2);
    long before = lasts_s(batch, WAIT_RETRY, 1);
    batch = rebuilt(batch);
    check_states(batch, 1, 2, 0);
    ck_assert_int_eq(lasts_s(batch, WAIT_RETRY, 1), before);
    ck_assert_uint_eq(batch_attempt(batch, 1), 1);
    ck_assert_uint_eq(batch->retries, 1);
    ck_assert_uint_eq(batch->terms.retry.max, 3);
    forget(batch);
}
END_TEST

START_TEST(an_attempt_whose_pause_is_over_comes_first)
{
    struct batch *batch = new_batch(7);
    batch->terms.retry = (struct retry){.max = 3};
    submit_text(batch, "[{\"plugin\":\"p0\",\"count\":5}]");
    settle();
    fail_job(batch, 3);
    fail_job(batch, 2);
    pool.ready = 0;
    batch = rebuilt(batch);
    check_states(batch, 0, 5, 0);
    pool.ready = 1;
    settle();
    check_states(batch, 0, 0, 5);
    ck_assert_uint_eq(pool.sent[0].first + pool.sent[1].first, 5);
    ck_assert_uint_eq(pool.sent[0].entry.attempt, 1);
    ck_assert_uint_eq(batch_attempt(batch, 2), 1);
    fail_job(batch, 2);
    ck_assert_uint_eq(batch_attempt(batch, 2), 2);
    ck_assert_uint_eq(batch->retries, 3);
    forget(batch);
}
END_TEST

START_TEST(a_job_that_was_told_to_end_does_not_run_again)
{
    struct batch *batch = submit(7, 0, 3);
    settle();
    scheduler_cancel_job(scheduler, batch, 1, "cancelled");
    note_of(1)->told = true;
    batch = rebuilt(batch);
    settle();
    check_ended(batch, 1, JOB_CANCELLED, "cancelled");
    check_states(batch, 0, 0, 2);
    ck_assert_uint_eq(completions, 1);
    forget(batch);
}
END_TEST

/* ---- Entries -------------------------------------------------------------------------------- */

START_TEST(a_delay_goes_on)
{
    struct batch *batch = new_batch(7);
    submit_text(batch, "[{\"plugin\":\"p0\",\"count\":2,\"delay\":3600},{\"plugin\":\"p0\"}]");
    settle();
    check_states(batch, 2, 0, 1);
    earlier_ns = 600 * CLOCK_NS_PER_S;
    batch = rebuilt(batch);
    check_states(batch, 2, 1, 0);
    ck_assert_int_eq(lasts_s(batch, WAIT_DELAY, 1), 3000);
    earlier_ns = HOUR_NS;
    batch = rebuilt(batch);
    check_states(batch, 0, 3, 0);
    forget(batch);
}
END_TEST

START_TEST(a_delay_behind_others_counts_from_their_end)
{
    struct batch *batch = new_batch(7);
    submit_text(batch, "[{\"plugin\":\"p0\",\"name\":\"a\"},"
                       "{\"plugin\":\"p0\",\"count\":2,\"after\":\"a\",\"delay\":3600}]");
    settle();
    struct message_result result = {.batch = 7,
                                    .job = 0,
                                    .state = JOB_SUCCEEDED,
                                    .started_ns = clock_now_ns(),
                                    .ended_ns = clock_now_ns() + HOUR_NS};
    ck_assert_int_eq(scheduler_result(scheduler, batch, batch->where[0], &result), 0);
    earlier_ns = HOUR_NS + 600 * CLOCK_NS_PER_S;
    batch = rebuilt(batch);
    check_states(batch, 2, 0, 0);
    ck_assert_int_eq(lasts_s(batch, WAIT_DELAY, 2), 3000);
    forget(batch);
}
END_TEST

START_TEST(what_waits_for_others_waits_still)
{
    struct batch *batch = new_batch(7);
    submit_text(batch, "[{\"plugin\":\"p0\",\"name\":\"a\",\"count\":2},"
                       "{\"plugin\":\"p0\",\"name\":\"b\",\"after\":\"a\"},"
                       "{\"plugin\":\"p0\",\"after_any\":\"b\"}]");
    settle();
    succeed(batch, 0);
    batch = rebuilt(batch);
    check_states(batch, 2, 1, 0);
    settle();
    succeed(batch, 1);
    check_states(batch, 1, 1, 0);
    batch = rebuilt(batch);
    check_states(batch, 1, 1, 0);
    settle();
    succeed(batch, 2);
    settle();
    check_states(batch, 0, 0, 1);
    ck_assert_int_eq(batch_state(batch, 3), JOB_RUNNING);
    forget(batch);
}
END_TEST

START_TEST(what_was_doomed_is_skipped)
{
    struct batch *batch = new_batch(7);
    submit_text(batch,
                "[{\"plugin\":\"p0\",\"name\":\"a\"},"
                "{\"plugin\":\"p0\",\"name\":\"b\",\"after\":\"a\",\"count\":2},"
                "{\"plugin\":\"p0\",\"after\":\"b\"},{\"plugin\":\"p0\",\"after_any\":\"b\"}]");
    settle();
    fail_job(batch, 0); /* the others have not been ended yet */
    check_states(batch, 4, 0, 0);
    batch = rebuilt(batch);
    check_states(batch, 4, 0, 0);
    settle();
    for (uint32_t job = 1; job < 3; job++)
        check_ended(batch, job, JOB_SKIPPED, "it was to come after a, which did not succeed");
    check_ended(batch, 3, JOB_SKIPPED, "it was to come after b, which did not succeed");
    ck_assert_int_eq(batch_state(batch, 4), JOB_RUNNING);
    forget(batch);
}
END_TEST

START_TEST(a_long_name_in_a_reason_is_cut_between_characters)
{
    char text[600], reason[160] = "it was to come after ";
    struct batch *batch = new_batch(7);
    int used = snprintf(text, sizeof(text), "[{\"plugin\":\"p0\",\"name\":\"x");
    for (int i = 0; i < 100; i++)
        used += snprintf(text + used, sizeof(text) - (size_t)used, "\xc3\xbc");
    char *name = strdup(strchr(text, 'x'));
    (void)snprintf(text + used, sizeof(text) - (size_t)used,
                   "\"},{\"plugin\":\"p0\",\"after\":\"%s\"}]", name);
    submit_text(batch, text);
    settle();
    fail_job(batch, 0);
    settle();
    (void)snprintf(reason, sizeof(reason), "it was to come after %.99s, which did not succeed",
                   name);
    check_ended(batch, 1, JOB_SKIPPED, reason);
    forget(batch);
    free(name);
}
END_TEST

/* ---- Batches -------------------------------------------------------------------------------- */

START_TEST(a_deadline_stays_where_it_was)
{
    struct batch *batch = new_batch(7);
    batch->terms.deadline_ns = HOUR_NS;
    ck_assert_int_eq(scheduler_begin(scheduler, batch), 0);
    submit_text(batch, "[{\"plugin\":\"p0\",\"count\":2}]");
    earlier_ns = HOUR_NS - CLOCK_NS_PER_S / 10;
    batch = rebuilt(batch);
    settle();
    check_states(batch, 0, 0, 2);
    while (!batch->cancelled) /* the fuse of the test ends this if it never comes */
        ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
    ck_assert_uint_ge(clock_now_ns(), batch->submitted_ns + HOUR_NS);
    ck_assert_int_eq(batch->stopped_as, JOB_TIMED_OUT);
    forget(batch);
}
END_TEST

START_TEST(a_deadline_that_has_passed_ends_the_batch_before_anything_runs)
{
    struct batch *batch = new_batch(7);
    batch->terms.deadline_ns = HOUR_NS;
    ck_assert_int_eq(scheduler_begin(scheduler, batch), 0);
    submit_text(batch, "[{\"plugin\":\"p0\",\"count\":2},{\"plugin\":\"p0\",\"delay\":9}]");
    settle();
    succeed(batch, 1);
    earlier_ns = HOUR_NS + 1;
    batch = rebuilt(batch);
    settle();
    ck_assert_uint_eq(pool.sent_count, 0);
    check_ended(batch, 0, JOB_TIMED_OUT, "the deadline of its batch has passed");
    check_ended(batch, 2, JOB_TIMED_OUT, "the deadline of its batch has passed");
    ck_assert(batch->finished && batch->given_up && batch->cut_short);
    ck_assert_uint_eq(finished, 1);
    forget(batch);
}
END_TEST

START_TEST(a_batch_that_was_stopped_ends_as_it_was_stopped)
{
    struct batch *batch = submit(7, 0, 3);
    settle();
    ck_assert_uint_eq(scheduler_cancel(scheduler, batch, "enough of it"), 3);
    batch = rebuilt(batch);
    settle();
    ck_assert_uint_eq(pool.sent_count, 0);
    for (uint32_t job = 0; job < 3; job++)
        check_ended(batch, job, JOB_CANCELLED, "enough of it");
    ck_assert_uint_eq(finished, 1);
    ck_assert(!batch->given_up && !batch->cut_short);
    forget(batch);
}
END_TEST

START_TEST(a_failure_that_was_to_cancel_the_rest_does)
{
    struct batch *batch = new_batch(7);
    batch->terms.on_failure = ON_FAILURE_CANCEL;
    submit_text(batch, "[{\"plugin\":\"p0\",\"count\":3}]");
    scheduler_seal(scheduler, batch);
    settle();
    fail_job(batch, 1);
    batch->cancelled = NULL; /* the stop was not recorded */
    batch->given_up = false;
    batch = rebuilt(batch);
    settle();
    ck_assert_uint_eq(pool.sent_count, 0);
    check_ended(batch, 0, JOB_CANCELLED, "another job of its batch did not succeed");
    ck_assert(batch->finished && batch->given_up);
    forget(batch);
}
END_TEST

START_TEST(a_paused_batch_stays_paused)
{
    struct batch *batch = submit(7, 0, 3);
    ck_assert(scheduler_pause(scheduler, batch, true));
    batch = rebuilt(batch);
    settle();
    ck_assert(scheduler_is_paused(batch));
    check_states(batch, 0, 3, 0);
    ck_assert(scheduler_pause(scheduler, batch, false));
    settle();
    check_states(batch, 0, 0, 3);
    forget(batch);
}
END_TEST

START_TEST(an_open_batch_stays_open)
{
    struct batch *batch = new_batch(7);
    submit_text(batch, "[{\"plugin\":\"p0\",\"name\":\"a\"}]");
    settle();
    succeed(batch, 0);
    batch = rebuilt(batch);
    settle();
    ck_assert(!batch->sealed && !batch->finished);
    submit_text(batch, "[{\"plugin\":\"p0\",\"after\":\"a\"}]");
    scheduler_seal(scheduler, batch);
    settle();
    succeed(batch, 1);
    ck_assert_uint_eq(finished, 1);
    forget(batch);
}
END_TEST

START_TEST(a_sealed_batch_whose_jobs_have_ended_finishes)
{
    struct batch *batch = submit(7, 0, 2);
    settle();
    uint64_t ended_ns = clock_now_ns() + 1000;
    for (uint32_t job = 0; job < 2; job++) {
        struct message_result result = {.batch = 7,
                                        .job = job,
                                        .state = JOB_SUCCEEDED,
                                        .started_ns = clock_now_ns(),
                                        .ended_ns = ended_ns - job};
        ck_assert_int_eq(scheduler_result(scheduler, batch, batch->where[job], &result), 0);
    }
    ck_assert_uint_eq(finished, 1);
    batch->finished = false; /* that was not recorded */
    batch = rebuilt(batch);
    ck_assert_uint_eq(finished, 1);
    ck_assert(batch->finished);
    ck_assert_uint_eq(completions, 0);
    ck_assert_uint_eq(batch->ended_ns, ended_ns);
    forget(batch);
}
END_TEST

START_TEST(a_sealed_batch_without_jobs_finishes)
{
    struct batch *batch = new_batch(7);
    batch->sealed = true;
    batch = rebuilt(batch);
    ck_assert_uint_eq(finished, 1);
    ck_assert_uint_ge(batch->ended_ns, batch->submitted_ns);
    forget(batch);
}
END_TEST

START_TEST(limits_hold_after_the_restart)
{
    struct batch *batch = new_batch(7);
    batch->terms.limit = 2;
    submit_text(batch, "[{\"plugin\":\"p0\",\"count\":5}]");
    settle();
    check_states(batch, 0, 3, 2);
    batch = rebuilt(batch);
    settle();
    check_states(batch, 0, 3, 2);
    succeed(batch, 0);
    settle();
    check_states(batch, 0, 2, 2);
    forget(batch);
}
END_TEST

START_TEST(a_rate_goes_on_behind_the_last_start)
{
    struct batch *batch = new_batch(7);
    batch->terms.rate = (struct rate){.interval_ns = HOUR_NS, .burst = 1};
    submit_text(batch, "[{\"plugin\":\"p0\",\"count\":3}]");
    settle();
    check_states(batch, 0, 2, 1);
    struct message_result result = {.batch = 7,
                                    .job = 0,
                                    .state = JOB_SUCCEEDED,
                                    .started_ns = clock_now_ns() - 1000,
                                    .ended_ns = clock_now_ns()};
    ck_assert_int_eq(scheduler_result(scheduler, batch, batch->where[0], &result), 0);
    batch = rebuilt(batch);
    settle();
    check_states(batch, 0, 2, 0);
    earlier_ns = HOUR_NS;
    batch = rebuilt(batch);
    settle();
    check_states(batch, 0, 1, 1);
    forget(batch);
}
END_TEST

START_TEST(results_of_unfinished_batches_count_against_their_limit)
{
    struct batch *batch = submit(7, 0, 2);
    settle();
    succeed(batch, 0);
    size_t bytes = scheduler->results_bytes;
    ck_assert_uint_gt(bytes, 0);
    batch = rebuilt(batch);
    ck_assert_uint_gt(scheduler->results_bytes, 0);
    settle();
    succeed(batch, 1);
    ck_assert_uint_eq(scheduler->results_bytes, 0);
    forget(batch);
}
END_TEST

/* ---- Any batch ------------------------------------------------------------------------------ */

/* Whichever number below `count`. */
static uint32_t any(uint32_t count)
{
    return (uint32_t)random() % count;
}

/* A piece of entries, some of which come after others of this piece or earlier ones. */
static void submit_any(struct batch *batch, uint32_t *names)
{
    char text[4096];
    int used = snprintf(text, sizeof(text), "[");
    uint32_t count = 1 + any(4);
    for (uint32_t i = 0; i < count; i++) {
        used += snprintf(text + used, sizeof(text) - (size_t)used,
                         "%s{\"plugin\":\"p0\",\"count\":%u,\"name\":\"n%u\"", i ? "," : "",
                         1 + any(4), *names);
        if (*names && any(2))
            used += snprintf(text + used, sizeof(text) - (size_t)used, ",\"%s\":[\"n%u\",\"n%u\"]",
                             any(2) ? "after" : "after_any", any(*names), any(*names));
        if (!any(5))
            used += snprintf(text + used, sizeof(text) - (size_t)used, ",\"delay\":%u",
                             3600 * (1 + any(2)));
        if (!any(3))
            used += snprintf(text + used, sizeof(text) - (size_t)used,
                             ",\"retry\":{\"max\":2,\"delay\":%u}", any(2) * 100000);
        used += snprintf(text + used, sizeof(text) - (size_t)used, "}");
        ++*names;
    }
    (void)snprintf(text + used, sizeof(text) - (size_t)used, "]");
    submit_text(batch, text);
}

/* A job that runs; batch->jobs: none does. */
static uint32_t any_running(const struct batch *batch)
{
    uint32_t first = batch->jobs ? any(batch->jobs) : 0;
    for (uint32_t i = 0; i < batch->jobs; i++) {
        uint32_t job = (first + i) % batch->jobs;
        if (batch_state(batch, job) == JOB_RUNNING)
            return job;
    }
    return batch->jobs;
}

static void end_any(struct batch *batch)
{
    uint32_t job = any_running(batch);
    if (job == batch->jobs)
        return;
    struct message_result result = {.batch = batch->number,
                                    .job = job,
                                    .state = any(3) ? JOB_SUCCEEDED : JOB_FAILED,
                                    .started_ns = clock_now_ns() - 1,
                                    .ended_ns = clock_now_ns()};
    ck_assert_int_eq(scheduler_result(scheduler, batch, batch->where[job], &result), 0);
}

/* Something that happens to the batch. */
static void happen(struct batch *batch, uint32_t *names)
{
    if (batch->finished)
        return;
    uint32_t what = any(40);
    if (what < 20) {
        end_any(batch);
    } else if (what < 30) {
        pool.limit = 1 + any(3);
        settle();
    } else if (what < 34 && !batch->sealed) {
        submit_any(batch, names);
    } else if (what < 36 && batch->jobs) {
        uint32_t job = any(batch->jobs);
        scheduler_cancel_job(scheduler, batch, job, "cancelled");
        if (batch_state(batch, job) == JOB_RUNNING)
            note_of(job)->told = true;
    } else if (what == 36) {
        struct scheduler_loss loss = {.state = JOB_CRASHED, .reason = "lost"};
        uint32_t worker = any(WORKERS);
        scheduler_lost(scheduler, batch, worker, &loss);
        memset(pool.running[worker], 0, sizeof(pool.running[worker]));
    } else if (what == 37) {
        (void)scheduler_pause(scheduler, batch, any(2));
    } else if (what == 38 && !any(4)) {
        (void)scheduler_cancel(scheduler, batch, "cancelled with its batch");
    } else if (what == 39 && !any(4)) {
        scheduler_seal(scheduler, batch);
    }
}

/* What there is to know of a batch in which nothing is under way any more but what runs. */
struct picture {
    uint32_t jobs, completed;
    uint64_t retries;
    uint8_t states[2048], attempts[2048];
    char reasons[2048][64];
    bool sealed, finished, given_up, cut_short, paused, cancelled;
    uint32_t order[2048]; /* in which those that did not run are sent next */
    uint32_t order_count;
};
static struct picture before, after;
static bool ran[2048]; /* when the daemon ended */

static void draw_job(const struct batch *batch, uint32_t job, struct picture *out)
{
    enum job_state state = batch_state(batch, job);
    out->states[job] = (uint8_t)(state == JOB_RUNNING ? JOB_QUEUED : state);
    out->attempts[job] = (uint8_t)batch_attempt(batch, job);
    if (!job_state_is_final(state))
        return;
    struct completion completion;
    batch_completion(batch, job, &completion);
    (void)snprintf(out->reasons[job], sizeof(out->reasons[job]), "%.*s",
                   (int)completion.reason.size, (const char *)completion.reason.data);
}

/* Lets the endings come to their end, but starts nothing; then everything, as far as it may. */
static void draw(struct batch *batch, struct picture *out)
{
    memset(out, 0, sizeof(*out));
    pool.ready = 0;
    settle();
    out->jobs = batch->jobs;
    ck_assert_uint_le(batch->jobs, 2048);
    out->completed = batch_completed(batch);
    out->retries = batch->retries;
    out->sealed = batch->sealed;
    out->finished = batch->finished;
    out->given_up = batch->given_up;
    out->cut_short = batch->cut_short;
    out->paused = scheduler_is_paused(batch) && !batch->finished;
    out->cancelled = batch->cancelled;
    for (uint32_t job = 0; job < batch->jobs; job++)
        draw_job(batch, job, out);
    pool.ready = 1;
    pool.limit = 100000;
    memset(pool.running, 0, sizeof(pool.running));
    uint32_t sent = pool.sent_count;
    scheduler_wake(scheduler);
    settle();
    for (; sent < pool.sent_count; sent++) {
        const struct sent *run = &pool.sent[sent % ENTRIES_KEPT];
        for (uint32_t i = 0; i < run->entry.count; i++) {
            if (!ran[run->first + i])
                out->order[out->order_count++] = (uint32_t)run->first + i;
        }
    }
    ck_assert_uint_eq(scheduler_waiting(scheduler), batch->in_state[JOB_WAITING]);
    ck_assert_uint_eq(scheduler_queued(scheduler), batch->in_state[JOB_QUEUED]);
    ck_assert_uint_eq(scheduler_running(scheduler), batch->in_state[JOB_RUNNING]);
}

static void compare(void)
{
    ck_assert_uint_eq(after.jobs, before.jobs);
    for (uint32_t job = 0; job < before.jobs; job++) {
        ck_assert_uint_eq(after.attempts[job], before.attempts[job]);
        /* What was to be skipped, and was not yet, when the batch was stopped, ends as it was stopped. */
        if (before.cancelled && before.states[job] == JOB_SKIPPED)
            continue;
        ck_assert_msg(after.states[job] == before.states[job], "job %u is %s instead of %s", job,
                      job_state_name(after.states[job]), job_state_name(before.states[job]));
        /* Of two that did not succeed before it was added, either may be named. */
        if (before.states[job] != JOB_SKIPPED)
            ck_assert_str_eq(after.reasons[job], before.reasons[job]);
    }
    ck_assert_uint_eq(after.completed, before.completed);
    ck_assert_uint_eq(after.retries, before.retries);
    ck_assert_int_eq(after.sealed, before.sealed);
    ck_assert_int_eq(after.finished, before.finished);
    ck_assert_int_eq(after.given_up, before.given_up);
    ck_assert_int_eq(after.cut_short, before.cut_short);
    ck_assert_int_eq(after.paused, before.paused);
    ck_assert_int_eq(after.cancelled, before.cancelled);
    ck_assert_uint_eq(after.order_count, before.order_count);
    for (uint32_t i = 0; i < before.order_count; i++)
        ck_assert_msg(after.order[i] == before.order[i], "number %u is job %u instead of %u", i,
                      after.order[i], before.order[i]);
}

/* Those that run, and were told to end one by one or with their batch, end where the daemon ends. */
static void end_those_told(struct batch *batch)
{
    for (uint32_t job = 0; job < batch->jobs && !batch->finished; job++) {
        if (batch_state(batch, job) != JOB_RUNNING)
            continue;
        if (batch->cancelled)
            end_job(scheduler, batch, job, batch->stopped_as, batch->cancelled);
        else if (batch_was_told(batch, job))
            end_job(scheduler, batch, job, JOB_CANCELLED, "cancelled");
    }
}

START_TEST(any_batch_goes_on_as_it_would_have)
{
    srandom((unsigned)_i);
    struct batch *batch = new_batch(7);
    uint32_t names = 0;
    if (!any(4))
        batch->terms.on_failure = ON_FAILURE_CANCEL;
    pool.limit = 2;
    submit_any(batch, &names);
    for (uint32_t left = any(120); left > 0; left--)
        happen(batch, &names);
    struct rebuild rebuild = {.catalogue = &catalogue};
    struct error error = {""};
    tell_batch(&rebuild_reader, &rebuild, batch, &catalogue, noted, noted_count, 1 + any(9));
    bool was_finished = batch->finished;
    for (uint32_t job = 0; job < batch->jobs; job++)
        ran[job] = batch_state(batch, job) == JOB_RUNNING;
    end_those_told(batch);
    end_those_told(batch); /* the batch may have been stopped by the first ones */
    draw(batch, &before);
    restart(batch);
    ck_assert_msg(rebuild_end(&rebuild, &batch, &error) == 0, "%s", error.text);
    if (rebuild.paused && !was_finished)
        (void)scheduler_pause(scheduler, batch, true);
    if (!was_finished)
        ck_assert_int_eq(scheduler_restore(scheduler, batch, rebuild.jobs, rebuild.jobs_count), 0);
    rebuild_clear(&rebuild);
    draw(batch, &after);
    compare();
    forget(batch);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scheduler_restore");
    TCase *tcase = tcase_create("scheduler_restore");
    tcase_set_timeout(tcase, 60); /* the disk may be busy */
    tcase_add_checked_fixture(tcase, set_up_all, tear_down);
    tcase_add_test(tcase, what_ran_runs_again_and_what_has_ended_does_not);
    tcase_add_test(tcase, jobs_that_ended_out_of_turn_are_left_out);
    tcase_add_test(tcase, a_pause_before_another_attempt_goes_on);
    tcase_add_test(tcase, an_attempt_whose_pause_is_over_comes_first);
    tcase_add_test(tcase, a_job_that_was_told_to_end_does_not_run_again);
    tcase_add_test(tcase, a_delay_goes_on);
    tcase_add_test(tcase, a_delay_behind_others_counts_from_their_end);
    tcase_add_test(tcase, what_waits_for_others_waits_still);
    tcase_add_test(tcase, what_was_doomed_is_skipped);
    tcase_add_test(tcase, a_long_name_in_a_reason_is_cut_between_characters);
    tcase_add_test(tcase, a_deadline_stays_where_it_was);
    tcase_add_test(tcase, a_deadline_that_has_passed_ends_the_batch_before_anything_runs);
    tcase_add_test(tcase, a_batch_that_was_stopped_ends_as_it_was_stopped);
    tcase_add_test(tcase, a_failure_that_was_to_cancel_the_rest_does);
    tcase_add_test(tcase, a_paused_batch_stays_paused);
    tcase_add_test(tcase, an_open_batch_stays_open);
    tcase_add_test(tcase, a_sealed_batch_whose_jobs_have_ended_finishes);
    tcase_add_test(tcase, a_sealed_batch_without_jobs_finishes);
    tcase_add_test(tcase, limits_hold_after_the_restart);
    tcase_add_test(tcase, a_rate_goes_on_behind_the_last_start);
    tcase_add_test(tcase, results_of_unfinished_batches_count_against_their_limit);
    tcase_add_loop_test(tcase, any_batch_goes_on_as_it_would_have, 0, 500);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
