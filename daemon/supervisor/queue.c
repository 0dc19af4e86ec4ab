/*
 * Lanes and their jobs. What is put back to run again stands in a ring of its own, since entries are only
 * ever taken from the front.
 */
#include "supervisor/queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include "supervisor/batch.h"

struct queue {
    uint32_t plugins;
    struct turns *turns; /* by plugin */
};

struct queue *queue_new(uint32_t plugins)
{
    struct queue *queue = calloc(1, sizeof(*queue));
    if (queue && queue_grow(queue, plugins) != 0) {
        free(queue);
        return NULL;
    }
    return queue;
}

int queue_grow(struct queue *queue, uint32_t plugins)
{
    if (plugins <= queue->plugins)
        return 0;
    struct turns *grown = reallocarray(queue->turns, plugins, sizeof(*queue->turns));
    if (!grown)
        return -ENOMEM;
    for (uint32_t i = queue->plugins; i < plugins; i++)
        grown[i] = (struct turns){0};
    queue->turns = grown;
    queue->plugins = plugins;
    return 0;
}

void queue_free(struct queue *queue)
{
    if (!queue)
        return;
    for (uint32_t i = 0; i < queue->plugins; i++)
        turns_clear(&queue->turns[i]);
    free(queue->turns);
    free(queue);
}

/* ---- Lanes ----------------------------------------------------------------------------------- */

static struct lane *find_lane(const struct batch *batch, uint32_t plugin)
{
    struct lane *lane = batch->lanes;
    while (lane && lane->plugin != plugin)
        lane = lane->batch_next;
    return lane;
}

static int add_lane(struct queue *queue, struct batch *batch, uint32_t plugin)
{
    struct lane *lane = malloc(sizeof(*lane));
    if (!lane)
        return -ENOMEM;
    *lane = (struct lane){.batch = batch,
                          .plugin = plugin,
                          .head = ENTRY_NONE,
                          .tail = ENTRY_NONE,
                          .batch_next = batch->lanes};
    if (turns_join(&queue->turns[plugin], &lane->turn, batch->terms.priority) != 0) {
        free(lane);
        return -ENOMEM;
    }
    batch->lanes = lane;
    return 0;
}

int queue_prepare(struct queue *queue, struct batch *batch, uint32_t first)
{
    for (uint32_t i = first; i < batch->entries_count; i++) {
        uint32_t plugin = batch->entries[i].plugin;
        assert(plugin < queue->plugins);
        if (!find_lane(batch, plugin) && add_lane(queue, batch, plugin) != 0)
            return -ENOMEM;
    }
    return 0;
}

/* After its jobs, or whether its batch is held, changed. */
static void update_turn(struct lane *lane)
{
    turns_want(&lane->turn, lane->jobs > 0 && !lane->batch->held);
}

void queue_push(struct batch *batch, uint32_t number)
{
    struct entry *entry = &batch->entries[number];
    struct lane *lane = find_lane(batch, entry->plugin);
    assert(lane && entry->next == ENTRY_NONE && lane->tail != number);
    if (lane->head == ENTRY_NONE)
        lane->head = number;
    else
        batch->entries[lane->tail].next = number;
    lane->tail = number;
    lane->jobs +=
        entry->count - entry->taken; /* some have ended where the batch is a rebuilt one */
    update_turn(lane);
}

void queue_hold(struct batch *batch, bool held)
{
    batch->held = held;
    for (struct lane *lane = batch->lanes; lane; lane = lane->batch_next)
        update_turn(lane);
}

struct lane *queue_turn(const struct queue *queue, uint32_t plugin)
{
    assert(plugin < queue->plugins);
    struct turn *turn = turns_first(&queue->turns[plugin]);
    return turn ? (struct lane *)((char *)turn - offsetof(struct lane, turn)) : NULL;
}

struct lane *queue_lane_with_jobs(const struct batch *batch)
{
    struct lane *lane = batch->lanes;
    while (lane && lane->jobs == 0)
        lane = lane->batch_next;
    return lane;
}

void queue_drop(struct batch *batch)
{
    struct lane *lane;
    while ((lane = batch->lanes)) {
        batch->lanes = lane->batch_next;
        turns_leave(&lane->turn);
        free(lane->again.jobs);
        free(lane);
    }
}

/* ---- Jobs that run again ------------------------------------------------------------------------ */

static int again_grow(struct queue_again *again)
{
    if (again->count < again->capacity)
        return 0;
    uint32_t capacity = again->capacity ? 2 * again->capacity : 16;
    uint32_t *jobs = reallocarray(NULL, capacity, sizeof(*jobs));
    if (!jobs)
        return -ENOMEM;
    for (uint32_t i = 0; i < again->count; i++)
        jobs[i] = again->jobs[(again->first + i) % again->capacity];
    free(again->jobs);
    *again = (struct queue_again){.jobs = jobs, .count = again->count, .capacity = capacity};
    return 0;
}

int queue_push_again(struct batch *batch, uint32_t job)
{
    struct lane *lane = find_lane(batch, batch->entries[batch_entry_of(batch, job)].plugin);
    assert(lane);
    struct queue_again *again = &lane->again;
    if (again_grow(again) != 0)
        return -ENOMEM;
    again->jobs[(again->first + again->count++) % again->capacity] = job;
    lane->jobs++;
    update_turn(lane);
    return 0;
}

/* ---- Taking ------------------------------------------------------------------------------------- */

/* The lane's next job, and its entry, without taking it; false: there is none. Moves past entries that are used
 * up. */
static bool front(struct lane *lane, uint32_t *job, uint32_t *number)
{
    const struct batch *batch = lane->batch;
    if (lane->again.count > 0) {
        *job = lane->again.jobs[lane->again.first];
        *number = batch_entry_of(batch, *job);
        return true;
    }
    while (lane->head != ENTRY_NONE) {
        const struct entry *entry = &batch->entries[lane->head];
        if (entry->taken < entry->count) {
            *job = entry->first + entry->taken;
            *number = lane->head;
            return true;
        }
        lane->head = entry->next;
    }
    return false;
}

static void pop(struct lane *lane)
{
    struct queue_again *again = &lane->again;
    if (again->count > 0) {
        again->first = (again->first + 1) % again->capacity;
        again->count--;
    } else {
        lane->batch->entries[lane->head].taken++;
    }
    lane->jobs--;
}

/* What a job adds to the bytes of a run: its item, and the parameters with the first job of an entry. */
static size_t bytes_of(const struct entry *entry, uint32_t job, bool first)
{
    size_t bytes = first ? entry->params_size : 0;
    if (entry->items) {
        const uint32_t *offset = entry->items->offsets + (job - entry->first);
        bytes += offset[1] - offset[0];
    }
    return bytes;
}

/* Takes the front job into the run if it belongs there. */
static bool extend(struct lane *lane, const struct queue_share *share, struct queue_run *run,
                   size_t *bytes)
{
    const struct batch *batch = lane->batch;
    uint32_t job, number;
    if (run->count == share->jobs || !front(lane, &job, &number) ||
        batch_state(batch, job) != JOB_QUEUED)
        return false;
    const struct entry *entry = &batch->entries[number];
    size_t more = bytes_of(entry, job, !run->count || job == entry->first);
    if (run->count && (job != run->first + run->count || *bytes + more > share->bytes ||
                       batch_attempt(batch, job) != batch_attempt(batch, run->first)))
        return false;
    if (!run->count) {
        run->first = job;
        run->entry = number;
    }
    run->count++;
    *bytes += more;
    pop(lane);
    return true;
}

bool queue_take(struct lane *lane, const struct queue_share *share, struct queue_run *out)
{
    struct batch *batch = lane->batch;
    struct queue_run run = {.batch = batch};
    size_t bytes = 0;
    uint32_t job, number;
    while (front(lane, &job, &number) && batch_state(batch, job) != JOB_QUEUED)
        pop(lane);
    while (extend(lane, share, &run, &bytes))
        ;
    if (run.count && lane->turn.wants)
        turns_give(&lane->turn, run.count);
    update_turn(lane);
    if (!run.count)
        return false;
    *out = run;
    return true;
}
