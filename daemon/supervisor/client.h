/*
 * One connection to the control socket: requests in, responses and events out. Knows framing and the
 * envelope, no method: calls are carried out by a callback. Loop thread only.
 *
 * A client that does not read is no burden: its requests are not read either while much waits to be
 * sent, or answers for the disk, and its watchers stand still. One that shuts down its writing side gets all
 * it asked for first.
 */
#ifndef AWAITD_SUPERVISOR_CLIENT_H
#define AWAITD_SUPERVISOR_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include <sys/types.h>

struct client;
struct client_answers;
struct errand;
struct event_base;
struct rpc_request;
struct watcher;

struct client_limits {
    size_t line_bytes; /* of one request */
    unsigned depth;    /* of its nested objects and arrays */
    int fd_end;        /* of the client's descriptors: all are below this number */
};

struct client_callbacks {
    /* A request to carry out; answers with client_send() now or later. */
    void (*on_request)(void *context, struct client *client, const struct rpc_request *request);
    /* What was sent has left: there is room for more events. */
    void (*on_drained)(void *context, struct client *client);
    /* The connection is over. Called once, last; the callee ends its watchers and frees it. */
    void (*on_closed)(void *context, struct client *client);
};

/* Takes over the connected socket. `uid` is the caller's, from SO_PEERCRED. NULL: out of memory, and fd is
 * still the caller's. */
struct client *client_new(struct event_base *base, int fd, uid_t uid,
                          const struct client_limits *limits,
                          const struct client_callbacks *callbacks, void *context);
/* Closes the connection; it must have no watchers. */
void client_free(struct client *client);

uid_t client_uid(const struct client *client);

/* Queues text to be sent; copies. Without memory the client is abandoned. */
void client_send(struct client *client, const void *text, size_t size);
/* Closes the connection, later in this turn of the loop: the client cannot be told what it asked for, and is
 * to notice. */
void client_abandon(struct client *client);
/* Serves no more requests, and closes the connection when what was queued, and the answers that come later, have been
 * sent. */
void client_end(struct client *client);
/* The request that is being carried out cannot be yet: nothing more is read, and it is carried out again after
 * client_release(), in the next turn of the loop, even if much waits to be sent: others may wait for that. A client
 * that is gone before that is closed, and what it asked for is not done. */
void client_hold(struct client *client);
/* The same for what is over soon: what it asked for is done even if the client is gone before that. */
void client_hold_shortly(struct client *client);
void client_release(struct client *client);
bool client_is_held(const struct client *client);
/* Where errands.c keeps what a held client waits for; NULL at first. */
struct errand **client_errand(struct client *client);
/* Whether anything waits to be sent. */
bool client_has_unsent(const struct client *client);
/* Whether so much waits to be sent that events should wait too. */
bool client_is_full(const struct client *client);

/* The answers that come later. While there are any, a connection that is shut down on the other side only for writing
 * stays open. */
struct client_answers *client_answers(struct client *client);
/* Some of them may be gone. */
void client_answers_changed(struct client *client);

/* The watchers that belong to the client. While there are any, a connection that is shut down on the other
 * side only for writing stays open. */
struct client_watchers {
    LIST_HEAD(, watcher) list;
    size_t count;
    size_t expected; /* as many more will be there once their batches have been admitted */
};
struct client_watchers *client_watchers(struct client *client);
/* A watcher was added to or taken from the list. */
void client_watchers_changed(struct client *client);

#endif
