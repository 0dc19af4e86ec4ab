/*
 * awaitctl watch: follows a batch that was submitted before, from its beginning or from where
 * another watcher left off.
 */
#include <stdio.h>
#include <string.h>
#include "connection.h"
#include "ctl.h"
#include "follow.h"
#include "interrupt.h"
#include "options.h"
#include "reconnect.h"
#include "target.h"

struct watch_options {
    int64_t from;
    const char *events;
};

static const struct option_row options[] = {
    OPTION(struct watch_options, events, .name = "events", .argument = "KIND",
           .text = "each (default), failures or summary"),
    OPTION(struct watch_options, from, .name = "from", .argument = "N", .min = 0,
           .text = "begin with completion number N, the first being 0"),
    OPTIONS_END,
};

static int watch(struct ctl *ctl, const struct watch_options *given, struct connection *connection,
                 uint64_t batch)
{
    json_t *params =
        json_pack("{s:I, s:s, s:I}", "batch", (json_int_t)batch, "events",
                  given->events ? given->events : "each", "from", (json_int_t)given->from);
    if (!params)
        return ctl_fail(ctl, CTL_USAGE, "--events: not valid UTF-8");
    json_t *result = NULL;
    bool durable;
    int code = reconnect_ask_durable(ctl, connection, batch, &durable);
    if (code)
        json_decref(params);
    else if (durable)
        code = reconnect_call(ctl, connection, batch, "batch.watch", params, &result);
    else
        code = connection_call(connection, "batch.watch", params, &result);
    if (code == CTL_INTERRUPTED)
        return follow_interrupted(ctl, batch);
    if (code)
        return code;

    /* Fewer events than jobs cannot move a bar. */
    struct follow_options follow_options = {
        .lines = true,
        .no_bar = given->events,
        .events = given->events ? given->events : "each",
    };
    struct follow follow;
    follow_init(&follow, ctl, connection, &follow_options);
    follow_begin(&follow, batch, (uint64_t)json_integer_value(json_object_get(result, "jobs")),
                 durable);
    follow.next = (uint64_t)given->from;
    follow.progress.counts.ended = (uint64_t)given->from;
    json_decref(result);
    return follow_run(&follow);
}

static int run(struct ctl *ctl, const void *given, int count, char **arguments)
{
    (void)count;
    const struct watch_options *watch_options = given;
    /* The daemon knows that one, too, and would tell nothing, not even of the end. */
    if (watch_options->events && strcmp(watch_options->events, "none") == 0)
        return ctl_fail(ctl, CTL_USAGE, "--events: must be each, failures or summary");
    uint64_t batch;
    struct connection *connection;
    int code = target_read_batch(ctl, arguments[0], &batch);
    if (code == CTL_OK)
        code = connection_open(ctl, &connection);
    if (code)
        return code;
    interrupt_catch();
    code = watch(ctl, watch_options, connection, batch);
    connection_close(connection);
    return code;
}

const struct command command_watch = {
    .name = "watch",
    .usage = "BATCH [OPTION...]",
    .summary = "print each job of a batch as it ends, then the summary",
    .text = "Begins with the jobs that have ended before, so nothing is missed. Exits with 0 if\n"
            "every job succeeded, 1 if not; ^C ends the watching, not the batch.\n",
    .examples = "  awaitctl watch 42\n"
                "  awaitctl watch 42 --events failures\n"
                "  awaitctl --json watch 42 --from 1000 | jq -c .params\n",
    .options = options,
    .options_size = sizeof(struct watch_options),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
