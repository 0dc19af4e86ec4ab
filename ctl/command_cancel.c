/*
 * awaitctl cancel: ends a batch or one of its jobs.
 */
#include <stdio.h>
#include <string.h>
#include "connection.h"
#include "ctl.h"
#include "options.h"
#include "target.h"
#include "text.h"
#include "wire/job_state.h"

struct cancel_options {
    bool queued;
};

static const struct option_row options[] = {
    OPTION(struct cancel_options, queued, .name = "queued",
           .text = "cancel only the jobs that have not started; what runs goes on"),
    OPTIONS_END,
};

static void tell_batch(struct ctl *ctl, const struct target *target, const json_t *result)
{
    char count[48];
    json_int_t cancelled = json_integer_value(json_object_get(result, "cancelled"));
    ctl_say(ctl, "batch %ju: cancelled %s", (uintmax_t)target->batch,
            text_count((uint64_t)cancelled, "job", "jobs", count, sizeof(count)));
}

static void tell_job(struct ctl *ctl, const struct target *target, const json_t *result)
{
    const char *name = json_string_value(json_object_get(result, "state"));
    enum job_state state = job_state_from_name(name ? name : "");
    bool is_over = state != JOB_CANCELLED && state != JOB_STATES && job_state_is_final(state);
    ctl_say(ctl, "job %ju.%ju: %s", (uintmax_t)target->batch, (uintmax_t)target->job,
            is_over ? "had ended before" : "cancelled");
}

static int run(struct ctl *ctl, const void *given, int count, char **arguments)
{
    (void)count;
    const struct cancel_options *cancel_options = given;
    struct target target;
    json_t *result;
    int code = target_read(ctl, arguments[0], &target);
    if (code)
        return code;
    if (cancel_options->queued && target.has_job)
        return ctl_fail(ctl, CTL_USAGE, "--queued: goes with a batch, not with one of its jobs");
    json_t *params = target_params(&target);
    if (!params ||
        (cancel_options->queued && json_object_set_new(params, "queued", json_true()) < 0)) {
        json_decref(params);
        return ctl_fail_memory(ctl);
    }
    code = connection_once(ctl, target.has_job ? "job.cancel" : "batch.cancel", params, &result);
    if (code)
        return code;
    if (!ctl->json && target.has_job)
        tell_job(ctl, &target, result);
    else if (!ctl->json)
        tell_batch(ctl, &target, result);
    json_decref(result);
    return CTL_OK;
}

const struct command command_cancel = {
    .name = "cancel",
    .usage = "BATCH [--queued] | BATCH.JOB",
    .summary = "cancel a batch, or one of its jobs",
    .text = "Running jobs are told to end; those that wait never start. Cancelling what has ended\n"
            "changes nothing and is no error.\n",
    .examples = "  awaitctl cancel 42\n"
                "  awaitctl cancel 42 --queued\n"
                "  awaitctl cancel 42.7\n",
    .options = options,
    .options_size = sizeof(struct cancel_options),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
