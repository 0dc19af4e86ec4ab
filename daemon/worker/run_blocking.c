/*
 * Blocking jobs: code on a thread of the pool. From the moment the job is handed over until its
 * task is done, the loop thread touches nothing of it but its `stop`.
 */

#include "worker/run.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "worker/entry.h"
#include "worker/host.h"
#include "worker/job.h"
#include "worker/threads.h"
#include "worker/worker.h"

struct blocking {
    struct task task;
    struct aw_job *job;
    uint64_t ended_ns;
    int result;
};

/* On a thread of the pool. A job that was cancelled before its turn came is not begun. */
static void work(struct task *task)
{
    struct blocking *blocking = (struct blocking *)task;
    struct aw_job *job = blocking->job;
    job->started_ns = clock_now_ns();
    blocking->result =
        job->stop ? AW_CANCELLED : job->entry->plugin->table.blocking(job, job->entry->params);
    blocking->ended_ns = clock_now_ns();
}

static void done(struct task *task)
{
    struct blocking *blocking = (struct blocking *)task;
    job_end(blocking->job, blocking->result, blocking->ended_ns);
    free(blocking);
}

static void begin(struct aw_job *job)
{
    struct threads *threads = job_worker(job)->threads;
    struct blocking *blocking = calloc(1, sizeof(*blocking));
    struct job_more *more = job_more(job); /* the job's own calls find it made */
    if (blocking && more) {
        blocking->job = job;
        job->run.blocking = blocking;
        more->task = &blocking->task;
        if (threads_run(threads, &blocking->task, work, done) == 0)
            return;
    }
    free(blocking);
    job_set_reason(job, "there is no thread to run on, and none can be started");
    job_end(job, AW_FAILED, clock_now_ns());
}

static void cancel(struct aw_job *job)
{
    threads_interrupt(job_worker(job)->threads, &job->run.blocking->task);
}

const struct runner run_blocking = {.style = RUN_BLOCKING, .begin = begin, .cancel = cancel};

/* ---- Waiting, on a thread of the pool ---------------------------------------------------------- */

int run_blocking_sleep(struct aw_job *job, double seconds)
{
    uint64_t deadline_ns = clock_after_ns(clock_now_ns(), seconds);
    int result = threads_wait(job->more->task, -1, 0, deadline_ns);
    if (result == -EINTR)
        return AW_CANCELLED;
    return result < 0 ? aw_fail(job, "cannot wait: %s", strerror(-result)) : AW_OK;
}

int run_blocking_wait_fd(struct aw_job *job, int fd, unsigned events, double timeout_s)
{
    uint64_t deadline_ns = timeout_s < 0 ? UINT64_MAX : clock_after_ns(clock_now_ns(), timeout_s);
    short what =
        (short)((events & AW_READABLE ? POLLIN : 0) | (events & AW_WRITABLE ? POLLOUT : 0));
    int result = -EINVAL;
    if (fd < 0)
        result = -EBADF;
    else if (what && !(events & ~(unsigned)(AW_READABLE | AW_WRITABLE)))
        result = threads_wait(job->more->task, fd, what, deadline_ns);
    if (result == -EINTR)
        return AW_CANCELLED;
    if (result < 0)
        return aw_fail(job, "cannot wait for descriptor %d: %s", fd, strerror(-result));
    if (result == 0)
        return AW_TIMED_OUT;
    if (result & (POLLERR | POLLHUP))
        return (int)events; /* the next read or write tells which */
    return (result & POLLIN ? AW_READABLE : 0) | (result & POLLOUT ? AW_WRITABLE : 0);
}
