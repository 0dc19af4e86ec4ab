/*
 * systemd's protocols for a service, as sd_notify(3) and sd_listen_fds(3) describe them: a datagram to
 * the socket in $NOTIFY_SOCKET, and descriptors from 3 on told by $LISTEN_PID and $LISTEN_FDS.
 */
#include "supervisor/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "base/parse.h"

/* The first descriptor passed: SD_LISTEN_FDS_START. */
#define LISTEN_FDS_START 3

/* How long a datagram may wait for room, in seconds: long for systemd, short for our loop. */
#define SEND_TIMEOUT_S 1

static int notify_address(const char *name, struct sockaddr_un *address, socklen_t *size,
                          struct error *error)
{
    size_t length = strlen(name);

    if (name[0] != '/' && name[0] != '@')
        return error_set(error, -EAFNOSUPPORT,
                         "$NOTIFY_SOCKET is \"%s\": neither a path nor an abstract socket", name);
    if (length < 2 || length >= sizeof(address->sun_path))
        return error_set(error, -EINVAL, "$NOTIFY_SOCKET is too %s for a socket",
                         length < 2 ? "short" : "long");

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, name, length);
    if (name[0] == '@')
        address->sun_path[0] = '\0';
    /* An abstract name ends where the address ends; a path has its NUL. */
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] == '/'));
    return 0;
}

int notify_send(const char *state, struct error *error)
{
    const char *name = getenv("NOTIFY_SOCKET");
    const struct timeval timeout = {.tv_sec = SEND_TIMEOUT_S};
    struct sockaddr_un address;
    socklen_t size = 0;
    int result;

    if (!name || !*name)
        return 0;
    result = notify_address(name, &address, &size, error);
    if (result < 0)
        return result;

    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_errno(error, -errno, "cannot make a socket to notify systemd");
    /* Without the timeout it would wait longer, no more. */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, size) < 0)
        return error_errno(error, -errno, "cannot notify systemd at %s", name);
    return 0;
}

/* How many descriptors were passed to this process. */
static int passed_count(int64_t *out, struct error *error)
{
    const char *pid_text = getenv("LISTEN_PID"), *count_text = getenv("LISTEN_FDS");
    int64_t pid, count;

    if (!pid_text || !count_text) {
        *out = 0;
        return 0;
    }
    if (parse_integer(pid_text, &pid) < 0)
        return error_set(error, -EINVAL, "$LISTEN_PID is no process number: \"%s\"", pid_text);
    if (pid != getpid()) {
        *out = 0; /* meant for a process that started this one */
        return 0;
    }
    if (parse_integer(count_text, &count) < 0 || count < 0)
        return error_set(error, -EINVAL, "$LISTEN_FDS is no number: \"%s\"", count_text);
    *out = count;
    return 0;
}

static int socket_option(int fd, int option)
{
    int value = -1;
    socklen_t size = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -1 : value;
}

static bool is_listening_unix_stream(int fd)
{
    return socket_option(fd, SO_DOMAIN) == AF_UNIX && socket_option(fd, SO_TYPE) == SOCK_STREAM &&
           socket_option(fd, SO_ACCEPTCONN) == 1;
}

static int add_flags(int fd)
{
    int status = fcntl(fd, F_GETFL);

    if (status < 0 || fcntl(fd, F_SETFL, status | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return -errno;
    return 0;
}

int notify_listen_fd(struct error *error)
{
    static const char *const variables[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"};
    int64_t count = 0;
    int result = passed_count(&count, error);

    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        (void)unsetenv(variables[i]); /* fails only for names that are none */
    if (result < 0)
        return result;
    if (count == 0)
        return -1;
    if (count > 1)
        return error_set(error, -EINVAL, "systemd passed %lld sockets; awaitd wants one",
                         (long long)count);
    if (!is_listening_unix_stream(LISTEN_FDS_START))
        return error_set(error, -EINVAL,
                         "what systemd passed is no listening Unix stream socket: awaitd.socket "
                         "must say ListenStream= with a path");
    if (add_flags(LISTEN_FDS_START) < 0)
        return error_errno(error, -EINVAL, "cannot use the socket that systemd passed");
    return LISTEN_FDS_START;
}
