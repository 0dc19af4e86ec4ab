/*
 * Requests: input is scanned where it lies, a request is made contiguous only when it is complete, and others have
 * their turn after a millisecond. One that is held stays in front until it is released. While there is input to be
 * served, no more is read.
 *
 * Knows the envelope alone: what a method means is the callback's business. Never writes to the socket itself.
 */
#include <assert.h>
#include <event2/buffer.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "supervisor/client_parts.h"
#include "wire/rpc.h"

/* How long requests are served before the loop serves others; the one under way is not interrupted. */
#define TURN_NS (CLOCK_NS_PER_S / 1000)

/* ---- Refusals ------------------------------------------------------------------------------ */

static void refuse(struct client *client, const json_t *id, int code, const char *message)
{
    size_t size;
    AUTO_FREE char *text = rpc_error(id, code, message, NULL, &size);
    if (!text || answers_send(client, text, size) != 0)
        client_abandon(client);
}

/* The stream cannot be understood from here on: answers and closes. */
static void give_up(struct client *client, const json_t *id, int code, const char *message)
{
    refuse(client, id, code, message);
    client_end(client);
    (void)evbuffer_drain(client->input, evbuffer_get_length(client->input));
}

/* ---- Serving ------------------------------------------------------------------------------- */

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

/* Whether the next request may be served now. One that was held is served whatever waits to be sent. */
static bool may_serve(const struct client *client)
{
    return !client->closing && !client->held && (client->complete || !client_owes_much(client));
}

void client_serve(struct client *client)
{
    uint64_t end_ns = clock_now_ns() + TURN_NS;
    bool more = true, late = false;
    while (may_serve(client) && more && !late) {
        more = serve_next(client) && evbuffer_get_length(client->input) > 0;
        late = clock_now_ns() >= end_ns;
    }
    if (client->closing) {
        if (!client_close_if_over(client)) /* until all is sent */
            client_watch_hangup(client);
    } else if (client->held) {
        client_stop_reading(client); /* until client_release() */
        client_watch_hangup(client);
    } else if (client_owes_much(client)) {
        client_stop_reading(client); /* until some of it has been sent */
    } else if (more) {
        client_stop_reading(client);
        client_take_turn(client);
    } else if (!client_close_if_over(client)) {
        client_read_on(client);
    }
}
