/*
 * A connection: two buffers and the events that fill and empty them. No bufferevent, since it reads 4 KiB at
 * a time (EVBUFFER_MAX_READ of libevent 2.1), which are 256 reads for a large request. What is read is served by
 * client_serve.c; what is sent waits in the output until the socket takes it.
 */
#include "supervisor/client.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "supervisor/client_parts.h"

/* Bytes that may wait to be sent before the client's events wait; its requests do so where these and the answers that
 * come later are as many. */
#define OUT_FULL (256u << 10)
/* Bytes read or written at once: more than a socket holds by default (net.core.wmem_default, 208 KiB), so
 * that a request of the default size takes five or six reads. */
#define TRANSFER_SIZE (256u << 10)

static void close_client(struct client *client)
{
    client->callbacks.on_closed(client->context, client);
}

static size_t unsent(const struct client *client)
{
    return evbuffer_get_length(client->output);
}

bool client_has_unsent(const struct client *client)
{
    return unsent(client) > 0;
}

bool client_is_full(const struct client *client)
{
    return unsent(client) >= OUT_FULL;
}

bool client_owes_much(const struct client *client)
{
    return unsent(client) + client->answers.bytes >= OUT_FULL;
}

void client_set_gone(struct client *client)
{
    client->gone = true;
    (void)event_del(client->writable); /* cannot fail for an event of ours */
    (void)evbuffer_drain(client->output, evbuffer_get_length(client->output));
}

bool client_close_if_over(struct client *client)
{
    bool unanswered = !client->gone && !TAILQ_EMPTY(&client->answers.list);
    bool waits = unanswered || (!client->gone && !LIST_EMPTY(&client->watchers.list));
    bool over = client->closing ? !unanswered : client->ended && !waits;
    if (!over || unsent(client))
        return false;
    close_client(client);
    return true;
}

void client_stop_reading(struct client *client)
{
    (void)event_del(client->readable); /* cannot fail for an event of ours */
}

void client_take_turn(struct client *client)
{
    /* A timer that is due is served after the sockets had their turn, unlike event_active(). */
    static const struct timeval now = {0};
    (void)evtimer_add(client->again, &now); /* without memory: at the next event */
}

void client_read_on(struct client *client)
{
    if (!client->ended && event_add(client->readable, NULL) != 0)
        client_abandon(client);
}

/* ---- Events -------------------------------------------------------------------------------- */

static void on_again(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    client_serve(context);
}

/* Reads what the socket holds. Negative: an errno; 0: its end. */
static ssize_t receive(struct client *client)
{
    int waiting = 0;
    (void)ioctl(client->fd, FIONREAD, &waiting); /* fails for no socket */
    size_t room = waiting < 1                       ? 1
                  : (size_t)waiting < TRANSFER_SIZE ? (size_t)waiting
                                                    : TRANSFER_SIZE;
    struct evbuffer_iovec space;
    if (evbuffer_reserve_space(client->input, (ev_ssize_t)room, &space, 1) != 1)
        return -ENOMEM;
    ssize_t got = read(client->fd, space.iov_base, room);
    if (got <= 0)
        return got < 0 ? -errno : 0;
    space.iov_len = (size_t)got;
    return evbuffer_commit_space(client->input, &space, 1) == 0 ? got : -ENOMEM;
}

/* Where nobody reads answers any more, what was asked for is still done. */
static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct client *client = context;
    ssize_t got = receive(client);
    if (got == -EAGAIN || got == -EINTR)
        return;
    if (got <= 0) {
        client->ended = true;
        client_stop_reading(client);
        if (got < 0 || client_hung_up(client))
            client_set_gone(client);
        else
            client_watch_hangup(client);
    }
    client_serve(client);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct client *client = context;
    if (evbuffer_write_atmost(client->output, fd, TRANSFER_SIZE) < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return;
        client_set_gone(client);
        client_take_turn(client);
        return;
    }
    if (!unsent(client))
        (void)event_del(client->writable); /* cannot fail for an event of ours */
    if (unsent(client) > OUT_FULL / 2)
        return;
    if (!client->closing)
        client->callbacks.on_drained(client->context, client);
    if (!client_owes_much(client) && !event_pending(client->readable, EV_READ, NULL))
        client_take_turn(client); /* it owed much, or its input has ended */
}

/* ---- Life ---------------------------------------------------------------------------------- */

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

struct client *client_new(struct event_base *base, int fd, uid_t uid,
                          const struct client_limits *limits,
                          const struct client_callbacks *callbacks, void *context)
{
    struct client *client = calloc(1, sizeof(*client));
    if (!client)
        return NULL;
    client->callbacks = *callbacks;
    client->context = context;
    client->hangup_fd = -1;
    client->fd_end = limits->fd_end;
    client->uid = uid;
    client->scanner.max_size = limits->line_bytes;
    client->scanner.max_depth = limits->depth;
    LIST_INIT(&client->watchers.list);
    TAILQ_INIT(&client->answers.list);
    client->fd = -1;
    client->again = evtimer_new(base, on_again, client);
    client->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, client);
    client->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, client);
    client->input = evbuffer_new();
    client->output = evbuffer_new();
    if (!client->again || !client->readable || !client->writable || !client->input ||
        !client->output || event_add(client->readable, NULL) != 0) {
        client_free(client);
        return NULL;
    }
    client->fd = fd;
    return client;
}

void client_free(struct client *client)
{
    assert(LIST_EMPTY(&client->watchers.list) && TAILQ_EMPTY(&client->answers.list));
    client_unwatch_hangup(client);
    free_event(client->again);
    free_event(client->readable);
    free_event(client->writable);
    if (client->input)
        evbuffer_free(client->input);
    if (client->output)
        evbuffer_free(client->output);
    if (client->fd >= 0)
        (void)close(client->fd); /* nothing can be done about it */
    free(client);
}

uid_t client_uid(const struct client *client)
{
    return client->uid;
}

void client_send(struct client *client, const void *text, size_t size)
{
    if (client->gone || !size) /* writing nothing counts as failing to libevent */
        return;
    if (evbuffer_add(client->output, text, size) != 0 || event_add(client->writable, NULL) != 0)
        client_abandon(client);
}

void client_end(struct client *client)
{
    client->closing = true;
    client_stop_reading(client);
}

void client_abandon(struct client *client)
{
    client->closing = true;
    client_stop_reading(client);
    client_set_gone(client);
    client_take_turn(client);
}

void client_hold(struct client *client)
{
    client->held = true;
    client->shortly = false;
}

void client_hold_shortly(struct client *client)
{
    client->held = client->shortly = true;
}

void client_release(struct client *client)
{
    client->held = false;
    if (!client->ended)
        client_unwatch_hangup(client);
    client_take_turn(client);
}

bool client_is_held(const struct client *client)
{
    return client->held;
}

struct errand **client_errand(struct client *client)
{
    return &client->errand;
}

struct client_answers *client_answers(struct client *client)
{
    return &client->answers;
}

void client_answers_changed(struct client *client)
{
    bool is_over = (client->ended || client->closing) && TAILQ_EMPTY(&client->answers.list);
    bool waits = client->held || event_pending(client->readable, EV_READ, NULL);
    if (is_over || (!waits && !client_owes_much(client)))
        client_take_turn(client);
}

struct client_watchers *client_watchers(struct client *client)
{
    return &client->watchers;
}

void client_watchers_changed(struct client *client)
{
    if (client->ended && LIST_EMPTY(&client->watchers.list))
        client_take_turn(client);
}
