/*
 * The methods job.*.
 */
#include <string.h>
#include "supervisor/batch.h"
#include "supervisor/call.h"
#include "supervisor/scheduler.h"
#include "supervisor/summary.h"
#include "supervisor/supervisor.h"
#include "supervisor/told.h"
#include "wire/rpc.h"

/* Jobs in one answer of job.list. */
#define LIST_DEFAULT "100"
#define LIST_MAX 1000
/* Jobs looked at for one answer, so that a rare state among millions does not hold the loop: about 1 ms. The
 * cursor then leads on. */
#define SCAN_MAX 1000000u

struct job_params {
    int64_t batch, job;
};
static const struct aw_param job_rows[] = {
    AW_PARAM(struct job_params, batch, .text = "The batch's number", .required = true),
    AW_PARAM(struct job_params, job, .text = "The job's index in it", .required = true),
    AW_PARAMS_END,
};
static const struct params_table job_table = CALL_TABLE(job_rows, struct job_params);

/* The batch and job that the call names; NULL: the call has failed. */
static struct batch *read_job(struct call *call, uint32_t *job)
{
    struct job_params params;
    if (!call_read(call, &job_table, &params))
        return NULL;
    struct batch *batch = call_batch(call, params.batch);
    if (!batch)
        return NULL;
    if (params.job < 0 || params.job >= batch_told_jobs(batch)) {
        call_fail(call, RPC_NO_SUCH_THING, "batch %lld has no job %lld: it has %u jobs",
                  (long long)params.batch, (long long)params.job, batch_told_jobs(batch));
        return NULL;
    }
    *job = (uint32_t)params.job;
    return batch;
}

static void job_show(struct call *call)
{
    uint32_t job;
    const struct batch *batch = read_job(call, &job);
    if (!batch)
        return;
    struct bytes text = {.data = NULL};
    summary_write_job(&text, batch, job, &call->supervisor->catalogue);
    call_result_text(call, &text);
}

static void job_cancel(struct call *call)
{
    uint32_t job;
    struct batch *batch = read_job(call, &job);
    if (!batch)
        return;
    uint64_t number = batch->number; /* it may finish, and be forgotten where it is not durable */
    bool durable = batch->durable;
    enum job_state state =
        scheduler_cancel_job(call->supervisor->scheduler, batch, job, "cancelled");
    call_result(call, json_pack("{s:I, s:I, s:s}", "batch", (json_int_t)number, "job",
                                (json_int_t)job, "state", job_state_name(state)));
    if (durable)
        call_after_commit(call, batch);
}

struct list_params {
    int64_t batch, limit, cursor;
    const char *state;
};
static const struct aw_param list_rows[] = {
    AW_PARAM(struct list_params, batch, .text = "The batch's number", .required = true),
    AW_PARAM(struct list_params, state, .text = "Only jobs in this state"),
    AW_PARAM(struct list_params, limit, .text = "How many at most", .default_text = LIST_DEFAULT,
             .min = 1, .max = LIST_MAX),
    AW_PARAM(struct list_params, cursor, .text = "From the end of the last answer",
             .max = AW_UNLIMITED),
    AW_PARAMS_END,
};
static const struct params_table list_table = CALL_TABLE(list_rows, struct list_params);

/* The jobs from the cursor on; *next is where to go on, at the number of jobs when there are no more. */
static json_t *list(const struct call *call, const struct batch *batch,
                    const struct list_params *params, enum job_state state, uint32_t *next)
{
    json_t *found = json_array();
    uint32_t jobs = batch_told_jobs(batch);
    uint32_t job = params->cursor < jobs ? (uint32_t)params->cursor : jobs;
    uint32_t end = jobs - job > SCAN_MAX ? job + SCAN_MAX : jobs;
    for (; job < end && json_array_size(found) < (size_t)params->limit; job++) {
        if (state == JOB_STATES || told_state(batch, job) == state)
            (void)json_array_append_new(found,
                                        summary_job(batch, job, &call->supervisor->catalogue));
    }
    *next = job;
    return found;
}

static void list_batch(struct call *call, const struct list_params *params)
{
    enum job_state state = params->state ? job_state_from_name(params->state) : JOB_STATES;
    if (params->state && state == JOB_STATES) {
        problems_add(&call->problems, "state", "must be the name of a job's state, such as failed");
        call_fail(call, RPC_INVALID_PARAMS, "invalid params");
        return;
    }
    const struct batch *batch = call_batch(call, params->batch);
    if (!batch)
        return;
    uint32_t next;
    json_t *found = list(call, batch, params, state, &next);
    call_result(call, next < batch_told_jobs(batch)
                          ? json_pack("{s:o, s:I}", "jobs", found, "cursor", (json_int_t)next)
                          : json_pack("{s:o}", "jobs", found));
}

static void job_list(struct call *call)
{
    struct list_params params;
    if (!call_read(call, &list_table, &params))
        return;
    list_batch(call, &params);
    call_done_reading(&list_table, &params);
}

const struct method methods_job[] = {
    {.name = "job.show", .run = job_show, .only_answers = true},
    {.name = "job.list", .run = job_list, .only_answers = true},
    {.name = "job.cancel", .run = job_cancel},
    {.name = NULL},
};
