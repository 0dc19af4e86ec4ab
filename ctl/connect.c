/*
 * Connects to the daemon's socket, and tells what to do where that fails.
 */
#include "connect.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "base/cleanup.h"
#include "base/paths.h"
#include "ctl.h"

/* Which exit code a failed connect(2) is. */
static int fail_connect(struct ctl *ctl, const char *path, int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return ctl_fail(ctl, CTL_NOT_ALLOWED,
                        "not allowed to use %s: ask its owner to let you into its group", path);
    case ENOENT:
        return ctl_fail(ctl, CTL_NO_DAEMON,
                        "no daemon: %s does not exist; is awaitd running, and with this socket?",
                        path);
    case ECONNREFUSED:
        return ctl_fail(ctl, CTL_NO_DAEMON, "no daemon: nobody answers at %s; is awaitd running?",
                        path);
    default:
        return ctl_fail(ctl, CTL_NO_DAEMON, "cannot connect to %s: %s", path, strerror(error));
    }
}

int connect_to_daemon(struct ctl *ctl, bool wait, int *out)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    AUTO_FREE char *default_path = ctl->socket ? NULL : paths_find_socket();
    const char *path = ctl->socket ? ctl->socket : default_path;
    if (!path)
        return ctl_fail_memory(ctl);
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof(address.sun_path))
        return ctl_fail(ctl, CTL_USAGE, "the socket's path must have 1 to %zu bytes: '%s'",
                        sizeof(address.sun_path) - 1, path);
    memcpy(address.sun_path, path, size + 1);

    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (wait ? 0 : SOCK_NONBLOCK), 0);
    if (fd < 0)
        return ctl_fail(ctl, CTL_NO_DAEMON, "cannot make a socket: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return fail_connect(ctl, path, errno);
    *out = take_fd(&fd);
    return CTL_OK;
}
