/*
 * Dispatch, cancel, results.
 *
 * Dispatch goes round the plugins and, for each that has jobs and a worker with room, sends one run of
 * jobs of the lane whose turn it is. That repeats until nothing moves any more or the turn's share of
 * work is done; then it waits to be woken, or goes on after everybody else had the loop. Plugins share the
 * workers' room, so each round begins behind the plugin that moved jobs last.
 */
#include "supervisor/scheduler.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "supervisor/catalogue.h"
#include "supervisor/pool.h"
#include "supervisor/queue.h"
#include "wire/message.h"

/* Jobs that one lane sends before it is another lane's turn. Larger ones make a newcomer wait longer,
 * smaller ones cost more messages; at 256 a message costs less than 1 ns per job. */
#define RUN_MAX 256u
/* Jobs moved in one turn of the loop: about 1 ms. */
#define TURN_MAX 8192u
/* Bytes of parameters and items in one run; reason: memory, and MESSAGE_PAYLOAD_MAX. A single job may have
 * more, up to limits.line_bytes. */
#define RUN_BYTES_MAX (1u << 20)

/* Of jobs that end without being sent, whose bytes do not matter. */
static const struct queue_share whole_run = {.jobs = RUN_MAX, .bytes = SIZE_MAX};

struct scheduler {
    const struct catalogue *catalogue;
    struct pool *pool;
    struct queue *queue;
    struct scheduler_callbacks callbacks;
    void *context;
    struct event *turn;
    bool awake;    /* the turn is due */
    uint32_t next; /* plugin that the next round begins with */
    uint64_t queued, running;
    uint64_t *running_of;              /* the same by plugin */
    size_t results_bytes, results_max; /* memory of the completions of unfinished batches */
    TAILQ_HEAD(, batch) cancelling;    /* cancelled batches that still have lanes */
};

/* ---- The end of a job ---------------------------------------------------------------------- */

static struct bytes_view view_of(const char *text)
{
    return (struct bytes_view){.data = (const uint8_t *)text, .size = strlen(text)};
}

static void stop_cancelling(struct scheduler *scheduler, struct batch *batch)
{
    if (!batch->cancelling)
        return;
    batch->cancelling = false;
    TAILQ_REMOVE(&scheduler->cancelling, batch, cancelling_link);
}

void scheduler_forget(struct scheduler *scheduler, struct batch *batch)
{
    stop_cancelling(scheduler, batch);
    queue_drop(scheduler->queue, batch);
}

/* A finished batch may be forgotten at any time: nothing here may point to it any more. */
static void finish(struct scheduler *scheduler, struct batch *batch)
{
    scheduler_forget(scheduler, batch);
    scheduler->results_bytes -= batch->completions.bytes;
    scheduler->callbacks.on_finished(scheduler->context, batch);
}

/* Counts jobs of an entry that begin to run, or one that does so no more. */
static void count_running(struct scheduler *scheduler, const struct entry *entry, int64_t change)
{
    scheduler->running += (uint64_t)change;
    scheduler->running_of[entry->plugin] += (uint64_t)change;
}

/* Records the end of a job that ran, by its entry; NULL: it was queued. */
static void complete(struct scheduler *scheduler, struct batch *batch, const struct entry *running,
                     const struct completion *completion, uint64_t ended_ns)
{
    size_t bytes_before = batch->completions.bytes;
    if (batch_complete(batch, completion, ended_ns) != 0) {
        scheduler->callbacks.on_broken(scheduler->context);
        return;
    }
    scheduler->results_bytes += batch->completions.bytes - bytes_before;
    if (running)
        count_running(scheduler, running, -1);
    else
        scheduler->queued--;
    scheduler->callbacks.on_completion(scheduler->context, batch, completion);
    if (batch->finished)
        finish(scheduler, batch);
}

/* Ends a job that gave no result. */
static void end_job(struct scheduler *scheduler, struct batch *batch, uint32_t job,
                    enum job_state state, const char *reason)
{
    uint64_t now_ns = clock_now_ns();
    struct completion completion = {
        .job = job,
        .state = state,
        .queued_ns = now_ns - batch_accepted_ns(batch, job),
        .reason = view_of(reason),
    };
    const struct entry *running = NULL;
    if (batch_state(batch, job) == JOB_RUNNING) {
        running = &batch->entries[batch_entry_of(batch, job)];
        uint64_t started_ns = batch_dispatched_ns(batch, job);
        completion.queued_ns -= now_ns - started_ns;
        completion.run_ns = now_ns - started_ns;
    }
    complete(scheduler, batch, running, &completion, now_ns);
}

/* Ends jobs that left the queue without having been sent. */
static void end_run(struct scheduler *scheduler, const struct queue_run *run, enum job_state state,
                    const char *reason)
{
    for (uint32_t i = 0; i < run->count; i++)
        end_job(scheduler, run->batch, run->first + i, state, reason);
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
    if (scheduler->results_bytes > scheduler->results_max &&
        completion.output.size + completion.details.size > 0) {
        completion.output.size = completion.details.size = 0;
        completion.truncated = true;
    }
    complete(scheduler, batch, entry, &completion, result->ended_ns);
    return 0;
}

void scheduler_lost(struct scheduler *scheduler, struct batch *batch, uint32_t worker,
                    enum job_state state, const char *reason)
{
    for (uint32_t job = 0; batch->in_state[JOB_RUNNING] && job < batch->jobs; job++) {
        if (batch_state(batch, job) == JOB_RUNNING && batch->where[job] == worker)
            end_job(scheduler, batch, job, state, reason);
    }
}

/* ---- Dispatch ------------------------------------------------------------------------------ */

/* Writes the part of an entry that belongs to the run's next jobs; returns how many that are. */
static uint32_t add_entry(struct bytes *out, const struct entry *entry, unsigned attempt,
                          uint32_t job, uint32_t max)
{
    uint32_t base = job - entry->first;
    uint32_t count = entry->count - base < max ? entry->count - base : max;
    struct message_run_entry message = {
        .count = count,
        .plugin = entry->plugin,
        .attempt = attempt,
        .base = entry->base + base,
        .expands = entry->expands,
        .params = {.data = (const uint8_t *)entry->params, .size = entry->params_size},
    };
    if (entry->items) {
        const uint32_t *offsets = entry->items->offsets + base;
        message.items.data = entry->items->data + offsets[0];
        message.items.size = offsets[count] - offsets[0];
    }
    message_run_add(out, &message);
    return count;
}

static void send_run(struct scheduler *scheduler, const struct queue_run *run, uint32_t worker)
{
    struct bytes *out = pool_out(scheduler->pool, worker);
    const struct entry *entry = &run->batch->entries[run->entry];
    enum run_style style = scheduler->catalogue->plugins[entry->plugin].style;
    struct message_run header = {
        .batch = run->batch->number, .first = run->first, .jobs = run->count};
    size_t mark = message_run_begin(out, &header);
    uint32_t end = run->first + run->count;
    unsigned attempt = batch_attempt(run->batch, run->first);
    for (uint32_t job = run->first; job < end; entry++) /* the run's entries follow one another */
        job += add_entry(out, entry, attempt, job, end - job);
    message_end(out, mark);
    batch_start(run->batch, run->first, run->count, worker, clock_now_ns());
    scheduler->queued -= run->count;
    count_running(scheduler, &run->batch->entries[run->entry], run->count);
    pool_send(scheduler->pool, worker, style, run->count);
}

/* How many more jobs of the plugin may run. */
static uint64_t allowed(const struct scheduler *scheduler, uint32_t position)
{
    uint32_t limit = scheduler->catalogue->plugins[position].limit;
    uint64_t running = scheduler->running_of[position];
    if (!limit)
        return UINT64_MAX;
    return running < limit ? limit - running : 0;
}

/* The lane's fair share of a worker's room: spread over all workers, as is what the plugin may still run, and not
 * more than a turn's. */
static struct queue_share share_of(const struct scheduler *scheduler, const struct lane *lane,
                                   uint32_t room)
{
    uint32_t workers = pool_ready(scheduler->pool);
    uint64_t all = allowed(scheduler, lane->plugin);
    if (all > lane->jobs)
        all = lane->jobs;
    uint64_t share = workers ? (all + workers - 1) / workers : all;
    if (share > RUN_MAX)
        share = RUN_MAX;
    return (struct queue_share){.jobs = share < room ? (uint32_t)share : room,
                                .bytes = RUN_BYTES_MAX};
}

/* Moves one run of jobs of this plugin; returns how many jobs that were, 0 when none can move. */
static uint32_t move_some(struct scheduler *scheduler, uint32_t position)
{
    struct lane *lane = queue_turn(scheduler->queue, position);
    if (!lane)
        return 0;
    const struct plugin *plugin = &scheduler->catalogue->plugins[position];
    struct queue_run run;
    if (plugin->disabled) {
        if (!queue_take(scheduler->queue, lane, &whole_run, &run))
            return 1; /* all its jobs had been cancelled one by one: the lane is empty */
        end_run(scheduler, &run, JOB_FAILED, plugin->disabled);
        return run.count;
    }
    uint32_t worker, room;
    if (!allowed(scheduler, position) || !pool_pick(scheduler->pool, plugin->style, &worker, &room))
        return 0;
    struct queue_share share = share_of(scheduler, lane, room);
    if (!queue_take(scheduler->queue, lane, &share, &run))
        return 1;
    send_run(scheduler, &run, worker);
    return run.count;
}

/* Ends queued jobs of cancelled batches, also of plugins that have no room. Returns how many. */
static uint32_t reap_cancelled(struct scheduler *scheduler)
{
    uint32_t moved = 0;
    struct batch *batch;
    while (moved < TURN_MAX && (batch = TAILQ_FIRST(&scheduler->cancelling))) {
        struct lane *lane = queue_lane_with_jobs(batch);
        struct queue_run run;
        if (!lane) {
            stop_cancelling(scheduler, batch); /* what is left of it runs */
        } else if (queue_take(scheduler->queue, lane, &whole_run, &run)) {
            moved += run.count;
            end_run(scheduler, &run, JOB_CANCELLED, batch->cancelled);
        }
    }
    return moved;
}

/* Moves one run of each plugin; returns how many jobs that were. */
static uint32_t move_round(struct scheduler *scheduler)
{
    uint32_t moved = 0, count = scheduler->catalogue->count, first = scheduler->next;
    for (uint32_t i = 0; i < count && moved < TURN_MAX; i++) {
        uint32_t position = (first + i) % count;
        uint32_t of_plugin = move_some(scheduler, position);
        if (of_plugin)
            scheduler->next = position + 1;
        moved += of_plugin;
    }
    return moved;
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct scheduler *scheduler = context;
    scheduler->awake = false;
    uint32_t moved = 0, before;
    do {
        before = moved;
        moved += move_round(scheduler);
    } while (moved > before && moved < TURN_MAX);
    /* Cancelled jobs come last and have a share of their own: nobody waits for millions of them. */
    uint32_t reaped = reap_cancelled(scheduler);
    if (moved >= TURN_MAX || reaped >= TURN_MAX)
        scheduler_wake(scheduler);
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

/* ---- Requests ------------------------------------------------------------------------------ */

int scheduler_submit(struct scheduler *scheduler, struct batch *batch, uint32_t first)
{
    int error = queue_prepare(scheduler->queue, batch, first);
    if (error)
        return error;
    uint64_t before = queue_jobs(scheduler->queue);
    for (uint32_t entry = first; entry < batch->entries_count; entry++)
        queue_push(scheduler->queue, batch, entry);
    scheduler->queued += queue_jobs(scheduler->queue) - before;
    scheduler_wake(scheduler);
    return 0;
}

void scheduler_seal(struct scheduler *scheduler, struct batch *batch)
{
    if (batch->sealed)
        return;
    batch_seal(batch, clock_now_ns());
    if (batch->finished)
        finish(scheduler, batch);
}

void scheduler_cancel_queued(struct scheduler *scheduler, struct batch *batch, const char *reason)
{
    if (batch->finished || batch->cancelled)
        return;
    batch->cancelled = reason;
    batch->cut_short = !batch->sealed;
    queue_hold(batch, true); /* they end here, whatever else there is to do */
    if (queue_lane_with_jobs(batch)) {
        batch->cancelling = true;
        TAILQ_INSERT_TAIL(&scheduler->cancelling, batch, cancelling_link);
        scheduler_wake(scheduler);
    }
    scheduler_seal(scheduler, batch);
}

void scheduler_cancel_running(struct scheduler *scheduler, const struct batch *batch)
{
    struct message_cancel all = {.batch = batch->number, .count = batch->jobs};
    if (batch->in_state[JOB_RUNNING])
        pool_cancel(scheduler->pool, &all);
}

uint32_t scheduler_cancel(struct scheduler *scheduler, struct batch *batch, const char *reason)
{
    if (batch->finished || batch->cancelled)
        return 0;
    uint32_t concerned = batch->jobs - batch_completed(batch);
    scheduler_cancel_running(scheduler, batch);
    scheduler_cancel_queued(scheduler, batch, reason);
    return concerned;
}

void scheduler_cancel_job(struct scheduler *scheduler, struct batch *batch, uint32_t job,
                          const char *reason)
{
    if (batch_state(batch, job) == JOB_QUEUED) {
        end_job(scheduler, batch, job, JOB_CANCELLED, reason);
        scheduler_wake(scheduler); /* its lane may be empty now */
    } else if (batch_state(batch, job) == JOB_RUNNING) {
        struct message_cancel one = {.batch = batch->number, .first = job, .count = 1};
        pool_cancel_on(scheduler->pool, batch->where[job], &one);
    }
}

/* ---- Life ---------------------------------------------------------------------------------- */

struct scheduler *scheduler_new(struct event_base *base, const struct catalogue *catalogue,
                                struct pool *pool, size_t results_max,
                                const struct scheduler_callbacks *callbacks, void *context)
{
    struct scheduler *scheduler = calloc(1, sizeof(*scheduler));
    if (!scheduler)
        return NULL;
    scheduler->catalogue = catalogue;
    scheduler->pool = pool;
    scheduler->results_max = results_max;
    scheduler->callbacks = *callbacks;
    scheduler->context = context;
    TAILQ_INIT(&scheduler->cancelling);
    scheduler->queue = queue_new(catalogue->count);
    scheduler->running_of = calloc(catalogue->count + (size_t)1, sizeof(*scheduler->running_of));
    scheduler->turn = evtimer_new(base, on_turn, scheduler);
    if (!scheduler->queue || !scheduler->running_of || !scheduler->turn) {
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
    queue_free(scheduler->queue);
    free(scheduler->running_of);
    free(scheduler);
}

uint64_t scheduler_queued(const struct scheduler *scheduler)
{
    return scheduler->queued;
}

uint64_t scheduler_running(const struct scheduler *scheduler)
{
    return scheduler->running;
}
