/*
 * A client of the control socket: sends requests and reads what comes, one message after the
 * other. While a request is being written, what the daemon sends is taken in, so that neither end
 * waits for the other for ever.
 */
#ifndef AWAITCTL_CONNECTION_H
#define AWAITCTL_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>
#include "incoming.h"

struct ctl;
struct connection;

/* Connects to ctl->socket or the default socket. `ctl` must outlive the connection; failures are told
 * there. CTL_NO_DAEMON, CTL_NOT_ALLOWED. */
int connection_open(struct ctl *ctl, struct connection **out);
/* NULL is fine. */
void connection_close(struct connection *connection);
/* Connects it anew, to the same socket, without waiting. What came before and was not given out is forgotten, and so
 * are requests under way; numbers of requests go on. On failure, as connection_open() tells it, it is as before. */
int connection_reopen(struct connection *connection);
/* Whether the daemon closed it, or it broke: the reason for a CTL_NO_DAEMON that reconnecting can help. */
bool connection_is_lost(const struct connection *connection);
/* For poll(2); use with connection_has_input(). */
int connection_fd(const struct connection *connection);
/* Whether a whole message is at hand, so that connection_read() will not wait. */
bool connection_has_input(const struct connection *connection);

/* Called with each message as text before it is parsed; true: it has been dealt with, and is not given
 * out. Parsing costs more than all else where events come by the million. */
typedef bool connection_skimmer(void *context, const char *text, size_t size);
/* NULL: none, as at the start. */
void connection_set_skimmer(struct connection *connection, connection_skimmer *skimmer,
                            void *context);

/* Sends a request; steals params (NULL: none). *id becomes its number; may be NULL. */
int connection_send(struct connection *connection, const char *method, json_t *params,
                    json_int_t *id);
/* The number for a request that the caller writes itself, and sends with connection_write(). */
json_int_t connection_next_id(struct connection *connection);
int connection_write(struct connection *connection, const char *text, size_t size);

/* Reads one message, waiting for at most timeout_ms (-1: no end). Writes out what standard output holds
 * back before it waits. CTL_TIMED_OUT: none came; nothing is told then. CTL_INTERRUPTED;
 * CTL_NO_DAEMON: the daemon went away. */
int connection_read(struct connection *connection, int timeout_ms, struct incoming *out);

/* Called with an event; a code other than CTL_OK ends the waiting. */
typedef int connection_event_handler(void *context, const struct incoming *event);

/* Reads until the answer to request `id` and gives it in *out; events before it go to on_event, which
 * may be NULL: they are dropped. An error answer is told as the failure, and *out is untouched. */
int connection_answer(struct connection *connection, json_int_t id,
                      connection_event_handler *on_event, void *context, struct incoming *out);

/* A request and its answer's result (new reference). With --json the answer is printed as received. */
int connection_call(struct connection *connection, const char *method, json_t *params,
                    json_t **result);

/* The same over a connection of its own. */
int connection_once(struct ctl *ctl, const char *method, json_t *params, json_t **result);

#endif
