/*
 * What people and programs get to see of batches. Times come from the batch; this file only does the sums: wall from
 * acceptance to the last end, work the sum of all run times, speedup = work / wall. Jobs: see summary_job.c.
 */
#include "supervisor/summary.h"

#include <stdbool.h>
#include <stdio.h>
#include "base/clock.h"
#include "base/log.h"
#include "supervisor/batch.h"
#include "supervisor/scheduler.h"
#include "supervisor/told.h"

static const char *state_of(const struct batch *batch, bool finished)
{
    if (!finished)
        return batch->sealed ? "running" : "open";
    if (batch->in_state[JOB_SUCCEEDED] == batch->jobs && !batch->cut_short)
        return "succeeded";
    return batch->cancelled && !batch->given_up ? "cancelled" : "failed";
}

const char *summary_state(const struct batch *batch)
{
    return state_of(batch, batch->finished);
}

const char *summary_told_state(const struct batch *batch)
{
    return state_of(batch, batch_told_finished(batch));
}

static uint64_t wall_ns(const struct batch *batch, bool finished)
{
    return (finished ? batch->ended_ns : clock_now_ns()) - batch->submitted_ns;
}

/* How many times faster than one job after the other; 0 for a batch without work. Of the seconds that are told, so that
 * the store's lists, which have nothing else, say the same to the last digit. */
static double speedup(uint64_t work_ns, uint64_t wall)
{
    return wall > 0 ? clock_seconds(work_ns) / clock_seconds(wall) : 0;
}

json_t *summary_batch(const struct batch *batch)
{
    json_t *summary = json_pack("{s:I}", "batch", (json_int_t)batch->number);
    if (!summary)
        return NULL;
    struct told told;
    told_of(batch, &told);
    uint64_t wall = wall_ns(batch, told.finished);
    int error = 0;
    if (batch->name)
        error |= json_object_set_new(summary, "name", json_string(batch->name));
    error |= json_object_set_new(summary, "state", json_string(summary_told_state(batch)));
    error |= json_object_set_new(summary, "jobs", json_integer(told.jobs));
    for (enum job_state state = JOB_SUCCEEDED; state < JOB_STATES; state++)
        error |=
            json_object_set_new(summary, job_state_name(state), json_integer(told.in_state[state]));
    error |= json_object_set_new(summary, "wall", json_real(clock_seconds(wall)));
    error |= json_object_set_new(summary, "work", json_real(clock_seconds(told.work_ns)));
    error |= json_object_set_new(summary, "speedup", json_real(speedup(told.work_ns, wall)));
    error |= json_object_set_new(summary, "submitted", json_real(batch->submitted_s));
    if (told.finished)
        error |= json_object_set_new(summary, "ended", json_real(batch->ended_s));
    if (error) {
        json_decref(summary);
        return NULL;
    }
    return summary;
}

/* What is left of the time that the batch has for all its jobs, in seconds. */
static double deadline_in_s(const struct batch *batch)
{
    uint64_t due_ns = batch->submitted_ns + batch->terms.deadline_ns, now_ns = clock_now_ns();
    return due_ns > now_ns ? clock_seconds(due_ns - now_ns) : 0;
}

/* On what terms it runs, and what has come of them. */
static int add_terms(json_t *summary, const struct batch *batch)
{
    int error = terms_show(&batch->terms, summary);
    if (batch->terms.deadline_ns && !batch_told_finished(batch))
        error |= json_object_set_new(summary, "deadline_in", json_real(deadline_in_s(batch)));
    if (batch->key)
        error |= json_object_set_new(summary, "key", json_string(batch->key));
    if (batch->retry_of)
        error |=
            json_object_set_new(summary, "retry_of", json_integer((json_int_t)batch->retry_of));
    error |= json_object_set_new(summary, "paused", json_boolean(scheduler_is_paused(batch)));
    error |= json_object_set_new(summary, "retries", json_integer((json_int_t)batch->retries));
    return error;
}

json_t *summary_batch_details(const struct batch *batch)
{
    struct told told;
    told_of(batch, &told);
    json_t *summary = summary_batch(batch);
    json_t *details = json_pack(
        "{s:I, s:I, s:I, s:I, s:b, s:b, s:I}", "waiting", (json_int_t)told.in_state[JOB_WAITING],
        "queued", (json_int_t)told.in_state[JOB_QUEUED], "running",
        (json_int_t)told.in_state[JOB_RUNNING], "completed", (json_int_t)told.completed, "sealed",
        batch->sealed, "durable", batch->durable, "owner", (json_int_t)batch->owner);
    if (!summary || !details || json_object_update(summary, details) != 0 ||
        add_terms(summary, batch) != 0) {
        json_decref(summary);
        summary = NULL;
    }
    json_decref(details);
    return summary;
}

const char *summary_batch_line(const struct batch *batch, char *line, size_t size)
{
    uint64_t wall = wall_ns(batch, batch->finished);
    int length = snprintf(line, size, "batch batch=%llu state=%s jobs=%u",
                          (unsigned long long)batch->number, summary_state(batch), batch->jobs);
    for (enum job_state state = JOB_SUCCEEDED; state < JOB_STATES && (size_t)length < size; state++)
        length += snprintf(line + length, size - (size_t)length, " %s=%u", job_state_name(state),
                           batch->in_state[state]);
    if ((size_t)length < size)
        (void)snprintf(line + length, size - (size_t)length, " wall=%.6f work=%.6f speedup=%.2f",
                       clock_seconds(wall), clock_seconds(batch->work_ns),
                       speedup(batch->work_ns, wall));
    if (batch->name)
        log_field(line, size, "name", batch->name);
    return line;
}
