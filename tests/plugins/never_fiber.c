/* Sleeps until it is cancelled. */
#include <awaitd/plugin.h>

static int run(struct aw_job *job, const void *params)
{
    (void)params;
    return aw_sleep(job, 1e9);
}

AW_PLUGIN(.name = "never_fiber", .version = "1", .summary = "never_fiber, for the tests",
          .fiber = run);
