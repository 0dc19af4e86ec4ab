/*
 * Moves jobs: from the queue to workers with room, and from there to their ends. The only module
 * that changes what state a job is in. Does a bounded amount of work at a time and then lets the loop
 * serve everybody else. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_SCHEDULER_H
#define AWAITD_SUPERVISOR_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>
#include "supervisor/batch.h"

struct catalogue;
struct event_base;
struct message_result;
struct pool;
struct scheduler;

struct scheduler_callbacks {
    /* A job has ended; its batch has recorded it as its latest completion. */
    void (*on_completion)(void *context, struct batch *batch, const struct completion *completion);
    /* All jobs of a sealed batch have ended. */
    void (*on_finished)(void *context, struct batch *batch);
    /* A result could not be recorded for want of memory: the daemon cannot keep its word. */
    void (*on_broken)(void *context);
};

/* Once the results of unfinished batches take more than results_max bytes, output is dropped. NULL: out of
 * memory. The catalogue must be filled in; all must outlive the scheduler. */
struct scheduler *scheduler_new(struct event_base *base, const struct catalogue *catalogue,
                                struct pool *pool, size_t results_max,
                                const struct scheduler_callbacks *callbacks, void *context);
/* Takes the batch out of the queue without ending its jobs: before the batch is freed. */
void scheduler_forget(struct scheduler *scheduler, struct batch *batch);
/* Nothing may be queued. NULL is fine. */
void scheduler_free(struct scheduler *scheduler);

/* Queues the batch's entries from number `first` on. -ENOMEM: none of them. */
int scheduler_submit(struct scheduler *scheduler, struct batch *batch, uint32_t first);

/* No more entries for this batch. */
void scheduler_seal(struct scheduler *scheduler, struct batch *batch);

/* Cancels all jobs of the batch that have not ended and seals it. Running ones are told to end; queued ones
 * will not run. `reason`, in words, is a constant. Returns how many jobs it concerns: 0 the second time. */
uint32_t scheduler_cancel(struct scheduler *scheduler, struct batch *batch, const char *reason);
/* The two halves of it: jobs still queued will not run, and the batch is sealed; running ones are told to
 * end. */
void scheduler_cancel_queued(struct scheduler *scheduler, struct batch *batch, const char *reason);
void scheduler_cancel_running(struct scheduler *scheduler, const struct batch *batch);
/* The same for one job. */
void scheduler_cancel_job(struct scheduler *scheduler, struct batch *batch, uint32_t job,
                          const char *reason);

/* Starts no more jobs of the batch, or goes on; running ones run on. False: it was so already, or the batch has
 * finished. */
bool scheduler_pause(struct scheduler *scheduler, struct batch *batch, bool paused);

/* There may be room in the workers, or fewer plugins: looks again soon. */
void scheduler_wake(struct scheduler *scheduler);

/* From the pool: a worker says how a job of `batch` ended. -EBADMSG: it has no such job. */
int scheduler_result(struct scheduler *scheduler, struct batch *batch, uint32_t worker,
                     const struct message_result *result);
/* From the pool: a worker is dead. Jobs of the batch that ran there end in this state, for this reason. */
void scheduler_lost(struct scheduler *scheduler, struct batch *batch, uint32_t worker,
                    enum job_state state, const char *reason);

/* Jobs queued, and jobs handed to workers. */
uint64_t scheduler_queued(const struct scheduler *scheduler);
uint64_t scheduler_running(const struct scheduler *scheduler);

#endif
