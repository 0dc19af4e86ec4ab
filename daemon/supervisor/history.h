/*
 * Batches that have finished and left memory, read back from the store when somebody names one. The client is
 * held meanwhile; see errands.h. They are read one after the other, in the order in which they were asked for; one that
 * was read stays until those who asked for it have been served, and the next is read then: however many are asked for,
 * there is one at a time for which there may be no room (limits.history_bytes). Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_HISTORY_H
#define AWAITD_SUPERVISOR_HISTORY_H

#include <stdint.h>

struct client;
struct error;
struct history;
struct supervisor;

/* NULL: out of memory. */
struct history *history_new(struct supervisor *supervisor);
/* Reads nothing more; who waits goes on waiting. NULL is fine. */
void history_close(struct history *history);
/* NULL is fine. Errands must have been cleared before. */
void history_free(struct history *history);

/*
 * A request that the client is having carried out needs a batch that is not in memory; there must be a store. 0: the
 * client is held, and its request will be carried out again when the batch is there. Or an enum rpc_code: that has been
 * tried, and this came of it. RPC_NO_SUCH_THING: there is none of this number; others: it cannot be read, with the
 * words in *error.
 */
int history_ask(struct history *history, struct client *client, uint64_t number,
                struct error *error);

/* How many batches have been read back. */
uint64_t history_reads(const struct history *history);

#endif
