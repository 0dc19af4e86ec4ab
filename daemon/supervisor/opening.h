/*
 * How the daemon opens: what outlived the last one goes on, then clients are served.
 */
#ifndef AWAITD_SUPERVISOR_OPENING_H
#define AWAITD_SUPERVISOR_OPENING_H

struct supervisor;

/* The workers are there, and the plugins known. Goes on by itself; when what the store has cannot be read, the daemon
 * gives up. -ENOMEM. */
int opening_begin(struct supervisor *supervisor);

#endif
