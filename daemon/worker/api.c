/*
 * The functions that plugins call, see include/awaitd/plugin.h. Each checks that the plugin may call it
 * here and now, and leaves the work to others. A plugin that may not is told so in the log; nothing
 * else happens, so that a mistake in one plugin stays there.
 */

#include <awaitd/plugin.h>
#include <awaitd/plugin_event.h>

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/timers.h"
#include "base/utf8.h"
#include "wire/details.h"
#include "worker/entry.h"
#include "worker/host.h"
#include "worker/job.h"
#include "worker/run.h"
#include "worker/watch.h"
#include "worker/worker.h"

/* Bytes that aw_outputf() formats without asking for memory. */
#define FORMAT_BYTES 512
/* Bytes of a reason or a line; the modules they go to cut them. */
#define LINE_BYTES 1280

static void complain(const struct aw_job *job, const char *function, const char *problem)
{
    char line[200];
    (void)snprintf(line, sizeof(line), "the plugin's error: %s: %s", function, problem);
    report_job_line(job_worker(job), job, LOG_LEVEL_ERROR, line);
}

static bool has_ended(const struct aw_job *job, const char *function)
{
    if (job->phase == PHASE_RUNNING)
        return false;
    complain(job, function, "the job has ended");
    return true;
}

static bool on_loop_thread(const struct aw_job *job)
{
    return pthread_equal(pthread_self(), job_worker(job)->loop_thread);
}

/* The thread first: on another one the rest of the job may be just about to change. */
static bool is_async(const struct aw_job *job, const char *function)
{
    if (!on_loop_thread(job)) {
        complain(job, function, "is for the loop thread");
        return false;
    }
    if (has_ended(job, function))
        return false;
    if (job->entry->plugin->runner == &run_async)
        return true;
    complain(job, function, "is for async jobs");
    return false;
}

/* ---- What a job may ask and say ------------------------------------------------------------ */

uint64_t aw_batch(const struct aw_job *job)
{
    return job->slab->batch;
}

uint64_t aw_index(const struct aw_job *job)
{
    return job_index(job);
}

unsigned aw_attempt(const struct aw_job *job)
{
    return has_ended(job, __func__) ? 0 : job->entry->attempt;
}

const void *aw_params(const struct aw_job *job)
{
    return has_ended(job, __func__) ? NULL : job->entry->params;
}

void *aw_state(struct aw_job *job)
{
    return has_ended(job, __func__) || !job->more ? NULL : job->more->state;
}

void *aw_instance(const struct aw_job *job)
{
    return has_ended(job, __func__) ? NULL : job->entry->plugin->instance;
}

bool aw_cancelled(const struct aw_job *job)
{
    return job->stop != STOP_NONE;
}

/* How much of the data to keep where there is room for `room` bytes: not a part of a character, so that text
 * stays text. */
static size_t cut(const uint8_t *data, size_t size, size_t room)
{
    for (size_t back = 1; back <= 3 && back <= room; back++) {
        const uint8_t *lead = data + room - back;
        size_t length = utf8_step(lead, data + size);
        if (length > 0)
            return length > back ? room - back : room;
    }
    return room;
}

void aw_output(struct aw_job *job, const void *data, size_t size)
{
    if (has_ended(job, __func__) || job->truncated)
        return;
    struct job_more *more = job_more(job);
    if (!more) {
        job->truncated = true;
        return;
    }
    size_t room = job_worker(job)->output_bytes - more->output.size;
    if (size > room) {
        job->truncated = true;
        size = cut(data, size, room);
    }
    bytes_put(&more->output, data, size);
    if (more->output.failed)
        job->truncated = true;
}

/* Formats straight into the output, for texts that FORMAT_BYTES do not hold. */
static void output_long(struct aw_job *job, size_t size, const char *format, va_list arguments)
{
    char *text = malloc(size + 1);
    if (!text) {
        job->truncated = true;
        return;
    }
    (void)vsnprintf(text, size + 1, format, arguments); /* worked a moment ago */
    aw_output(job, text, size);
    free(text);
}

void aw_outputf(struct aw_job *job, const char *format, ...)
{
    char text[FORMAT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (size < 0) {
        complain(job, __func__, "the text cannot be formatted");
    } else if ((size_t)size < sizeof(text)) {
        aw_output(job, text, (size_t)size);
    } else {
        va_start(arguments, format);
        output_long(job, (size_t)size, format, arguments);
        va_end(arguments);
    }
}

static const char *keep_details(struct aw_job *job, const char *json)
{
    struct job_more *more = job_more(job);
    size_t max = job_worker(job)->output_bytes;
    size_t size = json ? strnlen(json, max + 1) : 0;
    if (!more)
        return "found no memory";
    return size > max ? "are larger than limits.output_bytes"
                      : details_read(&more->details, json ? json : "", size);
}

int aw_details(struct aw_job *job, const char *json)
{
    if (has_ended(job, __func__))
        return AW_FAILED;
    const char *problem = keep_details(job, json);
    if (!problem)
        return AW_OK;
    char text[80];
    (void)snprintf(text, sizeof(text), "the details %s", problem);
    complain(job, __func__, text);
    return AW_FAILED;
}

int aw_fail(struct aw_job *job, const char *format, ...)
{
    char text[LINE_BYTES];
    if (has_ended(job, __func__))
        return AW_FAILED;
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    job_set_reason(job, size < 0 ? format : text);
    return AW_FAILED;
}

void aw_log(struct aw_job *job, enum aw_log_level level, const char *format, ...)
{
    static const enum log_level levels[] = {
        [AW_LOG_ERROR] = LOG_LEVEL_ERROR,
        [AW_LOG_WARNING] = LOG_LEVEL_WARNING,
        [AW_LOG_INFO] = LOG_LEVEL_INFO,
        [AW_LOG_DEBUG] = LOG_LEVEL_DEBUG,
    };
    char text[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    report_job_line(job_worker(job), job, level <= AW_LOG_DEBUG ? levels[level] : LOG_LEVEL_DEBUG,
                    size < 0 ? format : text);
}

struct event_base *aw_event_base(struct aw_worker *worker)
{
    return worker->base;
}

/* ---- Awaiting: fiber and blocking jobs ------------------------------------------------------ */

enum place { NOWHERE, ON_FIBER, ON_THREAD };

/* Where code that wants to wait runs. */
static enum place waiting_place(const struct aw_job *job, const char *function)
{
    if (has_ended(job, function))
        return NOWHERE;
    if (!on_loop_thread(job) && job->more && job->more->task)
        return ON_THREAD;
    if (job_worker(job)->current == job && on_loop_thread(job))
        return ON_FIBER;
    complain(job, function, "only the job's own fiber or blocking code may wait this way");
    return NOWHERE;
}

int aw_sleep(struct aw_job *job, double seconds)
{
    switch (waiting_place(job, __func__)) {
    case ON_FIBER:
        return run_fiber_sleep(job, seconds);
    case ON_THREAD:
        return run_blocking_sleep(job, seconds);
    default:
        return AW_FAILED;
    }
}

int aw_wait_fd(struct aw_job *job, int fd, unsigned events, double timeout_s)
{
    switch (waiting_place(job, __func__)) {
    case ON_FIBER:
        return run_fiber_wait_fd(job, fd, events, timeout_s);
    case ON_THREAD:
        return run_blocking_wait_fd(job, fd, events, timeout_s);
    default:
        return AW_FAILED;
    }
}

int aw_blocking(struct aw_job *job, int (*function)(void *argument), void *argument)
{
    switch (waiting_place(job, __func__)) {
    case ON_FIBER:
        return run_fiber_call_blocking(job, function, argument);
    case ON_THREAD:
        return function(argument);
    default:
        return AW_FAILED;
    }
}

/* ---- Async jobs ----------------------------------------------------------------------------- */

static void on_time(struct timer *timer)
{
    struct aw_job *job = job_of_timer(timer);
    job->run.on_time(job);
}

void aw_after(struct aw_job *job, double seconds, void (*callback)(struct aw_job *job))
{
    if (!is_async(job, __func__))
        return;
    job->run.on_time = callback;
    uint64_t deadline_ns = clock_after_ns(clock_now_ns(), seconds);
    (void)timers_set(job_worker(job)->timers, &job->timer, deadline_ns, on_time); /* is reserved */
}

static void on_ready(void *context, int ready)
{
    struct aw_job *job = context;
    job->more->on_ready(job, ready);
}

int aw_on_fd(struct aw_job *job, int fd, unsigned events, double timeout_s,
             void (*callback)(struct aw_job *job, int ready))
{
    if (!is_async(job, __func__))
        return AW_FAILED;
    struct aw_worker *worker = job_worker(job);
    struct job_more *more = job_more(job);
    if (more && !more->watch)
        more->watch = watch_new(worker->base, worker->timers);
    if (!more || !more->watch)
        return aw_fail(job, "out of memory");
    watch_stop(more->watch);
    if (fd < 0)
        return AW_OK;
    more->on_ready = callback;
    int result = watch_start(more->watch, fd, events, timeout_s, on_ready, job);
    if (result)
        return aw_fail(job, "cannot wait for descriptor %d: %s", fd, strerror(-result));
    return AW_OK;
}

void aw_finish(struct aw_job *job, enum aw_result result)
{
    if (is_async(job, __func__))
        job_end(job, result, clock_now_ns());
}
