/*
 * awaitctl retry: runs those jobs of a batch that did not succeed again, as a new batch; follows it and sums up.
 */
#include <stdio.h>
#include "connection.h"
#include "ctl.h"
#include "follow.h"
#include "interrupt.h"
#include "options.h"
#include "reconnect.h"
#include "target.h"
#include "text.h"

struct retry_options {
    const char *key;
    bool no_wait, follow, output;
};

static const struct option_row options[] = {
    OPTION(struct retry_options, no_wait, .name = "no-wait",
           .text = "print the new batch's number and leave"),
    OPTION(struct retry_options, follow, .name = "follow", .letter = 'f',
           .text = "print a line for each job as it ends"),
    OPTION(struct retry_options, output, .name = "output", .letter = 'o',
           .text = "print the output of every job as it ends"),
    OPTION(struct retry_options, key, .name = "key", .argument = "KEY",
           .text = "your own name for the new batch; given again, that batch is followed"),
    OPTIONS_END,
};

/* Tells what the new batch is, and begins to follow it. */
static void begin(struct ctl *ctl, struct follow *follow, const json_t *result)
{
    char count[48];
    json_int_t batch = json_integer_value(json_object_get(result, "batch"));
    uint64_t jobs = (uint64_t)json_integer_value(json_object_get(result, "jobs"));
    follow_begin(follow, (uint64_t)batch, jobs, json_is_true(json_object_get(result, "durable")));
    if (ctl->json)
        return;
    if (json_is_true(json_object_get(result, "existing")))
        ctl_say(ctl, "batch %" JSON_INTEGER_FORMAT " has this key: nothing is run again", batch);
    else
        ctl_say(ctl,
                "batch %" JSON_INTEGER_FORMAT " runs %s of batch %" JSON_INTEGER_FORMAT " again",
                batch, text_count(jobs, "job", "jobs", count, sizeof(count)),
                json_integer_value(json_object_get(result, "retry_of")));
}

/* What is to be said where nobody knows whether there is a new batch. */
static int tell_unanswered(struct ctl *ctl, const struct retry_options *given, int code)
{
    struct error why = ctl->error;
    if (code == CTL_INTERRUPTED)
        return ctl_fail(ctl, code,
                        "interrupted before the daemon answered; `awaitctl list` tells whether "
                        "there is a new batch");
    if (code == CTL_NO_DAEMON)
        return ctl_fail(ctl, code, "%.300s; whether there is a new batch is not known%s", why.text,
                        given->key ? ": ask again with the same --key"
                                   : " (`awaitctl list` tells); with a --key it could have been "
                                     "asked again");
    return code;
}

static int retry(struct ctl *ctl, const struct retry_options *given, struct connection *connection,
                 uint64_t batch)
{
    const struct follow_options follow_options = {
        .lines = given->follow,
        .outputs = given->output,
    };
    struct follow follow;
    json_t *params = json_pack("{s:I, s:s, s:s*}", "batch", (json_int_t)batch, "follow",
                               given->no_wait ? "none" : follow_events(ctl, &follow_options), "key",
                               given->key),
           *result;
    if (!params)
        return ctl_fail(ctl, CTL_USAGE, "--key: not valid UTF-8");
    int code = given->key ? reconnect_call(ctl, connection, 0, "batch.retry", params, &result)
                          : connection_call(connection, "batch.retry", params, &result);
    if (code)
        return tell_unanswered(ctl, given, code);
    follow_init(&follow, ctl, connection, &follow_options);
    begin(ctl, &follow, result);
    if (given->no_wait && !ctl->json)
        (void)printf("%ju\n", (uintmax_t)follow.batch); /* main looks at ferror */
    json_decref(result);
    return given->no_wait ? CTL_OK : follow_run(&follow);
}

static int run(struct ctl *ctl, const void *given, int count, char **arguments)
{
    (void)count;
    const struct retry_options *retry_options = given;
    uint64_t batch;
    struct connection *connection;
    if (retry_options->no_wait && (retry_options->follow || retry_options->output))
        return ctl_fail(ctl, CTL_USAGE, "--no-wait: there is nothing to print then");
    int code = target_read_batch(ctl, arguments[0], &batch);
    if (code == CTL_OK)
        code = connection_open(ctl, &connection);
    if (code)
        return code;
    interrupt_catch();
    code = retry(ctl, retry_options, connection, batch);
    connection_close(connection);
    return code;
}

const struct command command_retry = {
    .name = "retry",
    .usage = "BATCH [OPTION...]",
    .summary = "run what did not succeed in a batch again",
    .text =
        "The batch must have ended. The jobs that did not succeed run again as a new batch, on\n"
        "the same terms, and are followed as by `awaitctl run`; `awaitctl show` tells of which\n"
        "batch they were. For retries as part of a batch see run --retry.\n",
    .examples = "  awaitctl retry 42\n"
                "  awaitctl retry 42 --follow\n"
                "  awaitctl retry 42 --no-wait --key again-42\n",
    .options = options,
    .options_size = sizeof(struct retry_options),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
