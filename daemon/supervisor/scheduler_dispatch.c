/*
 * Dispatch goes round the plugins: of those with a job that can move, each whose next one has the highest
 * priority sends one run of the lane whose turn it is. That repeats until nothing moves any more or the turn's
 * share of work is done. Plugins share the workers' room, so each round begins behind the plugin that
 * moved jobs last.
 *
 * What keeps jobs back: no room in the workers for their run style; the limits on all jobs, of the plugin and
 * of the batch; the rates of both. A batch that is kept back by its own terms is held, see queue.h, so
 * that finding the next run costs the same however many batches are.
 */
#include "supervisor/scheduler_parts.h"

#include <assert.h>
#include "base/clock.h"
#include "supervisor/catalogue.h"
#include "supervisor/pool.h"
#include "wire/message.h"

/* Jobs that one lane sends before it is another lane's turn. Larger ones make a newcomer wait longer,
 * smaller ones cost more messages; at 256 a message costs less than 1 ns per job. */
#define RUN_MAX 256u
/* Bytes of parameters and items in one run; reason: memory, and MESSAGE_PAYLOAD_MAX. A single job may have
 * more, up to limits.line_bytes. */
#define RUN_BYTES_MAX (1u << 20)

/* ---- Sending ----------------------------------------------------------------------------------- */

/* Writes the part of an entry that belongs to the run's next jobs; returns how many that are. */
static uint32_t add_entry(struct bytes *out, const struct entry *entry, unsigned attempt,
                          uint64_t timeout_ns, uint32_t job, uint32_t max)
{
    uint32_t base = job - entry->first;
    uint32_t count = entry->count - base < max ? entry->count - base : max;
    struct message_run_entry message = {
        .count = count,
        .plugin = entry->plugin,
        .attempt = attempt,
        .base = entry->base + base,
        .timeout_ns = timeout_ns,
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
    struct batch *batch = run->batch;
    struct bytes *out = pool_out(scheduler->pool, worker);
    const struct entry *entry = &batch->entries[run->entry];
    uint32_t position = entry->plugin;
    struct message_run header = {.batch = batch->number, .first = run->first, .jobs = run->count};
    size_t mark = message_run_begin(out, &header);
    unsigned attempt = batch_attempt(batch, run->first);
    uint64_t shortest_ns = 0; /* 0: no job has a timeout */
    uint32_t end = run->first + run->count;
    for (uint32_t job = run->first; job < end; entry++) { /* the run's entries follow one another */
        uint64_t timeout_ns = scheduler_timeout_ns(scheduler, batch, entry);
        job += add_entry(out, entry, attempt, timeout_ns, job, end - job);
        if (timeout_ns && (!shortest_ns || timeout_ns < shortest_ns))
            shortest_ns = timeout_ns;
    }
    message_end(out, mark);
    batch_start(batch, run->first, run->count, worker, clock_now_ns());
    scheduler->queued -= run->count;
    scheduler->running += run->count;
    scheduler->loads[position].running += run->count;
    if (shortest_ns)
        grace_watch(scheduler, batch, shortest_ns);
    pool_send(scheduler->pool, worker, scheduler->catalogue->plugins[position].style, run->count);
}

/* ---- How many ---------------------------------------------------------------------------------- */

static uint64_t less(uint64_t limit, uint64_t used)
{
    return used < limit ? limit - used : 0;
}

static uint32_t at_most(uint64_t count, uint32_t max)
{
    return count < max ? (uint32_t)count : max;
}

/* How many more jobs of the plugin may be started now, at most `max`. */
static uint32_t plugin_room(const struct scheduler *scheduler, uint32_t position, uint64_t now_ns,
                            uint32_t max)
{
    const struct plugin_load *load = &scheduler->loads[position];
    uint32_t limit = scheduler->catalogue->plugins[position].limit;
    if (scheduler->limits.running)
        max = at_most(less(scheduler->limits.running, scheduler->running), max);
    if (limit)
        max = at_most(less(limit, load->running), max);
    return rate_room(&load->rate, now_ns, max);
}

/* How many more of the batch, whoever else there is. */
static uint32_t batch_room(const struct batch *batch, uint64_t now_ns, uint32_t max)
{
    if (batch->terms.limit)
        max = at_most(less(batch->terms.limit, batch->in_state[JOB_RUNNING]), max);
    return rate_room(&batch->terms.rate, now_ns, max);
}

/* The lane's share of a worker's room: what may be started, spread over all workers, and not more than a
 * turn's. 0: nothing. */
static uint32_t share_of(const struct scheduler *scheduler, const struct lane *lane,
                         uint64_t now_ns, uint32_t room)
{
    uint32_t workers = pool_ready(scheduler->pool);
    uint32_t all = plugin_room(scheduler, lane->plugin, now_ns, at_most(lane->jobs, UINT32_MAX));
    all = batch_room(lane->batch, now_ns, all);
    uint32_t share = workers > 1 ? all / workers + (all % workers > 0) : all;
    share = at_most(share, RUN_MAX);
    return at_most(share, room);
}

/* ---- What is kept back --------------------------------------------------------------------------- */

static void wait_for_plugin(struct scheduler *scheduler, uint32_t position, uint64_t now_ns)
{
    struct plugin_load *load = &scheduler->loads[position];
    if (load->waits || rate_room(&load->rate, now_ns, 1) > 0)
        return;
    struct wait_jobs which = {.first = position};
    /* Without memory its jobs wait until something else wakes the scheduler. */
    load->waits =
        waits_add(scheduler->waits, NULL, WAIT_PLUGIN, which, rate_await(&load->rate)) == 0;
}

static void wait_for_batch(struct scheduler *scheduler, struct batch *batch, uint64_t now_ns)
{
    if (batch->terms.limit && batch->in_state[JOB_RUNNING] >= batch->terms.limit) {
        scheduler_hold(batch, HOLD_LIMIT);
        return; /* its rate is not what it waits for */
    }
    if (!queue_lane_with_jobs(batch))
        return;
    uint64_t due_ns = rate_await(&batch->terms.rate); /* in any case: what is late is late still */
    struct wait_jobs none = {0};
    if (rate_room(&batch->terms.rate, now_ns, 1) == 0 &&
        waits_add(scheduler->waits, batch, WAIT_RATE, none, due_ns) == 0)
        scheduler_hold(batch, HOLD_RATE);
}

/* ---- Moving -------------------------------------------------------------------------------------- */

/* Ends a run of a plugin that is disabled. */
static uint32_t refuse_some(struct scheduler *scheduler, struct lane *lane, const char *reason)
{
    static const struct queue_share whole_run = {.jobs = RUN_MAX, .bytes = SIZE_MAX};
    struct queue_run run;
    if (!queue_take(lane, &whole_run, &run))
        return 1; /* all its jobs had been cancelled one by one: the lane is empty */
    for (uint32_t i = 0; i < run.count; i++)
        end_job(scheduler, run.batch, run.first + i, JOB_FAILED, reason);
    return run.count;
}

/* Moves one run of jobs of this plugin; returns how many jobs that were, 0 when none can move. */
static uint32_t move_some(struct scheduler *scheduler, uint32_t position)
{
    const struct plugin *plugin = &scheduler->catalogue->plugins[position];
    struct lane *lane = queue_turn(scheduler->queue, position);
    if (plugin->disabled)
        return refuse_some(scheduler, lane, plugin->disabled);

    uint32_t worker, room;
    uint64_t now_ns = clock_now_ns();
    if (!plugin_room(scheduler, position, now_ns, 1)) {
        wait_for_plugin(scheduler, position, now_ns);
        return 0;
    }
    if (!pool_pick(scheduler->pool, plugin->style, &worker, &room))
        return 0;
    struct batch *batch = lane->batch;
    struct queue_share share = {.jobs = share_of(scheduler, lane, now_ns, room),
                                .bytes = RUN_BYTES_MAX};
    struct queue_run run;
    if (share.jobs == 0) { /* its batch's turn has not come, and it was not known to be so */
        wait_for_batch(scheduler, batch, now_ns);
        return batch->held ? 1 : 0;
    }
    if (!queue_take(lane, &share, &run))
        return 1;
    send_run(scheduler, &run, worker);
    rate_take(&scheduler->loads[position].rate, now_ns, run.count);
    if (queue_turn(scheduler->queue, position)) /* the next one waits already */
        (void)rate_await(&scheduler->loads[position].rate);
    rate_take(&batch->terms.rate, now_ns, run.count);
    wait_for_batch(scheduler, batch, now_ns);
    return run.count;
}

/* The highest priority of a job that may be able to move; false: there is none. */
static bool top_priority(const struct scheduler *scheduler, int *out)
{
    bool found = false;
    for (uint32_t i = 0; i < scheduler->plugins; i++) {
        const struct lane *lane =
            scheduler->loads[i].stuck ? NULL : queue_turn(scheduler->queue, i);
        if (!lane || (found && turns_priority(&lane->turn) <= *out))
            continue;
        *out = turns_priority(&lane->turn);
        found = true;
    }
    return found;
}

/* Moves one run of each plugin whose next job has this priority; returns how many jobs that were. */
static uint32_t move_priority(struct scheduler *scheduler, int priority)
{
    uint32_t moved = 0, count = scheduler->plugins, first = scheduler->next;
    for (uint32_t i = 0; i < count && moved < SCHEDULER_TURN_MAX; i++) {
        uint32_t position = (first + i) % count;
        struct plugin_load *load = &scheduler->loads[position];
        const struct lane *lane = load->stuck ? NULL : queue_turn(scheduler->queue, position);
        if (!lane || turns_priority(&lane->turn) != priority)
            continue;
        uint32_t of_plugin = move_some(scheduler, position);
        load->stuck = !of_plugin;
        if (of_plugin)
            scheduler->next = position + 1;
        moved += of_plugin;
    }
    return moved;
}

bool dispatch_turn(struct scheduler *scheduler)
{
    uint32_t moved = 0;
    int priority = 0;
    for (uint32_t i = 0; i < scheduler->plugins; i++)
        scheduler->loads[i].stuck = false;
    /* What could not move does not become able to within a turn. */
    while (moved < SCHEDULER_TURN_MAX && top_priority(scheduler, &priority))
        moved += move_priority(scheduler, priority);
    return moved >= SCHEDULER_TURN_MAX;
}
