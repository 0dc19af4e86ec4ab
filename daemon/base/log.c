/*
 * The log and its thread. Callers format a line and post it; the thread writes it, sums up what was
 * dropped and what was held back, and sleeps without a time limit whenever neither is the case. The
 * thread alone touches syslog(3) and standard error; what callers share with it is atomic, never changes
 * or goes through the mailbox.
 */
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/error.h"
#include "base/mailbox.h"
#include "base/utf8.h"

/* Bytes of a line, NUL included; longer ones are cut. Reason: rsyslog cuts at 8 KiB by default. */
#define LINE_SIZE 8192
/* Bytes of a usual line; reason: formatted on the stack at the first try. */
#define USUAL_LINE_SIZE 512
/* How long lines held back are gathered before they are summed up; see log.h. */
#define SUM_SPAN_S 1.0
/* How long log_close() waits for a stalled syslog; see log.h. */
#define CLOSE_SPAN_S 2.0

static const struct {
    const char *name;
    int syslog;
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", LOG_ERR},
    [LOG_LEVEL_WARNING] = {"warning", LOG_WARNING},
    [LOG_LEVEL_INFO] = {"info", LOG_INFO},
    [LOG_LEVEL_DEBUG] = {"debug", LOG_DEBUG},
};
_Static_assert(sizeof(levels) / sizeof(levels[0]) == LOG_LEVELS, "each level has its row");

const char *log_level_name(enum log_level level)
{
    return levels[level].name;
}

enum log_level log_level_from_name(const char *name)
{
    enum log_level level = 0;
    while (level < LOG_LEVELS && strcmp(levels[level].name, name) != 0)
        level++;
    return level;
}

struct line {
    struct mail mail; /* first */
    enum log_level level;
    double wall_s;
    char text[];
};

struct log {
    enum log_target target; /* these two never change */
    enum log_level level;
    struct mailbox *mailbox;
    pthread_t thread;

    /* The allowance for limited lines; the owner's loop thread only. */
    double rate, burst, allowance;
    uint64_t refilled_ns;

    _Atomic uint64_t held_back; /* since the last sum */
    atomic_bool closing;        /* the thread ends when all is written */

    pthread_mutex_t mutex;
    pthread_cond_t changed; /* on the monotonic clock */
    bool ended;             /* the thread is done; under the mutex */
    atomic_bool abandoned;  /* log_close() gave up: the thread frees the log; set under the mutex */
};

/* Whether a line of this level is written. */
static bool wants(const struct log *log, enum log_level level)
{
    return log && level <= log->level;
}

/* ---- The thread ------------------------------------------------------------------------------ */

static void write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written >= 0) {
            data += written;
            size -= (size_t)written;
        } else if (errno == EAGAIN) {
            /* Somebody made it non-blocking; this thread may wait. */
            (void)poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        } else if (errno != EINTR) {
            return; /* there is nobody left to tell */
        }
    }
}

static void write_stderr(enum log_level level, double wall_s, const char *text)
{
    time_t seconds = (time_t)wall_s;
    struct tm local = {0};
    (void)localtime_r(&seconds, &local);
    char line[LINE_SIZE + 64];
    int length =
        snprintf(line, sizeof(line), "%02d:%02d:%02d.%03d %s: %s\n", local.tm_hour, local.tm_min,
                 local.tm_sec, (int)((wall_s - (double)seconds) * 1000), levels[level].name, text);
    write_all(STDERR_FILENO, line, (size_t)length);
}

static void write_line(struct log *log, enum log_level level, double wall_s, char *text)
{
    utf8_mend(text);
    for (char *at = text; *at; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            *at = ' ';
    }
    if (log->target == LOG_TARGET_SYSLOG)
        syslog(levels[level].syslog, "%s", text);
    else
        write_stderr(level, wall_s, text);
}

/* Writes the letters and frees them. */
static void write_mail(struct log *log, struct mail *mail)
{
    while (mail) {
        struct line *line = (struct line *)mail;
        mail = mail->next;
        if (!atomic_load(&log->abandoned))
            write_line(log, line->level, line->wall_s, line->text);
        free(line);
    }
}

/* A warning of the log's own: "MESSAGE KEY=COUNT", unless the count is 0. */
static void write_count(struct log *log, const char *message, const char *key, uint64_t count)
{
    char text[96];
    if (count == 0 || !wants(log, LOG_LEVEL_WARNING) || atomic_load(&log->abandoned))
        return;
    (void)snprintf(text, sizeof(text), "%s %s=%" PRIu64, message, key, count);
    write_line(log, LOG_LEVEL_WARNING, clock_wall_s(), text);
}

static void free_log(struct log *log)
{
    (void)pthread_mutex_destroy(&log->mutex);
    (void)pthread_cond_destroy(&log->changed);
    mailbox_free(log->mailbox);
    free(log);
}

static void *run(void *context)
{
    struct log *log = context;
    uint64_t sum_ns = UINT64_MAX; /* when to sum up what is held back; never: nothing is */
    bool more = true;
    while (more) {
        /* Looked at first: what was posted before it was set is in the mailbox by then. */
        bool closing = atomic_load(&log->closing);
        struct mail *mail = mailbox_take_until(log->mailbox, sum_ns);
        more = mail || !closing;
        write_mail(log, mail);
        write_count(log, "syslog is too slow", "dropped", mailbox_take_refused(log->mailbox));

        if (!more || (sum_ns != UINT64_MAX && clock_now_ns() >= sum_ns)) {
            write_count(log, "too many lines", "held_back", atomic_exchange(&log->held_back, 0));
            sum_ns = UINT64_MAX;
        }
        if (sum_ns == UINT64_MAX && atomic_load(&log->held_back) > 0)
            sum_ns = clock_after_ns(clock_now_ns(), SUM_SPAN_S);
    }

    (void)pthread_mutex_lock(&log->mutex);
    log->ended = true;
    bool abandoned = atomic_load(&log->abandoned);
    (void)pthread_cond_signal(&log->changed);
    (void)pthread_mutex_unlock(&log->mutex);
    if (abandoned)
        free_log(log);
    return NULL;
}

/* ---- Opening and closing --------------------------------------------------------------------- */

/* Starts the thread, with all signals blocked: they are for the loop. */
static int start_thread(struct log *log)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&log->thread, NULL, run, log);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result == 0)
        (void)pthread_setname_np(log->thread, "log"); /* for ps and gdb */
    return -result;
}

struct log *log_open(const struct log_options *options, struct error *error)
{
    struct log *log = calloc(1, sizeof(*log));
    struct mailbox *mailbox = mailbox_new(options->mailbox_lines);
    if (!log || !mailbox) {
        free(log);
        mailbox_free(mailbox);
        error_errno(error, -ENOMEM, "cannot open the log");
        return NULL;
    }
    log->target = options->target;
    log->level = options->level;
    log->mailbox = mailbox;
    log->rate = options->rate;
    log->burst = options->burst > 1 ? options->burst : 1;
    log->allowance = log->burst;
    log->refilled_ns = clock_now_ns();
    /* As in mailbox.c, these cannot fail. */
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&log->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&log->mutex, NULL);

    if (log->target == LOG_TARGET_SYSLOG)
        openlog(options->ident, LOG_PID, LOG_DAEMON); /* connects at the first line */
    int result = start_thread(log);
    if (result != 0) {
        error_errno(error, result, "cannot start the log's thread");
        free_log(log);
        return NULL;
    }
    return log;
}

/* Waits until the thread has ended. false: it takes too long, and the log is now the thread's own. */
static bool wait_for_thread(struct log *log)
{
    uint64_t deadline_ns = clock_after_ns(clock_now_ns(), CLOSE_SPAN_S);
    struct timespec deadline = clock_timespec(deadline_ns);
    (void)pthread_mutex_lock(&log->mutex);
    int result = 0;
    while (!log->ended && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&log->changed, &log->mutex, &deadline);
    bool ended = log->ended;
    pthread_t thread = log->thread;
    if (!ended) {
        atomic_store(&log->abandoned, true);
        (void)pthread_detach(thread);
    }
    (void)pthread_mutex_unlock(&log->mutex);
    return ended;
}

void log_close(struct log *log)
{
    if (!log)
        return;
    atomic_store(&log->closing, true);
    mailbox_close(log->mailbox);
    if (!wait_for_thread(log))
        return;
    (void)pthread_join(log->thread, NULL);
    if (log->target == LOG_TARGET_SYSLOG)
        closelog();
    free_log(log);
}

/* ---- Callers --------------------------------------------------------------------------------- */

void log_write(struct log *log, enum log_level level, const char *format, ...)
{
    if (!wants(log, level))
        return;
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    char usual[USUAL_LINE_SIZE];
    int length = vsnprintf(usual, sizeof(usual), format, arguments);
    va_end(arguments);

    size_t size = length < 0 ? 1 : (size_t)length + 1;
    struct line *line = malloc(sizeof(*line) + size);
    if (line) {
        line->level = level;
        line->wall_s = clock_wall_s();
        if (length < 0)
            line->text[0] = '\0';
        else if (size <= sizeof(usual))
            memcpy(line->text, usual, size);
        else
            (void)vsnprintf(line->text, size, format, again);
        if (size > LINE_SIZE) {
            char cut[LINE_SIZE];
            (void)utf8_copy(cut, sizeof(cut), line->text);
            (void)utf8_copy(line->text, size, cut);
        }
        if (!mailbox_post(log->mailbox, &line->mail))
            free(line); /* the mailbox counted it */
    }
    va_end(again);
}

bool log_limited(struct log *log, enum log_level level)
{
    if (!wants(log, level))
        return false;
    if (log->rate <= 0)
        return true;
    uint64_t now_ns = clock_now_ns();
    log->allowance += clock_seconds(now_ns - log->refilled_ns) * log->rate;
    if (log->allowance > log->burst)
        log->allowance = log->burst;
    log->refilled_ns = now_ns;
    if (log->allowance >= 1) {
        log->allowance -= 1;
        return true;
    }
    /* The first one since the last sum makes the thread look at the clock. */
    if (atomic_fetch_add_explicit(&log->held_back, 1, memory_order_relaxed) == 0)
        mailbox_wake(log->mailbox);
    return false;
}
