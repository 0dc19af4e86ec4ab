/*
 * What the scheduler waits for by the clock: delays, pauses before another attempt, rates, deadlines, and the end
 * of its patience. One list of timers for all batches, exact to far less than a millisecond; each wait
 * belongs to a batch, and goes when that goes. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_WAITS_H
#define AWAITD_SUPERVISOR_WAITS_H

#include <stdint.h>

struct batch;
struct error;
struct event_base;
struct wait;
struct waits;

enum wait_reason {
    WAIT_DELAY,    /* of an entry, from jobs.first on */
    WAIT_RETRY,    /* of one job */
    WAIT_RATE,     /* of the batch */
    WAIT_DEADLINE, /* of the batch */
    WAIT_CANCEL,   /* one job was told to end, and its grace is over */
    WAIT_GRACE,    /* the same for other jobs of the batch: at most one, see waits_sooner() */
    WAIT_PLUGIN,   /* the rate of plugin number jobs.first, of no batch */
};

struct wait_jobs {
    uint32_t first, count; /* which jobs of the batch, where it is about jobs */
};

struct waits_callbacks {
    /* It is time; the wait is gone. since_ns: when it was added. The batch may be freed in here. */
    void (*on_due)(void *context, struct batch *batch, enum wait_reason reason,
                   struct wait_jobs jobs, uint64_t since_ns);
};

/* NULL: the reason is in *error. */
struct waits *waits_new(struct event_base *base, const struct waits_callbacks *callbacks,
                        void *context, struct error *error);
/* No batch may have any. NULL is fine. */
void waits_free(struct waits *waits);

/* Adds one, for this moment on the monotonic clock; in the past: soon. batch: NULL for WAIT_PLUGIN. -ENOMEM. */
int waits_add(struct waits *waits, struct batch *batch, enum wait_reason reason,
              struct wait_jobs jobs, uint64_t due_ns);

/* Sees to it that the batch has one of this kind, which is due then or before. -ENOMEM. */
int waits_sooner(struct waits *waits, struct batch *batch, enum wait_reason reason,
                 uint64_t due_ns);

/* Drops all that the batch has. */
void waits_drop(struct waits *waits, struct batch *batch);

/* The wait of this kind that concerns the job, and since when it is; 0: there is none. *due_ns is when it ends. */
uint64_t waits_find(const struct batch *batch, enum wait_reason reason, uint32_t job,
                    uint64_t *due_ns);

#endif
