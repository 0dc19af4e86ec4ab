/* Has two ways to run a job. */
#include <awaitd/plugin.h>

static int run(struct aw_job *job, const void *params)
{
    (void)job, (void)params;
    return AW_OK;
}

AW_PLUGIN(.name = "two_styles", .version = "1", .summary = "two_styles, for the tests",
          .fiber = run, .blocking = run);
