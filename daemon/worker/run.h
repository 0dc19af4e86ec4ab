/*
 * The three ways to run a job, one file each.
 */
#ifndef AWAITD_WORKER_RUN_H
#define AWAITD_WORKER_RUN_H

#include "wire/run_style.h"

struct aw_job;

struct runner {
    enum run_style style;

    /* Enters the job's code; the job may have ended when it returns. */
    void (*begin)(struct aw_job *job);
    /* The job is cancelled and runs: sees to it that the plugin notices. It may have ended when this
     * returns. */
    void (*cancel)(struct aw_job *job);
};

extern const struct runner run_fiber, run_async, run_blocking;

/* What aw_sleep(), aw_wait_fd() and aw_blocking() are for a fiber, on the fiber. */
int run_fiber_sleep(struct aw_job *job, double seconds);
int run_fiber_wait_fd(struct aw_job *job, int fd, unsigned events, double timeout_s);
int run_fiber_call_blocking(struct aw_job *job, int (*function)(void *argument), void *argument);

/* The same on a thread of the pool. */
int run_blocking_sleep(struct aw_job *job, double seconds);
int run_blocking_wait_fd(struct aw_job *job, int fd, unsigned events, double timeout_s);

#endif
