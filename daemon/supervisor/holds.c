/*
 * A list of clients, and one event that lets the first of them go on.
 */
#include "supervisor/holds.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/queue.h>
#include "supervisor/client.h"

struct hold {
    TAILQ_ENTRY(hold) link;
    struct client *client;
    uint64_t jobs;
    bool released; /* its request is about to be carried out again */
};

struct holds {
    TAILQ_HEAD(, hold) list;
    struct event *turn;
    bool (*fits)(void *context, uint64_t jobs);
    void *context;
};

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct holds *holds = context;
    struct hold *first = TAILQ_FIRST(&holds->list);
    if (!first || first->released || !holds->fits(holds->context, first->jobs))
        return;
    first->released = true;
    client_release(first->client);
}

struct holds *holds_new(struct event_base *base, bool (*fits)(void *context, uint64_t jobs),
                        void *context)
{
    struct holds *holds = calloc(1, sizeof(*holds));
    if (!holds)
        return NULL;
    TAILQ_INIT(&holds->list);
    holds->fits = fits;
    holds->context = context;
    holds->turn = evtimer_new(base, on_turn, holds);
    if (holds->turn)
        return holds;
    free(holds);
    return NULL;
}

void holds_free(struct holds *holds)
{
    if (!holds)
        return;
    assert(TAILQ_EMPTY(&holds->list));
    event_free(holds->turn);
    free(holds);
}

/* A client that has requests carried out is the first one, or not held at all. */
bool holds_must_wait(const struct holds *holds, const struct client *client)
{
    const struct hold *first = TAILQ_FIRST(&holds->list);
    return first && first->client != client;
}

int holds_add(struct holds *holds, struct client *client, uint64_t jobs)
{
    struct hold *hold = TAILQ_FIRST(&holds->list);
    if (!hold || hold->client != client) {
        hold = calloc(1, sizeof(*hold));
        if (!hold)
            return -ENOMEM;
        hold->client = client;
        TAILQ_INSERT_TAIL(&holds->list, hold, link);
    }
    hold->jobs = jobs;
    hold->released = false;
    client_hold(client);
    holds_wake(holds); /* what it waits for may have come in between */
    return 0;
}

void holds_drop(struct holds *holds, const struct client *client)
{
    struct hold *hold;
    TAILQ_FOREACH (hold, &holds->list, link) {
        if (hold->client == client)
            break;
    }
    if (!hold)
        return;
    TAILQ_REMOVE(&holds->list, hold, link);
    free(hold);
    holds_wake(holds);
}

uint64_t holds_wanted(const struct holds *holds)
{
    const struct hold *first = TAILQ_FIRST(&holds->list);
    return first ? first->jobs : 0;
}

void holds_wake(struct holds *holds)
{
    /* A timer that is due is served after the sockets had their turn, unlike event_active(). */
    static const struct timeval now = {0};
    if (!TAILQ_EMPTY(&holds->list) && !evtimer_pending(holds->turn, NULL))
        (void)evtimer_add(holds->turn, &now); /* reserved in holds_new() */
}
