/*
 * Waiting for one descriptor and a time, whichever comes first. Loop thread only.
 */
#ifndef AWAITD_WORKER_WATCH_H
#define AWAITD_WORKER_WATCH_H

struct event_base;
struct timers;
struct watch;

/* NULL: out of memory. */
struct watch *watch_new(struct event_base *base, struct timers *timers);
/* Ends it too. NULL is fine. */
void watch_free(struct watch *watch);

/* Calls on_ready(context, ready) once, when fd is ready for one of `events` (bits of enum aw_ready), or
 * with AW_TIMED_OUT after timeout_s (negative: never). Replaces what it waited for before. A negative errno:
 * cannot be waited for, and it waits for nothing. */
int watch_start(struct watch *watch, int fd, unsigned events, double timeout_s,
                void (*on_ready)(void *context, int ready), void *context);
/* Waits for nothing any more. NULL is fine. */
void watch_stop(struct watch *watch);

#endif
