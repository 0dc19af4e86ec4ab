/*
 * awaitctl wait: waits for a batch and prints its summary.
 */
#include <math.h>
#include <stdio.h>
#include "base/clock.h"
#include "connection.h"
#include "ctl.h"
#include "follow.h"
#include "interrupt.h"
#include "options.h"
#include "reconnect.h"
#include "summary.h"
#include "target.h"
#include "wire/rpc.h"

struct wait_options {
    struct option_span timeout;
};

static const struct option_row options[] = {
    OPTION(struct wait_options, timeout, .name = "timeout", .argument = "SPAN",
           .text = "wait no longer than this (such as 30, 250ms, 1h30min); exit with 124 then"),
    OPTIONS_END,
};

static int wait_once(struct ctl *ctl, struct connection *connection, uint64_t batch,
                     double timeout_s, struct incoming *out)
{
    json_t *params = json_pack("{s:I}", "batch", (json_int_t)batch);
    if (!params)
        return ctl_fail_memory(ctl);
    if (isfinite(timeout_s))
        (void)json_object_set_new(params, "timeout", json_real(timeout_s)); /* else: for ever */
    json_int_t id;
    int code = connection_send(connection, "batch.wait", params, &id);
    return code ? code : connection_read(connection, -1, out);
}

static int fail_timed_out(struct ctl *ctl, uint64_t batch)
{
    return ctl_fail(ctl, CTL_TIMED_OUT, "batch %ju is not done yet", (uintmax_t)batch);
}

/* Also over a restart of the daemon; the time goes on meanwhile. */
static int wait_for(struct ctl *ctl, struct connection *connection,
                    const struct wait_options *given, uint64_t batch, struct incoming *out)
{
    bool durable;
    uint64_t begin_ns = clock_now_ns();
    double span_s = given->timeout.given ? given->timeout.seconds : INFINITY, left_s = span_s;
    int code = reconnect_ask_durable(ctl, connection, batch, &durable);
    while (code == CTL_OK) {
        code = wait_once(ctl, connection, batch, left_s, out);
        if (code != CTL_NO_DAEMON || !durable || !reconnect_can_help(ctl, connection))
            return code;
        left_s = fmax(0, span_s - clock_seconds(clock_now_ns() - begin_ns));
        code = reconnect(ctl, connection, batch, left_s);
        left_s = fmax(0, span_s - clock_seconds(clock_now_ns() - begin_ns));
        if (code == CTL_NO_DAEMON && left_s == 0)
            return fail_timed_out(ctl, batch);
    }
    return code;
}

/* What came out of the wait. */
static int conclude(struct ctl *ctl, const struct wait_options *given, uint64_t batch,
                    const struct incoming *answer)
{
    if (ctl->json)
        incoming_print(answer);
    if (answer->kind == INCOMING_ERROR) {
        json_int_t number = json_integer_value(json_object_get(answer->body, "code"));
        if (number == RPC_NOT_READY && given->timeout.given)
            return fail_timed_out(ctl, batch);
        return incoming_refusal(ctl, answer);
    }
    struct summary summary;
    char line[400];
    summary_read(answer->body, &summary);
    if (!ctl->json)
        (void)puts(summary_line(&summary, line, sizeof(line))); /* main looks at ferror */
    return summary_succeeded(&summary) ? CTL_OK : CTL_NOT_SUCCEEDED;
}

static int run(struct ctl *ctl, const void *given, int count, char **arguments)
{
    (void)count;
    uint64_t batch;
    struct connection *connection;
    struct incoming answer;
    int code = target_read_batch(ctl, arguments[0], &batch);
    if (code == CTL_OK)
        code = connection_open(ctl, &connection);
    if (code)
        return code;
    interrupt_catch();
    code = wait_for(ctl, connection, given, batch, &answer);
    if (code == CTL_OK) {
        code = conclude(ctl, given, batch, &answer);
        incoming_clear(&answer);
    } else if (code == CTL_INTERRUPTED) {
        (void)follow_interrupted(ctl, batch);
    }
    connection_close(connection);
    return code;
}

const struct command command_wait = {
    .name = "wait",
    .usage = "BATCH [OPTION...]",
    .summary = "wait until a batch is done and print its summary",
    .text = "Exits with 0 if every job succeeded, 1 if not, 124 if the time was up before.\n",
    .examples = "  awaitctl wait 42\n"
                "  awaitctl wait 42 --timeout 5min || echo not yet\n",
    .options = options,
    .options_size = sizeof(struct wait_options),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
