/*
 * A batch: entries as they were submitted, the state of each of their jobs, and how those ended.
 *
 * An entry may stand for a million jobs: it is kept as one template. A job costs 9 bytes here (its
 * state, where it is and since when), and its completion record once it has ended.
 *
 * Everything here is bookkeeping without side effects; the scheduler moves jobs. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_BATCH_H
#define AWAITD_SUPERVISOR_BATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include "supervisor/arena.h"
#include "supervisor/completions.h"
#include "supervisor/terms.h"
#include "wire/job_state.h"

struct ending;
struct fingerprint;
struct lane;
struct order;
struct wait;
struct watcher;

/* Jobs of one batch are numbered with 32 bits. */
#define BATCH_JOBS_MAX UINT32_MAX
/* No such entry. */
#define ENTRY_NONE UINT32_MAX

/* The texts of an entry's `items`, one for each of its jobs, each as a length (varint) and its bytes,
 * as they go to a worker. */
struct entry_items {
    const uint8_t *data;
    const uint32_t *offsets; /* count + 1 of them: where each begins, and the end */
};

struct entry {
    uint32_t first;  /* index in the batch of its first job */
    uint32_t count;  /* of jobs; at least 1 */
    uint32_t taken;  /* of them, those that have left the queue */
    uint32_t next;   /* in its lane; ENTRY_NONE: the last */
    uint16_t plugin; /* in the catalogue */
    bool expands;    /* params have placeholders */
    uint32_t params_size;
    const char *params; /* JSON object as text; NULL: none */
    const char *name;   /* may have placeholders; NULL: none */
    const struct entry_items *items;
    const struct entry_terms *terms; /* NULL: nothing was said */
    /* Added to a job's place in the entry, it is what {index} stands for: not 0 where the entry is a part of one
     * of another batch, which is tried again. */
    uint32_t base;
};

LIST_HEAD(wait_list, wait);

struct batch {
    uint64_t number;
    char *name;      /* NULL: none */
    const char *key; /* owned by the registry's keys; NULL: none */
    uid_t owner;
    uint64_t retry_of;        /* number of the batch whose unsuccessful jobs these are; 0: none */
    struct batch_terms terms; /* set before the first entry is added */
    bool held;                /* the queue's: its jobs have no turn */
    bool sealed;              /* no more entries will come */
    const char
        *cancelled; /* as a whole, for this reason: jobs still queued will not run; NULL: not */
    enum job_state stopped_as; /* how those jobs end then */
    bool given_up; /* cancelled not by anybody's wish: its deadline passed, or a job of it failed */
    uint64_t stopped_ns; /* when its running jobs were told to end; 0: they were not */
    uint64_t retries;    /* attempts that were not the last ones of their jobs */
    bool
        cut_short; /* cancelled while it was open: it is not what it was to be, however its jobs ended */
    bool finished; /* sealed, and all jobs have ended */
    bool recalled; /* it had left memory, and was read back from the store */
    bool wanted;   /* somebody who asked for that has yet to be served: it does not leave memory */

    /* The daemon stops: jobs that run are to run again with its next start. */
    bool parting;
    /* The store has it, or is about to; what is told of it has been committed before. */
    bool durable;
    bool configured; /* it comes from the configuration */
    /* What was asked for by the configuration, or with its key, whoever has that now; NULL: neither. In `texts`. */
    const struct fingerprint *asked;
    /* The store has yet to say whether it takes the newest piece of it; or, unborn, all of it, and nobody knows of it. */
    bool admitting, unborn;
    /* Those that the store has taken, or all of a batch that is not durable; the rest does not run yet. */
    uint32_t admitted_jobs;
    uint32_t recorded; /* completions that have been committed */
    bool end_recorded; /* it has finished, and that has been committed */
    uint64_t ticket;   /* of what the store was told of it last; 0: nothing */

    struct entry *entries;
    uint32_t entries_count, entries_capacity;
    struct arena texts;

    uint8_t *states; /* enum job_state of each job */
    uint32_t *where; /* running: number of the worker; ended: number of the completion */
    uint32_t *
        dispatched_ms; /* running: when it was handed over, in ms since submitted_ns, less whole 2^32 */
    uint8_t *attempts; /* attempts behind each job, at most UINT8_MAX; NULL: none has any */
    uint8_t *told;     /* 1: the running job was told to end by itself; NULL: none was */
    uint32_t jobs, jobs_capacity;
    uint32_t in_state[JOB_STATES]; /* jobs by state */
    struct completions completions;

    struct batch_piece *pieces; /* when which jobs were accepted */
    uint32_t pieces_count, pieces_capacity;
    double submitted_s; /* on the wall clock */
    uint64_t submitted_ns;
    uint64_t ended_ns; /* when the latest of its jobs to end did so */
    double ended_s;    /* when it finished, on the wall clock; 0: it has not */
    uint64_t work_ns;  /* run times of all ended jobs together */

    struct order *order;           /* NULL: no entry waits for others */
    struct lane *lanes;            /* owned by the queue */
    LIST_HEAD(, watcher) watchers; /* owned by their clients */
    TAILQ_ENTRY(batch) news_link;  /* these two are theirs, too */
    bool has_news;                 /* it is on the list of that link */
    struct batch *hash_next;       /* the rest is the registry's, batches.c */
    TAILQ_ENTRY(batch) all_link, finished_link, let_go_link;
    bool let_go; /* it is on the list of the last of these */
    /* The scheduler's, see scheduler_parts.h. */
    unsigned holds;          /* enum hold */
    struct wait_list waits;  /* see waits.c; few of them */
    struct wait_list pauses; /* likewise, of jobs: as many as there are jobs, maybe */
    LIST_HEAD(, ending) endings;
};

/* A batch without jobs. Copies `name`, which may be NULL. NULL: out of memory. */
struct batch *batch_new(uint64_t number, const char *name, uid_t owner);
/* Frees it; no lane and no watcher may be left. NULL is fine. */
void batch_free(struct batch *batch);

/* Notes what was asked for, by the configuration or with a key; before it has jobs. -ENOMEM. */
int batch_note_asked(struct batch *batch, const struct fingerprint *asked);

/* Notes that the jobs added from now on are accepted at this moment. -ENOMEM. */
int batch_accept(struct batch *batch, uint64_t now_ns);

/* The index of the first job that was accepted with piece number `piece`, or after it where it brought none; behind
 * the last piece, the number of jobs. */
uint32_t batch_piece_first(const struct batch *batch, uint32_t piece);

/* How many entries are before the one that begins with this job; the number of jobs: all. */
uint32_t batch_entries_before(const struct batch *batch, uint32_t job);

/* Adds an entry: count, plugin, expands, params, name, items, terms and base of *entry; the texts are copied, the
 * items and terms taken as they are, from batch->texts. Its jobs are queued. -ENOMEM: nothing was added;
 * -E2BIG: the batch would exceed BATCH_JOBS_MAX. */
int batch_add_entry(struct batch *batch, const struct entry *entry);

/* Takes back the entries from number `entries` on; none of their jobs may have left the queue. */
void batch_truncate(struct batch *batch, uint32_t entries);

/* The number of the entry that a job belongs to. */
uint32_t batch_entry_of(const struct batch *batch, uint32_t job);
/* When the job was accepted. */
uint64_t batch_accepted_ns(const struct batch *batch, uint32_t job);
/* The item of a job, for the caller to free; NULL: it has none (errno 0), or out of memory. */
char *batch_item(const struct batch *batch, uint32_t job);
/* The job's own name, for the caller to free; NULL: it has none, or out of memory. */
char *batch_job_name(const struct batch *batch, uint32_t job);

/* The jobs first .. first+count-1, all queued, are handed to a worker at this moment. */
void batch_start(struct batch *batch, uint32_t first, uint32_t count, uint32_t worker,
                 uint64_t now_ns);
/* When a running job was handed over, to the millisecond. However old the batch is; a job that has run for more
 * than 49 days at this moment seems to have begun so much later. */
uint64_t batch_dispatched_ns(const struct batch *batch, uint32_t job, uint64_t now_ns);

/* How often the job was tried before. */
static inline unsigned batch_attempt(const struct batch *batch, uint32_t job)
{
    return batch->attempts ? batch->attempts[job] : 0;
}
/* Notes how often a job was tried before, in a batch that is rebuilt. -ENOMEM. */
int batch_set_attempt(struct batch *batch, uint32_t job, unsigned attempt);
/* Those of the jobs first .. first+count-1 that are queued wait from now on. */
void batch_make_wait(struct batch *batch, uint32_t first, uint32_t count);
/* Those that wait are queued; returns how many. */
uint32_t batch_make_ready(struct batch *batch, uint32_t first, uint32_t count);

/* Notes that a running job was told to end. -ENOMEM. */
int batch_tell(struct batch *batch, uint32_t job);
static inline bool batch_was_told(const struct batch *batch, uint32_t job)
{
    return batch->told && batch->told[job];
}

/* A running job did not come to its end and is to run again: it is queued, and this attempt counts, or not.
 * -ENOMEM: nothing changed. */
int batch_take_back(struct batch *batch, uint32_t job, bool counted);

/* Records that a job, queued or running, has ended at this moment; finishes the batch when it was the last
 * one. -ENOMEM: not recorded, nothing changed. */
int batch_complete(struct batch *batch, const struct completion *completion, uint64_t ended_ns);

/* After jobs were taken back by batch_truncate(): finishes the batch when it waited for those alone. */
void batch_settle(struct batch *batch);

/* No more entries, from this moment on: finishes the batch when all jobs have ended already. */
void batch_seal(struct batch *batch, uint64_t now_ns);

/* The completion of a job that has ended. */
void batch_completion(const struct batch *batch, uint32_t job, struct completion *out);

static inline enum job_state batch_state(const struct batch *batch, uint32_t job)
{
    return (enum job_state)batch->states[job];
}

/* How many jobs of it may be told of: none of a piece that the store may still refuse. */
static inline uint32_t batch_told_jobs(const struct batch *batch)
{
    return batch->admitting && !batch->unborn ? batch->admitted_jobs : batch->jobs;
}
/* How many of its completions may be told, and whether its end may be: of a durable batch, what has been committed. */
static inline uint32_t batch_told_completed(const struct batch *batch)
{
    return batch->durable ? batch->recorded : batch->completions.count;
}
static inline bool batch_told_finished(const struct batch *batch)
{
    return batch->finished && (!batch->durable || batch->end_recorded);
}

static inline uint32_t batch_completed(const struct batch *batch)
{
    return batch->completions.count;
}

/* Bytes of memory it takes, about. */
size_t batch_bytes(const struct batch *batch);

#endif
