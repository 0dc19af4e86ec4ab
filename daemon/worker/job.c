/*
 * Jobs, see job.h: their memory, their beginning and end. How a job's code is entered and left is the
 * run styles' business; what the supervisor is told of it, report.h's.
 */

#include "worker/job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "worker/entry.h"
#include "worker/run.h"
#include "worker/threads.h"
#include "worker/watch.h"
#include "worker/worker.h"

/* Extras kept for the next jobs; reason: jobs that end one after the other need but one, and fibers
 * that wait on descriptors some. */
#define SPARE_MAX 256
/* Bytes of output, and of details, that a kept one has room for; more is given back. */
#define SPARE_BYTES 4096
/* Bytes of a reason, as the plugin header promises. */
#define REASON_BYTES 1024

/* ---- Slabs ----------------------------------------------------------------------------------- */

void jobs_init(struct jobs *jobs)
{
    TAILQ_INIT(&jobs->slabs);
    TAILQ_INIT(&jobs->dead);
}

struct slab *slab_new(struct aw_worker *worker, uint64_t batch, uint64_t first, uint32_t count)
{
    struct jobs *jobs = &worker->jobs;
    /* One for each job, so that aw_after() cannot fail, and one for each slab. */
    if (timers_reserve(worker->timers, jobs->running + count + jobs->slabs_count + 1))
        return NULL;
    size_t size = sizeof(struct slab) + count * sizeof(struct aw_job);
    struct slab *slab = aligned_alloc(_Alignof(struct slab), size);
    if (!slab)
        return NULL;
    memset(slab, 0, size);
    slab->worker = worker;
    slab->batch = batch;
    slab->first = first;
    slab->number = jobs->slabs_made++;
    slab->count = count;
    slab->holders = count;
    for (uint32_t i = 0; i < count; i++)
        slab->jobs[i].slab = slab;
    TAILQ_INSERT_TAIL(&jobs->slabs, slab, link);
    jobs->slabs_count++;
    jobs->running += count;
    if (jobs->peak < jobs->running)
        jobs->peak = jobs->running;
    return slab;
}

void slab_release(struct slab *slab)
{
    if (--slab->holders > 0)
        return;
    struct jobs *jobs = &slab->worker->jobs;
    timers_drop(slab->worker->timers, &slab->timeout);
    TAILQ_REMOVE(&jobs->slabs, slab, link);
    jobs->slabs_count--;
    TAILQ_INSERT_TAIL(&jobs->dead, slab, link);
}

void jobs_sweep(struct aw_worker *worker)
{
    struct slab *slab;
    while ((slab = TAILQ_FIRST(&worker->jobs.dead))) {
        TAILQ_REMOVE(&worker->jobs.dead, slab, link);
        free(slab);
    }
}

/* ---- Timeouts -----------------------------------------------------------------------------------
 * Jobs of a slab begin together and mostly have the same timeout: one timer for all of them, set to the first
 * one's, costs a job nothing. */

static void watch_timeout(struct slab *slab, uint64_t due_ns);

static void on_timeout(struct timer *timer)
{
    struct slab *slab = (struct slab *)((char *)timer - offsetof(struct slab, timeout));
    uint64_t now_ns = clock_now_ns();
    slab->timeout_due_ns = 0;
    slab->holders++; /* stopped jobs end, and the last one would take the slab along */
    for (struct aw_job *job = slab->jobs; job < slab->jobs + slab->count; job++) {
        if (job->phase != PHASE_RUNNING || job->stop || job->entry->timeout_ns == 0)
            continue;
        uint64_t due_ns = job->started_ns + job->entry->timeout_ns;
        if (due_ns <= now_ns)
            job_stop(job, STOP_TIMEOUT);
        else
            watch_timeout(slab, due_ns);
    }
    slab_release(slab);
}

static void watch_timeout(struct slab *slab, uint64_t due_ns)
{
    if (slab->timeout_due_ns && slab->timeout_due_ns <= due_ns)
        return;
    slab->timeout_due_ns = due_ns;
    (void)timers_set(slab->worker->timers, &slab->timeout, due_ns, on_timeout); /* is reserved */
}

/* ---- Extras ---------------------------------------------------------------------------------- */

struct job_more *job_more(struct aw_job *job)
{
    if (job->more)
        return job->more;
    struct jobs *jobs = &job_worker(job)->jobs;
    struct job_more *more = jobs->spare;
    if (more) {
        jobs->spare = more->next;
        jobs->spare_count--;
    } else {
        more = calloc(1, sizeof(*more));
    }
    job->more = more;
    return more;
}

static void more_free(struct job_more *more)
{
    watch_free(more->watch);
    bytes_free(&more->output);
    bytes_free(&more->details);
    free(more);
}

/* Empties them for the next job. */
static void clear_spare(struct bytes *bytes)
{
    if (bytes->capacity > SPARE_BYTES)
        bytes_free(bytes);
    else
        bytes_clear(bytes);
}

static void more_release(struct aw_job *job)
{
    struct job_more *more = job->more;
    if (!more)
        return;
    job->more = NULL;
    watch_stop(more->watch);
    free(more->reason);
    free(more->state);
    struct jobs *jobs = &job_worker(job)->jobs;
    if (jobs->spare_count >= SPARE_MAX) {
        more_free(more);
        return;
    }
    clear_spare(&more->output);
    clear_spare(&more->details);
    *more = (struct job_more){.next = jobs->spare,
                              .output = more->output,
                              .details = more->details,
                              .watch = more->watch};
    jobs->spare = more;
    jobs->spare_count++;
}

void jobs_clear(struct jobs *jobs)
{
    struct job_more *more;
    while ((more = jobs->spare)) {
        jobs->spare = more->next;
        more_free(more);
    }
    jobs->spare_count = 0;
}

void job_set_reason(struct aw_job *job, const char *reason)
{
    char text[REASON_BYTES + 1];
    (void)utf8_copy(text, sizeof(text), reason); /* its length is of no interest */
    utf8_mend(text);
    struct job_more *more = job_more(job);
    if (!more)
        return; /* without memory, without a reason */
    free(more->reason);
    more->reason = strdup(text);
}

/* ---- Beginning and end ------------------------------------------------------------------------- */

static int make_state(struct aw_job *job, size_t size)
{
    if (size == 0)
        return 0;
    struct job_more *more = job_more(job);
    if (!more)
        return -ENOMEM;
    more->state = calloc(1, size);
    return more->state ? 0 : -ENOMEM;
}

void job_begin(struct aw_job *job, struct entry *entry)
{
    struct aw_worker *worker = job_worker(job);
    job->entry = entry;
    job->phase = PHASE_RUNNING;
    report_started(&worker->report);
    job->started_ns = clock_now_ns();
    if (entry->timeout_ns)
        watch_timeout(job->slab, job->started_ns + entry->timeout_ns);
    if (make_state(job, entry->plugin->table.state_size)) {
        job_set_reason(job, "out of memory");
        job_end(job, AW_FAILED, job->started_ns);
        return;
    }
    entry->plugin->runner->begin(job);
}

static void end(struct aw_job *job, const struct message_result *result,
                const struct plugin *plugin)
{
    struct aw_worker *worker = job_worker(job);
    report_result(&worker->report, result);
    timers_drop(worker->timers, &job->timer);
    more_release(job);
    entry_release(job->entry);
    job->entry = NULL;
    job->run.plugin = plugin;
    job->phase = PHASE_ENDED;
    worker->jobs.running--;
    slab_release(job->slab);
}

void job_refuse(struct aw_job *job, const char *reason)
{
    uint64_t now_ns = clock_now_ns();
    report_started(&job_worker(job)->report);
    end(job,
        &(struct message_result){.batch = job->slab->batch,
                                 .job = job_index(job),
                                 .state = JOB_FAILED,
                                 .started_ns = now_ns,
                                 .ended_ns = now_ns,
                                 .reason = {(const uint8_t *)reason, strlen(reason)}},
        NULL);
}

void job_stop(struct aw_job *job, enum job_stop why)
{
    if (job->phase != PHASE_RUNNING || job->stop)
        return;
    job->stop = (uint8_t)why;
    job->entry->plugin->runner->cancel(job);
}

/* What a job that was told to end has come to. */
static enum job_state judge_stopped(const struct aw_job *job, char *own, size_t size,
                                    const char **reason)
{
    static const struct {
        enum job_state state;
        const char *reason;
    } stops[] = {
        [STOP_NONE] = {JOB_FAILED, "the plugin says that the job was cancelled, which it was not"},
        [STOP_CANCELLED] = {JOB_CANCELLED, "cancelled"},
        [STOP_TIMEOUT] = {JOB_TIMED_OUT, NULL}, /* told with its time */
        [STOP_DEADLINE] = {JOB_TIMED_OUT, "the deadline of its batch has passed"},
    };
    _Static_assert(sizeof(stops) / sizeof(*stops) == STOPS, "each kind of stop has its state");
    char span[40];
    double timeout_s = clock_seconds(job->entry->timeout_ns);
    if (stops[job->stop].reason)
        *reason = stops[job->stop].reason;
    else
        (void)snprintf(own, size, "timed out after %s",
                       parse_show_span(timeout_s, span, sizeof(span)));
    return stops[job->stop].state;
}

/* The state that a plugin's result means, and why. */
static enum job_state judge(const struct aw_job *job, int result, char *own, size_t size,
                            const char **reason)
{
    const char *given = job->more ? job->more->reason : NULL;
    if (given && !*given)
        given = NULL; /* every failure has a reason in words */
    *reason = own;
    switch (result) {
    case AW_OK:
        *reason = "";
        return JOB_SUCCEEDED;
    case AW_CANCELLED:
        return judge_stopped(job, own, size, reason);
    case AW_FAILED:
        *reason = given ? given : "the plugin gave no reason";
        return JOB_FAILED;
    case AW_TIMED_OUT:
        *reason = given ? given : "a wait of the plugin timed out";
        return JOB_FAILED;
    default:
        (void)snprintf(own, size, "the plugin returned %d, which is no result of a job", result);
        return JOB_FAILED;
    }
}

void job_end(struct aw_job *job, int result, uint64_t ended_ns)
{
    char own[80];
    const char *reason;
    struct message_result message = {
        .batch = job->slab->batch,
        .job = job_index(job),
        .state = judge(job, result, own, sizeof(own), &reason),
        .truncated = job->truncated,
        .started_ns = job->started_ns,
        .ended_ns = ended_ns,
    };
    message.reason = (struct bytes_view){(const uint8_t *)reason, strlen(reason)};
    const struct job_more *more = job->more;
    if (more) {
        message.output = (struct bytes_view){more->output.data, more->output.size};
        message.details = (struct bytes_view){more->details.data, more->details.size};
    }
    end(job, &message, job->entry->plugin);
}

const struct plugin *job_plugin(const struct aw_job *job)
{
    return job->phase == PHASE_ENDED ? job->run.plugin : job->entry->plugin;
}
