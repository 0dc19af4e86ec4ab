/*
 * The two systemd protocols a daemon needs, spoken directly: readiness (sd_notify(3)) and socket
 * activation (sd_listen_fds(3)).
 */
#ifndef AWAITD_SUPERVISOR_NOTIFY_H
#define AWAITD_SUPERVISOR_NOTIFY_H

struct error;

/* Sends a datagram such as "READY=1\nSTATUS=..." to $NOTIFY_SOCKET; nothing where that is not set. A
 * failure is told and changes nothing. 0 or a negative errno. */
int notify_send(const char *state, struct error *error);

/* The listening Unix stream socket that systemd passed, by LISTEN_PID and LISTEN_FDS; -1 where none was;
 * -EINVAL with *error: something else was passed. Takes the variables out of the environment, makes
 * the descriptor close-on-exec and non-blocking. Call once, early in main. */
int notify_listen_fd(struct error *error);

#endif
