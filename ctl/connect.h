/*
 * Connects to the daemon's socket.
 */
#ifndef AWAITCTL_CONNECT_H
#define AWAITCTL_CONNECT_H

#include <stdbool.h>

struct ctl;

/* Connects to ctl->socket or the default socket; *out becomes the caller's. Where so many clients knock that one more
 * has no room, it waits, or fails if `wait` is false, and calls on *out do not block then. CTL_NO_DAEMON,
 * CTL_NOT_ALLOWED; CTL_USAGE: no path of a socket. */
int connect_to_daemon(struct ctl *ctl, bool wait, int *out);

#endif
