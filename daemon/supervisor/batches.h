/*
 * All batches the daemon knows, by number: the unfinished ones, and as many finished ones as their
 * allowance of memory holds. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_BATCHES_H
#define AWAITD_SUPERVISOR_BATCHES_H

#include <stddef.h>
#include <stdint.h>
#include "supervisor/batch.h"
#include "supervisor/keys.h"

struct event;
struct event_base;

struct batches {
    uint64_t last_number; /* given so far; the first is 1 */
    struct keys keys;     /* of all batches that have one */
    struct batch **buckets;
    size_t buckets_count, count;
    TAILQ_HEAD(batches_list, batch) all; /* oldest first */
    struct batches_list finished;        /* in the order they finished */
    size_t finished_count;
    size_t history_bytes;       /* memory of the finished ones */
    size_t history_bytes_max;   /* and how much they may take; the newest one always stays */
    struct batches_list let_go; /* finished ones that may be unneeded from now on, */
    struct event *room;         /* which then make room; NULL: when the next one finishes */
};

/* -ENOMEM. */
int batches_init(struct batches *batches, size_t history_bytes_max);
/* From now on, what is let go makes room in a later turn of this loop. -ENOMEM. */
int batches_make_room_in(struct batches *batches, struct event_base *base);
/* Frees all batches. */
void batches_clear(struct batches *batches);

/* A new batch with the next number. NULL: out of memory. */
struct batch *batches_add(struct batches *batches, const char *name, uid_t owner);
/* Takes in a batch that is read from the store, which has its number already and none of the others. It is found from
 * now on. */
void batches_restore(struct batches *batches, struct batch *batch);
/* Gives it a key, by which it is found as long as it is here. -ENOMEM. */
int batches_set_key(struct batches *batches, struct batch *batch, const char *key);
/* Forgets and frees a batch that came to nothing, and takes its number back where it is the newest. */
void batches_undo_add(struct batches *batches, struct batch *batch);

/* NULL: no such batch (any more). */
struct batch *batches_find(const struct batches *batches, uint64_t number);

/* The newest batch with a number below `number` (0: of all); NULL: none. */
struct batch *batches_below(const struct batches *batches, uint64_t number);

/* A batch that outlives the daemon has finished, and that has been committed: until then it is not forgotten. */
void batches_recorded(struct batches *batches);

/* A batch has finished: it counts as history from now on, and the oldest of the history that nobody
 * watches or wants make room for it. Never frees `batch` itself. */
void batches_finished(struct batches *batches, struct batch *batch);

/* Nobody watches, or wants, the batch any more: if it is history that takes too much memory, it is forgotten; not before
 * the caller has returned to the loop. Costs the same however much history there is. */
void batches_let_go(struct batches *batches, struct batch *batch);

#endif
