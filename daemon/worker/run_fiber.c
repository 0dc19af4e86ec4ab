/*
 * Fiber jobs: straight-line code on a stack of its own, which it leaves to wait. A fiber that waits is
 * resumed from the loop: by its timer, its descriptor, its blocking call or a cancel.
 */

#include "worker/run.h"

#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "worker/entry.h"
#include "worker/fiber.h"
#include "worker/host.h"
#include "worker/job.h"
#include "worker/threads.h"
#include "worker/watch.h"
#include "worker/worker.h"

/* On the fiber. */
static void run(void *argument)
{
    struct aw_job *job = argument;
    job->result = job->entry->plugin->table.fiber(job, job->entry->params);
}

/* Runs the fiber until it waits or ends. */
static void resume(struct aw_job *job)
{
    struct aw_worker *worker = job_worker(job);
    job->wait = WAIT_NOTHING;
    worker->current = job;
    bool ended = fiber_resume(job->run.fiber);
    worker->current = NULL;
    if (ended)
        job_end(job, job->result, clock_now_ns());
}

static void begin(struct aw_job *job)
{
    struct aw_worker *worker = job_worker(job);
    size_t size = job->entry->plugin->table.stack_size;
    if (size == 0)
        size = worker->fiber_stack_bytes;
    job->run.fiber = fiber_new(worker->fibers, size, run, job);
    if (job->run.fiber) {
        resume(job);
        return;
    }
    char reason[80];
    (void)snprintf(reason, sizeof(reason), "out of memory for a stack of %zu bytes", size);
    job_set_reason(job, reason);
    job_end(job, AW_FAILED, clock_now_ns());
}

static void cancel(struct aw_job *job)
{
    struct aw_worker *worker = job_worker(job);
    switch (job->wait) {
    case WAIT_TIME:
        timers_drop(worker->timers, &job->timer);
        break;
    case WAIT_FD:
        watch_stop(job->more->watch);
        break;
    case WAIT_THREAD: /* the function on the thread must return first */
        threads_interrupt(worker->threads, job->more->task);
        return;
    default: /* it runs just now, and will see it at its next wait */
        return;
    }
    job->result = AW_CANCELLED;
    resume(job);
}

const struct runner run_fiber = {.style = RUN_FIBER, .begin = begin, .cancel = cancel};

/* ---- Waiting, on the fiber ------------------------------------------------------------------------ */

/* Leaves the fiber; returns what it waited for. */
static int wait_for(struct aw_job *job, enum job_wait what)
{
    job->wait = (uint8_t)what;
    fiber_suspend(job->run.fiber);
    return job->result;
}

static void on_time(struct timer *timer)
{
    struct aw_job *job = job_of_timer(timer);
    job->result = AW_OK;
    resume(job);
}

int run_fiber_sleep(struct aw_job *job, double seconds)
{
    if (job->stop)
        return AW_CANCELLED;
    uint64_t deadline_ns = clock_after_ns(clock_now_ns(), seconds);
    (void)timers_set(job_worker(job)->timers, &job->timer, deadline_ns, on_time); /* is reserved */
    return wait_for(job, WAIT_TIME);
}

static void on_ready(void *context, int ready)
{
    struct aw_job *job = context;
    job->result = ready;
    resume(job);
}

int run_fiber_wait_fd(struct aw_job *job, int fd, unsigned events, double timeout_s)
{
    if (job->stop)
        return AW_CANCELLED;
    struct aw_worker *worker = job_worker(job);
    struct job_more *more = job_more(job);
    if (more && !more->watch)
        more->watch = watch_new(worker->base, worker->timers);
    if (!more || !more->watch)
        return aw_fail(job, "out of memory");
    int result = watch_start(more->watch, fd, events, timeout_s, on_ready, job);
    if (result)
        return aw_fail(job, "cannot wait for descriptor %d: %s", fd, strerror(-result));
    return wait_for(job, WAIT_FD);
}

/* A function on a thread, in the name of a fiber; lives on the fiber's stack. */
struct call {
    struct task task;
    struct aw_job *job;
    int (*function)(void *argument);
    void *argument;
    int result;
};

static void work(struct task *task)
{
    struct call *call = (struct call *)task;
    call->result = call->function(call->argument);
}

static void done(struct task *task)
{
    struct call *call = (struct call *)task;
    call->job->more->task = NULL;
    call->job->result = call->result;
    resume(call->job);
}

int run_fiber_call_blocking(struct aw_job *job, int (*function)(void *argument), void *argument)
{
    struct call call = {.job = job, .function = function, .argument = argument};
    struct threads *threads = job_worker(job)->threads;
    struct job_more *more = job_more(job); /* the function's own calls find it made */
    if (more)
        more->task = &call.task;
    if (!more || threads_run(threads, &call.task, work, done)) {
        if (more)
            more->task = NULL;
        return aw_fail(job, "there is no thread to run on, and none can be started");
    }
    if (job->stop)
        threads_interrupt(threads, &call.task);
    return wait_for(job, WAIT_THREAD);
}
