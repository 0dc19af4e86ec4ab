/*
 * awaitctl resume: batches that were paused go on.
 */
#include "ctl.h"
#include "each_batch.h"

static const char *words(const json_t *result)
{
    return json_is_true(json_object_get(result, "changed")) ? "goes on" : "was not paused";
}

static int run(struct ctl *ctl, const void *options, int count, char **arguments)
{
    (void)options;
    return each_batch(ctl, "batch.resume", count, arguments, words);
}

const struct command command_resume = {
    .name = "resume",
    .usage = "BATCH...",
    .summary = "go on with a batch that was paused",
    .text = "Resuming what is not paused changes nothing and is no error.\n",
    .examples = "  awaitctl resume 42\n"
                "  awaitctl resume 42 43 44\n",
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run,
};
