/*
 * awaitctl pause: batches start no more jobs.
 */
#include "ctl.h"
#include "each_batch.h"

static const char *words(const json_t *result)
{
    if (json_is_true(json_object_get(result, "changed")))
        return "paused";
    return json_is_true(json_object_get(result, "paused")) ? "was paused before"
                                                           : "has ended before";
}

static int run(struct ctl *ctl, const void *options, int count, char **arguments)
{
    (void)options;
    return each_batch(ctl, "batch.pause", count, arguments, words);
}

const struct command command_pause = {
    .name = "pause",
    .usage = "BATCH...",
    .summary = "start no more jobs of a batch",
    .text =
        "What runs goes on, and the rest waits until `awaitctl resume`. Pausing what is paused,\n"
        "or has ended, changes nothing and is no error.\n",
    .examples = "  awaitctl pause 42\n"
                "  awaitctl pause 42 43 44\n",
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run,
};
