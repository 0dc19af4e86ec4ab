/*
 * The innards of the pool, shared by pool.c (the workers as a whole) and pool_worker.c (the life of
 * one of them) and pool_message.c (what they say), and by nobody else.
 */
#ifndef AWAITD_SUPERVISOR_POOL_WORKER_H
#define AWAITD_SUPERVISOR_POOL_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "supervisor/pool.h"

/* Jobs in a worker's channel that have not begun. A worker begins some 2 million a second, so this
 * is 2 ms of work: enough to keep it busy, and what a newcomer waits at most. */
#define POOL_UNSTARTED_MAX 4096u

struct worker {
    struct pool *pool;
    uint32_t number;
    enum worker_state state;
    pid_t pid;       /* 0: no process, or it has been waited for */
    pid_t ended_pid; /* of the process that was waited for last */
    int exit_status;
    struct channel *channel; /* NULL: none, or closed */
    /* What it waits for: the end of a rest in BACKOFF, of its patience with a plugin being loaded in
     * STARTING, and, once the process is gone, of the channel. */
    struct event *timer;
    int64_t loading; /* position of the plugin being loaded; -1: none */
    int64_t suspect; /* position of the plugin that it was loading when it died last; -1: none */
    bool overdue;    /* killed since it took too long to load a plugin */
    bool replaced;   /* killed since it did not let go of a job */
    uint32_t running[RUN_STYLES];
    uint32_t unstarted;
    /* The runs that these are of, in a ring; each has one of them at least. */
    struct handed {
        uint64_t when_ns;
        uint32_t jobs; /* not yet begun */
    } handed[POOL_UNSTARTED_MAX];
    uint32_t handed_first, handed_count;
    uint64_t begun_ns, delay_ns, heard_ns; /* see struct worker_progress */
    uint32_t failures;                     /* deaths in a row */
    uint64_t ready_ns;                     /* since when it takes jobs; 0: it has not come up */
};

/* Jobs were handed to it just now; so many of those that were have begun. */
void pool_worker_handed(struct worker *worker, uint32_t jobs);
void pool_worker_begun(struct worker *worker, uint32_t jobs);

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

/* A plugin is going to be loaded, which must not take longer than daemon.load_timeout from now on. */
void pool_worker_allow_load(struct worker *worker);
/* It has loaded all plugins and takes jobs. */
void pool_worker_came_up(struct worker *worker);
/* One message of a worker, as struct channel_callbacks has it. */
int pool_message(void *context, enum message_type type, struct bytes_reader *payload);

/* Whether it is expected to come up at any moment. */
bool pool_worker_is_starting(const struct worker *worker);

/* The last worker of a pool that stops may be gone: tells so if it is. In pool.c. */
void pool_tell_if_all_gone(struct pool *pool);

#endif
