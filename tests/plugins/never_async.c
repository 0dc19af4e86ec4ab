/* Starts nothing and never finishes. */
#include <awaitd/plugin.h>

static int run(struct aw_job *job, const void *params)
{
    (void)params;
    (void)job;
    return AW_OK;
}

AW_PLUGIN(.name = "never_async", .version = "1", .summary = "never_async, for the tests",
          .async = run);
