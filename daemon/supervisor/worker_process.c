/*
 * Fork and exec of a worker. It inherits its channel and stderr, nothing else.
 */
#include "supervisor/worker_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "base/cleanup.h"
#include "base/error.h"
#include "wire/channel.h"

extern char **environ;

char *worker_process_binary(void)
{
    static const char self[] = "/proc/self/exe";
    char path[PATH_MAX];
    ssize_t length = readlink(self, path, sizeof(path) - 1);
    if (length < 0)
        return strdup(self);
    path[length] = '\0';
    /* The file was replaced by an upgrade: the link itself still leads to the binary that runs now. */
    return strdup(access(path, X_OK) == 0 ? path : self);
}

static int prepare(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, int fd)
{
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGTERM);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGHUP);
    sigaddset(&defaults, SIGCHLD);
    sigaddset(&defaults, SIGPIPE);
    int error = posix_spawn_file_actions_adddup2(actions, fd, CHANNEL_WORKER_FD);
    if (!error)
        error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!error)
        error = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!error)
        error = posix_spawnattr_setsigmask(attributes, &none);
    if (!error)
        error = posix_spawnattr_setsigdefault(attributes, &defaults);
    if (!error)
        error =
            posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    return -error;
}

static int spawn(const char *binary, int fd, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return -error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return -error;
    }
    char *const argv[] = {"awaitd", "--worker", NULL};
    error = prepare(&actions, &attributes, fd);
    if (!error)
        error = -posix_spawn(pid, binary, &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

int worker_process_start(const char *binary, pid_t *pid, int *channel_fd, struct error *error)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return error_errno(error, -errno, "cannot make a channel for a worker");
    AUTO_CLOSE int ours = ends[0];
    AUTO_CLOSE int theirs = ends[1];
    pid_t started;
    int code = spawn(binary, theirs, &started);
    if (code)
        return error_errno(error, code, "cannot start a worker");
    *pid = started;
    *channel_fd = take_fd(&ours);
    return 0;
}

const char *worker_process_end(int status, char *buffer, size_t size)
{
    if (WIFSIGNALED(status))
        (void)snprintf(buffer, size, "was killed by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    else
        (void)snprintf(buffer, size, "exited with status %d", WEXITSTATUS(status));
    return buffer;
}
