/*
 * The scheduler as a whole: its life, its turn, and what it is asked for.
 *
 * A turn ends what is to end without running and sends what can be sent, a share of each; then it waits to
 * be woken, or goes on after everybody else had the loop.
 */
#include "supervisor/scheduler_parts.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include "base/clock.h"
#include "supervisor/catalogue.h"
#include "supervisor/pool.h"
#include "wire/message.h"

/* ---- Turns --------------------------------------------------------------------------------------- */

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct scheduler *scheduler = context;
    scheduler->awake = false;
    bool more = dispatch_turn(scheduler);
    /* Jobs that end unrun come last and have a share of their own: nobody waits for millions of them. */
    if (end_turn(scheduler) || more)
        scheduler_wake(scheduler);
    else if (scheduler_is_settled(scheduler) && scheduler->callbacks.on_settled)
        scheduler->callbacks.on_settled(scheduler->context);
}

void scheduler_wake(struct scheduler *scheduler)
{
    if (scheduler->awake)
        return;
    scheduler->awake = true;
    /* A timer that is due is served after the sockets had their turn, unlike event_active(). */
    static const struct timeval now = {0};
    (void)event_add(scheduler->turn, &now); /* reserved in scheduler_new() */
}

void scheduler_deadline_over(struct scheduler *scheduler, struct batch *batch)
{
    scheduler_give_up(scheduler, batch, JOB_TIMED_OUT, "the deadline of its batch has passed");
}

static void on_due(void *context, struct batch *batch, enum wait_reason reason,
                   struct wait_jobs jobs, uint64_t since_ns)
{
    struct scheduler *scheduler = context;
    switch (reason) {
    case WAIT_DELAY:
        ready_delay_over(scheduler, batch, jobs);
        break;
    case WAIT_RETRY:
        ready_pause_over(scheduler, batch, jobs.first);
        break;
    case WAIT_RATE:
        scheduler_release(scheduler, batch, HOLD_RATE);
        break;
    case WAIT_DEADLINE:
        scheduler_deadline_over(scheduler, batch);
        break;
    case WAIT_CANCEL:
        grace_over_job(scheduler, batch, jobs.first, since_ns);
        break;
    case WAIT_GRACE:
        grace_over(scheduler, batch);
        break;
    case WAIT_PLUGIN:
        scheduler->loads[jobs.first].waits = false;
        scheduler_wake(scheduler);
        break;
    }
}

void scheduler_hold(struct batch *batch, enum hold why)
{
    batch->holds |= why;
    queue_hold(batch, true);
}

void scheduler_release(struct scheduler *scheduler, struct batch *batch, enum hold why)
{
    if (!(batch->holds & why))
        return;
    batch->holds &= ~(unsigned)why;
    if (batch->holds)
        return;
    queue_hold(batch, false);
    scheduler_wake(scheduler);
}

/* ---- Terms --------------------------------------------------------------------------------------- */

uint64_t scheduler_timeout_ns(const struct scheduler *scheduler, const struct batch *batch,
                              const struct entry *entry)
{
    if (entry->terms && entry->terms->has_timeout)
        return entry->terms->timeout_ns;
    if (batch->terms.timeout_ns)
        return batch->terms.timeout_ns;
    uint64_t of_plugin = scheduler->catalogue->plugins[entry->plugin].timeout_ns;
    return of_plugin ? of_plugin : scheduler->limits.timeout_ns;
}

const struct retry *scheduler_retry(const struct batch *batch, const struct entry *entry)
{
    return entry->terms && entry->terms->has_retry ? &entry->terms->retry : &batch->terms.retry;
}

/* ---- Requests ------------------------------------------------------------------------------------ */

int scheduler_begin(struct scheduler *scheduler, struct batch *batch)
{
    if (!batch->terms.deadline_ns)
        return 0;
    struct wait_jobs none = {0};
    return waits_add(scheduler->waits, batch, WAIT_DEADLINE, none,
                     batch->submitted_ns + batch->terms.deadline_ns);
}

int scheduler_submit(struct scheduler *scheduler, struct batch *batch, uint32_t first)
{
    struct wait_jobs added = {.first = batch->admitted_jobs,
                              .count = batch->jobs - batch->admitted_jobs};
    batch->admitted_jobs = batch->jobs;
    int error = ready_submit(scheduler, batch, first);
    if (error) {
        batch->admitted_jobs = added.first;
        return error;
    }
    if (batch->cancelled)
        end_later(scheduler, batch, added, batch->stopped_as, batch->cancelled);
    return 0;
}

void scheduler_take_back(struct scheduler *scheduler, struct batch *batch, uint32_t first)
{
    batch_truncate(batch, first);
    batch_settle(batch);
    if (batch->finished)
        end_batch(scheduler, batch);
}

void scheduler_seal(struct scheduler *scheduler, struct batch *batch)
{
    if (batch->sealed)
        return;
    batch_seal(batch, clock_now_ns());
    if (batch->finished)
        end_batch(scheduler, batch);
}

void scheduler_forget(struct scheduler *scheduler, struct batch *batch)
{
    end_forget(scheduler, batch);
}

bool scheduler_is_paused(const struct batch *batch)
{
    return batch->holds & HOLD_PAUSED;
}

bool scheduler_pause(struct scheduler *scheduler, struct batch *batch, bool paused)
{
    bool is_paused = batch->holds & HOLD_PAUSED;
    if (batch->finished || is_paused == paused)
        return false;
    if (paused)
        scheduler_hold(batch, HOLD_PAUSED);
    else
        scheduler_release(scheduler, batch, HOLD_PAUSED);
    return true;
}

/* How many have not started, of those that somebody may have been told of. */
static uint32_t unstarted(const struct batch *batch)
{
    uint32_t secret = batch->jobs - batch->admitted_jobs;
    return batch->in_state[JOB_WAITING] + batch->in_state[JOB_QUEUED] - secret;
}

/* Jobs that have not started will not, and no more come. */
static void stop_queued(struct scheduler *scheduler, struct batch *batch, enum job_state state,
                        const char *reason)
{
    if (batch->finished || batch->cancelled)
        return;
    batch->cancelled = reason;
    batch->stopped_as = state;
    batch->cut_short = !batch->sealed;
    scheduler_hold(batch, HOLD_ENDING);
    if (scheduler->callbacks.on_stopped)
        scheduler->callbacks.on_stopped(scheduler->context, batch);
    struct wait_jobs all = {.count = batch->admitted_jobs};
    if (unstarted(batch) > 0)
        end_later(scheduler, batch, all, state, reason);
    scheduler_seal(scheduler, batch);
}

static void stop_running(struct scheduler *scheduler, struct batch *batch, enum job_state state)
{
    struct message_cancel all = {
        .batch = batch->number, .count = batch->jobs, .out_of_time = state == JOB_TIMED_OUT};
    if (!batch->in_state[JOB_RUNNING] || batch->stopped_ns)
        return;
    batch->stopped_ns = clock_now_ns();
    pool_cancel(scheduler->pool, &all);
    grace_begin(scheduler, batch);
}

/* Returns how many jobs have not ended: running ones are told, the others end soon. */
static uint32_t stop_all(struct scheduler *scheduler, struct batch *batch, enum job_state state,
                         const char *reason)
{
    if (batch->finished || (batch->cancelled && batch->stopped_ns))
        return 0;
    uint32_t concerned = batch->stopped_ns ? 0 : batch->in_state[JOB_RUNNING];
    if (!batch->cancelled)
        concerned += unstarted(batch);
    stop_running(scheduler, batch, state);
    stop_queued(scheduler, batch, state, reason);
    return concerned;
}

void scheduler_give_up(struct scheduler *scheduler, struct batch *batch, enum job_state state,
                       const char *reason)
{
    if (!batch->cancelled)
        batch->given_up = true;
    (void)stop_all(scheduler, batch, state, reason); /* nobody waits for the number */
}

uint32_t scheduler_cancel(struct scheduler *scheduler, struct batch *batch, const char *reason)
{
    return stop_all(scheduler, batch, JOB_CANCELLED, reason);
}

uint32_t scheduler_cancel_queued(struct scheduler *scheduler, struct batch *batch,
                                 const char *reason)
{
    if (batch->finished || batch->cancelled)
        return 0;
    uint32_t concerned = unstarted(batch);
    stop_queued(scheduler, batch, JOB_CANCELLED, reason);
    return concerned;
}

void scheduler_cancel_running(struct scheduler *scheduler, struct batch *batch)
{
    stop_running(scheduler, batch, JOB_CANCELLED);
}

void scheduler_part(struct batch *batch)
{
    scheduler_hold(batch, HOLD_PARTING);
}

void scheduler_part_running(struct scheduler *scheduler, struct batch *batch)
{
    batch->parting = true;
    stop_running(scheduler, batch, JOB_CANCELLED);
}

bool scheduler_is_settled(const struct scheduler *scheduler)
{
    return !scheduler->running && TAILQ_EMPTY(&scheduler->endings);
}

enum job_state scheduler_cancel_job(struct scheduler *scheduler, struct batch *batch, uint32_t job,
                                    const char *reason)
{
    enum job_state state = batch_state(batch, job);
    if (job >= batch->admitted_jobs)
        return state; /* nobody has been told of it */
    if (state == JOB_QUEUED || state == JOB_WAITING) {
        end_job(scheduler, batch, job, JOB_CANCELLED, reason);
        scheduler_wake(scheduler); /* its lane may be empty now */
        return JOB_CANCELLED;
    }
    if (state == JOB_RUNNING && !batch_was_told(batch, job)) {
        struct message_cancel one = {.batch = batch->number, .first = job, .count = 1};
        pool_cancel_on(scheduler->pool, batch->where[job], &one);
        grace_begin_job(scheduler, batch, job);
        if (scheduler->callbacks.on_told)
            scheduler->callbacks.on_told(scheduler->context, batch, job);
    }
    return state;
}

/* ---- Life ---------------------------------------------------------------------------------------- */

int scheduler_grow(struct scheduler *scheduler)
{
    uint32_t places = catalogue_places(scheduler->catalogue);
    if (places <= scheduler->plugins)
        return 0;
    struct plugin_load *grown = reallocarray(scheduler->loads, places, sizeof(*scheduler->loads));
    if (!grown)
        return -ENOMEM;
    scheduler->loads = grown;
    for (uint32_t i = scheduler->plugins; i < places; i++)
        grown[i] = (struct plugin_load){.rate = scheduler->catalogue->plugins[i].rate};
    int error = queue_grow(scheduler->queue, places);
    if (!error)
        scheduler->plugins = places;
    return error;
}

struct scheduler *scheduler_new(struct event_base *base, const struct catalogue *catalogue,
                                struct pool *pool, const struct scheduler_limits *limits,
                                const struct scheduler_callbacks *callbacks, void *context)
{
    static const struct waits_callbacks waits_callbacks = {.on_due = on_due};
    struct scheduler *scheduler = calloc(1, sizeof(*scheduler));
    if (!scheduler)
        return NULL;
    scheduler->catalogue = catalogue;
    scheduler->pool = pool;
    scheduler->limits = *limits;
    scheduler->callbacks = *callbacks;
    scheduler->context = context;
    TAILQ_INIT(&scheduler->endings);
    scheduler->queue = queue_new(0);
    scheduler->waits = waits_new(base, &waits_callbacks, scheduler, NULL);
    scheduler->turn = evtimer_new(base, on_turn, scheduler);
    if (!scheduler->queue || !scheduler->waits || !scheduler->turn ||
        scheduler_grow(scheduler) != 0) {
        scheduler_free(scheduler);
        return NULL;
    }
    return scheduler;
}

void scheduler_free(struct scheduler *scheduler)
{
    if (!scheduler)
        return;
    if (scheduler->turn)
        event_free(scheduler->turn);
    waits_free(scheduler->waits);
    queue_free(scheduler->queue);
    free(scheduler->loads);
    free(scheduler);
}

uint64_t scheduler_waiting(const struct scheduler *scheduler)
{
    return scheduler->waiting;
}

uint64_t scheduler_queued(const struct scheduler *scheduler)
{
    return scheduler->queued;
}

uint64_t scheduler_running(const struct scheduler *scheduler)
{
    return scheduler->running;
}

uint64_t scheduler_running_of(const struct scheduler *scheduler, uint32_t plugin)
{
    return scheduler->loads[plugin].running;
}
