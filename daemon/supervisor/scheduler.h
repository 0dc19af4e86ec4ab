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
struct store_job;

struct scheduler_callbacks {
    /* A job has ended; its batch has recorded it as its latest completion. */
    void (*on_completion)(void *context, struct batch *batch, const struct completion *completion);
    /* All jobs of a sealed batch have ended. */
    void (*on_finished)(void *context, struct batch *batch);
    /* A job came out like this and is to be tried again at this moment, 0: as soon as it can; the view is valid during
     * the call. */
    void (*on_retry)(void *context, struct batch *batch, uint32_t job, enum job_state state,
                     struct bytes_view reason, uint64_t due_ns);
    /* Jobs of the batch that have not ended are to end; see struct batch for why and as what. */
    void (*on_stopped)(void *context, struct batch *batch);
    /* The running job was told to end by itself. */
    void (*on_told)(void *context, struct batch *batch, uint32_t job);
    /* Nothing runs any more, and nothing is about to end. */
    void (*on_settled)(void *context);
    /* A result could not be recorded for want of memory: the daemon cannot keep its word. */
    void (*on_broken)(void *context);
};

struct scheduler_limits {
    size_t results_bytes; /* of unfinished batches, past which output is dropped */
    uint64_t
        running; /* jobs at the same time, of all batches; 0: as many as workers have room for */
    uint64_t timeout_ns; /* of jobs for which nobody says one; 0: none */
    uint64_t grace_ns;   /* what a job has to end when it is told to */
};

/* NULL: out of memory. The catalogue must be filled in; all but the limits must outlive the scheduler. */
struct scheduler *scheduler_new(struct event_base *base, const struct catalogue *catalogue,
                                struct pool *pool, const struct scheduler_limits *limits,
                                const struct scheduler_callbacks *callbacks, void *context);
/* Takes the batch out of the queue without ending its jobs: before the batch is freed. */
void scheduler_forget(struct scheduler *scheduler, struct batch *batch);
/* Nothing may be queued. NULL is fine. */
void scheduler_free(struct scheduler *scheduler);

/* A new batch, with its terms, before it gets its first job. -ENOMEM: it is not begun. */
int scheduler_begin(struct scheduler *scheduler, struct batch *batch);

/* The batch's entries from number `first` on, up to the last, are admitted: queues them, or lets them wait for what they
 * have to. Where the batch has been stopped meanwhile, they end like the others. -ENOMEM: none of them. */
int scheduler_submit(struct scheduler *scheduler, struct batch *batch, uint32_t first);
/* Those entries are not admitted: the batch is as if they had never come, and may have finished behind it. */
void scheduler_take_back(struct scheduler *scheduler, struct batch *batch, uint32_t first);

/*
 * Goes on with a batch that was rebuilt after a restart and has not finished: its jobs are queued, as they are when they
 * are added, or have ended, and what it has been told as a whole is set. Delays, pauses and deadlines count from when
 * they did before; what had been freed or doomed by jobs that have ended is so again. `jobs` tells more of `count` jobs
 * that have not ended, and is sorted in here. The batch may have finished behind it. -ENOMEM: it is to be forgotten.
 */
int scheduler_restore(struct scheduler *scheduler, struct batch *batch, struct store_job *jobs,
                      size_t count);

/* No more entries for this batch. */
void scheduler_seal(struct scheduler *scheduler, struct batch *batch);

/* Cancels all jobs of the batch that have not ended and seals it. Running ones are told to end; queued ones
 * will not run. `reason`, in words, is a constant. Returns how many jobs it concerns: 0 the second time. */
uint32_t scheduler_cancel(struct scheduler *scheduler, struct batch *batch, const char *reason);
/* The two halves of it: jobs still queued will not run, and the batch is sealed; running ones are told to
 * end. */
uint32_t scheduler_cancel_queued(struct scheduler *scheduler, struct batch *batch,
                                 const char *reason);
void scheduler_cancel_running(struct scheduler *scheduler, struct batch *batch);
/* The same for one job. Returns its state behind it. */
enum job_state scheduler_cancel_job(struct scheduler *scheduler, struct batch *batch, uint32_t job,
                                    const char *reason);

/* The daemon stops, and the batch goes on with its next start: nothing of it is started any more. */
void scheduler_part(struct batch *batch);
/* Jobs of such a batch that run are told to end; unless they succeed, that is no end, and they will run again. */
void scheduler_part_running(struct scheduler *scheduler, struct batch *batch);
/* Whether nothing runs, and nothing is about to end. */
bool scheduler_is_settled(const struct scheduler *scheduler);

/* Starts no more jobs of the batch, or goes on; running ones run on. False: it was so already, or the batch has
 * finished. */
bool scheduler_pause(struct scheduler *scheduler, struct batch *batch, bool paused);
bool scheduler_is_paused(const struct batch *batch);

/* There may be room in the workers, or fewer plugins: looks again soon. */
void scheduler_wake(struct scheduler *scheduler);

/* From the pool: a worker says how a job of `batch` ended. -EBADMSG: it has no such job. */
int scheduler_result(struct scheduler *scheduler, struct batch *batch, uint32_t worker,
                     const struct message_result *result);
/* From the pool: a worker is dead. Jobs of the batch that ran there end in this state, for this reason, unless
 * they are tried again; but where it was replaced because of jobs that did not end when told to, those end
 * as they were told, and the others run again, uncounted. */
struct scheduler_loss {
    enum job_state state;
    const char *reason;
    bool replaced;
};
void scheduler_lost(struct scheduler *scheduler, struct batch *batch, uint32_t worker,
                    const struct scheduler_loss *loss);

/* Jobs that wait for their time or for others, jobs queued, and jobs handed to workers. */
uint64_t scheduler_waiting(const struct scheduler *scheduler);
uint64_t scheduler_queued(const struct scheduler *scheduler);
uint64_t scheduler_running(const struct scheduler *scheduler);
/* Of one plugin, by its position in the catalogue. */
uint64_t scheduler_running_of(const struct scheduler *scheduler, uint32_t plugin);

#endif
