/* Sleeps on its thread until it is cancelled. */
#include <awaitd/plugin.h>

static int run(struct aw_job *job, const void *params)
{
    (void)params;
    return aw_sleep(job, 1e9);
}

AW_PLUGIN(.name = "never_blocking", .version = "1", .summary = "never_blocking, for the tests",
          .blocking = run);
