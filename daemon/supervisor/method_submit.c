/*
 * The methods that make batches: decode, call a plain function, report.
 */
#include <errno.h>
#include <string.h>
#include "base/cleanup.h"
#include "supervisor/batches.h"
#include "supervisor/call.h"
#include "supervisor/client.h"
#include "supervisor/holds.h"
#include "supervisor/record.h"
#include "supervisor/requests.h"
#include "supervisor/scheduler.h"
#include "supervisor/submission.h"
#include "supervisor/supervisor.h"
#include "supervisor/watcher.h"
#include "wire/rpc.h"

/* ---- What is said of a batch --------------------------------------------------------------- */

/* Takes `follow` out of the call's parameters; where it is wrong, there is a problem. */
static enum watch_events take_follow(struct call *call)
{
    json_t *follow = call_take(call, "follow");
    const char *name = json_is_string(follow) ? json_string_value(follow) : "";
    enum watch_events events =
        !follow || json_is_null(follow) ? WATCH_NONE : watch_events_from_name(name);
    if (events == WATCH_EVENTS)
        problems_add(&call->problems, "follow", "must be none, summary, failures or each");
    json_decref(follow);
    return events;
}

/* Reads what is left of the call's parameters; false: the call has failed. */
static bool read_submission(struct call *call, struct submission *submission,
                            enum watch_events *follow)
{
    *follow = take_follow(call);
    int error = submission_read(call->params, submission, &call->problems);
    if (!error && !call->problems.count && (*follow == WATCH_NONE || call_may_watch(call)))
        return true;
    if (error == -ENOMEM)
        call_fail(call, RPC_FULL, "out of memory");
    else if (call->problems.count)
        call_fail(call, RPC_INVALID_PARAMS, "invalid params");
    if (!error)
        submission_clear(submission);
    return false;
}

static void follow_batch(struct call *call, struct batch *batch, enum watch_events events)
{
    if (events != WATCH_NONE &&
        watchers_watch(call->supervisor->watchers, call->client, batch, events, 0) != 0)
        call_fail(call, RPC_FULL, "batch %llu runs, but there is no memory to follow it",
                  (unsigned long long)batch->number);
}

/*
 * The text of the call's jobs; empty where there are none, which is a problem. *owned is to be freed
 * behind it.
 */
static struct bytes_view take_jobs(struct call *call, char **owned)
{
    json_t *jobs = call_take(call, "jobs");
    struct bytes_view text = call->jobs;
    if (!jobs) {
        problems_add(&call->problems, "jobs", "is required");
    } else if (!text.data) { /* no array, or its name was written with escapes */
        *owned = json_dumps(jobs, JSON_COMPACT | JSON_ENCODE_ANY);
        text.data = (const uint8_t *)*owned;
        text.size = *owned ? strlen(*owned) : 0;
    }
    json_decref(jobs);
    return text;
}

/* ---- submit, open, add, seal --------------------------------------------------------------- */

/* Tells of the batch that was asked for, or has it told once the store has taken it. */
static void tell_batch(struct call *call, struct batch *batch, bool existing,
                       enum watch_events follow)
{
    if (existing && batch->unborn) {
        if (admission_hold(call->supervisor, batch, call->client) != 0)
            call_fail(call, RPC_FULL, "out of memory");
        return; /* it is asked again when it is known whether there is one */
    }
    if (existing && follow != WATCH_NONE && !call_may_watch_batch(call, batch))
        return;
    json_t *result = call_batch_result(batch, existing);
    if (batch->unborn) {
        admission_expect(call->supervisor, batch, call->client, call->id, result, follow);
        return;
    }
    call_result(call, result);
    follow_batch(call, batch, follow);
}

/* Whether there is a number for a batch that is not stored. If not, the request is carried out again when there is. */
static bool has_number(struct call *call)
{
    uint64_t ticket;
    if (record_has_number(call->supervisor, &ticket))
        return true;
    /* An answer of no bytes: it is the commit that is waited for. */
    if (answers_hold(&call->supervisor->answers, call->client, ticket, "", 0) == 0)
        answers_await(call->client);
    else
        call_fail(call, RPC_FULL, "out of memory");
    return false;
}

/* Whether a batch may be made now. If not, the request is carried out again when it may: not while answers to earlier ones
 * are still to come and this one would be answered at once, or events might come before its answer. */
static bool may_make(struct call *call, const struct submission *submission,
                     enum watch_events follow)
{
    const struct client_answers *own = client_answers(call->client);
    bool waits = !TAILQ_EMPTY(&own->list);
    bool admitted = submission->durable && call->supervisor->store;
    if (waits && (!admitted || (follow != WATCH_NONE && (submission->key || own->keyed)))) {
        answers_await(call->client);
        return false;
    }
    return admitted || has_number(call);
}

static void batch_submit(struct call *call)
{
    AUTO_FREE char *owned = NULL;
    struct bytes_view jobs = take_jobs(call, &owned);
    struct submission submission;
    enum watch_events follow;
    if (!read_submission(call, &submission, &follow))
        return;
    if (!may_make(call, &submission, follow)) {
        submission_clear(&submission);
        return;
    }
    struct batch *batch;
    bool existing;
    int code = request_submit(call->supervisor, &submission, client_uid(call->client), jobs, &batch,
                              &existing, &call->problems, &call->error);
    if (code)
        call_fail_as(call, code);
    else
        tell_batch(call, batch, existing, follow);
    submission_clear(&submission);
}

/* Takes `content` out of the call's parameters, new reference; where it is wrong, there is a problem. */
static json_t *take_content(struct call *call)
{
    json_t *content = call_take(call, "content");
    size_t size = json_string_length(content);
    if (!content || json_is_null(content))
        return content;
    if (!json_is_string(content))
        problems_add(&call->problems, "content", "must be a string");
    else if (size == 0 || size > SUBMISSION_CONTENT_MAX)
        problems_add(&call->problems, "content", "must have 1 to %d bytes", SUBMISSION_CONTENT_MAX);
    return content;
}

static void open_submission(struct call *call, const json_t *content)
{
    struct submission submission;
    enum watch_events follow;
    if (!read_submission(call, &submission, &follow))
        return;
    submission.content = json_string_value(content);
    if (!may_make(call, &submission, follow)) {
        submission_clear(&submission);
        return;
    }
    struct batch *batch;
    bool existing;
    int code = request_open(call->supervisor, &submission, client_uid(call->client), &batch,
                            &existing, &call->problems, &call->error);
    if (code)
        call_fail_as(call, code);
    else
        tell_batch(call, batch, existing, follow);
    submission_clear(&submission);
}

static void batch_open(struct call *call)
{
    json_t *content = take_content(call);
    open_submission(call, content);
    json_decref(content);
}

/* Adds the jobs, or has the client wait for its turn or for room; then the answer comes later. What no waiting helps is
 * refused at once. */
static int add_or_hold(struct call *call, struct batch *batch, struct bytes_view jobs)
{
    struct supervisor *supervisor = call->supervisor;
    uint64_t asked = 1; /* until its turn comes, and they are counted */
    int code = REQUEST_LATER;
    bool in_vain = supervisor->stopping || batch->sealed;
    if (batch->admitting && !in_vain) /* one piece at a time */
        return admission_hold(supervisor, batch, call->client) == 0 ? REQUEST_LATER : RPC_FULL;
    if (in_vain || !holds_must_wait(supervisor->holds, call->client))
        code = request_add(supervisor, batch, client_uid(call->client), jobs, &asked,
                           &call->problems, &call->error);
    if (code == REQUEST_LATER && holds_add(supervisor->holds, call->client, asked) == 0)
        return code;
    holds_drop(supervisor->holds, call->client);
    return code == REQUEST_LATER ? RPC_FULL : code;
}

static void batch_add(struct call *call)
{
    AUTO_FREE char *owned = NULL;
    struct bytes_view jobs = take_jobs(call, &owned);
    struct batch *batch = call_read_batch(call);
    if (!batch) {
        holds_drop(call->supervisor->holds,
                   call->client); /* it may have been forgotten meanwhile */
        return;
    }
    uint32_t first = batch->jobs;
    int code = add_or_hold(call, batch, jobs);
    if (code && code != REQUEST_LATER)
        call_fail_as(call, code);
    if (code)
        return;
    json_t *result = json_pack("{s:I, s:I, s:I}", "batch", (json_int_t)batch->number, "first",
                               (json_int_t)first, "jobs", (json_int_t)batch->jobs);
    if (batch->admitting)
        admission_expect(call->supervisor, batch, call->client, call->id, result, WATCH_NONE);
    else
        call_result(call, result);
}

static void batch_seal_method(struct call *call)
{
    struct batch *batch = call_read_batch(call);
    if (!batch)
        return;
    if (batch->admitting) { /* how many jobs it has is known then */
        if (admission_hold(call->supervisor, batch, call->client) != 0)
            call_fail(call, RPC_FULL, "out of memory");
        return;
    }
    if (!batch->sealed)
        record_seal(call->supervisor, batch);
    scheduler_seal(call->supervisor->scheduler, batch);
    call_result(call, json_pack("{s:I, s:I}", "batch", (json_int_t)batch->number, "jobs",
                                (json_int_t)batch->jobs));
    call_after_commit(call, batch);
}

/* ---- retry ----------------------------------------------------------------------------------- */

struct retry_params {
    int64_t batch;
    const char *key;
};
static const struct aw_param retry_rows[] = {
    CALL_BATCH_ROW(struct retry_params),
    AW_PARAM(struct retry_params, key, .text = "The client's own name for the new batch"),
    AW_PARAMS_END,
};
static const struct params_table retry_table = CALL_TABLE(retry_rows, struct retry_params);

static void retry(struct call *call, const struct retry_params *params, enum watch_events follow)
{
    const struct batch *old = call_batch(call, params->batch);
    if (!old || (follow != WATCH_NONE && !call_may_watch(call)) ||
        (!old->durable && !has_number(call)))
        return;
    struct batch *batch;
    bool existing;
    int code = request_retry(call->supervisor, old, params->key, client_uid(call->client), &batch,
                             &existing, &call->problems, &call->error);
    if (code) {
        call_fail_as(call, code);
        return;
    }
    tell_batch(call, batch, existing, follow);
}

static void batch_retry(struct call *call)
{
    struct retry_params params;
    enum watch_events follow = take_follow(call);
    if (!call_read(call, &retry_table, &params))
        return;
    if (submission_check_text(params.key, "key", &call->problems))
        retry(call, &params, follow);
    else
        call_fail(call, RPC_INVALID_PARAMS, "invalid params");
    call_done_reading(&retry_table, &params);
}

const struct method methods_submit[] = {
    {.name = "batch.submit", .run = batch_submit, .pipelines = true},
    {.name = "batch.open", .run = batch_open, .pipelines = true},
    {.name = "batch.add", .run = batch_add, .pipelines = true},
    {.name = "batch.seal", .run = batch_seal_method},
    {.name = "batch.retry", .run = batch_retry},
    {.name = NULL},
};
