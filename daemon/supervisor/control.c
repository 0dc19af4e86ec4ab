/*
 * The listener and the list of clients.
 */
#include "supervisor/control.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "supervisor/config.h"
#include "supervisor/watcher.h"
#include "wire/rpc.h"

/* Connections that wait to be accepted: as many as clients may come at once; the kernel caps it at
 * net.core.somaxconn. */
#define BACKLOG 4096
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

/* ---- The lock ------------------------------------------------------------------------------ */

/* A file of our own, which nobody else may open and thus lock. */
static int lock_path(const char *socket, char **out, struct error *error)
{
    char *path;
    if (asprintf(&path, "%s.lock", socket) < 0)
        return error_errno(error, -ENOMEM, "socket %s", socket);
    *out = path;
    return 0;
}

/* Whether the path names the open file still: who held the lock before may have removed it. */
static bool is_at(const char *path, int fd)
{
    struct stat open_file, named;
    return fstat(fd, &open_file) == 0 && lstat(path, &named) == 0 &&
           open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

/* Of two daemons only one gets it. The kernel lets go of it when the daemon ends, however that comes. */
static int lock(const char *socket, int *out, struct error *error)
{
    AUTO_FREE char *path = NULL;
    int code = lock_path(socket, &path, error);
    if (code)
        return code;
    AUTO_CLOSE int fd = -1;
    do {
        cleanup_close(&fd);
        fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
        if (fd < 0)
            return error_errno(error, -errno, "socket %s: cannot open %s", socket, path);
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK)
                return error_set(error, -EADDRINUSE, "socket %s: another daemon serves it already",
                                 socket);
            return error_errno(error, -errno, "socket %s: cannot lock %s", socket, path);
        }
    } while (!is_at(path, fd));
    *out = take_fd(&fd);
    return 0;
}

void control_unlock(const struct config *config, int fd)
{
    AUTO_FREE char *path = NULL;
    if (lock_path(config->daemon.socket, &path, NULL) == 0)
        (void)unlink(path); /* while it is locked; a file that stays does no harm */
    (void)close(fd);        /* nothing can be done about it */
}

/* ---- The socket ---------------------------------------------------------------------------- */

static int make_address(const char *path, struct sockaddr_un *address, struct error *error)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address->sun_path))
        return error_set(error, -ENAMETOOLONG, "socket %s: the path may have at most %zu bytes",
                         path, sizeof(address->sun_path) - 1);
    memcpy(address->sun_path, path, strlen(path) + 1);
    return 0;
}

/* What stands at the path already: removes it if it is a socket that nobody listens on. */
static int clear_path(const char *path, const struct sockaddr_un *address, struct error *error)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return errno == ENOENT ? 0 : error_errno(error, -errno, "socket %s", path);
    if (!S_ISSOCK(status.st_mode))
        return error_set(error, -EEXIST, "socket %s: there is something else by that name", path);
    AUTO_CLOSE int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return error_errno(error, -errno, "socket %s", path);
    if (connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
        return error_set(error, -EADDRINUSE, "socket %s: another daemon serves it already", path);
    if (errno != ECONNREFUSED)
        return error_errno(error, -errno, "socket %s", path);
    return unlink(path) == 0 || errno == ENOENT ? 0 : error_errno(error, -errno, "socket %s", path);
}

static int set_group(const char *path, const char *group, struct error *error)
{
    if (!group)
        return 0;
    errno = 0;
    const struct group *entry = getgrnam(group);
    if (!entry)
        return error_set(error, -ENOENT, "daemon.group: there is no group %s", group);
    if (chown(path, (uid_t)-1, entry->gr_gid) != 0)
        return error_errno(error, -errno, "socket %s: cannot give it to group %s", path, group);
    return 0;
}

/* Binds and listens; the lock is held. */
static int open_locked(const struct config *config, const struct sockaddr_un *address, int *out,
                       struct error *error)
{
    const char *path = config->daemon.socket;
    int code = clear_path(path, address, error);
    if (code)
        return code;
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_errno(error, -errno, "socket %s", path);
    mode_t before = umask(0777); /* nobody may connect until it has its group */
    int bound = bind(fd, (const struct sockaddr *)address, sizeof(*address));
    int bind_error = errno;
    (void)umask(before);
    if (bound != 0)
        return error_errno(error, -bind_error, "socket %s", path);
    code = set_group(path, config->daemon.group, error);
    if (!code && (chmod(path, 0660) != 0 || listen(fd, BACKLOG) != 0))
        code = error_errno(error, -errno, "socket %s", path);
    if (code) {
        (void)unlink(path); /* the error told is the one before */
        return code;
    }
    *out = take_fd(&fd);
    return 0;
}

int control_open_socket(const struct config *config, int *out, int *out_lock, struct error *error)
{
    struct sockaddr_un address;
    int held = -1;
    int code = make_address(config->daemon.socket, &address, error);
    if (!code)
        code = lock(config->daemon.socket, &held, error);
    if (code)
        return code;
    code = open_locked(config, &address, out, error);
    if (code)
        control_unlock(config, held);
    else
        *out_lock = held;
    return code;
}

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
