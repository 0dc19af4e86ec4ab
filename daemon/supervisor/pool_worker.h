/*
 * The innards of the pool, shared by pool.c (the workers as a whole) and pool_worker.c (the life of
 * one of them), and by nobody else.
 */
#ifndef AWAITD_SUPERVISOR_POOL_WORKER_H
#define AWAITD_SUPERVISOR_POOL_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "supervisor/pool.h"

struct worker {
    struct pool *pool;
    uint32_t number;
    enum worker_state state;
    pid_t pid; /* 0: no process, or it has been waited for */
    int exit_status;
    struct channel *channel; /* NULL: none, or closed */
    struct event *timer;     /* backoff, or lingering */
    int64_t loading;         /* position of the plugin being loaded; -1: none */
    uint32_t running[RUN_STYLES];
    uint32_t unstarted;
    uint32_t failures; /* deaths in a row */
    uint64_t started_ns;
};

struct pool {
    struct event_base *base;
    const struct config *config;
    struct catalogue *catalogue;
    struct log *log;
    struct pool_callbacks callbacks;
    void *context;
    char *binary;
    struct event *on_child, *on_impatience;
    uint32_t limits[RUN_STYLES]; /* jobs at once in one worker */
    bool stopping;
    uint32_t count;
    struct worker workers[];
};

/* Prepares worker `number` of the pool; it has no process yet. -ENOMEM. */
int pool_worker_init(struct worker *worker, struct pool *pool, uint32_t number);
/* Kills and waits for what is left of it. */
void pool_worker_clear(struct worker *worker);

/* Starts its process as soon as the loop runs: whatever happens is reported from there. */
void pool_worker_start(struct worker *worker);
/* A child has died: notes it if it was this worker's. */
void pool_worker_reap(struct worker *worker);
/* Lets it finish what it has and exit. */
void pool_worker_stop(struct worker *worker);

/* Whether it is expected to come up at any moment. */
bool pool_worker_is_starting(const struct worker *worker);

/* The last worker of a pool that stops may be gone: tells so if it is. In pool.c. */
void pool_tell_if_all_gone(struct pool *pool);

#endif
