/*
 * How jobs end: by a worker's word, by its death, or without having run. Each end is recorded once, told once,
 * and moves what was waiting for it.
 */
#include "supervisor/scheduler_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "supervisor/catalogue.h"
#include "supervisor/order.h"
#include "supervisor/pool.h"
#include "wire/message.h"

static struct bytes_view view_of(const char *text)
{
    return (struct bytes_view){.data = (const uint8_t *)text, .size = strlen(text)};
}

/* ---- Batches ------------------------------------------------------------------------------------- */

static void drop_ending(struct scheduler *scheduler, struct ending *ending)
{
    TAILQ_REMOVE(&scheduler->endings, ending, link);
    LIST_REMOVE(ending, batch_link);
    free(ending);
}

void end_forget(struct scheduler *scheduler, struct batch *batch)
{
    while (!LIST_EMPTY(&batch->endings))
        drop_ending(scheduler, LIST_FIRST(&batch->endings));
    waits_drop(scheduler->waits, batch);
    queue_drop(batch);
}

/* A finished batch may be forgotten at any time. */
void end_batch(struct scheduler *scheduler, struct batch *batch)
{
    end_forget(scheduler, batch);
    scheduler->results_bytes -= batch->completions.bytes;
    scheduler->callbacks.on_finished(scheduler->context, batch);
}

/* ---- Jobs ---------------------------------------------------------------------------------------- */

/* A job left this state. */
static void count_left(struct scheduler *scheduler, const struct batch *batch, uint32_t job,
                       enum job_state state)
{
    if (state == JOB_WAITING) {
        scheduler->waiting--;
    } else if (state == JOB_QUEUED) {
        scheduler->queued--;
    } else {
        scheduler->running--;
        scheduler->loads[batch->entries[batch_entry_of(batch, job)].plugin].running--;
    }
}

void end_others(struct scheduler *scheduler, struct batch *batch)
{
    if (batch->terms.on_failure == ON_FAILURE_CANCEL)
        scheduler_give_up(scheduler, batch, JOB_CANCELLED,
                          "another job of its batch did not succeed");
}

/* What an end means for the other jobs of the batch. The batch may have finished behind it. */
static void affect_others(struct scheduler *scheduler, struct batch *batch, uint32_t job,
                          enum job_state state)
{
    if (batch->order) {
        order_job_ended(batch, batch_entry_of(batch, job), state == JOB_SUCCEEDED);
        ready_follow_order(scheduler, batch);
    }
    if (state != JOB_SUCCEEDED)
        end_others(scheduler, batch);
}

/* Records the end of a job. The batch may have finished behind it. */
static void complete(struct scheduler *scheduler, struct batch *batch,
                     const struct completion *completion, uint64_t ended_ns)
{
    uint32_t job = completion->job;
    enum job_state before = batch_state(batch, job);
    size_t bytes_before = batch->completions.bytes;
    if (batch_complete(batch, completion, ended_ns) != 0) {
        scheduler->callbacks.on_broken(scheduler->context);
        return;
    }
    scheduler->results_bytes += batch->completions.bytes - bytes_before;
    count_left(scheduler, batch, job, before);
    scheduler->callbacks.on_completion(scheduler->context, batch, completion);
    if (batch->finished) {
        end_batch(scheduler, batch);
        return;
    }
    if (before == JOB_RUNNING)
        scheduler_release(scheduler, batch, HOLD_LIMIT);
    affect_others(scheduler, batch, job, completion->state);
}

void end_job(struct scheduler *scheduler, struct batch *batch, uint32_t job, enum job_state state,
             const char *reason)
{
    uint64_t now_ns = clock_now_ns();
    struct completion completion = {
        .job = job,
        .state = state,
        .queued_ns = now_ns - batch_accepted_ns(batch, job),
        .reason = view_of(reason),
    };
    if (batch_state(batch, job) == JOB_RUNNING) {
        uint64_t started_ns = batch_dispatched_ns(batch, job, now_ns);
        completion.queued_ns -= now_ns - started_ns;
        completion.run_ns = now_ns - started_ns;
    }
    complete(scheduler, batch, &completion, now_ns);
}

/* Whether a job that came out like this is to be tried again. */
static bool wants_retry(const struct batch *batch, uint32_t job, enum job_state state)
{
    if (batch->cancelled || (state != JOB_FAILED && state != JOB_TIMED_OUT && state != JOB_CRASHED))
        return false;
    if (batch_was_told(batch, job))
        return false; /* it came out before it heard that it was cancelled */
    const struct entry *entry = &batch->entries[batch_entry_of(batch, job)];
    return batch_attempt(batch, job) < scheduler_retry(batch, entry)->max;
}

/* Whether the job, which came out like this, is taken back to be tried again. */
static bool retry(struct scheduler *scheduler, struct batch *batch, uint32_t job,
                  enum job_state state, struct bytes_view reason)
{
    uint64_t due_ns;
    if (!wants_retry(batch, job, state) || ready_again(scheduler, batch, job, true, &due_ns) != 0)
        return false;
    batch->retries++;
    scheduler->callbacks.on_retry(scheduler->context, batch, job, state, reason, due_ns);
    return true;
}

/* Whether the job, which came out like this, is left for the next start of the daemon: it ended because that stops. */
static bool leave(struct scheduler *scheduler, struct batch *batch, uint32_t job,
                  enum job_state state)
{
    uint64_t due_ns;
    return batch->parting && state != JOB_SUCCEEDED && !batch_was_told(batch, job) &&
           !batch->cancelled && ready_again(scheduler, batch, job, false, &due_ns) == 0;
}

int scheduler_result(struct scheduler *scheduler, struct batch *batch, uint32_t worker,
                     const struct message_result *result)
{
    if (result->job >= batch->jobs)
        return -EBADMSG;
    uint32_t job = (uint32_t)result->job;
    if (batch_state(batch, job) != JOB_RUNNING || batch->where[job] != worker)
        return -EBADMSG;
    const struct entry *entry = &batch->entries[batch_entry_of(batch, job)];
    pool_ended(scheduler->pool, worker, scheduler->catalogue->plugins[entry->plugin].style);
    if (leave(scheduler, batch, job, result->state) ||
        retry(scheduler, batch, job, result->state, result->reason))
        return 0;
    uint64_t accepted_ns = batch_accepted_ns(batch, job);
    struct completion completion = {
        .job = job,
        .state = result->state,
        .truncated = result->truncated,
        .queued_ns = result->started_ns > accepted_ns ? result->started_ns - accepted_ns : 0,
        .run_ns = result->ended_ns - result->started_ns,
        .reason = result->reason,
        .output = result->output,
        .details = result->details,
    };
    if (scheduler->results_bytes > scheduler->limits.results_bytes &&
        completion.output.size + completion.details.size > 0) {
        completion.output.size = completion.details.size = 0;
        completion.truncated = true;
    }
    complete(scheduler, batch, &completion, result->ended_ns);
    return 0;
}

/* ---- Workers that died --------------------------------------------------------------------------- */

static void lose(struct scheduler *scheduler, struct batch *batch, uint32_t job,
                 const struct scheduler_loss *loss)
{
    char reason[160];
    uint64_t due_ns;
    enum job_state state = loss->state;
    if (leave(scheduler, batch, job, state))
        return;
    (void)snprintf(reason, sizeof(reason), "%s", loss->reason);
    if (loss->replaced)
        state = grace_verdict(scheduler, batch, job, reason, sizeof(reason));
    if (state == JOB_QUEUED && ready_again(scheduler, batch, job, false, &due_ns) == 0)
        return;
    if (state == JOB_QUEUED) /* for want of memory */
        state = JOB_CRASHED;
    if (!retry(scheduler, batch, job, state, view_of(reason)))
        end_job(scheduler, batch, job, state, reason);
}

void scheduler_lost(struct scheduler *scheduler, struct batch *batch, uint32_t worker,
                    const struct scheduler_loss *loss)
{
    for (uint32_t job = 0; !batch->finished && batch->in_state[JOB_RUNNING] && job < batch->jobs;
         job++) {
        if (batch_state(batch, job) == JOB_RUNNING && batch->where[job] == worker)
            lose(scheduler, batch, job, loss);
    }
}

/* ---- Jobs that do not run ------------------------------------------------------------------------ */

void end_later(struct scheduler *scheduler, struct batch *batch, struct wait_jobs jobs,
               enum job_state state, const char *reason)
{
    struct ending *ending = calloc(1, sizeof(*ending));
    if (!ending) {
        scheduler->callbacks.on_broken(scheduler->context);
        return;
    }
    *ending = (struct ending){
        .batch = batch, .next = jobs.first, .end = jobs.first + jobs.count, .state = state};
    (void)snprintf(ending->reason, sizeof(ending->reason), "%s", reason);
    TAILQ_INSERT_TAIL(&scheduler->endings, ending, link);
    LIST_INSERT_HEAD(&batch->endings, ending, batch_link);
    scheduler_wake(scheduler);
}

/* Ends some jobs; returns how many it looked at. The ending is gone when all have been, or when the batch has
 * finished by it. */
static uint32_t end_some(struct scheduler *scheduler, struct ending *ending, uint32_t max)
{
    struct batch *batch = ending->batch;
    uint32_t seen = 0;
    while (ending->next < ending->end && seen < max) {
        uint32_t job = ending->next++;
        seen++;
        enum job_state state = batch_state(batch, job);
        if (state != JOB_WAITING && state != JOB_QUEUED)
            continue;
        end_job(scheduler, batch, job, ending->state, ending->reason);
        if (batch->finished) /* and with it went this ending */
            return seen;
    }
    if (ending->next == ending->end)
        drop_ending(scheduler, ending);
    return seen;
}

bool end_turn(struct scheduler *scheduler)
{
    uint32_t seen = 0;
    struct ending *ending;
    while (seen < SCHEDULER_TURN_MAX && (ending = TAILQ_FIRST(&scheduler->endings)))
        seen += end_some(scheduler, ending, SCHEDULER_TURN_MAX - seen);
    return !TAILQ_EMPTY(&scheduler->endings);
}
