/*
 * The control socket: listens, lets clients in within their limits, and knows them all. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_CONTROL_H
#define AWAITD_SUPERVISOR_CONTROL_H

#include <stddef.h>
#include <stdint.h>
#include "supervisor/client.h"

struct config;
struct control;
struct error;
struct event_base;

struct control_callbacks {
    /* A request to carry out, see client.h. */
    void (*on_request)(void *context, struct client *client, const struct rpc_request *request);
    /* The client is gone, and about to be freed. */
    void (*on_gone)(void *context, struct client *client);
    /* Nobody can be let in, for this reason; told once, until somebody could be let in again. */
    void (*on_trouble)(void *context, const struct error *error);
};

/*
 * Serves clients on a listening socket, which it takes over, from now on. `owned` says whether the
 * socket's path was made by control_socket_open(), and so is to be removed at the end. Descriptors for so
 * many workers are not given to clients. NULL: out of memory, and fd is still the caller's.
 */
struct control *control_new(struct event_base *base, const struct config *config, int fd,
                            bool owned, uint32_t workers, const struct control_callbacks *callbacks,
                            void *context);

/* Clients connected now. */
size_t control_clients(const struct control *control);

/* Lets nobody in any more, and removes the socket's path. */
void control_close_socket(struct control *control);

/* Calls on_quiet, perhaps at once, when no client waits for anything and everything sent has left. May call
 * it more than once. */
void control_when_quiet(struct control *control, void (*on_quiet)(void *context), void *context);

/* Disconnects all clients and frees it. NULL is fine. */
void control_free(struct control *control);

#endif
