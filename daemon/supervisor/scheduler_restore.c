/*
 * A batch from before the start. What the scheduler knew of it follows from its entries and from how its jobs
 * ended, in the order in which they did; but for attempts and pauses, which the store has for itself.
 *
 * Jobs that ran when the daemon ended are queued where they were. What became ready in turn is queued in turn: that is
 * why what is ready by now is sorted by when it became so.
 */
#include <errno.h>
#include <stdlib.h>
#include "base/clock.h"
#include "supervisor/order.h"
#include "supervisor/scheduler_parts.h"
#include "supervisor/store.h"

/* An entry that waits for no other, and when it is to be queued. */
struct ready {
    uint64_t at_ns;
    uint32_t entry;
    uint64_t place; /* of those that were ready at the same time */
};

struct restoring {
    struct scheduler *scheduler;
    struct batch *batch;
    uint64_t now_ns;
    struct ready *ready;
    uint32_t ready_count;
};

static bool has_ended(const struct batch *batch, uint32_t job)
{
    return job_state_is_final(batch_state(batch, job));
}

/* The queued ones of these jobs wait from now on. */
static void let_wait(struct restoring *restoring, uint32_t first, uint32_t count)
{
    struct batch *batch = restoring->batch;
    uint32_t before = batch->in_state[JOB_WAITING];
    batch_make_wait(batch, first, count);
    uint32_t waiting = batch->in_state[JOB_WAITING] - before;
    restoring->scheduler->queued -= waiting;
    restoring->scheduler->waiting += waiting;
}

/* ---- Entries --------------------------------------------------------------------------------------- */

/* The entry waits for no other since this moment. Nothing to be done where all its jobs have ended; of the others the
 * queue need not see the first ones that have. */
static void add_ready(struct restoring *restoring, uint32_t number, uint64_t since_ns)
{
    struct batch *batch = restoring->batch;
    struct entry *entry = &batch->entries[number];
    while (entry->taken < entry->count && has_ended(batch, entry->first + entry->taken))
        entry->taken++;
    if (entry->taken == entry->count)
        return;
    uint64_t accepted_ns = batch_accepted_ns(batch, entry->first);
    uint64_t delay_ns = entry->terms ? entry->terms->delay_ns : 0;
    /* Those that were ready when they were accepted are in the order of the batch, and before others. */
    struct ready ready = {.at_ns = accepted_ns + delay_ns, .entry = number, .place = number};
    if (since_ns > accepted_ns) {
        ready.at_ns = since_ns + delay_ns;
        ready.place = (uint64_t)batch->entries_count + restoring->ready_count;
    }
    restoring->ready[restoring->ready_count++] = ready;
}

/* Tells the order how jobs ended. What was freed by that is noted; what was doomed ends. */
static void replay(struct restoring *restoring)
{
    struct batch *batch = restoring->batch;
    struct completions_cursor cursor = {0};
    struct completion completion;
    uint64_t ended_ns =
        0; /* of all so far, the latest: it was then that the last of them was told */
    while (completions_next(&batch->completions, &cursor, &completion)) {
        uint64_t end_ns =
            batch_accepted_ns(batch, completion.job) + completion.queued_ns + completion.run_ns;
        uint32_t entry, because;
        enum order_news news;
        if (end_ns > ended_ns)
            ended_ns = end_ns;
        order_job_ended(batch, batch_entry_of(batch, completion.job),
                        completion.state == JOB_SUCCEEDED);
        while ((news = order_next(batch, UINT32_MAX, &entry, &because)) != ORDER_NONE) {
            if (news == ORDER_FREE)
                add_ready(restoring, entry, ended_ns);
            else if (!batch->cancelled)
                ready_skip(restoring->scheduler, batch, entry, because);
        }
    }
}

static int by_time(const void *a, const void *b)
{
    const struct ready *one = a, *other = b;
    if (one->at_ns != other->at_ns)
        return one->at_ns < other->at_ns ? -1 : 1;
    return one->place < other->place ? -1 : 1;
}

static void sort_ready(struct restoring *restoring)
{
    uint32_t i = 1;
    while (i < restoring->ready_count &&
           by_time(&restoring->ready[i - 1], &restoring->ready[i]) < 0)
        i++;
    if (i < restoring->ready_count) /* mostly they are in order */
        qsort(restoring->ready, restoring->ready_count, sizeof(*restoring->ready), by_time);
}

/* Queues the entry, or lets it wait for the rest of its delay. */
static int go_on(struct restoring *restoring, const struct ready *ready)
{
    const struct entry *entry = &restoring->batch->entries[ready->entry];
    struct wait_jobs jobs = {.first = entry->first, .count = entry->count};
    if (ready->at_ns <= restoring->now_ns) {
        ready_queue(restoring->scheduler, restoring->batch, ready->entry);
        return 0;
    }
    let_wait(restoring, jobs.first, jobs.count);
    return waits_add(restoring->scheduler->waits, restoring->batch, WAIT_DELAY, jobs, ready->at_ns);
}

static int restore_entries(struct restoring *restoring)
{
    struct batch *batch = restoring->batch;
    restoring->ready = calloc(batch->entries_count + (size_t)1, sizeof(*restoring->ready));
    if (!restoring->ready)
        return -ENOMEM;
    for (uint32_t i = 0; i < batch->entries_count; i++) {
        if (order_waits(batch, i))
            let_wait(restoring, batch->entries[i].first, batch->entries[i].count);
        else
            add_ready(restoring, i, 0);
    }
    if (batch->order)
        replay(restoring);
    sort_ready(restoring);
    int error = 0;
    for (uint32_t i = 0; i < restoring->ready_count && !error && !batch->cancelled; i++)
        error = go_on(restoring, &restoring->ready[i]);
    free(restoring->ready);
    return error;
}

/* ---- Jobs ------------------------------------------------------------------------------------------ */

static int by_due(const void *a, const void *b)
{
    const struct store_job *one = a, *other = b;
    if (one->due_ns != other->due_ns)
        return one->due_ns < other->due_ns ? -1 : 1;
    return one->job < other->job ? -1 : 1;
}

/* A job that was tried before goes on with its pause, or is queued in front of those that were not; one that was told to
 * end when it ran does not run again. */
static int restore_job(struct restoring *restoring, const struct store_job *job)
{
    struct scheduler *scheduler = restoring->scheduler;
    struct batch *batch = restoring->batch;
    struct wait_jobs one = {.first = job->job, .count = 1};
    if (has_ended(batch, job->job))
        return 0;
    if (job->told) {
        let_wait(restoring, one.first, one.count); /* not to be sent before it has ended */
        end_later(scheduler, batch, one, JOB_CANCELLED, "cancelled");
        return 0;
    }
    if (job->due_ns <= restoring->now_ns)
        return job->attempt ? queue_push_again(batch, job->job) : 0;
    let_wait(restoring, one.first, one.count);
    return waits_add(scheduler->waits, batch, WAIT_RETRY, one, job->due_ns);
}

static int restore_jobs(struct restoring *restoring, struct store_job *jobs, size_t count)
{
    int error = 0;
    if (count)
        qsort(jobs, count, sizeof(*jobs), by_due);
    for (size_t i = 0; i < count && !error; i++)
        error = restore_job(restoring, &jobs[i]);
    return error;
}

/* ---- The batch ------------------------------------------------------------------------------------- */

/* The rate goes on behind the latest start that is known of. */
static void restore_rate(struct batch *batch)
{
    struct completions_cursor cursor = {0};
    struct completion completion;
    if (!batch->terms.rate.interval_ns)
        return;
    while (completions_next(&batch->completions, &cursor, &completion)) {
        uint64_t started_ns = batch_accepted_ns(batch, completion.job) + completion.queued_ns;
        if (completion.run_ns &&
            started_ns + batch->terms.rate.interval_ns > batch->terms.rate.due_ns)
            batch->terms.rate.due_ns = started_ns + batch->terms.rate.interval_ns;
    }
}

/* What is to become of the batch as a whole, and may not have been told it before. */
static int restore_end(struct restoring *restoring)
{
    struct scheduler *scheduler = restoring->scheduler;
    struct batch *batch = restoring->batch;
    if (batch->sealed)
        batch_seal(batch, restoring->now_ns);
    if (batch->finished) {
        end_batch(scheduler, batch);
        return 0;
    }
    if (batch->cancelled)
        return 0;
    if (batch_completed(batch) > batch->in_state[JOB_SUCCEEDED])
        end_others(scheduler, batch);
    uint64_t deadline_ns = batch->terms.deadline_ns;
    if (!deadline_ns || batch->cancelled)
        return 0;
    if (batch->submitted_ns + deadline_ns > restoring->now_ns)
        return scheduler_begin(scheduler, batch);
    scheduler_deadline_over(scheduler, batch); /* before anything of it runs */
    return 0;
}

int scheduler_restore(struct scheduler *scheduler, struct batch *batch, struct store_job *jobs,
                      size_t count)
{
    struct restoring restoring = {.scheduler = scheduler, .batch = batch, .now_ns = clock_now_ns()};
    int error = scheduler_grow(scheduler);
    if (!error)
        error = queue_prepare(scheduler->queue, batch, 0);
    if (error)
        return error;
    scheduler->results_bytes += batch->completions.bytes;
    scheduler->queued += batch->in_state[JOB_QUEUED];
    restore_rate(batch);
    error = restore_entries(&restoring);
    if (!error && !batch->cancelled) {
        error = restore_jobs(&restoring, jobs, count);
    } else if (!error) {
        scheduler_hold(batch, HOLD_ENDING);
        end_later(scheduler, batch, (struct wait_jobs){.count = batch->jobs}, batch->stopped_as,
                  batch->cancelled);
    }
    if (!error)
        error = restore_end(&restoring);
    scheduler_wake(scheduler);
    return error;
}
