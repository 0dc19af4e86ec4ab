/*
 * ^C while a batch is followed: it ends the following, not the batch, and the last word says how to
 * attach again. Until interrupt_catch() is called, ^C ends the program as ever.
 */
#ifndef AWAITCTL_INTERRUPT_H
#define AWAITCTL_INTERRUPT_H

#include <poll.h>
#include <stdbool.h>

/* From now on SIGINT, SIGTERM and SIGHUP, unless that was ignored, make blocking calls return -EINTR, once. */
void interrupt_catch(void);

/* Whether a signal came; true until interrupt_clear(). */
bool interrupt_came(void);
void interrupt_clear(void);

/* poll(2); returns -EINTR if a signal came, also when it came before the call, and the number of
 * ready descriptors or another negative errno otherwise. timeout_ms -1: no end. */
int interrupt_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

#endif
