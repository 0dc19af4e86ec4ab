/*
 * tcp: connects to a TCP server, may send it a text, and may wait for its answer: is the port open, is the mail
 * server greeting, does Redis say +PONG? It never blocks the loop: names are resolved on a thread.
 *
 * It is also the plugin to read before writing your own. It is a fiber: code that goes straight on from its
 * first line to its last, on a small stack of its own. Wherever it would have to wait, it calls one of the awaiting
 * functions of awaitd/plugin.h; those put the fiber aside, let thousands of others run, and return
 * when there is something to do. So nothing here looks any different from a program that does one thing only, but
 * for three rules:
 *
 * 1. Never block. Sockets are non-blocking; what can only block, here the resolver, goes to aw_blocking().
 * 2. Look at what every awaiting function returns. AW_CANCELLED means: clean up, and return that.
 * 3. Keep nothing in global variables, since many jobs are at different lines of this file at the same time.
 *    The fiber's own stack is the place.
 *
 * The parts below stand in the order in which a job goes through them; run(), at the end, ties them together.
 */

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <awaitd/plugin.h>

/* ---- What a job may be given ----------------------------------------------------------------- */

/* The daemon fills this struct for every job, so no code of ours parses or checks a parameter ... */
struct params {
    const char *host;
    int64_t port;
    const char *send;
    const char *expect;
    struct aw_size max_bytes;
    struct aw_duration connect_timeout;
    struct aw_duration timeout;
};

/* ... because this table has told it all. A job that does not fit is refused when it is submitted. The texts
 * are what `awaitctl plugins tcp` shows. */
static const struct aw_param params[] = {
    AW_PARAM(struct params, host, .text = "The server's name or address", .required = true),
    AW_PARAM(struct params, port, .text = "Its TCP port", .min = 1, .max = 65535, .required = true),
    AW_PARAM(struct params, send, .text = "What to send, to the byte: a line needs its line end"),
    AW_PARAM(struct params, expect,
             .text = "What the answer must hold; without it, any answer up to its end will do"),
    AW_PARAM(struct params, max_bytes, .text = "How much of the answer to read", .min = 1,
             .max = 16 << 20, .default_text = "64KiB"),
    AW_PARAM(struct params, connect_timeout,
             .text = "The time to connect to one address; a name's addresses are tried in turn",
             .max = AW_UNLIMITED, .default_text = "5s"),
    AW_PARAM(struct params, timeout,
             .text =
                 "The time for everything; the resolver of names cannot be interrupted, so while "
                 "it is busy with the host's name the job goes on past this",
             .max = AW_UNLIMITED, .default_text = "10s"),
    AW_PARAMS_END,
};

/* ---- What a job must remember ------------------------------------------------------------------ */

/* The points of a job's course whose times the details tell. */
enum milestone { RESOLVED, CONNECTED, FIRST_BYTE, ENDED, MILESTONES };

static const char *const milestone_names[MILESTONES] = {
    [RESOLVED] = "resolve",
    [CONNECTED] = "connect",
    [FIRST_BYTE] = "first_byte",
    [ENDED] = "total",
};

/* One job's course. Lives on the stack of its fiber, see run(). */
struct probe {
    struct aw_job *job;
    const struct params *wanted;
    double started_s;             /* on the monotonic clock, which nobody sets back */
    double reached_s[MILESTONES]; /* seconds after the start; 0: not reached */
    struct addrinfo *addresses;   /* what the name stands for, best first */
    char address[64];             /* the one tried last, in digits */
    int fd;                       /* the socket; -1: none */
    char *received;               /* max_bytes of room */
    size_t size;                  /* bytes in it */
};

static double clock_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void reach(struct probe *probe, enum milestone milestone)
{
    probe->reached_s[milestone] = clock_s() - probe->started_s;
}

/* What remains of the job's time; never negative, which would mean "for ever" to aw_wait_fd(). */
static double left_s(const struct probe *probe)
{
    return fmax(0, probe->started_s + probe->wanted->timeout.seconds - clock_s());
}

/* ---- Resolving: what blocks goes to a thread ------------------------------------------------------ */

struct lookup {
    const char *host;
    char port[8];
    int flags;
    int result; /* of getaddrinfo() */
    struct addrinfo *addresses;
};

/* On a thread of the worker's pool: it may block there, and must leave the job alone. */
static int look_up(void *argument)
{
    struct lookup *lookup = argument;
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICSERV | lookup->flags,
    };
    lookup->result = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->addresses);
    return AW_OK;
}

static int resolve(struct probe *probe)
{
    /* On our stack, although another thread works with it: aw_blocking() returns only when that thread is done,
     * also when the job is cancelled meanwhile. */
    struct lookup lookup = {.host = probe->wanted->host, .flags = AI_NUMERICHOST};
    (void)snprintf(lookup.port, sizeof(lookup.port), "%d", (int)probe->wanted->port); /* fits */

    /* An address in digits asks nobody and needs no thread: such jobs go on while DNS is down. */
    int result = look_up(&lookup);
    if (lookup.result == EAI_NONAME) {
        lookup.flags = 0;
        result = aw_blocking(probe->job, look_up, &lookup);
    }
    if (result != AW_OK) /* it did not run; why not, aw_blocking() has told */
        return result;
    if (lookup.result != 0)
        return aw_fail(probe->job, "cannot resolve %s: %s", lookup.host,
                       gai_strerror(lookup.result));
    probe->addresses = lookup.addresses;
    reach(probe, RESOLVED);
    return AW_OK;
}

/* ---- Connecting ------------------------------------------------------------------------------------ */

static void hang_up(struct probe *probe)
{
    if (probe->fd >= 0)
        (void)close(probe->fd); /* nothing was promised to arrive */
    probe->fd = -1;
}

static int fail_connecting(struct probe *probe, int error)
{
    return aw_fail(probe->job, "cannot connect to %s port %d: %s", probe->address,
                   (int)probe->wanted->port, strerror(error));
}

/* Connects to one address. AW_FAILED: not to this one, but perhaps to the next. */
static int connect_to(struct probe *probe, const struct addrinfo *to, double timeout_s)
{
    if (getnameinfo(to->ai_addr, to->ai_addrlen, probe->address, sizeof(probe->address), NULL, 0,
                    NI_NUMERICHOST) != 0)
        return aw_fail(probe->job, "an address of %s has no digits", probe->wanted->host);

    /* Close-on-exec: other plugins of the same worker start programs. */
    hang_up(probe); /* the address before */
    probe->fd = socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe->fd < 0)
        return fail_connecting(probe, errno);
    if (connect(probe->fd, to->ai_addr, to->ai_addrlen) == 0)
        return AW_OK; /* at once: some systems do that on loopback */
    if (errno != EINPROGRESS)
        return fail_connecting(probe, errno);

    /* Under way. The socket is writable when it has come to an end, whether good or bad. */
    int ready = aw_wait_fd(probe->job, probe->fd, AW_WRITABLE, timeout_s);
    if (ready == AW_TIMED_OUT)
        return fail_connecting(probe, ETIMEDOUT);
    if (ready < 0)
        return ready;
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    return error == 0 ? AW_OK : fail_connecting(probe, error);
}

/* Connects to the first address that lets us. Where none does, the last one's reason is the job's: of several
 * calls of aw_fail(), the last counts. */
static int connect_to_any(struct probe *probe)
{
    int addresses = 0, result = AW_FAILED;
    for (struct addrinfo *to = probe->addresses; to; to = to->ai_next)
        addresses++;
    for (struct addrinfo *to = probe->addresses; to && result == AW_FAILED; to = to->ai_next) {
        /* A silent address must leave the others their share of the time. */
        double share_s = left_s(probe) / addresses--;
        result = connect_to(probe, to, fmin(share_s, probe->wanted->connect_timeout.seconds));
    }
    if (result == AW_OK)
        reach(probe, CONNECTED);
    return result;
}

/* ---- Talking --------------------------------------------------------------------------------------- */

/* Fails for what ended the conversation; says how far it had got. */
static int break_off(struct probe *probe, const char *what)
{
    const char *expect = probe->wanted->expect;
    if (!expect)
        return aw_fail(probe->job, "%s, received %zu bytes", what, probe->size);
    return aw_fail(probe->job, "%s, received %zu bytes without \"%s\"", what, probe->size, expect);
}

/* Waits until the socket is ready, within what is left of the job's time. */
static int wait_for(struct probe *probe, enum aw_ready event)
{
    char what[64];
    int ready = aw_wait_fd(probe->job, probe->fd, event, left_s(probe));
    if (ready != AW_TIMED_OUT)
        return ready > 0 ? AW_OK : ready;
    (void)snprintf(what, sizeof(what), "timed out after %g s", probe->wanted->timeout.seconds);
    return break_off(probe, what);
}

static int send_all(struct probe *probe, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        int result = wait_for(probe, AW_WRITABLE);
        if (result != AW_OK)
            return result;
        /* Without MSG_NOSIGNAL, a peer that hung up would kill the worker by SIGPIPE. */
        ssize_t sent = send(probe->fd, text, left, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return aw_fail(probe->job, "cannot send: %s", strerror(errno));
        if (sent > 0) {
            text += sent;
            left -= (size_t)sent;
        }
    }
    return AW_OK;
}

/* Whether the answer holds what is expected, now that it is longer than `before` bytes: the text may have begun
 * in what had come before. */
static bool is_found(const struct probe *probe, size_t before)
{
    size_t length = strlen(probe->wanted->expect);
    size_t from = before < length ? 0 : before - length;
    return memmem(probe->received + from, probe->size - from, probe->wanted->expect, length);
}

static int receive(struct probe *probe)
{
    const char *expect = probe->wanted->expect;
    size_t most = probe->wanted->max_bytes.bytes;
    probe->received = malloc(most); /* its pages cost nothing before something is written there */
    if (!probe->received)
        return aw_fail(probe->job, "out of memory");
    while (probe->size < most) {
        /* One read per wait, so that a peer that never stops talking cannot hold up the other jobs. */
        int result = wait_for(probe, AW_READABLE);
        if (result != AW_OK)
            return result;
        size_t before = probe->size;
        ssize_t got = recv(probe->fd, probe->received + before, most - before, 0);
        if (got < 0 && errno == EAGAIN)
            continue; /* a false alarm; select(2) tells how they come about */
        if (got < 0)
            return break_off(probe, strerror(errno));
        if (got == 0)
            return expect ? break_off(probe, "closed by the server") : AW_OK;
        probe->size += (size_t)got;
        if (before == 0)
            reach(probe, FIRST_BYTE);
        if (expect && is_found(probe, before))
            return AW_OK;
    }
    return expect ? break_off(probe, "the limit is reached") : AW_OK;
}

/* ---- A job from its beginning to its end --------------------------------------------------------------- */

static int converse(struct probe *probe)
{
    const struct params *wanted = probe->wanted;
    int result = resolve(probe);
    if (result == AW_OK)
        result = connect_to_any(probe);
    if (result == AW_OK && wanted->send)
        result = send_all(probe, wanted->send);
    if (result == AW_OK && (wanted->send || wanted->expect))
        result = receive(probe);
    return result;
}

/* Facts for programs, as a JSON object beside the output. No text in it needs escaping. */
static void tell_details(struct probe *probe)
{
    char json[320], *at = json, *end = json + sizeof(json); /* its parts are short */
    at += snprintf(at, (size_t)(end - at),
                   "{\"address\": \"%s\", \"port\": %d, \"received\": %zu, \"timings\": {",
                   probe->address, (int)probe->wanted->port, probe->size);
    reach(probe, ENDED); /* the last milestone: its line has no comma */
    for (int i = 0; i < MILESTONES; i++)
        if (probe->reached_s[i] > 0)
            at += snprintf(at, (size_t)(end - at), "\"%s\": %.6f%s", milestone_names[i],
                           probe->reached_s[i], i == ENDED ? "}}" : ", ");
    (void)aw_details(probe->job, json); /* where they are refused, the log tells */
}

/* The fiber. Everything that a job takes is given back here, however it ended: those that were cancelled come
 * this way, too, since they return like all others. */
static int run(struct aw_job *job, const void *data)
{
    struct probe probe = {.job = job, .wanted = data, .started_s = clock_s(), .fd = -1};
    int result = converse(&probe);
    hang_up(&probe);
    aw_output(job, probe.received, probe.size);
    tell_details(&probe);
    if (probe.addresses)
        freeaddrinfo(probe.addresses);
    free(probe.received);
    return result;
}

/* The limit: each running job holds a descriptor, of which a process has a few thousand. */
AW_PLUGIN(.name = "tcp", .version = PACKAGE_VERSION,
          .summary = "Connects to a TCP server, and checks its answer", .params = params,
          .params_size = sizeof(struct params), .fiber = run, .limit = 1000);
