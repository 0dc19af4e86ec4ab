/*
 * A connection on a bufferevent. Input is scanned where it lies, a request is made contiguous only when it
 * is complete, and only a few are served before others have their turn.
 */
#include "supervisor/client.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "wire/frame.h"
#include "wire/rpc.h"

/* Bytes that may wait to be sent before the client's requests and events wait. */
#define OUT_FULL (256u << 10)
/* Bytes read at once: a request of the default size takes four reads. */
#define READ_SIZE (256u << 10)
/* Requests served before the loop serves others. */
#define REQUESTS_PER_TURN 64

struct client {
    struct client_callbacks callbacks;
    void *context;
    uid_t uid;
    struct bufferevent *stream;
    struct frame_scanner scanner;
    size_t scanned;       /* bytes of the input that the scanner has seen */
    struct event *again;  /* a turn for what is still in the input */
    struct event *hangup; /* NULL until the other side has ended */
    int hangup_fd;        /* what it watches; -1: none */
    struct client_watchers watchers;
    bool ended;   /* no more input will come */
    bool gone;    /* nobody is there to read answers either */
    bool closing; /* serve no more; close when everything has been sent */
};

static void close_client(struct client *client)
{
    client->callbacks.on_closed(client->context, client);
}

static size_t unsent(const struct client *client)
{
    return client->gone ? 0 : evbuffer_get_length(bufferevent_get_output(client->stream));
}

bool client_has_unsent(const struct client *client)
{
    return unsent(client) > 0;
}

bool client_is_full(const struct client *client)
{
    return unsent(client) >= OUT_FULL;
}

/* Closes the connection if nothing more can come of it. There is no complete request left in the input. */
static void close_if_over(struct client *client)
{
    bool idle = client->ended && (client->gone || LIST_EMPTY(&client->watchers));
    if ((client->closing || idle) && !unsent(client))
        close_client(client);
}

static void take_another_turn(struct client *client)
{
    /* A timer that is due is served after the sockets had their turn, unlike event_active(). */
    static const struct timeval now = {0};
    (void)evtimer_add(client->again, &now); /* without memory: at the next event */
}

/* ---- Requests ------------------------------------------------------------------------------ */

static void refuse(struct client *client, const json_t *id, int code, const char *message)
{
    size_t size;
    AUTO_FREE char *text = rpc_error(id, code, message, NULL, &size);
    if (text)
        client_send(client, text, size);
}

/* The stream cannot be understood from here on: answers and closes. */
static void give_up(struct client *client, const json_t *id, int code, const char *message)
{
    refuse(client, id, code, message);
    client->closing = true;
    (void)bufferevent_disable(client->stream, EV_READ); /* fails for no stream of ours */
    struct evbuffer *input = bufferevent_get_input(client->stream);
    (void)evbuffer_drain(input, evbuffer_get_length(input));
}

static void serve(struct client *client, const char *text, size_t size)
{
    struct rpc_request request;
    struct error error = {0};
    json_t *id = NULL;
    int code = rpc_parse_request(text, size, &request, &id, &error);
    if (!code) {
        client->callbacks.on_request(client->context, client, &request);
        rpc_request_clear(&request);
    } else if (code == RPC_PARSE_ERROR) {
        give_up(client, id, code, error.text);
    } else {
        refuse(client, id, code, error.text);
    }
    json_decref(id);
}

/* Looks at input that was not yet seen. FRAME_COMPLETE: the first client->scanned bytes are a request. */
static enum frame_status scan(struct client *client, struct evbuffer *input)
{
    while (client->scanned < evbuffer_get_length(input)) {
        struct evbuffer_ptr position;
        struct evbuffer_iovec piece;
        if (evbuffer_ptr_set(input, &position, client->scanned, EVBUFFER_PTR_SET) != 0 ||
            evbuffer_peek(input, -1, &position, &piece, 1) < 1)
            return FRAME_MORE;
        size_t blank, consumed;
        enum frame_status status =
            frame_scan(&client->scanner, piece.iov_base, piece.iov_len, &blank, &consumed);
        if (blank) { /* blanks stand at the front: nothing of a message has been scanned yet */
            assert(!client->scanned);
            (void)evbuffer_drain(input, blank);
        }
        client->scanned += consumed - blank;
        if (status != FRAME_MORE)
            return status;
    }
    return FRAME_MORE;
}

/* Gives up for what the scanner says of the input. */
static void give_up_frame(struct client *client, enum frame_status status, struct evbuffer *input)
{
    char text[160], first;
    if (status == FRAME_NOT_OBJECT && evbuffer_copyout(input, &first, 1) == 1 && first == '[')
        give_up(client, NULL, RPC_INVALID_REQUEST,
                "batches of requests are not supported: put the jobs into one batch.submit");
    else
        give_up(client, NULL, RPC_PARSE_ERROR,
                frame_status_text(status, &client->scanner, text, sizeof(text)));
}

/* Serves the next request, if it is complete. */
static bool serve_next(struct client *client, struct evbuffer *input)
{
    enum frame_status status = scan(client, input);
    if (status == FRAME_MORE)
        return false;
    if (status != FRAME_COMPLETE) {
        give_up_frame(client, status, input);
        return false;
    }
    size_t size = client->scanned;
    client->scanned = 0;
    const unsigned char *text = evbuffer_pullup(input, (ev_ssize_t)size);
    if (text)
        serve(client, (const char *)text, size);
    else
        give_up(client, NULL, RPC_FULL, "out of memory");
    if (client->closing)
        return false;
    (void)evbuffer_drain(input, size);
    return true;
}

static void serve_some(struct client *client)
{
    struct evbuffer *input = bufferevent_get_input(client->stream);
    int served = 0;
    while (!client->closing && !client_is_full(client) && served < REQUESTS_PER_TURN &&
           serve_next(client, input))
        served++;
    if (client->closing)
        close_if_over(client);
    else if (client_is_full(client))
        (void)bufferevent_disable(client->stream, EV_READ); /* until on_write */
    else if (served == REQUESTS_PER_TURN)
        take_another_turn(client);
    else
        close_if_over(client);
}

/* ---- Events -------------------------------------------------------------------------------- */

static void on_read(struct bufferevent *stream, void *context)
{
    (void)stream;
    serve_some(context);
}

static void on_write(struct bufferevent *stream, void *context)
{
    struct client *client = context;
    if (client->closing) {
        close_if_over(client);
        return;
    }
    client->callbacks.on_drained(client->context, client);
    if (client_is_full(client))
        return;
    if (!client->ended)
        (void)bufferevent_enable(stream, EV_READ);
    if (client->ended || evbuffer_get_length(bufferevent_get_input(stream)))
        take_another_turn(client);
}

static bool hung_up(const struct client *client)
{
    struct pollfd state = {.fd = bufferevent_getfd(client->stream)};
    return poll(&state, 1, 0) == 1 && (state.revents & (POLLHUP | POLLERR));
}

static void on_again(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    serve_some(context);
}

static void on_hangup(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct client *client = context;
    if (!hung_up(client))
        return;
    client->gone = true;
    serve_some(client);
}

/*
 * The other side will send no more, which need not mean that it is gone. Reading would report the end
 * for ever; an edge-triggered event reports only changes, and the next one is the hang-up. It needs a
 * descriptor of its own: events of one descriptor are either all edge-triggered or none.
 */
static void watch_for_hangup(struct client *client)
{
    client->hangup_fd = fcntl(bufferevent_getfd(client->stream), F_DUPFD_CLOEXEC, 0);
    if (client->hangup_fd < 0)
        return; /* a dead client shows at the next write */
    client->hangup = event_new(bufferevent_get_base(client->stream), client->hangup_fd,
                               EV_READ | EV_PERSIST | EV_ET, on_hangup, client);
    if (client->hangup)
        (void)event_add(client->hangup, NULL); /* as above */
}

/* One direction is at its end. Where nobody reads answers any more, what was asked for is still done. */
static void on_event(struct bufferevent *stream, short what, void *context)
{
    struct client *client = context;
    if (what & BEV_EVENT_WRITING) {
        client->gone = true;
        (void)bufferevent_enable(stream, EV_READ); /* off while full; fails for no stream of ours */
    } else {
        client->ended = true;
        client->gone |= (what & BEV_EVENT_ERROR) || hung_up(client);
        if (!client->gone)
            watch_for_hangup(client);
    }
    if (client->gone)
        (void)bufferevent_disable(stream, EV_WRITE); /* as above */
    serve_some(client);
}

/* ---- Life ---------------------------------------------------------------------------------- */

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
    client->uid = uid;
    client->scanner.max_size = limits->line_bytes;
    client->scanner.max_depth = limits->depth;
    LIST_INIT(&client->watchers);
    client->again = evtimer_new(base, on_again, client);
    client->stream = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (!client->again || !client->stream ||
        bufferevent_enable(client->stream, EV_READ | EV_WRITE) != 0) {
        if (client->stream)
            (void)bufferevent_setfd(client->stream, -1); /* fails for no socket */
        client_free(client);
        return NULL;
    }
    bufferevent_setcb(client->stream, on_read, on_write, on_event, client);
    bufferevent_setwatermark(client->stream, EV_READ, 0, limits->line_bytes + READ_SIZE);
    bufferevent_setwatermark(client->stream, EV_WRITE, OUT_FULL / 2, 0);
    (void)bufferevent_set_max_single_read(client->stream, READ_SIZE); /* else smaller reads */
    (void)bufferevent_set_max_single_write(client->stream, READ_SIZE);
    return client;
}

void client_free(struct client *client)
{
    assert(LIST_EMPTY(&client->watchers));
    if (client->again)
        event_free(client->again);
    if (client->hangup)
        event_free(client->hangup);
    if (client->hangup_fd >= 0)
        (void)close(client->hangup_fd); /* only a second name of the socket */
    if (client->stream)
        bufferevent_free(client->stream);
    free(client);
}

uid_t client_uid(const struct client *client)
{
    return client->uid;
}

void client_send(struct client *client, const void *text, size_t size)
{
    if (!client->gone)
        (void)bufferevent_write(client->stream, text,
                                size); /* without memory the client misses it */
}

struct client_watchers *client_watchers(struct client *client)
{
    return &client->watchers;
}

void client_watchers_changed(struct client *client)
{
    if (client->ended && LIST_EMPTY(&client->watchers))
        take_another_turn(client);
}
