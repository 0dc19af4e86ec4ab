/*
 * The names that clients gave their batches: by user and key, the batch. A key is known as
 * long as its batch is. O(log n) of all keys, whatever they are. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_KEYS_H
#define AWAITD_SUPERVISOR_KEYS_H

#include <sys/types.h>

struct batch;

/* Zeroed = none. */
struct keys {
    void *root;
};

struct key {
    uid_t owner;
    const char *text;
    struct batch *batch;
};

/* NULL: the user has given no batch this key. */
const struct key *keys_find(const struct keys *keys, uid_t owner, const char *text);

/* Gives the batch a key of this user's that no other has. Returns the text as it is kept; NULL: out of memory. */
const char *keys_add(struct keys *keys, uid_t owner, const char *text, struct batch *batch);

/* The batch with this key is about to be forgotten; it is there. */
void keys_remove(struct keys *keys, uid_t owner, const char *text);

#endif
