/*
 * Batches, and pieces of them, that wait for the store to take them. Until it has, their jobs do not run, nobody is told
 * of them, and their client has no answer; when it has not, all is as if they had never come. A batch has at most one
 * admission under way. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_ADMISSIONS_H
#define AWAITD_SUPERVISOR_ADMISSIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <jansson.h>
#include "supervisor/fingerprint.h"
#include "supervisor/watcher.h"

struct batch;
struct bytes_view;
struct client;
struct error;
struct supervisor;

struct admissions {
    TAILQ_HEAD(admissions_list, admission) list; /* by ticket */
    TAILQ_HEAD(, admission) existing;  /* whose key another batch has, which is being read */
    LIST_HEAD(, admission_hold) holds; /* clients that wait for another's admission */
    uint64_t jobs;                     /* in all of them */
};

void admissions_init(struct admissions *admissions);
/* Drops all, before batches are freed. */
void admissions_clear(struct admissions *admissions);

/* What is admitted. */
struct admission_what {
    struct batch *batch;
    bool is_new;    /* the batch itself, not only the piece */
    bool seals;     /* it is all that comes */
    uint32_t first; /* its first entry */
    const struct bytes_view
        *texts;      /* of the entries of the batch's latest pieces, each a JSON array */
    uint32_t pieces; /* how many; 0: no jobs come with it */
    const struct fingerprint *asked; /* with the key; NULL: it has none */
};

/* Asks the store. -ENOMEM: nothing was asked. */
int admission_begin(struct supervisor *supervisor, const struct admission_what *what);

/* The answer to the request `id` (NULL: none is wanted) whose batch or piece is being admitted: `result`, which is
 * stolen, once it is; an error when it is not. Then the client follows the batch like this. */
void admission_expect(struct supervisor *supervisor, struct batch *batch, struct client *client,
                      const json_t *id, json_t *result, enum watch_events follow);

/* Holds the client, whose request is being carried out, until the batch's admission is over; then it is carried out
 * again. -ENOMEM: it is not held. */
int admission_hold(struct supervisor *supervisor, struct batch *batch, struct client *client);

/* The store has answered, see store_callbacks. */
void admission_over(struct supervisor *supervisor, uint64_t ticket, int code, uint64_t existing,
                    const struct error *error);

/* The client is gone. */
void admissions_drop(struct admissions *admissions, const struct client *client);

#endif
