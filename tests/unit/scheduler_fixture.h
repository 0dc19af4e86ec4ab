/*
 * A scheduler with a pool of workers that exist on paper only.
 */
#ifndef AWAITD_TESTS_SCHEDULER_FIXTURE_H
#define AWAITD_TESTS_SCHEDULER_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/event.h>
#include "base/cleanup.h"
#include "batch_fixture.h"
#include "supervisor/pool.h"
#include "supervisor/scheduler.h"

/* ---- A pool of workers that exist on paper only -------------------------------------------- */

#define WORKERS 4u
#define ENTRIES_KEPT 4096u

/* One entry of a RUN message, as a worker would see it. */
struct sent {
    uint32_t worker;
    uint64_t batch, first;
    struct message_run_entry entry; /* views point into the worker's buffer */
};

struct pool {
    uint32_t ready; /* workers 0 .. ready-1 take jobs */
    uint32_t limit; /* jobs at once in one worker, of each style */
    uint32_t running[WORKERS][RUN_STYLES];
    struct bytes out[WORKERS];
    size_t read[WORKERS]; /* bytes of `out` that are in `sent` */
    struct sent sent[ENTRIES_KEPT];
    uint32_t sent_count;
    struct message_cancel cancelled; /* the latest */
    uint32_t cancelled_on;           /* the worker told of the latest, where it was one */
    unsigned cancels;
    unsigned replaced;               /* bit i: worker i is to be */
    struct worker_progress progress; /* of all of them */
    char why[160];
};
static struct pool pool;

/* Bytes of results that are kept of unfinished batches. */
#define RESULTS_MAX (1u << 20)

uint32_t pool_ready(const struct pool *fake)
{
    return fake->ready;
}

bool pool_pick(const struct pool *fake, enum run_style style, uint32_t *worker, uint32_t *room)
{
    bool found = false;
    for (uint32_t i = 0; i < fake->ready; i++) {
        if (fake->running[i][style] >= fake->limit ||
            (found && fake->running[i][style] >= fake->running[*worker][style]))
            continue;
        found = true;
        *worker = i;
        *room = fake->limit - fake->running[i][style];
    }
    return found;
}

struct bytes *pool_out(struct pool *fake, uint32_t worker)
{
    return &fake->out[worker];
}

/* Reads what was written for the worker since; returns how many jobs that were. */
static inline uint64_t read_messages(struct pool *fake, uint32_t worker)
{
    uint64_t jobs = 0;
    const struct bytes *out = &fake->out[worker];
    while (fake->read[worker] < out->size) {
        struct message_header header;
        struct message_run run;
        const uint8_t *at = out->data + fake->read[worker];
        ck_assert_int_eq(message_read_header(at, &header, NULL), 0);
        ck_assert_int_eq(header.type, MESSAGE_RUN);
        struct bytes_reader payload = {.at = at + MESSAGE_HEADER_SIZE,
                                       .end = at + MESSAGE_HEADER_SIZE + header.payload_size};
        fake->read[worker] += MESSAGE_HEADER_SIZE + header.payload_size;
        ck_assert_int_eq(message_run_read(&payload, &run), 0);
        uint64_t first = run.first;
        jobs += run.jobs;
        while (payload.at < payload.end) {
            struct sent *sent = &fake->sent[fake->sent_count++ % ENTRIES_KEPT];
            *sent = (struct sent){.worker = worker, .batch = run.batch, .first = first};
            ck_assert_int_eq(message_run_next(&payload, &sent->entry), 0);
            first += sent->entry.count;
        }
    }
    return jobs;
}

void pool_send(struct pool *fake, uint32_t worker, enum run_style style, uint32_t jobs)
{
    fake->running[worker][style] += jobs;
    ck_assert_uint_le(fake->running[worker][style], fake->limit);
    ck_assert_uint_lt(worker, fake->ready);
    /* Room for views: the buffer must not move while a test looks at them. */
    ck_assert_ptr_nonnull(fake->out[worker].data);
    ck_assert_uint_eq(read_messages(fake, worker), jobs);
}

void pool_ended(struct pool *fake, uint32_t worker, enum run_style style)
{
    ck_assert_uint_gt(fake->running[worker][style], 0);
    fake->running[worker][style]--;
}

struct worker_progress pool_progress(const struct pool *fake, uint32_t worker)
{
    (void)worker;
    return fake->progress;
}

void pool_replace(struct pool *fake, uint32_t worker, const char *why)
{
    fake->replaced |= 1u << worker;
    (void)snprintf(fake->why, sizeof(fake->why), "%s", why);
}

void pool_cancel_on(struct pool *fake, uint32_t worker, const struct message_cancel *cancel)
{
    fake->cancelled = *cancel;
    fake->cancelled_on = worker;
    fake->cancels++;
}

void pool_cancel(struct pool *fake, const struct message_cancel *cancel)
{
    fake->cancelled = *cancel;
    fake->cancels++;
}

/* ---- What is tested ------------------------------------------------------------------------ */

static struct event_base *base;
static struct plugin plugins[4];
static struct catalogue catalogue;
static struct scheduler *scheduler;
static unsigned completions, finished, broken, retries;
static struct scheduler_limits own_limits;
static uint64_t last_finished;
/* What a test wants to know of jobs that are tried again; NULL: nothing. */
static void (*when_retried)(const struct batch *batch, uint32_t job);

static inline void on_completion(void *context, struct batch *batch,
                                 const struct completion *completion)
{
    ck_assert_ptr_eq(context, &pool);
    ck_assert_int_eq(batch_state(batch, completion->job), completion->state);
    ck_assert_uint_eq(batch->where[completion->job], batch_completed(batch) - 1);
    completions++;
}

static inline void on_finished(void *context, struct batch *batch)
{
    (void)context;
    ck_assert(batch->finished);
    ck_assert_ptr_null(batch->lanes);
    finished++;
    last_finished = batch->number;
}

static inline void on_retry(void *context, struct batch *batch, uint32_t job, enum job_state state,
                            struct bytes_view reason, uint64_t due_ns)
{
    (void)context, (void)reason, (void)due_ns;
    ck_assert(job_state_is_final(state) && !job_state_is_final(batch_state(batch, job)));
    retries++;
    if (when_retried)
        when_retried(batch, job);
}

static inline void on_broken(void *context)
{
    (void)context;
    broken++;
}

static inline void set_up(void)
{
    static const enum run_style styles[] = {RUN_ASYNC, RUN_BLOCKING, RUN_BLOCKING, RUN_BLOCKING};
    static const struct scheduler_callbacks callbacks = {
        .on_completion = on_completion,
        .on_finished = on_finished,
        .on_retry = on_retry,
        .on_broken = on_broken,
    };
    pool = (struct pool){.ready = WORKERS, .limit = 1000000, .progress.begun_ns = UINT64_MAX};
    for (uint32_t i = 0; i < WORKERS; i++)
        (void)bytes_reserve(&pool.out[i], 4 << 20);
    completions = finished = broken = retries = 0;
    own_limits = (struct scheduler_limits){.results_bytes = RESULTS_MAX, .grace_ns = 50000000};
    base = event_base_new();
    catalogue = make_catalogue(plugins, 4, styles);
    scheduler = scheduler_new(base, &catalogue, &pool, &own_limits, &callbacks, &pool);
}

static inline void tear_down(void)
{
    ck_assert_uint_eq(broken, 0);
    scheduler_free(scheduler);
    for (uint32_t i = 0; i < WORKERS; i++)
        bytes_free(&pool.out[i]);
    event_base_free(base);
}

/* A worker of the batch's jobs has crashed. */
static inline void lose(struct batch *batch, uint32_t worker, const char *reason)
{
    struct scheduler_loss loss = {.state = JOB_CRASHED, .reason = reason};
    scheduler_lost(scheduler, batch, worker, &loss);
}

/* One turn of the loop, without waiting. */
static inline void turn(void)
{
    (void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static inline void settle(void)
{
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
}

/* Queues a sealed batch of `jobs` jobs of one entry. */
static inline struct batch *submit(uint64_t number, uint16_t plugin, uint32_t jobs)
{
    struct batch *batch = new_batch(number);
    (void)add_jobs(batch, plugin, jobs);
    ck_assert_int_eq(scheduler_submit(scheduler, batch, 0), 0);
    scheduler_seal(scheduler, batch);
    return batch;
}

static inline void forget(struct batch *batch)
{
    scheduler_forget(scheduler, batch);
    batch_free(batch);
}

static inline int result_as(struct batch *batch, uint64_t job, uint32_t worker,
                            enum job_state state)
{
    struct message_result result = {.batch = batch->number,
                                    .job = job,
                                    .state = state,
                                    .started_ns = 1,
                                    .ended_ns = 2,
                                    .output = view_of_text("out")};
    if (state != JOB_SUCCEEDED)
        result.reason = view_of_text("why");
    return scheduler_result(scheduler, batch, worker, &result);
}

static inline void succeed(struct batch *batch, uint32_t job)
{
    ck_assert_int_eq(result_as(batch, job, batch->where[job], JOB_SUCCEEDED), 0);
}

static inline void check_ended(const struct batch *batch, uint32_t job, enum job_state state,
                               const char *reason)
{
    ck_assert_int_eq(batch_state(batch, job), state);
    struct completion completion;
    batch_completion(batch, job, &completion);
    ck_assert_uint_eq(completion.reason.size, strlen(reason));
    ck_assert_mem_eq(completion.reason.data, reason, strlen(reason));
}

static inline void check_counts(uint64_t queued, uint64_t running)
{
    ck_assert_uint_eq(scheduler_queued(scheduler), queued);
    ck_assert_uint_eq(scheduler_running(scheduler), running);
}

#endif
