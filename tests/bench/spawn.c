/*
 * posix_spawn and nothing else, as a peer of the exec plugin: runs /bin/true COUNT times with standard output
 * and standard error captured through pipes, in AT_ONCE processes that each run one after the other, and
 * prints the seconds that took. Built and run by bench_exec.py.
 *
 *     spawn COUNT AT_ONCE
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void check(int error, const char *what)
{
    if (error) {
        (void)fprintf(stderr, "spawn: %s: %s\n", what, strerror(error));
        exit(EXIT_FAILURE);
    }
}

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time); /* cannot fail */
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void read_all(int fd)
{
    char buffer[4096];
    while (read(fd, buffer, sizeof(buffer)) > 0)
        ;
    (void)close(fd); /* nothing was written */
}

static void run_one(char **environment)
{
    char *const argv[] = {"/bin/true", NULL};
    posix_spawn_file_actions_t actions;
    int out[2], err[2], status;
    pid_t pid;
    check(pipe2(out, O_CLOEXEC) ? errno : 0, "pipe2");
    check(pipe2(err, O_CLOEXEC) ? errno : 0, "pipe2");
    check(posix_spawn_file_actions_init(&actions), "posix_spawn_file_actions_init");
    check(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0), "addopen");
    check(posix_spawn_file_actions_adddup2(&actions, out[1], 1), "adddup2");
    check(posix_spawn_file_actions_adddup2(&actions, err[1], 2), "adddup2");
    check(posix_spawn(&pid, argv[0], &actions, NULL, argv, environment), argv[0]);
    check(posix_spawn_file_actions_destroy(&actions), "posix_spawn_file_actions_destroy");
    (void)close(out[1]);
    (void)close(err[1]);
    read_all(out[0]);
    read_all(err[0]);
    check(waitpid(pid, &status, 0) == pid ? 0 : errno, "waitpid");
    if (status != 0)
        check(ECANCELED, "/bin/true");
}

static void run_many(long count, char **environment)
{
    for (long i = 0; i < count; i++)
        run_one(environment);
}

int main(int argc, char **argv, char **environment)
{
    long count = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
    long at_once = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
    if (count < 1 || at_once < 1)
        check(EINVAL, "spawn COUNT AT_ONCE");
    double begin = now();
    for (long i = 1; i < at_once; i++) {
        pid_t pid = fork();
        check(pid < 0 ? errno : 0, "fork");
        if (pid == 0) {
            run_many(count / at_once, environment);
            _exit(EXIT_SUCCESS);
        }
    }
    run_many(count - count / at_once * (at_once - 1), environment);
    for (long i = 1; i < at_once; i++) {
        int status;
        if (wait(&status) < 0 || status != 0)
            check(ECANCELED, "one of the processes");
    }
    (void)printf("%.6f\n", now() - begin);
    return EXIT_SUCCESS;
}
