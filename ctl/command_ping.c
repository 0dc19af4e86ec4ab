/*
 * awaitctl ping: whether the daemon answers, and how fast.
 */
#include <stdio.h>
#include "base/clock.h"
#include "connection.h"
#include "ctl.h"
#include "text.h"

static int run(struct ctl *ctl, const void *options, int count, char **arguments)
{
    (void)options;
    (void)count;
    (void)arguments;
    uint64_t started_ns = clock_now_ns();
    json_t *result;
    int code = connection_once(ctl, "daemon.ping", NULL, &result);
    if (code)
        return code;
    json_decref(result);
    char span[32];
    if (!ctl->json)
        ctl_say(ctl, "awaitd answers after %s",
                text_seconds(clock_seconds(clock_now_ns() - started_ns), span, sizeof(span)));
    return CTL_OK;
}

const struct command command_ping = {
    .name = "ping",
    .usage = "",
    .summary = "ask the daemon for a sign of life",
    .text = "Exits with 0 if it answers, 3 if there is no daemon.\n",
    .examples = "  awaitctl ping\n"
                "  awaitctl -q ping && echo running\n",
    .max_arguments = 0,
    .run = run,
};
