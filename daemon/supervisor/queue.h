/*
 * The queue: which job is to run next, for each plugin.
 *
 * The jobs of one batch for one plugin form a lane, in the order of submission. A plugin's lanes
 * take turns, a run of jobs each, so that a batch of one job waits for at most one run of every
 * other batch, however many jobs those have. Lanes are per plugin so that a plugin without room holds
 * up no other. Taking and pushing cost the same whatever is queued. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_QUEUE_H
#define AWAITD_SUPERVISOR_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch;
struct queue;

struct lane {
    struct batch *batch;
    uint32_t plugin;
    uint32_t head, tail;     /* entries of the batch */
    uint64_t jobs;           /* that it has; counts also jobs cancelled one by one meanwhile */
    struct lane *batch_next; /* next lane of the same batch */
    struct lane *ring_next, *ring_previous; /* next lane of the same plugin, in turn */
};

/* Consecutive jobs that left the queue. */
struct queue_run {
    struct batch *batch;
    uint32_t first, count;
    uint32_t entry; /* that the first of them belongs to */
};

/* A queue for this many plugins. NULL: out of memory. */
struct queue *queue_new(uint32_t plugins);
/* Frees it; it must be empty. NULL is fine. */
void queue_free(struct queue *queue);

/* Puts all jobs of the batch's entries from number `first` on into their lanes. -ENOMEM: none of them. */
int queue_push(struct queue *queue, struct batch *batch, uint32_t first);

/* The lane whose turn it is; NULL: the plugin has no jobs. */
struct lane *queue_turn(const struct queue *queue, uint32_t plugin);

/* How much to take at once. */
struct queue_share {
    uint32_t jobs;
    size_t bytes; /* of parameters and items; the first job is taken whatever it has */
};

/*
 * Takes a share of consecutive jobs from the front of the lane, leaving out those that are not queued any
 * more; if it was the lane's turn, the plugin's next lane has it now. A lane that became empty is gone.
 * False: none were left in it.
 */
bool queue_take(struct queue *queue, struct lane *lane, const struct queue_share *share,
                struct queue_run *out);

/* Takes the batch's lanes away, whatever they hold. */
void queue_drop(struct queue *queue, struct batch *batch);

/* Jobs in all lanes, see struct lane. */
uint64_t queue_jobs(const struct queue *queue);

#endif
