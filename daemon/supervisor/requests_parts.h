/*
 * What the files of requests.h share:
 *
 *     requests.c        batches that are submitted, in whole or in pieces
 *     requests_retry.c  batches that are tried again
 *     requests_make.c   what is the same for both: a batch is made, and has its jobs entered
 *
 * Codes are enum rpc_code with the words in *error unless it says otherwise.
 */
#ifndef AWAITD_SUPERVISOR_REQUESTS_PARTS_H
#define AWAITD_SUPERVISOR_REQUESTS_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "supervisor/requests.h"

struct admission_what;
struct batch_terms;
struct fingerprint;

/* Puts the words into *error and returns the code. */
int request_refuse(struct error *error, int code, const char *text);
/* The same for a limit that is reached: RPC_FULL. */
int request_full(struct error *error, const char *what, int64_t limit, const char *option);

/* Looks for the batch that has the key already. *out is NULL: there is none. Else it must be what is asked for now. */
int request_find_existing(struct supervisor *supervisor, uid_t owner, const char *text,
                          const struct fingerprint *asked, struct batch **out,
                          struct problems *problems, struct error *error);

/* What there is to know of a new batch. */
struct request_making {
    const char *name, *key; /* NULL: none */
    uid_t owner;
    bool durable, configured;
    const struct batch_terms *terms;
    const struct fingerprint *asked; /* with the key */
};

/* A new batch without jobs, if new ones are taken at all. */
int request_make(struct supervisor *supervisor, const struct request_making *making,
                 struct batch **out, struct error *error);
/* Takes back a batch that was just made. */
void request_unmake(struct supervisor *supervisor, struct batch *batch);

/* Has the store take the batch's entries from number `first` on, and the batch itself where it is new; or, where it is
 * not durable, takes them at once. The jobs' text is that of `pieces` pieces. 0 or a negative errno. */
int request_enter(struct supervisor *supervisor, const struct admission_what *what);

/* request_room() for a batch that comes whole, which is refused where it does not fit. */
uint64_t request_room_of_whole(const struct supervisor *supervisor);

#endif
