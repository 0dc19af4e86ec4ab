/*
 * The store: what outlives the daemon. Batches, the jobs they were given, and how those ended, in one SQLite
 * database that a thread of its own keeps; nothing else touches SQLite, and the loop never waits for the disk.
 *
 * The loop records what happens; the thread writes it, everything that has come meanwhile in one transaction, so
 * that a commit costs the same however many clients there are. What was recorded first is committed first. Each
 * thing recorded has a ticket, a number that grows; on_committed() says up to which one all is safe. Whoever tells
 * somebody something that must stay true waits for the ticket.
 *
 * Two kinds of things are recorded. What a client asks for is admitted: it is committed whole or refused whole, when
 * the disk is full. All else has happened already, and is written sooner or later: while the disk is full it
 * waits in memory.
 *
 * Points in time are those of clock_now_ns() on both sides of this interface, also those before a restart of the
 * daemon or of the machine; see store_time.h. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_STORE_H
#define AWAITD_SUPERVISOR_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <jansson.h>
#include "base/bytes.h"
#include "supervisor/fingerprint.h"
#include "wire/job_state.h"

struct completion;
struct error;
struct event_base;
struct store;

struct store_options {
    const char *directory; /* is made if its parent is there, */
    bool make_parents;     /* or, with this, those that are missing above it, too */
    double keep_s;         /* how long finished batches are kept; 0: for ever */
    int64_t
        bytes; /* size of the database past which the oldest finished batches go early; 0: any */
};

struct store_callbacks {
    /* What was admitted with this ticket is committed: 0. Or nothing of it is kept: -ENOSPC, the disk is full;
     * -EEXIST: batch number `existing` has its key. Called in the order of tickets, before on_committed() of it. */
    void (*on_admitted)(void *context, uint64_t ticket, int code, uint64_t existing,
                        const struct error *error);
    /* Everything recorded up to this ticket is safe, or was refused. */
    void (*on_committed)(void *context, uint64_t ticket);
    /* The disk has become full, or what waited could be written. */
    void (*on_full)(void *context, bool full, const struct error *error);
    /* Something could not be read, or makes no sense: for the log. Whoever asked for it is told right after. */
    void (*on_unreadable)(void *context, const struct error *error);
    /* It cannot keep its word: what on_committed() has not told is not safe, nothing more is written or read, and only
     * store_close() may follow. `corrupt`: a new start would not help. */
    void (*on_failed)(void *context, const struct error *error, bool corrupt);
};

/* Opens the database, or makes it, locks its directory and starts the thread; waits for that. The options are
 * copied. Errors, all with words that say what to do: -EBUSY: another daemon has it; -EUCLEAN: it is corrupt, or only
 * its log is there; -ENOTSUP: a newer awaitd has written it; others: it cannot be used, such as -EROFS, -EACCES,
 * -ENOENT, -ENOSPC. */
int store_open(struct event_base *base, const struct store_options *options,
               const struct store_callbacks *callbacks, void *context, struct store **out,
               struct error *error);
/* Writes what has been recorded, unless it has failed or the disk is full, and ends the thread; no callbacks are called
 * any more. Not within one of them. NULL is fine. Returns how many things that have happened could not be written, and
 * *error says why; 0 also where on_failed() has said so. */
uint64_t store_close(struct store *store, struct error *error);

/* The largest number that a batch was ever given; 0: none. Known from the start. */
uint64_t store_last_number(const struct store *store);

/* The ticket of what was recorded last, and the one up to which all is committed; 0: none. */
uint64_t store_latest(const struct store *store);
uint64_t store_committed(const struct store *store);

/* ---- Recording -------------------------------------------------------------------------------------------- */

/* A batch, as it is when it is made. Texts are copied. */
struct store_batch {
    uint64_t number;
    uid_t owner;
    const char *name, *key; /* NULL: none */
    /* What was asked for with the key, or by the configuration; NULL: neither. */
    const struct fingerprint *asked;
    uint64_t retry_of;  /* 0: of none */
    bool configured;    /* it comes from the configuration */
    const char *terms;  /* a JSON object, as batch.submit takes them, without name and key */
    double submitted_s; /* on the wall clock */
    uint64_t submitted_ns;

    /* What may have come of it; all zero for a new one, and told by readers. */
    bool sealed, paused;
    const char
        *stopped; /* the reason why jobs that had not ended were to end; NULL: they were not */
    enum job_state stopped_as; /* as what */
    bool given_up, cut_short;  /* see struct batch */
    bool finished;
    uint64_t ended_ns; /* where finished, */
    double ended_s;    /* and on the wall clock */
};

/* Jobs of a batch that were accepted together. */
struct store_piece {
    uint32_t number; /* 0, 1, 2 ... in the batch */
    uint32_t first;  /* index of its first job */
    uint64_t accepted_ns;
    struct bytes_view
        jobs; /* a JSON array of job entries, as they were given or as entries_text.h writes them */
};

/* What a client asks for. */
struct store_admission {
    uint64_t number;                  /* of the batch */
    const struct store_batch *batch;  /* it is new; NULL: it is there already */
    const struct store_piece *pieces; /* jobs that come with it */
    uint32_t pieces_count; /* of them: mostly 0 or 1, several for a batch of batch.retry */
    bool seal;             /* and no more will */
};

/* Records it; on_admitted() tells what has become of it. -ENOMEM: it is not recorded; -E2BIG: nor is it, for the jobs of
 * a piece take more than 512 MiB. */
int store_admit(struct store *store, const struct store_admission *admission, uint64_t *ticket);

/* The rest is for batches that have been admitted. -ENOMEM: it is not recorded, and the daemon cannot keep its
 * word. */

/* A job has ended, as completion number `seq` of its batch. Those of a batch that follow one another share a row. */
int store_result(struct store *store, uint64_t batch, uint32_t seq,
                 const struct completion *completion, unsigned attempt);

/* What is to be remembered of a job that has not ended. */
struct store_job {
    uint32_t job;
    unsigned attempt; /* that its next run will be; 0: the first */
    uint64_t due_ns;  /* when it is to be queued again; 0: it does not wait */
    bool told;        /* it was told to end by itself: it is not to run again */
};
int store_job(struct store *store, uint64_t batch, const struct store_job *job);

int store_seal(struct store *store, uint64_t batch);
int store_pause(struct store *store, uint64_t batch, bool paused);

/* Jobs of it that have not ended are to end, see struct store_batch. */
struct store_stop {
    const char *reason;
    enum job_state as;
    bool given_up, cut_short;
};
int store_stop(struct store *store, uint64_t batch, const struct store_stop *stop);

/* All its jobs have ended. The texts are what awaitctl shows of it without its jobs. */
struct store_finish {
    uint64_t batch;
    uint64_t ended_ns;
    double ended_s;    /* on the wall clock */
    const char *state; /* "succeeded", "failed", "cancelled" */
    uint32_t jobs;
    const uint32_t *in_state; /* JOB_STATES of them */
    uint64_t wall_ns, work_ns;
    uint64_t retries;
    const char *plugins; /* the names of its plugins, as a JSON array */
};
int store_finish(struct store *store, const struct store_finish *finish);

/* After the next start numbers go on behind this one, or behind the largest of a stored batch. What was said last counts:
 * a number may be said before it is given. */
int store_number(struct store *store, uint64_t last_number);

/* ---- Reading ---------------------------------------------------------------------------------------------- */

/*
 * Batches are read in parts, on the loop thread, some each turn: on_batch(), then its pieces, its jobs with something
 * to remember, and its results, each in order. Views are valid during the call. What was recorded before is there, but
 * for what waits because the disk is full. Reads are served one after the other.
 */
struct store_reader {
    void (*on_batch)(void *context, const struct store_batch *batch);
    void (*on_piece)(void *context, const struct store_piece *piece);
    void (*on_job)(void *context, const struct store_job *job);
    /* Completions from number `first` on, as result_text.h reads them. */
    void (*on_results)(void *context, uint32_t first, struct bytes_view results);
    /* That was all: 0; -ENOENT: there is no such batch; or another negative errno. Called once, last, unless the
     * store is closed before, or fails. */
    void (*on_end)(void *context, int code, const struct error *error);
};

/* Batch `number`, finished or not. -ENOMEM. */
int store_read_batch(struct store *store, uint64_t number, const struct store_reader *reader,
                     void *context);
/* All batches that have not finished, by number. -ENOMEM. */
int store_read_unfinished(struct store *store, const struct store_reader *reader, void *context);

/* Which finished batches to list: newest first. */
struct store_filter {
    uint64_t below;                    /* numbers below this one; 0: all */
    const char *state, *plugin, *name; /* NULL: any; name: the whole name */
    double since_s, until_s;           /* submitted then, or after; before that; 0: any */
    uint32_t limit;                    /* how many at most */
};
/* on_list() gets an array of summaries, each an object like that of batch.list, new reference; NULL: it failed,
 * *error says why. *more: there are others below. Not called when the store is closed before, or fails. -ENOMEM. */
int store_list(struct store *store, const struct store_filter *filter,
               void (*on_list)(void *context, json_t *summaries, bool more,
                               const struct error *error),
               void *context);

/* Writes a copy of the database to a file that is not yet there; in steps, while everything else goes on. -ENOMEM. */
int store_backup(struct store *store, const char *file,
                 void (*on_done)(void *context, int code, const struct error *error),
                 void *context);

/* ---- Figures ---------------------------------------------------------------------------------------------- */

struct store_figures {
    int64_t bytes;    /* of the database and its log, at the last commit */
    uint64_t commits; /* since the start */
    uint64_t waiting; /* things recorded and not yet committed */
    bool full;        /* the disk is */
};
struct store_figures store_figures(const struct store *store);

#endif
