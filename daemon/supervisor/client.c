/*
 * A connection: two buffers and the events that fill and empty them. No bufferevent, since it reads 4 KiB at
 * a time (EVBUFFER_MAX_READ of libevent 2.1), which are 256 reads for a large request. Input is scanned
 * where it lies, a request is made contiguous only when it is complete, and others have their turn after a
 * millisecond. While there is input to be served, no more is read.
 */
#include "supervisor/client.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "supervisor/answers.h"
#include "wire/frame.h"
#include "wire/rpc.h"

/* Bytes that may wait to be sent before the client's requests and events wait. */
#define OUT_FULL (256u << 10)
/* Bytes read or written at once: more than a socket holds by default (net.core.wmem_default, 208 KiB), so
 * that a request of the default size takes five or six reads. */
#define TRANSFER_SIZE (256u << 10)
/* How long requests are served before the loop serves others; the one under way is not interrupted. */
#define TURN_NS (CLOCK_NS_PER_S / 1000)

struct client {
    struct client_callbacks callbacks;
    void *context;
    uid_t uid;
    int fd;
    struct evbuffer *input, *output;
    struct event *readable; /* pending while there is nothing to serve in the input */
    struct event *writable; /* pending while there is output */
    struct frame_scanner scanner;
    size_t scanned;       /* bytes of the input that the scanner has seen */
    size_t complete;      /* bytes of the request in front that is being served; 0: none is */
    struct event *again;  /* a turn for what is still in the input */
    struct event *hangup; /* NULL until the other side has ended */
    int hangup_fd;        /* what it watches; -1: none */
    int fd_end;           /* see struct client_limits */
    struct client_watchers watchers;
    struct errand *errand;
    struct client_answers answers;
    bool held;    /* the request in front cannot be served yet, */
    bool shortly; /* which will not take long */
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

/* Nobody will read what is sent. */
static void set_gone(struct client *client)
{
    client->gone = true;
    (void)event_del(client->writable); /* cannot fail for an event of ours */
    (void)evbuffer_drain(client->output, evbuffer_get_length(client->output));
}

/* Closes the connection if nothing more can come of it, and says so. There is no complete request left in
 * the input. */
static bool close_if_over(struct client *client)
{
    bool unanswered = !client->gone && !TAILQ_EMPTY(&client->answers.list);
    bool waits = unanswered || (!client->gone && !LIST_EMPTY(&client->watchers.list));
    bool over = client->closing ? !unanswered : client->ended && !waits;
    if (!over || unsent(client))
        return false;
    close_client(client);
    return true;
}

static void stop_reading(struct client *client)
{
    (void)event_del(client->readable); /* cannot fail for an event of ours */
}

static void take_another_turn(struct client *client)
{
    /* A timer that is due is served after the sockets had their turn, unlike event_active(). */
    static const struct timeval now = {0};
    (void)evtimer_add(client->again, &now); /* without memory: at the next event */
}

/* ---- Hang-up ------------------------------------------------------------------------------- */

static void serve_some(struct client *client);

static bool hung_up(const struct client *client)
{
    struct pollfd state = {.fd = client->fd};
    return poll(&state, 1, 0) == 1 && (state.revents & (POLLHUP | POLLERR));
}

static void on_hangup(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct client *client = context;
    if (!hung_up(client))
        return;
    set_gone(client);
    if (client->held && !client->shortly)
        client->closing = true;
    serve_some(client);
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

/*
 * Notices when the other side is gone, while nothing is read: because it will send no more, where reading would
 * report the end for ever, or because it is held. An edge-triggered event reports only changes, and the next one is the hang-up. It needs a
 * descriptor of its own: events of one descriptor are either all edge-triggered or none.
 */
static void watch_for_hangup(struct client *client)
{
    if (client->hangup_fd >= 0)
        return;
    client->hangup_fd = fcntl(client->fd, F_DUPFD_CLOEXEC, 0);
    if (client->hangup_fd >= client->fd_end) { /* it belongs to the reserve */
        (void)close(client->hangup_fd);        /* only a second name of the socket */
        client->hangup_fd = -1;
    }
    if (client->hangup_fd < 0)
        return; /* a dead client shows at the next write */
    client->hangup = event_new(event_get_base(client->readable), client->hangup_fd,
                               EV_READ | EV_PERSIST | EV_ET, on_hangup, client);
    if (client->hangup)
        (void)event_add(client->hangup, NULL); /* as above */
}

static void stop_watching(struct client *client)
{
    free_event(client->hangup);
    client->hangup = NULL;
    if (client->hangup_fd >= 0)
        (void)close(client->hangup_fd); /* only a second name of the socket */
    client->hangup_fd = -1;
}

/* ---- Requests ------------------------------------------------------------------------------ */

static void refuse(struct client *client, const json_t *id, int code, const char *message)
{
    size_t size;
    AUTO_FREE char *text = rpc_error(id, code, message, NULL, &size);
    if (!text || answers_send(client, text, size) != 0)
        client_abandon(client);
}

void client_end(struct client *client)
{
    client->closing = true;
    stop_reading(client);
}

/* The stream cannot be understood from here on: answers and closes. */
static void give_up(struct client *client, const json_t *id, int code, const char *message)
{
    refuse(client, id, code, message);
    client_end(client);
    (void)evbuffer_drain(client->input, evbuffer_get_length(client->input));
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
static enum frame_status scan(struct client *client)
{
    struct evbuffer *input = client->input;
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
static void give_up_frame(struct client *client, enum frame_status status)
{
    char text[160], first;
    if (status == FRAME_NOT_OBJECT && evbuffer_copyout(client->input, &first, 1) == 1 &&
        first == '[')
        give_up(client, NULL, RPC_INVALID_REQUEST,
                "batches of requests are not supported: put the jobs into one batch.submit");
    else
        give_up(client, NULL, RPC_PARSE_ERROR,
                frame_status_text(status, &client->scanner, text, sizeof(text)));
}

/* Finds the next request, if it is complete. */
static bool find_next(struct client *client)
{
    if (client->complete)
        return true; /* it was held */
    enum frame_status status = scan(client);
    if (status == FRAME_MORE)
        return false;
    if (status != FRAME_COMPLETE) {
        give_up_frame(client, status);
        return false;
    }
    client->complete = client->scanned;
    client->scanned = 0;
    return true;
}

/* Serves the next request. */
static bool serve_next(struct client *client)
{
    if (!find_next(client))
        return false;
    const unsigned char *text = evbuffer_pullup(client->input, (ev_ssize_t)client->complete);
    if (text)
        serve(client, (const char *)text, client->complete);
    else
        give_up(client, NULL, RPC_FULL, "out of memory");
    if (client->closing || client->held)
        return false;
    (void)evbuffer_drain(client->input, client->complete);
    client->complete = 0;
    return true;
}

static void read_on(struct client *client)
{
    if (!client->ended && event_add(client->readable, NULL) != 0)
        client_abandon(client);
}

/* Whether the next request may be served now. One that was held is served whatever waits to be sent. */
static bool may_serve(const struct client *client)
{
    return !client->closing && !client->held && (client->complete || !client_is_full(client));
}

static void serve_some(struct client *client)
{
    uint64_t end_ns = clock_now_ns() + TURN_NS;
    bool more = true, late = false;
    while (may_serve(client) && more && !late) {
        more = serve_next(client) && evbuffer_get_length(client->input) > 0;
        late = clock_now_ns() >= end_ns;
    }
    if (client->closing) {
        if (!close_if_over(client)) /* until all is sent */
            watch_for_hangup(client);
    } else if (client->held) {
        stop_reading(client); /* until client_release() */
        watch_for_hangup(client);
    } else if (client_is_full(client)) {
        stop_reading(client); /* until on_writable */
    } else if (more) {
        stop_reading(client);
        take_another_turn(client);
    } else if (!close_if_over(client)) {
        read_on(client);
    }
}

/* ---- Events -------------------------------------------------------------------------------- */

static void on_again(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    serve_some(context);
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
        stop_reading(client);
        if (got < 0 || hung_up(client))
            set_gone(client);
        else
            watch_for_hangup(client);
    }
    serve_some(client);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct client *client = context;
    if (evbuffer_write_atmost(client->output, fd, TRANSFER_SIZE) < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return;
        set_gone(client);
        take_another_turn(client);
        return;
    }
    if (!unsent(client))
        (void)event_del(client->writable); /* cannot fail for an event of ours */
    if (unsent(client) > OUT_FULL / 2)
        return;
    if (!client->closing)
        client->callbacks.on_drained(client->context, client);
    if (!client_is_full(client) && !event_pending(client->readable, EV_READ, NULL))
        take_another_turn(client); /* it was full, or its input has ended */
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
    stop_watching(client);
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

void client_abandon(struct client *client)
{
    client->closing = true;
    stop_reading(client);
    set_gone(client);
    take_another_turn(client);
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
        stop_watching(client);
    take_another_turn(client);
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
    if ((client->ended || client->closing) && TAILQ_EMPTY(&client->answers.list))
        take_another_turn(client);
}

struct client_watchers *client_watchers(struct client *client)
{
    return &client->watchers;
}

void client_watchers_changed(struct client *client)
{
    if (client->ended && LIST_EMPTY(&client->watchers.list))
        take_another_turn(client);
}
