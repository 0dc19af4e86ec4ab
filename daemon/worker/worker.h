/*
 * The worker: a process that loads plugins and runs their jobs on one loop, told what to do by the
 * supervisor. Everything in it hangs from one struct aw_worker.
 */
#ifndef AWAITD_WORKER_WORKER_H
#define AWAITD_WORKER_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include "worker/cancel.h"
#include "worker/host.h"
#include "worker/job.h"
#include "worker/report.h"

/* Modules take from it what they need; each member is its module's to change. */
struct aw_worker {
    struct event_base *base;
    struct channel *channel;
    struct timers *timers;
    struct alarm *alarm;
    struct fiber_pool *fibers;
    struct threads *threads;
    pthread_t loop_thread;

    struct host host;
    struct jobs jobs;
    struct cancels cancels;
    struct report report;

    struct aw_job *current; /* whose fiber runs just now; NULL: none */

    /* From CONFIG. */
    size_t output_bytes; /* of one job */
    size_t fiber_stack_bytes;

    bool configured, stopping;
    bool closed; /* the supervisor is gone */
};

#endif
