/*
 * A job in the worker, from its message to its result, and the slabs that jobs live in. Jobs come by
 * the hundred thousand: struct aw_job is one cache line, what few jobs need is in struct job_more, and
 * what jobs of one entry share is in struct entry.
 *
 * A job is begun once and ends once. Its memory stays until the turn of the loop in which the
 * last job of its slab ended is over, so that a plugin which goes on using a job is told so.
 */
#ifndef AWAITD_WORKER_JOB_H
#define AWAITD_WORKER_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <awaitd/plugin.h>
#include "base/bytes.h"
#include "base/timers.h"

struct blocking;
struct entry;
struct fiber;
struct plugin;
struct task;
struct watch;

enum job_phase {
    PHASE_NEW, /* not yet begun */
    PHASE_RUNNING,
    PHASE_ENDED,
};

/* Why a job is to end before it does by itself. */
enum job_stop {
    STOP_NONE,
    STOP_CANCELLED,
    STOP_TIMEOUT,  /* its own time is up */
    STOP_DEADLINE, /* its batch's */
    STOPS,
};

/* What a fiber waits for. */
enum job_wait { WAIT_NOTHING, WAIT_TIME, WAIT_FD, WAIT_THREAD };

struct aw_job {
    struct slab *slab;
    struct entry *entry; /* while it runs */
    struct job_more *more;
    union {                                  /* by phase, then by run style */
        void (*on_time)(struct aw_job *job); /* async */
        struct fiber *fiber;
        struct blocking *blocking;
        const struct plugin *plugin; /* ended: whose it was */
    } run;
    _Atomic uint64_t started_ns; /* a blocking job's is set anew by its thread */
    struct timer timer;
    int32_t result;    /* fiber: of what it waited for; at last its own */
    atomic_uchar stop; /* enum job_stop; any thread reads it */
    uint8_t phase;     /* enum job_phase */
    uint8_t wait;      /* enum job_wait */
    bool truncated;    /* output was dropped */
};
_Static_assert(sizeof(struct aw_job) <= 64, "a million jobs are 64 MB");

/* What a job has on demand. Made on the loop thread; used by the thread that runs the job. */
struct job_more {
    struct job_more *next; /* among the spare ones */
    struct bytes output;
    struct bytes details; /* empty: none */
    char *reason;
    void *state;         /* the plugin's state_size bytes */
    struct task *task;   /* on whose thread the job's code runs just now */
    struct watch *watch; /* kept from job to job */
    void (*on_ready)(struct aw_job *job, int ready); /* async */
};

/* Jobs of one RUN message with consecutive indexes. */
struct slab {
    TAILQ_ENTRY(slab) link;
    struct aw_worker *worker;
    uint64_t batch;
    uint64_t first;  /* index of jobs[0] */
    uint64_t number; /* slabs are numbered in the order they came */
    uint32_t count;
    uint32_t holders;                  /* jobs that have not ended, and who walks over them */
    struct timer timeout;              /* of the job whose time is up first */
    uint64_t timeout_due_ns;           /* while it is set */
    _Alignas(64) struct aw_job jobs[]; /* a cache line each */
};
TAILQ_HEAD(slab_list, slab);

/* The jobs of one slab; reason: 64 KiB in all, which malloc takes from its heap and not from a mapping for
 * each, and which one slow job may well keep from being freed. */
#define SLAB_JOBS_MAX 1022

/* All jobs of a worker, see job.c. Zeroed, then jobs_init(). */
struct jobs {
    struct slab_list slabs; /* in the order they came */
    struct slab_list dead;  /* all their jobs ended in this turn */
    uint64_t slabs_made;
    size_t slabs_count; /* not dead */
    size_t running;
    size_t peak; /* most that ran since the worker was idle */
    struct job_more *spare;
    size_t spare_count;
};

void jobs_init(struct jobs *jobs);
/* Frees what is kept for later jobs; none may be left. */
void jobs_clear(struct jobs *jobs);

/* `count` new jobs, at most SLAB_JOBS_MAX, each of which must be begun or refused. NULL: out of memory. */
struct slab *slab_new(struct aw_worker *worker, uint64_t batch, uint64_t first, uint32_t count);
/* One holder fewer. */
void slab_release(struct slab *slab);
/* Frees the slabs whose jobs all ended. Once in every turn of the loop. */
void jobs_sweep(struct aw_worker *worker);

/* Runs a new job; it may end before this returns. Takes over one of the entry's references. */
void job_begin(struct aw_job *job, struct entry *entry);
/* Ends a new job as failed. */
void job_refuse(struct aw_job *job, const char *reason);
/* Tells the job to end, if it runs and was not told before. */
void job_stop(struct aw_job *job, enum job_stop why);
/* Ends a running job with what the plugin said, any int, and reports it. */
void job_end(struct aw_job *job, int result, uint64_t ended_ns);

/* The job's extras, made where it has none. NULL: out of memory. Makes them on the loop thread only. */
struct job_more *job_more(struct aw_job *job);
/* Says why the job fails; copies, mends what is not UTF-8, cuts past 1 KiB. The last one counts. */
void job_set_reason(struct aw_job *job, const char *reason);

static inline struct aw_worker *job_worker(const struct aw_job *job)
{
    return job->slab->worker;
}

static inline uint64_t job_index(const struct aw_job *job)
{
    return job->slab->first + (uint64_t)(job - job->slab->jobs);
}

static inline struct aw_job *job_of_timer(struct timer *timer)
{
    return (struct aw_job *)((char *)timer - offsetof(struct aw_job, timer));
}

/* The plugin whose job it is, also after its end. */
const struct plugin *job_plugin(const struct aw_job *job);

#endif
