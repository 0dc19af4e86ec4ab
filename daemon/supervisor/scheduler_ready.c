/*
 * From waiting to the queue. A job waits for other jobs of its batch, then for its delay; one that is tried
 * again waits for its pause. Jobs of an entry wait together, and become ready together.
 */
#include "supervisor/scheduler_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/utf8.h"
#include "supervisor/order.h"

static struct wait_jobs jobs_of(const struct entry *entry)
{
    return (struct wait_jobs){.first = entry->first, .count = entry->count};
}

void ready_queue(struct scheduler *scheduler, struct batch *batch, uint32_t number)
{
    const struct entry *entry = &batch->entries[number];
    uint32_t ready = batch_make_ready(batch, entry->first, entry->count);
    scheduler->waiting -= ready;
    scheduler->queued += ready;
    queue_push(batch, number);
    scheduler_wake(scheduler);
}

/* The entry waits for no other any more. */
static void begin_delay(struct scheduler *scheduler, struct batch *batch, uint32_t number)
{
    const struct entry *entry = &batch->entries[number];
    uint64_t delay_ns = entry->terms ? entry->terms->delay_ns : 0;
    if (!delay_ns) {
        ready_queue(scheduler, batch, number);
    } else if (waits_add(scheduler->waits, batch, WAIT_DELAY, jobs_of(entry),
                         clock_now_ns() + delay_ns) != 0) {
        end_later(scheduler, batch, jobs_of(entry), JOB_FAILED,
                  "there is no memory to wait for its delay");
    }
}

void ready_delay_over(struct scheduler *scheduler, struct batch *batch, struct wait_jobs jobs)
{
    ready_queue(scheduler, batch, batch_entry_of(batch, jobs.first));
}

void ready_skip(struct scheduler *scheduler, struct batch *batch, uint32_t entry, uint32_t because)
{
    char reason[160], name[101];
    (void)utf8_copy(name, sizeof(name), batch->entries[because].name);
    (void)snprintf(reason, sizeof(reason), "it was to come after %s, which did not succeed", name);
    end_later(scheduler, batch, jobs_of(&batch->entries[entry]), JOB_SKIPPED, reason);
}

void ready_follow_order(struct scheduler *scheduler, struct batch *batch)
{
    uint32_t entry, because, end = batch_entries_before(batch, batch->admitted_jobs);
    enum order_news news;
    while ((news = order_next(batch, end, &entry, &because)) != ORDER_NONE) {
        if (batch->cancelled)
            continue; /* its jobs end anyhow */
        if (news == ORDER_FREE)
            begin_delay(scheduler, batch, entry);
        else
            ready_skip(scheduler, batch, entry, because);
    }
}

int ready_submit(struct scheduler *scheduler, struct batch *batch, uint32_t first)
{
    int error = scheduler_grow(scheduler);
    if (!error)
        error = queue_prepare(scheduler->queue, batch, first);
    if (error)
        return error;
    order_admit(batch, first);
    for (uint32_t i = first; i < batch->entries_count; i++) {
        const struct entry *entry = &batch->entries[i];
        bool waits = order_waits(batch, i);
        if (waits || (entry->terms && entry->terms->delay_ns)) {
            batch_make_wait(batch, entry->first, entry->count);
            scheduler->waiting += entry->count;
            if (!waits)
                begin_delay(scheduler, batch, i);
        } else {
            scheduler->queued += entry->count;
            queue_push(batch, i);
        }
    }
    ready_follow_order(scheduler, batch);
    scheduler_wake(scheduler);
    return 0;
}

/* ---- Again ------------------------------------------------------------------------------------- */

/* A random pause before attempt number attempt + 1, see struct retry. */
static uint64_t pause_ns(const struct retry *retry, unsigned attempt)
{
    uint64_t longest = retry->delay_ns;
    for (unsigned i = 0; i < attempt && longest < retry->max_delay_ns; i++)
        longest *= 2; /* no overflow: it was below the longest delay, which is far from the end */
    if (longest > retry->max_delay_ns)
        longest = retry->max_delay_ns;
    /* 53 random bits are enough for any pause. */
    double share = (double)((uint64_t)arc4random() << 21 | arc4random() >> 11) / 0x1p53;
    return (uint64_t)(share * (double)longest);
}

static int queue_again(struct scheduler *scheduler, struct batch *batch, uint32_t job)
{
    int error = queue_push_again(batch, job);
    if (!error)
        scheduler_wake(scheduler);
    return error;
}

void ready_pause_over(struct scheduler *scheduler, struct batch *batch, uint32_t job)
{
    if (batch_make_ready(batch, job, 1) == 0)
        return; /* cancelled meanwhile */
    scheduler->waiting--;
    scheduler->queued++;
    if (queue_again(scheduler, batch, job) != 0)
        end_job(scheduler, batch, job, JOB_FAILED, "there is no memory to try it again");
}

/* The job has been taken back and is queued; it is to wait for its pause, until *due_ns. */
static int begin_pause(struct scheduler *scheduler, struct batch *batch, uint32_t job,
                       uint64_t *due_ns)
{
    const struct entry *entry = &batch->entries[batch_entry_of(batch, job)];
    const struct retry *retry = scheduler_retry(batch, entry);
    uint64_t pause = pause_ns(retry, batch_attempt(batch, job) - 1);
    struct wait_jobs one = {.first = job, .count = 1};
    uint64_t end_ns = clock_now_ns() + pause;
    int error = waits_add(scheduler->waits, batch, WAIT_RETRY, one, end_ns);
    if (error)
        return error;
    *due_ns = end_ns;
    batch_make_wait(batch, job, 1);
    scheduler->queued--;
    scheduler->waiting++;
    return 0;
}

int ready_again(struct scheduler *scheduler, struct batch *batch, uint32_t job, bool counted,
                uint64_t *due_ns)
{
    const struct entry *entry = &batch->entries[batch_entry_of(batch, job)];
    int error = batch_take_back(batch, job, counted);
    if (error)
        return error;
    scheduler->running--;
    scheduler->loads[entry->plugin].running--;
    scheduler->queued++;
    scheduler_release(scheduler, batch, HOLD_LIMIT);
    *due_ns = 0;
    /* Without memory for its pause it does without. */
    if (counted && begin_pause(scheduler, batch, job, due_ns) == 0)
        return 0;
    if (queue_again(scheduler, batch, job) != 0)
        end_job(scheduler, batch, job, JOB_FAILED, "there is no memory to run it again");
    return 0;
}
