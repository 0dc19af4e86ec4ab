/*
 * Starting a process, with pipes to it.
 */
#ifndef EXEC_LAUNCH_H
#define EXEC_LAUNCH_H

#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What all processes have in common; made once in a worker. */
struct launcher {
    posix_spawnattr_t attributes;
    int null_fd; /* what a process without standard input reads */
};

struct launch {
    char *const
        *argv; /* the program first, closed by NULL; a program without a slash is searched in PATH
                          as the daemon has it */
    char *const *envp;
    const char *cwd;  /* NULL: that of the daemon */
    bool wants_stdin; /* a pipe rather than /dev/null */
};

/* A process that was started: the leader of a process group of its own, with its number.
 * Descriptors are close-on-exec, those of pipes non-blocking; -1: none. */
struct child {
    pid_t pid;
    int pidfd; /* readable when it has ended */
    int stdin_fd, stdout_fd, stderr_fd;
    /* The other ends of the last two. While they are open the pipes do not come to their end, whoever closes
     * them: one event less for each, where the end of the process tells as much. */
    int stdout_held_fd, stderr_held_fd;
};

/* 0 or a negative errno, with *out untouched. */
int launcher_open(struct launcher *out);
void launcher_close(struct launcher *launcher);

/* Starts it. The caller closes the descriptors and waits for the process. Blocks until the program has been
 * loaded. -1: it does not run; `reason` says why, for people. */
int launch(const struct launcher *launcher, const struct launch *what, struct child *out,
           char *reason, size_t size);

#endif
