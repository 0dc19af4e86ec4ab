/*
 * Jobs that were told to end have the grace time (daemon.job_grace) for it. Who ignores that costs its worker:
 * the worker is replaced, those jobs end as they were told to, and the others on it run again.
 *
 * A worker tells its jobs itself when their time is up, but one that is held up by a plugin cannot, so
 * the supervisor looks, too: for each batch at most once in a while, since that means going through its jobs. A
 * job's time begins when the job does. When that was, is known to the run it was handed over in: of one that may lie in
 * the channel still, nothing is said as long as its worker is heard of.
 */
#include "supervisor/scheduler_parts.h"

#include <stdio.h>
#include "base/clock.h"
#include "base/parse.h"
#include "supervisor/catalogue.h"
#include "supervisor/pool.h"

/* Between two looks at the jobs of one batch, and what a job may take from being handed over to its start; reason:
 * a look at a million jobs takes some milliseconds. */
#define LOOK_NS CLOCK_NS_PER_S

/* When a job was handed over is known to the millisecond, rounded down (batch_dispatched_ns()). */
#define HANDED_STEP_NS (CLOCK_NS_PER_S / 1000)

/* Whether a job that was handed over then is known to have begun. Runs that are handed over in the same millisecond
 * may begin seconds apart: until the worker has begun those of the next, nothing is known of the last of them. */
static bool has_begun(const struct worker_progress *progress, uint64_t handed_ns)
{
    return progress->begun_ns >= handed_ns + HANDED_STEP_NS;
}

/* When the job was, or is, told to end; UINT64_MAX: never. */
static uint64_t told_ns(const struct scheduler *scheduler, const struct batch *batch, uint32_t job,
                        uint64_t now_ns)
{
    const struct entry *entry = &batch->entries[batch_entry_of(batch, job)];
    uint64_t timeout_ns = scheduler_timeout_ns(scheduler, batch, entry);
    uint64_t told = batch->stopped_ns ? batch->stopped_ns : UINT64_MAX;
    if (!timeout_ns)
        return told;
    struct worker_progress progress = pool_progress(scheduler->pool, batch->where[job]);
    uint64_t begun_ns = batch_dispatched_ns(batch, job, now_ns);
    if (has_begun(&progress, begun_ns))
        begun_ns += progress.delay_ns;
    else if (begun_ns < progress.heard_ns)
        begun_ns = progress.heard_ns;
    uint64_t up_ns = begun_ns + timeout_ns + LOOK_NS;
    return told < up_ns ? told : up_ns;
}

/* Of jobs that a worker did not say it had begun, those handed over so soon after the first of them are suspected of
 * having held it up; reason: it says so every 10 ms, but a busy machine delays that. */
#define SUSPECT_NS (CLOCK_NS_PER_S / 10)

/* Whether a job of a worker that had to be replaced is out of time. */
static bool was_out_of_time(const struct scheduler *scheduler, const struct batch *batch,
                            uint32_t job, uint64_t timeout_ns, uint64_t now_ns)
{
    struct worker_progress progress = pool_progress(scheduler->pool, batch->where[job]);
    uint64_t handed_ns = batch_dispatched_ns(batch, job, now_ns);
    if (has_begun(&progress, handed_ns))
        return handed_ns + progress.delay_ns + timeout_ns <= now_ns;
    return handed_ns <= progress.suspect_ns + SUSPECT_NS && handed_ns + timeout_ns <= now_ns;
}

void grace_watch(struct scheduler *scheduler, struct batch *batch, uint64_t timeout_ns)
{
    /* Fails without memory only: then nobody looks. */
    (void)waits_sooner(scheduler->waits, batch, WAIT_GRACE,
                       clock_now_ns() + timeout_ns + LOOK_NS + scheduler->limits.grace_ns);
}

void grace_begin(struct scheduler *scheduler, struct batch *batch)
{
    (void)waits_sooner(scheduler->waits, batch, WAIT_GRACE,
                       clock_now_ns() + scheduler->limits.grace_ns); /* as above */
}

void grace_begin_job(struct scheduler *scheduler, struct batch *batch, uint32_t job)
{
    struct wait_jobs one = {.first = job, .count = 1};
    (void)batch_tell(batch, job); /* without memory its verdict may be another one */
    (void)waits_add(scheduler->waits, batch, WAIT_CANCEL, one,
                    clock_now_ns() + scheduler->limits.grace_ns); /* as above */
}

/* Replaces the worker that does not let go of the job. */
static void replace(struct scheduler *scheduler, const struct batch *batch, uint32_t job)
{
    const struct entry *entry = &batch->entries[batch_entry_of(batch, job)];
    char why[160], span[40];
    (void)snprintf(why, sizeof(why), "job %llu.%u of plugin %s did not end within %s",
                   (unsigned long long)batch->number, job,
                   scheduler->catalogue->plugins[entry->plugin].name,
                   parse_show_span(clock_seconds(scheduler->limits.grace_ns), span, sizeof(span)));
    pool_replace(scheduler->pool, batch->where[job], why);
}

void grace_over(struct scheduler *scheduler, struct batch *batch)
{
    uint64_t now_ns = clock_now_ns(), next_ns = UINT64_MAX;
    for (uint32_t job = 0; batch->in_state[JOB_RUNNING] && job < batch->jobs; job++) {
        uint64_t told = batch_state(batch, job) == JOB_RUNNING
                            ? told_ns(scheduler, batch, job, now_ns)
                            : UINT64_MAX;
        if (told == UINT64_MAX)
            continue;
        if (told + scheduler->limits.grace_ns <= now_ns)
            replace(scheduler, batch, job);
        else if (told + scheduler->limits.grace_ns < next_ns)
            next_ns = told + scheduler->limits.grace_ns;
    }
    if (next_ns != UINT64_MAX)
        (void)waits_sooner(scheduler->waits, batch, WAIT_GRACE,
                           next_ns > now_ns + LOOK_NS ? next_ns : now_ns + LOOK_NS); /* as above */
}

void grace_over_job(struct scheduler *scheduler, struct batch *batch, uint32_t job,
                    uint64_t since_ns)
{
    uint64_t now_ns = clock_now_ns();
    if (batch_state(batch, job) != JOB_RUNNING ||
        batch_dispatched_ns(batch, job, now_ns) > since_ns)
        return;
    replace(scheduler, batch, job);
}

enum job_state grace_verdict(const struct scheduler *scheduler, const struct batch *batch,
                             uint32_t job, char *reason, size_t reason_size)
{
    const char *told = NULL;
    enum job_state state = JOB_QUEUED;
    uint64_t now_ns = clock_now_ns();
    const struct entry *entry = &batch->entries[batch_entry_of(batch, job)];
    uint64_t timeout_ns = scheduler_timeout_ns(scheduler, batch, entry);
    if (batch->cancelled) {
        state = batch->stopped_as;
        told = batch->cancelled;
    } else if (timeout_ns && was_out_of_time(scheduler, batch, job, timeout_ns, now_ns)) {
        state = JOB_TIMED_OUT;
        told = "its time was up";
    } else if (batch_was_told(batch, job)) {
        state = JOB_CANCELLED;
        told = "cancelled";
    }
    if (told)
        (void)snprintf(reason, reason_size, "%s; its worker had to be replaced to end it", told);
    return state;
}
