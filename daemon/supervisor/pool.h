/*
 * The workers: starts them, hands them their configuration, knows how much room each has, and replaces
 * those that die. Knows nothing of batches. Loop thread only.
 *
 * Room. A worker has room for a limited number of jobs of each run style, and of all jobs handed to it
 * only a few thousand may wait in its channel without having begun: whoever comes next never stands
 * behind a million others there.
 */
#ifndef AWAITD_SUPERVISOR_POOL_H
#define AWAITD_SUPERVISOR_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "wire/message.h"
#include "wire/run_style.h"

struct catalogue;
struct config;
struct error;
struct event_base;
struct log;
struct pool;

struct pool_callbacks {
    /* A worker has come up, or failed to: pool_ready() and pool_starting() tell. */
    void (*on_change)(void *context);
    /* Workers may have room where they had none. */
    void (*on_room)(void *context);
    /* A job ended, says this worker. Views are valid during the call. Non-zero: it cannot be; the worker is
     * replaced. */
    int (*on_result)(void *context, uint32_t worker, const struct message_result *result);
    /* A worker is dead; all its results have been given to on_result. `replaced`: by pool_replace(). */
    void (*on_lost)(void *context, uint32_t worker, const char *end, bool replaced);
    /* No worker has ever come up, and trying on makes no sense. */
    void (*on_hopeless)(void *context);
    /* After pool_stop(): the last worker is gone. */
    void (*on_stopped)(void *context);
};

enum worker_state {
    WORKER_STARTING, /* its plugins are being loaded */
    WORKER_READY,
    WORKER_BACKOFF, /* dead, to be started again after a while */
    WORKER_STOPPING,
    WORKER_GONE,
    WORKER_STATES,
};

/* What there is to show of a worker. */
struct worker_view {
    pid_t pid; /* 0: no process */
    enum worker_state state;
    uint64_t running; /* jobs handed to it that have not ended */
};

/* How far a worker has come with what was handed to it; times on the monotonic clock. */
struct worker_progress {
    uint64_t begun_ns;   /* jobs handed to it until then have begun; UINT64_MAX: all have */
    uint64_t suspect_ns; /* when the first of the others were handed to it */
    uint64_t delay_ns;   /* the longest that jobs took to begin since it came up */
    uint64_t heard_ns;   /* when it said something last */
};

/* "starting", "ready", ... */
const char *worker_state_name(enum worker_state state);

/* Starts the workers, once the loop runs. The catalogue, configuration, log and base must outlive the pool. */
int pool_new(struct event_base *base, const struct config *config, struct catalogue *catalogue,
             struct log *log, const struct pool_callbacks *callbacks, void *context,
             struct pool **out, struct error *error);
/* Kills what is left. NULL is fine. */
void pool_free(struct pool *pool);

/* Workers, numbered 0 .. count-1. */
uint32_t pool_count(const struct pool *pool);
/* How many of them take jobs. */
uint32_t pool_ready(const struct pool *pool);
/* How many are expected to come up at any moment. */
uint32_t pool_starting(const struct pool *pool);
struct worker_view pool_view(const struct pool *pool, uint32_t worker);
struct worker_progress pool_progress(const struct pool *pool, uint32_t worker);

/* The worker to hand jobs of this style to, and for how many it has room. False: none has any. */
bool pool_pick(const struct pool *pool, enum run_style style, uint32_t *worker, uint32_t *room);

/* Where to write messages for this worker, which must be ready; then pool_send(). */
struct bytes *pool_out(struct pool *pool, uint32_t worker);
/* Sends what was written, among it `jobs` jobs of this style. */
void pool_send(struct pool *pool, uint32_t worker, enum run_style style, uint32_t jobs);
/* One job that was handed to this worker has ended. */
void pool_ended(struct pool *pool, uint32_t worker, enum run_style style);
/* Tells every worker that has jobs to cancel these. */
void pool_cancel(struct pool *pool, const struct message_cancel *cancel);
/* Tells the one worker that has these jobs to cancel them. What the worker has not read waits in memory: a
 * job is cancelled once. */
void pool_cancel_on(struct pool *pool, uint32_t worker, const struct message_cancel *cancel);

/* Kills the worker, for this reason in words; another one takes its place. Nothing happens where that is under way. */
void pool_replace(struct pool *pool, uint32_t worker, const char *why);

/* Lets the workers finish what they have and exit; those that have not done so `patience_s` later are
 * killed. Then on_stopped is called. */
void pool_stop(struct pool *pool, double patience_s);
/* After pool_stop(): kills at once those that are left. */
void pool_hurry(struct pool *pool);

#endif
