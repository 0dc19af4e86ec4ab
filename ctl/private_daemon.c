/*
 * Starts awaitd as a child with a listening socket, as systemd would, so that connecting works at once and the
 * first answer tells that it is ready. The child is killed by the kernel when awaitctl dies, and its files are
 * gone as soon as it answers.
 */
#include "private_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/cleanup.h"
#include "connection.h"
#include "ctl.h"
#include "daemon_log.h"
#include "interrupt.h"
#include "private_files.h"
#include "settings_text.h"

/* The descriptor that a service gets its socket as, see sd_listen_fds(3). */
#define LISTEN_FD 3
/* How long a daemon may take to stop, in milliseconds; reason: its own steps take 4 s at most. */
#define STOP_MS 10000
/* What a shell says of a command that cannot be run. */
#define EXIT_CANNOT_RUN 127

struct private_daemon {
    struct ctl *ctl;
    pid_t pid;
    int pidfd;
    struct private_files files;
    struct daemon_log *log;
    struct connection *connection;
};

/* ---- The program --------------------------------------------------------------------------------- */

/* "DIRECTORY/REST" where that can be run; else NULL. */
static char *runnable(const char *directory, const char *rest)
{
    AUTO_FREE char *path = NULL;
    if (asprintf(&path, "%s/%s", directory, rest) < 0) {
        path = NULL;
        return NULL;
    }
    return access(path, X_OK) == 0 ? take_ptr(&path) : NULL;
}

/* The awaitd that belongs to this awaitctl: beside it where both were just built, or installed with it. */
static char *find_awaitd(void)
{
    char self[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash = size > 0 ? memrchr(self, '/', (size_t)size) : NULL;
    char *found = NULL;
    if (slash) {
        *slash = '\0';
        found = runnable(self, "awaitd");
        if (!found)
            found = runnable(self, "../sbin/awaitd");
    }
    return found ? found : runnable(AW_SBINDIR, "awaitd");
}

/* ---- The child ----------------------------------------------------------------------------------- */

/* Between fork and exec, with one thread. */
static void set_environment(void)
{
    char pid[16];
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    (void)unsetenv("NOTIFY_SOCKET"); /* whoever waits there waits for another daemon */
    (void)unsetenv("LISTEN_FDNAMES");
    if (setenv("LISTEN_PID", pid, 1) != 0 || setenv("LISTEN_FDS", "1", 1) != 0)
        _exit(EXIT_CANNOT_RUN);
}

/* Its own group, since a terminal's ^C is for awaitctl, which then stops it. */
static void become_daemon(const char *program, const struct private_daemon *daemon, int log_fd,
                          pid_t parent)
{
    (void)setpgid(0, 0);                    /* cannot fail for a new child */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* valid by construction */
    if (getppid() != parent)
        _exit(EXIT_CANNOT_RUN);
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDOUT_FILENO) < 0 ||
        dup2(log_fd, STDERR_FILENO) < 0 || dup2(daemon->files.listen_fd, LISTEN_FD) < 0)
        _exit(EXIT_CANNOT_RUN);
    (void)close_range(LISTEN_FD + 1, ~0U,
                      0); /* without it the daemon inherits more, as from a shell */
    set_environment();
    (void)execl(program, "awaitd", "-c", daemon->files.config, "--log", "stderr", (char *)NULL);
    (void)fprintf(stderr, "cannot run %s: %s\n", program, strerror(errno));
    _exit(EXIT_CANNOT_RUN);
}

/* Moves a descriptor off the low numbers, which the child gives away. */
static int move_up(int *fd)
{
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, LISTEN_FD + 1);
    if (moved < 0)
        return -errno;
    (void)close(*fd); /* the other one is the same */
    *fd = moved;
    return 0;
}

static int spawn(struct private_daemon *daemon, const char *program)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ctl_fail(daemon->ctl, CTL_NO_DAEMON, "cannot make a pipe: %s", strerror(errno));
    AUTO_CLOSE int reading = ends[0];
    AUTO_CLOSE int writing = ends[1];
    pid_t parent = getpid();
    int result = move_up(&writing);
    if (result == 0)
        result = move_up(&daemon->files.listen_fd);
    if (result == 0 && (daemon->pid = fork()) < 0)
        result = -errno;
    if (result < 0)
        return ctl_fail(daemon->ctl, CTL_NO_DAEMON, "cannot start %s: %s", program,
                        strerror(-result));
    if (daemon->pid == 0)
        become_daemon(program, daemon, writing, parent);
    daemon->pidfd = pidfd_open(daemon->pid, 0);
    /* Ours would keep the socket open when the daemon is gone. */
    (void)close(take_fd(&daemon->files.listen_fd));
    result = daemon_log_open(take_fd(&reading), daemon->files.config, stderr, &daemon->log);
    if (result < 0)
        return ctl_fail(daemon->ctl, CTL_NO_DAEMON, "cannot read the log: %s", strerror(-result));
    return CTL_OK;
}

/* ---- Its end ------------------------------------------------------------------------------------- */

/* Waits for its end; kills it when it takes too long, or on another ^C. Returns the status as of waitpid(2). */
static int wait_for_end(struct private_daemon *daemon)
{
    struct pollfd fd = {.fd = daemon->pidfd, .events = POLLIN};
    int status = 0;
    interrupt_clear();
    if (daemon->pidfd < 0 || interrupt_poll(&fd, 1, STOP_MS) <= 0)
        (void)kill(daemon->pid, SIGKILL); /* may have ended meanwhile */
    while (waitpid(daemon->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    cleanup_close(&daemon->pidfd);
    daemon->pid = 0;
    return status;
}

static int end(struct private_daemon *daemon)
{
    int status = 0;
    connection_close(take_ptr(&daemon->connection));
    if (daemon->pid > 0) {
        (void)kill(daemon->pid, SIGTERM); /* may have ended meanwhile */
        status = wait_for_end(daemon);
    }
    if (daemon->log)
        daemon_log_finish(daemon->log);
    return status;
}

static void dispose(struct private_daemon *daemon)
{
    daemon_log_free(daemon->log);
    private_files_clear(&daemon->files);
    free(daemon);
}

void private_daemon_stop(struct private_daemon *daemon)
{
    if (!daemon)
        return;
    (void)end(
        daemon); /* how it ended matters to nobody: what was wanted of it is done, or was told */
    dispose(daemon);
}

/* It did not come to an answer: its own words tell why, unless it was us. */
static int fail_start(struct private_daemon *daemon, const char *program, int code)
{
    struct ctl *ctl = daemon->ctl;
    int status = end(daemon);
    if (code == CTL_NO_DAEMON && daemon->log) {
        daemon_log_print(daemon->log);
        if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
            code = ctl_fail(ctl, CTL_REFUSED, "%s did not start", program);
        else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGTERM)
            code = ctl_fail(ctl, CTL_NO_DAEMON, "%s was killed by signal %d (%s)", program,
                            WTERMSIG(status), strsignal(WTERMSIG(status)));
    }
    dispose(daemon);
    return code;
}

/* ---- Its start ----------------------------------------------------------------------------------- */

/* A request and its answer, of which nothing is printed. */
static int ask(struct private_daemon *daemon, const char *method, json_t *params, json_t **result)
{
    json_int_t id;
    struct incoming answer;
    int code = connection_send(daemon->connection, method, params, &id);
    if (code == CTL_OK)
        code = connection_answer(daemon->connection, id, NULL, NULL, &answer);
    if (code)
        return code;
    *result = json_incref(answer.body);
    incoming_clear(&answer);
    return CTL_OK;
}

static int connect_to(struct private_daemon *daemon)
{
    struct ctl *ctl = daemon->ctl;
    const char *usual = ctl->socket;
    ctl->socket = daemon->files.socket;
    int code = connection_open(ctl, &daemon->connection);
    ctl->socket = usual;
    json_t *answer;
    if (code == CTL_OK)
        code = ask(daemon, "daemon.ping", NULL, &answer);
    if (code == CTL_OK)
        json_decref(answer);
    return code;
}

static int launch(struct ctl *ctl, const char *program, const char *plugin, const char *settings,
                  struct private_daemon **out)
{
    struct private_daemon *daemon = calloc(1, sizeof(*daemon));
    if (!daemon)
        return ctl_fail_memory(ctl);
    daemon->ctl = ctl;
    daemon->pidfd = daemon->files.listen_fd = -1;
    interrupt_catch();
    int code = private_files_make(ctl, plugin, settings, &daemon->files);
    if (code == CTL_OK)
        code = spawn(daemon, program);
    if (code == CTL_OK)
        code = connect_to(daemon);
    private_files_remove(&daemon->files);
    if (code)
        return fail_start(daemon, program, code);
    *out = daemon;
    return CTL_OK;
}

int private_daemon_start(struct ctl *ctl, const char *file, const char *settings,
                         struct private_daemon **out)
{
    AUTO_FREE char *plugin = realpath(file, NULL);
    if (!plugin)
        return ctl_fail(ctl, CTL_USAGE, "%s: %s", file, strerror(errno));
    AUTO_FREE char *text = NULL;
    int code = settings ? settings_text_read(ctl, settings, &text) : CTL_OK;
    if (code)
        return code;
    AUTO_FREE char *program = find_awaitd();
    if (!program)
        return ctl_fail(ctl, CTL_NO_DAEMON,
                        "cannot find awaitd, which runs the plugin: neither "
                        "beside awaitctl nor in " AW_SBINDIR);
    return launch(ctl, program, plugin, text, out);
}

struct connection *private_daemon_connection(const struct private_daemon *daemon)
{
    return daemon->connection;
}

int private_daemon_plugin(struct private_daemon *daemon, json_t **out)
{
    json_t *list;
    int code = ask(daemon, "plugin.list", NULL, &list);
    if (code)
        return code;
    json_t *plugin = json_array_get(json_object_get(list, "plugins"), 0);
    json_t *params = json_pack("{s:O}", "name", json_object_get(plugin, "name"));
    json_decref(list);
    if (!params)
        return ctl_fail_memory(daemon->ctl);
    return ask(daemon, "plugin.show", params, out);
}
