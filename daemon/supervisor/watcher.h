/*
 * A client's interest in a batch: a cursor on the batch's completions, moved when the client's socket can take
 * more. Ends with the batch's summary, as a notification (batch.watch, follow) or as the response to a
 * request (batch.wait). Costs the same however far behind it is. Loop thread only.
 */
#ifndef AWAITD_SUPERVISOR_WATCHER_H
#define AWAITD_SUPERVISOR_WATCHER_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

struct batch;
struct catalogue;
struct client;
struct event_base;
struct watcher;
struct watchers;

/* What a watcher is told. */
enum watch_events {
    WATCH_NONE,
    WATCH_SUMMARY,  /* batch.done */
    WATCH_FAILURES, /* and job.done of jobs that did not succeed */
    WATCH_EACH,     /* and job.done of all */
    WATCH_EVENTS,   /* how many there are */
};

/* From "none", "summary", "failures", "each". WATCH_EVENTS: no such name. */
enum watch_events watch_events_from_name(const char *name);

/* All watchers of the daemon, at most client_max of each client; the catalogue must outlive them. on_unwatched is told
 * when a batch's last watcher has gone; it must leave the batch there until the next turn of the loop. NULL: out of
 * memory. */
struct watchers *watchers_new(struct event_base *base, const struct catalogue *catalogue,
                              size_t client_max,
                              void (*on_unwatched)(void *context, struct batch *batch),
                              void *context);
/* No watcher may be left. NULL is fine. */
void watchers_free(struct watchers *watchers);

/* Whether the client has as many watchers as it may have: the next two are not to be called then. */
bool watchers_full(const struct watchers *watchers, struct client *client);

/* Tells the client of the batch from completion number `from` on, which must not be behind the end of what may be told. Of
 * a durable batch only what has been committed is. -ENOMEM. */
int watchers_watch(struct watchers *watchers, struct client *client, struct batch *batch,
                   enum watch_events events, uint32_t from);

/* Answers the request `id` with the summary when the batch has finished; with error RPC_NOT_READY after
 * timeout_s (negative: never). -ENOMEM. */
int watchers_wait(struct watchers *watchers, struct client *client, struct batch *batch,
                  const json_t *id, double timeout_s);

/* There is something new in the batch. Costs the same whoever watches: events are written later. */
void watchers_notice(struct batch *batch);
/* Whether there is something that the client has still to be told now. */
bool watchers_have_news(struct client *client);
/* The client can take more, or is gone. */
void watchers_resume(struct client *client);
void watchers_drop(struct client *client);

#endif
