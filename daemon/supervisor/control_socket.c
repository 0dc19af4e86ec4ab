/*
 * The control socket's place in the file system. Of two daemons that start at once one must get the path, so a locked
 * file beside it decides; only who holds the lock removes a socket that nobody listens on any more. Nobody can connect
 * before the socket has its group and mode. Serves nobody: control.c does.
 */
#include "supervisor/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "supervisor/config.h"

/* Connections that wait to be accepted: as many as clients may come at once; the kernel caps it at
 * net.core.somaxconn. */
#define BACKLOG 4096

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

void control_socket_unlock(const struct config *config, int fd)
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

int control_socket_open(const struct config *config, int *out, int *out_lock, struct error *error)
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
        control_socket_unlock(config, held);
    else
        *out_lock = held;
    return code;
}
