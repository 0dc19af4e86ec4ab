/*
 * A connection between supervisor and worker: messages in and out of a socket on a libevent loop.
 * Writing never blocks and never fails at once: what the socket does not take waits in memory. Loop
 * thread only.
 */
#ifndef AWAITD_WIRE_CHANNEL_H
#define AWAITD_WIRE_CHANNEL_H

#include <stddef.h>
#include "base/bytes.h"
#include "wire/message.h"

/* The descriptor on which a worker finds its end; the first after the standard ones. */
#define CHANNEL_WORKER_FD 3

struct channel;
struct event_base;
struct error;

struct channel_callbacks {
    /* One message; the payload is valid during the call, whatever the callee does. A non-zero return
     * closes the channel as after a broken message. The callee may call channel_free(). */
    int (*on_message)(void *context, enum message_type type, struct bytes_reader *payload);
    /* The other end is gone (error text empty), or sent something broken, or there is no memory for
     * what is to be sent. Called once, last, from the loop; the callee frees the channel. Whatever the
     * other end sent before it went has been given to on_message by then. */
    void (*on_closed)(void *context, const struct error *error);
    /* All that waited has been written. Called from the loop; the callee may call channel_free(). May be
     * NULL. */
    void (*on_drained)(void *context);
};

/* Takes over fd, a connected stream socket, and makes it non-blocking. NULL: out of memory, and fd is
 * still the caller's. */
struct channel *channel_new(struct event_base *base, int fd,
                            const struct channel_callbacks *callbacks, void *context);
/* Closes the socket; what was not yet written is lost. NULL is fine. */
void channel_free(struct channel *channel);

/* The buffer to append messages to, with the encoders of wire/message.h; then channel_send(). Ask for it
 * anew before each message, and append whole ones: between message_run_begin() and message_end() do
 * not return to the loop. */
struct bytes *channel_out(struct channel *channel);
/* Sends what was appended: at the latest before the loop waits again. Cheap to call often. */
void channel_send(struct channel *channel);
/* Tries to write everything before it returns, waiting for the socket; for the last words of a process,
 * and before something that may crash. 0 or a negative errno. Calls no callback: they follow from the
 * loop. */
int channel_flush(struct channel *channel);
/* Bytes appended that the socket has not yet taken. */
size_t channel_unsent(const struct channel *channel);

#endif
