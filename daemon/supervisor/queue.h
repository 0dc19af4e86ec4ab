/*
 * The queue: which job is to run next, for each plugin.
 *
 * The jobs of one batch for one plugin form a lane, in the order in which they became ready; those that
 * are to run again come first. Whose lane's turn it is follows from the batches' priorities and from what each
 * lane was given, see turns.h: a batch of one job waits for at most one run of another of the same
 * priority, however many jobs that has. Lanes are per plugin so that a plugin without room holds up no
 * other. A batch may be held: its lanes keep their jobs and have no turn. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_QUEUE_H
#define AWAITD_SUPERVISOR_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "supervisor/turns.h"

struct batch;
struct queue;

/* Jobs that are to run again, in a ring. */
struct queue_again {
    uint32_t *jobs;
    uint32_t first, count, capacity;
};

struct lane {
    struct turn turn; /* it wants one while it has jobs and its batch is not held */
    struct batch *batch;
    uint32_t plugin;
    uint32_t head, tail; /* entries of the batch; ENTRY_NONE: none */
    uint64_t jobs;       /* that it has; counts also jobs cancelled one by one meanwhile */
    struct queue_again again;
    struct lane *batch_next; /* next lane of the same batch */
};

/* Consecutive jobs that left the queue, all with the same number of attempts behind them. */
struct queue_run {
    struct batch *batch;
    uint32_t first, count;
    uint32_t entry; /* that the first of them belongs to */
};

/* A queue for this many plugins. NULL: out of memory. */
struct queue *queue_new(uint32_t plugins);
/* From now on it is for this many, if that is more. -ENOMEM. */
int queue_grow(struct queue *queue, uint32_t plugins);
/* Frees it; it must be empty. NULL is fine. */
void queue_free(struct queue *queue);

/* Makes the lanes for the batch's entries from number `first` on, without putting anything into them. They stay
 * until queue_drop(). -ENOMEM: nothing changed that matters. */
int queue_prepare(struct queue *queue, struct batch *batch, uint32_t first);
/* Puts all jobs of an entry, but for those it has taken already, into its lane; the entry was prepared for, and is put
 * there once. Never fails. */
void queue_push(struct batch *batch, uint32_t entry);
/* Puts a job that was taken back to the front of its lane, to run again. -ENOMEM: it is not there. */
int queue_push_again(struct batch *batch, uint32_t job);

/* Holds the batch, or lets it go on. */
void queue_hold(struct batch *batch, bool held);

/* The lane whose turn it is; NULL: the plugin has no jobs, or those of held batches alone. */
struct lane *queue_turn(const struct queue *queue, uint32_t plugin);
/* A lane of the batch that has jobs, whoever's turn it is; NULL: none has. */
struct lane *queue_lane_with_jobs(const struct batch *batch);

/* How much to take at once. */
struct queue_share {
    uint32_t jobs;
    size_t bytes; /* of parameters and items; the first job is taken whatever it has */
};

/*
 * Takes a share of consecutive jobs from the front of the lane, leaving out those that are not queued any
 * more, and counts them as given to the lane. False: none were left in it.
 */
bool queue_take(struct lane *lane, const struct queue_share *share, struct queue_run *out);

/* Takes the batch's lanes away, whatever they hold. */
void queue_drop(struct batch *batch);

#endif
