/*
 * What the files of the scheduler share, see scheduler.h:
 *
 *     scheduler.c           its life, its turn, requests
 *     scheduler_dispatch.c  from the queue to workers
 *     scheduler_ready.c     from waiting to the queue: order, delays, pauses before another attempt
 *     scheduler_end.c       from results to ends
 *     scheduler_grace.c     workers that do not let go of their jobs
 *     scheduler_restore.c   batches from before the start
 */
#ifndef AWAITD_SUPERVISOR_SCHEDULER_PARTS_H
#define AWAITD_SUPERVISOR_SCHEDULER_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include "base/rate.h"
#include "supervisor/queue.h"
#include "supervisor/scheduler.h"
#include "supervisor/waits.h"

struct event;

/* Jobs moved, or ended, in one turn of the loop: about 1 ms. */
#define SCHEDULER_TURN_MAX 8192u

/* What there is to know of one plugin. */
struct plugin_load {
    uint64_t running;
    struct rate rate;
    bool waits; /* for its rate */
    bool stuck; /* nothing of it can move in this round */
};

/* Jobs that are to end without running: some at a time, turn after turn. */
struct ending {
    TAILQ_ENTRY(ending) link;
    LIST_ENTRY(ending) batch_link;
    struct batch *batch;
    uint32_t next, end; /* jobs still to be looked at */
    enum job_state state;
    char reason[160];
};

struct scheduler {
    const struct catalogue *catalogue;
    struct pool *pool;
    struct scheduler_limits limits;
    struct scheduler_callbacks callbacks;
    void *context;
    struct queue *queue;
    struct waits *waits;
    struct event *turn;
    bool awake;    /* the turn is due */
    uint32_t next; /* plugin that the next round begins with */
    uint64_t waiting, queued, running;
    struct plugin_load *loads; /* by plugin */
    uint32_t plugins;          /* how many */
    size_t results_bytes;      /* memory of the completions of unfinished batches */
    TAILQ_HEAD(, ending) endings;
};

/* ---- scheduler.c ---- */

/* Why the jobs of a batch have no turn; bits. */
enum hold {
    HOLD_LIMIT = 1,    /* as many run as may */
    HOLD_RATE = 2,     /* the next one is not yet due */
    HOLD_PAUSED = 4,   /* somebody said so */
    HOLD_ENDING = 8,   /* they are about to end */
    HOLD_PARTING = 16, /* the daemon stops */
};
void scheduler_hold(struct batch *batch, enum hold why);
void scheduler_release(struct scheduler *scheduler, struct batch *batch, enum hold why);

/* All jobs of the batch that have not ended are to end in this state, running ones by being told, and it is
 * sealed, though nobody asked for it: the batch has failed then. `reason` is a constant. The batch may have finished behind
 * it. */
void scheduler_give_up(struct scheduler *scheduler, struct batch *batch, enum job_state state,
                       const char *reason);

/* The batch is out of time. It may have finished behind it. */
void scheduler_deadline_over(struct scheduler *scheduler, struct batch *batch);

/* Makes room for the plugins that the catalogue has by now, ghosts among them. -ENOMEM. */
int scheduler_grow(struct scheduler *scheduler);

/* The terms that hold for an entry. */
uint64_t scheduler_timeout_ns(const struct scheduler *scheduler, const struct batch *batch,
                              const struct entry *entry);
const struct retry *scheduler_retry(const struct batch *batch, const struct entry *entry);

/* ---- scheduler_dispatch.c ---- */

/* Sends what can be sent, for one turn; true: there may be more. */
bool dispatch_turn(struct scheduler *scheduler);

/* ---- scheduler_ready.c ---- */

/* Queues the entries from number `first` on, or lets them wait for what they have to. -ENOMEM: none of them. */
int ready_submit(struct scheduler *scheduler, struct batch *batch, uint32_t first);
/* The entry waits for nothing any more: those of its jobs that have not ended are queued. */
void ready_queue(struct scheduler *scheduler, struct batch *batch, uint32_t entry);
/* The entry waited for one that did not succeed: its jobs end. */
void ready_skip(struct scheduler *scheduler, struct batch *batch, uint32_t entry, uint32_t because);
/* Queues what no longer waits for others, and lets end what waits in vain. */
void ready_follow_order(struct scheduler *scheduler, struct batch *batch);
/* A running job is taken back, to run again: as another attempt after its pause, or, where the one it had does not
 * count, at once. *due_ns is when it will be queued; 0: it is. -ENOMEM: it runs still. */
int ready_again(struct scheduler *scheduler, struct batch *batch, uint32_t job, bool counted,
                uint64_t *due_ns);
/* A delay or a pause is over. */
void ready_delay_over(struct scheduler *scheduler, struct batch *batch, struct wait_jobs jobs);
void ready_pause_over(struct scheduler *scheduler, struct batch *batch, uint32_t job);

/* ---- scheduler_end.c ---- */

/* Ends a job that gave no result. The batch may have finished behind it. */
void end_job(struct scheduler *scheduler, struct batch *batch, uint32_t job, enum job_state state,
             const char *reason);
/* Jobs of the batch that wait or are queued are to end so, some in each turn. */
void end_later(struct scheduler *scheduler, struct batch *batch, struct wait_jobs jobs,
               enum job_state state, const char *reason);
/* Ends a turn's share of them; true: there are more. */
bool end_turn(struct scheduler *scheduler);
/* A job of a batch ended otherwise than by success: where its terms say so, the others are to end, too. The batch may
 * have finished behind it. */
void end_others(struct scheduler *scheduler, struct batch *batch);
/* The batch has finished, or is to be forgotten: nothing here may point to it any more. */
void end_forget(struct scheduler *scheduler, struct batch *batch);
/* All its jobs have ended, and it is sealed. */
void end_batch(struct scheduler *scheduler, struct batch *batch);

/* ---- scheduler_grace.c ---- */

/* Jobs with this timeout were handed over just now. */
void grace_watch(struct scheduler *scheduler, struct batch *batch, uint64_t timeout_ns);
/* The running jobs of the batch, or one of them, were told to end. */
void grace_begin(struct scheduler *scheduler, struct batch *batch);
void grace_begin_job(struct scheduler *scheduler, struct batch *batch, uint32_t job);
/* It may be over. */
void grace_over(struct scheduler *scheduler, struct batch *batch);
void grace_over_job(struct scheduler *scheduler, struct batch *batch, uint32_t job,
                    uint64_t since_ns);
/* What becomes of a running job whose worker was replaced: how it ends, or JOB_QUEUED for one that did
 * nothing wrong. */
enum job_state grace_verdict(const struct scheduler *scheduler, const struct batch *batch,
                             uint32_t job, char *reason, size_t reason_size);

#endif
