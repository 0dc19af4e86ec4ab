/*
 * Outliving a restart of the daemon, for as long as --reconnect says. What is asked anew once the daemon is back is up to
 * the caller: only it knows what may be asked twice.
 */
#ifndef AWAITCTL_RECONNECT_H
#define AWAITCTL_RECONNECT_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

struct connection;
struct ctl;

/* Whether trying again is wanted at all. */
bool reconnect_is_wanted(const struct ctl *ctl);
/* Whether it is, and the last failure was the loss of the daemon. */
bool reconnect_can_help(const struct ctl *ctl, const struct connection *connection);

/* Tries again until the daemon answers, for at most the span of --reconnect, or at_most_s where that is less (INFINITY:
 * no matter), and says on standard error that it does. The connection is a new one then, see connection_reopen().
 * CTL_NO_DAEMON: in vain; told with how to attach to `batch` again, unless that is 0. CTL_INTERRUPTED. */
int reconnect(struct ctl *ctl, struct connection *connection, uint64_t batch, double at_most_s);

/* connection_call() for what may be carried out twice without harm: it is asked again where the daemon went away before
 * it answered. `batch` as above. */
int reconnect_call(struct ctl *ctl, struct connection *connection, uint64_t batch,
                   const char *method, json_t *params, json_t **result);

/* Whether a batch is one that outlives the daemon: asks for it, where reconnecting is wanted. Prints nothing but a
 * refusal. */
int reconnect_ask_durable(struct ctl *ctl, struct connection *connection, uint64_t batch,
                          bool *durable);

#endif
