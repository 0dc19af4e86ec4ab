/*
 * What clients wait for the store to do: to read a batch of the history, to list batches, to write a copy. Meanwhile the
 * client is held (client_hold()), so that it has at most one; then its request is carried out again, and finds
 * the outcome. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_ERRANDS_H
#define AWAITD_SUPERVISOR_ERRANDS_H

#include <stdbool.h>
#include <sys/queue.h>
#include <jansson.h>
#include "base/error.h"

struct client;
struct errand;

LIST_HEAD(errand_list, errand);

/* Zeroed = none. */
struct errands {
    struct errand_list list;
};

/* A part of what its owner allocates. */
struct errand {
    LIST_ENTRY(errand) link;
    struct client *client; /* NULL: it is gone, and nobody waits any more */
    bool
        forgettable; /* when its client is gone before it is done, it is over: nobody will call errand_done() */
    bool done;
    /* The outcome: */
    json_t *result; /* owned; NULL: none */
    int code;       /* an enum rpc_code, with the words in `error`: it failed; 0: it did not */
    struct error error;
    /* Called once, last: its request has been served, or its client is gone. Frees it. */
    void (*over)(struct errand *errand);
};

/* Ends all: nothing that was under way may call errand_done() any more. No client may have one. */
void errands_clear(struct errands *errands);

/* Holds the client, whose request is being carried out, until errand_done(). Of the errand, `over` and maybe
 * `forgettable` are set, and the rest is zero. */
void errand_begin(struct errands *errands, struct errand *errand, struct client *client);
/* The outcome is in it. It may be over at once, where the client is gone. Where the request that began it is still being
 * carried out, that has to tell the outcome, and is not carried out again. */
void errand_done(struct errand *errand);

/* The errand whose outcome the request that is carried out again has waited for; NULL: it is carried out for the first
 * time. */
struct errand *errand_of(struct client *client);

/* A request of the client has been carried out: if it has waited for an errand, that is over. */
void errands_served(struct client *client);
/* The client is gone. */
void errands_drop(struct client *client);

#endif
