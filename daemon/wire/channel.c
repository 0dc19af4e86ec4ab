/*
 * Messages over a socket. What is appended goes to `out`; when the loop has called what else was
 * active, one write takes all of it, and what the socket leaves over moves to `unsent` and waits
 * there while `out` fills anew: bytes are never moved about. Reading takes a bounded piece per turn
 * of the loop, so that neither a talkative nor a hostile end keeps others waiting.
 *
 * Trouble found while sending is not told at once but from the loop, and only when all that the other
 * end had sent is delivered: a worker's last results come before the news of its death.
 */
#include "wire/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include "base/error.h"

/* Bytes read at once; reason: few system calls, yet no more results in one turn of the loop than
 * take some milliseconds to handle. */
#define READ_SIZE ((size_t)64 << 10)

/* Bytes read at once into a message known to be that long: those cost nothing until it is whole. */
#define READ_SIZE_LONG ((size_t)1 << 20)

/* Bytes of memory a buffer keeps when it is empty; larger ones are given back. */
#define KEPT_CAPACITY ((size_t)256 << 10)

struct channel {
    int fd;
    struct channel_callbacks callbacks;
    void *context;
    struct event readable; /* persistent */
    struct event writable; /* added: waits for the socket; active: will write in this turn */
    struct bytes in;       /* the beginning of a message, or nothing */
    struct bytes unsent;   /* what the socket is being given, from unsent_at on */
    size_t unsent_at;
    struct bytes out;    /* appended since; goes after `unsent` */
    bool scheduled;      /* `writable` is active or added: on_writable() will be called */
    bool told_drained;   /* nothing was sent since on_drained */
    bool gone;           /* the other end reads no more: nothing is written */
    bool closed;         /* on_closed was called */
    struct error broken; /* words: closing, as soon as the loop gets to it */
    bool *freed;         /* set by channel_free(), for a caller of callbacks; or NULL */
};

/* Gives memory back where an empty buffer has much of it. */
static void trim(struct bytes *bytes)
{
    if (bytes->capacity > KEPT_CAPACITY)
        bytes_free(bytes);
    else
        bytes_clear(bytes);
}

/* Has on_writable() called once the loop has called what is active now. */
static void schedule(struct channel *channel)
{
    channel->scheduled = true;
    event_active(&channel->writable, EV_WRITE, 0);
}

/* ---- Writing -------------------------------------------------------------------------------- */

static void drop_unsent(struct channel *channel)
{
    bytes_free(&channel->unsent);
    channel->unsent_at = 0;
    bytes_free(&channel->out);
}

/* Takes what the socket took off the front. */
static void advance(struct channel *channel, size_t written)
{
    size_t from_unsent = channel->unsent.size - channel->unsent_at;
    if (written < from_unsent) {
        channel->unsent_at += written;
        return;
    }
    struct bytes emptied = channel->unsent;
    trim(&emptied);
    channel->unsent = channel->out;
    channel->unsent_at = written - from_unsent;
    channel->out = emptied;
    if (channel->unsent_at == channel->unsent.size) {
        trim(&channel->unsent);
        channel->unsent_at = 0;
    }
}

/* One write of all there is. 0; -EAGAIN: the socket took not all of it; or another negative errno. */
static int write_some(struct channel *channel)
{
    size_t size = channel_unsent(channel);
    if (size == 0)
        return 0;
    struct iovec parts[2];
    size_t count = 0;
    if (channel->unsent.size > channel->unsent_at)
        parts[count++] = (struct iovec){.iov_base = channel->unsent.data + channel->unsent_at,
                                        .iov_len = channel->unsent.size - channel->unsent_at};
    if (channel->out.size > 0)
        parts[count++] =
            (struct iovec){.iov_base = channel->out.data, .iov_len = channel->out.size};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t written;
    do
        written = sendmsg(channel->fd, &message, MSG_NOSIGNAL);
    while (written < 0 && errno == EINTR);
    if (written < 0)
        return -errno;
    advance(channel, (size_t)written);
    return (size_t)written == size ? 0 : -EAGAIN;
}

/* Writes, and notes what went wrong for the loop to tell. */
static int write_checked(struct channel *channel)
{
    if (channel->out.failed) {
        drop_unsent(channel);
        (void)error_set(&channel->broken, 0, "no memory for a message, or one beyond %u bytes",
                        MESSAGE_PAYLOAD_MAX);
        channel->gone = true;
        return -ENOMEM;
    }
    if (channel->gone) {
        drop_unsent(channel);
        return -EPIPE;
    }
    int result = write_some(channel);
    if (result == 0 || result == -EAGAIN)
        return result;
    drop_unsent(channel);
    channel->gone = true;
    if (result != -EPIPE && result != -ECONNRESET) /* of those, reading will tell */
        (void)error_errno(&channel->broken, result, "cannot write to the other end");
    return result;
}

/* ---- Closing, and calling out ---------------------------------------------------------------- */

/* Tells the end; the channel is gone afterwards. */
static void report_closed(struct channel *channel, const struct error *error)
{
    (void)event_del(&channel->readable); /* fails only for events never set up */
    (void)event_del(&channel->writable);
    drop_unsent(channel);
    channel->closed = true;
    struct error copy = *error; /* the channel's own may be freed during the call */
    channel->callbacks.on_closed(channel->context, &copy);
}

static void wait_for_socket(struct channel *channel)
{
    channel->scheduled = true;
    if (event_add(&channel->writable, NULL) != 0)
        report_closed(channel, &(struct error){"no memory to wait for the other end"});
}

static void on_writable(evutil_socket_t fd, short what, void *argument)
{
    struct channel *channel = argument;
    (void)fd;
    (void)what;
    channel->scheduled = false;
    int result = write_checked(channel);
    if (channel->broken.text[0])
        report_closed(channel, &channel->broken);
    else if (result == -EAGAIN)
        wait_for_socket(channel);
    else if (result == 0 && !channel->told_drained) {
        channel->told_drained = true;
        if (channel->callbacks.on_drained)
            channel->callbacks.on_drained(channel->context);
    }
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* Gives the whole messages of `in` to on_message and returns the bytes they take; sets *missing to
 * the bytes that the next one still lacks. Negative: the stream is broken, or the channel freed. */
static ssize_t deliver(struct channel *channel, const struct bytes *in, size_t *missing,
                       struct error *error)
{
    bool freed = false;
    size_t at = 0;
    channel->freed = &freed;
    for (;;) {
        size_t left = in->size - at;
        struct message_header header;
        *missing = MESSAGE_HEADER_SIZE;
        if (left < MESSAGE_HEADER_SIZE)
            break;
        int result = message_read_header(in->data + at, &header, error);
        if (result != 0) {
            channel->freed = NULL;
            return result;
        }
        size_t size = MESSAGE_HEADER_SIZE + header.payload_size;
        *missing = size - left;
        if (left < size)
            break;
        struct bytes_reader payload = {.at = in->data + at + MESSAGE_HEADER_SIZE,
                                       .end = in->data + at + size};
        result = channel->callbacks.on_message(channel->context, header.type, &payload);
        if (freed)
            return -ECANCELED;
        if (result != 0) {
            channel->freed = NULL;
            return error_set(error, -EBADMSG, "a broken message of type %d", (int)header.type);
        }
        at += size;
    }
    channel->freed = NULL;
    return (ssize_t)at;
}

/* Drops `size` bytes off the front of a read buffer, and memory that is no longer needed. */
static bool consume(struct bytes *in, size_t size, size_t missing)
{
    size_t left = in->size - size;
    if (in->capacity > KEPT_CAPACITY && left + missing < KEPT_CAPACITY) {
        struct bytes fresh = {0};
        bytes_put(&fresh, in->data + size, left);
        bytes_free(in);
        *in = fresh;
        return !fresh.failed;
    }
    if (size > 0)
        memmove(in->data, in->data + size, left);
    in->size = left;
    return true;
}

/* How much to read now: a good piece, and a big one where a long message is still incomplete. */
static size_t read_size(const struct bytes *in)
{
    struct message_header header;
    if (in->size < MESSAGE_HEADER_SIZE || message_read_header(in->data, &header, NULL) != 0)
        return READ_SIZE;
    size_t missing = MESSAGE_HEADER_SIZE + header.payload_size - in->size;
    return missing < READ_SIZE ? READ_SIZE : missing < READ_SIZE_LONG ? missing : READ_SIZE_LONG;
}

/* One read. The number of bytes; 0: the other end is gone; or a negative errno. */
static ssize_t read_some(struct channel *channel)
{
    size_t size = read_size(&channel->in);
    uint8_t *to = bytes_reserve(&channel->in, size);
    if (!to)
        return -ENOMEM;
    ssize_t got;
    do
        got = read(channel->fd, to, size);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == ECONNRESET ? 0 : -errno;
    channel->in.size += (size_t)got;
    return got;
}

static void on_readable(evutil_socket_t fd, short what, void *argument)
{
    struct channel *channel = argument;
    struct error error = {0};
    (void)fd;
    (void)what;

    ssize_t got = read_some(channel);
    if (got == -EAGAIN)
        return;
    if (got < 0)
        (void)error_errno(&error, (int)got, "cannot read from the other end");
    if (got <= 0) {
        report_closed(channel, &error);
        return;
    }
    /* The buffer leaves the channel for a while, so that payloads outlive a channel_free(). */
    struct bytes in = channel->in;
    channel->in = (struct bytes){0};
    size_t missing;
    ssize_t size = deliver(channel, &in, &missing, &error);
    if (size == -ECANCELED) {
        bytes_free(&in);
        return;
    }
    bool kept = size < 0 || consume(&in, (size_t)size, missing);
    channel->in = in;
    if (!kept)
        (void)error_set(&error, -ENOMEM, "no memory for a message");
    if (size < 0 || !kept)
        report_closed(channel, &error);
}

/* ---- The channel ------------------------------------------------------------------------------ */

static int set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

struct channel *channel_new(struct event_base *base, int fd,
                            const struct channel_callbacks *callbacks, void *context)
{
    struct channel *channel = calloc(1, sizeof(*channel));
    if (!channel)
        return NULL;
    *channel = (struct channel){
        .fd = fd, .callbacks = *callbacks, .context = context, .told_drained = true};
    if (set_nonblocking(fd) != 0 ||
        event_assign(&channel->readable, base, fd, EV_READ | EV_PERSIST, on_readable, channel) !=
            0 ||
        event_assign(&channel->writable, base, fd, EV_WRITE, on_writable, channel) != 0 ||
        event_add(&channel->readable, NULL) != 0) {
        free(channel);
        return NULL;
    }
    return channel;
}

void channel_free(struct channel *channel)
{
    if (!channel)
        return;
    if (channel->freed)
        *channel->freed = true;
    (void)event_del(&channel->readable); /* fails only for events never set up */
    (void)event_del(&channel->writable);
    (void)close(channel->fd); /* the other end notices */
    bytes_free(&channel->in);
    drop_unsent(channel);
    free(channel);
}

struct bytes *channel_out(struct channel *channel)
{
    return &channel->out;
}

void channel_send(struct channel *channel)
{
    channel->told_drained = false;
    if (channel->closed)
        drop_unsent(channel);
    else if (!channel->scheduled)
        schedule(channel);
}

int channel_flush(struct channel *channel)
{
    if (channel->closed) {
        drop_unsent(channel);
        return -EPIPE;
    }
    channel->told_drained = false;
    int result = write_checked(channel);
    while (result == -EAGAIN) {
        struct pollfd wait = {.fd = channel->fd, .events = POLLOUT};
        if (poll(&wait, 1, -1) < 0 && errno != EINTR)
            result = -errno;
        else
            result = write_checked(channel);
    }
    schedule(channel); /* for on_drained or on_closed, also where it waits for the socket */
    return result;
}

size_t channel_unsent(const struct channel *channel)
{
    return channel->unsent.size - channel->unsent_at + channel->out.size;
}
