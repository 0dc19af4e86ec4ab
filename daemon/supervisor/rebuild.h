/*
 * A batch, made again from what the store has of it, part by part in the order in which struct store_reader tells them.
 * Knows neither the store nor the scheduler. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_REBUILD_H
#define AWAITD_SUPERVISOR_REBUILD_H

#include <stdbool.h>
#include <stddef.h>
#include "base/bytes.h"
#include "base/error.h"
#include "supervisor/fingerprint.h"
#include "supervisor/store.h"

struct batch;
struct catalogue;

/* Zeroed but for the catalogue = nothing yet. What goes wrong is kept until rebuild_end(), and what comes after it is
 * left out. */
struct rebuild {
    struct catalogue *catalogue; /* gets ghosts of plugins that are not there any more */
    struct batch *batch;         /* owned until rebuild_end(); NULL: nothing yet */
    struct store_job *jobs;      /* what is to be remembered of some jobs; owned */
    size_t jobs_count, jobs_capacity;
    char *key; /* owned; NULL: none */
    bool sealed, paused, finished;
    uint64_t ended_ns;
    double ended_s;
    int code; /* 0: all is well */
    struct error error;
};

void rebuild_begin(struct rebuild *rebuild, const struct store_batch *stored);
void rebuild_piece(struct rebuild *rebuild, const struct store_piece *piece);
void rebuild_job(struct rebuild *rebuild, const struct store_job *job);
void rebuild_results(struct rebuild *rebuild, uint32_t first, struct bytes_view results);

/*
 * Those were all parts: hands over the batch, as it was told to the store. Whether an unfinished one that is sealed has
 * no more jobs to run, it does not say; that follows from its counts. -EUCLEAN: the parts make no batch; -ENOMEM.
 * *error says which batch, and why. Key, jobs and `paused` are left for the caller, until rebuild_clear().
 */
int rebuild_end(struct rebuild *rebuild, struct batch **out, struct error *error);

/* Frees what it owns, ready for another batch. */
void rebuild_clear(struct rebuild *rebuild);

#endif
