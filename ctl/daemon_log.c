/*
 * Reads lines from a pipe in a thread of its own, so that they are told while others wait for a socket. The
 * thread alone uses the buffers until it has ended.
 */
#include "daemon_log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/bytes.h"
#include "base/cleanup.h"

/* Bytes of a line that is told in one piece; the daemon's own have 8 KiB at most. */
#define LINE_BYTES 8192
/* Bytes that are kept; reason: why a daemon fails stands in its first lines. */
#define KEPT_BYTES ((size_t)64 << 10)

struct daemon_log {
    int fd, finish_fd; /* finish_fd: readable when the thread is to end */
    pthread_t thread;
    bool started;
    char line[LINE_BYTES]; /* the beginning of a line whose end has not come */
    size_t used;
    struct bytes kept;
    const char *config;
    FILE *file;
};

/* ---- Whose line ---------------------------------------------------------------------------------- */

/* Behind the time and level of a line of the log, "12:34:56.789 info: "; NULL: it is none. */
static const char *after_level(const char *line, size_t size)
{
    static const char time[] = "00:00:00.000 ";
    size_t at = 0;
    for (; time[at]; at++) {
        bool is_digit = at < size && line[at] >= '0' && line[at] <= '9';
        if (at >= size || (time[at] == '0' ? !is_digit : line[at] != time[at]))
            return NULL;
    }
    const char *colon = memchr(line + at, ':', size - at);
    return colon && colon + 1 < line + size && colon[1] == ' ' ? colon + 2 : NULL;
}

bool daemon_log_is_of_plugin(const char *line, size_t size)
{
    static const char mark[] = " plugin=";
    const char *text = after_level(line, size), *end = line + size;
    if (!text)
        return true;
    /* The daemon writes a job's end with the plugin's name in the middle, and a plugin's line with it last. */
    const char *last = NULL;
    for (const char *at = text; (at = memmem(at, (size_t)(end - at), mark, sizeof(mark) - 1));)
        last = at += sizeof(mark) - 1;
    return last && !memchr(last, ' ', (size_t)(end - last));
}

/* ---- The thread ---------------------------------------------------------------------------------- */

/* Behind "CONFIG:NUMBER: ", where the line begins so. */
static const char *after_place(const struct daemon_log *log, const char *line, size_t size)
{
    size_t at = strlen(log->config);
    if (size <= at || memcmp(line, log->config, at) != 0 || line[at] != ':')
        return line;
    for (at++; at < size && line[at] >= '0' && line[at] <= '9';)
        at++;
    return at + 2 <= size && line[at] == ':' && line[at + 1] == ' ' ? line + at + 2 : line;
}

static void take_line(struct daemon_log *log, const char *line, size_t size)
{
    const char *start = after_place(log, line, size), *end = line + size;
    size = (size_t)(end - start);
    if (daemon_log_is_of_plugin(start, size)) {
        flockfile(log->file);
        (void)fwrite(start, 1, size, log->file); /* nobody is left to tell when stderr fails */
        (void)fputc('\n', log->file);
        funlockfile(log->file);
    } else if (log->kept.size + size < KEPT_BYTES) {
        bytes_put(&log->kept, start, size);
        bytes_put(&log->kept, "\n", 1);
    }
}

/* Reads once. Positive: there may be more; 0: the end; or a negative errno. */
static ssize_t take_in(struct daemon_log *log)
{
    ssize_t size = read(log->fd, log->line + log->used, sizeof(log->line) - log->used);
    if (size <= 0)
        return size < 0 ? -errno : 0;
    log->used += (size_t)size;
    char *start = log->line, *end = log->line + log->used;
    for (char *newline; (newline = memchr(start, '\n', (size_t)(end - start))); start = newline + 1)
        take_line(log, start, (size_t)(newline - start));
    if (start == log->line && log->used == sizeof(log->line)) {
        take_line(log, start, log->used);
        start = end;
    }
    log->used = (size_t)(end - start);
    memmove(log->line, start, log->used);
    return size;
}

static void *run(void *context)
{
    struct daemon_log *log = context;
    struct pollfd fds[] = {{.fd = log->fd, .events = POLLIN},
                           {.fd = log->finish_fd, .events = POLLIN}};
    ssize_t size = 1;
    while (size > 0 || size == -EINTR || (size == -EAGAIN && !fds[1].revents)) {
        if (size == -EAGAIN)
            (void)poll(fds, 2, -1); /* a failure shows in the next read */
        size = take_in(log);
    }
    if (log->used > 0)
        take_line(log, log->line, log->used);
    return NULL;
}

/* Signals are for the main thread. */
static int start_thread(struct daemon_log *log)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&log->thread, NULL, run, log);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -result;
}

/* ---- Its life ------------------------------------------------------------------------------------ */

int daemon_log_open(int fd, const char *config, FILE *file, struct daemon_log **out)
{
    AUTO_CLOSE int owned = fd;
    AUTO_CLOSE int finish_fd = eventfd(0, EFD_CLOEXEC);
    if (finish_fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    AUTO_FREE struct daemon_log *log = calloc(1, sizeof(*log));
    if (!log)
        return -ENOMEM;
    log->fd = fd;
    log->finish_fd = finish_fd;
    log->config = config;
    log->file = file;
    int result = start_thread(log);
    if (result)
        return result;
    log->started = true;
    (void)take_fd(&owned);
    (void)take_fd(&finish_fd);
    *out = take_ptr(&log);
    return 0;
}

void daemon_log_finish(struct daemon_log *log)
{
    if (!log->started)
        return;
    (void)eventfd_write(log->finish_fd, 1); /* cannot fail: it is the first one */
    (void)pthread_join(log->thread, NULL);
    log->started = false;
}

void daemon_log_print(const struct daemon_log *log)
{
    if (log->kept.size > 0)
        (void)fwrite(log->kept.data, 1, log->kept.size, log->file); /* as above */
}

void daemon_log_free(struct daemon_log *log)
{
    if (!log)
        return;
    (void)close(log->fd); /* nothing can be done about it */
    (void)close(log->finish_fd);
    bytes_free(&log->kept);
    free(log);
}
