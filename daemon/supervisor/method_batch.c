/*
 * The methods that wait for batches, show them and stop them: decode, call a plain function, report.
 */
#include "supervisor/batches.h"
#include "supervisor/call.h"
#include "supervisor/client.h"
#include "supervisor/config.h"
#include "supervisor/record.h"
#include "supervisor/scheduler.h"
#include "supervisor/summary.h"
#include "supervisor/supervisor.h"
#include "supervisor/watcher.h"
#include "wire/rpc.h"

static bool read_events(struct call *call, const char *field, const char *text,
                        enum watch_events *out)
{
    enum watch_events events = watch_events_from_name(text);
    if (events == WATCH_EVENTS) {
        problems_add(&call->problems, field, "must be none, summary, failures or each");
        call_fail(call, RPC_INVALID_PARAMS, "invalid params");
        return false;
    }
    *out = events;
    return true;
}

/* ---- wait, watch --------------------------------------------------------------------------- */

struct wait_params {
    int64_t batch;
    struct aw_duration timeout;
};
static const struct aw_param wait_rows[] = {
    CALL_BATCH_ROW(struct wait_params),
    AW_PARAM(struct wait_params, timeout, .text = "How long to wait", .max = AW_UNLIMITED),
    AW_PARAMS_END,
};
static const struct params_table wait_table = CALL_TABLE(wait_rows, struct wait_params);

/* Longer waits than this, in seconds, are for ever (some 30 years). */
#define WAIT_MAX_S 1e9

static void batch_wait(struct call *call)
{
    struct wait_params params;
    const json_t *timeout = json_object_get(call->params, "timeout");
    bool timed = timeout && !json_is_null(timeout); /* null counts as not given */
    if (!call_read(call, &wait_table, &params))
        return;
    struct batch *batch = call_batch(call, params.batch);
    if (!batch)
        return;
    double timeout_s = timed && params.timeout.seconds < WAIT_MAX_S ? params.timeout.seconds : -1;
    if (batch_told_finished(batch))
        call_result(call, summary_batch(batch));
    else if (call_may_watch(call) &&
             watchers_wait(call->supervisor->watchers, call->client, batch, call->id, timeout_s))
        call_fail(call, RPC_FULL, "out of memory");
}

struct watch_params {
    int64_t batch, from;
    const char *events;
};
static const struct aw_param watch_rows[] = {
    CALL_BATCH_ROW(struct watch_params),
    AW_PARAM(struct watch_params, events, .text = "What to tell", .default_text = "each"),
    AW_PARAM(struct watch_params, from, .text = "The first completion to tell of",
             .max = AW_UNLIMITED),
    AW_PARAMS_END,
};
static const struct params_table watch_table = CALL_TABLE(watch_rows, struct watch_params);

static void watch(struct call *call, const struct watch_params *params)
{
    struct batch *batch = call_batch(call, params->batch);
    enum watch_events events;
    if (!batch || !read_events(call, "events", params->events, &events))
        return;
    if (params->from > batch_told_completed(batch)) {
        problems_add(&call->problems, "from", "must be at most %u, the number of jobs that ended",
                     batch_told_completed(batch));
        call_fail(call, RPC_INVALID_PARAMS, "invalid params");
        return;
    }
    if (events != WATCH_NONE && !call_may_watch_batch(call, batch))
        return;
    call_result(call,
                json_pack("{s:I, s:s, s:I, s:I}", "batch", (json_int_t)batch->number, "state",
                          summary_told_state(batch), "jobs", (json_int_t)batch_told_jobs(batch),
                          "completed", (json_int_t)batch_told_completed(batch)));
    if (events != WATCH_NONE && watchers_watch(call->supervisor->watchers, call->client, batch,
                                               events, (uint32_t)params->from) != 0)
        call_fail(call, RPC_FULL, "out of memory");
}

static void batch_watch(struct call *call)
{
    struct watch_params params;
    if (!call_read(call, &watch_table, &params))
        return;
    watch(call, &params);
    call_done_reading(&watch_table, &params);
}

/* ---- show -------------------------------------------------------------------- */

static void batch_show(struct call *call)
{
    const struct batch *batch = call_read_batch(call);
    if (batch)
        call_result(call, summary_batch_details(batch));
}

/* ---- cancel, pause, resume ----------------------------------------------------------------- */

struct cancel_params {
    int64_t batch;
    bool queued;
};
static const struct aw_param cancel_rows[] = {
    CALL_BATCH_ROW(struct cancel_params),
    AW_PARAM(struct cancel_params, queued, .text = "Only what has not started"),
    AW_PARAMS_END,
};
static const struct params_table cancel_table = CALL_TABLE(cancel_rows, struct cancel_params);

static void batch_cancel(struct call *call)
{
    static const char reason[] = "cancelled with its batch";
    struct cancel_params params;
    struct batch *batch =
        call_read(call, &cancel_table, &params) ? call_batch(call, params.batch) : NULL;
    if (!batch)
        return;
    uint64_t number = batch->number; /* it may finish, and be forgotten where it is not durable */
    bool durable = batch->durable;
    struct scheduler *scheduler = call->supervisor->scheduler;
    uint32_t cancelled = params.queued ? scheduler_cancel_queued(scheduler, batch, reason)
                                       : scheduler_cancel(scheduler, batch, reason);
    call_result(call, json_pack("{s:I, s:I}", "batch", (json_int_t)number, "cancelled",
                                (json_int_t)cancelled));
    if (durable)
        call_after_commit(call, batch);
}

static void pause_or_resume(struct call *call, bool paused)
{
    struct batch *batch = call_read_batch(call);
    if (!batch)
        return;
    bool changed = scheduler_pause(call->supervisor->scheduler, batch, paused);
    call_result(call,
                json_pack("{s:I, s:b, s:b}", "batch", (json_int_t)batch->number, "paused",
                          !batch->finished && scheduler_is_paused(batch), "changed", changed));
    if (!batch
             ->finished) /* also where it is paused already, for want of a plugin: that is not recorded */
        record_pause(call->supervisor, batch, paused);
    call_after_commit(call, batch);
}

static void batch_pause(struct call *call)
{
    pause_or_resume(call, true);
}

static void batch_resume(struct call *call)
{
    pause_or_resume(call, false);
}

const struct method methods_batch[] = {
    {.name = "batch.wait", .run = batch_wait, .only_answers = true},
    {.name = "batch.watch", .run = batch_watch},
    {.name = "batch.show", .run = batch_show, .only_answers = true},
    {.name = "batch.cancel", .run = batch_cancel},
    {.name = "batch.pause", .run = batch_pause},
    {.name = "batch.resume", .run = batch_resume},
    {.name = NULL},
};
