/*
 * The listener and the list of clients. Each connection gets a client, as long as there is room for it; one that is not
 * let in is told why. The socket itself comes from control_socket.c, or from whoever started the daemon.
 */
#include "supervisor/control.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "supervisor/config.h"
#include "supervisor/watcher.h"
#include "wire/rpc.h"

/* Seconds until it is tried again when accept(2) failed, for want of descriptors as a rule. */
#define ACCEPT_RETRY_S 0.1
/* Descriptors kept for each worker (its channel, and its successor's while that one starts) and for all the
 * rest. */
#define WORKER_FDS 4
#define OTHER_FDS 64

struct connection {
    TAILQ_ENTRY(connection) link;
    struct control *control;
    struct client *client;
    uid_t uid;
};

struct control {
    struct event_base *base;
    const struct config *config;
    struct evconnlistener *listener;
    struct event *retry;
    bool owned;
    bool in_trouble; /* on_trouble was called, and nobody let in since */
    int fd_end;      /* descriptors of clients are below this number; the others are for workers */
    struct control_callbacks callbacks;
    void *context;
    void (*on_quiet)(void *context); /* NULL: nobody wants to know */
    void *quiet_context;
    TAILQ_HEAD(, connection) connections;
    size_t count;
};

/* ---- Clients ------------------------------------------------------------------------------- */

static bool is_quiet(const struct control *control)
{
    const struct connection *connection;
    TAILQ_FOREACH (connection, &control->connections, link) {
        struct client *client = connection->client;
        if (client_has_unsent(client) || client_is_held(client) || watchers_have_news(client))
            return false;
    }
    return true;
}

static void tell_if_quiet(struct control *control)
{
    if (control->on_quiet && is_quiet(control))
        control->on_quiet(control->quiet_context);
}

static void end(struct connection *connection)
{
    struct control *control = connection->control;
    watchers_drop(connection->client);
    control->callbacks.on_gone(control->context, connection->client);
    client_free(connection->client);
    TAILQ_REMOVE(&control->connections, connection, link);
    control->count--;
    free(connection);
    tell_if_quiet(control);
}

static void on_request(void *context, struct client *client, const struct rpc_request *request)
{
    struct connection *connection = context;
    struct control *control = connection->control;
    control->callbacks.on_request(control->context, client, request);
}

static void on_drained(void *context, struct client *client)
{
    struct connection *connection = context;
    watchers_resume(client);
    tell_if_quiet(connection->control);
}

static void on_closed(void *context, struct client *client)
{
    (void)client;
    end(context);
}

static const struct client_callbacks client_callbacks = {
    .on_request = on_request,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

static void turn_away(int fd, const char *message)
{
    size_t size;
    AUTO_FREE char *text = rpc_error(NULL, RPC_FULL, message, NULL, &size);
    if (text)
        (void)send(fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL); /* a courtesy */
    (void)close(fd);
}

static size_t clients_of(const struct control *control, uid_t uid)
{
    size_t count = 0;
    const struct connection *connection;
    TAILQ_FOREACH (connection, &control->connections, link)
        count += connection->uid == uid;
    return count;
}

/* Where the descriptors begin that clients do not get, so that workers can always be replaced. */
static int first_reserved_fd(uint32_t workers)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
        return INT_MAX;
    int64_t reserve = (int64_t)workers * WORKER_FDS + OTHER_FDS, all = (int64_t)limit.rlim_cur;
    return (int)(all - (reserve < all / 2 ? reserve : all / 2));
}

/* Whether there is room for one more client of this user, who has this descriptor; if not, says so in
 * `message`. */
static bool has_room(const struct control *control, int fd, uid_t uid, char *message, size_t size)
{
    int64_t most = control->config->limits.clients;
    int64_t most_of_user = control->config->limits.user_clients;
    if ((int64_t)control->count >= most)
        (void)snprintf(message, size, "full: %lld clients are connected (limits.clients)",
                       (long long)most);
    else if (most_of_user < most && (int64_t)clients_of(control, uid) >= most_of_user)
        (void)snprintf(message, size,
                       "full: this user has %lld clients connected (limits.user_clients)",
                       (long long)most_of_user);
    else if (fd >= control->fd_end)
        (void)snprintf(message, size,
                       "full: %zu clients are connected, and no file descriptor is left for more "
                       "(RLIMIT_NOFILE)",
                       control->count);
    else
        return true;
    return false;
}

static uid_t peer_uid(int fd)
{
    struct ucred credentials;
    socklen_t size = sizeof(credentials);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return (uid_t)-1; /* nobody */
    return credentials.uid;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int length, void *context)
{
    (void)listener, (void)address, (void)length;
    struct control *control = context;
    control->in_trouble = false;
    uid_t uid = peer_uid(fd);
    char message[128];
    if (!has_room(control, fd, uid, message, sizeof(message))) {
        turn_away(fd, message);
        return;
    }
    struct client_limits limits = {.line_bytes = (size_t)control->config->limits.line_bytes,
                                   .depth = (unsigned)control->config->limits.depth,
                                   .fd_end = control->fd_end};
    AUTO_FREE struct connection *added = calloc(1, sizeof(*added));
    if (added)
        added->client = client_new(control->base, fd, uid, &limits, &client_callbacks, added);
    if (!added || !added->client) {
        turn_away(fd, "out of memory");
        return;
    }
    struct connection *connection = take_ptr(&added);
    connection->control = control;
    connection->uid = uid;
    TAILQ_INSERT_TAIL(&control->connections, connection, link);
    control->count++;
}

static void on_retry(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct control *control = context;
    if (control->listener)
        (void)evconnlistener_enable(
            control->listener); /* fails without memory: the daemon stays deaf */
}

/* Out of descriptors, as a rule: those who wait are let in when others have left. */
static void on_accept_error(struct evconnlistener *listener, void *context)
{
    struct control *control = context;
    struct error error;
    (void)error_errno(&error, -EVUTIL_SOCKET_ERROR(), "cannot let clients in");
    if (!control->in_trouble)
        control->callbacks.on_trouble(control->context, &error);
    control->in_trouble = true;
    struct timeval delay = clock_timeval(ACCEPT_RETRY_S);
    (void)evconnlistener_disable(listener);
    (void)evtimer_add(control->retry, &delay); /* reserved in control_new() */
}

/* ---- Life ---------------------------------------------------------------------------------- */

struct control *control_new(struct event_base *base, const struct config *config, int fd,
                            bool owned, uint32_t workers, const struct control_callbacks *callbacks,
                            void *context)
{
    struct control *control = calloc(1, sizeof(*control));
    if (!control)
        return NULL;
    control->base = base;
    control->config = config;
    control->owned = owned;
    control->fd_end = first_reserved_fd(workers);
    control->callbacks = *callbacks;
    control->context = context;
    TAILQ_INIT(&control->connections);
    control->retry = evtimer_new(base, on_retry, control);
    if (control->retry)
        control->listener = evconnlistener_new(
            base, on_accept, control, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (!control->listener) {
        control_free(control);
        return NULL;
    }
    evconnlistener_set_error_cb(control->listener, on_accept_error);
    return control;
}

size_t control_clients(const struct control *control)
{
    return control->count;
}

void control_close_socket(struct control *control)
{
    if (!control->listener)
        return;
    if (control->owned)
        (void)unlink(control->config->daemon.socket); /* may have been removed by hand */
    evconnlistener_free(control->listener);
    control->listener = NULL;
}

void control_when_quiet(struct control *control, void (*on_quiet)(void *context), void *context)
{
    control->on_quiet = on_quiet;
    control->quiet_context = context;
    tell_if_quiet(control);
}

void control_free(struct control *control)
{
    if (!control)
        return;
    control->on_quiet = NULL;
    struct connection *connection;
    while ((connection = TAILQ_FIRST(&control->connections)))
        end(connection);
    control_close_socket(control);
    if (control->retry)
        event_free(control->retry);
    free(control);
}
