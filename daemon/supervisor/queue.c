/*
 * A ring of lanes for each plugin. The head of a ring is the lane whose turn it is; a lane that had
 * its turn goes to the end.
 */
#include "supervisor/queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include "supervisor/batch.h"

struct queue {
    uint32_t plugins;
    uint64_t jobs;
    struct lane *turns[]; /* by plugin; NULL: nothing queued */
};

struct queue *queue_new(uint32_t plugins)
{
    struct queue *queue = calloc(1, sizeof(*queue) + plugins * sizeof(struct lane *));
    if (queue)
        queue->plugins = plugins;
    return queue;
}

void queue_free(struct queue *queue)
{
    if (!queue)
        return;
    for (uint32_t i = 0; i < queue->plugins; i++)
        assert(!queue->turns[i]);
    free(queue);
}

static void ring_append(struct queue *queue, struct lane *lane)
{
    struct lane *head = queue->turns[lane->plugin];
    if (!head) {
        lane->ring_next = lane->ring_previous = lane;
        queue->turns[lane->plugin] = lane;
        return;
    }
    lane->ring_next = head;
    lane->ring_previous = head->ring_previous;
    head->ring_previous->ring_next = lane;
    head->ring_previous = lane;
}

static void ring_remove(struct queue *queue, struct lane *lane)
{
    struct lane **turn = &queue->turns[lane->plugin];
    lane->ring_next->ring_previous = lane->ring_previous;
    lane->ring_previous->ring_next = lane->ring_next;
    if (*turn == lane)
        *turn = lane->ring_next == lane ? NULL : lane->ring_next;
}

static struct lane *find_lane(const struct batch *batch, uint32_t plugin)
{
    struct lane *lane = batch->lanes;
    while (lane && lane->plugin != plugin)
        lane = lane->batch_next;
    return lane;
}

static void remove_lane(struct queue *queue, struct lane *lane)
{
    ring_remove(queue, lane);
    struct lane **link = &lane->batch->lanes;
    while (*link != lane)
        link = &(*link)->batch_next;
    *link = lane->batch_next;
    queue->jobs -= lane->jobs;
    free(lane);
}

/* Makes sure that each plugin of the entries has its lane. */
static int add_lanes(struct queue *queue, struct batch *batch, uint32_t first)
{
    for (uint32_t i = first; i < batch->entries_count; i++) {
        uint32_t plugin = batch->entries[i].plugin;
        if (find_lane(batch, plugin))
            continue;
        struct lane *lane = malloc(sizeof(*lane));
        if (!lane)
            return -ENOMEM;
        *lane = (struct lane){.batch = batch,
                              .plugin = plugin,
                              .head = ENTRY_NONE,
                              .tail = ENTRY_NONE,
                              .batch_next = batch->lanes};
        batch->lanes = lane;
        ring_append(queue, lane);
    }
    return 0;
}

static void remove_empty_lanes(struct queue *queue, struct batch *batch)
{
    for (struct lane *lane = batch->lanes, *next; lane; lane = next) {
        next = lane->batch_next;
        if (lane->head == ENTRY_NONE)
            remove_lane(queue, lane);
    }
}

int queue_push(struct queue *queue, struct batch *batch, uint32_t first)
{
    int error = add_lanes(queue, batch, first);
    if (error) {
        remove_empty_lanes(queue, batch);
        return error;
    }
    for (uint32_t i = first; i < batch->entries_count; i++) {
        struct entry *entry = &batch->entries[i];
        struct lane *lane = find_lane(batch, entry->plugin);
        if (lane->head == ENTRY_NONE)
            lane->head = i;
        else
            batch->entries[lane->tail].next = i;
        lane->tail = i;
        lane->jobs += entry->count;
        queue->jobs += entry->count;
    }
    return 0;
}

struct lane *queue_turn(const struct queue *queue, uint32_t plugin)
{
    assert(plugin < queue->plugins);
    return queue->turns[plugin];
}

/* The lane's next job without taking it; false: there is none. Moves past entries that are used up. */
static bool front(struct lane *lane, uint32_t *job)
{
    while (lane->head != ENTRY_NONE) {
        const struct entry *entry = &lane->batch->entries[lane->head];
        if (entry->taken < entry->count) {
            *job = entry->first + entry->taken;
            return true;
        }
        lane->head = entry->next;
    }
    return false;
}

static void pop(struct queue *queue, struct lane *lane)
{
    lane->batch->entries[lane->head].taken++;
    lane->jobs--;
    queue->jobs--;
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
static bool extend(struct queue *queue, struct lane *lane, const struct queue_share *share,
                   struct queue_run *run, size_t *bytes)
{
    uint32_t job;
    if (run->count == share->jobs || !front(lane, &job) ||
        batch_state(lane->batch, job) != JOB_QUEUED)
        return false;
    const struct entry *entry = &lane->batch->entries[lane->head];
    size_t more = bytes_of(entry, job, !run->count || job == entry->first);
    if (run->count && (job != run->first + run->count || *bytes + more > share->bytes))
        return false;
    if (!run->count) {
        run->first = job;
        run->entry = lane->head;
    }
    run->count++;
    *bytes += more;
    pop(queue, lane);
    return true;
}

bool queue_take(struct queue *queue, struct lane *lane, const struct queue_share *share,
                struct queue_run *out)
{
    struct batch *batch = lane->batch;
    struct queue_run run = {.batch = batch};
    size_t bytes = 0;
    uint32_t job;
    while (front(lane, &job) && batch_state(batch, job) != JOB_QUEUED)
        pop(queue, lane);
    while (extend(queue, lane, share, &run, &bytes))
        ;
    if (!front(lane, &job))
        remove_lane(queue, lane);
    else if (queue->turns[lane->plugin] == lane)
        queue->turns[lane->plugin] = lane->ring_next;
    if (!run.count)
        return false;
    *out = run;
    return true;
}

void queue_drop(struct queue *queue, struct batch *batch)
{
    while (batch->lanes)
        remove_lane(queue, batch->lanes);
}

uint64_t queue_jobs(const struct queue *queue)
{
    return queue->jobs;
}
