/*
 * Submitting job entries one after the other, however many there are. What fits one message goes as
 * one batch.submit: accepted whole or refused whole. More goes by batch.open, batch.add and
 * batch.seal, with two messages under way, so that memory stays small and jobs start at once.
 */
#ifndef AWAITCTL_UPLOAD_H
#define AWAITCTL_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "content.h"

struct ctl;
struct connection;
struct follow;
struct terms;
struct upload;

struct upload_options {
    const struct terms *terms; /* of the batch */
    const char *events;        /* to follow: "none", "failures", "each" */
    const char *file; /* problems are told as FILE:LINE; NULL: only what is wrong in the entry */
    /* Tells what all entries are, those that were added and those to come; called where a batch with a key goes in
     * pieces. An exit code: *ctl tells. "": nobody knows beforehand. */
    int (*content)(void *context, char text[CONTENT_SIZE]);
    void *context;
};

/* `follow` gets the events, and the batch's number as soon as it is known; may be NULL. All that is given
 * must outlive the upload. */
int upload_open(struct ctl *ctl, struct connection *connection,
                const struct upload_options *options, struct follow *follow, struct upload **out);
/* NULL is fine. */
void upload_close(struct upload *upload);

/* The terms have changed; before the first entry is added. */
int upload_read_terms(struct upload *upload);

/* How large an entry may be, in bytes. Asks the daemon for its limits the first time. */
int upload_entry_max(struct upload *upload, size_t *out);

/* Adds an entry: one JSON object, checked to be that, which stands on this line of the file. */
int upload_add(struct upload *upload, const char *entry, size_t size, uint64_t line);
/* Whether entries wait to be sent, and may go before there are more of them. With a key they stay together as long as
 * they fit one message: whether it is the same batch again must not depend on how fast its entries come. */
bool upload_is_waiting(const struct upload *upload);
/* Whether the batch's key turned out to be that of a batch there is: entries are not needed any more. */
bool upload_is_existing(const struct upload *upload);
/* Sends what waits; from then on the batch is open. */
int upload_flush(struct upload *upload);
/* Takes one message of the daemon, if there is one; never waits. */
int upload_take(struct upload *upload);

/* Sends the rest. The batch is complete then; its number and how many jobs it has (0: not known). Says so where its
 * key was that of a batch there is, which it is then. */
int upload_finish(struct upload *upload, uint64_t *batch, uint64_t *jobs);

/* After a failure with this exit code: if the batch was opened, tells the failure, cancels the batch and
 * leaves as failure what became of it. */
void upload_abandon(struct upload *upload, int code);

#endif
