/*
 * What a client or the configuration says of a batch beside its jobs: the params of batch.submit and batch.open,
 * without `jobs` and `follow`, and the fields of an entry of `batches`. One table reads them all.
 */
#ifndef AWAITD_SUPERVISOR_SUBMISSION_H
#define AWAITD_SUPERVISOR_SUBMISSION_H

#include <stdbool.h>
#include <jansson.h>
#include <awaitd/plugin.h>
#include "supervisor/terms.h"

struct problems;

/* Bytes of the name of a batch or a job, and of a key. */
#define SUBMISSION_TEXT_MAX 255
/* Bytes of what tells the jobs of a batch that gets them in pieces: a digest of 512 bits in hexadecimal. */
#define SUBMISSION_CONTENT_MAX 128
/* Jobs of one batch at once; reason: more than all workers run by default. */
#define SUBMISSION_LIMIT_MAX 1000000

struct submission {
    const char *name; /* for people; NULL: none */
    const char *key;  /* the client's own, which makes it one and the same batch; NULL: none */
    bool durable;    /* it is to outlive the daemon; what every batch wants unless told otherwise */
    bool insists;    /* and that was said */
    bool configured; /* the configuration says all this; for who reads that to set */
    struct batch_terms terms;
    /* What tells the jobs that are to come from others, for batch.open alone: not read here, and the caller's. NULL:
     * nothing is told of them. */
    const char *content;

    /* As written: what `terms` is made from, and nobody else's. */
    int64_t priority, limit;
    const char *rate, *on_failure;
    struct aw_duration timeout, deadline;
    struct aw_json retry;
};

/* Reads the members of an object, or NULL for none. submission_clear() frees the texts. 0; -EINVAL: there are
 * problems; -ENOMEM: *out needs no clearing then. */
int submission_read(const json_t *params, struct submission *out, struct problems *problems);
void submission_clear(struct submission *submission);

/* Whether a name or a key, or NULL for none, may be that; else there is a problem. */
bool submission_check_text(const char *text, const char *field, struct problems *problems);

/* Whether it has a member of this name. */
bool submission_has(const char *name);

#endif
