/*
 * Starting a process, see launch.h: posix_spawn, which shares the worker's memory until the program is
 * loaded and so costs the same however large the worker is.
 *
 * A process group of its own, so that signals reach all of a pipeline, and not a session: where the kernel
 * shares out the processor by sessions (sched_autogroup), one for each of many short commands costs half of
 * their number per second. The terminal that the daemon may have been started on is out of reach anyway, since
 * workers have none. What posix_spawn cannot do is to have the process killed when its worker dies; such a
 * process runs on, although its job has ended, also beside one of the same job that is run again.
 */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "explain.h"

/* The soft limit of a process on its descriptors; reason: what select(2) can take, and what services get from
 * systemd. The daemon's own is as high as it may be, which old programs take badly. */
#define PROCESS_DESCRIPTORS 1024

int launcher_open(struct launcher *out)
{
    struct launcher made;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    made.null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (made.null_fd < 0)
        return -errno;
    int error = posix_spawnattr_init(&made.attributes);
    if (error) {
        (void)close(made.null_fd); /* nothing was written */
        return -error;
    }
    /* These fail for no flags that there are. */
    (void)posix_spawnattr_setsigmask(&made.attributes, &none);
    (void)posix_spawnattr_setsigdefault(&made.attributes, &all);
    (void)posix_spawnattr_setflags(
        &made.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    *out = made;
    return 0;
}

void launcher_close(struct launcher *launcher)
{
    (void)posix_spawnattr_destroy(&launcher->attributes); /* frees nothing that could fail */
    (void)close(launcher->null_fd);
}

/* ---- Pipes --------------------------------------------------------------------------------------- */

/* All that is open for one start: the process's ends and ours. */
struct ends {
    int theirs[3]; /* by the number that they get in the process */
    int ours[3];
};

static void close_all(const int fds[3])
{
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]); /* pipes: nothing is lost */
}

static int open_pipe(struct ends *ends, int number)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC))
        return -errno;
    bool reads = number == STDIN_FILENO;
    ends->theirs[number] = pair[reads ? 0 : 1];
    ends->ours[number] = pair[reads ? 1 : 0];
    /* Ours alone: the process shall not find its own end non-blocking. */
    return fcntl(ends->ours[number], F_SETFL, O_NONBLOCK) ? -errno : 0;
}

static int open_ends(struct ends *ends, bool wants_stdin)
{
    *ends = (struct ends){.theirs = {-1, -1, -1}, .ours = {-1, -1, -1}};
    int result = open_pipe(ends, STDOUT_FILENO);
    if (result == 0)
        result = open_pipe(ends, STDERR_FILENO);
    if (result == 0 && wants_stdin)
        result = open_pipe(ends, STDIN_FILENO);
    if (result) {
        close_all(ends->theirs);
        close_all(ends->ours);
    }
    return result;
}

/* ---- The start -------------------------------------------------------------------------------------- */

/* Sets the limit that the process inherits; *before is what was. It holds for this process until it is set
 * back, so it is left alone where the new descriptors are not far below: others may be opening some. */
static bool lower_limit(int newest_fd, struct rlimit *before)
{
    if (newest_fd >= PROCESS_DESCRIPTORS / 2 || getrlimit(RLIMIT_NOFILE, before) ||
        before->rlim_cur <= PROCESS_DESCRIPTORS)
        return false;
    struct rlimit lower = {.rlim_cur = PROCESS_DESCRIPTORS, .rlim_max = before->rlim_max};
    return setrlimit(RLIMIT_NOFILE, &lower) == 0;
}

static int add_actions(posix_spawn_file_actions_t *actions, const int theirs[3], int null_fd,
                       int cwd_fd)
{
    int error = 0;
    for (int i = 0; error == 0 && i < 3; i++)
        error = posix_spawn_file_actions_adddup2(actions, theirs[i] >= 0 ? theirs[i] : null_fd, i);
    if (error == 0 && cwd_fd >= 0)
        error = posix_spawn_file_actions_addfchdir_np(actions, cwd_fd);
    if (error == 0) /* whatever other plugins forgot to mark */
        error = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    return -error;
}

static int spawn(const struct launcher *launcher, const struct launch *what,
                 const struct ends *ends, int cwd_fd, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    struct rlimit before;
    int result = -posix_spawn_file_actions_init(&actions);
    if (result)
        return result;
    result = add_actions(&actions, ends->theirs, launcher->null_fd, cwd_fd);
    if (result == 0) {
        bool lowered = lower_limit(ends->ours[STDERR_FILENO], &before);
        result = -posix_spawnp(pid, what->argv[0], &actions, &launcher->attributes, what->argv,
                               what->envp);
        if (lowered)
            (void)setrlimit(RLIMIT_NOFILE, &before); /* up to what it was: always allowed */
    }
    (void)posix_spawn_file_actions_destroy(&actions); /* fails for none that was made */
    return result;
}

/* Ends what cannot be waited for. */
static void kill_at_once(pid_t pid)
{
    (void)kill(-pid, SIGKILL); /* it is there, being ours and not waited for */
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static int start(const struct launcher *launcher, const struct launch *what, int cwd_fd,
                 struct child *out, char *reason, size_t size)
{
    struct ends ends;
    pid_t pid;
    int result = open_ends(&ends, what->wants_stdin);
    if (result) {
        (void)snprintf(reason, size, "cannot make pipes: %s", strerror(-result));
        return -1;
    }
    result = spawn(launcher, what, &ends, cwd_fd, &pid);
    if (result) {
        close_all(ends.ours);
        close_all(ends.theirs);
        explain_spawn(what->argv[0], cwd_fd, -result, reason, size);
        return -1;
    }
    int pidfd = pidfd_open(pid, 0);
    if (pidfd < 0) {
        (void)snprintf(reason, size, "%s: was killed, since its end could not be awaited: %s",
                       what->argv[0], strerror(errno));
        close_all(ends.ours);
        close_all(ends.theirs);
        kill_at_once(pid);
        return -1;
    }
    if (ends.theirs[STDIN_FILENO] >= 0)
        (void)close(ends.theirs[STDIN_FILENO]); /* the process has it */
    *out = (struct child){.pid = pid,
                          .pidfd = pidfd,
                          .stdin_fd = ends.ours[STDIN_FILENO],
                          .stdout_fd = ends.ours[STDOUT_FILENO],
                          .stderr_fd = ends.ours[STDERR_FILENO],
                          .stdout_held_fd = ends.theirs[STDOUT_FILENO],
                          .stderr_held_fd = ends.theirs[STDERR_FILENO]};
    return 0;
}

int launch(const struct launcher *launcher, const struct launch *what, struct child *out,
           char *reason, size_t size)
{
    int cwd_fd = -1;
    if (what->cwd) {
        cwd_fd = open(what->cwd, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (cwd_fd < 0) {
            (void)snprintf(reason, size, "cwd: %s: %s", what->cwd, strerror(errno));
            return -1;
        }
    }
    int result = start(launcher, what, cwd_fd, out, reason, size);
    if (cwd_fd >= 0)
        (void)close(cwd_fd); /* a path only */
    return result;
}
