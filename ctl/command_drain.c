/*
 * awaitctl drain: the daemon takes no new batches, and finishes those it has.
 */
#include "connection.h"
#include "ctl.h"
#include "interrupt.h"
#include "options.h"
#include "text.h"

struct drain_options {
    bool off, wait;
};

static const struct option_row options[] = {
    OPTION(struct drain_options, off, .name = "off", .text = "take new batches again"),
    OPTION(struct drain_options, wait, .name = "wait", .letter = 'w',
           .text = "wait until all batches are done"),
    OPTIONS_END,
};

/* States of batches that are not done. */
static const char *const unfinished[] = {"open", "running"};

/* Waits for a batch, which may be done and forgotten by now. */
static int wait_for(struct ctl *ctl, struct connection *connection, json_int_t batch)
{
    json_t *params = json_pack("{s:I}", "batch", batch), *result;
    if (!params)
        return ctl_fail_memory(ctl);
    int code = connection_call(connection, "batch.wait", params, &result);
    if (code == CTL_OK)
        json_decref(result);
    return code == CTL_NO_SUCH_THING ? CTL_OK : code;
}

/* Waits for one batch in this state; *found becomes true if there was one. */
static int wait_for_one(struct ctl *ctl, struct connection *connection, const char *state,
                        bool *found)
{
    json_t *params = json_pack("{s:s, s:i}", "state", state, "limit", 1), *result;
    if (!params)
        return ctl_fail_memory(ctl);
    int code = connection_call(connection, "batch.list", params, &result);
    if (code)
        return code;
    const json_t *batch = json_array_get(json_object_get(result, "batches"), 0);
    *found |= batch != NULL;
    if (batch)
        code = wait_for(ctl, connection, json_integer_value(json_object_get(batch, "batch")));
    json_decref(result);
    return code;
}

/* Waits for one after the other until none is left: none are added. */
static int wait_for_all(struct ctl *ctl, struct connection *connection)
{
    bool found = true;
    int code = CTL_OK;
    while (found && code == CTL_OK) {
        found = false;
        for (size_t i = 0; i < sizeof(unfinished) / sizeof(unfinished[0]) && code == CTL_OK; i++)
            code = wait_for_one(ctl, connection, unfinished[i], &found);
    }
    return code;
}

static int drain(struct ctl *ctl, const struct drain_options *given, struct connection *connection)
{
    char count[48];
    json_t *params = json_pack("{s:b}", "on", !given->off), *result;
    if (!params)
        return ctl_fail_memory(ctl);
    int code = connection_call(connection, "daemon.drain", params, &result);
    if (code)
        return code;
    json_int_t left = json_integer_value(json_object_get(result, "unfinished"));
    json_decref(result);
    if (!ctl->json)
        ctl_say(ctl, "%s; %s not done", given->off ? "taking new batches" : "draining",
                text_count((uint64_t)left, "batch is", "batches are", count, sizeof(count)));
    if (!given->wait)
        return CTL_OK;
    interrupt_catch();
    code = wait_for_all(ctl, connection);
    if (code == CTL_OK && !ctl->json)
        ctl_say(ctl, "all batches are done");
    if (code == CTL_INTERRUPTED)
        return ctl_fail(ctl, code, "the daemon goes on draining; awaitctl drain --off ends that");
    return code;
}

static int run(struct ctl *ctl, const void *given, int count, char **arguments)
{
    (void)count;
    (void)arguments;
    const struct drain_options *drain_options = given;
    struct connection *connection;
    if (drain_options->off && drain_options->wait)
        return ctl_fail(ctl, CTL_USAGE, "--off and --wait: give one of them");
    int code = connection_open(ctl, &connection);
    if (code)
        return code;
    code = drain(ctl, drain_options, connection);
    connection_close(connection);
    return code;
}

const struct command command_drain = {
    .name = "drain",
    .usage = "[--off | --wait]",
    .summary = "take no new batches, and finish those there are",
    .text = "New batches are refused until `awaitctl drain --off`; what was accepted goes on, and\n"
            "batches that are open take more jobs until they are sealed.\n",
    .examples = "  awaitctl drain --wait && systemctl stop awaitd\n"
                "  awaitctl drain --off\n",
    .options = options,
    .options_size = sizeof(struct drain_options),
    .max_arguments = 0,
    .run = run,
};
