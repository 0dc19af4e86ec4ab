/*
 * The life of a job's process, see process.h. What it writes is read as it comes, until it ends. Then its pipes
 * may still be held by processes it left behind: they get a moment, then they are killed, and the job ends.
 *
 * The process is waited for last. Until then its number, which is the group's, cannot be anybody else's, and
 * signals to the group reach nobody but those who are meant.
 */
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <event2/event.h>
#include "outcome.h"

/* Seconds that processes left behind have to end what they write; reason: enough for the rest of a pipeline,
 * and a command that leaves a server behind is not held up by it. */
#define LINGER_S 0.5
/* Reads of a pipe whose process has ended; reason: what the largest pipe holds (/proc/sys/fs/pipe-max-size is
 * 1 MiB), while somebody who got away may write without end. */
#define LAST_READS 17
/* Bytes of standard error to begin with. */
#define ERRORS_BYTES 1024
/* Bytes of a reason; aw_fail() cuts longer ones. */
#define REASON_BYTES 1024

static void conclude(struct aw_job *job);

/* ---- Streams -------------------------------------------------------------------------------------- */

static int stream_open(struct stream *stream, struct aw_job *job, int fd, int held_fd, short what,
                       event_callback_fn callback)
{
    struct process *process = aw_state(job);
    *stream = (struct stream){.fd = -1, .held_fd = held_fd};
    if (fd < 0)
        return 0;
    if (event_assign(&stream->event, process->shared->base, fd, what | EV_PERSIST, callback, job) ||
        event_add(&stream->event, NULL)) {
        (void)close(fd); /* nothing was written */
        return -1;
    }
    stream->fd = fd;
    return 0;
}

static void stream_let_go(struct stream *stream)
{
    if (stream->held_fd >= 0)
        (void)close(stream->held_fd); /* nothing was written */
    stream->held_fd = -1;
}

static void stream_close(struct stream *stream)
{
    stream_let_go(stream);
    if (stream->fd < 0)
        return;
    (void)event_del(&stream->event); /* it was added */
    (void)close(stream->fd);         /* a pipe: what was written to it is with the process */
    stream->fd = -1;
}

static void close_all(struct process *process)
{
    stream_close(&process->input);
    stream_close(&process->output);
    stream_close(&process->errors);
    stream_close(&process->end);
}

/* ---- Reading and writing ---------------------------------------------------------------------------- */

static bool grow_kept(struct process *process, size_t size)
{
    size_t room = process->kept_room ? process->kept_room : ERRORS_BYTES;
    while (room < process->kept_size + size)
        room *= 2;
    if (room == process->kept_room)
        return true;
    uint8_t *kept = realloc(process->kept, room);
    if (!kept)
        return false;
    process->kept = kept;
    process->kept_room = room;
    return true;
}

/* The beginning is kept, since that is where most programs say what went wrong first. */
static void keep_errors(struct process *process, const uint8_t *data, size_t size)
{
    size_t room = process->options.errors_limit - process->kept_size;
    if (size > room) {
        process->kept_truncated = true;
        size = room;
    }
    if (size == 0)
        return;
    if (!grow_kept(process, size)) {
        process->kept_truncated = true;
        return;
    }
    memcpy(process->kept + process->kept_size, data, size);
    process->kept_size += size;
}

/* Reads once; past the limits what is read is dropped, so that the process does not stand still. Closes the
 * stream at its end. false: there is no more, for now or for ever. */
static bool read_once(struct aw_job *job, struct process *process, struct stream *stream)
{
    uint8_t *buffer = process->shared->buffer;
    ssize_t size = read(stream->fd, buffer, PROCESS_READ_BYTES);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return errno == EINTR;
    if (size <= 0) {
        stream_close(stream);
        return false;
    }
    if (stream == &process->output)
        aw_output(job, buffer, (size_t)size);
    else
        keep_errors(process, buffer, (size_t)size);
    return true;
}

/* After the process's end: what there is, and perhaps the pipe's end. */
static void read_rest(struct aw_job *job, struct process *process, struct stream *stream)
{
    stream_let_go(stream);
    int left = LAST_READS;
    while (stream->fd >= 0 && left-- > 0 && read_once(job, process, stream))
        ;
}

static bool is_read(const struct process *process)
{
    return process->output.fd < 0 && process->errors.fd < 0;
}

static void on_stream(struct aw_job *job, struct process *process, struct stream *stream)
{
    (void)read_once(job, process, stream); /* the loop calls again while there is more */
    if (process->ended && is_read(process))
        conclude(job);
}

static void on_output(evutil_socket_t fd, short what, void *argument)
{
    struct process *process = aw_state(argument);
    (void)fd, (void)what;
    on_stream(argument, process, &process->output);
}

static void on_errors(evutil_socket_t fd, short what, void *argument)
{
    struct process *process = aw_state(argument);
    (void)fd, (void)what;
    on_stream(argument, process, &process->errors);
}

/* A process that no longer reads is no mistake: many read what they need and no more. */
static void on_input(evutil_socket_t fd, short what, void *argument)
{
    struct process *process = aw_state(argument);
    (void)what;
    size_t left = process->input_size - process->input_sent;
    ssize_t sent = left > 0 ? write(fd, process->options.input + process->input_sent, left) : 0;
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (sent > 0)
        process->input_sent += (size_t)sent;
    if (sent < 0 || process->input_sent == process->input_size)
        stream_close(&process->input);
}

/* ---- Signals ----------------------------------------------------------------------------------------- */

/* The process gets it, too, where it left the group, as it may for another one of the worker's session. */
static void signal_group(struct aw_job *job, const struct process *process, int number)
{
    bool left = !process->ended && getpgid(process->pid) != process->pid;
    if (left && kill(process->pid, number) != 0 && errno != ESRCH)
        aw_log(job, AW_LOG_WARNING, "process %lld, which left its group, cannot be ended: %s",
               (long long)process->pid, strerror(errno));
    if (kill(-process->pid, number) == 0 || errno == ESRCH)
        return;
    aw_log(job, AW_LOG_WARNING, "process %lld cannot be ended: %s", (long long)process->pid,
           strerror(errno));
}

static void kill_group(struct aw_job *job, struct process *process)
{
    process->killed = true;
    signal_group(job, process, SIGKILL);
}

/* The grace time is over, or the moment that those left behind have. */
static void on_time(struct aw_job *job)
{
    struct process *process = aw_state(job);
    kill_group(job, process);
    if (process->ended)
        conclude(job);
}

void process_cancel(struct aw_job *job)
{
    struct process *process = aw_state(job);
    if (process->ended) {
        on_time(job);
        return;
    }
    process->cancelled = true;
    if (process->options.grace_s > 0) {
        signal_group(job, process, SIGTERM);
        signal_group(job, process, SIGCONT); /* who is stopped would not notice */
        aw_after(job, process->options.grace_s, on_time);
    } else {
        kill_group(job, process);
    }
}

/* ---- The end -------------------------------------------------------------------------------------------- */

/* Tells the details; without standard error where that is too much. */
static void tell_details(struct aw_job *job, struct outcome *outcome)
{
    char *text = outcome_json(outcome);
    if (text && aw_details(job, text) != AW_OK && outcome->errors_size > 0) {
        free(text);
        outcome->errors_size = 0;
        outcome->errors_truncated = true;
        text = outcome_json(outcome);
        if (text)
            (void)aw_details(job, text); /* the log says why not */
    }
    free(text);
}

static enum aw_result judge(struct aw_job *job, const struct process *process,
                            struct outcome *outcome)
{
    char reason[REASON_BYTES];
    tell_details(job, outcome);
    if (process->cancelled)
        return AW_CANCELLED;
    if (outcome_is_ok(outcome, process->options.ok_codes, reason, sizeof(reason)))
        return AW_OK;
    return aw_fail(job, "%s", reason);
}

/* The process has ended, and nobody holds the job up any longer: ends whoever is left, and the job. */
static void conclude(struct aw_job *job)
{
    struct process *process = aw_state(job);
    enum aw_result result;
    if (!process->killed)
        kill_group(job, process);
    read_rest(job, process, &process->output);
    read_rest(job, process, &process->errors);
    struct outcome outcome = {.errors = process->kept,
                              .errors_size = process->kept_size,
                              .errors_truncated = process->kept_truncated};
    if (wait4(process->pid, &outcome.status, WNOHANG, &outcome.usage) == process->pid)
        result = judge(job, process, &outcome);
    else
        result = aw_fail(job, "how the command ended is not known: %s", strerror(errno));
    close_all(process);
    free(process->kept);
    aw_finish(job, result);
}

static void on_end(evutil_socket_t fd, short what, void *argument)
{
    struct process *process = aw_state(argument);
    (void)fd, (void)what;
    process->ended = true;
    stream_close(&process->end); /* it would be readable for ever */
    stream_close(&process->input);
    read_rest(argument, process, &process->output);
    read_rest(argument, process, &process->errors);
    if (is_read(process))
        conclude(argument);
    else if (!process->cancelled || process->killed) /* otherwise the grace time runs */
        aw_after(argument, LINGER_S, on_time);
}

/* ---- The beginning -------------------------------------------------------------------------------------- */

static int watch(struct aw_job *job, struct process *process, const struct child *child)
{
    int failed = stream_open(&process->end, job, child->pidfd, -1, EV_READ, on_end);
    failed |= stream_open(&process->output, job, child->stdout_fd, child->stdout_held_fd, EV_READ,
                          on_output);
    failed |= stream_open(&process->errors, job, child->stderr_fd, child->stderr_held_fd, EV_READ,
                          on_errors);
    failed |= stream_open(&process->input, job, child->stdin_fd, -1, EV_WRITE, on_input);
    return failed;
}

int process_start(struct aw_job *job, struct processes *processes, const struct launch *what,
                  const struct process_options *options)
{
    struct process *process = aw_state(job);
    struct child child;
    char reason[REASON_BYTES];
    if (launch(&processes->launcher, what, &child, reason, sizeof(reason)))
        return aw_fail(job, "%s", reason);
    process->shared = processes;
    process->options = *options;
    process->pid = child.pid;
    process->input_size = options->input ? strlen(options->input) : 0;
    if (watch(job, process, &child) == 0)
        return AW_OK;
    close_all(process);
    kill_group(job, process);
    (void)waitpid(process->pid, NULL, 0); /* it was killed */
    return aw_fail(job, "was killed, since it could not be watched: out of memory");
}
