/*
 * A client of the control socket. The socket is used without blocking, and poll(2) waits, so that
 * ^C and timeouts end every wait. Messages are found by wire/frame.h and read by incoming.c.
 */
#include "connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "base/cleanup.h"
#include "connect.h"
#include "ctl.h"
#include "interrupt.h"
#include "wire/frame.h"
#include "wire/rpc.h"

/* Bytes of one message of the daemon, and its nesting; reason: outputs are bounded by the daemon
 * (limits.output_bytes), which is trusted, but its socket's path may be anybody's. */
static const struct frame_scanner scanner_at_start = {
    .max_size = (size_t)1 << 30,
    .max_depth = 128,
};
/* Bytes read at once: some hundred events. */
#define READ_BYTES ((size_t)64 << 10)

struct connection {
    struct ctl *ctl;
    int fd;
    json_int_t last_id;
    struct frame_scanner scanner;
    /* buffer[start .. end - 1] is what came and was not given out; the scanner has looked at the bytes
     * before `scanned`. Where `complete`, a message ends there. */
    char *buffer;
    size_t start, scanned, end, capacity;
    bool complete;
    bool lost; /* the daemon closed it, or it broke */
    connection_skimmer *skimmer;
    void *skimmer_context;
};

/* ---- Connecting -------------------------------------------------------------------------------- */

int connection_open(struct ctl *ctl, struct connection **out)
{
    int fd = -1;
    int code = connect_to_daemon(ctl, true, &fd);
    if (code)
        return code;
    struct connection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        (void)close(fd); /* nothing was sent */
        return ctl_fail_memory(ctl);
    }
    connection->ctl = ctl;
    connection->fd = fd;
    connection->scanner = scanner_at_start;
    *out = connection;
    return CTL_OK;
}

int connection_reopen(struct connection *connection)
{
    int fd = -1;
    int code = connect_to_daemon(connection->ctl, false, &fd);
    if (code)
        return code;
    (void)close(connection->fd); /* it is of no use any more */
    connection->fd = fd;
    connection->scanner = scanner_at_start;
    connection->start = connection->scanned = connection->end = 0;
    connection->complete = connection->lost = false;
    return CTL_OK;
}

bool connection_is_lost(const struct connection *connection)
{
    return connection->lost;
}

void connection_close(struct connection *connection)
{
    if (!connection)
        return;
    (void)close(connection->fd); /* what was sent is sent */
    free(connection->buffer);
    free(connection);
}

int connection_fd(const struct connection *connection)
{
    return connection->fd;
}

bool connection_has_input(const struct connection *connection)
{
    return connection->complete;
}

void connection_set_skimmer(struct connection *connection, connection_skimmer *skimmer,
                            void *context)
{
    connection->skimmer = skimmer;
    connection->skimmer_context = context;
}

static int fail_gone(struct connection *connection, const char *why)
{
    connection->lost = true;
    return ctl_fail(connection->ctl, CTL_NO_DAEMON, "the daemon went away%s%s", *why ? ": " : "",
                    why);
}

/* ---- Taking in what the daemon sends ------------------------------------------------------------- */

/* Moves the scanner on until a message is complete or everything was looked at. */
static int scan(struct connection *connection)
{
    while (!connection->complete && connection->scanned < connection->end) {
        size_t blank, consumed;
        enum frame_status status =
            frame_scan(&connection->scanner, connection->buffer + connection->scanned,
                       connection->end - connection->scanned, &blank, &consumed);
        if (connection->start == connection->scanned)
            connection->start += blank;
        connection->scanned += consumed;
        connection->complete = status == FRAME_COMPLETE;
        if (status != FRAME_MORE && status != FRAME_COMPLETE) {
            char words[160];
            return ctl_fail(connection->ctl, CTL_NO_DAEMON,
                            "this is no awaitd, or a broken one: %s",
                            frame_status_text(status, &connection->scanner, words, sizeof(words)));
        }
    }
    return CTL_OK;
}

/* Makes room for READ_BYTES more at the end. Moves what is there, so no message may be in use. */
static int make_room(struct connection *connection)
{
    if (connection->start > 0) {
        memmove(connection->buffer, connection->buffer + connection->start,
                connection->end - connection->start);
        connection->scanned -= connection->start;
        connection->end -= connection->start;
        connection->start = 0;
    }
    if (connection->capacity - connection->end >= READ_BYTES)
        return CTL_OK;
    size_t capacity = connection->capacity * 2 + READ_BYTES;
    char *buffer = realloc(connection->buffer, capacity);
    if (!buffer)
        return ctl_fail_memory(connection->ctl);
    connection->buffer = buffer;
    connection->capacity = capacity;
    return CTL_OK;
}

/* Reads what is there without waiting. */
static int take_in(struct connection *connection)
{
    int code = make_room(connection);
    if (code)
        return code;
    ssize_t size = recv(connection->fd, connection->buffer + connection->end,
                        connection->capacity - connection->end, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return CTL_OK;
    if (size < 0)
        return fail_gone(connection, strerror(errno));
    if (size == 0)
        return fail_gone(connection, "");
    connection->end += (size_t)size;
    return scan(connection);
}

static int fail_interrupted(struct connection *connection)
{
    return ctl_fail(connection->ctl, CTL_INTERRUPTED, "interrupted");
}

/* ---- Requests ------------------------------------------------------------------------------------ */

json_int_t connection_next_id(struct connection *connection)
{
    return ++connection->last_id;
}

int connection_write(struct connection *connection, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(connection->fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            const char *why = strerror(errno);
            /* Its last words may be waiting to be read: they tell more than "broken pipe". */
            while (!connection->complete && take_in(connection) == CTL_OK && !connection->complete)
                continue;
            return connection->complete ? CTL_OK : fail_gone(connection, why);
        }
        if (sent > 0) {
            text += sent;
            size -= (size_t)sent;
            continue;
        }
        struct pollfd fd = {.fd = connection->fd, .events = POLLIN | POLLOUT};
        if (interrupt_poll(&fd, 1, -1) == -EINTR)
            return fail_interrupted(connection);
        if (fd.revents & POLLIN) {
            int code = take_in(connection);
            if (code)
                return code;
        }
    }
    return CTL_OK;
}

int connection_send(struct connection *connection, const char *method, json_t *params,
                    json_int_t *id)
{
    json_int_t number = connection_next_id(connection);
    size_t size;
    AUTO_FREE char *text = rpc_request(number, method, params, &size);
    if (!text)
        return ctl_fail_memory(connection->ctl);
    int code = connection_write(connection, text, size);
    if (code == CTL_OK && id)
        *id = number;
    return code;
}

/* ---- Messages of the daemon ---------------------------------------------------------------------- */

/* Offers the message that is complete in the buffer to the skimmer; true: it took it. */
static bool skim(struct connection *connection)
{
    if (!connection->skimmer ||
        !connection->skimmer(connection->skimmer_context, connection->buffer + connection->start,
                             connection->scanned - connection->start))
        return false;
    connection->start = connection->scanned;
    connection->complete = false;
    return true;
}

/* Gives out the message that is complete in the buffer. */
static int give_out(struct connection *connection, struct incoming *out)
{
    const char *text = connection->buffer + connection->start;
    size_t size = connection->scanned - connection->start;
    connection->start = connection->scanned;
    connection->complete = false;
    return incoming_read(connection->ctl, text, size, out);
}

/* Waits until a message is complete. */
static int await_message(struct connection *connection, int timeout_ms)
{
    int code = scan(connection);
    while (code == CTL_OK && !connection->complete) {
        struct pollfd fd = {.fd = connection->fd, .events = POLLIN};
        ctl_flush(connection->ctl);
        int ready = interrupt_poll(&fd, 1, timeout_ms);
        if (ready == -EINTR)
            return fail_interrupted(connection);
        if (ready == 0)
            return CTL_TIMED_OUT;
        code = take_in(connection);
    }
    return code;
}

int connection_read(struct connection *connection, int timeout_ms, struct incoming *out)
{
    int code;
    do {
        code = await_message(connection, timeout_ms);
    } while (code == CTL_OK && skim(connection));
    return code ? code : give_out(connection, out);
}

/* ---- Answers ------------------------------------------------------------------------------------- */

int connection_answer(struct connection *connection, json_int_t id,
                      connection_event_handler *on_event, void *context, struct incoming *out)
{
    for (;;) {
        struct incoming incoming;
        int code = connection_read(connection, -1, &incoming);
        if (code)
            return code;
        bool is_answer = incoming.kind != INCOMING_EVENT && incoming.id == id;
        if (is_answer && incoming.kind == INCOMING_RESULT) {
            *out = incoming;
            return CTL_OK;
        }
        if (incoming.kind == INCOMING_EVENT && on_event) {
            code = on_event(context, &incoming);
        } else if (incoming.kind == INCOMING_ERROR && (is_answer || incoming.id == 0)) {
            /* Without id: the daemon could not read the request and closes the connection. */
            if (connection->ctl->json)
                incoming_print(&incoming);
            code = incoming_refusal(connection->ctl, &incoming);
        }
        incoming_clear(&incoming);
        if (code)
            return code;
    }
}

int connection_call(struct connection *connection, const char *method, json_t *params,
                    json_t **result)
{
    json_int_t id;
    int code = connection_send(connection, method, params, &id);
    if (code)
        return code;
    struct incoming answer;
    code = connection_answer(connection, id, NULL, NULL, &answer);
    if (code)
        return code;
    if (connection->ctl->json)
        incoming_print(&answer);
    *result = json_incref(answer.body);
    incoming_clear(&answer);
    return CTL_OK;
}

int connection_once(struct ctl *ctl, const char *method, json_t *params, json_t **result)
{
    struct connection *connection;
    int code = connection_open(ctl, &connection);
    if (code) {
        json_decref(params);
        return code;
    }
    code = connection_call(connection, method, params, result);
    connection_close(connection);
    return code;
}
