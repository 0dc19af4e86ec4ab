/*
 * How the jobs of a batch ended, in the order they ended: an append-only list, kept as compact
 * records in chunks. Completion numbers count from 0. Readers are cursors: they cost nothing while
 * they wait, and any number of them may stand anywhere.
 */
#ifndef AWAITD_SUPERVISOR_COMPLETIONS_H
#define AWAITD_SUPERVISOR_COMPLETIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/bytes.h"
#include "wire/job_state.h"

struct completion {
    uint32_t job; /* index in the batch */
    enum job_state state;
    bool truncated;     /* the output was cut at its limit, or dropped with the details */
    uint64_t queued_ns; /* from accepted to started, or to its end where it never started */
    uint64_t run_ns;    /* from started to ended */
    struct bytes_view reason, output;
    struct bytes_view details; /* a JSON object on one line, or empty: none */
};

/* Zeroed = empty. */
struct completions {
    struct completions_chunk **chunks;
    size_t chunks_count, chunks_capacity;
    uint32_t count; /* of all completions */
    size_t bytes;   /* memory taken, for accounts */
};

/* A place in the list: the completion with this number is read next. */
struct completions_cursor {
    uint32_t number;
    size_t chunk, offset; /* where its record begins */
};

/* Adds one at the end; copies. -ENOMEM: not added. */
int completions_append(struct completions *list, const struct completion *completion);

/* A cursor at completion `number`, which may be the one that comes next, but none behind it. */
struct completions_cursor completions_seek(const struct completions *list, uint32_t number);

/* Reads the completion at the cursor and moves on; views stay valid until the next append. False: the
 * cursor is at the end. */
bool completions_next(const struct completions *list, struct completions_cursor *cursor,
                      struct completion *out);

void completions_clear(struct completions *list);

#endif
