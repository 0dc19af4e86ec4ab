/*
 * Clients whose jobs do not fit into the queue now. They are held: nothing is read from them, so that whoever sends
 * faster than jobs end is slowed down by its own socket. They go on in the order in which they came, each as soon
 * as its jobs fit; a large request is so not overtaken by small ones for ever. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_HOLDS_H
#define AWAITD_SUPERVISOR_HOLDS_H

#include <stdbool.h>
#include <stdint.h>

struct client;
struct event_base;
struct holds;

/* fits() says whether so many jobs fit now. NULL: out of memory. */
struct holds *holds_new(struct event_base *base, bool (*fits)(void *context, uint64_t jobs),
                        void *context);
/* No client may be held. NULL is fine. */
void holds_free(struct holds *holds);

/* Whether others came before this client. */
bool holds_must_wait(const struct holds *holds, const struct client *client);

/* Holds the client, whose request is being carried out, until so many jobs fit; then the request is carried out
 * again, from the beginning. -ENOMEM: it is not held. */
int holds_add(struct holds *holds, struct client *client, uint64_t jobs);

/* The client's request has been carried out, or the client is gone: others may go on. It need not have been held. */
void holds_drop(struct holds *holds, const struct client *client);

/* Jobs that the first of those held waits for; 0: nobody is held. Until its turn has come once, they are not counted
 * and taken for one. */
uint64_t holds_wanted(const struct holds *holds);

/* More jobs may fit. */
void holds_wake(struct holds *holds);

#endif
